// SPDX-License-Identifier: Apache-2.0
/// The shape of an expression: its nodes without their values, in postfix order. One form serves the compiler, which
/// checks a typed expression's shape as a constant, and the binder, which checks the shape of a run-time tree.
#pragma once
#include <cstdint>
#include <string_view>

#include "pillar/column/types.hpp"  // data_type
#include "pillar/expr/operators.hpp"

namespace PILLAR_NAMESPACE {

/// What a node of an expression is.
enum class expression_kind : std::uint8_t {
  column,       ///< `name`
  literal,      ///< of `type`
  compare,      ///< 2 children, compare_operator
  arithmetic,   ///< 2 children, arithmetic_operator
  both,         ///< 2 children: and
  either,       ///< 2 children: or
  negation,     ///< 1 child: not
  between,      ///< 3 children: value, lower and upper bound, both inclusive
  in_list,      ///< 1 child; literals of `type`
  null_check,   ///< 1 child; operator 0: is NULL, 1: is not NULL
  starts_with,  ///< 1 child; a text prefix
};

/// One node.
struct shape_node {
  expression_kind kind = expression_kind::column;
  std::uint8_t op = 0;
  std::string_view name{};
  data_type type{};
};

/// How many nodes below a node of this kind belong to it.
constexpr unsigned child_count(expression_kind kind) noexcept {
  switch (kind) {
    case expression_kind::column:
    case expression_kind::literal: return 0;
    case expression_kind::compare:
    case expression_kind::arithmetic:
    case expression_kind::both:
    case expression_kind::either: return 2;
    case expression_kind::between: return 3;
    default: return 1;
  }
}

}  // namespace PILLAR_NAMESPACE
