// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/patched.hpp"

#include "support/codec_cases.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::codec_patched {
namespace {

constexpr const pillar::codec_functions& codec = pillar::codec_functions_of<pillar::patched_codec>;

/// Mostly `width` bits above a base, some values anywhere in the type.
pillar::conformance::sample outliers(pillar::splitmix64& random, pillar::data_type type, std::uint32_t width,
                                     std::uint64_t share, std::size_t count) {
  const pillar::int128 lowest = pillar::lowest_of(type.physical), highest = pillar::highest_of(type.physical);
  const auto most = static_cast<pillar::int128>(pillar::packed_max_field(width));
  const pillar::int128 room = highest - lowest - most;
  const pillar::int128 base = lowest + static_cast<pillar::int128>(random() >> 1) % (room + 1);
  std::vector<pillar::int128> values;
  std::vector<bool> nulls;
  for (std::size_t row = 0; row < count; ++row) {
    const auto any = static_cast<pillar::int128>(random());
    values.push_back(random.chance(share, 100) ? lowest + any % (highest - lowest + 1) : base + (any & most));
    nulls.push_back(type.nullable && random.chance(1, 9));
  }
  return integer_sample(type, values, nulls, count % 2 == 0);
}

TEST(codec_patched, every_type_width_and_share_of_outliers) {
  pillar::splitmix64 random(1);
  node_seen seen;
  const std::uint32_t lengths[] = {1, 2, 63, 64, 65, 130, 1023, 1024, 1025, 2100};
  for (const pillar::data_type& type : pillar::conformance::every_type()) {
    if (type.physical > pillar::physical_type::uint64) continue;
    const auto bits = type.physical == pillar::physical_type::boolean
                          ? 1
                          : static_cast<std::uint32_t>(8 * pillar::byte_width(type.physical));
    for (std::uint32_t width = 0; width <= bits; width += width < 10 ? 1 : sanitized ? 14 : 5)
      for (const std::uint64_t share : {2u, 30u}) {
        const auto count = lengths[random.below(std::size(lengths))];
        EXPECT_TRUE(check_column(codec, outliers(random, type, width, share, count), random, seen, {}, 4, 3));
        if (HasFailure()) return;
      }
  }
  EXPECT_GT(seen.none, 100u);
  EXPECT_GT(seen.all, 100u);
  EXPECT_GT(seen.some, 100u);
  EXPECT_GT(seen.sums, 100u);
  EXPECT_GT(seen.bounds, 100u);
  EXPECT_GT(seen.fetches, 100u);
}

TEST(codec_patched, samples_of_every_shape) {
  node_seen seen;
  check_samples(codec, 150, seen);
}

std::uint64_t bytes_of(const pillar::conformance::sample& from, std::uint8_t preset = 0, encoded_node* keep = nullptr) {
  encoded_node own;
  encoded_node& node = keep != nullptr ? *keep : own;
  node_options options;
  options.field_width = preset;
  return encode_node(codec, from.type, from.vectors, options, node) ? node.plan.data_bytes : 0;
}

TEST(codec_patched, width_and_base_are_those_of_the_fewest_bytes) {
  pillar::splitmix64 random(2);
  std::vector<pillar::int128> values;
  for (int row = 0; row < 1024; ++row) values.push_back(row % 50 == 3 ? 1 << 19 : row % 128);
  EXPECT_EQ(bytes_of(integer_sample(pillar::type_of<std::int32_t>, values)), 128 * 7 + 21 * (2 + 4));
  for (int row = 0; row < 1024; ++row) values[row] = row % 50 == 3 ? -1 : 1000000 + row % 128;  // a sentinel below
  EXPECT_EQ(bytes_of(integer_sample(pillar::type_of<std::int64_t>, values)), 128 * 7 + 21 * (2 + 4));
  for (int row = 0; row < 1024; ++row)  // outliers on both sides, at the ends of the type
    values[row] = row % 100 == 3   ? pillar::lowest_of(pillar::physical_type::int64)
                  : row % 100 == 7 ? pillar::highest_of(pillar::physical_type::int64)
                                   : row % 16;
  EXPECT_EQ(bytes_of(integer_sample(pillar::type_of<std::int64_t>, values)), 128 * 4 + 22 * (2 + 8));
  // Against every width over every value as base.
  for (int round = 0; round < 20; ++round) {
    const auto from = outliers(random, pillar::type_of<std::int16_t>, 3 + round % 5, 1 + round, 200);
    std::uint64_t best = ~std::uint64_t{0};
    for (const auto& base : from.cells)
      for (std::uint32_t width = 0; width <= 16; ++width) {
        std::uint64_t count = 0, bytes = 1;
        for (const auto& cell : from.cells) {
          const pillar::int128 distance = cell.integer - base.integer;
          if (distance >= 0 && distance <= static_cast<pillar::int128>(pillar::packed_max_field(width))) continue;
          ++count;
          const auto wrapped = static_cast<std::int16_t>(distance);
          if (wrapped < -128 || wrapped > 127) bytes = 2;
        }
        best = std::min(best, pillar::packed_bytes(width) + count * (2 + bytes));
      }
    const std::uint64_t got = bytes_of(from);
    EXPECT_GE(got, best);
    EXPECT_LE(got, best + best / 10) << round;
  }
}

TEST(codec_patched, mostly_presets_keep_their_width_and_need_no_more_exceptions_than_fixed_windows) {
  pillar::splitmix64 random(3);
  const std::uint8_t presets[] = {8, 16, 32};
  for (const std::uint8_t preset : presets)
    for (const auto type :
         {pillar::type_of<std::int16_t>, pillar::type_of<std::int32_t>, pillar::type_of<std::int64_t>}) {
      const auto bits = static_cast<std::uint8_t>(8 * pillar::byte_width(type.physical));
      const pillar::int128 edge = pillar::int128{1} << (preset - 1);
      std::vector<pillar::int128> values{edge - 1, -edge, 0};
      if (preset < bits)
        values.insert(values.end(),
                      {edge, -edge - 1, pillar::highest_of(type.physical), pillar::lowest_of(type.physical)});
      if (preset >= bits) values = {1, 2, 3};
      for (int row = 0; row < 500; ++row) values.push_back(static_cast<pillar::int128>(random.below(200)) % edge);
      const auto from = integer_sample(type, values);
      encoded_node node;
      if (preset >= bits) {
        EXPECT_EQ(bytes_of(from, preset, &node), 0u);  // no narrower than the type
        continue;
      }
      EXPECT_NE(bytes_of(from, preset, &node), 0u);
      EXPECT_EQ(node.entries[0].width, preset);
      EXPECT_LE(node.entries[0].exception_count, 4u);
      node_seen seen;
      node_options options;
      options.field_width = preset;
      EXPECT_TRUE(check_column(codec, from, random, seen, options));
    }
  // Redshift's window as it stands: −128 … 127 are fields, −129 and 128 are not.
  std::vector<pillar::int128> values;
  for (int value = -128; value <= 127; ++value) values.insert(values.end(), 3, value);
  const auto inside = integer_sample(pillar::type_of<std::int32_t>, values);
  EXPECT_EQ(bytes_of(inside, 8), 128u * 8);
  values.push_back(128);
  EXPECT_EQ(bytes_of(integer_sample(pillar::type_of<std::int32_t>, values), 8), 128u * 8 + 2 + 2);
  values.back() = -129;
  EXPECT_EQ(bytes_of(integer_sample(pillar::type_of<std::int32_t>, values), 8), 128u * 8 + 2 + 1);
}

TEST(codec_patched, a_value_far_below_the_base_is_an_exception_though_its_distance_wraps) {
  pillar::splitmix64 random(4);
  node_seen seen;
  for (const auto type : {pillar::type_of<std::uint64_t>, pillar::type_of<std::int64_t>}) {
    // Close to the end of the type, where the frame reaches over it and comes back at the other end.
    const pillar::int128 lowest = pillar::lowest_of(type.physical), highest = pillar::highest_of(type.physical);
    std::vector<pillar::int128> values;
    for (int row = 0; row < 1024; ++row)
      values.push_back(row % 64 == 3 ? lowest + static_cast<pillar::int128>(random.below(100))
                                     : highest - static_cast<pillar::int128>(random.below(1'500'000)));
    const auto from = integer_sample(type, values);
    encoded_node node;
    EXPECT_EQ(bytes_of(from, 0, &node), 128u * 21 + 16 * (2 + 8));
    EXPECT_TRUE(check_column(codec, from, random, seen));
  }
}

TEST(codec_patched, a_frame_that_holds_no_value_settles_nothing_but_the_exceptions) {
  std::vector<pillar::int128> values(1024, 5);
  values[17] = 90000;
  values[900] = -4;
  const auto from = integer_sample(pillar::type_of<std::int32_t>, values);
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  ASSERT_EQ(node.entries[0].width, 0u);
  ASSERT_EQ(node.entries[0].exception_count, 2u);
  ASSERT_TRUE(node.validate().ok());
  std::uint64_t mask[pillar::vector_words];
  const auto ask = [&](pillar::int128 lo, pillar::int128 hi, bool negated) {
    const auto test = pillar::integer_range(pillar::physical_type::int32, lo, hi, negated);
    return codec.match(node.section, 0, test, nullptr, mask).what;
  };
  EXPECT_EQ(ask(-4, 90000, false), pillar::verdict::all);
  EXPECT_EQ(ask(100, 80000, false), pillar::verdict::none);
  EXPECT_EQ(ask(6, 90000, false), pillar::verdict::some);
  EXPECT_EQ(pillar::count_bits(mask, pillar::vector_rows), 1u);
  EXPECT_TRUE(pillar::get_bit(mask, 17));
  EXPECT_EQ(ask(0, 10, false), pillar::verdict::some);
  EXPECT_EQ(pillar::count_bits(mask, pillar::vector_rows), 1022u);
  EXPECT_EQ(ask(0, 10, true), pillar::verdict::some);
  EXPECT_EQ(pillar::count_bits(mask, pillar::vector_rows), 2u);
}

}  // namespace
}  // namespace pillar_test::codec_patched
