// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/own_state.hpp"

#include <gtest/gtest.h>

#include <string_view>

#include "pillar/aggregate/aggregator.hpp"
#include "support/owned_vector.hpp"
#include "support/width_state.hpp"

namespace pillar_test::aggregate_own_state {
namespace {

using pillar::aggregate_kind;
using pillar::aggregate_spec;
using pillar::aggregator;
using pillar::own_aggregate_of;
using pillar::scalar;
using pillar::selection_mask;
using pillar::type_of;

/// Characters of texts.
struct length_state {
  using value_type = std::string_view;
  using result_type = double;
  std::uint64_t length = 0;
  void update(std::span<const std::string_view> values) noexcept {
    for (const std::string_view value : values) length += value.size();
  }
  void merge(const length_state& other) noexcept { length += other.length; }
  [[nodiscard]] double finalize() const noexcept { return static_cast<double>(length); }
};

TEST(aggregate_own_state, stands_in_an_aggregator_beside_the_built_in_ones) {
  const auto key = type_of<std::int32_t>;
  const pillar::data_type inputs[] = {type_of<std::int32_t>.as_nullable(), type_of<pillar::text>.as_nullable()};
  const aggregate_spec specs[] = {{aggregate_kind::own, 0, {.own = &own_aggregate_of<width_state<std::int32_t>>}},
                                  {aggregate_kind::own, 1, {.own = &own_aggregate_of<length_state>}},
                                  {aggregate_kind::own, 1, {.distinct = true, .own = &own_aggregate_of<length_state>}},
                                  {aggregate_kind::max, 0},
                                  {aggregate_kind::min, 0}};
  pillar::splitmix64 random(71);
  auto whole = *aggregator::make(std::span(&key, 1), inputs, specs);
  EXPECT_EQ(whole.result_types()[1], type_of<std::int64_t>.as_nullable());
  EXPECT_EQ(whole.result_types()[2], type_of<double>);
  std::uint64_t lengths[5] = {};
  for (int part = 0; part < 4; ++part) {
    std::vector<scalar> keys, numbers, texts;
    for (int i = 0; i < 500; ++i) {
      keys.push_back(scalar::of_integer(key, static_cast<int>(random.below(4))));
      const bool null = keys.back().integer == 3;  // a group of nothing
      numbers.push_back(null ? scalar::of_null(inputs[0]) : random_scalar(random, inputs[0], 100));
      texts.push_back(random_scalar(random, inputs[1], 30));
      lengths[keys.back().integer] += texts.back().text.size();
    }
    const auto k = make_vector(key, keys), x = make_vector(inputs[0], numbers), t = make_vector(inputs[1], texts);
    const pillar::vector *key_columns[] = {&k.view}, *columns[] = {&x.view, &t.view};
    auto one = *aggregator::make(std::span(&key, 1), inputs, specs);
    ASSERT_TRUE(one.update(key_columns, columns, selection_mask::first(500), 500).ok());
    ASSERT_TRUE(whole.merge(one).ok());
  }
  const auto columns = *whole.finish();
  ASSERT_EQ(whole.group_count(), 4u);
  for (std::uint32_t group = 0; group < 4; ++group) {
    const auto cell = [&](std::size_t column) { return pillar::get(columns[column].slice(group, 1), 0); };
    EXPECT_EQ(cell(1).null, cell(0).integer == 3);
    if (!cell(1).null) EXPECT_EQ(cell(1).integer, cell(4).integer - cell(5).integer);
    EXPECT_EQ(cell(2).real, static_cast<double>(lengths[cell(0).integer]));
    EXPECT_LT(cell(3).real, cell(2).real);
  }
}

TEST(aggregate_own_state, other_types_are_refused) {
  const auto type = type_of<std::int64_t>;
  const aggregate_spec spec{aggregate_kind::own, 0, {.own = &own_aggregate_of<width_state<std::int32_t>>}};
  EXPECT_EQ(aggregator::make({}, std::span(&type, 1), std::span(&spec, 1)).error().code, pillar::errc::type_mismatch);
}

}  // namespace
}  // namespace pillar_test::aggregate_own_state
