// SPDX-License-Identifier: Apache-2.0
/// A bound predicate × a batch → the batch's selection: where the answers of the leaves meet.
///
/// Two questions are asked of every node, "for which rows is it true" and "for which is it false", one mask each: not
/// asks the other question of its child, and / or swap with it. So NULLs need no second mask, and Kleene logic is
/// exact. A test of a plain column is put to the encoded vector first; only a codec that cannot answer has it decoded.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/result.hpp"
#include "pillar/column/batch.hpp"       // batch
#include "pillar/expr/bound.hpp"         // bound_predicate
#include "pillar/expr/interval.hpp"      // value_interval
#include "pillar/filter/evaluate.hpp"    // value_state
#include "pillar/filter/flat_match.hpp"  // flat_match_table
#include "pillar/simd/dispatch.hpp"      // best_arch_level

namespace PILLAR_NAMESPACE {

/// What one worker needs to apply one predicate; the predicate itself stays const and shared.
///
/// Conjuncts are asked in a fixed order, cheapest first and those whose arithmetic may fail last, so that a row that
/// any other conjunct rejects raises no error; equal ones in the order in which they were written.
///
/// Requires: the predicate outlives the state; used by one worker at a time
class predicate_state {
 public:
  PILLAR_API explicit predicate_state(const bound_predicate& predicate, arch_level level = best_arch_level());

  /// Memory that codecs use to answer (dictionary truth tables); the caller's, may stay null.
  match_scratch* codec_scratch = nullptr;

  [[nodiscard]] const bound_predicate& predicate() const noexcept { return *predicate_; }
  [[nodiscard]] const flat_match_table& kernels() const noexcept { return *kernels_; }
  [[nodiscard]] value_state& values() noexcept { return values_; }
  /// Positions in predicate().conjuncts in the order in which they are asked.
  [[nodiscard]] std::span<const std::uint32_t> order() const noexcept { return order_; }
  /// Whether a predicate node computes something that may overflow.
  [[nodiscard]] bool may_fail(std::uint32_t node) const noexcept { return may_fail_[node] != 0; }

 private:
  const bound_predicate* predicate_;
  const flat_match_table* kernels_;
  value_state values_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint8_t> may_fail_;
};

/// Narrows from.selection to the rows for which every conjunct is true.
///
/// `known_true`: bit i = conjunct i is known to be true for all rows (zone_answer::known_true) and is not asked.
/// `proof`: intervals of predicate.values for these rows (zone_scratch::values) or empty; spares overflow checks.
///
/// Once no row is left nothing more is asked: columns that only later conjuncts name stay untouched. Touches every
/// column it asks with the evidence that answered.
///
/// Errors: overflow, position = row: a row that earlier conjuncts kept has arithmetic that leaves its type. The
///         selection is then unspecified
[[nodiscard]] PILLAR_API result<void> apply(predicate_state& state, batch& from, std::uint64_t known_true = 0,
                                            std::span<const value_interval> proof = {});

/// The rows of `rows` for which one node of the state's predicate is true, or (`want` = false) is false; the others are
/// NULL or the opposite.
[[nodiscard]] PILLAR_API result<void> ask(predicate_state& state, batch& from, std::uint32_t node, bool want,
                                          const selection_mask& rows, selection_mask& out,
                                          std::span<const value_interval> proof = {});

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/filter/impl/predicate.hpp"
#endif
