// SPDX-License-Identifier: Apache-2.0
/// What the encoders share: the values of a vector of any kind as a flat array, and the check of codecs' types.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "pillar/base/bits.hpp"       // low_bits
#include "pillar/column/encoded.hpp"  // match_answer
#include "pillar/column/vector.hpp"   // vector

namespace PILLAR_NAMESPACE::detail {

/// Calls f(row) for each row that is not NULL, ascending.
template <class F>
void for_each_valid_row(const vector& from, F&& f) {
  if (from.validity == nullptr) {
    for (std::uint32_t row = 0; row < from.size; ++row) f(row);
    return;
  }
  for (std::uint32_t word = 0; word * 64 < from.size; ++word)
    for (std::uint64_t bits = from.validity_word(word); bits != 0; bits &= bits - 1)
      f(word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits)));
}

/// The values as a flat array, NULL rows replaced by `fill`: in place where possible, else in `scratch` (1,024 values).
template <class T>
const T* gather(const vector& from, T* scratch, T fill) {
  if (from.kind == vector_kind::flat && from.validity == nullptr) return from.values_as<T>();
  if (from.kind == vector_kind::flat) {
    const T* values = from.values_as<T>();
    for (std::uint32_t row = 0; row < from.size; ++row) scratch[row] = values[row];
  } else {
    for (std::uint32_t row = 0; row < from.size; ++row) scratch[row] = from.valid(row) ? from.value<T>(row) : fill;
    return scratch;
  }
  for (std::uint32_t word = 0; word * 64 < from.size; ++word) {
    const std::uint32_t count = from.size - word * 64 < 64 ? from.size - word * 64 : 64;
    for (std::uint64_t bits = ~from.validity_word(word) & low_bits(count); bits != 0; bits &= bits - 1)
      scratch[word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits))] = fill;
  }
  return scratch;
}

/// Integers of at most 64 bits and booleans: what frame of reference and integer dictionaries take.
constexpr bool is_narrow_integer(physical_type type) noexcept { return type <= physical_type::uint64; }

constexpr bool is_signed(physical_type type) noexcept {
  return type >= physical_type::int8 && type <= physical_type::int64;
}

/// A 64-bit pattern as the value of a narrow integer type whose two's complement it is.
constexpr int128 to_value(physical_type type, std::uint64_t bits) noexcept {
  return is_signed(type) ? int128{static_cast<std::int64_t>(bits)} : int128{bits};
}

/// Clears mask bits at and beyond row_count.
inline void clear_tail(std::uint64_t* mask, std::uint32_t row_count) noexcept {
  for (std::uint32_t word = row_count / 64; word < vector_words; ++word)
    mask[word] &= word * 64 >= row_count ? 0 : low_bits(row_count - word * 64);
}

/// The mask's complement where the domain is negated; clears what lies beyond the rows. Not inlined, as it would cost
/// the everyday case of a full vector a stack frame.
PILLAR_NOINLINE inline match_answer finish_mask(std::uint64_t* mask, bool negated, std::uint32_t row_count) noexcept {
  if (negated)
    for (std::uint32_t word = 0; word < vector_words; ++word) mask[word] = ~mask[word];
  clear_tail(mask, row_count);
  return {verdict::some, evidence::encoded};
}

/// Calls f.template operator()<T>() with the C++ type of a narrow integer type.
template <class F>
decltype(auto) visit_narrow_integer(physical_type type, F&& f) {
  switch (type) {
    case physical_type::int8: return f.template operator()<std::int8_t>();
    case physical_type::int16: return f.template operator()<std::int16_t>();
    case physical_type::int32: return f.template operator()<std::int32_t>();
    case physical_type::int64: return f.template operator()<std::int64_t>();
    case physical_type::uint16: return f.template operator()<std::uint16_t>();
    case physical_type::uint32: return f.template operator()<std::uint32_t>();
    case physical_type::uint64: return f.template operator()<std::uint64_t>();
    default: return f.template operator()<std::uint8_t>();
  }
}

}  // namespace PILLAR_NAMESPACE::detail
