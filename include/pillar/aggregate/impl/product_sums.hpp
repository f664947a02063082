// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/aggregate/detail/product_sums.hpp"

namespace PILLAR_NAMESPACE::detail {

PILLAR_API const product_sums_table& product_sums_kernels_for(arch_level level) noexcept {
  return kernel_table<product_sums_kernels>(level);
}

}  // namespace PILLAR_NAMESPACE::detail
