// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/env.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace pillar_test::base_env {
namespace {

using pillar::splitmix64;

TEST(base_env, the_generator_is_the_published_one) {
  splitmix64 random(1234567);  // values of the reference program
  EXPECT_EQ(random(), 6457827717110365317u);
  EXPECT_EQ(random(), 3203168211198807973u);
  EXPECT_EQ(random(), 9817491932198370423u);
}

TEST(base_env, below_stays_below_and_reaches_all) {
  splitmix64 random(3);
  for (const std::uint64_t bound : {1u, 2u, 7u}) {
    std::vector<int> seen(bound);
    for (int i = 0; i < 7'000; ++i) ++seen.at(random.below(bound));
    for (const int count : seen) EXPECT_GT(count, static_cast<int>(7'000 / bound * 8 / 10));
  }
  int hits = 0;
  for (int i = 0; i < 10'000; ++i) hits += random.chance(1, 4) ? 1 : 0;
  EXPECT_NEAR(hits, 2'500, 200);
}

TEST(base_env, clocks_do_not_go_back) {
  pillar::steady_clock clock;
  std::uint64_t before = clock.now_ns();
  for (int i = 0; i < 1'000; ++i) {
    const std::uint64_t now = clock.now_ns();
    ASSERT_GE(now, before);
    before = now;
  }
  pillar::manual_clock manual{5};
  manual.now += 3;
  EXPECT_EQ(manual.now_ns(), 8u);
}

}  // namespace
}  // namespace pillar_test::base_env
