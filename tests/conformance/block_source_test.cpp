// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/block_source.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "pillar/conformance/delayed_reads.hpp"
#include "pillar/conformance/faults.hpp"

namespace pillar_test::conformance_block_source {
namespace {

using pillar::block_id;
using pillar::block_pin;
using pillar::result;
using pillar::conformance::check_block_source;

/// 120 blocks of any bytes, ten an extent.
struct any_file {
  pillar::block_places places;
  std::vector<std::byte> bytes;
  any_file() {
    for (std::uint64_t id = 1; id <= 120; ++id) {
      if (id % 10 == 1) places.extents.push_back({bytes.size(), 0});
      const std::uint64_t size = id % 7 + 1;
      places.blocks.push_back({id * 3, bytes.size(), size, static_cast<std::uint32_t>(places.extents.size() - 1)});
      for (std::uint64_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(id * 31 + i));
      places.extents.back().bytes = bytes.size() - places.extents.back().offset;
      bytes.resize((bytes.size() + 63) / 64 * 64);
    }
  }
};

/// A source with a fault of its own.
struct liar {
  const any_file& file;
  enum { reuses_its_memory, shifts, takes_any_id } how;
  std::vector<std::byte> memory = std::vector<std::byte>(64);
  result<block_pin> pin(block_id id) {
    const pillar::block_place* place = file.places.find(id);
    if (place == nullptr && how == takes_any_id) place = &file.places.blocks[0];
    if (place == nullptr) return {pillar::errc::invalid_argument, id};
    const auto bytes = std::span<const std::byte>(file.bytes).subspan(place->offset + (how == shifts), place->bytes);
    if (how != reuses_its_memory) return block_pin(bytes);
    std::copy(bytes.begin(), bytes.end(), memory.begin());
    return block_pin(std::span<const std::byte>(memory).first(place->bytes));
  }
  void announce(std::span<const block_id>) {}
};

TEST(conformance_block_source, sound_sources_conform) {
  const any_file file;
  const auto places = std::make_shared<const pillar::block_places>(file.places);
  const auto memory = check_block_source("memory", std::make_shared<pillar::memory_source>(file.bytes, places),
                                         file.places, file.bytes);
  EXPECT_TRUE(memory.ok()) << memory;
  EXPECT_EQ(memory.count("blocks"), 120u);
  pillar::conformance::memory_file stored;
  ASSERT_TRUE(stored.append(file.bytes).ok());
  for (const std::uint64_t cache_bytes : {0u, 2'000u, 1'000'000u}) {
    pillar::conformance::delayed_reads reads(stored, 1'000);
    const auto ranged = check_block_source(
        "ranged",
        std::make_shared<pillar::ranged_source>(reads, places, pillar::ranged_settings{.cache_bytes = cache_bytes}),
        file.places, file.bytes);
    EXPECT_TRUE(ranged.ok()) << ranged;
  }
}

TEST(conformance_block_source, each_lie_breaks_its_law) {
  const any_file file;
  const auto found = [&](auto how) {
    const auto report = check_block_source("liar", std::make_shared<liar>(liar{file, how}), file.places, file.bytes);
    EXPECT_FALSE(report.ok());
    return to_string(report);
  };
  EXPECT_NE(found(liar::reuses_its_memory).find("broken  the bytes stay while the pin lives"), std::string::npos);
  EXPECT_NE(found(liar::shifts).find("broken  a pin holds the block's bytes"), std::string::npos);
  EXPECT_NE(found(liar::takes_any_id).find("broken  an id that no block has is refused"), std::string::npos);
}

}  // namespace
}  // namespace pillar_test::conformance_block_source
