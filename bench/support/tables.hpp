// SPDX-License-Identifier: Apache-2.0
/// What the programs that run whole queries share: sizes, and answers as the peers write them (bench/peers/tables.py).
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pillar/column/column_set.hpp>
#include <pillar/schedule/inline_executor.hpp>
#include <pillar/storage/table.hpp>

#include "data/datasets.hpp"

namespace pillar_bench {

/// Set-up that fails ends the program: there is nothing to measure then.
inline void require(bool good, const char* what = "set-up failed") {
  if (good) return;
  std::cerr << what << '\n';
  std::exit(1);
}
inline void require(const absl::Status& status) { require(status.ok(), std::string(status.message()).c_str()); }

/// Smoke tests say so through PILLAR_BENCH_RAM_MIB.
inline bool smoke() { return std::getenv("PILLAR_BENCH_RAM_MIB") != nullptr; }

/// The rows of a table: `usual`, or few in smoke tests.
inline std::uint64_t rows_or(std::uint64_t usual) { return smoke() ? std::min<std::uint64_t>(usual, 70'001) : usual; }

/// Cells parted by '|', rows by a newline; floats, which are means here, with four digits.
inline std::string table_text(const pillar::column_set& rows) {
  std::vector<std::string> lines(rows.row_count());
  for (std::uint32_t c = 0; c < rows.columns.size(); ++c) {
    for (std::uint64_t r = 0; r < lines.size(); ++r) {
      if (c != 0) lines[r] += '|';
      const pillar::scalar cell = rows.at(r, c);
      if (cell.type.logical == pillar::logical_type::float64 && !cell.null) {
        char text[64];
        std::snprintf(text, sizeof text, "%.4f", cell.real);
        lines[r] += text;
      } else {
        lines[r] += pillar::to_string(cell);
      }
    }
  }
  std::string out;
  for (const std::string& line : lines) out += (&line == lines.data() ? "" : "\n") + line;
  return out;
}

/// Appends chunks of rows to a table, sixteen at a time, so that the decoded rows never stand beside each other in
/// full.
class appender {
 public:
  explicit appender(pillar::table& into) : into_(into) {}
  absl::Status add(pillar::column_set&& chunk) {
    chunks_.push_back(std::move(chunk));
    return chunks_.size() == 16 ? flush() : absl::OkStatus();
  }
  /// What is left; to be called after the last chunk.
  absl::Status flush() {
    if (chunks_.empty()) return absl::OkStatus();
    const absl::Status done = into_.append(chunks_, runner_);
    chunks_.clear();
    return done;
  }

 private:
  pillar::table& into_;
  pillar::inline_executor runner_;
  std::vector<pillar::column_set> chunks_;
};

/// A table of generated rows: `chunk(number, rows here)` gives each chunk's column_set.
template <class Schema>
pillar::typed_table<Schema> table_of(std::uint64_t row_count, const auto& chunk) {
  pillar::typed_table<Schema> made;
  appender append(made);
  for_each_chunk(row_count,
                 [&](std::uint64_t number, std::uint64_t rows_here) { require(append.add(chunk(number, rows_here))); });
  require(append.flush());
  return made;
}

/// Columns of values, in the order of the schema.
template <class Schema>
pillar::column_set columns_of(const auto&... values) {
  pillar::column_set_builder builder(pillar::describe<Schema>());
  std::uint32_t column = 0;
  (require(builder.column_at(column++).append_values(std::span(values)).ok()), ...);
  auto made = builder.finish();
  require(made.ok());
  return *std::move(made);
}

/// Texts of 12 characters that stand one behind the other.
inline std::vector<std::string_view> words_of_12(const std::vector<char>& characters) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < characters.size(); at += 12) out.emplace_back(characters.data() + at, 12);
  return out;
}

/// Encoded bytes of some columns, as a scan reads them.
inline std::uint64_t column_bytes(const pillar::table_version& version, std::span<const std::uint32_t> columns) {
  std::uint64_t total = 0;
  for (const auto& slice : version.slices)
    for (const auto& group : slice.groups)
      for (const auto column : columns) total += group->blocks[column].view.block_bytes();
  return total;
}

}  // namespace pillar_bench
