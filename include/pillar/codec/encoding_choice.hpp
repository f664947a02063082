// SPDX-License-Identifier: Apache-2.0
/// What a choice of codecs aims at, and what is remembered of it.
#pragma once
#include <cstdint>
#include <span>

#include "pillar/base/buffer.hpp"           // buffer
#include "pillar/codec/byte_transform.hpp"  // transform_id
#include "pillar/codec/codec.hpp"           // codec_id, max_codec_nodes

namespace PILLAR_NAMESPACE {

struct encoding_report;  // codec/encoding_report.hpp

/// What bytes and values cost. The smallest total wins; a tie goes to the codec that answers more encoded.
///
/// Units: picoseconds
struct encoding_policy {
  std::uint32_t byte_cost = 2000;  ///< per byte and read: 1000 is 1 GB/s
  std::uint32_t reads = 1;         ///< how often the values of a block are decoded per time that its bytes are fetched

  /// Blocks that stay in memory: bytes come at 20 GB/s.
  [[nodiscard]] static constexpr encoding_policy memory() noexcept { return {50, 1}; }
  /// A disk of this machine: 2 GB/s.
  [[nodiscard]] static constexpr encoding_policy local_disk() noexcept { return {500, 1}; }
  /// An object store, shared by all columns: 0.1 GB/s. Bytes are nearly all that counts.
  [[nodiscard]] static constexpr encoding_policy object_store() noexcept { return {10000, 1}; }
  /// Bytes are all that counts.
  [[nodiscard]] static constexpr encoding_policy fewest_bytes() noexcept { return {1, 0}; }
};

/// What somebody else decided about a column's encoding: codec/redshift.hpp has those of a schema's ENCODE. Within it
/// the fewest bytes win.
struct encoding_preset {
  std::span<const codec_id> codecs{};  ///< the root's is one of these, which outlive the preset; empty: nothing decided
  std::uint8_t field_width = 0;        ///< patched: bits of every field; 0: chosen
  transform_id transform = transform_id::none;
};

/// The tree that the block before got. A table keeps one per column and slice. Move only.
struct encoding_choice {
  std::uint32_t node_count = 0;  ///< 0: none yet
  codec_id codecs[max_codec_nodes] = {};
  std::uint8_t child_counts[max_codec_nodes] = {};
  std::uint64_t data_bytes = 0;  ///< of the block that it was chosen for; without the table if that is kept
  std::uint32_t row_count = 0;
  buffer kept{};                 ///< what the root's codec wants to know of a block again: text_symbols its symbols
  std::uint64_t kept_bytes = 0;  ///< of the block that `kept` is of
  std::uint32_t kept_row_count = 0;
  /// Set by a caller that stores what is kept once for many blocks, not in each: tables of symbols are made for many
  /// blocks, stay the same to the byte from one to the next while they suit them, and are left out of all sizes.
  bool keeps_table = false;
};

}  // namespace PILLAR_NAMESPACE
