// SPDX-License-Identifier: Apache-2.0
#include "pillar/simd/dispatch.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace pillar_test::simd_dispatch {
namespace {

using pillar::arch_level;

/// Sets PILLAR_ARCH for one scope.
class arch_wish {
 public:
  explicit arch_wish(const char* value) {
    if (const char* old = std::getenv("PILLAR_ARCH")) old_ = old, had_ = true;
    if (value != nullptr) setenv("PILLAR_ARCH", value, 1);
    else unsetenv("PILLAR_ARCH");
  }
  arch_wish(const arch_wish&) = delete;
  arch_wish& operator=(const arch_wish&) = delete;
  ~arch_wish() {
    if (had_) setenv("PILLAR_ARCH", old_.c_str(), 1);
    else unsetenv("PILLAR_ARCH");
  }

 private:
  std::string old_;
  bool had_ = false;
};

arch_level best_with(const char* wish) {
  const arch_wish scope(wish);
  return pillar::best_arch_level();
}

TEST(simd_dispatch, the_best_level_is_supported_and_all_above_it_are_not) {
  const arch_level best = best_with(nullptr);
  std::printf("[  LEVEL   ] this machine: %s\n", pillar::to_string(best));
  EXPECT_TRUE(pillar::supports(arch_level::scalar));
  EXPECT_TRUE(pillar::supports(best));
  for (const arch_level level : pillar::all_arch_levels)
    if (level > best) {
      EXPECT_FALSE(pillar::supports(level)) << pillar::to_string(level);
    }
}

TEST(simd_dispatch, the_environment_lowers_the_choice_and_never_raises_it) {
  const arch_level best = best_with(nullptr);
  for (const arch_level level : pillar::all_arch_levels) {
    const arch_level chosen = best_with(pillar::to_string(level));
    EXPECT_EQ(chosen, pillar::supports(level) ? level : best) << pillar::to_string(level);
  }
  EXPECT_EQ(best_with(""), best);
  EXPECT_EQ(best_with("v99"), best);
  EXPECT_EQ(best_with("scalar"), arch_level::scalar);
}

}  // namespace
}  // namespace pillar_test::simd_dispatch
