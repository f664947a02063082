// SPDX-License-Identifier: Apache-2.0
/// What an aggregate is to compute, and over which columns: the value that an aggregator is made with.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "pillar/aggregate/kind.hpp"

namespace PILLAR_NAMESPACE {

class grouped_state;
class memory_budget;

/// An aggregate of the user's: what own_state.hpp makes of a state. It lives as long as the program.
struct own_aggregate {
  data_type result{};
  bool (*takes)(const data_type& input) noexcept = nullptr;
  std::unique_ptr<grouped_state> (*make)(memory_budget* budget) = nullptr;
};

/// What some aggregates take besides their inputs.
struct aggregate_options {
  float_sum floats = float_sum::deterministic;  ///< sum, avg; whatever else is computed of floats is exact
  bool distinct = false;                        ///< equal values of a group count once; not for two inputs
  double quantile = 0.5;                        ///< quantile, approximate_quantile: 0 to 1
  std::uint32_t rank = 1;                       ///< arg_min, arg_max: 1 the extreme itself, 2 the next, … 1,024
  std::uint8_t register_bits = 12;              ///< approximate_count_distinct: 4 to 16
  std::uint8_t sketch_bits = 6;                 ///< approximate_quantile: error ≤ 2^−(bits + 1); 1 to 12
  std::string separator = ",";                  ///< string_agg
  const own_aggregate* own = nullptr;           ///< of aggregate_kind::own
  friend bool operator==(const aggregate_options&, const aggregate_options&) = default;
};

/// One aggregate: what, and over which of the input columns (count_rows: none).
struct aggregate_spec : aggregate_options {
  aggregate_kind kind = aggregate_kind::count_rows;
  std::uint32_t input = 0;
  std::uint32_t second = 0;  ///< where the kind takes one: y of (x, y), or what arg_min and arg_max go by

  aggregate_spec() = default;
  aggregate_spec(aggregate_kind what, std::uint32_t of = 0, aggregate_options how = {})
      : aggregate_options(std::move(how)), kind(what), input(of) {}
  aggregate_spec(aggregate_kind what, std::uint32_t of, std::uint32_t other, aggregate_options how = {})
      : aggregate_options(std::move(how)), kind(what), input(of), second(other) {}
  friend bool operator==(const aggregate_spec&, const aggregate_spec&) = default;
};

}  // namespace PILLAR_NAMESPACE
