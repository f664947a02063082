// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/zone/explain.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API value_claim claim_of(std::uint32_t column, const data_type& type, const zone_map& zone) {
  return claim_of(column, type, interval_of(zone));
}

PILLAR_API zone_answer explain(const bound_predicate& predicate, std::span<const zone_map* const> zones,
                               const dynamic_schema& schema, zone_scratch& scratch, std::vector<witness>& out) {
  const zone_answer answered = answer(predicate, zones, scratch);
  for (std::uint32_t i = 0; i < predicate.conjuncts.size(); ++i) {
    const bool none = answered.what == zone_verdict::none;
    if (none ? i != answered.conjunct : i >= 64 || ((answered.known_true >> i) & 1) == 0) continue;
    const std::uint32_t node = predicate.conjuncts[i];
    witness made;
    made.conjunct = i;
    made.outcome = none ? truth_set::of(truth::is_false).add(truth::unknown) : truth_set::of(truth::is_true);
    made.follows = true;
    const std::vector<std::uint32_t> columns = columns_of(predicate, node);
    made.layer = columns.empty()             ? answer_layer::folded
                 : computes(predicate, node) ? answer_layer::interval
                                             : answer_layer::zone;
    for (const std::uint32_t column : columns) {
      const bool has_map = column < zones.size() && zones[column] != nullptr;
      made.claims.push_back(claim_of(column, schema[column].type,
                                     has_map ? interval_of(*zones[column]) : interval_of(schema[column].type)));
    }
    out.push_back(std::move(made));
  }
  return answered;
}

}  // namespace PILLAR_NAMESPACE
