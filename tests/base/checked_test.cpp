// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/checked.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace pillar_test::base_checked {
namespace {

using namespace pillar;

/// All pairs of 8-bit values.
template <class T>
void expect_exact() {
  for (int a = std::numeric_limits<T>::min(); a <= std::numeric_limits<T>::max(); ++a)
    for (int b = std::numeric_limits<T>::min(); b <= std::numeric_limits<T>::max(); ++b) {
      const auto x = static_cast<T>(a), y = static_cast<T>(b);
      T out{};
      const auto fits = [](int exact) {
        return exact >= std::numeric_limits<T>::min() && exact <= std::numeric_limits<T>::max();
      };
      ASSERT_EQ(checked_add(x, y, out), fits(a + b));
      ASSERT_EQ(out, static_cast<T>(a + b));
      ASSERT_EQ(checked_subtract(x, y, out), fits(a - b));
      ASSERT_EQ(out, static_cast<T>(a - b));
      ASSERT_EQ(checked_multiply(x, y, out), fits(a * b));
      ASSERT_EQ(out, static_cast<T>(a * b));
    }
}
TEST(base_checked, bytes_are_exhaustive) {
  expect_exact<std::int8_t>();
  expect_exact<std::uint8_t>();
}

TEST(base_checked, borders_of_128_bits) {
  int128 out = 0;
  EXPECT_FALSE(checked_add(int128_max, int128{1}, out));
  EXPECT_TRUE(checked_add(int128_max, int128{-1}, out));
  EXPECT_FALSE(checked_subtract(int128_min, int128{1}, out));
  EXPECT_FALSE(checked_multiply(int128_min, int128{-1}, out));
  EXPECT_TRUE(checked_multiply(power_of_ten(19), power_of_ten(19), out));
  EXPECT_TRUE(out == power_of_ten(38));
  EXPECT_FALSE(checked_multiply(power_of_ten(38), int128{2}, out));
}
static_assert(lowest_of<std::int8_t>() == -128 && highest_of<std::uint64_t>() == (int128{1} << 64) - 1);
static_assert(lowest_of<int128>() == int128_min && power_of_ten(0) == 1 && power_of_ten(3) == 1000);
static_assert(integer<int128> && integer<std::uint8_t> && !integer<bool> && !integer<double>);

}  // namespace
}  // namespace pillar_test::base_checked
