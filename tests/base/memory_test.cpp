// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/memory.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace pillar_test::base_memory {
namespace {

using pillar::errc;
using pillar::memory_budget;

TEST(base_memory, counts_at_every_level_or_nowhere) {
  memory_budget all(1'000);
  memory_budget query(600, &all);
  memory_budget other(memory_budget::unlimited, &all);
  ASSERT_TRUE(query.reserve(500).ok());
  EXPECT_EQ(query.reserve(101).error(), (pillar::failure{errc::out_of_memory, 101}));  // its own limit
  ASSERT_TRUE(other.reserve(450).ok());
  EXPECT_EQ(query.reserve(100).error().code, errc::out_of_memory);  // the parent's
  EXPECT_EQ(query.used(), 500u);
  EXPECT_EQ(all.used(), 950u);
  EXPECT_TRUE(query.reserve(50).ok());
  query.release(550);
  other.release(450);
  EXPECT_EQ(all.used(), 0u);
  EXPECT_EQ(all.peak(), 1'000u);
  EXPECT_EQ(query.peak(), 550u);
}

TEST(base_memory, what_is_left_is_the_least_of_all_levels) {
  memory_budget nothing, below(memory_budget::unlimited, &nothing);
  EXPECT_EQ(below.available(), memory_budget::unlimited);
  memory_budget all(1'000), query(memory_budget::unlimited, &all), step(600, &query), sibling(900, &all);
  EXPECT_EQ(query.available(), 1'000u);  // it has no limit, but its parent has
  EXPECT_EQ(step.available(), 600u);
  ASSERT_TRUE(sibling.reserve(700).ok() && step.reserve(100).ok());
  EXPECT_EQ(step.available(), 200u);
  EXPECT_EQ(sibling.available(), 200u);
  EXPECT_TRUE(query.reserve(200).ok());
  EXPECT_EQ(step.available(), 0u);
  sibling.release(700);
  step.release(100);
  query.release(200);
}

TEST(base_memory, sums_cannot_wrap) {
  memory_budget budget(100);
  ASSERT_TRUE(budget.reserve(60).ok());
  EXPECT_FALSE(budget.reserve(memory_budget::unlimited).ok());
  EXPECT_FALSE(budget.reserve(memory_budget::unlimited - 59).ok());
  EXPECT_EQ(budget.used(), 60u);
  budget.release(60);
}

TEST(base_memory, the_nth_reservation_is_refused_once_or_from_then_on) {
  memory_budget all;
  memory_budget budget(memory_budget::unlimited, &all);
  all.refuse(2);
  EXPECT_TRUE(budget.reserve(1).ok());
  EXPECT_EQ(budget.reserve(5).error(), (pillar::failure{errc::out_of_memory, 5}));
  EXPECT_TRUE(budget.reserve(1).ok());
  EXPECT_EQ(all.refused(), 1u);
  EXPECT_EQ(budget.used(), 2u);
  all.refuse(2, true);
  EXPECT_TRUE(budget.reserve(1).ok());
  EXPECT_FALSE(budget.reserve(1).ok());
  EXPECT_FALSE(budget.reserve(1).ok());
  all.refuse(0);
  EXPECT_TRUE(budget.reserve(1).ok());
  EXPECT_EQ(all.refused(), 3u);
  budget.release(4);
  EXPECT_EQ(all.used(), 0u);
}

TEST(base_memory, threads_share_it) {
  memory_budget all;
  memory_budget budget(memory_budget::unlimited, &all);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i)
        if (budget.reserve(3).ok()) budget.release(3);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_EQ(all.used(), 0u);
  EXPECT_GE(all.peak(), 3u);
}

}  // namespace
}  // namespace pillar_test::base_memory
