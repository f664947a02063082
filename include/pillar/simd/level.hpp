// SPDX-License-Identifier: Apache-2.0
/// The level that this translation unit is compiled for, from the compiler's predefined macros; and the choice of a
/// kernel table among the levels that exist.
///
/// pillar::kernels holds every level of its processor family (PILLAR_KERNEL_LEVELS, a bit per arch_level, says which
/// when a build leaves some out). Header-only mode has two: scalar, and the one of this translation unit's flags.
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"  // arch, arch_level

#ifndef PILLAR_KERNEL_LEVELS
#if defined(__x86_64__)
#define PILLAR_KERNEL_LEVELS 0x3d  // scalar, v2, v3, v4, v4_vbmi2
#elif defined(__aarch64__)
#define PILLAR_KERNEL_LEVELS 0x03  // scalar, neon64
#else
#define PILLAR_KERNEL_LEVELS 0x01
#endif
#endif

/// 1 where simd/batch.hpp has batches: not in the translation units of the scalar level, which are spared its include,
/// and not where the compiler's flags allow none.
#if defined(PILLAR_KERNEL_LEVEL) && PILLAR_KERNEL_LEVEL == 0
#define PILLAR_WITH_BATCHES 0
#elif defined(__SSE4_2__) || defined(__aarch64__)
#define PILLAR_WITH_BATCHES 1
#else
#define PILLAR_WITH_BATCHES 0
#endif

namespace PILLAR_NAMESPACE {

namespace arch {
#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512CD__)
#if defined(__AVX512VBMI__) && defined(__AVX512VBMI2__)
using native = v4_vbmi2;
#else
using native = v4;
#endif
#elif defined(__AVX2__) && defined(__BMI2__)
using native = v3;
#elif defined(__SSE4_2__) && defined(__POPCNT__)
using native = v2;
#elif defined(__aarch64__)
using native = neon64;
#else
using native = scalar;
#endif
}  // namespace arch

namespace detail {

/// `Kernels<Arch>::table()` of the best level that is at most `level` and exists. v4_vbmi2 takes the table of v4 as
/// long as no kernel has code of its own for it.
template <template <class> class Kernels, class Native = arch::native>
const auto& kernel_table(arch_level level) noexcept {
#ifdef PILLAR_HEADER_ONLY
  if constexpr (level_of<Native> != arch_level::scalar) {
    if (level >= level_of<Native>) return Kernels<Native>::table();
  }
#else
#if PILLAR_KERNEL_LEVELS & 0x10
  if (level >= arch_level::v4) return Kernels<arch::v4>::table();
#endif
#if PILLAR_KERNEL_LEVELS & 0x08
  if (level >= arch_level::v3) return Kernels<arch::v3>::table();
#endif
#if PILLAR_KERNEL_LEVELS & 0x04
  if (level >= arch_level::v2) return Kernels<arch::v2>::table();
#endif
#if PILLAR_KERNEL_LEVELS & 0x02
  if (level >= arch_level::neon64) return Kernels<arch::neon64>::table();
#endif
#endif
  return Kernels<arch::scalar>::table();
}

}  // namespace detail
}  // namespace PILLAR_NAMESPACE
