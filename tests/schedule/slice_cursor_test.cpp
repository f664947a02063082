// SPDX-License-Identifier: Apache-2.0
#include "pillar/schedule/slice_cursor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "pillar/base/env.hpp"

namespace pillar_test::schedule_slice_cursor {
namespace {

using pillar::errc;
using pillar::morsel;
using pillar::slice_cursors;

slice_cursors make(const std::vector<std::uint64_t>& rows, std::uint32_t workers) {
  auto made = slice_cursors::create(rows, workers);
  EXPECT_TRUE(made.ok());
  return *std::move(made);
}
morsel expected(std::uint32_t slice, std::uint64_t begin, std::uint64_t end, bool is_stolen) {
  return {slice, is_stolen, begin, end};
}

TEST(schedule_slice_cursor, home_first_then_the_fullest_other) {
  // Two workers: slices 0 and 2 are at home with worker 0, slices 1 and 3 with worker 1.
  slice_cursors cursors = make({10, 100, 0, 25}, 2);
  EXPECT_EQ(cursors.row_count(), 135u);
  EXPECT_EQ(cursors.next(0, 10), expected(0, 0, 10, false));
  EXPECT_EQ(cursors.next(0, 10), expected(1, 0, 10, true)) << "slice 2 is empty, slice 1 is the fullest";
  EXPECT_EQ(cursors.next(1, 70), expected(1, 10, 80, false));
  EXPECT_EQ(cursors.next(0, 10), expected(3, 0, 10, true)) << "25 rows left against 20";
  EXPECT_EQ(cursors.next(0, 10), expected(1, 80, 90, true)) << "20 rows left against 15";
  EXPECT_EQ(cursors.stolen_count(), 3u);
  EXPECT_EQ(cursors.rows_left(), 25u);
  EXPECT_EQ(cursors.next(1, 10), expected(1, 90, 100, false));
  EXPECT_EQ(cursors.next(1, 10), expected(3, 10, 20, false));
  EXPECT_EQ(cursors.next(1, 10), expected(3, 20, 25, false)) << "the last morsel ends with its slice";
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(cursors.next(0, 10));
    EXPECT_FALSE(cursors.next(1, 10));
  }
  EXPECT_EQ(cursors.rows_left(), 0u);
  EXPECT_EQ(cursors.stolen_count(), 3u);
}

TEST(schedule_slice_cursor, nothing_to_hand_out) {
  for (const auto& rows : {std::vector<std::uint64_t>{}, std::vector<std::uint64_t>{0, 0, 0}}) {
    slice_cursors cursors = make(rows, 4);
    const morsel none = cursors.next(3, 1024);
    EXPECT_FALSE(none);
    EXPECT_EQ(none.row_count(), 0u);
    EXPECT_EQ(cursors.stolen_count(), 0u);
  }
}

TEST(schedule_slice_cursor, workers_beyond_the_count_and_beyond_the_slices_steal_or_wrap) {
  slice_cursors cursors = make({5}, 3);
  EXPECT_EQ(cursors.next(2, 2), expected(0, 0, 2, true));
  EXPECT_EQ(cursors.next(7, 2), expected(0, 2, 4, true)) << "7 modulo 3 is worker 1";
  EXPECT_EQ(cursors.next(3, 2), expected(0, 4, 5, false));
}

TEST(schedule_slice_cursor, the_largest_morsel_and_the_largest_slice) {
  slice_cursors cursors = make({slice_cursors::max_rows, 0}, 1);
  EXPECT_EQ(cursors.next(0, std::uint64_t{1} << 32).row_count(), std::uint64_t{1} << 32);
  EXPECT_EQ(cursors.rows_left(), slice_cursors::max_rows - (std::uint64_t{1} << 32));
}

TEST(schedule_slice_cursor, refuses_what_it_cannot_count) {
  const std::vector<std::uint64_t> rows{1, slice_cursors::max_rows};
  EXPECT_EQ(slice_cursors::create(rows, 1).error(), (pillar::failure{errc::limit_exceeded, 1})) << "the sum";
  const std::vector<std::uint64_t> huge{~std::uint64_t{0}};
  EXPECT_EQ(slice_cursors::create(huge, 1).error().code, errc::limit_exceeded);
  EXPECT_EQ(slice_cursors::create(huge, 0).error().code, errc::invalid_argument);
  pillar::memory_budget budget(100);
  const std::vector<std::uint64_t> one{1};
  EXPECT_EQ(slice_cursors::create(one, 1, &budget).error().code, errc::out_of_memory);
  EXPECT_EQ(budget.used(), 0u);
}

TEST(schedule_slice_cursor, each_row_once_under_contention) {
  pillar::splitmix64 random(20260701);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::uint64_t> rows(random.below(9));
    for (auto& count : rows) count = random.chance(1, 4) ? 0 : random.below(20'000);
    if (!rows.empty() && random.chance(1, 2)) rows[0] = 60'000;  // skew
    const std::uint32_t workers = 1 + static_cast<std::uint32_t>(random.below(4));
    const std::uint64_t morsel_rows = 1 + random.below(700);
    slice_cursors cursors = make(rows, workers);

    std::vector<std::vector<morsel>> taken(workers);
    const auto work = [&](std::uint32_t worker) {
      while (const morsel next = cursors.next(worker, morsel_rows)) taken[worker].push_back(next);
    };
    std::vector<std::thread> threads;
    for (std::uint32_t worker = 1; worker < workers; ++worker) threads.emplace_back(work, worker);
    work(0);
    for (auto& thread : threads) thread.join();

    std::vector<morsel> all;
    std::uint64_t stolen = 0;
    for (std::uint32_t worker = 0; worker < workers; ++worker) {
      for (const morsel& one : taken[worker]) {
        EXPECT_EQ(one.is_stolen, one.slice % workers != worker);
        stolen += one.is_stolen ? 1 : 0;
        all.push_back(one);
      }
    }
    EXPECT_EQ(stolen, cursors.stolen_count());
    std::sort(all.begin(), all.end(), [](const morsel& left, const morsel& right) {
      return left.slice != right.slice ? left.slice < right.slice : left.begin < right.begin;
    });
    // Sorted, the morsels of a slice must join without gap and overlap, and end with it.
    std::size_t at = 0;
    for (std::uint32_t slice = 0; slice < rows.size(); ++slice) {
      std::uint64_t row = 0;
      for (; at < all.size() && all[at].slice == slice; ++at) {
        ASSERT_EQ(all[at].begin, row);
        ASSERT_EQ(all[at].row_count(), std::min(morsel_rows, rows[slice] - row));
        row = all[at].end;
      }
      ASSERT_EQ(row, rows[slice]);
    }
    ASSERT_EQ(at, all.size());
  }
}

}  // namespace
}  // namespace pillar_test::schedule_slice_cursor
