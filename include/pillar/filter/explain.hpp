// SPDX-License-Identifier: Apache-2.0
/// A predicate over a batch, one conjunct after the other, with what each of them cost and left: the explanation of
/// filter/predicate.hpp's apply().
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/filter/predicate.hpp"  // predicate_state

namespace PILLAR_NAMESPACE {

/// What became of one conjunct.
struct conjunct_step {
  /// What happened to the conjunct.
  enum class kind_type : std::uint8_t {
    known_true,  ///< a zone map had answered it for all rows
    no_rows,     ///< nobody asked: earlier conjuncts left no row
    asked,
  };
  std::uint32_t conjunct = 0;  ///< position in predicate.conjuncts
  kind_type kind = kind_type::asked;
  std::uint32_t rows_before = 0;
  std::uint32_t rows_after = 0;
  /// A test of a plain column that is still encoded: what its codec said. `verdict::unknown` elsewhere.
  match_answer codec{};
  /// The dearest thing that this conjunct alone had done to each column of the batch.
  std::vector<evidence> touched{};
};

/// Does what apply() does, by the same questions in the same order, and notes it: the selection and the columns'
/// evidence end up the same, and so does an error. Steps are in the order of asking.
[[nodiscard]] PILLAR_API result<void> explain(predicate_state& state, batch& from, std::uint64_t known_true,
                                              std::span<const value_interval> proof, std::vector<conjunct_step>& out);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/filter/impl/explain.hpp"
#endif
