// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <sstream>

#include "inspection.hpp"

namespace inspect {

namespace {

/// Rows of cells under a line of names; numbers to the right.
class text_table {
 public:
  explicit text_table(std::vector<std::string> names, std::string rightward) : rightward_(std::move(rightward)) {
    rows_.push_back(std::move(names));
  }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void print(std::ostream& out, const char* indent) const {
    std::vector<std::size_t> widths(rows_[0].size());
    for (const auto& row : rows_)
      for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
    for (const auto& row : rows_) {
      std::string line = indent;
      for (std::size_t c = 0; c < row.size(); ++c) {
        const std::string space(widths[c] - width_of(row[c]), ' ');
        if (c != 0) line += "  ";
        line += rightward_[c] == '>' ? space + row[c] : row[c] + space;
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out << line << '\n';
    }
  }

 private:
  static std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }
  std::string rightward_;
  std::vector<std::vector<std::string>> rows_;
};

/// Control characters would move the cursor of whoever looks.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      out += c;
    } else {
      char code[8];
      std::snprintf(code, sizeof(code), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += code;
    }
  }
  return out;
}

/// "12", "≥ 12" where no row needs to attain it, "" where unknown.
std::string bound(const std::string& value, bool exact, const char* sign) {
  if (value.empty()) return "";
  return exact ? printable(value) : sign + printable(value);
}
std::string low(const zone& of) { return bound(in_words(of, of.minimum), of.minimum_exact, "≥ "); }
std::string high(const zone& of) {
  return bound(in_words(of, of.maximum), of.maximum_exact, "≤ ") + (of.has_nan ? " or NaN" : "");
}

std::string bits_per_row(std::uint64_t bytes, std::uint64_t rows) {
  char out[32];
  std::snprintf(out, sizeof(out), "%.2f", rows == 0 ? 0.0 : static_cast<double>(bytes) * 8 / static_cast<double>(rows));
  return out;
}

std::string hex(std::uint64_t value) {
  char out[24];
  std::snprintf(out, sizeof(out), "%016llx", static_cast<unsigned long long>(value));
  return out;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ", ") + part;
  return out;
}

std::string codecs_of(const block_facts& block) {
  return block.transform.empty() ? block.codecs : block.codecs + " + " + block.transform;
}

void print_vectors(std::ostream& out, const block_facts& block, const char* indent) {
  text_table table({"vector", "rows", "NULLs", "bytes", "minimum", "maximum"}, ">>>>>>");
  for (std::size_t v = 0; v < block.vectors.size(); ++v) {
    const vector_facts& of = block.vectors[v];
    table.add(
        {std::to_string(v), grouped(of.rows), grouped(of.nulls), grouped(of.bytes), low(of.bounds), high(of.bounds)});
  }
  table.print(out, indent);
}

void print_tree(std::ostream& out, const block_facts& block, const char* indent) {
  for (const codec_node& node : block.tree) {
    out << indent << std::string(2 * node.depth, ' ') << node.codec << " of " << node.type << ", " << grouped(node.rows)
        << " rows, " << grouped(node.bytes) << " bytes";
    if (node.entries != 0) out << ", " << grouped(node.entries) << " entries";
    out << '\n';
  }
}

void print_block_file(std::ostream& out, const file_facts& file) {
  const block_facts& block = file.groups[0].blocks[0];
  out << "  " << block.type << ", " << grouped(block.rows) << " rows, " << grouped(block.nulls) << " NULL, "
      << bits_per_row(block.bytes, block.rows) << " bits a row\n  checksum " << hex(block.checksum) << ", "
      << grouped(block.shared_bytes) << " bytes belong to no single vector";
  if (!block.transform.empty()) out << ", data compressed by " << block.transform;
  out << "\n\ncodecs\n";
  print_tree(out, block, "  ");
  out << "\nvectors (minimum and maximum from their values: a block alone has no zone maps)\n";
  print_vectors(out, block, "  ");
}

void print_slice(std::ostream& out, const file_facts& file, const inspect_options& options) {
  out << "  slice " << file.slice << " of " << file.slice_count << ", version " << file.version
      << " of the table, file id " << hex(file.file_id) << "\n  footer " << file.footer_number << " at "
      << grouped(file.footer_offset) << ", " << grouped(file.footer_bytes) << " bytes, " << grouped(file.zone_count)
      << " zone maps of vectors\n  " << grouped(file.rows) << " rows in " << grouped(file.groups.size())
      << " row groups, " << grouped(file.extents.size()) << " extents\n";
  if (file.torn_bytes != 0) out << "  behind the footer: " << grouped(file.torn_bytes) << " bytes of a torn end\n";

  out << "\ncolumns\n";
  text_table columns({"name", "type", "blocks", "NULLs", "bytes", "bits/row", "codecs", "minimum", "maximum"},
                     "<<>>>><<<");
  for (const column_facts& of : file.columns)
    columns.add({printable(of.name), of.type, grouped(of.blocks), grouped(of.nulls), grouped(of.bytes),
                 bits_per_row(of.bytes, of.rows), joined(of.codecs), low(of.bounds), high(of.bounds)});
  columns.print(out, "  ");

  out << "\nextents\n";
  text_table extents({"extent", "offset", "bytes", "blocks"}, ">>>>");
  for (std::size_t e = 0; e < file.extents.size(); ++e)
    extents.add({std::to_string(e), grouped(file.extents[e].offset), grouped(file.extents[e].bytes),
                 grouped(file.extents[e].blocks)});
  extents.print(out, "  ");

  for (const group_facts& group : file.groups) {
    out << "\nrow group " << group.id << ": " << grouped(group.rows) << " rows\n";
    text_table blocks({"column", "id", "extent", "offset", "bytes", "NULLs", "codecs", "minimum", "maximum"},
                      "<>>>>><<<");
    for (std::size_t b = 0; b < group.blocks.size(); ++b) {
      const block_facts& of = group.blocks[b];
      blocks.add({printable(file.columns[b].name), std::to_string(of.id), std::to_string(of.extent), grouped(of.offset),
                  grouped(of.bytes), grouped(of.nulls),
                  of.broken ? "BROKEN: " + of.broken.what + " at " + grouped(of.broken.offset) : codecs_of(of),
                  low(of.bounds), high(of.bounds)});
    }
    blocks.print(out, "  ");
    if (!options.with_vectors) continue;
    for (std::size_t b = 0; b < group.blocks.size(); ++b) {
      if (group.blocks[b].broken) continue;
      out << "\n  " << printable(file.columns[b].name) << "\n";
      print_tree(out, group.blocks[b], "    ");
      print_vectors(out, group.blocks[b], "    ");
    }
  }
}

}  // namespace

std::string to_text(const inspection& from, const inspect_options& options) {
  std::ostringstream out;
  if (from.files.size() > 1) {
    std::uint64_t bytes = 0, rows = 0;
    for (const file_facts& file : from.files) bytes += file.bytes, rows += file.rows;
    out << "table folder, " << grouped(from.files.size()) << " slices: " << grouped(rows) << " rows, " << grouped(bytes)
        << " bytes\n\n";
  }
  for (std::size_t f = 0; f < from.files.size(); ++f) {
    const file_facts& file = from.files[f];
    if (f != 0) out << '\n';
    out << (file.is_slice ? "slice file " : "block ") << printable(file.name) << ", " << grouped(file.bytes)
        << " bytes\n";
    if (file.broken) out << "  BROKEN: " << file.broken.what << " at offset " << grouped(file.broken.offset) << '\n';
    else if (file.is_slice) print_slice(out, file, options);
    else print_block_file(out, file);
  }
  return out.str();
}

}  // namespace inspect
