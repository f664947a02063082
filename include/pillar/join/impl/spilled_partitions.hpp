// SPDX-License-Identifier: Apache-2.0
/// The end of a join that has spilled: partition by partition what was written, and build rows without partners.
#pragma once
#include <atomic>
#include <utility>

#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/join/impl/joined_batch.hpp"
#include "pillar/join/spilling_join.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<void> spilling_join::finish(delivery take) { return finish_by(take, nullptr); }
PILLAR_API result<void> spilling_join::finish(delivery take, executor_ref runner) { return finish_by(take, &runner); }

inline result<void> spilling_join::finish_by(delivery take, const executor_ref* runner) {
  if (failed_.code != errc::ok) return failed_;
  for (const prober& one : probers_)
    if (one.failed.code != errc::ok) return one.failed;
  PILLAR_ASSERT(in_memory_->table);
  const auto done = finish_all(take, runner);
  for (prober& one : probers_) {
    one.cursor.reset();
    one.matches.reset();
    one.scratch = buffer();
  }
  in_memory_.reset();
  drop(build_runs_);
  drop(probe_runs_);
  failed_ = done.ok() ? failure{errc::invalid_argument, 0} : done.error();  // nothing is left
  return done;
}

inline result<void> spilling_join::finish_all(delivery take, const executor_ref* runner) {
  prober& by = probers_[0];
  for (prober& one : probers_) {
    if (&one == &by) continue;
    if (by.matches && one.matches) by.matches->merge(*one.matches);
    one.cursor.reset();
    one.matches.reset();
    one.scratch = buffer();
  }
  if (by.matches) PILLAR_TRY(deliver_unmatched(by, *in_memory_, take));
  by.cursor.reset();
  by.matches.reset();
  resident_rows_ = in_memory_->rows.row_count();
  in_memory_.reset();
  if (!spills()) return {};
  for (const prober& one : probers_)
    for (std::size_t run = 0; run < one.row_counts.size(); ++run) probe_runs_.row_counts[run] += one.row_counts[run];
  for (const std::uint32_t run : probe_runs_.runs)
    if (run != no_run) PILLAR_TRY(options_.store->seal(run));
  for (const spilled_side* side : {&build_runs_, &probe_runs_}) count_bytes(*side);
  const std::uint32_t workers = runner == nullptr ? 1 : runner->concurrency();
  if (workers > 1 && workers <= probers_.size() && has_room_for_readers(workers))
    PILLAR_TRY(finish_side_by_side(*runner, take));
  for (std::uint32_t partition = resident_; partition < partition_count(); ++partition) {
    if (build_runs_.runs[partition] == no_run) continue;  // done
    PILLAR_TRY(PILLAR_MUTATE(join_spill_never_asks, may_go_on(), result<void>()));
    PILLAR_TRY(finish_partition(by, partition, take, 1));
    drop(partition);
  }
  const std::uint32_t null_keys = partition_count();
  if (PILLAR_MUTATE(join_spill_loses_null_keys, build_runs_.row_counts[null_keys] != 0, false)) {
    by.unmatched = number_of(null_keys);
    return deliver_run(by, build_runs_.runs[null_keys], take);
  }
  return {};
}

/// Whether each of so many workers can read both sides in the quarter of the budget that partitions leave free: what a
/// reader needs it asks for when rows were delivered already, and a refusal then is final.
inline bool spilling_join::has_room_for_readers(std::uint32_t worker_count) const noexcept {
  constexpr std::uint64_t bytes_of_column = 64 << 10;  // scratch of some 20 KiB, what decoding takes, blocks
  const std::uint64_t available = budget_ == nullptr ? memory_budget::unlimited : budget_->available();
  return worker_count * (build_.types.size() + probe_.types.size()) * bytes_of_column <= available / 4;
}

/// The partitions whose build rows fit into a worker's share of the memory. One that does not, or for which memory ends
/// before anything was delivered, stays as it is.
inline result<void> spilling_join::finish_side_by_side(executor_ref runner, delivery take) {
  const std::uint32_t sharing = runner.concurrency();
  std::atomic<bool> has_failed{false};
  const auto join_one = [&](std::uint32_t task, std::uint32_t worker) {
    if (has_failed.load(std::memory_order_relaxed)) return;
    const std::uint32_t partition = resident_ + task;
    prober& by = probers_[worker];
    bool has_delivered = false, is_called_off = false;
    const auto hand_on = [&](const joined_rows& rows) -> result<void> {
      is_called_off = has_failed.load(std::memory_order_relaxed);
      if (is_called_off) return errc::cancelled;  // no rows after a failure
      has_delivered = true;
      return take(rows);
    };
    auto done = may_go_on();
    if (done.ok()) done = finish_partition(by, partition, hand_on, sharing);
    by.cursor.reset();  // they refer to rows that are gone
    by.matches.reset();
    if (done.ok()) return drop(partition);
    if (is_called_off) return;
    if (done.error().code == errc::out_of_memory && !PILLAR_MUTATE(join_spill_partition_twice, has_delivered, false))
      return;
    by.failed = done.error();
    has_failed.store(true, std::memory_order_relaxed);
  };
  runner.bulk(partition_count() - resident_, join_one);
  for (prober& one : probers_) {
    one.scratch = buffer();
    if (one.failed.code != errc::ok) return one.failed;
  }
  return {};
}

/// A partition's runs, which have been joined.
inline void spilling_join::drop(std::uint32_t partition) noexcept {
  for (spilled_side* side : {&build_runs_, &probe_runs_}) {
    options_.store->drop(side->runs[partition]);
    side->runs[partition] = no_run;
  }
}

/// Of the first build row of a partition among those that have no partner: behind those of all partitions before it.
inline std::uint64_t spilling_join::number_of(std::uint32_t partition) const noexcept {
  std::uint64_t number = resident_rows_;
  for (std::uint32_t before = resident_; before < partition; ++before) number += build_runs_.row_counts[before];
  return number;
}

/// Build rows in memory that have found no partner.
inline result<void> spilling_join::deliver_unmatched(prober& by, const loaded& of, delivery take) {
  std::uint32_t position = 0, numbers[vector_rows];
  while (const std::uint32_t count = by.matches->next(false, position, numbers)) {
    for (std::size_t i = 0; i < by.probe_views.size(); ++i)
      by.probe_views[i] = detail::constant_null(probe_.types[i], count);
    gather_build(by, of, numbers, count, by.scratch.data());
    joined_rows rows;
    rows.row_count = count;
    rows.rows = selection_mask::first(count);
    rows.probe = by.probe_views;
    rows.build = by.build_views;
    rows.worker = by.number;
    rows.first_unmatched = by.unmatched;
    by.unmatched += count;
    PILLAR_TRY(take(rows));
  }
  return {};
}

/// The rows of a build side's run, none of which has a partner.
inline result<void> spilling_join::deliver_run(prober& by, std::uint32_t run, delivery take) {
  PILLAR_ASSIGN_OR_RETURN(const std::unique_ptr<run_reader> reader, options_.store->read(run));
  for (;;) {
    joined_rows rows;
    PILLAR_ASSIGN_OR_RETURN(rows.row_count, reader->next(by.build_views));
    if (rows.row_count == 0) return {};
    for (std::size_t i = 0; i < by.probe_views.size(); ++i)
      by.probe_views[i] = detail::constant_null(probe_.types[i], rows.row_count);
    rows.rows = selection_mask::first(rows.row_count);
    rows.probe = by.probe_views;
    rows.build = by.build_views;
    rows.worker = by.number;
    rows.first_unmatched = by.unmatched;
    by.unmatched += rows.row_count;
    PILLAR_TRY(take(rows));
  }
}

/// As many build rows as fit and all probe rows, until there are no more build rows. With others who share the memory,
/// out_of_memory where they do not fit at once.
inline result<void> spilling_join::finish_partition(prober& by, std::uint32_t partition, delivery take,
                                                    std::uint32_t sharing) {
  by.unmatched = number_of(partition);
  if (build_runs_.row_counts[partition] == 0) return {};  // its probe rows had their answer
  if (probe_runs_.row_counts[partition] == 0)
    return keeps_build_rows(kind_) ? deliver_run(by, build_runs_.runs[partition], take) : result<void>();
  const bool marks_probe_rows = kind_ != join_kind::inner && kind_ != join_kind::right;
  const auto pointers_to = [](const std::vector<vector>& views) {
    std::vector<const vector*> made;
    for (const vector& view : views) made.push_back(&view);
    return made;
  };
  PILLAR_ASSIGN_OR_RETURN(const std::unique_ptr<run_reader> reader, options_.store->read(build_runs_.runs[partition]));
  std::vector<vector> build_rows(build_.types.size()), probe_rows(probe_.types.size());
  const std::vector<const vector*> build_columns = pointers_to(build_rows), probe_columns = pointers_to(probe_rows);
  growable<std::uint64_t> seen(budget_);
  memory_budget held(memory_budget::unlimited, state_budget_.get());
  std::vector<detail::stored_rows> carried;  // what was read and did not fit with its table, the next one at the end
  std::uint32_t waiting = 0;                 // rows of the batch at hand
  std::uint64_t joined = 0;                  // build rows of earlier parts
  bool at_end = false;
  for (bool first = true;; first = false) {
    loaded part;
    part.budget = &held;
    part.rows_before = joined;
    if (!carried.empty()) {
      part.rows = std::move(carried.back());
      carried.pop_back();
    } else {
      part.rows = detail::stored_rows(build_.types, &held);
      while (!at_end) {
        if (waiting == 0) {
          PILLAR_ASSIGN_OR_RETURN(waiting, reader->next(build_rows));
          at_end = waiting == 0;
          if (at_end) break;
          PILLAR_TRY(may_go_on());
        }
        const std::uint64_t row_count = part.rows.row_count();
        if ((row_count != 0 || sharing > 1) && !fits(held.used(), row_count + waiting, sharing)) break;
        const auto done = part.rows.append(build_columns, selection_mask::first(waiting));
        if (!done.ok() && (done.error().code != errc::out_of_memory || row_count == 0)) return done;
        if (!done.ok()) break;
        waiting = 0;
      }
      if (sharing > 1 && !at_end) return errc::out_of_memory;
    }
    for (;;) {
      const auto done = load(by, part);
      if (done.ok()) break;
      if (done.error().code != errc::out_of_memory || part.rows.piece_count() < 2 || sharing > 1) return done;
      carried.push_back(part.rows.split());
    }
    const bool last = at_end && carried.empty();
    PILLAR_ASSIGN_OR_RETURN(const std::unique_ptr<run_reader> probing,
                            options_.store->read(probe_runs_.runs[partition]));
    for (std::size_t word = 0;; word += vector_words) {
      PILLAR_ASSIGN_OR_RETURN(const std::uint32_t count, probing->next(probe_rows));
      if (count == 0) break;
      PILLAR_TRY(may_go_on());
      std::uint64_t* words = nullptr;
      if (marks_probe_rows && !(first && last)) {
        if (word == seen.size()) PILLAR_TRY(seen.append_zeros(vector_words));
        words = seen.data() + word;
      }
      PILLAR_TRY(join_batch(by, part, probe_columns, selection_mask::first(count), count, words, last, take));
    }
    if (keeps_build_rows(kind_)) PILLAR_TRY(deliver_unmatched(by, part, take));
    by.cursor.reset();  // they refer to the part
    by.matches.reset();
    if (last) return {};
    joined += part.rows.row_count();
    ++repeated_reads_;
  }
}

}  // namespace PILLAR_NAMESPACE
