// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstring>
#include <string_view>
#include <utility>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/detail/states.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/column/detail/gather.hpp"
#include "pillar/column/scalar.hpp"
#include "pillar/sort/key.hpp"  // ordered_word

namespace PILLAR_NAMESPACE {

namespace detail {

/// out[i] = the integer in rows[i] of at most 64 bits; what exceeds the sign wraps.
inline void gather_integers(const vector& from, const std::uint16_t* rows, std::uint32_t count,
                            std::int64_t* out) noexcept {
  visit_fixed_width(from.type.physical, [&]<class T>() {
    if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
      gather_rows<T>(from, rows, count, out, [](T value) { return static_cast<std::int64_t>(value); });
  });
}
/// out[i] = the float or double in rows[i].
inline void gather_reals(const vector& from, const std::uint16_t* rows, std::uint32_t count, double* out) noexcept {
  if (from.type.physical == physical_type::float32)
    gather_rows<float>(from, rows, count, out, [](float value) { return static_cast<double>(value); });
  else gather_rows<double>(from, rows, count, out, [](double value) { return value; });
}
/// out[i] = ordered_word(value in rows[i]) ^ flip.
inline void gather_ordered(const vector& from, const std::uint16_t* rows, std::uint32_t count, std::uint64_t flip,
                           std::uint64_t* out) noexcept {
  const physical_type type = from.type.physical;
  if (is_float(type)) {
    double values[vector_rows];
    gather_reals(from, rows, count, values);
    if (type == physical_type::float32)
      for (std::uint32_t i = 0; i < count; ++i) out[i] = ordered_word(static_cast<float>(values[i])) ^ flip;
    else
      for (std::uint32_t i = 0; i < count; ++i) out[i] = ordered_word(values[i]) ^ flip;
    return;
  }
  std::int64_t values[vector_rows];
  gather_integers(from, rows, count, values);
  flip ^= lowest_of(type) < 0 ? ordered_word(std::int64_t{0}) : 0;
  for (std::uint32_t i = 0; i < count; ++i) out[i] = static_cast<std::uint64_t>(values[i]) ^ flip;
}

inline int128 int128_at(const vector& from, std::uint32_t row) noexcept {
  return load_unaligned<int128>(static_cast<const std::byte*>(from.holder().values) +
                                std::size_t{16} * from.index_of(row));
}

}  // namespace detail

/// The rows that one aggregate takes of a batch, and their groups.
struct aggregator::batch_rows {
  std::uint16_t row[vector_rows];
  std::uint32_t group[vector_rows];
  std::uint32_t count = 0;

  /// The rows of the selection that `where` selects too and in which neither input is NULL.
  static selection_mask mask(const selection_mask& selection, const vector* values, const vector* second,
                             const selection_mask* where) noexcept {
    selection_mask made = selection;
    if (where != nullptr) made &= *where;
    for (const vector* input : {values, second})
      if (input != nullptr && input->validity != nullptr)
        for (std::uint32_t word = 0; word < vector_words; ++word)
          made.words[word] &= PILLAR_MUTATE(aggregate_counts_null, input->validity_word(word), ~std::uint64_t{0});
    return made;
  }
  void fill(const selection_mask& rows, const std::uint32_t* slots, bool one_group) noexcept {
    count = detail::list_rows(rows.words, row);
    if (one_group) return;
    for (std::uint32_t i = 0; i < count; ++i) group[i] = slots[row[i]] - 1;
  }
};

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

namespace detail {

/// The integers of all rows as int64, floats as doubles; dictionary without entries: all rows are NULL, and 0.
template <class To>
inline void widen_lane(const vector& from, std::uint32_t row_count, To* PILLAR_RESTRICT out) noexcept {
  visit_fixed_width(from.type.physical, [&]<class T>() {
    if constexpr (std::is_floating_point_v<T> == std::is_floating_point_v<To> && sizeof(T) <= 8) {
      const auto* values = static_cast<const std::byte*>(from.holder().values);
      const auto at = [values](std::uint32_t index) {
        return static_cast<To>(load_unaligned<T>(values + std::size_t{index} * sizeof(T)));
      };
      if (from.kind == vector_kind::flat) {
        for (std::uint32_t i = 0; i < row_count; ++i) out[i] = at(i);
      } else if (from.kind == vector_kind::run_end) {
        from.for_each_run(0, row_count, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
          for (std::uint32_t i = begin; i < end; ++i) out[i] = at(run);
        });
      } else if (from.kind == vector_kind::constant || from.dictionary->size == 0) {
        const To value = from.kind == vector_kind::constant ? at(0) : To{0};
        for (std::uint32_t i = 0; i < row_count; ++i) out[i] = value;
      } else {
        for (std::uint32_t i = 0; i < row_count; ++i) out[i] = at(from.codes[i]);
      }
    }
  });
}

/// The floats of all rows as doubles, 0 for those that are not taken: where they lie, or in `memory`.
inline const double* taken_reals(const vector& from, const selection_mask& taken, std::uint32_t row_count,
                                 double* memory) noexcept {
  const bool all = taken == selection_mask::first(row_count);
  if (all && from.kind == vector_kind::flat && from.type.physical == physical_type::float64)
    return from.values_as<double>();
  widen_lane(from, row_count, memory);
  for (std::uint32_t first = 0; !all && first < row_count; first += 64) {
    const std::uint64_t word = taken.words[first / 64];
    if (word == ~std::uint64_t{0}) continue;
    const std::uint32_t rows = row_count - first < 64 ? row_count - first : 64;
    for (std::uint32_t row = 0; row < rows; ++row) {
      const double value = memory[first + row];
      memory[first + row] = (word >> row & 1) != 0 ? value : 0;
    }
  }
  return memory;
}

/// The bits of a lane: −2^bits ≤ value < 2^bits.
inline std::uint8_t bits_of_lane(const std::int64_t* values, std::uint32_t row_count) noexcept {
  std::int64_t any = 0;
  for (std::uint32_t i = 0; i < row_count; ++i) any |= values[i];
  if (any < 0) {
    any = 0;
    for (std::uint32_t i = 0; i < row_count; ++i) any |= values[i] ^ (values[i] >> 63);
  }
  return static_cast<std::uint8_t>(std::bit_width(static_cast<std::uint64_t>(any)));
}

}  // namespace detail

/// A batch for narrow_, and the rows that it does not take of each lane of low_words.
struct aggregator::narrow_rows {
  detail::narrow_batch lanes;
  /// Values that do not come as plain arrays. Not of the budget: what is left of it for one of many partitions may be
  /// less than this.
  std::int64_t memory[detail::narrow_batch::most_sums][vector_rows];
  selection_mask outside[detail::narrow_batch::most_sums];
  bool any_outside = false;
  bool move = false;  ///< many rows would be inside if a lane chose again
};

/// The batch's lanes; false if one of them does not come in integers of 64 bits.
inline bool aggregator::fill_narrow(std::span<const vector* const> inputs, std::span<const std::uint8_t> input_bits,
                                    const selection_mask& selection, std::uint32_t row_count, narrow_rows& rows) {
  using form = narrow_lane::form_type;
  detail::narrow_batch& batch = rows.lanes;
  rows.any_outside = rows.move = false;
  for (std::uint32_t i = 0; i < narrow_lanes_.size(); ++i) {
    narrow_lane& lane = narrow_lanes_[i];
    const vector& from = *inputs[lane.input];
    const bool values_only = lane.form == form::values;
    if (values_only && from.type.physical == physical_type::integer128) return false;
    const bool counts = lane.form == form::counts;
    const bool known = counts || (!input_bits.empty() && input_bits[lane.input] < 64);
    if (known) batch.bits[i] = counts ? std::uint8_t{1} : input_bits[lane.input];
    batch.values[i] = nullptr;
    batch.values_32[i] = nullptr;
    if (values_only && from.kind == vector_kind::flat && from.validity == nullptr) {
      if (from.type.physical == physical_type::int64) {
        batch.values[i] = from.values_as<std::int64_t>();
        if (!known) batch.bits[i] = detail::bits_of_lane(batch.values[i], row_count);
        continue;
      }
      if (from.type.physical == physical_type::int32) {
        batch.values_32[i] = from.values_as<std::int32_t>();
        if (!known) batch.bits[i] = 31;
        continue;
      }
    }
    std::int64_t* values = rows.memory[i];
    batch.values[i] = values;
    if (lane.form == form::low_words) {
      double doubles[vector_rows];
      const selection_mask taken = batch_rows::mask(selection, &from, nullptr, nullptr);
      const double* reals = detail::taken_reals(from, taken, row_count, doubles);
      const std::uint32_t groups = table_.group_count();
      const auto split = [&] {
        return lane.point.split(reals, row_count, groups, values, rows.memory[i + 1], batch.bits[i], batch.bits[i + 1],
                                rows.outside[i]);
      };
      const auto many = [&] { return rows.outside[i].count() > row_count / 8; };
      if (!lane.point.chosen() || (narrow_.empty() && !lane.point.suits(groups)))
        lane.point.choose(reals, row_count, groups);
      bool any = split();
      if (any && narrow_.empty() && many()) {
        lane.point.choose(reals, row_count, groups);
        any = split();
      }
      rows.any_outside = rows.any_outside || any;
      rows.move = rows.move || (any && many());
      ++i;  // the high words
      batch.values[i] = rows.memory[i];
      batch.values_32[i] = nullptr;
      continue;
    }
    if (counts) {
      for (std::uint32_t row = 0; row < row_count; ++row) values[row] = 1;
    } else {
      detail::widen_lane(from, row_count, values);
    }
    if (from.validity != nullptr)
      for (std::uint32_t first = 0; first < row_count; first += 64) {
        const std::uint64_t valid =
            PILLAR_MUTATE(aggregate_counts_null, from.validity_word(first / 64), ~std::uint64_t{0});
        const std::uint32_t count = row_count - first < 64 ? row_count - first : 64;
        for (std::uint32_t row = 0; row < count; ++row)
          values[first + row] &= -static_cast<std::int64_t>(valid >> row & 1);
      }
    if (!known) batch.bits[i] = detail::bits_of_lane(values, row_count);
  }
  batch.row_count = row_count;
  return true;
}

/// Makes a batch's lanes and room for them, which may take emptying the words: then what they held is in the states,
/// whatever becomes of the batch.
inline result<detail::narrow_sums::room> aggregator::make_narrow(std::span<const vector* const> inputs,
                                                                 std::span<const std::uint8_t> input_bits,
                                                                 const selection_mask& selection,
                                                                 std::uint32_t row_count, narrow_rows& rows) {
  using room = detail::narrow_sums::room;
  for (;;) {
    if (!fill_narrow(inputs, input_bits, selection, row_count, rows)) return room::never;
    if (by_codes_) PILLAR_TRY(narrow_.reserve(table_.code_count(), rows.lanes));
    else PILLAR_TRY(narrow_.reserve(table_.group_count(), rows.lanes, table_.likely_groups()));
    room found = narrow_.room_for(rows.lanes, table_.group_count());
    if (found == room::after_clear && narrow_.measure()) found = narrow_.room_for(rows.lanes, table_.group_count());
    // Words are emptied for a better place of the floats' only if that is rare against the number of groups.
    if (found == room::yes && rows.move && narrow_.pending_rows() >= 16 * (std::uint64_t{table_.group_count()} + 1024))
      found = room::after_clear;
    else if (found == room::after_clear && narrow_.spread(rows.lanes))
      found = narrow_.room_for(rows.lanes, table_.group_count());
    if (found != room::after_clear) return found;
    PILLAR_TRY(settle());
  }
}

/// Adds what narrow_ holds of one aggregate to a state of integers.
inline void aggregator::add_narrow(const bound_aggregate& of, std::uint32_t group, std::byte* to) const noexcept {
  const std::uint64_t count = narrow_count(of, group);
  if (of.form == state_form::count) {
    *reinterpret_cast<std::uint64_t*>(to) += count;
  } else if (of.form == state_form::sum64) {
    auto* sum = reinterpret_cast<detail::sum64_state*>(to);
    sum->add(narrow_.sum(of.narrow_sum, narrow_slot(group)));
    sum->count += count;
  } else {
    auto* sum = reinterpret_cast<detail::sum128_state*>(to);
    sum->add(narrow_.sum(of.narrow_sum, narrow_slot(group)));
    sum->count += count;
  }
}
/// Of all values that windows have seen, and what stands for those in narrow_: a window that begins with their sum takes
/// one of two limbs for its first value's.
inline aggregator::limb_range aggregator::limbs_of(const bound_aggregate& of) const noexcept {
  limb_range all = of.limbs;
  if (of.form != state_form::exact_real || of.narrow_sum == none || narrow_.empty()) return all;
  const detail::fixed_point& point = narrow_lanes_[of.narrow_sum].point;
  if (point.chosen()) all.include({point.limb(), point.limb() + 1});
  return all;
}
/// Adds a sum of floats to an exact state; room is reserved.
inline void aggregator::add_total(const detail::fixed_total& total, std::byte* exact_state) noexcept {
  if (total.sum == 0) return;
  auto* to = reinterpret_cast<detail::exact_real_state*>(exact_state);
  if (to->wide_plus_1 == 0 && to->outside(total)) promote(exact_state);
  if (to->wide_plus_1 != 0) total.add_to(exact_.data() + std::size_t{to->wide_plus_1 - 1} * detail::exact_limbs, 0);
  else total.add_to(to->limbs, to->base_plus_1 - 1u);
}
/// Whether floats are split in the same places, as far as any are.
inline bool aggregator::same_points(const aggregator& other) const noexcept {
  for (std::size_t i = 0; i < narrow_lanes_.size(); ++i) {
    const detail::fixed_point &mine = narrow_lanes_[i].point, &theirs = other.narrow_lanes_[i].point;
    if (mine.chosen() && theirs.chosen() && !(mine == theirs)) return false;
  }
  return true;
}
/// Room for another's words in ours; false: its groups have to be merged state by state.
inline result<bool> aggregator::prepare_words(const aggregator& other) {
  if (!narrow_.used() || other.narrow_.empty()) return false;
  if (narrow_.empty()) {
    for (const narrow_lane& lane : other.narrow_lanes_)  // of fewer groups: with so many, words would soon be full
      if (lane.point.chosen() && !lane.point.suits(group_count())) return false;
    for (std::size_t i = 0; i < narrow_lanes_.size(); ++i) narrow_lanes_[i].point = other.narrow_lanes_[i].point;
  }
  if (!same_points(other)) return false;
  return narrow_.prepare_merge(other.narrow_, group_count());
}
/// Empties the words into the states.
inline result<void> aggregator::settle() {
  if (narrow_.empty()) return {};
  PILLAR_TRY(make_states(group_count()));
  std::size_t wide = 0;
  for (bound_aggregate& of : aggregates_) {
    if (!of.is_narrow || of.form != state_form::exact_real) continue;
    of.limbs = limbs_of(of);
    for (std::uint32_t group = 0; group < group_count(); ++group) {
      auto* to = reinterpret_cast<detail::exact_real_state*>(state(of, group));
      wide += to->wide_plus_1 == 0 && to->outside(narrow_total(of, group)) ? 1 : 0;
    }
  }
  PILLAR_TRY(exact_.reserve(wide * detail::exact_limbs));
  for (bound_aggregate& of : aggregates_) {
    if (!of.is_narrow) continue;
    for (std::uint32_t group = 0; group < group_count(); ++group) {
      if (of.form != state_form::exact_real) {
        add_narrow(of, group, state(of, group));
        continue;
      }
      reinterpret_cast<detail::exact_real_state*>(state(of, group))->count += narrow_count(of, group);
      add_total(narrow_total(of, group), state(of, group));
    }
  }
  note_additions(1);
  narrow_.clear();
  return {};
}
/// A group's state with what narrow_ holds of it: in place, or in `room` for the largest state that may be narrow.
inline const std::byte* aggregator::whole_state(const bound_aggregate& of, std::uint32_t group,
                                                std::byte* room) const noexcept {
  const bool has_state = (std::size_t{group} + 1) * stride_ <= states_.size();
  if (has_state && (!of.is_narrow || narrow_.empty())) return state(of, group);
  const std::size_t size = of.form == state_form::count   ? sizeof(std::uint64_t)
                           : of.form == state_form::sum64 ? sizeof(detail::sum64_state)
                                                          : sizeof(detail::sum128_state);
  if (has_state) std::memcpy(room, state(of, group), size);
  else std::memset(room, 0, size);
  add_narrow(of, group, room);
  return room;
}

/// Adds up whatever apply() may need, so that it cannot fail.
inline void aggregator::count_room(bound_aggregate& of, const vector& from, const batch_rows& rows,
                                   needed_room& room) noexcept {
  if (of.form == state_form::extreme_text)
    for (std::uint32_t i = 0; i < rows.count; ++i) room.text_bytes += 2 * from.text_value(rows.row[i]).size();
  if (of.form != state_form::exact_real) return;
  double values[vector_rows];
  detail::gather_reals(from, rows.row, rows.count, values);
  // Looking at each group's window can be spared where the values are of about one size.
  std::uint64_t smallest = ~std::uint64_t{0}, greatest = 0;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint64_t size = std::bit_cast<std::uint64_t>(values[i]) & ~(std::uint64_t{1} << 63);  // its bits' order
    const bool counts = size != 0 && detail::is_finite(values[i]);
    smallest = counts && size < smallest ? size : smallest;
    greatest = counts && size > greatest ? size : greatest;
  }
  if (greatest != 0)
    of.limbs.include({detail::exact_limb_of(std::bit_cast<double>(smallest)),
                      detail::exact_limb_of(std::bit_cast<double>(greatest))});
  if (of.limbs.fit_any_window()) return;
  const bool keyed = table_.mode() != key_mode::none;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    if (!detail::is_finite(values[i])) continue;
    auto* to = reinterpret_cast<detail::exact_real_state*>(state(of, keyed ? rows.group[i] : 0));
    room.exact_sums += to->wide_plus_1 == 0 && to->outside(values[i]) ? 1 : 0;
  }
}
inline result<void> aggregator::make_room(const needed_room& room) {
  PILLAR_TRY(exact_.reserve(room.exact_sums * detail::exact_limbs));
  return texts_.reserve(room.text_bytes);
}

/// Moves a float sum to a wide accumulator; room is reserved.
inline void aggregator::promote(std::byte* exact_state) noexcept {
  auto* from = reinterpret_cast<detail::exact_real_state*>(exact_state);
  if (from->wide_plus_1 != 0) return;
  const std::size_t start = exact_.size();
  for (std::uint32_t i = 0; i < detail::exact_limbs; ++i) exact_.push(0);
  // The window may reach beyond the last limb, but there it is only the sign's extension.
  detail::exact_normalise(from->limbs, detail::exact_real_state::window);
  const std::uint32_t base = from->base_plus_1 == 0 ? 0 : from->base_plus_1 - 1u;
  for (std::uint32_t i = 0; i < detail::exact_real_state::window; ++i) exact_[start + base + i] = from->limbs[i];
  from->wide_plus_1 = static_cast<std::uint32_t>(start / detail::exact_limbs + 1);
}

inline void aggregator::put_extreme(std::byte* at, bool smallest, std::string_view value) noexcept {
  auto* to = reinterpret_cast<detail::extreme_text_state*>(at);
  if (to->has_value != 0) {
    const std::string_view known(reinterpret_cast<const char*>(texts_.data() + to->offset), to->size);
    if (smallest ? value >= known : value <= known) return;
  }
  if (value.size() > to->capacity) {
    const std::size_t doubled = 2 * std::size_t{to->capacity};
    const std::size_t capacity = value.size() > doubled ? value.size() : doubled;
    to->offset = texts_.size();
    to->capacity = static_cast<std::uint32_t>(capacity > 0xffffffffu ? value.size() : capacity);
    for (std::size_t i = 0; i < to->capacity; ++i) texts_.push(std::byte{0});
  }
  if (!value.empty()) std::memcpy(texts_.data() + to->offset, value.data(), value.size());
  to->size = static_cast<std::uint32_t>(value.size());
  to->has_value = 1;
}

/// Limbs have room for so many additions before their carries have to move up.
inline void aggregator::note_additions(std::uint64_t count) noexcept {
  exact_additions_ += count;
  if (exact_additions_ < detail::exact_carry_period) return;
  for (const bound_aggregate& of : aggregates_)
    for (std::uint32_t group = 0; of.form == state_form::exact_real && group < group_count(); ++group)
      if ((std::size_t{group} + 1) * stride_ <= states_.size())
        detail::exact_normalise(reinterpret_cast<detail::exact_real_state*>(state(of, group))->limbs,
                                detail::exact_real_state::window);
  for (std::size_t at = 0; at < exact_.size(); at += detail::exact_limbs)
    detail::exact_normalise(exact_.data() + at, detail::exact_limbs);
  exact_additions_ = 0;
}

/// Floats into windows of limbs; `counts`: their number is not known from elsewhere.
inline void aggregator::add_exact(const bound_aggregate& of, const vector& from, const batch_rows& rows,
                                  bool counts) noexcept {
  const bool keyed = table_.mode() != key_mode::none;
  std::byte* first = states_.data() + of.offset;
  const bool far = keyed && states_.size() > detail::prefetch_threshold_bytes;
  double values[vector_rows];
  detail::gather_reals(from, rows.row, rows.count, values);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    constexpr std::uint32_t ahead = 16;
    if (far && i + ahead < rows.count) {
      const std::byte* at = first + rows.group[i + ahead] * std::size_t{stride_};
      __builtin_prefetch(at, 1);
      __builtin_prefetch(at + sizeof(detail::exact_real_state) - 1, 1);
    }
    auto* to = reinterpret_cast<detail::exact_real_state*>(first + (keyed ? rows.group[i] * std::size_t{stride_} : 0));
    to->count += counts ? 1 : 0;
    if (!detail::is_finite(values[i])) {
      to->flags |= detail::exact_flag_of(values[i]);
      continue;
    }
    const std::uint32_t limb = detail::exact_limb_of(values[i]);
    if (to->wide_plus_1 == 0 && to->outside(values[i])) promote(reinterpret_cast<std::byte*>(to));
    std::int64_t* limbs = to->limbs;
    std::uint32_t base = to->base_plus_1 - 1u;
    if (to->wide_plus_1 != 0) {
      limbs = exact_.data() + std::size_t{to->wide_plus_1 - 1} * detail::exact_limbs;
      base = 0;
    }
    if (values[i] != 0) detail::exact_add(limbs + (limb - base), values[i]);
  }
  note_additions(rows.count);
}

inline void aggregator::apply(const bound_aggregate& of, const vector& from, const batch_rows& rows) noexcept {
  const bool keyed = table_.mode() != key_mode::none;
  const std::uint32_t count = rows.count;
  std::byte* first = states_.data() + of.offset;
  const std::size_t stride = stride_;
  // The states of many groups lie anywhere: each is asked for some rows early. All of a batch's at once would be more
  // than a core can wait for, and some of them would not come.
  const bool far = keyed && states_.size() > detail::prefetch_threshold_bytes;
  const auto ask_ahead = [&](std::uint32_t row, std::size_t size) {
    constexpr std::uint32_t ahead = 16;
    if (!far || row + ahead >= count) return;
    const std::byte* at = first + rows.group[row + ahead] * stride;
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + size - 1, 1);
  };
  switch (of.form) {
    case state_form::count: {
      if (!keyed) {
        reinterpret_cast<std::uint64_t*>(first)[0] += count;
        return;
      }
      for (std::uint32_t i = 0; i < count; ++i) ++*reinterpret_cast<std::uint64_t*>(first + rows.group[i] * stride);
      return;
    }
    case state_form::sum64: {
      std::int64_t values[vector_rows];
      detail::gather_integers(from, rows.row, count, values);
      if (!keyed) {
        // 1,024 upper and lower halves each fit into 64 bits.
        std::int64_t upper = 0, lower = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
          upper += values[i] >> 32;
          lower += values[i] & 0xffffffff;
        }
        auto* to = reinterpret_cast<detail::sum64_state*>(first);
        to->add(static_cast<int128>(upper) * (int128{1} << 32) + lower);
        to->count += count;
        return;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::sum64_state));
        auto* to = reinterpret_cast<detail::sum64_state*>(first + rows.group[i] * stride);
        to->add(PILLAR_MUTATE(aggregate_sum_wraps, values[i], static_cast<std::int32_t>(values[i])));
        ++to->count;
      }
      return;
    }
    case state_form::sum64_unsigned: {
      std::int64_t values[vector_rows];
      detail::gather_integers(from, rows.row, count, values);
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::sum64_state));
        auto* to = reinterpret_cast<detail::sum64_state*>(first + (keyed ? rows.group[i] * stride : 0));
        to->add(static_cast<int128>(static_cast<std::uint64_t>(values[i])));
        ++to->count;
      }
      return;
    }
    case state_form::sum128: {
      std::int64_t narrow[vector_rows];
      const bool is_narrow = from.type.physical != physical_type::integer128;
      if (is_narrow) detail::gather_integers(from, rows.row, count, narrow);
      for (std::uint32_t i = 0; i < count; ++i) {
        auto* to = reinterpret_cast<detail::sum128_state*>(first + (keyed ? rows.group[i] * stride : 0));
        to->add(is_narrow ? narrow[i] : detail::int128_at(from, rows.row[i]));
        ++to->count;
      }
      return;
    }
    case state_form::exact_real: add_exact(of, from, rows, true); return;
    case state_form::fast_real: {
      double values[vector_rows];
      detail::gather_reals(from, rows.row, count, values);
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::fast_real_state));
        auto* to = reinterpret_cast<detail::fast_real_state*>(first + (keyed ? rows.group[i] * stride : 0));
        to->sum += values[i];
        ++to->count;
      }
      return;
    }
    case state_form::narrow_extreme: {
      std::uint64_t ranks[vector_rows];
      detail::gather_ordered(from, rows.row, count, 0, ranks);
      for (std::uint32_t i = 0; i < count; ++i) ranks[i] = detail::narrow_extreme_state::rank_of(ranks[i], of.greatest);
      if (!keyed) {
        std::uint64_t& best = reinterpret_cast<detail::narrow_extreme_state*>(first)->rank;
        for (std::uint32_t i = 0; i < count; ++i) best = ranks[i] > best ? ranks[i] : best;
        return;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::narrow_extreme_state));
        std::uint64_t& best = reinterpret_cast<detail::narrow_extreme_state*>(first + rows.group[i] * stride)->rank;
        best = ranks[i] > best ? ranks[i] : best;
      }
      return;
    }
    case state_form::extreme: {
      // A maximum is the minimum of the inverted words.
      const std::uint64_t flip = of.greatest ? ~std::uint64_t{0} : 0;
      std::uint64_t words[vector_rows];
      detail::gather_ordered(from, rows.row, count, flip, words);
      if (!keyed) {
        if (count == 0) return;
        std::uint64_t least = words[0];
        for (std::uint32_t i = 1; i < count; ++i) least = words[i] < least ? words[i] : least;
        auto* to = reinterpret_cast<detail::extreme_state*>(first);
        to->low = to->has_value != 0 && to->low < least ? to->low : least;
        to->has_value = 1;
        return;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::extreme_state));
        auto* to = reinterpret_cast<detail::extreme_state*>(first + rows.group[i] * stride);
        to->low = to->has_value != 0 && to->low < words[i] ? to->low : words[i];
        to->has_value = 1;
      }
      return;
    }
    case state_form::extreme128: {
      const bool smallest = !of.greatest;
      for (std::uint32_t i = 0; i < count; ++i) {
        auto* to = reinterpret_cast<detail::extreme128_state*>(first + (keyed ? rows.group[i] * stride : 0));
        const int128 value = detail::int128_at(from, rows.row[i]);
        const auto known = static_cast<int128>(static_cast<uint128>(to->high) << 64 | to->low);
        if (to->has_value != 0 && (smallest ? value >= known : value <= known)) continue;
        to->low = static_cast<std::uint64_t>(value);
        to->high = static_cast<std::uint64_t>(value >> 64);
        to->has_value = 1;
      }
      return;
    }
    case state_form::extreme_text: {
      for (std::uint32_t i = 0; i < count; ++i)
        put_extreme(first + (keyed ? rows.group[i] * stride : 0), !of.greatest, from.text_value(rows.row[i]));
      return;
    }
    case state_form::object: return;
  }
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
/// Before codes change, or where states are needed by groups.
inline result<void> aggregator::leave_codes() noexcept {
  if (!by_codes_) return {};
  const std::uint32_t* const code_of = table_.codes();
  PILLAR_TRY(narrow_.move(
      group_count(), group_count(), [code_of](std::uint32_t group) { return code_of[group] + 1; },
      [](std::uint32_t group) { return group + 1; }));
  by_codes_ = false;
  table_.forget_codes();
  return {};
}

/// The rows' slots: by codes if by_codes_ is set then.
inline result<void> aggregator::find_slots(std::span<const vector* const> keys, const selection_mask& selection,
                                           std::uint32_t row_count, std::uint32_t* slots) {
  try_codes();
  if (by_codes_) {
    PILLAR_ASSIGN_OR_RETURN(const bool found, table_.find_codes(keys, selection, row_count, slots));
    if (found) return {};
    PILLAR_TRY(leave_codes());
  }
  return table_.find_slots(keys, selection, row_count, slots);
}

/// Values that come from memory are on their way while groups are looked for; where batches follow one another there, those
/// of the next one. Nobody has looked at those whose bits are not known. Nothing is read, so any address will do.
inline void aggregator::ask_for_values(std::span<const vector* const> inputs, std::uint32_t row_count) noexcept {
  for (narrow_lane& lane : narrow_lanes_) {
    const vector& from = *inputs[lane.input];
    if (from.kind != vector_kind::flat) continue;
    const auto values = reinterpret_cast<std::uintptr_t>(from.values);
    const std::size_t bytes = row_count * byte_width(from.type.physical);
    const std::uintptr_t wanted = values == lane.next ? values + bytes : values;
    for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(reinterpret_cast<const void*>(wanted + at), 0, 2);
    lane.next = values + bytes;
  }
}

PILLAR_API result<void> aggregator::update(std::span<const vector* const> keys, std::span<const vector* const> inputs,
                                           const selection_mask& selection, std::uint32_t row_count,
                                           std::span<const selection_mask* const> where,
                                           std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
  PILLAR_ASSERT(row_count <= vector_rows);
  if (!selection.any()) return {};
  const std::uint32_t before = table_.group_count();
  std::uint32_t slots[vector_rows];
  if (input_bits.empty() && selection.count() > row_count / 4) ask_for_values(inputs, row_count);
  if (table_.mode() != key_mode::none) PILLAR_TRY(find_slots(keys, selection, row_count, slots));
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
  for (const selection_mask* restriction : where) narrow = narrow && restriction == nullptr;
  auto free = detail::narrow_sums::room::never;
  result<void> made;
  if (narrow) {
    auto found = make_narrow(inputs, input_bits, selection, row_count, words);
    if (!found.ok() && by_codes_ && narrow_.empty() && PILLAR_MUTATE(aggregate_codes_stay, leave_codes().ok(), false))
      found = make_narrow(inputs, input_bits, selection, row_count, words);  // by groups words are fewer
    if (found.ok()) free = *found;
    else made = found.error();
    narrow = free == detail::narrow_sums::room::yes;
  }
  const bool in_words = all_narrow_ && narrow && !words.any_outside;
  std::uint32_t group_slots[vector_rows];
  if (are_codes && !(in_words && by_codes_)) {  // states are by groups
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

namespace detail {
/// Whether two float sums can only meet in a wide accumulator.
inline bool needs_wide(const exact_real_state& to, const exact_real_state& from) noexcept {
  if (to.wide_plus_1 != 0) return false;
  return from.wide_plus_1 != 0 || (from.base_plus_1 != 0 && to.base_plus_1 != 0 && from.base_plus_1 != to.base_plus_1);
}
}  // namespace detail

/// Groups of another aggregator, all or those of a list, and their numbers here.
struct aggregator::other_groups {
  const aggregator& other;
  const std::uint32_t* groups;  ///< nullptr: all
  std::uint32_t count;
  const std::uint32_t* group_of;
  bool in_words = false;  ///< what narrow_ holds of them is merged apart
  [[nodiscard]] std::uint32_t group(std::uint32_t i) const noexcept { return groups == nullptr ? i : groups[i]; }
};

inline void aggregator::count_room(const bound_aggregate& of, const other_groups& all,
                                   needed_room& room) const noexcept {
  if (of.form != state_form::extreme_text && of.form != state_form::exact_real) return;
  for (std::uint32_t i = 0; i < all.count; ++i) {
    const std::byte* from = all.other.state_or_null(of, all.group(i));
    if (of.form == state_form::extreme_text) {
      if (from != nullptr)
        room.text_bytes += std::size_t{2} * reinterpret_cast<const detail::extreme_text_state*>(from)->size;
      continue;
    }
    // A copy goes the way of the sum: its window is chosen by what comes first.
    auto to = *reinterpret_cast<const detail::exact_real_state*>(state(of, all.group_of[i]));
    bool wide = to.wide_plus_1 != 0;
    if (from != nullptr && !wide) {
      const auto& theirs = *reinterpret_cast<const detail::exact_real_state*>(from);
      wide = detail::needs_wide(to, theirs);
      if (to.base_plus_1 == 0) to.base_plus_1 = theirs.base_plus_1;
    }
    if (!wide && !all.in_words) wide = to.outside(all.other.narrow_total(of, all.group(i)));
    room.exact_sums += wide && to.wide_plus_1 == 0 ? 1 : 0;
  }
}

inline void aggregator::merge_exact(std::byte* into, const std::byte* other_state, const aggregator& other) noexcept {
  auto* to = reinterpret_cast<detail::exact_real_state*>(into);
  const auto* from = reinterpret_cast<const detail::exact_real_state*>(other_state);
  if (detail::needs_wide(*to, *from)) promote(into);
  to->count += from->count;
  to->flags |= from->flags;
  if (from->base_plus_1 == 0 && from->wide_plus_1 == 0) return;  // no finite value
  std::int64_t limbs[detail::exact_limbs];
  std::uint32_t base = from->base_plus_1 - 1u, count = detail::exact_real_state::window;
  if (from->wide_plus_1 != 0) {
    base = 0;
    count = detail::exact_limbs;
    std::memcpy(limbs, other.exact_.data() + std::size_t{from->wide_plus_1 - 1} * count, sizeof limbs);
  } else {
    std::memcpy(limbs, from->limbs, sizeof from->limbs);
  }
  detail::exact_normalise(limbs, count);
  std::int64_t* target = to->limbs;
  if (to->wide_plus_1 != 0) {
    target = exact_.data() + std::size_t{to->wide_plus_1 - 1} * detail::exact_limbs;
    detail::exact_normalise(target, detail::exact_limbs);
    target += base;
  } else {
    to->base_plus_1 = from->base_plus_1;
    detail::exact_normalise(target, detail::exact_real_state::window);
  }
  for (std::uint32_t i = 0; i < count; ++i) target[i] += limbs[i];
}

inline void aggregator::apply(const bound_aggregate& of, const other_groups& all) noexcept {
  const aggregator& other = all.other;
  const bool smallest = !of.greatest;
  alignas(8) std::byte room[sizeof(detail::sum128_state)];
  if (of.form == state_form::exact_real) {
    for (std::uint32_t i = 0; i < all.count; ++i) {
      std::byte* to = state(of, all.group_of[i]);
      const std::byte* from = other.state_or_null(of, all.group(i));
      if (from != nullptr) merge_exact(to, from, other);
      if (!of.is_narrow || all.in_words || other.narrow_.empty()) continue;
      reinterpret_cast<detail::exact_real_state*>(to)->count += other.narrow_count(of, all.group(i));
      add_total(other.narrow_total(of, all.group(i)), to);
    }
    note_additions(2);
    return;
  }
  for (std::uint32_t i = 0; i < all.count; ++i) {
    const bool state_only = all.in_words && of.is_narrow;
    const std::byte* from_bytes =
        state_only ? other.state_or_null(of, all.group(i)) : other.whole_state(of, all.group(i), room);
    if (from_bytes == nullptr) continue;
    std::byte* to_bytes = state(of, all.group_of[i]);
    switch (of.form) {
      case state_form::count:
        *reinterpret_cast<std::uint64_t*>(to_bytes) += *reinterpret_cast<const std::uint64_t*>(from_bytes);
        break;
      case state_form::sum64:
      case state_form::sum64_unsigned: {
        const auto* from = reinterpret_cast<const detail::sum64_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::sum64_state*>(to_bytes);
        to->add(static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low));
        to->count += from->count;
        break;
      }
      case state_form::sum128: {
        const auto* from = reinterpret_cast<const detail::sum128_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::sum128_state*>(to_bytes);
        to->add(from->words);
        to->count += from->count;
        break;
      }
      case state_form::exact_real: break;  // above
      case state_form::fast_real: {
        const auto* from = reinterpret_cast<const detail::fast_real_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::fast_real_state*>(to_bytes);
        to->sum += from->sum;
        to->count += from->count;
        break;
      }
      case state_form::narrow_extreme: {
        const auto* from = reinterpret_cast<const detail::narrow_extreme_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::narrow_extreme_state*>(to_bytes);
        if (from->rank > to->rank) *to = *from;
        break;
      }
      case state_form::extreme: {
        const auto* from = reinterpret_cast<const detail::extreme_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::extreme_state*>(to_bytes);
        if (from->has_value != 0 && (to->has_value == 0 || from->low < to->low)) *to = *from;
        break;
      }
      case state_form::extreme128: {
        const auto* from = reinterpret_cast<const detail::extreme128_state*>(from_bytes);
        auto* to = reinterpret_cast<detail::extreme128_state*>(to_bytes);
        const auto value = static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low);
        const auto known = static_cast<int128>(static_cast<uint128>(to->high) << 64 | to->low);
        if (from->has_value != 0 && (to->has_value == 0 || (smallest ? value < known : value > known))) *to = *from;
        break;
      }
      case state_form::extreme_text: {
        const auto* from = reinterpret_cast<const detail::extreme_text_state*>(from_bytes);
        if (from->has_value != 0)
          put_extreme(to_bytes, smallest,
                      {reinterpret_cast<const char*>(other.texts_.data() + from->offset), from->size});
        break;
      }
      case state_form::object: return;
    }
  }
}

/// The values that the other's groups have had and ours not, of one distinct aggregate.
struct aggregator::new_pairs {
  std::vector<column> columns{};            ///< values; slots, if there are groups
  std::unique_ptr<grouped_state> states{};  ///< of an object: what it is of them alone

  template <class F>
  void for_each_batch(F&& f) const {
    const std::uint64_t size = columns[0].size();
    batch_rows rows;
    for (std::uint64_t first = 0; first < size; first += vector_rows) {
      const auto count = static_cast<std::uint32_t>(size - first < vector_rows ? size - first : vector_rows);
      const vector slots = columns.size() == 1 ? vector{} : columns[1].slice(first, count);
      rows.count = count;
      for (std::uint32_t i = 0; i < count; ++i) {
        rows.row[i] = static_cast<std::uint16_t>(i);
        rows.group[i] = columns.size() == 1 ? 0 : slots.values_as<std::uint32_t>()[i] - 1;
      }
      f(columns[0].slice(first, count), rows);
    }
  }
};

inline result<void> aggregator::find_new_pairs(const bound_aggregate& of, const aggregator& other,
                                               const group_pairs& groups, new_pairs& found) {
  PILLAR_ASSIGN_OR_RETURN(found.columns, distinct_[of.distinct].find_new(other.distinct_[of.distinct], groups));
  if (of.form != state_form::object) return {};
  PILLAR_ASSIGN_OR_RETURN(found.states, make_grouped_state(of.spec, of.input, of.second, budget_));
  result<void> added;
  found.for_each_batch([&](const vector& values, const batch_rows& rows) {
    if (!added.ok()) return;
    const group_rows taken{&values, nullptr, rows.row, rows.group, rows.count, {}};
    added = found.states->reserve(taken, table_.group_count());
    if (added.ok()) found.states->add(taken);
  });
  return added;
}

PILLAR_API void aggregator::arrange_results() noexcept {
  for (const auto& states : objects_) states->arrange();
}
PILLAR_API void aggregator::arrange() noexcept {
  arrange_results();
  for (detail::distinct_rows& of : distinct_) of.arrange();
}

PILLAR_API result<void> aggregator::merge(const aggregator& other) {
  return merge_groups(other, nullptr, other.group_count());
}
PILLAR_API result<void> aggregator::merge(const aggregator& other, std::span<const std::uint32_t> groups) {
  return merge_groups(other, groups.data(), static_cast<std::uint32_t>(groups.size()));
}

/// The groups of keys that are words. On an error there may be new ones.
inline result<void> aggregator::find_words(const std::uint64_t* words, std::uint32_t count, std::uint32_t* group_of) {
  vector view;
  view.type = table_.key_types()[0];
  const vector* const key = &view;
  for (std::uint32_t first = 0; first < count; first += vector_rows) {
    view.size = count - first < vector_rows ? count - first : vector_rows;
    view.values = words + first;
    PILLAR_TRY(table_.find_or_insert({&key, 1}, selection_mask::first(view.size), view.size, group_of + first));
  }
  return {};
}

PILLAR_API result<void> aggregator::merge_words(const aggregator& other, std::span<const std::uint32_t> groups,
                                                const std::uint64_t* words) {
  PILLAR_ASSERT(table_.key_types().size() == 1 && table_.key_types()[0].physical == physical_type::uint64);
  return merge_groups(other, groups.data(), static_cast<std::uint32_t>(groups.size()), words);
}

inline result<void> aggregator::merge_groups(const aggregator& other, const std::uint32_t* groups, std::uint32_t count,
                                             const std::uint64_t* words) {
  PILLAR_ASSERT(this != &other);
  if ((words == nullptr && result_types_ != other.result_types_) || input_types_ != other.input_types_ ||
      stride_ != other.stride_ || aggregates_.size() != other.aggregates_.size())
    return errc::type_mismatch;
  for (std::size_t i = 0; i < aggregates_.size(); ++i)
    if (!(aggregates_[i].spec == other.aggregates_[i].spec)) return {errc::type_mismatch, i};
  if (PILLAR_MUTATE(merge_of_nothing_is_all, count == 0, false)) return {};
  PILLAR_TRY(leave_codes());
  const std::uint32_t before = table_.group_count();
  PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(std::size_t{count} * sizeof(std::uint32_t), budget_));
  auto* group_of = memory.as<std::uint32_t>();
  result<void> made = words != nullptr    ? find_words(words, count, group_of)
                      : groups == nullptr ? table_.merge(other.table_, group_of)
                                          : table_.merge(other.table_, std::span(groups, count), group_of);
  other_groups all{other, groups, count, group_of};
  if (made.ok()) {
    const auto prepared = prepare_words(other);
    if (prepared.ok()) all.in_words = *prepared;
    else made = prepared.error();
  }
  // Of what is narrow only states are left to merge, if there are any.
  const auto is_merged = [&](const bound_aggregate& of) {
    return all.in_words && of.is_narrow && other.states_.empty();
  };
  if (made.ok() && !(all.in_words && all_narrow_ && other.states_.empty())) made = make_states(table_.group_count());
  needed_room room;
  const group_pairs named{groups, group_of, count};
  std::vector<new_pairs> pairs(distinct_.size());
  for (std::size_t i = 0; i < aggregates_.size() && made.ok(); ++i) {
    bound_aggregate& of = aggregates_[i];
    const bound_aggregate& theirs = other.aggregates_[i];
    if (PILLAR_MUTATE(exact_ranges_not_merged, true, false))
      of.limbs.include(all.in_words ? theirs.limbs : other.limbs_of(theirs));
    if (is_merged(of)) continue;
    if (of.distinct != none) {
      made = find_new_pairs(of, other, named, pairs[of.distinct]);
      if (!made.ok()) break;
      pairs[of.distinct].for_each_batch([&](const vector& values, const batch_rows& rows) {
        if (of.form != state_form::object) count_room(of, values, rows, room);
      });
    }
    if (of.form != state_form::object) {
      if (of.distinct == none) count_room(of, all, room);
      continue;
    }
    if (of.distinct == none) {
      made = objects_[of.object]->reserve_merge(*other.objects_[of.object], named, table_.group_count());
    } else {
      const group_pairs same{nullptr, nullptr, table_.group_count()};
      made = objects_[of.object]->reserve_merge(*pairs[of.distinct].states, same, table_.group_count());
    }
  }
  if (made.ok()) made = make_room(room);
  if (!made.ok()) {
    forget(before);
    return made;
  }
  if (all.in_words) {
    for (std::size_t i = 0; i < narrow_lanes_.size(); ++i)
      if (!narrow_lanes_[i].point.chosen()) narrow_lanes_[i].point = other.narrow_lanes_[i].point;
    narrow_.merge(
        other.narrow_, count, [&](std::uint32_t i) { return other.narrow_slot(all.group(i)); },
        [group_of](std::uint32_t i) { return group_of[i] + 1; });
  }
  for (const bound_aggregate& of : aggregates_) {
    if (is_merged(of)) continue;
    if (of.form == state_form::object) {
      if (of.distinct == none) objects_[of.object]->merge(*other.objects_[of.object], named);
      else objects_[of.object]->merge(*pairs[of.distinct].states, {nullptr, nullptr, table_.group_count()});
    } else if (of.distinct == none) {
      apply(of, all);
    } else {
      pairs[of.distinct].for_each_batch([&](const vector& values, const batch_rows& rows) { apply(of, values, rows); });
    }
  }
  for (detail::distinct_rows& of : distinct_) of.keep();
  return {};
}

inline result<void> aggregator::append_result(const bound_aggregate& of, std::uint32_t group,
                                              column_builder& out) const {
  alignas(8) std::byte room[sizeof(detail::sum128_state)];
  const std::byte* at = whole_state(of, group, room);
  const bool average = of.spec.kind == aggregate_kind::avg;
  const auto integer_average = [&](double sum, std::uint64_t count) {
    const unsigned scale = of.input.logical == logical_type::decimal ? of.input.scale : 0;
    return sum / (static_cast<double>(count) * static_cast<double>(power_of_ten(scale)));
  };
  constexpr int128 most = power_of_ten(38) - 1;
  switch (of.form) {
    case state_form::count: return out.append_integer(static_cast<int128>(*reinterpret_cast<const std::uint64_t*>(at)));
    case state_form::sum64:
    case state_form::sum64_unsigned: {
      const auto* from = reinterpret_cast<const detail::sum64_state*>(at);
      if (from->count == 0) return out.append_null();
      const auto sum = static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low);
      if (average) return out.append_real(integer_average(static_cast<double>(sum), from->count));
      if (sum > most || sum < -most) return {errc::overflow, group};
      return out.append_integer(sum);
    }
    case state_form::sum128: {
      const auto* from = reinterpret_cast<const detail::sum128_state*>(at);
      if (from->count == 0) return out.append_null();
      if (average) return out.append_real(integer_average(detail::to_double(*from), from->count));
      const auto sum = static_cast<int128>(static_cast<uint128>(from->words[1]) << 64 | from->words[0]);
      if (from->words[2] != (sum < 0 ? ~std::uint64_t{0} : 0) || sum > most || sum < -most)
        return {errc::overflow, group};
      return out.append_integer(sum);
    }
    case state_form::exact_real: break;  // by vectors
    case state_form::fast_real: {
      const auto* from = reinterpret_cast<const detail::fast_real_state*>(at);
      if (from->count == 0) return out.append_null();
      return out.append_real(average ? from->sum / static_cast<double>(from->count) : from->sum);
    }
    case state_form::narrow_extreme:
    case state_form::extreme: {
      const auto* from = reinterpret_cast<const detail::extreme_state*>(at);
      const auto* narrow = reinterpret_cast<const detail::narrow_extreme_state*>(at);
      const bool is_narrow = of.form == state_form::narrow_extreme;
      if ((is_narrow ? narrow->rank : from->has_value) == 0) return out.append_null();
      const std::uint64_t word = is_narrow ? narrow->word(of.greatest) : of.greatest ? ~from->low : from->low;
      return visit_fixed_width(of.input.physical, [&]<class T>() -> result<void> {
        if constexpr (sizeof(T) > 8) return errc::unsupported;
        else if constexpr (std::is_floating_point_v<T>)
          return out.append_real(static_cast<double>(detail::from_ordered_word<T>(word)));
        else return out.append_integer(detail::from_ordered_word<T>(word));
      });
    }
    case state_form::extreme128: {
      const auto* from = reinterpret_cast<const detail::extreme128_state*>(at);
      if (from->has_value == 0) return out.append_null();
      return out.append_integer(static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low));
    }
    case state_form::extreme_text: {
      const auto* from = reinterpret_cast<const detail::extreme_text_state*>(at);
      if (from->has_value == 0) return out.append_null();
      return out.append_text({reinterpret_cast<const char*>(texts_.data() + from->offset), from->size});
    }
    case state_form::object: break;
  }
  return errc::unsupported;
}

/// May the results be taken from narrow_ or from sums of 128 bits, by vectors?
inline bool aggregator::is_counted_or_summed(const bound_aggregate& of) const noexcept {
  return of.form == state_form::count || of.form == state_form::sum64 || of.form == state_form::sum64_unsigned ||
         (of.form == state_form::sum128 && of.is_narrow && states_.empty());
}

/// Counts, sums and averages of groups [first, first + count), at most 1,024 of them.
inline result<void> aggregator::append_integers(const bound_aggregate& of, std::uint32_t first, std::uint32_t count,
                                                column_builder& out) const {
  constexpr int128 most = power_of_ten(38) - 1;
  std::int64_t counts[vector_rows];
  int128 sums[vector_rows];
  double averages[vector_rows];
  std::uint64_t validity[vector_words] = {};
  alignas(8) std::byte room[sizeof(detail::sum128_state)];
  const bool all_narrow = of.is_narrow && states_.empty();
  if (all_narrow) {
    std::uint32_t slots[vector_rows];
    for (std::uint32_t i = 0; i < count; ++i) slots[i] = narrow_slot(first + i);
    if (of.narrow_count == none) narrow_.copy_rows(slots, count, counts);
    else narrow_.copy_sums(of.narrow_count, slots, count, counts);
    if (of.form != state_form::count) {
      std::int64_t words[vector_rows];
      narrow_.copy_sums(of.narrow_sum, slots, count, words);
      for (std::uint32_t i = 0; i < count; ++i) sums[i] = words[i];
    }
    for (std::uint32_t i = 0; i < count; ++i)
      validity[i / 64] |= std::uint64_t{of.form == state_form::count || counts[i] != 0} << (i % 64);
  }
  for (std::uint32_t i = 0; i < count && !all_narrow; ++i) {
    const std::uint32_t group = first + i;
    if (of.form == state_form::count) {
      counts[i] = *reinterpret_cast<const std::int64_t*>(whole_state(of, group, room));
    } else {
      const auto* from = reinterpret_cast<const detail::sum64_state*>(whole_state(of, group, room));
      counts[i] = static_cast<std::int64_t>(from->count);
      sums[i] = static_cast<int128>(static_cast<uint128>(from->high) << 64 | from->low);
      if (of.spec.kind == aggregate_kind::sum && counts[i] != 0 && (sums[i] > most || sums[i] < -most))
        return {errc::overflow, group};
    }
    assign_bit(validity, i, of.form == state_form::count || counts[i] != 0);
  }
  vector view;
  view.type = out.type();
  view.size = count;
  view.values = of.form == state_form::count ? static_cast<const void*>(counts) : sums;
  if (of.spec.kind == aggregate_kind::avg) {
    const unsigned scale = of.input.logical == logical_type::decimal ? of.input.scale : 0;
    const auto unit = static_cast<double>(power_of_ten(scale));
    for (std::uint32_t i = 0; i < count; ++i)
      averages[i] = counts[i] == 0 ? 0 : static_cast<double>(sums[i]) / (static_cast<double>(counts[i]) * unit);
    view.values = averages;
  }
  if (view.type.nullable) view.validity = validity;
  return out.append(view);
}

/// A sum of floats that are not NULL: of a state, if there is one, and of what narrow_ holds.
inline double aggregator::exact_result(const bound_aggregate& of, std::uint32_t group,
                                       const detail::fixed_total& total) const noexcept {
  const auto* from = reinterpret_cast<const detail::exact_real_state*>(state_or_null(of, group));
  if (from != nullptr && from->flags != 0) return detail::exact_special(from->flags);
  if (from == nullptr || (from->wide_plus_1 == 0 && from->base_plus_1 == 0)) return total.rounded();
  std::int64_t limbs[detail::exact_limbs] = {};
  if (from->wide_plus_1 != 0)
    std::memcpy(limbs, exact_.data() + std::size_t{from->wide_plus_1 - 1} * detail::exact_limbs, sizeof limbs);
  else std::memcpy(limbs + (from->base_plus_1 - 1), from->limbs, sizeof from->limbs);
  total.add_to(limbs, 0);
  return detail::exact_round(limbs);
}

/// The same of at most 1,024 groups, where all is in words that doubles hold; else false.
inline bool aggregator::round_words(const bound_aggregate& of, std::uint32_t first, std::uint32_t count, bool average,
                                    double* values, std::uint64_t* validity) const noexcept {
  if (!of.is_narrow || !states_.empty() || narrow_.empty()) return false;
  std::uint32_t slots[vector_rows];
  std::int64_t low[vector_rows], high[vector_rows], counts[vector_rows];
  for (std::uint32_t i = 0; i < count; ++i) slots[i] = narrow_slot(first + i);
  narrow_.copy_sums(of.narrow_sum, slots, count, low);
  narrow_.copy_sums(of.narrow_sum + 1, slots, count, high);
  if (!narrow_lanes_[of.narrow_sum].point.round_all(low, high, count, values)) return false;
  if (of.narrow_count == none) narrow_.copy_rows(slots, count, counts);
  else narrow_.copy_sums(of.narrow_count, slots, count, counts);
  for (std::uint32_t i = 0; i < count; ++i) validity[i / 64] |= std::uint64_t{counts[i] != 0} << (i % 64);
  for (std::uint32_t i = 0; average && i < count; ++i)
    values[i] = counts[i] == 0 ? 0 : values[i] / static_cast<double>(static_cast<std::uint64_t>(counts[i]));
  return true;
}

/// Exact sums and averages of floats, of at most 1,024 groups from `first` on.
inline result<void> aggregator::append_reals(const bound_aggregate& of, std::uint32_t first, std::uint32_t count,
                                             column_builder& out) const {
  double values[vector_rows];
  std::uint64_t validity[vector_words] = {};
  const bool average = of.spec.kind == aggregate_kind::avg;
  const bool in_words = round_words(of, first, count, average, values, validity);
  for (std::uint32_t i = 0; i < count && !in_words; ++i) {
    const auto* from = reinterpret_cast<const detail::exact_real_state*>(state_or_null(of, first + i));
    const std::uint64_t values_seen =
        (from == nullptr ? 0 : from->count) + (of.is_narrow ? narrow_count(of, first + i) : 0);
    values[i] = 0;
    if (values_seen == 0) continue;
    set_bit(validity, i);
    const double sum = exact_result(of, first + i, narrow_total(of, first + i));
    values[i] = average ? sum / static_cast<double>(values_seen) : sum;
  }
  vector view;
  view.type = out.type();
  view.size = count;
  view.values = values;
  if (view.type.nullable) view.validity = validity;
  return out.append(view);
}

PILLAR_API result<std::vector<column>> aggregator::finish(memory_budget* budget) const {
  return finish(0, group_count(), budget);
}

PILLAR_API result<std::vector<column>> aggregator::finish(std::uint32_t first, std::uint32_t count,
                                                          memory_budget* budget, memory_budget* scratch) const {
  PILLAR_ASSERT(first <= group_count() && count <= group_count() - first);
  std::vector<column> made;
  for (std::uint32_t key = 0; key < table_.key_types().size(); ++key) {
    column_builder out(result_types_[key], budget);
    PILLAR_TRY(out.reserve(count));
    PILLAR_TRY(table_.append_keys(key, first, count, out));
    PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
    made.push_back(std::move(done));
  }
  for (std::size_t i = 0; i < aggregates_.size(); ++i) {
    column_builder out(result_types_[made.size()], budget);
    PILLAR_TRY(out.reserve(count));
    const bool real = aggregates_[i].form == state_form::exact_real;
    const bool by_vectors = real || is_counted_or_summed(aggregates_[i]);
    const bool object = aggregates_[i].form == state_form::object;
    if (object) PILLAR_TRY(objects_[aggregates_[i].object]->append_results(first, count, out, scratch));
    for (std::uint32_t at = 0; by_vectors && at < count; at += vector_rows) {
      const std::uint32_t groups = count - at < vector_rows ? count - at : vector_rows;
      PILLAR_TRY(real ? append_reals(aggregates_[i], first + at, groups, out)
                      : append_integers(aggregates_[i], first + at, groups, out));
    }
    for (std::uint32_t at = 0; !by_vectors && !object && at < count; ++at)
      PILLAR_TRY(append_result(aggregates_[i], first + at, out));
    PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
    made.push_back(std::move(done));
  }
  return made;
}

}  // namespace PILLAR_NAMESPACE
