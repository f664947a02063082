// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "pillar/base/bits.hpp"  // low_bits
#include "pillar/base/mutant.hpp"
#include "pillar/zone/vector_zones.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API vector_bounds bounds_of(std::span<const zone_map> vectors) {
  vector_bounds out;
  const bool fits = vectors.size() <= 64 && std::all_of(vectors.begin(), vectors.end(), [](const zone_map& zone) {
                      return is_integer(zone.physical) && zone.has_min && zone.has_max &&
                             zone.integers.min >= lowest_of<std::int64_t>() &&
                             zone.integers.max <= highest_of<std::int64_t>();
                    });
  if (!fits) return out;
  out.least.reserve(vectors.size());
  out.greatest.reserve(vectors.size());
  for (std::size_t v = 0; v < vectors.size(); ++v) {
    out.least.push_back(static_cast<std::int64_t>(vectors[v].integers.min));
    out.greatest.push_back(static_cast<std::int64_t>(vectors[v].integers.max));
    out.may_have_nulls |= static_cast<std::uint64_t>(vectors[v].may_have_nulls()) << v;
  }
  return out;
}

namespace detail {

/// What the bounds of a plain column's vectors say of a conjunct: bits of vectors.
struct range_verdicts {
  std::uint64_t none = 0;
  std::uint64_t all = 0;
};

inline range_verdicts settle_range(const domain& test, const vector_bounds& bounds) noexcept {
  range_verdicts out;
  const std::size_t count = bounds.least.size();
  if (test.lo > highest_of<std::int64_t>() || test.hi < lowest_of<std::int64_t>()) {
    out.none = low_bits(static_cast<unsigned>(count));
    return out;
  }
  const auto lo = static_cast<std::int64_t>(std::max<int128>(test.lo, lowest_of<std::int64_t>()));
  const auto hi = static_cast<std::int64_t>(std::min<int128>(test.hi, highest_of<std::int64_t>()));
  for (std::size_t v = 0; v < count; ++v) {
    const std::int64_t least = bounds.least[v], greatest = bounds.greatest[v];
    out.none |= static_cast<std::uint64_t>((greatest < lo) | (least > hi)) << v;
    out.all |= static_cast<std::uint64_t>((least >= lo) & (greatest <= hi)) << v;
  }
  out.all &= ~PILLAR_MUTATE(vector_zones_forget_nulls, bounds.may_have_nulls, std::uint64_t{0});
  return out;
}

/// The bounds that can settle a conjunct by themselves, or nullptr.
inline const vector_bounds* bounds_for(const bound_predicate& predicate, const bound_node& node,
                                       std::span<const block_zones> zones) noexcept {
  if (node.kind != bound_node::kind_type::test || node.test.kind != domain_kind::range || node.test.negated ||
      !is_integer(node.test.physical))
    return nullptr;
  const std::uint32_t* column = predicate.plain_column(node);
  if (column == nullptr || *column >= zones.size()) return nullptr;
  const block_zones& block = zones[*column];
  const bool usable =
      block.bounds != nullptr && block.bounds->known() && block.vectors.front().physical == node.test.physical;
  return usable ? block.bounds : nullptr;
}

/// The others, vector by vector.
inline void answer_each(const bound_predicate& predicate, std::span<const block_zones> zones,
                        std::uint32_t vector_count, zone_scratch& scratch, vector_answers& out) {
  std::vector<const zone_map*> maps(zones.size());
  for (std::uint32_t v = 0; v < vector_count; ++v) {
    const std::uint64_t bit = std::uint64_t{1} << v;
    if ((out.none & bit) != 0) continue;
    for (std::size_t c = 0; c < zones.size(); ++c) maps[c] = zones[c].vectors.empty() ? nullptr : &zones[c].vectors[v];
    const zone_answer at = answer(predicate, maps, scratch);
    if (at.what == zone_verdict::none) out.none |= bit;
    for (std::size_t i = 0; i < predicate.conjuncts.size(); ++i)
      if (at.what == zone_verdict::all || (i < 64 && ((at.known_true >> i) & 1) != 0)) out.known_true[i] |= bit;
  }
}

}  // namespace detail

PILLAR_API void answer_vectors(const bound_predicate& predicate, std::span<const block_zones> zones,
                               std::uint32_t vector_count, const zone_answer& block, zone_scratch& scratch,
                               vector_answers& out) {
  PILLAR_ASSERT(vector_count <= 64);
  const std::uint64_t every = low_bits(vector_count);
  out.none = block.what == zone_verdict::none ? every : 0;
  out.known_true.assign(predicate.conjuncts.size(), block.what == zone_verdict::all ? every : 0);
  if (block.what != zone_verdict::some) return;
  bool settled = true;
  for (std::size_t i = 0; i < predicate.conjuncts.size(); ++i) {
    if (i < 64 && ((block.known_true >> i) & 1) != 0) {
      out.known_true[i] = every;
    } else if (const auto* bounds = detail::bounds_for(predicate, predicate.nodes[predicate.conjuncts[i]], zones)) {
      const detail::range_verdicts verdicts =
          detail::settle_range(predicate.nodes[predicate.conjuncts[i]].test, *bounds);
      out.none |= verdicts.none;
      out.known_true[i] = verdicts.all;
    } else {
      settled = false;
    }
  }
  if (!settled && vector_count > 1) detail::answer_each(predicate, zones, vector_count, scratch, out);
}

}  // namespace PILLAR_NAMESPACE
