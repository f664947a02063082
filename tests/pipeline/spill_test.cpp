// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/spill.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include "pillar/conformance/faults.hpp"
#include "pillar/pipeline.hpp"
#include "pillar/pipeline/audit.hpp"
#include "pillar/pipeline/explain.hpp"
#include "pillar/pipeline/join.hpp"
#include "pillar/storage/file_run_store.hpp"
#include "pillar/storage/memory_run_store.hpp"
#include "support/refused_in_turn.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::pipeline_spill {
namespace {

using pillar::aggregate_kind;
using pillar::col;
using pillar::column_set;
using pillar::errc;
using pillar::join_kind;
using pillar::memory_budget;
using pillar::query_context;
using pillar::query_plan;
using pillar::stage_kind;

// Any number of threads, row groups of any size and rows in memory: the same groups, inside the budget.
TEST(pipeline_spill, groups_beyond_the_budget_are_spilled) {
  pillar::dynamic_schema schema;
  schema.columns = {
      {"k", pillar::type_of<std::int64_t>}, {"v", pillar::type_of<double>}, {"t", pillar::type_of<pillar::text>}};
  constexpr std::uint32_t row_count = 16'000;
  pillar::splitmix64 random(11);
  pillar::column_set_builder builder(schema);
  for (std::uint32_t row = 0; row < row_count; ++row) {
    const std::uint64_t key = random.chance(1, 3) ? random.below(20) : random() >> 8;
    ASSERT_TRUE(builder.column_at(0).append_integer(static_cast<std::int64_t>(key)).ok());
    ASSERT_TRUE(builder.column_at(1).append_real(static_cast<double>(random.below(1'000'000)) / 7).ok());
    ASSERT_TRUE(builder.column_at(2).append_text(std::to_string(random.below(100))).ok());
  }
  const column_set rows = *builder.finish();
  query_plan plan;
  plan.stages.resize(1);
  plan.stages[0].kind = stage_kind::group_by;
  plan.stages[0].values = {{"k", col("k")}};
  const auto odd = col("v") < 70'000.0;
  plan.stages[0].aggregates = {{"rows", aggregate_kind::count_rows, {}},
                               {"sum", aggregate_kind::sum, col("v"), {}, odd},
                               {"first", aggregate_kind::first, col("t")},
                               {"median", aggregate_kind::median, col("v")}};
  query_plan ordered = plan;  // a stage over what was spilled
  ordered.stages.resize(2);
  ordered.stages[1].kind = stage_kind::top;
  ordered.stages[1].order = {{"rows", true}, {"k"}};
  ordered.stages[1].limit = 25;
  const auto lines_of = [](const column_set& set) {
    std::vector<std::string> lines;
    for (std::uint64_t r = 0; r < set.row_count(); ++r) {
      lines.emplace_back();
      for (std::uint32_t c = 0; c < set.columns.size(); ++c) lines.back() += to_string(set.at(r, c)) + '|';
    }
    return lines;
  };
  std::vector<std::string> expected, expected_top;
  std::string account;
  for (const std::uint32_t group_rows : {0u, 1024u}) {
    std::optional<pillar::table> table;
    plan.from_rows = ordered.from_rows = nullptr;
    if (group_rows == 0) {
      plan.from_rows = ordered.from_rows = std::make_shared<column_set>(rows);
    } else {
      table.emplace(schema, pillar::table_options{.row_group_rows = group_rows});
      ASSERT_TRUE(table->append(rows).ok());
      plan.from_table = ordered.from_table = &*table;
    }
    for (const std::uint32_t threads : {1u, 2u, 8u}) {
      if (sanitized && threads != 2) continue;
      SCOPED_TRACE(std::to_string(group_rows) + " rows in a group, threads: " + std::to_string(threads));
      pillar::worker_pool pool(threads);
      if (expected.empty()) {
        const auto whole = run_plan(plan, pool), top = run_plan(ordered, pool);
        ASSERT_TRUE(whole.ok() && top.ok()) << whole.status();
        EXPECT_EQ(whole->stats().spilled_rows, 0u);
        expected = lines_of(whole->rows());
        expected_top = lines_of(top->rows());
        std::sort(expected.begin(), expected.end());
      }
      pillar::memory_budget budget(row_count * 40 + threads * (96 << 10)),
          results;  // workers have buffers of their own
      pillar::memory_run_store first({.buffer_bytes = 256 << 10}), second({.buffer_bytes = 256 << 10});
      {
        query_context context({.budget = &budget});
        const auto poor = run_plan(plan, pool, context);
        EXPECT_EQ(poor.status().code(), absl::StatusCode::kResourceExhausted) << poor.status();
      }
      query_context context({.budget = &budget});
      pillar::run_options options;
      options.spill = pillar::spill_to({&first});
      if (threads != 1) options.spill = pillar::spill_to({&first, &second});
      options.result_budget = &results;
      const auto found = run_plan(plan, pool, context, options);
      ASSERT_TRUE(found.ok()) << found.status();
      auto lines = lines_of(found->rows());
      std::sort(lines.begin(), lines.end());
      EXPECT_TRUE(lines == expected);
      const pillar::scan_statistics& stats = found->stats();
      EXPECT_GT(stats.spilled_rows, 0u);
      EXPECT_EQ(stats.spilled_rows, first.counts().rows_written + second.counts().rows_written);
      EXPECT_EQ(stats.spilled_bytes, first.counts().bytes_written + second.counts().bytes_written);
      EXPECT_GT(stats.spilled_bytes, 0u);
      EXPECT_EQ(budget.used(), 0u);
      std::ostringstream out;
      out << stats;
      EXPECT_NE(out.str().find("spilled   " + std::to_string(stats.spilled_rows) + " rows, "), std::string::npos);
      if (threads == 1 && group_rows != 0) continue;
      const auto top = run_plan(ordered, pool, context, options);
      ASSERT_TRUE(top.ok()) << top.status();
      EXPECT_TRUE(lines_of(top->rows()) == expected_top);
      EXPECT_GT(top->stats().spilled_rows, 0u);
      if (plan.from_table == nullptr || threads != 2) continue;
      const auto explained = explain_plan(plan, {.with = options}, context);
      ASSERT_TRUE(explained.ok() && explained->run.ok()) << explained.status();
      EXPECT_GT(explained->stats.spilled_bytes, 0u);
      std::ostringstream words;
      words << *explained;
      EXPECT_NE(words.str().find("spilled: " + std::to_string(explained->stats.spilled_rows)), std::string::npos);
    }
  }
}

// Distinct values that do not fit are counted all the same, and NULL is none of them.
TEST(pipeline_spill, distinct_values_beyond_the_budget_are_spilled) {
  pillar::dynamic_schema schema;
  schema.columns = {{"k", pillar::type_of<std::int64_t>.as_nullable()}};
  pillar::column_set_builder builder(schema);
  pillar::splitmix64 random(12);
  std::set<std::uint64_t> expected;
  for (std::uint32_t row = 0; row < 40'000; ++row) {
    const std::uint64_t key = random.below(60'000) * 0x9e37'79b9;
    const bool null = row % 100 == 99;
    if (!null) expected.insert(key);
    auto& to = builder.column_at(0);
    ASSERT_TRUE((null ? to.append_null() : to.append_integer(static_cast<std::int64_t>(key))).ok());
  }
  pillar::table table(schema, {.row_group_rows = 4096});
  ASSERT_TRUE(table.append(*builder.finish()).ok());
  const auto query = pillar::query::scan(table) | pillar::query::aggregate(pillar::query::count_distinct(col("k")));
  for (const std::uint32_t threads : {1u, 2u}) {
    pillar::worker_pool pool(threads);
    memory_budget budget(512 << 10);
    query_context context({.budget = &budget});
    EXPECT_EQ(run(query, pool, context).status().code(), absl::StatusCode::kResourceExhausted);
    query_context again({.budget = &budget});
    pillar::memory_run_store store({.buffer_bytes = 64 << 10});
    pillar::run_options options;
    options.spill = pillar::spill_to({&store});
    memory_budget results(4 << 10);  // the result is one number
    options.result_budget = &results;
    const auto found = run(query, pool, again, options);
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(static_cast<std::size_t>(found->rows().at(0, 0).integer), expected.size());
    query_context rich;
    const auto in_memory = run(query, pool, rich, {.result_budget = &results});
    ASSERT_TRUE(in_memory.ok()) << in_memory.status();
    EXPECT_EQ(in_memory->rows().at(0, 0), found->rows().at(0, 0));
    EXPECT_GT(found->stats().spilled_bytes, 0u);
    EXPECT_EQ(budget.used(), 0u);
  }
}

// What a join holds is not there for groups, and what its other side spills is in the account.
TEST(pipeline_spill, joins_take_their_part_of_the_budget) {
  using namespace pillar::query;
  pillar::dynamic_schema schema;
  schema.columns = {{"k", pillar::type_of<std::int64_t>}, {"v", pillar::type_of<double>}};
  constexpr std::int64_t row_count = 16'000;
  pillar::column_set_builder builder(schema);
  for (std::int64_t row = 0; row < row_count; ++row) {
    ASSERT_TRUE(builder.column_at(0).append_integer(row << 40).ok());
    ASSERT_TRUE(builder.column_at(1).append_real(static_cast<double>(row % 1'000)).ok());
  }
  const auto rows = scan(*builder.finish());
  const auto keys = on("k"_col == "j"_col);
  const auto groups = rows | group_by("k"_col.as("j"_col))(count(), median("v"_col));
  const pillar::any_query queries[] = {rows | semi_join(groups, keys) | aggregate(count()),
                                       rows | join(rows | project("k"_col.as("j"_col), "v"_col.as("w"_col)), keys) |
                                           group_by("k"_col)(count(), median("v"_col), sum("w"_col))};
  for (const pillar::any_query& query : queries) {
    const bool of_groups = &query != queries;
    for (const std::uint32_t threads : {1u, 2u}) {
      SCOPED_TRACE(std::string(of_groups ? "behind" : "in front of") + ", threads: " + std::to_string(threads));
      pillar::worker_pool pool(threads);
      pillar::memory_budget budget(1'200 << 10), results;
      pillar::memory_run_store store({.buffer_bytes = 256 << 10});
      query_context context({.budget = &budget});
      pillar::run_options options;
      options.spill = pillar::spill_to({&store});
      options.result_budget = &results;
      const auto found = run(query, pool, context, options);
      EXPECT_TRUE(found.ok()) << found.status();
      if (!found.ok()) continue;
      if (of_groups) EXPECT_EQ(found->rows().row_count(), static_cast<std::uint64_t>(row_count));
      else EXPECT_EQ(found->rows().at(0, 0).integer, row_count);
      EXPECT_GT(found->stats().spilled_rows, 0u);
      EXPECT_EQ(found->stats().spilled_rows, store.counts().rows_written);
      EXPECT_EQ(found->stats().spilled_bytes, store.counts().bytes_written);
    }
  }
}

// ---- joins ----------------------------------------------------------------------------------------------------------

/// Lines of a result, those behind `ordered` sorted: rows of the other side without a partner come in any order.
std::vector<std::string> lines_of(const column_set& set, bool is_ordered) {
  std::vector<std::string> lines;
  for (std::uint64_t r = 0; r < set.row_count(); ++r) {
    lines.emplace_back();
    for (std::uint32_t c = 0; c < set.columns.size(); ++c) lines.back() += to_string(set.at(r, c)) + '|';
  }
  if (!is_ordered) std::sort(lines.begin(), lines.end());
  return lines;
}

/// Two sides whose keys meet now and then, some of them NULL, some often.
struct two_sides {
  static constexpr std::int64_t other_rows = 16'000;
  two_sides()
      : left(schema_of("", pillar::type_of<std::int64_t>), {.row_group_rows = 2048}),
        other(schema_of("o_", pillar::type_of<std::int32_t>), {.row_group_rows = 4096}) {
    fill(left, sanitized ? 3'000 : 5'000, 5);
    fill(other, other_rows, 6);
  }
  static pillar::dynamic_schema schema_of(const std::string& prefix, pillar::data_type key) {
    pillar::dynamic_schema made;
    made.columns = {{prefix + "k", key.as_nullable()},
                    {prefix + "v", pillar::type_of<std::int64_t>},
                    {prefix + "t", pillar::type_of<pillar::text>.as_nullable()}};
    return made;
  }
  static void fill(pillar::table& to, std::int64_t row_count, std::uint64_t seed) {
    pillar::splitmix64 random(seed);
    pillar::column_set_builder rows(to.schema());
    bool good = true;
    for (std::int64_t row = 0; row < row_count; ++row) {
      const auto key = static_cast<std::int64_t>(random.chance(1, 200) ? 7 : random.below(2 * other_rows));
      good =
          good &&
          (random.chance(1, 50) ? rows.column_at(0).append_null() : rows.column_at(0).append_integer(key << 15)).ok();
      good = good && rows.column_at(1).append_integer(row).ok();
      good = good && (row % 9 == 0 ? rows.column_at(2).append_null()
                                   : rows.column_at(2).append_text("text " + std::to_string(random.below(40))))
                         .ok();
    }
    EXPECT_TRUE(good && to.append(*rows.finish()).ok());
  }
  pillar::table left, other;
};

/// Stages of run-time plans, which compile faster than typed ones.
pillar::plan_stage stage(stage_kind kind, pillar::expression predicate = {}) {
  pillar::plan_stage made;
  made.kind = kind;
  made.predicate = std::move(predicate);
  return made;
}
pillar::plan_stage projected(std::vector<pillar::named_value> values) {
  pillar::plan_stage made = stage(stage_kind::project);
  made.values = std::move(values);
  return made;
}
pillar::plan_stage grouped(const std::string& key, std::vector<pillar::named_aggregate> aggregates) {
  pillar::plan_stage made = stage(stage_kind::group_by);
  made.values = {{key, col(key)}};
  made.aggregates = std::move(aggregates);
  return made;
}
pillar::plan_stage joined(join_kind kind, const query_plan& other, pillar::expression condition = {}) {
  pillar::plan_join made;
  made.kind = kind;
  made.other = other;
  made.keys = {{"k", "o_k"}};
  made.condition = std::move(condition);
  made.mark = "mark";
  return pillar::stage_of(made);
}

// All kinds, with and without conditions and computed columns, in chains and with groups behind: the answers of memory
// without a limit, in their order.
TEST(pipeline_spill, joins_beyond_the_budget_are_spilled) {
  const two_sides sides;
  const query_plan other{&sides.other};
  query_plan without_nulls = other, without_many = other, renamed = other;
  without_nulls.stages = {stage(stage_kind::where, col("o_k").is_not_null())};
  without_many.stages = {stage(stage_kind::where, col("o_k") > (std::int64_t{8} << 15))};
  renamed.stages = {projected({{"o_k", col("o_k")}, {"p_v", col("o_v")}})};
  const auto less = col("w") < col("o_v") * 3;
  pillar::plan_stage best = stage(stage_kind::top);
  best.order = {{"w"}};
  best.limit = 500;
  struct question {
    std::vector<pillar::plan_stage> stages;
    bool is_ordered = true;
    std::size_t joins = 1;
  };
  const std::vector<question> questions = {
      {{joined(join_kind::inner, other)}},
      {{joined(join_kind::left, other, less)}},
      {{joined(join_kind::right, other)}, false},
      {{joined(join_kind::full, other, less), stage(stage_kind::where, col("o_v").is_null() || col("o_v") > 100)},
       false},
      {{joined(join_kind::semi, other, less)}},
      {{joined(join_kind::anti, other)}},
      {{joined(join_kind::null_aware_anti, without_nulls)}},
      {{joined(join_kind::mark, other, less), stage(stage_kind::where, col("mark"))}},
      {{joined(join_kind::null_aware_mark, other)}},
      {{joined(join_kind::inner, without_many),
        projected({{"k", col("k")}, {"v", col("v")}, {"o_t", col("o_t")}, {"w", col("w")}}),
        joined(join_kind::left, renamed)},
       true,
       2},
      {{joined(join_kind::left, other), grouped("t", {{"n", aggregate_kind::count_rows},
                                                      {"f", aggregate_kind::first, col("o_v")},
                                                      {"l", aggregate_kind::last, col("o_v")}})},
       false},
      {{joined(join_kind::inner, other), grouped("v", {{"s", aggregate_kind::sum, col("o_v")},
                                                       {"m", aggregate_kind::median, col("o_v")},
                                                       {"t", aggregate_kind::string_agg, col("o_t")}})},
       false},
      {{joined(join_kind::full, other), best}},
  };
  for (std::size_t q = 0; q < questions.size(); ++q) {
    const question& of = questions[q];
    query_plan plan{&sides.left};
    plan.stages = {projected({{"k", col("k")}, {"v", col("v")}, {"t", col("t")}, {"w", col("v") * 2 + 1}})};
    plan.stages.insert(plan.stages.end(), of.stages.begin(), of.stages.end());
    std::vector<std::string> expected;
    for (const std::uint32_t threads : {1u, 2u, 8u}) {
      if (sanitized && threads != 1 + (q + 1) % 2) continue;
      SCOPED_TRACE("question " + std::to_string(q) + ", threads: " + std::to_string(threads));
      pillar::worker_pool pool(threads);
      if (expected.empty()) {
        const auto whole = run_plan(plan, pool);
        ASSERT_TRUE(whole.ok()) << whole.status();
        EXPECT_EQ(whole->stats().spilled_rows, 0u);
        expected = lines_of(whole->rows(), of.is_ordered);
        EXPECT_GT(expected.size(), 30u);
      }
      pillar::memory_budget budget((500 + 300 * of.joins + threads * 25) << 10), results;
      pillar::memory_run_store first({.buffer_bytes = 256 << 10}), second({.buffer_bytes = 256 << 10});
      pillar::memory_budget child(pillar::memory_budget::unlimited, &budget);  // the limit may be its parent's
      query_context context({.budget = threads == 2 ? &child : &budget});
      pillar::run_options options;
      options.spill = pillar::spill_to({&first, &second});
      options.result_budget = &results;
      const auto found = run_plan(plan, pool, context, options);
      ASSERT_TRUE(found.ok()) << found.status();
      EXPECT_TRUE(lines_of(found->rows(), of.is_ordered) == expected);
      const pillar::scan_statistics& stats = found->stats();
      std::uint64_t rows = 0, bytes = 0;
      for (const auto& join : stats.joins) {
        rows += join.spilled_rows;
        bytes += join.spilled_bytes;
        EXPECT_GT(join.spilled_bytes, 0u);
      }
      EXPECT_EQ(stats.joins.size(), of.joins);
      EXPECT_GE(stats.spilled_rows, rows);
      EXPECT_GE(stats.spilled_bytes, bytes);
      EXPECT_EQ(stats.spilled_bytes, first.counts().bytes_written + second.counts().bytes_written);
      EXPECT_EQ(stats.spilled_rows, first.counts().rows_written + second.counts().rows_written);
      EXPECT_EQ(budget.used(), 0u);
      if (q != 0 || threads != 2) continue;
      const auto explained = explain_plan(plan, {.with = options}, context);
      ASSERT_TRUE(explained.ok() && explained->run.ok()) << explained.status();
      ASSERT_EQ(explained->joins.size(), 1u);
      EXPECT_EQ(explained->joins[0].spilled_rows, explained->stats.spilled_rows);
      EXPECT_EQ(explained->joins[0].spilled_bytes, explained->stats.spilled_bytes);
      std::ostringstream words;
      words << *explained;
      EXPECT_NE(words.str().find("which may spill: " + std::to_string(explained->joins[0].spilled_rows)),
                std::string::npos)
          << words.str();
      const auto audited = audit_plan(plan, {.sample = 0.2, .with = options}, context);
      ASSERT_TRUE(audited.ok()) << audited.status();
      EXPECT_TRUE(audited->clean());
      words << *audited;
      EXPECT_NE(words.str().find("the join on k = o_k spilled "), std::string::npos) << words.str();
    }
  }
}

// ---- chains of joins ------------------------------------------------------------------------------------------------

/// Rows of integers, NULL where there is none.
using cells = std::vector<std::optional<std::int64_t>>;
struct named_rows {
  std::vector<std::string> names;
  std::vector<cells> rows;
};

/// `prefix`k, a key of `keys`, one of them often; `prefix`v, ascending; `prefix`j, what the next join may ask for.
named_rows random_rows(const std::string& prefix, std::int64_t row_count, std::uint64_t keys, std::uint64_t others,
                       std::uint64_t seed) {
  pillar::splitmix64 random(seed);
  named_rows made{{prefix + "k", prefix + "v", prefix + "j"}, {}};
  for (std::int64_t row = 0; row < row_count; ++row) {
    const auto key = static_cast<std::int64_t>(random.chance(1, 250) ? 7 : random.below(keys));
    const auto other = static_cast<std::int64_t>(random.below(others));
    made.rows.push_back({random.chance(1, 40) ? std::nullopt : std::optional(key << 20), row,
                         random.chance(1, 40) ? std::nullopt : std::optional(other << 20)});
  }
  return made;
}

column_set set_of(const named_rows& from) {
  pillar::dynamic_schema schema;
  for (const auto& name : from.names) schema.columns.push_back({name, pillar::type_of<std::int64_t>.as_nullable()});
  pillar::column_set_builder builder(schema);
  bool good = true;
  for (const cells& row : from.rows)
    for (std::size_t c = 0; c < row.size(); ++c)
      good = good && (row[c] ? builder.column_at(c).append_integer(*row[c]) : builder.column_at(c).append_null()).ok();
  EXPECT_TRUE(good);
  return *builder.finish();
}

/// The order that joins promise: that of the left side, of a row's partners that of the other side; behind them rows of
/// the other side without a partner, in its order.
named_rows joined_rows_of(const named_rows& left, const named_rows& other, const std::string& key, join_kind kind) {
  const auto find = [](const named_rows& in, const std::string& name) {
    return static_cast<std::size_t>(std::find(in.names.begin(), in.names.end(), name) - in.names.begin());
  };
  const std::size_t left_key = find(left, key);     // of the other side it is the first one
  std::multimap<std::int64_t, std::size_t> by_key;  // equal keys in the order of insertion
  for (std::size_t i = 0; i < other.rows.size(); ++i)
    if (other.rows[i][0]) by_key.emplace(*other.rows[i][0], i);
  named_rows made = left;
  made.rows.clear();
  std::vector<std::uint8_t> has_partner(other.rows.size());
  const bool pairs = gives_pairs(kind);
  if (pairs) made.names.insert(made.names.end(), other.names.begin(), other.names.end());
  for (const cells& row : left.rows) {
    const auto [begin, end] =
        row[left_key] ? by_key.equal_range(*row[left_key]) : std::pair(by_key.end(), by_key.end());
    for (auto at = begin; pairs && at != end; ++at) {
      has_partner[at->second] = 1;
      made.rows.push_back(row);
      made.rows.back().insert(made.rows.back().end(), other.rows[at->second].begin(), other.rows[at->second].end());
    }
    if ((kind == join_kind::semi && begin != end) || (kind == join_kind::anti && begin == end))
      made.rows.push_back(row);
    if (keeps_probe_rows(kind) && begin == end) {
      made.rows.push_back(row);
      made.rows.back().resize(made.names.size());
    }
  }
  for (std::size_t i = 0; keeps_build_rows(kind) && i < other.rows.size(); ++i) {
    if (has_partner[i] != 0) continue;
    made.rows.emplace_back(left.names.size());
    made.rows.back().insert(made.rows.back().end(), other.rows[i].begin(), other.rows[i].end());
  }
  return made;
}

pillar::plan_stage joined_on(join_kind kind, const query_plan& other, const std::string& left,
                             const std::string& right) {
  pillar::plan_join made;
  made.kind = kind;
  made.other = other;
  made.keys = {{left, right}};
  return pillar::stage_of(made);
}

// Joins behind joins, with other sides that are joins, in memory and beyond it, whichever of them: the rows of nested
// loops in their order, and so the same first and last ones, for any number of threads and row groups of any size.
TEST(pipeline_spill, chains_of_joins_keep_the_order_of_nested_loops) {
  const std::int64_t scale = sanitized ? 1 : 2;
  const named_rows left = random_rows("", 500 * scale, 2'000, 1'500, 1),
                   a = random_rows("a", 3'000 * scale, 1'500, 4'000, 2),
                   b = random_rows("b", 6'000 * scale, 4'000, 3'000, 3),
                   c = random_rows("c", 5'000 * scale, 3'000, 2'000, 4);
  struct link {
    join_kind kind;
    const named_rows* other;
    std::string key;
    const named_rows* then = nullptr;  ///< the other side is itself a join with these, by its own j
    join_kind then_kind = join_kind::left;
  };
  const std::vector<std::vector<link>> chains = {
      {{join_kind::inner, &a, "j"}, {join_kind::inner, &b, "aj"}},
      {{join_kind::left, &a, "k"}, {join_kind::left, &b, "aj"}, {join_kind::left, &c, "bj"}},
      {{join_kind::full, &a, "j"}, {join_kind::right, &b, "aj"}, {join_kind::full, &c, "bj"}},
      {{join_kind::left, &b, "j"}, {join_kind::anti, &c, "k"}, {join_kind::left, &a, "bj"}},
      {{join_kind::inner, &c, "j"}, {join_kind::inner, &b, "cj"}, {join_kind::right, &a, "bj"}},
      {{join_kind::left, &a, "j", &b}, {join_kind::semi, &b, "aj"}},
      {{join_kind::right, &b, "j", &c, join_kind::full}},
  };
  const auto key_of = [](const named_rows& other) { return other.names[0]; };
  const auto numbers_of = [](const column_set& set) {
    std::vector<std::int64_t> made;
    const auto count = static_cast<std::uint32_t>(set.row_count());
    for (const auto& column : set.columns) {
      const pillar::vector values = column.slice(0, count);
      for (std::uint32_t i = 0; i < count; ++i)
        made.push_back(values.valid(i) ? values.value<std::int64_t>(i) : std::int64_t{-1} << 60);
    }
    return made;
  };
  std::uint64_t spilled[3] = {}, in_memory[3] = {};  // by the number of the join
  for (std::size_t q = 0; q < chains.size(); ++q) {
    named_rows rows = left;
    std::vector<pillar::plan_stage> stages;
    std::vector<std::unique_ptr<pillar::table>> tables;
    const auto plan_of = [&](const named_rows& of, std::uint32_t group_rows) {
      const column_set set = set_of(of);
      tables.push_back(
          std::make_unique<pillar::table>(set.schema, pillar::table_options{.row_group_rows = group_rows}));
      EXPECT_TRUE(tables.back()->append(set).ok());
      return query_plan{tables.back().get()};
    };
    for (const link& one : chains[q]) {
      query_plan other = plan_of(*one.other, 2048);
      named_rows of_other = *one.other;
      if (one.then != nullptr) {
        other.stages = {joined_on(one.then_kind, plan_of(*one.then, 4096), one.other->names[2], key_of(*one.then))};
        of_other = joined_rows_of(of_other, *one.then, one.other->names[2], one.then_kind);
      }
      stages.push_back(joined_on(one.kind, other, one.key, key_of(*one.other)));
      rows = joined_rows_of(rows, of_other, one.key, one.kind);
    }
    pillar::inline_executor alone;
    query_plan grouped_plan;
    grouped_plan.from_rows = std::make_shared<column_set>(set_of(rows));
    const auto last = rows.names.back();
    const std::vector<pillar::plan_stage> groups = {
        grouped("v", {{"n", aggregate_kind::count_rows},
                      {"f", aggregate_kind::first, col(last)},
                      {"l", aggregate_kind::last, col(last)},
                      {"x", aggregate_kind::last, col(rows.names[rows.names.size() - 2])}}),
        [] {
          pillar::plan_stage made = stage(stage_kind::order_by);
          made.order = {{"v"}, {"n"}, {"f"}};
          return made;
        }()};
    grouped_plan.stages = groups;
    const auto expected = numbers_of(*grouped_plan.from_rows);
    const auto expected_groups = numbers_of(run_plan(grouped_plan, alone)->rows());
    EXPECT_GT(rows.rows.size(), 100u);
    for (const std::uint32_t group_rows : {1024u, 65'536u}) {
      query_plan plan = plan_of(left, group_rows);
      plan.stages = stages;
      query_plan with_groups = plan;
      with_groups.stages.insert(with_groups.stages.end(), groups.begin(), groups.end());
      for (const std::uint32_t threads : {1u, 2u, 8u}) {
        if (sanitized && threads != 1 + (q + group_rows) % 2) continue;
        pillar::worker_pool pool(threads);
        for (const std::uint64_t kilobytes : {0u, 500u, 900u, 1'500u}) {
          SCOPED_TRACE("chain " + std::to_string(q) + ", rows of a group: " + std::to_string(group_rows) +
                       ", threads: " + std::to_string(threads) + ", KiB: " + std::to_string(kilobytes));
          const std::uint64_t bytes = (kilobytes + 200 * chains[q].size() + 25 * threads) << 10;
          pillar::memory_budget budget(kilobytes == 0 ? memory_budget::unlimited : bytes), results;
          pillar::memory_run_store first({.buffer_bytes = 256 << 10}), second({.buffer_bytes = 256 << 10});
          query_context context({.budget = &budget});
          pillar::run_options options;
          options.spill = pillar::spill_to({&first, &second});
          options.result_budget = &results;
          const auto found = run_plan(plan, pool, context, options);
          ASSERT_TRUE(found.ok()) << found.status();
          EXPECT_TRUE(numbers_of(found->rows()) == expected);
          for (std::size_t j = 0; j < found->stats().joins.size(); ++j)
            ++(found->stats().joins[j].spilled_rows != 0 ? spilled : in_memory)[j];
          const auto in_groups = run_plan(with_groups, pool, context, options);
          ASSERT_TRUE(in_groups.ok()) << in_groups.status();
          EXPECT_TRUE(numbers_of(in_groups->rows()) == expected_groups);
        }
      }
    }
  }
  for (const std::uint64_t count : spilled) EXPECT_GT(count, 0u);
  for (const std::uint64_t count : in_memory) EXPECT_GT(count, 0u);
}

// Each allocation of a query and each file operation of its stores fails in turn: a status, and nothing stays. Joins and
// groups spill, where a refused allocation is taken for the end of the budget too.
TEST(pipeline_spill, every_allocation_and_file_operation_of_a_query_may_fail) {
  const auto side = [](const std::string& prefix, std::int64_t row_count) {
    pillar::column_set_builder rows(two_sides::schema_of(prefix, pillar::type_of<std::int64_t>));
    bool good = true;
    for (std::int64_t row = 0; row < row_count; ++row) {
      good = good && rows.column_at(0).append_integer((row * 7919 % 2'000) << 15).ok();
      good = good && rows.column_at(1).append_integer(row).ok();
      good = good && rows.column_at(2).append_text("text " + std::to_string(row % 40)).ok();
    }
    EXPECT_TRUE(good);
    return std::make_shared<column_set>(*rows.finish());
  };
  query_plan other, plan;
  other.from_rows = side("o_", 2'000);
  plan.from_rows = side("", 1'500);
  plan.stages = {joined(join_kind::inner, other),
                 grouped("v", {{"s", aggregate_kind::sum, col("o_v")}, {"t", aggregate_kind::first, col("o_t")}})};
  pillar::inline_executor alone;
  const auto whole = run_plan(plan, alone);
  ASSERT_TRUE(whole.ok()) << whole.status();
  const auto expected = lines_of(whole->rows(), false);
  ASSERT_EQ(expected.size(), 1'500u);
  std::uint64_t least = 64 << 10;  // in which it can be answered, by spilling
  const auto answer = [&](memory_budget* outer, pillar::conformance::fault_plan& faults, bool spills) {
    memory_budget budget(spills ? least : 16 << 20, outer), results;
    pillar::conformance::memory_file inner;
    pillar::conformance::faulty_file<pillar::conformance::memory_file> file(inner, faults);
    pillar::file_run_store store(file, {.buffer_bytes = 32 << 10, .block_rows = 1024});
    errc said = errc::ok;
    {
      query_context context({.budget = &budget});
      pillar::run_options options;
      if (spills) options.spill = pillar::spill_to({&store});
      options.result_budget = &results;
      const auto found = run_plan(plan, alone, context, options);
      if (found.ok()) {
        EXPECT_EQ(lines_of(found->rows(), false), expected);
        if (spills && outer == nullptr) EXPECT_GT(found->stats().spilled_bytes, 0u);
      } else {
        said = found.status().code() == absl::StatusCode::kResourceExhausted ? errc::out_of_memory
               : found.status().code() == absl::StatusCode::kUnavailable     ? errc::io_error
                                                                             : errc::corrupt;
      }
    }
    EXPECT_EQ(budget.used(), 0u);
    return said;
  };
  pillar::conformance::fault_plan no_fault;
  while (least < 1 << 20 && answer(nullptr, no_fault, true) != errc::ok) least += least / 4;
  for (const bool spills : {false, true}) {
    pillar::conformance::fault_plan none;
    expect_points(
        pillar::conformance::sweep_allocations(spills ? "a query that spills, allocations" : "a query, allocations",
                                               [&](memory_budget& budget) { return answer(&budget, none, spills); }));
  }
  expect_points(pillar::conformance::sweep_file_operations(
      "a query that spills, files",
      [&](pillar::conformance::fault_plan& faults) { return answer(nullptr, faults, true); }));
}

// What fails in memory fails: a row that has found its key, whatever the condition on pairs says of it.
TEST(pipeline_spill, rows_without_a_pair_overflow_as_in_memory) {
  const two_sides sides;
  pillar::worker_pool pool(2);
  for (const join_kind kind : {join_kind::inner, join_kind::right}) {
    query_plan plan{&sides.left};
    plan.stages = {projected({{"k", col("k")}, {"w", col("v") * (std::int64_t{1} << 62)}}),
                   joined(kind, query_plan{&sides.other}, col("o_v") < -1)};
    const auto whole = run_plan(plan, pool);
    EXPECT_EQ(whole.status().code(), absl::StatusCode::kOutOfRange) << whole.status();
    pillar::memory_budget budget(850 << 10), results;
    pillar::memory_run_store store({.buffer_bytes = 256 << 10});
    query_context context({.budget = &budget});
    pillar::run_options options;
    options.spill = pillar::spill_to({&store});
    options.result_budget = &results;
    EXPECT_EQ(run_plan(plan, pool, context, options).status().code(), absl::StatusCode::kOutOfRange);
    EXPECT_GT(store.counts().rows_written, 0u);
  }
}

// Collecting the other side took too much memory, its rows alone do not: the join may spill, and spills none.
TEST(pipeline_spill, joins_that_may_spill_and_do_not_run_once) {
  const auto rows_of = [](const std::string& prefix, std::int64_t row_count, int columns) {
    pillar::dynamic_schema schema;
    schema.columns.push_back({prefix + "k", pillar::type_of<std::int64_t>});
    for (int c = 0; c < columns; ++c)
      schema.columns.push_back({prefix + std::to_string(c), pillar::type_of<std::int64_t>});
    pillar::column_set_builder rows(schema);
    bool good = true;
    for (std::int64_t row = 0; row < row_count; ++row) {
      good = good && rows.column_at(0).append_integer(row << 20).ok();
      for (int c = 0; c < columns; ++c)
        good = good && rows.column_at(static_cast<std::size_t>(c) + 1).append_integer((row << 33) + c).ok();
    }
    EXPECT_TRUE(good);
    return std::make_shared<column_set>(*rows.finish());
  };
  const auto on_keys = [](const query_plan& other, const std::string& left, const std::string& right) {
    pillar::plan_join made;
    made.other = other;
    made.keys = {{left, right}};
    return pillar::stage_of(made);
  };
  query_plan inner, middle, outer;
  inner.from_rows = rows_of("c", 8'300, 16);
  inner.stages = {stage(stage_kind::where, col("c0") > -5)};
  middle.from_rows = rows_of("b", 8'300, 1);
  middle.stages = {on_keys(inner, "bk", "ck")};
  outer.from_rows = rows_of("l", 5'000, 1);
  outer.stages = {on_keys(middle, "lk", "bk")};
  pillar::worker_pool pool(2);
  pillar::memory_budget budget(3 << 20), results;
  pillar::memory_run_store store({.buffer_bytes = 256 << 10});
  query_context context({.budget = &budget});
  pillar::run_options options;
  options.spill = pillar::spill_to({&store});
  options.result_budget = &results;
  const auto found = run_plan(middle, pool, context, options);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->rows().row_count(), 8'300u);
  const pillar::join_account& join = found->stats().joins[0];
  EXPECT_TRUE(join.may_spill);
  EXPECT_EQ(join.spilled_rows, 0u);
  EXPECT_EQ(join.build_rows, 8'300u);
  std::ostringstream words;
  words << found->stats();
  pillar::audit_report report;
  report.joins = found->stats().joins;
  words << report;
  EXPECT_NE(words.str().find("which may spill: 0 rows spilled"), std::string::npos) << words.str();
  EXPECT_NE(words.str().find("spilled 0 rows: its keys say nothing"), std::string::npos) << words.str();
  const auto whole = run_plan(outer, pool, context, options);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->rows().row_count(), 5'000u);
  EXPECT_GT(whole->stats().joins[0].spilled_rows, 0u);
}

}  // namespace
}  // namespace pillar_test::pipeline_spill
