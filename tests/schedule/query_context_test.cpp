// SPDX-License-Identifier: Apache-2.0
#include "pillar/schedule/query_context.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <type_traits>

namespace pillar_test::schedule_query_context {
namespace {

using pillar::errc;
using pillar::failure;
using pillar::query_context;

static_assert(!std::is_copy_constructible_v<query_context> && !std::is_move_constructible_v<query_context>);

TEST(schedule_query_context, starts_running_with_what_it_was_given) {
  pillar::memory_budget budget(100);
  query_context context({.budget = &budget, .priority = pillar::query_priority::high});
  EXPECT_FALSE(context.should_stop());
  EXPECT_TRUE(context.status().ok());
  EXPECT_EQ(context.error(), failure{});
  EXPECT_EQ(context.budget(), &budget);
  EXPECT_EQ(context.priority(), pillar::query_priority::high);
  EXPECT_FALSE(context.check_deadline());
  EXPECT_FALSE(context.check_deadline(pillar::no_deadline_ns)) << "no deadline is never reached";
  EXPECT_GT(context.now_ns(), 0u) << "the machine's clock by default";
}

TEST(schedule_query_context, the_first_reason_stays) {
  query_context context;
  EXPECT_TRUE(context.fail({errc::overflow, 42}));
  EXPECT_FALSE(context.fail({errc::corrupt, 7}));
  context.cancel();
  EXPECT_TRUE(context.should_stop());
  EXPECT_EQ(context.error(), (failure{errc::overflow, 42}));

  query_context cancelled;
  cancelled.cancel();
  EXPECT_FALSE(cancelled.fail({errc::overflow, 42}));
  EXPECT_EQ(cancelled.status().error(), (failure{errc::cancelled, 0}));
}

TEST(schedule_query_context, positions_beyond_56_bits_are_cut) {
  for (const std::uint64_t position : {std::uint64_t{0}, query_context::max_position - 1, query_context::max_position,
                                       query_context::max_position + 1, ~std::uint64_t{0}}) {
    query_context context;
    context.fail({errc::parse_error, position});
    EXPECT_EQ(context.error().code, errc::parse_error);
    EXPECT_EQ(context.error().position, std::min(position, query_context::max_position));
  }
}

TEST(schedule_query_context, the_deadline_follows_the_injected_clock) {
  pillar::manual_clock clock{1'000};
  query_context context(clock, {.deadline_ns = 2'000});
  EXPECT_EQ(context.now_ns(), 1'000u);
  EXPECT_FALSE(context.check_deadline());
  clock.now = 1'999;
  EXPECT_FALSE(context.check_deadline());
  context.set_deadline_ns(3'000);
  clock.now = 2'999;
  EXPECT_FALSE(context.check_deadline());
  EXPECT_FALSE(context.should_stop()) << "only a look at the clock stops a query";
  clock.now = 3'005;
  EXPECT_FALSE(context.should_stop());
  EXPECT_TRUE(context.check_deadline());
  EXPECT_TRUE(context.should_stop());
  EXPECT_EQ(context.error(), (failure{errc::deadline_exceeded, 5}));
  context.set_deadline_ns(pillar::no_deadline_ns);
  EXPECT_TRUE(context.check_deadline()) << "stopped stays stopped";

  query_context late(clock, {.deadline_ns = 3'005});
  EXPECT_TRUE(late.check_deadline()) << "the deadline itself is too late";
}

TEST(schedule_query_context, of_several_threads_exactly_one_is_first) {
  for (int round = 0; round < 40; ++round) {
    query_context context;
    std::atomic<int> first_count{0};
    std::atomic<std::uint64_t> winner{0};
    std::atomic<int> ready{0};
    const auto race = [&](std::uint64_t number) {
      ready.fetch_add(1);
      while (ready.load() < 3) std::this_thread::yield();
      if (context.fail({errc::overflow, number})) {
        first_count.fetch_add(1);
        winner.store(number);
      }
      EXPECT_TRUE(context.should_stop());
    };
    std::thread one([&] { race(1); });
    std::thread two([&] { race(2); });
    race(3);
    one.join();
    two.join();
    EXPECT_EQ(first_count.load(), 1);
    EXPECT_EQ(context.error(), (failure{errc::overflow, winner.load()}));
  }
}

}  // namespace
}  // namespace pillar_test::schedule_query_context
