// SPDX-License-Identifier: Apache-2.0
#include "pillar/schedule/worker_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "pillar/base/env.hpp"

namespace pillar_test::schedule_worker_pool {
namespace {

using pillar::errc;
using pillar::worker_pool;

worker_pool make(std::uint32_t workers) {
  auto made = worker_pool::create(workers);
  EXPECT_TRUE(made.ok());
  return *std::move(made);
}

/// Checks the laws of bulk from inside the bodies.
class law_checker {
 public:
  law_checker(std::uint32_t count, std::uint32_t workers)
      : calls_(std::make_unique<std::atomic<int>[]>(count)),
        busy_(std::make_unique<std::atomic<bool>[]>(workers)),
        count_(count),
        workers_(workers) {}
  void enter(std::uint32_t index, std::uint32_t worker) {
    if (index >= count_ || worker >= workers_) {
      violations_.fetch_add(1);
      return;
    }
    calls_[index].fetch_add(1, std::memory_order_relaxed);
    if (busy_[worker].exchange(true)) violations_.fetch_add(1);
  }
  void leave(std::uint32_t worker) { busy_[worker].store(false); }
  void expect_kept() const {
    EXPECT_EQ(violations_.load(), 0);
    for (std::uint32_t index = 0; index < count_; ++index) ASSERT_EQ(calls_[index].load(), 1) << "index " << index;
  }

 private:
  std::unique_ptr<std::atomic<int>[]> calls_;
  std::unique_ptr<std::atomic<bool>[]> busy_;
  std::uint32_t count_;
  std::uint32_t workers_;
  std::atomic<int> violations_{0};
};

void spin(std::uint64_t turns) {
  for (std::uint64_t i = 0; i < turns; ++i) asm volatile("");
}

TEST(schedule_worker_pool, keeps_the_laws_for_any_count_and_size) {
  for (const std::uint32_t workers : {1u, 2u, 3u, 8u}) {
    worker_pool pool = make(workers);
    EXPECT_EQ(pool.concurrency(), workers);
    for (const std::uint32_t count : {0u, 1u, 2u, 3u, 7u, 8u, 100u, 1'000u, 65'537u}) {
      law_checker laws(count, workers);
      pool.bulk(count, [&](std::uint32_t index, std::uint32_t worker) {
        laws.enter(index, worker);
        spin(index % 61);
        laws.leave(worker);
      });
      laws.expect_kept();
    }
  }
}

TEST(schedule_worker_pool, what_bodies_write_is_visible_to_the_caller_and_before) {
  worker_pool pool = make(4);
  std::vector<std::uint64_t> values(10'000);  // plain memory: a missing order is a race for the thread sanitizer
  for (std::uint64_t round = 1; round <= 50; ++round) {
    for (auto& value : values) value += round;
    pool.bulk(10'000, [&](std::uint32_t index, std::uint32_t) { values[index] *= 3; });
  }
  std::uint64_t expected = 0;
  for (std::uint64_t round = 1; round <= 50; ++round) expected = (expected + round) * 3;
  for (const auto value : values) ASSERT_EQ(value, expected);
}

/// Parked threads must come: each body waits until all have begun, so every worker is needed at once. A lone caller
/// would wait for ever; the patience turns that into a failure.
TEST(schedule_worker_pool, a_bulk_wakes_all_its_workers) {
  for (const std::uint32_t workers : {2u, 3u, 9u}) {
    worker_pool pool = make(workers);
    for (int round = 0; round < 5; ++round) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // all asleep
      std::atomic<std::uint32_t> begun{0};
      std::atomic<bool> is_late{false};
      const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      pool.bulk(workers, [&](std::uint32_t, std::uint32_t) {
        begun.fetch_add(1);
        while (begun.load() < workers && !is_late.load()) {
          std::this_thread::yield();
          if (std::chrono::steady_clock::now() > patience) is_late.store(true);
        }
      });
      ASSERT_FALSE(is_late.load()) << "a thread slept through a bulk of " << workers;
    }
  }
}

/// Many bulks, of which each needs a helper, back to back and with pauses around the time of falling asleep: a lost
/// wake is a helper that sleeps while work is open.
TEST(schedule_worker_pool, no_wake_is_lost) {
  worker_pool pool = make(2);
  pillar::splitmix64 random(99);
  const auto stop_at = std::chrono::steady_clock::now() + std::chrono::milliseconds(700);
  int round = 0;
  for (; round < 100'000; ++round) {
    if (round % 16 == 0 && std::chrono::steady_clock::now() > stop_at) break;
    std::atomic<std::uint32_t> begun{0};
    std::atomic<bool> is_late{false};
    spin(random.below(4'000));
    pool.bulk(2, [&](std::uint32_t, std::uint32_t) {
      begun.fetch_add(1);
      for (std::uint64_t turn = 1; begun.load() < 2 && !is_late.load(); ++turn) {
        if (turn % 64 == 0) std::this_thread::yield();
        if (turn % 65'536 == 0 && std::chrono::steady_clock::now() > stop_at + std::chrono::seconds(10)) is_late = true;
      }
    });
    ASSERT_FALSE(is_late.load()) << "round " << round;
  }
  RecordProperty("rounds", round);
}

TEST(schedule_worker_pool, many_small_bulks) {
  worker_pool pool = make(3);
  const auto stop_at = std::chrono::steady_clock::now() + std::chrono::milliseconds(1'000);
  std::uint64_t sum = 0;
  std::uint64_t expected = 0;
  int round = 0;
  for (; round < 100'000; ++round) {
    if (round % 64 == 0 && std::chrono::steady_clock::now() > stop_at) break;
    const std::uint32_t count = static_cast<std::uint32_t>(round % 5);
    std::uint32_t calls[5] = {};
    pool.bulk(count, [&](std::uint32_t index, std::uint32_t) { calls[index] += 1; });
    for (const std::uint32_t one : calls) sum += one;
    expected += count;
  }
  EXPECT_EQ(sum, expected);
  RecordProperty("rounds", round);
}

TEST(schedule_worker_pool, nested_bulks_end) {
  for (const std::uint32_t workers : {1u, 2u, 4u}) {
    worker_pool pool = make(workers);
    std::atomic<int> leaves{0};
    pool.bulk(8, [&](std::uint32_t, std::uint32_t) {
      law_checker laws(20, workers);
      pool.bulk(20, [&](std::uint32_t index, std::uint32_t worker) {
        laws.enter(index, worker);
        pool.bulk(3, [&](std::uint32_t, std::uint32_t) { leaves.fetch_add(1, std::memory_order_relaxed); });
        laws.leave(worker);
      });
      laws.expect_kept();
    });
    EXPECT_EQ(leaves.load(), 8 * 20 * 3);
  }
}

TEST(schedule_worker_pool, several_callers_at_once) {
  worker_pool pool = make(3);
  const auto call = [&](std::uint32_t seed) {
    pillar::splitmix64 random(seed);
    for (int round = 0; round < 300; ++round) {
      const std::uint32_t count = static_cast<std::uint32_t>(random.below(200));
      law_checker laws(count, 3);
      pool.bulk(count, [&](std::uint32_t index, std::uint32_t worker) {
        laws.enter(index, worker);
        spin(index % 31);
        laws.leave(worker);
      });
      laws.expect_kept();
    }
  };
  std::thread one(call, 1);
  std::thread two(call, 2);
  std::thread three(call, 3);
  call(4);
  one.join();
  two.join();
  three.join();
}

TEST(schedule_worker_pool, ends_at_once_and_after_work_and_moves) {
  for (int round = 0; round < 100; ++round) {
    worker_pool pool = make(4);
    if (round % 2 == 0) pool.bulk(50, [](std::uint32_t, std::uint32_t) { spin(10); });
  }
  worker_pool first = make(3);
  worker_pool second = std::move(first);
  EXPECT_EQ(second.concurrency(), 3u);
  EXPECT_EQ(first.concurrency(), 1u);  // NOLINT(bugprone-use-after-move): a documented state
  std::atomic<int> calls{0};
  first.bulk(5, [&](std::uint32_t, std::uint32_t worker) { calls += worker == 0 ? 1 : 100; });
  second.bulk(5, [&](std::uint32_t, std::uint32_t) { calls += 1; });
  EXPECT_EQ(calls.load(), 10);
  second = make(2);
  EXPECT_EQ(second.concurrency(), 2u);
}

TEST(schedule_worker_pool, refuses_by_value) {
  EXPECT_EQ(worker_pool::create(0).error().code, errc::invalid_argument);
  EXPECT_EQ(worker_pool::create(worker_pool::max_worker_count + 1).error().code, errc::invalid_argument);
  const auto too_large = worker_pool::create(3, std::size_t{1} << 50);  // no address space for such a stack
  EXPECT_EQ(too_large.error(), (pillar::failure{errc::limit_exceeded, 0}));
}

TEST(schedule_worker_pool, the_constructor_takes_what_the_system_grants) {
  worker_pool none(0);
  EXPECT_EQ(none.concurrency(), 1u);
  worker_pool three(3);
  EXPECT_EQ(three.concurrency(), 3u);
  for (worker_pool* pool : {&none, &three}) {
    law_checker laws(500, pool->concurrency());
    pool->bulk(500, [&](std::uint32_t index, std::uint32_t worker) {
      laws.enter(index, worker);
      laws.leave(worker);
    });
    laws.expect_kept();
  }
}

TEST(schedule_worker_pool, idle_threads_cost_no_processor_time) {
  worker_pool pool = make(8);
  pool.bulk(64, [](std::uint32_t, std::uint32_t) { spin(1'000); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::timespec before{};
  std::timespec after{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
  const auto spent_ns = (after.tv_sec - before.tv_sec) * 1'000'000'000 + (after.tv_nsec - before.tv_nsec);
  EXPECT_LT(spent_ns, 20'000'000) << "seven spinning threads would burn at least 100 ms";
}

}  // namespace
}  // namespace pillar_test::schedule_worker_pool
