// SPDX-License-Identifier: Apache-2.0
/// Instruction-set levels: tags that kernels take as a template parameter, and the same levels as run-time values.
///
/// Tags inherit, so a kernel without an override for a level quietly uses the one below. Every symbol whose machine
/// code depends on the instruction set carries its tag: two translation units never merge different code.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

namespace arch {
struct scalar {};           ///< plain C++, any processor: the oracle
struct v2 : scalar {};      ///< x86-64-v2: SSE4.2
struct v3 : v2 {};          ///< x86-64-v3: AVX2, BMI2, FMA
struct v4 : v3 {};          ///< x86-64-v4: AVX-512 F, BW, CD, DQ, VL
struct v4_vbmi2 : v4 {};    ///< v4 with VBMI and VBMI2
struct neon64 : scalar {};  ///< AArch64 Advanced SIMD
}  // namespace arch

/// The levels in ascending order within one processor family; the numbers are stable.
enum class arch_level : std::uint8_t { scalar = 0, neon64 = 1, v2 = 2, v3 = 3, v4 = 4, v4_vbmi2 = 5 };

/// Every level of every processor family, ascending.
inline constexpr arch_level all_arch_levels[] = {arch_level::scalar, arch_level::neon64, arch_level::v2,
                                                 arch_level::v3,     arch_level::v4,     arch_level::v4_vbmi2};

/// The name, as the environment variable PILLAR_ARCH takes it.
constexpr const char* to_string(arch_level level) noexcept {
  switch (level) {
    case arch_level::scalar: return "scalar";
    case arch_level::neon64: return "neon64";
    case arch_level::v2: return "v2";
    case arch_level::v3: return "v3";
    case arch_level::v4: return "v4";
    case arch_level::v4_vbmi2: return "v4_vbmi2";
  }
  return "unknown";
}

/// The level of a tag.
template <class Arch>
inline constexpr arch_level level_of = arch_level::scalar;
template <>
inline constexpr arch_level level_of<arch::neon64> = arch_level::neon64;
template <>
inline constexpr arch_level level_of<arch::v2> = arch_level::v2;
template <>
inline constexpr arch_level level_of<arch::v3> = arch_level::v3;
template <>
inline constexpr arch_level level_of<arch::v4> = arch_level::v4;
template <>
inline constexpr arch_level level_of<arch::v4_vbmi2> = arch_level::v4_vbmi2;

}  // namespace PILLAR_NAMESPACE
