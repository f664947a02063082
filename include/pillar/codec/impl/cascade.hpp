// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>   // std::memset
#include <iterator>  // std::size
#include <new>       // placement new

#include "pillar/base/mutant.hpp"
#include "pillar/codec/bitmap.hpp"
#include "pillar/codec/cascade.hpp"
#include "pillar/codec/constant.hpp"
#include "pillar/codec/decimal_double.hpp"
#include "pillar/codec/delta.hpp"
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/frame_of_reference.hpp"
#include "pillar/codec/patched.hpp"
#include "pillar/codec/raw.hpp"
#include "pillar/codec/real_double.hpp"
#include "pillar/codec/run_end.hpp"
#include "pillar/codec/sequence.hpp"
#include "pillar/codec/split_int128.hpp"
#include "pillar/codec/text_symbols.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

// Those that answer more encoded come first. A new codec is registered here.
inline constexpr const codec_functions* own_codec_list[] = {
    &codec_functions_of<constant_codec>,       &codec_functions_of<sequence_codec>,
    &codec_functions_of<bitmap_codec>,         &codec_functions_of<frame_of_reference_codec>,
    &codec_functions_of<patched_codec>,        &codec_functions_of<raw_codec>,
    &codec_functions_of<delta_codec>,          &codec_functions_of<run_end_codec>,
    &codec_functions_of<dictionary_codec>,     &codec_functions_of<text_symbols_codec>,
    &codec_functions_of<decimal_double_codec>, &codec_functions_of<real_double_codec>,
    &codec_functions_of<split_int128_codec>,
};
static_assert(std::size(own_codec_list) == own_codec_count);

inline std::string codec_name(codec_id id) {
  if (static_cast<std::uint8_t>(id) >= first_user_codec)
    return "user " + std::to_string(static_cast<unsigned>(static_cast<std::uint8_t>(id)));
  return to_string(id);
}

inline void append_tree(const planned_tree& tree, std::uint32_t index, std::string& out) {
  const planned_node& node = tree.nodes[index];
  out += codec_name(node.codec->id);
  for (std::uint32_t k = 0; k < node.plan.child_count; ++k) {
    out += k == 0 ? "(" : ", ";
    append_tree(tree, node.first_child + k, out);
  }
  if (node.plan.child_count != 0) out += ")";
}

}  // namespace detail

PILLAR_API std::span<const codec_functions* const> own_codecs() noexcept { return detail::own_codec_list; }

PILLAR_API const codec_functions* find_codec(std::uint8_t id, const codec_set& users) noexcept {
  for (const codec_functions* codec : detail::own_codec_list)
    if (static_cast<std::uint8_t>(codec->id) == id) return codec;
  return users.find(id);
}

PILLAR_API std::uint64_t planned_tree::data_bytes() const noexcept {
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; i < node_count; ++i) end = round_up(end, 8) + nodes[i].plan.data_bytes;
  return end;
}

PILLAR_API void planned_tree::assemble(planned_node&& root, std::span<planned_tree> children) noexcept {
  nodes[0] = std::move(root);
  nodes[0].first_child = 1;
  node_count = 1 + static_cast<std::uint32_t>(children.size());
  for (std::size_t k = 0; k < children.size(); ++k) {
    planned_tree& child = children[k];
    const std::uint32_t below = node_count - 1;  // how far the child's own nodes move up
    for (std::uint32_t i = 0; i < child.node_count; ++i) child.nodes[i].first_child += below;
    nodes[1 + k] = std::move(child.nodes[0]);
    for (std::uint32_t i = 1; i < child.node_count; ++i) nodes[node_count++] = std::move(child.nodes[i]);
  }
}

PILLAR_API result<void> encode_tree(const planned_tree& planned, std::span<const vector_entry> root_entries,
                                    std::byte* out, encoded_tree& written) {
  std::size_t vector_count = 0;
  for (std::uint32_t i = 0; i < planned.node_count; ++i) vector_count += planned.nodes[i].input.vectors.size();
  PILLAR_ASSIGN_OR_RETURN(written.entries,
                          buffer::allocate(sizeof(vector_entry) * vector_count, planned.nodes[0].input.budget));
  written.node_count = planned.node_count;
  auto* entries = written.entries.as<vector_entry>();
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; i < planned.node_count; ++i) {
    const planned_node& node = planned.nodes[i];
    data_section& section = written.nodes[i];
    section.type = i == 0 ? node.input.type : child_type(node.input.type.physical);
    section.row_count = node.input.row_count;
    section.vector_count = static_cast<std::uint32_t>(node.input.vectors.size());
    section.kernels = node.input.kernels;
    section.codec = node.codec;
    section.entries = entries;
    section.child_count = node.plan.child_count;
    section.children = node.plan.child_count == 0 ? nullptr : &written.nodes[node.first_child];
    for (std::uint32_t v = 0; v < section.vector_count; ++v) {
      vector_entry* entry = ::new (static_cast<void*>(entries++)) vector_entry{};
      entry->row_count = node.input.vectors[v].size;
      if (i == 0) *entry = root_entries[v];
    }
    const std::uint64_t begin = round_up(end, 8);
    if (begin != end) std::memset(out + end, 0, begin - end);
    section.data = out + begin;
    section.data_bytes = node.plan.data_bytes;
    end = begin + section.data_bytes;
  }
  for (std::uint32_t i = 0; i < planned.node_count; ++i) {
    const planned_node& node = planned.nodes[i];
    data_section& section = written.nodes[i];
    PILLAR_TRY(node.codec->encode(node.input, node.plan, const_cast<std::byte*>(section.data), section));
  }
  return {};
}

PILLAR_API result<void> link_tree(std::span<data_section> nodes) noexcept {
  std::uint8_t parents[max_codec_nodes] = {}, depths[max_codec_nodes] = {1};
  std::size_t next = 1;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    data_section& node = nodes[i];
    if (i == next || node.child_count > max_codec_children || node.child_count > nodes.size() - next)
      return {errc::corrupt, i};
    node.children = node.child_count == 0 ? nullptr : &nodes[next];
    for (std::uint32_t k = 0; k < node.child_count; ++k, ++next) {
      parents[next] = static_cast<std::uint8_t>(i);
      depths[next] = static_cast<std::uint8_t>(depths[i] + 1);
      if (depths[next] > max_codec_depth) return {errc::corrupt, next};
      for (std::size_t above = next; above != 0;) {
        above = parents[above];
        if (PILLAR_MUTATE(cascade_below_itself, nodes[above].codec == nodes[next].codec, false))
          return {errc::corrupt, next};
      }
    }
  }
  if (next != nodes.size()) return {errc::corrupt, next};
  return {};
}

PILLAR_API result<void> validate_tree(std::span<data_section> nodes, std::span<buffer> memory, std::uint64_t max_bytes,
                                      memory_budget* budget) noexcept {
  for (std::size_t i = nodes.size(); i-- > 0;) {
    const std::size_t wanted = nodes[i].codec->view_bytes(nodes[i]);
    if (wanted > max_bytes) return {errc::limit_exceeded, i};
    max_bytes -= wanted;
    if (wanted != 0) {
      PILLAR_ASSIGN_OR_RETURN(memory[i], buffer::allocate(wanted, budget));
    }
    nodes[i].memory_bytes = wanted;
    PILLAR_TRY(nodes[i].codec->validate(nodes[i], memory[i].data()));
  }
  return {};
}

PILLAR_API std::string to_string(const data_section& root) {
  std::string out = detail::codec_name(root.codec->id);
  for (std::uint32_t k = 0; k < root.child_count; ++k) out += (k == 0 ? "(" : ", ") + to_string(root.children[k]);
  if (root.child_count != 0) out += ")";
  return out;
}

PILLAR_API std::string to_string(const planned_tree& tree) {
  std::string out;
  detail::append_tree(tree, 0, out);
  return out;
}

}  // namespace PILLAR_NAMESPACE
