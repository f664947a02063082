// SPDX-License-Identifier: Apache-2.0
#include "pillar/expr/explain.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "pillar/expr/bind.hpp"
#include "pillar/expr/expression.hpp"
#include "pillar/expr/reference.hpp"
#include "support/owned_vector.hpp"
#include "support/random_expression.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::expr_explain {
namespace {

using namespace pillar::query;
using pillar::bound_predicate;
using pillar::data_type;
using pillar::scalar;
using pillar::truth;
using pillar::truth_set;
using pillar::type_of;
using pillar::value_claim;
using pillar::witness;
using pillar::witness_fault;

const pillar::dynamic_schema schema{{{"day", type_of<pillar::date>},
                                     {"status", type_of<pillar::nullable<pillar::text>>},
                                     {"total", type_of<pillar::nullable<pillar::decimal<9, 2>>>},
                                     {"real", type_of<pillar::nullable<double>>},
                                     {"count", type_of<std::int32_t>},
                                     {"other", type_of<std::int32_t>}}};

template <class E>
pillar::expression tree_of(const E& what) {
  pillar::expression made;
  pillar::detail::lower_into(made, what);
  return made;
}
template <class E>
bound_predicate bind(const E& what) {
  auto made = pillar::bind_predicate(tree_of(what), schema);
  EXPECT_TRUE(made.ok());
  return *std::move(made);
}
template <class E>
std::string words(const E& what) {
  const bound_predicate bound = bind(what);
  std::string out;
  for (const std::uint32_t node : bound.conjuncts) out += (out.empty() ? "" : " && ") + describe(bound, node, schema);
  return out;
}

TEST(expr_explain, conditions_are_written_with_logical_types) {
  EXPECT_EQ(words("day"_col >= date{2026, 1, 1}), "day >= 2026-01-01");
  EXPECT_EQ(words("day"_col < date{2026, 3, 1}), "day <= 2026-02-28");
  EXPECT_EQ(words("day"_col.between(date{2026, 1, 1}, date{2026, 1, 31})), "day >= 2026-01-01 and day <= 2026-01-31");
  EXPECT_EQ(words(!"day"_col.between(date{2026, 1, 1}, date{2026, 1, 31})),
            "not (day >= 2026-01-01 and day <= 2026-01-31)");
  EXPECT_EQ(words("status"_col == "it's\n"), "status = 'it''s\\x0a'");
  EXPECT_EQ(words("status"_col != "open"), "status <> 'open'");
  EXPECT_EQ(words("status"_col > "open"), "status > 'open'");
  EXPECT_EQ(words("status"_col <= "open"), "status <= 'open'");
  EXPECT_EQ(words("status"_col.starts_with("op")), "status starts with 'op'");
  EXPECT_EQ(words(!"status"_col.starts_with("op")), "not status starts with 'op'");
  EXPECT_EQ(words("status"_col.in("b", "a") && "status"_col.is_not_null()),
            "status in ('a', 'b') && status is not NULL");
  EXPECT_EQ(words(!"count"_col.in(1, 2, 3, 4, 5, 6)), "count not in (1, 2, 3, 4, 5, ... 6 values)");
  EXPECT_EQ(words("total"_col == 0.5_dec), "total = 0.50");
  EXPECT_EQ(words("real"_col < 5.0), "real < 5");
  EXPECT_EQ(words("real"_col > 5.0), "real > 5");
  EXPECT_EQ(words("real"_col <= 0.1), "real <= 0.1");
  EXPECT_EQ(words("real"_col == std::nan("")), "real = NaN");
  EXPECT_EQ(words("count"_col < 300'000'000'000), "count is any value");
  EXPECT_EQ(words("count"_col > 300'000'000'000), "count is no value");
  EXPECT_EQ(words("count"_col * 2 > 10 || "count"_col < "other"_col), "((count * 2) >= 11 or count < other)");
}

TEST(expr_explain, claims_are_kept_or_broken) {
  const data_type real = type_of<pillar::nullable<double>>;
  value_claim claim{3, real, true, false, false, scalar::of_real(real, 1), scalar::of_real(real, 2)};
  EXPECT_TRUE(claim.holds(scalar::of_real(real, 1)));
  EXPECT_TRUE(claim.holds(scalar::of_real(real, 2)));
  EXPECT_FALSE(claim.holds(scalar::of_real(real, 0.5)));
  EXPECT_FALSE(claim.holds(scalar::of_real(real, 2.5)));
  EXPECT_FALSE(claim.holds(scalar::of_real(real, std::nan(""))));
  EXPECT_FALSE(claim.holds(scalar::of_null(real)));
  EXPECT_EQ(describe(claim), "minimum 1, maximum 2, no NULL, no NaN");
  claim.may_be_nan = claim.may_be_null = true;
  EXPECT_TRUE(claim.holds(scalar::of_real(real, std::nan(""))));
  EXPECT_TRUE(claim.holds(scalar::of_null(real)));
  claim.may_be_value = false;
  EXPECT_FALSE(claim.holds(scalar::of_real(real, 1)));
  claim.may_be_nan = false;
  EXPECT_EQ(describe(claim), "all rows are NULL");
}

/// A witness for the only conjunct of a condition on `day`.
witness day_witness(int lo, int hi, truth_set outcome) {
  const data_type type = type_of<pillar::date>;
  witness made;
  made.layer = pillar::answer_layer::zone;
  made.conjunct = 0;
  made.outcome = outcome;
  made.follows = true;
  made.claims = {{0, type, true, false, false, scalar::of_integer(type, lo), scalar::of_integer(type, hi)}};
  return made;
}

TEST(expr_explain, a_tampered_witness_is_found) {
  const auto bound = bind("day"_col < date{2026, 3, 1});
  const int first = date{2026, 3, 1}.days;
  const auto cells = [&](std::uint32_t row, std::uint32_t) {
    return scalar::of_integer(type_of<pillar::date>, first + static_cast<int>(row));
  };
  const truth_set never = truth_set::of(truth::is_false).add(truth::unknown);
  const witness honest = day_witness(first, first + 9, never);
  EXPECT_FALSE(check(honest, bound, 10, cells));
  EXPECT_FALSE(check_reasoning(honest, bound));
  EXPECT_EQ(describe(honest, bound, schema), "none: minimum 2026-03-01 > 2026-02-28 (zone map)");

  const auto tight = check(day_witness(first + 1, first + 9, never), bound, 10, cells);
  ASSERT_TRUE(tight);
  EXPECT_EQ(tight->kind, witness_fault::kind_type::claim);
  EXPECT_EQ(tight->row, 0u);
  EXPECT_EQ(pillar::to_string(tight->value), "2026-03-01");
  const auto tight_above = check(day_witness(first, first + 8, never), bound, 10, cells);
  ASSERT_TRUE(tight_above);
  EXPECT_EQ(tight_above->row, 9u);

  const witness wrong = day_witness(first - 1, first + 9, never);  // the claim allows a day in February
  EXPECT_FALSE(check(wrong, bound, 10, cells));
  const auto unsound = check_reasoning(wrong, bound);
  ASSERT_TRUE(unsound);
  EXPECT_EQ(unsound->kind, witness_fault::kind_type::reasoning);
  EXPECT_EQ(pillar::to_string(unsound->value), "2026-02-28");
  EXPECT_EQ(unsound->given, truth::is_true);

  const auto flipped = check(day_witness(first, first + 9, truth_set::of(truth::is_true)), bound, 10, cells);
  ASSERT_TRUE(flipped);
  EXPECT_EQ(flipped->kind, witness_fault::kind_type::outcome);
  EXPECT_EQ(flipped->given, truth::is_false);
}

TEST(expr_explain, reasoning_is_complete_for_one_column) {
  // For every claim over a small type and every range: the outcome of interval analysis is believed, a smaller one not.
  const pillar::dynamic_schema small{{{"x", type_of<std::int8_t>}}};
  pillar::splitmix64 random(5);
  for (int round = 0; round < turns(400); ++round) {
    const auto at = [&] { return static_cast<std::int8_t>(static_cast<int>(random.below(12)) - 6); };
    const std::int8_t a = at(), b = at(), c = at();
    const pillar::expression condition =
        random.chance(1, 2) ? tree_of("x"_col.between(a, b) || "x"_col == c) : tree_of(!"x"_col.in(a, b, c));
    const auto bound = pillar::bind_predicate(condition, small);
    ASSERT_TRUE(bound.ok());
    const std::int8_t lo = at(), hi = at();
    if (lo > hi) continue;
    witness what;
    what.claims = {{0, type_of<std::int8_t>, true, false, false, scalar::of_integer(type_of<std::int8_t>, lo),
                    scalar::of_integer(type_of<std::int8_t>, hi)}};
    for (std::uint32_t i = 0; i < bound->conjuncts.size(); ++i) {
      what.conjunct = i;
      truth_set real = truth_set::empty();
      for (int x = lo; x <= hi; ++x)
        real.add(evaluate_row(*bound, bound->conjuncts[i],
                              [&](std::uint32_t) { return scalar::of_integer(type_of<std::int8_t>, x); }));
      what.outcome = real;
      EXPECT_FALSE(check_reasoning(what, *bound));
      for (const truth left_out : {truth::is_true, truth::is_false}) {
        what.outcome = truth_set::of(left_out).negate();
        what.outcome.bits = static_cast<std::uint8_t>(15u & ~truth_set::of(left_out).bits);
        EXPECT_EQ(check_reasoning(what, *bound).has_value(), real.may_be(left_out));
      }
    }
  }
}

TEST(expr_explain, bound_rows_agree_with_the_unbound_reference) {
  pillar::splitmix64 random(11);
  std::vector<std::vector<scalar>> cells;
  for (const auto& column : schema.columns) cells.push_back(random_cells(random, column.type, 30, 6));
  for (int round = 0; round < turns(150); ++round) {
    expression_generator generate{random, schema, cells};
    const pillar::expression what = generate.predicate(2);
    const auto bound = pillar::bind_predicate(what, schema);
    if (!bound.ok()) continue;
    for (int r = 0; r < 10; ++r) {
      std::vector<scalar> row;
      for (const auto& column : schema.columns)
        row.push_back(random.chance(1, 2) ? cells[row.size()][random.below(30)]
                                          : random_scalar(random, column.type, 6));
      const auto reader = [&](std::uint32_t column) { return row[column]; };
      const auto fate = pillar::reference_filter(what, schema, reader);
      bool keep = true, error = false;
      for (const std::uint32_t node : bound->conjuncts) {
        const truth given = evaluate_row(*bound, node, reader);
        keep = keep && given == truth::is_true;
        error = error || given == truth::error;
      }
      if (fate == pillar::row_fate::keep) EXPECT_TRUE(keep);
      if (fate == pillar::row_fate::reject) EXPECT_FALSE(keep || error);
      if (fate == pillar::row_fate::error) EXPECT_TRUE(error);
    }
  }
}

}  // namespace
}  // namespace pillar_test::expr_explain
