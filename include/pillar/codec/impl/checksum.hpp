// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/codec/checksum.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API const checksum_table& checksum_kernels_for(arch_level level) noexcept {
  return detail::kernel_table<checksum_kernels>(level);
}

}  // namespace PILLAR_NAMESPACE
