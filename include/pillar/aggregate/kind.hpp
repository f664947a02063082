// SPDX-License-Identifier: Apache-2.0
/// The aggregate functions and the types of their results: one table for the compiler's checks and for execution.
#pragma once
#include <cstdint>

#include "pillar/column/types.hpp"  // data_type

namespace PILLAR_NAMESPACE {

enum class aggregate_kind : std::uint8_t {
  count_rows,  ///< rows
  count,       ///< non-NULL values
  sum,
  min,
  max,
  avg,
};

constexpr const char* to_string(aggregate_kind kind) noexcept {
  constexpr const char* names[] = {"count", "count", "sum", "min", "max", "avg"};
  return names[static_cast<unsigned>(kind)];
}

/// Whether a kind takes numbers only.
constexpr bool needs_number(aggregate_kind kind) noexcept { return kind == aggregate_kind::sum || kind == aggregate_kind::avg; }

/// The type of an aggregate over values of type `input`.
///
/// | kind      | input                       | result, NULL when there was no value                           |
/// |-----------|-----------------------------|----------------------------------------------------------------|
/// | count     | any                         | int64, never NULL                                              |
/// | sum       | integers                    | decimal<38, 0>: exact                                          |
/// | sum       | decimal<P, S>               | decimal<38, S>: exact                                          |
/// | sum       | float, double               | double                                                         |
/// | min, max  | any                         | the input's type                                               |
/// | avg       | numbers                     | double: the exact sum, divided once                            |
constexpr data_type aggregate_result_type(aggregate_kind kind, const data_type& input) noexcept {
  switch (kind) {
    case aggregate_kind::count_rows:
    case aggregate_kind::count: return type_of<std::int64_t>;
    case aggregate_kind::sum:
      if (is_float(input.physical)) return type_of<double>.as_nullable();
      return decimal_type(38, input.logical == logical_type::decimal ? input.scale : 0, true);
    case aggregate_kind::avg: return type_of<double>.as_nullable();
    case aggregate_kind::min:
    case aggregate_kind::max: break;
  }
  return input.as_nullable();
}

}  // namespace PILLAR_NAMESPACE
