// SPDX-License-Identifier: Apache-2.0
/// Spreads rows by where their key lies between sorted bounds: slices are ranges of the sort key.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pillar/column/scalar.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/partition/partitioner.hpp"
#include "pillar/sort/key.hpp"  // sort_key

namespace PILLAR_NAMESPACE {

/// n bounds make n + 1 slices: slice i holds the keys with bounds[i - 1] ≤ key < bounds[i] in the compound order.
///
/// Requires: the order's `column` numbers are those of the key columns that assign is given: 0, 1, …; bounds hold one
///           scalar of the column's type for each of them
/// Errors:   make → invalid_argument: bounds not ascending or of another length (position = the bound)
///           assign → out_of_memory
/// Cost:     a key of bytes and a binary search per row
/// Threads:  const
class range_partitioner {
 public:
  PILLAR_API static result<range_partitioner> make(std::span<const std::vector<scalar>> bounds,
                                                   std::span<const sort_key> order);
  [[nodiscard]] std::uint32_t slice_count() const noexcept {
    return static_cast<std::uint32_t>(content_->bounds.size()) + 1;
  }
  PILLAR_API result<void> assign(std::span<const vector* const> key_columns, std::uint32_t row_count,
                                 std::uint64_t first_row, std::uint32_t* slice_of_row) const;
  friend bool operator==(const range_partitioner& a, const range_partitioner& b) {
    return a.content_ == b.content_ ||
           (a.content_->order == b.content_->order && a.content_->bounds == b.content_->bounds);
  }

 private:
  struct content {
    std::vector<sort_key> order;
    std::vector<std::string> bounds;  ///< as append_key makes them
  };
  explicit range_partitioner(std::shared_ptr<const content> made) noexcept : content_(std::move(made)) {}
  std::shared_ptr<const content> content_;
};
static_assert(partitioner<range_partitioner>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/partition/impl/range.hpp"
#endif
