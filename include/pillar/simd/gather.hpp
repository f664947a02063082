// SPDX-License-Identifier: Apache-2.0
/// Eight 32-bit loads by index, as one AVX2 gather where the processor has it.
///
/// Pillar's kernels expand dictionaries with plain loads (gathers are slower on the processors measured); this one
/// exists for callers who know better, and to prove that the test kit's guard pages catch a gather.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// True when gather_u32x8 is a hardware gather on this machine.
[[nodiscard]] PILLAR_API bool has_hardware_gather() noexcept;

/// out[i] = base[indices[i]], 0 ≤ i < 8.
PILLAR_API void gather_u32x8(const std::uint32_t* base, const std::int32_t* indices, std::uint32_t* out) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/simd/impl/gather.hpp"
#endif
