// SPDX-License-Identifier: Apache-2.0
/// When a grouping begins to spill, and which of its keys go to which run.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "pillar/aggregate/detail/group_parts.hpp"
#include "pillar/aggregate/detail/run_order.hpp"
#include "pillar/aggregate/spilling_aggregator.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// Hash bits by which a partition may be divided further: with more of them, one group is what does not fit.
inline constexpr unsigned spill_most_bits = 40;
/// Of the filter that knows the groups in memory: 3 % of other keys are searched for in vain.
inline constexpr unsigned spill_bits_per_group = 8;
/// Keys whose values span at most so many times the groups in memory are dense: the rest of them is not there yet.
inline constexpr std::uint64_t spill_dense_span = 64;
/// Up to so many values for each group a bit for each of them is cheaper than the filter.
inline constexpr std::uint64_t spill_values_per_group = 2 * spill_bits_per_group;
/// Fewer groups say little about keys.
inline constexpr std::uint32_t spill_least_dense_groups = 256;
/// Of dense values there are at least so many, if there are as many runs.
inline constexpr std::uint64_t spill_least_stretches = 8;
/// Groups at which it is seen for the first time whether all will fit.
inline constexpr std::uint32_t spill_first_look = 1024;
/// What groups have of their bytes when that is worth a look, and what they may have: they stay in memory beside the values kept.
inline constexpr std::uint64_t spill_look_share = 8, spill_late_share = 3;
/// Aggregates whose restrictions stand in one word of a row.
inline constexpr std::size_t restrictions_in_a_word = 64;

/// What a budget may ever have: its own limit, or what its parents have left.
inline std::uint64_t most_bytes_of(const memory_budget* budget) noexcept {
  const std::uint64_t available = budget == nullptr ? memory_budget::unlimited : budget->available();
  return available == memory_budget::unlimited ? available : budget->used() + available;
}

}  // namespace detail

/// The groups, and by run which of them.
struct spilling_aggregator::earlier_groups {
  aggregator groups;
  detail::group_parts parts;
};

/// Calls f(keys) for 1,024 groups' keys at a time. False: there was no memory for them.
template <class F>
bool spilling_aggregator::for_each_key(const F& f) const {
  const std::uint32_t group_count = in_memory_->group_count();
  for (std::uint32_t first = 0; first < group_count; first += vector_rows) {
    const std::uint32_t left = group_count - first, count = left < vector_rows ? left : vector_rows;
    column_builder keys(key_types_[0], budget_);
    if (!in_memory_->groups().append_keys(0, first, count, keys).ok()) return false;
    const result<column> made = keys.finish();
    if (!made.ok()) return false;
    f(made->slice(0, count));
  }
  return true;
}

/// What a group takes in an array, about: its place, its key, words and states. Where states grow with their rows, what
/// groups take now.
inline std::uint64_t spilling_aggregator::array_group_bytes() const noexcept {
  std::uint64_t bytes = sizeof(std::uint32_t) + sizeof(std::uint64_t);
  for (const aggregate_spec& of : aggregates_) {
    if (of.distinct) return state_budget_->used() / (in_memory_->group_count() + std::uint64_t{1}) + 1;
    if (of.kind == aggregate_kind::count_rows || of.kind == aggregate_kind::count) bytes += 8;
    else if (of.kind == aggregate_kind::sum || of.kind == aggregate_kind::min || of.kind == aggregate_kind::max)
      bytes += 24;
    else return state_budget_->used() / (in_memory_->group_count() + std::uint64_t{1}) + 1;
  }
  return bytes < 16 ? 16 : bytes;  // what group_table::is_array asks for
}

/// By values, where the groups in memory are of one column of integers, close together and evenly spread.
inline detail::run_order spilling_aggregator::propose_order() const {
  detail::run_order by_hash, order;
  by_hash.bits = order.bits = options_.partition_bits;
  const physical_type type = key_types_[0].physical;
  const std::uint32_t group_count = in_memory_->group_count();
  if (key_types_.size() != 1 || !is_integer(type) || type == physical_type::boolean ||
      type == physical_type::integer128 || group_count < detail::spill_least_dense_groups)
    return by_hash;
  order.is_signed = lowest_of(type) < 0;
  std::uint64_t least = ~std::uint64_t{0}, most = 0, codes[vector_rows];
  const bool seen = for_each_key([&](const vector& keys) {
    order.codes(keys, codes);
    for (std::uint32_t row = 0; row < keys.size; ++row) {
      if (!keys.valid(row)) continue;
      least = codes[row] < least ? codes[row] : least;
      most = codes[row] > most ? codes[row] : most;
    }
  });
  if (!seen || least > most || (most - least) / detail::spill_dense_span >= group_count) return by_hash;
  // A sixteenth more on both sides: the least and the greatest of all keys are hardly among the first.
  const std::uint64_t further = (most - least) / 16 + 1;
  const std::uint64_t lowest = order.in_order(static_cast<std::uint64_t>(lowest_of(type)));
  const std::uint64_t highest = order.in_order(static_cast<std::uint64_t>(highest_of(type)));
  least = least - lowest < further ? lowest : least - further;
  most = highest - most < further ? highest : most + further;
  // Each run costs, whatever is in it: no more of them than make sure that a stretch fits when it is read back.
  const std::uint64_t share = agreement_.use_count() > 1 ? state_bytes_ / 2 : state_bytes_;
  const std::uint64_t stretch = share / array_group_bytes();  // values of one that fit, if all come
  std::uint64_t run_count = std::uint64_t{1} << order.bits;
  // One for each worker at least, since they finish them side by side.
  const auto workers = static_cast<std::uint64_t>(agreement_.use_count());
  const std::uint64_t least_count = workers > detail::spill_least_stretches ? workers : detail::spill_least_stretches;
  while (run_count / 2 >= least_count && (most - least) / (run_count / 2) < stretch) run_count /= 2;
  order.look_at(least, most, run_count);
  std::uint32_t groups_of_run[1 << 10] = {};
  std::uint32_t largest = 0;
  if (!for_each_key([&](const vector& keys) {
        order.codes(keys, codes);
        for (std::uint32_t row = 0; row < keys.size; ++row)
          if (keys.valid(row)) ++groups_of_run[order.run_of_code(codes[row])];
      }))
    return by_hash;
  for (const std::uint32_t count : groups_of_run) largest = count > largest ? count : largest;
  return largest <= 2 * (group_count / run_count) + 64 ? order : by_hash;
}

/// Whether groups take about as much in the end as they do now, and rows are spilled by one worker and as they are.
inline bool spilling_aggregator::keeps_states_small() const noexcept {
  if (options_.store == nullptr || state_bytes_ == memory_budget::unlimited || options_.partition_bits < 2 ||
      options_.restricts || numbers_rows_ || key_types_.size() != 1)
    return false;
  const physical_type type = key_types_[0].physical;
  if (!is_integer(type) || type == physical_type::boolean || type == physical_type::integer128) return false;
  for (const aggregate_spec& of : aggregates_) {
    const bool counts = of.kind == aggregate_kind::count_rows || of.kind == aggregate_kind::count;
    const bool sums = of.kind == aggregate_kind::sum || of.kind == aggregate_kind::avg;
    if (of.distinct || !(counts || (sums && is_integer(input_types_[of.input].physical)))) return false;
  }
  return in_memory_->sums_in_words();  // others, as of uint64, have no codes to stand by
}

/// Where the keys so far are of a dense stretch that will not fit: its runs, and the values that will. Else bits = 0.
inline detail::run_order spilling_aggregator::propose_kept_values() const {
  detail::run_order order;
  const std::uint64_t group_count = in_memory_->group_count(), used = state_budget_->used();
  order.is_signed = lowest_of(key_types_[0].physical) < 0;
  std::uint64_t least = ~std::uint64_t{0}, most = 0, codes[vector_rows];
  const auto each_code = [&](const auto& f) {
    return for_each_key([&](const vector& keys) {
      order.codes(keys, codes);
      for (std::uint32_t row = 0; row < keys.size; ++row)
        if (keys.valid(row)) f(codes[row]);
    });
  };
  if (!each_code([&](std::uint64_t code) {
        least = code < least ? code : least;
        most = code > most ? code : most;
      }) ||
      least > most || (most - least) >> 40 != 0)
    return {};
  // The least and the greatest of all keys are hardly here yet: a few times what lies between two of these.
  const std::uint64_t further = 16 * ((most - least) / group_count + 1);
  const std::uint64_t lowest = order.in_order(static_cast<std::uint64_t>(lowest_of(key_types_[0].physical)));
  const std::uint64_t highest = order.in_order(static_cast<std::uint64_t>(highest_of(key_types_[0].physical)));
  least = least - lowest < further ? lowest : least - further;
  most = highest - most < further ? highest : most + further;
  const std::uint64_t values = most - least + 1;
  // A row has a key that is known with the share of the keys that are; from above, so that there are more than this.
  const auto rows = static_cast<double>(rows_so_far_), groups = static_cast<double>(group_count);
  const double known = rows > groups ? rows - groups : 0, known_at_most = known + 3 * std::sqrt(known) + 4;
  const double likely_groups = groups / 2 * rows / known_at_most;
  const std::uint64_t value_bytes = 2 * sizeof(std::uint32_t) + in_memory_->group_bytes() + 1;
  // With a group for each third value, an array takes no more than a hash table.
  if (3 * likely_groups < static_cast<double>(values) || values <= state_bytes_ / value_bytes ||
      (expected_rows_ != 0 && expected_rows_ <= state_bytes_ / used * group_count))
    return {};
  // No more than an array may have, with a code for NULL.
  constexpr std::uint64_t most_fit = detail::direct_table::most_codes - 2;
  const std::uint64_t left = state_bytes_ - used, all_fit = (left - left / 16) / value_bytes;
  const std::uint64_t fit = all_fit < most_fit ? all_fit : most_fit;
  // Not more runs than make sure that each fits when it is read back, beside these groups, and one number for what is kept.
  const std::uint64_t most_runs = (std::uint64_t{1} << options_.partition_bits) - 1, fit_later = fit - fit / 4;
  const std::uint64_t wanted = (values - fit) / (fit_later + 1) + 1;
  const std::uint64_t run_count = wanted < detail::spill_least_stretches ? detail::spill_least_stretches : wanted;
  if (fit < values / 16 || (run_count > most_runs && wanted > most_runs)) return {};
  order.look_at(least, most, run_count < most_runs ? run_count : most_runs, fit);
  std::uint32_t groups_of_run[1 << 10] = {};
  if (!each_code([&](std::uint64_t code) { ++groups_of_run[order.run_of_code(code)]; })) return {};
  for (std::uint64_t run = 0; run < order.kept_run; ++run)
    if (groups_of_run[run] > 2 * (group_count * order.width / values) + 64) return {};
  order.bits = order.kept_values() == 0 ? 0 : options_.partition_bits;
  return order;
}

/// Dense keys that will not fit are spilled before memory is full: what is left of it is an array of as many values as
/// fit, whose rows all stay. Where that cannot be, nothing has happened.
inline void spilling_aggregator::look_ahead() {
  next_look_ = in_memory_->group_count() > ~0u / 2 ? ~0u : 2 * in_memory_->group_count();
  const std::uint64_t used = state_budget_->used();
  if (used < state_bytes_ / detail::spill_look_share || used > state_bytes_ / detail::spill_late_share ||
      agreement_.use_count() > 1)
    return;
  const detail::run_order order = propose_kept_values();
  if (order.bits == 0) return;
  result<detail::group_parts> parts = parts_of(*in_memory_, order);
  if (!parts.ok()) return;
  const std::uint64_t kept_from = order.first + order.width * order.kept_run;
  const auto value = [&](std::uint64_t number) {
    return order.is_signed ? static_cast<int128>(number) - (int128{1} << 63) : static_cast<int128>(number);
  };
  const key_range values = {value(kept_from), value(order.first + (order.span - 1))};
  result<aggregator> kept = aggregator::make(key_types_, input_types_, aggregates_, state_budget_.get(), {&values, 1},
                                             order.kept_values(), input_ranges_);
  if (!kept.ok() || !kept->merge(*in_memory_, parts->of(static_cast<std::uint32_t>(order.kept_run))).ok()) return;
  kept->expect_all_codes();
  if (!kept->sums_by_codes() || !open_runs().ok()) return;
  earlier_ = std::make_shared<earlier_groups>(earlier_groups{*std::move(in_memory_), *std::move(parts)});
  in_memory_.emplace(*std::move(kept));
  order_ = &agreement_->agree([&] { return order; });
  keeps_values_ = true;
}

/// Most rows are of groups that are not in memory from now on: a filter says so in less time than a search. Without
/// room for one, all are searched for.
inline void spilling_aggregator::note_groups() {
  const std::uint32_t group_count = in_memory_->group_count();
  // A bit for each value, and one for all others: rows of those are searched for if any of them is here.
  if (order_->by_values && order_->span / detail::spill_values_per_group < group_count) {
    const std::size_t bytes = words_for(order_->span + 1) * sizeof(std::uint64_t);
    result<buffer> made = buffer::allocate(bytes, budget_);
    if (!made.ok()) return;
    std::memset(made->data(), 0, bytes);
    std::uint64_t codes[vector_rows];
    if (!for_each_key([&](const vector& keys) {
          order_->codes(keys, codes);
          for (std::uint32_t row = 0; row < keys.size; ++row)
            if (keys.valid(row))
              set_bit(made->as<std::uint64_t>(), codes[row] < order_->span ? codes[row] : order_->span);
        }))
      return;
    in_memory_values_ = *std::move(made);
    return;
  }
  result<bloom_filter> made = bloom_filter::make(group_count, budget_, detail::spill_bits_per_group);
  if (!made.ok()) return;
  std::uint64_t hashes[vector_rows];
  for (std::uint32_t first = 0; first < group_count; first += vector_rows) {
    const std::uint32_t left = group_count - first, count = left < vector_rows ? left : vector_rows;
    if (!in_memory_->groups().hash_keys(first, count, hashes, budget_).ok()) return;
    made->add({hashes, count});
  }
  in_memory_keys_.emplace(*std::move(made));
}

/// Rows of groups in memory update them, the others are spilled.
inline result<void> spilling_aggregator::divide(std::span<const vector* const> keys,
                                                std::span<const vector* const> inputs, const selection_mask& selection,
                                                std::uint32_t row_count, std::span<const selection_mask* const> where,
                                                std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
  std::uint64_t hashes[vector_rows];
  selection_mask rest = selection;
  selection_mask known = frozen_ || keeps_values_ ? selection_mask::none() : selection;
  const bool by_values = order_->by_values;
  if (!by_values || in_memory_keys_) hash_rows(keys, row_count, hashes);
  if (in_memory_keys_) {
    selection_mask possible = selection_mask::none();
    in_memory_keys_->test({hashes, row_count}, possible.words);
    known &= PILLAR_MUTATE(spill_filter_of_nothing, possible, selection_mask::none());
  }
  if (by_values) order_by_values(*keys[0], selection, known, hashes);
  std::uint32_t slots[vector_rows];
  if (known.any()) {
    in_memory_->groups().find(keys, known, row_count, slots);
    for (std::uint32_t word = 0; word < vector_words; ++word) {
      std::uint64_t found = 0;
      for (std::uint64_t left = known.words[word]; left != 0; left &= left - 1) {
        const auto bit = static_cast<unsigned>(std::countr_zero(left));
        found |= std::uint64_t{slots[word * 64 + bit] != 0} << bit;
      }
      known.words[word] = found;
    }
  }
  if (known.any()) {
    const auto done = in_memory_->update_found(slots, inputs, known, row_count, where, input_bits, numbers);
    if (!done.ok() && done.error().code != errc::out_of_memory) return done;
    frozen_ = !done.ok();
    if (done.ok())
      for (std::uint32_t i = 0; i < vector_words; ++i)
        rest.words[i] &= PILLAR_MUTATE(spill_takes_known_rows, ~known.words[i], ~std::uint64_t{0});
  }
  return rest.any() ? spill(keys, inputs, rest, row_count, hashes, where, input_bits, numbers) : result<void>();
}

namespace detail {

/// The greatest of the codes in the selected rows; 0 where none is.
inline std::uint64_t greatest_code(const std::uint64_t* PILLAR_RESTRICT codes, const selection_mask& selection,
                                   std::uint32_t row_count) noexcept {
  std::uint64_t most = 0;
  if (selection == selection_mask::first(row_count)) {
    for (std::uint32_t row = 0; row < row_count; ++row) most = codes[row] > most ? codes[row] : most;
    return most;
  }
  for (std::uint32_t word = 0; word * 64 < row_count; ++word)
    for (std::uint64_t rest = selection.words[word]; rest != 0; rest &= rest - 1) {
      const std::uint64_t code = codes[word * 64 + static_cast<std::uint32_t>(std::countr_zero(rest))];
      most = code > most ? code : most;
    }
  return most;
}

/// Which of up to 64 codes have their bit; codes from `span` on share one.
inline std::uint64_t codes_with_bits(const std::uint64_t* PILLAR_RESTRICT codes, std::uint32_t count,
                                     const std::uint64_t* PILLAR_RESTRICT bits, std::uint64_t span) noexcept {
  std::uint64_t found = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t bit = codes[i] < span ? codes[i] : span;
    found |= (bits[bit / 64] >> bit % 64 & 1) << i;
  }
  return found;
}

/// The selected rows, those of one place after those of the one before it; a place is the uppermost `bits` bits of a
/// hash. ends[place]: where its rows end. Returns how many there are.
inline std::uint32_t order_by_place(const selection_mask& selection, const std::uint64_t* PILLAR_RESTRICT hashes,
                                    unsigned bits, std::uint16_t* PILLAR_RESTRICT rows,
                                    std::uint16_t* PILLAR_RESTRICT ends) noexcept {
  constexpr unsigned few_bits = 4;
  const std::uint32_t place_count = 1u << bits;
  const unsigned shift = 64 - bits;
  std::fill_n(ends, place_count, std::uint16_t{0});
  std::uint32_t count = 0;
  if (bits <= few_bits) {  // a list each, which is cheaper than to count first
    std::uint16_t lists[1 << few_bits][vector_rows];
    for (std::uint32_t word = 0; word < vector_words; ++word)
      for (std::uint64_t rest = selection.words[word]; rest != 0; rest &= rest - 1) {
        const std::uint32_t row = word * 64 + static_cast<std::uint32_t>(std::countr_zero(rest));
        const std::uint64_t place = hashes[row] >> shift;
        lists[place][ends[place]++] = static_cast<std::uint16_t>(row);
      }
    for (std::uint32_t place = 0; place < place_count; ++place) {
      std::memcpy(rows + count, lists[place], ends[place] * sizeof(std::uint16_t));
      count += ends[place];
      ends[place] = static_cast<std::uint16_t>(count);
    }
    return count;
  }
  std::uint16_t listed[vector_rows], places[vector_rows];
  count = list_rows(selection.words, listed);
  for (std::uint32_t i = 0; i < count; ++i) {
    places[i] = static_cast<std::uint16_t>(hashes[listed[i]] >> shift);
    ++ends[places[i]];
  }
  std::uint16_t end = 0;
  for (std::uint32_t place = 0; place < place_count; ++place) {
    const std::uint16_t in_place = ends[place];
    ends[place] = end;
    end = static_cast<std::uint16_t>(end + in_place);
  }
  for (std::uint32_t i = 0; i < count; ++i) rows[ends[places[i]]++] = listed[i];
  return count;
}

}  // namespace detail

/// places[row]: the run, as the upper bits of a number. Takes rows out of `known` whose groups are not in memory.
inline void spilling_aggregator::order_by_values(const vector& key, const selection_mask& selection,
                                                 selection_mask& known, std::uint64_t* PILLAR_RESTRICT places) {
  const detail::run_order order = *order_;
  const unsigned shift = 64 - order.bits;
  const std::uint32_t row_count = key.size;
  order.codes(key, places);
  if (key.validity != nullptr)  // a NULL is of the first run, and may be in memory
    for (std::uint32_t row = 0; row < row_count; ++row) places[row] = key.valid(row) ? places[row] : 0;
  const std::uint64_t most = detail::greatest_code(places, selection, row_count);
  const std::uint64_t* const bits = in_memory_values_.empty() ? nullptr : in_memory_values_.as<std::uint64_t>();
  for (std::uint32_t first = 0; bits != nullptr && first < row_count; first += 64) {
    const std::uint32_t count = row_count - first < 64 ? row_count - first : 64;
    const std::uint64_t found = detail::codes_with_bits(places + first, count, bits, order.span);
    const std::uint64_t valid = key.validity_word(first / 64);
    known.words[first / 64] &= PILLAR_MUTATE(spill_forgets_null_group, found | ~valid, found);
  }
  // Rows that are not selected go nowhere, whatever their place.
  if (most < order.near_codes() && order.kept_run == 0)
    for (std::uint32_t row = 0; row < row_count; ++row) places[row] = order.run_of_near_code(places[row]) << shift;
  else if (most < order.near_codes() && most < order.span)
    for (std::uint32_t row = 0; row < row_count; ++row) {
      const std::uint64_t stretch = order.stretch_of_near_code(places[row]);
      places[row] = (stretch < order.kept_run ? stretch : order.kept_run) << shift;
    }
  else
    for (std::uint32_t row = 0; row < row_count; ++row)
      places[row] = std::uint64_t{order.run_of_code(places[row])} << shift;
  beyond_order_ = beyond_order_ || most >= order.span;
}

}  // namespace PILLAR_NAMESPACE
