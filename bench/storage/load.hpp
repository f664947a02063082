// SPDX-License-Identifier: Apache-2.0
/// CSV files into encoded tables.
#pragma once
#include <cstdlib>
#include <string>
#include <utility>

#include <pillar/interop/csv.hpp>
#include <pillar/storage/table.hpp>

#include "support/tables.hpp"

namespace pillar_bench {

/// Where ./dev bench keeps the data sets; files that are not there leave a case without a figure.
inline std::string data_file(const std::string& name) {
  const char* folder = std::getenv("PILLAR_DATA");
  return (folder != nullptr ? std::string(folder) + "/bench" : std::string("build/data")) + '/' + name;
}

/// Reads a file into a table, in the order of its lines.
inline absl::Status load_csv(const std::string& path, pillar::table& into) {
  pillar::csv_options how;
  how.schema = into.schema();
  appender append(into);
  const auto errors = pillar::read_csv_file_in_chunks(
      path, how, [&](pillar::column_set&& chunk) { return append.add(std::move(chunk)); });
  return errors.ok() ? append.flush() : errors.status();
}

}  // namespace pillar_bench
