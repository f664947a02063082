// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/chooser.hpp"

#include "pillar/codec/encoding_report.hpp"
#include "support/block_cases.hpp"

namespace pillar_test::codec_chooser {
namespace {

using pillar::scalar;
const auto int32 = pillar::type_of<std::int32_t>;
const auto int64 = pillar::type_of<std::int64_t>;
const auto word = pillar::type_of<pillar::text>;

template <class Cell>
block_source column(pillar::data_type type, std::uint32_t row_count, Cell&& cell) {
  std::vector<scalar> cells;
  for (std::uint32_t n = 0; n < row_count; ++n) cells.push_back(cell(n));
  return make_source(type, std::move(cells));
}
block_source integers(std::uint32_t row_count, auto&& value) {
  return column(int64, row_count,
                [&](std::uint32_t n) { return scalar::of_integer(int64, static_cast<std::int64_t>(value(n))); });
}

std::string tree_of(const block_source& source, const pillar::block_options& options = {}) {
  const auto bytes = pillar::encode_block(source.views, options);
  EXPECT_TRUE(bytes.ok());
  const auto block = pillar::open_block(bytes->bytes());
  EXPECT_TRUE(block.ok());
  expect_holds(*block, source.cells);
  return to_string(block->node(0));
}

TEST(codec_chooser, each_codec_is_chosen_where_it_fits) {
  pillar::splitmix64 random(1);
  constexpr std::uint32_t rows = 20000;
  EXPECT_EQ(tree_of(integers(rows, [](std::uint32_t) { return 5; })), "constant");
  EXPECT_EQ(tree_of(integers(rows, [&](std::uint32_t) { return random.below(1000); })), "frame_of_reference");
  EXPECT_EQ(tree_of(integers(rows, [](std::uint32_t n) { return 7 + 3 * n; })), "sequence");
  EXPECT_EQ(tree_of(integers(rows, [&](std::uint32_t n) { return random.below(n % 100 == 7 ? 1u << 30 : 16u); })),
            "patched");
  std::uint64_t sum = 0;
  EXPECT_EQ(tree_of(integers(rows, [&](std::uint32_t) { return sum += 90 + random.below(16); })), "delta");
  EXPECT_EQ(
      tree_of(integers(rows, [&](std::uint32_t n) { return n / 500 * 123456789u % 1000003u; })).rfind("run_end(", 0),
      0u);
  EXPECT_EQ(tree_of(integers(rows, [&](std::uint32_t) { return random.below(4) * 999999999999u; })), "dictionary");
}

TEST(codec_chooser, children_are_compressed_too) {
  // Sorted keys with runs of different lengths: the values of runs are a column of small steps.
  pillar::splitmix64 random(2);
  std::uint64_t key = 0, left = 0;
  const auto source = integers(65536, [&](std::uint32_t) {
    if (left == 0) key += 1 + random.below(4), left = 1 + random.below(200);
    --left;
    return key * 100;
  });
  const auto tree = tree_of(source);
  EXPECT_EQ(tree.rfind("run_end(", 0), 0u) << tree;
}

TEST(codec_chooser, a_policy_weighs_bytes_against_decoding) {
  // Two bits a code against eleven a distance: a third of a byte more, or a look-up more.
  const auto source = integers(65536, [](std::uint32_t n) { return n * 2654435761u % 4 * 400; });
  EXPECT_EQ(tree_of(source, {.policy = pillar::encoding_policy::memory()}), "frame_of_reference");
  EXPECT_EQ(tree_of(source, {.policy = pillar::encoding_policy::object_store()}), "dictionary");
}

TEST(codec_chooser, a_choice_is_kept_until_its_size_drifts) {
  pillar::splitmix64 random(4);
  const auto narrow = integers(30000, [&](std::uint32_t) { return random.below(1000); });
  const auto similar = integers(30000, [&](std::uint32_t) { return 5000 + random.below(1000); });
  const auto runs = integers(30000, [&](std::uint32_t n) { return n / 1000 % 1000; });
  pillar::encoding_choice choice;
  const auto encode = [&](const block_source& source) {
    const auto bytes = pillar::encode_block(source.views, {.previous = &choice});
    EXPECT_TRUE(bytes.ok());
    const auto block = pillar::open_block(bytes->bytes());
    expect_holds(*block, source.cells);
    return block->codec();
  };
  EXPECT_EQ(encode(narrow), pillar::codec_id::frame_of_reference);
  const std::uint64_t made_for = choice.data_bytes;
  EXPECT_EQ(encode(similar), pillar::codec_id::frame_of_reference);
  EXPECT_EQ(choice.data_bytes, made_for) << "looked again";
  EXPECT_NE(encode(runs), pillar::codec_id::frame_of_reference);
  EXPECT_NE(choice.data_bytes, made_for);
  EXPECT_EQ(encode(narrow), pillar::codec_id::frame_of_reference);
}

TEST(codec_chooser, a_kept_tree_gives_the_bytes_of_a_chosen_one) {
  const auto source = integers(50000, [](std::uint32_t n) { return n / 300 * 7919u % 5000; });
  pillar::encoding_choice choice;
  const auto first = *pillar::encode_block(source.views, {.previous = &choice});
  const auto again = *pillar::encode_block(source.views, {.previous = &choice});
  ASSERT_EQ(first.size(), again.size());
  EXPECT_EQ(std::memcmp(first.data(), again.data(), first.size()), 0);
  EXPECT_GE(pillar::open_block(again.bytes())->node_count(), 2u);
}

TEST(codec_chooser, the_report_says_what_was_tried_and_why) {
  pillar::splitmix64 random(6);
  const auto source = integers(30000, [&](std::uint32_t) { return random.below(1u << 20); });
  pillar::encoding_report report;
  ASSERT_TRUE(pillar::report_encoding(source.views, {}, report).ok());
  EXPECT_EQ(report.row_count, 30000u);
  EXPECT_EQ(report.raw_bytes, 240000u);
  ASSERT_NE(report.chosen(), nullptr);
  EXPECT_EQ(report.chosen()->tree, "frame_of_reference");
  const auto bytes = *pillar::encode_block(source.views);
  EXPECT_EQ(report.chosen()->data_bytes, pillar::open_block(bytes.bytes())->node(0).data_bytes);
  std::size_t chosen = 0;
  for (const auto& candidate : report.candidates) {
    chosen += candidate.verdict == pillar::encoding_verdict::chosen;
    if (candidate.codec == pillar::codec_id::constant) EXPECT_EQ(candidate.reason, "several values");
    if (candidate.codec == pillar::codec_id::dictionary) EXPECT_EQ(candidate.reason, "too many values");
    if (candidate.codec == pillar::codec_id::run_end) EXPECT_EQ(candidate.reason, "hardly any runs");
  }
  EXPECT_EQ(chosen, 1u);
  EXPECT_EQ(report.candidates.size(), pillar::own_codecs().size());
  const std::string text = to_string(report);
  EXPECT_NE(text.find("30000 rows, 0 NULL, 240000 bytes raw"), std::string::npos) << text;
  EXPECT_NE(text.find("  * frame_of_reference"), std::string::npos) << text;
}

}  // namespace
}  // namespace pillar_test::codec_chooser
