// SPDX-License-Identifier: Apache-2.0
/// Mask words → selection vector: the row numbers of the set bits.
#pragma once
#include <bit>  // std::countr_zero
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// The rows of the set bits among the first `row_count`, ascending, as u16; returns how many.
///
/// Shape:    words: (row_count + 63) / 64 words; out: room for the number of set bits among them
/// Requires: row_count ≤ 65,536; bits of the last word beyond row_count are zero
/// Cost:     about one cycle per set bit and two per word; a full word is a plain sequence
PILLAR_ALWAYS_INLINE std::uint32_t mask_to_selection(const std::uint64_t* words, std::uint32_t row_count,
                                                     std::uint16_t* out) noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t base = 0; base < row_count; base += 64) {
    std::uint64_t word = words[base / 64];
    if (word == ~std::uint64_t{0}) {
      for (std::uint32_t i = 0; i < 64; ++i) out[count + i] = static_cast<std::uint16_t>(base + i);
      count += 64;
      continue;
    }
    while (word != 0) {
      out[count++] = static_cast<std::uint16_t>(base + static_cast<std::uint32_t>(std::countr_zero(word)));
      word &= word - 1;
    }
  }
  return count;
}

/// Rows that sparse_mask_to_selection may write beyond those it returns.
inline constexpr std::uint32_t sparse_selection_slack = 4;

/// The same where few bits are set. A word's number of bits is no loop count that could be mispredicted: four rows are
/// always written, of which the next word overwrites those that were not there.
///
/// Shape:    out: room for the number of set bits among the words, and `sparse_selection_slack` more
/// Cost:     about three cycles per word, and two per set bit beyond four
PILLAR_ALWAYS_INLINE std::uint32_t sparse_mask_to_selection(const std::uint64_t* words, std::uint32_t row_count,
                                                            std::uint16_t* out) noexcept {
  constexpr std::uint64_t some = std::uint64_t{1} << 63;  // tells the compiler that there is a bit to be found
  std::uint32_t count = 0;
  for (std::uint32_t base = 0; base < row_count; base += 64) {
    std::uint64_t word = words[base / 64];
    const auto bits = static_cast<std::uint32_t>(std::popcount(word));
    std::uint16_t* at = out + count;
#pragma GCC unroll 4
    for (std::uint32_t i = 0; i < sparse_selection_slack; ++i, word &= word - 1)
      at[i] = static_cast<std::uint16_t>(base + static_cast<std::uint32_t>(std::countr_zero(word | some)));
    for (std::uint32_t i = sparse_selection_slack; i < bits; ++i, word &= word - 1)
      at[i] = static_cast<std::uint16_t>(base + static_cast<std::uint32_t>(std::countr_zero(word)));
    count += bits;
  }
  return count;
}

/// The same, one row at a time: the oracle of the tests.
inline std::uint32_t reference_mask_to_selection(const std::uint64_t* words, std::uint32_t row_count,
                                                 std::uint16_t* out) noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t row = 0; row < row_count; ++row)
    if ((words[row / 64] >> (row % 64)) & 1) out[count++] = static_cast<std::uint16_t>(row);
  return count;
}

}  // namespace PILLAR_NAMESPACE
