// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/plan.hpp"

#include <gtest/gtest.h>

#include "pillar/expr/expression.hpp"
#include "pillar/pipeline/run.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "support/reference_query.hpp"

namespace pillar_test::pipeline_plan {
namespace {

using pillar::col;
using pillar::query_plan;
using pillar::scalar;
using pillar::stage_kind;

query_plan squares() {
  pillar::dynamic_schema schema;
  schema.columns = {{"n", pillar::type_of<std::int32_t>}, {"name", pillar::type_of<pillar::text>}};
  std::vector<cell_row> rows;
  for (int i = 0; i < 10; ++i)
    rows.push_back(
        {scalar::of_integer(schema[0].type, i), scalar::of_text(schema[1].type, i % 2 == 0 ? "even" : "odd")});
  query_plan plan;
  plan.from_rows = std::make_shared<pillar::column_set>(set_of(schema, rows));
  return plan;
}

/// An engine with a parser of its own fills plans in; no template of ours is involved.
TEST(pipeline_plan, is_a_value_that_programs_fill_in) {
  query_plan plan = squares();
  plan.stages.resize(3);
  plan.stages[0].kind = stage_kind::project;
  plan.stages[0].values = {{"square", col("n") * col("n")}, {"kind", col("name")}};
  plan.stages[1].kind = stage_kind::where;
  plan.stages[1].predicate = pillar::lower(col("square") > 3);
  plan.stages[2].kind = stage_kind::group_by;
  plan.stages[2].values = {{"kind", col("kind")}};
  plan.stages[2].aggregates = {{"total", pillar::aggregate_kind::sum, col("square")}};
  pillar::inline_executor runner;
  const auto done = run_plan(plan, runner);
  ASSERT_TRUE(done.ok()) << done.status();
  ASSERT_EQ(done->rows().row_count(), 2u);
  for (std::uint64_t r = 0; r < 2; ++r)
    EXPECT_EQ(done->rows().at(r, 1).integer,
              done->rows().at(r, 0).text == "even" ? 4 + 16 + 36 + 64 : 9 + 25 + 49 + 81);
}

TEST(pipeline_plan, aggregates_without_their_input_are_refused) {
  using pillar::aggregate_kind;
  pillar::inline_executor runner;
  for (const auto kind : {aggregate_kind::count, aggregate_kind::sum, aggregate_kind::min, aggregate_kind::max,
                          aggregate_kind::avg, aggregate_kind::count_rows}) {
    query_plan plan = squares();
    plan.stages.resize(1);
    plan.stages[0].kind = stage_kind::group_by;
    plan.stages[0].aggregates = {{"made", kind, {}}};
    EXPECT_EQ(run_plan(plan, runner).ok(), kind == aggregate_kind::count_rows);
    plan.stages[0].aggregates[0].input = col("n");
    EXPECT_EQ(run_plan(plan, runner).ok(), kind != aggregate_kind::count_rows);
    plan.stages[0].aggregates[0].options.distinct = true;
    if (kind == aggregate_kind::count_rows) plan.stages[0].aggregates[0].input = {};
    const auto done = run_plan(plan, runner);
    EXPECT_EQ(done.ok(), kind != aggregate_kind::count_rows);
    if (kind == aggregate_kind::count_rows)
      EXPECT_NE(done.status().message().find("aggregate 'made': count() takes no input"), std::string::npos);
  }
}

TEST(pipeline_plan, without_stages_gives_its_source) {
  pillar::inline_executor runner;
  const query_plan plan = squares();
  const auto done = run_plan(plan, runner);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(difference(done->rows(), rows_of(*plan.from_rows)), "");
}

/// Each projection doubles what stands behind a name. A plan that would grow without bound is refused, not run.
TEST(pipeline_plan, names_that_stand_for_too_much_are_refused) {
  query_plan plan = squares();
  pillar::plan_stage twice;
  twice.kind = stage_kind::project;
  twice.values = {{"n", col("n") + col("n")}};
  for (int i = 0; i < 6; ++i) plan.stages.push_back(twice);
  pillar::inline_executor runner;
  const auto done = run_plan(plan, runner);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rows().at(1, 0).integer, 64);
  for (int i = 0; i < 60; ++i) plan.stages.push_back(twice);
  const auto refused = run_plan(plan, runner);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << refused.status();
  EXPECT_NE(refused.status().message().find("'n'"), std::string::npos) << refused.status();
}

}  // namespace
}  // namespace pillar_test::pipeline_plan
