// SPDX-License-Identifier: Apache-2.0
/// Up to 1,024 values of one column in flight: a view, valid until its source's next step.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/bits.hpp"     // extract_bits
#include "pillar/base/mutant.hpp"   // PILLAR_MUTATE
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
  run_end,     ///< `dictionary` holds a value for each run, `run_ends` where it ends; validity is per run
};

/// A typed, non-owning view.
///
/// Shape:    size ≤ 1,024, except dictionaries and views that no kernel takes, which may be longer
/// Layout:   boolean values are bytes 0 or 1; `values` is aligned to the value's size (16 for text and int128: 8);
///           validity bit (validity_offset + i), least significant first, 1 = valid; nullptr = all valid. A run ends
///           before the row numbered run_ends[run] - run_offset; the ends ascend strictly, as Arrow's do
/// Requires: everything pointed to outlives the view; the value of a NULL row or run is unspecified but readable, its
///           code is one of the dictionary's unless that is empty; each of the run_count runs from first_run on has a
///           row in the view, and together they cover it
struct vector {
  data_type type{};
  vector_kind kind = vector_kind::flat;
  std::uint32_t size = 0;
  std::uint32_t validity_offset = 0;
  const void* values = nullptr;
  const std::uint64_t* validity = nullptr;
  const std::byte* const* buffers = nullptr;  ///< text: data buffers of `values`
  const std::uint32_t* codes = nullptr;       ///< dictionary only
  const vector* dictionary = nullptr;         ///< dictionary: a flat vector without NULLs; run_end: a flat vector
  const std::uint32_t* run_ends = nullptr;    ///< run_end only, as are the next three; indexed by run
  std::uint32_t run_offset = 0;               ///< rows of the runs before the view
  std::uint32_t first_run = 0;
  std::uint32_t run_count = 0;

  template <class T>
  [[nodiscard]] const T* values_as() const noexcept {
    return static_cast<const T*>(values);
  }

  [[nodiscard]] bool valid(std::uint32_t row) const noexcept {
    if (validity == nullptr) return true;
    const std::uint32_t bit = kind == vector_kind::constant ? 0 : kind == vector_kind::run_end ? run_of(row) : row;
    return get_bit(validity, validity_offset + bit);
  }
  /// Where in `values` (or the dictionary's) row's value lies. A search if the vector is run-end.
  [[nodiscard]] std::uint32_t index_of(std::uint32_t row) const noexcept {
    if (kind == vector_kind::flat) return row;
    return kind == vector_kind::constant ? 0 : kind == vector_kind::dictionary ? codes[row] : run_of(row);
  }
  /// The vector whose `values` hold row's value.
  [[nodiscard]] const vector& holder() const noexcept { return kind >= vector_kind::dictionary ? *dictionary : *this; }

  /// run_end: the run that a row lies in.
  [[nodiscard]] std::uint32_t run_of(std::uint32_t row) const noexcept {
    std::uint32_t below = first_run, count = run_count;  // the run is among [below, below + count)
    while (count > 1) {
      const std::uint32_t half = count / 2;
      if (run_ends[below + half - 1] - run_offset <= PILLAR_MUTATE(vector_run_end_inclusive, row, row - 1))
        below += half, count -= half;
      else count = half;
    }
    return below;
  }
  /// run_end: calls f(run, its first row, the row after its last) for the runs of rows [begin, end), ascending; the
  /// rows are cut to that range.
  template <class F>
  void for_each_run(std::uint32_t begin, std::uint32_t end, F&& f) const {
    for (std::uint32_t run = begin < end ? run_of(begin) : 0; begin < end; ++run) {
      const std::uint32_t last = run_ends[run] - run_offset < end ? run_ends[run] - run_offset : end;
      f(run, begin, last);
      begin = last;
    }
  }

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
    if (kind == vector_kind::run_end) {
      std::uint64_t bits = 0;
      for_each_run(first, first + count, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
        if (get_bit(validity, validity_offset + run)) set_bits(&bits, begin - first, end - first);
      });
      return bits;
    }
    return extract_bits(validity, validity_offset + first, count);
  }
};

}  // namespace PILLAR_NAMESPACE
