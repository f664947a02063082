// SPDX-License-Identifier: Apache-2.0
/// What a run knows of groups that spill.
#pragma once
#include <cstdint>
#include <span>

#include "pillar/aggregate/group_table.hpp"    // key_range
#include "pillar/aggregate/grouped_state.hpp"  // row_numbers
#include "pillar/aggregate/spec.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/column.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/column/types.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/schedule/executor.hpp"

namespace PILLAR_NAMESPACE::detail {

/// What an aggregation with keys is made from.
struct group_request {
  std::span<const data_type> keys{};
  std::span<const data_type> inputs{};
  std::span<const aggregate_spec> aggregates{};
  std::span<const key_range> ranges{};
  std::span<const key_range> input_ranges{};
  std::uint64_t expected_rows = 0;
  std::uint32_t worker_count = 1;
  memory_budget* budget = nullptr;
  bool restricts = false;  ///< aggregates have rows of their own
};

/// A parallel_spilling_group as a run sees it: header-only programs that do not spill compile none.
class spilled_groups {
 public:
  using delivery = function_ref<result<void>(std::span<const column> groups, std::uint32_t worker)>;
  spilled_groups() = default;
  spilled_groups(const spilled_groups&) = delete;
  spilled_groups& operator=(const spilled_groups&) = delete;
  virtual ~spilled_groups() = default;
  virtual void begin_block(std::uint32_t worker) noexcept = 0;
  virtual result<void> update(std::uint32_t worker, std::span<const vector* const> keys,
                              std::span<const vector* const> inputs, const selection_mask& selection,
                              std::uint32_t row_count, std::span<const selection_mask* const> where,
                              std::span<const std::uint8_t> input_bits, const row_numbers& numbers) = 0;
  virtual result<void> finish(executor_ref runner, delivery take, memory_budget* result_budget) = 0;
  [[nodiscard]] virtual std::uint64_t spilled_rows() const noexcept = 0;
};

}  // namespace PILLAR_NAMESPACE::detail
