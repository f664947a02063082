// SPDX-License-Identifier: Apache-2.0
/// Which rows of a vector survive: a mask of 64-bit words.
#pragma once
#include <cstdint>

#include "pillar/base/bits.hpp"      // low_bits, count_bits
#include "pillar/column/vector.hpp"  // vector_words

namespace PILLAR_NAMESPACE {

/// Surviving rows of up to 1,024 as bits, least significant first; bits at and beyond the row count are zero.
struct selection_mask {
  alignas(64) std::uint64_t words[vector_words];

  static selection_mask none() noexcept {
    selection_mask mask;
    for (auto& word : mask.words) word = 0;
    return mask;
  }
  static selection_mask first(std::uint32_t row_count) noexcept {
    selection_mask mask;
    if (row_count == vector_rows) {  // nearly always
      for (auto& word : mask.words) word = ~std::uint64_t{0};
      return mask;
    }
    for (std::uint32_t i = 0; i < vector_words; ++i)
      mask.words[i] = row_count > i * 64 ? low_bits(row_count - i * 64 < 64 ? row_count - i * 64 : 64) : 0;
    return mask;
  }
  [[nodiscard]] bool test(std::uint32_t row) const noexcept { return get_bit(words, row); }
  [[nodiscard]] std::uint32_t count() const noexcept {
    return static_cast<std::uint32_t>(count_bits(words, vector_rows));
  }
  [[nodiscard]] bool any() const noexcept {
    std::uint64_t seen = 0;
    for (auto word : words) seen |= word;
    return seen != 0;
  }
  selection_mask& operator&=(const selection_mask& other) noexcept {
    for (std::uint32_t i = 0; i < vector_words; ++i) words[i] &= other.words[i];
    return *this;
  }
  selection_mask& operator|=(const selection_mask& other) noexcept {
    for (std::uint32_t i = 0; i < vector_words; ++i) words[i] |= other.words[i];
    return *this;
  }
  friend bool operator==(const selection_mask&, const selection_mask&) = default;
};

/// Calls f(row) for each set bit in ascending order.
template <class F>
PILLAR_ALWAYS_INLINE void for_each_row(const selection_mask& mask, F&& f) {
  for (std::uint32_t i = 0; i < vector_words; ++i)
    for (std::uint64_t word = mask.words[i]; word != 0; word &= word - 1)
      f(i * 64 + static_cast<std::uint32_t>(std::countr_zero(word)));
}

}  // namespace PILLAR_NAMESPACE
