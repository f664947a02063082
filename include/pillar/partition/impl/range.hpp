// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::upper_bound
#include <string>
#include <string_view>

#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/partition/range.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<range_partitioner> range_partitioner::make(std::span<const std::vector<scalar>> bounds,
                                                             std::span<const sort_key> order) {
  auto made = std::make_shared<content>();
  made->order.assign(order.begin(), order.end());
  growable<std::byte> key;
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (bounds[i].size() != order.size()) return {errc::invalid_argument, i};
    key.truncate(0);
    PILLAR_TRY(append_key(bounds[i], order, key));
    made->bounds.emplace_back(reinterpret_cast<const char*>(key.data()), key.size());
    if (i > 0 && made->bounds[i] <= made->bounds[i - 1]) return {errc::invalid_argument, i};
  }
  return range_partitioner(std::move(made));
}

PILLAR_API result<void> range_partitioner::assign(std::span<const vector* const> key_columns, std::uint32_t row_count,
                                                  std::uint64_t /*first_row*/, std::uint32_t* slice_of_row) const {
  growable<std::byte> key;
  for (std::uint32_t row = 0; row < row_count; ++row) {
    key.truncate(0);
    PILLAR_TRY(append_key(key_columns, content_->order, row, key));
    const std::string_view bytes(reinterpret_cast<const char*>(key.data()), key.size());
    const auto& bounds = content_->bounds;
    const auto at = PILLAR_MUTATE(partition_bound_exclusive, std::upper_bound(bounds.begin(), bounds.end(), bytes),
                                  std::lower_bound(bounds.begin(), bounds.end(), bytes));
    slice_of_row[row] = static_cast<std::uint32_t>(at - bounds.begin());
  }
  return {};
}

}  // namespace PILLAR_NAMESPACE
