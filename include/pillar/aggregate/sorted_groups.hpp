// SPDX-License-Identifier: Apache-2.0
/// Group numbers for rows that come sorted by their keys: a run of equal keys is a group, and no table is needed.
///
///     groups.find(keys, rows, row_count, group_of_row);
///     states.update(values, rows, group_of_row, groups.group_count());
///
/// Only the last group is open: those before may be finished and forgotten by the caller at any time.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/result.hpp"
#include "pillar/column/builder.hpp"  // column_builder
#include "pillar/column/column.hpp"
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

/// The same numbers as a group_table gives, if the rows of equal keys follow one another; what is not sorted so only
/// falls into more groups than need be, and each key that comes again begins one.
///
/// NULL keys form one group; −0.0 and 0.0 are one key, all NaNs are one (they come out as 0.0 and the quiet NaN).
///
/// Shape:    key columns of row_count ≤ 1,024 rows of the types it was made with
/// Units:    group numbers are dense, ascending
/// Errors:   out_of_memory, limit_exceeded (2^32 − 2 groups): the groups are then as before
/// Cost:     one comparison of neighbours per row and key, 0.5 ns for numbers; a copy of each group's key
/// Threads:  one at a time; const members concurrently
class sorted_groups {
 public:
  PILLAR_API explicit sorted_groups(std::span<const data_type> key_types, memory_budget* budget = nullptr);

  /// Writes group_of_row[row] for every selected row.
  PILLAR_API result<void> find(std::span<const vector* const> keys, const selection_mask& selection,
                               std::uint32_t row_count, std::uint32_t* group_of_row);

  [[nodiscard]] std::uint32_t group_count() const noexcept { return group_count_; }
  /// The groups' keys, a column per key; no group is left then, and the next row begins number 0.
  PILLAR_API result<std::vector<column>> take_keys();

 private:
  /// A key of the open group.
  struct open_key {
    alignas(16) std::byte word[16] = {};  ///< as neighbours are compared; not of texts
    bool valid = false;
    column text{};
  };
  static void compare(const vector& key, const std::uint16_t* rows, std::uint32_t count, const open_key* open,
                      std::uint8_t* begins) noexcept;
  result<open_key> open_at(const vector& key, std::uint32_t row) const;
  static result<void> append(const vector& key, std::span<const std::uint32_t> rows, column_builder& out);

  std::vector<data_type> types_{};
  memory_budget* budget_;
  std::vector<column_builder> keys_{};
  std::vector<open_key> open_{};  ///< one for each key column, or none where no group is open
  std::uint32_t group_count_ = 0;
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/sorted_groups.hpp"
#endif
