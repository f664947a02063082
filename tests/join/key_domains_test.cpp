// SPDX-License-Identifier: Apache-2.0
#include "pillar/join/key_domains.hpp"

#include <gtest/gtest.h>

#include "join/join_sides.hpp"
#include "pillar/filter/match.hpp"
#include "pillar/join/join_builder.hpp"
#include "pillar/simd/dispatch.hpp"

namespace pillar_test::join_key_domains {
namespace {

using pillar::domain_kind;
using pillar::type_of;

TEST(join_key_domains, rows_with_partners_satisfy_them_all) {
  pillar::splitmix64 random(91);
  const auto& kernels = pillar::flat_match_kernels_for(pillar::best_arch_level());
  int points = 0, ranges = 0, tests = 0, others = 0, passing = 0;
  for (const auto& type : every_type(true)) {
    for (int round = 0; round < 24; ++round) {
      std::vector types = {type};
      if (round % 4 == 3) types.push_back(type_of<std::int32_t>);
      const std::uint64_t distinct = round % 2 == 0 ? 9 : 700;
      const auto build = random_keys(random, types, round < 2 ? 0 : 400, distinct, round % 3 == 0 ? 12 : 1000);
      const auto probe = random_keys(random, types, 300, 800, 1000, true);
      auto builder = *pillar::join_builder::make(types);
      ASSERT_TRUE(builder.append(build.keys, build.selection, build.row_count).ok());
      const auto table = *builder.seal();
      std::set<std::string> names;
      pillar::for_each_row(build.selection, [&](std::uint32_t row) { names.insert(build.names[row]); });
      names.erase("");
      for (std::uint32_t key = 0; key < types.size(); ++key) {
        for (const auto& test : pillar::key_domains(table, key)) {
          points += test.kind == domain_kind::points;
          ranges += test.kind == domain_kind::range;
          tests += test.kind == domain_kind::opaque;
          const bool exact = test.kind == domain_kind::points;
          std::uint64_t mask[pillar::vector_words];
          pillar::match(*probe.keys[key], test, kernels, mask);
          for (std::uint32_t row = 0; row < probe.row_count; ++row) {
            if (!probe.keys[key]->valid(row)) continue;
            const bool joins = names.contains(probe.names[row]);
            if (joins) ASSERT_TRUE(pillar::get_bit(mask, row)) << probe.names[row];
            else if (exact || names.empty()) ASSERT_FALSE(pillar::get_bit(mask, row)) << probe.names[row];
            else if (test.kind == domain_kind::opaque) ++others, passing += pillar::get_bit(mask, row) ? 1 : 0;
          }
        }
      }
    }
  }
  EXPECT_GT(points, 100);
  EXPECT_GT(ranges, 100);
  EXPECT_GT(tests, 50);
  EXPECT_GT(others, 1000);
  EXPECT_LT(passing * 50, others);
}

TEST(join_key_domains, ranges_are_those_of_the_keys) {
  const std::vector types = {type_of<std::int32_t>, type_of<pillar::decimal<38, 0>>};
  auto builder = *pillar::join_builder::make(types);
  std::vector<pillar::scalar> first, second;
  for (int i = 0; i < 100; ++i) {
    first.push_back(pillar::scalar::of_integer(types[0], i - 7));
    second.push_back(pillar::scalar::of_integer(types[1], (pillar::int128{i} << 70) - 5));
  }
  const auto one = make_vector(types[0], first), two = make_vector(types[1], second);
  const pillar::vector* keys[] = {&one.view, &two.view};
  ASSERT_TRUE(builder.append(keys, pillar::selection_mask::first(100), 100).ok());
  const auto table = *builder.seal();
  const auto narrow = pillar::key_domains(table, 0), wide = pillar::key_domains(table, 1);
  ASSERT_EQ(narrow.size(), 1u);
  EXPECT_EQ(narrow[0].lo, -7);
  EXPECT_EQ(narrow[0].hi, 92);
  ASSERT_EQ(wide.size(), 1u);
  EXPECT_LE(wide[0].lo, -5);
  EXPECT_GT(wide[0].lo, -(pillar::int128{1} << 65));
  EXPECT_GE(wide[0].hi, (pillar::int128{99} << 70) - 5);
  EXPECT_LT(wide[0].hi, pillar::int128{100} << 70);
}

}  // namespace
}  // namespace pillar_test::join_key_domains
