// SPDX-License-Identifier: Apache-2.0
/// The built-in aggregates and the table of their result types.
#pragma once
#include <cstdint>
#include <optional>

#include "pillar/column/types.hpp"

namespace PILLAR_NAMESPACE {

/// The aggregates that are built in.
enum class aggregate_kind : std::uint8_t {
  count_rows,  ///< rows, NULL or not; takes no input
  count,       ///< values that are not NULL
  sum,         ///< NULL of no values; exact
  min,         ///< NULL of no values; NaN is greatest
  max,
  avg,  ///< NULL of no values; the exact sum, rounded to double, divided once by the count
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
  }
  return "?";
}

/// The type of an aggregate over a column, or nothing where there is none (the sum of text).
///
/// | | integers | decimal<p, s> | float, double | date, timestamp, bool, text, bytes, a user's type |
/// |---|---|---|---|---|
/// | count | int64 | int64 | int64 | int64 |
/// | sum | decimal<38, 0> | decimal<38, s> | double | – |
/// | avg | double | double | double | – |
/// | min, max | same | same | same | same |
constexpr std::optional<data_type> aggregate_type(aggregate_kind kind, const data_type& input) noexcept {
  const bool plain = input.logical <= logical_type::float64 && input.logical != logical_type::boolean;
  const bool real = is_float(input.physical);
  switch (kind) {
    case aggregate_kind::count_rows:
    case aggregate_kind::count: return type_of<std::int64_t>;
    case aggregate_kind::min:
    case aggregate_kind::max: return input.as_nullable();
    case aggregate_kind::sum:
      if (input.logical == logical_type::decimal) return decimal_type(38, input.scale, true);
      if (!plain) return std::nullopt;
      return real ? type_of<double>.as_nullable() : decimal_type(38, 0, true);
    case aggregate_kind::avg:
      if (input.logical != logical_type::decimal && !plain) return std::nullopt;
      return type_of<double>.as_nullable();
  }
  return std::nullopt;
}

}  // namespace PILLAR_NAMESPACE
