// SPDX-License-Identifier: Apache-2.0
#include "pillar/expr/domain.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "support/bound_reference.hpp"  // random_domain

namespace pillar_test::expr_domain {
namespace {

using namespace pillar;

TEST(expr_domain, integer_ranges_are_clamped_to_the_type) {
  const domain wide = integer_range(physical_type::int8, -1000, 1000);
  EXPECT_TRUE(wide.lo == -128 && wide.hi == 127);
  EXPECT_TRUE(wide.is_everything());
  EXPECT_FALSE(wide.is_nothing());
  const domain beyond = integer_range(physical_type::uint8, 256, 300);
  EXPECT_TRUE(beyond.is_nothing());
  EXPECT_TRUE(integer_range(physical_type::uint8, 256, 300, true).is_everything());
  for (int value = 0; value < 256; ++value) {
    EXPECT_FALSE(beyond.contains_integer(value));
    EXPECT_EQ(integer_range(physical_type::uint8, 5, 7).contains_integer(value), value >= 5 && value <= 7);
    EXPECT_EQ(integer_range(physical_type::uint8, 5, 7, true).contains_integer(value), value < 5 || value > 7);
  }
}

TEST(expr_domain, reals_know_nan_and_negative_zero) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const domain zero = real_range(physical_type::float64, -0.0, -0.0, false);
  EXPECT_FALSE(std::signbit(zero.real_lo) || std::signbit(zero.real_hi));
  EXPECT_TRUE(zero.contains_real(0.0) && zero.contains_real(-0.0));
  EXPECT_FALSE(zero.contains_real(nan));
  const domain above = real_range(physical_type::float64, 1, infinity, true);
  EXPECT_TRUE(above.contains_real(nan) && above.contains_real(infinity) && !above.contains_real(0));
  EXPECT_TRUE(real_range(physical_type::float64, -infinity, infinity, true).is_everything());
  EXPECT_FALSE(real_range(physical_type::float64, -infinity, infinity, false).is_everything());
  EXPECT_TRUE(real_range(physical_type::float64, nan, 1, false).is_nothing());
  EXPECT_FALSE(real_range(physical_type::float64, 1, 0, true).is_nothing());
}

TEST(expr_domain, texts_are_half_open) {
  const domain ab = text_range("ab", true, "ac");
  EXPECT_TRUE(ab.contains_text("ab") && ab.contains_text("abz") && ab.contains_text(std::string("ab\0", 3)));
  EXPECT_FALSE(ab.contains_text("ac") || ab.contains_text("a") || ab.contains_text("aa"));
  EXPECT_TRUE(text_range("", false, "").is_everything());
  EXPECT_TRUE(text_range("b", true, "a").is_nothing());
  EXPECT_TRUE(text_range("b", false, "").contains_text("\xff"));  // bytes are unsigned
}

TEST(expr_domain, prefix_successors) {
  std::string out;
  EXPECT_TRUE(prefix_successor("ab", out) && out == "ac");
  EXPECT_TRUE(prefix_successor("a\xff\xff", out) && out == "b");
  EXPECT_FALSE(prefix_successor("\xff\xff", out));
  EXPECT_FALSE(prefix_successor("", out));
}

TEST(expr_domain, null_tests) {
  const scalar five = scalar::of_integer(type_of<int>, 5);
  EXPECT_FALSE(null_test(physical_type::int32).contains(five));
  EXPECT_TRUE(null_test(physical_type::int32, true).contains(five));
}

TEST(expr_domain, everything_and_nothing_are_believed_only_when_true) {
  splitmix64 random(11);
  for (const data_type& type : every_type(false)) {
    const auto cells = random_cells(random, type, 60, 40);
    for (int i = 0; i < 400; ++i) {
      domain what = random_domain(random, type, cells, 40);
      const bool everything = what.is_everything(), nothing = what.is_nothing();
      EXPECT_FALSE(everything && nothing);
      std::size_t inside = 0;
      for (const auto& cell : cells) inside += what.contains(cell) ? 1u : 0u;
      if (everything) EXPECT_EQ(inside, cells.size());
      if (nothing) EXPECT_EQ(inside, 0u);
      domain inverse = what;
      inverse.negated = !what.negated;
      for (const auto& cell : cells) EXPECT_NE(what.contains(cell), inverse.contains(cell));
    }
  }
}

}  // namespace
}  // namespace pillar_test::expr_domain
