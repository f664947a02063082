// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/explain.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "pillar/storage/row_group.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test::storage_explain {
namespace {

using pillar::answer_layer;
using pillar::codec_id;
using pillar::scalar;

TEST(storage_explain, the_directory_claims_hold_for_every_type_and_codec) {
  pillar::splitmix64 random(6);
  std::array<int, 16> made{};
  for (const bool nullable : {false, true})
    for (const pillar::data_type& type : every_type(nullable))
      for (const std::uint64_t distinct : {1u, 5u, 400u}) {
        const auto cells = random_cells(random, type, 700, distinct);
        const auto values = make_vector(type, cells);
        const auto block = pillar::make_stored_block({&values.view, 1}, {}, nullptr);
        ASSERT_TRUE(block.ok());
        ++made[static_cast<std::size_t>(block->view.codec())];
        const auto claim = claim_of(3, block->view, 0);
        EXPECT_EQ(claim.column, 3u);
        for (const scalar& cell : cells)
          EXPECT_TRUE(claim.holds(cell)) << to_string(type) << ' ' << to_string(block->view.codec()) << ' '
                                         << to_string(cell) << ": " << describe(claim);
        const codec_id codec = block->view.codec();
        const bool claims = codec != codec_id::raw && codec != codec_id::delta && codec != codec_id::decimal_double &&
                            codec != codec_id::real_double && codec != codec_id::split_int128;
        if (claims && claim.may_be_value) EXPECT_FALSE(claim.min.null || claim.max.null) << to_string(type);
      }
  for (std::size_t codec = 0; codec < 4; ++codec) EXPECT_GT(made[codec], 0);
}

TEST(storage_explain, the_layer_is_the_part_that_answered) {
  const pillar::data_type type = pillar::type_of<pillar::nullable<std::int32_t>>;
  std::vector<scalar> cells{scalar::of_null(type)};
  for (int i = 0; i < 300; ++i) cells.push_back(scalar::of_integer(type, 1'000 + i % 200));
  const auto values = make_vector(type, cells);
  const auto witness_of = [&](codec_id codec, int lo, int hi) {
    pillar::block_options options;
    options.codec = codec;
    const auto block = pillar::make_stored_block({&values.view, 1}, options, nullptr);
    EXPECT_TRUE(block.ok());
    const auto source = block->view.vector_at(0);
    const auto test = pillar::integer_range(type.physical, lo, hi);
    std::uint64_t mask[pillar::vector_words];
    return explain(0, 0, test, block->view, 0, source.operations->match(source.block, 0, test, nullptr, mask));
  };
  EXPECT_EQ(witness_of(codec_id::frame_of_reference, 0, 999).layer, answer_layer::directory);
  EXPECT_TRUE(witness_of(codec_id::frame_of_reference, 0, 999).follows);
  EXPECT_EQ(witness_of(codec_id::frame_of_reference, 0, 999).outcome.verdict(), pillar::zone_verdict::none);
  EXPECT_EQ(witness_of(codec_id::frame_of_reference, 1'000, 1'003).layer, answer_layer::packed);
  EXPECT_EQ(witness_of(codec_id::dictionary, 1'000, 1'003).layer, answer_layer::dictionary);
  EXPECT_EQ(witness_of(codec_id::dictionary, 1'000, 1'003).matching_entries, 4u);
  EXPECT_EQ(witness_of(codec_id::dictionary, 1'000, 1'003).entry_count, 200u);
  EXPECT_EQ(witness_of(codec_id::raw, 1'000, 1'003).layer, answer_layer::decoded);
}

}  // namespace
}  // namespace pillar_test::storage_explain
