// SPDX-License-Identifier: Apache-2.0
/// The texts of codec/text_symbols: l_comment of TPC-H's lineitem at scale factor 1, its first four blocks.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace pillar_bench {

inline constexpr std::size_t text_block_rows = 65536;

/// Texts one after the other; empty where the data set is not there.
struct text_values {
  std::string characters{};
  std::vector<std::string_view> rows{};
};

/// `block` counts from 0 to 3.
inline text_values comments_of_block(std::size_t block) {
  const char* folder = std::getenv("PILLAR_DATA");
  std::ifstream file((folder != nullptr ? std::string(folder) + "/bench" : "build/data") + "/tpch/lineitem.csv");
  text_values made;
  std::vector<std::size_t> ends;
  std::string line;
  std::getline(file, line);
  for (std::size_t row = 0; row < (block + 1) * text_block_rows && std::getline(file, line); ++row) {
    const std::size_t quote = line.rfind(",\"");
    if (row < block * text_block_rows || quote == std::string::npos) continue;
    made.characters.append(line, quote + 2, line.size() - quote - 3);
    ends.push_back(made.characters.size());
  }
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    made.rows.emplace_back(made.characters.data() + begin, end - begin);
    begin = end;
  }
  return made;
}

/// A number that depends on all characters and their order.
inline std::uint64_t fold_characters(const void* characters, std::size_t count) {
  std::uint64_t seen = count;
  for (std::size_t i = 0; i < count; ++i) seen = seen * 31 + static_cast<const unsigned char*>(characters)[i];
  return seen;
}

}  // namespace pillar_bench
