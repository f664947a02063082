// SPDX-License-Identifier: Apache-2.0
/// The first n rows of a compound order, kept while batches pass.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/growable.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/column.hpp"
#include "pillar/column/scalar.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/sort/key.hpp"  // sort_key

namespace PILLAR_NAMESPACE {

/// A bounded heap of rows. Rows of equal keys rank by their row number, so the answer does not depend on the order of
/// the batches, nor on how they are split among threads.
///
/// Shape:    every column is kept for the rows that are in; `keys` index into the columns
/// Errors:   make → no_such_column (position = the key); update, merge, finish → out_of_memory, and the heap then holds
///           the answer for some of the batch's rows: give the query up, or repeat on a new one
/// Cost:     a row that is out costs one comparison of the first 8 bytes of its key; one that comes in a copy of all
///           its columns. Memory: n rows and at most as much again
/// Threads:  one at a time; merge the heaps of several threads
class top_n {
 public:
  PILLAR_API static result<top_n> make(std::span<const data_type> column_types, std::span<const sort_key> keys,
                                       std::uint64_t row_limit, memory_budget* budget = nullptr);

  /// Offers the selected rows; row i has the number first_row + i, unique over all batches.
  PILLAR_API result<void> update(std::span<const vector* const> columns, const selection_mask& selection,
                                 std::uint64_t first_row);
  PILLAR_API result<void> merge(const top_n& other);

  [[nodiscard]] std::uint64_t row_count() const noexcept { return entries_.size(); }
  [[nodiscard]] bool full() const noexcept { return entries_.size() == row_limit_; }
  /// While full: the first key's value in the worst row that is in. A row whose first key sorts after it stays out, so
  /// zones may be asked for rows up to it. NULL if that value is NULL, or while there is room.
  [[nodiscard]] PILLAR_API scalar threshold() const;

  /// Row numbers, best first.
  PILLAR_API result<std::vector<std::uint64_t>> row_numbers() const;
  /// The rows, best first, as one column per input column.
  PILLAR_API result<std::vector<column>> finish(memory_budget* budget = nullptr) const;

 private:
  /// A row that is in: its key and then its values lie in bytes_[offset, offset + size).
  struct entry {
    std::uint64_t head;  ///< first 8 bytes of the key, big-endian
    std::uint64_t row;
    std::uint64_t offset;
    std::uint32_t key_bytes;
    std::uint32_t size;
  };
  explicit top_n(memory_budget* budget) noexcept : bytes_(budget), entries_(budget), spare_(budget) {}
  [[nodiscard]] bool before(const entry& a, const entry& b) const noexcept;
  [[nodiscard]] std::vector<entry> in_order() const;
  void admit(const entry& made) noexcept;
  result<void> offer(const entry& made);
  result<void> tidy();

  std::vector<data_type> types_{};
  std::vector<sort_key> keys_{};
  std::uint64_t row_limit_ = 0;
  growable<std::byte> bytes_;
  growable<entry> entries_;  ///< a heap whose first entry is the worst
  growable<std::byte> spare_;
  std::uint64_t unused_bytes_ = 0;  ///< of entries that went out
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/sort/impl/top_n.hpp"
#endif
