// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/bitmap.hpp"

#include "pillar/conformance/codec.hpp"
#include "support/block_cases.hpp"
#include "support/guard_buffer.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::codec_bitmap {
namespace {

using pillar::bitmap_mode;

constexpr pillar::block_options bitmap_options{.codec = pillar::codec_id::bitmap};
constexpr pillar::data_type flag = pillar::type_of<bool>;

/// `ones` of `count` rows are true, spread evenly.
std::vector<pillar::scalar> cells_of(std::size_t count, std::size_t ones) {
  std::vector<pillar::scalar> cells;
  for (std::size_t row = 0; row < count; ++row)
    cells.push_back(pillar::scalar::of_integer(flag, (row + 1) * ones / count != row * ones / count));
  return cells;
}

std::vector<std::uint32_t> lengths() {
  std::vector<std::uint32_t> made = {1023, 1024, 1025, 2500};
  for (std::uint32_t length = 1; length <= 130; ++length) made.push_back(length);
  return made;
}

TEST(codec_bitmap, every_length_and_density) {
  pillar::splitmix64 random(1);
  block_seen seen;
  for (const std::uint32_t length : lengths())
    for (const std::uint64_t percent : {0u, 1u, 50u, 99u, 100u}) {
      const auto type = flag.as_nullable(length % 2 == 0);
      std::vector<pillar::scalar> cells;
      for (std::uint32_t row = 0; row < length; ++row)
        cells.push_back(type.nullable && random.chance(1, 6)
                            ? pillar::scalar::of_null(type)
                            : pillar::scalar::of_integer(type, random.chance(percent, 100)));
      check_source(make_source(type, cells, length % 3 == 0), bitmap_options, random, 6, seen);
      if (HasFatalFailure()) return;
    }
  EXPECT_EQ(seen.unknown, 0u);
  for (const std::uint64_t met : {seen.none, seen.all, seen.some}) EXPECT_GT(met, 300u);
}

TEST(codec_bitmap, the_shortest_form_is_taken) {
  struct form {
    std::size_t rows, ones;
    bitmap_mode mode;
    std::uint32_t bytes;
  };
  for (const form& expected : {form{1024, 0, bitmap_mode::all_false, 0}, form{1024, 1, bitmap_mode::few_true, 2},
                               form{1024, 63, bitmap_mode::few_true, 126}, form{1024, 64, bitmap_mode::bits, 128},
                               form{1024, 960, bitmap_mode::bits, 128}, form{1024, 961, bitmap_mode::few_false, 126},
                               form{1024, 1024, bitmap_mode::all_true, 0}, form{1, 1, bitmap_mode::all_true, 0},
                               form{64, 3, bitmap_mode::few_true, 6}, form{64, 4, bitmap_mode::bits, 8},
                               form{65, 7, bitmap_mode::few_true, 14}, form{65, 8, bitmap_mode::bits, 16},
                               form{65, 58, bitmap_mode::few_false, 14}}) {
    const auto encoded =
        pillar::encode_block(make_source(flag, cells_of(expected.rows, expected.ones)).views, bitmap_options);
    ASSERT_TRUE(encoded.ok());
    const auto block = pillar::open_block(encoded->bytes());
    ASSERT_TRUE(block.ok());
    EXPECT_EQ(block->entry(0).mode, static_cast<std::uint8_t>(expected.mode)) << expected.rows << ' ' << expected.ones;
    EXPECT_EQ(block->entry(0).bytes, expected.bytes) << expected.rows << ' ' << expected.ones;
  }
}

TEST(codec_bitmap, bounds_are_those_of_the_rows_asked_for) {
  const auto encoded = pillar::encode_block(make_source(flag, cells_of(100, 50)).views, bitmap_options);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  const auto source = block->vector_at(0);
  ASSERT_NE(source.operations->bounds, nullptr);
  for (std::uint32_t first = 0; first < 4; ++first)
    for (std::uint32_t step = 1; step < 4; ++step) {
      pillar::selection_mask rows = pillar::selection_mask::none();
      pillar::int128 lo = 2, hi = -1, got_lo = 7, got_hi = 7;
      for (std::uint32_t row = first; row < 100; row += step) {
        const pillar::int128 value = (row + 1) / 2 != row / 2;
        pillar::set_bit(rows.words, row);
        lo = std::min(lo, value), hi = std::max(hi, value);
      }
      ASSERT_TRUE(source.operations->bounds(source.block, 0, rows.words, false, got_lo, got_hi));
      EXPECT_TRUE(got_lo == lo && got_hi == hi) << first << ' ' << step;
    }
}

TEST(codec_bitmap, positions_that_change_later_stay_within_the_mask) {
  const auto encoded = pillar::encode_block(make_source(flag, cells_of(1024, 5)).views, bitmap_options);
  ASSERT_TRUE(encoded.ok());
  const guard_buffer bytes(encoded->bytes());
  const auto block = pillar::open_block(bytes.bytes());
  ASSERT_TRUE(block.ok());
  const auto source = block->vector_at(0);
  const guard_array<std::uint64_t> mask(pillar::vector_words);
  const auto only_true = pillar::integer_range(pillar::physical_type::boolean, 1, 1);
  for (const int fill : {0xff, 0x04, 0x80}) {
    std::memset(bytes.data(), fill, bytes.size());
    EXPECT_EQ(source.operations->match(source.block, 0, only_true, nullptr, mask.data()).what, pillar::verdict::some);
  }
}

TEST(codec_bitmap, conforms) {
  if (sanitized) GTEST_SKIP() << "random trees and hostile blocks meet it under sanitizers";
  const auto found = pillar::conformance::check_codec<pillar::bitmap_codec>();
  EXPECT_TRUE(found.ok()) << found;
}

}  // namespace
}  // namespace pillar_test::codec_bitmap
