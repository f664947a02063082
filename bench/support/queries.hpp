// SPDX-License-Identifier: Apache-2.0
/// The timed loop around a query that was built once, as a peer's are prepared once.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <pillar/pipeline.hpp>
#include <pillar/schedule/worker_pool.hpp>

#include "support/bench.hpp"
#include "support/tables.hpp"

namespace pillar_bench {

/// `of`, registered on one thread and, as `…_2t`, on two.
template <class Query>
void register_query(const std::string& name, Query of) {
  benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) { of(state, 1); });
  benchmark::RegisterBenchmark((name + "_2t").c_str(), [=](benchmark::State& state) { of(state, 2); })
      ->MeasureProcessCPUTime()
      ->UseRealTime();
}

/// `columns`: those that the query reads, for the bytes that its limit counts; `text` writes the answer's rows.
void run_query(benchmark::State& state, const auto& table, const auto& query, const std::vector<std::uint32_t>& columns,
               const auto& text, unsigned threads = 1) {
  pillar::inline_executor alone;
  std::optional<pillar::worker_pool> pool;
  if (threads > 1) pool.emplace(threads);
  const pillar::executor_ref runner = pool ? pillar::executor_ref(*pool) : pillar::executor_ref(alone);
  auto last = run(query, runner);
  for (auto _ : timed(state)) {
    last = run(query, runner);
    if (!last.ok()) return state.SkipWithError(std::string(last.status().message()).c_str());
  }
  const auto version = table.version();
  per_iteration(state, version->row_count(), column_bytes(*version, columns));
  answer(text(last->rows()));
}

}  // namespace pillar_bench
