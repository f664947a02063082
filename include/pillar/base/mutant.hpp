// SPDX-License-Identifier: Apache-2.0
/// Seeded defects: PILLAR_MUTATE(name, good, bad) is `good` in every ordinary build. A test build with PILLAR_MUTANTS
/// defined takes `bad` while the environment variable PILLAR_MUTANT holds the name, so that one build serves all
/// mutants. tests/mutants/list.txt names for each the test that must fail.
#pragma once
#include "pillar/base/config.hpp"
#ifdef PILLAR_MUTANTS
#include <cstdlib>
#include <string_view>
namespace PILLAR_NAMESPACE::detail {
inline bool mutant_active(std::string_view name) noexcept {
  const char* chosen = std::getenv("PILLAR_MUTANT");
  return chosen != nullptr && name == chosen;
}
}  // namespace PILLAR_NAMESPACE::detail
#define PILLAR_MUTATE(name, good, bad) (::pillar::detail::mutant_active(#name) ? (bad) : (good))
#else
#define PILLAR_MUTATE(name, good, bad) (good)
#endif
