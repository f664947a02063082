// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdlib>  // std::getenv
#include <string_view>

#include "pillar/simd/dispatch.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API bool supports(arch_level level) noexcept {
  if (level == arch_level::scalar) return true;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (level == arch_level::neon64) return false;
  const bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
  if (!v2 || level == arch_level::v2) return v2;
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                  __builtin_cpu_supports("fma");
  if (!v3 || level == arch_level::v3) return v3;
  const bool v4 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  if (!v4 || level == arch_level::v4) return v4;
  return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
#elif defined(__aarch64__)
  return level == arch_level::neon64;
#else
  return false;
#endif
}

PILLAR_API arch_level best_arch_level() noexcept {
  arch_level best = arch_level::scalar;
  for (const arch_level level : all_arch_levels)
    if (supports(level)) best = level;
  const char* wish = std::getenv("PILLAR_ARCH");
  if (wish == nullptr) return best;
  for (const arch_level level : all_arch_levels)
    if (std::string_view(wish) == to_string(level) && level <= best && supports(level)) return level;
  return best;
}

}  // namespace PILLAR_NAMESPACE
