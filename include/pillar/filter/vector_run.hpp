// SPDX-License-Identifier: Apache-2.0
/// The vectors of a row group on their way through a predicate, a conjunct at a time over all of them: what apply()
/// does batch by batch, as far as encoded vectors can answer.
///
/// Each column is then read from front to back, as prefetchers like it, and what is the same for all vectors is done
/// once.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/column/encoded.hpp"    // encoded_vector, evidence
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/filter/predicate.hpp"  // predicate_state

namespace PILLAR_NAMESPACE {

/// What was done to the vectors of one column; a vector's dearest bit counts.
struct touched_vectors {
  std::uint64_t settled = 0;
  std::uint64_t encoded = 0;
  std::uint64_t decoded = 0;
  void touch(std::uint64_t vectors, evidence how) noexcept {
    if (how == evidence::settled) settled |= vectors;
    if (how == evidence::encoded) encoded |= vectors;
    if (how == evidence::decoded) decoded |= vectors;
  }
  [[nodiscard]] evidence dearest(std::uint32_t v) const noexcept {
    const auto has = [v](std::uint64_t vectors) { return ((vectors >> v) & 1) != 0; };
    return has(decoded)   ? evidence::decoded
           : has(encoded) ? evidence::encoded
           : has(settled) ? evidence::settled
                          : evidence::skipped;
  }
};

/// Up to 64 vectors; bits of the words here are vectors.
///
/// Shape:    `columns[c]` is the run's first vector of column c (empty where the predicate names another), the others
///           follow it in its block; rows[v] are the rows of vector v that are left
/// Requires: used by one worker at a time
struct vector_run {
  static constexpr std::uint32_t capacity = 64;
  std::uint32_t count = 0;
  std::uint64_t open = 0;                ///< vectors with rows left
  std::uint64_t undecided = 0;           ///< open vectors of which conjuncts are left to ask
  std::vector<std::uint64_t> settled{};  ///< per conjunct: vectors of which it need not be asked (any more)
  std::vector<encoded_vector> columns{};
  std::vector<touched_vectors> touched{};  ///< per column
  selection_mask rows[capacity];
  selection_mask masks[capacity];  ///< answers to the conjunct at work

  /// Vector v of a column.
  [[nodiscard]] encoded_vector vector_at(std::uint32_t column, std::uint32_t v) const noexcept {
    encoded_vector out = columns[column];
    out.index += v;
    return out;
  }
  /// The conjuncts that need not be asked of vector v, as apply() takes them: the first 64.
  [[nodiscard]] std::uint64_t settled_of(std::uint32_t v) const noexcept {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < settled.size() && i < 64; ++i) out |= ((settled[i] >> v) & 1) << i;
    return out;
  }
};

/// Asks the conjuncts in apply()'s order for as long as they are tests of plain columns, and narrows `rows` and `open`.
/// A vector whose codec cannot answer keeps the conjuncts from there on for apply(): `undecided`.
///
/// Selections and evidence are in the end those that apply() alone would leave.
PILLAR_API void ask_encoded(predicate_state& state, vector_run& run);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/filter/impl/vector_run.hpp"
#endif
