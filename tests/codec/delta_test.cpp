// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/delta.hpp"

#include "support/arch_levels.hpp"
#include "support/codec_cases.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::codec_delta {
namespace {

constexpr const pillar::codec_functions& codec = pillar::codec_functions_of<pillar::delta_codec>;

/// Values whose differences take `width` bits above `least`, modulo the type.
pillar::conformance::sample walk(pillar::splitmix64& random, pillar::data_type type, pillar::int128 start,
                                 pillar::int128 least, std::uint32_t width, std::size_t count) {
  std::vector<pillar::int128> values;
  std::vector<bool> nulls;
  const std::uint64_t most = pillar::packed_max_field(width);
  pillar::int128 value = start;
  for (std::size_t row = 0; row < count; ++row) {
    values.push_back(value);
    nulls.push_back(type.nullable && random.chance(1, 7));
    value += least + static_cast<pillar::int128>(random() & most);
    const pillar::int128 lowest = pillar::lowest_of(type.physical), highest = pillar::highest_of(type.physical);
    const pillar::int128 span = highest - lowest + 1;
    value = (value - lowest) % span;
    value = lowest + (value < 0 ? value + span : value);
  }
  return integer_sample(type, values, nulls, count % 2 == 0);
}

bool takes(const pillar::data_type& type) {
  return type.physical <= pillar::physical_type::uint64 && type.physical != pillar::physical_type::boolean;
}

TEST(codec_delta, every_type_width_and_length) {
  pillar::splitmix64 random(1);
  node_seen seen;
  const std::uint32_t lengths[] = {1, 2, 64, 65, 130, 511, 512, 513, 1023, 1024, 1025, 2100};
  for (const pillar::data_type& type : pillar::conformance::every_type()) {
    if (!takes(type)) continue;
    const auto bits = static_cast<std::uint32_t>(8 * pillar::byte_width(type.physical));
    for (std::uint32_t width = 0; width <= bits; width += width < 10 ? 1 : sanitized ? 13 : 4)
      for (const int least : {0, -100}) {
        const auto count = lengths[random.below(std::size(lengths))];
        const auto from =
            walk(random, type, width % 2 == 0 ? 5 : pillar::lowest_of(type.physical), least, width, count);
        EXPECT_TRUE(check_column(codec, from, random, seen, {}, 5, 3));
        if (HasFailure()) return;
      }
  }
  EXPECT_GT(seen.none, 50u);
  EXPECT_GT(seen.all, 50u);
  EXPECT_GT(seen.some, 50u);
  EXPECT_GT(seen.bounds, 50u);
}

TEST(codec_delta, samples_of_every_shape) {
  node_seen seen;
  check_samples(codec, 150, seen);
}

TEST(codec_delta, gaps_below_128_take_seven_bits_and_sixteen_bytes_a_vector) {
  pillar::splitmix64 random(2);
  const auto from = walk(random, pillar::type_of<std::int32_t>, 1000, 0, 7, 4096);
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  EXPECT_LE(node.plan.data_bytes, 4u * (128 * 7 + 16));
}

TEST(codec_delta, nulls_lie_on_the_line_between_their_neighbours) {
  std::vector<pillar::int128> values;
  std::vector<bool> nulls;
  for (int row = 0; row < 1024; ++row) {
    values.push_back(1'000'000'000'000 + 60 * row + row % 2);
    nulls.push_back(row < 20 || row > 1000 || row % 5 == 2 || (row > 500 && row < 530));
  }
  const auto from = integer_sample(pillar::type_of<std::int64_t>.as_nullable(), values, nulls);
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  EXPECT_EQ(node.entries[0].width, 2u);  // 59 … 61
  pillar::splitmix64 random(3);
  node_seen seen;
  EXPECT_TRUE(check_column(codec, from, random, seen));
}

TEST(codec_delta, every_level_gives_the_same_bytes_and_values) {
  pillar::splitmix64 random(4);
  for (const auto& type :
       {pillar::type_of<std::uint32_t>, pillar::type_of<std::int64_t>, pillar::type_of<std::int16_t>})
    for (const std::uint32_t width : {0u, 5u, 8u, 13u, 23u, 24u, 40u}) {
      if (width > 8 * pillar::byte_width(type.physical)) continue;
      const auto from = walk(random, type, 77, -3, width, 1500);
      std::vector<std::byte> first;
      for (const pillar::arch_level level : levels_to_test(pillar::delta_kernels_for)) {
        node_options options;
        options.level = level;
        encoded_node node;
        ASSERT_TRUE(encode_node(codec, type, from.vectors, options, node));
        if (first.empty()) first.assign(node.data->data(), node.data->data() + node.plan.data_bytes);
        ASSERT_EQ(std::memcmp(first.data(), node.data->data(), first.size()), 0);
        ASSERT_TRUE(node.validate().ok());
        node_seen seen;
        check_node(node, from, random, 3, seen);
      }
    }
}

TEST(codec_delta, ranges_over_ascending_vectors) {
  std::vector<pillar::int128> values;
  for (int row = 0; row < 1024; ++row) values.push_back(10 * (row / 2));
  const auto from = integer_sample(pillar::type_of<std::int32_t>, values);
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  ASSERT_TRUE(node.validate().ok());
  std::uint64_t mask[pillar::vector_words];
  const auto ask = [&](int lo, int hi, bool negated = false) {
    const auto test = pillar::integer_range(pillar::physical_type::int32, lo, hi, negated);
    return codec.match(node.section, 0, test, nullptr, mask).what;
  };
  EXPECT_EQ(ask(-5, -1), pillar::verdict::none);
  EXPECT_EQ(ask(5111, 90000), pillar::verdict::none);
  EXPECT_EQ(ask(11, 19), pillar::verdict::none);
  EXPECT_EQ(ask(0, 5110), pillar::verdict::all);
  EXPECT_EQ(ask(0, 5110, true), pillar::verdict::none);
  EXPECT_EQ(ask(10, 20), pillar::verdict::some);
  EXPECT_EQ(pillar::count_bits(mask, pillar::vector_rows), 4u);
  EXPECT_TRUE(pillar::get_bit(mask, 2) && pillar::get_bit(mask, 5));
}

TEST(codec_delta, a_chain_begins_at_its_start) {
  pillar::splitmix64 random(3);
  const auto type = pillar::type_of<std::int32_t>;
  const auto column = walk(random, type, 100, 5, 8, 1024);
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, type, column.vectors, {}, node));
  ASSERT_TRUE(node.validate().ok());
  ASSERT_EQ(node.entries[0].width, 8);  // a field is a byte, and stands where its position says
  for (const std::size_t at : {0u, 4u}) {
    node.data->data()[at] ^= std::byte{1};
    EXPECT_EQ(node.validate().error().code, pillar::errc::corrupt) << at;
    node.data->data()[at] ^= std::byte{1};
  }
}

}  // namespace
}  // namespace pillar_test::codec_delta
