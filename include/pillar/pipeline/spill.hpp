// SPDX-License-Identifier: Apache-2.0
/// Lets a run's group_by go on when its groups no longer fit into the memory budget.
///
///     auto done = run(question, pool, context, {.spill = pillar::spill_to({&store}), .results = &results});
#pragma once
#include <memory>  // std::unique_ptr
#include <span>
#include <utility>
#include <vector>

#include "pillar/column/run_store.hpp"
#include "pillar/pipeline/detail/spilled_groups.hpp"
#include "pillar/pipeline/run.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
PILLAR_API result<std::unique_ptr<spilled_groups>> make_spilled_groups(const group_request& what,
                                                                       std::span<run_store* const> stores);

}  // namespace detail

/// Rows go to these stores: worker w writes to store w modulo their number, through a lock, so that as many stores as
/// workers let them write side by side. Without stores, without keys, or where the context's budget has no limit,
/// nothing is spilled.
///
/// Requires: the stores outlive the run, and are nobody else's meanwhile
inline spill_target spill_to(std::vector<run_store*> stores) {
  return {std::move(stores), &detail::make_spilled_groups};
}

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/pipeline/impl/spill.hpp"
#endif
