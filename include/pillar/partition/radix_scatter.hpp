// SPDX-License-Identifier: Apache-2.0
/// Rows put in the order of their partition, all columns alike: first count, then move.
///
///     radix_scatter scatter(8);                                        // 256 partitions
///     for (each batch) scatter.count(hashes, rows);
///     scatter.begin();
///     for (each batch) {
///       scatter.positions(hashes, rows, position_of_row);
///       for (each column) scatter_values(column, position_of_row, memory_of_column);
///     }                                            // partition p: rows [starts()[p], starts()[p + 1])
///
/// A batch's positions stay in the first cache while its columns are moved, so that a further column costs its own
/// bytes only. `scatter_rows` (scatter.hpp) is for slices that are not given by bits, and gives row numbers.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/growable.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/text.hpp"    // text_slot
#include "pillar/column/vector.hpp"  // vector

namespace PILLAR_NAMESPACE {

/// A stable partition by `bits` bits of each row's hash, below the `used_bits` uppermost. The uppermost bits of a key's
/// hash are its bucket (partition/bucket_map.hpp), the lowest ones are left to hash tables.
///
/// Shape:    bits ≤ 12; count() is told the same rows as positions(), batch by batch, in the same order
/// Units:    rows, fewer than 2^32
/// Cost:     two passes over the hashes, about 1 ns a row; plain stores, which beat write combining up to 10 bits
///           (research: 10 M words by 7–10 bits in 14–17 ms, write-combined 23)
/// Threads:  one at a time; const members concurrently
class radix_scatter {
 public:
  static constexpr unsigned most_bits = 12;

  PILLAR_API explicit radix_scatter(unsigned bits, unsigned used_bits = 0);
  /// By numbers that are given for each row instead of its hash, of any number of partitions: a table's slices.
  PILLAR_API static radix_scatter by_number(std::uint32_t partition_count);

  [[nodiscard]] std::uint32_t partition_count() const noexcept { return static_cast<std::uint32_t>(next_.size()); }
  [[nodiscard]] std::uint32_t partition_of(std::uint64_t hash) const noexcept {
    return static_cast<std::uint32_t>(hash >> shift_) & mask_;
  }

  PILLAR_API void count(const std::uint64_t* hashes, std::size_t row_count) noexcept;
  /// All rows are counted: from here on they get positions.
  PILLAR_API void begin() noexcept;
  /// position_of_row[i] = where row i goes.
  PILLAR_API void positions(const std::uint64_t* hashes, std::uint32_t row_count,
                            std::uint32_t* position_of_row) noexcept;
  /// The same where each row's partition is known, as those of by_number() are. `position_of_row` may be `partitions`.
  ///
  /// Requires: partitions[i] < partition_count()
  PILLAR_API void count_numbers(const std::uint32_t* partitions, std::size_t row_count) noexcept;
  PILLAR_API void positions_of_numbers(const std::uint32_t* partitions, std::uint32_t row_count,
                                       std::uint32_t* position_of_row) noexcept;
  /// Where each partition's rows begin, and after the last of them all rows end. Valid after begin().
  [[nodiscard]] std::span<const std::uint32_t> starts() const noexcept { return starts_; }

 private:
  unsigned shift_;
  std::uint32_t mask_;
  std::vector<std::uint32_t> next_;  ///< counts, then where a partition's next row goes
  std::vector<std::uint32_t> starts_;
};

/// out[position_of_row[row]] = the row's value, as the bytes that it has; of text the slot, which still refers to
/// `from`'s buffers. A NULL row moves whatever lies there.
///
/// Shape:    a vector of any kind and length; `out` has room for the highest position
/// Requires: positions differ; `out` is aligned to the value's width (16 bytes: to 8) and does not overlap `from`
/// Cost:     a load and a store per row
PILLAR_API void scatter_values(const vector& from, const std::uint32_t* position_of_row, void* out) noexcept;

/// The same for validity: sets the bits of rows that are not NULL.
///
/// Requires: `out`'s bits are zero
PILLAR_API void scatter_validity(const vector& from, const std::uint32_t* position_of_row, std::uint64_t* out) noexcept;

/// Copies the characters of long texts behind one another into `characters`, in the order of the slots, which then
/// refer to them as data buffer 0. NULL rows, where `validity` says so, become empty.
///
/// Errors: out_of_memory; limit_exceeded: 4 GiB of characters. The slots that are done refer to `characters` already
/// Cost:   one pass over slots that lie together: after a scatter, a partition's characters do too
PILLAR_API result<void> gather_characters(std::span<text_slot> slots, const std::uint64_t* validity,
                                          const std::byte* const* buffers, growable<std::byte>& characters);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/partition/impl/radix_scatter.hpp"
#endif
