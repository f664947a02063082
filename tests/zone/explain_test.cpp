// SPDX-License-Identifier: Apache-2.0
#include "pillar/zone/explain.hpp"

#include <gtest/gtest.h>

#include "pillar/expr/bind.hpp"
#include "pillar/expr/expression.hpp"
#include "support/owned_vector.hpp"
#include "support/random_expression.hpp"

namespace pillar_test::zone_explain {
namespace {

using pillar::scalar;
using pillar::type_of;
using pillar::zone_map;
using pillar::zone_verdict;

TEST(zone_explain, gives_the_answer_and_a_witness_that_holds_for_each_settled_conjunct) {
  const pillar::dynamic_schema schema{{{"a", type_of<pillar::nullable<std::int32_t>>},
                                       {"b", type_of<pillar::nullable<double>>},
                                       {"c", type_of<pillar::text>},
                                       {"d", type_of<pillar::nullable<pillar::decimal<9, 2>>>}}};
  pillar::splitmix64 random(4);
  std::uint64_t witnesses = 0, none = 0, all = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::vector<scalar>> cells;
    std::vector<zone_map> maps;
    for (const auto& column : schema.columns) {
      cells.push_back(random_cells(random, column.type, 12, 1 + random.below(6)));
      const auto values = make_vector(column.type, cells.back(), pillar::vector_kind::flat);
      maps.push_back(zone_of(values.view));
    }
    std::vector<const zone_map*> zones;
    for (const auto& map : maps) zones.push_back(random.chance(1, 10) ? nullptr : &map);
    expression_generator generate{random, schema, cells};
    const auto bound = pillar::bind_predicate(generate.predicate(1), schema);
    if (!bound.ok()) continue;
    pillar::zone_scratch scratch;
    std::vector<pillar::witness> why;
    const auto answered = explain(*bound, zones, schema, scratch, why);
    const auto plain = answer(*bound, zones, scratch);
    EXPECT_EQ(answered.what, plain.what);
    EXPECT_EQ(answered.known_true, plain.known_true);
    if (answered.what == zone_verdict::none) {
      ASSERT_EQ(why.size(), 1u);
      EXPECT_EQ(why[0].conjunct, answered.conjunct);
    } else {
      EXPECT_EQ(why.size(), static_cast<std::size_t>(std::popcount(answered.known_true)));
    }
    for (const auto& one : why) {
      EXPECT_EQ(one.outcome.verdict(), answered.what == zone_verdict::none ? zone_verdict::none : zone_verdict::all);
      EXPECT_FALSE(check(one, *bound, 12, [&](std::uint32_t row, std::uint32_t column) { return cells[column][row]; }))
          << describe(one, *bound, schema);
      EXPECT_FALSE(check_reasoning(one, *bound)) << describe(one, *bound, schema);
      ++witnesses;
      none += answered.what == zone_verdict::none ? 1u : 0u;
      all += answered.what == zone_verdict::all ? 1u : 0u;
    }
  }
  EXPECT_GT(witnesses, 60u);
  EXPECT_GT(none, 30u);
  EXPECT_GT(all, 5u);
}

TEST(zone_explain, a_map_that_knows_nothing_claims_nothing) {
  zone_map map;
  map.row_count = 3;
  const auto claim = claim_of(2, type_of<pillar::nullable<std::int64_t>>, map);
  EXPECT_TRUE(claim.min.null && claim.max.null && claim.may_be_null && claim.may_be_value);
  EXPECT_EQ(describe(claim), "NULLs possible");
}

}  // namespace
}  // namespace pillar_test::zone_explain
