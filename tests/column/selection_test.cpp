// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/selection.hpp"

#include <gtest/gtest.h>

namespace pillar_test::column_selection {
namespace {
using pillar::selection_mask;

TEST(column_selection, first_sets_exactly_the_first_rows) {
  for (std::uint32_t rows = 0; rows <= 1024; ++rows) {
    const auto mask = selection_mask::first(rows);
    ASSERT_EQ(mask.count(), rows);
    ASSERT_EQ(mask.any(), rows != 0);
    if (rows > 0) {
      ASSERT_TRUE(mask.test(rows - 1));
    }
    if (rows < 1024) {
      ASSERT_FALSE(mask.test(rows));
    }
  }
}

TEST(column_selection, and_or_visit_in_order) {
  selection_mask a = selection_mask::none(), b = selection_mask::none();
  for (std::uint32_t row = 0; row < 1024; ++row) {
    if (row % 3 == 0) pillar::set_bit(a.words, row);
    if (row % 5 == 0) pillar::set_bit(b.words, row);
  }
  selection_mask both = a, either = a;
  both &= b;
  either |= b;
  std::uint32_t expected = 0, seen = 0;
  pillar::for_each_row(both, [&](std::uint32_t row) {
    EXPECT_EQ(row, expected);
    expected += 15;
    ++seen;
  });
  EXPECT_EQ(seen, both.count());
  EXPECT_EQ(either.count(), a.count() + b.count() - both.count());
  EXPECT_FALSE(either == both);
  EXPECT_FALSE(selection_mask::none().any());
}

}  // namespace
}  // namespace pillar_test::column_selection
