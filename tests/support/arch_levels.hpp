// SPDX-License-Identifier: Apache-2.0
/// The levels that this machine can run, for tests that take them as rows of a run-time table.
#pragma once
#include <cstdio>
#include <vector>

#include "pillar/simd/dispatch.hpp"

namespace pillar_test {

/// Supported levels whose kernels exist, from scalar up: `table_for(level).level == level`. The others are named on
/// stdout, so that a log shows what was not run.
template <class TableFor>
std::vector<pillar::arch_level> levels_to_test(TableFor table_for) {
  std::vector<pillar::arch_level> levels;
  for (const pillar::arch_level level : pillar::all_arch_levels) {
    const bool exists = table_for(level).level == level;
    if (exists && pillar::supports(level)) levels.push_back(level);
    else if (exists) std::printf("[   SKIP   ] level %s: not supported by this processor\n", pillar::to_string(level));
  }
  return levels;
}

}  // namespace pillar_test
