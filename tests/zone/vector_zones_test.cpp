// SPDX-License-Identifier: Apache-2.0
#include "pillar/zone/vector_zones.hpp"

#include <gtest/gtest.h>

#include "support/bound_reference.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::zone_vector_zones {
namespace {

using pillar::scalar;
using pillar::zone_map;
using pillar::zone_verdict;

zone_map zone_of_cells(const pillar::data_type& type, const std::vector<scalar>& cells) {
  const owned_vector made = make_vector(type, cells, pillar::vector_kind::flat);
  return pillar::zone_of(made.view);
}

TEST(zone_vector_zones, bounds_are_kept_where_all_vectors_have_them_within_int64) {
  const auto type = pillar::type_of<std::uint64_t>;
  const zone_map small = zone_of_cells(type, {scalar::of_integer(type, 3), scalar::of_integer(type, 9)});
  const zone_map large = zone_of_cells(type, {scalar::of_integer(type, pillar::highest_of<std::uint64_t>())});
  const zone_map nulls = zone_of_cells(type.as_nullable(), {scalar::of_null(type)});
  const pillar::vector_bounds known = pillar::bounds_of(std::vector<zone_map>{small, small});
  ASSERT_TRUE(known.known());
  EXPECT_EQ(known.least[1], 3);
  EXPECT_EQ(known.greatest[1], 9);
  EXPECT_EQ(known.may_have_nulls, 0u);
  EXPECT_FALSE(pillar::bounds_of(std::vector<zone_map>{small, large}).known());
  EXPECT_FALSE(pillar::bounds_of(std::vector<zone_map>{small, nulls}).known());
  EXPECT_FALSE(pillar::bounds_of(std::vector<zone_map>{zone_map{}}).known());
}

/// Whatever the predicate, each vector's answer is that of answer() for its zone maps.
TEST(zone_vector_zones, agree_with_one_vector_at_a_time) {
  pillar::splitmix64 random(29);
  const std::vector<pillar::data_type> types = every_type(true);
  pillar::zone_scratch scratch;
  pillar::vector_answers said;
  int rejected = 0, sure = 0, total = 0;
  for (int round = 0; round < turns(1500); ++round) {
    const auto vector_count = static_cast<std::uint32_t>(1 + random.below(5));
    std::vector<std::vector<scalar>> sample(types.size());
    std::vector<std::vector<zone_map>> zones(types.size());
    std::vector<pillar::vector_bounds> bounds;
    std::vector<pillar::block_zones> blocks;
    std::vector<zone_map> whole(types.size());
    std::vector<const zone_map*> of_block;
    for (std::size_t c = 0; c < types.size(); ++c) {
      const bool nullable = random.chance(1, 4);
      for (std::uint32_t v = 0; v < vector_count; ++v) {
        std::vector<scalar> cells(1 + random.below(3));
        for (auto& cell : cells) cell = random_scalar(random, types[c], 40, nullable);
        zones[c].push_back(zone_of_cells(types[c], cells));
        if (v == 0) whole[c] = zones[c][0];
        else merge(whole[c], zones[c][v]);
        sample[c].insert(sample[c].end(), cells.begin(), cells.end());
      }
      bounds.push_back(pillar::bounds_of(zones[c]));
    }
    for (std::size_t c = 0; c < types.size(); ++c) {
      const bool absent = random.chance(1, 12);
      blocks.push_back(absent ? pillar::block_zones{} : pillar::block_zones{zones[c], &bounds[c]});
      of_block.push_back(absent ? nullptr : &whole[c]);
    }
    predicate_generator generate{random, types, sample, 40};
    const pillar::bound_predicate predicate = generate.make(random.chance(1, 2) ? 0 : 2);
    const pillar::zone_answer block = answer(predicate, of_block, scratch);
    answer_vectors(predicate, blocks, vector_count, block, scratch, said);
    ASSERT_EQ(said.none >> vector_count, 0u);
    for (std::uint32_t v = 0; v < vector_count; ++v) {
      std::vector<const zone_map*> here;
      for (const auto& column : blocks) here.push_back(column.vectors.empty() ? nullptr : &column.vectors[v]);
      const pillar::zone_answer expected = answer(predicate, here, scratch);
      ASSERT_EQ((said.none >> v) & 1, expected.what == zone_verdict::none ? 1u : 0u) << "round " << round;
      ++total;
      rejected += expected.what == zone_verdict::none ? 1 : 0;
      if (expected.what == zone_verdict::none) continue;
      for (std::size_t i = 0; i < predicate.conjuncts.size(); ++i) {
        ASSERT_EQ((said.known_true[i] >> v) & 1, (expected.known_true >> i) & 1) << "round " << round;
        sure += static_cast<int>((expected.known_true >> i) & 1);
      }
    }
  }
  EXPECT_GT(rejected * 10, total);
  EXPECT_GT(sure * 10, total);
}

}  // namespace
}  // namespace pillar_test::zone_vector_zones
