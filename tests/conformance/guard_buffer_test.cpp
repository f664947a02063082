// SPDX-License-Identifier: Apache-2.0
/// The test kit's own proof: accesses beyond either end die, in compiled code and in a hardware gather.
#include "pillar/conformance/guard_buffer.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "pillar/simd/gather.hpp"

namespace pillar_test::conformance_guard_buffer {
namespace {

using pillar::conformance::guard;
using pillar::conformance::guard_array;
using pillar::conformance::guard_buffer;

/// A read that no optimiser removes.
std::uint8_t read_at(const std::byte* at) { return *reinterpret_cast<const volatile std::uint8_t*>(at); }

TEST(conformance_guard_buffer, holds_its_bytes_at_either_end) {
  for (const std::size_t size : {0u, 1u, 3u, 64u, 4095u, 4096u, 4097u, 10000u}) {
    for (const guard side : {guard::end, guard::begin}) {
      guard_buffer buffer(size, side);
      for (std::byte& b : buffer.bytes()) b = std::byte{7};
      std::size_t sum = 0;
      for (const std::byte b : buffer.bytes()) sum += static_cast<std::size_t>(b);
      EXPECT_EQ(sum, 7 * size);
      EXPECT_TRUE(buffer.slack_untouched());
    }
  }
}

TEST(conformance_guard_buffer, slack_shows_a_write_before_an_end_guarded_buffer) {
  guard_buffer buffer(100, guard::end);
  buffer.data()[-1] = std::byte{0};
  EXPECT_FALSE(buffer.slack_untouched());
}

TEST(conformance_guard_buffer_death, read_past_the_end) {
  for (const std::size_t size : {0u, 1u, 100u, 4096u}) {
    guard_buffer buffer(size, guard::end);
    EXPECT_DEATH(read_at(buffer.data() + size), "");
  }
}

TEST(conformance_guard_buffer_death, read_before_the_begin) {
  for (const std::size_t size : {0u, 1u, 100u, 4096u}) {
    guard_buffer buffer(size, guard::begin);
    EXPECT_DEATH(read_at(buffer.data() - 1), "");
  }
}

TEST(conformance_guard_buffer_death, write_past_either_end) {
  guard_buffer at_end(100, guard::end);
  EXPECT_DEATH(*const_cast<volatile std::byte*>(at_end.data() + 100) = std::byte{1}, "");
  guard_buffer at_begin(100, guard::begin);
  EXPECT_DEATH(*const_cast<volatile std::byte*>(at_begin.data() - 1) = std::byte{1}, "");
}

TEST(conformance_guard_buffer_death, gather_past_either_end) {
  if (!pillar::has_hardware_gather()) GTEST_SKIP() << "no AVX2: this machine has no gather instruction to test";
  guard_array<std::uint32_t> values(8, guard::end);
  for (std::uint32_t i = 0; i < 8; ++i) values[i] = 10 * i;
  const std::int32_t inside[8] = {7, 6, 5, 4, 3, 2, 1, 0};
  std::uint32_t out[8] = {};
  pillar::gather_u32x8(values.data(), inside, out);
  for (std::uint32_t i = 0; i < 8; ++i) EXPECT_EQ(out[i], 10 * (7 - i));

  const std::int32_t past_end[8] = {7, 6, 5, 4, 3, 2, 1, 8};  // one lane beyond
  EXPECT_DEATH(pillar::gather_u32x8(values.data(), past_end, out), "");
  guard_array<std::uint32_t> at_begin(8, guard::begin);
  const std::int32_t before_begin[8] = {-1, 0, 1, 2, 3, 4, 5, 6};
  EXPECT_DEATH(pillar::gather_u32x8(at_begin.data(), before_begin, out), "");
}

}  // namespace
}  // namespace pillar_test::conformance_guard_buffer
