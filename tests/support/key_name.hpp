// SPDX-License-Identifier: Apache-2.0
/// Keys as texts that are equal where the keys are one group.
#pragma once
#include <string>

#include "pillar/column/scalar.hpp"

namespace pillar_test {

inline std::string name_of(const pillar::scalar& cell) {
  if (cell.null) return "N;";
  if (cell.type.physical == pillar::physical_type::text)
    return "t" + std::to_string(cell.text.size()) + cell.text + ";";
  if (pillar::is_float(cell.type.physical)) {
    const double value = cell.type.physical == pillar::physical_type::float32
                             ? static_cast<double>(static_cast<float>(cell.real))
                             : cell.real;
    return value != value ? "nan;" : value == 0 ? "0;" : std::to_string(value) + ";";
  }
  return pillar::to_string(pillar::scalar::of_integer(pillar::decimal_type(38, 0), cell.integer)) + ";";
}

}  // namespace pillar_test
