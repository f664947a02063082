// SPDX-License-Identifier: Apache-2.0
/// The build side of a join on several threads: a builder for each worker, and one table, whoever built what.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/result.hpp"
#include "pillar/join/join_builder.hpp"
#include "pillar/join/join_table.hpp"
#include "pillar/schedule/executor.hpp"  // executor_ref

namespace PILLAR_NAMESPACE {

/// Builders for the workers of an executor, and the table of all their rows.
///
///     auto builders = *parallel_join_builder::make(key_types, runner.concurrency(), &budget);
///     runner.bulk(batches, [&](std::uint32_t batch, std::uint32_t worker) {
///       builders.worker(worker).append(keys, selection, row_count, row_ids);  });
///     const join_table table = *builders.seal(runner);
///
/// Rows are put in the order of their ids, so the table is the same, byte for byte, for any number of workers and any
/// split of the rows among them: a key's partners come in ascending order of their ids. Then slots are filled in parts
/// by all workers, each of which looks at all rows and takes those of its part. Tables of long texts or of many columns
/// (join_mode::generic) are filled by one worker.
///
/// Requires: rows are appended with row ids, all different
/// Errors:   make: invalid_argument: no key columns, no workers. seal: out_of_memory, limit_exceeded (more than
///           join_builder::most_rows in all), invalid_argument: rows without ids, an id that comes twice; the rows are
///           then kept, and it may be asked again
/// Cost:     seal copies the rows unless one builder has them in their order, with 3/16 of a byte for each number below
///           the greatest id (where ids are further apart than 64: 4 bytes a row, sorted); for a moment keys are there
///           twice. Rows whose search for a slot leaves its part are placed by one thread: few, unless keys' hashes
///           crowd; where they crowd so much that a part is full, one thread fills the table anew
/// Threads:  worker(w) by one thread at a time for each w; seal alone
class parallel_join_builder {
 public:
  PILLAR_API static result<parallel_join_builder> make(std::span<const data_type> key_types, std::uint32_t worker_count,
                                                       memory_budget* budget = nullptr);

  [[nodiscard]] std::uint32_t worker_count() const noexcept { return static_cast<std::uint32_t>(workers_.size()); }
  /// Requires: number < worker_count()
  [[nodiscard]] join_builder& worker(std::uint32_t number) noexcept { return workers_[number]; }

  /// The table; the builders are then empty and may be used again.
  PILLAR_API result<join_table> seal(executor_ref runner);

 private:
  parallel_join_builder() = default;
  result<void> put_in_order(std::span<join_builder* const> from, executor_ref runner);

  std::vector<join_builder> workers_{};
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/join/impl/parallel_join_builder.hpp"
#endif
