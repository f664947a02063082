// SPDX-License-Identifier: Apache-2.0
/// Words looked up by index, and bits chosen by lane: what a register-blocked Bloom filter needs. AVX-512 only: on Zen 4
/// eight loads by one gather are faster than eight loads where what becomes of them stays in a register too.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"   // arch tags
#include "pillar/simd/level.hpp"  // PILLAR_WITH_BATCHES

#if PILLAR_WITH_BATCHES && defined(__AVX512BW__)
#define PILLAR_WITH_GATHERED_WORDS 1
#include <immintrin.h>

namespace PILLAR_NAMESPACE::simd {

/// Eight words of 64 bits.
template <class Arch>
struct word_lanes {
  __m512i data;
};

template <class Arch>
PILLAR_ALWAYS_INLINE word_lanes<Arch> load_words(const std::uint64_t* from) noexcept {
  return {_mm512_loadu_si512(from)};
}

/// Each lane's place in [0, size) by its upper 32 bits. Requires: 0 < size < 2^32
template <class Arch>
PILLAR_ALWAYS_INLINE word_lanes<Arch> places_by_high_half(word_lanes<Arch> x, std::uint64_t size) noexcept {
  const __m512i high = _mm512_srli_epi64(x.data, 32);
  return {_mm512_srli_epi64(_mm512_mul_epu32(high, _mm512_set1_epi64(static_cast<long long>(size))), 32)};
}

/// Lane i: base[at's lane i]; nothing else is read.
template <class Arch>
PILLAR_ALWAYS_INLINE word_lanes<Arch> gather_words(const std::uint64_t* base, word_lanes<Arch> at) noexcept {
  return {_mm512_i64gather_epi64(at.data, base, sizeof(std::uint64_t))};
}

/// In each lane up to four bits, whose numbers are the lane's lowest 24 bits, six at a time.
template <class Arch>
PILLAR_ALWAYS_INLINE word_lanes<Arch> four_bits(word_lanes<Arch> x) noexcept {
  const __m512i one = _mm512_set1_epi64(1);
  const __m512i first = _mm512_rolv_epi64(one, x.data);  // takes the amount modulo 64
  const __m512i second = _mm512_rolv_epi64(one, _mm512_srli_epi64(x.data, 6));
  const __m512i third = _mm512_rolv_epi64(one, _mm512_srli_epi64(x.data, 12));
  const __m512i fourth = _mm512_rolv_epi64(one, _mm512_srli_epi64(x.data, 18));
  return {_mm512_or_si512(_mm512_or_si512(first, second), _mm512_or_si512(third, fourth))};
}

/// Bit i: lane i of `words` has all bits of lane i of `bits`.
template <class Arch>
PILLAR_ALWAYS_INLINE std::uint64_t have_bits(word_lanes<Arch> words, word_lanes<Arch> bits) noexcept {
  return _mm512_testn_epi64_mask(_mm512_andnot_si512(words.data, bits.data), bits.data);
}

}  // namespace PILLAR_NAMESPACE::simd
#else
#define PILLAR_WITH_GATHERED_WORDS 0
#endif
