// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/statistics.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "pillar/pipeline.hpp"
#include "support/reference_query.hpp"
#include "support/sample_rows.hpp"

namespace pillar_test::pipeline_statistics {
namespace {

using namespace pillar::query;
using pillar::scan_cause;
using pillar::scan_statistics;
using pillar::typed_table;

constexpr std::uint32_t row_count = 20'000;

typed_table<sample> make_table() {
  typed_table<sample> made(
      {.distribution = pillar::evenly(pillar::slices{2}), .order = pillar::compound("id"_col), .row_group_rows = 4096});
  EXPECT_TRUE(made.append(set_of(pillar::describe<sample>(), sample_rows(11, row_count))).ok());
  return made;
}

/// The invariants that statistics.hpp promises, against the table itself.
void expect_kept(const scan_statistics& stats, const pillar::table& table, std::vector<std::string> columns) {
  const auto version = table.version();
  std::uint64_t groups = 0, vectors = 0;
  for (const auto& slice : version->slices)
    for (const auto& group : slice.groups) ++groups, vectors += group->vector_count();
  EXPECT_EQ(stats.rows_in_table, version->row_count());
  EXPECT_EQ(stats.row_groups, groups);
  EXPECT_LE(stats.row_groups_skipped, groups);
  EXPECT_EQ(stats.morsels, groups);
  EXPECT_LE(stats.morsels_stolen, stats.morsels);
  ASSERT_EQ(stats.columns.size(), columns.size());
  EXPECT_EQ(stats.blocks.size(), groups * columns.size());
  std::uint64_t total_read = 0, total_unread = 0;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto& account = stats.columns[c];
    EXPECT_EQ(account.name, columns[c]);
    EXPECT_EQ(account.column, *table.schema().find(columns[c]));
    std::uint64_t counted = 0, bytes = 0;
    for (const auto count : account.vectors) counted += count;
    for (const auto& slice : version->slices)
      for (const auto& group : slice.groups) bytes += group->blocks[account.column].view.block_bytes();
    EXPECT_EQ(counted, vectors) << columns[c];
    EXPECT_EQ(account.bytes_read + account.bytes_unread, bytes) << columns[c];
    EXPECT_EQ(account.blocks, groups);
    EXPECT_LE(account.blocks_untouched, account.blocks);
    total_read += account.bytes_read;
    total_unread += account.bytes_unread;
  }
  EXPECT_EQ(stats.vector_count(), vectors * columns.size());
  EXPECT_EQ(stats.vectors_read(), stats.vectors(scan_cause::encoded) + stats.vectors(scan_cause::decoded));
  EXPECT_EQ(stats.bytes_read(), total_read);
  EXPECT_EQ(stats.bytes_unread(), total_unread);
  for (std::size_t i = 0; i < stats.blocks.size(); ++i) {
    const auto& block = stats.blocks[i];
    const auto& group = *version->slices[block.slice].groups[block.group];
    std::uint64_t counted = 0;
    for (const auto count : block.vectors) counted += count;
    EXPECT_EQ(counted, group.vector_count());
    EXPECT_LE(block.bytes_read, block.block_bytes);
    if (i > 0) {
      const auto& before = stats.blocks[i - 1];
      EXPECT_LT(std::make_tuple(before.slice, before.group, before.column),
                std::make_tuple(block.slice, block.group, block.column));
    }
  }
}

TEST(pipeline_statistics, every_vector_of_every_named_column_counts_once) {
  const auto table = make_table();
  pillar::inline_executor alone;
  pillar::worker_pool pool(3);
  struct question {
    pillar::any_query query;
    std::vector<std::string> columns;
    std::uint64_t selected;
  };
  std::uint64_t with_word = 0, small = 0;
  for (const auto& one : sample_rows(11, row_count)) {
    with_word += !one[6].null && one[6].text == "beta" ? 1 : 0;
    small += one[2].integer < 100 ? 1 : 0;
  }
  const question questions[] = {
      {scan(table) | aggregate(count()), {}, row_count},
      {scan(table) | aggregate(sum("price"_col)), {"price"}, row_count},
      {scan(table) | where("id"_col < 3'000) | project("word"_col), {"id", "word"}, 3'000},
      {scan(table) | where("id"_col >= 0) | project("word"_col), {"id", "word"}, row_count},
      {scan(table) | where("id"_col < 0) | project("word"_col), {"id", "word"}, 0},
      {scan(table) | where("word"_col == "beta") | group_by("few"_col)(sum("price"_col)),
       {"few", "word", "price"},
       with_word},
      {scan(table) | where("small"_col < 100 && "long"_col == "nobody") | aggregate(sum("wide"_col)),
       {"small", "long", "wide"},
       0},
      {scan(table) | where("small"_col < 100) | aggregate(sum("price"_col), sum("id"_col)),
       {"id", "small", "price"},
       small},
      {scan(table) | project("id"_col.as("a"_col)) | where("a"_col < 10) | top(3, descending("a"_col)), {"id"}, 10},
  };
  for (const auto& one : questions) {
    const auto first = run(one.query, alone);
    const auto second = run(one.query, pool);
    ASSERT_TRUE(first.ok() && second.ok()) << first.status();
    expect_kept(first->stats(), table, one.columns);
    expect_kept(second->stats(), table, one.columns);
    EXPECT_EQ(first->stats().rows_selected, one.selected);
    EXPECT_EQ(second->stats().rows_selected, one.selected);
    // Who does the work changes nothing in what it costs.
    EXPECT_EQ(first->stats().vectors(), second->stats().vectors());
    EXPECT_EQ(first->stats().bytes_read(), second->stats().bytes_read());
    EXPECT_EQ(second->stats().threads, 3u);
  }
}

TEST(pipeline_statistics, each_cause_is_given_where_it_applies) {
  const auto table = make_table();
  pillar::inline_executor runner;
  const auto stats_of = [&](const pillar::any_query& query) {
    auto done = run(query, runner);
    EXPECT_TRUE(done.ok()) << done.status();
    return done->stats();
  };
  // The sort key: most vectors are not touched, and whole row groups with them.
  const auto early = stats_of(scan(table) | where("id"_col < 1'000) | project("word"_col));
  EXPECT_EQ(early.row_groups_skipped, 4u);  // of 2 × 3
  EXPECT_GE(early.vectors(scan_cause::skipped_by_zone), 2 * 18u);
  EXPECT_EQ(early.columns[1].vectors[static_cast<int>(scan_cause::decoded)],
            2u);  // one vector of each slice has words to give
  // All rows qualify by the zone map, so the column that was asked is never read.
  const auto all = stats_of(scan(table) | where("id"_col >= 0) | aggregate(count()));
  EXPECT_EQ(all.vectors(scan_cause::skipped_by_zone), all.vector_count());
  EXPECT_EQ(all.bytes_read(), 0u);
  // No row is left when the second column's turn comes.
  const auto none = stats_of(scan(table) | where("long"_col == "customer number 3x") | project("wide"_col));
  EXPECT_EQ(none.columns[1].vectors[static_cast<int>(scan_cause::skipped_by_selection)], 20u);
  EXPECT_EQ(none.columns[1].bytes_read, 0u);
  // A sum of whole vectors needs no values, only the packed fields.
  const auto sum_of_ids = stats_of(scan(table) | aggregate(sum("id"_col)));
  EXPECT_EQ(sum_of_ids.vectors(scan_cause::decoded), 0u);
  // And if every value is wanted, every vector is decoded and all bytes are read.
  const auto whole = stats_of(scan(table) | project("wide"_col, "long"_col));
  EXPECT_EQ(whole.vectors(scan_cause::decoded), whole.vector_count());
  EXPECT_EQ(whole.bytes_unread(), 0u);
}

// The mode of a group_by's tables: bound from types, zone maps and interval analysis, and what data made of it.
TEST(pipeline_statistics, says_how_groups_are_looked_up) {
  pillar::dynamic_schema schema;
  schema.columns = {{"one", pillar::type_of<std::int64_t>},    {"day", pillar::type_of<std::int32_t>.as_nullable()},
                    {"far", pillar::type_of<std::int64_t>},    {"other", pillar::type_of<std::int64_t>},
                    {"serial", pillar::type_of<std::int64_t>}, {"short", pillar::type_of<pillar::text>},
                    {"few", pillar::type_of<pillar::text>},    {"late", pillar::type_of<std::int32_t>}};
  constexpr int rows_of_table = 150'000;
  pillar::column_set_builder builder(schema);
  pillar::splitmix64 random(3);
  for (int i = 0; i < rows_of_table; ++i) {
    const auto put = [&](std::uint32_t column, pillar::int128 value) {
      ASSERT_TRUE(builder.column_at(column).append_integer(value).ok());
    };
    put(0, 7);
    if (i % 50 == 0) ASSERT_TRUE(builder.column_at(1).append_null().ok());
    else put(1, 18'000 + i % 365);
    put(2, static_cast<std::int64_t>(random.below(5'000) * 0x9e3779b97f4a7c15u));
    put(3, static_cast<std::int64_t>(random.below(3) * 0x9e3779b97f4a7c15u));
    put(4, i);
    ASSERT_TRUE(builder.column_at(5).append_text("t" + std::to_string(i % 6'000)).ok());
    ASSERT_TRUE(builder.column_at(6).append_text(i % 2 == 0 ? "even" : "odd").ok());
    put(7, static_cast<std::int64_t>(random.below(i < rows_of_table / 2 ? 15'000 : 30'000)));
  }
  const pillar::column_set rows = *builder.finish();
  pillar::table table(schema, {});
  ASSERT_TRUE(table.append(rows).ok());
  pillar::inline_executor runner;
  const auto modes = [&](const std::vector<pillar::expression>& keys, bool from_table) {
    pillar::query_plan plan;
    if (from_table) plan.from_table = &table;
    else plan.from_rows = std::make_shared<pillar::column_set>(rows);
    plan.stages.resize(1);
    plan.stages[0].kind = pillar::stage_kind::group_by;
    for (const auto& key : keys)
      plan.stages[0].values.push_back({"k" + std::to_string(plan.stages[0].values.size()), key});
    // Where the order of rows matters none waits to be looked up.
    plan.stages[0].aggregates = {{"first", pillar::aggregate_kind::first, col("one")}};
    const auto done = run_plan(plan, runner);
    EXPECT_TRUE(done.ok()) << done.status();
    if (!done.ok() || !done->stats().groups) return std::string("nothing");
    const pillar::group_account& groups = *done->stats().groups;
    EXPECT_EQ(groups.rows_by_table, static_cast<std::uint64_t>(rows_of_table));
    EXPECT_EQ(groups.rows_by_runs, 0u);
    EXPECT_EQ(groups.rows_waiting, 0u);
    EXPECT_EQ(groups.groups_in_tables, done->rows().row_count());
    return std::string(groups.mode_at_first) + " to " + std::string(groups.mode);
  };
  using pillar::col;
  // Groups that get their numbers in the end count too.
  pillar::query_plan late;
  late.from_table = &table;
  late.stages.resize(1);
  late.stages[0].kind = pillar::stage_kind::group_by;
  late.stages[0].values = {{"late", col("late")}};
  late.stages[0].aggregates = {{"n", pillar::aggregate_kind::count_rows}};
  const auto counted = run_plan(late, runner);
  ASSERT_TRUE(counted.ok() && counted->stats().groups);
  EXPECT_EQ(counted->stats().groups->groups_in_tables, counted->rows().row_count());
  EXPECT_GT(counted->rows().row_count(), 28'000u);
  // Zone maps: one value, few values with NULLs, nothing known but the type.
  EXPECT_EQ(modes({col("one")}, true), "constant to constant");
  EXPECT_EQ(modes({col("one")}, false), "packed into 8 bytes to packed into 8 bytes");
  EXPECT_EQ(modes({col("day")}, true), "array to array");
  EXPECT_EQ(modes({col("one"), col("day")}, true), "array to array");
  EXPECT_EQ(modes({col("day")}, false), "packed into 8 bytes to packed into 8 bytes");
  EXPECT_EQ(modes({col("far")}, true), "packed into 8 bytes to packed into 8 bytes");
  EXPECT_EQ(modes({col("day"), col("far")}, true), "packed into 16 bytes to packed into 16 bytes");
  EXPECT_EQ(modes({col("far"), col("other")}, true), "packed into 16 bytes to packed into 16 bytes");
  EXPECT_EQ(modes({col("far"), col("other"), col("serial")}, true), "generic to generic");
  // Interval analysis: the range of what is computed.
  EXPECT_EQ(modes({col("day") * 2 - 36'000}, true), "array to array");
  EXPECT_EQ(modes({col("one") + 1}, true), "constant to constant");
  EXPECT_EQ(modes({col("far") - 0}, true), "packed into 8 bytes to packed into 8 bytes");
  // Data: serial numbers turn out dense, texts turn out many.
  EXPECT_EQ(modes({col("serial")}, true), "array to array");
  EXPECT_EQ(modes({col("serial")}, false), "packed into 8 bytes to array");
  EXPECT_EQ(modes({col("short")}, true), "array to packed into 16 bytes");
  EXPECT_EQ(modes({col("few")}, true), "array to array");
  EXPECT_EQ(modes({}, true), "nothing");
  // And in words.
  std::ostringstream out;
  const auto said = run(scan(table) | group_by(col("short"))(count()), runner);
  ASSERT_TRUE(said.ok()) << said.status();
  out << said->stats();
  EXPECT_NE(out.str().find("\ngroups    150000 rows through a table of each worker: packed into 16 bytes, at "
                           "first array\n"),
            std::string::npos)
      << out.str();
}

TEST(pipeline_statistics, prints_a_few_lines_that_add_up) {
  const auto table = make_table();
  pillar::inline_executor runner;
  const auto done = run(scan(table) | where("id"_col < 1'000) | project("word"_col), runner);
  ASSERT_TRUE(done.ok());
  std::ostringstream out;
  out << done->stats();
  const auto& stats = done->stats();
  EXPECT_NE(out.str().find("1000 of 20000 selected; 4 of 6 row groups skipped by zone maps"), std::string::npos)
      << out.str();
  EXPECT_NE(out.str().find(std::to_string(stats.bytes_read()) + " read, " + std::to_string(stats.bytes_unread()) +
                           " left unread"),
            std::string::npos)
      << out.str();
  EXPECT_NE(out.str().find("ms on 1 thread,"), std::string::npos) << out.str();
}

}  // namespace
}  // namespace pillar_test::pipeline_statistics
