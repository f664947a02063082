// SPDX-License-Identifier: Apache-2.0
/// The built-in aggregates and the table of their result types.
#pragma once
#include <cstdint>
#include <optional>

#include "pillar/column/types.hpp"

namespace PILLAR_NAMESPACE {

/// The aggregates that are built in. All but count_rows pass over NULL, and those of two inputs over rows in which one
/// is NULL.
enum class aggregate_kind : std::uint8_t {
  count_rows,  ///< rows, NULL or not; takes no input
  count,       ///< values that are not NULL
  sum,         ///< NULL of no values; exact
  min,         ///< NULL of no values; NaN is greatest
  max,
  avg,                            ///< NULL of no values; the exact sum, rounded to double, divided once by the count
  variance,                       ///< of a sample, Σ(x − mean)² / (n − 1); NULL of fewer than two values
  variance_population,            ///< Σ(x − mean)² / n; NULL of no values
  standard_deviation,             ///< the square root of variance
  standard_deviation_population,  ///< the square root of variance_population
  covariance,             ///< of a sample, Σ(x − mean x)(y − mean y) / (n − 1); NULL of fewer than two pairs
  covariance_population,  ///< divided by n; NULL of no pairs
  correlation,            ///< Pearson's; NULL of fewer than two pairs, or where x or y are all equal
  first,                  ///< the value in the row of the lowest number
  last,                   ///< the value in the row of the highest number
  any,                    ///< some value: beside float_sum::fast the only one that threads may change
  bool_and,               ///< of bool: no value is false; NULL of no values
  bool_or,                ///< of bool: some value is true
  approximate_count_distinct,  ///< HyperLogLog: standard error 1.04 / √(2^register_bits)
  median,                      ///< the middle value, or the mean of the two in the middle
  quantile,                    ///< exact, between two values linear
  approximate_quantile,        ///< the lower of the two values, its relative error bounded: sketch_bits
  arg_min,                     ///< the input where `second` is least; rank 2: where it is least but one, …
  arg_max,                     ///< the input where `second` is greatest; equal ones in the order of row numbers
  string_agg,                  ///< texts in the order of row numbers, with a separator between them
  own,                         ///< a state of the user's: own_state.hpp
};

/// How floats are added.
enum class float_sum : std::uint8_t {
  deterministic,  ///< exact, rounded once: the same bits for any threads, batch size and order
  fast,           ///< in the order of arrival: faster, and the last bits depend on the order
};

/// Words for messages: "sum", "count(*)".
constexpr const char* to_string(aggregate_kind kind) noexcept {
  switch (kind) {
    case aggregate_kind::count_rows: return "count(*)";
    case aggregate_kind::count: return "count";
    case aggregate_kind::sum: return "sum";
    case aggregate_kind::min: return "min";
    case aggregate_kind::max: return "max";
    case aggregate_kind::avg: return "avg";
    case aggregate_kind::variance: return "variance";
    case aggregate_kind::variance_population: return "variance_population";
    case aggregate_kind::standard_deviation: return "standard_deviation";
    case aggregate_kind::standard_deviation_population: return "standard_deviation_population";
    case aggregate_kind::covariance: return "covariance";
    case aggregate_kind::covariance_population: return "covariance_population";
    case aggregate_kind::correlation: return "correlation";
    case aggregate_kind::first: return "first";
    case aggregate_kind::last: return "last";
    case aggregate_kind::any: return "any";
    case aggregate_kind::bool_and: return "bool_and";
    case aggregate_kind::bool_or: return "bool_or";
    case aggregate_kind::approximate_count_distinct: return "approximate_count_distinct";
    case aggregate_kind::median: return "median";
    case aggregate_kind::quantile: return "quantile";
    case aggregate_kind::approximate_quantile: return "approximate_quantile";
    case aggregate_kind::arg_min: return "arg_min";
    case aggregate_kind::arg_max: return "arg_max";
    case aggregate_kind::string_agg: return "string_agg";
    case aggregate_kind::own: return "own";
  }
  return "?";
}

/// Whether an aggregate takes a second input.
constexpr bool takes_second(aggregate_kind kind) noexcept {
  return kind == aggregate_kind::covariance || kind == aggregate_kind::covariance_population ||
         kind == aggregate_kind::correlation || kind == aggregate_kind::arg_min || kind == aggregate_kind::arg_max;
}

/// Whether its answer depends on the rows' numbers.
constexpr bool takes_row_numbers(aggregate_kind kind) noexcept {
  return kind == aggregate_kind::first || kind == aggregate_kind::last || kind == aggregate_kind::arg_min ||
         kind == aggregate_kind::arg_max || kind == aggregate_kind::string_agg;
}

/// The type of an aggregate over a column and, where it takes one, a second column; nothing where there is none (the
/// sum of text), and for `own`, whose spec says it.
///
/// | | integers | decimal<p, s> | float, double | others |
/// |---|---|---|---|---|
/// | count, approximate_count_distinct | int64 | int64 | int64 | int64 |
/// | sum | decimal<38, 0> | decimal<38, s> | double | – |
/// | avg, median, quantile, approximate_quantile | double | double | double | – |
/// | variance, standard_deviation, covariance, correlation | double | double | double | – |
/// | min, max, first, last, any, arg_min, arg_max | same | same | same | same |
/// | bool_and, bool_or | – | – | – | bool: the same |
/// | string_agg | – | – | – | text, bytes: the same |
constexpr std::optional<data_type> aggregate_type(aggregate_kind kind, const data_type& input,
                                                  const data_type& second = type_of<double>) noexcept {
  const auto is_number = [](const data_type& type) {
    return (type.logical <= logical_type::float64 && type.logical != logical_type::boolean) ||
           type.logical == logical_type::decimal;
  };
  const std::optional<data_type> none;
  switch (kind) {
    case aggregate_kind::count_rows:
    case aggregate_kind::count:
    case aggregate_kind::approximate_count_distinct: return type_of<std::int64_t>;
    case aggregate_kind::min:
    case aggregate_kind::max:
    case aggregate_kind::first:
    case aggregate_kind::last:
    case aggregate_kind::any:
    case aggregate_kind::arg_min:
    case aggregate_kind::arg_max: return input.as_nullable();
    case aggregate_kind::sum:
      if (!is_number(input)) return none;
      if (input.logical == logical_type::decimal) return decimal_type(38, input.scale, true);
      return is_float(input.physical) ? type_of<double>.as_nullable() : decimal_type(38, 0, true);
    case aggregate_kind::avg:
    case aggregate_kind::variance:
    case aggregate_kind::variance_population:
    case aggregate_kind::standard_deviation:
    case aggregate_kind::standard_deviation_population:
    case aggregate_kind::covariance:
    case aggregate_kind::covariance_population:
    case aggregate_kind::correlation:
    case aggregate_kind::median:
    case aggregate_kind::quantile:
    case aggregate_kind::approximate_quantile:
      return is_number(input) && is_number(second) ? type_of<double>.as_nullable() : none;
    case aggregate_kind::bool_and:
    case aggregate_kind::bool_or: return input.logical == logical_type::boolean ? input.as_nullable() : none;
    case aggregate_kind::string_agg:
      return input.logical == logical_type::text || input.logical == logical_type::bytes ? input.as_nullable() : none;
    case aggregate_kind::own: return none;
  }
  return none;
}

}  // namespace PILLAR_NAMESPACE
