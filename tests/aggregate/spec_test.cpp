// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/spec.hpp"

#include <gtest/gtest.h>

namespace pillar_test::aggregate_spec_ {
namespace {

using pillar::aggregate_kind;
using pillar::aggregate_spec;

// Aggregators made of different specs do not merge, so every member counts.
TEST(aggregate_spec, is_equal_if_every_member_is) {
  const aggregate_spec plain{aggregate_kind::quantile, 1};
  EXPECT_EQ(plain, (aggregate_spec{aggregate_kind::quantile, 1, 0}));
  EXPECT_NE(plain, (aggregate_spec{aggregate_kind::median, 1}));
  EXPECT_NE(plain, (aggregate_spec{aggregate_kind::quantile, 2}));
  EXPECT_NE(plain, (aggregate_spec{aggregate_kind::quantile, 1, 2}));
  EXPECT_NE(plain, (aggregate_spec{aggregate_kind::quantile, 1, {.quantile = 0.25}}));
  EXPECT_NE(plain, (aggregate_spec{aggregate_kind::quantile, 1, {.distinct = true}}));
  EXPECT_NE(plain, (aggregate_spec{aggregate_kind::quantile, 1, {.separator = ";"}}));
  EXPECT_EQ(aggregate_spec{}, (aggregate_spec{aggregate_kind::count_rows}));
}

}  // namespace
}  // namespace pillar_test::aggregate_spec_
