// SPDX-License-Identifier: Apache-2.0
/// A row group: at most 65,536 rows of all columns, each column a block with its zone maps. Immutable once made.
///
/// Its blocks are in memory, or stored in a slice file: then the zone maps are here, and the bytes come from a block
/// source when somebody looks at them through `open_blocks`.
#ifndef PILLAR_STORAGE_ROW_GROUP_HPP
#define PILLAR_STORAGE_ROW_GROUP_HPP
#include <cstdint>
#include <memory>  // std::shared_ptr
#include <span>
#include <vector>

#include "pillar/base/buffer.hpp"
#include "pillar/base/result.hpp"
#include "pillar/storage/block.hpp"         // block_view, block_options
#include "pillar/storage/block_source.hpp"  // block_id, any_block_source, block_pin
#include "pillar/zone/vector_zones.hpp"     // vector_bounds
#include "pillar/zone/zone_map.hpp"         // zone_map

namespace PILLAR_NAMESPACE {

/// What the directory of a slice file keeps of a block: enough to know it again.
struct block_reference {
  block_id id = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;
  data_type type{};
};

/// A block and its zone maps. In memory: its bytes and the validated view of them; else where it is stored.
struct stored_block {
  buffer bytes;
  block_view view;                     ///< empty where the block is not in memory
  zone_map zone;                       ///< of the whole block
  std::vector<zone_map> vector_zones;  ///< of each vector
  vector_bounds bounds;                ///< of vector_zones, side by side
  block_reference stored{};            ///< where the block is not in memory

  [[nodiscard]] std::uint64_t block_bytes() const noexcept { return view ? view.block_bytes() : stored.bytes; }
};

/// Where the row groups of a slice file have their blocks.
struct block_store {
  any_block_source source;
  block_limits limits;  ///< blocks are opened under
  /// open_block: named by who makes the store, so that a query of tables in memory does not compile all codecs.
  result<block_view> (*open)(std::span<const std::byte> bytes, const block_limits& limits,
                             bool verify_checksum) = nullptr;
};

/// How a table lays its rows, as columns by number.
struct row_layout {
  std::vector<std::uint32_t> sorted_by;  ///< the rows of a load and slice: by the first, ties by the next, NULLs last
  std::vector<std::uint32_t>
      distributed_by;  ///< rows with equal values in all of these share a slice; none: perhaps not
};

/// Rows of one slice that were loaded together.
struct row_group {
  std::uint64_t id = 0;  ///< never reused within a table
  std::uint32_t row_count = 0;
  std::vector<stored_block> blocks;            ///< one per column of the table
  std::shared_ptr<const block_store> store{};  ///< nullptr: the blocks are in memory
  /// What whoever made the row group has kept, one object for all of a table's: row groups that share it are of one
  /// table. nullptr: nobody promises anything, as of slice files; so does who changes blocks.
  std::shared_ptr<const row_layout> layout{};
  std::uint32_t slice = 0;  ///< of that table, which rows were distributed to

  [[nodiscard]] std::uint32_t vector_count() const noexcept { return (row_count + vector_rows - 1) / vector_rows; }
  [[nodiscard]] std::uint32_t rows_of(std::uint32_t vector) const noexcept {
    const std::uint32_t left = row_count - vector * vector_rows;
    return left < vector_rows ? left : vector_rows;
  }
  [[nodiscard]] std::uint64_t encoded_bytes() const noexcept {
    std::uint64_t total = 0;
    for (const auto& block : blocks) total += block.block_bytes();
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

/// The blocks of one row group that somebody looks at: those in memory as they are, the others pinned and opened when
/// they are asked for, until the next begin().
///
/// Requires: the row group outlives the look at it
/// Cost:     in memory a pointer; stored blocks are checked whole each time: checksum, structure, and that they are the
///           ones which the directory means
class open_blocks {
 public:
  PILLAR_API void begin(const row_group& group);
  /// Asks the source for these columns' blocks ahead of open().
  PILLAR_API void announce(std::span<const std::uint32_t> columns);
  /// The view of a column's block.
  ///
  /// Errors: those of the source and of open_block; checksum_mismatch and corrupt also for a sound block that is not
  ///         the one meant; position: offset in the file where it is about bytes
  [[nodiscard]] result<const block_view*> open(std::uint32_t column) {
    if (group_->store == nullptr) return &group_->blocks[column].view;
    return open_stored(column);
  }
  /// The view of a column that was opened.
  [[nodiscard]] const block_view& operator[](std::uint32_t column) const noexcept {
    return group_->store == nullptr ? group_->blocks[column].view : opened_[column].view;
  }

 private:
  PILLAR_API result<const block_view*> open_stored(std::uint32_t column);
  struct opened_block {
    block_pin pin;
    block_view view;
  };
  const row_group* group_ = nullptr;
  std::shared_ptr<const block_store> store_{};  ///< outlives the pins
  std::vector<opened_block> opened_{};
  std::vector<block_id> wanted_{};
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/open_blocks.hpp"
#endif
#endif  // PILLAR_STORAGE_ROW_GROUP_HPP

// Behind the guard: pipeline/ leaves the definitions that fill tables out, and who includes this header gets them.
#if defined(PILLAR_HEADER_ONLY) && !defined(PILLAR_STORAGE_READ_ONLY)
#include "pillar/storage/impl/row_group.hpp"
#endif
