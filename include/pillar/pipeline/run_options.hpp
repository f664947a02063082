// SPDX-License-Identifier: Apache-2.0
/// What a run may use beside its executor and its context.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pillar/base/result.hpp"

namespace PILLAR_NAMESPACE {

class memory_budget;
class run_store;
namespace detail {
struct group_request;
class spilled_groups;
struct join_request;
class spilled_link;
}  // namespace detail

/// Where rows go that do not fit into memory: made by spill_to (pipeline/spill.hpp).
struct spill_target {
  std::vector<run_store*> stores{};  ///< that several threads may use
  result<std::unique_ptr<detail::spilled_groups>> (*make_groups)(const detail::group_request&,
                                                                 std::span<run_store* const>) = nullptr;
  result<std::unique_ptr<detail::spilled_link>> (*make_link)(const detail::join_request&,
                                                             const spill_target&) = nullptr;
  std::shared_ptr<const void> keeps{};  ///< what stands between the operators and the caller's stores
};

/// How group_by finds the groups of rows whose table is sorted by the keys.
enum class group_search : std::uint8_t {
  automatic,  ///< by runs, unless the keys are integers that index a small array
  by_runs,    ///< rows of equal keys that follow one another are a group, where the sort key begins with the keys
  by_table,   ///< in a table, as those of any other rows
};

/// What a run may use beside its executor and its context.
struct run_options {
  /// For group_by and joins, beyond the memory that the context's budget has; none: they end with ResourceExhausted.
  spill_target spill{};
  /// What the result's rows, and rows between stages, count against; nullptr: the context's budget. Groups that have to
  /// be spilled are often more than fit there. Not for the other side of a join: its rows count against the context's.
  memory_budget* result_budget = nullptr;
  group_search find_groups = group_search::automatic;
};

}  // namespace PILLAR_NAMESPACE
