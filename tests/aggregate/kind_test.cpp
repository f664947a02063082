// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/kind.hpp"

#include <gtest/gtest.h>

#include "pillar/aggregate/aggregate.hpp"

namespace pillar_test::aggregate_kind {
namespace {

using pillar::aggregate_type;
using kind = pillar::aggregate_kind;
using pillar::type_of;

TEST(aggregate_kind, result_types) {
  static_assert(aggregate_type(kind::sum, type_of<std::int8_t>) == pillar::decimal_type(38, 0, true));
  static_assert(aggregate_type(kind::sum, type_of<std::uint64_t>) == pillar::decimal_type(38, 0, true));
  static_assert(aggregate_type(kind::sum, type_of<pillar::decimal<15, 2>>) == pillar::decimal_type(38, 2, true));
  static_assert(aggregate_type(kind::sum, type_of<float>) == type_of<double>.as_nullable());
  static_assert(aggregate_type(kind::avg, type_of<pillar::decimal<15, 2>>) == type_of<double>.as_nullable());
  static_assert(aggregate_type(kind::min, type_of<pillar::text>) == type_of<pillar::text>.as_nullable());
  static_assert(aggregate_type(kind::count, type_of<pillar::date>) == type_of<std::int64_t>);
  for (const auto& type : {type_of<pillar::text>, type_of<bool>, type_of<pillar::date>, type_of<pillar::timestamp<>>}) {
    EXPECT_FALSE(aggregate_type(kind::sum, type));
    EXPECT_FALSE(aggregate_type(kind::avg, type));
  }
}

struct greatest_state {
  using value_type = int;
  using result_type = int;
  int greatest = 0;
  void update(std::span<const int> values) noexcept {
    for (const int value : values) greatest = value > greatest ? value : greatest;
  }
  void merge(const greatest_state& other) noexcept { greatest = other.greatest > greatest ? other.greatest : greatest; }
  [[nodiscard]] int finalize() const noexcept { return greatest; }
};
struct no_merge {
  using value_type = int;
  using result_type = int;
  void update(std::span<const int>) noexcept {}
  [[nodiscard]] int finalize() const noexcept { return 0; }
};

TEST(aggregate_kind, states_of_users_are_told_from_what_is_none) {
  static_assert(pillar::aggregate_state<greatest_state>);
  static_assert(!pillar::aggregate_state<no_merge>);
  static_assert(!pillar::aggregate_state<int>);
}

}  // namespace
}  // namespace pillar_test::aggregate_kind
