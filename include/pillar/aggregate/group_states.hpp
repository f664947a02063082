// SPDX-License-Identifier: Apache-2.0
/// Your own aggregate, grouped: one state per group number of a group_table.
///
///     group_table gives each row its group; group_states<S> gives each group its S:
///     groups.find_or_insert(keys, rows, row_count, group_of_row);
///     states.update(values, rows, group_of_row, groups.group_count());
///
/// Example: examples/own_aggregate/main.cpp
#pragma once
#include <cstdint>
#include <span>

#include "pillar/aggregate/aggregate.hpp"  // aggregate_state
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/detail/gather.hpp"  // unaligned_value
#include "pillar/column/selection.hpp"      // selection_mask, for_each_row
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

/// States by group number. NULL and unselected rows are not shown to them.
///
/// Shape:    values: a vector of any kind over S::value_type, ≤ 1,024 rows; group_of_row[row] < group_count for the
///           selected rows
/// Errors:   out_of_memory: the states are then as before
/// Cost:     one update per run of rows of one group
/// Threads:  one at a time; const members concurrently
template <aggregate_state S>
class group_states {
 public:
  using value_type = typename S::value_type;
  explicit group_states(memory_budget* budget = nullptr) noexcept : states_(budget) {}

  /// Adds the selected rows, after adding empty states up to `group_count`.
  result<void> update(const vector& values, const selection_mask& selection, const std::uint32_t* group_of_row,
                      std::uint32_t group_count) noexcept {
    PILLAR_ASSERT(byte_width(values.type.physical) == sizeof(value_type));
    PILLAR_TRY(grow(group_count));
    value_type run[vector_rows];
    std::uint32_t length = 0, group = 0;
    const auto end_run = [&] {
      if (length != 0) states_[group].update(std::span<const value_type>(run, length));
      length = 0;
    };
    for_each_row(selection, [&](std::uint32_t row) {
      if (PILLAR_MUTATE(group_states_take_nulls, !values.valid(row), false)) return;
      PILLAR_ASSERT(group_of_row[row] < group_count);
      if (group_of_row[row] != group) end_run();
      group = group_of_row[row];
      run[length++] = detail::unaligned_value<value_type>(values, row);
    });
    end_run();
    return {};
  }

  /// Adds another worker's states; `group_of_other[g]` is this side's number of its group g.
  result<void> merge(const group_states& other, std::span<const std::uint32_t> group_of_other,
                     std::uint32_t group_count) noexcept {
    PILLAR_TRY(grow(group_count));
    for (std::size_t group = 0; group < other.states_.size(); ++group)
      states_[group_of_other[group]].merge(other.states_[group]);
    return {};
  }

  [[nodiscard]] std::uint32_t group_count() const noexcept { return static_cast<std::uint32_t>(states_.size()); }
  [[nodiscard]] const S& operator[](std::uint32_t group) const noexcept {
    PILLAR_ASSERT(group < states_.size());
    return states_[group];
  }

 private:
  result<void> grow(std::uint32_t group_count) noexcept {
    if (group_count <= states_.size()) return {};
    PILLAR_TRY(states_.reserve(group_count - states_.size()));
    while (states_.size() < group_count) states_.push(S{});
    return {};
  }
  growable<S> states_;
};

}  // namespace PILLAR_NAMESPACE
