// SPDX-License-Identifier: Apache-2.0
/// From a vector and row numbers to values that lie one after the other, with a loop per kind of vector.
#pragma once
#include <cstdint>
#include <cstring>  // std::memcpy

#include "pillar/base/bits.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

/// 0, 1, 2, …: most vectors are listed whole.
struct all_row_numbers {
  std::uint16_t at[vector_rows];
  constexpr all_row_numbers() noexcept : at{} {
    for (std::uint32_t row = 0; row < vector_rows; ++row) at[row] = static_cast<std::uint16_t>(row);
  }
};
inline constexpr all_row_numbers all_rows;

/// The numbers of the rows in `words` (vector_words of them); returns how many.
inline std::uint32_t list_rows(const std::uint64_t* words, std::uint16_t* rows) noexcept {
  std::uint64_t every = ~std::uint64_t{0};
  for (std::uint32_t word = 0; word < vector_words; ++word) every &= words[word];
  if (every == ~std::uint64_t{0}) {
    std::memcpy(rows, all_rows.at, sizeof all_rows.at);
    return vector_rows;
  }
  std::uint32_t count = 0;
  for (std::uint32_t word = 0; word < vector_words; ++word) {
    std::uint64_t bits = words[word];
    if (bits == ~std::uint64_t{0}) {
      for (std::uint32_t i = 0; i < 64; ++i) rows[count + i] = static_cast<std::uint16_t>(word * 64 + i);
      count += 64;
      continue;
    }
    for (; bits != 0; bits &= bits - 1)
      rows[count++] = static_cast<std::uint16_t>(word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
  }
  return count;
}

/// The value of a row; values of 16 bytes may be aligned to 8.
template <class T>
[[nodiscard]] T unaligned_value(const vector& from, std::uint32_t row) noexcept {
  return load_unaligned<T>(static_cast<const std::byte*>(from.holder().values) +
                           std::size_t{from.index_of(row)} * sizeof(T));
}

/// out[i] = convert(value of rows[i]), which ascend; NULL rows give whatever lies there.
template <class T, class To, class Convert>
PILLAR_ALWAYS_INLINE void gather_rows(const vector& from, const std::uint16_t* PILLAR_RESTRICT rows,
                                      std::uint32_t count, To* PILLAR_RESTRICT out, Convert convert) noexcept {
  const auto* values = static_cast<const std::byte*>(from.holder().values);
  const auto at = [values](std::uint32_t index) { return load_unaligned<T>(values + std::size_t{index} * sizeof(T)); };
  if (from.kind == vector_kind::dictionary && from.dictionary->size == 0) {  // all rows are NULL, their codes anything
    for (std::uint32_t i = 0; i < count; ++i) out[i] = convert(T{});
  } else if (from.kind == vector_kind::constant) {
    const To value = count == 0 ? To{} : convert(at(0));
    for (std::uint32_t i = 0; i < count; ++i) out[i] = value;
  } else if (from.kind == vector_kind::dictionary) {
    const std::uint32_t* codes = from.codes;
    for (std::uint32_t i = 0; i < count; ++i) out[i] = convert(at(codes[rows[i]]));
  } else if (from.kind == vector_kind::run_end) {
    std::uint32_t run = count == 0 ? 0 : from.run_of(rows[0]);
    for (std::uint32_t i = 0; i < count; ++i) {
      while (from.run_ends[run] - from.run_offset <= rows[i]) ++run;
      out[i] = convert(at(run));
    }
  } else if (count == from.size) {  // all rows
    for (std::uint32_t i = 0; i < count; ++i) out[i] = convert(at(i));
  } else {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = convert(at(rows[i]));
  }
}

}  // namespace PILLAR_NAMESPACE::detail
