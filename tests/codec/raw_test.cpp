// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/raw.hpp"

#include <cmath>

#include "support/block_cases.hpp"

namespace pillar_test::codec_raw {
namespace {

constexpr pillar::block_options raw_options{.codec = pillar::codec_id::raw};

TEST(codec_raw, float_bits_are_kept) {
  const std::uint64_t bits[] = {
      0x7ff8000000000001u, 0xfff8dead0000beefu, 0x8000000000000000u, 0, 0x7ff0000000000000u, 0xfff0000000000000u, 1,
      0x7fefffffffffffffu};
  pillar::vector values;
  values.type = pillar::type_of<double>;
  values.size = 8;
  values.values = bits;
  const auto encoded = pillar::encode_block({&values, 1}, raw_options);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  const auto source = block->vector_at(0);
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  pillar::vector out;
  ASSERT_TRUE(source.decode(*scratch, out).ok());
  EXPECT_EQ(std::memcmp(out.values, bits, sizeof(bits)), 0);
}

TEST(codec_raw, fixed_width_decodes_in_place_where_the_block_is_aligned) {
  pillar::splitmix64 random(1);
  const auto source =
      make_source(pillar::type_of<std::int64_t>, random_cells(random, pillar::type_of<std::int64_t>, 100, 50));
  const auto encoded = pillar::encode_block(source.views, raw_options);
  ASSERT_TRUE(encoded.ok());
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  pillar::vector out;
  ASSERT_TRUE(block->vector_at(0).decode(*scratch, out).ok());
  EXPECT_GE(out.values, static_cast<const void*>(encoded->data()));
  EXPECT_LT(out.values, static_cast<const void*>(encoded->data() + encoded->size()));

  // A block may lie at any address: then the values are copied.
  std::vector<std::byte> moved(encoded->size() + 1);
  std::memcpy(moved.data() + 1, encoded->data(), encoded->size());
  const auto odd = pillar::open_block(std::span(moved).subspan(1));
  ASSERT_TRUE(odd.ok());
  expect_holds(*odd, source.cells);
}

TEST(codec_raw, text_of_every_length_around_the_inline_capacity) {
  const auto type = pillar::type_of<pillar::text>.as_nullable();
  std::vector<pillar::scalar> cells;
  for (const std::size_t size : {0u, 1u, 3u, 4u, 5u, 11u, 12u, 13u, 14u, 100u, 70000u})
    for (const char letter : {'a', '\0', '\xff'}) {
      cells.push_back(pillar::scalar::of_text(type, std::string(size, letter)));
      cells.push_back(pillar::scalar::of_null(type));
    }
  pillar::splitmix64 random(2);
  block_seen seen;
  for (const auto codec : {pillar::codec_id::raw, pillar::codec_id::dictionary}) {
    pillar::block_options options;
    options.codec = codec;
    check_source(make_source(type, cells), options, random, 20, seen);
  }
}

}  // namespace
}  // namespace pillar_test::codec_raw
