// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "pillar/base/memory.hpp"

int main() {
  pillar::memory_budget budget(100);
  const bool fits = budget.reserve(60).ok();
  const bool refused = !budget.reserve(60).ok();
  budget.release(60);
  std::printf("Pillar %d.%d.%d: fits %d, refused %d\n", PILLAR_VERSION_MAJOR, PILLAR_VERSION_MINOR,
              PILLAR_VERSION_PATCH, fits, refused);
  return fits && refused ? 0 : 1;
}
