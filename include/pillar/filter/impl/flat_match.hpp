// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/filter/flat_match.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API const flat_match_table& flat_match_kernels_for(arch_level level) noexcept {
  return detail::kernel_table<flat_match_kernels>(level);
}

}  // namespace PILLAR_NAMESPACE
