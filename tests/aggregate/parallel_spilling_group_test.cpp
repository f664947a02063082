// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/parallel_spilling_group.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "pillar/aggregate/own_state.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/scalar.hpp"
#include "pillar/conformance/faults.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "pillar/storage/file_run_store.hpp"
#include "pillar/storage/memory_run_store.hpp"
#include "support/refused_in_turn.hpp"
#include "support/sanitized.hpp"
#include "support/width_state.hpp"

namespace pillar_test::aggregate_parallel_spilling_group {
namespace {

using pillar::aggregate_kind;
using pillar::column;
using pillar::data_type;
using pillar::errc;
using pillar::memory_budget;
using pillar::parallel_spilling_group;
using pillar::selection_mask;
using pillar::type_of;

constexpr std::uint64_t kib = 1024;
constexpr std::uint32_t batch_rows = 300;

/// Rows of a nullable key and of three inputs, and every aggregate that could notice how they were split.
struct rows {
  std::vector<column> columns{};
  std::uint32_t row_count;
  std::vector<data_type> types{};
  std::vector<pillar::aggregate_spec> aggregates{};
  bool restricts = false;

  rows(std::uint32_t count, std::uint64_t distinct, bool text_key, unsigned key_shift = 32) : row_count(count) {
    pillar::splitmix64 random(count + distinct);
    types = {text_key ? type_of<pillar::text> : type_of<std::int64_t>.as_nullable(), type_of<std::int64_t>,
             type_of<double>.as_nullable(), type_of<pillar::text>};
    std::vector<pillar::column_builder> builders(types.begin(), types.end());
    for (std::uint32_t row = 0; row < count; ++row) {
      // A quarter of the rows are of few keys, which every worker has in memory.
      const std::uint64_t key = random.below(random.chance(1, 4) ? 50 : distinct);
      const std::string text = "text " + std::to_string(random.below(900));
      EXPECT_TRUE((text_key         ? builders[0].append_text("a key of some length " + std::to_string(key))
                   : key % 97 == 96 ? builders[0].append_null()
                                    : builders[0].append_integer(static_cast<std::int64_t>(key << key_shift)))
                      .ok());
      EXPECT_TRUE(builders[1].append_integer(static_cast<std::int64_t>(random.below(2000)) - 1000).ok());
      EXPECT_TRUE((random.chance(1, 9) ? builders[2].append_null()
                                       : builders[2].append_real(std::ldexp(static_cast<double>(random.below(1000)) / 7,
                                                                            static_cast<int>(random.below(90)))))
                      .ok());
      EXPECT_TRUE(builders[3].append_text(text).ok());
    }
    for (auto& builder : builders) columns.push_back(*builder.finish());
    aggregates = {{}, {aggregate_kind::sum, 0}, {aggregate_kind::sum, 1}, {aggregate_kind::max, 2}};
  }
  void with_everything() {
    static constexpr const pillar::own_aggregate& width = pillar::own_aggregate_of<width_state<std::int64_t>>;
    pillar::aggregate_options distinct;
    distinct.distinct = true;
    aggregates.insert(aggregates.end(), {{aggregate_kind::first, 2},
                                         {aggregate_kind::last, 1},
                                         {aggregate_kind::string_agg, 2},
                                         {aggregate_kind::median, 0},
                                         {aggregate_kind::sum, 0, 0, distinct},
                                         {aggregate_kind::variance, 1},
                                         {aggregate_kind::correlation, 0, 1},
                                         {aggregate_kind::arg_max, 2, 0, {.rank = 2}},
                                         {aggregate_kind::approximate_quantile, 1},
                                         {aggregate_kind::approximate_count_distinct, 2, {.register_bits = 5}},
                                         {aggregate_kind::own, 0, {.own = &width}}});
    restricts = true;
  }

  pillar::result<parallel_spilling_group> make(std::uint32_t workers, memory_budget* budget,
                                               std::span<pillar::run_store* const> stores,
                                               pillar::spilling_aggregator_options options) const {
    options.restricts = restricts;
    return parallel_spilling_group::make({types.data(), 1}, {types.data() + 1, 3}, aggregates, workers, budget, stores,
                                         options);
  }
  pillar::result<void> update(pillar::spilling_aggregator& to, std::uint32_t batch) const {
    const std::uint32_t at = batch * batch_rows, count = std::min(batch_rows, row_count - at);
    std::vector<pillar::vector> views;
    for (const column& of : columns) views.push_back(of.slice(at, count));
    const pillar::vector *key = &views[0], *const inputs[] = {&views[1], &views[2], &views[3]};
    selection_mask odd = selection_mask::first(count);
    for (auto& word : odd.words) word &= 0xaaaaaaaaaaaaaaaau;
    std::vector<const selection_mask*> where;
    for (std::size_t i = 0; restricts && i < aggregates.size(); ++i) where.push_back(i % 3 == 1 ? &odd : nullptr);
    return to.update({&key, 1}, inputs, selection_mask::first(count), count, where, {}, {.first = at});
  }
  [[nodiscard]] std::uint32_t batch_count() const { return (row_count + batch_rows - 1) / batch_rows; }
};

void append_cells(std::span<const column> piece, std::vector<std::string>& lines) {
  for (std::uint32_t row = 0; row < piece[0].size(); ++row) {
    std::string line;
    for (const column& of : piece) {
      const pillar::scalar cell = pillar::get(of.slice(row, 1), 0);
      line += pillar::is_float(of.type().physical) && !cell.null
                  ? std::to_string(std::bit_cast<std::uint64_t>(cell.real))
                  : pillar::to_string(cell);
      line += ';';
    }
    lines.push_back(std::move(line));
  }
}

struct outcome {
  errc said = errc::ok;
  std::vector<std::string> lines{};
  std::uint64_t spilled_rows = 0;
  std::uint64_t repeated_reads = 0;
};

outcome group(const rows& of, pillar::executor_ref runner, std::uint32_t workers, memory_budget* budget,
              std::span<pillar::run_store* const> stores, const pillar::spilling_aggregator_options& options,
              memory_budget* results = nullptr, const memory_budget* stored = nullptr) {
  outcome made;
  auto groups = of.make(workers, budget, stores, options);
  if (!groups.ok()) return {groups.error().code};
  std::vector<pillar::result<void>> done(of.batch_count());
  const auto update = [&](std::uint32_t batch, std::uint32_t worker) {
    // With one thread, several workers' shares all the same.
    done[batch] = of.update(groups->worker(runner.concurrency() == 1 ? batch % workers : worker), batch);
  };
  runner.bulk(of.batch_count(), update);
  for (const auto& each : done)
    if (!each.ok()) return {each.error().code};
  std::vector<std::vector<std::string>> lines(runner.concurrency());
  const auto take = [&](std::span<const column> piece, std::uint32_t worker) -> pillar::result<void> {
    append_cells(piece, lines[worker]);
    return {};
  };
  const std::uint64_t before = stored == nullptr ? 0 : stored->used();
  made.said = groups->finish(runner, take, results).error().code;
  if (stored != nullptr) EXPECT_LT(stored->used(), before / 2);                                     // runs are gone
  EXPECT_NE(groups->worker(0).update({}, {}, selection_mask::first(1), 1).error().code, errc::ok);  // nothing is left
  for (auto& each : lines) made.lines.insert(made.lines.end(), each.begin(), each.end());
  std::sort(made.lines.begin(), made.lines.end());
  made.spilled_rows = groups->spilled_rows();
  made.repeated_reads = groups->repeated_reads();
  return made;
}

TEST(aggregate_parallel_spilling_group, the_same_groups_for_any_workers_and_budget) {
  for (const int turn : {0, 1, 2}) {
    SCOPED_TRACE(turn);
    const bool everything = turn == 1, dense = turn == 2;  // dense keys are spilled by their values
    rows of(everything ? turns(4'000u) : turns(15'000u),
            everything ? 700
            : dense    ? 9'000
                       : 1'000'000,
            everything, dense ? 0 : 32);
    if (everything) of.with_everything();
    pillar::inline_executor alone;
    memory_budget whole;
    const outcome expected = group(of, alone, 1, &whole, {}, {});
    ASSERT_EQ(expected.said, errc::ok);
    ASSERT_EQ(expected.spilled_rows, 0u);
    for (const std::uint32_t workers : {1u, 2u, 5u}) {
      for (const bool one_store : {true, false}) {
        if (one_store == (workers == 2)) continue;
        SCOPED_TRACE(std::to_string(workers) + (one_store ? " workers, one store" : " workers, a store each"));
        memory_budget budget(whole.peak() / 2 + 1024 * kib), beside;
        std::vector<std::unique_ptr<pillar::memory_run_store>> owned;
        std::vector<pillar::run_store*> stores;
        for (std::uint32_t i = 0; i < (one_store ? 1 : workers); ++i) {
          owned.push_back(std::make_unique<pillar::memory_run_store>(
              pillar::run_store_options{.budget = &beside, .buffer_bytes = 128 * kib, .block_rows = 1024}));
          stores.push_back(owned.back().get());
        }
        pillar::worker_pool pool(workers);
        const pillar::spilling_aggregator_options options{
            .state_bytes = whole.peak() / 4, .partition_bits = 3, .delivered_groups = 300};
        const outcome found = workers == 5 ? group(of, alone, workers, &budget, stores, options)
                                           : group(of, pool, workers, &budget, stores, options);
        ASSERT_EQ(found.said, errc::ok) << to_string(found.said);
        EXPECT_GT(found.spilled_rows, 0u);
        EXPECT_EQ(found.lines.size(), expected.lines.size());
        EXPECT_TRUE(found.lines == expected.lines);
        std::uint64_t written = 0;
        for (const auto* store : stores) written += store->counts().rows_written;
        EXPECT_EQ(written, found.spilled_rows);  // each once
        EXPECT_EQ(budget.used(), 0u);
        EXPECT_LE(budget.peak(), budget.limit());
      }
    }
  }
}

TEST(aggregate_parallel_spilling_group, partitions_that_do_not_fit_are_read_again) {
  const rows of(turns(12'000u), 1'000'000'000, false);
  pillar::inline_executor alone;
  const outcome expected = group(of, alone, 1, nullptr, {}, {});
  // Where nothing limits the budget, state_bytes is what partitions at work get a third of.
  for (const std::uint64_t limit : {450 * kib, memory_budget::unlimited}) {
    memory_budget budget(limit), beside;
    pillar::memory_run_store store({.budget = &beside, .buffer_bytes = 128 * kib});
    pillar::run_store* const stores[] = {&store};
    pillar::worker_pool pool(2);
    const outcome found =
        group(of, pool, 2, &budget, stores, {.state_bytes = 250 * kib, .partition_bits = 1}, nullptr, &beside);
    ASSERT_EQ(found.said, errc::ok) << to_string(found.said);
    EXPECT_TRUE(found.lines == expected.lines);
    if (!sanitized) EXPECT_GT(found.repeated_reads, 0u);
    if (!sanitized) EXPECT_LT(budget.peak(), 800 * kib);
  }
}

TEST(aggregate_parallel_spilling_group, without_stores_and_without_keys) {
  const rows of(20'000, 1'000'000'000, false);
  pillar::worker_pool pool(2);
  memory_budget little(500 * kib);
  EXPECT_EQ(group(of, pool, 2, &little, {}, {}).said, errc::out_of_memory);
  EXPECT_EQ(of.make(0, nullptr, {}, {}).error().code, errc::invalid_argument);
  const data_type number = type_of<std::int64_t>;
  const pillar::aggregate_spec sum = {aggregate_kind::sum, 0};
  auto groups = *parallel_spilling_group::make({}, {&number, 1}, {&sum, 1}, 3, nullptr, {});
  const pillar::vector values = of.columns[1].slice(0, 2);
  const pillar::vector* const inputs[] = {&values};
  for (std::uint32_t w = 0; w < 3; ++w)
    ASSERT_TRUE(groups.worker(w).update({}, inputs, selection_mask::first(2), 2).ok());
  std::vector<std::string> lines;
  const auto take = [&](std::span<const column> piece, std::uint32_t) -> pillar::result<void> {
    append_cells(piece, lines);
    return {};
  };
  ASSERT_TRUE(groups.finish(pool, take).ok());
  const auto cell = [&](std::uint32_t row) { return pillar::get(of.columns[1].slice(row, 1), 0).integer; };
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], pillar::to_string(pillar::scalar::of_integer(number, 3 * (cell(0) + cell(1)))) + ";");
}

TEST(aggregate_parallel_spilling_group, every_allocation_and_file_operation_may_fail) {
  const rows of(600, 1'000'000'000, false);
  pillar::inline_executor alone;
  const outcome expected = group(of, alone, 1, nullptr, {}, {});
  const auto run = [&](memory_budget* outer, auto& file) {
    memory_budget within(2048 * kib, outer), *const budget =
                                                 &within;  // without a limit, partitions are cut to state_bytes
    pillar::file_run_store store(file, {.budget = budget, .buffer_bytes = 64 * kib, .block_rows = 1024});
    pillar::run_store* const stores[] = {&store};
    const outcome found = group(of, alone, 2, budget, stores, {.state_bytes = 64 * kib, .partition_bits = 1}, budget);
    if (found.said == errc::ok) EXPECT_TRUE(found.lines == expected.lines);
    return found.said;
  };
  const auto allocations =
      pillar::conformance::sweep_allocations("spilling together, allocations", [&](memory_budget& budget) {
        pillar::conformance::memory_file file;
        return run(&budget, file);
      });
  expect_points(allocations, 50u);
  const auto files = pillar::conformance::sweep_file_operations(
      "spilling together, files", [&](pillar::conformance::fault_plan& plan) {
        memory_budget budget;
        pillar::conformance::memory_file inner;
        pillar::conformance::faulty_file<pillar::conformance::memory_file> file(inner, plan);
        const errc said = run(&budget, file);
        EXPECT_EQ(budget.used(), 0u);
        return said;
      });
  expect_points(files, 5u);
}

}  // namespace
}  // namespace pillar_test::aggregate_parallel_spilling_group
