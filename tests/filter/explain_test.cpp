// SPDX-License-Identifier: Apache-2.0
#include "pillar/filter/explain.hpp"

#include <gtest/gtest.h>

#include "support/bound_reference.hpp"
#include "support/test_batch.hpp"

namespace pillar_test::filter_explain {
namespace {

using pillar::conjunct_step;
using pillar::scalar;

TEST(filter_explain, does_what_apply_does_and_notes_it) {
  pillar::splitmix64 random(9);
  std::uint64_t asked = 0, idle = 0, known = 0, encoded = 0, failed = 0;
  for (int round = 0; round < 300; ++round) {
    const std::vector<pillar::data_type> types{
        pillar::type_of<pillar::nullable<std::int32_t>>, pillar::type_of<pillar::nullable<pillar::text>>,
        pillar::type_of<pillar::nullable<double>>, pillar::type_of<std::int64_t>};
    std::vector<std::vector<scalar>> cells;
    const std::size_t row_count = 1 + random.below(130);
    for (const auto& type : types) cells.push_back(random_cells(random, type, row_count, 5));
    const auto predicate = predicate_generator{random, types, cells, 5}.make(1);
    test_batch one, two;
    for (std::size_t c = 0; c < types.size(); ++c) {
      const bool is_encoded = random.chance(2, 3), answers = random.chance(2, 3);
      one.add(types[c], cells[c], pillar::vector_kind::flat, is_encoded, answers);
      two.add(types[c], cells[c], pillar::vector_kind::flat, is_encoded, answers);
    }
    const std::uint64_t known_true = random.chance(1, 4) ? 1 : 0;
    pillar::predicate_state first(predicate), second(predicate);
    const auto applied = apply(first, one.view, known_true);
    std::vector<conjunct_step> steps;
    const auto explained = explain(second, two.view, known_true, {}, steps);
    ASSERT_EQ(applied.ok(), explained.ok());
    failed += explained.ok() ? 0u : 1u;
    for (std::size_t c = 0; c < types.size(); ++c) EXPECT_EQ(one.columns[c].touched, two.columns[c].touched);
    if (!explained.ok()) continue;
    EXPECT_EQ(one.view.selection, two.view.selection);
    ASSERT_EQ(steps.size(), predicate.conjuncts.size());
    std::uint32_t rows = static_cast<std::uint32_t>(row_count);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      EXPECT_EQ(steps[i].conjunct, first.order()[i]);
      EXPECT_EQ(steps[i].rows_before, rows);
      EXPECT_LE(steps[i].rows_after, rows);
      rows = steps[i].rows_after;
      asked += steps[i].kind == conjunct_step::kind_type::asked ? 1u : 0u;
      idle += steps[i].kind == conjunct_step::kind_type::no_rows ? 1u : 0u;
      known += steps[i].kind == conjunct_step::kind_type::known_true ? 1u : 0u;
      encoded += steps[i].codec.what != pillar::verdict::unknown ? 1u : 0u;
    }
    EXPECT_EQ(rows, two.view.selection.count());
  }
  EXPECT_GT(asked, 200u);
  EXPECT_GT(idle, 20u);
  EXPECT_GT(known, 20u);
  EXPECT_GT(encoded, 20u);
  EXPECT_GT(failed, 1u);
}

}  // namespace
}  // namespace pillar_test::filter_explain
