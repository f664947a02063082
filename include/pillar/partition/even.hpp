// SPDX-License-Identifier: Apache-2.0
/// Spreads rows evenly by their number, whatever they hold.
#pragma once
#include <cstdint>
#include <span>

#include "pillar/column/vector.hpp"
#include "pillar/partition/partitioner.hpp"

namespace PILLAR_NAMESPACE {

/// Row number modulo slices.
class even_partitioner {
 public:
  explicit constexpr even_partitioner(std::uint32_t slice_count) noexcept : slice_count_(slice_count) {
    PILLAR_ASSERT(slice_count > 0);
  }
  [[nodiscard]] constexpr std::uint32_t slice_count() const noexcept { return slice_count_; }
  result<void> assign(std::span<const vector* const> /*key_columns*/, std::uint32_t row_count, std::uint64_t first_row,
                      std::uint32_t* slice_of_row) const noexcept {
    auto slice = static_cast<std::uint32_t>(first_row % slice_count_);
    for (std::uint32_t row = 0; row < row_count; ++row) {
      slice_of_row[row] = slice;
      if (++slice == slice_count_) slice = 0;
    }
    return {};
  }
  friend constexpr bool operator==(const even_partitioner&, const even_partitioner&) = default;

 private:
  std::uint32_t slice_count_;
};
static_assert(partitioner<even_partitioner>);

}  // namespace PILLAR_NAMESPACE
