// SPDX-License-Identifier: Apache-2.0
/// Grouping on several threads: each worker groups what it is given, then the keys are merged part by part.
#pragma once
#include <cstdint>
#include <memory>  // std::shared_ptr
#include <span>
#include <vector>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/column.hpp"
#include "pillar/schedule/executor.hpp"  // executor_ref

namespace PILLAR_NAMESPACE {

namespace detail {
class group_parts;   // detail/group_parts.hpp
class key_words;     // detail/key_words.hpp
struct parted_rows;  // impl/parallel_group.hpp
class word_groups;   // detail/word_groups.hpp
}  // namespace detail

/// Asked whether work may go on, by several threads; an error ends it.
using group_permission = function_ref<result<void>()>;

/// An aggregator for each worker of an executor, and one answer.
///
///     parallel_group groups = …make(keys, inputs, aggregates, runner.concurrency());
///     runner.bulk(batches, [&](std::uint32_t batch, std::uint32_t worker) { groups.update(worker, …); });
///     groups.finish(runner)  →  parts of the answer, no key in two of them
///
/// A group's part is bits of its keys' hash, or the upper ones of its key's place in a range, so parts are merged side by
/// side, and each one's table is small.
/// Where most rows bring new keys and there will be more groups than fit a cache, rows are not looked up any more but
/// wait, part by part, and each part's are grouped at the end: by one worker, in a small table, and nothing is merged.
/// (Keys of several columns wait as words where they fit; the answer is one part then.)
///
/// Shape:    as aggregator's; finish: a list of parts, each with a column per key and per aggregate
/// Errors:   make, finish → as aggregator's, make → invalid_argument: no worker; finish changes nothing
/// Cost:     merging: about 20 ns for each group of each worker, divided among the executor's workers; states that keep
///           their values (median, string_agg, distinct ones) are put in the order of groups first. Rows that wait take
///           their columns' bytes, at most an eighth of what the budget has, and each worker's texts that stand in words
///           as numbers, of which there are few beside the rows
/// Threads:  worker(w) and update(w, …) by one thread at a time for each w; finish alone
class parallel_group {
 public:
  PILLAR_API static result<parallel_group> make(std::span<const data_type> key_types,
                                                std::span<const data_type> input_types,
                                                std::span<const aggregate_spec> aggregates, std::uint32_t worker_count,
                                                memory_budget* budget = nullptr, std::span<const key_range> ranges = {},
                                                std::uint64_t expected_rows = 0,
                                                std::span<const key_range> input_ranges = {});

  [[nodiscard]] std::uint32_t worker_count() const noexcept { return static_cast<std::uint32_t>(workers_.size()); }
  /// Its groups may have no numbers before number_groups(). Requires: number < worker_count()
  [[nodiscard]] aggregator& worker(std::uint32_t number) noexcept { return workers_[number]; }
  [[nodiscard]] const aggregator& worker(std::uint32_t number) const noexcept { return workers_[number]; }
  /// As worker(number).update(…), and the way for rows to wait.
  PILLAR_API result<void> update(std::uint32_t number, std::span<const vector* const> keys,
                                 std::span<const vector* const> inputs, const selection_mask& selection,
                                 std::uint32_t row_count, std::span<const selection_mask* const> where = {},
                                 std::span<const std::uint8_t> input_bits = {}, const row_numbers& numbers = {});
  /// Rows that wait to be grouped.
  [[nodiscard]] PILLAR_API std::uint64_t waiting_rows() const noexcept;
  /// Of few integer keys in a range update() adds rows by key, and their groups' numbers are put off (see
  /// aggregator::put_off_groups) to here, or to finish().
  PILLAR_API void number_groups(executor_ref runner);
  /// The types of finish()'s columns.
  [[nodiscard]] std::span<const data_type> result_types() const noexcept { return workers_[0].result_types(); }

  /// The same groups and values for any number of workers and any split of the rows among them, in some order.
  /// `may_go_on`: asked for each part and each 1,024 rows that waited.
  PILLAR_API result<std::vector<std::vector<column>>> finish(executor_ref runner, memory_budget* budget = nullptr,
                                                             const group_permission* may_go_on = nullptr);
  /// How many groups finish() has, a key of NULL among them, without their columns.
  PILLAR_API result<std::uint64_t> count_groups(executor_ref runner, const group_permission* may_go_on = nullptr);

 private:
  struct finishing;
  explicit parallel_group(memory_budget* budget) noexcept : budget_(budget) {}
  [[nodiscard]] result<aggregator> make_aggregator(std::uint64_t expected_rows,
                                                   std::span<const key_range> ranges) const;
  result<std::vector<column>> merge_part(std::span<const detail::group_parts> groups, std::uint32_t part,
                                         const finishing& how) const;
  result<bool> keep(std::uint32_t number, std::span<const vector* const> keys, std::span<const vector* const> inputs,
                    const selection_mask& selection, std::uint32_t row_count, std::span<const std::uint8_t> input_bits);
  void look_for_many_groups(std::uint32_t number);
  [[nodiscard]] std::unique_ptr<detail::key_words> make_words(std::uint32_t number, double all_rows) const;
  result<std::vector<column>> group_words_of(std::span<const detail::word_groups> groups, std::uint32_t part,
                                             const finishing& how) const;
  result<std::vector<std::vector<column>>> finish_all(executor_ref runner, const finishing& how);
  result<std::vector<std::vector<column>>> finish_words(executor_ref runner, const finishing& how);
  result<std::vector<std::vector<column>>> finish_parts(executor_ref runner, const finishing& how);

  memory_budget* budget_;
  std::vector<data_type> key_types_{};
  std::vector<data_type> input_types_{};
  std::vector<aggregate_spec> aggregates_{};
  std::vector<key_range> ranges_{};
  std::vector<key_range> input_ranges_{};
  std::uint64_t expected_rows_ = 0;
  std::vector<aggregator> workers_{};
  std::shared_ptr<detail::parted_rows> parted_{};  ///< none: rows cannot wait
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/parallel_group.hpp"
#endif
