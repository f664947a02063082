// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cmath>
#include <optional>

#include "pillar/expr/reference.hpp"
#include "pillar/expr/type_rules.hpp"

namespace PILLAR_NAMESPACE {

namespace detail::reference {

/// A natural number below 2^1344: an int128 times 10^38 and the 1,074 binary places of a double fit.
struct natural {
  std::array<std::uint32_t, 42> limbs{};

  static natural of(uint128 value) noexcept {
    natural out;
    for (std::size_t i = 0; i < 4; ++i) out.limbs[i] = static_cast<std::uint32_t>(value >> (32 * i));
    return out;
  }
  /// The magnitude of a signed value.
  static natural magnitude(int128 value) noexcept {
    return of(value < 0 ? uint128{0} - static_cast<uint128>(value) : static_cast<uint128>(value));
  }
  void multiply(std::uint32_t factor) noexcept {
    std::uint64_t carry = 0;
    for (auto& limb : limbs) {
      carry += std::uint64_t{limb} * factor;
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    PILLAR_ASSERT(carry == 0);
  }
  natural& times_ten_to(unsigned exponent) noexcept {
    for (unsigned i = 0; i < exponent; ++i) multiply(10);
    return *this;
  }
  natural& times_two_to(unsigned exponent) noexcept {
    for (; exponent >= 31; exponent -= 31) multiply(std::uint32_t{1} << 31);
    multiply(std::uint32_t{1} << exponent);
    return *this;
  }
  friend natural operator+(natural a, const natural& b) noexcept {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < a.limbs.size(); ++i) {
      carry += std::uint64_t{a.limbs[i]} + b.limbs[i];
      a.limbs[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    return a;
  }
  /// Requires: a ≥ b
  friend natural operator-(natural a, const natural& b) noexcept {
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < a.limbs.size(); ++i) {
      borrow += std::int64_t{a.limbs[i]} - std::int64_t{b.limbs[i]};
      a.limbs[i] = static_cast<std::uint32_t>(borrow);
      borrow >>= 32;
    }
    return a;
  }
  friend natural operator*(const natural& a, const natural& b) noexcept {
    natural out;
    for (std::size_t i = 0; i < a.limbs.size(); ++i) {
      std::uint64_t carry = 0;
      for (std::size_t j = 0; a.limbs[i] != 0 && i + j < out.limbs.size(); ++j) {
        carry += std::uint64_t{a.limbs[i]} * b.limbs[j] + out.limbs[i + j];
        out.limbs[i + j] = static_cast<std::uint32_t>(carry);
        carry >>= 32;
      }
    }
    return out;
  }
  [[nodiscard]] bool is_zero() const noexcept {
    for (const auto limb : limbs)
      if (limb != 0) return false;
    return true;
  }
  friend int order(const natural& a, const natural& b) noexcept {
    for (std::size_t i = a.limbs.size(); i-- > 0;)
      if (a.limbs[i] != b.limbs[i]) return a.limbs[i] < b.limbs[i] ? -1 : 1;
    return 0;
  }
};

/// A signed whole number.
struct whole {
  bool negative = false;
  natural magnitude{};

  static whole of(int128 value) noexcept { return {value < 0, natural::magnitude(value)}; }
  friend whole operator+(const whole& a, const whole& b) noexcept {
    if (a.negative == b.negative) return {a.negative, a.magnitude + b.magnitude};
    if (order(a.magnitude, b.magnitude) >= 0) return {a.negative, a.magnitude - b.magnitude};
    return {b.negative, b.magnitude - a.magnitude};
  }
  friend whole operator*(const whole& a, const whole& b) noexcept {
    return {a.negative != b.negative, a.magnitude * b.magnitude};
  }
  whole operator-() const noexcept { return {!negative, magnitude}; }
  /// The value if it lies in the type: a decimal's digits, else the physical type's limits.
  [[nodiscard]] std::optional<int128> within(const data_type& type) const noexcept {
    natural most = natural::magnitude(negative ? lowest_of(type.physical) : highest_of(type.physical));
    if (type.logical == logical_type::decimal) {
      natural digits = natural::of(1);
      digits = digits.times_ten_to(type.precision) - natural::of(1);
      if (order(digits, most) < 0) most = digits;
    }
    if (order(magnitude, most) > 0) return std::nullopt;
    uint128 out = 0;
    for (std::size_t i = 4; i-- > 0;) out = (out << 32) | magnitude.limbs[i];
    return static_cast<int128>(negative ? uint128{0} - out : out);
  }
};

/// ±magnitude · 2^twos / 10^tens: any finite scalar.
struct number {
  bool negative;
  uint128 magnitude;
  int twos;
  unsigned tens;
};
inline number number_of(const scalar& value) noexcept {
  if (is_float(value.type.physical)) {
    int exponent = 0;
    const double fraction = std::frexp(std::fabs(value.real), &exponent);
    return {value.real < 0, static_cast<uint128>(std::ldexp(fraction, 53)), exponent - 53, 0};
  }
  const int128 unscaled = value.integer;
  const uint128 magnitude = unscaled < 0 ? uint128{0} - static_cast<uint128>(unscaled) : static_cast<uint128>(unscaled);
  return {unscaled < 0, magnitude, 0, scale_of(value.type)};
}

/// The sign of |a| − |b|: both sides multiplied by 2^… · 10^… until they are whole.
inline int order_of_magnitudes(const number& a, const number& b) noexcept {
  natural x = natural::of(a.magnitude), y = natural::of(b.magnitude);
  x.times_ten_to(b.tens);
  y.times_ten_to(a.tens);
  // An exponent on either side may be thousands of bits away from the other: settle those by their lengths alone.
  const auto shift_of = [](const number& n, const number& other) {
    return n.twos - (n.twos < other.twos ? n.twos : other.twos);
  };
  const int x_shift = shift_of(a, b), y_shift = shift_of(b, a);
  if (x_shift > 1100 || y_shift > 1100) {
    if (x.is_zero() || y.is_zero()) return static_cast<int>(y.is_zero()) - static_cast<int>(x.is_zero());
    return x_shift > y_shift ? 1 : -1;
  }
  x.times_two_to(static_cast<unsigned>(x_shift));
  y.times_two_to(static_cast<unsigned>(y_shift));
  return order(x, y);
}

inline int order_of_reals(double a, double b) noexcept {
  const bool a_nan = a != a, b_nan = b != b;
  if (a_nan || b_nan) return static_cast<int>(a_nan) - static_cast<int>(b_nan);
  return a < b ? -1 : a > b ? 1 : 0;
}

inline int order_of_texts(const std::string& a, const std::string& b) noexcept {
  const std::size_t both = a.size() < b.size() ? a.size() : b.size();
  for (std::size_t i = 0; i < both; ++i) {
    const auto x = static_cast<unsigned char>(a[i]), y = static_cast<unsigned char>(b[i]);
    if (x != y) return x < y ? -1 : 1;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

inline truth truth_of(bool value) noexcept { return value ? truth::is_true : truth::is_false; }

inline truth truth_of(compare_operator op, int sign) noexcept {
  switch (op) {
    case compare_operator::equal: return truth_of(sign == 0);
    case compare_operator::not_equal: return truth_of(sign != 0);
    case compare_operator::less: return truth_of(sign < 0);
    case compare_operator::less_equal: return truth_of(sign <= 0);
    case compare_operator::greater: return truth_of(sign > 0);
    case compare_operator::greater_equal: return truth_of(sign >= 0);
  }
  return truth::error;
}

inline double real_of(const scalar& value) noexcept {
  if (is_float(value.type.physical)) return value.real;
  double divisor = 1;
  for (unsigned i = 0; i < scale_of(value.type); ++i) divisor *= 10;  // exact up to 10^22
  if (scale_of(value.type) > 22) divisor = static_cast<double>(power_of_ten(scale_of(value.type)));
  return static_cast<double>(value.integer) / divisor;
}

/// One row under one expression.
class evaluation {
 public:
  evaluation(const expression& tree, const dynamic_schema& schema, row_reader row)
      : tree_(tree), schema_(schema), row_(row) {}

  [[nodiscard]] result<scalar> value(std::size_t at) const {
    const expression_node& node = tree_.nodes[at];
    switch (node.kind) {
      case expression_kind::column: {
        PILLAR_ASSIGN_OR_RETURN(const std::uint32_t column, schema_.find(node.name));
        scalar cell = row_(column);
        cell.type = schema_[column].type;
        return cell;
      }
      case expression_kind::literal: return node.value;
      case expression_kind::arithmetic: return arithmetic(at);
      default: return {errc::type_mismatch, at};
    }
  }

  [[nodiscard]] truth predicate(std::size_t at) const {
    const expression_node& node = tree_.nodes[at];
    switch (node.kind) {
      case expression_kind::column:
      case expression_kind::literal: {
        const auto cell = value(at);
        if (!cell.ok() || cell->type.logical != logical_type::boolean) return truth::error;
        return cell->null ? truth::unknown : truth_of(cell->integer != 0);
      }
      case expression_kind::compare: {
        const std::size_t right = at - 1, left = tree_.first_of(right) - 1;
        return comparison(left, static_cast<compare_operator>(node.op), right);
      }
      case expression_kind::between: {
        const std::size_t high = at - 1, low = tree_.first_of(high) - 1, child = tree_.first_of(low) - 1;
        return comparison(child, compare_operator::greater_equal, low) &&
               comparison(child, compare_operator::less_equal, high);
      }
      case expression_kind::both: return predicate(tree_.first_of(at - 1) - 1) && predicate(at - 1);
      case expression_kind::either: return predicate(tree_.first_of(at - 1) - 1) || predicate(at - 1);
      case expression_kind::negation: return !predicate(at - 1);
      case expression_kind::in_list: {
        const auto cell = value(at - 1);
        if (!cell.ok()) return truth::error;
        if (cell->null) return truth::unknown;
        truth found = truth::is_false;
        for (const scalar& member : node.list) {
          if (member.null) found = found || truth::unknown;
          else if (!comparable(cell->type, member.type)) return truth::error;
          else found = found || truth_of(compare_exactly(*cell, member) == 0);
        }
        return found;
      }
      case expression_kind::null_check: {
        const auto cell = value(at - 1);
        if (!cell.ok()) return truth::error;
        return truth_of(cell->null == (node.op == 0));
      }
      case expression_kind::starts_with: {
        const auto cell = value(at - 1);
        if (!cell.ok() || cell->type.physical != physical_type::text) return truth::error;
        if (cell->null || node.value.null) return truth::unknown;
        return truth_of(cell->text.substr(0, node.value.text.size()) == node.value.text);
      }
      case expression_kind::arithmetic: break;
    }
    return truth::error;
  }

  /// Hands the truth of each top-level conjunct of the (negated) predicate at `at` to `sink`.
  void conjuncts(std::size_t at, bool negate, function_ref<void(truth)> sink) const {
    const expression_node& node = tree_.nodes[at];
    if (node.kind == expression_kind::negation) return conjuncts(at - 1, !negate, sink);
    if (node.kind == (negate ? expression_kind::either : expression_kind::both)) {
      conjuncts(tree_.first_of(at - 1) - 1, negate, sink);
      conjuncts(at - 1, negate, sink);
      return;
    }
    if (node.kind == expression_kind::between && !negate) {  // is (child ≥ low) and (child ≤ high)
      const std::size_t high = at - 1, low = tree_.first_of(high) - 1, child = tree_.first_of(low) - 1;
      sink(comparison(child, compare_operator::greater_equal, low));
      sink(comparison(child, compare_operator::less_equal, high));
      return;
    }
    if (node.kind == expression_kind::in_list && negate)  // x not in (…, NULL) is never true
      for (const scalar& member : node.list)
        if (member.null) sink(truth::unknown);
    const truth answer = predicate(at);
    sink(negate ? !answer : answer);
  }

 private:
  [[nodiscard]] truth comparison(std::size_t left_at, compare_operator op, std::size_t right_at) const {
    auto left = value(left_at);
    auto right = value(right_at);
    if (!left.ok() || !right.ok() || !comparable(left->type, right->type)) return truth::error;
    if (tree_.nodes[left_at].kind != expression_kind::literal &&
        tree_.nodes[right_at].kind != expression_kind::literal) {
      const data_type common = comparison_type(left->type, right->type);
      left = converted(*left, common);
      right = converted(*right, common);
      if (!left.ok() || !right.ok()) return truth::error;
    }
    if (left->null || right->null) return truth::unknown;
    return truth_of(op, compare_exactly(*left, *right));
  }

  /// The value in another type of the same or a larger scale.
  [[nodiscard]] static result<scalar> converted(scalar from, data_type to) {
    if (to.physical == physical_type::text) return from;
    to.nullable = from.type.nullable;
    if (from.type.physical == to.physical && scale_of(from.type) == scale_of(to)) return from;
    if (!from.null) {
      if (is_float(to.physical)) {
        from.real = real_of(from);
      } else {
        whole scaled = whole::of(from.integer);
        scaled.magnitude.times_ten_to(scale_of(to) - scale_of(from.type));
        const auto fits = scaled.within(to);
        if (!fits) return errc::overflow;
        from.integer = *fits;
      }
    }
    from.type = to;
    return from;
  }

  [[nodiscard]] result<scalar> arithmetic(std::size_t at) const {
    const auto op = static_cast<arithmetic_operator>(tree_.nodes[at].op);
    PILLAR_ASSIGN_OR_RETURN(scalar left, value(tree_.first_of(at - 1) - 1));
    PILLAR_ASSIGN_OR_RETURN(scalar right, value(at - 1));
    data_type type;
    if (class_of(left.type) != type_class::number || class_of(right.type) != type_class::number ||
        !arithmetic_type(op, left.type, right.type, type))
      return {errc::type_mismatch, at};
    const bool product = op == arithmetic_operator::multiply;
    data_type left_type = type, right_type = type;
    if (product && type.logical == logical_type::decimal)
      left_type.scale = static_cast<std::uint8_t>(scale_of(left.type)),
      right_type.scale = static_cast<std::uint8_t>(scale_of(right.type));
    PILLAR_ASSIGN_OR_RETURN(left, converted(std::move(left), left_type));
    PILLAR_ASSIGN_OR_RETURN(right, converted(std::move(right), right_type));
    if (left.null || right.null) return scalar::of_null(type);
    if (is_float(type.physical)) {
      const double exact = op == arithmetic_operator::add        ? left.real + right.real
                           : op == arithmetic_operator::subtract ? left.real - right.real
                                                                 : left.real * right.real;
      return scalar::of_real(
          type, type.physical == physical_type::float32 ? static_cast<double>(static_cast<float>(exact)) : exact);
    }
    const whole a = whole::of(left.integer), b = whole::of(right.integer);
    const whole exact = op == arithmetic_operator::add ? a + b : op == arithmetic_operator::subtract ? a + -b : a * b;
    const auto fits = exact.within(type);
    if (!fits) return errc::overflow;
    return scalar::of_integer(type, *fits);
  }

  const expression& tree_;
  const dynamic_schema& schema_;
  row_reader row_;
};

/// Nodes that form one tree in postfix order.
inline bool well_formed(const expression& tree) noexcept {
  std::size_t depth = 0;
  for (const auto& node : tree.nodes) {
    if (depth < child_count(node.kind)) return false;
    depth -= child_count(node.kind);
    ++depth;
  }
  return depth == 1;
}

}  // namespace detail::reference

PILLAR_API int compare_exactly(const scalar& a, const scalar& b) noexcept {
  using namespace detail::reference;
  if (a.type.physical == physical_type::text) return order_of_texts(a.text, b.text);
  const bool a_real = is_float(a.type.physical), b_real = is_float(b.type.physical);
  if (a_real && b_real) return order_of_reals(a.real, b.real);
  if (a_real && !std::isfinite(a.real)) return a.real < 0 ? -1 : 1;
  if (b_real && !std::isfinite(b.real)) return b.real < 0 ? 1 : -1;
  if (!a_real && !b_real && scale_of(a.type) == scale_of(b.type))
    return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
  const number x = number_of(a), y = number_of(b);
  if (x.magnitude == 0 && y.magnitude == 0) return 0;
  if (x.negative != y.negative) return x.negative ? -1 : 1;
  const int sign = order_of_magnitudes(x, y);
  return x.negative ? -sign : sign;
}

PILLAR_API truth evaluate_row(const expression& predicate, const dynamic_schema& schema, row_reader row) {
  if (!detail::reference::well_formed(predicate)) return truth::error;
  return detail::reference::evaluation(predicate, schema, row).predicate(predicate.nodes.size() - 1);
}

PILLAR_API result<scalar> evaluate_value(const expression& value, const dynamic_schema& schema, row_reader row) {
  if (!detail::reference::well_formed(value)) return errc::invalid_argument;
  return detail::reference::evaluation(value, schema, row).value(value.nodes.size() - 1);
}

PILLAR_API row_fate reference_filter(const expression& predicate, const dynamic_schema& schema, row_reader row) {
  if (!detail::reference::well_formed(predicate)) return row_fate::error;
  bool failed = false, rejected = false;
  detail::reference::evaluation(predicate, schema, row).conjuncts(predicate.nodes.size() - 1, false, [&](truth answer) {
    failed = failed || answer == truth::error;
    rejected = rejected || answer == truth::is_false || answer == truth::unknown;
  });
  if (failed) return rejected ? row_fate::error_or_reject : row_fate::error;
  return rejected ? row_fate::reject : row_fate::keep;
}

PILLAR_API truth evaluate_row(const expression& predicate, const dynamic_schema& schema, std::span<const scalar> row) {
  return evaluate_row(predicate, schema, [row](std::uint32_t column) { return row[column]; });
}
PILLAR_API result<scalar> evaluate_value(const expression& value, const dynamic_schema& schema,
                                         std::span<const scalar> row) {
  return evaluate_value(value, schema, [row](std::uint32_t column) { return row[column]; });
}
PILLAR_API row_fate reference_filter(const expression& predicate, const dynamic_schema& schema,
                                     std::span<const scalar> row) {
  return reference_filter(predicate, schema, [row](std::uint32_t column) { return row[column]; });
}

}  // namespace PILLAR_NAMESPACE
