// SPDX-License-Identifier: Apache-2.0
/// The zone maps of all vectors of a row group asked at once: a bit per vector.
///
/// A range of integers, by far the commonest question, needs two numbers per vector. They are kept side by side, so
/// that 64 vectors are answered in one short loop over 1 KiB instead of 5 KiB of zone maps.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/expr/domain.hpp"    // domain
#include "pillar/zone/zone_map.hpp"  // zone_map, zone_scratch

namespace PILLAR_NAMESPACE {

/// Bounds of the integers of a block's vectors; `least` is empty where some vector has none within int64.
///
/// Shape: one entry per vector, at most 64
struct vector_bounds {
  std::vector<std::int64_t> least{};
  std::vector<std::int64_t> greatest{};
  std::uint64_t may_have_nulls = 0;  ///< bit v: vector v
  [[nodiscard]] bool known() const noexcept { return !least.empty(); }
};

/// The bounds of a block's vectors from their zone maps.
[[nodiscard]] PILLAR_API vector_bounds bounds_of(std::span<const zone_map> vectors);

/// What is known of one block's vectors.
struct block_zones {
  std::span<const zone_map> vectors{};
  const vector_bounds* bounds = nullptr;
};

/// What the zone maps say of a predicate's rows, a bit per vector.
struct vector_answers {
  std::uint64_t none = 0;                   ///< no row can pass
  std::vector<std::uint64_t> known_true{};  ///< per conjunct: it is true for every row
};

/// Asks the zone maps of all vectors; the answers are those of answer() for each vector.
///
/// `zones[c]` is what is known of column c, without vectors where nothing is. `block` is the answer of the whole row
/// group's zones: what it knows to be true is not asked again.
///
/// Shape: vector_count ≤ 64; bits beyond are zero
/// Cost:  about a nanosecond per vector and range of integers over a plain column; other conjuncts cost an interval
///        analysis per vector
PILLAR_API void answer_vectors(const bound_predicate& predicate, std::span<const block_zones> zones,
                               std::uint32_t vector_count, const zone_answer& block, zone_scratch& scratch,
                               vector_answers& out);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/zone/impl/vector_zones.hpp"
#endif
