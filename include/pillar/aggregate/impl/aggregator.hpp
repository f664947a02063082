// SPDX-License-Identifier: Apache-2.0
/// Making an aggregator, and taking rows.
#pragma once
#include <cstring>
#include <utility>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/detail/states.hpp"
#include "pillar/aggregate/impl/aggregator_merge.hpp"
#include "pillar/aggregate/impl/aggregator_narrow.hpp"
#include "pillar/aggregate/impl/aggregator_results.hpp"
#include "pillar/aggregate/impl/aggregator_rows.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/scalar.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<aggregator> aggregator::make(std::span<const data_type> key_types,
                                               std::span<const data_type> input_types,
                                               std::span<const aggregate_spec> aggregates, memory_budget* budget,
                                               std::span<const key_range> ranges, std::uint64_t expected_rows,
                                               std::span<const key_range> input_ranges) {
  PILLAR_ASSIGN_OR_RETURN(group_table table, group_table::make(key_types, budget, ranges, expected_rows));
  aggregator made(std::move(table), budget);
  made.input_types_.assign(input_types.begin(), input_types.end());
  made.result_types_.assign(key_types.begin(), key_types.end());
  for (std::size_t i = 0; i < aggregates.size(); ++i) {
    bound_aggregate bound;
    bound.spec = aggregates[i];
    bound.offset = made.stride_;
    const aggregate_kind kind = bound.spec.kind;
    for (const bool second : {false, true}) {
      if (second ? !takes_second(kind) : kind == aggregate_kind::count_rows) continue;
      const std::uint32_t input = second ? bound.spec.second : bound.spec.input;
      if (input >= input_types.size()) return {errc::no_such_column, i};
      (second ? bound.second : bound.input) = input_types[input];
    }
    std::uint32_t bytes = sizeof(std::uint64_t);
    const key_range range = bound.spec.input < input_ranges.size() ? input_ranges[bound.spec.input] : key_range{};
    if (auto done = made.bind(bound, bytes, range, expected_rows); !done.ok()) return {done.error().code, i};
    made.stride_ += bytes;
    made.aggregates_.push_back(std::move(bound));
  }
  made.plan_narrow();
  PILLAR_TRY(made.make_states(made.table_.group_count()));
  return made;
}

/// Chooses an aggregate's form and makes what it needs besides a place in the groups' rows; its result's type.
inline result<void> aggregator::bind(bound_aggregate& of, std::uint32_t& bytes, const key_range& range,
                                     std::uint64_t expected_rows) {
  const physical_type physical = of.input.physical;
  const auto type = of.spec.kind != aggregate_kind::own ? aggregate_type(of.spec.kind, of.input, of.second)
                    : of.spec.own == nullptr            ? std::nullopt
                                                        : std::optional(of.spec.own->result);
  if (!type) return errc::type_mismatch;
  bool repeats = true;  // values that come again change the answer
  switch (of.spec.kind) {
    case aggregate_kind::count_rows: repeats = false; break;
    case aggregate_kind::count: break;
    case aggregate_kind::sum:
    case aggregate_kind::avg:
      if (is_float(physical)) {
        const bool fast = of.spec.floats == float_sum::fast;
        of.form = fast ? state_form::fast_real : state_form::exact_real;
        bytes = fast ? sizeof(detail::fast_real_state) : sizeof(detail::exact_real_state);
      } else if (physical == physical_type::integer128) {
        of.form = state_form::sum128;
        bytes = sizeof(detail::sum128_state);
      } else {
        of.form = physical == physical_type::uint64 ? state_form::sum64_unsigned : state_form::sum64;
        bytes = sizeof(detail::sum64_state);
      }
      break;
    case aggregate_kind::min:
    case aggregate_kind::max:
    case aggregate_kind::bool_and:
    case aggregate_kind::bool_or:
      repeats = false;
      of.greatest = of.spec.kind == aggregate_kind::max || of.spec.kind == aggregate_kind::bool_or;
      of.form = physical == physical_type::text         ? state_form::extreme_text
                : physical == physical_type::integer128 ? state_form::extreme128
                : byte_width(physical) <= 4             ? state_form::narrow_extreme
                                                        : state_form::extreme;
      bytes = of.form == state_form::extreme          ? sizeof(detail::extreme_state)
              : of.form == state_form::narrow_extreme ? sizeof(detail::narrow_extreme_state)
                                                      : sizeof(detail::extreme_text_state);
      static_assert(sizeof(detail::extreme128_state) == sizeof(detail::extreme_text_state));
      break;
    case aggregate_kind::first:
    case aggregate_kind::last:
    case aggregate_kind::any:
    case aggregate_kind::approximate_count_distinct:
    case aggregate_kind::string_agg: repeats = false; [[fallthrough]];
    default: {
      of.form = state_form::object;
      of.object = static_cast<std::uint32_t>(objects_.size());
      bytes = 0;
      PILLAR_ASSIGN_OR_RETURN(auto state, make_grouped_state(of.spec, of.input, of.second, budget_));
      objects_.push_back(std::move(state));
    }
  }
  result_types_.push_back(*type);
  if (!of.spec.distinct || !repeats) return {};
  if (takes_second(of.spec.kind)) return errc::invalid_argument;
  of.distinct = static_cast<std::uint32_t>(distinct_.size());
  PILLAR_ASSIGN_OR_RETURN(
      auto rows, detail::distinct_rows::make(of.input, table_.mode() != key_mode::none, budget_, range, expected_rows));
  distinct_.push_back(std::move(rows));
  return {};
}

/// The number of a lane, which is made if it is new.
inline std::uint32_t aggregator::narrow_lane_of(std::uint32_t input, narrow_lane::form_type form) {
  for (std::uint32_t i = 0; i < narrow_lanes_.size(); ++i)
    if (narrow_lanes_[i].input == input && narrow_lanes_[i].form == form) return i;
  narrow_lanes_.push_back({input, form, {}, 0});
  return static_cast<std::uint32_t>(narrow_lanes_.size() - 1);
}

/// Which aggregates are added up in single words, and where: equal inputs share a sum, and whatever is not NULL shares
/// the number of rows.
inline void aggregator::plan_narrow() {
  if (table_.mode() == key_mode::none) return;
  using form = narrow_lane::form_type;
  bool rows = false;
  all_narrow_ = true;
  for (bound_aggregate& of : aggregates_) {
    const bool real = of.form == state_form::exact_real;
    if (of.form != state_form::count && of.form != state_form::sum64 && of.form != state_form::sum128 && !real)
      continue;
    if (of.distinct != none) continue;
    const std::uint32_t wanted = (of.form == state_form::count ? 0u : real ? 2u : 1u) + (of.input.nullable ? 1u : 0u);
    if (narrow_lanes_.size() + wanted > detail::narrow_batch::most_sums) continue;
    of.is_narrow = true;
    if (real) {
      of.narrow_sum = narrow_lane_of(of.spec.input, form::low_words);
      static_cast<void>(narrow_lane_of(of.spec.input, form::high_words));  // the next one
    } else if (of.form != state_form::count) {
      of.narrow_sum = narrow_lane_of(of.spec.input, form::values);
    }
    if (of.spec.kind != aggregate_kind::count_rows && of.input.nullable)
      of.narrow_count = narrow_lane_of(of.spec.input, form::counts);
    rows = rows || of.narrow_count == none;
  }
  for (const bound_aggregate& of : aggregates_) all_narrow_ = all_narrow_ && of.is_narrow;
  narrow_.set_shape(rows, static_cast<std::uint32_t>(narrow_lanes_.size()));
}

inline result<void> aggregator::make_states(std::uint32_t group_count) {
  const std::size_t wanted = std::size_t{group_count} * stride_;
  if (wanted <= states_.size()) return {};
  if (wanted > states_.byte_count()) detail::reserve_likely(states_, table_.likely_groups() * stride_, budget_);
  return states_.append_zeros(wanted - states_.size());
}

inline void aggregator::forget(std::uint32_t group_count) noexcept {
  table_.truncate(group_count);
  for (const auto& states : objects_) states->truncate(table_.group_count());
  for (detail::distinct_rows& of : distinct_) of.drop();
  const std::size_t wanted = std::size_t{table_.group_count()} * stride_;
  if (states_.size() > wanted) states_.truncate(wanted);
}

/// Words by the keys' codes, where only words are in use: then a row takes no look-up of its group. They take more
/// memory than words by groups, but not much.
inline void aggregator::try_codes() noexcept {
  // Groups come out in their order, so that words of very many are read at random in the end.
  constexpr std::uint32_t most_per_group = 4, few = 8, most_codes = 1u << 21;
  if (by_codes_ || !all_narrow_ || narrow_.empty() || !table_.has_codes()) return;
  const std::uint32_t codes = table_.code_count(), groups = table_.group_count();
  if (groups < few || codes > most_codes || codes / most_per_group > groups) return;
  if (budget_ != nullptr && narrow_.byte_count(codes) > budget_->available() / 8) return;
  if (table_.prepare_codes().ok()) go_by_codes();
}
inline void aggregator::go_by_codes() noexcept {
  const std::uint32_t* const code_of = table_.codes();
  by_codes_ = narrow_
                  .move(
                      table_.code_count(), group_count(), [](std::uint32_t group) { return group + 1; },
                      [code_of](std::uint32_t group) { return code_of[group] + 1; })
                  .ok();
  if (!by_codes_) table_.forget_codes();
}
PILLAR_API void aggregator::expect_all_codes() noexcept {
  if (!by_codes_ && all_narrow_ && table_.reserve_codes()) go_by_codes();
}
PILLAR_API bool aggregator::put_off_groups() noexcept {
  if (groups_late_) return true;
  if (!all_narrow_ || !narrow_.counts_rows() || table_.mode() != key_mode::array) return false;
  for (const narrow_lane& lane : narrow_lanes_)  // floats may be beside their words
    if (lane.form == narrow_lane::form_type::low_words) return false;
  const std::size_t bytes = (by_codes_ ? 0 : narrow_.byte_count(table_.code_count())) +
                            sizeof(std::uint32_t) * std::size_t{table_.code_count()};
  if (budget_ != nullptr && bytes > budget_->available() / 8) return false;
  if (!by_codes_) expect_all_codes();
  else if (!table_.reserve_codes()) return false;
  return groups_late_ = by_codes_;
}
PILLAR_NOINLINE PILLAR_API void aggregator::number_groups() noexcept {
  if (!groups_late_ || narrow_.empty()) return;
  std::uint32_t slots[vector_rows];
  std::int64_t counts[vector_rows];
  const std::uint32_t codes = table_.code_count();
  if (table_.group_count() == codes) return;
  for (std::uint32_t first = 0; first < codes; first += vector_rows) {
    const std::uint32_t count = codes - first < vector_rows ? codes - first : vector_rows;
    for (std::uint32_t i = 0; i < count; ++i) slots[i] = first + i + 1;
    narrow_.copy_rows(slots, count, counts);
    table_.add_counted_codes(first, counts, count);
  }
}
/// Groups for rows of codes that need them now, and for all that were put off.
PILLAR_NOINLINE inline result<void> aggregator::add_late_groups(const std::uint32_t* slots,
                                                                std::uint32_t row_count) noexcept {
  number_groups();
  groups_late_ = false;
  const result<void> added = table_.add_codes(slots, row_count);
  if (!by_codes_) table_.forget_codes();
  return added;
}
/// Before codes change, or where states are needed by groups.
inline result<void> aggregator::leave_codes() noexcept {
  if (!by_codes_) return {};
  number_groups();
  const std::uint32_t* const code_of = table_.codes();
  PILLAR_TRY(narrow_.move(
      group_count(), group_count(), [code_of](std::uint32_t group) { return code_of[group] + 1; },
      [](std::uint32_t group) { return group + 1; }));
  by_codes_ = groups_late_ = false;
  table_.forget_codes();
  return {};
}

/// The rows' slots: by codes if by_codes_ is set then. `before`: groups there were, more than known if they were late.
inline result<void> aggregator::find_slots(std::span<const vector* const> keys, const selection_mask& selection,
                                           std::uint32_t row_count, std::uint32_t* slots,
                                           const detail::next_lines& next, std::uint32_t& before) {
  if (aggregates_.empty() && keys[0]->kind == vector_kind::flat && table_.has_codes() && table_.prepare_codes().ok()) {
    PILLAR_ASSIGN_OR_RETURN(const bool found, table_.find_codes(keys, selection, row_count, slots));
    if (found) return {};  // nobody asks for slots
  }
  try_codes();
  if (by_codes_) {
    next.ask_all(row_count);
    PILLAR_ASSIGN_OR_RETURN(const bool found, groups_late_ ? table_.read_codes(keys, selection, row_count, slots)
                                                           : table_.find_codes(keys, selection, row_count, slots));
    if (found) return {};
    const bool late = groups_late_;
    PILLAR_TRY(leave_codes());
    if (PILLAR_MUTATE(aggregate_left_groups_forgotten, late, false)) before = table_.group_count();
  }
  return table_.find_slots(keys, selection, row_count, slots, next);
}

/// Values that come from memory are on their way while groups are looked for; where batches follow one another there, those
/// of the next one. Nobody has looked at those whose bits are not known.
inline detail::next_lines aggregator::next_values(std::span<const vector* const> inputs,
                                                  std::uint32_t row_count) noexcept {
  detail::next_lines next;
  for (narrow_lane& lane : narrow_lanes_) {
    const vector& from = *inputs[lane.input];
    if (from.kind != vector_kind::flat) continue;
    const auto values = reinterpret_cast<std::uintptr_t>(from.values);
    const std::size_t width = byte_width(from.type.physical), bytes = row_count * width;
    next.add(static_cast<const std::byte*>(from.values) + (values == lane.next ? bytes : 0), width);
    lane.next = values + bytes;
  }
  return next;
}

PILLAR_API result<void> aggregator::update(std::span<const vector* const> keys, std::span<const vector* const> inputs,
                                           const selection_mask& selection, std::uint32_t row_count,
                                           std::span<const selection_mask* const> where,
                                           std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
  PILLAR_ASSERT(row_count <= vector_rows);
  if (!selection.any()) return {};
  std::uint32_t before = table_.group_count();
  std::uint32_t slots[vector_rows];
  detail::next_lines next;
  if (input_bits.empty() && selection.count() > row_count / 4) next = next_values(inputs, row_count);
  if (table_.mode() != key_mode::none) PILLAR_TRY(find_slots(keys, selection, row_count, slots, next, before));
  else next.ask_all(row_count);
  return add_rows(slots, before, inputs, selection, row_count, where, input_bits, numbers);
}

PILLAR_API result<void> aggregator::update_found(const std::uint32_t* slot_of_row,
                                                 std::span<const vector* const> inputs, const selection_mask& selection,
                                                 std::uint32_t row_count, std::span<const selection_mask* const> where,
                                                 std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
  if (!selection.any()) return {};
  std::uint32_t codes[vector_rows];
  if (by_codes_) {
    for (std::uint32_t i = 0; i < row_count; ++i) codes[i] = slot_of_row[i] == 0 ? 0 : narrow_slot(slot_of_row[i] - 1);
    slot_of_row = codes;
  }
  return add_rows(slot_of_row, table_.group_count(), inputs, selection, row_count, where, input_bits, numbers);
}

/// Rows whose groups are there; on an error those from `before` on are forgotten.
inline result<void> aggregator::add_rows(const std::uint32_t* slots, std::uint32_t before,
                                         std::span<const vector* const> inputs, const selection_mask& selection,
                                         std::uint32_t row_count, std::span<const selection_mask* const> where,
                                         std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
  PILLAR_ASSERT(inputs.size() >= input_types_.size());
  PILLAR_ASSERT(where.empty() || where.size() == aggregates_.size());
  const bool one_group = table_.mode() == key_mode::none;
  const vector no_values{};
  batch_rows rows;
  if (one_group && !objects_.empty()) std::memset(rows.group, 0, sizeof rows.group);
  bool plain_rows = false;  // `rows` are all selected ones
  const auto values_of = [&](const bound_aggregate& of) {
    return of.spec.kind == aggregate_kind::count_rows ? nullptr : inputs[of.spec.input];
  };
  const auto second_of = [&](const bound_aggregate& of) {
    return takes_second(of.spec.kind) ? inputs[of.spec.second] : nullptr;
  };
  const auto fill = [&](std::size_t i) -> const vector& {
    const bound_aggregate& of = aggregates_[i];
    const vector *values = values_of(of), *second = second_of(of);
    PILLAR_ASSERT(values == nullptr || values->size == row_count);
    PILLAR_ASSERT(values == nullptr || values->type.physical == of.input.physical ||
                  (of.form == state_form::sum128 && values->type.physical == physical_type::int64) ||
                  ((of.form == state_form::sum64 || of.form == state_form::sum128 || of.form == state_form::count) &&
                   of.distinct == none && values->type.physical == physical_type::int32));
    const selection_mask* restriction = where.empty() ? nullptr : where[i];
    const bool plain = restriction == nullptr && (values == nullptr || values->validity == nullptr) &&
                       (second == nullptr || second->validity == nullptr) && of.distinct == none;
    if (!plain || !plain_rows)
      rows.fill(of.distinct == none ? batch_rows::mask(selection, values, second, restriction)
                                    : distinct_[of.distinct].fresh(),
                slots, one_group);
    plain_rows = plain;
    return values == nullptr ? no_values : *values;
  };
  const auto rows_of_object = [&](std::size_t i) {
    const vector& values = fill(i);
    return group_rows{&values, second_of(aggregates_[i]), rows.row, rows.group, rows.count, numbers};
  };
  narrow_rows words;
  words.lanes.slots = slots;
  bool narrow = narrow_.used();
  const bool are_codes = by_codes_;
  bool late = groups_late_;
  for (const selection_mask* restriction : where) narrow = narrow && restriction == nullptr;
  auto free = detail::narrow_sums::room::never;
  result<void> made;
  if (narrow) {
    auto found = make_narrow(inputs, input_bits, selection, row_count, words);
    if (!found.ok() && by_codes_ && narrow_.empty() && PILLAR_MUTATE(aggregate_codes_stay, leave_codes().ok(), false)) {
      if (PILLAR_MUTATE(aggregate_late_groups_without_words, late, false)) {  // these rows' groups are not there yet
        late = false;
        before = table_.group_count();
        made = add_late_groups(slots, row_count);
      }
      if (made.ok()) found = make_narrow(inputs, input_bits, selection, row_count, words);  // by groups words are fewer
    }
    if (found.ok()) free = *found;
    else made = found.error();
    narrow = free == detail::narrow_sums::room::yes;
  }
  const bool in_words = all_narrow_ && narrow && !words.any_outside;
  if (late) before = table_.group_count();  // those of earlier rows, which may have been numbered just now
  std::uint32_t group_slots[vector_rows];
  if (are_codes && !(in_words && by_codes_)) {  // states are by groups
    if (late) {
      number_groups();
      before = PILLAR_MUTATE(aggregate_late_groups_forgotten, table_.group_count(), before);
      if (made.ok()) made = add_late_groups(slots, row_count);
    }
    for (std::uint32_t i = 0; i < row_count; ++i)
      group_slots[i] = slots[i] == 0 ? 0 : table_.slot_of_code(slots[i] - 1);
    slots = group_slots;
    if (PILLAR_MUTATE(aggregate_slots_stay_codes, !by_codes_, false)) words.lanes.slots = slots;
  }
  if (made.ok() && !PILLAR_MUTATE(aggregate_states_missing, in_words, all_narrow_ && narrow))
    made = make_states(table_.group_count());
  // Of what narrow_ takes, only floats outside of the words are left.
  const auto is_taken = [&](const bound_aggregate& of) { return narrow && of.is_narrow; };
  const auto fill_outside = [&](const bound_aggregate& of) -> bool {
    if (of.form != state_form::exact_real || !words.any_outside) return false;
    rows.fill(words.outside[of.narrow_sum], slots, one_group);
    plain_rows = false;
    return rows.count != 0;
  };
  needed_room room;
  for (std::size_t i = 0; i < aggregates_.size() && made.ok(); ++i) {
    bound_aggregate& of = aggregates_[i];
    if (of.distinct != none) {
      const vector& values = *values_of(of);
      made = distinct_[of.distinct].find_new(
          values, slots, row_count, batch_rows::mask(selection, &values, nullptr, where.empty() ? nullptr : where[i]));
      if (!made.ok()) break;
    }
    if (of.form == state_form::object) {
      const group_rows taken = rows_of_object(i);
      made = objects_[of.object]->reserve(taken, table_.group_count());
    } else if (is_taken(of)) {
      if (fill_outside(of)) count_room(of, *values_of(of), rows, room);
    } else if (of.form == state_form::exact_real || of.form == state_form::extreme_text) {
      const vector& values = fill(i);
      count_room(of, values, rows, room);
    }
  }
  if (made.ok()) made = make_room(room);
  if (!made.ok()) {
    forget(before);
    return made;
  }
  if (narrow) narrow_.add(words.lanes);
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    const bound_aggregate& of = aggregates_[i];
    if (is_taken(of)) {
      if (fill_outside(of)) add_exact(of, *values_of(of), rows, false);
    } else if (of.form == state_form::object) {
      objects_[of.object]->add(rows_of_object(i));
    } else {
      const vector& values = fill(i);
      apply(of, values, rows);
    }
  }
  for (detail::distinct_rows& of : distinct_) of.keep();
  return {};
}

PILLAR_API void aggregator::add_count(std::uint32_t aggregate, std::uint64_t count) noexcept {
  PILLAR_ASSERT(table_.mode() == key_mode::none && aggregates_[aggregate].form == state_form::count);
  *reinterpret_cast<std::uint64_t*>(state(aggregates_[aggregate], 0)) += count;
}

PILLAR_API void aggregator::add_sum(std::uint32_t aggregate, int128 sum, std::uint64_t count) noexcept {
  const bound_aggregate& of = aggregates_[aggregate];
  PILLAR_ASSERT(table_.mode() == key_mode::none);
  if (of.form == state_form::sum128) {
    auto* to = reinterpret_cast<detail::sum128_state*>(state(of, 0));
    to->add(sum);
    to->count += count;
  } else {
    PILLAR_ASSERT(of.form == state_form::sum64 || of.form == state_form::sum64_unsigned);
    auto* to = reinterpret_cast<detail::sum64_state*>(state(of, 0));
    to->add(sum);
    to->count += count;
  }
}

PILLAR_API result<void> aggregator::add_extreme(std::uint32_t aggregate, const scalar& value) {
  const bound_aggregate& of = aggregates_[aggregate];
  PILLAR_ASSERT(table_.mode() == key_mode::none && !value.null && value.type.physical == of.input.physical);
  PILLAR_ASSERT(of.spec.kind == aggregate_kind::min || of.spec.kind == aggregate_kind::max);
  if (of.form == state_form::extreme_text) {
    PILLAR_TRY(texts_.reserve(2 * value.text.size()));
    put_extreme(state(of, 0), !of.greatest, value.text);
    return {};
  }
  alignas(16) std::byte bytes[16] = {};
  visit_fixed_width(of.input.physical, [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) store_unaligned(bytes, static_cast<T>(value.real));
    else store_unaligned(bytes, static_cast<T>(value.integer));
  });
  vector one;
  one.type = of.input;
  one.size = 1;
  one.values = bytes;
  batch_rows rows;
  rows.row[0] = 0;
  rows.count = 1;
  apply(of, one, rows);
  return {};
}

}  // namespace PILLAR_NAMESPACE
