// SPDX-License-Identifier: Apache-2.0
#include "../../examples/demo/orders.hpp"

#include <gtest/gtest.h>

namespace pillar_test::examples_orders {
namespace {

TEST(examples_orders, the_same_rows_for_a_seed_in_any_order_of_chunks) {
  const demo::order_source a(600'000, 7), b(600'000, 7), other(600'000, 8);
  ASSERT_EQ(a.chunk_count(), 3u);
  const auto last = a.chunk(2), first = a.chunk(0), again = b.chunk(2), different = other.chunk(2);
  ASSERT_TRUE(last.ok() && first.ok() && again.ok() && different.ok());
  ASSERT_EQ(last->row_count(), 600'000u - 2 * demo::order_source::chunk_rows);
  std::uint64_t differences = 0;
  for (std::uint64_t row = 0; row < last->row_count(); row += 97) {
    for (std::uint32_t c = 0; c < last->columns.size(); ++c) {
      ASSERT_TRUE(last->at(row, c) == again->at(row, c)) << row << " " << c;
      differences += last->at(row, c) == different->at(row, c) ? 0 : 1;
    }
  }
  EXPECT_GT(differences, 1000u);
  EXPECT_TRUE(first->at(0, 0).integer == 1'000'000);
}

TEST(examples_orders, rows_look_like_a_shop) {
  const demo::order_source source(100'000);
  const auto rows = source.chunk(0);
  ASSERT_TRUE(rows.ok());
  ASSERT_EQ(rows->row_count(), 100'000u);
  ASSERT_EQ(rows->schema, pillar::describe<demo::orders>());
  std::uint64_t december = 0, favourite = 0;
  std::int32_t latest = 0;
  for (std::uint32_t row = 0; row < 100'000; ++row) {
    const auto day = rows->columns[2].slice(row, 1).value<std::int32_t>(0);
    ASSERT_TRUE(day >= demo::order_source::first_day.days && day < pillar::date(2026, 1, 1).days);
    ASSERT_GE(day, latest - 3);
    latest = latest < day ? day : latest;
    december += pillar::date::from_days(day).to_civil().month == 12 ? 1 : 0;
    favourite += rows->columns[1].slice(row, 1).value<std::int64_t>(0) == 0 ? 1 : 0;
    ASSERT_EQ(rows->columns[9].slice(row, 1).valid(0), rows->columns[4].slice(row, 1).text_value(0) != "cancelled");
  }
  EXPECT_GT(december, 12'000u);
  EXPECT_GT(favourite, 2'000u);
  EXPECT_NEAR(static_cast<double>(rows->columns[10].null_count()), 80'000, 1'000);
  EXPECT_NEAR(static_cast<double>(rows->columns[12].null_count()), 70'000, 1'000);
}

}  // namespace
}  // namespace pillar_test::examples_orders
