// SPDX-License-Identifier: Apache-2.0
// Four million rows against two million by 64-bit keys, inside memory and inside a fifth of what that takes: what
// spilling costs. Runs go to an unnamed file in TMPDIR.
#include <filesystem>
#include <optional>

#include <pillar/base/file.hpp>
#include <pillar/join.hpp>
#include <pillar/join/spilling_join.hpp>
#include <pillar/storage/file_run_store.hpp>

#include "data/datasets.hpp"
#include "support/bench.hpp"
#include "support/queries.hpp"
#include "support/tables.hpp"

namespace {

/// Rows of a key and a payload, by number.
struct side {
  std::vector<std::int64_t> keys, payload;
  side(std::uint64_t row_count, std::uint64_t key_count, std::uint64_t seed) {
    pillar::splitmix64 random(seed);
    for (std::uint64_t row = 0; row < row_count; ++row) {
      keys.push_back(static_cast<std::int64_t>(pillar::hash_word(random.below(key_count))));
      payload.push_back(static_cast<std::int64_t>(random.below(1 << 24)));
    }
  }
};

constexpr std::uint64_t build_rows = 2'000'000, probe_rows = 4'000'000;

void spill(benchmark::State& state, bool spills) {
  const std::uint64_t build_count = pillar_bench::rows_or(build_rows), probe_count = 2 * build_count;
  const auto& build = pillar_bench::kept<side>("spill build", [&] { return side(build_count, build_count, 1); });
  const auto& probe = pillar_bench::kept<side>("spill probe", [&] { return side(probe_count, 2 * build_count, 2); });
  const std::uint64_t limit = std::max<std::uint64_t>(build_count * 20, std::uint64_t{4} << 20);
  const std::uint64_t encoded_bytes = (build_count + probe_count) * (8 + 3);  // keys are hashes, payloads have 24 bits
  std::uint64_t pairs = 0, total = 0;
  for (auto _ : pillar_bench::timed(state)) {
    pairs = total = 0;
    auto file = pillar::posix_file::create_temporary(std::filesystem::temp_directory_path().c_str());
    pillar_bench::require(file.ok());
    pillar::memory_budget budget(spills ? limit : pillar::memory_budget::unlimited);
    pillar::file_run_store runs(*file, {.budget = &budget, .buffer_bytes = limit / 8});
    const pillar::join_side of{{pillar::type_of<std::int64_t>, pillar::type_of<std::int64_t>}, {0}};
    auto join = pillar::spilling_join::make(of, of, pillar::join_kind::inner, &budget, {.store = &runs});
    pillar_bench::require(join.ok());
    const auto take = [&](const pillar::joined_rows& rows) -> pillar::result<void> {
      pairs += rows.rows.count();
      for_each_row(rows.rows, [&](std::uint32_t row) {
        const pillar::vector &mine = rows.probe[1], &other = rows.build[1];
        total += static_cast<std::uint64_t>(mine.holder().values_as<std::int64_t>()[mine.index_of(row)]);
        total += static_cast<std::uint64_t>(other.holder().values_as<std::int64_t>()[other.index_of(row)]);
      });
      return {};
    };
    const auto each_batch = [&](const side& from, const auto& hand_over) {
      for (std::size_t at = 0; at < from.keys.size(); at += pillar::vector_rows) {
        const auto count =
            static_cast<std::uint32_t>(std::min<std::size_t>(pillar::vector_rows, from.keys.size() - at));
        pillar::vector key, value;
        key.type = value.type = pillar::type_of<std::int64_t>;
        key.size = value.size = count;
        key.values = from.keys.data() + at;
        value.values = from.payload.data() + at;
        const pillar::vector* const both[] = {&key, &value};
        const std::span<const pillar::vector* const> columns(both);
        pillar_bench::require(hand_over(columns, pillar::selection_mask::first(count), count).ok());
      }
    };
    each_batch(build, [&](auto columns, const auto& rows, auto count) { return join->append(columns, rows, count); });
    pillar_bench::require(join->seal().ok());
    each_batch(probe,
               [&](auto columns, const auto& rows, auto count) { return join->probe(columns, rows, count, take); });
    pillar_bench::require(join->finish(take).ok());
    pillar_bench::require(!spills || (join->spilled_rows() != 0 && budget.peak() <= limit));
    state.counters["peak_mib"] = static_cast<double>(budget.peak()) / (1 << 20);
    state.counters["spilled_rows"] = static_cast<double>(join->spilled_rows());
    state.counters["spilled_share"] =
        static_cast<double>(runs.counts().bytes_written) / static_cast<double>(encoded_bytes);
    state.counters["read_again"] = static_cast<double>(join->repeated_reads());
  }
  pillar_bench::per_iteration(state, probe_count);
  pillar_bench::answer(std::to_string(pairs) + "|" + std::to_string(total));
}

const bool registered = (benchmark::RegisterBenchmark("join/in_memory_2e6", spill, false),
                         benchmark::RegisterBenchmark("join/spill_2e6", spill, true), true);
}  // namespace
