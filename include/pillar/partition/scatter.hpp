// SPDX-License-Identifier: Apache-2.0
/// From a slice per row to the rows of each slice: a stable counting sort.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// rows[starts[s], starts[s + 1]) are the rows of slice s in ascending order.
///
/// Shape:    rows holds row_count entries, starts slice_count + 1
/// Requires: slice_of_row[i] < slice_count; arrays do not overlap
/// Cost:     two passes; plain stores, which beat write combining up to 10 bits of slices
PILLAR_API void scatter_rows(const std::uint32_t* slice_of_row, std::uint32_t row_count, std::uint32_t slice_count,
                             std::uint32_t* rows, std::uint32_t* starts) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/partition/impl/scatter.hpp"
#endif
