// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "pillar/base/mutant.hpp"
#include "pillar/expr/interval.hpp"
#include "pillar/expr/type_rules.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// An exact integer, or the nearest int128 with `exact` cleared: enough to see that it left every type.
struct saturated {
  int128 value;
  bool exact;
};
inline saturated saturate(arithmetic_operator op, int128 a, int128 b) noexcept {
  int128 out = 0;
  switch (op) {
    case arithmetic_operator::add:
      if (checked_add(a, b, out)) return {out, true};
      return {a < 0 ? int128_min : int128_max, false};
    case arithmetic_operator::subtract:
      if (checked_subtract(a, b, out)) return {out, true};
      return {a < 0 ? int128_min : int128_max, false};
    case arithmetic_operator::multiply:
      if (checked_multiply(a, b, out)) return {out, true};
      return {(a < 0) != (b < 0) ? int128_min : int128_max, false};
  }
  return {0, false};
}

/// The values of `exact` that lie in the type; the others are errors.
inline void settle(value_interval& out, saturated lo, saturated hi, const data_type& type) noexcept {
  const integer_limits limits = limits_of(type);
  out.may_overflow = PILLAR_MUTATE(interval_overflow_ignored,
                                   !lo.exact || !hi.exact || lo.value < limits.lo || hi.value > limits.hi, false);
  out.lo = std::max(lo.value, limits.lo);
  out.hi = std::min(hi.value, limits.hi);
  if (out.lo > out.hi) out.may_be_value = false;  // every row overflows
}

inline double round_to(const data_type& type, double value) noexcept {
  return type.physical == physical_type::float32 ? static_cast<double>(static_cast<float>(value)) : value;
}
inline bool may_be_infinite(const value_interval& a) noexcept {
  return a.may_be_value && (a.real_lo == -__builtin_inf() || a.real_hi == __builtin_inf());
}
inline bool may_be_zero(const value_interval& a) noexcept { return a.may_be_value && a.real_lo <= 0 && a.real_hi >= 0; }

/// Rounding is monotone, so rounded corners bound rounded results.
inline void combine_reals(value_interval& out, const bound_value& node, const value_interval& a,
                          const value_interval& b) noexcept {
  constexpr double infinity = __builtin_inf();
  out.may_be_nan = a.may_be_nan || b.may_be_nan;
  double corners[4] = {0, 0, 0, 0};
  switch (node.op) {
    case arithmetic_operator::add:
      corners[0] = corners[1] = a.real_lo + b.real_lo;
      corners[2] = corners[3] = a.real_hi + b.real_hi;
      break;
    case arithmetic_operator::subtract:
      corners[0] = corners[1] = a.real_lo - b.real_hi;
      corners[2] = corners[3] = a.real_hi - b.real_lo;
      break;
    case arithmetic_operator::multiply:
      corners[0] = a.real_lo * b.real_lo;
      corners[1] = a.real_lo * b.real_hi;
      corners[2] = a.real_hi * b.real_lo;
      corners[3] = a.real_hi * b.real_hi;
      break;
  }
  // infinity − infinity and 0 × infinity: rare enough to give up on bounds where they may occur.
  const bool invalid = node.op == arithmetic_operator::multiply
                           ? (may_be_zero(a) && may_be_infinite(b)) || (may_be_infinite(a) && may_be_zero(b))
                           : may_be_infinite(a) && may_be_infinite(b);
  out.real_lo = infinity, out.real_hi = -infinity;
  for (const double corner : corners) {
    out.real_lo = std::min(out.real_lo, round_to(node.type, corner));
    out.real_hi = std::max(out.real_hi, round_to(node.type, corner));
  }
  if (invalid) out.may_be_nan = true, out.real_lo = -infinity, out.real_hi = infinity;
}

inline value_interval analyze_arithmetic(const bound_value& node, const value_interval& a,
                                         const value_interval& b) noexcept {
  value_interval out;
  out.physical = node.type.physical;
  out.may_be_null = a.may_be_null || b.may_be_null;
  out.may_be_value = a.may_be_value && b.may_be_value;
  out.may_be_nan = false;
  if (is_float(node.type.physical)) {
    if (out.may_be_value) {
      combine_reals(out, node, a, b);
    } else {
      out.may_be_nan = (a.may_be_nan && (b.may_be_nan || b.may_be_value)) || (b.may_be_nan && a.may_be_value);
    }
  } else if (out.may_be_value) {
    switch (node.op) {
      case arithmetic_operator::add:
        settle(out, saturate(node.op, a.lo, b.lo), saturate(node.op, a.hi, b.hi), node.type);
        break;
      case arithmetic_operator::subtract:
        settle(out, saturate(node.op, a.lo, b.hi), saturate(node.op, a.hi, b.lo), node.type);
        break;
      case arithmetic_operator::multiply: {
        const saturated corners[] = {saturate(node.op, a.lo, b.lo), saturate(node.op, a.lo, b.hi),
                                     saturate(node.op, a.hi, b.lo), saturate(node.op, a.hi, b.hi)};
        saturated lo = corners[0], hi = corners[0];
        for (const saturated& corner : corners) {
          lo.value = std::min(lo.value, corner.value), hi.value = std::max(hi.value, corner.value);
          lo.exact = lo.exact && corner.exact;
        }
        settle(out, lo, hi, node.type);
        break;
      }
    }
  }
  out.may_fail = a.may_fail || b.may_fail || out.may_overflow;
  return out;
}

inline value_interval analyze_convert(const bound_value& node, const data_type& from,
                                      const value_interval& a) noexcept {
  value_interval out = a;
  out.physical = node.type.physical;
  out.may_overflow = false;
  if (is_float(node.type.physical)) {
    if (!is_float(from.physical)) {
      const auto divisor = static_cast<double>(power_of_ten(scale_of(from)));
      out.may_be_nan = false;
      out.real_lo = round_to(node.type, static_cast<double>(a.lo) / divisor);
      out.real_hi = round_to(node.type, static_cast<double>(a.hi) / divisor);
    } else {
      out.real_lo = round_to(node.type, a.real_lo);
      out.real_hi = round_to(node.type, a.real_hi);
    }
  } else if (node.type.physical != physical_type::text && a.may_be_value) {
    PILLAR_ASSERT(scale_of(node.type) >= scale_of(from));
    const int128 factor = power_of_ten(scale_of(node.type) - scale_of(from));
    settle(out, saturate(arithmetic_operator::multiply, a.lo, factor),
           saturate(arithmetic_operator::multiply, a.hi, factor), node.type);
  }
  out.may_fail = a.may_fail || out.may_overflow;
  return out;
}

/// May a value lie inside, or outside, the domain as if it were not negated?
struct sides {
  bool inside;
  bool outside;
};

inline sides sides_of(const domain& test, const value_interval& value) noexcept {
  if (test.kind == domain_kind::opaque) return {true, true};
  if (test.physical == physical_type::text) {
    const std::string_view lo = value.text_lo, hi = value.text_hi;
    if (test.kind == domain_kind::range) {
      const bool empty = test.has_hi && test.text_hi <= test.text_lo;
      const bool below = value.has_text_hi && hi < test.text_lo;
      const bool above = test.has_hi && lo >= test.text_hi;
      const bool within = lo >= test.text_lo && (!test.has_hi || (value.has_text_hi && hi < test.text_hi));
      return {!empty && !below && !above, empty || !within};
    }
    const auto at = std::lower_bound(test.texts.begin(), test.texts.end(), lo,
                                     [](const std::string& a, std::string_view b) { return std::string_view(a) < b; });
    const bool inside = at != test.texts.end() && (!value.has_text_hi || std::string_view(*at) <= hi);
    return {inside, !(inside && value.has_text_hi && lo == hi)};
  }
  if (is_float(test.physical)) {
    const double lo = value.real_lo, hi = value.real_hi;
    if (test.kind == domain_kind::range) {
      const bool empty = test.real_lo > test.real_hi;
      return {!empty && test.real_lo <= hi && lo <= test.real_hi, empty || !(test.real_lo <= lo && hi <= test.real_hi)};
    }
    const auto at = std::lower_bound(test.reals.begin(), test.reals.end(), lo);
    const bool inside = at != test.reals.end() && *at <= hi;
    return {inside, !(inside && lo == hi)};
  }
  const int128 lo = value.lo, hi = value.hi;
  if (test.kind == domain_kind::range) {
    const bool empty = test.lo > test.hi;
    const bool beyond = test.lo > hi || PILLAR_MUTATE(interval_range_touch, lo > test.hi, lo >= test.hi);
    return {!empty && !beyond, empty || !(test.lo <= lo && hi <= test.hi)};
  }
  const auto first = std::lower_bound(test.integers.begin(), test.integers.end(), lo);
  const auto last = std::upper_bound(first, test.integers.end(), hi);
  const auto within = static_cast<uint128>(last - first);
  const uint128 span = static_cast<uint128>(hi) - static_cast<uint128>(lo);  // one less than the values in [lo, hi]
  return {within != 0, within == 0 || within - 1 != span};
}

/// −1, 0 or 1 in Pillar's order of the ends of two intervals; unbounded ends are handled by the callers.
struct end {
  bool nan;
  bool unbounded;
  int128 integer;
  double real;
  std::string_view text;
};
inline end low_end(const value_interval& a) noexcept { return {!a.may_be_value, false, a.lo, a.real_lo, a.text_lo}; }
inline end high_end(const value_interval& a) noexcept {
  return {is_float(a.physical) && a.may_be_nan, a.physical == physical_type::text && !a.has_text_hi, a.hi, a.real_hi,
          a.text_hi};
}
inline int compare_ends(physical_type physical, const end& a, const end& b) noexcept {
  if (physical == physical_type::text) {
    if (a.unbounded || b.unbounded) return int{a.unbounded} - int{b.unbounded};
    const int order = a.text.compare(b.text);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (is_float(physical)) {
    if (a.nan || b.nan) return int{a.nan} - int{b.nan};
    return a.real < b.real ? -1 : a.real > b.real ? 1 : 0;
  }
  return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
}

}  // namespace detail

PILLAR_API integer_limits limits_of(const data_type& type) noexcept {
  integer_limits limits{lowest_of(type.physical), highest_of(type.physical)};
  if (type.logical == logical_type::decimal && type.precision >= 1 && type.precision <= 38) {
    const int128 digits = power_of_ten(type.precision) - 1;
    limits.lo = std::max(limits.lo, -digits);
    limits.hi = std::min(limits.hi, digits);
  }
  return limits;
}

PILLAR_API value_interval interval_of(const data_type& type) noexcept {
  value_interval out;
  out.physical = type.physical;
  out.may_be_null = type.nullable;
  out.may_be_nan = is_float(type.physical);
  out.lo = lowest_of(type.physical);
  out.hi = highest_of(type.physical);
  return out;
}

PILLAR_API value_interval interval_of(const scalar& literal) noexcept {
  value_interval out;
  out.physical = literal.type.physical;
  out.may_be_null = literal.null;
  out.may_be_value = !literal.null;
  out.may_be_nan = false;
  if (literal.null) return out;
  out.lo = out.hi = literal.integer;
  out.real_lo = out.real_hi = literal.real;
  out.text_lo = out.text_hi = literal.text;
  out.has_text_hi = true;
  if (is_float(out.physical) && literal.real != literal.real) out.may_be_nan = true, out.may_be_value = false;
  return out;
}

PILLAR_API void analyze(std::span<const bound_value> nodes,
                        function_ref<value_interval(std::uint32_t column, const data_type& type)> column_interval,
                        std::vector<value_interval>& out) {
  out.clear();
  out.reserve(nodes.size());
  for (const bound_value& node : nodes) {
    switch (node.kind) {
      case bound_value::kind_type::column: out.push_back(column_interval(node.column, node.type)); break;
      case bound_value::kind_type::literal: out.push_back(interval_of(node.constant)); break;
      case bound_value::kind_type::arithmetic:
        out.push_back(detail::analyze_arithmetic(node, out[node.left], out[node.right]));
        break;
      case bound_value::kind_type::convert:
        out.push_back(detail::analyze_convert(node, nodes[node.left].type, out[node.left]));
        break;
    }
  }
}

PILLAR_API truth_set answer(const domain& test, const value_interval& value) noexcept {
  truth_set out = truth_set::empty();
  if (value.may_fail) out.add(truth::error);
  const bool nan = is_float(value.physical) && value.may_be_nan;
  const truth inside = test.negated ? truth::is_false : truth::is_true;
  const truth outside = !inside;
  if (test.kind == domain_kind::null_test) {
    if (value.may_be_null) out.add(inside);
    if (value.may_be_value || nan) out.add(outside);
    return out;
  }
  if (value.may_be_null) out.add(truth::unknown);
  if (value.may_be_value) {
    const detail::sides may = detail::sides_of(test, value);
    if (may.inside) out.add(inside);
    if (may.outside) out.add(outside);
  }
  if (PILLAR_MUTATE(interval_nan_ignored, nan, false)) {
    if (test.kind == domain_kind::opaque || test.nan) out.add(inside);
    if (test.kind == domain_kind::opaque || !test.nan) out.add(outside);
  }
  return out;
}

PILLAR_API truth_set answer(compare_operator op, const value_interval& left, const value_interval& right) noexcept {
  truth_set out = truth_set::empty();
  if (left.may_fail || right.may_fail) out.add(truth::error);
  if (left.may_be_null || right.may_be_null) out.add(truth::unknown);
  const auto occupied = [](const value_interval& a) {
    return a.may_be_value || (is_float(a.physical) && a.may_be_nan);
  };
  if (!occupied(left) || !occupied(right)) return out;
  const int low_high = detail::compare_ends(left.physical, detail::low_end(left), detail::high_end(right));
  const int high_low = detail::compare_ends(left.physical, detail::high_end(left), detail::low_end(right));
  const bool less = low_high < 0;
  const bool greater = high_low > 0;
  const bool equal = low_high <= 0 && high_low >= 0;
  bool may_be_true = false, may_be_false = false;
  switch (op) {
    case compare_operator::equal: may_be_true = equal, may_be_false = less || greater; break;
    case compare_operator::not_equal: may_be_true = less || greater, may_be_false = equal; break;
    case compare_operator::less: may_be_true = less, may_be_false = equal || greater; break;
    case compare_operator::less_equal: may_be_true = less || equal, may_be_false = greater; break;
    case compare_operator::greater: may_be_true = greater, may_be_false = equal || less; break;
    case compare_operator::greater_equal: may_be_true = greater || equal, may_be_false = less; break;
  }
  if (may_be_true) out.add(truth::is_true);
  if (may_be_false) out.add(truth::is_false);
  return out;
}

PILLAR_API void answer(const bound_predicate& predicate, std::span<const value_interval> values,
                       std::vector<truth_set>& out) {
  out.clear();
  out.reserve(predicate.nodes.size());
  for (const bound_node& node : predicate.nodes) {
    switch (node.kind) {
      case bound_node::kind_type::test: out.push_back(answer(node.test, values[node.left])); break;
      case bound_node::kind_type::compare: out.push_back(answer(node.op, values[node.left], values[node.right])); break;
      case bound_node::kind_type::both: out.push_back(out[node.left].both(out[node.right])); break;
      case bound_node::kind_type::either: out.push_back(out[node.left].either(out[node.right])); break;
      case bound_node::kind_type::negation: out.push_back(out[node.left].negate()); break;
      case bound_node::kind_type::constant:
        out.push_back(truth_set::of(node.always_null ? truth::unknown
                                    : node.always    ? truth::is_true
                                                     : truth::is_false));
        break;
    }
  }
}

}  // namespace PILLAR_NAMESPACE
