// SPDX-License-Identifier: Apache-2.0
/// Checks an expression's shape against a schema, as a value: no template stack is left to print, and the same code
/// runs in the compiler and at bind time. A fault becomes one sentence, with the candidates and the nearest name.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>

#include "pillar/base/fixed_string.hpp"
#include "pillar/column/schema.hpp"    // static_column
#include "pillar/expr/shape.hpp"       // shape_node
#include "pillar/expr/type_rules.hpp"  // comparable, arithmetic_type

namespace PILLAR_NAMESPACE {

/// What is wrong with an expression, a column or a stage.
enum class fault_kind : std::uint8_t {
  none,
  no_such_column,   ///< `column` is not in the schema
  cannot_compare,   ///< `left` with `right`
  needs_number,     ///< arithmetic or sum of `left`
  needs_text,       ///< starts_with on `left`
  needs_truth,      ///< a predicate was needed, `left` came
  needs_value,      ///< a column, literal or computed value was needed, a condition came
  scale_too_large,  ///< a product of decimals with more than 38 digits after the point
  duplicate_name,   ///< two columns of a stage's result are called `column`
  foreign_type,     ///< an aggregate of the user's does not take `left`
  distinct_pairs,   ///< distinct rows of an aggregate of two inputs
  needs_input,      ///< the aggregate `column` got more or fewer inputs than it takes, or distinct() without one
  out_of_range,     ///< an aggregate's quantile, rank or size
  cannot_join,      ///< a join's keys, of `left` and of `right`
  needs_keys,       ///< a join without keys, or with keys that are not columns
  needs_one_key,    ///< a null-aware join by several keys
  on_both_sides,    ///< both sides of a join have a column called `column`, which is no key of one name
  too_deep,         ///< nested deeper than 256, or not a tree
};

/// What is wrong, as a structural value; `column` names the column involved, if there is one.
struct fault {
  fault_kind kind = fault_kind::none;
  std::string_view column{};
  data_type left{};
  data_type right{};
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return kind != fault_kind::none; }
};

/// The type of a well-formed expression, or its first fault.
struct checked_shape {
  fault problem{};
  data_type type{};
  std::string_view column{};  ///< a column that the expression names
  bool predicate = false;
  bool value = false;  ///< a column, literal or arithmetic; boolean columns and literals are predicates too
  unsigned height = 0;
};

/// The position of a column by name, or −1.
constexpr const static_column* find_column(std::span<const static_column> columns, std::string_view name) noexcept {
  for (const auto& column : columns)
    if (column.name == name) return &column;
  return nullptr;
}

/// Runs over the postfix nodes with a stack of types.
constexpr checked_shape check_shape(std::span<const shape_node> nodes,
                                    std::span<const static_column> columns) noexcept {
  constexpr unsigned stack_limit = 256;  // also of the height: binding recurses
  checked_shape stack[stack_limit]{};
  std::size_t depth = 0;
  const auto fail = [](fault_kind kind, std::string_view column, data_type left = {}, data_type right = {}) {
    checked_shape out;
    out.problem = {kind, column, left, right};
    return out;
  };
  const auto condition = [](std::initializer_list<const checked_shape*> children) -> const checked_shape* {
    for (const checked_shape* child : children)
      if (!child->value) return child;
    return nullptr;
  };
  for (const auto& node : nodes) {
    const unsigned children = child_count(node.kind);
    if (depth < children) return fail(fault_kind::too_deep, {});
    checked_shape made;
    const checked_shape a = children > 0 ? stack[depth - children] : made;
    const checked_shape b = children > 1 ? stack[depth - children + 1] : made;
    const checked_shape c = children > 2 ? stack[depth - children + 2] : made;
    made.column = a.column.empty() ? (b.column.empty() ? c.column : b.column) : a.column;
    made.type = type_of<bool>;
    made.type.nullable = a.type.nullable || b.type.nullable || c.type.nullable;
    made.predicate = true;
    for (const checked_shape* child : {&a, &b, &c})
      if (made.height < child->height) made.height = child->height;
    if (++made.height > stack_limit) return fail(fault_kind::too_deep, {});
    switch (node.kind) {
      case expression_kind::column: {
        const static_column* found = find_column(columns, node.name);
        if (found == nullptr) return fail(fault_kind::no_such_column, node.name);
        made = {{}, found->type, found->name, found->type.logical == logical_type::boolean, true, 1};
        break;
      }
      case expression_kind::literal:
        made = {{}, node.type, {}, node.type.logical == logical_type::boolean, true, 1};
        break;
      case expression_kind::compare:
        if (const checked_shape* wrong = condition({&a, &b})) return fail(fault_kind::needs_value, wrong->column);
        if (!comparable(a.type, b.type)) return fail(fault_kind::cannot_compare, made.column, a.type, b.type);
        break;
      case expression_kind::between:
        if (const checked_shape* wrong = condition({&a, &b, &c})) return fail(fault_kind::needs_value, wrong->column);
        if (!comparable(a.type, b.type)) return fail(fault_kind::cannot_compare, made.column, a.type, b.type);
        if (!comparable(a.type, c.type)) return fail(fault_kind::cannot_compare, made.column, a.type, c.type);
        break;
      case expression_kind::in_list:
        if (!a.value) return fail(fault_kind::needs_value, a.column);
        if (!comparable(a.type, node.type)) return fail(fault_kind::cannot_compare, made.column, a.type, node.type);
        break;
      case expression_kind::arithmetic:
        if (class_of(a.type) != type_class::number) return fail(fault_kind::needs_number, a.column, a.type);
        if (class_of(b.type) != type_class::number) return fail(fault_kind::needs_number, b.column, b.type);
        if (!arithmetic_type(static_cast<arithmetic_operator>(node.op), a.type, b.type, made.type))
          return fail(fault_kind::scale_too_large, made.column, a.type, b.type);
        made.predicate = false;
        made.value = true;
        break;
      case expression_kind::both:
      case expression_kind::either:
        if (!a.predicate) return fail(fault_kind::needs_truth, a.column, a.type);
        if (!b.predicate) return fail(fault_kind::needs_truth, b.column, b.type);
        break;
      case expression_kind::negation:
        if (!a.predicate) return fail(fault_kind::needs_truth, a.column, a.type);
        break;
      case expression_kind::null_check:
        if (!a.value) return fail(fault_kind::needs_value, a.column);
        made.type.nullable = false;
        break;
      case expression_kind::starts_with:
        if (class_of(a.type) != type_class::text) return fail(fault_kind::needs_text, a.column, a.type);
        break;
    }
    depth -= children;
    if (depth >= stack_limit) return fail(fault_kind::too_deep, {});
    stack[depth++] = made;
  }
  if (depth != 1) return fail(fault_kind::too_deep, {});
  return stack[0];
}

/// A predicate is needed here.
constexpr fault check_predicate(std::span<const shape_node> nodes, std::span<const static_column> columns) noexcept {
  const checked_shape checked = check_shape(nodes, columns);
  if (checked.problem) return checked.problem;
  if (!checked.predicate) return {fault_kind::needs_truth, checked.column, checked.type, {}};
  return {};
}

/// A value is needed here: an argument of project, group_by or an aggregate.
constexpr fault check_value(std::span<const shape_node> nodes, std::span<const static_column> columns) noexcept {
  const checked_shape checked = check_shape(nodes, columns);
  if (checked.problem) return checked.problem;
  if (!checked.value) return {fault_kind::needs_value, checked.column, checked.type, {}};
  return {};
}

/// A sentence of at most 1,023 characters, built in constant expressions and at run time alike.
struct sentence {
  char characters[1024]{};
  std::size_t size = 0;
  constexpr void add(std::string_view part) noexcept {
    for (char c : part)
      if (size + 1 < sizeof characters) characters[size++] = c;
  }
  constexpr void add(unsigned number) noexcept {
    if (number >= 10) add(number / 10);
    const char digit[] = {static_cast<char>('0' + number % 10)};
    add(std::string_view(digit, 1));
  }
  constexpr void add(const data_type& type) noexcept {
    constexpr std::string_view names[] = {"bool",   "int8",      "int16",  "int32", "int64",  "uint8",
                                          "uint16", "uint32",    "uint64", "float", "double", "decimal",
                                          "date",   "timestamp", "text",   "bytes"};
    const auto id = static_cast<unsigned>(type.logical);
    add(id < 16 ? names[id] : std::string_view("a user type"));
    if (type.logical == logical_type::decimal) {
      add("<");
      add(unsigned{type.precision});
      add(", ");
      add(unsigned{type.scale});
      add(">");
    }
  }
  [[nodiscard]] constexpr std::string_view view() const noexcept { return {characters, size}; }
};

namespace detail {
/// Edits between two names, names cut to 63 characters.
constexpr unsigned edit_distance(std::string_view a, std::string_view b) noexcept {
  if (a.size() > 63) a = a.substr(0, 63);
  if (b.size() > 63) b = b.substr(0, 63);
  unsigned row[64]{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<unsigned>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    unsigned diagonal = row[0];
    row[0] = static_cast<unsigned>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const unsigned above = row[j];
      unsigned best = diagonal + (a[i - 1] == b[j - 1] ? 0u : 1u);
      if (above + 1 < best) best = above + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
      diagonal = above;
    }
  }
  return row[b.size()];
}
}  // namespace detail

/// The fault in words: "no column 'ordr_date' among: order_id, order_date; did you mean 'order_date'?"
constexpr sentence describe(const fault& problem, std::span<const static_column> columns) noexcept {
  sentence out;
  const auto subject = [&] {
    if (problem.column.empty()) return out.add("a literal");
    out.add("column '");
    out.add(problem.column);
    out.add("'");
  };
  switch (problem.kind) {
    case fault_kind::none: break;
    case fault_kind::no_such_column: {
      out.add("no column '");
      out.add(problem.column);
      out.add("' among: ");
      std::string_view nearest;
      unsigned least = ~0u;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        if (i > 0) out.add(", ");
        out.add(columns[i].name);
        const unsigned distance = detail::edit_distance(problem.column, columns[i].name);
        if (distance < least) least = distance, nearest = columns[i].name;
      }
      if (least <= problem.column.size() / 2) {
        out.add("; did you mean '");
        out.add(nearest);
        out.add("'?");
      }
      break;
    }
    case fault_kind::cannot_compare:
      subject();
      out.add(": cannot compare ");
      out.add(problem.left);
      out.add(" with ");
      out.add(problem.right);
      break;
    case fault_kind::needs_number:
      subject();
      out.add(" is ");
      out.add(problem.left);
      out.add(", a number is needed");
      break;
    case fault_kind::needs_text:
      subject();
      out.add(" is ");
      out.add(problem.left);
      out.add(", text is needed");
      break;
    case fault_kind::needs_truth:
      subject();
      out.add(" is ");
      out.add(problem.left);
      out.add(", a condition is needed");
      break;
    case fault_kind::needs_value:
      subject();
      out.add(" stands in a condition, a value is needed");
      break;
    case fault_kind::scale_too_large:
      subject();
      out.add(": the product of ");
      out.add(problem.left);
      out.add(" and ");
      out.add(problem.right);
      out.add(" has more than 38 digits after the point");
      break;
    case fault_kind::duplicate_name:
      out.add("two result columns are called '");
      out.add(problem.column);
      out.add("'; give one of them another name with .as()");
      break;
    case fault_kind::foreign_type:
      subject();
      out.add(" is ");
      out.add(problem.left);
      out.add(", which the aggregate's state does not take");
      break;
    case fault_kind::distinct_pairs:
      subject();
      out.add(": distinct values are those of one input, and this aggregate takes two");
      break;
    case fault_kind::needs_input:
      out.add("aggregate '");
      out.add(problem.column);
      out.add("': count() takes no input, so none is distinct; other aggregates take one or two");
      break;
    case fault_kind::out_of_range:
      subject();
      out.add(": quantiles lie in 0 to 1, ranks in 1 to 1,024, register bits in 4 to 16, sketch bits in 1 to 12");
      break;
    case fault_kind::cannot_join:
      subject();
      out.add(": a join of ");
      out.add(problem.left);
      out.add(" with ");
      out.add(problem.right);
      out.add("; both sides' keys need one type");
      break;
    case fault_kind::needs_keys: out.add("a join's keys are columns, a pair of them with ==, and at least one"); break;
    case fault_kind::needs_one_key: out.add("a null-aware join takes one key"); break;
    case fault_kind::on_both_sides:
      out.add("both sides have a column '");
      out.add(problem.column);
      out.add("'; rename one with project");
      break;
    case fault_kind::too_deep: out.add("the expression is malformed or too deep"); break;
  }
  return out;
}

}  // namespace PILLAR_NAMESPACE
