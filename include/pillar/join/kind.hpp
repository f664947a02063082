// SPDX-License-Identifier: Apache-2.0
/// The kinds of joins, as cursors and pipelines name them.
///
/// | kind            | result                                                                       |
/// |-----------------|------------------------------------------------------------------------------|
/// | inner           | a pair for each probe row and each of its partners                            |
/// | left            | the same, and each probe row without partners once, with no_row               |
/// | right           | as inner; build rows without partners come from join_matches at the end       |
/// | full            | left and right                                                                |
/// | semi            | the probe rows that have a partner (EXISTS, IN)                               |
/// | anti            | those that have none (NOT EXISTS)                                             |
/// | null_aware_anti | those whose key is NOT IN the build side: none if that holds a NULL           |
/// | mark            | EXISTS as a value for each row                                                |
/// | null_aware_mark | IN as a value for each row: true, false or NULL                               |
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// The kinds of joins; those up to `full` give pairs, the others masks.
enum class join_kind : std::uint8_t { inner, left, right, full, semi, anti, null_aware_anti, mark, null_aware_mark };

/// The kind in words.
constexpr const char* to_string(join_kind kind) noexcept {
  constexpr const char* names[] = {"inner",           "left", "right",          "full", "semi", "anti",
                                   "null-aware anti", "mark", "null-aware mark"};
  return names[static_cast<unsigned>(kind)];
}
/// Whether the result is of pairs; else it is of probe rows, each at most once.
constexpr bool gives_pairs(join_kind kind) noexcept { return kind <= join_kind::full; }
/// Whether probe rows without a partner are in the result of a kind that gives pairs.
constexpr bool keeps_probe_rows(join_kind kind) noexcept { return kind == join_kind::left || kind == join_kind::full; }
/// Whether build rows without a partner are in the result.
constexpr bool keeps_build_rows(join_kind kind) noexcept { return kind == join_kind::right || kind == join_kind::full; }
/// Whether a NULL on either side makes the answer unknown, as SQL's IN does.
constexpr bool is_null_aware(join_kind kind) noexcept {
  return kind == join_kind::null_aware_anti || kind == join_kind::null_aware_mark;
}
/// Whether the result has a column that says if a row has a partner.
constexpr bool gives_mark(join_kind kind) noexcept {
  return kind == join_kind::mark || kind == join_kind::null_aware_mark;
}
/// Whether a probe row without a partner is never in the result: then the build side's keys may restrict the scan.
constexpr bool needs_partner(join_kind kind) noexcept {
  return kind == join_kind::inner || kind == join_kind::right || kind == join_kind::semi;
}

}  // namespace PILLAR_NAMESPACE
