// SPDX-License-Identifier: Apache-2.0
#include "pillar/partition/skew.hpp"

#include <gtest/gtest.h>

#include "support/owned_vector.hpp"

namespace pillar_test::partition_skew {
namespace {

using pillar::scalar;
using pillar::type_of;

TEST(partition_skew, report_of_known_sizes) {
  const std::uint64_t rows[] = {10, 0, 30, 0};
  const auto report = pillar::make_skew_report(rows);
  EXPECT_EQ(report.row_count, 40u);
  EXPECT_EQ(report.largest_slice_rows, 30u);
  EXPECT_DOUBLE_EQ(report.largest_over_mean, 3.0);
  EXPECT_EQ(report.empty_slice_count, 2u);
  EXPECT_DOUBLE_EQ(pillar::make_skew_report({}).largest_over_mean, 1.0);
}

TEST(partition_skew, few_heavy_values_make_a_bad_key_and_many_a_good_one) {
  pillar::splitmix64 random(2);
  std::vector<scalar> carriers, tails;
  for (int i = 0; i < 40000; ++i) {
    // 16 carriers, of which four have most rows, as in the flights of 2013
    const auto carrier = random.chance(3, 4) ? random.below(4) : random.below(16);
    carriers.push_back(scalar::of_text(type_of<pillar::text>, "C" + std::to_string(carrier)));
    tails.push_back(scalar::of_integer(type_of<std::int64_t>, static_cast<int>(random.below(4000))));
  }
  const auto carrier = make_vector(type_of<pillar::text>, carriers, pillar::vector_kind::dictionary);
  const auto tail = make_vector(type_of<std::int64_t>, tails);
  const pillar::vector *by_carrier[] = {&carrier.view}, *by_tail[] = {&tail.view};
  const auto bad = *pillar::estimate_skew(by_carrier, 4), good = *pillar::estimate_skew(by_tail, 4);
  EXPECT_EQ(bad.distinct_key_count, 16u);
  EXPECT_TRUE(bad.distinct_keys_are_all);
  EXPECT_GT(bad.heaviest_key_rows, 6000u);
  EXPECT_GT(bad.largest_over_mean, 1.15);
  EXPECT_LT(good.largest_over_mean, 1.1);
  EXPECT_EQ(good.distinct_key_count, 4000u);
  EXPECT_EQ(good.row_count, 40000u);
}

TEST(partition_skew, distinct_keys_beyond_the_limit_are_said_to_be_more) {
  std::vector<scalar> cells;
  for (std::uint32_t i = 0; i < pillar::skew_estimator::key_limit + 5; ++i)
    cells.push_back(scalar::of_integer(type_of<std::uint32_t>, i));
  const auto made = make_vector(type_of<std::uint32_t>, cells);
  const pillar::vector* columns[] = {&made.view};
  const auto report = *pillar::estimate_skew(columns, 3);
  EXPECT_EQ(report.distinct_key_count, pillar::skew_estimator::key_limit);
  EXPECT_FALSE(report.distinct_keys_are_all);
}

}  // namespace
}  // namespace pillar_test::partition_skew
