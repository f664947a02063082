// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/stages.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "pillar/column/schema.hpp"
#include "pillar/pipeline/query.hpp"

namespace pillar_test::pipeline_stages {
namespace {

using namespace pillar::query;
using pillar::aggregate_kind;
using pillar::data_type;
using pillar::decimal_type;
using pillar::fault_kind;
using pillar::type_of;

struct orders : pillar::schema<pillar::field<"id", std::int64_t>, pillar::field<"day", pillar::date>,
                               pillar::field<"state", pillar::nullable<pillar::text>>, pillar::field<"open", bool>,
                               pillar::field<"total", pillar::nullable<pillar::decimal<15, 2>>>,
                               pillar::field<"count", std::uint16_t>, pillar::field<"weight", float>> {};

template <class Stage>
constexpr fault_kind problem_of(const Stage&) {
  return Stage::template check<orders>().kind;
}
template <class Stage>
using output = typename Stage::template output<orders>;
template <class S>
constexpr bool has(std::size_t index, std::string_view name, data_type type) {
  return index < S::columns.size() && S::columns[index].name == name && S::columns[index].type == type;
}

// ---- what a stage does to a schema ----------------------------------------------------------------------------------

constexpr auto kept = where("day"_col >= date{2026, 1, 1} && "open"_col);
static_assert(problem_of(kept) == fault_kind::none);
static_assert(std::is_same_v<output<std::remove_const_t<decltype(kept)>>, orders>);

constexpr auto chosen = project("id"_col, "total"_col.as("price"_col), ("total"_col * "count"_col).as("value"_col),
                                ("count"_col * 2).as("twice"_col), ("weight"_col * 2).as("heavy"_col));
static_assert(problem_of(chosen) == fault_kind::none);
using chosen_schema = output<std::remove_const_t<decltype(chosen)>>;
static_assert(chosen_schema::columns.size() == 5);
static_assert(has<chosen_schema>(0, "id", type_of<std::int64_t>));
static_assert(has<chosen_schema>(1, "price", decimal_type(15, 2, true)));
static_assert(has<chosen_schema>(2, "value", decimal_type(20, 2, true)));  // 15 + 5 digits of uint16
static_assert(has<chosen_schema>(3, "twice", type_of<std::int64_t>));
static_assert(has<chosen_schema>(4, "heavy", type_of<double>));

constexpr auto grouped = group_by("state"_col, ("count"_col + 1).as("next"_col));
using grouped_schema = output<decltype(grouped(count(), count("id"_col), sum("total"_col), sum("count"_col),
                                               sum("weight"_col), min("day"_col), max("state"_col), avg("total"_col),
                                               sum("total"_col * "total"_col).as("squares"_col)))>;
static_assert(grouped_schema::columns.size() == 11);
static_assert(has<grouped_schema>(0, "state", type_of<pillar::text>.as_nullable()));
static_assert(has<grouped_schema>(1, "next", type_of<std::int64_t>));
static_assert(has<grouped_schema>(2, "count", type_of<std::int64_t>));
static_assert(has<grouped_schema>(3, "count_id", type_of<std::int64_t>));
static_assert(has<grouped_schema>(4, "sum_total", decimal_type(38, 2, true)));
static_assert(has<grouped_schema>(5, "sum_count", decimal_type(38, 0, true)));
static_assert(has<grouped_schema>(6, "sum_weight", type_of<double>.as_nullable()));
static_assert(has<grouped_schema>(7, "min_day", type_of<pillar::date>.as_nullable()));
static_assert(has<grouped_schema>(8, "max_state", type_of<pillar::text>.as_nullable()));
static_assert(has<grouped_schema>(9, "avg_total", type_of<double>.as_nullable()));
static_assert(has<grouped_schema>(10, "squares", decimal_type(38, 4, true)));

constexpr auto ordered = order_by(ascending("day"_col), descending("total"_col).nulls_first());
static_assert(problem_of(ordered) == fault_kind::none);
static_assert(std::is_same_v<output<std::remove_const_t<decltype(ordered)>>, orders>);

// A query knows the schema of its rows.
template <class Query>
using schema_of = typename Query::schema_type;
using piped = decltype(pillar::query_of<orders>{} | where("id"_col > 1) | group_by("state"_col)(count()) |
                       top(3, descending("count"_col)));
static_assert(schema_of<piped>::columns.size() == 2 && has<schema_of<piped>>(1, "count", type_of<std::int64_t>));
// One run-time name, and the rest is checked when it runs.
static_assert(
    std::is_same_v<schema_of<decltype(pillar::query_of<orders>{} | where(col("id") > 1))>, pillar::any_schema>);
static_assert(std::is_same_v<schema_of<decltype(pillar::query_of<pillar::any_schema>{} | where("id"_col > 1))>,
                             pillar::any_schema>);

// ---- what it refuses ------------------------------------------------------------------------------------------------

static_assert(problem_of(where("ordr"_col > 1)) == fault_kind::no_such_column);
static_assert(problem_of(where("day"_col == "2026-01-01")) == fault_kind::cannot_compare);
static_assert(problem_of(where("id"_col + 1)) == fault_kind::needs_truth);
static_assert(problem_of(project("ordr"_col)) == fault_kind::no_such_column);
static_assert(problem_of(project(("id"_col > 1).as("big"_col))) == fault_kind::needs_value);
static_assert(problem_of(project(("state"_col + 1).as("x"_col))) == fault_kind::needs_number);
static_assert(problem_of(project("id"_col, "day"_col.as("id"_col))) == fault_kind::duplicate_name);
static_assert(problem_of(group_by("ordr"_col)(count())) == fault_kind::no_such_column);
static_assert(problem_of(group_by("id"_col)(sum("state"_col))) == fault_kind::needs_number);
static_assert(problem_of(group_by("id"_col)(avg("day"_col))) == fault_kind::needs_number);
static_assert(problem_of(group_by("id"_col)(count("id"_col > 1))) == fault_kind::needs_value);
static_assert(problem_of(group_by(("id"_col > 1).as("big"_col))(count())) == fault_kind::needs_value);
static_assert(problem_of(group_by("count"_col)(count())) == fault_kind::duplicate_name);
static_assert(problem_of(group_by("id"_col)(count(), count())) == fault_kind::duplicate_name);
static_assert(problem_of(order_by(ascending("id"_col), ascending("ordr"_col))) == fault_kind::no_such_column);
static_assert(problem_of(top(1, descending("ordr"_col))) == fault_kind::no_such_column);

// ---- what it becomes ------------------------------------------------------------------------------------------------

TEST(pipeline_stages, lower_to_a_plan_with_all_their_words) {
  const auto stage = grouped(count(), sum("total"_col).as("revenue"_col)).lower();
  EXPECT_EQ(stage.kind, pillar::stage_kind::group_by);
  ASSERT_EQ(stage.values.size(), 2u);
  EXPECT_EQ(stage.values[0].name, "state");
  EXPECT_EQ(stage.values[1].name, "next");
  EXPECT_EQ(stage.values[1].value.nodes.size(), 3u);
  ASSERT_EQ(stage.aggregates.size(), 2u);
  EXPECT_EQ(stage.aggregates[0].kind, aggregate_kind::count_rows);
  EXPECT_TRUE(stage.aggregates[0].input.nodes.empty());
  EXPECT_EQ(stage.aggregates[1].name, "revenue");
  EXPECT_EQ(stage.aggregates[1].kind, aggregate_kind::sum);

  const auto order = ordered.lower();
  EXPECT_EQ(order.kind, pillar::stage_kind::order_by);
  ASSERT_EQ(order.order.size(), 2u);
  EXPECT_EQ(order.order[1].column, "total");
  EXPECT_TRUE(order.order[1].descending);
  EXPECT_TRUE(order.order[1].nulls_first);
  EXPECT_FALSE(order.order[0].nulls_first);

  const auto best = top(7, descending("id"_col)).lower();
  EXPECT_EQ(best.kind, pillar::stage_kind::top);
  EXPECT_EQ(best.limit, 7u);
}

TEST(pipeline_stages, run_time_names_lower_to_the_same_plan) {
  const auto typed = group_by("state"_col)(count(), sum("total"_col), max("day"_col).as("last"_col)).lower();
  const auto dynamic = group_by(col("state"))(count(), sum(col("total")), max(col("day")).as("last")).lower();
  ASSERT_EQ(typed.aggregates.size(), dynamic.aggregates.size());
  EXPECT_EQ(typed.values[0].name, dynamic.values[0].name);
  for (std::size_t i = 0; i < typed.aggregates.size(); ++i) {
    EXPECT_EQ(typed.aggregates[i].name, dynamic.aggregates[i].name);
    EXPECT_EQ(typed.aggregates[i].kind, dynamic.aggregates[i].kind);
    EXPECT_EQ(typed.aggregates[i].input.nodes.size(), dynamic.aggregates[i].input.nodes.size());
  }
}

}  // namespace
}  // namespace pillar_test::pipeline_stages
