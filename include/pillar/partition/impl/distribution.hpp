// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/partition/distribution.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<any_partitioner> any_partitioner::make(const distribution& from) {
  any_partitioner made;
  made.kind_ = from.kind;
  made.slice_count_ = from.slice_count;
  made.columns_ = from.columns;
  if (from.slice_count == 0) return errc::invalid_argument;
  switch (from.kind) {
    case distribution_kind::even: made.columns_.clear(); break;
    case distribution_kind::all:
      made.columns_.clear();
      made.slice_count_ = 1;
      break;
    case distribution_kind::key: {
      if (from.columns.empty()) return errc::invalid_argument;
      auto map = from.map;
      if (map == nullptr) {
        unsigned bits = bucket_map::default_bucket_bits;
        while (bits < 20 && (std::uint64_t{1} << bits) < from.slice_count) ++bits;
        PILLAR_ASSIGN_OR_RETURN(map, bucket_map::make_even(from.slice_count, bits));
      }
      if (map->slice_count() != from.slice_count) return errc::invalid_argument;
      made.key_.emplace(std::move(map));
      break;
    }
    case distribution_kind::range: {
      if (from.columns.empty() || from.bounds.size() + 1 != from.slice_count) return errc::invalid_argument;
      std::vector<sort_key> order;
      for (std::uint32_t i = 0; i < from.columns.size(); ++i) order.push_back({i, false, false});
      PILLAR_ASSIGN_OR_RETURN(auto range, range_partitioner::make(from.bounds, order));
      made.range_.emplace(std::move(range));
      break;
    }
  }
  return made;
}

PILLAR_API result<void> any_partitioner::assign(std::span<const vector* const> key_columns, std::uint32_t row_count,
                                                std::uint64_t first_row, std::uint32_t* slice_of_row) const {
  PILLAR_ASSERT(key_columns.size() == columns_.size());
  if (key_) return key_->assign(key_columns, row_count, first_row, slice_of_row);
  if (range_) return range_->assign(key_columns, row_count, first_row, slice_of_row);
  return even_partitioner(slice_count_).assign(key_columns, row_count, first_row, slice_of_row);
}

}  // namespace PILLAR_NAMESPACE
