// SPDX-License-Identifier: Apache-2.0
/// Trees of codecs: a codec over a column, and codecs over the columns that it derives.
///
///     run_end(dictionary, frame_of_reference)
///
/// Shape:  at most three levels and seven nodes, no codec below itself. Nodes are numbered level by level: the root is
///         node 0, the children of a node are consecutive and have higher numbers than it
/// Layout: each node's part of the data section begins at a multiple of 8, in the order of the nodes, zeros between
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "pillar/base/buffer.hpp"      // buffer
#include "pillar/base/result.hpp"      // result
#include "pillar/codec/codec.hpp"      // data_section, encode_input, encode_plan
#include "pillar/codec/codec_set.hpp"  // codec_functions, codec_set

namespace PILLAR_NAMESPACE {

/// Levels of a tree at most.
inline constexpr std::uint32_t max_codec_depth = 3;
/// Vectors of all nodes of a tree at most.
inline constexpr std::uint32_t max_tree_vectors = max_codec_nodes * block_max_vectors;

/// Pillar's codecs, in the order in which the chooser prefers them where sizes are equal.
[[nodiscard]] PILLAR_API std::span<const codec_functions* const> own_codecs() noexcept;
/// Pillar's codec or the user's of that number; nullptr for others.
[[nodiscard]] PILLAR_API const codec_functions* find_codec(std::uint8_t id, const codec_set& users) noexcept;

/// What a child's values are called: its physical type, without NULLs and without a meaning.
constexpr data_type child_type(physical_type physical) noexcept {
  if (physical == physical_type::integer128) return decimal_type(38, 0, false);
  if (physical == physical_type::text) return {logical_type::text, physical, 0, 0, false};
  return {static_cast<logical_type>(physical), physical, 0, 0, false};
}

// ---- writing --------------------------------------------------------------------------------------------------------

/// A codec that was chosen for a column. Its values lie with the caller (root) or in its parent's plan.
struct planned_node {
  const codec_functions* codec = nullptr;
  encode_input input{};
  encode_plan plan{};
  std::uint32_t first_child = 0;
};

/// A tree that is chosen but not yet written. Move only.
struct planned_tree {
  planned_node nodes[max_codec_nodes]{};
  std::uint32_t node_count = 0;

  /// Bytes of the data section, exactly.
  [[nodiscard]] PILLAR_API std::uint64_t data_bytes() const noexcept;
  /// Makes `root` the root of trees that were chosen for its children.
  PILLAR_API void assemble(planned_node&& root, std::span<planned_tree> children) noexcept;
};

/// What encode_tree leaves beside the bytes: the facts for directories.
struct encoded_tree {
  data_section nodes[max_codec_nodes]{};
  std::uint32_t node_count = 0;
  buffer entries{};
};

/// Writes planned.data_bytes() at `out`. `root_entries` holds rows and NULLs of the root's vectors.
///
/// Errors: those of the codecs; out_of_memory
[[nodiscard]] PILLAR_API result<void> encode_tree(const planned_tree& planned,
                                                  std::span<const vector_entry> root_entries, std::byte* out,
                                                  encoded_tree& written);

// ---- reading --------------------------------------------------------------------------------------------------------

/// Joins nodes whose codecs and child counts are known to a tree.
///
/// Errors: corrupt (too deep, a codec below itself, children that are not there or belong to nobody)
[[nodiscard]] PILLAR_API result<void> link_tree(std::span<data_section> nodes) noexcept;

/// Validates linked nodes, children before their parents. memory[i] becomes what node i keeps.
///
/// Errors: those of the codecs; limit_exceeded (they want to keep more than max_bytes); out_of_memory
[[nodiscard]] PILLAR_API result<void> validate_tree(std::span<data_section> nodes, std::span<buffer> memory,
                                                    std::uint64_t max_bytes, memory_budget* budget) noexcept;

/// "run_end(dictionary, frame_of_reference)"; users' codecs as "user 130".
[[nodiscard]] PILLAR_API std::string to_string(const data_section& root);
/// The same of a plan.
[[nodiscard]] PILLAR_API std::string to_string(const planned_tree& tree);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/cascade.hpp"
#endif
