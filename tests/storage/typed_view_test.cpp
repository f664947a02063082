// SPDX-License-Identifier: Apache-2.0
// A schema-erased table seen through a typed schema: checked once, refused with the first difference.
#include <gtest/gtest.h>

#include <string>

#include "pillar/pipeline.hpp"

namespace pillar_test::storage_typed_view {
namespace {

struct pairs : pillar::schema<pillar::field<"k", std::int32_t>, pillar::field<"v", pillar::text>> {};
struct other_type : pillar::schema<pillar::field<"k", std::int32_t>, pillar::field<"v", double>> {};
struct too_few : pillar::schema<pillar::field<"k", std::int32_t>> {};

std::string message(const absl::Status& status) { return {status.message().data(), status.message().size()}; }

TEST(storage_typed_view, binds_a_table_of_that_schema) {
  using namespace pillar::query;
  const pillar::table table(pillar::describe<pairs>(), {});
  const auto view = bind<pairs>(table);
  ASSERT_TRUE(view.ok());
  const auto query = scan(*view) | where("k"_col > 1) | project("v"_col);
  pillar::inline_executor here;
  const auto answer = run(query, here);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->rows().row_count(), 0u);
  EXPECT_EQ(answer->rows().schema.columns.size(), 1u);
}

TEST(storage_typed_view, refuses_another_schema_with_the_first_difference) {
  const pillar::table table(pillar::describe<pairs>(), {});
  EXPECT_EQ(message(pillar::bind<other_type>(table).status()), "column 1 is 'v' as text, expected 'v' as double");
  EXPECT_EQ(message(pillar::bind<too_few>(table).status()), "there are 2 columns, expected 1");
}

}  // namespace
}  // namespace pillar_test::storage_typed_view
