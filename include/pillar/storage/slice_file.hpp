// SPDX-License-Identifier: Apache-2.0
/// A slice file: the blocks of one slice in one append-only file, and at its end a footer that says where they lie and
/// what they hold. docs/formats/slice_file.md has the bytes.
///
/// Blocks stay opaque: they are copied in as encode_block made them and come out through a block source. The footer
/// keeps schema, row groups, zone maps and, per block, its id and checksum. What is written later goes behind: the new
/// footer counts from the moment that its trailer is whole, until then the old one does.
///
/// Example: examples/slice_file/main.cpp
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>  // std::shared_ptr
#include <span>
#include <vector>

#include "pillar/base/env.hpp"  // readable_file_ref, writable_file_ref
#include "pillar/base/result.hpp"
#include "pillar/column/schema.hpp"         // dynamic_schema
#include "pillar/storage/block_source.hpp"  // block_places
#include "pillar/storage/row_group.hpp"

namespace PILLAR_NAMESPACE {

/// What a slice file says of itself.
struct slice_identity {
  std::uint64_t file_id = 0;  ///< drawn at random by the writer's caller; a block's id counts within it
  std::uint32_t slice = 0;    ///< which of `slice_count` slices of its table
  std::uint32_t slice_count = 1;
  std::uint64_t version = 0;        ///< of the table
  std::uint64_t next_group_id = 1;  ///< of the table: no row group has it yet
};

/// A block as the footer knows it.
struct slice_block {
  block_reference where;
  std::uint32_t extent = 0;
  std::vector<zone_map> zones;  ///< of each vector
};

/// A row group as the footer knows it.
struct slice_group {
  std::uint64_t id = 0;
  std::uint32_t row_count = 0;
  std::vector<slice_block> blocks;  ///< one per column
};

/// All that a footer says.
struct slice_contents {
  slice_identity identity;
  dynamic_schema schema;
  std::vector<slice_group> groups;
  std::shared_ptr<const block_places> places;  ///< for block sources
  std::uint64_t next_block_id = 1;
  std::uint64_t footer_offset = 0;
  std::uint64_t footer_bytes = 0;
  std::uint64_t footer_number = 0;  ///< 1 for a file's first
  std::uint64_t end = 0;            ///< of this footer's trailer; the file may hold a torn rest behind it
  std::uint64_t previous_end = 0;   ///< of the trailer before; 0 for the first
  [[nodiscard]] std::uint64_t row_count() const noexcept {
    std::uint64_t total = 0;
    for (const auto& group : groups) total += group.row_count;
    return total;
  }
};

/// What the caller accepts of a file that may be hostile.
struct slice_limits {
  std::uint64_t max_footer_bytes = std::uint64_t{64} << 20;  ///< what is kept of it takes at most 100 times as much
  std::uint64_t max_extent_bytes = std::uint64_t{1} << 30;
  std::uint32_t max_columns = 4096;
  /// A writer that was interrupted leaves a torn end behind the last whole footer, which is looked for this far back.
  /// 0: only a file that ends with its footer is accepted.
  std::uint64_t max_torn_bytes = 0;
  memory_budget* budget = nullptr;  ///< charged with the footer's bytes while they are read
};

/// Reads and checks header, trailer and footer; no block is touched.
///
/// Errors: truncated, corrupt, checksum_mismatch, unsupported, limit_exceeded (position = offset in the file),
///         out_of_memory, io_error
/// Cost:   four reads; time and memory in proportion to the footer, never to a number in it
[[nodiscard]] PILLAR_API result<slice_contents> open_slice_file(readable_file_ref file, const slice_limits& limits = {},
                                                                bool verify_checksums = true);
/// The same for a file in memory.
[[nodiscard]] PILLAR_API result<slice_contents> open_slice_file(std::span<const std::byte> file,
                                                                const slice_limits& limits = {},
                                                                bool verify_checksums = true);

/// The row groups that a footer describes: zone maps in memory, blocks in `source`.
[[nodiscard]] PILLAR_API std::vector<std::shared_ptr<const row_group>> row_groups_of(const slice_contents& contents,
                                                                                     any_block_source source,
                                                                                     const block_limits& limits = {});

/// Writes a slice file, or what comes new to one.
///
/// Row groups are collected until a column's blocks fill about an extent, then written column by column, so that a
/// column's blocks are neighbours and one read brings many.
///
/// Requires: the file outlives the writer; row groups of one schema, ids ascending
/// Errors:   io_error from the file; those of the row groups' block sources; invalid_argument for a row group of
///           another shape. After an error the writer gives the same again, and the file is what its last footer says
/// Cost:     holds the row groups of a stripe alive, about extent_bytes per column
class slice_writer {
 public:
  /// Begins a file.
  PILLAR_API slice_writer(writable_file_ref file, dynamic_schema schema, const slice_identity& identity,
                          std::uint64_t extent_bytes = std::uint64_t{1} << 20);
  /// Continues a file of `file_bytes` bytes: appended bytes follow them.
  PILLAR_API slice_writer(writable_file_ref file, slice_contents so_far, std::uint64_t file_bytes,
                          std::uint64_t extent_bytes = std::uint64_t{1} << 20);

  [[nodiscard]] PILLAR_API result<void> append(std::shared_ptr<const row_group> group);
  /// Writes what is collected, then a footer, then its trailer, each made safe before the next. More may follow, with
  /// another finish().
  [[nodiscard]] PILLAR_API result<void> finish();
  /// What the file holds: complete after finish().
  [[nodiscard]] const slice_contents& contents() const noexcept { return contents_; }

 private:
  result<void> remember(result<void> done) noexcept;
  result<void> put(std::span<const std::byte> bytes);
  result<void> pad();
  result<void> write_stripe();
  result<void> write_footer();

  writable_file_ref file_;
  slice_contents contents_;
  std::vector<extent_place> extents_;
  std::vector<std::shared_ptr<const row_group>> stripe_;
  std::uint64_t stripe_bytes_ = 0;
  std::uint64_t extent_bytes_;
  std::uint64_t offset_;
  failure failed_{};
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/slice_file.hpp"
#endif
