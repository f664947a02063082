// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/aggregate/detail/key_search.hpp"

namespace PILLAR_NAMESPACE::detail {

PILLAR_API const key_search_table& key_search_kernels_for(arch_level level) noexcept {
  return kernel_table<key_search_kernels>(level);
}

}  // namespace PILLAR_NAMESPACE::detail
