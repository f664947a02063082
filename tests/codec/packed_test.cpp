// SPDX-License-Identifier: Apache-2.0
/// The choice of a table; the kernels themselves are checked per level in tests/levels/packed_cases.cpp.
#include "pillar/codec/packed.hpp"

#include <gtest/gtest.h>

namespace pillar_test::codec_packed {
namespace {

TEST(codec_packed, a_level_that_is_not_built_falls_back_to_a_lower_one) {
  for (const pillar::arch_level level : pillar::all_arch_levels)
    EXPECT_LE(static_cast<int>(pillar::packed_kernels_for(level).level), static_cast<int>(level));
}

TEST(codec_packed, lanes_follow_the_width) {
  EXPECT_EQ(pillar::packed_bytes(0), 0u);
  EXPECT_EQ(pillar::packed_bytes(12), 1536u);
  EXPECT_EQ(pillar::packed_lane_bytes(8), 1u);
  EXPECT_EQ(pillar::packed_lane_bytes(9), 2u);
  EXPECT_EQ(pillar::packed_lane_bytes(33), 8u);
  EXPECT_EQ(pillar::packed_max_field(64), ~std::uint64_t{0});
}

}  // namespace
}  // namespace pillar_test::codec_packed
