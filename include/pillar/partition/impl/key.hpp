// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/base/buffer.hpp"
#include "pillar/hash/column.hpp"  // hash_rows
#include "pillar/partition/key.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<void> key_partitioner::assign(std::span<const vector* const> key_columns, std::uint32_t row_count,
                                                std::uint64_t /*first_row*/,
                                                std::uint32_t* slice_of_row) const noexcept {
  std::uint64_t hashes[vector_rows];
  if (row_count <= vector_rows) {
    hash_rows(key_columns, row_count, hashes);
    for (std::uint32_t row = 0; row < row_count; ++row) slice_of_row[row] = map_->slice_of(hashes[row]);
    return {};
  }
  PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(std::size_t{row_count} * sizeof(std::uint64_t)));
  auto* all = memory.as<std::uint64_t>();
  hash_rows(key_columns, row_count, all);
  for (std::uint32_t row = 0; row < row_count; ++row) slice_of_row[row] = map_->slice_of(all[row]);
  return {};
}

}  // namespace PILLAR_NAMESPACE
