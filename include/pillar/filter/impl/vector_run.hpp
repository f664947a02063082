// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>

#include "pillar/base/mutant.hpp"
#include "pillar/expr/domain.hpp"  // domain
#include "pillar/filter/vector_run.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// rows &= words; returns whether any row is left.
inline bool keep_rows(selection_mask& rows, const std::uint64_t* words) noexcept {
  std::uint64_t left = 0;
  for (std::uint32_t i = 0; i < vector_words; ++i) left |= rows.words[i] &= words[i];
  return left != 0;
}

/// Asks one test of a plain column of all open vectors that are not `waiting` for an earlier conjunct.
///
/// First all masks, then all selections: a mask that was just written in small pieces cannot be read in large ones
/// without waiting for them.
inline void ask_column(std::uint32_t column, const domain& test, bool nullable, match_scratch* scratch, vector_run& run,
                       std::uint64_t& settled, std::uint64_t& waiting) noexcept {
  const encoded_vector first = run.columns[column];
  const encoded_operations* operations = first.operations;  // nullptr where zones left no vector to ask
  touched_vectors& touched = run.touched[column];
  std::uint64_t some = 0, none = 0;
  for (std::uint64_t left = run.open & ~settled & ~waiting; left != 0; left &= left - 1) {
    const auto v = static_cast<std::uint32_t>(std::countr_zero(left));
    const std::uint64_t bit = left & (~left + 1);
    const match_answer answer = operations->match(first.block, first.index + v, test, scratch, run.masks[v].words);
    if (answer.what == verdict::unknown) {
      waiting |= bit;
      continue;
    }
    settled |= bit;
    touched.touch(bit, answer.how);
    if (answer.what == verdict::none) {
      none |= bit;
      continue;
    }
    if (answer.what == verdict::some) some |= bit;
    selection_mask valid;
    if (!nullable || !operations->validity(first.block, first.index + v, valid.words)) continue;
    touched.touch(bit, evidence::encoded);
    if (PILLAR_MUTATE(vector_run_keeps_nulls, !keep_rows(run.rows[v], valid.words), false)) none |= bit;
  }
  for (std::uint64_t left = some & ~none; left != 0; left &= left - 1) {
    const auto v = static_cast<std::uint32_t>(std::countr_zero(left));
    if (!keep_rows(run.rows[v], run.masks[v].words)) none |= left & (~left + 1);
  }
  run.open &= ~none;
}

}  // namespace detail

PILLAR_API void ask_encoded(predicate_state& state, vector_run& run) {
  const bound_predicate& predicate = state.predicate();
  std::uint64_t waiting = 0;
  for (const std::uint32_t position : state.order()) {
    const bound_node& node = predicate.nodes[predicate.conjuncts[position]];
    if (node.kind != bound_node::kind_type::test || node.test.kind == domain_kind::null_test) break;
    const std::uint32_t* column = predicate.plain_column(node);
    if (column == nullptr || (run.open & ~waiting) == 0) break;
    const bool nullable = predicate.values[node.left].type.nullable;
    detail::ask_column(*column, node.test, nullable, state.codec_scratch, run, run.settled[position], waiting);
  }
  run.undecided = 0;
  for (const std::uint64_t settled : run.settled) run.undecided |= run.open & ~settled;
}

}  // namespace PILLAR_NAMESPACE
