// SPDX-License-Identifier: Apache-2.0
// A million random corruptions of blocks, of which the checksum must let none pass.
#include <gtest/gtest.h>

#include "support/block_cases.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::storage_corruption {
namespace {

TEST(storage_corruption, none_of_a_million_passes) {
  const auto type = pillar::type_of<std::int32_t>.as_nullable(), word = pillar::type_of<pillar::text>;
  pillar::splitmix64 random(17);
  std::vector<pillar::buffer> blocks;
  for (const auto& source :
       {make_source(type, random_cells(random, type, 90, 1000)), make_source(type, random_cells(random, type, 1100, 3)),
        make_source(word, random_cells(random, word, 30, 1000))}) {
    auto encoded = pillar::encode_block(source.views);
    ASSERT_TRUE(encoded.ok());
    blocks.push_back(*std::move(encoded));
  }
  const std::uint64_t corruptions = sanitized ? 20'000 : 1'000'000;
  std::uint64_t undetected = 0;
  std::vector<std::byte> bytes;
  for (std::uint64_t i = 0; i < corruptions; ++i) {
    const pillar::buffer& of = blocks[i % blocks.size()];
    bytes.assign(of.bytes().begin(), of.bytes().end());
    const std::size_t first = random.below(bytes.size());
    bytes[first] ^= static_cast<std::byte>(1 + random.below(255));
    switch (random.below(4)) {
      case 0: break;  // one byte, or one bit among them
      case 1:         // some bytes anywhere
        for (std::uint64_t more = random.below(8); more > 0; --more)
          if (const std::size_t at = random.below(bytes.size()); at != first)
            bytes[at] = static_cast<std::byte>(random());
        break;
      case 2:  // a piece that was never written
        for (std::size_t at = first + 1; at < bytes.size() && at < first + 64; ++at) bytes[at] = std::byte{0};
        break;
      default:  // a piece of another block
        for (std::size_t at = first + 1; at < bytes.size() && at < first + 512; ++at)
          bytes[at] = blocks[(i + 1) % blocks.size()].data()[at % blocks[(i + 1) % blocks.size()].size()];
        break;
    }
    undetected += pillar::open_block(bytes).ok();
  }
  EXPECT_EQ(undetected, 0u) << "of " << corruptions;
}

}  // namespace
}  // namespace pillar_test::storage_corruption
