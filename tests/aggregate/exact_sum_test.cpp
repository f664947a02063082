// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/exact_sum.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "pillar/base/env.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::aggregate_exact_sum {
namespace {

__extension__ using quad = __float128;
using pillar::exact_sum;

double sum_of(std::initializer_list<double> values) {
  exact_sum sum;
  for (const double value : values) sum.add(value);
  return sum.finalize();
}
std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

TEST(aggregate_exact_sum, cases_that_defeat_plain_addition) {
  const double infinity = std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::max();
  const double least = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(sum_of({}), 0.0);
  EXPECT_EQ(sum_of({1, 1e100, 1, -1e100}), 2.0);
  EXPECT_EQ(sum_of({1e308, 1e308, -1e308}), 1e308);
  EXPECT_EQ(sum_of({most, most}), infinity);
  EXPECT_EQ(sum_of({-most, -most}), -infinity);
  EXPECT_EQ(sum_of({most, most, -most, -most, least}), least);
  EXPECT_EQ(sum_of({least, least, least}), 3 * least);
  EXPECT_EQ(sum_of({1e-310, 1e-300, -1e-310}), 1e-300);
  EXPECT_EQ(sum_of({0.1, 0.2, -0.3}), 0x1p-55);
  EXPECT_EQ(bits(sum_of({-0.0})), bits(0.0));
  EXPECT_EQ(sum_of({infinity, 1}), infinity);
  EXPECT_TRUE(std::isnan(sum_of({infinity, -infinity})));
  EXPECT_TRUE(std::isnan(sum_of({1, std::numeric_limits<double>::quiet_NaN()})));
}

TEST(aggregate_exact_sum, ties_go_to_even_and_anything_below_breaks_them) {
  const double tie = 0x1p-53;  // half a unit of 1.0
  EXPECT_EQ(sum_of({1, tie}), 1.0);
  EXPECT_EQ(sum_of({1, tie, 0x1p-1000}), 1.0 + 0x1p-52);
  EXPECT_EQ(sum_of({1, tie, -0x1p-1000}), 1.0);
  EXPECT_EQ(sum_of({1 + 0x1p-52, tie}), 1 + 0x1p-51);
  EXPECT_EQ(sum_of({-1, -tie, -0x1p-1000}), -1.0 - 0x1p-52);
  EXPECT_EQ(sum_of({std::numeric_limits<double>::max(), 0x1p970}), std::numeric_limits<double>::infinity());
  EXPECT_EQ(sum_of({std::numeric_limits<double>::max(), 0x1p969}), std::numeric_limits<double>::max());
  EXPECT_EQ(sum_of({0x1.fffffffffffffp0, tie, tie}), 2.0);
}

TEST(aggregate_exact_sum, agrees_with_113_bits_where_those_are_exact) {
  pillar::splitmix64 random(4);
  for (int round = 0; round < turns(2000); ++round) {
    exact_sum sum;
    quad reference = 0;
    const int scale = static_cast<int>(random.below(1900)) - 1000;
    for (std::uint64_t i = 0, count = 1 + random.below(30); i < count; ++i) {
      const auto mantissa = static_cast<double>(static_cast<std::int64_t>(random() >> 11) - (std::int64_t{1} << 52));
      const double value = std::ldexp(mantissa, scale + static_cast<int>(random.below(50)));
      sum.add(value);
      reference += value;
    }
    ASSERT_EQ(bits(sum.finalize()), bits(static_cast<double>(reference) + 0.0)) << round;
  }
}

TEST(aggregate_exact_sum, any_order_and_split_gives_the_same_bits) {
  pillar::splitmix64 random(5);
  std::vector<double> values;
  for (int i = 0; i < 3000; ++i)
    values.push_back(std::ldexp(static_cast<double>(random()) - 0x1p63, static_cast<int>(random.below(1800)) - 950));
  exact_sum whole;
  whole.update(values);
  for (int round = 0; round < turns(20); ++round) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
    exact_sum parts[3];
    for (const double value : values) parts[random.below(3)].add(value);
    exact_sum merged;
    for (const auto& part : parts) merged.merge(part);
    ASSERT_EQ(bits(merged.finalize()), bits(whole.finalize()));
  }
}

}  // namespace
}  // namespace pillar_test::aggregate_exact_sum
