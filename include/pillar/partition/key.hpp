// SPDX-License-Identifier: Apache-2.0
/// Spreads rows by the hash of their key: rows of equal keys meet in one slice.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "pillar/column/vector.hpp"
#include "pillar/partition/bucket_map.hpp"
#include "pillar/partition/partitioner.hpp"

namespace PILLAR_NAMESPACE {

/// Hash (version 1) → virtual bucket → slice. NULL is a key like any other. int32 and int64 keys of equal value meet.
///
/// Shape:   assign: any number of key columns, each of row_count rows
/// Cost:    one hash and one load from the map per row
/// Threads: const
class key_partitioner {
 public:
  explicit key_partitioner(std::shared_ptr<const bucket_map> map) noexcept : map_(std::move(map)) {
    PILLAR_ASSERT(map_ != nullptr);
  }
  [[nodiscard]] std::uint32_t slice_count() const noexcept { return map_->slice_count(); }
  [[nodiscard]] const std::shared_ptr<const bucket_map>& map() const noexcept { return map_; }
  PILLAR_API result<void> assign(std::span<const vector* const> key_columns, std::uint32_t row_count,
                                 std::uint64_t first_row, std::uint32_t* slice_of_row) const noexcept;
  friend bool operator==(const key_partitioner& a, const key_partitioner& b) {
    return a.map_ == b.map_ || *a.map_ == *b.map_;
  }

 private:
  std::shared_ptr<const bucket_map> map_;
};
static_assert(partitioner<key_partitioner>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/partition/impl/key.hpp"
#endif
