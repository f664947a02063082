// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/sequence.hpp"

#include "support/codec_cases.hpp"

namespace pillar_test::codec_sequence {
namespace {

constexpr const pillar::codec_functions& codec = pillar::codec_functions_of<pillar::sequence_codec>;

/// first + step × row, a NULL where one falls; cut off where the type ends.
pillar::conformance::sample steps(pillar::splitmix64& random, pillar::data_type type, pillar::int128 first,
                                  pillar::int128 step, std::size_t count) {
  std::vector<pillar::int128> values;
  std::vector<bool> nulls;
  for (std::size_t row = 0; row < count; ++row) {
    const pillar::int128 value = first + step * static_cast<pillar::int128>(row);
    if (value < pillar::lowest_of(type.physical) || value > pillar::highest_of(type.physical)) break;
    values.push_back(value);
    nulls.push_back(type.nullable && random.chance(1, 5));
  }
  return integer_sample(type, values, nulls, count % 2 == 0);
}

TEST(codec_sequence, every_type_step_and_length) {
  pillar::splitmix64 random(1);
  node_seen seen;
  std::uint32_t lengths[] = {1, 2, 3, 63, 64, 65, 128, 130, 1023, 1024, 1025, 3000};
  for (const pillar::data_type& type : pillar::conformance::every_type()) {
    if (type.physical > pillar::physical_type::uint64) continue;
    const pillar::int128 lowest = pillar::lowest_of(type.physical), highest = pillar::highest_of(type.physical);
    for (const pillar::int128 step : {pillar::int128{0}, pillar::int128{1}, pillar::int128{-1}, pillar::int128{7},
                                      pillar::int128{-1000}, highest / 2000, lowest / 900}) {
      const auto length = lengths[random.below(std::size(lengths))];
      const pillar::int128 first = step < 0 ? highest : lowest;
      EXPECT_TRUE(check_column(codec, steps(random, type, first, step, length), random, seen));
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(seen.none, 100u);
  EXPECT_GT(seen.all, 100u);
  EXPECT_GT(seen.some, 100u);
  EXPECT_GT(seen.sums, 100u);
  EXPECT_GT(seen.bounds, 100u);
  EXPECT_GT(seen.fetches, 100u);
  EXPECT_EQ(seen.unknown, 0u);
}

TEST(codec_sequence, one_step_for_the_block_and_others_where_vectors_differ) {
  std::vector<pillar::int128> values;
  for (int row = 0; row < 3072; ++row) values.push_back(row < 1024 ? 5 * row : row < 2048 ? 90000 - 3 * row : 5 * row);
  const auto from = integer_sample(pillar::type_of<std::int64_t>, values);
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  EXPECT_EQ(node.plan.data_bytes, 16u);
  EXPECT_EQ(node.entries[1].bytes, 8u);
  EXPECT_EQ(node.entries[2].bytes, 0u);
  pillar::splitmix64 random(2);
  node_seen seen;
  EXPECT_TRUE(check_column(codec, from, random, seen));
}

TEST(codec_sequence, what_is_no_sequence_is_not_taken) {
  const auto taken = [](pillar::data_type type, const std::vector<pillar::int128>& values,
                        const std::vector<bool>& nulls = {}) {
    const auto from = integer_sample(type, values, nulls);
    encoded_node node;
    return encode_node(codec, from.type, from.vectors, {}, node);
  };
  const auto int32 = pillar::type_of<std::int32_t>.as_nullable();
  EXPECT_TRUE(taken(int32, {1, 2, 3, 4}));
  EXPECT_FALSE(taken(int32, {1, 2, 3, 5}));
  EXPECT_TRUE(taken(int32, {1, 0, 3, 4}, {false, true, false, false}));
  EXPECT_FALSE(taken(int32, {1, 0, 4}, {false, true, false}));  // one and a half a row
  EXPECT_FALSE(taken(pillar::type_of<std::int8_t>.as_nullable(), {100, 120, 0}, {false, false, true}));  // 140
  EXPECT_TRUE(taken(pillar::type_of<std::int8_t>.as_nullable(), {120, 0, 0}, {false, true, true}));
  EXPECT_FALSE(taken(pillar::type_of<std::uint64_t>, {pillar::highest_of(pillar::physical_type::uint64), 0}));
}

TEST(codec_sequence, a_line_that_leaves_the_type_is_refused) {
  const auto from = integer_sample(pillar::type_of<std::int8_t>, {1, 2, 3, 4, 5, 6, 7, 8});
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  ASSERT_TRUE(node.validate().ok());
  node.data->data()[0] = std::byte{18};  // 1 + 7 × 18 = 127
  EXPECT_TRUE(node.validate().ok());
  node.data->data()[0] = std::byte{19};
  EXPECT_FALSE(node.validate().ok());
}

}  // namespace
}  // namespace pillar_test::codec_sequence
