// SPDX-License-Identifier: Apache-2.0
/// What flat range tests mean, on every level; all types and tails are checked per level in
/// tests/levels/flat_match_cases.cpp.
#include "pillar/filter/flat_match.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/arch_levels.hpp"

namespace pillar_test::filter_flat_match {
namespace {

using pillar::flat_match_table;

std::vector<pillar::arch_level> levels() {
  return levels_to_test(
      [](pillar::arch_level l) -> const flat_match_table& { return pillar::flat_match_kernels_for(l); });
}

TEST(filter_flat_match, tail_bits_are_zero_even_where_zero_is_in_the_range) {
  for (const pillar::arch_level level : levels()) {
    const flat_match_table& table = pillar::flat_match_kernels_for(level);
    const std::int32_t values[5] = {1, 2, 3, 4, 5};
    std::uint64_t mask = ~std::uint64_t{0};
    table.match(values, -10, 10, 5, &mask);
    EXPECT_EQ(mask, 0x1fu);
  }
}

TEST(filter_flat_match, nan_is_greatest_and_zeros_are_equal) {
  for (const pillar::arch_level level : levels()) {
    const flat_match_table& table = pillar::flat_match_kernels_for(level);
    const double inf = std::numeric_limits<double>::infinity();
    const double values[6] = {-0.0, 0.0, std::nan(""), inf, -inf, 1.0};
    std::uint64_t mask = 0;
    table.match(values, 0.0, 0.0, false, 6, &mask);
    EXPECT_EQ(mask, 0b000011u);
    table.match(values, -0.0, -0.0, true, 6, &mask);
    EXPECT_EQ(mask, 0b000111u);
    table.match(values, 1.0, inf, true, 6, &mask);  // x >= 1
    EXPECT_EQ(mask, 0b101100u);
    table.match(values, inf, -inf, true, 6, &mask);  // x = NaN
    EXPECT_EQ(mask, 0b000100u);
  }
}

}  // namespace
}  // namespace pillar_test::filter_flat_match
