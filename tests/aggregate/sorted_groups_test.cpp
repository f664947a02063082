// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/sorted_groups.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

#include "pillar/aggregate/group_table.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test::aggregate_sorted_groups {
namespace {

using pillar::group_table;
using pillar::scalar;
using pillar::selection_mask;
using pillar::sorted_groups;
using pillar::type_of;
using pillar::vector_kind;

int order_of(const std::vector<scalar>& a, const std::vector<scalar>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int order = a[i].null || b[i].null ? (a[i].null ? 1 : 0) - (b[i].null ? 1 : 0) : compare(a[i], b[i]);
    if (order != 0) return order;
  }
  return 0;
}

// Sorted rows in random batches, selections and encodings get the numbers that a group table gives; an allocation that
// is refused changes nothing.
TEST(aggregate_sorted_groups, agrees_with_a_group_table_for_every_type) {
  pillar::splitmix64 random(81);
  const auto types = every_type(true);
  std::uint64_t refused = 0;
  for (std::size_t round = 0; round < types.size(); ++round) {
    const std::vector<pillar::data_type> key_types = {types[round], types[random.below(types.size())]};
    std::vector<std::vector<scalar>> rows;
    for (int i = 0; i < 1500; ++i)
      rows.push_back({random_scalar(random, key_types[0], 20), random_scalar(random, key_types[1], 5)});
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return order_of(a, b) < 0; });
    pillar::memory_budget budget;
    {
      sorted_groups sorted(key_types, &budget);
      auto table = *group_table::make(key_types);
      for (std::size_t at = 0; at < rows.size();) {
        const std::size_t count = std::min<std::size_t>(rows.size() - at, 1 + random.below(700));
        std::vector<scalar> columns[2];
        for (std::size_t i = at; i < at + count; ++i)
          for (int key = 0; key < 2; ++key) columns[key].push_back(rows[i][key]);
        const auto kind = [&] {
          return random.chance(1, 2)   ? vector_kind::flat
                 : random.chance(1, 2) ? vector_kind::dictionary
                                       : vector_kind::run_end;
        };
        const auto a = make_vector(key_types[0], columns[0], kind(), 5),
                   b = make_vector(key_types[1], columns[1], kind());
        const pillar::vector* keys[] = {&a.view, &b.view};
        auto mask = selection_mask::first(static_cast<std::uint32_t>(count));
        if (random.chance(1, 2))
          for (auto& word : mask.words) word &= random();
        std::uint32_t got[1024], wanted[1024];
        ASSERT_TRUE(table.find_or_insert(keys, mask, static_cast<std::uint32_t>(count), wanted).ok());
        for (std::uint64_t number = 1;; ++number) {
          const std::uint64_t before = budget.refused();
          const std::uint32_t groups = sorted.group_count();
          budget.refuse(number);
          const bool done = sorted.find(keys, mask, static_cast<std::uint32_t>(count), got).ok();
          budget.refuse(0);
          ASSERT_EQ(done, budget.refused() == before);
          if (done) break;
          ++refused;
          ASSERT_EQ(sorted.group_count(), groups);
        }
        ASSERT_EQ(sorted.group_count(), table.group_count());
        pillar::for_each_row(mask, [&](std::uint32_t row) { ASSERT_EQ(got[row], wanted[row]); });
        at += count;
      }
      const auto theirs = *table.keys();
      const auto mine = *sorted.take_keys();
      for (std::size_t key = 0; key < 2; ++key) {
        ASSERT_EQ(mine[key].size(), theirs[key].size());
        for (std::uint64_t group = 0; group < mine[key].size(); ++group) {
          const scalar found = pillar::get(mine[key].slice(group, 1), 0),
                       wanted = pillar::get(theirs[key].slice(group, 1), 0);
          ASSERT_TRUE(found == wanted);
          if (pillar::is_float(found.type.physical) && !found.null)
            ASSERT_EQ(std::signbit(found.real), std::signbit(wanted.real));
        }
      }
      EXPECT_EQ(sorted.group_count(), 0u);
    }
    EXPECT_EQ(budget.used(), 0u);
  }
  std::cout << "injection points of sorted groups: " << refused << '\n';
  EXPECT_GT(refused, 50u);
}

}  // namespace
}  // namespace pillar_test::aggregate_sorted_groups
