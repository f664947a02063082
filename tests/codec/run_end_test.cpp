// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/run_end.hpp"

#include "pillar/codec/constant.hpp"
#include "pillar/codec/delta.hpp"
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/frame_of_reference.hpp"
#include "pillar/codec/text_symbols.hpp"
#include "support/codec_cases.hpp"

namespace pillar_test::codec_run_end {
namespace {

using pillar::codec_functions_of;
constexpr const pillar::codec_functions& codec = codec_functions_of<pillar::run_end_codec>;

/// The cells of a shape, each repeated about `length` times.
pillar::conformance::sample repeated(pillar::splitmix64& random, pillar::data_type type,
                                     pillar::conformance::sample_shape shape, std::uint64_t length, std::size_t count) {
  const auto distinct = pillar::conformance::make_cells(random, type, shape, count);
  std::vector<pillar::scalar> cells;
  for (std::size_t i = 0; cells.size() < count; ++i)
    cells.insert(cells.end(), std::min<std::size_t>(1 + random.below(2 * length - 1), count - cells.size()),
                 distinct[i]);
  return pillar::conformance::make_sample(random, type, shape, std::move(cells), count % 2 == 0);
}

TEST(codec_run_end, every_type_shape_and_run_length) {
  pillar::splitmix64 random(1);
  node_seen seen;
  const std::uint32_t lengths[] = {1, 2, 64, 65, 130, 1000, 1023, 1024, 1025, 3000, 5000};
  std::uint32_t taken = 0;
  for (const pillar::data_type& type : pillar::conformance::every_type())
    for (std::uint32_t shape = 0; shape < pillar::conformance::sample_shape_count; ++shape) {
      const std::uint64_t length = std::uint64_t{2} << random.below(8);
      const auto from = repeated(random, type, static_cast<pillar::conformance::sample_shape>(shape), length,
                                 lengths[random.below(std::size(lengths))]);
      taken += check_column(codec, from, random, seen, {}, 4, 4);
      if (HasFailure()) return;
    }
  EXPECT_GT(taken, 300u);
  EXPECT_GT(seen.sums, 100u);
  EXPECT_GT(seen.bounds, 100u);
  EXPECT_GT(seen.fetches, 100u);
}

TEST(codec_run_end, children_of_every_kind) {
  pillar::splitmix64 random(2);
  node_seen seen;
  const pillar::codec_functions* const for_values[] = {&codec_functions_of<pillar::frame_of_reference_codec>,
                                                       &codec_functions_of<pillar::delta_codec>,
                                                       &codec_functions_of<pillar::dictionary_codec>};
  for (const auto* values : for_values)
    for (const auto& type : {pillar::type_of<std::int32_t>.as_nullable(), pillar::type_of<std::uint64_t>,
                             pillar::type_of<std::int16_t>.as_nullable()})
      for (const std::uint64_t length : {3u, 20u, 500u}) {
        node_options options;
        options.children[0] = values;
        options.children[1] = &codec_functions_of<pillar::frame_of_reference_codec>;
        const auto shape = pillar::conformance::sample_shape::few_values;
        EXPECT_TRUE(check_column(codec, repeated(random, type, shape, length, 5000), random, seen, options));
        if (HasFailure()) return;
      }
  EXPECT_GT(seen.none, 30u);
  EXPECT_GT(seen.all, 30u);
  EXPECT_GT(seen.some, 30u);
  // Text whose runs are codes, and text of one value.
  node_options text;
  text.children[0] = &codec_functions_of<pillar::dictionary_codec>;
  for (const std::uint64_t length : {3u, 40u})
    EXPECT_TRUE(check_column(codec,
                             repeated(random, pillar::type_of<pillar::text>.as_nullable(),
                                      pillar::conformance::sample_shape::few_values, length, 3000),
                             random, seen, text));
  text.children[0] = &codec_functions_of<pillar::text_symbols_codec>;
  for (const std::uint64_t length : {3u, 40u})
    check_column(codec,
                 repeated(random, pillar::type_of<pillar::text>.as_nullable(),
                          pillar::conformance::sample_shape::common_prefixes, length, 3000),
                 random, seen, text);
  text.children[0] = &codec_functions_of<pillar::constant_codec>;
  EXPECT_TRUE(check_column(codec,
                           repeated(random, pillar::type_of<pillar::text>.as_nullable(),
                                    pillar::conformance::sample_shape::one_value, 9, 3000),
                           random, seen, text));
}

TEST(codec_run_end, runs_of_several_vectors_share_a_child_vector) {
  std::vector<pillar::int128> values;
  for (int row = 0; row < 10240; ++row) values.push_back(row / 3);  // 342 runs a vector, three vectors together
  const auto from = integer_sample(pillar::type_of<std::int32_t>, values);
  encoded_node node;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
  EXPECT_EQ(node.plan.data_bytes, 0u);
  ASSERT_EQ(node.nodes.size(), 2u);
  EXPECT_EQ(node.nodes[0]->section.vector_count, 5u);
  EXPECT_EQ(node.nodes[1]->section.row_count, node.nodes[0]->section.row_count);
  ASSERT_TRUE(node.validate().ok());
  pillar::splitmix64 random(3);
  node_seen seen;
  check_node(node, from, random, 9, seen);
}

TEST(codec_run_end, what_has_no_runs_is_not_taken) {
  std::vector<pillar::int128> values;
  for (int row = 0; row < 4096; ++row) values.push_back(row % 2);
  const auto from = integer_sample(pillar::type_of<std::int32_t>, values);
  encoded_node node;
  EXPECT_FALSE(encode_node(codec, from.type, from.vectors, {}, node));
}

TEST(codec_run_end, lengths_must_add_up_to_the_rows) {
  std::vector<pillar::int128> values;
  for (int row = 0; row < 1000; ++row) values.push_back(row / 100);
  const auto from = integer_sample(pillar::type_of<std::int32_t>, values);
  const auto altered = [&](std::uint32_t run, std::uint16_t length) {
    encoded_node node;
    EXPECT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
    std::memcpy(node.nodes[1]->data->data() + std::size_t{2} * run, &length, 2);
    return node.validate().ok();
  };
  EXPECT_TRUE(altered(9, 100));
  EXPECT_FALSE(altered(9, 101));
  EXPECT_FALSE(altered(9, 99));
  EXPECT_FALSE(altered(3, 0));
  for (const std::uint64_t base : {std::uint64_t{9} << 32, std::uint64_t{0xa00010000}, std::uint64_t{0xa00000001},
                                   std::uint64_t{11} << 32, std::uint64_t{0}}) {
    encoded_node node;
    EXPECT_TRUE(encode_node(codec, from.type, from.vectors, {}, node));
    EXPECT_EQ(node.entries[0].base, 0xa00000000u);
    node.entries[0].base = base;
    EXPECT_FALSE(node.validate().ok()) << base;
  }
}

TEST(codec_run_end, matches_fill_the_rows_of_their_runs) {
  std::vector<pillar::int128> values;
  for (int row = 0; row < 1024; ++row) values.push_back(row / 200);
  const auto from = integer_sample(pillar::type_of<std::int32_t>, values);
  encoded_node node;
  node_options options;
  options.children[0] = &codec_functions_of<pillar::frame_of_reference_codec>;
  ASSERT_TRUE(encode_node(codec, from.type, from.vectors, options, node));
  ASSERT_TRUE(node.validate().ok());
  std::uint64_t mask[pillar::vector_words];
  const auto test = pillar::integer_range(pillar::physical_type::int32, 1, 3, true);
  ASSERT_EQ(codec.match(node.section, 0, test, nullptr, mask).what, pillar::verdict::some);
  for (std::uint32_t row = 0; row < 1024; ++row) ASSERT_EQ(pillar::get_bit(mask, row), row < 200 || row >= 800) << row;
}

}  // namespace
}  // namespace pillar_test::codec_run_end
