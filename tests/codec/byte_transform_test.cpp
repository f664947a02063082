// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/byte_transform.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "support/guard_buffer.hpp"

namespace pillar_test::codec_byte_transform {
namespace {

constexpr pillar::transform_id every_transform[] = {pillar::transform_id::zstd, pillar::transform_id::lz4};

std::vector<std::byte> bytes_of(std::size_t size, std::uint64_t distinct) {
  pillar::splitmix64 random(size + distinct);
  std::vector<std::byte> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.below(distinct));
  return bytes;
}

TEST(codec_byte_transform, restores_what_went_in_and_only_at_its_exact_size) {
  for (const auto id : every_transform)
    for (const std::size_t size : {0u, 1u, 100u, 5000u, 100000u}) {
      const auto raw = bytes_of(size, 4);
      std::vector<std::byte> out(pillar::transform_bound(id, size));
      const auto written = pillar::transform(id, 3, raw, out);
      ASSERT_TRUE(written.ok());
      const guard_buffer stored(std::span<const std::byte>(out).first(*written));
      const guard_buffer restored(size);
      ASSERT_TRUE(pillar::restore(id, stored.bytes(), restored.bytes()).ok());
      EXPECT_TRUE(size == 0 || std::memcmp(restored.data(), raw.data(), size) == 0);
      const guard_buffer larger(size + 1);
      EXPECT_EQ(pillar::restore(id, stored.bytes(), larger.bytes()).error().code, pillar::errc::corrupt);
      if (size == 0) continue;
      const guard_buffer smaller(size - 1);
      EXPECT_EQ(pillar::restore(id, stored.bytes(), smaller.bytes()).error().code, pillar::errc::corrupt);
    }
}

TEST(codec_byte_transform, hostile_streams_stay_within_the_output) {
  for (const auto id : every_transform) {
    const auto raw = bytes_of(300, 3);
    std::vector<std::byte> out(pillar::transform_bound(id, raw.size()));
    const auto written = pillar::transform(id, 1, raw, out);
    ASSERT_TRUE(written.ok());
    const guard_buffer stored(std::span<const std::byte>(out).first(*written));
    const guard_buffer restored(raw.size());
    for (std::size_t at = 0; at < stored.size(); ++at)
      for (int change = 1; change < 256; change += 3) {
        stored.data()[at] ^= static_cast<std::byte>(change);
        (void)pillar::restore(id, stored.bytes(), restored.bytes()).ok();
        stored.data()[at] ^= static_cast<std::byte>(change);
      }
    ASSERT_TRUE(restored.slack_untouched());
  }
}

TEST(codec_byte_transform, small_outputs_and_unknown_ids_are_errors) {
  const auto raw = bytes_of(1000, 256);
  std::vector<std::byte> out(10);
  for (const auto id : every_transform)
    EXPECT_EQ(pillar::transform(id, 1, raw, out).error().code, pillar::errc::out_of_space);
  EXPECT_EQ(pillar::transform(pillar::transform_id::user, 1, raw, out).error().code, pillar::errc::unsupported);
  EXPECT_EQ(pillar::restore(pillar::transform_id::user, raw, out).error().code, pillar::errc::unsupported);
  EXPECT_EQ(pillar::transform_bound(pillar::transform_id::user, 10), 0u);
}

TEST(codec_byte_transform, nothing_restores_to_more_than_the_bound) {
  const std::vector<std::byte> zeros(std::size_t{3} << 20);
  for (const auto id : every_transform) {
    std::vector<std::byte> out(pillar::transform_bound(id, zeros.size()));
    const auto written = pillar::transform(id, 19, zeros, out);
    ASSERT_TRUE(written.ok());
    EXPECT_LE(zeros.size(), pillar::restored_bound(id, *written));
    EXPECT_GE(zeros.size() * 20, pillar::restored_bound(id, *written));
  }
  EXPECT_EQ(pillar::restored_bound(pillar::transform_id::user, 1), ~std::uint64_t{0});
}

TEST(codec_byte_transform, pays_from_fifteen_percent) {
  static_assert(pillar::transform_pays(100, 85) && !pillar::transform_pays(100, 86) && !pillar::transform_pays(0, 1));
}

}  // namespace
}  // namespace pillar_test::codec_byte_transform
