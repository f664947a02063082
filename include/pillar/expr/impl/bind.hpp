// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "pillar/base/detail/heap_sort.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/expr/bind.hpp"
#include "pillar/expr/check.hpp"
#include "pillar/expr/type_rules.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// A literal on a column's integer grid: `floor` and whether it lies exactly on the grid; `beyond` = ±1 past int128.
struct grid_point {
  int128 floor = 0;
  bool exact = false;
  int beyond = 0;
};

/// floor(value · 10^scale) of a finite double, exactly: a 53-bit mantissa times 10^scale has at most 180 bits.
inline grid_point grid_of_real(double value, unsigned scale) noexcept {
  if (value == 0) return {0, true, 0};
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(value), &exponent);
  const auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
  exponent -= 53;
  const auto power = static_cast<uint128>(power_of_ten(scale));
  const uint128 low = static_cast<uint128>(static_cast<std::uint64_t>(power)) * mantissa;
  const uint128 high = (power >> 64) * mantissa + (low >> 64);
  std::uint64_t limbs[3] = {static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high),
                            static_cast<std::uint64_t>(high >> 64)};
  uint128 magnitude = 0;
  bool exact = true;
  bool beyond = false;  // at 2^128 or above
  if (exponent >= 0) {
    const unsigned bits = limbs[2] != 0   ? 128 + static_cast<unsigned>(std::bit_width(limbs[2]))
                          : limbs[1] != 0 ? 64 + static_cast<unsigned>(std::bit_width(limbs[1]))
                                          : static_cast<unsigned>(std::bit_width(limbs[0]));
    if (bits + static_cast<unsigned>(exponent) > 128) beyond = true;
    else magnitude = ((static_cast<uint128>(limbs[1]) << 64) | limbs[0]) << exponent;
  } else {
    const auto shift = static_cast<unsigned>(-exponent);
    for (unsigned bit = 0; bit < 192; ++bit) {
      if (((limbs[bit / 64] >> (bit % 64)) & 1) == 0) continue;
      if (bit < shift) exact = false;
      else if (bit - shift >= 128) beyond = true;
      else magnitude |= static_cast<uint128>(1) << (bit - shift);
    }
  }
  constexpr uint128 limit = static_cast<uint128>(1) << 127;  // -limit is int128_min
  if (value > 0) {
    if (beyond || magnitude >= limit) return {0, false, 1};
    return {static_cast<int128>(magnitude), exact, 0};
  }
  if (!beyond && !exact && magnitude <= limit) ++magnitude;
  if (beyond || magnitude > limit) return {0, false, -1};
  return {static_cast<int128>(uint128{0} - magnitude), exact, 0};
}

/// Where an exact literal lies on a grid of `scale` digits.
inline grid_point grid_of_exact(int128 value, unsigned literal_scale, unsigned scale) noexcept {
  if (scale >= literal_scale) {
    int128 out = 0;
    if (!checked_multiply(value, power_of_ten(scale - literal_scale), out)) return {0, false, value < 0 ? -1 : 1};
    return {out, true, 0};
  }
  const int128 unit = power_of_ten(literal_scale - scale);
  int128 quotient = value / unit;
  const int128 rest = value % unit;
  if (rest < 0) --quotient;
  return {quotient, rest == 0, 0};
}

/// The sign of `value` − literal, exactly; the value is finite.
inline int compare_real_with_exact(double value, int128 literal, unsigned literal_scale) noexcept {
  const grid_point at = grid_of_real(value, literal_scale);
  if (at.beyond != 0) return at.beyond;
  if (at.floor < literal) return -1;
  if (at.floor > literal) return 1;
  return at.exact ? 0 : 1;
}

inline double next_up(double value, bool narrow) noexcept {
  const double infinity = std::numeric_limits<double>::infinity();
  return narrow ? static_cast<double>(std::nextafter(static_cast<float>(value), static_cast<float>(infinity)))
                : std::nextafter(value, infinity);
}
inline double next_down(double value, bool narrow) noexcept { return -next_up(-value, narrow); }

/// The largest float of the column's type that is ≤ the literal, and whether it equals it.
struct real_point {
  double floor = 0;
  bool exact = false;
};
inline real_point real_floor(const scalar& literal, bool narrow) noexcept {
  const bool exact_literal = !is_float(literal.type.physical);
  const auto sign = [&](double candidate) {  // candidate − literal
    if (std::isinf(candidate)) {
      if (!exact_literal && candidate == literal.real) return 0;
      return candidate > 0 ? 1 : -1;
    }
    if (exact_literal) return compare_real_with_exact(candidate, literal.integer, scale_of(literal.type));
    return candidate < literal.real ? -1 : candidate > literal.real ? 1 : 0;
  };
  double at = exact_literal
                  ? static_cast<double>(literal.integer) / static_cast<double>(power_of_ten(scale_of(literal.type)))
                  : literal.real;
  if (narrow) at = static_cast<double>(static_cast<float>(at));
  while (sign(at) > 0) at = next_down(at, narrow);
  while (!(std::isinf(at) && at > 0) && sign(next_up(at, narrow)) <= 0) at = next_up(at, narrow);
  return {at, sign(at) == 0};
}

inline domain integer_comparison(physical_type physical, compare_operator op, grid_point at) {
  const int128 least = int128_min, most = int128_max;
  int128 lo = least, hi = most;
  bool empty = false;
  if (at.beyond != 0) {
    const bool above = at.beyond > 0;
    switch (op) {
      case compare_operator::less:
      case compare_operator::less_equal: empty = !above; break;
      case compare_operator::greater:
      case compare_operator::greater_equal: empty = above; break;
      default: empty = true; break;
    }
  } else {
    switch (op) {
      case compare_operator::less:
        if (at.exact && at.floor == least) empty = true;
        else hi = at.exact ? at.floor - 1 : at.floor;
        break;
      case compare_operator::less_equal: hi = PILLAR_MUTATE(bind_less_equal_as_less, at.floor, at.floor - 1); break;
      case compare_operator::greater:
        if (at.floor == most) empty = true;
        else lo = at.floor + 1;
        break;
      case compare_operator::greater_equal:
        if (!at.exact && at.floor == most) empty = true;
        else lo = at.exact ? at.floor : at.floor + 1;
        break;
      default:
        empty = !at.exact;
        lo = hi = at.floor;
        break;
    }
  }
  if (empty) lo = 0, hi = -1;
  return integer_range(physical, lo, hi, op == compare_operator::not_equal);
}

inline domain real_comparison(physical_type physical, compare_operator op, const scalar& literal) {
  const double infinity = std::numeric_limits<double>::infinity();
  const bool narrow = physical == physical_type::float32;
  const bool negated = op == compare_operator::not_equal;
  if (is_float(literal.type.physical) && std::isnan(literal.real)) {
    switch (op) {
      case compare_operator::less: return real_range(physical, -infinity, infinity, false);
      case compare_operator::less_equal: return real_range(physical, -infinity, infinity, true);
      case compare_operator::greater: return real_range(physical, 1, 0, false);
      default: return real_range(physical, 1, 0, true, negated);
    }
  }
  const real_point at = real_floor(literal, narrow);
  switch (op) {
    case compare_operator::less:
      if (at.exact && at.floor == -infinity) return real_range(physical, 1, 0, false);
      return real_range(physical, -infinity, at.exact ? next_down(at.floor, narrow) : at.floor, false);
    case compare_operator::less_equal: return real_range(physical, -infinity, at.floor, false);
    case compare_operator::greater:
      if (at.floor == infinity) return real_range(physical, 1, 0, true);
      return real_range(physical, PILLAR_MUTATE(bind_greater_as_equal, next_up(at.floor, narrow), at.floor), infinity,
                        true);
    case compare_operator::greater_equal:
      return real_range(physical, at.exact ? at.floor : next_up(at.floor, narrow), infinity, true);
    default:
      return at.exact ? real_range(physical, at.floor, at.floor, false, negated)
                      : real_range(physical, 1, 0, false, negated);
  }
}

inline domain text_comparison(compare_operator op, const std::string& literal) {
  const std::string after = literal + '\0';
  switch (op) {
    case compare_operator::less: return text_range("", true, literal);
    case compare_operator::less_equal: return text_range("", true, after);
    case compare_operator::greater: return text_range(after, false, "");
    case compare_operator::greater_equal: return text_range(literal, false, "");
    default: return text_range(literal, true, after, op == compare_operator::not_equal);
  }
}

/// Both domains are plain ranges over one column: their intersection.
inline domain intersect_ranges(const domain& a, const domain& b) {
  if (a.physical == physical_type::text) {
    const std::string& lo = std::max(a.text_lo, b.text_lo);
    if (!a.has_hi) return text_range(lo, b.has_hi, b.text_hi);
    if (!b.has_hi) return text_range(lo, true, a.text_hi);
    return text_range(lo, true, std::min(a.text_hi, b.text_hi));
  }
  if (is_float(a.physical))
    return real_range(a.physical, std::max(a.real_lo, b.real_lo), std::min(a.real_hi, b.real_hi), a.nan && b.nan);
  return integer_range(a.physical, std::max(a.lo, b.lo), std::min(a.hi, b.hi));
}
inline bool plain_range(const bound_node& node) noexcept {
  return node.kind == bound_node::kind_type::test && node.test.kind == domain_kind::range && !node.test.negated;
}

}  // namespace detail

PILLAR_API domain comparison_domain(const data_type& column, compare_operator op, const scalar& literal) {
  if (column.physical == physical_type::text) return detail::text_comparison(op, literal.text);
  if (is_float(column.physical)) return detail::real_comparison(column.physical, op, literal);
  const unsigned scale = scale_of(column);
  if (is_float(literal.type.physical)) {
    // NaN is greater than every number
    if (std::isnan(literal.real) || std::isinf(literal.real))
      return detail::integer_comparison(column.physical, op,
                                        {0, false, std::isnan(literal.real) || literal.real > 0 ? 1 : -1});
    return detail::integer_comparison(column.physical, op, detail::grid_of_real(literal.real, scale));
  }
  return detail::integer_comparison(column.physical, op,
                                    detail::grid_of_exact(literal.integer, scale_of(literal.type), scale));
}

namespace detail {

/// One binding at work. The expression has been checked: types agree and names exist.
class binder {
 public:
  binder(const expression& tree, const dynamic_schema& schema) : tree_(tree), schema_(schema) {}

  result<std::uint32_t> value(std::size_t at, std::vector<bound_value>& out) {
    const expression_node& node = tree_.nodes[at];
    if (node.kind == expression_kind::column) {
      PILLAR_ASSIGN_OR_RETURN(const std::uint32_t column, schema_.find(node.name));
      bound_value made;
      made.type = schema_[column].type;
      made.column = column;
      return push(out, std::move(made));
    }
    if (node.kind == expression_kind::literal) {
      bound_value made;
      made.kind = bound_value::kind_type::literal;
      made.type = node.value.type;
      made.constant = node.value;
      return push(out, std::move(made));
    }
    if (node.kind != expression_kind::arithmetic) return {errc::unsupported, at};
    const std::size_t right_at = at - 1, left_at = tree_.first_of(right_at) - 1;
    PILLAR_ASSIGN_OR_RETURN(std::uint32_t left, value(left_at, out));
    PILLAR_ASSIGN_OR_RETURN(std::uint32_t right, value(right_at, out));
    bound_value made;
    made.kind = bound_value::kind_type::arithmetic;
    made.op = static_cast<arithmetic_operator>(node.op);
    if (!arithmetic_type(made.op, out[left].type, out[right].type, made.type)) return {errc::type_mismatch, at};
    PILLAR_ASSIGN_OR_RETURN(left, operand(out, left, made.type, made.op));
    PILLAR_ASSIGN_OR_RETURN(right, operand(out, right, made.type, made.op));
    made.left = left;
    made.right = right;
    return push(out, std::move(made));
  }

  /// Appends the node for the (negated) predicate rooted at `at`; negation travels to the leaves, so that no negation
  /// node is made: not (a and b) is (not a) or (not b), and a leaf's test is complemented.
  result<std::uint32_t> predicate(std::size_t at, bool negate, bound_predicate& out) {
    const expression_node& node = tree_.nodes[at];
    switch (node.kind) {
      case expression_kind::negation: return predicate(at - 1, !negate, out);
      case expression_kind::both:
      case expression_kind::either: {
        const std::size_t right_at = at - 1, left_at = tree_.first_of(right_at) - 1;
        PILLAR_ASSIGN_OR_RETURN(const std::uint32_t left, predicate(left_at, negate, out));
        PILLAR_ASSIGN_OR_RETURN(const std::uint32_t right, predicate(right_at, negate, out));
        bound_node made;
        made.kind = (node.kind == expression_kind::both) != negate ? bound_node::kind_type::both
                                                                   : bound_node::kind_type::either;
        made.left = left;
        made.right = right;
        return push(out.nodes, std::move(made));
      }
      case expression_kind::column: {
        PILLAR_ASSIGN_OR_RETURN(const std::uint32_t column, value(at, out.values));
        return test(out, column, integer_range(physical_type::boolean, 1, 1), negate);
      }
      case expression_kind::literal: {
        bound_node made;
        made.always_null = node.value.null;
        made.always = (node.value.integer != 0) != negate;
        return push(out.nodes, std::move(made));
      }
      case expression_kind::null_check: {
        PILLAR_ASSIGN_OR_RETURN(const std::uint32_t child, value(at - 1, out.values));
        return test(out, child, null_test(out.values[child].type.physical, node.op == 1), negate);
      }
      case expression_kind::starts_with: {
        PILLAR_ASSIGN_OR_RETURN(const std::uint32_t child, value(at - 1, out.values));
        if (node.value.null) return always_null(out);
        std::string after;
        const bool bounded = prefix_successor(node.value.text, after);
        return test(out, child, text_range(node.value.text, bounded, after), negate);
      }
      case expression_kind::in_list: return in_list(at, negate, out);
      case expression_kind::compare: {
        const std::size_t right_at = at - 1, left_at = tree_.first_of(right_at) - 1;
        return comparison(left_at, static_cast<compare_operator>(node.op), right_at, negate, out);
      }
      case expression_kind::between: {
        const std::size_t high_at = at - 1, low_at = tree_.first_of(high_at) - 1, child_at = tree_.first_of(low_at) - 1;
        PILLAR_ASSIGN_OR_RETURN(const std::uint32_t low,
                                comparison(child_at, compare_operator::greater_equal, low_at, false, out));
        PILLAR_ASSIGN_OR_RETURN(const std::uint32_t high,
                                comparison(child_at, compare_operator::less_equal, high_at, false, out));
        // A literal child makes tests of the two bounds instead, which are different values.
        if (tree_.nodes[child_at].kind != expression_kind::literal && plain_range(out.nodes[low]) &&
            plain_range(out.nodes[high]) && high == low + 1) {
          out.nodes[low].test = intersect_ranges(out.nodes[low].test, out.nodes[high].test);
          out.nodes[low].test.negated = negate;
          out.nodes.pop_back();
          return low;
        }
        if (negate) {
          PILLAR_TRY(complement(out.nodes[low]));
          PILLAR_TRY(complement(out.nodes[high]));
        }
        bound_node made;
        made.kind = negate ? bound_node::kind_type::either : bound_node::kind_type::both;
        made.left = low;
        made.right = high;
        return push(out.nodes, std::move(made));
      }
      case expression_kind::arithmetic: break;
    }
    return {errc::type_mismatch, at};
  }

 private:
  template <class T>
  static std::uint32_t push(std::vector<T>& to, T&& item) {
    to.push_back(std::move(item));
    return static_cast<std::uint32_t>(to.size() - 1);
  }

  static std::uint32_t always_null(bound_predicate& out) {
    bound_node made;
    made.always_null = true;
    return push(out.nodes, std::move(made));
  }

  static result<void> complement(bound_node& node) {
    if (node.kind == bound_node::kind_type::test) {
      node.test.negated = !node.test.negated;
    } else if (node.kind == bound_node::kind_type::constant) {
      node.always = !node.always;
    } else if (node.kind == bound_node::kind_type::compare) {
      switch (node.op) {
        case compare_operator::equal: node.op = compare_operator::not_equal; break;
        case compare_operator::not_equal: node.op = compare_operator::equal; break;
        case compare_operator::less: node.op = compare_operator::greater_equal; break;
        case compare_operator::less_equal: node.op = compare_operator::greater; break;
        case compare_operator::greater: node.op = compare_operator::less_equal; break;
        case compare_operator::greater_equal: node.op = compare_operator::less; break;
      }
    } else {
      return errc::unsupported;
    }
    return {};
  }

  static result<std::uint32_t> test(bound_predicate& out, std::uint32_t value, domain what, bool negate) {
    bound_node made;
    made.kind = bound_node::kind_type::test;
    made.left = value;
    made.test = std::move(what);
    if (negate) made.test.negated = !made.test.negated;
    return push(out.nodes, std::move(made));
  }

  result<std::uint32_t> comparison(std::size_t left_at, compare_operator op, std::size_t right_at, bool negate,
                                   bound_predicate& out) {
    if (tree_.nodes[left_at].kind == expression_kind::literal) {
      std::swap(left_at, right_at);
      op = mirror(op);
    }
    const expression_node& right = tree_.nodes[right_at];
    PILLAR_ASSIGN_OR_RETURN(const std::uint32_t left_value, value(left_at, out.values));
    const data_type left_type = out.values[left_value].type;
    if (right.kind == expression_kind::literal) {
      const bool left_literal = out.values[left_value].kind == bound_value::kind_type::literal;
      if (left_literal && out.values[left_value].constant.null) return always_null(out);
      if (right.value.null) {
        if (left_literal || out.values[left_value].kind == bound_value::kind_type::column) return always_null(out);
        // The value may fail, and then so does the comparison.
        bound_value null;
        null.kind = bound_value::kind_type::literal;
        null.type = left_type.as_nullable();
        null.constant = scalar::of_null(left_type);
        bound_node made;
        made.kind = bound_node::kind_type::compare;
        made.op = op;
        made.left = left_value;
        made.right = push(out.values, std::move(null));
        return push(out.nodes, std::move(made));
      }
      domain what = comparison_domain(left_type, op, right.value);
      if (left_literal) {
        bound_node made;
        made.always = what.contains(out.values[left_value].constant) != negate;
        return push(out.nodes, std::move(made));
      }
      return test(out, left_value, std::move(what), negate);
    }
    PILLAR_ASSIGN_OR_RETURN(const std::uint32_t right_value, value(right_at, out.values));
    bound_node made;
    made.kind = bound_node::kind_type::compare;
    made.op = op;
    const data_type common = comparison_type(left_type, out.values[right_value].type);
    PILLAR_ASSIGN_OR_RETURN(made.left, convert(out.values, left_value, common));
    PILLAR_ASSIGN_OR_RETURN(made.right, convert(out.values, right_value, common));
    if (negate) PILLAR_TRY(complement(made));
    return push(out.nodes, std::move(made));
  }

  result<std::uint32_t> in_list(std::size_t at, bool negate, bound_predicate& out) {
    const expression_node& node = tree_.nodes[at];
    PILLAR_ASSIGN_OR_RETURN(const std::uint32_t child, value(at - 1, out.values));
    const data_type type = out.values[child].type;
    domain what;
    what.kind = domain_kind::points;
    what.physical = type.physical;
    bool has_null = false;
    for (const scalar& literal : node.list) {
      if (literal.null) {
        has_null = true;
        continue;
      }
      if (!comparable(type, literal.type)) return {errc::type_mismatch, at};
      const domain equal = comparison_domain(type, compare_operator::equal, literal);
      if (type.physical == physical_type::text) {
        what.texts.push_back(literal.text);
      } else if (is_float(type.physical)) {
        if (equal.nan) what.nan = true;
        else if (equal.real_lo <= equal.real_hi) what.reals.push_back(equal.real_lo);
      } else if (equal.lo <= equal.hi) {
        what.integers.push_back(equal.lo);
      }
    }
    sort_unique(what.integers);
    sort_unique(what.reals);
    sort_unique(what.texts);
    PILLAR_ASSIGN_OR_RETURN(const std::uint32_t leaf, test(out, child, std::move(what), negate));
    if (PILLAR_MUTATE(bind_null_in_list_ignored, !has_null, true)) return leaf;
    const std::uint32_t null_node = always_null(out);
    bound_node made;  // x in (…, NULL): true if found, else unknown; negated: false if found, else unknown
    made.kind = negate ? bound_node::kind_type::both : bound_node::kind_type::either;
    made.left = leaf;
    made.right = null_node;
    return push(out.nodes, std::move(made));
  }

  template <class T>
  static void sort_unique(std::vector<T>& values) {
    heap_sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
  }

  result<std::uint32_t> operand(std::vector<bound_value>& out, std::uint32_t value, const data_type& result_type,
                                arithmetic_operator op) {
    data_type wanted = result_type;
    if (result_type.logical == logical_type::decimal) {
      const data_type& own = out[value].type;
      const unsigned own_scale = own.logical == logical_type::decimal ? own.scale : 0;
      if (op == arithmetic_operator::multiply) wanted.scale = static_cast<std::uint8_t>(own_scale);
    }
    wanted.nullable = out[value].type.nullable;
    return convert(out, value, wanted);
  }

  static result<std::uint32_t> convert(std::vector<bound_value>& out, std::uint32_t value, const data_type& wanted) {
    const data_type own = out[value].type;
    if (own.physical == wanted.physical && scale_of(own) == scale_of(wanted)) return value;
    if (out[value].kind == bound_value::kind_type::literal && !out[value].constant.null) {
      scalar& constant = out[value].constant;
      if (is_float(wanted.physical)) {
        if (!is_float(own.physical))
          constant.real = static_cast<double>(constant.integer) / static_cast<double>(power_of_ten(scale_of(own)));
        if (wanted.physical == physical_type::float32)
          constant.real = static_cast<double>(static_cast<float>(constant.real));
      } else {
        const grid_point at = grid_of_exact(constant.integer, scale_of(own), scale_of(wanted));
        if (at.beyond != 0 || !at.exact || at.floor < lowest_of(wanted.physical) ||
            at.floor > highest_of(wanted.physical))
          return {errc::overflow, 0};
        constant.integer = at.floor;
      }
      constant.type = wanted;
      out[value].type = wanted;
      return value;
    }
    bound_value made;
    made.kind = bound_value::kind_type::convert;
    made.type = wanted;
    made.left = value;
    return push(out, std::move(made));
  }

  const expression& tree_;
  const dynamic_schema& schema_;
};

/// Top-level `and`s become a list; two plain ranges over one column become one.
inline void flatten(bound_predicate& out, std::uint32_t node) {
  const bound_node& at = out.nodes[node];
  if (at.kind == bound_node::kind_type::both) {
    const std::uint32_t left = at.left, right = at.right;
    flatten(out, left);
    flatten(out, right);
    return;
  }
  if (plain_range(at)) {
    const std::uint32_t* column = out.plain_column(at);
    for (const std::uint32_t other : out.conjuncts) {
      if (column == nullptr || !plain_range(out.nodes[other])) continue;
      const std::uint32_t* same = out.plain_column(out.nodes[other]);
      if (same == nullptr || *same != *column) continue;
      out.nodes[other].test = intersect_ranges(out.nodes[other].test, at.test);
      return;
    }
  }
  out.conjuncts.push_back(node);
}

inline errc errc_of(fault_kind kind) noexcept {
  return kind == fault_kind::no_such_column ? errc::no_such_column : errc::type_mismatch;
}

}  // namespace detail

PILLAR_API result<bound_predicate> bind_predicate(const expression& predicate, const dynamic_schema& schema) {
  const auto shape = predicate.shape();
  const auto columns = detail::columns_of(schema);
  if (const fault problem = check_predicate(shape, columns)) return detail::errc_of(problem.kind);
  bound_predicate out;
  detail::binder binder(predicate, schema);
  PILLAR_ASSIGN_OR_RETURN(const std::uint32_t root, binder.predicate(predicate.nodes.size() - 1, false, out));
  detail::flatten(out, root);
  for (const auto& value : out.values)
    if (value.kind == bound_value::kind_type::column) out.columns.push_back(value.column);
  detail::heap_sort(out.columns);
  out.columns.erase(std::unique(out.columns.begin(), out.columns.end()), out.columns.end());
  return out;
}

PILLAR_API result<bound_values> bind_values(std::span<const expression> values, const dynamic_schema& schema) {
  const auto columns = detail::columns_of(schema);
  bound_values out;
  for (const expression& value : values) {
    const auto shape = value.shape();
    if (const fault problem = check_value(shape, columns)) return detail::errc_of(problem.kind);
    detail::binder binder(value, schema);
    PILLAR_ASSIGN_OR_RETURN(const std::uint32_t root, binder.value(value.nodes.size() - 1, out.nodes));
    out.roots.push_back(root);
  }
  return out;
}

PILLAR_API std::string explain_fault(const expression& checked, const dynamic_schema& schema, bool needs_predicate) {
  const auto shape = checked.shape();
  const auto columns = detail::columns_of(schema);
  const fault problem = needs_predicate ? check_predicate(shape, columns) : check_value(shape, columns);
  return std::string(describe(problem, columns).view());
}

}  // namespace PILLAR_NAMESPACE
