// SPDX-License-Identifier: Apache-2.0
/// A block: one column of a row group, encoded, immutable, self-describing, movable. docs/formats/block.md has the
/// bytes.
///
/// `encode_block` chooses the cheapest tree of codecs from exact sizes. `open_block` validates everything once; the
/// view then decodes, matches and sums without an error path, and stays within the block even if its bytes change
/// later.
///
/// Example: tests/storage/block_test.cpp
#ifndef PILLAR_STORAGE_BLOCK_HPP
#define PILLAR_STORAGE_BLOCK_HPP
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pillar/base/buffer.hpp"            // buffer
#include "pillar/base/memory.hpp"            // memory_budget
#include "pillar/base/result.hpp"            // result
#include "pillar/codec/byte_transform.hpp"   // transform_id, transform_set
#include "pillar/codec/codec.hpp"            // codec_id, data_section
#include "pillar/codec/codec_set.hpp"        // codec_set
#include "pillar/codec/encoding_choice.hpp"  // encoding_policy, encoding_preset, encoding_choice
#include "pillar/column/encoded.hpp"         // encoded_vector
#include "pillar/column/types.hpp"           // data_type

namespace PILLAR_NAMESPACE {

/// Which byte compressor to try as the last stage. It is kept only where it saves ≥ 15 % of the data section.
enum class transform_choice : std::uint8_t {
  none,  ///< hot data: blocks are matched in place
  zstd,
  lz4,
  automatic,  ///< the smaller of the two
  user,       ///< the first of block_options::transforms, whether it saves or not: encryption, for one
};

/// How encode_block writes a block.
struct block_options {
  std::optional<codec_id> codec{};    ///< force a codec; invalid_argument where it does not take the values
  std::span<const codec_id> among{};  ///< the same for several, which outlive the options: the cheapest is taken
  transform_choice transform = transform_choice::none;
  int zstd_level = 1;
  unsigned stagger = 0;                   ///< the column's number: staggers the starts of the buffers of one row group
  const packed_table* kernels = nullptr;  ///< nullptr: those of best_arch_level()
  codec_set codecs{};                   ///< of the user's own: taken where cheaper than Pillar's, or forced by `codec`
  encoding_policy policy{};             ///< what bytes and decoding cost
  encoding_choice* previous = nullptr;  ///< the tree of the block before, tried first, and replaced where it drifts
  std::uint8_t field_width = 0;         ///< with codec = patched: bits of every field, as MOSTLY8 has them; 0: chosen
  transform_set transforms{};           ///< of the user's own, for transform_choice::user
};

/// The options that ask for a preset: its codecs, fewest bytes, its byte transform. One that decides nothing changes
/// nothing.
[[nodiscard]] inline block_options with_preset(const encoding_preset& preset, block_options options = {}) noexcept {
  if (preset.codecs.empty()) return options;
  options.among = preset.codecs;
  options.policy = encoding_policy::fewest_bytes();
  options.field_width = preset.field_width;
  options.transform = preset.transform == transform_id::zstd  ? transform_choice::zstd
                      : preset.transform == transform_id::lz4 ? transform_choice::lz4
                                                              : transform_choice::none;
  return options;
}

/// Encodes one column of one row group. Deterministic: equal values (and previous choices) give equal bytes.
///
/// Shape:    1 to 64 vectors of 1,024 rows, the last 1 to 1,024; any kinds; one type (nullability is the first one's)
/// Errors:   invalid_argument (shape; NULLs in a type that is not nullable; a forced codec that does not fit),
///           type_mismatch, limit_exceeded (data section ≥ 4 GiB), out_of_memory
/// Cost:     one pass per candidate codec and one to write; working memory ≤ 2 MiB plus the output
[[nodiscard]] PILLAR_API result<buffer> encode_block(std::span<const vector> vectors, const block_options& options = {},
                                                     memory_budget* budget = nullptr);

/// Why encode_block would choose what it chooses: all that was tried for the root, with sizes and reasons. `previous`
/// is not followed.
///
/// Errors: those of encode_block
[[nodiscard]] PILLAR_API result<void> report_encoding(std::span<const vector> vectors, const block_options& options,
                                                      encoding_report& report, memory_budget* budget = nullptr);

/// What the caller accepts of a block that may be hostile.
struct block_limits {
  std::uint32_t max_rows = block_max_rows;
  std::uint64_t max_decoded_bytes = std::uint64_t{256} << 20;  ///< data section after the byte transform
  const packed_table* kernels = nullptr;  ///< for the view's whole life; nullptr: those of best_arch_level()
  memory_budget* budget = nullptr;  ///< charged with the view's own memory: directory, dictionary slots, restored bytes
  codec_set codecs{};               ///< of the user's own; blocks of other codecs from 128 are unsupported
  transform_set transforms{};       ///< likewise
};

/// A validated block: points into the caller's bytes, owns a copy of its directory. Move only.
///
/// Requires: the block's bytes outlive the view and the vectors decoded from it
/// Threads:  const members may be called concurrently
class block_view {
 public:
  block_view() noexcept = default;

  [[nodiscard]] const data_type& type() const noexcept { return section().type; }
  [[nodiscard]] std::uint32_t row_count() const noexcept { return section().row_count; }
  [[nodiscard]] std::uint32_t vector_count() const noexcept { return section().vector_count; }
  [[nodiscard]] std::uint32_t null_count() const noexcept { return null_count_; }
  [[nodiscard]] codec_id codec() const noexcept { return codec_; }
  [[nodiscard]] transform_id transform() const noexcept { return transform_; }
  [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }
  [[nodiscard]] std::uint32_t dictionary_entries() const noexcept { return section().entry_count; }

  /// The whole block, and the part of it that belongs to no single vector: header, directory, dictionary, padding.
  /// block_bytes() = shared_bytes() + Σ encoded_bytes(i). Where a byte transform was used, its stored bytes are shared
  /// out in proportion. A child's payloads belong to the vectors if it has as many as the root, else to none.
  [[nodiscard]] std::uint64_t block_bytes() const noexcept { return block_bytes_; }
  [[nodiscard]] std::uint64_t shared_bytes() const noexcept { return shared_bytes_; }
  /// Stored bytes of vector i: its payloads and its validity.
  [[nodiscard]] std::uint32_t encoded_bytes(std::uint32_t index) const noexcept {
    return operations_->encoded_bytes(state_.data(), index);
  }

  /// Row and NULL counts of vector i. (For base and width of a packed vector too.)
  [[nodiscard]] const vector_entry& entry(std::uint32_t index) const noexcept {
    PILLAR_ASSERT(index < vector_count());
    return section().entries[index];
  }
  /// The dictionary's entries (sorted, unique) or the constant, as a flat vector; of size 0 for other codecs. More than
  /// 1,024 values are possible.
  [[nodiscard]] const vector& shared_values() const noexcept { return section().shared; }

  /// Vector i as the stages see it; valid while this view's block is open, also after the view was moved.
  [[nodiscard]] encoded_vector vector_at(std::uint32_t index) const noexcept {
    PILLAR_ASSERT(index < vector_count());
    return {operations_, state_.data(), index};
  }

  /// The tree of codecs. Node 0 is the root; a node's children follow one another, behind it.
  [[nodiscard]] std::uint32_t node_count() const noexcept { return node_count_; }
  /// A node: codec, type, rows, entries of its vectors, bytes of its own part (before a byte transform), children.
  [[nodiscard]] const data_section& node(std::uint32_t number) const noexcept {
    PILLAR_ASSERT(number < node_count());
    return section_[number];
  }

  [[nodiscard]] explicit operator bool() const noexcept { return !state_.empty(); }

 private:
  friend struct block_opener;
  [[nodiscard]] const data_section& section() const noexcept { return *section_; }

  buffer state_;                      ///< sections and entries of all nodes; stays in place when the view moves
  buffer prepared_[max_codec_nodes];  ///< what the codecs keep
  buffer restored_;                   ///< the data section after the byte transform
  const data_section* section_ = nullptr;
  const encoded_operations* operations_ = nullptr;
  std::uint64_t block_bytes_ = 0;
  std::uint64_t shared_bytes_ = 0;
  std::uint64_t checksum_ = 0;
  std::uint32_t null_count_ = 0;
  std::uint32_t node_count_ = 0;
  codec_id codec_ = codec_id::raw;
  transform_id transform_ = transform_id::none;
};

/// Validates a block and gives the view through which it is read.
///
/// Shape:    bytes is exactly one block
/// Errors:   truncated, corrupt, checksum_mismatch, unsupported (version, codec, transform), limit_exceeded,
///           out_of_memory; position = offset of the offending byte where that is known
/// Cost:     O(directory + dictionary); raw text and codes that could leave their dictionary are read once; the
///           checksum reads all bytes once
[[nodiscard]] PILLAR_API result<block_view> open_block(std::span<const std::byte> bytes,
                                                       const block_limits& limits = {}, bool verify_checksum = true);

}  // namespace PILLAR_NAMESPACE

#endif  // PILLAR_STORAGE_BLOCK_HPP

// Behind the guard: pipeline/ leaves the definitions that fill tables out, and who includes this header gets them.
#ifndef PILLAR_STORAGE_READ_ONLY
#include "pillar/codec/cascade.hpp"
#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/block.hpp"
#endif
#endif
