// SPDX-License-Identifier: Apache-2.0
/// Values of 64 bits as numbers into a list of them: few values that are far apart take two bytes a row while they wait,
/// and what every small block would have in a dictionary of its own stands in memory once.
#pragma once
#include <bit>  // std::bit_ceil, std::bit_floor, std::countl_zero
#include <cstdint>
#include <cstring>  // std::memset

#include "pillar/base/bits.hpp"  // set_bit
#include "pillar/base/buffer.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/memory.hpp"  // memory_budget
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"  // list_rows, gather_rows
#include "pillar/column/selection.hpp"
#include "pillar/column/types.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/storage/detail/narrow_rows.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Values in the order in which they came, each once. What has a number keeps it.
///
/// Errors:   none: a list that would take too much, or helps too little, is closed. Values that it has stay
/// Cost:     bytes_of_value each, while it grows half as much again; a search in them for each row
class value_list {
 public:
  static constexpr std::uint32_t most_numbers = 65'535;
  static constexpr std::uint32_t bytes_of_value = sizeof(std::uint64_t) + 2 * sizeof(std::uint16_t);

  /// At most `most` values, rounded down to a power of two, since it grows by doubling; or as many as there are numbers.
  value_list(std::uint64_t most, memory_budget* budget) noexcept
      : most_(most < most_numbers
                  ? static_cast<std::uint32_t>(PILLAR_MUTATE(value_list_of_any_size, std::bit_floor(most), most))
                  : PILLAR_MUTATE(value_list_outgrows_its_numbers, most_numbers, 80'000u)),
        values_(budget),
        budget_(budget) {}

  /// Are there numbers for more rows?
  [[nodiscard]] bool is_open() const noexcept { return !is_closed_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(values_.size()); }

  /// numbers[i] = that of values[i]. False: the list is closed, and the numbers are nothing. Of the rows `null_count`
  /// are NULL and do not tell how often values come again. The rows count once they are kept.
  [[nodiscard]] bool find(const std::uint64_t* values, std::uint32_t count, std::uint32_t null_count,
                          std::uint16_t* PILLAR_RESTRICT numbers) noexcept {
    if (is_closed_) return false;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t value = values[i];
      std::uint32_t number = values_.empty() ? 0 : slots()[slot_of(value)];
      if (number == 0) {
        if (!add(value)) return false;
        number = size();
      }
      numbers[i] = static_cast<std::uint16_t>(number - 1);
    }
    found_count_ = count - null_count;
    const std::uint64_t row_count = row_count_ + found_count_;
    // Of n rows drawn from D values n² / 2D bring one that was there already; half of that would be too few.
    const std::uint64_t distinct = size(), repeated = row_count > distinct ? row_count - distinct : 0;
    if (distinct * distinct > 4 * most_ * (repeated + 4)) close();
    return !is_closed_;
  }
  /// The rows that were found last are kept.
  void keep_rows() noexcept {
    row_count_ += found_count_;
    found_count_ = 0;
  }

  /// out[row] = the value; of NULL rows anything.
  void widen(const vector& from, std::uint64_t* PILLAR_RESTRICT out) const noexcept {
    const auto* const numbers = from.holder().values_as<std::uint16_t>();
    const std::uint64_t* const values = values_.data();
    const std::uint32_t count = size();
    // What a codec leaves in NULL rows may be no number of ours.
    const auto value = [=](std::uint32_t number) { return number < count ? values[number] : 0; };
    if (from.kind == vector_kind::flat) {
      for (std::uint32_t row = 0; row < from.size; ++row) out[row] = value(numbers[row]);
    } else {
      for (std::uint32_t row = 0; row < from.size; ++row)
        out[row] = from.valid(row) ? value(numbers[from.index_of(row)]) : 0;
    }
  }

 private:
  static constexpr std::uint32_t first_capacity = 256;

  [[nodiscard]] std::uint16_t* slots() noexcept { return slots_.as<std::uint16_t>(); }
  /// Of the value, or the free one where it would stand. Half of the slots at least are free.
  [[nodiscard]] std::uint32_t slot_of(std::uint64_t value) noexcept {
    const std::uint16_t* const taken = slots();
    const std::uint64_t* const known = values_.data();
    auto slot = static_cast<std::uint32_t>(((value ^ value >> 32) * 0x9e3779b97f4a7c15u) >> shift_);
    while (taken[slot] != 0 && known[taken[slot] - 1] != value) slot = (slot + 1) & mask_;
    return slot;
  }
  [[nodiscard]] bool add(std::uint64_t value) noexcept {
    if (size() == most_ || (size() == capacity_ && !grow())) {
      close();
      return false;
    }
    const std::uint32_t slot = slot_of(value);
    values_.push(value);
    slots()[slot] = static_cast<std::uint16_t>(size());
    return true;
  }
  [[nodiscard]] bool grow() noexcept {
    const std::uint32_t wanted = capacity_ == 0 ? first_capacity : 2 * capacity_;
    const std::uint32_t capacity = wanted < most_ ? wanted : most_, slot_count = std::bit_ceil(2 * capacity);
    const std::uint64_t bytes =
        std::bit_ceil(std::uint64_t{capacity}) * sizeof(std::uint64_t) + slot_count * sizeof(std::uint16_t);
    // Of what the budget has left half is for encoding.
    if (budget_ != nullptr && bytes > budget_->available() / 2) return false;
    if (!values_.reserve(capacity - size()).ok()) return false;
    auto made = buffer::allocate(slot_count * sizeof(std::uint16_t), budget_);
    if (!made.ok()) return false;
    slots_ = *std::move(made);
    std::memset(slots_.data(), 0, slot_count * sizeof(std::uint16_t));
    mask_ = slot_count - 1;
    shift_ = static_cast<unsigned>(std::countl_zero(std::uint64_t{mask_}));
    capacity_ = capacity;
    for (std::uint32_t i = 0; i < size(); ++i) slots()[slot_of(values_[i])] = static_cast<std::uint16_t>(i + 1);
    return true;
  }
  /// No number is given any more, so nothing is looked for; but rows were written by their numbers.
  void close() noexcept {
    is_closed_ = true;
    slots_ = buffer();
    if (PILLAR_MUTATE(value_list_is_emptied_when_closed, false, true)) values_.truncate(0);
  }

  std::uint32_t most_;
  std::uint32_t capacity_ = 0, mask_ = 0;
  unsigned shift_ = 0;
  bool is_closed_ = false;
  std::uint64_t row_count_ = 0;    ///< that are not NULL
  std::uint32_t found_count_ = 0;  ///< of them those that were found last and are not yet kept
  growable<std::uint64_t> values_;
  buffer slots_{};  ///< numbers + 1; 0: free
  memory_budget* budget_;
};

/// Up to 1,024 rows as numbers.
struct listed_values : narrow_rows<std::uint16_t> {
  /// The rows of a vector, or the `count` that are selected. False: the list is closed. NULL rows may be anything.
  [[nodiscard]] bool fill(const vector& from, const selection_mask* rows, std::uint32_t count,
                          value_list& list) noexcept {
    has_nulls = false;
    if (!list.is_open()) return false;
    std::uint16_t chosen_rows[vector_rows];
    std::uint64_t wide[vector_rows];
    if (rows != nullptr) list_rows(rows->words, chosen_rows);
    const std::uint16_t* const chosen = rows != nullptr ? chosen_rows : all_rows.at;
    gather_rows<std::uint64_t>(from, chosen, count, wide, [](std::uint64_t value) { return value; });
    std::uint32_t null_count = 0;
    if (from.validity != nullptr) {
      std::memset(validity, 0, sizeof(validity));
      std::uint64_t before = 0;  // NULL rows as the one before: codecs take them for nothing new
      for (std::uint32_t i = 0; i < count; ++i) {
        if (from.valid(chosen[i])) {
          set_bit(validity, i);
          before = wide[i];
        } else {
          ++null_count;
          wide[i] = before;
        }
      }
      has_nulls = null_count != 0;
    }
    return list.find(wide, count, null_count, values);
  }
};

}  // namespace PILLAR_NAMESPACE::detail
