// SPDX-License-Identifier: Apache-2.0
/// Interval analysis: what values an expression can take, given what its columns can take.
///
/// From zone maps (or only from the types) of the columns follow an interval for every computed value, the proof that
/// its arithmetic cannot overflow, the range of a grouping key, and a truth set for every node of a predicate. All
/// answers are outer bounds: rows may take fewer values than an interval says, never others.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "pillar/base/checked.hpp"       // int128
#include "pillar/base/function_ref.hpp"  // function_ref
#include "pillar/column/types.hpp"       // data_type
#include "pillar/expr/bound.hpp"         // bound_predicate, bound_value
#include "pillar/expr/truth.hpp"         // truth_set

namespace PILLAR_NAMESPACE {

/// What the rows of one value may hold.
///
/// Layout: the members of the physical class are meaningful: [lo, hi] for integers, booleans, decimals, dates and
///         timestamps; [real_lo, real_hi] for the numbers among floats; [text_lo, text_hi] for text, both inclusive,
///         unbounded above without has_text_hi. They bound nothing unless may_be_value.
/// Requires: the texts outlive the interval (they point into zone maps or literals)
struct value_interval {
  physical_type physical = physical_type::int64;
  bool may_be_value = true;  ///< some row may hold a value that is neither NULL nor NaN
  bool may_be_nan = true;    ///< floats only
  bool may_be_null = true;
  bool may_fail = false;      ///< some row may be an error, here or in an operand
  bool may_overflow = false;  ///< this node's own arithmetic may leave its type: evaluate it checked
  bool has_text_hi = false;
  int128 lo = int128_min;
  int128 hi = int128_max;
  double real_lo = -__builtin_inf();
  double real_hi = __builtin_inf();
  std::string_view text_lo{};
  std::string_view text_hi{};
};

/// The smallest and largest value of an integer-like type: a decimal's digits, else its physical type's limits.
struct integer_limits {
  int128 lo;
  int128 hi;
};
/// All values that a column of this type can hold.
[[nodiscard]] PILLAR_API integer_limits limits_of(const data_type& type) noexcept;

/// Everything that a stored column of this type can hold (decimals: their physical type's limits, as nothing below the
/// loader checks digits).
[[nodiscard]] PILLAR_API value_interval interval_of(const data_type& type) noexcept;
/// Exactly one literal.
[[nodiscard]] PILLAR_API value_interval interval_of(const scalar& literal) noexcept;

/// The intervals of all nodes, in their order, from those of the columns that they name.
///
/// Cost: one pass; `out` keeps its memory between calls
PILLAR_API void analyze(std::span<const bound_value> nodes,
                        function_ref<value_interval(std::uint32_t column, const data_type& type)> column_interval,
                        std::vector<value_interval>& out);

/// What testing such a value may give.
[[nodiscard]] PILLAR_API truth_set answer(const domain& test, const value_interval& value) noexcept;
/// What comparing two such values may give; both of one physical class.
[[nodiscard]] PILLAR_API truth_set answer(compare_operator op, const value_interval& left,
                                          const value_interval& right) noexcept;
/// The truth sets of all predicate nodes, in their order; `values` as analyze() gave them for `predicate.values`.
PILLAR_API void answer(const bound_predicate& predicate, std::span<const value_interval> values,
                       std::vector<truth_set>& out);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/expr/impl/interval.hpp"
#endif
