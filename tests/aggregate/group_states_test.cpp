// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/group_states.hpp"

#include <gtest/gtest.h>

#include <map>

#include "pillar/aggregate/exact_sum.hpp"
#include "pillar/aggregate/group_table.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test::aggregate_group_states {
namespace {

struct value_count {
  using value_type = double;
  using result_type = std::uint64_t;
  std::uint64_t count = 0;
  void update(std::span<const double> values) noexcept { count += values.size(); }
  void merge(const value_count& other) noexcept { count += other.count; }
  [[nodiscard]] std::uint64_t finalize() const noexcept { return count; }
};

TEST(aggregate_group_states, agrees_with_a_map_of_states_and_merges) {
  const auto key_type = pillar::type_of<std::int32_t>.as_nullable();
  const auto value_type = pillar::type_of<double>.as_nullable();
  pillar::splitmix64 random(3);
  std::map<std::string, pillar::exact_sum> expected;
  std::uint64_t value_rows = 0;
  auto groups = *pillar::group_table::make({&key_type, 1});
  pillar::group_states<pillar::exact_sum> workers[2];
  pillar::group_states<value_count> counts;
  for (int batch = 0; batch < 8; ++batch) {
    const auto keys = random_cells(random, key_type, 700, 9), values = random_cells(random, value_type, 700, 40);
    const auto key = make_vector(key_type, keys);
    const auto value = make_vector(value_type, values,
                                   batch % 2 == 0 ? pillar::vector_kind::flat : pillar::vector_kind::dictionary, 3);
    pillar::selection_mask rows = pillar::selection_mask::none();
    for (std::uint32_t row = 0; row < 700; ++row)
      if (random.chance(batch, 7)) pillar::set_bit(rows.words, row);
    const pillar::vector* const columns[] = {&key.view};
    std::uint32_t group_of_row[pillar::vector_rows];
    ASSERT_TRUE(groups.find_or_insert(columns, rows, 700, group_of_row).ok());
    ASSERT_TRUE(workers[batch % 2].update(value.view, rows, group_of_row, groups.group_count()).ok());
    ASSERT_TRUE(counts.update(value.view, rows, group_of_row, groups.group_count()).ok());
    pillar::for_each_row(rows, [&](std::uint32_t row) {
      value_rows += !values[row].null;
      auto& state = expected[to_string(keys[row])];
      if (!values[row].null) state.add(value.view.value<double>(row));
    });
  }
  std::vector<std::uint32_t> same_numbers(workers[1].group_count());
  for (std::uint32_t group = 0; group < same_numbers.size(); ++group) same_numbers[group] = group;
  ASSERT_TRUE(workers[0].merge(workers[1], same_numbers, groups.group_count()).ok());
  ASSERT_EQ(workers[0].group_count(), expected.size());
  for (std::uint32_t group = 0; group < counts.group_count(); ++group) value_rows -= counts[group].finalize();
  EXPECT_EQ(value_rows, 0u);  // NULL rows are shown to no state
  const auto keys = *groups.keys();
  for (std::uint32_t group = 0; group < groups.group_count(); ++group) {
    const double got = workers[0][group].finalize(),
                 wanted = expected[to_string(get(keys[0].slice(group, 1), 0))].finalize();
    EXPECT_TRUE(got == wanted || (got != got && wanted != wanted)) << got << " instead of " << wanted;
  }
}

TEST(aggregate_group_states, without_memory_nothing_changes) {
  pillar::memory_budget budget(10);
  pillar::group_states<pillar::count_state> states(&budget);
  const auto value =
      make_vector(pillar::type_of<std::int64_t>, {pillar::scalar::of_integer(pillar::type_of<std::int64_t>, 1)});
  const std::uint32_t group = 0;
  EXPECT_EQ(states.update(value.view, pillar::selection_mask::first(1), &group, 1).error().code,
            pillar::errc::out_of_memory);
  EXPECT_EQ(states.group_count(), 0u);
}

}  // namespace
}  // namespace pillar_test::aggregate_group_states
