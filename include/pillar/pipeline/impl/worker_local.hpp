// SPDX-License-Identifier: Apache-2.0
/// What one worker owns while it runs a segment.
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "pillar/codec/match_scratch.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/filter/evaluate.hpp"
#include "pillar/filter/predicate.hpp"
#include "pillar/filter/vector_run.hpp"
#include "pillar/pipeline/detail/spilled_groups.hpp"
#include "pillar/pipeline/impl/bound_segment.hpp"
#include "pillar/pipeline/impl/gathered_rows.hpp"
#include "pillar/pipeline/impl/run_groups.hpp"
#include "pillar/pipeline/impl/shared_keys.hpp"
#include "pillar/pipeline/statistics.hpp"
#include "pillar/sort/top_n.hpp"
#include "pillar/zone/vector_zones.hpp"
#include "pillar/zone/zone_map.hpp"

// Queries need no definitions that fill tables: they would cost every header-only program their compilation.
#define PILLAR_STORAGE_READ_ONLY
#include "pillar/storage/table.hpp"
#undef PILLAR_STORAGE_READ_ONLY

namespace PILLAR_NAMESPACE::detail {

struct worker_local {
  worker_local(const bound_segment& shared, memory_budget* memory, memory_budget* results)
      : budget(memory),
        keys_of_others(memory),
        dictionary_answers(memory),
        columns(shared.what.source.size()),
        zones(shared.what.source.size()),
        vector_zones(shared.what.source.size()),
        nodes(shared.values.nodes) {
    if (shared.what.has_predicate) {
      predicate.emplace(shared.predicate);
      predicate->codec_scratch = &dictionary_answers;
    }
    for (const bound_predicate& restriction : shared.restrictions) {
      restrictions.emplace_back(restriction);
      restrictions.back().codec_scratch = &dictionary_answers;
    }
    masks.resize(restrictions.size());
    rows.columns = columns;
    run.columns.resize(columns.size());
    run.touched.resize(columns.size());
    gathered.prepare(shared.gathered, shared.what.source);
    if (shared.what.sink != sink_kind::collect && shared.what.sink != sink_kind::order) return;
    dynamic_schema kept = shared.what.result;
    kept.columns.push_back({std::string(), type_of<std::uint64_t>});  // row ids: the order of the scan
    collected.emplace(std::move(kept), results);
  }

  memory_budget* budget;
  std::uint32_t number = 0;  ///< of the worker
  shared_keys keys_of_others;
  match_scratch dictionary_answers;
  std::vector<batch_column> columns;
  std::vector<const zone_map*> zones;
  std::vector<block_zones> vector_zones;
  open_blocks blocks;                 ///< of the row group at work
  std::vector<std::uint32_t> wanted;  ///< columns to open
  vector_answers verdicts;
  vector_run run;
  gathered_rows gathered;
  batch rows;
  std::vector<bound_value> nodes;  ///< of computed values, narrowed for the row group at work
  std::optional<predicate_state> predicate;
  std::vector<predicate_state> restrictions;  ///< of aggregates
  std::vector<selection_mask> masks;          ///< the rows of the batch that they keep
  value_state computed;
  zone_scratch block_scratch;
  zone_scratch vector_scratch;
  std::vector<value_interval> proof;
  std::vector<vector> values;
  std::vector<const vector*> keys;
  std::vector<const vector*> inputs;
  std::vector<const selection_mask*> where;
  std::vector<std::uint8_t> input_bits;  ///< of the row group's aggregate inputs
  selection_mask nothing = selection_mask::none();

  /// A vector for an aggregate that takes no part in an update: of the right type and size, its values are not read.
  [[nodiscard]] static vector stand_in(const data_type& type, std::uint32_t size) {
    static constexpr std::uint64_t zero[2] = {0, 0};
    vector made;
    made.type = type;
    made.kind = vector_kind::constant;
    made.size = size;
    made.values = zero;
    return made;
  }

  aggregator* groups = nullptr;        ///< this worker's of all groups, or
  spilled_groups* spilling = nullptr;  ///< everybody's, where there is a memory budget and a place to spill to
  std::unique_ptr<run_groups> runs;    ///< beside them, where rows are sorted by the keys
  std::optional<top_n> best;
  std::optional<column_set_builder> collected;

  std::uint64_t rows_selected = 0;
  std::uint64_t rows_to_table = 0;  ///< of rows that are grouped
  std::uint64_t groups_skipped = 0;
  std::uint64_t morsels = 0;
  std::vector<block_account> accounts;
};

/// What a row group's zone maps say of the predicate.
inline zone_answer answer_of(const bound_segment& shared, const row_group& group, worker_local& local) {
  zone_answer block;
  block.what = zone_verdict::all;
  for (const std::uint32_t c : shared.named) local.zones[c] = &group.blocks[c].zone;
  if (shared.what.has_predicate) block = answer(shared.predicate, local.zones, local.block_scratch);
  return block;
}

}  // namespace PILLAR_NAMESPACE::detail
