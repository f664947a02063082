// SPDX-License-Identifier: Apache-2.0
/// A row group: at most 65,536 rows of all columns, each column a block with its zone maps. Immutable once made.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/buffer.hpp"
#include "pillar/base/result.hpp"
#include "pillar/storage/block.hpp"      // block_view, block_options
#include "pillar/zone/vector_zones.hpp"  // vector_bounds
#include "pillar/zone/zone_map.hpp"      // zone_map

namespace PILLAR_NAMESPACE {

/// A block that is kept in memory: its bytes, the validated view of them, and its zone maps.
struct stored_block {
  buffer bytes;
  block_view view;
  zone_map zone;                       ///< of the whole block
  std::vector<zone_map> vector_zones;  ///< of each vector
  vector_bounds bounds;                ///< of vector_zones, side by side
};

/// Rows of one slice that were loaded together.
struct row_group {
  std::uint64_t id = 0;  ///< never reused within a table
  std::uint32_t row_count = 0;
  std::vector<stored_block> blocks;  ///< one per column of the table

  [[nodiscard]] std::uint32_t vector_count() const noexcept { return (row_count + vector_rows - 1) / vector_rows; }
  [[nodiscard]] std::uint32_t rows_of(std::uint32_t vector) const noexcept {
    const std::uint32_t left = row_count - vector * vector_rows;
    return left < vector_rows ? left : vector_rows;
  }
  [[nodiscard]] std::uint64_t encoded_bytes() const noexcept {
    std::uint64_t total = 0;
    for (const auto& block : blocks) total += block.view.block_bytes();
    return total;
  }
};

/// Encodes one column of a row group and builds its zone maps; the block is opened again, with its checksum verified,
/// so that what is kept has been read back.
///
/// Shape:  `vectors` are 1,024 rows each but the last
/// Errors: those of encode_block and open_block
[[nodiscard]] PILLAR_API result<stored_block> make_stored_block(std::span<const vector> vectors,
                                                                const block_options& options, memory_budget* budget);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/row_group.hpp"
#endif
