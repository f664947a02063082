// SPDX-License-Identifier: Apache-2.0
/// The scalar reference: what an expression says of one row, by the rules alone. The oracle that every layer agrees
/// with. It reads the unbound expression and shares neither binding, nor domains, nor kernels with the layers.
///
/// Rules:
///   comparisons with a literal are mathematical, by long arithmetic; of other values in comparison_type(), where a
///   value that leaves that type is an error; NaN equals NaN and is greatest, −0.0 equals 0.0, text goes by bytes
///   arithmetic has arithmetic_type(): operands are converted to it (a decimal product's keep their scale), the result
///   is exact; a value outside its type is an error; NULL in, NULL out, but an error in an operand stays an error
///   Kleene logic; and / or / not never swallow an error
#pragma once
#include <cstdint>
#include <span>

#include "pillar/base/function_ref.hpp"  // function_ref
#include "pillar/base/result.hpp"
#include "pillar/column/scalar.hpp"  // scalar
#include "pillar/column/schema.hpp"  // dynamic_schema
#include "pillar/expr/tree.hpp"      // expression
#include "pillar/expr/truth.hpp"     // truth

namespace PILLAR_NAMESPACE {

/// A row as a function from column number to value; called for the columns that an expression names.
using row_reader = function_ref<scalar(std::uint32_t column)>;

/// What a predicate says of a row.
///
/// Requires: check_predicate() finds no fault (else: truth::error)
/// Cost:     microseconds; an oracle, not an evaluator
[[nodiscard]] PILLAR_API truth evaluate_row(const expression& predicate, const dynamic_schema& schema, row_reader row);
/// The same of a row given as its values, in the order of the schema.
[[nodiscard]] PILLAR_API truth evaluate_row(const expression& predicate, const dynamic_schema& schema,
                                            std::span<const scalar> row);

/// A computed value of a row.
///
/// Errors: overflow: it, or an operand, leaves its type; no_such_column, type_mismatch: the expression does not fit the
///         schema
[[nodiscard]] PILLAR_API result<scalar> evaluate_value(const expression& value, const dynamic_schema& schema,
                                                       row_reader row);
/// The same of a row given as its values.
[[nodiscard]] PILLAR_API result<scalar> evaluate_value(const expression& value, const dynamic_schema& schema,
                                                       std::span<const scalar> row);

/// What a filter must do with a row. Only `error_or_reject` leaves a choice: one conjunct fails and another rejects the
/// row, so its error may be reported or left out (design §2).
enum class row_fate : std::uint8_t { keep, reject, error, error_or_reject };
/// The fate of one row under a predicate; the row as a function from column number to value.
[[nodiscard]] PILLAR_API row_fate reference_filter(const expression& predicate, const dynamic_schema& schema,
                                                   row_reader row);
/// The same of a row given as its values.
[[nodiscard]] PILLAR_API row_fate reference_filter(const expression& predicate, const dynamic_schema& schema,
                                                   std::span<const scalar> row);

/// The sign of a − b for two non-NULL values of comparable types, mathematically: integers, decimals, floats and
/// timestamps of any units compare as the real numbers they stand for.
[[nodiscard]] PILLAR_API int compare_exactly(const scalar& a, const scalar& b) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/expr/impl/reference.hpp"
#endif
