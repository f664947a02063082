// SPDX-License-Identifier: Apache-2.0
/// Grouping on several threads: each worker groups what it is given, then the keys are merged part by part.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/column.hpp"
#include "pillar/schedule/executor.hpp"  // executor_ref

namespace PILLAR_NAMESPACE {

namespace detail {
class group_parts;  // detail/group_parts.hpp
}  // namespace detail

/// An aggregator for each worker of an executor, and one answer.
///
///     parallel_group groups = …make(keys, inputs, aggregates, runner.concurrency());
///     runner.bulk(batches, [&](std::uint32_t batch, std::uint32_t worker) { groups.worker(worker).update(…); });
///     groups.finish(runner)  →  parts of the answer, no key in two of them
///
/// A group's part is the upper bits of its keys' hash, so parts are merged side by side, and each one's table is small.
///
/// Shape:    as aggregator's; finish: a list of parts, each with a column per key and per aggregate
/// Errors:   make, finish → as aggregator's, make → invalid_argument: no worker; finish changes nothing
/// Cost:     merging: about 20 ns for each group of each worker, divided among the executor's workers; states that keep
///           their values (median, string_agg, distinct ones) are put in the order of groups first
/// Threads:  worker(w) by one thread at a time for each w; finish alone
class parallel_group {
 public:
  PILLAR_API static result<parallel_group> make(std::span<const data_type> key_types,
                                                std::span<const data_type> input_types,
                                                std::span<const aggregate_spec> aggregates, std::uint32_t worker_count,
                                                memory_budget* budget = nullptr, std::span<const key_range> ranges = {},
                                                std::uint64_t expected_rows = 0,
                                                std::span<const key_range> input_ranges = {});

  [[nodiscard]] std::uint32_t worker_count() const noexcept { return static_cast<std::uint32_t>(workers_.size()); }
  /// Requires: number < worker_count()
  [[nodiscard]] aggregator& worker(std::uint32_t number) noexcept { return workers_[number]; }
  [[nodiscard]] const aggregator& worker(std::uint32_t number) const noexcept { return workers_[number]; }
  /// The types of finish()'s columns.
  [[nodiscard]] std::span<const data_type> result_types() const noexcept { return workers_[0].result_types(); }

  /// The same groups and values for any number of workers and any split of the rows among them, in some order.
  PILLAR_API result<std::vector<std::vector<column>>> finish(executor_ref runner, memory_budget* budget = nullptr);

 private:
  explicit parallel_group(memory_budget* budget) noexcept : budget_(budget) {}
  [[nodiscard]] result<aggregator> make_aggregator(std::uint64_t expected_rows) const;
  result<std::vector<column>> merge_part(std::span<const detail::group_parts> groups, std::uint32_t part,
                                         memory_budget* budget) const;

  memory_budget* budget_;
  std::vector<data_type> key_types_{};
  std::vector<data_type> input_types_{};
  std::vector<aggregate_spec> aggregates_{};
  std::vector<key_range> ranges_{};
  std::vector<key_range> input_ranges_{};
  std::vector<aggregator> workers_{};
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/parallel_group.hpp"
#endif
