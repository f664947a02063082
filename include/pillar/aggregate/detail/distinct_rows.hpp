// SPDX-License-Identifier: Apache-2.0
/// Which rows bring a value that their group has not had: what aggregates over distinct values take.
#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "pillar/aggregate/detail/group_order.hpp"  // group_index
#include "pillar/aggregate/group_table.hpp"
#include "pillar/aggregate/grouped_state.hpp"  // group_pairs
#include "pillar/base/bits.hpp"                // assign_bit
#include "pillar/base/mutant.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/column.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

/// The pairs of a group and a value so far. Values are equal as keys are.
class distinct_rows {
 public:
  /// `range`: what is known of the values; where it is wrong, that costs time only.
  static result<distinct_rows> make(const data_type& value, bool keyed, memory_budget* budget,
                                    const key_range& range = {}, std::uint64_t expected_rows = 0) {
    const data_type types[2] = {value.as_nullable(false), type_of<std::uint32_t>};
    const key_range ranges[2] = {range, {}};
    const std::size_t count = keyed ? 2 : 1;
    PILLAR_ASSIGN_OR_RETURN(
        group_table made, group_table::make(std::span(types, count), budget, std::span(ranges, count), expected_rows));
    return distinct_rows(std::move(made), budget);
  }
  void begin_block() noexcept { pairs_.begin_block(); }

  /// Finds which of `rows`, none of which is NULL, are the first of their pair: fresh(). `slots` are group numbers + 1.
  ///
  /// Errors: out_of_memory, limit_exceeded: drop() makes it as before
  result<void> find_new(const vector& values, const std::uint32_t* slots, std::uint32_t row_count,
                        const selection_mask& rows) {
    vector value = values;
    value.type.nullable = false;
    value.validity = nullptr;
    vector slot;
    slot.type = type_of<std::uint32_t>;
    slot.size = row_count;
    slot.values = slots;
    const vector* const keys[2] = {&value, &slot};
    std::uint32_t pair_of_row[vector_rows];
    if (values.kind == vector_kind::flat && pairs_.has_codes() && pairs_.prepare_codes().ok()) {
      PILLAR_ASSIGN_OR_RETURN(const bool found,
                              pairs_.find_codes({keys, pairs_.key_types().size()}, rows, row_count, pair_of_row));
      if (found) {  // numbers matter only where some are new
        const bool any_new = PILLAR_MUTATE(distinct_codes_are_slots, pairs_.group_count() != seen_, false);
        const std::uint32_t count = any_new ? row_count : 0;
        for (std::uint32_t row = 0; row < count; ++row)
          if (pair_of_row[row] != 0) pair_of_row[row] = pairs_.slot_of_code(pair_of_row[row] - 1);
        find_first(pair_of_row, row_count);
        return {};
      }
    }
    PILLAR_TRY(pairs_.find_slots({keys, pairs_.key_types().size()}, rows, row_count, pair_of_row));
    find_first(pair_of_row, row_count);
    return {};
  }
  [[nodiscard]] const selection_mask& fresh() const noexcept { return fresh_; }
  /// The pairs of another's groups that are not here, as columns: values, and slots if there are groups.
  result<std::vector<column>> find_new(const distinct_rows& other, const group_pairs& groups) {
    const std::size_t key_count = pairs_.key_types().size();
    taken_pairs taken;
    const std::uint32_t count = PILLAR_MUTATE(distinct_merge_forgets, other.kept_, 0u);
    result<void> done;
    const auto take = [&](std::uint32_t pair, std::uint32_t here) {
      taken.pair[taken.count] = pair;
      taken.slot[taken.count++] = here + 1;
      if (taken.count == vector_rows && done.ok()) done = find_taken(other, taken);
      if (taken.count == vector_rows) taken.count = 0;
    };
    if (key_count == 1) {
      for (std::uint32_t pair = 0; pair < count; ++pair) take(pair, 0);
    } else if (other.index_.has(count)) {
      for_each_entry(other.index_.groups.data(), count, true, groups,
                     [&](std::size_t i, std::uint32_t here) { take(other.index_.entries[i], here); });
    } else {
      PILLAR_TRY(other.for_each_slot(count, budget_, [&](std::uint32_t pair, std::uint32_t slot) {
        if (const std::uint32_t found = groups.find(slot - 1); found != groups.count) take(pair, groups.here(found));
      }));
    }
    if (done.ok()) done = find_taken(other, taken);
    PILLAR_TRY(done);
    std::vector<column> made;
    for (std::uint32_t key = 0; key < key_count; ++key) {
      column_builder out(pairs_.key_types()[key], budget_);
      PILLAR_TRY(pairs_.append_keys(key, kept_, pairs_.group_count() - kept_, out));
      PILLAR_ASSIGN_OR_RETURN(column ready, out.finish());
      made.push_back(std::move(ready));
    }
    return made;
  }
  /// Groups are about to be merged into others: a list of pairs by group, if there is room for one.
  void arrange() noexcept {
    if (pairs_.key_types().size() == 1 || index_.has(kept_)) return;
    growable<std::uint32_t> groups(budget_);
    if (!groups.reserve(kept_).ok()) return;
    const auto keep = [&](std::uint32_t, std::uint32_t slot) { groups.push(slot - 1); };
    if (!for_each_slot(kept_, budget_, keep).ok()) return;
    index_.make(kept_, [&](std::uint32_t pair) { return groups[pair]; });
  }

  /// What find_new has found belongs to it from now on, or never was there.
  void keep() noexcept { kept_ = seen_ = pairs_.group_count(); }
  void drop() noexcept {
    pairs_.truncate(kept_);
    seen_ = kept_;
  }

 private:
  struct taken_pairs {
    std::uint32_t pair[vector_rows];
    std::uint32_t slot[vector_rows];
    std::uint32_t count = 0;
  };
  distinct_rows(group_table pairs, memory_budget* budget) noexcept
      : pairs_(std::move(pairs)), budget_(budget), index_(budget) {}

  result<void> find_taken(const distinct_rows& other, const taken_pairs& taken) {
    if (taken.count == 0) return {};
    column_builder out(pairs_.key_types()[0], budget_);
    PILLAR_TRY(other.pairs_.append_keys(0, std::span(taken.pair, taken.count), out));
    PILLAR_ASSIGN_OR_RETURN(const column values, out.finish());
    return find_new(values.slice(0, taken.count), taken.slot, taken.count, selection_mask::first(taken.count));
  }
  /// f(pair, its slot) for pairs [0, count); `budget` is for the slots of 1,024 at a time.
  template <class F>
  result<void> for_each_slot(std::uint32_t count, memory_budget* budget, F&& f) const {
    for (std::uint32_t first = 0; first < count; first += vector_rows) {
      const std::uint32_t rows = count - first < vector_rows ? count - first : vector_rows;
      column_builder out(pairs_.key_types()[1], budget);
      PILLAR_TRY(pairs_.append_keys(1, first, rows, out));
      PILLAR_ASSIGN_OR_RETURN(const column slots, out.finish());
      const vector view = slots.slice(0, rows);
      for (std::uint32_t row = 0; row < rows; ++row) f(first + row, view.value<std::uint32_t>(row));
    }
    return {};
  }

  /// Rows of pairs that are new in this batch, each pair's lowest row.
  void find_first(const std::uint32_t* pair_of_row, std::uint32_t row_count) noexcept {
    fresh_ = selection_mask::none();
    if (pairs_.group_count() == seen_) return;
    selection_mask met = selection_mask::none();
    for (std::uint32_t row = 0; row < row_count; ++row) {
      const std::uint32_t pair = pair_of_row[row];  // a number + 1; 0: not selected
      if (pair <= seen_ || get_bit(met.words, pair - seen_ - 1)) continue;
      set_bit(met.words, pair - seen_ - 1);
      set_bit(fresh_.words, row);
    }
    seen_ = pairs_.group_count();
  }

  group_table pairs_;
  memory_budget* budget_;
  std::uint32_t kept_ = 0;
  std::uint32_t seen_ = 0;
  group_index index_;  ///< of the pairs, once they were arranged
  selection_mask fresh_ = selection_mask::none();
};

}  // namespace PILLAR_NAMESPACE::detail
