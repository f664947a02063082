// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/match_scratch.hpp"

#include <gtest/gtest.h>

#include "pillar/expr/domain.hpp"

namespace pillar_test::codec_match_scratch {
namespace {

TEST(codec_match_scratch, finds_what_was_added_until_the_next_block) {
  pillar::match_scratch scratch;
  const pillar::domain tests[2];
  const int blocks[2] = {};
  std::uint64_t* table = nullptr;
  pillar::code_set* set = scratch.add(&blocks[0], &tests[0], table);
  ASSERT_NE(set, nullptr);
  ASSERT_NE(table, nullptr);
  set->first = 17;
  ASSERT_NE(scratch.find(&blocks[0], &tests[0]), nullptr);
  EXPECT_EQ(scratch.find(&blocks[0], &tests[0])->first, 17u);
  EXPECT_EQ(scratch.find(&blocks[1], &tests[0]), nullptr);
  EXPECT_EQ(scratch.find(&blocks[0], &tests[1]), nullptr);
  scratch.begin_block();
  EXPECT_EQ(scratch.find(&blocks[0], &tests[0]), nullptr);
}

TEST(codec_match_scratch, is_bounded) {
  pillar::memory_budget budget;
  {
    pillar::match_scratch scratch(&budget);
    const pillar::domain test;
    std::uint64_t* table = nullptr;
    const char blocks[pillar::match_scratch::capacity + 1] = {};
    for (std::uint32_t i = 0; i < pillar::match_scratch::capacity; ++i)
      ASSERT_NE(scratch.add(&blocks[i], &test, table), nullptr);
    const std::uint64_t used = budget.used();
    EXPECT_EQ(scratch.add(&blocks[pillar::match_scratch::capacity], &test, table), nullptr);
    scratch.begin_block();
    ASSERT_NE(scratch.add(&blocks[0], &test, table), nullptr);
    EXPECT_EQ(budget.used(), used);
  }
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace pillar_test::codec_match_scratch
