// SPDX-License-Identifier: Apache-2.0
/// What a run may use beside its executor and its context.
#pragma once
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
}  // namespace detail

/// Where rows go whose groups do not fit into memory: made by spill_to (pipeline/spill.hpp).
struct spill_target {
  std::vector<run_store*> stores{};
  result<std::unique_ptr<detail::spilled_groups>> (*make)(const detail::group_request&,
                                                          std::span<run_store* const>) = nullptr;
};

/// What a run may use beside its executor and its context.
struct run_options {
  /// For group_by, beyond the memory that the context's budget has; none: it ends with ResourceExhausted.
  spill_target spill{};
  /// What the result's rows, and rows between stages, count against; nullptr: the context's budget. Groups that have to
  /// be spilled are often more than fit there. Not for the other side of a join: its rows count against the context's.
  memory_budget* results = nullptr;
};

}  // namespace PILLAR_NAMESPACE
