// SPDX-License-Identifier: Apache-2.0
#include "pillar/filter/evaluate.hpp"

#include <gtest/gtest.h>

#include "support/bound_reference.hpp"
#include "support/sanitized.hpp"
#include "support/test_batch.hpp"

namespace pillar_test::filter_evaluate {
namespace {

using pillar::arithmetic_operator;
using pillar::bound_value;
using pillar::errc;
using pillar::scalar;
using pillar::selection_mask;
using pillar::type_of;
using pillar::value_interval;

bound_value column_node(std::uint32_t column, pillar::data_type type) {
  bound_value node;
  node.type = type;
  node.column = column;
  return node;
}
std::vector<bound_value> binary(arithmetic_operator op, pillar::data_type operands, pillar::data_type type) {
  bound_value node;
  node.kind = bound_value::kind_type::arithmetic;
  node.op = op;
  node.left = 0;
  node.right = 1;
  node.type = type;
  return {column_node(0, operands), column_node(1, operands), node};
}

TEST(filter_evaluate, overflow_counts_only_in_selected_rows_that_hold_values) {
  const auto type = type_of<std::int64_t>.as_nullable();
  std::vector<scalar> a(100, scalar::of_integer(type, 1)), b = a;
  a[70] = a[80] = a[90] = scalar::of_integer(type, pillar::highest_of(type.physical));
  b[80] = scalar::of_null(type);
  for (const auto op : {arithmetic_operator::add, arithmetic_operator::multiply}) {
    if (op == arithmetic_operator::multiply)
      for (auto& cell : b) cell = cell.null ? cell : scalar::of_integer(type, 3);
    test_batch batch;
    batch.add(type, a);
    batch.add(type, b);
    pillar::value_state state;
    const auto nodes = binary(op, type, type);
    auto rows = selection_mask::first(100);
    auto out = pillar::evaluate_value(nodes, 2, batch.view, rows, state);
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(out.error(), (pillar::failure{errc::overflow, 70}));
    pillar::assign_bit(rows.words, 70, false);
    out = pillar::evaluate_value(nodes, 2, batch.view, rows, state);
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(out.error().position, 90u) << "the overflow beneath a NULL is not one";
    pillar::assign_bit(rows.words, 90, false);
    out = pillar::evaluate_value(nodes, 2, batch.view, rows, state);
    ASSERT_TRUE(out.ok());
    EXPECT_FALSE(out->valid(80));
    EXPECT_EQ(out->value<std::int64_t>(5), op == arithmetic_operator::add ? 2 : 3);
  }
}

TEST(filter_evaluate, a_decimal_ends_at_its_digits) {
  const auto type = pillar::decimal_type(3, 1);
  test_batch made;
  made.add(type, {scalar::of_integer(type, 998), scalar::of_integer(type, -999)});
  made.add(type, {scalar::of_integer(type, 1), scalar::of_integer(type, -1)});
  pillar::value_state state;
  const auto nodes = binary(arithmetic_operator::add, type, type);
  selection_mask rows = selection_mask::first(1);
  EXPECT_TRUE(pillar::evaluate_value(nodes, 2, made.view, rows, state).ok());
  rows = selection_mask::first(2);
  EXPECT_EQ(pillar::evaluate_value(nodes, 2, made.view, rows, state).error(), (pillar::failure{errc::overflow, 1}));
}

TEST(filter_evaluate, floats_of_32_bits_are_rounded_after_each_step) {
  const auto type = type_of<float>;
  test_batch made;
  made.add(type, {scalar::of_real(type, 16777216.0)});
  made.add(type, {scalar::of_real(type, 1.0)});
  pillar::value_state state;
  const auto nodes = binary(arithmetic_operator::add, type, type);
  const auto out = pillar::evaluate_value(nodes, 2, made.view, selection_mask::first(1), state);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(out->value<float>(0), 16777216.0f);
}

TEST(filter_evaluate, comparisons_of_vectors_agree_with_the_order_of_scalars) {
  using pillar::compare_operator;
  pillar::splitmix64 random(29);
  pillar::value_state state;
  for (const auto& type : every_type(true))
    for (int round = 0; round < 12; ++round) {
      auto cells = random_cells(random, type, 130, 12), others = random_cells(random, type, 130, 12);
      const owned_vector a =
          make_vector(type, cells, round % 2 == 0 ? pillar::vector_kind::flat : pillar::vector_kind::dictionary);
      const owned_vector b = make_vector(type, others);
      for (int op = 0; op < 6; ++op) {
        std::uint64_t mask[pillar::vector_words];
        pillar::compare_vectors(static_cast<compare_operator>(op), a.view, b.view, state, mask);
        EXPECT_EQ(mask[2] >> 2, 0u);
        for (std::uint32_t row = 0; row < 130; ++row) {
          if (cells[row].null || others[row].null) continue;
          const int order = compare(cells[row], others[row]);
          const bool expected[] = {order == 0, order != 0, order<0, order <= 0, order> 0, order >= 0};
          ASSERT_EQ(pillar::get_bit(mask, row), expected[op])
              << to_string(type) << " " << to_string(cells[row]) << " " << op << " " << to_string(others[row]);
        }
      }
    }
}

/// Random trees over all types and kinds; with and without the proof of interval analysis.
TEST(filter_evaluate, agrees_with_the_reference) {
  pillar::splitmix64 random(31);
  const std::vector<pillar::data_type> types = every_type(true);
  int failed = 0, succeeded = 0, unchecked = 0;
  for (int round = 0; round < (sanitized ? 100 : 700); ++round) {
    const std::size_t row_count = 1 + random.below(round % 10 == 0 ? 1024 : 90);
    const std::uint64_t distinct = random.chance(1, 3) ? 9 : 500;
    test_batch made;
    std::vector<std::vector<scalar>> cells;
    for (const auto& type : types) {
      auto column = random_cells(random, type, row_count, distinct);
      if (random.chance(2, 3))  // without the extremes, so that not everything overflows
        for (auto& cell : column)
          if (!cell.null && !pillar::is_float(type.physical)) cell.integer %= 100;
      const auto kind = static_cast<pillar::vector_kind>(random.below(4));
      if (kind == pillar::vector_kind::constant) column.assign(row_count, column[0]);
      made.add(type, column, kind, random.chance(1, 3), true, static_cast<std::uint32_t>(random.below(66)));
      cells.push_back(std::move(column));
    }
    predicate_generator generate{random, types, cells, distinct};
    const std::uint32_t root = generate.number(random.chance(1, 3), 3);
    const auto& nodes = generate.out.values;
    selection_mask rows = selection_mask::none();
    for (std::uint32_t row = 0; row < row_count; ++row)
      if (random.chance(round % 4, round % 8 < 4 ? 4 : 24)) pillar::set_bit(rows.words, row);
    std::vector<value_interval> proof;
    if (random.chance(1, 2)) {
      const auto bounds = [&](std::uint32_t column, const pillar::data_type& type) {
        value_interval of = pillar::interval_of(type);
        bool first = true;
        for (const auto& cell : cells[column]) {
          if (cell.null) continue;
          of.lo = first ? cell.integer : std::min(of.lo, cell.integer);
          of.hi = first ? cell.integer : std::max(of.hi, cell.integer);
          first = false;
        }
        return of;
      };
      pillar::analyze(nodes, bounds, proof);
      for (const auto& of : proof) unchecked += !of.may_overflow;
    }
    pillar::value_state state;
    const auto out = pillar::evaluate_value(nodes, root, made.view, rows, state, proof);
    std::uint64_t first_error = row_count;
    bool errors_agree = false;
    for (std::uint32_t row = 0; row < row_count; ++row) {
      if (!rows.test(row)) continue;
      row_cells here;
      for (const auto& column : cells) here.push_back(column[row]);
      const reference_value expected = reference_evaluate(nodes, root, here);
      if (expected.error) {
        first_error = std::min<std::uint64_t>(first_error, row);
        errors_agree = errors_agree || (!out.ok() && out.error().position == row);
        ASSERT_FALSE(out.ok()) << round;
      } else if (out.ok()) {
        ASSERT_EQ(out->type.physical, nodes[root].type.physical);
        const scalar got = pillar::get(*out, row);
        ASSERT_EQ(got.null, expected.value.null) << round;
        if (!got.null) {
          ASSERT_EQ(pillar::compare(got, expected.value), 0)
              << round << ": " << to_string(got) << " " << to_string(expected.value);
        }
      }
    }
    out.ok() ? ++succeeded : ++failed;
    ASSERT_EQ(out.ok(), first_error == row_count) << round;
    if (!out.ok()) {
      ASSERT_TRUE(errors_agree) << round << ": the row named has an error";
    }
  }
  EXPECT_GT(failed, sanitized ? 4 : 40);
  EXPECT_GT(succeeded, sanitized ? 7 : 70);
  EXPECT_GT(unchecked, sanitized ? 10 : 100);
}

}  // namespace
}  // namespace pillar_test::filter_evaluate
