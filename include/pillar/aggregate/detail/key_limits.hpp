// SPDX-License-Identifier: Apache-2.0
/// What the tables under a group table have in common.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE::detail {

inline constexpr std::uint32_t key_limit = 0xfffffffeu;
inline constexpr std::size_t prefetch_threshold_bytes = std::size_t{1} << 20;  // about an L2

}  // namespace PILLAR_NAMESPACE::detail
