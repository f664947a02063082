// SPDX-License-Identifier: Apache-2.0
/// An expression as a run-time value: what binding reads, and what programs build whose columns are known only at run
/// time.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pillar/column/scalar.hpp"  // scalar
#include "pillar/expr/shape.hpp"     // expression_kind, shape_node

namespace PILLAR_NAMESPACE {

/// One node of an expression, with its values.
struct expression_node {
  expression_kind kind = expression_kind::column;
  std::uint8_t op = 0;
  std::string name{};          ///< column
  scalar value{};              ///< literal; starts_with: the prefix; in_list: type of the list
  std::vector<scalar> list{};  ///< in_list
};

/// An owning, immutable-by-habit tree of names and literals in postfix order; no schema is known to it.
///
/// Every typed expression converts to it, and it takes part in the same operators: `col(name) > 5 && "x"_col == 1`.
class expression {
 public:
  using pillar_dynamic_expression = void;
  std::vector<expression_node> nodes;

  expression() = default;
  void push_column(std::string_view name) { nodes.push_back({expression_kind::column, 0, std::string(name), {}, {}}); }
  void push_literal(scalar value) { nodes.push_back({expression_kind::literal, 0, {}, std::move(value), {}}); }
  void push(expression_kind kind, std::uint8_t op = 0) { nodes.push_back({kind, op, {}, {}, {}}); }
  void push_list(data_type type, std::vector<scalar> values) {
    nodes.push_back({expression_kind::in_list, 0, {}, scalar::of_null(type), std::move(values)});
  }
  void push_prefix(scalar prefix) { nodes.push_back({expression_kind::starts_with, 0, {}, std::move(prefix), {}}); }
  void append(const expression& other) { nodes.insert(nodes.end(), other.nodes.begin(), other.nodes.end()); }

  /// The members of typed expressions (expr/expression.hpp defines the templates).
  template <class Low, class High>
  [[nodiscard]] expression between(const Low& low, const High& high) const;
  template <class T, class... More>
  [[nodiscard]] expression in(const T& first, const More&... more) const;
  template <class T>
  [[nodiscard]] expression in(const std::vector<T>& values) const;
  [[nodiscard]] expression is_null() const { return with({expression_kind::null_check, 0, {}, {}, {}}); }
  [[nodiscard]] expression is_not_null() const { return with({expression_kind::null_check, 1, {}, {}, {}}); }
  [[nodiscard]] expression starts_with(std::string_view prefix) const {
    return with({expression_kind::starts_with, 0, {}, scalar::of_text(type_of<text>, prefix), {}});
  }

  /// The nodes without values, for checking.
  [[nodiscard]] std::vector<shape_node> shape() const {
    std::vector<shape_node> out;
    out.reserve(nodes.size());
    for (const auto& node : nodes) out.push_back({node.kind, node.op, node.name, node.value.type});
    return out;
  }
  /// For a node in postfix order: the index of the first node of its subtree.
  [[nodiscard]] std::size_t first_of(std::size_t node) const {
    std::size_t need = child_count(nodes[node].kind);
    while (need > 0) {
      --node;
      need += child_count(nodes[node].kind);
      --need;
    }
    return node;
  }

 private:
  [[nodiscard]] expression with(expression_node parent) const {
    expression made = *this;
    made.nodes.push_back(std::move(parent));
    return made;
  }
};

}  // namespace PILLAR_NAMESPACE
