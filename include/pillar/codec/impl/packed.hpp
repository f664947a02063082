// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/codec/packed.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API const packed_table& packed_kernels_for(arch_level level) noexcept {
  return detail::kernel_table<packed_kernels>(level);
}

}  // namespace PILLAR_NAMESPACE
