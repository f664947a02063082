// SPDX-License-Identifier: Apache-2.0
/// Every width of the packed kernels against a bit-by-bit reading of the layout, behind guard pages.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "levels/level_cases.hpp"
#include "pillar/base/env.hpp"
#include "pillar/codec/packed.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test {
namespace levels_packed {
namespace {

using pillar::packed_table;
using pillar::packed_values;
using pillar::uint128;
using fields = std::vector<std::uint64_t>;

/// The layout as its comment says it, one bit at a time: shares no code with the kernels.
void pack_by_bits(const fields& values, unsigned width, std::byte* packed) {
  const unsigned lane_bits = 8 * pillar::packed_lane_bytes(width);
  const unsigned lane_count = packed_values / lane_bits;
  std::memset(packed, 0, pillar::packed_bytes(width));
  for (unsigned i = 0; i < packed_values; ++i) {
    for (unsigned bit = 0; bit < width; ++bit) {
      if (((values[i] >> bit) & 1) == 0) continue;
      const unsigned stream_bit = i / lane_count * width + bit;
      const unsigned word = stream_bit / lane_bits * lane_count + i % lane_count;
      const unsigned byte = word * (lane_bits / 8) + stream_bit % lane_bits / 8;
      packed[byte] |= std::byte{1} << (stream_bit % 8);
    }
  }
}

/// Kinds of input: random, all zero, all the largest, and either of these two at random.
fields make_fields(unsigned width, unsigned kind, pillar::splitmix64& random) {
  fields values(packed_values);
  const std::uint64_t max = pillar::packed_max_field(width);
  for (std::uint64_t& value : values) {
    const std::uint64_t edge = random() & 1 ? max : 0;
    value = kind == 0 ? random() & max : kind == 1 ? 0 : kind == 2 ? max : edge;
  }
  return values;
}

template <class T>
void narrow_to(const fields& values, void* out) {
  for (std::size_t i = 0; i < values.size(); ++i) static_cast<T*>(out)[i] = static_cast<T>(values[i]);
}
void to_lanes(const fields& values, unsigned lane_bytes, void* out) {
  if (lane_bytes == 1) narrow_to<std::uint8_t>(values, out);
  else if (lane_bytes == 2) narrow_to<std::uint16_t>(values, out);
  else if (lane_bytes == 4) narrow_to<std::uint32_t>(values, out);
  else narrow_to<std::uint64_t>(values, out);
}

std::vector<std::uint64_t> expected_mask(const fields& values, std::uint64_t lo, std::uint64_t hi) {
  std::vector<std::uint64_t> mask(16);
  for (unsigned i = 0; i < packed_values; ++i)
    mask[i / 64] |= std::uint64_t{lo <= values[i] && values[i] <= hi} << i % 64;
  return mask;
}

bool same(const std::vector<std::uint64_t>& expected, const guard_array<std::uint64_t>& mask) {
  return std::memcmp(expected.data(), mask.data(), 128) == 0 && mask.slack_untouched();
}

/// One width with one kind of fields, all verbs.
void check_width(pillar::arch_level level, std::uint32_t width, std::uint32_t round) {
  const packed_table& table = pillar::packed_kernels_for(level);
  const unsigned kind = round % 4;
  pillar::splitmix64 random(20260101 + width * 100 + round);
  SCOPED_TRACE(testing::Message() << pillar::to_string(table.level) << " width " << width << " round " << round);
  const unsigned lane_bytes = pillar::packed_lane_bytes(width);
  const std::uint64_t max = pillar::packed_max_field(width);
  const guard side = random() & 1 ? guard::begin : guard::end;
  const fields values = make_fields(width, kind, random);

  // The packed bytes touch a guard; half of the cases also start at an odd address.
  guard_buffer packed(pillar::packed_bytes(width), side);
  pack_by_bits(values, width, packed.data());
  guard_buffer shifted(pillar::packed_bytes(width) + 1, guard::begin);
  std::memcpy(shifted.data() + 1, packed.data(), packed.size());
  const std::byte* in = kind == 3 ? shifted.data() + 1 : packed.data();

  guard_buffer lanes(packed_values * lane_bytes, side);
  to_lanes(values, lane_bytes, lanes.data());

  guard_buffer repacked(pillar::packed_bytes(width), side);
  table.pack[width](lanes.data(), repacked.data());
  EXPECT_EQ(std::memcmp(repacked.data(), packed.data(), packed.size()), 0) << "pack";
  EXPECT_TRUE(repacked.slack_untouched());
  // Bits above the width are ignored.
  guard_buffer dirty(packed_values * lane_bytes, side);
  fields with_garbage = values;
  for (std::uint64_t& value : with_garbage) value |= random() & ~max;
  to_lanes(with_garbage, lane_bytes, dirty.data());
  table.pack[width](dirty.data(), repacked.data());
  EXPECT_EQ(std::memcmp(repacked.data(), packed.data(), packed.size()), 0) << "pack with garbage";

  guard_buffer unpacked(packed_values * lane_bytes, side);
  table.unpack[width](in, unpacked.data());
  EXPECT_EQ(std::memcmp(unpacked.data(), lanes.data(), lanes.size()), 0) << "unpack";
  EXPECT_TRUE(unpacked.slack_untouched());

  const std::uint64_t base = round % 3 == 0 ? 0 : random();  // some kernels leave a base of 0 out
  const auto check_add = [&]<class Out>(Out) {
    if (sizeof(Out) < lane_bytes) return;
    guard_array<Out> out(packed_values, side);
    pillar::unpack_add<Out>(table, width, in, out.data(), static_cast<Out>(base));
    unsigned wrong = 0;
    for (unsigned i = 0; i < packed_values; ++i) wrong += out[i] != static_cast<Out>(base + values[i]);
    EXPECT_EQ(wrong, 0u) << "unpack_add to " << sizeof(Out);
    EXPECT_TRUE(out.slack_untouched());
  };
  check_add(std::uint8_t{});
  check_add(std::uint16_t{});
  check_add(std::uint32_t{});
  check_add(std::uint64_t{});

  guard_array<std::uint64_t> mask(16, side);
  const std::uint64_t a = random() & max;
  const std::uint64_t b = random() & max;
  const std::uint64_t pairs[][2] = {
      {0, max}, {0, 0}, {max, max}, {a, a}, {a < b ? a : b, a < b ? b : a}, {0, a}, {a, max}, {values[5], values[5]}};
  for (const auto& [lo, hi] : pairs) {
    table.match_range[width](in, lo, hi, mask.data());
    EXPECT_TRUE(same(expected_mask(values, lo, hi), mask)) << "match " << lo << " to " << hi;
  }

  if (width <= pillar::packed_max_table_width) {
    const std::size_t truth_words = (std::size_t{1} << width) < 64 ? 1 : (std::size_t{1} << width) / 64;
    guard_array<std::uint64_t> truth(truth_words, side);
    for (std::uint64_t& word : truth.span()) word = random();
    std::vector<std::uint64_t> expected(16);
    for (unsigned i = 0; i < packed_values; ++i)
      expected[i / 64] |= ((truth[values[i] / 64] >> values[i] % 64) & 1) << i % 64;
    table.match_table[width](in, truth.data(), mask.data());
    EXPECT_TRUE(same(expected, mask)) << "match_table";
  }
  if (width == 8) {
    guard_array<pillar::packed_grid> grid(1, side);
    for (unsigned i = 0; i < 16; ++i) {
      grid[0].columns[i] = static_cast<std::uint8_t>(random());
      grid[0].rows[i] = static_cast<std::uint8_t>(random() & random());
    }
    std::vector<std::uint64_t> expected(16);
    for (unsigned i = 0; i < packed_values; ++i)
      expected[i / 64] |= std::uint64_t{(grid[0].columns[values[i] % 16] & grid[0].rows[values[i] / 16]) != 0}
                          << i % 64;
    table.match_grid(in, grid[0], mask.data());
    EXPECT_TRUE(same(expected, mask)) << "match_grid";
  }

  uint128 sum = 0;
  uint128 masked = 0;
  guard_array<std::uint64_t> chosen(16, side);
  for (unsigned w = 0; w < 16; ++w) chosen[w] = w == 3 ? 0 : w == 4 ? ~std::uint64_t{0} : random();
  for (unsigned i = 0; i < packed_values; ++i) {
    sum += values[i];
    if ((chosen[i / 64] >> i % 64) & 1) masked += values[i];
  }
  EXPECT_TRUE(table.sum[width](in) == sum) << "sum";
  EXPECT_TRUE(table.sum_masked[width](in, chosen.data()) == masked) << "sum_masked";
}

/// Every range of a small width.
void check_small_width(pillar::arch_level level, std::uint32_t width, std::uint32_t) {
  const packed_table& table = pillar::packed_kernels_for(level);
  pillar::splitmix64 random(7 + width);
  const fields values = make_fields(width, 0, random);
  std::vector<std::byte> packed(pillar::packed_bytes(width));
  pack_by_bits(values, width, packed.data());
  guard_array<std::uint64_t> mask(16);
  for (std::uint64_t lo = 0; lo < std::uint64_t{1} << width; ++lo)
    for (std::uint64_t hi = lo; hi < std::uint64_t{1} << width; ++hi) {
      table.match_range[width](packed.data(), lo, hi, mask.data());
      ASSERT_TRUE(same(expected_mask(values, lo, hi), mask)) << width << ": " << lo << " to " << hi;
    }
}

/// Any bytes are a vector, and levels agree on them.
void check_any_bytes(pillar::arch_level level, std::uint32_t width, std::uint32_t) {
  const packed_table& scalar = pillar::packed_kernels_for(pillar::arch_level::scalar);
  const packed_table& table = pillar::packed_kernels_for(level);
  pillar::splitmix64 random(99 + width);
  guard_buffer packed(pillar::packed_bytes(width));
  for (std::byte& b : packed.bytes()) b = static_cast<std::byte>(random());
  guard_buffer expected(packed_values * pillar::packed_lane_bytes(width));
  guard_buffer out(expected.size());
  scalar.unpack[width](packed.data(), expected.data());
  table.unpack[width](packed.data(), out.data());
  EXPECT_EQ(std::memcmp(out.data(), expected.data(), out.size()), 0) << width;
  guard_buffer repacked(pillar::packed_bytes(width));
  table.pack[width](out.data(), repacked.data());
  EXPECT_EQ(std::memcmp(repacked.data(), packed.data(), packed.size()), 0) << width;
}

}  // namespace
}  // namespace levels_packed

std::vector<level_case> packed_cases() {
  std::vector<level_case> cases;
  for (std::uint32_t width = 0; width <= pillar::packed_max_width; ++width) {
    for (std::uint32_t round = 0; round < 12; ++round) cases.push_back({levels_packed::check_width, width, round});
    cases.push_back({levels_packed::check_any_bytes, width, 0});
  }
  for (std::uint32_t width = 1; width <= 5; ++width) cases.push_back({levels_packed::check_small_width, width, 0});
  return cases;
}

}  // namespace pillar_test
