// SPDX-License-Identifier: Apache-2.0
/// What stands for an answer of very many rows: how many there are, and sums over them (bench/peers/tables.py).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <pillar/column/column_set.hpp>
#include <pillar/column/vector.hpp>

#include "support/tables.hpp"

namespace pillar_bench {

/// The cell's words: a text of at most 16 bytes as two, zeros behind it; an integer as one; a real as millionths, not
/// rounded at half of one, where two engines' last bits would show, but where exact quotients of small numbers are
/// rare. NULL is 0.
struct cell_words {
  std::uint64_t words[2] = {0, 0};
  int count = 1;
  cell_words(const pillar::vector& of, std::uint32_t row) {
    if (!of.valid(row)) return;
    switch (of.type.physical) {
      case pillar::physical_type::text: {
        const std::string_view text = of.text_value(row);
        require(text.size() <= sizeof words, "texts of the digest have at most 16 bytes");
        std::memcpy(words, text.data(), text.size());
        count = 2;
        break;
      }
      case pillar::physical_type::float64:
        words[0] = static_cast<std::uint64_t>(
            static_cast<std::int64_t>(std::floor(of.value<double>(row) * 1e6 + 0.6180339887498949)));
        break;
      case pillar::physical_type::integer128:
        words[0] = static_cast<std::uint64_t>(of.value<pillar::int128>(row));
        break;
      case pillar::physical_type::int64: words[0] = static_cast<std::uint64_t>(of.value<std::int64_t>(row)); break;
      case pillar::physical_type::int32:
        words[0] = static_cast<std::uint64_t>(std::int64_t{of.value<std::int32_t>(row)});
        break;
      default: require(false, "a type that the digest does not know");
    }
  }
};

class digest {
 public:
  explicit digest(std::size_t column_count) : sums_(column_count) {}
  void begin_row() { row_ = 0; }
  void add(std::size_t column, const cell_words& cell) {
    for (int i = 0; i < cell.count; ++i) {
      row_ = (row_ ^ cell.words[i]) * 0x9e3779b97f4a7c15u;
      row_ ^= row_ >> 32;
    }
    if (cell.count == 1) sums_[column].add(cell.words[0]);
  }
  void end_row() {
    ++rows_;
    mixed_ += row_;
  }
  [[nodiscard]] std::string text() const {
    std::string out = std::to_string(rows_);
    for (const sum& each : sums_)
      if (each.is_number) out += "|" + std::to_string(each.total);
    return out + "|" + std::to_string(mixed_);
  }

 private:
  struct sum {
    std::uint64_t total = 0;
    bool is_number = false;
    void add(std::uint64_t word) {
      total += word;
      is_number = true;
    }
  };
  std::vector<sum> sums_;
  std::uint64_t rows_ = 0, row_ = 0, mixed_ = 0;
};

inline std::string digest_text(const pillar::column_set& rows) {
  digest made(rows.columns.size());
  std::vector<pillar::vector> parts(rows.columns.size());
  for (std::uint64_t first = 0; first < rows.row_count(); first += pillar::vector_rows) {
    const auto count =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(pillar::vector_rows, rows.row_count() - first));
    for (std::size_t c = 0; c < parts.size(); ++c) parts[c] = rows.columns[c].slice(first, count);
    for (std::uint32_t row = 0; row < count; ++row) {
      made.begin_row();
      for (std::size_t c = 0; c < parts.size(); ++c) made.add(c, {parts[c], row});
      made.end_row();
    }
  }
  return made.text();
}

}  // namespace pillar_bench
