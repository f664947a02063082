// SPDX-License-Identifier: Apache-2.0
#include "pillar/partition/scatter.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "pillar/base/env.hpp"

namespace pillar_test::partition_scatter {
namespace {

TEST(partition_scatter, rows_of_each_slice_stay_in_order) {
  pillar::splitmix64 random(1);
  for (const std::uint32_t slice_count : {1u, 2u, 7u, 256u}) {
    for (const std::uint32_t row_count : {0u, 1u, 5000u}) {
      std::vector<std::uint32_t> slices(row_count), rows(row_count + 1, 99), starts(slice_count + 2, 77);
      for (auto& slice : slices) slice = static_cast<std::uint32_t>(random.below(slice_count));
      pillar::scatter_rows(slices.data(), row_count, slice_count, rows.data(), starts.data());
      std::vector<std::uint32_t> expected;
      for (std::uint32_t slice = 0; slice < slice_count; ++slice) {
        EXPECT_EQ(starts[slice], expected.size());
        for (std::uint32_t row = 0; row < row_count; ++row)
          if (slices[row] == slice) expected.push_back(row);
      }
      EXPECT_EQ(starts[slice_count], row_count);
      EXPECT_EQ(starts[slice_count + 1], 77u);
      expected.push_back(99);
      EXPECT_EQ(rows, expected);
    }
  }
}

}  // namespace
}  // namespace pillar_test::partition_scatter
