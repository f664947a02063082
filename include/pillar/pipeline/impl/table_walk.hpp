// SPDX-License-Identifier: Apache-2.0
/// A table's row groups as explain and audit go through them: the first segment's predicate, one worker, no sink.
#pragma once
#include <memory>
#include <vector>

#include "pillar/codec/match_scratch.hpp"
#include "pillar/filter/predicate.hpp"
#include "pillar/pipeline/impl/segment_runner.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/storage/table.hpp"
#include "pillar/zone/zone_map.hpp"

namespace PILLAR_NAMESPACE::detail {

/// The first pass of a plan over a table, bound; the other sides of its joins have run, on the calling thread.
inline absl::StatusOr<bound_pass> bind_first_pass(const query_plan& plan, query_context& context,
                                                  const run_options& options, bool for_audit = false) {
  if (plan.from_table == nullptr)
    return make_status(absl::StatusCode::kInvalidArgument, "only queries of a table have zones and blocks to look at");
  auto segments = bind_plan(plan);
  if (!segments.ok()) return segments.status();
  inline_executor here;
  return bind_pass(*segments, 0, end_of_pass(*segments, 0), plan.from_table, {here, context, options}, for_audit);
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
