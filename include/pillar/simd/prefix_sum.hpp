// SPDX-License-Identifier: Apache-2.0
/// Prefix sums of four lanes in each half of a 256-bit register: what delta decoding lacks in simd/batch.hpp.
///
/// The halves belong to two chains, so nothing ever crosses them. 256 bits on v4 too: the sums are bound by the number
/// of operations, and 512-bit registers need as many per value on Zen 4 and two more to store the quarters.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"   // arch tags
#include "pillar/simd/level.hpp"  // PILLAR_WITH_BATCHES

#if PILLAR_WITH_BATCHES && defined(__AVX2__)
#define PILLAR_WITH_PREFIX_SUMS 1
#include <immintrin.h>

namespace PILLAR_NAMESPACE::simd {

/// Two quads of 32-bit lanes: the low half of one chain, the high half of another.
template <class Arch>
struct quads {
  __m256i bits;

  PILLAR_ALWAYS_INLINE friend quads operator+(const quads& a, const quads& b) noexcept {
    return {_mm256_add_epi32(a.bits, b.bits)};
  }
  static PILLAR_ALWAYS_INLINE quads both(std::uint32_t value) noexcept {
    return {_mm256_set1_epi32(static_cast<int>(value))};
  }
  /// first + step × lane, and second + step × lane.
  static PILLAR_ALWAYS_INLINE quads ramps(std::uint32_t first, std::uint32_t second, std::uint32_t step) noexcept {
    const __m256i starts = _mm256_setr_m128i(_mm_set1_epi32(static_cast<int>(first)),  //
                                             _mm_set1_epi32(static_cast<int>(second)));
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3);
    return {_mm256_add_epi32(starts, _mm256_mullo_epi32(lane, _mm256_set1_epi32(static_cast<int>(step))))};
  }
  /// The last lane of each quad in all its lanes.
  [[nodiscard]] PILLAR_ALWAYS_INLINE quads last() const noexcept { return {_mm256_shuffle_epi32(bits, 0xff)}; }
  /// The quads of the first chain from `first` on, those of the second from `second` on: whole registers, since two
  /// stores of half a register to lines far apart take as long as four.
  static PILLAR_ALWAYS_INLINE void store(const quads& a, const quads& b, std::uint32_t* first,
                                         std::uint32_t* second) noexcept {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(first),
                        _mm256_inserti128_si256(a.bits, _mm256_castsi256_si128(b.bits), 1));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(second), _mm256_permute2x128_si256(a.bits, b.bits, 0x31));
  }
};

/// The prefix sums of the quads at from[0, 4) and from[4, 8), modulo 2^32.
template <class Field, class Arch>
PILLAR_ALWAYS_INLINE quads<Arch> prefix_sums(const Field* from) noexcept {
  if constexpr (sizeof(Field) == 1) {
    // Four copies of a quad, of which lane k multiplies the first k + 1 by one and the rest by zero, and adds.
    long long fields;
    __builtin_memcpy(&fields, from, 8);
    const __m256i copies = _mm256_shuffle_epi8(_mm256_set1_epi64x(fields),
                                               _mm256_setr_epi8(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3,  //
                                                                4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7));
    const __m256i taken = _mm256_setr_epi8(1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1,  //
                                           1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1);
    return {_mm256_madd_epi16(_mm256_maddubs_epi16(copies, taken), _mm256_set1_epi16(1))};
  } else {
    __m256i x;
    if constexpr (sizeof(Field) == 2)
      x = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
    else x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    x = _mm256_add_epi32(x, _mm256_slli_si256(x, 4));
    return {_mm256_add_epi32(x, _mm256_slli_si256(x, 8))};
  }
}

}  // namespace PILLAR_NAMESPACE::simd
#else
#define PILLAR_WITH_PREFIX_SUMS 0
#endif
