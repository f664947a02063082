// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <bit>
#include <utility>

#include "pillar/aggregate/detail/group_parts.hpp"
#include "pillar/aggregate/detail/run_order.hpp"
#include "pillar/aggregate/impl/spilling_aggregator.hpp"  // spill_most_bits
#include "pillar/aggregate/parallel_spilling_group.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE

namespace PILLAR_NAMESPACE {

/// What the workers share while partitions are brought together.
struct parallel_spilling_group::partition_work {
  delivery take;
  memory_budget* result_budget;
  std::uint64_t part_bytes;  ///< that the groups of a partition may take
  detail::run_order order{};
  bool beyond_order = false;
  std::vector<detail::group_parts> parts{};  ///< of each worker's groups in memory
};

PILLAR_API result<parallel_spilling_group> parallel_spilling_group::make(
    std::span<const data_type> key_types, std::span<const data_type> input_types,
    std::span<const aggregate_spec> aggregates, std::uint32_t worker_count, memory_budget* budget,
    std::span<run_store* const> stores, const spilling_aggregator_options& options, std::span<const key_range> ranges,
    std::uint64_t expected_rows, std::span<const key_range> input_ranges) {
  if (worker_count == 0) return errc::invalid_argument;
  parallel_spilling_group made(budget);
  made.partition_bits_ = options.partition_bits;
  for (run_store* const store : stores) made.stores_.push_back(std::make_unique<shared_run_store>(*store));
  spilling_aggregator_options share = options;
  const std::uint64_t limit = detail::most_bytes_of(budget);
  if (share.state_bytes == 0 && worker_count > 1) share.state_bytes = limit == memory_budget::unlimited ? 0 : limit / 2;
  const bool has_share = share.state_bytes != 0;  // 0 would be three quarters of the limit
  share.state_bytes /= worker_count;
  if (has_share && share.state_bytes == 0) share.state_bytes = 1;
  for (std::uint32_t i = 0; i < worker_count; ++i) {
    share.store = stores.empty() ? nullptr : made.stores_[i % stores.size()].get();
    PILLAR_ASSIGN_OR_RETURN(spilling_aggregator one,
                            spilling_aggregator::make(key_types, input_types, aggregates, budget, share, ranges,
                                                      expected_rows / worker_count, input_ranges));
    if (i != 0) one.agreement_ = PILLAR_MUTATE(spill_orders_disagree, made.workers_[0].agreement_, one.agreement_);
    made.workers_.push_back(std::move(one));
  }
  return made;
}

PILLAR_API std::uint64_t parallel_spilling_group::spilled_rows() const noexcept {
  std::uint64_t total = 0;
  for (const spilling_aggregator& one : workers_) total += one.spilled_rows();
  return total;
}
PILLAR_API std::uint64_t parallel_spilling_group::repeated_reads() const noexcept {
  std::uint64_t total = repeated_reads_;
  for (const spilling_aggregator& one : workers_) total += one.repeated_reads();
  return total;
}

PILLAR_API result<void> parallel_spilling_group::finish(executor_ref runner, delivery take,
                                                        memory_budget* result_budget) {
  std::uint32_t in_use = 0;
  spilling_aggregator* last = &workers_[0];
  failure before{};
  for (spilling_aggregator& one : workers_) {
    if (one.failed_.code != errc::ok) {
      before = one.failed_;
      break;
    }
    if (one.in_memory_->group_count() == 0 && one.runs_.empty()) continue;
    ++in_use;
    last = &one;
  }
  const bool alone = in_use <= 1;
  if (alone && last->state_bytes_ < memory_budget::unlimited / worker_count())
    last->state_bytes_ *= worker_count();  // nobody else needs a share
  const auto take_alone = [&](std::span<const column> groups) { return take(groups, 0); };
  const result<void> done = before.code != errc::ok ? result<void>(before)
                            : alone                 ? last->finish(take_alone, result_budget)
                                                    : finish_together(runner, take, result_budget);
  for (spilling_aggregator& one : workers_) {
    one.give_back_all();
    one.failed_ = done.ok() ? failure{errc::invalid_argument, 0} : done.error();
  }
  return done;
}

inline result<void> parallel_spilling_group::finish_together(executor_ref runner, delivery take,
                                                             memory_budget* result_budget) {
  if (workers_[0].key_types_.empty()) {
    PILLAR_ASSIGN_OR_RETURN(aggregator all, workers_[0].make_aggregator(budget_, 0));
    for (const spilling_aggregator& one : workers_) PILLAR_TRY(all.merge(*one.in_memory_));
    PILLAR_ASSIGN_OR_RETURN(const std::vector<column> only, all.finish(result_budget));
    return take(only, 0);
  }
  partition_work work{take, result_budget, memory_budget::unlimited};
  work.parts.resize(workers_.size());
  work.order.bits = partition_bits_;
  for (const spilling_aggregator& one : workers_) {
    if (one.order_ != nullptr) work.order = *one.order_;
    work.beyond_order = work.beyond_order || one.beyond_order_;
  }
  std::vector<result<void>> done(workers_.size());
  const auto prepare = [&](std::uint32_t index, std::uint32_t) {
    spilling_aggregator& one = workers_[index];
    done[index] = [&]() -> result<void> {
      one.end_of_rows();
      one.in_memory_->arrange();
      for (const std::uint32_t run : one.runs_) PILLAR_TRY(one.options_.store->seal(run));
      PILLAR_ASSIGN_OR_RETURN(work.parts[index], one.parts_of(*one.in_memory_, work.order));
      return {};
    }();
  };
  runner.bulk(worker_count(), prepare);
  for (const auto& each : done) PILLAR_TRY(each);
  const std::uint64_t available = budget_ == nullptr ? memory_budget::unlimited : budget_->available();
  if (available != memory_budget::unlimited) {
    // What groups in memory leave: half of it for partitions at work, half for reading and results.
    work.part_bytes = available / 2 / runner.concurrency();
  } else if (workers_[0].state_bytes_ != memory_budget::unlimited) {
    std::uint64_t least = 0, left = 0;  // a third of the states' bytes, or what groups in memory leave of them
    for (const spilling_aggregator& one : workers_) {
      least += one.state_bytes_ / 3;
      left += one.state_bytes_ - one.state_budget_->used();
    }
    work.part_bytes = PILLAR_MUTATE(spill_parts_without_limit, left > least ? left : least, memory_budget::unlimited) /
                      runner.concurrency();
  }
  const std::uint32_t partition_count = std::uint32_t{1} << partition_bits_;
  done.assign(partition_count, {});
  std::vector<std::uint64_t> repeated_reads(partition_count, 0);
  std::atomic<bool> failed{false};
  const auto finish_one = [&](std::uint32_t partition, std::uint32_t worker) {
    if (failed.load(std::memory_order_relaxed)) return;
    done[partition] = finish_partition(work, partition, worker, repeated_reads[partition]);
    if (!done[partition].ok()) failed.store(true, std::memory_order_relaxed);
  };
  runner.bulk(partition_count, finish_one);
  for (const std::uint64_t count : repeated_reads) repeated_reads_ += count;
  for (const auto& each : done) PILLAR_TRY(each);
  return {};
}

/// A partition's groups, as a whole or, where they do not fit, by parts of their hashes.
inline result<void> parallel_spilling_group::finish_partition(const partition_work& work, std::uint32_t partition,
                                                              std::uint32_t worker,
                                                              std::uint64_t& repeated_reads) const {
  std::uint64_t rows = 0;
  for (const spilling_aggregator& one : workers_) rows += one.runs_.empty() ? 0 : one.rows_of_runs_[partition];
  std::vector<spilling_aggregator::hash_range> todo = {{partition_bits_, partition}};
  while (!todo.empty()) {
    const spilling_aggregator::hash_range range = todo.back();
    todo.pop_back();
    memory_budget part_budget(work.part_bytes, budget_);
    std::uint64_t rows_seen = 0;
    bool whole = false;
    std::vector<std::vector<column>> pieces;  // kept until all are there: what does not fit is begun anew
    {
      PILLAR_ASSIGN_OR_RETURN(aggregator groups,
                              workers_[0].make_part(work.order, range, rows, work.beyond_order, &part_budget));
      PILLAR_ASSIGN_OR_RETURN(whole, add_partition(work, partition, range, groups, rows_seen));
      if (whole) {
        const auto keep = [&](std::span<const column> piece) -> result<void> {
          pieces.emplace_back(piece.begin(), piece.end());
          return {};
        };
        std::uint32_t delivered = 0;
        const auto done = workers_[0].deliver(groups, keep, work.result_budget, delivered);
        if (!done.ok() && done.error().code != errc::out_of_memory) return done;
        whole = done.ok();
      }
    }
    if (whole)
      for (const std::vector<column>& piece : pieces) PILLAR_TRY(work.take(piece, worker));
    if (whole) continue;
    if (range.bits >= detail::spill_most_bits) return {errc::out_of_memory, partition};
    ++repeated_reads;
    const std::uint64_t expected = rows >> (range.bits - partition_bits_);
    const unsigned wanted =
        rows_seen == 0 ? 1 : 1 + static_cast<unsigned>(std::bit_width(expected / (2 * rows_seen + 1)) / 2);
    const unsigned left = detail::spill_most_bits - range.bits, bits = wanted < left ? wanted : left;
    for (std::uint64_t part = std::uint64_t{1} << bits; part-- > 0;)
      todo.push_back({range.bits + bits, range.prefix << bits | part});
  }
  return {};
}

/// Adds the groups of a range: those in the workers' memory, then the rows of their runs. False: they do not fit.
inline result<bool> parallel_spilling_group::add_partition(const partition_work& work, std::uint32_t partition,
                                                           const spilling_aggregator::hash_range& range,
                                                           aggregator& groups, std::uint64_t& rows_seen) const {
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    PILLAR_ASSIGN_OR_RETURN(const bool whole, workers_[w].add_groups(*workers_[w].in_memory_, work.order,
                                                                     work.parts[w].of(partition), range, groups));
    if (!whole) return false;
  }
  for (const spilling_aggregator& one : workers_) {
    if (one.runs_.empty()) continue;
    PILLAR_ASSIGN_OR_RETURN(const bool whole, one.add_run(partition, range, groups, rows_seen));
    if (!whole) return false;
  }
  return true;
}

}  // namespace PILLAR_NAMESPACE
