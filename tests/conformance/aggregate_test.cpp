// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/aggregate.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/exact_sum.hpp"
#include "pillar/column/scalar.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::conformance_aggregate {
namespace {

using pillar::aggregate_kind;
using pillar::type_of;
using pillar::conformance::check_aggregate;

/// An aggregate of Pillar's, without keys, as numbered states.
pillar::conformance::report check_built_in(aggregate_kind kind, pillar::data_type input) {
  const pillar::data_type nullable = input.as_nullable();
  const pillar::aggregate_spec spec(kind);
  std::vector<std::optional<pillar::aggregator>> states(8);
  const auto make = [&](int state) {
    states[state].emplace(*pillar::aggregator::make({}, {&nullable, 1}, {&spec, 1}));
  };
  const auto update = [&](int state, const pillar::vector& values, const pillar::selection_mask& rows) {
    const pillar::vector* const inputs[] = {&values};
    EXPECT_TRUE(states[state]->update({}, inputs, rows, values.size).ok());
  };
  const auto merge = [&](int into, int from) { EXPECT_TRUE(states[into]->merge(*states[from]).ok()); };
  const auto copy = [&](int to, int from) {
    make(to);
    merge(to, from);
  };
  const auto result = [&](int state) {
    const auto columns = states[state]->finish();
    return columns.ok() ? pillar::get((*columns)[0].slice(0, 1), 0) : pillar::scalar{};
  };
  const auto equal = [&](int a, int b) -> bool { return result(a) == result(b); };
  const auto describe = [&](int state) { return pillar::to_string(result(state)); };
  const auto never = [](int, int) {};
  return check_aggregate({make, update, merge, never, copy, equal, describe}, {.input = input});
}

TEST(conformance_aggregate, pillars_aggregates_conform) {
  unsigned pair = 0;
  for (const auto kind : {aggregate_kind::count_rows, aggregate_kind::count, aggregate_kind::sum, aggregate_kind::min,
                          aggregate_kind::max, aggregate_kind::avg})
    for (const auto& type :
         {type_of<std::int64_t>, type_of<double>, type_of<pillar::decimal<15, 2>>, type_of<pillar::text>}) {
      if (!pillar::aggregate_type(kind, type)) continue;
      if (sanitized && (static_cast<unsigned>(kind) + pair++) % 2 == 0) continue;  // every other pair
      auto found = check_built_in(kind, type);
      if (kind == aggregate_kind::count_rows)
        std::erase_if(found.laws, [](const auto& law) { return law.law.starts_with("NULL"); });
      EXPECT_TRUE(found.ok()) << to_string(kind) << '\n' << found;
    }
  const auto exact = check_aggregate<pillar::exact_sum>();
  EXPECT_TRUE(exact.ok()) << exact;
  EXPECT_GT(exact.count("all NaN"), 0u);
  EXPECT_GT(exact.count("no rows"), 0u);
  EXPECT_TRUE(check_aggregate<pillar::count_state>().ok());
}

// The mean of means: fits one batch, and is not associative.
struct mean_of_means {
  using value_type = double;
  using result_type = double;
  double mean = 0;
  bool any = false;
  void update(std::span<const double> values) noexcept {
    for (const double value : values) merge({value, true});
  }
  void merge(const mean_of_means& other) noexcept {
    if (!other.any) return;
    mean = any ? (mean + other.mean) / 2 : other.mean;
    any = true;
  }
  [[nodiscard]] double finalize() const noexcept { return mean; }
};

struct keeps_last {
  using value_type = std::int32_t;
  using result_type = std::int32_t;
  std::int32_t last = 0;
  bool any = false;
  void update(std::span<const std::int32_t> values) noexcept {
    if (!values.empty()) last = values.back(), any = true;
  }
  void merge(const keeps_last& other) noexcept {
    if (other.any) *this = other;
  }
  void subtract(const keeps_last& other) noexcept { any = any && !other.any; }
  [[nodiscard]] std::int32_t finalize() const noexcept { return any ? last : -1; }
};

TEST(conformance_aggregate, liars_are_reported) {
  const auto mean = check_aggregate<mean_of_means>();
  EXPECT_FALSE(mean.find("merge is associative")->holds) << mean;
  EXPECT_FALSE(mean.find("merge is associative")->counterexample.empty());
  const auto last = check_aggregate<keeps_last>();
  EXPECT_TRUE(last.find("merge is associative")->holds) << last;
  EXPECT_FALSE(last.find("merge is commutative")->holds) << last;
  EXPECT_FALSE(last.find("subtract takes back what merge added")->holds) << last;
  const auto ordered = check_aggregate<keeps_last>({.input = type_of<std::int32_t>, .commutative = false});
  EXPECT_EQ(ordered.find("merge is commutative")->cases, 0u);
}

}  // namespace
}  // namespace pillar_test::conformance_aggregate
