// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/run_options.hpp"

#include <gtest/gtest.h>

#include "pillar/pipeline.hpp"
#include "pillar/pipeline/spill.hpp"
#include "pillar/storage/memory_run_store.hpp"

namespace pillar_test::pipeline_run_options {
namespace {

using pillar::memory_budget;
using pillar::query_context;

TEST(pipeline_run_options, by_default_nothing_spills_and_results_are_the_contexts) {
  const pillar::run_options options;
  EXPECT_TRUE(options.spill.stores.empty());
  EXPECT_EQ(options.spill.make_groups, nullptr);
  EXPECT_EQ(options.spill.make_link, nullptr);
  EXPECT_EQ(options.result_budget, nullptr);
  // Stores that were named by hand are not used: spill_to knows how.
  EXPECT_TRUE(pillar::spill_to({}).stores.empty());
}

// Groups need 4,096 × some 40 bytes, their rows 64 KiB: which budget is refused, and whether rows are spilled.
TEST(pipeline_run_options, every_combination_says_what_it_lacks) {
  pillar::dynamic_schema schema;
  schema.columns = {{"k", pillar::type_of<std::int64_t>}};
  pillar::column_set_builder builder(schema);
  for (std::int64_t row = 0; row < 40'000; ++row) ASSERT_TRUE(builder.column_at(0).append_integer(row << 32).ok());
  pillar::query_plan plan;
  plan.from_rows = std::make_shared<pillar::column_set>(*builder.finish());
  plan.stages.resize(1);
  plan.stages[0].kind = pillar::stage_kind::group_by;
  plan.stages[0].values = {{"k", pillar::col("k")}};
  plan.stages[0].aggregates = {{"n", pillar::aggregate_kind::count_rows}};
  pillar::inline_executor alone;
  constexpr std::uint64_t few = 512 << 10, many = 64 << 20;
  struct combination {
    std::uint64_t limit;
    bool spills;
    std::uint64_t result_limit;  ///< 0: the context's budget
    bool done;
    bool spilled;
  };
  for (const combination& of : {combination{many, false, 0, true, false}, combination{few, false, many, false, false},
                                combination{few, true, many, true, true}, combination{few, true, 0, false, true},
                                combination{many, true, 1 << 10, false, false}, combination{many, true, 0, true, false},
                                combination{memory_budget::unlimited, true, 0, true, false}}) {
    SCOPED_TRACE(std::to_string(of.limit) + (of.spills ? " with a store" : "") + ", results " +
                 std::to_string(of.result_limit));
    memory_budget budget(of.limit), results(of.result_limit);
    pillar::memory_run_store store({.buffer_bytes = 128 << 10});
    query_context context({.budget = &budget});
    pillar::run_options options;
    if (of.spills) options.spill = pillar::spill_to({&store});
    if (of.result_limit != 0) options.result_budget = &results;
    const auto found = run_plan(plan, alone, context, options);
    EXPECT_EQ(found.status().code(), of.done ? absl::StatusCode::kOk : absl::StatusCode::kResourceExhausted);
    if (found.ok()) EXPECT_EQ(found->rows().row_count(), 40'000u);
    EXPECT_EQ(store.counts().rows_written != 0, of.spilled);
  }
}

}  // namespace
}  // namespace pillar_test::pipeline_run_options
