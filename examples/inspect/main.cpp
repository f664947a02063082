// SPDX-License-Identifier: Apache-2.0
// pillar-inspect: what is in a block, a slice file or a table's folder. docs/inspect.md
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>

#include "inspection.hpp"

namespace {

constexpr std::string_view usage =
    "usage: pillar-inspect [--json | --html] [--vectors] [--column NAME] [--torn] [--out FILE] PATH\n"
    "  PATH           a block, a slice file, or the folder of a table\n"
    "  --json         everything, as JSON\n"
    "  --html         a page with pictures of layout and zones\n"
    "  --vectors      text: also every vector of every block\n"
    "  --column NAME  only this column\n"
    "  --torn         accept a slice file whose end is torn, by its last whole footer\n"
    "  --out FILE     write there instead of to the terminal\n"
    "exit status: 0 whole, 1 something is broken (the report says what and where), 2 wrong usage\n";

}  // namespace

int main(int argc, char** argv) {
  inspect::inspect_options options;
  std::string path, out;
  enum { text, json, html } form = text;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const bool has_next = i + 1 < argc;
    if (argument == "--json") form = json;
    else if (argument == "--html") form = html;
    else if (argument == "--vectors") options.with_vectors = true;
    else if (argument == "--torn") options.with_torn = true;
    else if (argument == "--column" && has_next) options.column = argv[++i];
    else if (argument == "--out" && has_next) out = argv[++i];
    else if (argument == "--help") return std::cout << usage, 0;
    else if (path.empty() && !argument.starts_with("--")) path = argument;
    else return std::cerr << usage, 2;
  }
  if (path.empty()) return std::cerr << usage, 2;
  while (path.size() > 1 && path.back() == '/') path.pop_back();

  const inspect::inspection found = inspect::inspect_path(path, options);
  const std::string report = form == json   ? inspect::to_json(found)
                             : form == html ? inspect::to_html(found)
                                            : inspect::to_text(found, options);
  if (out.empty()) {
    std::cout << report;
  } else if (std::ofstream file(out, std::ios::binary); !(file << report).flush()) {
    return std::cerr << "cannot write " << out << '\n', 2;
  }
  return found.is_whole() ? 0 : 1;
}
