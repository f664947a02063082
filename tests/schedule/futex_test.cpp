// SPDX-License-Identifier: Apache-2.0
#include "pillar/schedule/futex.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <thread>

namespace pillar_test::schedule_futex {
namespace {

TEST(schedule_futex, does_not_sleep_on_another_value) {
  std::atomic<std::uint32_t> word{1};
  errno = 77;
  pillar::futex_wait(word, 0);
  pillar::futex_wake(word, 1);
  EXPECT_EQ(errno, 77) << "the user's errno is left alone";
}

TEST(schedule_futex, a_change_and_a_wake_are_never_missed) {
  std::atomic<std::uint32_t> turn{0};
  const auto play = [&](std::uint32_t mine) {
    for (int round = 0; round < 2'000; ++round) {
      std::uint32_t seen = 0;
      while ((seen = turn.load()) % 2 != mine) pillar::futex_wait(turn, seen);
      turn.store(seen + 1);
      pillar::futex_wake(turn, 1);
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
  EXPECT_EQ(turn.load(), 4'000u);
}

}  // namespace
}  // namespace pillar_test::schedule_futex
