// SPDX-License-Identifier: Apache-2.0
// An aggregate of your own: proven, then run per group. No pipeline, no table: vectors of your memory, group numbers
// from Pillar's group table, and one of your states per group. Then the same in an aggregator, beside a built-in one.
// (In a pipeline: `group_by("line"_col)(own<deviation>("delay"_col))`.)
#include <cmath>
#include <cstdio>
#include <iostream>
#include <vector>

#include <pillar/aggregate/aggregator.hpp>
#include <pillar/aggregate/group_states.hpp>
#include <pillar/aggregate/group_table.hpp>
#include <pillar/aggregate/own_state.hpp>
#include <pillar/conformance/aggregate.hpp>

/// The standard deviation of int32 values. Exact sums make merge associative to the last bit, and subtractable.
struct deviation {
  using value_type = std::int32_t;
  using result_type = double;
  std::int64_t count = 0;
  pillar::int128 sum = 0, squares = 0;

  void update(std::span<const std::int32_t> values) noexcept {
    count += static_cast<std::int64_t>(values.size());
    for (const std::int64_t value : values) sum += value, squares += pillar::int128{value} * value;
  }
  void merge(const deviation& other) noexcept { count += other.count, sum += other.sum, squares += other.squares; }
  // Optional: lets rows leave, as in windows.
  void subtract(const deviation& other) noexcept { count -= other.count, sum -= other.sum, squares -= other.squares; }
  [[nodiscard]] double finalize() const noexcept {
    if (count == 0) return 0;
    const double mean = static_cast<double>(sum) / static_cast<double>(count);
    const double variance = static_cast<double>(squares) / static_cast<double>(count) - mean * mean;
    return std::sqrt(variance > 0 ? variance : 0);
  }
};

int main() {
  const auto proof = pillar::conformance::check_aggregate<deviation>();
  std::cout << proof;

  // Delays of trains per line, in your own arrays.
  std::vector<std::int32_t> lines(100'000), delays(100'000);
  for (int i = 0; i < 100'000; ++i) {
    lines[i] = i * 31 % 5;
    delays[i] = (i * 7 % 13 - 6) * (lines[i] + 1);
  }
  const pillar::data_type type = pillar::type_of<std::int32_t>;
  auto groups = pillar::group_table::make({&type, 1});
  const std::vector<pillar::aggregate_spec> aggregates = {
      {pillar::aggregate_kind::own, 0, {.own = &pillar::own_aggregate_of<deviation>}},
      {pillar::aggregate_kind::standard_deviation_population, 0}};
  auto together = pillar::aggregator::make({&type, 1}, {&type, 1}, aggregates);
  if (!groups.ok() || !together.ok()) return 1;
  pillar::group_states<deviation> states;
  for (std::uint32_t at = 0; at < lines.size(); at += pillar::vector_rows) {
    pillar::vector line, delay;
    line.type = delay.type = type;
    line.size = delay.size =
        std::min<std::uint32_t>(pillar::vector_rows, static_cast<std::uint32_t>(lines.size()) - at);
    line.values = lines.data() + at;
    delay.values = delays.data() + at;
    const pillar::vector *const keys[] = {&line}, *const inputs[] = {&delay};
    const auto every_row = pillar::selection_mask::first(line.size);
    std::uint32_t group_of_row[pillar::vector_rows];
    if (!groups->find_or_insert(keys, every_row, line.size, group_of_row).ok() ||
        !states.update(delay, every_row, group_of_row, groups->group_count()).ok() ||
        !together->update(keys, inputs, every_row, line.size).ok())
      return 1;
  }
  const auto keys = groups->keys();
  if (!keys.ok()) return 1;
  const auto columns = together->finish();
  if (!columns.ok()) return 1;
  bool agree = true;
  for (std::uint32_t group = 0; group < groups->group_count(); ++group) {
    std::printf("line %d: %.2f minutes\n", (*keys)[0].slice(group, 1).value<std::int32_t>(0), states[group].finalize());
    const double own = (*columns)[1].slice(group, 1).value<double>(0);
    const double built_in = (*columns)[2].slice(group, 1).value<double>(0);
    agree = agree && own == states[group].finalize() && std::fabs(own - built_in) < 1e-9 * built_in;
  }
  return proof.ok() && agree && groups->group_count() == 5 ? 0 : 1;
}
