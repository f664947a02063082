// SPDX-License-Identifier: Apache-2.0
// A hundred million rows of ten million groups in 256 MiB: a quarter of what their states take in memory. Rows are made
// chunk by chunk outside of the measured time; runs go to an unnamed file in TMPDIR.
#include <filesystem>
#include <string>

#include <pillar/aggregate.hpp>
#include <pillar/base/file.hpp>
#include <pillar/storage/file_run_store.hpp>

#include "data/datasets.hpp"
#include "support/bench.hpp"
#include "support/queries.hpp"
#include "support/tables.hpp"

namespace {

constexpr std::uint64_t most_rows = 100'000'000, most_keys = 10'000'000, most_bytes = std::uint64_t{256} << 20;

void spill(benchmark::State& state) {
  using pillar::aggregate_kind;
  const std::uint64_t row_count = pillar_bench::rows_or(most_rows);
  const std::uint64_t key_count = std::max<std::uint64_t>(most_keys * row_count / most_rows, 1);
  const std::uint64_t limit = std::max<std::uint64_t>(most_bytes * row_count / most_rows, std::uint64_t{8} << 20);
  std::uint64_t groups = 0, rows = 0, total = 0;
  for (auto _ : pillar_bench::timed(state)) {
    groups = rows = total = 0;
    auto file = pillar::posix_file::create_temporary(std::filesystem::temp_directory_path().c_str());
    pillar_bench::require(file.ok());
    pillar::memory_budget budget(limit);
    pillar::file_run_store runs(*file, {.budget = &budget, .buffer_bytes = limit / 8});
    const pillar::data_type type = pillar::type_of<std::int64_t>;
    const pillar::aggregate_spec aggregates[] = {{aggregate_kind::sum, 0}, {}};
    auto grouped = pillar::spilling_aggregator::make({&type, 1}, {&type, 1}, aggregates, &budget, {.store = &runs});
    pillar_bench::require(grouped.ok());
    pillar_bench::for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows_here) {
      state.PauseTiming();
      const pillar_bench::wide_group_chunk chunk(number, key_count, true, rows_here);
      state.ResumeTiming();
      for (std::uint64_t at = 0; at < rows_here; at += pillar::vector_rows) {
        const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(pillar::vector_rows, rows_here - at));
        pillar::vector key, value;
        key.type = value.type = type;
        key.size = value.size = count;
        key.values = chunk.k.data() + at;
        value.values = chunk.v.data() + at;
        const pillar::vector *const keys[] = {&key}, *const inputs[] = {&value};
        pillar_bench::require(grouped->update(keys, inputs, pillar::selection_mask::first(count), count).ok());
      }
    });
    const auto take = [&](std::span<const pillar::column> piece) -> pillar::result<void> {
      const auto count = static_cast<std::uint32_t>(piece[0].size());
      const auto sums = piece[1].slice(0, count), counts = piece[2].slice(0, count);
      for (std::uint32_t i = 0; i < count; ++i) {
        total += static_cast<std::uint64_t>(sums.value<pillar::int128>(i));
        rows += static_cast<std::uint64_t>(counts.value<std::int64_t>(i));
      }
      groups += count;
      return {};
    };
    pillar_bench::require(grouped->finish(take, &budget).ok());
    pillar_bench::require(rows == row_count && budget.peak() <= limit);
    state.counters["peak_mib"] = static_cast<double>(budget.peak()) / (1 << 20);
    state.counters["spilled_rows"] = static_cast<double>(grouped->spilled_rows());
    state.counters["spilled_mib"] = static_cast<double>(runs.counts().bytes_written) / (1 << 20);
    state.counters["read_again"] = static_cast<double>(grouped->repeated_reads());
  }
  pillar_bench::per_iteration(state, row_count);
  pillar_bench::answer(std::to_string(groups) + "|" + std::to_string(rows) + "|" + std::to_string(total));
}

const bool registered = (benchmark::RegisterBenchmark("aggregate/spill_1e8_1e7", spill), true);
}  // namespace
