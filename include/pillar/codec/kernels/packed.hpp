// SPDX-License-Identifier: Apache-2.0
/// The kernels of codec/packed.hpp. The scalar level is one function per operation for all widths and the oracle of
/// the tests; the others read row by row (128 bytes at a time, in order) with explicit batches.
///
/// match_range needs no AND: the field is shifted to the top of its lane and compared there with constants shifted
/// alike, the garbage below it counted into the upper bound. Small widths have kernels of their own (constant shifts);
/// the wide ones share one per lane type and operation, with the shift at run time and one branch per row.
#pragma once
#include <algorithm>  // std::fill_n
#include <cstring>    // std::memcpy
#include <utility>    // std::index_sequence

#include "pillar/base/mutant.hpp"
#include "pillar/codec/packed.hpp"
#if PILLAR_WITH_BATCHES
#include "pillar/simd/batch.hpp"
#endif

namespace PILLAR_NAMESPACE {

namespace packed_detail {

// ---- The reference: width at run time, one field at a time. Arch only keeps the levels' symbols apart. ----

template <class T, class Arch>
PILLAR_ALWAYS_INLINE T load_lane(const std::byte* packed, std::uint32_t position) noexcept {
  T word;
  std::memcpy(&word, packed + position * sizeof(T), sizeof(T));
  return word;
}

/// Field i of a vector of width ≥ 1.
template <class T, class Arch>
PILLAR_ALWAYS_INLINE std::uint64_t field_at(const std::byte* packed, std::uint32_t width, std::uint32_t i) noexcept {
  constexpr std::uint32_t bits = 8 * sizeof(T);
  constexpr std::uint32_t lane_count = packed_values / bits;
  const std::uint32_t lane = i % lane_count;
  const std::uint32_t start = i / lane_count * width;
  const std::uint32_t word = start / bits;
  const std::uint32_t shift = start % bits;
  std::uint64_t field = std::uint64_t{load_lane<T, Arch>(packed, word * lane_count + lane)} >> shift;
  if (shift + width > bits) {
    field |= std::uint64_t{load_lane<T, Arch>(packed, (word + 1) * lane_count + lane)} << (bits - shift);
  }
  return field & packed_max_field(width);
}

template <class T, class Arch>
PILLAR_NOINLINE void reference_unpack(const std::byte* packed, std::uint32_t width, T* out,
                                      std::uint64_t base) noexcept {
  for (std::uint32_t i = 0; i < packed_values; ++i) {
    const std::uint64_t field = width == 0 ? 0 : field_at<T, Arch>(packed, width, i);
    out[i] = static_cast<T>(base + field);
  }
}

template <class T, class Arch>
PILLAR_NOINLINE void reference_match(const std::byte* packed, std::uint32_t width, std::uint64_t lo, std::uint64_t hi,
                                     std::uint64_t* mask) noexcept {
  for (std::uint32_t w = 0; w < packed_mask_words; ++w) {
    std::uint64_t bits = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
      const std::uint64_t field = width == 0 ? 0 : field_at<T, Arch>(packed, width, 64 * w + i);
      bits |= std::uint64_t{lo <= field && field <= hi} << i;
    }
    mask[w] = bits;
  }
}

template <class T, class Arch>
PILLAR_NOINLINE uint128 reference_sum(const std::byte* packed, std::uint32_t width) noexcept {
  uint128 total = 0;
  for (std::uint32_t i = 0; i < packed_values; ++i) total += width == 0 ? 0 : field_at<T, Arch>(packed, width, i);
  return total;
}

template <class T, class Arch>
PILLAR_NOINLINE void reference_pack(const T* values, std::uint32_t width, std::byte* packed) noexcept {
  constexpr std::uint32_t bits = 8 * sizeof(T);
  constexpr std::uint32_t lane_count = packed_values / bits;
  std::memset(packed, 0, packed_bytes(width));
  if (width == 0) return;
  const auto put = [&](std::uint32_t position, std::uint64_t part) {
    const T word = static_cast<T>(load_lane<T, Arch>(packed, position) | part);
    std::memcpy(packed + position * sizeof(T), &word, sizeof(T));
  };
  for (std::uint32_t i = 0; i < packed_values; ++i) {
    const std::uint64_t field = values[i] & packed_max_field(width);
    const std::uint32_t lane = i % lane_count;
    const std::uint32_t start = i / lane_count * width;
    const std::uint32_t shift = start % bits;
    put(start / bits * lane_count + lane, field << shift);
    if (shift + width > bits) put((start / bits + 1) * lane_count + lane, field >> (bits - shift));
  }
}

// ---- Shared by all levels, per lane type. ----

template <class From, class To, class Arch>
void widen_add(const void* lane_values, void* out, std::uint64_t base) noexcept {
  const From* values = static_cast<const From*>(lane_values);
  To* results = static_cast<To*>(out);
#if PILLAR_WITH_BATCHES
  if constexpr (!std::is_same_v<Arch, arch::scalar>) {
    constexpr std::uint32_t step = simd::lanes<To, Arch>;
    const auto bases = simd::broadcast<To, Arch>(static_cast<To>(base));
    for (std::uint32_t i = 0; i < packed_values; i += 4 * step) {
#pragma GCC unroll 4
      for (std::uint32_t b = 0; b < 4; ++b)
        simd::store<To, Arch>(results + i + b * step,
                              bases + simd::load_widened<From, To, Arch>(values + i + b * step));
    }
    return;
  }
#endif
  for (std::uint32_t i = 0; i < packed_values; ++i) results[i] = static_cast<To>(values[i] + base);
}

#if PILLAR_WITH_BATCHES
/// The sum of all lanes of both counters; `apart`: high counts units of 2^32.
template <class Wide, class Arch>
PILLAR_ALWAYS_INLINE uint128 sum_halves(const simd::batch<Wide, Arch>& low, const simd::batch<Wide, Arch>& high,
                                        bool apart) noexcept {
  Wide lows[simd::lanes<Wide, Arch>];
  Wide highs[simd::lanes<Wide, Arch>];
  simd::store<Wide, Arch>(lows, low);
  simd::store<Wide, Arch>(highs, high);
  std::uint64_t low_total = 0;
  std::uint64_t high_total = 0;
  for (int i = 0; i < simd::lanes<Wide, Arch>; ++i) {
    low_total += lows[i];
    high_total += highs[i];
  }
  return apart ? (uint128{high_total} << 32) + low_total : uint128{low_total + high_total};
}
#endif

/// The exact sum of 1,024 lanes. Batches add both halves of lanes twice as wide: at most 128 halves meet in a lane
/// (SSE's 1,024 / 16 bytes × 2), 128 · 255 < 2^16 and so on; 64-bit lanes keep the halves' sums apart.
template <class T, class Arch>
PILLAR_NOINLINE uint128 sum_lanes(const T* values) noexcept {
#if PILLAR_WITH_BATCHES
  if constexpr (!std::is_same_v<Arch, arch::scalar>) {
    using wide = std::conditional_t<sizeof(T) == 1, std::uint16_t,
                                    std::conditional_t<sizeof(T) == 2, std::uint32_t, std::uint64_t>>;
    constexpr int half_bits = 4 * sizeof(wide);
    constexpr std::uint32_t step = simd::lanes<T, Arch>;
    const auto low_half = simd::broadcast<wide, Arch>(static_cast<wide>((std::uint64_t{1} << half_bits) - 1));
    auto low = simd::broadcast<wide, Arch>(0);
    auto high = low;
    for (std::uint32_t i = 0; i < packed_values; i += step) {
      const auto pair = simd::load<wide, Arch>(values + i);
      low = low + (pair & low_half);
      high = high + simd::shift_right<wide, Arch>(pair, half_bits);
    }
    return sum_halves<wide, Arch>(low, high, sizeof(T) == 8);
  }
#endif
  uint128 total = 0;
  for (std::uint32_t i = 0; i < packed_values; ++i) total += values[i];
  return total;
}

/// The same over the lanes whose bit is set, in counters twice as wide (u8 counts like u16): 1,024 · 65,535 < 2^26.
template <class T, class Arch>
PILLAR_NOINLINE uint128 sum_lanes_masked(const T* values, const std::uint64_t* mask) noexcept {
#if PILLAR_WITH_BATCHES
  if constexpr (!std::is_same_v<Arch, arch::scalar>) {
    using lane = std::conditional_t<sizeof(T) == 1, std::uint16_t, T>;
    using wide = std::conditional_t<sizeof(lane) == 2, std::uint32_t, std::uint64_t>;
    constexpr int half_bits = 4 * sizeof(wide);
    constexpr std::uint32_t step = simd::lanes<lane, Arch>;
    const auto low_half = simd::broadcast<wide, Arch>(static_cast<wide>((std::uint64_t{1} << half_bits) - 1));
    auto low = simd::broadcast<wide, Arch>(0);
    auto high = low;
    for (std::uint32_t w = 0; w < packed_mask_words; ++w) {
      const std::uint64_t bits = mask[w];
      if (bits == 0) continue;
#pragma GCC unroll 4
      for (std::uint32_t i = 0; i < 64; i += step) {
        const auto all = simd::load_widened<T, lane, Arch>(values + 64 * w + i);
        const auto pair = simd::bits_as<wide, lane, Arch>(simd::keep<lane, Arch>(all, bits >> i));
        low = low + (pair & low_half);
        high = high + simd::shift_right<wide, Arch>(pair, half_bits);
      }
    }
    return sum_halves<wide, Arch>(low, high, sizeof(T) == 8);
  }
#endif
  uint128 total = 0;
  for (std::uint32_t i = 0; i < packed_values; ++i)
    if ((mask[i / 64] >> (i % 64)) & 1) total += values[i];
  return total;
}

/// A truth table of any size, tested by a load per code: about one a cycle, where gathers take four.
template <class T, class Arch>
PILLAR_NOINLINE void match_table_lanes(const T* codes, const std::uint64_t* PILLAR_RESTRICT truth,
                                       std::uint64_t* PILLAR_RESTRICT mask) noexcept {
  for (std::uint32_t w = 0; w < packed_mask_words; ++w) {
    std::uint64_t word = 0;
    for (std::uint32_t first = 0; first < 64; first += 8) {
      std::uint64_t bits = 0;
#pragma GCC unroll 8
      for (std::uint32_t i = 0; i < 8; ++i) {  // a shift and an addition per bit, which GCC does not turn into gathers
        const std::size_t code = codes[64 * w + first + 7 - i];
        bits = 2 * bits + ((truth[code / 64] >> (code % 64)) & 1);
      }
      word |= bits << first;
    }
    mask[w] = word;
  }
}

/// 8-bit fields are bytes in their order.
template <class Arch>
void match_grid(const std::byte* PILLAR_RESTRICT packed, const packed_grid& grid,
                std::uint64_t* PILLAR_RESTRICT mask) noexcept {
#if PILLAR_WITH_BATCHES && PILLAR_WITH_BYTE_SET
  if constexpr (!std::is_same_v<Arch, arch::scalar>) {
    using T = std::uint8_t;
    constexpr int step = simd::lanes<T, Arch>;
    const simd::byte_grid<Arch> set(grid.columns, grid.rows);
#pragma GCC unroll 2
    for (std::uint32_t w = 0; w < packed_mask_words; ++w) {
      if constexpr (simd::compares_ask_ahead<Arch>) simd::prefetch<false, Arch>(packed + 64 * w, 1024);
      simd::batch_bool<T, Arch> outside[64 / step];
#pragma GCC unroll 4
      for (int b = 0; b < 64 / step; ++b) outside[b] = set.lacks(simd::load<T, Arch>(packed + 64 * w + b * step));
      mask[w] = ~simd::chunk_to_bits<T, Arch>(outside);
    }
    return;
  }
#endif
  for (std::uint32_t w = 0; w < packed_mask_words; ++w) {
    std::uint64_t bits = 0;
    for (std::uint32_t i = 0; i < 64; ++i) {
      const auto field = static_cast<std::uint8_t>(packed[64 * w + i]);
      bits |= std::uint64_t{(grid.columns[field % 16] & grid.rows[field / 16]) != 0} << i;
    }
    mask[w] = bits;
  }
}

/// Packs rows of 128 bytes as 16 words: lanes of any width move together, masked where a shift would cross lanes.
/// The width is a run-time value: one function for all.
template <class Arch>
PILLAR_NOINLINE void pack_rows(const void* lane_values, std::uint32_t width, std::byte* packed) noexcept {
  const std::uint32_t bits = 8 * packed_lane_bytes(width);
  const std::uint64_t lane_max = packed_max_field(bits);
  const std::uint64_t ones = ~std::uint64_t{0} / lane_max;  // 1 in every lane
  const std::byte* from = static_cast<const std::byte*>(lane_values);
  std::uint64_t open[16] = {};  // the words being filled
  for (std::uint32_t row = 0; row < bits; ++row) {
    const std::uint32_t shift = row * width % bits;
    const std::uint64_t low_mask = ones * (packed_max_field(width) & (lane_max >> shift));
    std::uint64_t values[16];
    std::memcpy(values, from + 128 * row, 128);
    for (int j = 0; j < 16; ++j) open[j] |= (values[j] & low_mask) << shift;
    if (shift + width >= bits) {
      std::memcpy(packed, open, 128);
      packed += 128;
      const std::uint32_t done = bits - shift;
      if (done == width) {
        for (int j = 0; j < 16; ++j) open[j] = 0;
      } else {
        const std::uint64_t high_mask =
            ones * PILLAR_MUTATE(packed_pack_high_mask, packed_max_field(width) >> done, packed_max_field(width));
        for (int j = 0; j < 16; ++j) open[j] = (values[j] >> done) & high_mask;
      }
    }
  }
}

// ---- Batches: one row of 128 bytes at a time. ----

/// Where a row's fields lie: in word `word` from bit `shift` up, and in the next word if they straddle.
template <class T>
struct row_place {
  static constexpr std::uint32_t bits = 8 * sizeof(T);
  std::uint32_t word;
  std::uint32_t shift;
  bool straddles;
  PILLAR_ALWAYS_INLINE constexpr row_place(std::uint32_t width, std::uint32_t row) noexcept
      : word(row * width / bits), shift(row * width % bits), straddles(shift + width > bits) {}
};

#if PILLAR_WITH_BATCHES

/// The fields that begin at bit `shift` of the words at `at`. Straddles is a template parameter so that a width at run
/// time branches once per row.
template <class T, class Arch, bool Straddles>
PILLAR_ALWAYS_INLINE simd::batch<T, Arch> fields_of(const std::byte* at, int shift,
                                                    const simd::batch<T, Arch>& field_mask) noexcept {
  const int bits = static_cast<int>(row_place<T>::bits);
  const simd::batch<T, Arch> low = simd::shift_right<T, Arch>(simd::load<T, Arch>(at), shift);
  if constexpr (!Straddles) {
    return low & field_mask;
  } else if constexpr (sizeof(T) == 1) {  // a byte shifted right is clean already: only the other one needs a mask
    const auto upper = field_mask & simd::broadcast<T, Arch>(static_cast<T>(0xffu << (bits - shift)));
    return low | (simd::shift_left<T, Arch, true>(simd::load<T, Arch>(at + 128), bits - shift) & upper);
  } else {
    return (low | simd::shift_left<T, Arch>(simd::load<T, Arch>(at + 128), bits - shift)) & field_mask;
  }
}

/// Asks for a word of all lanes that is `Ahead` bytes on: vectors stand one behind the other. How far, and for which
/// kernels at all, was measured (Zen 3, from memory): 5 to 15 in a hundred where they are below.
template <bool Far, std::size_t Ahead, class Arch>
PILLAR_ALWAYS_INLINE void prefetch_word(const std::byte* words) noexcept {
  simd::prefetch<Far, Arch>(words, Ahead);
  simd::prefetch<Far, Arch>(words, Ahead + 64);
}

/// base + the fields of a row.
template <class T, class Arch, bool Straddles>
PILLAR_ALWAYS_INLINE void unpack_row_as(const std::byte* PILLAR_RESTRICT words, int shift,
                                        const simd::batch<T, Arch>& field_mask, const simd::batch<T, Arch>& base,
                                        T* PILLAR_RESTRICT out) noexcept {
  constexpr int step = simd::lanes<T, Arch>;
#pragma GCC unroll 8
  for (int b = 0; b < static_cast<int>(128 / sizeof(T)) / step; ++b) {
    const std::byte* at = words + b * step * static_cast<int>(sizeof(T));
    simd::store<T, Arch>(out + b * step, base + fields_of<T, Arch, Straddles>(at, shift, field_mask));
  }
}

template <class T, class Arch>
PILLAR_ALWAYS_INLINE void unpack_row(const std::byte* packed, std::uint32_t width, std::uint32_t row,
                                     const simd::batch<T, Arch>& field_mask, const simd::batch<T, Arch>& base,
                                     T* out) noexcept {
  const row_place<T> place(width, row);
  const std::byte* words = packed + 128 * place.word;
  T* results = out + 128 / sizeof(T) * row;
  if (place.straddles) {
    unpack_row_as<T, Arch, true>(words, static_cast<int>(place.shift), field_mask, base, results);
  } else {
    unpack_row_as<T, Arch, false>(words, static_cast<int>(place.shift), field_mask, base, results);
  }
}

/// The bits of a row: chunks of chunk_values<T>, written where they belong in the mask. `up` is the shift that brings
/// the field to the top of its lane, negative where it straddles.
template <class T, class Arch, bool Straddles, bool Other>
PILLAR_ALWAYS_INLINE void match_row_as(const std::byte* PILLAR_RESTRICT words, int up,
                                       const simd::range_test<T, Arch>& test,
                                       std::byte* PILLAR_RESTRICT mask) noexcept {
  constexpr int step = simd::lanes<T, Arch>;
  constexpr int chunk = simd::chunk_values<T>;
  constexpr int bits = static_cast<int>(row_place<T>::bits);
#pragma GCC unroll 2
  for (int c = 0; c < static_cast<int>(128 / sizeof(T)) / chunk; ++c) {
    simd::batch_bool<T, Arch> outside[chunk / step];
#pragma GCC unroll 8
    for (int b = 0; b < chunk / step; ++b) {
      const std::byte* at = words + (c * chunk + b * step) * static_cast<int>(sizeof(T));
      const simd::batch<T, Arch> low = simd::load<T, Arch>(at);
      if constexpr (Straddles) {
        outside[b] = test.outside(simd::shift_right<T, Arch>(low, -up) |
                                  simd::shift_left<T, Arch>(simd::load<T, Arch>(at + 128), bits + up));
      } else {
        outside[b] = test.outside(simd::shift_left<T, Arch, true>(low, up));
      }
    }
    const std::uint64_t inside = ~simd::chunk_to_bits<T, Arch, Other>(outside);
    std::memcpy(mask + c * (chunk / 8), &inside, chunk / 8);  // little endian: the low bits come first
  }
}

template <class T, class Arch, bool Other = false>
PILLAR_ALWAYS_INLINE void match_row(const std::byte* packed, std::uint32_t width, std::uint32_t row,
                                    const simd::range_test<T, Arch>& test, std::byte* mask) noexcept {
  const row_place<T> place(width, row);
  const std::byte* words = packed + 128 * place.word;
  const int up = static_cast<int>(row_place<T>::bits) - static_cast<int>(place.shift + width);
  std::byte* bits = mask + row * (128 / sizeof(T) / 8);
  if (place.straddles) match_row_as<T, Arch, true, Other>(words, up, test, bits);
  else match_row_as<T, Arch, false, Other>(words, up, test, bits);
}

template <class T, class Arch, std::uint32_t Width, std::size_t... Row>
PILLAR_ALWAYS_INLINE void unpack_rows(const std::byte* packed, T* out, T base, std::index_sequence<Row...>) noexcept {
  const auto field_mask = simd::broadcast<T, Arch>(static_cast<T>(packed_max_field(Width)));
  const auto bases = simd::broadcast<T, Arch>(base);
  (unpack_row<T, Arch>(packed, Width, static_cast<std::uint32_t>(Row), field_mask, bases, out), ...);
}

template <class T, class Arch, std::uint32_t Width, std::uint32_t Row>
PILLAR_ALWAYS_INLINE void match_row_ahead(const std::byte* packed, const simd::range_test<T, Arch>& test,
                                          std::byte* mask) noexcept {
  constexpr row_place<T> place(Width, Row);
  constexpr bool first_of_word = Row == 0 || row_place<T>(Width, Row - (Row > 0)).word != place.word;
  if constexpr (Width < 16 && (Width & (Width - 1)) != 0 && first_of_word)
    if constexpr (simd::compares_ask_ahead<Arch>) prefetch_word<true, 768, Arch>(packed + 128 * place.word);
  match_row<T, Arch, Row % 2 == 1>(packed, Width, Row, test, mask);
}

template <class T, class Arch, std::uint32_t Width, std::size_t... Row>
PILLAR_ALWAYS_INLINE void match_rows(const std::byte* packed, const simd::range_test<T, Arch>& test, std::byte* mask,
                                     std::index_sequence<Row...>) noexcept {
  (match_row_ahead<T, Arch, Width, Row>(packed, test, mask), ...);
}

/// The exact sum of the fields: added in their own lanes for as many rows as cannot overflow, then in halves as
/// sum_lanes does.
template <class T, class Arch, std::uint32_t Width>
struct sum_rows {
  using wide = std::conditional_t<sizeof(T) == 1, std::uint16_t, std::uint32_t>;
  static constexpr int half_bits = 4 * sizeof(wide);
  static constexpr std::uint64_t rows_per_turn = packed_max_field(8 * sizeof(T)) / packed_max_field(Width);

  template <std::uint32_t Row>
  static PILLAR_ALWAYS_INLINE void add_row(const std::byte* words, const simd::batch<T, Arch>& field_mask,
                                           const simd::batch<wide, Arch>& low_half, simd::batch<T, Arch>& open,
                                           simd::batch<wide, Arch>& low, simd::batch<wide, Arch>& high) noexcept {
    constexpr row_place<T> place(Width, Row);
    const auto field =
        fields_of<T, Arch, place.straddles>(words + 128 * place.word, static_cast<int>(place.shift), field_mask);
    open = Row % rows_per_turn == 0 ? field : open + field;
    if constexpr (Row % rows_per_turn == rows_per_turn - 1 || Row + 1 == row_place<T>::bits) {
      const auto pair = simd::bits_as<wide, T, Arch>(open);
      low = low + (pair & low_half);
      high = high + simd::shift_right<wide, Arch>(pair, half_bits);
    }
  }

  template <std::size_t... Row>
  static PILLAR_ALWAYS_INLINE uint128 sum(const std::byte* packed, std::index_sequence<Row...>) noexcept {
    const auto field_mask = simd::broadcast<T, Arch>(static_cast<T>(packed_max_field(Width)));
    const std::uint64_t half = (std::uint64_t{1} << half_bits) - 1;
    const auto low_half =
        simd::broadcast<wide, Arch>(static_cast<wide>(PILLAR_MUTATE(packed_sum_half, half, half / 2)));
    auto low = simd::broadcast<wide, Arch>(0);
    auto high = low;
    for (std::uint32_t word = 0; word < Width; ++word) prefetch_word<false, 1536, Arch>(packed + 128 * word);
    for (std::uint32_t column = 0; column < 128; column += sizeof(low)) {
      auto open = simd::broadcast<T, Arch>(0);
      (add_row<Row>(packed + column, field_mask, low_half, open, low, high), ...);
    }
    return sum_halves<wide, Arch>(low, high, false);
  }
};

#if PILLAR_WITH_INTERLEAVE
/// Fields to values two or four times as wide as their lanes, in one pass: the words of a lane that follow one another
/// are put side by side into a lane of the output, a window, from which every row that lies in it whole takes one
/// shift.
template <class From, class To, class Arch, std::uint32_t Width, bool Add>
struct wide_rows {
  static constexpr std::uint32_t ratio = sizeof(To) / sizeof(From);
  static constexpr std::uint32_t row_count = 8 * sizeof(From);  // and the bits of a word
  static constexpr std::uint32_t columns = packed_values / row_count;
  using lane_values = simd::batch<To, Arch>;
  using word = simd::woven<From, Arch>;

  struct operands {
    lane_values mask;
    lane_values base;
  };

  template <std::uint32_t Word>
  static PILLAR_ALWAYS_INLINE word load(const std::byte* words) noexcept {
    if constexpr (Word < Width) return simd::load_woven<From, ratio, Arch>(words + 128 * Word);
    else return {simd::broadcast<From, Arch>(0), simd::broadcast<From, Arch>(0)};
  }

  template <int Shift>
  static PILLAR_ALWAYS_INLINE void store_row(const lane_values (&window)[ratio], const operands& operand,
                                             To* PILLAR_RESTRICT out) noexcept {
#pragma GCC unroll 4
    for (std::uint32_t b = 0; b < ratio; ++b) {
      lane_values value = window[b];
      if constexpr (Shift != 0) value = simd::shift_right<To, Arch>(value, Shift);
      if constexpr (Shift + Width != 8 * sizeof(To)) value = value & operand.mask;
      simd::store<To, Arch>(out + b * simd::lanes<To, Arch>, Add ? operand.base + value : value);
    }
  }

  template <std::uint32_t Row, std::uint32_t First, std::size_t... Word, std::size_t... Next>
  static PILLAR_ALWAYS_INLINE void store_window(const std::byte* PILLAR_RESTRICT words, const operands& operand,
                                                To* PILLAR_RESTRICT out, std::index_sequence<Word...>,
                                                std::index_sequence<Next...>) noexcept {
    const word parts[ratio] = {load<First + Word>(words)...};
    lane_values window[ratio];
    simd::interleave<From, To, Arch>(parts, window);
    (store_row<static_cast<int>((Row + Next) * Width - First * row_count)>(window, operand,
                                                                           out + columns * (Row + Next)),
     ...);
  }

  template <std::uint32_t Row>
  static PILLAR_ALWAYS_INLINE void store_from(const std::byte* PILLAR_RESTRICT words, const operands& operand,
                                              To* PILLAR_RESTRICT out) noexcept {
    if constexpr (Row < row_count) {
      constexpr std::uint32_t first = Row * Width / row_count;
      constexpr std::uint32_t fitting = (first * row_count + 8 * sizeof(To)) / Width;
      constexpr std::uint32_t end = fitting < row_count ? fitting : row_count;
      store_window<Row, first>(words, operand, out, std::make_index_sequence<ratio>{},
                               std::make_index_sequence<end - Row>{});
      store_from<end>(words, operand, out);
    }
  }

  /// A register of columns at a time, so that a word is loaded about once and the code is short.
  static PILLAR_ALWAYS_INLINE void unpack(const std::byte* PILLAR_RESTRICT packed, To* PILLAR_RESTRICT out,
                                          To base) noexcept {
    constexpr std::uint32_t step = simd::lanes<From, Arch>;
    const std::uint64_t most = PILLAR_MUTATE(packed_window_mask, packed_max_field(Width), packed_max_field(Width + 1));
    const operands operand = {simd::broadcast<To, Arch>(static_cast<To>(most)), simd::broadcast<To, Arch>(base)};
    if constexpr ((Width & (Width - 1)) != 0)
      for (std::uint32_t word = 0; word < Width; ++word) prefetch_word<true, 1536, Arch>(packed + 128 * word);
    for (std::uint32_t column = 0; column < columns; column += step)
      store_from<0>(packed + sizeof(From) * column, operand, out + column);
  }
};
#endif

#if PILLAR_WITH_BYTE_SET
/// Truth tables of up to 256 codes are tested in registers.
template <class Arch, std::uint32_t Width>
PILLAR_ALWAYS_INLINE void match_table_row(const std::byte* packed, std::uint32_t row, const simd::byte_set<Arch>& set,
                                          std::uint64_t* mask) noexcept {
  using T = std::uint8_t;
  using bytes = simd::batch<T, Arch>;
  constexpr int step = simd::lanes<T, Arch>;
  const row_place<T> place(Width, row);
  const int shift = static_cast<int>(place.shift);
  const bytes field_mask = simd::broadcast<T, Arch>(static_cast<T>(packed_max_field(Width)));
  if (simd::compares_ask_ahead<Arch> && row < Width) prefetch_word<false, 1024, Arch>(packed + 128 * row);
#pragma GCC unroll 2
  for (int w = 0; w < 2; ++w) {
    simd::batch_bool<T, Arch> inside[64 / step];
#pragma GCC unroll 4
    for (int b = 0; b < 64 / step; ++b) {
      const std::byte* at = packed + 128 * place.word + 64 * w + b * step;
      bytes code = simd::shift_right<T, Arch>(simd::load<T, Arch>(at), shift);
      if (place.straddles) code = code | simd::shift_left<T, Arch>(simd::load<T, Arch>(at + 128), 8 - shift);
      inside[b] = set.template contains<Width>(code & field_mask);
    }
    mask[2 * row + static_cast<std::uint32_t>(w)] = simd::chunk_to_bits<T, Arch>(inside);
  }
}

template <class Arch, std::uint32_t Width, std::size_t... Row>
PILLAR_ALWAYS_INLINE void match_table_rows(const std::byte* packed, const std::uint64_t* PILLAR_RESTRICT truth,
                                           std::uint64_t* PILLAR_RESTRICT mask, std::index_sequence<Row...>) noexcept {
  std::uint64_t bits[4] = {};
  std::memcpy(bits, truth, Width <= 6 ? 8 : std::size_t{1} << (Width - 3));
  const simd::byte_set<Arch> set(bits);
  (match_table_row<Arch, Width>(packed, static_cast<std::uint32_t>(Row), set, mask), ...);
}
#endif

template <class T, class Arch>
PILLAR_NOINLINE void unpack_any_width(const std::byte* packed, std::uint32_t width, T* out, T base) noexcept {
  const auto field_mask = simd::broadcast<T, Arch>(static_cast<T>(packed_max_field(width)));
  const auto bases = simd::broadcast<T, Arch>(base);
  for (std::uint32_t row = 0; row < row_place<T>::bits; ++row)
    unpack_row<T, Arch>(packed, width, row, field_mask, bases, out);
}

template <class T, class Arch>
PILLAR_ALWAYS_INLINE simd::range_test<T, Arch> top_test(std::uint32_t width, std::uint64_t lo,
                                                        std::uint64_t hi) noexcept {
  const std::uint32_t up = row_place<T>::bits - width;
  const T low = static_cast<T>(lo << up);
  const T span = static_cast<T>(((hi - lo) << up) | PILLAR_MUTATE(packed_match_garbage, packed_max_field(up), 0));
  return simd::range_test<T, Arch>(low, span);
}

template <class T, class Arch>
PILLAR_NOINLINE void match_any_width(const std::byte* packed, std::uint32_t width, std::uint64_t lo, std::uint64_t hi,
                                     std::uint64_t* mask) noexcept {
  const auto test = top_test<T, Arch>(width, lo, hi);
  for (std::uint32_t row = 0; row < row_place<T>::bits; ++row)
    match_row<T, Arch>(packed, width, row, test, reinterpret_cast<std::byte*>(mask));
}

#endif  // batches

/// Widths with kernels of their own, chosen by measurement (AVX2, from L2): specialising gives 1.3 to 1.9 times the
/// speed up to 16 bits, 1.4 times for matching up to 32, and nothing beyond, where it would triple the compile time.
/// SSE (v2) is for old machines: it gets fewer. Builds for debugging or with sanitizers get none: same rows, same
/// tests.
#if !defined(PILLAR_SPECIALISE_WIDTHS)
#if !defined(__OPTIMIZE__) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PILLAR_SPECIALISE_WIDTHS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(undefined_behavior_sanitizer)
#define PILLAR_SPECIALISE_WIDTHS 0
#endif
#endif
#endif
#if !defined(PILLAR_SPECIALISE_WIDTHS)
#define PILLAR_SPECIALISE_WIDTHS 1
#endif
inline constexpr std::uint32_t specialised_unpack_widths = PILLAR_SPECIALISE_WIDTHS ? 24 : 0;
inline constexpr std::uint32_t specialised_sum_widths = PILLAR_SPECIALISE_WIDTHS ? 16 : 0;
template <class Arch>
inline constexpr std::uint32_t specialised_match_widths = PILLAR_SPECIALISE_WIDTHS
                                                              ? (std::is_same_v<Arch, arch::v2> ? 16 : 32)
                                                              : 0;

// ---- The table's entries: thin functions per width. ----

template <class Arch, std::uint32_t Width>
struct entries {
  using T = packed_lane<Width>;
  static constexpr bool scalar = std::is_same_v<Arch, arch::scalar>;

  /// Inlined into both of the next, so that the addition of 0 goes away.
  static PILLAR_ALWAYS_INLINE void unpack_add(const std::byte* packed, void* lane_values, std::uint64_t base) noexcept {
    T* out = static_cast<T*>(lane_values);
    if constexpr (!scalar && Width == 0)
      return static_cast<void>(std::fill_n(out, packed_values, static_cast<T>(base)));
#if PILLAR_WITH_BATCHES
    if constexpr (!scalar && Width > specialised_unpack_widths) {
      return unpack_any_width<T, Arch>(packed, Width, out, static_cast<T>(base));
    } else if constexpr (!scalar && Width > 0) {
      return unpack_rows<T, Arch, Width>(packed, out, static_cast<T>(base), std::make_index_sequence<8 * sizeof(T)>{});
    }
#endif
    reference_unpack<T, Arch>(packed, Width, out, base);
  }
  static void unpack_base(const std::byte* packed, void* lane_values, std::uint64_t base) noexcept {
    unpack_add(packed, lane_values, base);
  }
  static void unpack(const std::byte* packed, void* lane_values) noexcept { unpack_add(packed, lane_values, 0); }

  /// base + field as a wider Out.
  template <class Out>
  static void unpack_wide([[maybe_unused]] const std::byte* packed, [[maybe_unused]] void* values,
                          [[maybe_unused]] std::uint64_t base) noexcept {
#if PILLAR_WITH_BATCHES && PILLAR_WITH_INTERLEAVE
    auto* out = static_cast<Out*>(values);
    if constexpr (Width == 8 * sizeof(T)) widen_add<T, Out, Arch>(packed, out, base);
    else if (base == 0) wide_rows<T, Out, Arch, Width, false>::unpack(packed, out, 0);
    else wide_rows<T, Out, Arch, Width, true>::unpack(packed, out, static_cast<Out>(base));
#endif
  }
  template <class Out>
  static constexpr packed_table::unpack_base_fn wide_entry() noexcept {
#if PILLAR_WITH_BATCHES && PILLAR_WITH_INTERLEAVE
    if constexpr (!scalar && Width > 0 && Width <= specialised_unpack_widths && sizeof(T) < sizeof(Out))
      return unpack_wide<Out>;
#endif
    return nullptr;
  }

  static void match_range(const std::byte* packed, std::uint64_t lo, std::uint64_t hi, std::uint64_t* mask) noexcept {
    PILLAR_ASSERT(lo <= hi && hi <= packed_max_field(Width));
    if constexpr (!scalar && Width == 0)
      return static_cast<void>(std::fill_n(mask, packed_mask_words, ~std::uint64_t{0}));
#if PILLAR_WITH_BATCHES
    if constexpr (!scalar && Width > specialised_match_widths<Arch>) {
      return match_any_width<T, Arch>(packed, Width, lo, hi, mask);
    } else if constexpr (!scalar && Width > 0) {
      return match_rows<T, Arch, Width>(packed, top_test<T, Arch>(Width, lo, hi), reinterpret_cast<std::byte*>(mask),
                                        std::make_index_sequence<8 * sizeof(T)>{});
    }
#endif
    reference_match<T, Arch>(packed, Width, lo, hi, mask);
  }

  static void match_table(const std::byte* packed, const std::uint64_t* truth, std::uint64_t* mask) noexcept {
#if PILLAR_WITH_BATCHES && PILLAR_WITH_BYTE_SET
    if constexpr (!scalar && Width > 0 && Width <= 8) {
      return match_table_rows<Arch, Width>(packed, truth, mask, std::make_index_sequence<8>{});
    }
#endif
    alignas(64) T codes[packed_values];
    unpack(packed, codes);
    match_table_lanes<T, Arch>(codes, truth, mask);
  }

  static uint128 sum(const std::byte* packed) noexcept {
    if constexpr (scalar) {
      return reference_sum<T, Arch>(packed, Width);
#if PILLAR_WITH_BATCHES
    } else if constexpr (Width > 0 && Width <= specialised_sum_widths) {
      return sum_rows<T, Arch, Width>::sum(packed, std::make_index_sequence<8 * sizeof(T)>{});
#endif
    } else {
      alignas(64) T values[packed_values];
      unpack(packed, values);
      return sum_lanes<T, Arch>(values);
    }
  }

  static uint128 sum_masked(const std::byte* packed, const std::uint64_t* mask) noexcept {
    alignas(64) T values[packed_values];
    unpack(packed, values);
    return sum_lanes_masked<T, Arch>(values, mask);
  }

  static void pack(const void* lane_values, std::byte* packed) noexcept {
    if constexpr (Width == 0) return;
    else if constexpr (scalar) reference_pack<T, Arch>(static_cast<const T*>(lane_values), Width, packed);
    else pack_rows<Arch>(lane_values, Width, packed);
  }
};

template <class Arch, std::size_t... Width, std::size_t... TableWidth>
constexpr packed_table make_table(std::index_sequence<Width...>, std::index_sequence<TableWidth...>) noexcept {
  using u8 = std::uint8_t;
  using u16 = std::uint16_t;
  using u32 = std::uint32_t;
  using u64 = std::uint64_t;
  return {level_of<Arch>,
          {entries<Arch, Width>::unpack...},
          {entries<Arch, Width>::unpack_base...},
          {entries<Arch, TableWidth>::template wide_entry<u16>()...},
          {entries<Arch, TableWidth>::template wide_entry<u32>()...},
          {{widen_add<u8, u8, Arch>, widen_add<u8, u16, Arch>, widen_add<u8, u32, Arch>, widen_add<u8, u64, Arch>},
           {nullptr, widen_add<u16, u16, Arch>, widen_add<u16, u32, Arch>, widen_add<u16, u64, Arch>},
           {nullptr, nullptr, widen_add<u32, u32, Arch>, widen_add<u32, u64, Arch>},
           {nullptr, nullptr, nullptr, widen_add<u64, u64, Arch>}},
          {entries<Arch, Width>::match_range...},
          {entries<Arch, TableWidth>::match_table...},
          match_grid<Arch>,
          {entries<Arch, Width>::sum...},
          {entries<Arch, Width>::sum_masked...},
          {entries<Arch, Width>::pack...}};
}

template <class Arch>
inline constexpr packed_table table_of = make_table<Arch>(std::make_index_sequence<65>{},
                                                          std::make_index_sequence<packed_max_table_width + 1>{});

}  // namespace packed_detail

template <class Arch>
const packed_table& packed_kernels<Arch>::table() noexcept {
  return packed_detail::table_of<Arch>;
}

}  // namespace PILLAR_NAMESPACE

// v4_vbmi2 has no code of its own here: it takes the table of v4.
#if defined(PILLAR_KERNEL_ARCH) && PILLAR_KERNEL_LEVEL < 5
namespace PILLAR_NAMESPACE {
template struct packed_kernels<PILLAR_KERNEL_ARCH>;
}
#endif
