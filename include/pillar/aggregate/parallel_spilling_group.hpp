// SPDX-License-Identifier: Apache-2.0
/// Grouping on several threads inside one memory budget: each worker groups, and spills, what it is given; then all of
/// it is brought together partition by partition, side by side.
#pragma once
#include <cstdint>
#include <memory>  // std::unique_ptr
#include <span>
#include <vector>

#include "pillar/aggregate/spilling_aggregator.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/base/memory.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/column.hpp"
#include "pillar/column/shared_run_store.hpp"
#include "pillar/schedule/executor.hpp"  // executor_ref

namespace PILLAR_NAMESPACE {

/// A spilling_aggregator for each worker of an executor, and one answer.
///
///     parallel_spilling_group groups = …make(keys, inputs, aggregates, runner.concurrency(), &budget, stores);
///     runner.bulk(batches, [&](std::uint32_t batch, std::uint32_t worker) { groups.worker(worker).update(…); });
///     groups.finish(runner, [](std::span<const column> part, std::uint32_t worker) { … });
///
/// Each worker has an equal share of the memory for groups, so that one that begins late is not left without. A group
/// may be in the memory of one worker and in the run of another: each partition's groups in memory are merged, and its
/// runs added.
///
/// Shape:    as spilling_aggregator's
/// Errors:   as spilling_aggregator's
/// Cost:     half of what the budget and its parents allow is for groups while rows come (with one worker three
///           quarters), the other for
///           the stores' write buffers, and at the end for a partition at work on each worker: with less than a
///           partition needs it is read again for parts of its hashes
/// Threads:  worker(w) by one thread at a time for each w; finish alone
class parallel_spilling_group {
 public:
  /// Called by several workers at a time, each with its number.
  using delivery = function_ref<result<void>(std::span<const column> groups, std::uint32_t worker)>;

  /// Worker w writes to store w modulo their number, through a lock: with as many stores as workers none waits.
  /// No stores: nothing is spilled. `options.store` is not looked at; `options.state_bytes` is for all workers
  /// together.
  ///
  /// Requires: the stores outlive the groups
  /// Errors:   those of spilling_aggregator::make; invalid_argument: no worker
  PILLAR_API static result<parallel_spilling_group> make(
      std::span<const data_type> key_types, std::span<const data_type> input_types,
      std::span<const aggregate_spec> aggregates, std::uint32_t worker_count, memory_budget* budget,
      std::span<run_store* const> stores, const spilling_aggregator_options& options = {},
      std::span<const key_range> ranges = {}, std::uint64_t expected_rows = 0,
      std::span<const key_range> input_ranges = {});
  parallel_spilling_group(parallel_spilling_group&&) noexcept = default;  // no assignment: stores outlive the workers

  [[nodiscard]] std::uint32_t worker_count() const noexcept { return static_cast<std::uint32_t>(workers_.size()); }
  /// Requires: number < worker_count()
  [[nodiscard]] spilling_aggregator& worker(std::uint32_t number) noexcept { return workers_[number]; }
  /// Keys, then aggregates: the types of the columns that finish() delivers.
  [[nodiscard]] std::span<const data_type> result_types() const noexcept { return workers_[0].result_types(); }

  /// Every group's keys and results, a piece at a time, in no particular order; then there is nothing left here, nor
  /// after an error. What `take` returns as an error ends it. The pieces are counted against `result_budget`.
  PILLAR_API result<void> finish(executor_ref runner, delivery take, memory_budget* result_budget = nullptr);

  /// Rows that went to the stores.
  [[nodiscard]] PILLAR_API std::uint64_t spilled_rows() const noexcept;
  /// Times that a partition had to be read again because its groups did not fit.
  [[nodiscard]] PILLAR_API std::uint64_t repeated_reads() const noexcept;

 private:
  struct partition_work;
  explicit parallel_spilling_group(memory_budget* budget) noexcept : budget_(budget) {}
  result<void> finish_together(executor_ref runner, delivery take, memory_budget* result_budget);
  result<void> finish_partition(const partition_work& work, std::uint32_t partition, std::uint32_t worker,
                                std::uint64_t& repeated_reads) const;
  result<bool> add_partition(const partition_work& work, std::uint32_t partition,
                             const spilling_aggregator::hash_range& range, aggregator& groups,
                             std::uint64_t& rows_seen) const;

  memory_budget* budget_;
  unsigned partition_bits_ = 0;
  std::vector<std::unique_ptr<shared_run_store>> stores_{};  // outlive the workers, which drop their runs
  std::vector<spilling_aggregator> workers_{};
  std::uint64_t repeated_reads_ = 0;
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/parallel_spilling_group.hpp"
#endif
