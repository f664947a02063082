// SPDX-License-Identifier: Apache-2.0
/// Lets a run go on when its groups, or the other sides of its joins, no longer fit into the memory budget.
///
///     auto done = run(question, pool, context, {.spill = pillar::spill_to({&store}), .result_budget = &results});
#pragma once
#include <vector>

#include "pillar/column/run_store.hpp"
#include "pillar/pipeline/run.hpp"

namespace PILLAR_NAMESPACE {

/// Rows go to these stores, through a lock for each: of groups, worker w writes to store w modulo their number, so that
/// as many stores as workers let them write side by side; of joins, all rows of a pass's join i go to store i modulo
/// their number, so that several stores do not divide one join. Without stores, without keys, or where the context's
/// budget and its parents have no limit, nothing is spilled.
///
/// Requires: the stores outlive the run, and are nobody else's meanwhile
PILLAR_API spill_target spill_to(std::vector<run_store*> stores);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/pipeline/impl/spill.hpp"
#endif
