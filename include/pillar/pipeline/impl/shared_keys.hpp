// SPDX-License-Identifier: Apache-2.0
/// Which rows of a sorted row group have a key that another row group may have too.
#pragma once
#include <span>
#include <string_view>

#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"  // list_rows
#include "pillar/pipeline/impl/sorted_rows.hpp"
#include "pillar/sort/key.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Splits a batch of sorted rows into those of keys that others may have, and those of keys that only its row group has.
///
/// Threads: one
class shared_keys {
 public:
  explicit shared_keys(memory_budget* budget) noexcept : key_(budget) {}
  void begin(const sorted_rows& rows, const sorted_place& place) noexcept {
    rows_ = &rows;
    place_ = &place;
    at_first_ = place.shares_first;
  }

  /// The selected rows whose key is shared. `keys` as the group_by names them.
  ///
  /// Errors: out_of_memory
  result<void> find(std::span<const vector* const> keys, const selection_mask& selection, selection_mask& shared) {
    shared = place_->shares_all ? selection : selection_mask::none();
    const bool at_last = place_->shares_last;
    if (place_->shares_all || (!at_first_ && !at_last)) return {};
    std::uint16_t rows[vector_rows];
    const std::uint32_t count = list_rows(selection.words, rows);
    if (count == 0) return {};
    if (at_first_) {
      PILLAR_ASSIGN_OR_RETURN(const std::uint32_t same, count_of(rows_->first_key(*place_), keys, rows, count, true));
      for (std::uint32_t i = 0; i < same; ++i) set_bit(shared.words, rows[i]);
      at_first_ = PILLAR_MUTATE(sorted_rows_first_of_batch, same == count, false);
    }
    if (at_last) {
      PILLAR_ASSIGN_OR_RETURN(const std::uint32_t same, count_of(rows_->last_key(*place_), keys, rows, count, false));
      for (std::uint32_t i = count - same; i < count; ++i) set_bit(shared.words, rows[i]);
    }
    return {};
  }

 private:
  result<bool> has_key(std::span<const vector* const> keys, std::uint32_t row, std::string_view known) {
    key_.truncate(0);
    PILLAR_TRY(append_key(keys, rows_->order(), row, key_));
    return std::string_view(reinterpret_cast<const char*>(key_.data()), key_.size()) == known;
  }
  /// How many rows from the first one on, or back from the last, have a key; they are sorted.
  result<std::uint32_t> count_of(std::string_view known, std::span<const vector* const> keys, const std::uint16_t* rows,
                                 std::uint32_t count, bool from_first) {
    std::uint32_t low = 0, high = count;  // rows below low have it, rows from high on have not
    for (std::uint32_t middle = 0; low < high;
         middle = low == 1 && high == count ? count - 1 : low + (high - low) / 2) {
      PILLAR_ASSIGN_OR_RETURN(const bool same, has_key(keys, rows[from_first ? middle : count - 1 - middle], known));
      if (same) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const sorted_rows* rows_ = nullptr;
  const sorted_place* place_ = nullptr;
  bool at_first_ = false;  ///< the rows so far all had the first key
  growable<std::byte> key_;
};

}  // namespace PILLAR_NAMESPACE::detail
