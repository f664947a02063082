// SPDX-License-Identifier: Apache-2.0
/// What the programs that run whole queries share: sizes, and answers as the peers write them (bench/peers/tables.py).
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <pillar/column/column_set.hpp>
#include <pillar/schedule/inline_executor.hpp>
#include <pillar/storage/table.hpp>

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

/// Encoded bytes of some columns, as a scan reads them.
inline std::uint64_t column_bytes(const pillar::table_version& version, std::initializer_list<std::uint32_t> columns) {
  std::uint64_t total = 0;
  for (const auto& slice : version.slices)
    for (const auto& group : slice.groups)
      for (const auto column : columns) total += group->blocks[column].view.block_bytes();
  return total;
}

}  // namespace pillar_bench
