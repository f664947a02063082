// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/split_int128.hpp"

#include "pillar/conformance/codec.hpp"
#include "support/block_cases.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::codec_split_int128 {
namespace {

using pillar::int128;
constexpr pillar::block_options split_options{.codec = pillar::codec_id::split_int128};
constexpr pillar::data_type wide = pillar::decimal_type(38, 2);
constexpr int128 word = int128{1} << 64;

/// Small values of both signs; values around multiples of 2^64 and 2^63; values of up to 38 digits.
std::vector<pillar::scalar> cells_of(pillar::splitmix64& random, pillar::data_type type, std::size_t count, int kind) {
  std::vector<pillar::scalar> cells;
  for (std::size_t row = 0; row < count; ++row) {
    int128 value = static_cast<int128>(random.below(2000)) - 1000;
    if (kind == 1) value = value % 3 * word + (random.chance(1, 2) ? value : word / 2 + value);
    if (kind == 2) value = value * pillar::power_of_ten(34) + static_cast<int128>(random());
    cells.push_back(type.nullable && random.chance(1, 9) ? pillar::scalar::of_null(type)
                                                         : pillar::scalar::of_integer(type, value));
  }
  return cells;
}

TEST(codec_split_int128, every_length_and_magnitude) {
  pillar::splitmix64 random(1);
  block_seen seen;
  std::vector<std::uint32_t> lengths = {1023, 1024, 1025, 2500};
  for (std::uint32_t length = 1; length <= 130; length += length < 20 ? 1 : 9) lengths.push_back(length);
  for (const std::uint32_t length : lengths)
    for (int kind = 0; kind < 3; ++kind) {
      const auto type = wide.as_nullable(length % 2 == 0);
      check_source(make_source(type, cells_of(random, type, length, kind), length % 3 == 0), split_options, random, 12,
                   seen);
      if (HasFatalFailure()) return;
    }
  for (const std::uint64_t met : {seen.none, seen.all, seen.some, seen.sums}) EXPECT_GT(met, 30u);
}

TEST(codec_split_int128, small_values_take_few_bits_whatever_their_sign) {
  pillar::splitmix64 random(2);
  const auto encoded = pillar::encode_block(make_source(wide, cells_of(random, wide, 8192, 0)).views, split_options);
  ASSERT_TRUE(encoded.ok());
  EXPECT_LE(8.0 * static_cast<double>(encoded->size()) / 8192, 12.0);
}

TEST(codec_split_int128, what_no_decimal_is_is_left_to_others) {
  for (const int128 value :
       {pillar::int128_max, pillar::int128_min, pillar::int128_max - word / 2 + 1, pillar::int128_min + word / 2 - 1}) {
    const auto cells = {pillar::scalar::of_integer(wide, 0), pillar::scalar::of_integer(wide, value)};
    EXPECT_FALSE(pillar::encode_block(make_source(wide, cells).views, split_options).ok());
  }
  pillar::splitmix64 random(3);
  block_seen seen;
  const auto ends = {pillar::scalar::of_integer(wide, pillar::int128_max - word / 2),
                     pillar::scalar::of_integer(wide, pillar::int128_min + word / 2),
                     pillar::scalar::of_integer(wide, 0)};
  check_source(make_source(wide, ends), split_options, random, 200, seen);
}

TEST(codec_split_int128, sums_that_may_not_fit_are_left_to_decoding) {
  std::vector<pillar::scalar> cells;
  for (int row = 0; row < 1024; ++row)
    cells.push_back(pillar::scalar::of_integer(wide, ((int128{1} << 60) - row) * word + row));
  const auto encoded = pillar::encode_block(make_source(wide, cells).views, split_options);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  const auto source = block->vector_at(0);
  const auto every = pillar::selection_mask::first(1024), first = pillar::selection_mask::first(1);
  int128 total = 0;
  EXPECT_FALSE(source.operations->sum(source.block, 0, every.words, true, total));
  EXPECT_TRUE(source.operations->sum(source.block, 0, first.words, false, total));
  EXPECT_TRUE(total == cells[0].integer);
}

TEST(codec_split_int128, conforms) {
  if (sanitized) GTEST_SKIP() << "random trees and hostile blocks meet it under sanitizers";
  const auto found = pillar::conformance::check_codec<pillar::split_int128_codec>();
  EXPECT_TRUE(found.ok()) << found;
}

}  // namespace
}  // namespace pillar_test::codec_split_int128
