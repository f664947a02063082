// SPDX-License-Identifier: Apache-2.0
/// Groups that are runs of rows: complete as soon as their row group is, so that they become results and are forgotten.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/sorted_groups.hpp"
#include "pillar/codec/codec.hpp"  // block_max_rows

namespace PILLAR_NAMESPACE::detail {

/// What a worker's aggregation of runs is made from.
struct run_group_request {
  std::span<const data_type> keys{};
  std::span<const data_type> inputs{};
  std::span<const aggregate_spec> aggregates{};
  std::span<const key_range> input_ranges{};
  memory_budget* budget = nullptr;
  memory_budget* results = nullptr;
  bool counts_only = false;  ///< nobody takes results: group_count() is all that is asked
};

/// One worker's groups that are runs: row group after row group they become results, and are forgotten.
class run_groups {
 public:
  static constexpr std::uint32_t enough_runs = 16384;  ///< to be worth results of their own

  explicit run_groups(const run_group_request& what) : what_(what), runs_(what.keys, what.results) {}

  /// The rows of keys that no other row group has. Requires: no key was there before the last flush()
  result<void> update(std::span<const vector* const> keys, std::span<const vector* const> inputs,
                      const selection_mask& rows, std::uint32_t row_count, std::span<const selection_mask* const> where,
                      std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
    if (!states_) {
      // The runs' numbers are the keys: an array, in which neighbours meet.
      const key_range range{0, most_runs - 1};
      PILLAR_ASSIGN_OR_RETURN(
          aggregator made, aggregator::make({&type_of<std::uint32_t>, 1}, what_.inputs, what_.aggregates, what_.budget,
                                            {&range, 1}, 0, what_.input_ranges));
      states_.emplace(std::move(made));
      states_->begin_block();
    }
    PILLAR_TRY(runs_.find(keys, rows, row_count, numbers_));
    vector run;
    run.type = type_of<std::uint32_t>;
    run.size = row_count;
    run.values = numbers_;
    const vector* const key[] = {&run};
    row_count_ += rows.count();
    return states_->update(key, inputs, rows, row_count, where, input_bits, numbers);
  }

  void begin_block() noexcept {
    if (states_) states_->begin_block();
  }
  /// The end of a row group.
  result<void> end_group() {
    const bool enough = runs_.group_count() >= enough_runs || row_count_ - flushed_rows_ >= enough_rows;
    return enough ? flush() : result<void>();
  }

  /// The groups so far are complete.
  result<void> flush() {
    if (!states_ || runs_.group_count() == 0) return {};
    group_count_ += runs_.group_count();
    flushed_rows_ = row_count_;
    states_->arrange_results();  // what is logged row by row is sorted where it lies, and hardly copied
    PILLAR_ASSIGN_OR_RETURN(std::vector<column> values, states_->finish(what_.results));
    PILLAR_ASSIGN_OR_RETURN(std::vector<column> part, runs_.take_keys());
    states_.reset();
    if (what_.counts_only) return {};
    part.insert(part.end(), std::make_move_iterator(values.begin() + 1), std::make_move_iterator(values.end()));
    parts_.push_back(std::move(part));
    return {};
  }
  [[nodiscard]] std::vector<std::vector<column>> take() noexcept { return std::move(parts_); }

  [[nodiscard]] std::uint64_t row_count() const noexcept { return row_count_; }
  [[nodiscard]] std::uint64_t group_count() const noexcept { return group_count_; }

 private:
  static constexpr std::uint32_t enough_rows = 4 * block_max_rows;  ///< to be forgotten, where states grow with them
  static constexpr std::uint32_t most_runs = enough_runs + block_max_rows;

  run_group_request what_;
  sorted_groups runs_;
  std::optional<aggregator> states_;
  std::vector<std::vector<column>> parts_;
  std::uint64_t row_count_ = 0;
  std::uint64_t flushed_rows_ = 0;
  std::uint64_t group_count_ = 0;
  alignas(64) std::uint32_t numbers_[vector_rows] = {};
};

}  // namespace PILLAR_NAMESPACE::detail
