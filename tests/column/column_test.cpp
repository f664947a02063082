// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/column.hpp"

#include <gtest/gtest.h>

#include "pillar/column/builder.hpp"

namespace pillar_test::column_column {
namespace {

pillar::column thousand_and_some(pillar::memory_budget* budget = nullptr) {
  pillar::column_builder builder(pillar::type_of<pillar::nullable<std::int32_t>>, budget);
  for (std::int32_t i = 0; i < 1300; ++i) {
    const bool appended = i % 3 == 1 ? builder.append_null().ok() : builder.append_integer(i).ok();
    if (!appended) return {};
  }
  auto made = builder.finish();
  return made.ok() ? *made : pillar::column();
}

TEST(column_column, slices_at_any_offset) {
  const pillar::column whole = thousand_and_some();
  ASSERT_EQ(whole.size(), 1300u);
  EXPECT_EQ(whole.null_count(), 433u);
  for (std::uint64_t first = 0; first <= 1300; first += 37) {
    const auto left = static_cast<std::uint32_t>(1300 - first < 1024 ? 1300 - first : 1024);
    for (std::uint32_t count : {0u, 1u, left}) {
      if (count > left) continue;
      const pillar::vector view = whole.slice(first, count);
      ASSERT_EQ(view.size, count);
      for (std::uint32_t row = 0; row < count; ++row) {
        const auto value = static_cast<std::int32_t>(first + row);
        ASSERT_EQ(view.valid(row), value % 3 != 1) << first;
        if (view.valid(row)) {
          ASSERT_EQ(view.value<std::int32_t>(row), value);
        }
      }
    }
  }
}

TEST(column_column, copies_share_and_the_last_one_gives_the_memory_back) {
  pillar::memory_budget budget;
  {
    pillar::column copy;
    {
      const pillar::column whole = thousand_and_some(&budget);
      copy = whole;
      EXPECT_EQ(copy.slice(0, 1).values, whole.slice(0, 1).values);
    }
    EXPECT_GE(budget.used(), copy.byte_count());
    EXPECT_EQ(copy.slice(1299, 1).value<std::int32_t>(0), 1299);
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(column_column, an_empty_column_has_no_rows) {
  EXPECT_EQ(pillar::column().size(), 0u);
  pillar::column_builder builder(pillar::type_of<pillar::text>);
  auto made = builder.finish();
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->size(), 0u);
  EXPECT_EQ(made->slice(0, 0).size, 0u);
  EXPECT_EQ(made->byte_count(), 0u);
}

}  // namespace
}  // namespace pillar_test::column_column
