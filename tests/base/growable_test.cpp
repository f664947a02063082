// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/growable.hpp"

#include <gtest/gtest.h>

namespace pillar_test::base_growable {
namespace {

TEST(base_growable, keeps_its_values_while_it_grows_and_gives_all_memory_back) {
  pillar::memory_budget budget;
  {
    pillar::growable<std::uint32_t> numbers(&budget);
    for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_TRUE(numbers.append(i).ok());
    ASSERT_TRUE(numbers.append_zeros(3).ok());
    ASSERT_EQ(numbers.size(), 1003u);
    for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(numbers[i], i);
    EXPECT_EQ(numbers[1002], 0u);
    numbers.truncate(10);
    pillar::growable<std::uint32_t> moved(std::move(numbers));
    EXPECT_EQ(moved.size(), 10u);
    EXPECT_EQ(moved[9], 9u);
    EXPECT_GT(budget.used(), 0u);
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(base_growable, a_refused_reservation_changes_nothing) {
  pillar::memory_budget budget(2000);
  pillar::growable<std::uint64_t> numbers(&budget);
  const std::uint64_t some[] = {1, 2, 3};
  ASSERT_TRUE(numbers.append(some, 3).ok());
  EXPECT_EQ(numbers.reserve(1000).error().code, pillar::errc::out_of_memory);
  EXPECT_EQ(numbers.reserve(~std::size_t{0} / 2).error().code, pillar::errc::out_of_memory);
  ASSERT_EQ(numbers.size(), 3u);
  EXPECT_EQ(numbers[2], 3u);
}

// The value may lie in the array that grows.
TEST(base_growable, appends_a_value_of_its_own) {
  pillar::growable<std::uint64_t> numbers;
  ASSERT_TRUE(numbers.append(7).ok());
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(numbers.append(numbers[0]).ok());
  EXPECT_EQ(numbers[100], 7u);
}

}  // namespace
}  // namespace pillar_test::base_growable
