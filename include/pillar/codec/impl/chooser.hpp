// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/codec/chooser.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// One choice: the root's, or that of a child.
struct codec_choice {
  const chooser_options& options;
  const codec_functions* above[max_codec_depth] = {};  ///< the codecs between the root and this node
  std::uint32_t depth = 0;

  /// What a child adds beside its data: its header and directory, about.
  static std::uint64_t node_bytes(std::size_t vector_count) noexcept { return 40 + 2 * vector_count; }

  [[nodiscard]] bool may_take(const codec_functions& codec) const noexcept {
    for (std::uint32_t i = 0; i < depth; ++i)
      if (above[i] == &codec) return false;
    return depth != 0 || !options.codec.has_value() || *options.codec == codec.id;
  }

  /// Takes the codec's tree if it is smaller than the best so far. `best_bytes` counts the children's nodes too.
  result<void> consider(const codec_functions& codec, const encode_input& input, planned_tree& best,
                        std::uint64_t& best_bytes) const {
    if (!may_take(codec)) return {};
    planned_node root;
    root.codec = &codec;
    root.input = input;
    // A second look-up per row, a running sum, a store per run and fewer answers without decoding have to save 10 %.
    const bool slower =
        codec.id == codec_id::dictionary || codec.id == codec_id::delta || codec.id == codec_id::run_end;
    const bool hurdle = slower && input.type.physical != physical_type::text && best.node_count != 0;
    const std::uint64_t give_up = hurdle ? best_bytes - best_bytes / 10 : best_bytes;
    root.input.give_up_bytes = give_up;
    PILLAR_ASSIGN_OR_RETURN(root.plan, codec.analyze(root.input));
    std::uint64_t bytes = root.plan.data_bytes;
    if (!root.plan.possible || bytes >= give_up) return {};
    planned_tree children[max_codec_children];
    if (root.plan.child_count != 0 && depth + 1 >= max_codec_depth) return {};
    for (std::uint32_t k = 0; k < root.plan.child_count; ++k) {
      const child_column& child = root.plan.children[k];
      encode_input column;
      column.type = child_type(child.type.physical);
      column.vectors = child.vectors;
      column.row_count = child.row_count;
      column.kernels = input.kernels;
      column.budget = input.budget;
      bytes += node_bytes(child.vectors.size());
      if (bytes >= give_up) return {};
      codec_choice below = *this;
      below.above[below.depth++] = &codec;
      std::uint64_t child_bytes = give_up - bytes;
      PILLAR_TRY(below.choose(column, children[k], child_bytes));
      if (children[k].node_count == 0) return {};
      bytes += child_bytes;
      if (bytes >= give_up) return {};
    }
    const std::uint32_t child_count = root.plan.child_count;
    best.assemble(std::move(root), {children, child_count});
    best_bytes = bytes;
    return {};
  }

  /// The smallest tree of less than `bytes`; none where there is no such tree.
  result<void> choose(const encode_input& input, planned_tree& best, std::uint64_t& bytes) const {
    for (const codec_functions* codec : own_codecs()) {
      PILLAR_TRY(consider(*codec, input, best, bytes));
      // A constant answers everything from its directory: nothing is better.
      if (best.node_count != 0 && best.nodes[0].codec->id == codec_id::constant) return {};
    }
    for (const codec_functions* user : options.codecs.members())
      if (static_cast<std::uint8_t>(user->id) >= first_user_codec) PILLAR_TRY(consider(*user, input, best, bytes));
    return {};
  }
};

}  // namespace detail

PILLAR_API result<planned_tree> choose_codecs(const encode_input& input, const chooser_options& options) {
  planned_tree best;
  std::uint64_t bytes = ~std::uint64_t{0};
  PILLAR_TRY(detail::codec_choice{options}.choose(input, best, bytes));
  if (best.node_count == 0) return {errc::invalid_argument, 0};
  return best;
}

}  // namespace PILLAR_NAMESPACE
