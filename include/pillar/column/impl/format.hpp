// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ostream>
#include <string_view>
#include <vector>

#include "pillar/column/format.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
inline std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

inline std::string printable(std::string_view text) {
  constexpr char hex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) out += c;
    else if (c == '\n') out += "\\n";
    else if (c == '\t') out += "\\t";
    else (out += "\\x") += {hex[byte >> 4], hex[byte & 15]};
  }
  return out;
}

inline bool is_number(const data_type& type) {
  return type.physical != physical_type::text && type.logical != logical_type::boolean &&
         type.logical != logical_type::date && type.logical != logical_type::timestamp;
}

inline void append_cell(std::string& out, std::string_view text, std::size_t width, bool right, bool last) {
  const std::size_t used = code_points(text);
  const std::size_t gap = width > used ? width - used : 0;
  if (right) out.append(gap, ' ');
  out += text;
  if (!right && !last) out.append(gap, ' ');
}
}  // namespace detail

PILLAR_API std::string format_table(const column_set& rows, std::size_t max_rows) {
  const std::size_t column_count = rows.columns.size();
  const std::uint64_t total = rows.row_count();
  const std::uint64_t shown = total < max_rows ? total : max_rows;
  std::vector<std::string> names(column_count);
  std::vector<std::size_t> widths(column_count);
  std::vector<std::vector<std::string>> cells(column_count);
  for (std::size_t c = 0; c < column_count; ++c) {
    names[c] = detail::printable(c < rows.schema.size() ? rows.schema[c].name : "?");
    widths[c] = detail::code_points(names[c]);
    for (std::uint64_t r = 0; r < shown; ++r) {
      cells[c].push_back(detail::printable(to_string(rows.at(r, static_cast<std::uint32_t>(c)))));
      const std::size_t used = detail::code_points(cells[c].back());
      if (widths[c] < used) widths[c] = used;
    }
  }
  std::string out;
  for (std::size_t c = 0; c < column_count; ++c) {
    if (c != 0) out += " | ";
    detail::append_cell(out, names[c], widths[c], detail::is_number(rows.columns[c].type()), c + 1 == column_count);
  }
  out += '\n';
  for (std::size_t c = 0; c < column_count; ++c) {
    if (c != 0) out += "-+-";
    out.append(widths[c], '-');
  }
  out += '\n';
  for (std::uint64_t r = 0; r < shown; ++r) {
    for (std::size_t c = 0; c < column_count; ++c) {
      if (c != 0) out += " | ";
      detail::append_cell(out, cells[c][r], widths[c], detail::is_number(rows.columns[c].type()),
                          c + 1 == column_count);
    }
    out += '\n';
  }
  if (shown < total) out += "... and " + std::to_string(total - shown) + " more rows\n";
  return out;
}

PILLAR_API std::ostream& operator<<(std::ostream& out, const column_set& rows) { return out << format_table(rows); }

}  // namespace PILLAR_NAMESPACE
