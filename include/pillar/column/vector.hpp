// SPDX-License-Identifier: Apache-2.0
/// Up to 1,024 values of one column in flight: a view, valid until its source's next step.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/bits.hpp"     // extract_bits
#include "pillar/column/text.hpp"   // text_slot
#include "pillar/column/types.hpp"  // data_type

namespace PILLAR_NAMESPACE {

/// Values in a full vector; the unit of encoding and of interpretation.
inline constexpr std::uint32_t vector_rows = 1024;
/// Words of a selection or validity mask of a full vector.
inline constexpr std::uint32_t vector_words = vector_rows / 64;

/// How the values of a vector lie in memory.
enum class vector_kind : std::uint8_t {
  flat,        ///< `values` holds `size` values
  constant,    ///< `values` holds one value; validity bit 0 says whether it is NULL
  dictionary,  ///< `codes` holds `size` indices into `dictionary`; validity is per row, the entries are never NULL
};

/// A typed, non-owning view.
///
/// Shape:    size ≤ 1,024, except dictionaries and views that no kernel takes, which may be longer
/// Layout:   boolean values are bytes 0 or 1; `values` is aligned to the value's size (16 for text and int128: 8);
///           validity bit (validity_offset + i), least significant first, 1 = valid; nullptr = all valid
/// Requires: everything pointed to outlives the view; the value of a NULL row is unspecified but readable
struct vector {
  data_type type{};
  vector_kind kind = vector_kind::flat;
  std::uint32_t size = 0;
  std::uint32_t validity_offset = 0;
  const void* values = nullptr;
  const std::uint64_t* validity = nullptr;
  const std::byte* const* buffers = nullptr;  ///< text: data buffers of `values`
  const std::uint32_t* codes = nullptr;       ///< dictionary only
  const vector* dictionary = nullptr;         ///< dictionary only: a flat vector without NULLs

  template <class T>
  [[nodiscard]] const T* values_as() const noexcept {
    return static_cast<const T*>(values);
  }

  [[nodiscard]] bool valid(std::uint32_t row) const noexcept {
    if (validity == nullptr) return true;
    return get_bit(validity, validity_offset + (kind == vector_kind::constant ? 0 : row));
  }
  /// Where in `values` (or the dictionary's) row's value lies.
  [[nodiscard]] std::uint32_t index_of(std::uint32_t row) const noexcept {
    return kind == vector_kind::flat ? row : kind == vector_kind::constant ? 0 : codes[row];
  }
  /// The vector whose `values` hold row's value.
  [[nodiscard]] const vector& holder() const noexcept { return kind == vector_kind::dictionary ? *dictionary : *this; }

  template <class T>
  [[nodiscard]] T value(std::uint32_t row) const noexcept {
    return holder().values_as<T>()[index_of(row)];
  }
  [[nodiscard]] std::string_view text_value(std::uint32_t row) const noexcept {
    const vector& from = holder();
    return from.values_as<text_slot>()[index_of(row)].view(from.buffers);
  }
  /// Validity of rows [64·word, 64·word + 64) ∩ [0, size); bits beyond size are zero.
  [[nodiscard]] std::uint64_t validity_word(std::uint32_t word) const noexcept {
    const std::uint32_t first = word * 64;
    if (first >= size) return 0;
    const unsigned count = size - first < 64 ? size - first : 64;
    if (validity == nullptr) return low_bits(count);
    if (kind == vector_kind::constant) return get_bit(validity, validity_offset) ? low_bits(count) : 0;
    return extract_bits(validity, validity_offset + first, count);
  }
};

}  // namespace PILLAR_NAMESPACE
