// SPDX-License-Identifier: Apache-2.0
/// A table's row groups as explain and audit go through them: the first segment's predicate, one worker, no sink.
#pragma once
#include <memory>
#include <vector>

#include "pillar/codec/match_scratch.hpp"
#include "pillar/filter/predicate.hpp"
#include "pillar/pipeline/impl/bound_plan.hpp"
#include "pillar/pipeline/impl/bound_segment.hpp"
#include "pillar/storage/table.hpp"
#include "pillar/zone/zone_map.hpp"

namespace PILLAR_NAMESPACE::detail {

/// The first segment of a plan over a table, bound.
inline absl::StatusOr<bound_segment> bind_first_segment(const query_plan& plan) {
  if (plan.from_table == nullptr)
    return make_status(absl::StatusCode::kInvalidArgument, "only queries of a table have zones and blocks to look at");
  if (!plan.from_table->status().ok()) return plan.from_table->status();
  plan_binder binder(plan.from_table->schema());
  for (const auto& stage : plan.stages)
    if (auto added = binder.add(stage); !added.ok()) return added;
  auto segments = std::move(binder).finish();
  return bind_segment(std::move(segments[0]));
}

/// What a worker of the scan holds, as far as the predicate goes.
struct predicate_walk {
  explicit predicate_walk(const bound_predicate& predicate, std::size_t column_count, memory_budget* budget)
      : dictionary_answers(budget), columns(column_count), zones(column_count), state(predicate) {
    state.codec_scratch = &dictionary_answers;
    rows.columns = columns;
  }
  predicate_walk(const predicate_walk&) = delete;
  predicate_walk& operator=(const predicate_walk&) = delete;

  match_scratch dictionary_answers;
  std::vector<batch_column> columns;
  std::vector<const zone_map*> zones;
  open_blocks blocks;
  batch rows;
  predicate_state state;
  zone_scratch block_scratch;
  zone_scratch vector_scratch;
};

}  // namespace PILLAR_NAMESPACE::detail
