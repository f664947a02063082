// SPDX-License-Identifier: Apache-2.0
/// Sums and averages as words beside the groups' states (detail/narrow_sums.hpp), until they are settled.
#pragma once
#include <bit>
#include <cstring>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/detail/states.hpp"
#include "pillar/aggregate/impl/aggregator_rows.hpp"
#include "pillar/base/mutant.hpp"

namespace PILLAR_NAMESPACE {

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
  selection_mask outside[detail::narrow_batch::most_sums];
  bool any_outside = false;
  bool move = false;  ///< many rows would be inside if a lane chose again
};

/// A lane's values, where they do not come as a plain array. No budget has the memory: it is constant, and what is left
/// for one of many partitions may be less. nullptr: there is none.
inline std::int64_t* aggregator::lane_values(std::uint32_t lane) noexcept {
  constexpr std::size_t lane_bytes = vector_rows * sizeof(std::int64_t);
  if (lane_values_.size() == 0) {
    auto made = buffer::allocate(narrow_lanes_.size() * lane_bytes, nullptr);
    if (!made.ok()) return nullptr;
    lane_values_ = *std::move(made);
  }
  return lane_values_.as<std::int64_t>() + std::size_t{lane} * vector_rows;
}

/// The batch's lanes; false if one of them does not come in integers of 64 bits.
inline result<bool> aggregator::fill_narrow(std::span<const vector* const> inputs,
                                            std::span<const std::uint8_t> input_bits, const selection_mask& selection,
                                            std::uint32_t row_count, narrow_rows& rows) {
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
    std::int64_t* const values = lane_values(i);
    if (values == nullptr) return errc::out_of_memory;
    batch.values[i] = values;
    if (lane.form == form::low_words) {
      double doubles[vector_rows];
      const selection_mask taken = batch_rows::mask(selection, &from, nullptr, nullptr);
      const double* reals = detail::taken_reals(from, taken, row_count, doubles);
      const std::uint32_t groups = table_.group_count();
      const auto split = [&] {
        return lane.point.split(reals, row_count, groups, values, values + vector_rows, batch.bits[i],
                                batch.bits[i + 1], rows.outside[i]);
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
      batch.values[i] = values + vector_rows;
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
    PILLAR_ASSIGN_OR_RETURN(const bool are_narrow, fill_narrow(inputs, input_bits, selection, row_count, rows));
    if (!are_narrow) return room::never;
    if (by_codes_) PILLAR_TRY(narrow_.reserve(table_.code_count(), rows.lanes));
    else PILLAR_TRY(narrow_.reserve(table_.group_count(), rows.lanes, table_.likely_groups()));
    const std::uint32_t groups = groups_late_ ? table_.code_count() : table_.group_count();
    room found = narrow_.room_for(rows.lanes, groups);
    if (found == room::after_clear && narrow_.measure()) found = narrow_.room_for(rows.lanes, groups);
    // Words are emptied for a better place of the floats' only if that is rare against the number of groups.
    if (found == room::yes && rows.move && narrow_.pending_rows() >= 16 * (std::uint64_t{table_.group_count()} + 1024))
      found = room::after_clear;
    else if (found == room::after_clear && narrow_.spread(rows.lanes)) found = narrow_.room_for(rows.lanes, groups);
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
  if (PILLAR_MUTATE(aggregate_late_groups_emptied, true, false)) number_groups();
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

}  // namespace PILLAR_NAMESPACE
