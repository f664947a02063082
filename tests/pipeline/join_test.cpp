// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/join.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <sstream>

#include "pillar/base/env.hpp"
#include "pillar/pipeline.hpp"
#include "pillar/pipeline/audit.hpp"
#include "pillar/pipeline/explain.hpp"
#include "support/reference_query.hpp"
#include "support/sample_rows.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::pipeline_join {
namespace {

using namespace pillar::query;
using pillar::column_set;
using pillar::data_type;
using pillar::fault_kind;
using pillar::join_kind;
using pillar::query_plan;
using pillar::stage_kind;
using pillar::type_of;

struct orders : pillar::schema<pillar::field<"id", std::int64_t>, pillar::field<"customer", std::int32_t>,
                               pillar::field<"status", pillar::text>> {};
struct customers : pillar::schema<pillar::field<"customer", std::int32_t>, pillar::field<"name", pillar::text>,
                                  pillar::field<"boss", pillar::nullable<std::int64_t>>> {};

// ---- schemas --------------------------------------------------------------------------------------------------------

template <class Stage>
using joined = decltype(pillar::query_of<orders>{} | std::declval<Stage>());
template <class Query>
constexpr bool has(std::size_t index, std::string_view name, data_type type) {
  using made = typename Query::schema_type;
  return index < made::columns.size() && made::columns[index].name == name && made::columns[index].type == type;
}
template <class Stage>
constexpr fault_kind problem_of() {
  return Stage::template check<orders>().kind;
}
using people = pillar::query_of<customers>;

using inner = joined<decltype(join(people{}, on("customer"_col)))>;
static_assert(inner::schema_type::columns.size() == 5);
static_assert(has<inner>(1, "customer", type_of<std::int32_t>) && has<inner>(3, "name", type_of<pillar::text>));
using left = joined<decltype(left_join(people{}, on("customer"_col)))>;
static_assert(has<left>(0, "id", type_of<std::int64_t>) && has<left>(3, "name", type_of<pillar::text>.as_nullable()));
using full = joined<decltype(full_join(people{}, on("customer"_col), "name"_col > "status"_col))>;
static_assert(has<full>(0, "id", type_of<std::int64_t>.as_nullable()) &&
              has<full>(1, "customer", type_of<std::int32_t>));
using marked = joined<decltype(null_aware_mark_join(people{}, on("id"_col == "boss"_col), "is_boss"_col))>;
static_assert(marked::schema_type::columns.size() == 4 && has<marked>(3, "is_boss", type_of<bool>.as_nullable()));
static_assert(
    std::is_same_v<joined<decltype(join(people{}, on(col("customer"))))>, pillar::query_of<pillar::any_schema>>);

static_assert(problem_of<decltype(join(people{}, on("customr"_col)))>() == fault_kind::no_such_column);
static_assert(problem_of<decltype(join(people{}, on("status"_col == "customer"_col)))>() == fault_kind::cannot_join);
static_assert(problem_of<decltype(semi_join(people{}, on("id"_col == "customer"_col)))>() == fault_kind::none);
static_assert(problem_of<decltype(join(people{}, on("id"_col == "boss"_col)))>() == fault_kind::on_both_sides);
static_assert(problem_of<decltype(join(people{}, on()))>() == fault_kind::needs_keys);
static_assert(problem_of<decltype(mark_join(people{}, on("customer"_col), "id"_col))>() == fault_kind::duplicate_name);
static_assert(problem_of<decltype(null_aware_anti_join(people{}, on("customer"_col, "id"_col == "boss"_col)))>() ==
              fault_kind::needs_one_key);
static_assert(problem_of<decltype(semi_join(people{}, on("customer"_col), "name"_col > 1))>() ==
              fault_kind::cannot_compare);

// ---- against the reference ------------------------------------------------------------------------------------------

/// The left side three times, as in run_test.cpp; the other side's columns are called like the left's with a `b_`.
struct two_sides {
  explicit two_sides(std::uint32_t row_count)
      : left(pillar::table_options{.distribution = pillar::by_key("few"_col, pillar::slices{2}),
                                   .order = pillar::compound("day"_col),
                                   .row_group_rows = 1024}),
        other(pillar::describe<sample>(), pillar::table_options{.row_group_rows = 1024}) {
    EXPECT_TRUE(left.append(set_of(pillar::describe<sample>(), sample_rows(3, row_count))).ok());
    EXPECT_TRUE(other.append(set_of(pillar::describe<sample>(), sample_rows(4, 1'100))).ok());
    pillar::inline_executor runner;
    auto scanned = run_plan({&left, nullptr, {}}, runner);
    EXPECT_TRUE(scanned.ok());
    in_memory = std::make_shared<column_set>(scanned->rows());
  }
  pillar::typed_table<sample> left;
  pillar::table other;
  std::shared_ptr<const column_set> in_memory;
};

pillar::plan_stage where_stage(pillar::expression predicate) {
  pillar::plan_stage made;
  made.kind = stage_kind::where;
  made.predicate = std::move(predicate);
  return made;
}

/// A join with a random part of the other side, by keys that often meet.
pillar::plan_stage random_join(pillar::splitmix64& random, const two_sides& sides, join_kind kind, bool is_second) {
  static constexpr const char* names[] = {"few",  "small", "flag",  "day",  "at",
                                          "word", "long",  "price", "real", "narrow"};
  auto join = std::make_shared<pillar::plan_join>();
  join->kind = kind;
  join->mark = "mark";
  join->other.from_table = &sides.other;
  const bool same_names = random.chance(1, 3);
  pillar::plan_stage renamed;
  renamed.kind = stage_kind::project;
  const std::size_t key_count = is_null_aware(join->kind) ? 1 : 1 + random.below(3);
  std::vector<std::string> keys;
  while (keys.size() < key_count) keys.emplace_back(names[random.below(10)]);
  // A flag alone, or a second join, multiplies rows.
  const std::uint64_t most = is_second ? 8 : keys.size() == 1 && keys[0] == "flag" ? 3 : 40;
  const std::int64_t first = static_cast<std::int64_t>(random.below(1'000));
  const std::int64_t count = random.chance(1, 6) ? 0 : static_cast<std::int64_t>(1 + random.below(most));
  join->other.stages.push_back(where_stage(col("id").between(first, first + count - 1)));
  for (const auto& column : pillar::describe<sample>().columns) {
    const bool is_key = std::find(keys.begin(), keys.end(), column.name) != keys.end();
    renamed.values.push_back({is_key && same_names ? column.name : "b_" + column.name, col(column.name)});
  }
  join->other.stages.push_back(renamed);
  for (const auto& key : keys) join->keys.push_back({key, same_names ? key : "b_" + key});
  if (!is_null_aware(join->kind) && random.chance(1, 3))
    join->condition = random.chance(1, 2) ? col("small") <= col("b_small") : col("b_id") * 2 > col("id") - 20;
  return pillar::stage_of(*join);
}

/// What may come behind: columns of both sides are read, or few, or none.
void add_sink(pillar::splitmix64& random, const pillar::dynamic_schema& reached, bool is_ordered, query_plan& plan) {
  pillar::plan_stage made;
  const auto pick = [&] { return reached[random.below(reached.size())].name; };
  switch (random.below(5)) {
    case 0: return;
    case 1: plan.stages.push_back(where_stage(col(pick()).is_not_null())); return;
    case 2: {
      made.kind = stage_kind::group_by;
      if (random.chance(3, 4)) {
        const std::string key = pick();
        made.values.push_back({"g_" + key, col(key)});
      }
      made.aggregates.push_back({"n", pillar::aggregate_kind::count_rows});
      const std::string input = pick();
      made.aggregates.push_back({"least", pillar::aggregate_kind::min, col(input)});
      if (is_ordered) {
        made.aggregates.push_back({"first_one", pillar::aggregate_kind::first, col(input)});
        made.aggregates.push_back({"last_one", pillar::aggregate_kind::last, col(input)});
      }
      break;
    }
    default:
      made.kind = random.chance(1, 2) ? stage_kind::top : stage_kind::order_by;
      made.limit = random.below(60);
      made.order.push_back({pick(), random.chance(1, 2), random.chance(1, 2)});
      if (!is_ordered)
        for (const auto& column : reached.columns) made.order.push_back({column.name, false, false});
  }
  plan.stages.push_back(std::move(made));
}

TEST(pipeline_join, random_joins_agree_with_the_reference) {
  const two_sides sides(sanitized ? 700 : 1'700);
  pillar::inline_executor alone;
  pillar::worker_pool pool(3);
  pillar::splitmix64 random(20'260'507);
  const int wanted = std::getenv("PILLAR_TEST_LONG") != nullptr ? 1'500 : sanitized ? 9 : 27;
  int compared = 0, not_empty = 0;
  int of_kind[9] = {};
  for (int turn = 0; turn < wanted; ++turn) {
    query_plan plan;
    plan.from_table = &sides.left;
    plan.stages.push_back(where_stage(col("small") > 12));
    for (std::uint64_t joins = random.chance(1, 4) ? 2 : 1; joins > 0; --joins) {
      const bool is_second = plan.stages.size() > 1;
      plan.stages.push_back(
          random_join(random, sides, static_cast<join_kind>(is_second ? random.below(9) : turn % 9), is_second));
      if (result_schema(plan).ok()) ++of_kind[static_cast<int>(plan.stages.back().join->kind)];
      else plan.stages.pop_back();  // two joins that give columns of one name
    }
    reference_rows expected = reference_run(plan);
    if (random.chance(1, 2)) {
      const std::size_t before = plan.stages.size();
      add_sink(random, expected.schema, expected.is_ordered, plan);
      for (std::size_t i = before; i < plan.stages.size(); ++i) expected = reference_stage(expected, plan.stages[i]);
    }
    not_empty += expected.rows.empty() ? 0 : 1;
    for (const bool from_memory : {false, true}) {
      plan.from_table = from_memory ? nullptr : &sides.left;
      plan.from_rows = from_memory ? sides.in_memory : nullptr;
      for (const bool threads : {false, true}) {
        const auto done = threads ? run_plan(plan, pool) : run_plan(plan, alone);
        std::ostringstream text;
        text << "turn " << turn << (from_memory ? " from memory" : "") << (threads ? " three threads" : "");
        for (const auto& stage : plan.stages)
          if (stage.join != nullptr) {
            text << "; " << to_string(stage.join->kind) << (stage.join->condition.nodes.empty() ? "" : " if");
            for (const auto& key : stage.join->keys) text << ' ' << key.column << '=' << key.other;
          } else {
            text << "; stage " << static_cast<int>(stage.kind);
          }
        ASSERT_TRUE(done.ok()) << done.status() << text.str();
        ASSERT_EQ(difference(done->rows(), expected), "") << text.str();
        ++compared;
      }
    }
  }
  EXPECT_GE(compared, wanted * 4);
  EXPECT_GT(not_empty, wanted / 2);
  for (const int count : of_kind) EXPECT_GT(count, 0);
}

// ---- what the scan learns -------------------------------------------------------------------------------------------

struct lines : pillar::schema<pillar::field<"line", std::int64_t>, pillar::field<"key", pillar::nullable<std::int64_t>>,
                              pillar::field<"word", pillar::text>, pillar::field<"value", std::int32_t>> {};
struct parts : pillar::schema<pillar::field<"part", std::int64_t>, pillar::field<"name", pillar::text>,
                              pillar::field<"size", std::int32_t>> {};

/// 16 row groups of 4 vectors, clustered by key: row i has key 10 · i, every hundredth NULL.
struct clustered {
  clustered()
      : left(pillar::table_options{.row_group_rows = 4096}), right(pillar::table_options{.row_group_rows = 4096}) {
    pillar::column_set_builder rows(pillar::describe<lines>()), other(pillar::describe<parts>());
    bool good = true;
    for (std::int64_t i = 0; i < 65'536; ++i) {
      good = good && rows.column_at(0).append_integer(i).ok();
      good = good && (i % 100 == 0 ? rows.column_at(1).append_null() : rows.column_at(1).append_integer(i * 10)).ok();
      good = good && rows.column_at(2).append_text("w" + std::to_string(i)).ok();
      good = good && rows.column_at(3).append_integer(i % 97).ok();
    }
    for (std::int64_t i = 0; i < 3'000; ++i) {
      good = good && other.column_at(0).append_integer(200'000 + i * 15).ok();  // every second one is a key
      good = good && other.column_at(1).append_text("w" + std::to_string(20'000 + i)).ok();
      good = good && other.column_at(2).append_integer(static_cast<std::int32_t>(i % 10)).ok();
    }
    EXPECT_TRUE(good && left.append(*rows.finish()).ok() && right.append(*other.finish()).ok());
  }
  pillar::typed_table<lines> left;
  pillar::typed_table<parts> right;
};

TEST(pipeline_join, keys_of_the_other_side_skip_blocks_of_the_scan) {
  const clustered tables;
  pillar::worker_pool pool(2);
  const auto done = run(scan(tables.left) | join(tables.right, on("key"_col == "part"_col)) |
                            aggregate(count(), sum("value"_col), min("name"_col)),
                        pool);
  ASSERT_TRUE(done.ok()) << done.status();
  std::int64_t rows = 0, sum = 0;
  for (std::int64_t i = 20'000; i < 24'500; i += 3)
    if (i % 100 != 0) ++rows, sum += i % 97;
  EXPECT_EQ(done->rows().at(0, 0).integer, rows);
  EXPECT_EQ(done->rows().at(0, 1).integer, sum);
  const pillar::scan_statistics& stats = done->stats();
  EXPECT_EQ(stats.row_groups, 16u);
  EXPECT_EQ(stats.row_groups_skipped, 14u);  // keys 200,000 to 244,985 lie in two of them
  ASSERT_EQ(stats.columns.size(), 2u);       // the key and the value
  for (const auto& column : stats.columns) {
    EXPECT_EQ(column.blocks_untouched, 14u);
    EXPECT_GE(column.vectors[0], 56u + 2) << "and in five vectors";
  }
  ASSERT_EQ(stats.joins.size(), 1u);
  EXPECT_EQ(stats.joins[0].keys, "key = part");
  EXPECT_EQ(stats.joins[0].build_rows, 3'000u);
  EXPECT_GT(stats.joins[0].table_bytes, 0u);
  EXPECT_EQ(stats.joins[0].rows_out, static_cast<std::uint64_t>(rows));
  EXPECT_LT(stats.joins[0].rows_probed, 5'200u);
  ASSERT_GE(stats.joins[0].pushed.size(), 1u);
  EXPECT_NE(stats.joins[0].pushed[0].find("244985"), std::string::npos) << stats.joins[0].pushed[0];
  std::ostringstream text;
  text << stats;
  EXPECT_NE(text.str().find("inner on key = part: " + std::to_string(rows) + " rows of "), std::string::npos);

  // Who may keep rows without a partner learns nothing.
  for (const pillar::any_query& all :
       {pillar::any_query(scan(tables.left) | left_join(tables.right, on("key"_col == "part"_col))),
        pillar::any_query(scan(tables.left) | anti_join(tables.right, on("key"_col == "part"_col)))}) {
    const auto kept = run(all, pool);
    ASSERT_TRUE(kept.ok()) << kept.status();
    EXPECT_EQ(kept->stats().row_groups_skipped, 0u);
    EXPECT_TRUE(kept->stats().joins[0].pushed.empty());
    EXPECT_EQ(kept->stats().joins[0].rows_probed, 65'536u);
    if (kept->rows().columns.size() == 7) {
      EXPECT_EQ(kept->rows().columns[5].null_count(), 65'536u - static_cast<std::uint64_t>(rows));
    }
  }
}

TEST(pipeline_join, keys_and_conditions_go_through_other_joins_to_the_scan) {
  const clustered tables;
  pillar::inline_executor alone;
  const auto few = scan(tables.right) | where("size"_col == 4 && "part"_col < 201'000) |
                   project("part"_col.as("key"_col), "size"_col);
  const auto query = scan(tables.left) | left_join(tables.right, on("word"_col == "name"_col)) |
                     semi_join(few, on("key"_col)) | where("line"_col >= 20'010 && "name"_col.is_not_null()) |
                     project("line"_col, "name"_col, "size"_col);
  const auto done = run(query, alone);
  ASSERT_TRUE(done.ok()) << done.status();
  ASSERT_EQ(done->rows().row_count(), 6u);  // of seven parts the first comes before 20,010
  for (std::uint64_t r = 0; r < 6; ++r) {
    EXPECT_EQ(done->rows().at(r, 0).integer, 20'021 + static_cast<int>(r) * 15);
    EXPECT_EQ(done->rows().at(r, 1).text, "w" + std::to_string(20'021 + r * 15));
    EXPECT_EQ(done->rows().at(r, 2).integer, (21 + static_cast<int>(r) * 15) % 10);
  }
  EXPECT_EQ(done->stats().row_groups_skipped, 15u);
  ASSERT_EQ(done->stats().joins.size(), 2u);
  EXPECT_TRUE(done->stats().joins[0].pushed.empty());
  EXPECT_FALSE(done->stats().joins[1].pushed.empty());
  EXPECT_LT(done->stats().joins[0].rows_probed, 10u);  // the points of the second join came first
}

TEST(pipeline_join, explanations_and_audits_see_the_keys) {
  const clustered tables;
  const auto query =
      scan(tables.left) | where("value"_col > 5) | semi_join(scan(tables.right), on("key"_col == "part"_col));
  const auto explained = explain(query);
  ASSERT_TRUE(explained.ok()) << explained.status();
  ASSERT_TRUE(explained->run.ok()) << explained->run;
  ASSERT_GE(explained->conjuncts.size(), 2u);
  EXPECT_FALSE(explained->conjuncts[0].of_join);
  EXPECT_TRUE(explained->conjuncts[1].of_join);
  const auto by_zone = static_cast<std::size_t>(pillar::answer_layer::zone);
  EXPECT_EQ(explained->conjuncts[1].groups[by_zone][0], 14u);
  EXPECT_EQ(explained->stats.row_groups_skipped, 14u);
  ASSERT_EQ(explained->joins.size(), 1u);
  EXPECT_EQ(explained->joins[0].rows_out, explained->stats.joins[0].rows_out);
  std::ostringstream text;
  text << *explained;
  EXPECT_NE(text.str().find("(said by a join's keys)"), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("semi on key = part: "), std::string::npos) << text.str();
  ASSERT_TRUE(explain(query, 0, 5).ok());

  const auto clean = audit(query, {.sample = sanitized ? 0.2 : 1.0});
  ASSERT_TRUE(clean.ok()) << clean.status();
  EXPECT_TRUE(clean->clean()) << *clean;
  EXPECT_GT(clean->checks[static_cast<std::size_t>(pillar::audit_claim::join_keys)], 0u);

  // A zone map that hides partners.
  const_cast<pillar::row_group&>(*tables.left.version()->slices[0].groups[5]).blocks[1].zone.integers = {0, 10};
  const auto lying = audit(query);
  ASSERT_TRUE(lying.ok()) << lying.status();
  const auto is_of_join = [](const pillar::liar& one) { return one.what == pillar::audit_claim::join_keys; };
  EXPECT_TRUE(std::any_of(lying->liars.begin(), lying->liars.end(), is_of_join)) << *lying;
}

// ---- order and arithmetic -------------------------------------------------------------------------------------------

using number_rows = std::vector<std::vector<std::int64_t>>;
column_set numbers(const std::vector<std::string>& names, const number_rows& rows) {
  pillar::dynamic_schema schema;
  for (const auto& name : names) schema.columns.push_back({name, type_of<std::int64_t>});
  pillar::column_set_builder made(schema);
  for (const auto& row : rows)
    for (std::uint32_t c = 0; c < row.size(); ++c) EXPECT_TRUE(made.column_at(c).append_integer(row[c]).ok());
  return *made.finish();
}
/// "1,2; NULL,3", or what is wrong.
std::string text_of(const pillar::any_query& query) {
  pillar::inline_executor alone;
  const auto done = run(query, alone);
  if (!done.ok()) return std::string(done.status().message());
  std::string text;
  for (std::uint64_t r = 0; r < done->rows().row_count(); ++r)
    for (std::uint32_t c = 0; c < done->rows().columns.size(); ++c)
      text += (c != 0 ? "," : r != 0 ? "; " : "") + to_string(done->rows().at(r, c));
  return text;
}

TEST(pipeline_join, rows_that_a_join_makes_of_one_row_keep_the_order_of_the_other_side) {
  const auto source = scan(numbers({"k"}, {{1}, {2}}));
  const auto twice = scan(numbers({"j", "x"}, {{1, 10}, {1, 20}, {9, 30}}));
  const auto pairs = source | join(twice, on("k"_col == "j"_col));
  EXPECT_EQ(text_of(pairs | aggregate(first("x"_col), last("x"_col).as("l"_col))), "10,20");
  EXPECT_EQ(text_of(pairs | group_by("k"_col)(last("x"_col))), "1,20");
  EXPECT_EQ(text_of(pairs | top(1)), "1,1,10");
  EXPECT_EQ(text_of(source | full_join(twice, on("k"_col == "j"_col)) | top(2)), "1,1,10; 1,1,20");
  // What two joins have not found comes join by join.
  EXPECT_EQ(text_of(source | full_join(scan(numbers({"a"}, {{1}, {7}, {8}})), on("k"_col == "a"_col)) |
                    full_join(scan(numbers({"b"}, {{2}, {3}, {4}})), on("k"_col == "b"_col))),
            "1,1,NULL; 2,NULL,2; NULL,7,NULL; NULL,8,NULL; NULL,NULL,3; NULL,NULL,4");

  pillar::dynamic_schema schema;
  schema.columns = {{"j", type_of<std::int64_t>}, {"w", type_of<pillar::text>}};
  pillar::column_set_builder words(schema);
  std::string expected;
  for (int i = 0; i < 60; ++i) {  // each word twice
    const std::string word = "w" + std::to_string(i * 7 % 30);
    ASSERT_TRUE(words.column_at(0).append_integer(1).ok() && words.column_at(1).append_text(word).ok());
    if (i < 30) expected += (i == 0 ? "" : ",") + word;
  }
  EXPECT_EQ(text_of(source | join(scan(*words.finish()), on("k"_col == "j"_col)) |
                    aggregate(string_agg("w"_col, ",").distinct())),
            expected);
}

TEST(pipeline_join, rows_without_a_partner_cannot_overflow) {
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  number_rows once, twice;  // too many keys for points: row 5 reaches the probe
  for (std::int64_t key = 0; key < 100; ++key) {
    if (key == 5) continue;
    once.push_back({key, key});
    twice.insert(twice.end(), {{key, key}, {key, key}});
  }
  const auto source = scan(numbers({"k", "v"}, {{1, 5}, {5, most}}));
  const auto doubled = source | project("k"_col, ("v"_col + "v"_col).as("vv"_col));
  const std::string overflow = text_of(doubled);
  EXPECT_NE(overflow.find("overflow"), std::string::npos) << overflow;
  const std::string row = "1,10", two_rows = "1,10; 1,10";
  for (const bool repeated : {false, true}) {
    const auto other = scan(numbers({"j", "x"}, repeated ? twice : once));
    const auto keys = on("k"_col == "j"_col);
    const auto back = project("k"_col, "vv"_col);
    EXPECT_EQ(text_of(doubled | join(other, keys) | back), repeated ? two_rows : row);
    EXPECT_EQ(text_of(doubled | join(other, keys, "x"_col < 50) | back), repeated ? two_rows : row);
    EXPECT_EQ(text_of(doubled | right_join(other, keys, "vv"_col > "x"_col) | where("k"_col.is_not_null()) | back),
              repeated ? two_rows : row);
    EXPECT_EQ(text_of(doubled | semi_join(other, keys)), row);
    EXPECT_EQ(text_of(doubled | semi_join(other, keys, "vv"_col > "x"_col)), row);
    EXPECT_EQ(text_of(doubled | left_join(other, keys) | back), overflow);
    EXPECT_EQ(text_of(doubled | anti_join(other, keys)), overflow);
  }

  // Nor in a condition, where the keys have dropped it: the audit knows.
  const column_set rows = numbers({"k", "v"}, {{1, 5}, {5, most}});
  pillar::table table(rows.schema, pillar::table_options{});
  ASSERT_TRUE(table.append(rows).ok());
  const auto query =
      scan(table) | where("v"_col + "v"_col > 0) | join(scan(numbers({"j"}, {{1}, {9}})), on("k"_col == "j"_col));
  EXPECT_EQ(text_of(query), "1,5,1");
  const auto audited = audit(query);
  ASSERT_TRUE(audited.ok()) << audited.status();
  EXPECT_TRUE(audited->clean()) << *audited;
}

/// The other side's columns lie in the order of its keys, int64 as int32 where all values are: borders of that, texts,
/// NULLs, each key once and twice, and ids that are positions already.
TEST(pipeline_join, arranged_columns_hold_what_they_held) {
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  pillar::inline_executor runner;
  for (const int beyond : {0, 1})
    for (const int copies : {1, 2})
      for (const int factor : {1, 7}) {  // 1: the keys come in order
        const auto boss_of = [&](int i) -> std::int64_t { return i == 0 ? most + beyond : i == 1 ? -most - 1 : i; };
        const auto name_of = [](int i) {
          return i % 2 == 0 ? std::to_string(i) : "a name of more than twelve characters " + std::to_string(i);
        };
        pillar::column_set_builder other(pillar::describe<customers>()), mine(pillar::describe<orders>());
        for (int i = 0; i < 100 * copies; ++i) {
          ASSERT_TRUE(other.column_at(0).append_integer(i * factor % 100).ok());
          ASSERT_TRUE(other.column_at(1).append_text(name_of(i)).ok());
          ASSERT_TRUE(
              (i % 5 == 3 ? other.column_at(2).append_null() : other.column_at(2).append_integer(boss_of(i))).ok());
        }
        const int sold_count = copies == 2 && factor == 7 ? 60 : 300;  // where few ask, rows stay where they are
        for (int i = 0; i < sold_count; ++i) {
          ASSERT_TRUE(mine.column_at(0).append_integer(i).ok() && mine.column_at(1).append_integer(i % 110).ok());
          ASSERT_TRUE(mine.column_at(2).append_text("open").ok());
        }
        pillar::typed_table<customers> right;
        pillar::typed_table<orders> sold;
        ASSERT_TRUE(right.append(*other.finish()).ok() && sold.append(*mine.finish()).ok());
        const auto made = run(scan(sold) | join(scan(right), on("customer"_col)), runner);
        ASSERT_TRUE(made.ok()) << made.status();
        const column_set& rows = made->rows();
        std::uint64_t row = 0;
        for (int i = 0; i < sold_count; ++i)
          for (int k = 0; k < 100 * copies; ++k) {
            if (k * factor % 100 != i % 110) continue;
            ASSERT_LT(row, rows.row_count());
            ASSERT_TRUE(rows.at(row, 0).integer == i && rows.at(row, 3).text == name_of(k)) << i << " " << k;
            ASSERT_EQ(rows.at(row, 4).null, k % 5 == 3);
            if (k % 5 != 3) ASSERT_TRUE(rows.at(row, 4).integer == boss_of(k)) << k;
            ++row;
          }
        EXPECT_EQ(row, rows.row_count());
      }
}

/// int64 against int32 and the other way, few keys (points) and many (a range and a test): what the narrow side cannot be
/// is nobody's partner, whatever its low bits are.
TEST(pipeline_join, integers_of_two_widths_meet) {
  for (const int key_count : {5, 400}) {
    pillar::column_set_builder other(pillar::describe<customers>()), mine(pillar::describe<orders>());
    for (int i = 0; i < key_count; ++i) {
      ASSERT_TRUE(other.column_at(0).append_integer(i * 1'000'003 - 2).ok() &&
                  other.column_at(1).append_text("a").ok());
      ASSERT_TRUE(other.column_at(2).append_null().ok());
      const std::int64_t far = std::int64_t{1} << 32;
      ASSERT_TRUE(mine.column_at(0).append_integer(i * 1'000'003 - 2 + (i % 2) * far).ok());
      ASSERT_TRUE(mine.column_at(1).append_integer(0).ok() && mine.column_at(2).append_text("b").ok());
    }
    pillar::typed_table<customers> narrow;
    pillar::typed_table<orders> wide;
    ASSERT_TRUE(narrow.append(*other.finish()).ok() && wide.append(*mine.finish()).ok());
    const std::string expected = std::to_string((key_count + 1) / 2);
    const auto count_rows = aggregate(count().as("n"_col));
    EXPECT_EQ(text_of(scan(wide) | semi_join(scan(narrow), on("id"_col == "customer"_col)) | count_rows), expected);
    EXPECT_EQ(text_of(scan(narrow) | semi_join(scan(wide), on("customer"_col == "id"_col)) | count_rows), expected);
    const auto ids = scan(wide) | project("id"_col);
    EXPECT_EQ(text_of(scan(narrow) | full_join(ids, on("customer"_col == "id"_col)) | count_rows),
              std::to_string(key_count + key_count / 2));
  }
}

TEST(pipeline_join, the_rows_of_a_result_are_another_side) {
  const clustered tables;
  pillar::inline_executor alone;
  const auto few = run(scan(tables.right) | where("part"_col < 200'100), alone);
  ASSERT_TRUE(few.ok()) << few.status();
  EXPECT_EQ(text_of(scan(tables.left) | join(*few, on("key"_col == "part"_col)) | aggregate(count())), "3");
}

// ---- mistakes and limits --------------------------------------------------------------------------------------------

TEST(pipeline_join, mistakes_are_sentences_when_a_query_is_run) {
  const clustered tables;
  const pillar::table& rows = tables.left;
  pillar::inline_executor alone;
  const auto message = [&](const pillar::any_query& query) {
    return std::string(run(query, alone).status().message());
  };
  EXPECT_EQ(message(scan(rows) | join(tables.right, on(col("kay") == col("part")))),
            "no column 'kay' among: line, key, word, value; did you mean 'key'?");
  EXPECT_EQ(message(scan(rows) | join(tables.right, on(col("key") == col("prat")))),
            "no column 'prat' among: part, name, size; did you mean 'part'?");
  EXPECT_EQ(message(scan(rows) | join(tables.right, on(col("value") == col("name")))),
            "column 'value': a join of int32 with text; both sides' keys need one type");
  EXPECT_EQ(message(scan(rows) | join(tables.left, on(col("line")))),
            "both sides have a column 'key'; rename one with project");
  EXPECT_EQ(message(scan(rows) | join(tables.right, on(col("key") < col("part")))),
            "a join's keys are columns, a pair of them with ==, and at least one");
  EXPECT_EQ(message(scan(rows) | join(scan(tables.right) | where(col("sise") > 1), on(col("key") == col("part")))),
            "no column 'sise' among: part, name, size; did you mean 'size'?");
  EXPECT_EQ(message(scan(rows) | semi_join(tables.right, on(col("key") == col("part")), col("size") > "x")),
            "column 'size': cannot compare int32 with text");
}

TEST(pipeline_join, without_memory_it_says_so) {
  const clustered tables;
  pillar::inline_executor alone;
  const auto query = scan(tables.left) |
                     join(scan(tables.left) | project("line"_col.as("other"_col), "word"_col.as("its"_col)),
                          on("key"_col == "other"_col)) |
                     aggregate(count());
  std::uint64_t refused = 0;
  for (std::uint64_t limit = 64 << 10; limit < 64 << 20; limit *= 4) {
    pillar::memory_budget budget(limit);
    pillar::query_context context({.budget = &budget});
    const auto done = run(query, alone, context);
    if (done.ok()) {
      EXPECT_EQ(done->rows().at(0, 0).integer, 6'488);
    } else {
      EXPECT_EQ(done.status().code(), absl::StatusCode::kResourceExhausted) << done.status();
      ++refused;
    }
  }
  EXPECT_GT(refused, 1u);
}

}  // namespace
}  // namespace pillar_test::pipeline_join
