// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::fill_n
#include <bit>
#include <cmath>    // std::sqrt
#include <cstring>  // std::memset
#include <utility>

#include "pillar/aggregate/detail/group_parts.hpp"
#include "pillar/aggregate/detail/run_order.hpp"
#include "pillar/aggregate/spilling_aggregator.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"        // column_builder
#include "pillar/column/detail/gather.hpp"  // list_rows, gather_rows
#include "pillar/hash/column.hpp"           // hash_rows

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

PILLAR_API spilling_aggregator::~spilling_aggregator() {
  for (const std::uint32_t run : runs_) options_.store->drop(run);
}

PILLAR_API result<spilling_aggregator> spilling_aggregator::make(
    std::span<const data_type> key_types, std::span<const data_type> input_types,
    std::span<const aggregate_spec> aggregates, memory_budget* budget, const spilling_aggregator_options& options,
    std::span<const key_range> ranges, std::uint64_t expected_rows, std::span<const key_range> input_ranges) {
  PILLAR_ASSERT(options.partition_bits >= 1 && options.partition_bits <= 10 && options.delivered_groups > 0);
  spilling_aggregator made;
  made.options_ = options;
  made.budget_ = budget;
  made.key_types_.assign(key_types.begin(), key_types.end());
  made.input_types_.assign(input_types.begin(), input_types.end());
  made.aggregates_.assign(aggregates.begin(), aggregates.end());
  made.ranges_.assign(ranges.begin(), ranges.end());
  made.input_ranges_.assign(input_ranges.begin(), input_ranges.end());
  made.expected_rows_ = expected_rows;
  made.state_bytes_ = options.state_bytes;
  if (made.state_bytes_ == 0) {
    const std::uint64_t limit = detail::most_bytes_of(budget);
    made.state_bytes_ = limit == memory_budget::unlimited ? limit : limit - limit / 4;
  }
  made.state_budget_ = std::make_unique<memory_budget>(made.state_bytes_, budget);
  PILLAR_ASSIGN_OR_RETURN(aggregator in_memory, made.make_aggregator(made.state_budget_.get(), expected_rows));
  made.in_memory_.emplace(std::move(in_memory));
  const auto types = made.in_memory_->result_types();
  made.result_types_.assign(types.begin(), types.end());

  made.run_types_ = made.key_types_;
  for (std::uint32_t input = 0; input < input_types.size(); ++input) {
    bool is_read = false;
    for (const aggregate_spec& of : aggregates)
      is_read = is_read || (of.kind != aggregate_kind::count_rows && of.input == input) ||
                (takes_second(of.kind) && of.second == input);
    if (!is_read) continue;
    made.run_inputs_.push_back(input);
    made.run_types_.push_back(input_types[input]);
  }
  made.numbers_rows_ = made.in_memory_->needs_row_numbers();
  if (made.numbers_rows_) made.run_types_.push_back(type_of<std::uint64_t>);
  if (options.restricts)
    for (std::size_t i = 0; i < aggregates.size(); i += detail::restrictions_in_a_word)
      made.run_types_.push_back(type_of<std::uint64_t>);
  made.agreement_ = std::make_shared<detail::shared_run_order>();
  if (made.keeps_states_small()) made.next_look_ = detail::spill_first_look;
  made.converted_.resize(made.run_types_.size());
  made.scattered_.resize(made.run_types_.size());
  return made;
}

inline result<aggregator> spilling_aggregator::make_aggregator(memory_budget* budget,
                                                               std::uint64_t expected_rows) const {
  return aggregator::make(key_types_, input_types_, aggregates_, budget, ranges_, expected_rows, input_ranges_);
}

inline result<void> spilling_aggregator::remember(result<void> done) noexcept {
  if (!done.ok()) failed_ = done.error();
  return done;
}

PILLAR_API result<void> spilling_aggregator::update(std::span<const vector* const> keys,
                                                    std::span<const vector* const> inputs,
                                                    const selection_mask& selection, std::uint32_t row_count,
                                                    std::span<const selection_mask* const> where,
                                                    std::span<const std::uint8_t> input_bits,
                                                    const row_numbers& numbers) {
  if (failed_.code != errc::ok) return failed_;
  if (!options_.restricts)
    for (const selection_mask* restriction : where)
      if (restriction != nullptr) return errc::invalid_argument;
  if (runs_.empty()) {
    auto done = in_memory_->update(keys, inputs, selection, row_count, where, input_bits, numbers);
    if (done.ok() && next_look_ != ~0u) {
      for (std::uint32_t word = 0; word < vector_words; ++word)
        rows_so_far_ += static_cast<unsigned>(std::popcount(selection.words[word] & keys[0]->validity_word(word)));
      if (in_memory_->group_count() >= next_look_) look_ahead();
    }
    if (done.ok() || done.error().code != errc::out_of_memory || options_.store == nullptr || key_types_.empty())
      return done;
    PILLAR_TRY(begin_spilling());
  }
  return remember(divide(keys, inputs, selection, row_count, where, input_bits, numbers));
}

inline result<void> spilling_aggregator::open_runs() {
  const std::size_t count = std::size_t{1} << options_.partition_bits;
  rows_of_runs_.assign(count, 0);
  runs_.reserve(count);
  while (runs_.size() < count) {
    const auto opened = options_.store->open(run_types_);
    if (!opened.ok()) {
      for (const std::uint32_t run : runs_) options_.store->drop(run);
      runs_.clear();
      return opened.error();
    }
    runs_.push_back(*opened);
  }
  return {};
}

inline result<void> spilling_aggregator::begin_spilling() {
  PILLAR_TRY(open_runs());
  order_ = &agreement_->agree([this] { return propose_order(); });
  note_groups();
  return {};
}

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
  return true;
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
  const std::uint64_t left = state_bytes_ - used, fit = (left - left / 16) / value_bytes;
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

/// A vector as column `number` of the runs: of its type, integers widened where they came narrower.
inline result<vector> spilling_aggregator::run_column(const vector& from, std::size_t number) {
  const data_type& type = run_types_[number];
  vector made = from;
  made.type = type;
  if (from.type.physical == type.physical) return made;
  PILLAR_ASSERT(is_integer(from.type.physical) && is_integer(type.physical));
  buffer& memory = converted_[number];
  constexpr std::size_t value_bytes = vector_rows * sizeof(int128);
  if (memory.empty()) {
    PILLAR_ASSIGN_OR_RETURN(memory, buffer::allocate(value_bytes + vector_words * sizeof(std::uint64_t), budget_));
  }
  if (type.physical == physical_type::integer128) detail::widen_integers(from, memory.as<int128>());
  else detail::widen_integers(from, memory.as<std::int64_t>());
  made = vector{};
  made.type = type;
  made.size = from.size;
  made.values = memory.data();
  if (PILLAR_MUTATE(spill_widens_nulls, from.validity != nullptr, false)) {
    auto* validity = reinterpret_cast<std::uint64_t*>(memory.data() + value_bytes);
    for (std::uint32_t word = 0; word < vector_words; ++word) validity[word] = from.validity_word(word);
    made.validity = validity;
  }
  return made;
}

/// Writes the selected rows to the runs of their partitions.
inline result<void> spilling_aggregator::spill(std::span<const vector* const> keys,
                                               std::span<const vector* const> inputs, const selection_mask& selection,
                                               std::uint32_t row_count, const std::uint64_t* hashes,
                                               std::span<const selection_mask* const> where,
                                               std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
  std::vector<vector> columns;
  columns.reserve(run_types_.size());
  for (const vector* key : keys) {
    PILLAR_ASSIGN_OR_RETURN(vector made, run_column(*key, columns.size()));
    columns.push_back(made);
  }
  for (const std::uint32_t input : run_inputs_) {
    PILLAR_ASSIGN_OR_RETURN(vector made, run_column(*inputs[input], columns.size()));
    columns.push_back(made);
  }
  // What is a word for each row: its number, and which aggregates take it.
  const auto add_words = [&](const auto& word_of) -> result<void> {
    buffer& memory = converted_[columns.size()];
    if (memory.empty()) {
      PILLAR_ASSIGN_OR_RETURN(memory, buffer::allocate(vector_rows * sizeof(std::uint64_t), budget_));
    }
    auto* words = memory.as<std::uint64_t>();
    for (std::uint32_t row = 0; row < row_count; ++row) words[row] = word_of(row);
    vector made;
    made.type = run_types_[columns.size()];
    made.size = row_count;
    made.values = words;
    columns.push_back(made);
    return {};
  };
  if (PILLAR_MUTATE(spill_forgets_numbers, numbers_rows_, false)) {
    PILLAR_TRY(add_words([&](std::uint32_t row) { return numbers.of(row); }));
  } else if (numbers_rows_) {
    PILLAR_TRY(add_words([](std::uint32_t row) { return std::uint64_t{row}; }));
  }
  const bool restricted = PILLAR_MUTATE(spill_forgets_restrictions, !where.empty(), false);
  for (std::size_t first = 0; columns.size() < run_types_.size(); first += detail::restrictions_in_a_word)
    PILLAR_TRY(add_words([&](std::uint32_t row) {
      std::uint64_t word = ~std::uint64_t{0};
      for (std::size_t i = first; restricted && i < aggregates_.size() && i < first + detail::restrictions_in_a_word;
           ++i)
        if (where[i] != nullptr && !where[i]->test(row)) word &= ~(std::uint64_t{1} << (i - first));
      return word;
    }));
  std::uint16_t rows[vector_rows], ends[1 << 10];
  const std::uint32_t count = detail::order_by_place(selection, hashes, options_.partition_bits, rows, ends);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    PILLAR_ASSIGN_OR_RETURN(columns[i], gather_column(columns[i], i, rows, count));
  }

  std::vector<vector> views = columns;
  std::vector<const vector*> pointers;
  pointers.reserve(views.size());
  for (const vector& of : views) pointers.push_back(&of);
  std::uint32_t first = 0;
  selection_mask refused = selection_mask::none();
  for (std::size_t partition = 0; partition < runs_.size(); first = ends[partition++]) {
    const std::uint32_t rows_here = ends[partition] - first;
    if (rows_here == 0) continue;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      views[i].size = rows_here;
      views[i].validity_offset = first;
      views[i].values =
          static_cast<const std::byte*>(columns[i].values) + std::size_t{first} * byte_width(columns[i].type.physical);
    }
    if (keeps_values_ && partition == order_->kept_run) {
      const auto kept = keep(pointers, rows_here, input_bits);
      if (kept.ok()) continue;
      if (kept.error().code != errc::out_of_memory) return kept;
      for (std::uint32_t i = first; i < ends[partition]; ++i) set_bit(refused.words, rows[i]);
      continue;
    }
    PILLAR_TRY(options_.store->append(runs_[partition], pointers, nullptr, rows_here));
    rows_of_runs_[partition] += rows_here;
    spilled_rows_ += rows_here;
  }
  if (!refused.any()) return {};
  // From now on they have a run like all others, and only groups that are in memory stay there.
  keeps_values_ = false;
  beyond_order_ = true;
  note_groups();
  return divide(keys, inputs, refused, row_count, where, input_bits, numbers);
}

/// Rows of values that are kept in memory, in the columns of runs.
inline result<void> spilling_aggregator::keep(std::span<const vector* const> columns, std::uint32_t row_count,
                                              std::span<const std::uint8_t> input_bits) {
  std::vector<const vector*> inputs(input_types_.size());
  for (std::size_t i = 0; i < run_inputs_.size(); ++i) inputs[run_inputs_[i]] = columns[key_types_.size() + i];
  return in_memory_->update(columns.first(key_types_.size()), inputs, selection_mask::first(row_count), row_count, {},
                            input_bits);
}

/// Rows rows[0], rows[1], … of a column of the runs: those of a partition then follow one another.
inline result<vector> spilling_aggregator::gather_column(const vector& from, std::size_t number,
                                                         const std::uint16_t* rows, std::uint32_t count) {
  buffer& memory = scattered_[number];
  const std::size_t value_bytes = vector_rows * byte_width(from.type.physical);
  if (memory.empty()) {
    PILLAR_ASSIGN_OR_RETURN(memory, buffer::allocate(value_bytes + sizeof(selection_mask), budget_));
  }
  const auto pick = [&]<class T>(T) {
    T* PILLAR_RESTRICT const to = memory.as<T>();
    if (from.kind == vector_kind::flat) {
      const auto* const values = static_cast<const std::byte*>(from.values);
      for (std::uint32_t i = 0; i < count; ++i) to[i] = load_unaligned<T>(values + std::size_t{rows[i]} * sizeof(T));
      return;
    }
    T values[vector_rows];
    detail::gather_rows<T>(from, detail::all_rows.at, from.size, values, [](T value) { return value; });
    for (std::uint32_t i = 0; i < count; ++i) to[i] = values[rows[i]];
  };
  if (from.type.physical == physical_type::text) pick(text_slot{});
  else visit_fixed_width(from.type.physical, [&]<class T>() { pick(T{}); });
  vector made;
  made.type = from.type;
  made.size = count;
  made.values = memory.data();
  made.buffers = from.holder().buffers;
  if (from.validity == nullptr) return made;
  auto* const validity = reinterpret_cast<std::uint64_t*>(memory.data() + value_bytes);
  std::memset(validity, 0, sizeof(selection_mask));
  for (std::uint32_t i = 0; i < count; ++i)
    if (PILLAR_MUTATE(spill_scatters_no_nulls, from.valid(rows[i]), true)) set_bit(validity, i);
  made.validity = validity;
  return made;
}

PILLAR_API result<void> spilling_aggregator::finish(delivery take, memory_budget* result_budget) {
  if (failed_.code != errc::ok) return failed_;
  std::uint32_t delivered = 0;
  PILLAR_TRY(remember(runs_.empty() ? deliver(*in_memory_, take, result_budget, delivered)
                                    : finish_spilled(take, result_budget)));
  in_memory_.reset();
  failed_ = {errc::invalid_argument, 0};  // nothing is left
  return {};
}

/// Hands the groups over, fewer at a time where memory is scarce: medians and texts are put in order beside their states.
inline result<void> spilling_aggregator::deliver(aggregator& groups, delivery take, memory_budget* result_budget,
                                                 std::uint32_t& delivered) const {
  groups.arrange_results();
  memory_budget* const scratch = result_budget == nullptr ? budget_ : result_budget;
  std::uint32_t most = options_.delivered_groups;
  while (delivered < groups.group_count()) {
    const std::uint32_t left = groups.group_count() - delivered, count = left < most ? left : most;
    const result<std::vector<column>> piece = groups.finish(delivered, count, result_budget, scratch);
    if (!piece.ok()) {
      if (piece.error().code != errc::out_of_memory || count == 1) return piece.error();
      most = count / 2;
      continue;
    }
    PILLAR_TRY(take(*piece));
    delivered += count;
  }
  return {};
}

/// Gives back what only update() needs.
inline void spilling_aggregator::end_of_rows() noexcept {
  for (buffer& memory : converted_) memory = buffer{};
  for (buffer& memory : scattered_) memory = buffer{};
  in_memory_keys_.reset();
  in_memory_values_ = buffer{};
}

inline result<void> spilling_aggregator::finish_spilled(delivery take, memory_budget* result_budget) {
  end_of_rows();
  std::size_t sealed = 0;
  const auto seal_runs = [&]() -> result<void> {
    for (; sealed < runs_.size(); ++sealed) PILLAR_TRY(options_.store->seal(runs_[sealed]));
    return {};
  };
  const result<void> done = seal_runs();
  detail::group_parts in_memory;
  if (frozen_) {
    PILLAR_TRY(done);
    in_memory_->arrange();
    PILLAR_ASSIGN_OR_RETURN(in_memory, parts_of(*in_memory_, *order_));
  } else {  // every group is here or in the runs, none in both
    if (!done.ok() && done.error().code != errc::out_of_memory) return done;
    std::uint32_t delivered = 0;
    PILLAR_TRY(deliver(*in_memory_, take, result_budget, delivered));
    in_memory_.reset();
    PILLAR_TRY(PILLAR_MUTATE(spill_seals_once, seal_runs(), done));  // there is more room now
  }
  for (std::uint32_t partition = 0; partition < rows_of_runs_.size(); ++partition)
    PILLAR_TRY(finish_partition(partition, in_memory, take, result_budget));
  for (const std::uint32_t run : runs_) options_.store->drop(run);
  runs_.clear();
  earlier_.reset();
  return {};
}

/// What a partition's groups may take. Where groups stay in memory that is what they leave of the states' bytes, or half
/// of what is left of the budget: the other half is for reading and results. Without a limit that says what is left, it
/// is a third of the states' bytes, which is the rest by default.
inline std::uint64_t spilling_aggregator::part_limit() const noexcept {
  if (!in_memory_ && !earlier_) return state_bytes_;
  const std::uint64_t left = state_bytes_ - state_budget_->used();
  const std::uint64_t available = budget_ == nullptr ? memory_budget::unlimited : budget_->available();
  const std::uint64_t rest = available == memory_budget::unlimited ? state_bytes_ / 3 : available / 2;
  return left > rest ? left : rest;
}

/// Groups by the runs that their rows go to.
inline result<detail::group_parts> spilling_aggregator::parts_of(const aggregator& groups,
                                                                 const detail::run_order& order) const {
  if (!order.by_values) return detail::group_parts::make(groups.groups(), order.bits, budget_);
  const auto places = [&](std::uint32_t first, std::uint32_t count, std::uint64_t* out) -> result<void> {
    column_builder keys(key_types_[0], budget_);
    PILLAR_TRY(groups.groups().append_keys(0, first, count, keys));
    PILLAR_ASSIGN_OR_RETURN(const column made, keys.finish());
    const vector values = made.slice(0, count);
    order.codes(values, out);
    for (std::uint32_t i = 0; i < count; ++i) out[i] = order.place(0, values.valid(i) ? order.run_of_code(out[i]) : 0);
    return {};
  };
  return detail::group_parts::make_by(groups.group_count(), order.bits, budget_, places);
}

/// An aggregator for a part of a partition, of which `rows` were spilled. Whole stretches of values are an array.
inline result<aggregator> spilling_aggregator::make_part(const detail::run_order& order, const hash_range& range,
                                                         std::uint64_t rows, bool beyond, memory_budget* budget) const {
  if (!order.by_values || beyond || range.bits != order.bits) return make_aggregator(budget, 0);
  const key_range values = order.values_of(static_cast<std::uint32_t>(range.prefix), key_types_[0].physical);
  return aggregator::make(key_types_, input_types_, aggregates_, budget, {&values, 1}, rows, input_ranges_);
}

/// Groups a partition, as a whole or, where that does not fit, by parts of its hashes.
inline result<void> spilling_aggregator::finish_partition(std::uint32_t partition, const detail::group_parts& in_memory,
                                                          delivery take, memory_budget* result_budget) {
  // Of the values kept those groups have been merged already.
  std::span<const std::uint32_t> earlier;
  if (earlier_ && PILLAR_MUTATE(spill_merges_kept_again, partition != order_->kept_run, true))
    earlier = earlier_->parts.of(partition);
  if (!in_memory_ && rows_of_runs_[partition] == 0 && earlier.empty()) return {};
  std::vector<hash_range> todo = {{options_.partition_bits, partition}};
  bool refused = false;  // what the taker has no room for is not a partition that does not fit
  const auto take_or_end = [&](std::span<const column> groups) {
    auto taken = take(groups);
    refused = !taken.ok();
    return taken;
  };
  while (!todo.empty()) {
    const hash_range range = todo.back();
    todo.pop_back();
    memory_budget part_budget(part_limit(), budget_);
    std::uint64_t rows_seen = 0;
    bool whole = false;
    {
      PILLAR_ASSIGN_OR_RETURN(aggregator groups,
                              make_part(*order_, range, rows_of_runs_[partition], beyond_order_, &part_budget));
      whole = true;
      if (in_memory_) {
        PILLAR_ASSIGN_OR_RETURN(whole, add_groups(*in_memory_, *order_, in_memory.of(partition), range, groups));
      }
      if (whole && !earlier.empty()) {
        PILLAR_ASSIGN_OR_RETURN(whole, add_groups(earlier_->groups, *order_, earlier, range, groups));
      }
      if (whole) {
        // So many rows will have most values of a stretch.
        if (order_->by_values && rows_of_runs_[partition] / 2 > order_->width) groups.expect_all_codes();
        PILLAR_ASSIGN_OR_RETURN(whole, add_run(partition, range, groups, rows_seen));
      }
      if (whole) {
        std::uint32_t delivered = 0;
        const auto done = deliver(groups, take_or_end, result_budget, delivered);
        whole = refused || done.ok() || done.error().code != errc::out_of_memory || delivered != 0;
        if (whole) PILLAR_TRY(done);
      }
    }
    if (whole) continue;
    if (range.bits >= detail::spill_most_bits) return {errc::out_of_memory, partition};
    ++repeated_reads_;
    const std::uint64_t expected = rows_of_runs_[partition] >> (range.bits - options_.partition_bits);
    const unsigned further =
        rows_seen == 0 ? 1 : 1 + static_cast<unsigned>(std::bit_width(expected / (2 * rows_seen + 1)) / 2);
    const unsigned bits =
        range.bits + further < detail::spill_most_bits ? further : detail::spill_most_bits - range.bits;
    for (std::uint64_t part = std::uint64_t{1} << bits; part-- > 0;)
      todo.push_back({range.bits + bits, range.prefix << bits | part});
  }
  return {};
}

/// Adds groups of `from`: those of `list`, which is of a partition, whose hashes are in the range. False: they do not
/// fit.
inline result<bool> spilling_aggregator::add_groups(const aggregator& from, const detail::run_order& order,
                                                    std::span<const std::uint32_t> list, const hash_range& range,
                                                    aggregator& groups) const {
  growable<std::uint32_t> chosen(budget_);
  if (range.bits != options_.partition_bits) {
    std::uint64_t hashes[vector_rows];
    for (std::size_t first = 0; first < list.size(); first += vector_rows) {
      const auto some = list.subspan(first, list.size() - first < vector_rows ? list.size() - first : vector_rows);
      PILLAR_TRY(from.groups().hash_keys(some, hashes, budget_));
      const std::uint64_t run = range.prefix >> (range.bits - options_.partition_bits);
      for (std::size_t i = 0; i < some.size(); ++i)
        if (PILLAR_MUTATE(spill_merges_all_hashes, range.has(order.place(hashes[i], run)), true) &&
            !chosen.append(some[i]).ok())
          return false;
    }
    list = {chosen.data(), chosen.size()};
  }
  const auto merged = groups.merge(from, list.first(PILLAR_MUTATE(spill_leaves_groups, list.size(), 0)));
  if (!merged.ok() && merged.error().code == errc::out_of_memory) return false;
  PILLAR_TRY(merged);
  return true;
}

/// Adds the rows of a partition's run whose hashes are in the range.
inline result<bool> spilling_aggregator::add_run(std::uint32_t partition, const hash_range& range, aggregator& groups,
                                                 std::uint64_t& rows_seen) const {
  std::uint64_t hashes[vector_rows];
  PILLAR_ASSIGN_OR_RETURN(const std::unique_ptr<run_reader> reader, options_.store->read(runs_[partition]));
  std::vector<vector> columns(run_types_.size());
  std::vector<const vector*> keys, inputs(input_types_.size());
  for (std::size_t i = 0; i < key_types_.size(); ++i) keys.push_back(&columns[i]);
  for (std::size_t i = 0; i < run_inputs_.size(); ++i) inputs[run_inputs_[i]] = &columns[key_types_.size() + i];
  const std::size_t first_word = key_types_.size() + run_inputs_.size();
  std::uint64_t number_of_row[vector_rows];
  row_numbers numbers;
  if (numbers_rows_) numbers.each = number_of_row;
  std::vector<selection_mask> restrictions(options_.restricts ? aggregates_.size() : 0);
  std::vector<const selection_mask*> where;
  for (const selection_mask& restriction : restrictions) where.push_back(&restriction);
  for (;;) {
    PILLAR_ASSIGN_OR_RETURN(const std::uint32_t count, reader->next(columns));
    if (count == 0) return true;
    selection_mask selection = selection_mask::first(count);
    if (PILLAR_MUTATE(spill_reads_all_hashes, range.bits != options_.partition_bits, false)) {
      hash_rows(keys, count, hashes);
      for (std::uint32_t row = 0; row < count; ++row)
        if (!range.has(order_->place(hashes[row], partition))) assign_bit(selection.words, row, false);
    }
    for (std::size_t i = 0; i < restrictions.size(); ++i) {
      const vector& words = columns[first_word + (numbers_rows_ ? 1 : 0) + i / detail::restrictions_in_a_word];
      restrictions[i] = selection_mask::none();
      for (std::uint32_t row = 0; row < count; ++row)
        assign_bit(restrictions[i].words, row,
                   words.value<std::uint64_t>(row) >> (i % detail::restrictions_in_a_word) & 1);
    }
    for (std::uint32_t row = 0; numbers_rows_ && row < count; ++row)
      number_of_row[row] = columns[first_word].value<std::uint64_t>(row);
    const auto done = groups.update(keys, inputs, selection, count, where, {}, numbers);
    if (!done.ok() && done.error().code == errc::out_of_memory) return false;
    PILLAR_TRY(done);
    rows_seen += selection.count();
  }
}

}  // namespace PILLAR_NAMESPACE
