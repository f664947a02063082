// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "pillar/aggregate/parallel_spilling_group.hpp"
#include "pillar/column/shared_run_store.hpp"
#include "pillar/pipeline/detail/spilled_groups.hpp"
#include "pillar/pipeline/impl/spilled_join.hpp"
#include "pillar/pipeline/spill.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

class spilled_groups_of_workers final : public spilled_groups {
 public:
  explicit spilled_groups_of_workers(parallel_spilling_group groups) noexcept : groups_(std::move(groups)) {}
  void begin_block(std::uint32_t worker) noexcept override { groups_.worker(worker).begin_block(); }
  result<void> update(std::uint32_t worker, std::span<const vector* const> keys, std::span<const vector* const> inputs,
                      const selection_mask& selection, std::uint32_t row_count,
                      std::span<const selection_mask* const> where, std::span<const std::uint8_t> input_bits,
                      const row_numbers& numbers) override {
    return groups_.worker(worker).update(keys, inputs, selection, row_count, where, input_bits, numbers);
  }
  result<void> finish(executor_ref runner, delivery take, memory_budget* result_budget) override {
    return groups_.finish(runner, take, result_budget);
  }
  [[nodiscard]] std::uint64_t spilled_rows() const noexcept override { return groups_.spilled_rows(); }

 private:
  parallel_spilling_group groups_;
};

inline result<std::unique_ptr<spilled_groups>> make_spilled_groups(const group_request& what,
                                                                   std::span<run_store* const> stores) {
  spilling_aggregator_options how;
  how.restricts = what.restricts;
  const std::uint64_t left = what.budget == nullptr ? memory_budget::unlimited : what.budget->available();
  if (left != memory_budget::unlimited) {
    // Shares of what is left: the rows of a join's other side are in the budget too.
    how.state_bytes = 1 + (what.worker_count > 1 ? left / 2 : left - left / 4);
  }
  PILLAR_ASSIGN_OR_RETURN(
      parallel_spilling_group made,
      parallel_spilling_group::make(what.keys, what.inputs, what.aggregates, what.worker_count, what.budget, stores,
                                    how, what.ranges, what.expected_rows, what.input_ranges));
  return std::unique_ptr<spilled_groups>(std::make_unique<spilled_groups_of_workers>(std::move(made)));
}

}  // namespace detail

PILLAR_API spill_target spill_to(std::vector<run_store*> stores) {
  const auto shared = std::make_shared<std::vector<std::unique_ptr<shared_run_store>>>();
  for (run_store*& store : stores) {
    shared->push_back(std::make_unique<shared_run_store>(*store));
    store = shared->back().get();
  }
  return {std::move(stores), &detail::make_spilled_groups, &detail::make_spilled_link, shared};
}

}  // namespace PILLAR_NAMESPACE
