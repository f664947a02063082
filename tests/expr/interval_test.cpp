// SPDX-License-Identifier: Apache-2.0
#include "pillar/expr/interval.hpp"

#include <gtest/gtest.h>

#include "support/bound_reference.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::expr_interval {
namespace {

using pillar::arithmetic_operator;
using pillar::bound_value;
using pillar::int128;
using pillar::truth;
using pillar::truth_set;
using pillar::type_of;
using pillar::value_interval;

bound_value column_node(std::uint32_t column, pillar::data_type type) {
  bound_value node;
  node.type = type;
  node.column = column;
  return node;
}
bound_value operation(arithmetic_operator op, std::uint32_t left, std::uint32_t right, pillar::data_type type) {
  bound_value node;
  node.kind = bound_value::kind_type::arithmetic;
  node.op = op;
  node.left = left;
  node.right = right;
  node.type = type;
  return node;
}
value_interval integers(int128 lo, int128 hi) {
  value_interval out;
  out.lo = lo;
  out.hi = hi;
  out.may_be_null = false;
  return out;
}
value_interval reals(double lo, double hi, bool nan) {
  value_interval out;
  out.physical = pillar::physical_type::float64;
  out.real_lo = lo;
  out.real_hi = hi;
  out.may_be_nan = nan;
  out.may_be_null = false;
  return out;
}
value_interval combine(arithmetic_operator op, const value_interval& a, const value_interval& b,
                       pillar::data_type type) {
  const bound_value nodes[] = {column_node(0, type), column_node(1, type), operation(op, 0, 1, type)};
  std::vector<value_interval> out;
  pillar::analyze(
      nodes, [&](std::uint32_t column, const pillar::data_type&) { return column == 0 ? a : b; }, out);
  return out[2];
}

TEST(expr_interval, sums_and_products_by_their_corners) {
  const auto int64 = type_of<std::int64_t>;
  value_interval out = combine(arithmetic_operator::add, integers(-3, 5), integers(10, 20), int64);
  EXPECT_TRUE(out.lo == 7 && out.hi == 25 && !out.may_overflow && !out.may_fail);
  out = combine(arithmetic_operator::subtract, integers(-3, 5), integers(10, 20), int64);
  EXPECT_TRUE(out.lo == -23 && out.hi == -5);
  out = combine(arithmetic_operator::multiply, integers(-3, 5), integers(-7, 2), int64);
  EXPECT_TRUE(out.lo == -35 && out.hi == 21);
}

TEST(expr_interval, overflow_is_seen_exactly_at_the_limit) {
  const auto int64 = type_of<std::int64_t>;
  const int128 most = pillar::highest_of(pillar::physical_type::int64);
  EXPECT_FALSE(combine(arithmetic_operator::add, integers(0, most - 1), integers(0, 1), int64).may_overflow);
  const value_interval over = combine(arithmetic_operator::add, integers(0, most), integers(0, 1), int64);
  EXPECT_TRUE(over.may_overflow && over.may_fail && over.hi == most);
  // a decimal's limit is its digits
  EXPECT_FALSE(
      combine(arithmetic_operator::add, integers(0, 98), integers(0, 1), pillar::decimal_type(2, 0)).may_overflow);
  EXPECT_TRUE(
      combine(arithmetic_operator::add, integers(0, 99), integers(0, 1), pillar::decimal_type(2, 0)).may_overflow);
  // the analysis itself leaves 128 bits: it gives up instead of wrapping
  const value_interval huge = integers(pillar::int128_max - 1, pillar::int128_max);
  const value_interval product = combine(arithmetic_operator::multiply, huge, huge, pillar::decimal_type(38, 0));
  EXPECT_TRUE(product.may_fail);
  // every row overflows: no value is left
  EXPECT_FALSE(combine(arithmetic_operator::add, integers(most, most), integers(1, 1), int64).may_be_value);
}

TEST(expr_interval, infinities_may_make_nan) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto type = type_of<double>;
  EXPECT_FALSE(combine(arithmetic_operator::add, reals(-1, 1, false), reals(2, 3, false), type).may_be_nan);
  EXPECT_TRUE(
      combine(arithmetic_operator::add, reals(-1, infinity, false), reals(-infinity, 3, false), type).may_be_nan);
  EXPECT_TRUE(combine(arithmetic_operator::multiply, reals(-1, 1, false), reals(1, infinity, false), type).may_be_nan);
  EXPECT_TRUE(combine(arithmetic_operator::add, reals(-1, 1, true), reals(2, 3, false), type).may_be_nan);
}

TEST(expr_interval, comparisons_put_nan_above_everything) {
  using pillar::compare_operator;
  const value_interval number = reals(-5, 5, false), maybe = reals(6, 7, true);
  value_interval only_nan = reals(0, 0, true);
  only_nan.may_be_value = false;
  EXPECT_EQ(answer(compare_operator::less, number, only_nan), truth_set::of(truth::is_true));
  EXPECT_EQ(answer(compare_operator::equal, only_nan, only_nan), truth_set::of(truth::is_true));
  EXPECT_EQ(answer(compare_operator::less, number, maybe), truth_set::of(truth::is_true));
  EXPECT_EQ(answer(compare_operator::greater_equal, maybe, only_nan),
            truth_set::of(truth::is_true).add(truth::is_false));
}

TEST(expr_interval, ranges_that_touch_an_end_keep_it) {
  const pillar::domain test = pillar::integer_range(pillar::physical_type::int64, 0, 10);
  EXPECT_EQ(answer(test, integers(10, 20)), truth_set::of(truth::is_true).add(truth::is_false));
  EXPECT_EQ(answer(test, integers(11, 20)), truth_set::of(truth::is_false));
  EXPECT_EQ(answer(test, integers(0, 10)), truth_set::of(truth::is_true));
}

TEST(expr_interval, literals_are_points_and_null_ones_hold_nothing) {
  value_interval of = pillar::interval_of(pillar::scalar::of_integer(type_of<std::int32_t>, 7));
  EXPECT_TRUE(of.lo == 7 && of.hi == 7 && of.may_be_value && !of.may_be_null);
  of = pillar::interval_of(pillar::scalar::of_null(type_of<std::int32_t>));
  EXPECT_TRUE(!of.may_be_value && of.may_be_null);
  of = pillar::interval_of(pillar::scalar::of_real(type_of<double>, std::nan("")));
  EXPECT_TRUE(!of.may_be_value && of.may_be_nan);
}

/// Every row's value lies in its interval, every row's truth in its set, whatever bounds the columns are given.
TEST(expr_interval, answers_agree_with_the_reference) {
  pillar::splitmix64 random(20261121);
  const std::vector<pillar::data_type> types = every_type(true);
  int values_checked = 0, proven = 0;
  for (int round = 0; round < turns(1500); ++round) {
    const std::uint64_t distinct = round % 3 == 0 ? 6 : 200;
    const std::size_t row_count = 1 + random.below(12);
    std::vector<std::vector<pillar::scalar>> cells;
    std::vector<value_interval> columns;
    for (const auto& type : types) {
      cells.push_back(random_cells(random, type, row_count, distinct));
      value_interval of = pillar::interval_of(type);
      if (random.chance(3, 4)) {  // exact bounds, as from a zone map
        of.may_be_null = of.may_be_nan = of.may_be_value = false;
        for (const auto& cell : cells.back()) {
          if (cell.null) {
            of.may_be_null = true;
          } else if (cell.real != cell.real) {
            of.may_be_nan = true;
          } else {
            const bool first = !of.may_be_value;
            of.may_be_value = true;
            of.lo = first ? cell.integer : std::min(of.lo, cell.integer);
            of.hi = first ? cell.integer : std::max(of.hi, cell.integer);
            of.real_lo = first ? cell.real : std::min(of.real_lo, cell.real);
            of.real_hi = first ? cell.real : std::max(of.real_hi, cell.real);
            of.text_lo = first ? std::string_view(cell.text) : std::min<std::string_view>(of.text_lo, cell.text);
            of.text_hi = first ? std::string_view(cell.text) : std::max<std::string_view>(of.text_hi, cell.text);
            of.has_text_hi = true;
          }
        }
      }
      columns.push_back(of);
    }
    predicate_generator generate{random, types, cells, distinct};
    const pillar::bound_predicate predicate = generate.make(2);
    std::vector<value_interval> intervals;
    pillar::analyze(
        predicate.values, [&](std::uint32_t c, const pillar::data_type&) { return columns[c]; }, intervals);
    std::vector<truth_set> sets;
    pillar::answer(predicate, intervals, sets);
    for (std::size_t row = 0; row < row_count; ++row) {
      row_cells here;
      for (const auto& column : cells) here.push_back(column[row]);
      for (std::uint32_t v = 0; v < predicate.values.size(); ++v) {
        const reference_value value = reference_evaluate(predicate.values, v, here);
        const value_interval& of = intervals[v];
        ++values_checked;
        proven += predicate.values[v].kind == bound_value::kind_type::arithmetic && !of.may_overflow;
        if (value.error) {
          ASSERT_TRUE(of.may_fail) << round;
        } else if (value.value.null) {
          ASSERT_TRUE(of.may_be_null) << round;
        } else if (pillar::is_float(of.physical)) {
          const double real = value.value.real;
          ASSERT_TRUE(real != real ? of.may_be_nan : of.may_be_value && of.real_lo <= real && real <= of.real_hi);
        } else if (of.physical != pillar::physical_type::text) {
          ASSERT_TRUE(of.may_be_value && of.lo <= value.value.integer && value.value.integer <= of.hi) << round;
        }
      }
      for (std::uint32_t n = 0; n < predicate.nodes.size(); ++n)
        ASSERT_TRUE(sets[n].may_be(reference_truth(predicate, n, here))) << "round " << round << " node " << n;
    }
  }
  EXPECT_GT(values_checked, turns(10'000));
  EXPECT_GT(proven, turns(500)) << "the analysis proves something";
}

}  // namespace
}  // namespace pillar_test::expr_interval
