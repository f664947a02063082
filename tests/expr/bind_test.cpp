// SPDX-License-Identifier: Apache-2.0
#include "pillar/expr/bind.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "pillar/expr/expression.hpp"
#include "pillar/expr/reference.hpp"
#include "support/bound_reference.hpp"
#include "support/random_expression.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::expr_bind {
namespace {

using namespace pillar;
using namespace pillar::query;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr compare_operator operators[] = {compare_operator::equal,   compare_operator::not_equal,
                                          compare_operator::less,    compare_operator::less_equal,
                                          compare_operator::greater, compare_operator::greater_equal};

bool holds(compare_operator op, int sign) {
  switch (op) {
    case compare_operator::equal: return sign == 0;
    case compare_operator::not_equal: return sign != 0;
    case compare_operator::less: return sign < 0;
    case compare_operator::less_equal: return sign <= 0;
    case compare_operator::greater: return sign > 0;
    case compare_operator::greater_equal: return sign >= 0;
  }
  return false;
}

scalar real(double value) { return scalar::of_real(type_of<double>, value); }
scalar whole(int128 value, data_type type = type_of<std::int64_t>) { return scalar::of_integer(type, value); }

/// The domain of every comparison of the type with the literals contains exactly the values that it should.
std::size_t expect_domains(const data_type& type, const std::vector<scalar>& values,
                           const std::vector<scalar>& literals) {
  std::size_t checks = 0;
  for (const auto& literal : literals)
    for (const compare_operator op : operators) {
      const domain what = comparison_domain(type, op, literal);
      EXPECT_EQ(what.physical, type.physical);
      if (is_integer(type.physical) && what.kind == domain_kind::range && what.lo <= what.hi)
        EXPECT_TRUE(what.lo >= lowest_of(type.physical) && what.hi <= highest_of(type.physical));
      for (const auto& value : values) {
        ++checks;
        EXPECT_EQ(what.contains(value), holds(op, compare_exactly(value, literal)))
            << to_string(type) << " " << to_string(value) << " op " << static_cast<int>(op) << " "
            << to_string(literal.type) << " " << to_string(literal);
        if (testing::Test::HasFailure()) return checks;
      }
    }
  return checks;
}

/// Literals of all number types at and around `centre`.
std::vector<scalar> number_literals(const std::vector<double>& centres) {
  std::vector<scalar> out = {real(nan),
                             real(infinity),
                             real(-infinity),
                             real(0.0),
                             real(-0.0),
                             real(0.5),
                             real(-0.5),
                             real(1e300),
                             real(-1e300),
                             real(std::numeric_limits<double>::denorm_min()),
                             real(-std::numeric_limits<double>::denorm_min()),
                             real(-9223372036854775808.0),
                             real(9223372036854775808.0),
                             real(18446744073709551616.0),
                             whole(highest_of<std::uint64_t>(), type_of<std::uint64_t>),
                             whole(highest_of<std::int64_t>()),
                             whole(lowest_of<std::int64_t>()),
                             whole(1, decimal_type(38, 38)),
                             whole(-1, decimal_type(38, 38)),
                             whole(power_of_ten(38) - 1, decimal_type(38, 0)),
                             whole(1 - power_of_ten(38), decimal_type(38, 0)),
                             whole(255, decimal_type(4, 1))};
  for (const double centre : centres) {
    for (const double step : {-1.0, -0.5, 0.0, 0.5, 1.0}) out.push_back(real(centre + step));
    out.push_back(real(std::nextafter(centre, infinity)));
    out.push_back(real(std::nextafter(centre, -infinity)));
    out.push_back(scalar::of_real(type_of<float>, static_cast<double>(static_cast<float>(centre))));
    if (std::fabs(centre) < 9e18) {
      const auto middle = static_cast<int128>(centre);
      for (int step = -1; step <= 1; ++step) {
        out.push_back(whole(middle + step));
        out.push_back(whole((middle + step) * 10 + 5, decimal_type(38, 1)));
        out.push_back(whole(middle * power_of_ten(9) + step, decimal_type(38, 9)));
      }
    }
  }
  return out;
}

TEST(expr_bind, comparisons_of_small_integers_are_exhaustive) {
  std::vector<double> centres;
  for (int i = -132; i <= 260; i += sanitized ? 14 : 4) centres.push_back(i);
  const auto literals = number_literals(centres);
  std::size_t checks = 0;
  for (const data_type& type : {type_of<std::int8_t>, type_of<std::uint8_t>}) {
    std::vector<scalar> values;
    for (int128 v = lowest_of(type.physical); v <= highest_of(type.physical); ++v) values.push_back(whole(v, type));
    checks += expect_domains(type, values, literals);
  }
  EXPECT_GT(checks, turns(2'000'000u));
}

TEST(expr_bind, comparisons_of_wide_integers_and_decimals_at_their_ends) {
  std::vector<double> centres = {-2147483648.0,
                                 4294967296.0,
                                 9007199254740992.0,
                                 9223372036854775808.0,
                                 -9223372036854775808.0,
                                 18446744073709551616.0,
                                 8.5e37,
                                 9e37,
                                 1e38,
                                 -9e37,
                                 12.5,
                                 12.375};
  const auto literals = number_literals(centres);
  for (const data_type& type :
       {type_of<std::int16_t>, type_of<std::int32_t>, type_of<std::int64_t>, type_of<std::uint64_t>,
        type_of<std::uint32_t>, type_of<decimal<4, 3>>, type_of<decimal<15, 2>>, type_of<decimal<38, 0>>,
        type_of<decimal<38, 19>>, type_of<decimal<38, 38>>}) {
    std::vector<scalar> values;
    for (const int128 base : {lowest_of(type.physical), highest_of(type.physical), int128{0},
                              static_cast<int128>(1) << 53, static_cast<int128>(1) << 126, static_cast<int128>(1) << 63,
                              static_cast<int128>(90000000000000000000.0) * power_of_ten(18), int128{12375},
                              int128{1250}, static_cast<int128>(12375) * power_of_ten(16)})
      for (const int128 sign : {1, -1})
        for (int step = -2; step <= 2; ++step) {
          int128 value = 0;
          if (!checked_multiply(base, sign, value) || !checked_add(value, int128{step}, value)) continue;
          if (value >= lowest_of(type.physical) && value <= highest_of(type.physical))
            values.push_back(whole(value, type));
        }
    expect_domains(type, values, literals);
  }
}

TEST(expr_bind, comparisons_of_floats_with_their_neighbours) {
  for (const bool narrow : {false, true}) {
    const data_type type = narrow ? type_of<float> : type_of<double>;
    const double largest =
        narrow ? static_cast<double>(std::numeric_limits<float>::max()) : std::numeric_limits<double>::max();
    const double least = narrow ? static_cast<double>(std::numeric_limits<float>::denorm_min())
                                : std::numeric_limits<double>::denorm_min();
    std::vector<double> centres = {0,
                                   0.1,
                                   -0.1,
                                   1.0 / 3,
                                   16777216.0,
                                   16777217.0,
                                   9007199254740992.0,
                                   1e10,
                                   1e22,
                                   -1e23,
                                   1e38,
                                   3.5e38,
                                   largest,
                                   -largest,
                                   least,
                                   0.25,
                                   100.75,
                                   9223372036854775808.0,
                                   18446744073709551616.0,
                                   1e-40};
    auto literals = number_literals(centres);
    for (const unsigned scale : {1u, 2u, 20u, 37u})
      for (const int unscaled : {1, 10, 33, 1000000007}) literals.push_back(whole(unscaled, decimal_type(38, scale)));
    std::vector<scalar> values = {scalar::of_real(type, nan), scalar::of_real(type, infinity),
                                  scalar::of_real(type, -infinity), scalar::of_real(type, -0.0),
                                  scalar::of_real(type, 0.0)};
    for (const auto& literal : literals) {
      double at = is_float(literal.type.physical) ? literal.real
                                                  : static_cast<double>(literal.integer) /
                                                        static_cast<double>(power_of_ten(scale_of(literal.type)));
      for (int step = -1; step <= 1; ++step) {
        double value = at;
        if (narrow) {
          auto single = static_cast<float>(at);
          if (step != 0)
            single = std::nextafter(
                single, step < 0 ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity());
          value = static_cast<double>(single);
        } else if (step != 0) {
          value = std::nextafter(at, step < 0 ? -infinity : infinity);
        }
        values.push_back(scalar::of_real(type, value));
      }
    }
    expect_domains(type, values, literals);
    if (HasFailure()) return;
  }
}

TEST(expr_bind, comparisons_of_texts_booleans_dates_and_timestamps) {
  std::vector<scalar> texts;
  for (const std::string& one : {std::string(), std::string("\0", 1), std::string("a"), std::string("a\0", 2),
                                 std::string("ab"), std::string("a long text, not inlined"), std::string("\xff"),
                                 std::string("\xff\xff"), std::string("\x7f"), std::string("\x80")})
    texts.push_back(scalar::of_text(type_of<text>, one));
  expect_domains(type_of<text>, texts, texts);
  const std::vector<scalar> flags = {whole(0, type_of<bool>), whole(1, type_of<bool>)};
  expect_domains(type_of<bool>, flags, flags);
  std::vector<scalar> days;
  for (const int day : {-2147483647 - 1, -1, 0, 1, 20000, 2147483647}) days.push_back(whole(day, type_of<date>));
  expect_domains(type_of<date>, days, days);
  std::vector<scalar> moments;
  for (const unsigned unit : {0u, 3u, 6u, 9u}) {
    data_type type = type_of<timestamp<>>;
    type.scale = static_cast<std::uint8_t>(unit);
    for (const int128 second : {-1, 0, 1, 1700000000})
      for (int step = -1; step <= 1; ++step) moments.push_back(whole(second * power_of_ten(unit) + step, type));
    moments.push_back(whole(highest_of<std::int64_t>(), type));
    moments.push_back(whole(lowest_of<std::int64_t>(), type));
  }
  for (const unsigned unit : {0u, 3u, 6u, 9u}) {
    std::vector<scalar> values;
    for (const auto& moment : moments)
      if (moment.type.scale == unit) values.push_back(moment);
    expect_domains(values[0].type, values, moments);
  }
}

// ---- shapes of bound predicates
// ---------------------------------------------------------------------------------------

struct shape_schema
    : pillar::schema<field<"a", nullable<int>>, field<"b", std::int8_t>, field<"f", float>, field<"s", nullable<text>>,
                     field<"flag", nullable<bool>>, field<"p", decimal<15, 2>>, field<"q", decimal<38, 0>>> {};

template <class E>
bound_predicate bound(const E& what) {
  auto made = bind_predicate(lower(what), describe<shape_schema>());
  EXPECT_TRUE(made.ok()) << explain_fault(lower(what), describe<shape_schema>(), true);
  return made.ok() ? *made : bound_predicate{};
}
const bound_node& conjunct(const bound_predicate& predicate, std::size_t at) {
  return predicate.nodes[predicate.conjuncts[at]];
}

TEST(expr_bind, ranges_over_one_column_meet) {
  const auto one = bound("a"_col >= 5 && "s"_col == "x" && "a"_col < 9.5 && ("b"_col < 300 && "a"_col != 7));
  ASSERT_EQ(one.conjuncts.size(), 4u);
  EXPECT_TRUE(conjunct(one, 0).test.lo == 5 && conjunct(one, 0).test.hi == 9);
  EXPECT_TRUE(conjunct(one, 2).test.is_everything());  // int8 < 300
  EXPECT_TRUE(conjunct(one, 3).test.negated);
  EXPECT_EQ(one.columns, (std::vector<std::uint32_t>{0, 1, 3}));
  const auto between = bound("a"_col.between(1, 3) && !"a"_col.between(4, 6));
  ASSERT_EQ(between.conjuncts.size(), 2u);
  EXPECT_TRUE(conjunct(between, 0).test.lo == 1 && conjunct(between, 0).test.hi == 3);
  EXPECT_TRUE(conjunct(between, 1).test.lo == 4 && conjunct(between, 1).test.negated);
  EXPECT_TRUE(conjunct(bound("a"_col.between(3, 1)), 0).test.is_nothing());
  EXPECT_TRUE(conjunct(bound(!"a"_col.between(3, 1)), 0).test.is_everything());
}

TEST(expr_bind, negation_travels_to_the_leaves) {
  const auto made = bound(!(("a"_col < 5 || "b"_col == 1) || !("s"_col.starts_with("x") && "flag"_col)));
  ASSERT_EQ(made.conjuncts.size(), 4u);
  for (const auto& node : made.nodes) EXPECT_NE(node.kind, bound_node::kind_type::negation);
  EXPECT_TRUE(conjunct(made, 0).test.negated && conjunct(made, 1).test.negated);
  EXPECT_FALSE(conjunct(made, 2).test.negated || conjunct(made, 3).test.negated);
}

TEST(expr_bind, a_literal_between_two_columns_is_two_tests) {
  expression what;
  what.push_literal(whole(5));
  what.append(lower("a"_col));
  what.append(lower("b"_col));
  what.push(expression_kind::between);
  const auto made = bound(what);
  ASSERT_EQ(made.conjuncts.size(), 2u);
  EXPECT_EQ(*made.plain_column(conjunct(made, 0)), 0u);
  EXPECT_EQ(*made.plain_column(conjunct(made, 1)), 1u);
}

TEST(expr_bind, lists_become_points) {
  const auto made = bound("b"_col.in(std::vector<double>{3, 300, 1, 2.5, 3, nan}) &&
                          "f"_col.in(std::vector<double>{nan, 0.1, 0.5, -0.0}));
  EXPECT_EQ(conjunct(made, 0).test.integers, (std::vector<int128>{1, 3}));
  EXPECT_EQ(conjunct(made, 1).test.reals, (std::vector<double>{0, 0.5}));  // no float is 0.1
  EXPECT_TRUE(conjunct(made, 1).test.nan);
  expression with_null = col("a");
  with_null.push_list(type_of<int>, {whole(1), scalar::of_null(type_of<int>)});
  EXPECT_EQ(conjunct(bound(with_null), 0).kind, bound_node::kind_type::either);
  EXPECT_EQ(bound(!with_null).conjuncts.size(), 2u);
  expression mixed = col("a");
  mixed.push_list(type_of<int>, {scalar::of_text(type_of<text>, "x")});
  EXPECT_EQ(bind_predicate(mixed, describe<shape_schema>()).error().code, errc::type_mismatch);
}

TEST(expr_bind, comparisons_of_literals_fold) {
  const auto fold = [](const scalar& left, const scalar& right) {
    expression what;
    what.push_literal(left);
    what.push_literal(right);
    what.push(expression_kind::compare, static_cast<std::uint8_t>(compare_operator::less));
    const auto made = bound(what);
    EXPECT_EQ(made.nodes.size(), 1u);
    EXPECT_EQ(made.nodes[0].kind, bound_node::kind_type::constant);
    return made.nodes[0].always_null ? truth::unknown : made.nodes[0].always ? truth::is_true : truth::is_false;
  };
  EXPECT_EQ(fold(whole(1), real(1.5)), truth::is_true);
  EXPECT_EQ(fold(real(nan), whole(1)), truth::is_false);
  EXPECT_EQ(fold(whole(1), scalar::of_null(type_of<int>)), truth::unknown);
  EXPECT_EQ(fold(scalar::of_null(type_of<int>), whole(1)), truth::unknown);
}

TEST(expr_bind, literals_take_the_type_of_their_arithmetic) {
  const auto made = bound("p"_col * (1 - "p"_col) > "a"_col + 1.5);
  for (const auto& value : made.values)
    if (value.kind == bound_value::kind_type::literal) EXPECT_EQ(value.constant.type, value.type);
  const auto schema = describe<shape_schema>();
  const expression values[] = {lower("p"_col + 1), lower("f"_col * "f"_col), col("s")};
  const auto several = bind_values(values, schema);
  ASSERT_TRUE(several.ok());
  EXPECT_EQ(several->type(0), decimal_type(16, 2));
  EXPECT_EQ(several->type(1), type_of<float>);
  EXPECT_EQ(several->type(2), type_of<text>.as_nullable());
  const expression wrong[] = {lower("p"_col > 1)};
  EXPECT_EQ(bind_values(wrong, schema).error().code, errc::type_mismatch);
}

// ---- against the scalar reference
// -------------------------------------------------------------------------------------

TEST(expr_bind, random_predicates_agree_with_the_reference) {
  constexpr int predicate_count = turns(12'000);
  splitmix64 random(20260101);
  std::size_t bound_count = 0, refused = 0, truths[4] = {}, fates[4] = {};
  dynamic_schema schema;
  std::vector<std::vector<scalar>> cells;
  std::vector<row_cells> rows;
  for (int i = 0; i < predicate_count; ++i) {
    if (i % 400 == 0) {  // other columns and rows
      schema.columns.clear();
      cells.clear();
      rows.assign(40, {});
      auto types = every_type(random.chance(1, 2));
      for (std::size_t t = 0; t < types.size(); ++t) {
        data_type type = types[t];
        if (type.logical == logical_type::timestamp) type.scale = static_cast<std::uint8_t>(3 * random.below(4));
        schema.columns.push_back({"c" + std::to_string(t), type});
        cells.push_back(random_cells(random, type, rows.size(), 30));
        for (std::size_t r = 0; r < rows.size(); ++r) rows[r].push_back(cells[t][r]);
      }
    }
    expression_generator make{random, schema, cells};
    const expression what = make.predicate(static_cast<unsigned>(random.below(4)));
    const auto made = bind_predicate(what, schema);
    if (!made.ok()) {
      ++refused;
      const std::string words = explain_fault(what, schema, true);
      if (made.error().code == errc::type_mismatch) {
        ASSERT_NE(words.find("more than 38 digits"), std::string::npos) << words;
      } else {  // a literal that no row can use
        ASSERT_EQ(made.error().code, errc::overflow) << words;
        for (const auto& row : rows) ASSERT_EQ(evaluate_row(what, schema, std::span<const scalar>(row)), truth::error);
      }
      continue;
    }
    ++bound_count;
    for (int pick = 0; pick < 12; ++pick) {
      const row_cells& row = rows[random.below(rows.size())];
      const truth expected = evaluate_row(what, schema, std::span<const scalar>(row));
      truth got = truth::is_true;
      bool failed = false, rejected = false;
      for (const auto at : made->conjuncts) {
        const truth one = reference_truth(*made, at, row);
        got = got && one;
        failed = failed || one == truth::error;
        rejected = rejected || one == truth::is_false || one == truth::unknown;
      }
      ASSERT_EQ(got, expected) << "predicate " << i << ": " << spell(what);
      const row_fate fate = failed     ? (rejected ? row_fate::error_or_reject : row_fate::error)
                            : rejected ? row_fate::reject
                                       : row_fate::keep;
      ASSERT_EQ(fate, reference_filter(what, schema, std::span<const scalar>(row))) << i << ": " << spell(what);
      ++truths[static_cast<int>(expected)];
      ++fates[static_cast<int>(fate)];
    }
  }
  std::printf("bound %zu predicates, refused %zu; false %zu, true %zu, unknown %zu, error %zu; error or reject %zu\n",
              bound_count, refused, truths[0], truths[1], truths[2], truths[3], fates[3]);
  EXPECT_GT(bound_count, predicate_count * 9u / 10u);
  for (const auto count : truths) EXPECT_GT(count, turns(1000u));
  EXPECT_GT(fates[3], turns(100u));
}

TEST(expr_bind, random_values_agree_with_the_reference) {
  splitmix64 random(77);
  dynamic_schema schema;
  std::vector<std::vector<scalar>> cells;
  std::vector<row_cells> rows(40);
  for (const data_type& type : every_type(true)) {
    schema.columns.push_back({"c" + std::to_string(schema.size()), type});
    cells.push_back(random_cells(random, type, rows.size(), 30));
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r].push_back(cells.back()[r]);
  }
  std::size_t compared = 0, errors = 0;
  for (int i = 0; i < turns(6000); ++i) {
    expression_generator make{random, schema, cells};
    const expression what[] = {make.number(3)};
    const auto made = bind_values(what, schema);
    if (!made.ok()) continue;
    for (int pick = 0; pick < 8; ++pick) {
      const row_cells& row = rows[random.below(rows.size())];
      const auto expected = evaluate_value(what[0], schema, std::span<const scalar>(row));
      const reference_value got = reference_evaluate(made->nodes, made->roots[0], row);
      ASSERT_EQ(got.error, !expected.ok()) << i;
      ++compared;
      if (got.error) {
        ++errors;
        continue;
      }
      ASSERT_EQ(got.value, *expected) << i << " " << to_string(got.value) << " " << to_string(*expected);
      ASSERT_TRUE(same_values(expected->type, made->type(0)));
    }
  }
  EXPECT_GT(compared, turns(20'000u));
  EXPECT_GT(errors, turns(200u));
}

}  // namespace
}  // namespace pillar_test::expr_bind
