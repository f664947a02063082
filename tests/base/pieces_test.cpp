// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/pieces.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace pillar_test::base_pieces {
namespace {

TEST(base_pieces, values_stay_where_they_were_written) {
  pillar::memory_budget budget;
  {
    pillar::pieces<std::uint32_t> numbers(&budget);
    EXPECT_TRUE(numbers.empty());
    std::vector<std::uint32_t> wanted;
    const std::uint32_t* first = nullptr;
    for (const std::size_t count : {1u, 62u, 1u, 1u, 127u, 5000u, 3u, 20000u}) {
      std::vector<std::uint32_t> more(count);
      std::iota(more.begin(), more.end(), static_cast<std::uint32_t>(wanted.size()));
      ASSERT_TRUE(numbers.reserve(count).ok());
      if (count == 1) numbers.push(more[0]);
      else numbers.append(more.data(), count);
      wanted.insert(wanted.end(), more.begin(), more.end());
      if (first == nullptr) first = &numbers[0];
    }
    ASSERT_EQ(numbers.size(), wanted.size());
    EXPECT_EQ(&numbers[0], first);
    for (std::size_t i = 0; i < wanted.size(); ++i) ASSERT_EQ(numbers[i], wanted[i]);
    EXPECT_LT(budget.used(), 2 * wanted.size() * sizeof(std::uint32_t) + 32 * 4096);
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(base_pieces, runs_end_where_pieces_do) {
  pillar::pieces<std::uint16_t> numbers;
  ASSERT_TRUE(numbers.reserve(1000).ok());
  for (std::uint16_t i = 0; i < 1000; ++i) numbers.push(i);
  std::vector<std::size_t> runs;
  for (std::size_t at = 0; at < numbers.size(); at += runs.back()) {
    runs.push_back(numbers.run_at(at));
    for (std::size_t i = 0; i < runs.back(); ++i) ASSERT_EQ((&numbers[at])[i], at + i);
  }
  EXPECT_EQ(runs, (std::vector<std::size_t>{64, 128, 256, 512, 40}));
  EXPECT_EQ(numbers.run_at(63), 1u);
  EXPECT_EQ(numbers.run_at(70), 122u);
}

TEST(base_pieces, a_refused_reservation_changes_nothing) {
  pillar::memory_budget budget(2000);
  pillar::pieces<std::uint64_t> numbers(&budget);
  ASSERT_TRUE(numbers.reserve(3).ok());
  const std::uint64_t some[] = {1, 2, 3};
  numbers.append(some, 3);
  EXPECT_EQ(numbers.reserve(1000).error().code, pillar::errc::out_of_memory);
  EXPECT_EQ(numbers.reserve(~std::size_t{0} / 2).error().code, pillar::errc::out_of_memory);
  ASSERT_EQ(numbers.size(), 3u);
  EXPECT_EQ(numbers[2], 3u);
  ASSERT_TRUE(numbers.reserve(61).ok());  // the piece's rest
}

}  // namespace
}  // namespace pillar_test::base_pieces
