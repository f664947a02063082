// SPDX-License-Identifier: Apache-2.0
/// Single fields of packed vectors, for codecs that are asked for few rows.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/bits.hpp"     // low_bits, load_unaligned
#include "pillar/codec/packed.hpp"  // the layout

namespace PILLAR_NAMESPACE::detail {

/// Where the field of a row lies: in the word at byte `low` from bit `shift` up, and if it straddles in the word at
/// byte `high`, else `high` is `low`. So the arithmetic needs no branch, which would be mispredicted every other time,
/// and no line is touched in vain.
template <class Lane>
struct field_place {
  static constexpr unsigned lane_bits = 8 * sizeof(Lane), lanes = packed_values / lane_bits;
  std::size_t low;
  std::size_t high;
  unsigned shift;
  PILLAR_ALWAYS_INLINE field_place(unsigned width, unsigned row) noexcept {
    const unsigned bit = row / lanes * width, word = bit / lane_bits;
    shift = bit % lane_bits;
    low = (word * lanes + row % lanes) * sizeof(Lane);
    high = low + (shift + width > lane_bits ? lanes * sizeof(Lane) : 0);
  }
};

template <class Lane>
void prefetch_fields_of(const std::byte* packed, unsigned width, const std::uint16_t* rows,
                        std::uint32_t count) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) {
    const field_place<Lane> place(width, rows[i]);
    __builtin_prefetch(packed + place.low);
    __builtin_prefetch(packed + place.high);
  }
  __asm__ volatile("");  // GCC drops calls of functions that do nothing but prefetch
}

/// out[i] = convert(field of rows[i]).
template <class Lane, class Out, class Convert>
PILLAR_ALWAYS_INLINE void fetch_fields_of(const std::byte* packed, unsigned width, const std::uint16_t* rows,
                                          std::uint32_t count, Out* out, Convert convert) noexcept {
  const std::uint64_t mask = low_bits(width);
  for (std::uint32_t i = 0; i < count; ++i) {
    const field_place<Lane> place(width, rows[i]);
    const std::uint64_t low = load_unaligned<Lane>(packed + place.low);
    const std::uint64_t high =
        load_unaligned<Lane>(packed + place.high);  // where it is `low` its bits fall to the mask
    if constexpr (sizeof(Lane) < 8) {
      out[i] = convert(((low | high << field_place<Lane>::lane_bits) >> place.shift) & mask);
    } else {
      out[i] = convert((low >> place.shift | high << 1 << (63 - place.shift)) & mask);
    }
  }
}

/// Calls f.template operator()<Lane>() with the lane type of a width from 1 to 64.
template <class F>
PILLAR_ALWAYS_INLINE void visit_lane_of_width(unsigned width, F&& f) {
  switch (packed_lane_log2(width)) {
    case 0: return f.template operator()<std::uint8_t>();
    case 1: return f.template operator()<std::uint16_t>();
    case 2: return f.template operator()<std::uint32_t>();
    default: return f.template operator()<std::uint64_t>();
  }
}

/// Asks for the lines of some rows' fields; nothing is read.
inline void prefetch_fields(const std::byte* packed, unsigned width, const std::uint16_t* rows,
                            std::uint32_t count) noexcept {
  if (width == 0) return;
  visit_lane_of_width(width, [&]<class Lane>() { prefetch_fields_of<Lane>(packed, width, rows, count); });
}

/// out[i] = convert(field of rows[i]) for any width.
template <class Out, class Convert>
void fetch_fields(const std::byte* packed, unsigned width, const std::uint16_t* rows, std::uint32_t count, Out* out,
                  Convert convert) noexcept {
  if (width == 0) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = convert(0);
    return;
  }
  visit_lane_of_width(width, [&]<class Lane>() { fetch_fields_of<Lane>(packed, width, rows, count, out, convert); });
}

}  // namespace PILLAR_NAMESPACE::detail
