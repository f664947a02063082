// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/checksum.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "support/arch_levels.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test::codec_checksum {
namespace {

std::uint64_t checksum_of(pillar::arch_level level, std::span<const std::byte> bytes, std::size_t hole) {
  return pillar::checksum_kernels_for(level).with_hole(bytes.data(), bytes.size(), hole);
}

TEST(codec_checksum, levels_agree_and_the_hole_counts_as_zeros) {
  pillar::splitmix64 random(1);
  for (const std::size_t size : {8u, 9u, 17u, 40u, 128u, 129u, 240u, 241u, 1000u, 1024u, 5000u, 70000u})
    for (const std::size_t hole : {std::size_t{0}, std::min<std::size_t>(32, size - 8), size - 8}) {
      const guard_buffer bytes(size, size % 2 == 0 ? guard::end : guard::begin);
      for (std::byte& byte : bytes.bytes()) byte = static_cast<std::byte>(random());
      const std::uint64_t expected = checksum_of(pillar::arch_level::scalar, bytes.bytes(), hole);
      for (const pillar::arch_level level : levels_to_test(pillar::checksum_kernels_for))
        ASSERT_EQ(checksum_of(level, bytes.bytes(), hole), expected) << to_string(level) << ' ' << size << ' ' << hole;
      std::fill_n(bytes.data() + hole, 8, std::byte{0x77});
      ASSERT_EQ(checksum_of(pillar::arch_level::scalar, bytes.bytes(), hole), expected);
      std::fill_n(bytes.data() + hole, 8, std::byte{0});
      ASSERT_EQ(checksum_of(pillar::arch_level::scalar, bytes.bytes(), hole), expected);
    }
}

TEST(codec_checksum, is_xxh3) {
  // 16 and 256 zero bytes under XXH3_64bits, seed 0, of the reference implementation.
  const std::vector<std::byte> zeros(256);
  EXPECT_EQ(checksum_of(pillar::arch_level::scalar, std::span(zeros).first(16), 4), 0xd0a66a65c7528968u);
  EXPECT_EQ(checksum_of(pillar::arch_level::scalar, zeros, 32), 0xa68dfbb1d75c6e8du);
}

TEST(codec_checksum, no_single_bit_goes_unnoticed) {
  std::vector<std::byte> bytes(600, std::byte{0x3c});
  const std::uint64_t before = checksum_of(pillar::arch_level::scalar, bytes, 32);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    if (bit / 64 == 4) continue;  // the hole
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    ASSERT_NE(checksum_of(pillar::arch_level::scalar, bytes, 32), before) << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
  }
}

}  // namespace
}  // namespace pillar_test::codec_checksum
