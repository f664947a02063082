// SPDX-License-Identifier: Apache-2.0
/// The timed loop around a query that was built once, as a peer's are prepared once.
#pragma once
#include <initializer_list>
#include <string>

#include <pillar/pipeline.hpp>

#include "support/bench.hpp"
#include "support/tables.hpp"

namespace pillar_bench {

/// `columns`: those that the query reads, for the bytes that its limit counts; `text` writes the answer's rows.
void run_query(benchmark::State& state, const auto& table, const auto& query,
               std::initializer_list<std::uint32_t> columns, const auto& text) {
  pillar::inline_executor runner;
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
