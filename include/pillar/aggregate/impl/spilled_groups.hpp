// SPDX-License-Identifier: Apache-2.0
/// The end of a grouping that has spilled: the groups of each run, divided further while they do not fit.
#pragma once
#include <bit>
#include <utility>

#include "pillar/aggregate/detail/group_parts.hpp"
#include "pillar/aggregate/detail/run_order.hpp"
#include "pillar/aggregate/impl/spill_order.hpp"
#include "pillar/aggregate/spilling_aggregator.hpp"
#include "pillar/base/mutant.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<void> spilling_aggregator::finish(delivery take, memory_budget* result_budget) {
  if (failed_.code != errc::ok) {
    give_back_all();
    return failed_;
  }
  std::uint32_t delivered = 0;
  const result<void> done = remember(runs_.empty() ? deliver(*in_memory_, take, result_budget, delivered)
                                                   : finish_spilled(take, result_budget));
  if (done.ok()) failed_ = {errc::invalid_argument, 0};
  give_back_all();  // what was delivered of a grouping that failed cannot be had again
  return done;
}

/// Nothing is left, neither in memory nor in the store. Requires: failed_ says so
inline void spilling_aggregator::give_back_all() noexcept {
  end_of_rows();
  in_memory_.reset();
  if (PILLAR_MUTATE(spill_keeps_earlier_groups, true, false)) earlier_.reset();
  for (const std::uint32_t run : runs_) options_.store->drop(run);
  runs_.clear();
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
        // So many rows will have most values of a stretch, if it is one whose values are the part's array.
        if (order_->by_values && !beyond_order_ && range.bits == order_->bits &&
            rows_of_runs_[partition] / 2 > order_->width)
          groups.expect_all_codes();
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
