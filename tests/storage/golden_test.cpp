// SPDX-License-Identifier: Apache-2.0
// Blocks of every format version that was ever written, as files: later versions of Pillar open them and find the same
// values, and blocks of today's version have today's bytes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/golden_blocks.hpp"

namespace pillar_test::storage_golden {
namespace {

constexpr int today = 2;

std::filesystem::path path_of(int version, const std::string& name) {
  return std::filesystem::path(PILLAR_SOURCE_DIR) / "tests/golden/blocks" /
         ("v" + std::to_string(version) + "_" + name + ".block");
}

std::vector<std::byte> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> letters((std::istreambuf_iterator<char>(file)), {});
  const auto* begin = reinterpret_cast<const std::byte*>(letters.data());
  return {begin, begin + letters.size()};
}

TEST(storage_golden, old_files_hold_the_same_values_and_new_blocks_have_the_same_bytes) {
  std::size_t files = 0;
  for (const golden_block& of : golden_blocks()) {
    SCOPED_TRACE(of.name);
    const auto encoded = pillar::encode_block(of.source.views, of.options);
    ASSERT_TRUE(encoded.ok());
    // How the files came about: once per version, before it is released.
    if (std::getenv("PILLAR_WRITE_GOLDEN") != nullptr && (of.same_bytes || !exists(path_of(today, of.name))))
      std::ofstream(path_of(today, of.name), std::ios::binary)
          .write(reinterpret_cast<const char*>(encoded->data()), static_cast<std::streamsize>(encoded->size()));
    for (int version = of.since; version <= today; ++version) {
      const std::vector<std::byte> bytes = read(path_of(version, of.name));
      ++files;
      auto block = pillar::open_block(bytes);
      ASSERT_TRUE(block.ok()) << "version " << version << ": " << to_string(block.error().code);
      EXPECT_EQ(block->codec(), *of.options.codec);
      expect_holds(*block, of.source.cells);
      if (version != today || !of.same_bytes) continue;
      EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), encoded->bytes().begin(), encoded->bytes().end()));
    }
  }
  const std::filesystem::directory_iterator all(path_of(1, "x").parent_path());
  EXPECT_EQ(files, static_cast<std::size_t>(std::distance(begin(all), end(all)))) << "a file that nobody reads";
}

TEST(storage_golden, a_block_of_the_next_version_is_refused) {
  std::vector<std::byte> bytes = read(path_of(today, "raw_text"));
  bytes[4] = static_cast<std::byte>(today + 1);
  EXPECT_EQ(pillar::open_block(bytes, {}, false).error().code, pillar::errc::unsupported);
}

}  // namespace
}  // namespace pillar_test::storage_golden
