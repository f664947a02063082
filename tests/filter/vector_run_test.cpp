// SPDX-License-Identifier: Apache-2.0
#include "pillar/filter/vector_run.hpp"

#include <gtest/gtest.h>

#include "pillar/base/env.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/expr/domain.hpp"
#include "pillar/storage/block.hpp"

namespace pillar_test::filter_vector_run {
namespace {

using pillar::bound_node;
using pillar::codec_id;

constexpr std::uint32_t vector_count = 5, row_count = 4 * 1024 + 300;

/// A column of small numbers, its first vector all alike, behind a codec.
struct encoded_column {
  encoded_column(pillar::splitmix64& random, codec_id codec, bool nullable) {
    pillar::column_builder builder(pillar::type_of<std::int32_t>.as_nullable());
    for (std::uint32_t i = 0; i < row_count; ++i) {
      const bool null = nullable && random.chance(1, 9);
      EXPECT_TRUE(
          (null ? builder.append_null() : builder.append_integer(i < 1024 ? 7 : static_cast<int>(random.below(40))))
              .ok());
    }
    column = *builder.finish();
    std::vector<pillar::vector> vectors;
    for (std::uint32_t at = 0; at < row_count; at += 1024)
      vectors.push_back(column.slice(at, std::min(1024u, row_count - at)));
    pillar::block_options options;
    options.codec = codec;
    bytes = *pillar::encode_block(vectors, options);
    view = *pillar::open_block(bytes.bytes());
  }
  pillar::column column;
  pillar::buffer bytes;
  pillar::block_view view;
};

/// One to four conjuncts: mostly ranges of plain columns, some null tests, points, and comparisons of two columns.
pillar::bound_predicate random_predicate(pillar::splitmix64& random) {
  const auto type = pillar::type_of<std::int32_t>.as_nullable();
  pillar::bound_predicate made;
  for (std::uint32_t c = 0; c < 3; ++c) {
    pillar::bound_value value;
    value.type = type;
    value.column = c;
    made.values.push_back(value);
  }
  for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
    bound_node node;
    node.left = static_cast<std::uint32_t>(random.below(3));
    node.kind = bound_node::kind_type::test;
    const int from = static_cast<int>(random.below(30));
    node.test = pillar::integer_range(type.physical, from, from + static_cast<int>(random.below(25)));
    if (random.chance(1, 8)) node.test = pillar::null_test(type.physical, random.chance(1, 2));
    if (random.chance(1, 8)) {
      node.kind = bound_node::kind_type::compare;
      node.op = pillar::compare_operator::less;
      node.right = static_cast<std::uint32_t>(random.below(3));
    }
    made.conjuncts.push_back(static_cast<std::uint32_t>(made.nodes.size()));
    made.nodes.push_back(node);
  }
  return made;
}

TEST(filter_vector_run, leaves_what_apply_leaves_vector_by_vector) {
  pillar::splitmix64 random(31);
  std::uint64_t decided = 0, undecided = 0, emptied = 0;
  for (int round = 0; round < 150; ++round) {
    std::vector<encoded_column> columns;
    columns.emplace_back(random, codec_id::frame_of_reference, random.chance(1, 2));
    columns.emplace_back(random, random.chance(1, 3) ? codec_id::raw : codec_id::frame_of_reference,
                         random.chance(1, 2));
    columns.emplace_back(random, codec_id::dictionary, random.chance(1, 2));
    const pillar::bound_predicate predicate = random_predicate(random);
    pillar::predicate_state state(predicate);
    auto run = std::make_unique<pillar::vector_run>();
    run->count = vector_count;
    run->open = 0b11111;
    run->settled.assign(predicate.conjuncts.size(), 0);
    run->touched.resize(columns.size());
    for (const auto& column : columns) run->columns.push_back(column.view.vector_at(0));
    for (std::uint32_t v = 0; v < vector_count; ++v)
      run->rows[v] = pillar::selection_mask::first(std::min(1024u, row_count - v * 1024));
    pillar::ask_encoded(state, *run);
    for (std::uint32_t v = 0; v < vector_count; ++v) {
      const std::uint32_t count = std::min(1024u, row_count - v * 1024);
      const auto batch_of = [&](std::vector<pillar::batch_column>& into, bool began) {
        into.resize(columns.size());
        for (std::uint32_t c = 0; c < columns.size(); ++c) {
          into[c].source = run->vector_at(c, v);
          if (began) into[c].touched = run->touched[c].dearest(v);
        }
        return pillar::batch{count, began ? run->rows[v] : pillar::selection_mask::first(count), into};
      };
      std::vector<pillar::batch_column> alone_columns, after_columns;
      pillar::batch alone = batch_of(alone_columns, false), after = batch_of(after_columns, true);
      ASSERT_TRUE(apply(state, alone).ok());
      const bool open = ((run->open >> v) & 1) != 0;
      if (((run->undecided >> v) & 1) != 0) {
        ASSERT_TRUE(open);
        ASSERT_TRUE(apply(state, after, run->settled_of(v)).ok());
        ++undecided;
      } else {
        ASSERT_EQ(open, alone.selection.any());
        ++(open ? decided : emptied);
      }
      if (open) {
        ASSERT_EQ(after.selection, alone.selection) << "round " << round << " vector " << v;
      }
      for (std::size_t c = 0; c < columns.size(); ++c)
        ASSERT_EQ(after_columns[c].touched, alone_columns[c].touched) << "round " << round << " vector " << v;
    }
  }
  EXPECT_GT(decided, 50u);
  EXPECT_GT(undecided, 50u);
  EXPECT_GT(emptied, 50u);
}

}  // namespace
}  // namespace pillar_test::filter_vector_run
