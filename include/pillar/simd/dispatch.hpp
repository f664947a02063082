// SPDX-License-Identifier: Apache-2.0
/// Which level this machine runs.
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"  // arch_level

namespace PILLAR_NAMESPACE {

/// True when the processor (and the system's saved register state) has all that code of `level` may use.
[[nodiscard]] PILLAR_API bool supports(arch_level level) noexcept;

/// The highest supported level; the environment variable PILLAR_ARCH (scalar, v2, v3, v4, v4_vbmi2, neon64) lowers it.
/// A name that is unknown or not supported changes nothing.
///
/// Cost:    reads the environment: callers ask once and keep the tables that they get for it
/// Threads: any, as long as nobody changes the environment
[[nodiscard]] PILLAR_API arch_level best_arch_level() noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/simd/impl/dispatch.hpp"
#endif
