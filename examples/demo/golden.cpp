// SPDX-License-Identifier: Apache-2.0
#include "golden.hpp"

#include <cstdlib>
#include <fstream>
#include <ostream>

#include <nlohmann/json.hpp>

#include "pillar/column/scalar.hpp"

namespace demo {
namespace {

using nlohmann::json;

/// What differs, or nothing.
std::string difference(const pillar::column_set& rows, const json& golden) {
  const json& columns = golden["columns"];
  if (columns.size() != rows.schema.size()) return "has " + std::to_string(rows.schema.size()) + " columns";
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (columns[c] != rows.schema[c].name)
      return "column '" + rows.schema[c].name + "' instead of " + columns[c].dump();
  if (golden["rows"].size() != rows.row_count())
    return std::to_string(rows.row_count()) + " rows instead of " + std::to_string(golden["rows"].size());
  for (std::uint64_t row = 0; row < rows.row_count(); ++row)
    for (std::uint32_t c = 0; c < columns.size(); ++c) {
      const json& expected = golden["rows"][row][c];
      const pillar::scalar cell = rows.at(row, c);
      bool equal = cell.null == expected.is_null();
      if (equal && !cell.null) {
        const std::string& text = expected.get_ref<const std::string&>();
        equal = golden["types"][c] == "DOUBLE" ? cell.real == std::strtod(text.c_str(), nullptr)
                                               : pillar::to_string(cell) == text;
      }
      if (!equal)
        return "row " + std::to_string(row) + ", column '" + rows.schema[c].name + "': " + pillar::to_string(cell) +
               " instead of " + expected.dump();
    }
  return {};
}

}  // namespace

std::size_t compare_with_golden(std::ostream& out, const demo_account& account, const std::string& folder) {
  std::size_t different = 0;
  for (const answered_question& answered : account.questions) {
    const std::string path = folder + "/" + answered.asked.id + ".json";
    std::ifstream file(path);
    const json golden = json::parse(file, nullptr, false);
    std::string problem;
    if (!file || golden.is_discarded()) problem = "no golden file " + path;
    else problem = difference(answered.result.rows(), golden);
    if (!problem.empty()) ++different;
    out << answered.asked.id << ": "
        << (problem.empty() ? std::to_string(answered.result.rows().row_count()) + " rows equal to those of " +
                                  golden["engine"].get<std::string>()
                            : "DIFFERS: " + problem)
        << '\n';
  }
  return different;
}

}  // namespace demo
