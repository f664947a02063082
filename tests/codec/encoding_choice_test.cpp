// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/encoding_choice.hpp"

#include "support/block_cases.hpp"

namespace pillar_test::codec_encoding_choice {
namespace {

using pillar::codec_id;
using pillar::encoding_policy;
using pillar::scalar;
const auto int64 = pillar::type_of<std::int64_t>;

TEST(codec_encoding_choice, bytes_cost_more_the_farther_they_lie) {
  static_assert(encoding_policy::memory().byte_cost < encoding_policy::local_disk().byte_cost);
  static_assert(encoding_policy::local_disk().byte_cost < encoding_policy{}.byte_cost);
  static_assert(encoding_policy{}.byte_cost < encoding_policy::object_store().byte_cost);
  static_assert(encoding_policy::fewest_bytes().reads == 0);
  static_assert(pillar::encoding_preset{}.codecs.empty());
}

TEST(codec_encoding_choice, a_choice_names_the_nodes_of_the_tree_in_their_order) {
  pillar::splitmix64 random(1);
  std::vector<scalar> cells;
  while (cells.size() < 5000) {
    const scalar value = scalar::of_integer(int64, static_cast<int>(random.below(1'000'000)));
    cells.insert(cells.end(), 20 + random.below(60), value);
  }
  const block_source source = make_source(int64, cells);
  pillar::encoding_choice choice;
  EXPECT_EQ(choice.node_count, 0u);
  const auto bytes = *pillar::encode_block(source.views, {.previous = &choice});
  const auto block = *pillar::open_block(bytes.bytes());
  ASSERT_GT(block.node_count(), 1u);
  ASSERT_EQ(choice.node_count, block.node_count());
  EXPECT_EQ(choice.codecs[0], codec_id::run_end);
  EXPECT_EQ(choice.row_count, cells.size());
  std::uint64_t own_bytes = 0;
  for (std::uint32_t i = 0; i < block.node_count(); ++i) {
    EXPECT_EQ(choice.codecs[i], block.node(i).codec->id);
    EXPECT_EQ(choice.child_counts[i], block.node(i).child_count);
    own_bytes += block.node(i).data_bytes;
  }
  EXPECT_GE(choice.data_bytes, own_bytes);  // and up to 7 zeros before each node
  EXPECT_LT(choice.data_bytes, own_bytes + 8 * block.node_count());
}

TEST(codec_encoding_choice, fewest_bytes_are_taken_whatever_decoding_costs) {
  // Two bits a code against eleven a distance.
  std::vector<scalar> cells;
  for (std::uint32_t n = 0; n < 20000; ++n) cells.push_back(scalar::of_integer(int64, n * 2654435761u % 4 * 400));
  const block_source source = make_source(int64, cells);
  const auto codec_by = [&](encoding_policy policy) {
    return pillar::open_block((*pillar::encode_block(source.views, {.policy = policy})).bytes())->codec();
  };
  EXPECT_EQ(codec_by(encoding_policy::memory()), codec_id::frame_of_reference);
  EXPECT_EQ(codec_by(encoding_policy::fewest_bytes()), codec_id::dictionary);
}

}  // namespace
}  // namespace pillar_test::codec_encoding_choice
