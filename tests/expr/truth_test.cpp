// SPDX-License-Identifier: Apache-2.0
#include "pillar/expr/truth.hpp"

#include <gtest/gtest.h>

namespace pillar_test::expr_truth {
namespace {

using pillar::truth;
using pillar::truth_set;
using pillar::zone_verdict;

constexpr truth all[] = {truth::is_false, truth::is_true, truth::unknown, truth::error};

TEST(expr_truth, kleene_tables) {
  constexpr truth f = truth::is_false, t = truth::is_true, u = truth::unknown, e = truth::error;
  constexpr truth and_table[4][4] = {{f, f, f, e}, {f, t, u, e}, {f, u, u, e}, {e, e, e, e}};
  constexpr truth or_table[4][4] = {{f, t, u, e}, {t, t, t, e}, {u, t, u, e}, {e, e, e, e}};
  constexpr truth not_table[4] = {t, f, u, e};
  for (unsigned a = 0; a < 4; ++a) {
    EXPECT_EQ(!all[a], not_table[a]);
    for (unsigned b = 0; b < 4; ++b) {
      EXPECT_EQ(all[a] && all[b], and_table[a][b]) << a << b;
      EXPECT_EQ(all[a] || all[b], or_table[a][b]) << a << b;
    }
  }
}

TEST(expr_truth, sets_are_exactly_the_images_of_their_members) {
  for (std::uint8_t a = 0; a < 16; ++a) {
    const truth_set left{a};
    truth_set negated = truth_set::empty();
    for (truth x : all)
      if (left.may_be(x)) negated.add(!x);
    EXPECT_EQ(left.negate(), negated);
    for (std::uint8_t b = 0; b < 16; ++b) {
      const truth_set right{b};
      truth_set both = truth_set::empty(), either = truth_set::empty();
      for (truth x : all)
        for (truth y : all)
          if (left.may_be(x) && right.may_be(y)) both.add(x && y), either.add(x || y);
      EXPECT_EQ(left.both(right), both);
      EXPECT_EQ(left.either(right), either);
    }
  }
}

TEST(expr_truth, verdicts) {
  for (std::uint8_t bits = 0; bits < 16; ++bits) {
    const truth_set set{bits};
    const bool may_keep_or_fail = set.may_be(truth::is_true) || set.may_be(truth::error);
    EXPECT_EQ(set.verdict() == zone_verdict::none, !may_keep_or_fail);
    EXPECT_EQ(set.verdict() == zone_verdict::all, set == truth_set::of(truth::is_true));
  }
  EXPECT_EQ(truth_set::full().verdict(), zone_verdict::some);
}

}  // namespace
}  // namespace pillar_test::expr_truth
