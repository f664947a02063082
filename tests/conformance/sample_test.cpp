// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/sample.hpp"

#include <gtest/gtest.h>

#include <set>

namespace pillar_test::conformance_sample {
namespace {

using namespace pillar::conformance;

TEST(conformance_sample, consecutive_seeds_meet_every_type_shape_kind_and_length) {
  std::set<std::pair<std::string, int>> met;
  std::set<std::size_t> lengths;
  std::set<pillar::vector_kind> kinds;
  for (std::uint64_t seed = 0; seed < pillar::conformance::every_type().size() * sample_shape_count; ++seed) {
    const sample made = make_sample(seed);
    met.insert({to_string(made.type), static_cast<int>(made.shape)});
    lengths.insert(made.cells.size());
    std::size_t rows = 0;
    for (const pillar::vector& one : made.vectors) {
      kinds.insert(one.kind);
      for (std::uint32_t row = 0; row < one.size; ++row) {
        const pillar::scalar& cell = made.cells[rows++];
        ASSERT_EQ(one.valid(row), !cell.null) << to_string(made);
        ASSERT_TRUE(cell.null || get(one, row) == cell) << to_string(made) << ", row " << rows - 1;
      }
    }
    ASSERT_EQ(rows, made.cells.size());
    if (made.shape == sample_shape::all_null && made.type.nullable) ASSERT_EQ(made.null_count(), rows);
    if (made.shape == sample_shape::one_null && made.type.nullable) ASSERT_EQ(made.null_count(), 1u);
    for (const auto& cell : made.cells)
      if (made.shape == sample_shape::all_nan && pillar::is_float(made.type.physical) && !cell.null)
        ASSERT_NE(cell.real, cell.real);
  }
  EXPECT_EQ(met.size(), pillar::conformance::every_type().size() * sample_shape_count);
  EXPECT_EQ(lengths.size(), every_length().size());
  EXPECT_EQ(kinds.size(), 4u);
}

TEST(conformance_sample, a_seed_makes_the_same_sample_again) {
  const sample a = make_sample(77), b = make_sample(77);
  EXPECT_EQ(to_string(a), to_string(b));
  EXPECT_TRUE(a.cells == b.cells);
  pillar::splitmix64 one(5), two(5);
  EXPECT_EQ(to_string(make_domain(one, a.type, a.cells)), to_string(make_domain(two, a.type, a.cells)));
}

TEST(conformance_sample, wanted_verdicts_come_and_domains_are_canonical) {
  for (std::uint64_t seed = 0; seed < pillar::conformance::every_type().size() * sample_shape_count; seed += 3) {
    const sample made = make_sample(seed);
    pillar::splitmix64 random(seed);
    for (const auto wanted : {wanted_verdict::none, wanted_verdict::all, wanted_verdict::any}) {
      const pillar::domain test = make_domain(random, made.type, made.cells, wanted);
      ASSERT_EQ(canonical_fault(test), "");
      ASSERT_FALSE(to_string(test).empty());
      for (const auto& cell : made.cells)
        if (!cell.null && wanted != wanted_verdict::any)
          ASSERT_EQ(satisfies(test, cell), wanted == wanted_verdict::all)
              << to_string(made) << to_string(test) << to_string(cell);
    }
  }
}

}  // namespace
}  // namespace pillar_test::conformance_sample
