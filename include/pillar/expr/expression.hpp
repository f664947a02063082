// SPDX-License-Identifier: Apache-2.0
/// Expressions as C++ values: `"order_date"_col >= date{2026, 1, 1} && "status"_col == "shipped"`.
///
/// A typed expression is an aggregate of names (template arguments) and literals (copied), constexpr, and knows no
/// schema. Its shape is a constant, so `check` can refuse it against a typed schema while compiling; `lower` turns it
/// into the run-time tree that binding reads. Operators are found by argument-dependent lookup and need one side that
/// is an expression.
#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pillar/base/fixed_string.hpp"  // fixed_string
#include "pillar/expr/literal.hpp"       // literal_value
#include "pillar/expr/tree.hpp"          // expression

namespace PILLAR_NAMESPACE {

/// An expression whose shape the compiler knows.
template <class T>
concept static_expression = requires {
  typename std::remove_cvref_t<T>::pillar_expression;
};
/// A typed expression or a run-time tree.
template <class T>
concept any_expression = static_expression<T> || requires {
  typename std::remove_cvref_t<T>::pillar_dynamic_expression;
};

template <fixed_string Name>
struct column_reference;
template <expression_kind Kind, std::uint8_t Op, class L, class R>
struct binary_expression;
template <expression_kind Kind, std::uint8_t Op, class E>
struct unary_expression;
template <class E, class Low, class High>
struct between_expression;
template <class E, class T>
struct list_expression;
template <class E>
struct prefix_expression;
template <class E, fixed_string Name>
struct named_expression;

/// A literal inside an expression; use a plain C++ value instead of spelling it.
template <class T>
struct literal {
  using pillar_expression = void;
  using traits = detail::literal_traits<T>;
  static constexpr std::size_t node_count = 1;
  typename traits::stored value;
  static constexpr void shape(shape_node*& out) { *out++ = {expression_kind::literal, 0, {}, traits::type}; }
  void lower(expression& to) const { to.push_literal(traits::value(value)); }
};

namespace detail {
/// A literal becomes a literal node, an expression stays as it is.
template <any_expression E>
constexpr const E& operand(const E& e) noexcept {
  return e;
}
template <literal_value T>
constexpr auto operand(const T& value) {
  using stored = typename literal_traits<T>::stored;
  return literal<T>{stored(value)};
}
template <class T>
using operand_type = std::remove_cvref_t<decltype(operand(std::declval<const std::remove_cvref_t<T>&>()))>;

template <class L, class R>
concept operands = (any_expression<L> || any_expression<R>)&&(any_expression<L> ||
                                                              literal_value<L>)&&(any_expression<R> ||
                                                                                  literal_value<R>);
template <class L, class R>
concept foreign_operands = (any_expression<L> || any_expression<R>)&&!operands<L, R>;

template <any_expression E>
void lower_into(expression& to, const E& e) {
  if constexpr (static_expression<E>) e.lower(to);
  else to.append(e);
}

template <expression_kind Kind, std::uint8_t Op, class L, class R>
constexpr auto make_binary(const L& l, const R& r) {
  using left = operand_type<L>;
  using right = operand_type<R>;
  if constexpr (static_expression<left> && static_expression<right>) {
    return binary_expression<Kind, Op, left, right>{{}, operand(l), operand(r)};
  } else {
    expression made;
    lower_into(made, operand(l));
    lower_into(made, operand(r));
    made.push(Kind, Op);
    return made;
  }
}
template <class E>
std::vector<scalar> scalars_of(const std::vector<E>& values) {
  std::vector<scalar> out;
  out.reserve(values.size());
  for (const auto& v : values) out.push_back(literal_traits<E>::value(v));
  return out;
}
}  // namespace detail

/// What every typed expression offers besides the operators.
template <class Derived>
struct expression_members {
  using pillar_expression = void;
  [[nodiscard]] constexpr const Derived& self() const noexcept { return static_cast<const Derived&>(*this); }
  /// The same as a run-time value.
  operator expression() const {
    expression made;
    self().lower(made);
    return made;
  }

  /// lower ≤ value ≤ upper; unknown if any of the three is NULL and the others do not decide.
  template <class Low, class High>
  requires(any_expression<Low> || literal_value<Low>) &&
      (any_expression<High> || literal_value<High>)
          [[nodiscard]] constexpr auto between(const Low& low, const High& high) const {
    return between_expression<Derived, detail::operand_type<Low>, detail::operand_type<High>>{
        {}, self(), detail::operand(low), detail::operand(high)};
  }
  /// Is the value one of these? All of one literal type.
  template <literal_value T, std::same_as<T>... More>
  [[nodiscard]] auto in(const T& first, const More&... more) const {
    return list_expression<Derived, T>{
        {}, self(), {detail::literal_traits<T>::value(first), detail::literal_traits<T>::value(more)...}};
  }
  /// Text of different lengths: `in("LAX", "SFO", "SEATTLE")`.
  template <std::size_t N, std::size_t... More>
  [[nodiscard]] auto in(const char (&first)[N], const char (&... more)[More]) const {
    return list_expression<Derived, std::string>{
        {},
        self(),
        {detail::literal_traits<char[N]>::value(first), detail::literal_traits<char[More]>::value(more)...}};
  }
  template <literal_value T>
  [[nodiscard]] auto in(const std::vector<T>& values) const {
    return list_expression<Derived, T>{{}, self(), detail::scalars_of(values)};
  }
  [[nodiscard]] constexpr auto is_null() const {
    return unary_expression<expression_kind::null_check, 0, Derived>{{}, self()};
  }
  [[nodiscard]] constexpr auto is_not_null() const {
    return unary_expression<expression_kind::null_check, 1, Derived>{{}, self()};
  }
  [[nodiscard]] auto starts_with(std::string_view prefix) const {
    return prefix_expression<Derived>{{}, self(), std::string(prefix)};
  }
  /// The same value under a new name, for `project`.
  template <fixed_string Name>
  [[nodiscard]] constexpr auto as(column_reference<Name>) const {
    return named_expression<Derived, Name>{self()};
  }
};

/// A column, by name: `"total"_col`.
template <fixed_string Name>
struct column_reference : expression_members<column_reference<Name>> {
  static constexpr auto name = Name;
  static constexpr std::size_t node_count = 1;
  static constexpr void shape(shape_node*& out) { *out++ = {expression_kind::column, 0, Name.view(), {}}; }
  void lower(expression& to) const { to.push_column(Name.view()); }
};

/// A comparison, an arithmetic operation, `&&` or `||` of two expressions.
template <expression_kind Kind, std::uint8_t Op, class L, class R>
struct binary_expression : expression_members<binary_expression<Kind, Op, L, R>> {
  L left;
  R right;
  static constexpr std::size_t node_count = L::node_count + R::node_count + 1;
  static constexpr void shape(shape_node*& out) {
    L::shape(out);
    R::shape(out);
    *out++ = {Kind, Op, {}, {}};
  }
  void lower(expression& to) const {
    left.lower(to);
    right.lower(to);
    to.push(Kind, Op);
  }
};

/// `!` and the null tests of one expression.
template <expression_kind Kind, std::uint8_t Op, class E>
struct unary_expression : expression_members<unary_expression<Kind, Op, E>> {
  E child;
  static constexpr std::size_t node_count = E::node_count + 1;
  static constexpr void shape(shape_node*& out) {
    E::shape(out);
    *out++ = {Kind, Op, {}, {}};
  }
  void lower(expression& to) const {
    child.lower(to);
    to.push(Kind, Op);
  }
};

/// low ≤ child ≤ high.
template <class E, class Low, class High>
struct between_expression : expression_members<between_expression<E, Low, High>> {
  E child;
  Low low;
  High high;
  static constexpr std::size_t node_count = E::node_count + Low::node_count + High::node_count + 1;
  static constexpr void shape(shape_node*& out) {
    E::shape(out);
    Low::shape(out);
    High::shape(out);
    *out++ = {expression_kind::between, 0, {}, {}};
  }
  void lower(expression& to) const {
    child.lower(to);
    low.lower(to);
    high.lower(to);
    to.push(expression_kind::between);
  }
};

/// The child's value is one of a list of literals.
template <class E, class T>
struct list_expression : expression_members<list_expression<E, T>> {
  static constexpr data_type type = detail::literal_traits<T>::type;
  E child;
  std::vector<scalar> values;
  static constexpr std::size_t node_count = E::node_count + 1;
  static constexpr void shape(shape_node*& out) {
    E::shape(out);
    *out++ = {expression_kind::in_list, 0, {}, type};
  }
  void lower(expression& to) const {
    child.lower(to);
    to.push_list(type, values);
  }
};

/// The child's text starts with a prefix.
template <class E>
struct prefix_expression : expression_members<prefix_expression<E>> {
  E child;
  std::string prefix;
  static constexpr std::size_t node_count = E::node_count + 1;
  static constexpr void shape(shape_node*& out) {
    E::shape(out);
    *out++ = {expression_kind::starts_with, 0, {}, {}};
  }
  void lower(expression& to) const {
    child.lower(to);
    to.push_prefix(scalar::of_text(type_of<text>, prefix));
  }
};

/// An expression with a name of its own: an argument of `project`.
template <class E, fixed_string Name>
struct named_expression {
  using pillar_named_expression = void;
  static constexpr auto name = Name;
  E child;
};

/// A column whose name is known only at run time.
inline expression col(std::string_view name) {
  expression made;
  made.push_column(name);
  return made;
}

template <class Low, class High>
expression expression::between(const Low& low, const High& high) const {
  static_assert((any_expression<Low> || literal_value<Low>)&&(any_expression<High> || literal_value<High>));
  expression made = *this;
  detail::lower_into(made, detail::operand(low));
  detail::lower_into(made, detail::operand(high));
  made.push(expression_kind::between);
  return made;
}
template <class T, class... More>
expression expression::in(const T& first, const More&... more) const {
  static_assert(literal_value<T> && (literal_value<More> && ...));
  expression made = *this;
  made.push_list(detail::literal_traits<T>::type,
                 {detail::literal_traits<T>::value(first), detail::literal_traits<More>::value(more)...});
  return made;
}
template <class T>
expression expression::in(const std::vector<T>& values) const {
  static_assert(literal_value<T>);
  expression made = *this;
  made.push_list(detail::literal_traits<T>::type, detail::scalars_of(values));
  return made;
}

/// The run-time form of any expression.
template <any_expression E>
expression lower(const E& e) {
  expression made;
  detail::lower_into(made, e);
  return made;
}

/// The shape of a typed expression as a constant.
template <static_expression E>
constexpr auto shape_of() {
  std::array<shape_node, E::node_count> nodes{};
  shape_node* out = nodes.data();
  E::shape(out);
  return nodes;
}

#define PILLAR_BINARY_OPERATOR(symbol, kind, op)                                                      \
  template <class L, class R>                                                                         \
  requires detail::operands<L, R>                                                                     \
  constexpr auto operator symbol(const L& left, const R& right) {                                     \
    return detail::make_binary<expression_kind::kind, static_cast<std::uint8_t>(op)>(left, right);    \
  }                                                                                                   \
  /* Literals are bool, numbers, decimal, date, timestamp and text; anything else is refused here. */ \
  template <class L, class R>                                                                         \
  requires detail::foreign_operands<L, R>                                                             \
  void operator symbol(const L&, const R&) = delete;
PILLAR_BINARY_OPERATOR(==, compare, compare_operator::equal)
PILLAR_BINARY_OPERATOR(!=, compare, compare_operator::not_equal)
PILLAR_BINARY_OPERATOR(<, compare, compare_operator::less)
PILLAR_BINARY_OPERATOR(<=, compare, compare_operator::less_equal)
PILLAR_BINARY_OPERATOR(>, compare, compare_operator::greater)
PILLAR_BINARY_OPERATOR(>=, compare, compare_operator::greater_equal)
PILLAR_BINARY_OPERATOR(+, arithmetic, arithmetic_operator::add)
PILLAR_BINARY_OPERATOR(-, arithmetic, arithmetic_operator::subtract)
PILLAR_BINARY_OPERATOR(*, arithmetic, arithmetic_operator::multiply)
PILLAR_BINARY_OPERATOR(&&, both, 0)
PILLAR_BINARY_OPERATOR(||, either, 0)
#undef PILLAR_BINARY_OPERATOR

/// Kleene's not: unknown stays unknown.
template <any_expression E>
constexpr auto operator!(const E& child) {
  if constexpr (static_expression<E>) {
    return unary_expression<expression_kind::negation, 0, E>{{}, child};
  } else {
    expression made = child;
    made.push(expression_kind::negation);
    return made;
  }
}

namespace query {
/// `"name"_col`: a column by name.
template <fixed_string Name>
consteval column_reference<Name> operator""_col() noexcept {
  return {};
}
/// `0.05_dec`: an exact decimal.
template <char... C>
consteval auto operator""_dec() noexcept {
  static_assert(detail::decimal_is_plain<C...>(), "digits and at most one point");
  constexpr unsigned scale = detail::literal_scale<C...>();
  constexpr unsigned digits = detail::decimal_digits<C...>();
  constexpr char text[] = {C..., '\0'};
  decimal<(digits > scale ? digits : scale), scale> made;
  for (char c : text)
    if (c >= '0' && c <= '9') made.unscaled = static_cast<typename decltype(made)::rep>(made.unscaled * 10 + (c - '0'));
  return made;
}
using pillar::col;
using pillar::date;
using pillar::decimal;
using pillar::timestamp;
}  // namespace query

}  // namespace PILLAR_NAMESPACE
