// SPDX-License-Identifier: Apache-2.0
/// The kernels of filter/flat_match.hpp. Signed integers are tested by their bits as unsigned offsets from lo, so four
/// integer kernels serve eight types.
#pragma once
#include <cstring>  // std::memcpy
#include <type_traits>
#include <utility>  // std::index_sequence

#include "pillar/base/mutant.hpp"
#include "pillar/filter/flat_match.hpp"
#if PILLAR_WITH_BATCHES
#include "pillar/simd/batch.hpp"
#endif

namespace PILLAR_NAMESPACE {

namespace flat_match_detail {

/// The lowest `count` < 64 bits.
PILLAR_ALWAYS_INLINE std::uint64_t tail_mask(std::uint32_t count) noexcept { return (std::uint64_t{1} << count) - 1; }

template <class T, class Arch>
PILLAR_ALWAYS_INLINE void clear_words(std::uint32_t count, std::uint64_t* mask) noexcept {
  for (std::uint32_t w = 0; w < (count + 63) / 64; ++w) mask[w] = 0;
}

// ---- The reference ----

template <class T, class Arch>
void reference_match(const T* values, T lo, T hi, std::uint32_t count, std::uint64_t* mask) noexcept {
  clear_words<T, Arch>(count, mask);
  for (std::uint32_t i = 0; i < count; ++i)
    mask[i / 64] |= std::uint64_t{lo <= values[i] && values[i] <= hi} << (i % 64);
}

template <class T, class Arch>
void reference_match_float(const T* values, T lo, T hi, bool include_nan, std::uint32_t count,
                           std::uint64_t* mask) noexcept {
  clear_words<T, Arch>(count, mask);
  for (std::uint32_t i = 0; i < count; ++i) {
    const bool is_nan = values[i] != values[i];
    const bool hit = is_nan ? include_nan : lo <= values[i] && values[i] <= hi;
    mask[i / 64] |= std::uint64_t{hit} << (i % 64);
  }
}

#if PILLAR_WITH_BATCHES

// ---- Batches. A test answers one chunk: `bits(values)` of chunk_values<T> lanes, where `complement`ed: of the
// opposite. ----

/// Tests for integers, by their bits.
template <class T, class Arch>
struct integer_test {
  using lane = T;
  static constexpr bool complement = true;
  simd::range_test<T, Arch> range;
  PILLAR_ALWAYS_INLINE integer_test(T lo, T hi) noexcept : range(lo, static_cast<T>(hi - lo)) {}
  template <bool Other>
  PILLAR_ALWAYS_INLINE std::uint64_t bits(const T* values) const noexcept {
    constexpr int step = simd::lanes<T, Arch>;
    constexpr int count = simd::chunk_values<T> / step;
    simd::batch_bool<T, Arch> outside[count];
#pragma GCC unroll 8
    for (int b = 0; b < count; ++b) outside[b] = range.outside(simd::load<T, Arch>(values + b * step));
    return simd::chunk_to_bits<T, Arch, Other>(outside);
  }
};

/// Tests for floats. Every comparison with NaN is false, so NaN is not inside a range and not outside of it either:
/// asking for the one or the other settles it.
template <class T, class Arch, bool IncludeNan>
struct float_test {
  using lane = T;
  static constexpr bool complement = IncludeNan;
  simd::batch<T, Arch> lo;
  simd::batch<T, Arch> hi;
  PILLAR_ALWAYS_INLINE float_test(T low, T high) noexcept
      : lo(simd::broadcast<T, Arch>(low)), hi(simd::broadcast<T, Arch>(high)) {}
  template <bool Other>
  PILLAR_ALWAYS_INLINE std::uint64_t bits(const T* values) const noexcept {
    constexpr int step = simd::lanes<T, Arch>;
    constexpr int count = simd::chunk_values<T> / step;
    simd::batch_bool<T, Arch> mask[count];
#pragma GCC unroll 8
    for (int b = 0; b < count; ++b) {
      const simd::batch<T, Arch> x = simd::load<T, Arch>(values + b * step);
      if constexpr (IncludeNan) mask[b] = (x < lo) | (x > hi);
      else mask[b] = (x >= lo) & (x <= hi);
    }
    return simd::chunk_to_bits<T, Arch, Other>(mask);
  }
};

/// 64 values → one word.
template <class Test, class Arch, std::size_t... Chunk>
PILLAR_ALWAYS_INLINE std::uint64_t match_word(const Test& test, const typename Test::lane* values,
                                              std::index_sequence<Chunk...>) noexcept {
  constexpr std::size_t chunk = simd::chunk_values<typename Test::lane>;
  const std::uint64_t word = ((test.template bits<Chunk % 2 == 1>(values + Chunk * chunk) << (Chunk * chunk)) | ...);
  return Test::complement ? ~word : word;
}
template <class Test, class Arch>
PILLAR_ALWAYS_INLINE std::uint64_t match_word(const Test& test, const typename Test::lane* values) noexcept {
  return match_word<Test, Arch>(test, values, std::make_index_sequence<64 / simd::chunk_values<typename Test::lane>>{});
}

/// Whole words from the array; the remainder from a copy, so nothing beyond `count` is read.
template <class Test, class Arch>
PILLAR_ALWAYS_INLINE void match_words(const Test& test, const typename Test::lane* PILLAR_RESTRICT values,
                                      std::uint32_t count, std::uint64_t* PILLAR_RESTRICT mask) noexcept {
  using T = typename Test::lane;
  const std::uint32_t whole = count / 64;
  for (std::uint32_t w = 0; w < whole; ++w) {
    // Up to AVX2 this gives a tenth from memory and takes a few in a hundred from cache.
#pragma GCC unroll 8
    for (std::size_t line = 0; simd::compares_ask_ahead<Arch> && line < sizeof(T); ++line)
      simd::prefetch<true, Arch>(values + 64 * w, 512 + 64 * line);
    mask[w] = match_word<Test, Arch>(test, values + 64 * w);
  }
  const std::uint32_t rest = count % 64;
  if (rest == 0) return;
  T tail[64] = {};
  std::memcpy(tail, values + 64 * whole, rest * sizeof(T));
  const std::uint64_t kept = PILLAR_MUTATE(flat_match_tail_bits, tail_mask(rest), ~std::uint64_t{0});
  mask[whole] = match_word<Test, Arch>(test, tail) & kept;
}

template <class U, class Arch>
PILLAR_NOINLINE void match_unsigned(const void* values, U lo, U hi, std::uint32_t count, std::uint64_t* mask) noexcept {
  const integer_test<U, Arch> test(lo, hi);
  match_words<integer_test<U, Arch>, Arch>(test, static_cast<const U*>(values), count, mask);
}

#endif  // batches

template <class T, class Arch>
void match(const T* values, T lo, T hi, std::uint32_t count, std::uint64_t* mask) noexcept {
  PILLAR_ASSERT(count <= flat_match_max_values);
#if PILLAR_WITH_BATCHES
  if constexpr (!std::is_same_v<Arch, arch::scalar> && sizeof(T) <= 8) {
    if (lo > hi) return clear_words<T, Arch>(count, mask);
    using U = std::make_unsigned_t<T>;
    return match_unsigned<U, Arch>(values, static_cast<U>(lo), static_cast<U>(hi), count, mask);
  }
#endif
  reference_match<T, Arch>(values, lo, hi, count, mask);
}

template <class T, class Arch>
void match_float(const T* values, T lo, T hi, bool include_nan, std::uint32_t count, std::uint64_t* mask) noexcept {
  PILLAR_ASSERT(count <= flat_match_max_values);
#if PILLAR_WITH_BATCHES
  if constexpr (!std::is_same_v<Arch, arch::scalar>) {
    using with_nan = float_test<T, Arch, true>;
    using without_nan = float_test<T, Arch, false>;
    if (include_nan) return match_words<with_nan, Arch>(with_nan(lo, hi), values, count, mask);
    return match_words<without_nan, Arch>(without_nan(lo, hi), values, count, mask);
  }
#endif
  reference_match_float<T, Arch>(values, lo, hi, include_nan, count, mask);
}

template <class Arch>
inline constexpr flat_match_table table_of = {
    level_of<Arch>,
    match<std::int8_t, Arch>,
    match<std::int16_t, Arch>,
    match<std::int32_t, Arch>,
    match<std::int64_t, Arch>,
    match<std::uint8_t, Arch>,
    match<std::uint16_t, Arch>,
    match<std::uint32_t, Arch>,
    match<std::uint64_t, Arch>,
    match<int128, Arch>,
    match_float<float, Arch>,
    match_float<double, Arch>,
};

}  // namespace flat_match_detail

template <class Arch>
const flat_match_table& flat_match_kernels<Arch>::table() noexcept {
  return flat_match_detail::table_of<Arch>;
}

}  // namespace PILLAR_NAMESPACE

// v4_vbmi2 has no code of its own here: it takes the table of v4.
#if defined(PILLAR_KERNEL_ARCH) && PILLAR_KERNEL_LEVEL < 5
namespace PILLAR_NAMESPACE {
template struct flat_match_kernels<PILLAR_KERNEL_ARCH>;
}
#endif
