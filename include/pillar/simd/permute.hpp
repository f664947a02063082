// SPDX-License-Identifier: Apache-2.0
/// Values that stay until a mark: what run-end decoding lacks in simd/batch.hpp.
///
/// 256 bits on v4 too: a pattern of eight rows picks one of 256 orders, one of sixteen would need a table of 1 MiB.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"   // arch tags
#include "pillar/simd/level.hpp"  // PILLAR_WITH_BATCHES

#if PILLAR_WITH_BATCHES && defined(__AVX2__)
#define PILLAR_WITH_PERMUTATIONS 1
#include <immintrin.h>

namespace PILLAR_NAMESPACE::simd {

/// Values of U, of four or eight bytes, in a register of 32.
template <class U>
inline constexpr std::uint32_t permuted_lanes = 32 / sizeof(U);

/// For each pattern of marks the 32-bit lane that goes to each lane: value k goes to the rows with k marks before them.
template <class U>
struct unmarked_orders {
  std::uint8_t lane[std::size_t{1} << permuted_lanes<U>][8];
  constexpr unmarked_orders() noexcept : lane{} {
    constexpr std::uint32_t parts = sizeof(U) / 4;
    for (std::uint32_t pattern = 0; pattern < 1u << permuted_lanes<U>; ++pattern)
      for (std::uint32_t row = 0, value = 0; row < permuted_lanes<U>; value += pattern >> row & 1, ++row)
        for (std::uint32_t part = 0; part < parts; ++part)
          lane[pattern][row * parts + part] = static_cast<std::uint8_t>(value * parts + part);
  }
};
template <class U, class Arch>
inline constexpr unmarked_orders<U> unmarked_orders_of{};

/// to[row] = from[marks of `pattern` below bit `row`]. Reads and writes 32 bytes, `to` aligned.
template <class U, class Arch>
PILLAR_ALWAYS_INLINE void repeat_unmarked(const U* from, std::uint32_t pattern, U* to) noexcept {
  __m256i values = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  __asm__("" : "+x"(values));  // a permutation of an operand in memory takes twice the time (Zen 3)
  const auto* order = reinterpret_cast<const __m128i*>(unmarked_orders_of<U, Arch>.lane[pattern]);
  const __m256i lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(order));
  _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm256_permutevar8x32_epi32(values, lanes));
}

}  // namespace PILLAR_NAMESPACE::simd
#else
#define PILLAR_WITH_PERMUTATIONS 0
#endif
