// SPDX-License-Identifier: Apache-2.0
#include "pillar/filter/predicate.hpp"

#include <gtest/gtest.h>

#include "pillar/expr/bind.hpp"
#include "pillar/expr/reference.hpp"
#include "pillar/zone/zone_map.hpp"
#include "support/arch_levels.hpp"
#include "support/bound_reference.hpp"
#include "support/random_expression.hpp"
#include "support/sanitized.hpp"
#include "support/test_batch.hpp"

namespace pillar_test::filter_predicate {
namespace {

using pillar::bound_node;
using pillar::bound_predicate;
using pillar::bound_value;
using pillar::evidence;
using pillar::scalar;
using pillar::selection_mask;
using pillar::truth;
using pillar::type_of;
using pillar::value_interval;

/// Conjuncts that test plain columns 0, 1, …
bound_predicate plain_tests(const std::vector<pillar::data_type>& types, const std::vector<pillar::domain>& tests) {
  bound_predicate made;
  for (std::uint32_t i = 0; i < tests.size(); ++i) {
    bound_value value;
    value.type = types[i];
    value.column = i;
    made.values.push_back(value);
    bound_node node;
    node.kind = bound_node::kind_type::test;
    node.left = i;
    node.test = tests[i];
    made.nodes.push_back(node);
    made.conjuncts.push_back(i);
    made.columns.push_back(i);
  }
  return made;
}
std::vector<scalar> numbers(pillar::data_type type, int first, int count) {
  std::vector<scalar> cells;
  for (int i = 0; i < count; ++i) cells.push_back(scalar::of_integer(type, first + i));
  return cells;
}

TEST(filter_predicate, an_empty_list_keeps_all_rows) {
  const bound_predicate predicate;
  pillar::predicate_state state(predicate);
  test_batch made;
  made.add(type_of<std::int32_t>, numbers(type_of<std::int32_t>, 0, 70));
  ASSERT_TRUE(pillar::apply(state, made.view).ok());
  EXPECT_EQ(made.view.selection.count(), 70u);
}

TEST(filter_predicate, nothing_is_decoded_that_the_codec_answers_and_nothing_asked_once_no_row_is_left) {
  const auto type = type_of<std::int32_t>;
  const bound_predicate predicate = plain_tests(
      {type, type, type}, {pillar::integer_range(type.physical, 5, 9), pillar::integer_range(type.physical, 500, 600),
                           pillar::integer_range(type.physical, 0, 9)});
  test_batch made;
  for (int column = 0; column < 3; ++column)
    made.add(type, numbers(type, 0, 100), pillar::vector_kind::flat, true, true);
  pillar::predicate_state state(predicate);
  ASSERT_TRUE(pillar::apply(state, made.view).ok());
  EXPECT_FALSE(made.view.selection.any());
  EXPECT_EQ(made.columns[0].touched, evidence::encoded);
  EXPECT_EQ(made.columns[1].touched, evidence::settled);
  EXPECT_EQ(made.columns[2].touched, evidence::skipped);
  for (const auto& block : made.blocks) EXPECT_EQ(block->decodes, 0);
  EXPECT_EQ(made.blocks[2]->matches, 0);
}

TEST(filter_predicate, a_codec_that_cannot_answer_is_decoded_once) {
  const auto type = type_of<std::int32_t>;
  bound_predicate predicate = plain_tests({type}, {pillar::integer_range(type.physical, 5, 9)});
  predicate.nodes.push_back(predicate.nodes[0]);
  predicate.nodes[1].test = pillar::integer_range(type.physical, 7, 70);
  predicate.conjuncts.push_back(1);
  test_batch made;
  made.add(type, numbers(type, 0, 100), pillar::vector_kind::flat, true, false);
  pillar::predicate_state state(predicate);
  ASSERT_TRUE(pillar::apply(state, made.view).ok());
  EXPECT_EQ(made.view.selection.count(), 3u);
  EXPECT_EQ(made.columns[0].touched, evidence::decoded);
  EXPECT_EQ(made.blocks[0]->decodes, 1);
  EXPECT_EQ(made.blocks[0]->matches, 1);
}

TEST(filter_predicate, known_true_conjuncts_are_not_asked) {
  const auto type = type_of<std::int32_t>;
  const bound_predicate predicate = plain_tests(
      {type, type}, {pillar::integer_range(type.physical, 0, 1000), pillar::integer_range(type.physical, 5, 9)});
  test_batch made;
  made.add(type, numbers(type, 0, 100), pillar::vector_kind::flat, true, true);
  made.add(type, numbers(type, 0, 100), pillar::vector_kind::flat, true, true);
  pillar::predicate_state state(predicate);
  ASSERT_TRUE(pillar::apply(state, made.view, 1).ok());
  EXPECT_EQ(made.view.selection.count(), 5u);
  EXPECT_EQ(made.columns[0].touched, evidence::skipped);
}

TEST(filter_predicate, a_row_that_another_conjunct_rejects_raises_no_error_wherever_it_is_written) {
  const auto type = type_of<std::int64_t>;
  bound_predicate predicate;
  bound_value column;
  column.type = type;
  predicate.values = {column, column};
  bound_value sum = column;
  sum.kind = bound_value::kind_type::arithmetic;
  sum.op = pillar::arithmetic_operator::multiply;
  sum.left = 0;
  sum.right = 1;
  predicate.values.push_back(sum);
  bound_node computed;
  computed.kind = bound_node::kind_type::test;
  computed.left = 2;
  computed.test = pillar::integer_range(type.physical, 0, 1'000'000);
  bound_node plain = computed;
  plain.left = 0;
  plain.test = pillar::integer_range(type.physical, 0, 100);
  predicate.nodes = {computed, plain};
  predicate.conjuncts = {0, 1};
  predicate.columns = {0};
  std::vector<scalar> cells = numbers(type, 0, 100);
  cells[50] = scalar::of_integer(type, pillar::highest_of(type.physical));
  test_batch made;
  made.add(type, cells);
  pillar::predicate_state state(predicate);
  ASSERT_TRUE(pillar::apply(state, made.view).ok());
  EXPECT_EQ(made.view.selection.count(), 99u);
  // under `or` the error counts, whatever the other side says
  bound_node either;
  either.kind = bound_node::kind_type::either;
  either.left = 1;
  either.right = 0;
  predicate.nodes.push_back(either);
  predicate.conjuncts = {2};
  pillar::predicate_state again(predicate);
  made.view.selection = selection_mask::first(100);
  const auto applied = pillar::apply(again, made.view);
  ASSERT_FALSE(applied.ok());
  EXPECT_EQ(applied.error(), (pillar::failure{pillar::errc::overflow, 50}));
}

/// Random predicates over all types, kinds and encodings: apply() keeps exactly the rows that are true, ask() gives
/// both questions exactly, errors are raised unless another conjunct rejects their row.
TEST(filter_predicate, agrees_with_the_reference) {
  pillar::splitmix64 random(37);
  const std::vector<pillar::data_type> types = every_type(true);
  const auto levels = levels_to_test(pillar::flat_match_kernels_for);
  int kept_rows = 0, all_rows = 0, errors = 0, tolerated = 0;
  for (int round = 0; round < (sanitized ? 150 : 1200); ++round) {
    const std::size_t row_count = 1 + random.below(round % 20 == 0 ? 1024 : 100);
    const std::uint64_t distinct = random.chance(1, 2) ? 9 : 300;
    test_batch made;
    std::vector<std::vector<scalar>> cells;
    for (const auto& type : types) {
      auto column = random_cells(random, type, row_count, distinct);
      if (random.chance(1, 2))
        for (auto& cell : column)
          if (!cell.null && !pillar::is_float(type.physical)) cell.integer %= 100;
      const auto kind = static_cast<pillar::vector_kind>(random.below(4));
      if (kind == pillar::vector_kind::constant) column.assign(row_count, column[0]);
      made.add(type, column, kind, random.chance(1, 2), random.chance(2, 3),
               static_cast<std::uint32_t>(random.below(66)));
      cells.push_back(std::move(column));
    }
    predicate_generator generate{random, types, cells, distinct, round % 3 != 0};
    const bound_predicate predicate = generate.make(3);
    pillar::predicate_state state(predicate, levels[random.below(levels.size())]);
    const selection_mask before = [&] {
      selection_mask rows = selection_mask::none();
      for (std::uint32_t row = 0; row < row_count; ++row)
        if (random.chance(3, 4)) pillar::set_bit(rows.words, row);
      return rows;
    }();

    // What every conjunct says of every row.
    std::vector<std::vector<truth>> truths;
    for (std::uint32_t row = 0; row < row_count; ++row) {
      row_cells here;
      for (const auto& column : cells) here.push_back(column[row]);
      truths.emplace_back();
      for (const std::uint32_t node : predicate.conjuncts)
        truths.back().push_back(reference_truth(predicate, node, here));
    }

    made.view.selection = before;
    const auto applied = pillar::apply(state, made.view);
    bool must_fail = false;
    for (std::uint32_t row = 0; row < row_count; ++row) {
      if (!before.test(row)) continue;
      bool error = false, rejected = false;
      for (const truth value : truths[row]) {
        error = error || value == truth::error;
        rejected = rejected || value == truth::is_false || value == truth::unknown;
      }
      must_fail = must_fail || (error && !rejected);
      tolerated += error && rejected;
      if (!applied.ok()) continue;
      ASSERT_EQ(made.view.selection.test(row), !error && !rejected) << "round " << round << " row " << row;
      kept_rows += made.view.selection.test(row);
      ++all_rows;
    }
    ASSERT_TRUE(!must_fail || !applied.ok()) << round;
    if (applied.ok()) {
      for (std::uint32_t i = 0; i < pillar::vector_words; ++i)
        ASSERT_EQ(made.view.selection.words[i] & ~before.words[i], 0u);
    } else {
      ++errors;
      const auto row = static_cast<std::uint32_t>(applied.error().position);
      ASSERT_TRUE(row < row_count && before.test(row));
      bool error = false;
      for (const truth value : truths[row]) error = error || value == truth::error;
      ASSERT_TRUE(error) << "round " << round << ": row " << row << " has no error";
    }
    for (std::size_t i = 0; i < predicate.conjuncts.size(); ++i)
      for (const bool want : {true, false}) {
        selection_mask out;
        const auto asked = pillar::ask(state, made.view, predicate.conjuncts[i], want, before, out);
        bool any_error = false;
        for (std::uint32_t row = 0; row < row_count; ++row)
          any_error = any_error || (before.test(row) && truths[row][i] == truth::error);
        ASSERT_EQ(asked.ok(), !any_error) << round;
        if (!asked.ok()) continue;
        for (std::uint32_t row = 0; row < row_count; ++row) {
          const bool expected = before.test(row) && truths[row][i] == (want ? truth::is_true : truth::is_false);
          ASSERT_EQ(out.test(row), expected) << "round " << round << " row " << row << " want " << want;
        }
      }
  }
  EXPECT_GT(kept_rows * 10, all_rows);
  EXPECT_LT(kept_rows * 10, all_rows * 9);
  EXPECT_GT(errors, sanitized ? 4 : 50);
  EXPECT_GT(tolerated, sanitized ? 4 : 50);
}

/// The law of design §2 from end to end: an expression, bound, asked of zones and then of vectors, keeps the rows that
/// the scalar reference keeps, which knows neither binding nor domains.
TEST(filter_predicate, expressions_through_zones_and_vectors_agree_with_the_scalar_reference) {
  pillar::splitmix64 random(41);
  pillar::zone_scratch scratch;
  int verdicts[3] = {0, 0, 0}, spared = 0;
  for (int round = 0; round < (sanitized ? 200 : 1500); ++round) {
    const std::size_t row_count = 1 + random.below(70);
    const std::uint64_t distinct = random.chance(1, 2) ? 9 : 300;
    pillar::dynamic_schema schema;
    std::vector<std::vector<scalar>> cells;
    std::vector<pillar::zone_map> zones;
    test_batch made;
    for (auto type : every_type(random.chance(1, 2))) {
      if (type.logical == pillar::logical_type::timestamp) type.scale = static_cast<std::uint8_t>(3 * random.below(4));
      auto column = random_cells(random, type, row_count, distinct);
      const bool narrow = random.chance(1, 2);
      if (random.chance(1, 3)) column.assign(row_count, column[0]);
      for (auto& cell : column)
        if (narrow && !cell.null && !pillar::is_float(type.physical)) cell.integer %= 100;
      const auto kind = random.below(4);
      made.add(type, column, static_cast<pillar::vector_kind>(kind == 1 ? 0 : kind), random.chance(1, 2),
               random.chance(2, 3));
      zones.push_back(pillar::zone_of(made.blocks.back()->values.view));
      schema.columns.push_back({"c" + std::to_string(cells.size()), type});
      cells.push_back(std::move(column));
    }
    std::vector<const pillar::zone_map*> pointers;
    for (const auto& zone : zones) pointers.push_back(random.chance(1, 10) ? nullptr : &zone);
    expression_generator generate{random, schema, cells};
    const pillar::expression what = generate.predicate(static_cast<unsigned>(random.below(4)));
    const auto predicate = pillar::bind_predicate(what, schema);
    if (!predicate.ok()) continue;
    const pillar::zone_answer said = pillar::answer(*predicate, pointers, scratch);
    ++verdicts[static_cast<int>(said.what)];
    spared += said.known_true != 0;
    if (said.what == pillar::zone_verdict::none) made.view.selection = selection_mask::none();
    pillar::predicate_state state(*predicate);
    const auto applied = pillar::apply(state, made.view, said.known_true, scratch.values);
    bool may_fail = false;
    for (std::uint32_t row = 0; row < row_count; ++row) {
      row_cells here;
      for (const auto& column : cells) here.push_back(column[row]);
      const pillar::row_fate fate = pillar::reference_filter(what, schema, std::span<const scalar>(here));
      may_fail = may_fail || fate == pillar::row_fate::error || fate == pillar::row_fate::error_or_reject;
      if (!applied.ok()) continue;
      ASSERT_NE(fate, pillar::row_fate::error) << "round " << round << ": " << spell(what);
      ASSERT_EQ(made.view.selection.test(row), fate == pillar::row_fate::keep)
          << "round " << round << ": " << spell(what);
    }
    ASSERT_TRUE(applied.ok() || may_fail) << "round " << round << ": " << spell(what);
  }
  EXPECT_GT(verdicts[static_cast<int>(pillar::zone_verdict::none)], sanitized ? 15 : 150);
  EXPECT_GT(verdicts[static_cast<int>(pillar::zone_verdict::all)], sanitized ? 2 : 30);
  EXPECT_GT(spared, sanitized ? 5 : 60);
}

}  // namespace
}  // namespace pillar_test::filter_predicate
