// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "pillar/filter/explain.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
/// The codec's own answer to a test of a plain column; asked again for the explanation, before or after makes no
/// difference.
inline match_answer codec_answer(const predicate_state& state, const batch& from, const bound_node& node) noexcept {
  if (node.kind != bound_node::kind_type::test) return {};
  const std::uint32_t* column = state.predicate().plain_column(node);
  if (column == nullptr || node.test.kind == domain_kind::null_test) return {};
  const batch_column& slot = from.columns[*column];
  if (slot.has_decoded || !slot.source) return {};
  alignas(64) std::uint64_t mask[vector_words];
  return slot.source.operations->match(slot.source.block, slot.source.index, node.test, state.codec_scratch, mask);
}
}  // namespace detail

PILLAR_API result<void> explain(predicate_state& state, batch& from, std::uint64_t known_true,
                                std::span<const value_interval> proof, std::vector<conjunct_step>& out) {
  const bound_predicate& predicate = state.predicate();
  std::vector<evidence> before(from.columns.size());
  const auto restore = [&] {
    for (std::uint32_t c = 0; c < before.size(); ++c) from.touch(c, before[c]);
  };
  for (const std::uint32_t position : state.order()) {
    conjunct_step step;
    step.conjunct = position;
    step.rows_before = step.rows_after = from.selection.count();
    step.touched.assign(from.columns.size(), evidence::skipped);
    const bool known = position < 64 && ((known_true >> position) & 1) != 0;
    if (known || step.rows_before == 0) {
      step.kind = known ? conjunct_step::kind_type::known_true : conjunct_step::kind_type::no_rows;
      out.push_back(std::move(step));
      continue;
    }
    const std::uint32_t node = predicate.conjuncts[position];
    step.codec = detail::codec_answer(state, from, predicate.nodes[node]);
    for (std::size_t c = 0; c < before.size(); ++c) {
      before[c] = from.columns[c].touched;
      from.columns[c].touched = evidence::skipped;
    }
    selection_mask kept;
    const auto done = ask(state, from, node, true, from.selection, kept, proof);
    for (std::size_t c = 0; c < before.size(); ++c) step.touched[c] = from.columns[c].touched;
    restore();
    if (!done.ok()) return done;
    from.selection = kept;
    step.rows_after = kept.count();
    out.push_back(std::move(step));
  }
  return {};
}

}  // namespace PILLAR_NAMESPACE
