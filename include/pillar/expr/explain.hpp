// SPDX-License-Identifier: Apache-2.0
/// Explanations as values: which layer answered a condition, from what it knew, and whether that can be believed.
///
/// A layer that settles a condition without reading the rows relies on *claims* about their values ("minimum
/// 2026-03-01, no NULL"). A witness keeps the claims and the outcome. Both can be checked against rows by the scalar
/// rules below, which share nothing with zones, codecs or kernels; and whether the outcome follows from the claims can
/// be checked without any rows.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pillar/base/function_ref.hpp"  // function_ref
#include "pillar/base/result.hpp"
#include "pillar/column/scalar.hpp"   // scalar
#include "pillar/column/schema.hpp"   // dynamic_schema
#include "pillar/expr/bound.hpp"      // bound_predicate, bound_value
#include "pillar/expr/interval.hpp"   // value_interval
#include "pillar/expr/reference.hpp"  // row_reader
#include "pillar/expr/truth.hpp"      // truth_set

namespace PILLAR_NAMESPACE {

/// Who answered a condition, cheapest first.
enum class answer_layer : std::uint8_t {
  folded,      ///< binding: it is the same for all rows of the table
  zone,        ///< a zone map
  interval,    ///< interval analysis of computed values, over zone maps
  directory,   ///< a block's directory: NULL counts, base and width
  constant,    ///< a constant block
  dictionary,  ///< a dictionary: once per entry, then per code
  packed,      ///< packed fields, compared in place
  decoded,     ///< decoded values
};
/// How many layers there are.
inline constexpr std::size_t answer_layer_count = 8;

/// The layer in words.
constexpr const char* to_string(answer_layer layer) noexcept {
  constexpr const char* names[answer_layer_count] = {"binding",       "zone map",       "interval analysis",
                                                     "directory",     "constant block", "dictionary",
                                                     "packed fields", "decoded values"};
  return names[static_cast<unsigned>(layer)];
}

/// What somebody claims of some rows' values in one column. The default claims nothing.
///
/// Layout: min ≤ every number or text ≤ max; a NULL bound bounds nothing; NaN is told by may_be_nan alone
struct value_claim {
  std::uint32_t column = 0;
  data_type type{};
  bool may_be_value = true;  ///< some row may hold a value that is neither NULL nor NaN
  bool may_be_nan = true;
  bool may_be_null = true;
  scalar min{};
  scalar max{};

  /// Does this value keep the claim?
  [[nodiscard]] PILLAR_API bool holds(const scalar& value) const;
};

/// The claim that an interval stands for.
[[nodiscard]] PILLAR_API value_claim claim_of(std::uint32_t column, const data_type& type,
                                              const value_interval& values);

/// An answer for all of some rows at once, and why.
struct witness {
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  answer_layer layer = answer_layer::decoded;
  std::uint32_t conjunct = none;  ///< position in predicate.conjuncts
  truth_set outcome{};            ///< what the conjunct gives for the rows
  std::vector<value_claim> claims{};
  /// The outcome follows from the claims alone. Else (dictionaries, packed fields, decoded values) only the rows tell.
  bool follows = false;
  std::uint32_t entry_count = 0;       ///< dictionary: its entries
  std::uint32_t matching_entries = 0;  ///< and how many of them satisfy the condition
};

// ---- checking -------------------------------------------------------------------------------------------------------

/// A bound condition or value of one row, by the rules of expr/reference.hpp.
///
/// Errors: overflow (values), truth::error (conditions)
/// Cost:   microseconds
[[nodiscard]] PILLAR_API truth evaluate_row(const bound_predicate& predicate, std::uint32_t node, row_reader row);
/// The same for a bound value.
[[nodiscard]] PILLAR_API result<scalar> evaluate_value(std::span<const bound_value> nodes, std::uint32_t node,
                                                       row_reader row);

/// Why a witness is not to be believed.
struct witness_fault {
  /// What is wrong with the witness.
  enum class kind_type : std::uint8_t {
    claim,      ///< a row's value breaks a claim
    outcome,    ///< the condition gives something else for a row
    reasoning,  ///< the outcome does not follow: it fails for a value that the claims allow
  };
  kind_type kind = kind_type::claim;
  std::uint32_t row = 0;         ///< claim, outcome
  std::uint32_t column = 0;      ///< claim: the column; else the first that the condition names, or witness::none
  scalar value{};                ///< of that column
  truth given = truth::unknown;  ///< outcome, reasoning
};

/// Row and column to value.
using cell_reader = function_ref<scalar(std::uint32_t row, std::uint32_t column)>;

/// The first row that contradicts the claims or the outcome; nothing when all of [0, row_count) agree.
[[nodiscard]] PILLAR_API std::optional<witness_fault> check(const witness& what, const bound_predicate& predicate,
                                                            std::uint32_t row_count, cell_reader cells);

/// Does the outcome follow from the claims? Tries every value at which a condition's truth can change and that the
/// claims allow: complete for conditions on one column, a search for counter-examples where several columns meet or
/// values are computed.
[[nodiscard]] PILLAR_API std::optional<witness_fault> check_reasoning(const witness& what,
                                                                      const bound_predicate& predicate);

// ---- words ----------------------------------------------------------------------------------------------------------

/// A value as it is written in conditions: texts quoted, control characters escaped.
[[nodiscard]] PILLAR_API std::string quoted(const scalar& value);
/// A bound condition: "order_date >= 2026-01-01", "status in ('open', 'returned')".
[[nodiscard]] PILLAR_API std::string describe(const bound_predicate& predicate, std::uint32_t node,
                                              const dynamic_schema& schema);
/// A domain as a condition on `name`, a value of `type`: "day <= 2026-02-28".
[[nodiscard]] PILLAR_API std::string describe(const domain& test, const data_type& type, const std::string& name);
/// A bound value: "(price * (1 - discount))".
[[nodiscard]] PILLAR_API std::string describe(std::span<const bound_value> values, std::uint32_t node,
                                              const dynamic_schema& schema);
/// "minimum 1, maximum 9, no NULL".
[[nodiscard]] PILLAR_API std::string describe(const value_claim& claim);
/// "none: maximum 2026-02-28 < 2026-03-01 (zone map)".
[[nodiscard]] PILLAR_API std::string describe(const witness& what, const bound_predicate& predicate,
                                              const dynamic_schema& schema);

/// Columns that a node of a predicate reads, ascending, unique.
[[nodiscard]] PILLAR_API std::vector<std::uint32_t> columns_of(const bound_predicate& predicate, std::uint32_t node);
/// Whether a node computes something from its columns rather than testing them as they are.
[[nodiscard]] PILLAR_API bool computes(const bound_predicate& predicate, std::uint32_t node);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/expr/impl/explain.hpp"
#endif
