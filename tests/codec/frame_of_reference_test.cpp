// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/frame_of_reference.hpp"

#include "pillar/codec/packed.hpp"
#include "support/arch_levels.hpp"
#include "support/block_cases.hpp"

namespace pillar_test::codec_frame_of_reference {
namespace {

constexpr pillar::block_options frame_options{.codec = pillar::codec_id::frame_of_reference};

/// Cells whose distances to the base need exactly `width` bits.
std::vector<pillar::scalar> cells_of_width(pillar::splitmix64& random, pillar::data_type type, std::uint32_t width,
                                           std::size_t count) {
  const std::uint64_t most = pillar::packed_max_field(width);
  const pillar::int128 room =
      pillar::highest_of(type.physical) - pillar::lowest_of(type.physical) - static_cast<pillar::int128>(most);
  const auto shift = room == 0 ? 0 : static_cast<pillar::int128>(random() >> 1) % (room + 1);
  const pillar::int128 base = pillar::lowest_of(type.physical) + shift;
  std::vector<pillar::scalar> cells;
  for (std::size_t row = 0; row < count; ++row) {
    const std::uint64_t distance = row == 0 ? 0 : row == 1 ? most : random() & most;
    cells.push_back(row >= 2 && type.nullable && random.chance(1, 9)
                        ? pillar::scalar::of_null(type)
                        : pillar::scalar::of_integer(type, base + static_cast<pillar::int128>(distance)));
  }
  return cells;
}

TEST(codec_frame_of_reference, every_width_of_every_type) {
  pillar::splitmix64 random(1);
  block_seen seen;
  for (pillar::data_type type : every_type(true)) {
    if (!takes(pillar::codec_id::frame_of_reference, type.physical)) continue;
    const std::uint32_t bits = type.physical == pillar::physical_type::boolean
                                   ? 1
                                   : static_cast<std::uint32_t>(8 * pillar::byte_width(type.physical));
    for (std::uint32_t width = 0; width <= bits; ++width) {
      const auto source = make_source(type, cells_of_width(random, type, width, width % 2 == 0 ? 1024 : 300));
      const auto encoded = pillar::encode_block(source.views, frame_options);
      ASSERT_TRUE(encoded.ok());
      const auto block = pillar::open_block(encoded->bytes());
      ASSERT_TRUE(block.ok());
      ASSERT_EQ(block->entry(0).width, width);
      ASSERT_EQ(block->entry(0).bytes, pillar::packed_bytes(width));
      SCOPED_TRACE(to_string(type) + " width " + std::to_string(width));
      check_source(source, frame_options, random, 8, seen);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(seen.bounds, 500u);
}

TEST(codec_frame_of_reference, every_level_gives_the_same_block_and_answers) {
  pillar::splitmix64 random(2);
  const auto type = pillar::type_of<std::int64_t>.as_nullable();
  for (const std::uint32_t width : {3u, 11u, 20u, 47u}) {
    const auto source = make_source(type, cells_of_width(random, type, width, 2500));
    std::vector<std::byte> first;
    for (const pillar::arch_level level : levels_to_test(pillar::packed_kernels_for)) {
      pillar::block_options options = frame_options;
      options.kernels = &pillar::packed_kernels_for(level);
      const auto encoded = pillar::encode_block(source.views, options);
      ASSERT_TRUE(encoded.ok());
      if (first.empty()) first.assign(encoded->bytes().begin(), encoded->bytes().end());
      ASSERT_EQ(std::memcmp(first.data(), encoded->data(), first.size()), 0);
      pillar::block_limits limits;
      limits.kernels = options.kernels;
      const auto block = pillar::open_block(encoded->bytes(), limits);
      ASSERT_TRUE(block.ok());
      expect_holds(*block, source.cells);
      block_seen seen;
      expect_sums(*block, source.cells, random, seen);
      for (int i = 0; i < 20; ++i)
        expect_matches(*block, source.cells, random_domain(random, type, source.cells), nullptr, seen);
    }
  }
}

TEST(codec_frame_of_reference, base_and_width_settle_before_a_field_is_read) {
  const auto type = pillar::type_of<std::int32_t>;
  std::vector<pillar::scalar> cells;
  for (int i = 0; i < 1024; ++i) cells.push_back(pillar::scalar::of_integer(type, 100 + i % 64));
  const auto source = make_source(type, cells);
  const auto encoded = pillar::encode_block(source.views, frame_options);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  const auto ask = [&](pillar::int128 lo, pillar::int128 hi, bool negated) {
    std::uint64_t mask[pillar::vector_words];
    const auto test = pillar::integer_range(type.physical, lo, hi, negated);
    return block->vector_at(0).operations->match(block->vector_at(0).block, 0, test, nullptr, mask);
  };
  for (const bool negated : {false, true}) {
    const auto in = negated ? pillar::verdict::none : pillar::verdict::all;
    const auto out = negated ? pillar::verdict::all : pillar::verdict::none;
    EXPECT_EQ(ask(100, 163, negated).what, in);
    EXPECT_EQ(ask(-5, 1000, negated).what, in);
    EXPECT_EQ(ask(164, 1000, negated).what, out);
    EXPECT_EQ(ask(-5, 99, negated).what, out);
    EXPECT_EQ(ask(5, 4, negated).what, out);
    EXPECT_EQ(ask(5, 99, negated).how, pillar::evidence::settled);
    EXPECT_EQ(ask(100, 162, negated).what, pillar::verdict::some);
    EXPECT_EQ(ask(101, 163, negated).what, pillar::verdict::some);
    EXPECT_EQ(ask(163, 1000, negated).how, pillar::evidence::encoded);
  }
}

TEST(codec_frame_of_reference, fields_that_leave_the_type_are_refused) {
  constexpr auto bytes = static_cast<std::uint32_t>(pillar::packed_bytes(3));
  const std::vector<std::byte> sevens(3 * bytes, std::byte{0xff});
  pillar::vector_entry entries[2];
  for (std::uint32_t v = 0; v < 2; ++v) {
    entries[v].base = 120;
    entries[v].width = 3;
    entries[v].offset = v * bytes;
    entries[v].bytes = bytes;
    entries[v].row_count = pillar::vector_rows;
  }
  pillar::data_section section;
  section.type = pillar::type_of<std::int8_t>;
  section.row_count = 2 * pillar::vector_rows;
  section.vector_count = 2;
  section.data = sevens.data();
  section.data_bytes = 2 * bytes;
  section.entries = entries;
  section.kernels = &pillar::packed_kernels_for(pillar::best_arch_level());
  const auto accepts = [&] { return pillar::frame_of_reference_codec::validate(section, nullptr).ok(); };
  EXPECT_TRUE(accepts()) << "127 at most";
  entries[1].base = 121;
  EXPECT_FALSE(accepts());
  entries[1].base = 0;
  EXPECT_TRUE(accepts());
  entries[1].base = static_cast<std::uint64_t>(-128);
  EXPECT_TRUE(accepts());
  entries[1].base = static_cast<std::uint64_t>(-129);
  EXPECT_FALSE(accepts());
  section.type = pillar::type_of<std::uint8_t>;
  EXPECT_FALSE(accepts());
}

TEST(codec_frame_of_reference, many_points_over_wide_fields_are_left_to_the_caller) {
  pillar::splitmix64 random(4);
  const auto type = pillar::type_of<std::int64_t>;
  const auto source = make_source(type, cells_of_width(random, type, 40, 1024));
  pillar::domain test;
  test.kind = pillar::domain_kind::points;
  for (const auto& cell : source.cells)
    if (test.integers.size() < 9) test.integers.push_back(cell.integer);
  std::sort(test.integers.begin(), test.integers.end());
  const auto encoded = pillar::encode_block(source.views, frame_options);
  ASSERT_TRUE(encoded.ok());
  const auto block = pillar::open_block(encoded->bytes());
  ASSERT_TRUE(block.ok());
  std::uint64_t mask[pillar::vector_words];
  const auto ask = [&] {
    return block->vector_at(0).operations->match(block->vector_at(0).block, 0, test, nullptr, mask).what;
  };
  EXPECT_EQ(ask(), pillar::verdict::unknown);
  test.integers.resize(8);
  EXPECT_EQ(ask(), pillar::verdict::some);
}

}  // namespace
}  // namespace pillar_test::codec_frame_of_reference
