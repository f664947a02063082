// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/byte_reader.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace pillar_test::base_byte_reader {
namespace {

using pillar::byte_reader;
using pillar::errc;

TEST(base_byte_reader, reads_little_endian_numbers_in_turn) {
  std::array<std::byte, 15> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i + 1);
  byte_reader reader(bytes);
  EXPECT_EQ(*reader.read<std::uint8_t>(), 1u);
  EXPECT_EQ(*reader.read<std::uint16_t>(), 0x0302u);
  EXPECT_EQ(*reader.read<std::uint32_t>(), 0x07060504u);
  EXPECT_EQ(*reader.read<std::uint64_t>(), 0x0f0e0d0c0b0a0908u);
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_EQ(reader.read<std::uint8_t>().error(), (pillar::failure{errc::truncated, 15}));
  EXPECT_EQ(reader.take(0)->size(), 0u);
}

/// Every length: what does not fit is refused, and the reader stays where it was.
TEST(base_byte_reader, never_leaves_its_bytes) {
  for (std::size_t size = 0; size < 12; ++size) {
    const std::vector<std::byte> bytes(size);
    byte_reader reader(bytes);
    EXPECT_EQ(reader.read<std::uint64_t>().ok(), size >= 8);
    const std::size_t at = reader.offset();
    EXPECT_EQ(reader.take(size + 1).error().code, errc::truncated);
    EXPECT_EQ(reader.take(~std::size_t{0}).error().position, at);
    EXPECT_EQ(reader.offset(), at);
    EXPECT_EQ(reader.take(size - at)->size(), size - at);
    EXPECT_EQ(reader.remaining(), 0u);
  }
}

}  // namespace
}  // namespace pillar_test::base_byte_reader
