// SPDX-License-Identifier: Apache-2.0
#include "pillar/simd/selection.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "pillar/base/env.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test::simd_selection {
namespace {

TEST(simd_selection, agrees_with_one_row_at_a_time_for_all_densities_and_tails) {
  pillar::splitmix64 random(5);
  unsigned cases = 0;
  for (const std::uint32_t row_count : {0u, 1u, 63u, 64u, 65u, 128u, 1000u, 1023u, 1024u, 65536u}) {
    for (unsigned percent : {0u, 1u, 10u, 50u, 99u, 100u}) {
      std::vector<std::uint64_t> words((row_count + 63) / 64);
      std::size_t set = 0;
      for (std::uint32_t row = 0; row < row_count; ++row)
        if (random.below(100) < percent) words[row / 64] |= std::uint64_t{1} << row % 64, ++set;
      guard_array<std::uint16_t> out(set);  // exactly the room that is asked for
      guard_array<std::uint16_t> expected(set);
      EXPECT_EQ(pillar::mask_to_selection(words.data(), row_count, out.data()), set);
      EXPECT_EQ(pillar::reference_mask_to_selection(words.data(), row_count, expected.data()), set);
      for (std::size_t i = 0; i < set; ++i) ASSERT_EQ(out[i], expected[i]);
      guard_array<std::uint16_t> sparse(set + pillar::sparse_selection_slack);
      EXPECT_EQ(pillar::sparse_mask_to_selection(words.data(), row_count, sparse.data()), set);
      for (std::size_t i = 0; i < set; ++i) ASSERT_EQ(sparse[i], expected[i]);
      ++cases;
    }
  }
  std::printf("[  CASES   ] %u\n", cases);
}

}  // namespace
}  // namespace pillar_test::simd_selection
