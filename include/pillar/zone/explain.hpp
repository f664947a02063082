// SPDX-License-Identifier: Apache-2.0
/// What zone maps said of a predicate, with witnesses: the explanation of zone/zone_map.hpp's answer().
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/expr/explain.hpp"   // witness, value_claim
#include "pillar/zone/zone_map.hpp"  // zone_map, zone_answer

namespace PILLAR_NAMESPACE {

/// What a zone map claims of a column's rows.
[[nodiscard]] PILLAR_API value_claim claim_of(std::uint32_t column, const data_type& type, const zone_map& zone);

/// Asks answer() and appends a witness for every conjunct that it settled: the first that no row can pass, else those
/// that are true for all rows. What it could not tell has no witness.
///
/// Shape: arguments and result are those of answer(); `schema` has the types of the columns
[[nodiscard]] PILLAR_API zone_answer explain(const bound_predicate& predicate, std::span<const zone_map* const> zones,
                                             const dynamic_schema& schema, zone_scratch& scratch,
                                             std::vector<witness>& out);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/zone/impl/explain.hpp"
#endif
