// SPDX-License-Identifier: Apache-2.0
// Grouping by a prefix of a table's sort key: impl/sorted_rows.hpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>

#include "pillar/pipeline.hpp"
#include "pillar/pipeline/explain.hpp"
#include "pillar/pipeline/spill.hpp"
#include "pillar/storage/memory_run_store.hpp"
#include "support/random_expression.hpp"
#include "support/refused_in_turn.hpp"
#include "support/sample_rows.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::pipeline_sorted_rows {
namespace {

using pillar::aggregate_kind;
using pillar::col;
using pillar::column_set;
using pillar::group_search;
using pillar::memory_budget;
using pillar::query_context;
using pillar::query_plan;
using pillar::scan_statistics;
using pillar::stage_kind;

/// Cells, and the bits of floats.
std::vector<std::string> sorted_lines(const column_set& rows) {
  std::vector<std::string> lines;
  for (std::uint64_t r = 0; r < rows.row_count(); ++r) {
    lines.emplace_back();
    for (std::uint32_t c = 0; c < rows.columns.size(); ++c) {
      const pillar::scalar cell = rows.at(r, c);
      const bool is_number = !cell.null && pillar::is_float(cell.type.physical);
      lines.back() += is_number ? std::to_string(std::bit_cast<std::uint64_t>(cell.real)) : to_string(cell);
      lines.back() += '|';
    }
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

query_plan grouped(const pillar::table& table, const std::vector<std::string>& keys) {
  query_plan plan;
  plan.from_table = &table;
  plan.stages.resize(1);
  plan.stages[0].kind = stage_kind::group_by;
  for (const std::string& key : keys) plan.stages[0].values.push_back({key, col(key)});
  plan.stages[0].aggregates = {{"rows", aggregate_kind::count_rows, {}}};
  return plan;
}

absl::StatusOr<pillar::query_result> run_by(group_search how, const query_plan& plan, pillar::executor_ref runner) {
  query_context context;
  pillar::run_options options;
  options.find_groups = how;
  return run_plan(plan, runner, context, options);
}

// Sort keys of every type, prefixes in any order, slices that share keys or do not, loads that lie across each other,
// behind each other or are the tail of one: the same groups to the bit as through a table, on any threads.
TEST(pipeline_sorted_rows, the_same_groups_as_by_table) {
  pillar::splitmix64 random(31);
  const pillar::dynamic_schema schema = pillar::describe<sample>();
  const std::vector<std::vector<std::string>> orders = {{"id", "few"},
                                                        {"day", "id"},
                                                        {"few", "word"},
                                                        {"word", "long"},
                                                        {"real", "narrow"},
                                                        {"long", "flag", "id"},
                                                        {"at"},
                                                        {"wide", "day"},
                                                        {"price", "id"},
                                                        {"narrow", "id"},
                                                        {"day", "small"},
                                                        {"few", "id", "day"},
                                                        {"long", "id"},
                                                        {"small"},
                                                        {"flag"},
                                                        {"id"}};
  std::uint64_t by_runs = 0, by_table = 0, of_runs_only = 0;
  for (int round = 0; round < (sanitized ? 16 : 64); ++round) {
    const auto& order = orders[static_cast<std::size_t>(round) % orders.size()];
    pillar::table_options how{.order = pillar::compound(order), .row_group_rows = random.chance(1, 3) ? 3072u : 1024u};
    const std::uint32_t slices = 1 + static_cast<std::uint32_t>(random.below(3));
    how.distribution = random.chance(1, 2)
                           ? pillar::evenly(pillar::slices{slices})
                           : pillar::by_key({random.chance(2, 3) ? order[0] : "small"}, pillar::slices{slices});
    pillar::table table(schema, how);
    auto rows = sample_rows(static_cast<std::uint64_t>(round), 5'000);
    if (random.chance(1, 2))  // many rows of a key: it goes on in the next batch and the next row group
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::size_t c = *schema.find(order[0]);
        rows[i][c] = rows[i / 700 * 700][c];
      }
    const int kind_of_load = static_cast<int>(random.below(4));
    const auto append = [&](std::size_t first, std::size_t last) {
      const std::vector<cell_row> part(rows.begin() + static_cast<std::ptrdiff_t>(first),
                                       rows.begin() + static_cast<std::ptrdiff_t>(last));
      ASSERT_TRUE(table.append(set_of(schema, part)).ok());
    };
    if (kind_of_load <= 1) append(0, rows.size());
    else if (kind_of_load == 2) append(0, rows.size() - 30), append(rows.size() - 30, rows.size());
    else append(0, 2'500), append(2'500, 2'500 + 40), append(2'540, rows.size());
    std::vector<std::string> keys(order.begin(),
                                  order.begin() + 1 + static_cast<std::ptrdiff_t>(random.below(order.size())));
    if (random.chance(1, 2)) std::reverse(keys.begin(), keys.end());
    query_plan plan = grouped(table, keys);
    auto& aggregates = plan.stages[0].aggregates;
    aggregates.push_back({"sum", aggregate_kind::sum, col("real")});
    aggregates.push_back({"where", aggregate_kind::sum, col("price"), {}, col("small") > 90});
    aggregates.push_back({"first", aggregate_kind::first, col("long")});
    aggregates.push_back({"last", aggregate_kind::last, col("id")});
    aggregates.push_back({"distinct", aggregate_kind::count, col("small")});
    aggregates.back().options.distinct = true;
    aggregates.push_back({"median", aggregate_kind::median, col("id")});
    aggregates.push_back({"words", aggregate_kind::string_agg, col("word")});
    aggregates.push_back({"most", aggregate_kind::max, col("wide")});
    if (random.chance(2, 3)) {
      plan.stages.insert(plan.stages.begin(), pillar::plan_stage{});
      plan.stages[0].predicate = random.chance(1, 2) ? col("small") > 60 : col("id") < 2'000;
    }
    std::vector<std::string> expected;
    for (const std::uint32_t threads : {1u, 2u, 8u}) {
      if (sanitized && threads == 2) continue;
      pillar::worker_pool pool(threads);
      if (expected.empty()) {
        const auto by = run_by(group_search::by_table, plan, pool);
        ASSERT_TRUE(by.ok()) << by.status();
        expected = sorted_lines(by->rows());
        EXPECT_EQ(by->stats().groups->rows_by_runs, 0u);
        EXPECT_EQ(by->stats().groups->rows_by_table, by->stats().rows_selected);
      }
      const auto done = run_by(group_search::by_runs, plan, pool);
      ASSERT_TRUE(done.ok()) << done.status();
      ASSERT_EQ(sorted_lines(done->rows()), expected)
          << "round " << round << ", key " << keys[0] << ", load " << kind_of_load << ", slices " << slices;
      const pillar::group_account& groups = *done->stats().groups;
      EXPECT_EQ(groups.rows_by_runs + groups.rows_by_table, done->stats().rows_selected);
      by_runs += groups.rows_by_runs;
      by_table += groups.rows_by_table;
      of_runs_only += groups.rows_by_runs != 0 && groups.rows_by_table == 0 ? 1 : 0;
    }
  }
  std::cout << by_runs << " rows by runs, " << by_table << " by table\n";
  EXPECT_GT(by_runs, by_table / 4);
  EXPECT_GT(by_table, by_runs / 8);
  EXPECT_GT(of_runs_only, 3u);
}

/// Keys 0, 1, …, each of so many rows, and a value.
column_set serial_rows(std::uint32_t row_count, std::uint32_t rows_of_key, std::int64_t first = 0) {
  column_set made;
  made.schema.columns = {{"k", pillar::type_of<std::int64_t>}, {"v", pillar::type_of<std::int64_t>}};
  pillar::column_set_builder builder(made.schema);
  std::vector<std::int64_t> keys, values;
  for (std::uint32_t i = 0; i < row_count; ++i) {
    keys.push_back(first + static_cast<std::int64_t>(i / rows_of_key) * 1'000'003);
    values.push_back(i % 1'000);
  }
  EXPECT_TRUE(builder.column_at(0).append_values(std::span<const std::int64_t>(keys)).ok());
  EXPECT_TRUE(builder.column_at(1).append_values(std::span<const std::int64_t>(values)).ok());
  return *builder.finish();
}

// Which rows a table is asked for, exactly: those of keys that lie on both sides of a row group's end, and of row groups
// that lie across each other.
TEST(pipeline_sorted_rows, only_keys_of_several_row_groups_go_through_a_table) {
  const column_set rows = serial_rows(10'240, 3);
  pillar::table table(rows.schema, {.order = pillar::compound({"k"}), .row_group_rows = 1024});
  ASSERT_TRUE(table.append(rows).ok());
  pillar::worker_pool pool(2);
  query_plan plan = grouped(table, {"k"});
  plan.stages[0].aggregates.push_back({"sum", aggregate_kind::sum, col("v")});
  auto done = run_by(group_search::automatic, plan, pool);
  ASSERT_TRUE(done.ok()) << done.status();
  std::uint64_t shared = 0;
  for (std::uint32_t end = 1024; end < 10'240; end += 1024) shared += end % 3 == 0 ? 0 : 3;
  EXPECT_EQ(shared, 18u);
  EXPECT_EQ(done->stats().groups->rows_by_table, shared);
  EXPECT_EQ(done->stats().groups->rows_by_runs, 10'240 - shared);
  EXPECT_EQ(done->stats().groups->groups_by_runs, 10'240 / 3 + 1 - shared / 3);
  EXPECT_EQ(done->rows().row_count(), 10'240u / 3 + 1);
  const auto explained = pillar::explain_plan(plan);
  ASSERT_TRUE(explained.ok()) << explained.status();
  std::ostringstream words, account;
  words << *explained;
  account << done->stats();
  const std::string said =
      "groups    sorted: no table for 10222 rows of 3408 groups; 18 rows through a table of each worker: ";
  EXPECT_NE(words.str().find(said), std::string::npos) << words.str();
  EXPECT_NE(account.str().find(said), std::string::npos) << account.str();

  // One key in a row: nothing is shared, and no table asked.
  const column_set single = serial_rows(20'480, 1);
  pillar::table unique(single.schema, {.order = pillar::compound({"k"}), .row_group_rows = 1024});
  ASSERT_TRUE(unique.append(single).ok());
  plan.from_table = &unique;
  done = run_by(group_search::automatic, plan, pool);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->stats().groups->rows_by_table, 0u);
  EXPECT_EQ(done->stats().groups->groups_by_runs, 20'480u);
  // A tail of 100 rows across one row group: both through the table, the others not.
  ASSERT_TRUE(unique.append(serial_rows(100, 1, 2'060 * 1'000'003ll)).ok());
  done = run_by(group_search::automatic, plan, pool);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->stats().groups->rows_by_table, 1'124u);
  EXPECT_EQ(done->stats().groups->rows_by_runs, 20'480u - 1'024u);
  EXPECT_EQ(done->rows().row_count(), 20'480u);
  // One across all of them: nothing is sorted any more.
  pillar::column_set_builder ends(single.schema);
  for (const int key : {0, 20'000})
    ASSERT_TRUE(ends.column_at(0).append_integer(pillar::int128{key} * 1'000'003).ok() &&
                ends.column_at(1).append_integer(1).ok());
  ASSERT_TRUE(unique.append(*ends.finish()).ok());
  done = run_by(group_search::automatic, plan, pool);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->stats().groups->rows_by_runs, 0u);
  EXPECT_EQ(done->rows().row_count(), 20'480u);
}

// What the ends of row groups cost is in the account: nothing of those that zone maps leave out, else the vectors that
// were decoded for them, also where the scan itself would not.
TEST(pipeline_sorted_rows, the_ends_of_row_groups_are_in_the_account) {
  const column_set rows = serial_rows(10 * 4096, 1);
  pillar::table table(rows.schema, {.order = pillar::compound({"k", "v"}), .row_group_rows = 4096});
  ASSERT_TRUE(table.append(rows).ok());
  pillar::inline_executor runner;
  query_plan plan = grouped(table, {"k", "v"});
  const auto key_of = [](std::int64_t row) { return row * 1'000'003; };
  pillar::plan_stage filter;
  filter.predicate = col("k") >= key_of(3 * 4096 + 1024) && col("k") < key_of(3 * 4096 + 2048);
  plan.stages.insert(plan.stages.begin(), filter);
  for (const group_search how : {group_search::automatic, group_search::by_table}) {
    const bool by_runs = how == group_search::automatic;
    auto done = run_by(how, plan, runner);
    ASSERT_TRUE(done.ok()) << done.status();
    EXPECT_EQ(done->rows().row_count(), 1024u);
    EXPECT_EQ(done->stats().groups->rows_by_runs, by_runs ? 1024u : 0u);
    EXPECT_EQ(done->stats().row_groups_skipped, 9u);
    ASSERT_EQ(done->stats().blocks.size(), 20u);
    for (const auto& block : done->stats().blocks) {
      const auto decoded = block.vectors[static_cast<std::size_t>(pillar::scan_cause::decoded)];
      if (block.group != 3) EXPECT_EQ(block.bytes_read, 0u) << block.group << ' ' << block.column;
      else EXPECT_EQ(decoded, by_runs && block.column == 1 ? 3u : 1u) << block.column;
    }
  }
}

// Every group with a state in a table would not fit: by runs next to nothing is kept but the answer, nothing is spilled,
// and where rows are not sorted the same query ends with an error or spills.
TEST(pipeline_sorted_rows, many_groups_take_no_memory) {
  const column_set rows = serial_rows(sanitized ? 120'000 : 400'000, 1);
  pillar::table table(rows.schema, {.order = pillar::compound({"k"}), .row_group_rows = 4096});
  ASSERT_TRUE(table.append(rows).ok());
  query_plan plan = grouped(table, {"k"});
  plan.stages[0].aggregates.push_back({"sum", aggregate_kind::sum, col("v")});
  for (const std::uint32_t threads : {1u, 2u}) {
    pillar::worker_pool pool(threads);
    memory_budget budget(std::uint64_t{threads} * (3 << 19) + (1 << 18)), results;
    pillar::memory_run_store store({.buffer_bytes = 128 << 10});
    pillar::run_options options;
    options.result_budget = &results;
    {
      query_context context({.budget = &budget});
      options.find_groups = group_search::by_table;
      const auto poor = run_plan(plan, pool, context, options);
      EXPECT_EQ(poor.status().code(), absl::StatusCode::kResourceExhausted) << poor.status();
    }
    for (const bool may_spill : {false, true}) {
      query_context context({.budget = &budget});
      options.find_groups = group_search::automatic;
      options.spill = may_spill ? pillar::spill_to({&store}) : pillar::spill_target{};
      const auto done = run_plan(plan, pool, context, options);
      ASSERT_TRUE(done.ok()) << done.status();
      EXPECT_EQ(done->rows().row_count(), rows.row_count());
      EXPECT_EQ(done->stats().groups->rows_by_table, 0u);
      EXPECT_EQ(done->stats().spilled_rows, 0u);
      EXPECT_EQ(budget.used(), 0u);
    }
    query_context context({.budget = &budget});
    options.find_groups = group_search::by_table;
    const auto spilled = run_plan(plan, pool, context, options);
    ASSERT_TRUE(spilled.ok()) << spilled.status();
    EXPECT_GT(spilled->stats().spilled_rows, 0u);
  }
}

// Runs cannot be spilled: what keeps rows, and a budget that their groups do not fit into, have tables that can.
TEST(pipeline_sorted_rows, what_may_have_to_spill_goes_by_table) {
  const column_set rows = serial_rows(sanitized ? 60'000 : 200'000, 50);
  pillar::table table(rows.schema, {.order = pillar::compound({"k"}), .row_group_rows = 4096});
  ASSERT_TRUE(table.append(rows).ok());
  query_plan plan = grouped(table, {"k"});
  plan.stages[0].aggregates.push_back({"middle", aggregate_kind::median, col("v")});
  pillar::inline_executor runner;
  memory_budget budget(std::uint64_t{1} << 20), results;
  pillar::memory_run_store store({.buffer_bytes = 128 << 10});
  pillar::run_options options;
  options.result_budget = &results;
  options.spill = pillar::spill_to({&store});
  query_context context({.budget = &budget});
  const auto done = run_plan(plan, runner, context, options);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->stats().groups->rows_by_runs, 0u);
  EXPECT_GT(done->stats().spilled_rows, 0u);
  // Without a place to spill to, runs are forgotten every few row groups.
  options.spill = {};
  memory_budget enough(std::uint64_t{8} << 20);
  query_context by_runs({.budget = &enough});
  options.find_groups = group_search::by_runs;
  const auto runs = run_plan(plan, runner, by_runs, options);
  ASSERT_TRUE(runs.ok()) << runs.status();
  EXPECT_GT(runs->stats().groups->rows_by_runs, 0u);
  EXPECT_EQ(sorted_lines(runs->rows()), sorted_lines(done->rows()));
}

// What is not known to be sorted is not taken for it.
TEST(pipeline_sorted_rows, only_prefixes_of_a_sort_key_are_runs) {
  const pillar::dynamic_schema schema = pillar::describe<sample>();
  const column_set rows = set_of(schema, sample_rows(5, 4'000));
  pillar::inline_executor runner;
  const auto by_runs = [&](const query_plan& plan) -> bool {
    const auto done = run_by(group_search::by_runs, plan, runner), by = run_by(group_search::by_table, plan, runner);
    EXPECT_TRUE(done.ok() && by.ok()) << done.status() << by.status();
    if (!done.ok() || !by.ok()) return false;
    EXPECT_EQ(sorted_lines(done->rows()), sorted_lines(by->rows()));
    return done->stats().groups->rows_by_runs != 0;
  };
  pillar::table sorted(schema, {.order = pillar::compound({"day", "id", "few"}), .row_group_rows = 1024}),
      plain(schema, {.row_group_rows = 1024});
  ASSERT_TRUE(sorted.append(rows).ok());
  ASSERT_TRUE(plain.append(rows).ok());
  EXPECT_TRUE(by_runs(grouped(sorted, {"day"})));
  EXPECT_TRUE(by_runs(grouped(sorted, {"id", "day"})));
  EXPECT_TRUE(by_runs(grouped(sorted, {"few", "id", "day"})));
  EXPECT_FALSE(by_runs(grouped(sorted, {"id"})));
  EXPECT_FALSE(by_runs(grouped(sorted, {"few", "day"})));
  EXPECT_FALSE(by_runs(grouped(sorted, {"day", "id", "few", "small"})));
  EXPECT_FALSE(by_runs(grouped(plain, {"day"})));
  query_plan computed = grouped(sorted, {});
  computed.stages[0].values.push_back({"key", col("id") + 1});
  EXPECT_FALSE(by_runs(computed));
  // Renamed by a projection, and named twice.
  query_plan renamed = grouped(sorted, {"d"});
  renamed.stages.insert(renamed.stages.begin(), pillar::plan_stage{});
  renamed.stages[0].kind = stage_kind::project;
  renamed.stages[0].values = {{"d", col("day")}, {"v", col("id")}};
  EXPECT_TRUE(by_runs(renamed));
  renamed.stages[1].values.push_back({"again", col("d")});
  EXPECT_FALSE(by_runs(renamed));
  // Row groups of another table promise nothing of this one's.
  auto mixed = std::make_shared<pillar::table_version>(*sorted.version());
  for (const auto& group : plain.version()->slices[0].groups) mixed->slices[0].groups.push_back(group);
  mixed->slices[0].row_count += plain.version()->row_count();
  pillar::table both(schema, sorted.options(), mixed);
  EXPECT_FALSE(by_runs(grouped(both, {"day"})));
  // A column that the sort key names twice orders nothing the second time.
  for (const std::vector<std::string>& order : {std::vector<std::string>{"day", "day"}, {"day", "id", "day"}}) {
    pillar::table twice(schema, {.order = pillar::compound(order), .row_group_rows = 1024});
    ASSERT_TRUE(twice.append(rows).ok());
    EXPECT_TRUE(by_runs(grouped(twice, {"day"})));
    EXPECT_FALSE(by_runs(grouped(twice, {"day", "few"})));
    EXPECT_FALSE(by_runs(grouped(twice, {"day", "few", "id"})));
  }
  // Slices have keys of their own only as rows were distributed.
  pillar::table slices(schema, {.distribution = pillar::by_key({"day"}, pillar::slices{2}),
                                .order = pillar::compound({"day"}),
                                .row_group_rows = 1024});
  ASSERT_TRUE(slices.append(rows).ok());
  auto moved = std::make_shared<pillar::table_version>(*slices.version());
  moved->slices.resize(3);
  for (const std::size_t from : {0u, 1u})
    if (auto& groups = moved->slices[from].groups; groups.size() > 1) {
      moved->slices[from].row_count -= groups.back()->row_count;
      moved->slices[2].row_count += groups.back()->row_count;
      moved->slices[2].groups.push_back(groups.back());
      groups.pop_back();
    }
  ASSERT_FALSE(moved->slices[2].groups.empty());
  pillar::table elsewhere(schema,
                          {.distribution = pillar::by_key({"day"}, pillar::slices{3}),
                           .order = pillar::compound({"day"}),
                           .row_group_rows = 1024},
                          moved);
  static_cast<void>(by_runs(grouped(elsewhere, {"day"})));
  // An empty table has groups of neither kind.
  pillar::table empty(schema, sorted.options());
  const auto none = run_by(group_search::by_runs, grouped(empty, {"day"}), runner);
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->rows().row_count(), 0u);
  EXPECT_EQ(none->rows().columns.size(), 2u);
}

// Integers that index a small array are in cache already, wherever they lie.
TEST(pipeline_sorted_rows, small_arrays_are_as_good) {
  pillar::dynamic_schema schema;
  schema.columns = {{"k", pillar::type_of<std::int64_t>}};
  pillar::column_set_builder builder(schema);
  for (int i = 0; i < 6'000; ++i) ASSERT_TRUE(builder.column_at(0).append_integer(i / 3).ok());
  pillar::table table(schema, {.order = pillar::compound({"k"}), .row_group_rows = 1024});
  ASSERT_TRUE(table.append(*builder.finish()).ok());
  pillar::inline_executor runner;
  const auto small = run_by(group_search::automatic, grouped(table, {"k"}), runner);
  const auto asked = run_by(group_search::by_runs, grouped(table, {"k"}), runner);
  ASSERT_TRUE(small.ok() && asked.ok());
  EXPECT_EQ(small->stats().groups->rows_by_runs, 0u);
  EXPECT_EQ(small->stats().groups->mode, "array");
  EXPECT_GT(asked->stats().groups->rows_by_runs, 5'000u);
}

// Every allocation that counts refused in turn: an error, and nothing is kept. Where there is no memory to find out about
// the order, a table is taken.
TEST(pipeline_sorted_rows, refused_allocations_are_errors) {
  const pillar::dynamic_schema schema = pillar::describe<sample>();
  pillar::table table(schema, {.order = pillar::compound({"long", "id"}), .row_group_rows = 1024});
  ASSERT_TRUE(table.append(set_of(schema, sample_rows(9, 3'000))).ok());
  query_plan plan = grouped(table, {"long"});
  plan.stages[0].aggregates.push_back({"words", aggregate_kind::string_agg, col("word")});
  pillar::inline_executor runner;
  memory_budget budget;
  injection_points points;
  std::vector<std::string> expected;
  int by_runs = 0;
  refuse_in_turn(
      points["runs of sorted rows"], budget, false, spared::goes_on,
      [&] {
        query_context context({.budget = &budget});
        pillar::run_options options;
        options.find_groups = group_search::by_runs;
        const auto done = run_plan(plan, runner, context, options);
        if (!done.ok())
          return done.status().code() == absl::StatusCode::kResourceExhausted ? pillar::errc::out_of_memory
                                                                              : pillar::errc::corrupt;
        EXPECT_EQ(done->stats().groups->rows_by_runs + done->stats().groups->rows_by_table, 3'000u);
        by_runs += done->stats().groups->rows_by_runs > 1'000 ? 1 : 0;
        if (expected.empty()) expected = sorted_lines(done->rows());
        EXPECT_EQ(sorted_lines(done->rows()), expected);
        return pillar::errc::ok;
      },
      [&] { EXPECT_EQ(budget.used(), 0u); });
  EXPECT_GT(by_runs, 0);
}

}  // namespace
}  // namespace pillar_test::pipeline_sorted_rows
