// SPDX-License-Identifier: Apache-2.0
/// Sorting in set-up code: a quarter of the machine code that std::sort makes for each type, and up to three times its
/// time.
#pragma once
#include <algorithm>  // std::make_heap, std::sort_heap
#include <functional>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Sorts a random-access range in n log n steps; not stable.
template <class Range, class Less = std::less<>>
void heap_sort(Range& values, Less less = {}) {
  std::make_heap(values.begin(), values.end(), less);
  std::sort_heap(values.begin(), values.end(), less);
}

}  // namespace PILLAR_NAMESPACE::detail
