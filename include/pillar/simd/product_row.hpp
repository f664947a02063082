// SPDX-License-Identifier: Apache-2.0
/// A row of sums of two numbers and their products: what counting moments lacks in simd/batch.hpp.
///
/// 256 bits on v4 too: a row has six sums.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"   // arch tags
#include "pillar/simd/level.hpp"  // PILLAR_WITH_BATCHES

#if PILLAR_WITH_BATCHES && defined(__AVX2__)
#define PILLAR_WITH_PRODUCT_ROWS 1
#include <immintrin.h>

namespace PILLAR_NAMESPACE::simd {

/// Adds 1, x, x², y, y², xy, 0 and 0 to eight lanes of 32 bits, modulo 2^32. Reads and writes 32 bytes at any address.
template <class Arch>
PILLAR_ALWAYS_INLINE void add_products(void* to, std::int32_t x, std::int32_t y) noexcept {
  const __m256i ones = _mm256_setr_epi32(1, 1, 1, 1, 0, 0, 0, 0), xs = _mm256_set1_epi32(x), ys = _mm256_set1_epi32(y);
  const __m256i left = _mm256_blend_epi32(_mm256_blend_epi32(ones, xs, 0b100110), ys, 0b011000);
  const __m256i right = _mm256_blend_epi32(_mm256_blend_epi32(ones, xs, 0b000100), ys, 0b110000);
  auto* const row = static_cast<__m256i*>(to);
  _mm256_storeu_si256(row, _mm256_add_epi32(_mm256_loadu_si256(row), _mm256_mullo_epi32(left, right)));
}

}  // namespace PILLAR_NAMESPACE::simd
#else
#define PILLAR_WITH_PRODUCT_ROWS 0
#endif
