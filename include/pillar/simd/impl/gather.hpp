// SPDX-License-Identifier: Apache-2.0
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "pillar/simd/dispatch.hpp"  // supports
#include "pillar/simd/gather.hpp"

namespace PILLAR_NAMESPACE {

#if defined(__x86_64__)
namespace detail {
__attribute__((target("avx2"), noinline)) inline void gather_u32x8_avx2(const std::uint32_t* base,
                                                                        const std::int32_t* indices,
                                                                        std::uint32_t* out) noexcept {
  const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(indices));
  const __m256i values = _mm256_i32gather_epi32(reinterpret_cast<const int*>(base), at, 4);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), values);
}
}  // namespace detail
#endif

PILLAR_API bool has_hardware_gather() noexcept {
#if defined(__x86_64__)
  return supports(arch_level::v3);
#else
  return false;
#endif
}

PILLAR_API void gather_u32x8(const std::uint32_t* base, const std::int32_t* indices, std::uint32_t* out) noexcept {
#if defined(__x86_64__)
  if (has_hardware_gather()) return detail::gather_u32x8_avx2(base, indices, out);
#endif
  for (int i = 0; i < 8; ++i) out[i] = base[indices[i]];
}

}  // namespace PILLAR_NAMESPACE
