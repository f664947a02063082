// SPDX-License-Identifier: Apache-2.0
#include "pillar/schedule/for_each_morsel.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/worker_pool.hpp"

namespace pillar_test::schedule_for_each_morsel {
namespace {

using pillar::errc;
using pillar::failure;
using pillar::morsel;
using pillar::result;

pillar::slice_cursors make(const std::vector<std::uint64_t>& rows, std::uint32_t workers) {
  auto made = pillar::slice_cursors::create(rows, workers);
  EXPECT_TRUE(made.ok());
  return *std::move(made);
}
pillar::worker_pool make_pool(std::uint32_t workers) {
  auto made = pillar::worker_pool::create(workers);
  EXPECT_TRUE(made.ok());
  return *std::move(made);
}

TEST(schedule_for_each_morsel, sums_the_same_on_any_executor) {
  const std::vector<std::uint64_t> rows{1'000, 0, 77'777, 5, 30'000};
  std::vector<std::vector<std::uint32_t>> values(rows.size());
  pillar::splitmix64 random(7);
  std::uint64_t expected = 0;
  for (std::size_t slice = 0; slice < rows.size(); ++slice) {
    values[slice].resize(rows[slice]);
    for (auto& value : values[slice]) expected += value = static_cast<std::uint32_t>(random.below(1'000'000));
  }
  const auto sum_on = [&](pillar::executor_ref runner, std::uint64_t morsel_rows) {
    pillar::slice_cursors cursors = make(rows, runner.concurrency());
    pillar::query_context context;
    struct alignas(128) partial {
      std::uint64_t sum = 0;
    };
    std::vector<partial> partials(runner.concurrency());
    EXPECT_TRUE(pillar::for_each_morsel(runner, cursors, context, morsel_rows,
                                        [&](const morsel& part, std::uint32_t worker) -> result<void> {
                                          for (std::uint64_t row = part.begin; row < part.end; ++row)
                                            partials[worker].sum += values[part.slice][row];
                                          return {};
                                        })
                    .ok());
    EXPECT_EQ(cursors.rows_left(), 0u);
    std::uint64_t sum = 0;
    for (const partial& one : partials) sum += one.sum;
    return sum;
  };
  pillar::inline_executor one;
  pillar::worker_pool four = make_pool(4);
  for (const std::uint64_t morsel_rows : {std::uint64_t{1}, std::uint64_t{1'024}, std::uint64_t{1} << 32}) {
    EXPECT_EQ(sum_on(one, morsel_rows), expected);
    EXPECT_EQ(sum_on(four, morsel_rows), expected);
  }
}

TEST(schedule_for_each_morsel, cancelling_stops_at_the_next_morsel) {
  pillar::inline_executor runner;
  pillar::slice_cursors cursors = make({100}, 1);
  pillar::query_context context;
  int calls = 0;
  const auto done =
      pillar::for_each_morsel(runner, cursors, context, 10, [&](const morsel&, std::uint32_t) -> result<void> {
        if (++calls == 3) context.cancel();
        return {};
      });
  EXPECT_EQ(done.error(), (failure{errc::cancelled, 0}));
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(cursors.rows_left(), 70u);
}

TEST(schedule_for_each_morsel, a_pool_stops_soon_after_a_cancel_from_outside) {
  pillar::worker_pool pool = make_pool(3);
  pillar::slice_cursors cursors = make({1'000'000'000, 1'000'000'000}, 3);
  pillar::query_context context;
  std::atomic<int> calls_after_stop{0};
  std::atomic<int> calls{0};
  const auto done =
      pillar::for_each_morsel(pool, cursors, context, 1, [&](const morsel&, std::uint32_t) -> result<void> {
        if (context.should_stop()) calls_after_stop.fetch_add(1);
        if (calls.fetch_add(1) == 1'000) context.cancel();
        return {};
      });
  EXPECT_EQ(done.error().code, errc::cancelled);
  EXPECT_LE(calls_after_stop.load(), 2) << "at most one morsel under way in each other worker";
  EXPECT_GT(cursors.rows_left(), 0u);
}

TEST(schedule_for_each_morsel, the_first_error_wins_and_ends_the_loop) {
  pillar::worker_pool pool = make_pool(4);
  for (int round = 0; round < 50; ++round) {
    pillar::slice_cursors cursors = make({100'000, 100'000}, 4);
    pillar::query_context context;
    std::atomic<std::uint64_t> first{~std::uint64_t{0}};
    const auto done =
        pillar::for_each_morsel(pool, cursors, context, 10, [&](const morsel& part, std::uint32_t) -> result<void> {
          if (part.slice != 1 || part.begin < 500) return {};
          std::uint64_t none = ~std::uint64_t{0};
          first.compare_exchange_strong(none, part.begin);
          return {errc::overflow, part.begin};
        });
    EXPECT_EQ(done.error().code, errc::overflow);
    EXPECT_GE(done.error().position, 500u);
    EXPECT_LE(done.error().position, 500u + 4 * 10) << "later than the first morsel of every worker";
    EXPECT_NE(first.load(), ~std::uint64_t{0});
    EXPECT_GT(cursors.rows_left(), 0u);
  }
}

TEST(schedule_for_each_morsel, a_deadline_is_seen_at_morsel_borders) {
  pillar::manual_clock clock{0};
  pillar::query_context context(clock, {.deadline_ns = 35});
  pillar::inline_executor runner;
  pillar::slice_cursors cursors = make({100}, 1);
  const auto done =
      pillar::for_each_morsel(runner, cursors, context, 10, [&](const morsel&, std::uint32_t) -> result<void> {
        clock.now += 10;
        return {};
      });
  EXPECT_EQ(done.error(), (failure{errc::deadline_exceeded, 5}));
  EXPECT_EQ(cursors.rows_left(), 60u);
}

TEST(schedule_for_each_morsel, no_rows_and_a_stopped_context_call_nothing) {
  pillar::worker_pool pool = make_pool(2);
  const auto never = [](const morsel&, std::uint32_t) -> result<void> {
    ADD_FAILURE() << "called";
    return {};
  };
  pillar::query_context context;
  pillar::slice_cursors empty = make({0, 0}, 2);
  EXPECT_TRUE(pillar::for_each_morsel(pool, empty, context, 10, never).ok());
  pillar::slice_cursors some = make({5}, 2);
  EXPECT_EQ(pillar::for_each_morsel(pool, some, context, 0, never).error().code, errc::invalid_argument);
  context.cancel();
  EXPECT_EQ(pillar::for_each_morsel(pool, some, context, 10, never).error().code, errc::cancelled);
}

}  // namespace
}  // namespace pillar_test::schedule_for_each_morsel
