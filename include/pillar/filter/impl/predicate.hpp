// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "pillar/base/detail/heap_sort.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/filter/match.hpp"
#include "pillar/filter/predicate.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// One predicate over one batch.
struct questioning {
  const bound_predicate& predicate;
  predicate_state& state;
  batch& from;
  std::span<const value_interval> proof;

  /// out = the rows for which the node is `want`.
  result<void> ask(std::uint32_t index, bool want, const selection_mask& rows, selection_mask& out) {
    const bound_node& node = predicate.nodes[index];
    switch (node.kind) {
      case bound_node::kind_type::constant:
        out = !node.always_null && node.always == want ? rows : selection_mask::none();
        return {};
      case bound_node::kind_type::negation: return ask(node.left, !want, rows, out);
      case bound_node::kind_type::both: return want ? intersect(node, want, rows, out) : unite(node, want, rows, out);
      case bound_node::kind_type::either: return want ? unite(node, want, rows, out) : intersect(node, want, rows, out);
      case bound_node::kind_type::compare: return compare(node, want, rows, out);
      case bound_node::kind_type::test: break;
    }
    if (const std::uint32_t* column = predicate.plain_column(node); column != nullptr)
      return test_column(*column, node.test, want, rows, out);
    PILLAR_ASSIGN_OR_RETURN(const vector values,
                            evaluate_value(predicate.values, node.left, from, rows, state.values(), proof));
    test_values(values, node.test, want, rows, out);
    return {};
  }

 private:
  /// Both sides must agree. A side that may fail sees all rows, since its errors count whatever the other side says.
  result<void> intersect(const bound_node& node, bool want, const selection_mask& rows, selection_mask& out) {
    selection_mask left, right;
    PILLAR_TRY(ask(node.left, want, rows, left));
    if (state.may_fail(node.right)) {
      PILLAR_TRY(ask(node.right, want, rows, right));
    } else {
      if (!left.any()) {
        out = left;
        return {};
      }
      PILLAR_TRY(ask(node.right, want, left, right));
    }
    left &= right;
    out = left;
    return {};
  }

  result<void> unite(const bound_node& node, bool want, const selection_mask& rows, selection_mask& out) {
    selection_mask left, right;
    PILLAR_TRY(ask(node.left, want, rows, left));
    if (state.may_fail(node.right)) {
      PILLAR_TRY(ask(node.right, want, rows, right));
    } else {
      selection_mask open = rows;
      for (std::uint32_t i = 0; i < vector_words; ++i) open.words[i] &= ~left.words[i];
      if (!open.any()) {
        out = left;
        return {};
      }
      PILLAR_TRY(ask(node.right, want, open, right));
    }
    left |= right;
    out = left;
    return {};
  }

  /// out = rows that hold a value. Returns whether any row of the vector is NULL.
  bool valid_rows(std::uint32_t column, const selection_mask& rows, selection_mask& out) {
    batch_column& slot = from.columns[column];
    if (slot.has_decoded || !slot.source) return valid_rows(from.column(column), rows, out);
    selection_mask valid = selection_mask::none();
    if (!slot.source.operations->validity(slot.source.block, slot.source.index, valid.words)) {
      from.touch(column, evidence::settled);
      out = rows;
      return false;
    }
    from.touch(column, evidence::encoded);
    out = rows;
    out &= valid;
    return true;
  }
  static bool valid_rows(const vector& values, const selection_mask& rows, selection_mask& out) noexcept {
    out = rows;
    if (values.validity == nullptr) return false;
    for (std::uint32_t i = 0; i < vector_words; ++i) out.words[i] &= values.validity_word(i);
    return true;
  }

  /// `valid` in: candidate rows that hold a value; out: those among them whose bit in `mask` is `want`.
  static void keep(selection_mask& valid, const std::uint64_t* mask, bool want, std::uint32_t row_count) noexcept {
    for (std::uint32_t i = 0; i < vector_words; ++i) {
      const std::uint64_t bits = i * 64 < row_count ? mask[i] : 0;
      valid.words[i] &= want ? bits : ~bits;
    }
  }
  /// `valid` in: rows that hold a value; out: rows for which a null test is `want`.
  static void keep_nulls(const domain& test, bool want, const selection_mask& rows, selection_mask& valid) noexcept {
    const bool wants_nulls = want != test.negated;
    if (!wants_nulls) return;
    for (std::uint32_t i = 0; i < vector_words; ++i) valid.words[i] = rows.words[i] & ~valid.words[i];
  }

  void test_values(const vector& values, const domain& test, bool want, const selection_mask& rows,
                   selection_mask& out) noexcept {
    selection_mask valid;
    valid_rows(values, rows, valid);
    if (test.kind == domain_kind::null_test) {
      keep_nulls(test, want, rows, valid);
    } else {
      std::uint64_t mask[vector_words];
      match(values, test, state.kernels(), mask);
      keep(valid, mask, want, values.size);
      if (PILLAR_MUTATE(predicate_validity_dropped, false, !want)) {
        valid = rows;
        keep(valid, mask, want, values.size);
      }
    }
    out = valid;
  }

  result<void> test_column(std::uint32_t column, const domain& test, bool want, const selection_mask& rows,
                           selection_mask& out) {
    batch_column& slot = from.columns[column];
    if (slot.has_decoded || !slot.source) {
      test_values(from.column(column), test, want, rows, out);
      return {};
    }
    selection_mask valid;
    if (test.kind == domain_kind::null_test) {
      valid_rows(column, rows, valid);
      keep_nulls(test, want, rows, valid);
      out = valid;
      return {};
    }
    alignas(64) std::uint64_t mask[vector_words];
    const match_answer answer =
        slot.source.operations->match(slot.source.block, slot.source.index, test, state.codec_scratch, mask);
    if (answer.what == verdict::unknown) {
      test_values(from.column(column), test, want, rows, out);
      return {};
    }
    from.touch(column, answer.how);
    if (answer.what == (want ? verdict::none : verdict::all)) {  // whatever is NULL, no row can be what is wanted
      out = selection_mask::none();
      return {};
    }
    valid_rows(column, rows, valid);
    if (answer.what == verdict::some) keep(valid, mask, want, from.row_count);
    out = valid;
    return {};
  }

  result<void> compare(const bound_node& node, bool want, const selection_mask& rows, selection_mask& out) {
    PILLAR_ASSIGN_OR_RETURN(const vector left,
                            evaluate_value(predicate.values, node.left, from, rows, state.values(), proof));
    PILLAR_ASSIGN_OR_RETURN(const vector right,
                            evaluate_value(predicate.values, node.right, from, rows, state.values(), proof));
    std::uint64_t mask[vector_words];
    compare_vectors(node.op, left, right, state.values(), mask);
    selection_mask valid;
    valid_rows(left, rows, valid);
    valid_rows(right, selection_mask(valid), valid);
    keep(valid, mask, want, from.row_count);
    out = valid;
    return {};
  }
};

inline bool value_may_fail(const bound_predicate& predicate, std::uint32_t index) {
  const bound_value& node = predicate.values[index];
  switch (node.kind) {
    case bound_value::kind_type::column:
    case bound_value::kind_type::literal: return false;
    case bound_value::kind_type::convert:
      return value_may_fail(predicate, node.left) ||
             (!is_float(node.type.physical) && node.type.physical != physical_type::text);
    case bound_value::kind_type::arithmetic: break;
  }
  return !is_float(node.type.physical) || value_may_fail(predicate, node.left) || value_may_fail(predicate, node.right);
}

inline bool is_plain_fixed_width(const bound_predicate& predicate, const bound_node& node) {
  return predicate.plain_column(node) != nullptr && node.test.kind != domain_kind::opaque &&
         node.test.physical != physical_type::text;
}

/// Smaller is asked earlier.
inline unsigned cost_of(const bound_predicate& predicate, std::uint32_t index) {
  const bound_node& node = predicate.nodes[index];
  switch (node.kind) {
    case bound_node::kind_type::constant: return 0;
    case bound_node::kind_type::test:
      return is_plain_fixed_width(predicate, node) ? 1 : predicate.plain_column(node) != nullptr ? 4 : 8;
    case bound_node::kind_type::compare: return 8;
    case bound_node::kind_type::negation: return cost_of(predicate, node.left);
    case bound_node::kind_type::both:
    case bound_node::kind_type::either: break;
  }
  return 1 + cost_of(predicate, node.left) + cost_of(predicate, node.right);
}

}  // namespace detail

PILLAR_API predicate_state::predicate_state(const bound_predicate& predicate, arch_level level)
    : predicate_(&predicate), kernels_(&flat_match_kernels_for(level)) {
  may_fail_.reserve(predicate.nodes.size());
  for (const bound_node& node : predicate.nodes) {
    bool fails = false;
    switch (node.kind) {
      case bound_node::kind_type::constant: break;
      case bound_node::kind_type::test: fails = detail::value_may_fail(predicate, node.left); break;
      case bound_node::kind_type::compare:
        fails = detail::value_may_fail(predicate, node.left) || detail::value_may_fail(predicate, node.right);
        break;
      case bound_node::kind_type::negation: fails = may_fail_[node.left] != 0; break;
      case bound_node::kind_type::both:
      case bound_node::kind_type::either: fails = (may_fail_[node.left] | may_fail_[node.right]) != 0; break;
    }
    may_fail_.push_back(fails ? 1 : 0);
  }
  struct ranked {
    unsigned cost;
    std::uint32_t position;
  };
  std::vector<ranked> ranks;
  for (std::uint32_t i = 0; i < predicate.conjuncts.size(); ++i) {
    const std::uint32_t node = predicate.conjuncts[i];
    ranks.push_back({detail::cost_of(predicate, node) + (may_fail(node) ? 1'000'000u : 0u), i});
  }
  detail::heap_sort(ranks, [](const ranked& a, const ranked& b) {
    return a.cost != b.cost ? a.cost < b.cost : a.position < b.position;
  });
  for (const ranked& rank : ranks) order_.push_back(rank.position);
}

PILLAR_API result<void> apply(predicate_state& state, batch& from, std::uint64_t known_true,
                              std::span<const value_interval> proof) {
  const bound_predicate& predicate = state.predicate();
  detail::questioning work{predicate, state, from, proof};
  for (const std::uint32_t position : state.order()) {
    if (position < 64 && ((known_true >> position) & 1) != 0) continue;
    if (!from.selection.any()) break;
    selection_mask kept;
    PILLAR_TRY(work.ask(predicate.conjuncts[position], true, from.selection, kept));
    from.selection = kept;
  }
  return {};
}

PILLAR_API result<void> ask(predicate_state& state, batch& from, std::uint32_t node, bool want,
                            const selection_mask& rows, selection_mask& out, std::span<const value_interval> proof) {
  detail::questioning work{state.predicate(), state, from, proof};
  return work.ask(node, want, rows, out);
}

}  // namespace PILLAR_NAMESPACE
