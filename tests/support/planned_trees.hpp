// SPDX-License-Identifier: Apache-2.0
/// Blocks of a tree that a test wants, named or at random, instead of the one that the chooser takes.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/codec/cascade.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/simd/dispatch.hpp"
#include "pillar/storage/block.hpp"

namespace pillar_test {

/// Plans a tree codec by codec, from the root down. No codec below itself, three levels at most.
class tree_planner {
 public:
  /// Any legal tree, those with children preferred.
  explicit tree_planner(pillar::splitmix64& random) : random_(&random) {}
  /// The tree that to_string prints so.
  explicit tree_planner(std::string_view name) : name_(name) {}

  /// False: some node's codec does not take its column, or the names do not fit.
  bool plan(const pillar::encode_input& input, pillar::planned_tree& out) {
    const pillar::codec_functions* above[pillar::max_codec_depth] = {};
    return node(input, above, 0, out);
  }

 private:
  using codec = const pillar::codec_functions*;

  bool node(const pillar::encode_input& input, codec (&above)[pillar::max_codec_depth], std::uint32_t depth,
            pillar::planned_tree& out) {
    for (codec candidate : candidates()) {
      if (std::find(above, above + depth, candidate) != above + depth) continue;
      auto plan = candidate->analyze(input);
      if (!plan.ok() || !plan->possible) continue;
      if (plan->child_count != 0 && depth + 1 >= pillar::max_codec_depth) continue;
      pillar::planned_node root;
      root.codec = candidate;
      root.input = input;
      root.plan = *std::move(plan);
      above[depth] = candidate;
      pillar::planned_tree children[pillar::max_codec_children];
      const std::uint32_t child_count = root.plan.child_count;
      bool good = true;
      for (std::uint32_t k = 0; k < child_count && good; ++k) {
        const pillar::child_column& child = root.plan.children[k];
        pillar::encode_input column;
        column.type = pillar::child_type(child.type.physical);
        column.vectors = child.vectors;
        column.row_count = child.row_count;
        column.kernels = input.kernels;
        good = take(k == 0 ? "(" : ", ") && node(column, above, depth + 1, children[k]);
      }
      if (!good || (child_count != 0 && !take(")"))) return false;
      out.assemble(std::move(root), {children, child_count});
      return true;
    }
    return false;
  }

  /// In the order in which they are tried. One codec where the tree has a name; raw, which takes everything, is among
  /// those at random.
  std::vector<codec> candidates() {
    const auto own = pillar::own_codecs();
    if (random_ == nullptr) {
      const std::size_t end = std::min(name_.find_first_of("(,)"), name_.size());
      const std::string_view wanted = name_.substr(0, end);
      name_.remove_prefix(end);
      for (codec candidate : own)
        if (to_string(candidate->id) == wanted) return {candidate};
      return {};
    }
    std::vector<codec> order(own.begin(), own.end());
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_->below(i)]);
    if (random_->chance(2, 3)) {
      using pillar::codec_id;
      std::stable_partition(order.begin(), order.end(), [](codec candidate) {
        const codec_id id = candidate->id;
        return id == codec_id::run_end || id == codec_id::dictionary || id >= codec_id::decimal_double;
      });
    }
    return order;
  }

  bool take(std::string_view mark) {
    if (random_ != nullptr) return true;
    if (!name_.starts_with(mark)) return false;
    name_.remove_prefix(mark.size());
    return true;
  }

  pillar::splitmix64* random_ = nullptr;
  std::string_view name_{};
};

/// A block of the tree that the planner makes for a column; `made` becomes the tree's name. Nothing where the column
/// has no such tree.
inline std::optional<pillar::buffer> encode_planned(std::span<const pillar::vector> vectors, tree_planner planner,
                                                    std::string& made, const pillar::packed_table* kernels = nullptr) {
  pillar::encode_input input;
  input.type = vectors[0].type;
  input.vectors = vectors;
  input.kernels = kernels != nullptr ? kernels : &pillar::packed_kernels_for(pillar::best_arch_level());
  for (const pillar::vector& one : vectors) {
    input.row_count += one.size;
    for (std::uint32_t w = 0; w < pillar::vector_words; ++w)
      input.null_count -= static_cast<std::uint32_t>(std::popcount(one.validity_word(w)));
  }
  input.null_count += input.row_count;
  pillar::planned_tree tree;
  if (!planner.plan(input, tree)) return std::nullopt;
  made = to_string(tree);
  // As the choice of the block before, which is followed where it still fits: it fits exactly.
  pillar::encoding_choice choice;
  choice.node_count = tree.node_count;
  for (std::uint32_t i = 0; i < tree.node_count; ++i) {
    choice.codecs[i] = tree.nodes[i].codec->id;
    choice.child_counts[i] = static_cast<std::uint8_t>(tree.nodes[i].plan.child_count);
  }
  choice.data_bytes = tree.data_bytes();
  choice.row_count = input.row_count;
  pillar::block_options options;
  options.previous = &choice;
  options.kernels = input.kernels;
  auto encoded = pillar::encode_block(vectors, options);
  EXPECT_TRUE(encoded.ok());
  if (!encoded.ok()) return std::nullopt;
  const auto block = pillar::open_block(encoded->bytes());
  EXPECT_TRUE(block.ok() && to_string(block->node(0)) == made)
      << (block.ok() ? to_string(block->node(0)) : "a block that is refused") << " instead of " << made;
  return *std::move(encoded);
}

}  // namespace pillar_test
