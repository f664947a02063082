// SPDX-License-Identifier: Apache-2.0
/// Expressions after binding: column numbers instead of names, one type per value, domains at the leaves. Immutable, so
/// one bound expression serves all workers; what changes while it runs lives in filter/'s per-worker state.
#pragma once
#include <cstdint>
#include <vector>

#include "pillar/column/scalar.hpp"  // scalar
#include "pillar/column/types.hpp"   // data_type
#include "pillar/expr/domain.hpp"    // domain
#include "pillar/expr/operators.hpp"

namespace PILLAR_NAMESPACE {

/// A value computed per row. Nodes are in postfix order: children come before their parent.
///
/// Arithmetic happens in one of three lanes, given by type.physical: integers and decimals up to 18 digits in int64
/// (uint64 when logical type is uint64), wider decimals in int128, floats in double (a float32 result is rounded after
/// each step). Integer and decimal arithmetic is exact: a value outside its type is an error of that row.
struct bound_value {
  /// What the node computes.
  enum class kind_type : std::uint8_t {
    column,      ///< `column`
    literal,     ///< `constant`, of exactly `type`
    arithmetic,  ///< left op right
    convert,     ///< left, changed to `type`: to a wider integer, to a decimal of a larger scale, to a float
  };
  kind_type kind = kind_type::column;
  arithmetic_operator op = arithmetic_operator::add;
  data_type type{};
  std::uint32_t column = 0;
  std::uint32_t left = 0;
  std::uint32_t right = 0;
  scalar constant{};
};

/// A predicate node. Nodes are in postfix order.
struct bound_node {
  /// How the node combines what is below it.
  enum class kind_type : std::uint8_t {
    test,      ///< value number `left` against `test`; pushed down when that value is a plain column
    compare,   ///< value `left` op value `right`, both of the same type (text with text, or one lane)
    both,      ///< node left and node right
    either,    ///< node left or node right
    negation,  ///< not node left
    constant,  ///< `always`: true, false, or NULL when `always_null` (a comparison with a NULL literal)
  };
  kind_type kind = kind_type::constant;
  compare_operator op = compare_operator::equal;
  bool always = false;
  bool always_null = false;
  std::uint32_t left = 0;
  std::uint32_t right = 0;
  domain test{};
};

/// Values bound to a schema: `roots` names the results among `nodes`.
struct bound_values {
  std::vector<bound_value> nodes;
  std::vector<std::uint32_t> roots;
  [[nodiscard]] const data_type& type(std::size_t root) const noexcept { return nodes[roots[root]].type; }
};

/// A predicate bound to a schema.
///
/// Shape: a row is kept iff every conjunct is true; an empty list keeps all rows. `&&` at the top has been flattened
///        into `conjuncts` (indices into nodes); inside `||` and `!` it stays a node.
struct bound_predicate {
  std::vector<bound_value> values;
  std::vector<bound_node> nodes;
  std::vector<std::uint32_t> conjuncts;
  /// Columns that the predicate names, ascending, unique.
  std::vector<std::uint32_t> columns;

  /// The column that a test node reads directly, or nullptr when its value is computed.
  [[nodiscard]] const std::uint32_t* plain_column(const bound_node& node) const noexcept {
    const bound_value& value = values[node.left];
    return value.kind == bound_value::kind_type::column ? &value.column : nullptr;
  }
};

}  // namespace PILLAR_NAMESPACE
