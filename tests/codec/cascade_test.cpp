// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/cascade.hpp"

#include "pillar/conformance/codec.hpp"
#include "support/block_cases.hpp"
#include "support/parent_codecs.hpp"
#include "support/run_length_codec.hpp"

namespace pillar_test::codec_cascade {
namespace {

constexpr pillar::codec_set own = pillar::codecs<halves, run_values>;
const auto int32 = pillar::type_of<std::int32_t>.as_nullable();

block_source runs_of(std::uint32_t row_count, int length) {
  std::vector<pillar::scalar> cells;
  pillar::splitmix64 random(row_count);
  for (std::uint32_t row = 0; row < row_count; ++row) {
    const auto run = static_cast<std::int32_t>(row) / length;
    cells.push_back(row % 11 == 5 ? pillar::scalar::of_null(int32)
                                  : pillar::scalar::of_integer(int32, (run % 5) << 16 | (run * 7 % 100)));
  }
  return make_source(int32, std::move(cells));
}

pillar::result<pillar::buffer> encode(const block_source& source, std::uint8_t root) {
  return pillar::encode_block(source.views, {.codec = pillar::codec_id{root}, .codecs = own});
}

TEST(codec_cascade, trees_give_back_what_went_in_and_their_bytes_add_up) {
  for (const std::uint32_t rows : {1u, 63u, 1024u, 5000u, 65536u})
    for (const int length : {1, 3, 700}) {
      const auto source = runs_of(rows, length);
      for (const std::uint8_t root : {std::uint8_t{131}, std::uint8_t{132}}) {
        SCOPED_TRACE(std::to_string(rows) + " rows in runs of " + std::to_string(length) + ", root " +
                     std::to_string(root));
        const auto bytes = encode(source, root);
        ASSERT_TRUE(bytes.ok());
        const auto block = pillar::open_block(bytes->bytes(), {.codecs = own});
        ASSERT_TRUE(block.ok()) << to_string(block.error().code) << " at " << block.error().position;
        EXPECT_EQ(block->codec(), pillar::codec_id{root});
        EXPECT_GE(block->node_count(), root == 131 ? 3u : 2u);
        expect_holds(*block, source.cells);
        if (HasFatalFailure()) return;
      }
    }
}

TEST(codec_cascade, a_tree_is_printed_as_calls) {
  const auto bytes = encode(runs_of(20000, 700), 132);
  ASSERT_TRUE(bytes.ok());
  const auto block = pillar::open_block(bytes->bytes(), {.codecs = own});
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(to_string(block->node(0)).rfind("user 132(", 0), 0u) << to_string(block->node(0));
  EXPECT_EQ(block->node(0).children, &block->node(1));
  EXPECT_EQ(block->node(1).vector_count, block->vector_count());
  EXPECT_LT(block->node(1).row_count, 100u);
}

TEST(codec_cascade, the_laws_hold_for_codecs_with_children) {
  for (const pillar::codec_functions* codec : own.members()) {
    pillar::conformance::settings how;
    how.rounds = 1;
    const auto found = pillar::conformance::check_codec(*codec, how);
    EXPECT_TRUE(found.ok()) << found;
  }
}

// ---- the shape of a tree, as bytes from outside may claim it
// ---------------------------------------------------------

using nodes = std::vector<pillar::data_section>;

nodes make_nodes(std::initializer_list<std::pair<const pillar::codec_functions*, std::uint32_t>> from) {
  nodes made;
  for (const auto& [codec, child_count] : from) {
    made.emplace_back();
    made.back().codec = codec;
    made.back().child_count = child_count;
  }
  return made;
}

TEST(codec_cascade, only_trees_of_three_levels_without_repetition_are_linked) {
  const auto* a = &pillar::codec_functions_of<halves>;
  const auto* b = &pillar::codec_functions_of<run_values>;
  const auto* c = &pillar::codec_functions_of<run_length<>>;
  const auto* leaf = pillar::find_codec(0, {});
  const auto links = [](nodes made) { return pillar::link_tree(made).ok(); };
  EXPECT_TRUE(links(make_nodes({{leaf, 0}})));
  EXPECT_TRUE(links(make_nodes({{a, 2}, {leaf, 0}, {leaf, 0}})));
  EXPECT_TRUE(links(make_nodes({{a, 2}, {b, 1}, {b, 1}, {leaf, 0}, {leaf, 0}})));
  EXPECT_TRUE(links(make_nodes({{a, 2}, {b, 2}, {c, 2}, {leaf, 0}, {leaf, 0}, {leaf, 0}, {leaf, 0}})));
  EXPECT_FALSE(links(make_nodes({{a, 1}, {b, 1}, {c, 1}, {leaf, 0}}))) << "four levels";
  EXPECT_FALSE(links(make_nodes({{a, 1}, {a, 1}, {leaf, 0}}))) << "below itself";
  EXPECT_FALSE(links(make_nodes({{a, 1}, {b, 1}, {a, 0}}))) << "below itself, two levels down";
  EXPECT_FALSE(links(make_nodes({{a, 3}, {leaf, 0}, {leaf, 0}, {leaf, 0}}))) << "three children";
  EXPECT_FALSE(links(make_nodes({{a, 2}, {leaf, 0}}))) << "a child that is not there";
  EXPECT_FALSE(links(make_nodes({{a, 1}, {leaf, 0}, {leaf, 0}}))) << "a node that is nobody's";
  nodes made = make_nodes({{a, 2}, {b, 1}, {leaf, 0}, {leaf, 0}});
  ASSERT_TRUE(pillar::link_tree(made).ok());
  EXPECT_EQ(made[0].children, &made[1]);
  EXPECT_EQ(made[1].children, &made[3]);
}

TEST(codec_cascade, views_keep_no_more_than_the_limits_allow) {
  std::vector<pillar::scalar> cells;
  const auto word = pillar::type_of<pillar::text>;
  for (int row = 0; row < 3000; ++row) cells.push_back(pillar::scalar::of_text(word, std::to_string(row % 1000)));
  const auto source = make_source(word, cells);
  const auto bytes = pillar::encode_block(source.views, {.codec = pillar::codec_id::dictionary});
  ASSERT_TRUE(bytes.ok());
  const auto data_bytes = pillar::open_block(bytes->bytes())->node(0).data_bytes;
  ASSERT_LT(data_bytes, 16000u);
  EXPECT_EQ(pillar::open_block(bytes->bytes(), {.max_decoded_bytes = 15999}).error().code,
            pillar::errc::limit_exceeded);
  // Slots, characters, and what the entries' own codec keeps.
  EXPECT_TRUE(pillar::open_block(bytes->bytes(), {.max_decoded_bytes = 40000}).ok());
}

TEST(codec_cascade, every_byte_and_every_truncation_of_a_tree) {
  const auto source = runs_of(40, 3);
  for (const std::uint8_t root : {std::uint8_t{131}, std::uint8_t{132}}) {
    const auto encoded = encode(source, root);
    ASSERT_TRUE(encoded.ok());
    std::vector<std::byte> bytes(encoded->bytes().begin(), encoded->bytes().end());
    const auto scratch = std::make_unique<pillar::vector_scratch>();
    std::uint64_t accepted = 0, seen = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      const std::byte original = bytes[at];
      for (unsigned change = 1 + at % 3; change < 256; change += 3) {
        bytes[at] = original ^ static_cast<std::byte>(change);
        ASSERT_FALSE(pillar::open_block(bytes, {.codecs = own}).ok());
        const auto block = pillar::open_block(bytes, {.codecs = own}, false);
        if (!block.ok()) continue;
        ++accepted;
        for (std::uint32_t v = 0; v < block->vector_count(); ++v) {
          pillar::vector out;
          const auto one = block->vector_at(v);
          EXPECT_TRUE(one.decode(*scratch, out).ok());
          for (std::uint32_t row = 0; row < out.size; ++row) seen += static_cast<std::uint64_t>(get(out, row).integer);
        }
      }
      bytes[at] = original;
    }
    for (std::size_t size = 0; size < bytes.size(); ++size)
      ASSERT_FALSE(pillar::open_block(std::span(bytes).first(size), {.codecs = own}, false).ok());
    EXPECT_GT(accepted, 0u);
    EXPECT_NE(seen, 1u);
  }
}

}  // namespace
}  // namespace pillar_test::codec_cascade
