// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/mutant.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace pillar_test::base_mutant {
namespace {

/// The name is one that nobody runs: in every build the good side is taken.
TEST(base_mutant, is_good_unless_asked_for) {
  EXPECT_EQ(PILLAR_MUTATE(base_never_asked_for, 1, 2), 1);
#ifdef PILLAR_MUTANTS
  EXPECT_FALSE(pillar::detail::mutant_active("base_never_asked_for"));
  const char* const before = std::getenv("PILLAR_MUTANT");
  if (before == nullptr) {
    setenv("PILLAR_MUTANT", "base_never_asked_for", 1);
    EXPECT_EQ(PILLAR_MUTATE(base_never_asked_for, 1, 2), 2);
    EXPECT_EQ(PILLAR_MUTATE(base_another, 1, 2), 1);
    unsetenv("PILLAR_MUTANT");
  }
#endif
}

}  // namespace
}  // namespace pillar_test::base_mutant
