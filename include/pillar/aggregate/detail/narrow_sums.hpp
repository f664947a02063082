// SPDX-License-Identifier: Apache-2.0
/// Sums per group in single words: what most batches need, several times faster than exact states of 128 bits.
///
/// Whoever owns them sees to it that no sum leaves its word: it says how large a batch's values are, and empties the
/// words into exact states when that was too much since the last time.
#pragma once
#include <cstdint>
#include <cstring>  // std::memset

#include "pillar/base/bits.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/vector.hpp"  // vector_rows

namespace PILLAR_NAMESPACE::detail {

/// One batch for narrow_sums: a slot per row (0 = takes no part), and a value per row for each sum.
///
/// Requires: sums: as many as set_shape said; bits[i]: −2^bits ≤ value < 2^bits for all values of sum i
struct narrow_batch {
  static constexpr std::uint32_t most_sums = 12;
  const std::uint32_t* slots = nullptr;
  std::uint32_t row_count = 0;
  const std::int64_t* values[most_sums] = {};
  std::uint8_t bits[most_sums] = {};
};

/// A row of words per slot: the number of rows if wanted, then the sums. Where one sum is all there is besides, both
/// share a word (count · 2^shift + sum): one addition a row, and half the memory. Few groups are kept four times, since
/// a word that was just written is slow to read again.
///
/// Shape:    slots 1 … group count; slot 0 takes what is not wanted
/// Errors:   reserve → out_of_memory; nothing is changed
class narrow_sums {
 public:
  explicit narrow_sums(memory_budget* budget = nullptr) noexcept : words_(budget), budget_(budget) {}

  void set_shape(bool rows, std::uint32_t sum_count) noexcept {
    rows_ = rows ? 1 : 0;
    sum_count_ = sum_count;
  }
  [[nodiscard]] std::uint32_t sum_count() const noexcept { return sum_count_; }
  [[nodiscard]] bool used() const noexcept { return rows_ + sum_count_ != 0; }
  [[nodiscard]] bool empty() const noexcept { return pending_rows_ == 0; }

  /// Room for the slots of so many groups; what was added stays.
  result<void> reserve(std::uint32_t group_count) noexcept {
    group_count_ = group_count;
    const std::size_t slots = std::size_t{group_count} + 1;
    if (slots <= slot_count_) return {};
    if (slots <= few_slots()) {
      PILLAR_TRY(words_.append_zeros(copies * few_slots() * width()));
      slot_count_ = few_slots();
      copy_count_ = copies;
      return {};
    }
    if (copy_count_ == 1) {
      PILLAR_TRY(words_.append_zeros((slots - slot_count_) * width()));
      slot_count_ = slots;
      return {};
    }
    growable<std::uint64_t> made(budget_);
    PILLAR_TRY(made.append_zeros(slots * width()));
    for (std::size_t i = 0; i < slot_count_ * stride_; ++i) made[i] = word(i);
    words_.swap(made);
    slot_count_ = slots;
    copy_count_ = 1;
    return {};
  }

  enum class room : std::uint8_t { yes, after_clear, never };
  /// Whether a batch can be added so that no word overflows.
  [[nodiscard]] room room_for(const narrow_batch& batch) const noexcept {
    bool now = true;
    for (std::uint32_t i = 0; i < sum_count_; ++i) {
      if (batch.bits[i] > most_bits) return room::never;
      now = now && pending_[i] + growth(batch, i) <= limit();
    }
    if (shift_ != 0) now = now && pending_rows_ + batch.row_count < std::uint64_t{1} << (64 - shift_);
    return PILLAR_MUTATE(narrow_sums_never_full, now || empty(), true) ? room::yes : room::after_clear;
  }

  /// Requires: room_for(batch) = yes, slots reserved
  void add(const narrow_batch& batch) noexcept {
    if (empty()) choose_shift(batch);
    pending_rows_ += batch.row_count;
    for (std::uint32_t i = 0; i < sum_count_; ++i) pending_[i] += growth(batch, i);
    if (shift_ != 0) {
      add_shared(batch);
      return;
    }
    if (group_count_ <= most_masked) {
      for (std::uint32_t first = 0; first < sum_count_ || first == 0; first += chunk) {
        switch (sum_count_ - first < chunk ? sum_count_ - first : chunk) {
          case 0: add_masked<0>(batch, first); break;
          case 1: add_masked<1>(batch, first); break;
          case 2: add_masked<2>(batch, first); break;
          case 3: add_masked<3>(batch, first); break;
          case 4: add_masked<4>(batch, first); break;
          case 5: add_masked<5>(batch, first); break;
          default: add_masked<6>(batch, first); break;
        }
      }
      return;
    }
    if (rows_ != 0) {
      switch (sum_count_ < chunk ? sum_count_ : chunk) {
        case 0: add_words<1, 0>(batch, 0); break;
        case 1: add_words<1, 1>(batch, 0); break;
        case 2: add_words<1, 2>(batch, 0); break;
        case 3: add_words<1, 3>(batch, 0); break;
        case 4: add_words<1, 4>(batch, 0); break;
        case 5: add_words<1, 5>(batch, 0); break;
        default: add_words<1, 6>(batch, 0); break;
      }
    }
    for (std::uint32_t first = rows_ != 0 ? chunk : 0; first < sum_count_; first += chunk) {
      switch (sum_count_ - first < chunk ? sum_count_ - first : chunk) {
        case 1: add_words<0, 1>(batch, first); break;
        case 2: add_words<0, 2>(batch, first); break;
        case 3: add_words<0, 3>(batch, first); break;
        case 4: add_words<0, 4>(batch, first); break;
        case 5: add_words<0, 5>(batch, first); break;
        default: add_words<0, 6>(batch, first); break;
      }
    }
  }

  [[nodiscard]] std::uint64_t rows(std::uint32_t group) const noexcept {
    const std::size_t at = (std::size_t{group} + 1) * stride_;
    if (empty() || at >= slot_count_ * stride_) return 0;
    if (shift_ == 0) return word(at);
    return (word(at) - static_cast<std::uint64_t>(low_part(word(at)))) >> shift_;
  }
  [[nodiscard]] std::int64_t sum(std::uint32_t index, std::uint32_t group) const noexcept {
    const std::size_t at = (std::size_t{group} + 1) * stride_;
    if (empty() || at >= slot_count_ * stride_) return 0;
    if (shift_ != 0) return low_part(word(at));
    return static_cast<std::int64_t>(word(at + rows_ + index));
  }
  void clear() noexcept {
    if (!empty()) std::memset(words_.data(), 0, words_.size() * sizeof(std::uint64_t));
    pending_rows_ = 0;
    for (auto& bound : pending_) bound = 0;
  }

 private:
  static constexpr std::size_t copies = 4;
  static constexpr std::uint32_t chunk = 6;
  static constexpr std::uint32_t most_masked = 6, part_rows = 256;  // parts whose values stay in L1
  static constexpr unsigned most_bits = 52;                         // a batch's 2^10 values stay below 2^62

  [[nodiscard]] std::size_t width() const noexcept { return rows_ + sum_count_; }
  [[nodiscard]] std::size_t few_slots() const noexcept { return width() <= 2 ? 256 : 32; }
  [[nodiscard]] static std::uint64_t growth(const narrow_batch& batch, std::uint32_t sum) noexcept {
    return std::uint64_t{batch.row_count} << batch.bits[sum];
  }
  [[nodiscard]] std::uint64_t limit() const noexcept {
    return (std::uint64_t{1} << (shift_ != 0 ? shift_ - 1u : 63u)) - 1;
  }
  [[nodiscard]] std::uint64_t word(std::size_t at) const noexcept {
    std::uint64_t total = words_[at];
    for (std::size_t copy = 1; copy < copy_count_; ++copy) total += words_[at + copy * few_slots() * width()];
    return total;
  }
  [[nodiscard]] std::int64_t low_part(std::uint64_t shared) const noexcept {
    return static_cast<std::int64_t>(shared << (64 - shift_)) >> (64 - shift_);
  }

  /// Half of the bits that the values leave go to the count, if then clearing is rare against the number of groups.
  void choose_shift(const narrow_batch& batch) noexcept {
    shift_ = 0;
    stride_ = width();
    if (rows_ == 0 || sum_count_ != 1 || batch.bits[0] > 40 || group_count_ <= most_masked) return;
    const unsigned shift = (64u + batch.bits[0] + 1u) / 2u;
    const std::uint64_t most_rows = std::uint64_t{1} << (shift - 1u - batch.bits[0]);
    if (most_rows < 16 * slot_count_) return;
    shift_ = static_cast<std::uint8_t>(shift);
    stride_ = 1;
  }

  void add_shared(const narrow_batch& batch) noexcept {
    const std::uint32_t* PILLAR_RESTRICT slots = batch.slots;
    const std::int64_t* PILLAR_RESTRICT values = batch.values[0];
    std::uint64_t* PILLAR_RESTRICT words = words_.data();
    const std::uint64_t one = std::uint64_t{1} << shift_;
    const std::size_t copy = copy_count_ == 1 ? 0 : few_slots() * width();
    std::uint32_t row = 0;
    for (; row + copies <= batch.row_count; row += copies)
      for (std::uint32_t i = 0; i < copies; ++i)
        words[slots[row + i] + i * copy] += one + static_cast<std::uint64_t>(values[row + i]);
    for (; row < batch.row_count; ++row) words[slots[row]] += one + static_cast<std::uint64_t>(values[row]);
  }

  template <std::uint32_t Rows, std::uint32_t Sums>
  void add_words(const narrow_batch& batch, std::uint32_t first) noexcept {
    const std::uint32_t* PILLAR_RESTRICT slots = batch.slots;
    const std::int64_t* values[Sums + 1];
    for (std::uint32_t i = 0; i < Sums; ++i) values[i] = batch.values[first + i];
    std::uint64_t* PILLAR_RESTRICT words = words_.data() + (Rows != 0 ? 0 : rows_ + first);
    const std::size_t stride = stride_, copy = copy_count_ == 1 ? 0 : few_slots() * width();
    std::uint32_t row = 0;
    for (; row + copies <= batch.row_count; row += copies)
      for (std::uint32_t i = 0; i < copies; ++i)
        add_row<Rows, Sums>(words + i * copy + slots[row + i] * stride, values, row + i);
    for (; row < batch.row_count; ++row) add_row<Rows, Sums>(words + slots[row] * stride, values, row);
  }
  template <std::uint32_t Rows, std::uint32_t Sums>
  PILLAR_ALWAYS_INLINE static void add_row(std::uint64_t* to, const std::int64_t* const* values,
                                           std::uint32_t row) noexcept {
    if constexpr (Rows != 0) ++to[0];
    for (std::uint32_t i = 0; i < Sums; ++i) to[Rows + i] += static_cast<std::uint64_t>(values[i][row]);
  }

  /// Very few groups: each one's rows are added up by masks, without going through memory.
  template <std::uint32_t Sums>
  void add_masked(const narrow_batch& batch, std::uint32_t first) noexcept {
    const std::int64_t* values[Sums + 1];
    for (std::uint32_t i = 0; i < Sums; ++i) values[i] = batch.values[first + i];
    for (std::uint32_t begin = 0; begin < batch.row_count; begin += part_rows) {
      const std::uint32_t end = batch.row_count - begin < part_rows ? batch.row_count : begin + part_rows;
      for (std::uint32_t slot = 1; slot <= group_count_; ++slot)
        add_part<Sums>(batch.slots, values, begin, end, slot, words_.data() + slot * stride_, rows_, first);
    }
  }
  template <std::uint32_t Sums>
  PILLAR_ALWAYS_INLINE static void add_part(const std::uint32_t* slots, const std::int64_t* const* values,
                                            std::uint32_t begin, std::uint32_t end, std::uint32_t slot,
                                            std::uint64_t* to, std::uint32_t rows, std::uint32_t first) noexcept {
    std::uint32_t count = 0;
    for (std::uint32_t row = begin; row < end; ++row) count += slots[row] == slot ? 1 : 0;
    if (count == 0) return;
    std::int64_t sums[Sums + 1] = {};
    for (std::uint32_t row = begin; row < end; ++row) {
      const std::int64_t mask = -static_cast<std::int64_t>(slots[row] == slot);
      for (std::uint32_t i = 0; i < Sums; ++i) sums[i] += values[i][row] & mask;
    }
    if (rows != 0 && first == 0) to[0] += count;
    for (std::uint32_t i = 0; i < Sums; ++i) to[rows + first + i] += static_cast<std::uint64_t>(sums[i]);
  }

  growable<std::uint64_t> words_;
  memory_budget* budget_;
  std::uint32_t group_count_ = 0;
  std::size_t slot_count_ = 0;
  std::size_t copy_count_ = 1;
  std::size_t stride_ = 0;  ///< words between slots at the moment
  std::uint32_t rows_ = 0;
  std::uint32_t sum_count_ = 0;
  std::uint8_t shift_ = 0;  ///< 0: the count has a word of its own
  std::uint64_t pending_rows_ = 0;
  std::uint64_t pending_[narrow_batch::most_sums] = {};  ///< bounds of the sums' sizes
};

}  // namespace PILLAR_NAMESPACE::detail
