// SPDX-License-Identifier: Apache-2.0
// Through the kernels that are made of them, at each level of this machine: what a row is, and that all levels, and
// narrow_moments for integers of 64 bits, write the same words.
#include "pillar/simd/product_row.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "pillar/aggregate/detail/narrow_moments.hpp"
#include "pillar/base/env.hpp"
#include "support/arch_levels.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test::simd_product_row {
namespace {

using pillar::detail::narrow_moments;
using pillar::detail::product_sums_kernels_for;

TEST(simd_product_row, levels_write_the_same_sums) {
  constexpr std::uint32_t group_count = 5, row_words = pillar::detail::product_sum_words;
  for (const pillar::arch_level level : levels_to_test(product_sums_kernels_for))
    for (const std::uint32_t count : {0u, 1u, 2u, 999u, 1024u}) {
      SCOPED_TRACE(std::string(pillar::to_string(level)) + ", " + std::to_string(count) + " rows");
      pillar::splitmix64 random(count);
      guard_array<std::uint32_t> groups(count);
      guard_array<std::int32_t> x(count), y(count);
      guard_array<std::uint64_t> words(group_count * row_words);
      for (std::uint32_t i = 0; i < group_count * row_words; ++i) words[i] = 0;
      std::int64_t wanted[group_count][6] = {};
      for (std::uint32_t i = 0; i < count; ++i) {
        groups[i] = static_cast<std::uint32_t>(random.below(group_count));
        x[i] = static_cast<std::int32_t>(random.below(2001)) - 1000;
        y[i] = static_cast<std::int32_t>(random.below(2001)) - (groups[i] == 0 ? 2000 : 1000);
        const std::int64_t a = x[i], b = y[i], sums[6] = {1, a, a * a, b, b * b, a * b};
        for (int sum = 0; sum < 6; ++sum) wanted[groups[i]][sum] += sums[sum];
      }
      product_sums_kernels_for(level).add(words.data(), groups.data(), count, x.data(), y.data());
      for (std::uint32_t group = 0; group < group_count; ++group) {
        for (std::uint32_t sum = 0; sum < 6; ++sum) {
          const std::uint64_t word = words[group * row_words + sum / 2];
          ASSERT_EQ(static_cast<std::int32_t>(sum % 2 == 0 ? word : word >> 32), wanted[group][sum])
              << "sum " << sum << " of group " << group;
        }
        ASSERT_EQ(words[group * row_words + 3], 0u);
      }
    }
}

TEST(simd_product_row, integers_of_both_widths_go_to_the_same_fields) {
  const std::uint32_t groups[] = {1, 0, 1};
  const std::int32_t x[] = {-5, 3, 7}, y[] = {2, -11, -13};
  const std::int64_t wide_x[] = {-5, 3, 7}, wide_y[] = {2, -11, -13};
  const std::int64_t wanted[2][6] = {{1, 3, -11, 9, 121, -33}, {2, 2, -11, 74, 173, -101}};
  for (const bool widened : {false, true}) {
    narrow_moments sums(true, true, nullptr);
    ASSERT_TRUE(sums.grow(2).ok());
    if (widened) {
      ASSERT_TRUE(sums.widen(2).ok());
    }
    sums.add(groups, 3, x, y);
    sums.add(groups, 3, wide_x, wide_y);
    for (std::uint32_t field = 0; field < 6; ++field) {
      EXPECT_EQ(sums.field(0, field), 2 * wanted[0][field]) << field;
      EXPECT_EQ(sums.field(1, field), 2 * wanted[1][field]) << field;
    }
  }
}

}  // namespace
}  // namespace pillar_test::simd_product_row
