// SPDX-License-Identifier: Apache-2.0
/// What a join's build side says of the other side's rows, as domains: zone maps, codecs and filters can skip by them
/// before anybody probes.
#pragma once
#include <cstdint>
#include <vector>

#include "pillar/base/result.hpp"
#include "pillar/expr/domain.hpp"  // domain
#include "pillar/join/join_table.hpp"

namespace PILLAR_NAMESPACE {

/// Domains that the key column number `key` of a probe row satisfies, every one of them, if the row has a partner. For
/// inner, right and semi joins: rows outside may be dropped unseen.
///
/// - few keys (at most `most_points`) in a single column: a list of points, exact, and nothing else;
/// - otherwise the range from the least to the greatest key, of columns that are not text, which zone maps and codecs
///   answer; and of a single key column an opaque test, join_table::may_have_partners;
/// - an empty build side: the empty range.
///
/// Requires: key < table.key_types().size(); the table outlives opaque domains and does not move
/// Cost:     one pass over the table where it may have few keys, else none
PILLAR_API std::vector<domain> key_domains(const join_table& table, std::uint32_t key = 0,
                                           std::uint32_t most_points = 64);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/join/impl/key_domains.hpp"
#endif
