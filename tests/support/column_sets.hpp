// SPDX-License-Identifier: Apache-2.0
/// Random column sets of every type, and their rows as lines of text.
#pragma once
#include <string>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/column/column_set.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test {

inline pillar::dynamic_schema schema_of_all() {
  pillar::dynamic_schema made;
  for (auto type : every_type(true)) {
    type.nullable = made.size() % 2 == 0;
    made.columns.push_back({"c" + std::to_string(made.size()), type});
  }
  return made;
}
inline pillar::column_set rows_of(pillar::splitmix64& random, const pillar::dynamic_schema& schema, std::size_t count) {
  pillar::column_set_builder builder(schema);
  for (std::size_t row = 0; row < count; ++row) {
    std::vector<pillar::scalar> cells;
    for (const auto& column : schema.columns) {
      cells.push_back(random_scalar(random, column.type, 50));
      if (column.type.logical == pillar::logical_type::decimal)
        cells.back().integer %= pillar::power_of_ten(column.type.precision);
    }
    if (!builder.append_row(cells).ok()) return {};
  }
  return *builder.finish();
}
inline std::vector<std::string> lines(const std::vector<pillar::column_set>& sets) {
  std::vector<std::string> out;
  for (const auto& set : sets)
    for (std::uint64_t row = 0; row < set.row_count(); ++row) {
      out.emplace_back();
      for (std::uint32_t c = 0; c < set.columns.size(); ++c) out.back() += to_string(set.at(row, c)) + "|";
    }
  return out;
}

}  // namespace pillar_test
