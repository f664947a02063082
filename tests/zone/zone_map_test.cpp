// SPDX-License-Identifier: Apache-2.0
#include "pillar/zone/zone_map.hpp"

#include <gtest/gtest.h>

#include "support/bound_reference.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::zone_zone_map {
namespace {

using pillar::scalar;
using pillar::truth;
using pillar::truth_set;
using pillar::type_of;
using pillar::zone_map;
using pillar::zone_verdict;

zone_map zone_of_cells(pillar::data_type type, const std::vector<scalar>& cells) {
  const owned_vector made = make_vector(type, cells);
  return pillar::zone_of(made.view);
}
scalar text_cell(std::string_view value) { return scalar::of_text(type_of<pillar::text>, value); }

TEST(zone_zone_map, knows_nothing_by_default) {
  zone_map unknown;
  unknown.row_count = 10;
  const pillar::domain test = pillar::integer_range(pillar::physical_type::int64, 3, 5);
  EXPECT_EQ(answer(test, unknown), truth_set::of(truth::is_true).add(truth::is_false).add(truth::unknown));
  EXPECT_EQ(answer(pillar::null_test(pillar::physical_type::int64), unknown),
            truth_set::of(truth::is_true).add(truth::is_false));
  unknown.row_count = 0;
  EXPECT_EQ(answer(test, unknown), truth_set::empty());
}

TEST(zone_zone_map, nulls_are_unknown_to_all_but_null_tests) {
  const auto type = type_of<std::int32_t>.as_nullable();
  const zone_map zone = zone_of_cells(type, std::vector<scalar>(70, scalar::of_null(type)));
  EXPECT_EQ(zone.null_count, 70u);
  EXPECT_FALSE(zone.has_min || zone.has_max);
  const pillar::domain test = pillar::integer_range(type.physical, 0, 5, true);
  EXPECT_EQ(answer(test, zone), truth_set::of(truth::unknown));
  EXPECT_EQ(answer(test, zone).verdict(), zone_verdict::none);
  EXPECT_EQ(answer(pillar::null_test(type.physical), zone).verdict(), zone_verdict::all);
  EXPECT_EQ(answer(pillar::null_test(type.physical, true), zone).verdict(), zone_verdict::none);
}

TEST(zone_zone_map, nan_rows_are_told_apart_from_numbers) {
  const auto type = type_of<double>;
  const scalar nan = scalar::of_real(type, std::nan(""));
  const zone_map mixed = zone_of_cells(type, {scalar::of_real(type, -0.0), nan, scalar::of_real(type, 4)});
  EXPECT_TRUE(mixed.has_nan && !mixed.only_nan && mixed.reals.min == 0 && mixed.reals.max == 4);
  EXPECT_FALSE(std::signbit(mixed.reals.min));
  const pillar::domain numbers = pillar::real_range(type.physical, -10, 10, false);
  EXPECT_EQ(answer(numbers, mixed).verdict(), zone_verdict::some) << "a NaN is not in [-10, 10]";
  const zone_map nans = zone_of_cells(type, {nan, nan});
  EXPECT_TRUE(nans.only_nan && !nans.has_min);
  EXPECT_EQ(answer(numbers, nans), truth_set::of(truth::is_false));
  zone_map merged = nans;
  merge(merged, zone_of_cells(type, {scalar::of_real(type, 1)}));
  EXPECT_TRUE(merged.has_nan && !merged.only_nan && merged.reals.max == 1 && merged.min_exact);
}

TEST(zone_zone_map, a_cut_maximum_is_rounded_up_or_dropped) {
  const auto type = type_of<pillar::text>;
  const std::string prefix(23, 'x');
  zone_map zone = zone_of_cells(type, {text_cell(prefix + "abc")});
  EXPECT_EQ(zone.text_min(), prefix + "a");
  EXPECT_EQ(zone.text_max(), prefix + "b");
  EXPECT_FALSE(zone.min_exact || zone.max_exact);
  EXPECT_TRUE(answer(pillar::text_range(prefix + "aa", false, ""), zone).may_be(truth::is_true));
  zone = zone_of_cells(type, {text_cell(prefix + "\xff\xff")});
  EXPECT_EQ(zone.text_max(), std::string(22, 'x') + "y");
  zone = zone_of_cells(type, {text_cell(std::string(30, '\xff'))});
  EXPECT_FALSE(zone.has_max);
  EXPECT_TRUE(zone.has_min);
  zone = zone_of_cells(type, {text_cell(prefix + "z")});
  EXPECT_TRUE(zone.min_exact && zone.max_exact) << "24 bytes fit";
}

TEST(zone_zone_map, merged_statistics_are_those_of_all_rows) {
  pillar::splitmix64 random(7);
  for (const auto& type : every_type(true))
    for (int round = 0; round < 30; ++round) {
      std::vector<scalar> all;
      zone_map merged;
      merged.physical = type.physical;
      bool cut = false;
      for (std::uint64_t part = 0, parts = 1 + random.below(4); part < parts; ++part) {
        auto cells = random_cells(random, type, 1 + random.below(200), round % 2 == 0 ? 4 : 300);
        if (random.chance(1, 4))
          for (auto& cell : cells) cell = scalar::of_null(type);
        const auto kind = static_cast<pillar::vector_kind>(random.below(4));
        if (kind == pillar::vector_kind::constant) cells.assign(cells.size(), cells[0]);
        const owned_vector made = make_vector(type, cells, kind, static_cast<std::uint32_t>(random.below(70)));
        merge(merged, pillar::zone_of(made.view));
        all.insert(all.end(), cells.begin(), cells.end());
      }
      std::uint32_t nulls = 0;
      bool nan = false, number = false;
      scalar least, most;
      for (const auto& cell : all) {
        if (cell.null) ++nulls;
        else if (cell.real != cell.real) nan = true;
        else {
          if (!number || compare(cell, least) < 0) least = cell;
          if (!number || compare(cell, most) > 0) most = cell;
          number = true;
          cut = cut || cell.text.size() > pillar::zone_text::capacity;
        }
      }
      ASSERT_EQ(merged.row_count, all.size());
      ASSERT_EQ(merged.null_count, nulls);
      ASSERT_EQ(merged.has_nan, nan);
      ASSERT_EQ(merged.only_nan, nan && !number);
      ASSERT_EQ(merged.has_min, number);
      if (!number) continue;
      const scalar low = zone_minimum(merged, type), high = zone_maximum(merged, type);
      ASSERT_LE(compare(low, least), 0);
      ASSERT_GE(compare(high, most), 0);
      if (!cut) {
        ASSERT_TRUE(merged.min_exact && merged.max_exact);
      }
      if (merged.min_exact) {
        ASSERT_EQ(compare(low, least), 0) << to_string(low) << " " << to_string(least);
      }
      if (merged.max_exact) {
        ASSERT_EQ(compare(high, most), 0);
      }
    }
}

/// One column, random zones: every row's truth is in the set, and the generator reaches all three verdicts.
TEST(zone_zone_map, domains_are_answered_soundly) {
  pillar::splitmix64 random(11);
  int verdicts[3] = {0, 0, 0}, total = 0;
  for (const auto& type : every_type(true))
    for (int round = 0; round < turns(400); ++round) {
      const bool nullable = random.chance(1, 2);
      const std::uint64_t distinct = random.chance(1, 2) ? 3 : 100;
      std::vector<scalar> cells;
      const std::size_t count = 1 + random.below(8);
      while (cells.size() < count) cells.push_back(random_scalar(random, type, distinct, nullable));
      if (random.chance(1, 3)) cells.assign(count, cells[0]);
      const zone_map zone = zone_of_cells(type, cells);
      const pillar::domain test = random_domain(random, type, cells, 300);
      const truth_set set = answer(test, zone);
      for (const auto& cell : cells) {
        truth here = truth::unknown;
        if (test.kind == pillar::domain_kind::null_test)
          here = cell.null != test.negated ? truth::is_true : truth::is_false;
        else if (!cell.null) here = test.contains(cell) ? truth::is_true : truth::is_false;
        ASSERT_TRUE(set.may_be(here)) << to_string(type) << " " << to_string(cell) << " round " << round;
      }
      ++verdicts[static_cast<int>(set.verdict())];
      ++total;
    }
  EXPECT_GE(verdicts[static_cast<int>(zone_verdict::none)] * 10, total);
  EXPECT_GE(verdicts[static_cast<int>(zone_verdict::all)] * 10, total);
}

/// Whole predicates: `none` rejects every row by one conjunct, `all` keeps every row, known_true conjuncts are true.
TEST(zone_zone_map, predicates_are_answered_soundly) {
  pillar::splitmix64 random(13);
  const std::vector<pillar::data_type> types = every_type(true);
  int verdicts[3] = {0, 0, 0}, total = 0;
  pillar::zone_scratch scratch;
  for (int round = 0; round < turns(4000); ++round) {
    const std::size_t row_count = 1 + random.below(6);
    std::vector<std::vector<scalar>> cells;
    std::vector<zone_map> zones;
    for (const auto& type : types) {
      std::vector<scalar> column;
      const bool nullable = random.chance(1, 3);
      while (column.size() < row_count) column.push_back(random_scalar(random, type, 50, nullable));
      if (random.chance(1, 2)) column.assign(row_count, column[0]);
      zones.push_back(zone_of_cells(type, column));
      cells.push_back(std::move(column));
    }
    std::vector<const zone_map*> pointers;
    for (const auto& zone : zones) pointers.push_back(random.chance(1, 10) ? nullptr : &zone);
    predicate_generator generate{random, types, cells, 50};
    const pillar::bound_predicate predicate = generate.make(2);
    const pillar::zone_answer said = answer(predicate, pointers, scratch);
    ++verdicts[static_cast<int>(said.what)];
    ++total;
    for (std::size_t row = 0; row < row_count; ++row) {
      row_cells here;
      for (const auto& column : cells) here.push_back(column[row]);
      for (std::uint32_t i = 0; i < predicate.conjuncts.size(); ++i) {
        const truth value = reference_truth(predicate, predicate.conjuncts[i], here);
        if (said.what == zone_verdict::all || ((said.known_true >> i) & 1) != 0) {
          ASSERT_EQ(value, truth::is_true);
        }
        if (said.what == zone_verdict::none && i == said.conjunct) {
          ASSERT_TRUE(value == truth::is_false || value == truth::unknown) << round;
        }
      }
    }
  }
  EXPECT_GE(verdicts[static_cast<int>(zone_verdict::none)] * 10, total);
  EXPECT_GE(verdicts[static_cast<int>(zone_verdict::all)] * 10, total);
}

TEST(zone_zone_map, names_the_conjunct_and_column_that_settled_it) {
  const auto type = type_of<std::int64_t>;
  const zone_map zone = zone_of_cells(type, {scalar::of_integer(type, 5), scalar::of_integer(type, 9)});
  pillar::bound_predicate predicate;
  for (std::uint32_t column : {0u, 1u}) {
    pillar::bound_value value;
    value.type = type;
    value.column = column;
    predicate.values.push_back(value);
    pillar::bound_node node;
    node.kind = pillar::bound_node::kind_type::test;
    node.left = column;
    node.test = pillar::integer_range(type.physical, 0, column == 0 ? 10 : 4);
    predicate.nodes.push_back(node);
    predicate.conjuncts.push_back(column);
    predicate.columns.push_back(column);
  }
  const zone_map* zones[] = {&zone, &zone};
  pillar::zone_scratch scratch;
  pillar::zone_answer said = answer(predicate, zones, scratch);
  EXPECT_EQ(said.what, zone_verdict::none);
  EXPECT_EQ(said.conjunct, 1u);
  EXPECT_EQ(said.column, 1u);
  EXPECT_EQ(said.known_true, 1u);
  said = answer(predicate, std::span(zones, 1), scratch);
  EXPECT_EQ(said.what, zone_verdict::some);
}

}  // namespace
}  // namespace pillar_test::zone_zone_map
