// SPDX-License-Identifier: Apache-2.0
/// Lanes of 64 bits: what hashing and comparing keys lacks in simd/batch.hpp.
#pragma once
#include "pillar/simd/batch.hpp"

#if PILLAR_WITH_BATCHES
namespace PILLAR_NAMESPACE::simd {

/// The products of the lower halves of lanes of 64 bits.
template <class Arch>
PILLAR_ALWAYS_INLINE batch<std::uint64_t, Arch> multiply_lower_halves(const batch<std::uint64_t, Arch>& x,
                                                                      const batch<std::uint64_t, Arch>& y) noexcept {
  using words = batch<std::uint64_t, Arch>;
#if defined(__x86_64__)
#ifdef __AVX512BW__
  if constexpr (sizeof(words) == 64) return words(_mm512_mul_epu32(x.data, y.data));
  else
#endif
#ifdef __AVX2__
      if constexpr (sizeof(words) == 32)
    return words(_mm256_mul_epu32(x.data, y.data));
  else
#endif
    return words(_mm_mul_epu32(x.data, y.data));
#else
  std::uint64_t lane[lanes<std::uint64_t, Arch>], other[lanes<std::uint64_t, Arch>];
  store<std::uint64_t, Arch>(lane, x);
  store<std::uint64_t, Arch>(other, y);
  for (int i = 0; i < lanes<std::uint64_t, Arch>; ++i) lane[i] = (lane[i] & 0xffffffffu) * (other[i] & 0xffffffffu);
  return load<std::uint64_t, Arch>(lane);
#endif
}

/// The sums of a register's pairs of lanes of 64 bits, those of x before those of y.
template <class Arch>
PILLAR_ALWAYS_INLINE batch<std::uint64_t, Arch> sum_pairs(const batch<std::uint64_t, Arch>& x,
                                                          const batch<std::uint64_t, Arch>& y) noexcept {
  using words = batch<std::uint64_t, Arch>;
#if defined(__x86_64__)
#ifdef __AVX512BW__
  if constexpr (sizeof(words) == 64) {
    const __m512i first = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
    const __m512i second = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
    return words(_mm512_add_epi64(_mm512_permutex2var_epi64(x.data, first, y.data),
                                  _mm512_permutex2var_epi64(x.data, second, y.data)));
  } else
#endif
#ifdef __AVX2__
      if constexpr (sizeof(words) == 32) {
    const __m256i mixed =
        _mm256_add_epi64(_mm256_unpacklo_epi64(x.data, y.data), _mm256_unpackhi_epi64(x.data, y.data));
    return words(_mm256_permute4x64_epi64(mixed, 0xd8));
  } else
#endif
    return words(_mm_add_epi64(_mm_unpacklo_epi64(x.data, y.data), _mm_unpackhi_epi64(x.data, y.data)));
#else
  constexpr int count = lanes<std::uint64_t, Arch>;
  std::uint64_t lane[2 * count];
  store<std::uint64_t, Arch>(lane, x);
  store<std::uint64_t, Arch>(lane + count, y);
  for (int i = 0; i < count; ++i) lane[i] = lane[2 * i] + lane[2 * i + 1];
  return load<std::uint64_t, Arch>(lane);
#endif
}

/// Two words in turn in all lanes of 64 bits.
template <class Arch>
PILLAR_ALWAYS_INLINE batch<std::uint64_t, Arch> repeat_pair(const std::uint64_t* pair) noexcept {
  using words = batch<std::uint64_t, Arch>;
#if defined(__x86_64__)
  const __m128i both = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pair));
#ifdef __AVX512BW__
  if constexpr (sizeof(words) == 64) return words(_mm512_broadcast_i32x4(both));
  else
#endif
#ifdef __AVX2__
      if constexpr (sizeof(words) == 32)
    return words(_mm256_broadcastsi128_si256(both));
  else
#endif
    return words(both);
#else
  std::uint64_t lane[lanes<std::uint64_t, Arch>];
  for (int i = 0; i < lanes<std::uint64_t, Arch>; ++i) lane[i] = pair[i % 2];
  return load<std::uint64_t, Arch>(lane);
#endif
}

/// `other` where the lanes of 64 bits of x and y are equal, else `value`. (xsimd's select needs an optimiser.)
template <class Arch>
PILLAR_ALWAYS_INLINE batch<std::uint64_t, Arch> where_equal(const batch<std::uint64_t, Arch>& x,
                                                            const batch<std::uint64_t, Arch>& y,
                                                            const batch<std::uint64_t, Arch>& other,
                                                            const batch<std::uint64_t, Arch>& value) noexcept {
  using words = batch<std::uint64_t, Arch>;
#if defined(__x86_64__)
#ifdef __AVX512BW__
  if constexpr (sizeof(words) == 64)
    return words(_mm512_mask_mov_epi64(value.data, _mm512_cmpeq_epi64_mask(x.data, y.data), other.data));
  else
#endif
#ifdef __AVX2__
      if constexpr (sizeof(words) == 32)
    return words(_mm256_blendv_epi8(value.data, other.data, _mm256_cmpeq_epi64(x.data, y.data)));
  else
#endif
    return words(_mm_blendv_epi8(value.data, other.data, _mm_cmpeq_epi64(x.data, y.data)));
#else
  return xsimd::select(x == y, other, value);
#endif
}

}  // namespace PILLAR_NAMESPACE::simd
#endif  // PILLAR_WITH_BATCHES
