// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/schema.hpp"

#include <gtest/gtest.h>

namespace pillar_test::column_schema {
namespace {

struct orders : pillar::schema<pillar::field<"id", std::int64_t>, pillar::field<"day", pillar::date>,
                               pillar::field<"total", pillar::nullable<pillar::decimal<15, 2>>>> {};
static_assert(pillar::typed_schema<orders> && !pillar::typed_schema<int> && !pillar::typed_schema<pillar::any_schema>);
static_assert(orders::column_count == 3 && orders::columns[1].name == "day");

TEST(column_schema, a_typed_schema_describes_itself) {
  const pillar::dynamic_schema described = pillar::describe<orders>();
  ASSERT_EQ(described.size(), 3u);
  EXPECT_EQ(described[2].name, "total");
  EXPECT_EQ(described[2].type, pillar::decimal_type(15, 2, true));
  EXPECT_EQ(described, pillar::describe<orders>());
}

TEST(column_schema, find_names_the_index_or_fails) {
  const pillar::dynamic_schema described = pillar::describe<orders>();
  EXPECT_EQ(*described.find("day"), 1u);
  EXPECT_EQ(described.find("Day").error().code, pillar::errc::no_such_column);
  EXPECT_EQ(described.find("").error().code, pillar::errc::no_such_column);
}

}  // namespace
}  // namespace pillar_test::column_schema
