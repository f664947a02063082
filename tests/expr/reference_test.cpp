// SPDX-License-Identifier: Apache-2.0
#include "pillar/expr/reference.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/expr/expression.hpp"

namespace pillar_test::expr_reference {
namespace {

using namespace pillar::query;
using pillar::decimal_type;
using pillar::int128;
using pillar::scalar;
using pillar::truth;
using pillar::type_of;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

scalar real(double value) { return scalar::of_real(type_of<double>, value); }
scalar whole(int128 value, pillar::data_type type = type_of<std::int64_t>) { return scalar::of_integer(type, value); }

TEST(expr_reference, numbers_in_ascending_order) {
  // Each is less than the next; no two are equal as real numbers.
  const std::vector<scalar> ascending = {real(-infinity),
                                         real(-1e300),
                                         whole(pillar::int128_min, decimal_type(38, 0)),
                                         real(-9223372036854777856.0),
                                         whole(pillar::lowest_of<std::int64_t>()),
                                         whole(-9007199254740993),
                                         real(-9007199254740992.0),
                                         real(-1.5),
                                         whole(-1499999999999999999, decimal_type(19, 18)),
                                         whole(-1),
                                         real(-std::numeric_limits<double>::denorm_min()),
                                         real(0),
                                         whole(1, decimal_type(38, 38)),
                                         real(1e-37),
                                         whole(9999, decimal_type(5, 5)),
                                         real(0.1) /* above one tenth */,
                                         whole(3, decimal_type(1, 0)),
                                         real(9007199254740992.0),
                                         whole(9007199254740993),
                                         real(9007199254740994.0),
                                         whole(pillar::highest_of<std::int64_t>()),
                                         real(9223372036854775808.0),
                                         whole(pillar::highest_of<std::uint64_t>(), type_of<std::uint64_t>),
                                         real(18446744073709551616.0),
                                         real(8.6e37),
                                         real(1e38) /* is 2e21 below */,
                                         whole(pillar::power_of_ten(38) - 1, decimal_type(38, 0)),
                                         whole(pillar::int128_max, decimal_type(38, 0)),
                                         real(170141183460469231731687303715884105728.0),
                                         real(1e300),
                                         real(infinity),
                                         real(nan)};
  for (std::size_t i = 0; i < ascending.size(); ++i)
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const int sign = compare_exactly(ascending[i], ascending[j]);
      EXPECT_EQ(sign < 0, i < j) << i << " " << j;
      EXPECT_EQ(sign > 0, i > j) << i << " " << j;
    }
}

TEST(expr_reference, equal_numbers_of_many_kinds) {
  const std::vector<scalar> halves = {real(-12.5), whole(-125, decimal_type(3, 1)),
                                      whole(-12500000, decimal_type(18, 6)), scalar::of_real(type_of<float>, -12.5)};
  for (const auto& a : halves)
    for (const auto& b : halves) EXPECT_EQ(compare_exactly(a, b), 0);
  EXPECT_EQ(compare_exactly(real(0.0), real(-0.0)), 0);
  EXPECT_EQ(compare_exactly(real(-0.0), whole(0, decimal_type(10, 7))), 0);
  EXPECT_EQ(compare_exactly(real(nan), real(nan)), 0);
  EXPECT_EQ(compare_exactly(real(170141183460469231731687303715884105728.0 * -1),
                            whole(pillar::int128_min, decimal_type(38, 0))),
            0);
  EXPECT_NE(compare_exactly(real(0.1), whole(1, decimal_type(1, 1))), 0);  // a literal 0.1 is not one tenth
  EXPECT_EQ(
      compare_exactly(whole(5, type_of<timestamp<pillar::time_unit::second>>), whole(5'000'000, type_of<timestamp<>>)),
      0);
}

TEST(expr_reference, against_long_double_on_random_numbers) {
  // x87 long double holds every int64 and double exactly.
  if (std::numeric_limits<long double>::digits < 64) GTEST_SKIP() << "long double has no 64 bits";
  pillar::splitmix64 random(3);
  for (int i = 0; i < 200'000; ++i) {
    const auto integer = static_cast<std::int64_t>(random()) >> random.below(64);
    double near = static_cast<double>(integer);
    if (random.chance(1, 2)) near = std::nextafter(near, random.chance(1, 2) ? infinity : -infinity);
    if (random.chance(1, 4)) near += 0.5;
    const long double a = integer, b = near;
    ASSERT_EQ(compare_exactly(whole(integer), real(near)), a < b ? -1 : a > b ? 1 : 0) << integer << " " << near;
  }
}

struct row_type
    : pillar::schema<pillar::field<"i", pillar::nullable<int>>, pillar::field<"d", decimal<18, 2>>,
                     pillar::field<"w", decimal<38, 0>>, pillar::field<"f", float>, pillar::field<"s", pillar::text>,
                     pillar::field<"u", std::uint64_t>, pillar::field<"l", std::int64_t>> {};

struct reference_test_row {
  pillar::dynamic_schema schema = pillar::describe<row_type>();
  std::vector<scalar> cells = {whole(7, schema[0].type),
                               whole(-1250, schema[1].type),
                               whole(pillar::power_of_ten(38) - 1, schema[2].type),
                               scalar::of_real(schema[3].type, 0.5),
                               scalar::of_text(schema[4].type, "pillar"),
                               whole(pillar::highest_of<std::uint64_t>(), schema[5].type),
                               whole(pillar::highest_of<std::int64_t>(), schema[6].type)};
  template <class E>
  truth ask(const E& what) const {
    return evaluate_row(pillar::lower(what), schema, std::span<const scalar>(cells));
  }
  template <class E>
  std::string value(const E& what) const {
    const auto got = evaluate_value(pillar::lower(what), schema, std::span<const scalar>(cells));
    return got.ok() ? to_string(got->type) + " " + to_string(*got) : to_string(got.error().code);
  }
};

TEST(expr_reference, values_and_their_types) {
  const reference_test_row row;
  EXPECT_EQ(row.value("i"_col * 3 - 1), "nullable int64 20");
  EXPECT_EQ(row.value("d"_col + 0.005_dec), "decimal<20, 3> -12.495");
  EXPECT_EQ(row.value("d"_col * "d"_col), "decimal<36, 4> 156.2500");
  EXPECT_EQ(row.value("d"_col * 0.5), "double -6.25");
  EXPECT_EQ(row.value("f"_col * "f"_col), "float 0.25");
  EXPECT_EQ(row.value("w"_col + 1), "arithmetic overflow");
  EXPECT_EQ(row.value("w"_col - 1 + 1), "decimal<38, 0> " + std::string(38, '9'));
  EXPECT_EQ(row.value("w"_col * "w"_col), "arithmetic overflow");
  EXPECT_EQ(row.value("w"_col * 0), "decimal<38, 0> 0");
  EXPECT_EQ(row.value("w"_col + "d"_col), "arithmetic overflow");  // 99…9.00 has 40 digits
  EXPECT_EQ(row.value("l"_col + 1), "arithmetic overflow");
  EXPECT_EQ(row.value("l"_col * -1 - 1), "int64 -9223372036854775808");
  EXPECT_EQ(row.value("u"_col - 1u), "uint64 18446744073709551614");
  EXPECT_EQ(row.value("u"_col + 1u), "arithmetic overflow");
  EXPECT_EQ(row.value("u"_col - 1), "arithmetic overflow");  // with a signed number: int64
  EXPECT_EQ(row.value(0u - "u"_col), "arithmetic overflow");
}

TEST(expr_reference, truths) {
  reference_test_row row;
  EXPECT_EQ(row.ask("i"_col > 6.5 && "s"_col.starts_with("pill")), truth::is_true);
  EXPECT_EQ(row.ask("u"_col > -1 && "u"_col > "l"_col), truth::is_true);
  EXPECT_EQ(row.ask("l"_col < 9223372036854775808.0), truth::is_true);
  EXPECT_EQ(row.ask("d"_col == -12.500_dec), truth::is_true);
  EXPECT_EQ(row.ask("d"_col.between(-13, -12.5)), truth::is_true);
  EXPECT_EQ(row.ask("f"_col == 0.5_dec && "f"_col < nan), truth::is_true);
  EXPECT_EQ(row.ask("w"_col + 1 > 0), truth::error);
  EXPECT_EQ(row.ask("w"_col + 1 > 0 && "i"_col == 0), truth::error);
  EXPECT_EQ(row.ask("w"_col > "d"_col), truth::error);     // compared as decimal<38, 2>
  EXPECT_EQ(row.ask("w"_col > 1.50_dec), truth::is_true);  // a literal never is
  row.cells[0] = scalar::of_null(row.schema[0].type);
  EXPECT_EQ(row.ask("i"_col == 7), truth::unknown);
  EXPECT_EQ(row.ask(!("i"_col == 7) || "s"_col == "pillar"), truth::is_true);
  EXPECT_EQ(row.ask("i"_col.is_null() && !"i"_col.is_not_null()), truth::is_true);
  EXPECT_EQ(row.ask("i"_col * "l"_col > 1), truth::unknown);  // NULL, not an overflow
  EXPECT_EQ(row.ask("i"_col + "l"_col * 2 > 1), truth::error);
  EXPECT_EQ(row.ask("i"_col.between(1, 2) || "l"_col.in(5)), truth::unknown);
}

TEST(expr_reference, lists_with_null) {
  const reference_test_row row;
  pillar::expression in = col("i");
  in.push_list(type_of<int>, {whole(8, type_of<int>), scalar::of_null(type_of<int>)});
  EXPECT_EQ(row.ask(in), truth::unknown);
  EXPECT_EQ(row.ask(!in), truth::unknown);
  in = col("i");
  in.push_list(type_of<double>, {real(7), scalar::of_null(type_of<int>)});
  EXPECT_EQ(row.ask(in), truth::is_true);
  EXPECT_EQ(row.ask(!in), truth::is_false);
}

TEST(expr_reference, an_error_may_be_left_out_only_where_another_conjunct_rejects) {
  using pillar::row_fate;
  const reference_test_row row;
  const auto fate = [&](const auto& what) {
    return reference_filter(pillar::lower(what), row.schema, std::span<const scalar>(row.cells));
  };
  const auto fails = "l"_col + 1 > 0;
  EXPECT_EQ(fate("i"_col == 7), row_fate::keep);
  EXPECT_EQ(fate("i"_col == 8), row_fate::reject);
  EXPECT_EQ(fate(fails), row_fate::error);
  EXPECT_EQ(fate(fails && "i"_col == 7), row_fate::error);
  EXPECT_EQ(fate(fails && "i"_col == 8), row_fate::error_or_reject);
  EXPECT_EQ(fate(!(fails || "i"_col == 7)), row_fate::error_or_reject);
  EXPECT_EQ(fate(fails || "i"_col == 7), row_fate::error);
  EXPECT_EQ(fate("i"_col.between("l"_col + 1, 5)), row_fate::error_or_reject);
  EXPECT_EQ(fate("i"_col.between("l"_col + 1, 9)), row_fate::error);
}

TEST(expr_reference, what_does_not_fit_is_an_error) {
  const reference_test_row row;
  EXPECT_EQ(row.value("none"_col), "no such column");
  EXPECT_EQ(row.value("s"_col + 1), "type mismatch");
  EXPECT_EQ(row.value(pillar::expression{}), "invalid argument");
  EXPECT_EQ(row.ask("s"_col == 1), truth::error);
}

}  // namespace
}  // namespace pillar_test::expr_reference
