// SPDX-License-Identifier: Apache-2.0
/// Binding: names become column numbers, literals take the column's type, and every leaf that tests one column against
/// constants becomes a domain.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "pillar/base/result.hpp"
#include "pillar/column/schema.hpp"  // dynamic_schema
#include "pillar/expr/bound.hpp"     // bound_predicate, bound_values
#include "pillar/expr/tree.hpp"      // expression

namespace PILLAR_NAMESPACE {

namespace detail {
/// A run-time schema in the form that checks read; points into it.
inline std::vector<static_column> columns_of(const dynamic_schema& schema) {
  std::vector<static_column> out;
  out.reserve(schema.size());
  for (const auto& column : schema.columns) out.push_back({column.name, column.type});
  return out;
}
}  // namespace detail

/// Binds a predicate.
///
/// Errors: no_such_column, type_mismatch (position = node in postfix order); `explain_fault` gives the sentence
/// Cost:   allocations proportional to the expression; meant for once per query
PILLAR_API result<bound_predicate> bind_predicate(const expression& predicate, const dynamic_schema& schema);

/// Binds values that are computed per row: the arguments of project, group_by and aggregates.
PILLAR_API result<bound_values> bind_values(std::span<const expression> values, const dynamic_schema& schema);

/// The sentence for what is wrong with an expression; empty when nothing is. `needs_predicate`: a condition is
/// required.
PILLAR_API std::string explain_fault(const expression& checked, const dynamic_schema& schema, bool needs_predicate);

/// The domain of `column op literal`, by mathematical comparison: int8 < 300 is everything. The literal is not NULL and
/// comparable with the type.
PILLAR_API domain comparison_domain(const data_type& column, compare_operator op, const scalar& literal);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/expr/impl/bind.hpp"
#endif
