// SPDX-License-Identifier: Apache-2.0
// A user's codec in blocks; examples/own_codec has one in a query.
#include "pillar/codec/codec_set.hpp"

#include "support/block_cases.hpp"
#include "support/run_length_codec.hpp"

namespace pillar_test::codec_codec_set {
namespace {

constexpr pillar::codec_set own = pillar::codecs<run_length<>>;

block_source runs() {
  pillar::splitmix64 random(1);
  const auto type = pillar::type_of<std::int32_t>.as_nullable();
  std::vector<pillar::scalar> cells;
  for (int i = 0; i < 1000; ++i) {
    if (i == 0 || random.chance(1, 200)) cells.push_back(random_scalar(random, type, 1u << 30));
    else cells.push_back(cells.back());
  }
  return make_source(type, cells);
}

TEST(codec_codec_set, is_chosen_where_it_is_the_smallest_and_answers_like_the_others) {
  pillar::splitmix64 random(2);
  block_seen seen;
  const auto source = runs();
  const auto bytes = pillar::encode_block(source.views, {.codecs = own});
  ASSERT_TRUE(bytes.ok());
  const auto block = pillar::open_block(bytes->bytes(), {.codecs = own});
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(block->codec(), run_length<>::id);
  expect_holds(*block, source.cells);
  for (int i = 0; i < 20; ++i)
    expect_matches(*block, source.cells, random_domain(random, source.type, source.cells), nullptr, seen);
  EXPECT_GT(seen.none, 0u);
  EXPECT_GT(seen.some, 0u);
  EXPECT_EQ(seen.unknown, 0u);
}

TEST(codec_codec_set, blocks_of_codecs_that_are_not_listed_are_unsupported) {
  const auto bytes = *pillar::encode_block(runs().views, {.codecs = own});
  EXPECT_EQ(pillar::open_block(bytes.bytes()).error().code, pillar::errc::unsupported);
  EXPECT_EQ(pillar::encode_block(runs().views, {.codec = run_length<>::id}).error().code,
            pillar::errc::invalid_argument);
  EXPECT_EQ(pillar::encode_block(runs().views, {.codec = run_length<>::id, .codecs = own}).error().code,
            pillar::errc::ok);
}

TEST(codec_codec_set, ids_below_128_are_never_found) {
  pillar::codec_functions named = pillar::codec_functions_of<run_length<>>;
  named.id = pillar::codec_id{7};
  const pillar::codec_functions* const list[] = {&named};
  EXPECT_EQ(pillar::codec_set(list).find(7), nullptr);
  EXPECT_EQ(own.find(130), &pillar::codec_functions_of<run_length<>>);
  EXPECT_EQ(own.find(131), nullptr);
}

}  // namespace
}  // namespace pillar_test::codec_codec_set
