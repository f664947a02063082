// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/bits.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "pillar/base/env.hpp"

namespace pillar_test::base_bits {
namespace {

using namespace pillar;

static_assert(words_for(0) == 0 && words_for(1) == 1 && words_for(64) == 1 && words_for(65) == 2);
static_assert(round_up(0, 64) == 0 && round_up(1, 64) == 64 && round_up(64, 64) == 64);
static_assert(low_bits(0) == 0 && low_bits(1) == 1 && low_bits(63) == ~std::uint64_t{0} >> 1 &&
              low_bits(64) == ~std::uint64_t{0});

/// Against a vector of bool, at every position and length of three words; the bitmap ends with its last word, so a read
/// beyond it is seen by sanitizers.
TEST(base_bits, agree_with_a_list_of_flags) {
  splitmix64 random(1);
  std::vector<std::uint64_t> words(3);
  std::vector<bool> flags(192);
  for (std::size_t i = 0; i < 192; ++i) {
    flags[i] = random.chance(1, 2);
    assign_bit(words.data(), i, !flags[i]);
    assign_bit(words.data(), i, flags[i]);
    if (flags[i]) set_bit(words.data(), i);
  }
  std::size_t set = 0;
  for (std::size_t i = 0; i <= 192; ++i) {
    ASSERT_EQ(count_bits(words.data(), i), set);
    if (i < 192) {
      ASSERT_EQ(get_bit(words.data(), i), flags[i]);
      set += flags[i] ? 1 : 0;
    }
  }
  for (std::size_t at = 0; at < 192; ++at)
    for (unsigned count = 0; count <= 64 && at + count <= 192; ++count) {
      std::uint64_t expected = 0;
      for (unsigned i = 0; i < count; ++i) expected |= std::uint64_t{flags[at + i]} << i;
      ASSERT_EQ(extract_bits(words.data(), at, count), expected) << at << " + " << count;
    }
}

TEST(base_bits, ranges_of_bits_are_set_and_no_others) {
  for (std::size_t begin = 0; begin < 130; ++begin)
    for (std::size_t end = begin; end < 192; end += 1 + end % 7) {
      std::uint64_t words[3] = {};
      pillar::set_bits(words, begin, end);
      for (std::size_t i = 0; i < 192; ++i) ASSERT_EQ(pillar::get_bit(words, i), i >= begin && i < end) << begin << end;
    }
}

TEST(base_bits, unaligned_values_come_back) {
  unsigned char bytes[24] = {};
  for (std::size_t at = 0; at < 16; ++at) {
    store_unaligned(bytes + at, std::uint64_t{0x0102030405060708});
    EXPECT_EQ(bytes[at], 8);  // little endian
    EXPECT_EQ(load_unaligned<std::uint64_t>(bytes + at), 0x0102030405060708u);
  }
}

}  // namespace
}  // namespace pillar_test::base_bits
