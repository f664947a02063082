// SPDX-License-Identifier: Apache-2.0
// One page without scripts or other files: tables, and pictures as plain SVG that fit a phone.
#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>
#include <vector>

#include "inspection.hpp"

namespace inspect {

namespace {

constexpr std::size_t most_extents = 400;  ///< drawn; the table below has them all
constexpr std::size_t most_cells = 2000;   ///< of a zone picture: beyond, a bar is a block instead of a vector
constexpr double width = 480;

constexpr char head[] = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pillar-inspect</title>
<style>
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --ink: #1d2126; --soft: #5d6670; --line: #e2dfd8;
  --track: #eceae4; --bad: #b3412e; --c0: #2e66c9; --c1: #0f8a72; --c2: #c27c0e; --c3: #8a5bc2; --c4: #8a8780;
  --c5: #c2447f; --c6: #4f8f1f; --c7: #2a8fb5; --c8: #a0672f; --c9: #5d6fae; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1b2026; --ink: #e8e6e1; --soft: #9aa4ae;
  --line: #2c333b; --track: #272d34; --bad: #f0806c; --c0: #6c9cf0; --c1: #3fbf9f; --c2: #e0a33c; --c3: #b48ff0;
  --c4: #9a9892; --c5: #ef7fb0; --c6: #8fc95a; --c7: #5fc0e6; --c8: #d39b62; --c9: #95a5e6; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 24px 14px 56px; }
h1 { font-size: 24px; margin: 0 0 2px; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 0 0 6px; overflow-wrap: anywhere; }
h3 { font-size: 13px; margin: 18px 0 6px; color: var(--soft); font-weight: 600; overflow-wrap: anywhere; }
p { margin: 4px 0; } .soft { color: var(--soft); } .bad { color: var(--bad); font-weight: 600; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px; margin: 16px 0; }
.scroll { overflow: auto; max-height: 340px; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 9px; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { position: sticky; top: 0; background: var(--card); color: var(--soft); font-weight: 600; }
.n { text-align: right; }
svg { display: block; width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 3px 14px; font-size: 12.5px; color: var(--soft); margin: 6px 0; padding: 0; list-style: none; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin-right: 5px; vertical-align: -1px; }
</style>
</head>
<body>
<main>
)";

/// Text inside an element or an attribute; control characters and bytes that are no UTF-8 as �.
std::string escaped(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '<') out += "&lt;";
    else if (byte == '>') out += "&gt;";
    else if (byte == '&') out += "&amp;";
    else if (byte == '"') out += "&quot;";
    else if (byte == '\'') out += "&#39;";
    else if (byte < 0x20 || byte == 0x7f) out += "\xef\xbf\xbd";
    else out += text[at];  // a browser shows bytes that are no UTF-8 as � itself
  }
  return out;
}

std::string number(double value) {
  char out[32];
  std::snprintf(out, sizeof(out), "%.2f", value);
  return out;
}

std::string between(const zone& of) {
  if (!of.minimum && !of.maximum) return of.has_nan ? "NaN" : "";
  return (of.minimum ? escaped(in_words(of, of.minimum)) : "…") + " to " +
         (of.maximum ? escaped(in_words(of, of.maximum)) : "…");
}

/// Colours by the root codec's name, in the order of their first sight.
class palette {
 public:
  std::string of(const std::string& codecs) {
    const std::string root = codecs.substr(0, codecs.find('('));
    const auto [found, fresh] = numbers_.try_emplace(root, names_.size());
    if (fresh) names_.push_back(root);
    return "var(--c" + std::to_string(found->second % 10) + ")";
  }
  void legend(std::ostream& out) const {
    out << "<ul class=\"legend\">";
    for (std::size_t i = 0; i < names_.size(); ++i)
      out << "<li><i style=\"background:var(--c" << i % 10 << ")\"></i>" << escaped(names_[i]) << "</li>";
    out << "</ul>\n";
  }

 private:
  std::map<std::string, std::size_t> numbers_;
  std::vector<std::string> names_;
};

void rectangle(std::ostream& out, double x, double y, double w, double h, const std::string& fill,
               const std::string& title) {
  out << "<rect x=\"" << number(x) << "\" y=\"" << number(y) << "\" width=\"" << number(w) << "\" height=\""
      << number(h) << "\" fill=\"" << fill << "\"><title>" << title << "</title></rect>";
}

/// A row per extent, a piece per block.
void draw_layout(std::ostream& out, const file_facts& file, palette& colours) {
  std::uint64_t widest = 1;
  for (const extent_facts& extent : file.extents) widest = std::max(widest, extent.bytes);
  const std::size_t shown = std::min(file.extents.size(), most_extents);
  constexpr double step = 12, height = 10;
  std::ostringstream pieces;
  for (std::size_t e = 0; e < shown; ++e)
    rectangle(pieces, 0, static_cast<double>(e) * step,
              width * static_cast<double>(file.extents[e].bytes) / static_cast<double>(widest), height, "var(--track)",
              "extent " + std::to_string(e) + ": " + grouped(file.extents[e].bytes) + " bytes");
  for (const group_facts& group : file.groups)
    for (std::size_t b = 0; b < group.blocks.size(); ++b) {
      const block_facts& block = group.blocks[b];
      if (block.extent >= shown) continue;
      const double scale = width / static_cast<double>(widest);
      const double piece = static_cast<double>(block.bytes) * scale;
      rectangle(pieces, static_cast<double>(block.offset - file.extents[block.extent].offset) * scale,
                block.extent * step, std::max(piece - 0.6, 0.3), height,
                block.broken ? "var(--bad)" : colours.of(block.codecs),
                escaped(file.columns[b].name) + ", row group " + std::to_string(group.id) + ": " +
                    grouped(block.bytes) + " bytes, " + escaped(block.broken ? block.broken.what : block.codecs));
    }
  out << "<h3>Layout: a row per extent, a piece per block</h3>\n";
  colours.legend(out);
  out << "<svg viewBox=\"0 0 " << width << ' ' << number(std::max(static_cast<double>(shown) * step, 1.0))
      << "\" role=\"img\" aria-label=\"layout of the file\">" << pieces.str() << "</svg>\n";
  if (shown < file.extents.size())
    out << "<p class=\"soft\">the first " << shown << " of " << grouped(file.extents.size()) << " extents</p>\n";
}

struct zone_cell {
  const zone* bounds;
  double begin, end;  ///< rows
  std::string name;
};

/// Rows from left to right, values from low to high: a bar per vector.
void draw_zones(std::ostream& out, const file_facts& file, std::size_t column) {
  std::vector<zone_cell> cells;
  for (const bool by_block : {false, true}) {
    cells.clear();
    double row = 0;
    for (const group_facts& group : file.groups) {
      const block_facts& block = group.blocks[column];
      const std::string where = "row group " + std::to_string(group.id);
      if (by_block || block.vectors.empty()) {
        cells.push_back({&block.bounds, row, row + group.rows, where});
      } else {
        double at = row;
        for (std::size_t v = 0; v < block.vectors.size(); ++v) {
          cells.push_back(
              {&block.vectors[v].bounds, at, at + block.vectors[v].rows, where + ", vector " + std::to_string(v)});
          at += block.vectors[v].rows;
        }
      }
      row += group.rows;
    }
    if (cells.size() <= most_cells) break;
  }
  const zone& all = file.columns[column].bounds;
  const double rows = cells.empty() ? 1 : cells.back().end, span = all.high - all.low;
  constexpr double height = 64;
  out << "<svg viewBox=\"0 0 " << width << ' ' << height << "\" role=\"img\" aria-label=\"zones\">";
  rectangle(out, 0, 0, width, height, "var(--track)", between(all));
  for (const zone_cell& cell : cells) {
    if (!cell.bounds->is_number) continue;
    const auto place = [&](double value) { return span > 0 ? height - (value - all.low) / span * height : height / 2; };
    const double top = place(cell.bounds->high), bottom = place(cell.bounds->low);
    rectangle(out, cell.begin / rows * width, std::min(top, height - 1), (cell.end - cell.begin) / rows * width * 0.92,
              std::max(bottom - top, 1.0), "var(--c0)", cell.name + ": " + between(*cell.bounds));
  }
  out << "</svg>\n";
}

void draw_column_sizes(std::ostream& out, const file_facts& file) {
  std::uint64_t largest = 1;
  for (const column_facts& column : file.columns) largest = std::max(largest, column.bytes);
  out << "<h3>Columns</h3>\n<div class=\"scroll\"><table><tr><th>column</th><th>type</th><th class=\"n\">bytes</th><th "
         "style=\"min-width:90px\"></th><th class=\"n\">bits/row</th><th "
         "class=\"n\">NULLs</th><th>codecs</th><th>values</"
         "th></tr>\n";
  for (const column_facts& column : file.columns) {
    std::string codecs;
    for (const auto& codec : column.codecs) codecs += (codecs.empty() ? "" : ", ") + codec;
    out << "<tr><td>" << escaped(column.name) << "</td><td>" << escaped(column.type) << "</td><td class=\"n\">"
        << grouped(column.bytes) << "</td><td><svg viewBox=\"0 0 90 10\">";
    rectangle(out, 0, 0, 90.0 * static_cast<double>(column.bytes) / static_cast<double>(largest), 10, "var(--c0)", "");
    out << "</svg></td><td class=\"n\">"
        << number(column.rows == 0 ? 0.0 : 8.0 * static_cast<double>(column.bytes) / static_cast<double>(column.rows))
        << "</td><td class=\"n\">" << grouped(column.nulls) << "</td><td>" << escaped(codecs) << "</td><td>"
        << between(column.bounds) << "</td></tr>\n";
  }
  out << "</table></div>\n";
}

void list_blocks(std::ostream& out, const file_facts& file) {
  out << "<h3>Blocks</h3>\n<div class=\"scroll\"><table><tr><th>row group</th><th>column</th><th "
         "class=\"n\">id</th><th "
         "class=\"n\">offset</th><th class=\"n\">bytes</th><th>codecs</th><th>values</th></tr>\n";
  for (const group_facts& group : file.groups)
    for (std::size_t b = 0; b < group.blocks.size(); ++b) {
      const block_facts& block = group.blocks[b];
      out << "<tr><td>" << group.id << "</td><td>" << escaped(file.columns[b].name) << "</td><td class=\"n\">"
          << block.id << "</td><td class=\"n\">" << grouped(block.offset) << "</td><td class=\"n\">"
          << grouped(block.bytes) << "</td><td>";
      if (block.broken)
        out << "<span class=\"bad\">" << escaped(block.broken.what) << " at " << grouped(block.broken.offset)
            << "</span>";
      else out << escaped(block.codecs) << (block.transform.empty() ? "" : " + ") << escaped(block.transform);
      out << "</td><td>" << between(block.bounds) << "</td></tr>\n";
    }
  out << "</table></div>\n";
}

void draw_file(std::ostream& out, const file_facts& file) {
  out << "<section>\n<h2>" << (file.is_slice ? "Slice file " : "Block ") << escaped(file.name)
      << "</h2>\n<p class=\"soft\">" << grouped(file.bytes) << " bytes, " << grouped(file.rows) << " rows";
  if (file.is_slice && !file.broken)
    out << ", " << grouped(file.groups.size()) << " row groups, " << grouped(file.extents.size()) << " extents; slice "
        << file.slice << " of " << file.slice_count << ", version " << file.version << ", footer " << file.footer_number
        << " of " << grouped(file.footer_bytes) << " bytes";
  out << "</p>\n";
  if (file.broken) {
    out << "<p class=\"bad\">" << escaped(file.broken.what) << " at offset " << grouped(file.broken.offset)
        << "</p>\n</section>\n";
    return;
  }
  if (file.torn_bytes != 0)
    out << "<p class=\"bad\">" << grouped(file.torn_bytes) << " bytes of a torn end behind the footer</p>\n";
  palette colours;
  draw_column_sizes(out, file);
  if (file.is_slice) draw_layout(out, file, colours);
  for (std::size_t c = 0; c < file.columns.size(); ++c) {
    if (!file.columns[c].bounds.is_number) continue;
    out << "<h3>Zones of " << (file.columns[c].name.empty() ? "the block" : escaped(file.columns[c].name)) << ": "
        << between(file.columns[c].bounds) << "</h3>\n";
    draw_zones(out, file, c);
  }
  list_blocks(out, file);
  out << "</section>\n";
}

}  // namespace

std::string to_html(const inspection& from) {
  std::ostringstream out;
  out << head << "<h1>" << escaped(from.path.substr(from.path.rfind('/') + 1)) << "</h1>\n<p class=\"soft\">"
      << escaped(from.kind)
      << ", as pillar-inspect saw it. Zones: rows from left to right, values from low to high; the "
      << "flatter a bar, the more a scan can skip.</p>\n";
  if (!from.is_whole()) out << "<p class=\"bad\">Something is broken: see below.</p>\n";
  for (const file_facts& file : from.files) draw_file(out, file);
  out << "</main>\n</body>\n</html>\n";
  return out.str();
}

}  // namespace inspect
