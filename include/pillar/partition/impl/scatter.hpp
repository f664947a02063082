// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/partition/scatter.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API void scatter_rows(const std::uint32_t* slice_of_row, std::uint32_t row_count, std::uint32_t slice_count,
                             std::uint32_t* PILLAR_RESTRICT rows, std::uint32_t* PILLAR_RESTRICT starts) noexcept {
  for (std::uint32_t slice = 0; slice <= slice_count; ++slice) starts[slice] = 0;
  for (std::uint32_t row = 0; row < row_count; ++row) {
    PILLAR_ASSERT(slice_of_row[row] < slice_count);
    ++starts[slice_of_row[row]];
  }
  std::uint32_t start = 0;
  for (std::uint32_t slice = 0; slice < slice_count; ++slice) {
    const std::uint32_t count = starts[slice];
    starts[slice] = start;
    start += count;
  }
  for (std::uint32_t row = 0; row < row_count; ++row) rows[starts[slice_of_row[row]]++] = row;
  // Each start now is its slice's end, which is the next one's start.
  for (std::uint32_t slice = slice_count; slice > 0; --slice) starts[slice] = starts[slice - 1];
  starts[0] = 0;
}

}  // namespace PILLAR_NAMESPACE
