// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>  // std::memcpy, std::memset
#include <new>      // placement new

#include "pillar/base/byte_reader.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/cascade.hpp"
#include "pillar/codec/checksum.hpp"
#include "pillar/codec/chooser.hpp"
#include "pillar/codec/constant.hpp"
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/encoding_report.hpp"
#include "pillar/codec/frame_of_reference.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/codec/patched.hpp"
#include "pillar/codec/raw.hpp"
#include "pillar/expr/domain.hpp"  // domain
#include "pillar/simd/dispatch.hpp"
#include "pillar/storage/block.hpp"
#include "pillar/storage/detail/block_format.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// XXH3 of the whole block with the checksum's own field as zero.
inline std::uint64_t block_checksum(std::span<const std::byte> block, const packed_table* kernels) noexcept {
  const arch_level level = kernels != nullptr ? kernels->level : best_arch_level();
  return checksum_kernels_for(level).with_hole(block.data(), block.size(), offsetof(block_header, checksum));
}

inline bool all_zero(std::span<const std::byte> bytes) noexcept {
  std::uint64_t any = 0;
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) any |= load_unaligned<std::uint64_t>(bytes.data() + at);
  for (; at < bytes.size(); ++at) any |= static_cast<std::uint8_t>(bytes[at]);
  return any == 0;
}

/// What a block_view points its encoded vectors to. The other nodes lie behind the root.
struct block_state {
  std::uint64_t data_bytes = 0;
  std::uint64_t stored_bytes = 0;
  std::uint32_t node_count = 1;
  const data_section* nodes = nullptr;
  data_section section{};  ///< node 0
};

/// Stored bytes up to `offset` of the data section: the same number without a byte transform.
inline std::uint64_t stored_until(const block_state& state, std::uint64_t offset) noexcept {
  const std::uint64_t whole = state.data_bytes;
  return whole == state.stored_bytes || whole == 0 ? offset : state.stored_bytes * offset / whole;
}

/// What is left of a block's bytes, validity not among them, without the payloads that belong to the root's vectors.
/// They lie back to back, so that a node's add up to the distance between the first one's begin and the last one's end.
inline std::uint64_t bytes_of_no_vector(const block_state& state, std::uint64_t block_bytes) noexcept {
  for (std::uint32_t i = 0; i < state.node_count; ++i) {
    const data_section& node = state.nodes[i];
    if (node.vector_count != state.section.vector_count) continue;  // as in encoded_bytes
    const auto begin = static_cast<std::uint64_t>(node.data - state.section.data);
    block_bytes -= stored_until(state, begin + node.data_bytes) - stored_until(state, begin + node.shared_bytes);
  }
  return block_bytes;
}

/// A codec that is only known at run time: the user's. Asks the table that its block remembers.
struct listed_codec {};

/// The operations of one codec's blocks.
template <class C>
struct block_operations {
  static constexpr bool listed = std::same_as<C, listed_codec>;
  static const block_state& of(const void* block) noexcept { return *static_cast<const block_state*>(block); }

  static void decode(const void* block, std::uint32_t index, vector_scratch& scratch, vector& out) noexcept {
    const data_section& section = of(block).section;
    PILLAR_ASSERT(index < section.vector_count);
    const vector_entry& entry = section.entries[index];
    out = vector{};
    out.type = section.type;
    out.size = entry.row_count;
    if (PILLAR_MUTATE(block_drops_validity, entry.null_count != 0, false)) {
      load_validity(entry, scratch.validity);
      out.validity = scratch.validity;
    }
    if constexpr (listed) of(block).section.codec->decode(section, index, scratch, out);
    else C::decode(section, index, scratch, out);
  }

  static bool decode_narrow(const void* block, std::uint32_t index, vector_scratch& scratch, vector& out) noexcept {
    if constexpr (decodes_narrow<C>) {
      const data_section& section = of(block).section;
      PILLAR_ASSERT(index < section.vector_count);
      if (section.type.physical != physical_type::int64) return false;
      const vector_entry& entry = section.entries[index];
      out = vector{};
      out.type = section.type;
      out.type.physical = physical_type::int32;
      out.size = entry.row_count;
      if (entry.null_count != 0) {
        load_validity(entry, scratch.validity);
        out.validity = scratch.validity;
      }
      return C::decode_narrow(section, index, scratch, out);
    }
    return false;
  }

  static match_answer match(const void* block, std::uint32_t index, const domain& test, match_scratch* scratch,
                            std::uint64_t* mask) noexcept {
    const data_section& section = of(block).section;
    PILLAR_ASSERT(index < section.vector_count);
    if (test.kind != domain_kind::range && test.kind != domain_kind::points) {
      return {verdict::unknown, evidence::settled};
    }
    const vector_entry& entry = section.entries[index];
    if (entry.null_count == entry.row_count) return {verdict::none, evidence::settled};
    if constexpr (listed) {
      const auto ask = of(block).section.codec->match;
      if (PILLAR_MUTATE(block_forgets_users_match, ask != nullptr, false))
        return ask(section, index, test, scratch, mask);
    } else if constexpr (matches_encoded<C>) {
      return C::match(section, index, test, scratch, mask);
    }
    return {verdict::unknown, evidence::settled};
  }

  static bool sum(const void* block, std::uint32_t index, const std::uint64_t* mask, bool mask_is_all,
                  int128& out) noexcept {
    const data_section& section = of(block).section;
    PILLAR_ASSERT(index < section.vector_count);
    if constexpr (listed) {
      if (const auto ask = of(block).section.codec->sum; ask != nullptr)
        return ask(section, index, mask, mask_is_all, out);
    } else if constexpr (sums_encoded<C>) {
      return C::sum(section, index, mask, mask_is_all, out);
    }
    return false;
  }

  static bool validity(const void* block, std::uint32_t index, std::uint64_t* words) noexcept {
    const data_section& section = of(block).section;
    PILLAR_ASSERT(index < section.vector_count);
    if (section.entries[index].null_count == 0) return false;
    load_validity(section.entries[index], words);
    return true;
  }

  static bool decode_rows(const void* block, std::uint32_t index, const std::uint16_t* rows, std::uint32_t count,
                          void* values, std::uint64_t* validity, bool& has_validity) noexcept {
    const data_section& section = of(block).section;
    PILLAR_ASSERT(index < section.vector_count);
    if constexpr (listed || fetches_rows<C>) {
      const vector_entry& entry = section.entries[index];
      if constexpr (listed) {
        const auto ask = of(block).section.codec->fetch;
        if (ask == nullptr || !ask(section, index, rows, count, values)) return false;
      } else {
        if (!C::fetch(section, index, rows, count, values)) return false;
      }
      has_validity = entry.null_count != 0;
      if (has_validity) {
        std::uint64_t words[vector_words];
        load_validity(entry, words);
        std::memset(validity, 0, bitmap_bytes);
        for (std::uint32_t i = 0; i < count; ++i) assign_bit(validity, i, get_bit(words, rows[i]));
      }
      return true;
    }
    return false;
  }

  static void prefetch_rows(const void* block, std::uint32_t index, const std::uint16_t* rows,
                            std::uint32_t count) noexcept {
    if constexpr (prefetches_rows<C>) C::prefetch(of(block).section, index, rows, count);
  }

  static bool bounds(const void* block, std::uint32_t index, const std::uint64_t* mask, bool mask_is_all, int128& least,
                     int128& greatest) noexcept {
    const data_section& section = of(block).section;
    PILLAR_ASSERT(index < section.vector_count);
    if constexpr (listed) {
      const auto ask = section.codec->bounds;
      return ask != nullptr && ask(section, index, mask, mask_is_all, least, greatest);
    } else if constexpr (bounds_encoded<C>) {
      return C::bounds(section, index, mask, mask_is_all, least, greatest);
    }
    return false;
  }

  static std::uint32_t encoded_bytes(const void* block, std::uint32_t index) noexcept {
    const block_state& state = of(block);
    PILLAR_ASSERT(index < state.section.vector_count);
    std::uint64_t bytes = validity_bytes(state.section.entries[index]);
    for (std::uint32_t i = 0; i < state.node_count; ++i) {
      const data_section& node = state.nodes[i];
      if (node.vector_count != state.section.vector_count) continue;  // its vectors belong to no single one of ours
      const std::uint64_t begin =
          static_cast<std::uint64_t>(node.data - state.section.data) + node.entries[index].offset;
      bytes += stored_until(state, begin + node.entries[index].bytes) - stored_until(state, begin);
    }
    return static_cast<std::uint32_t>(bytes);
  }

  static std::size_t character_bytes(const void* block) noexcept { return of(block).section.character_bytes; }

  static constexpr bool may_bound = listed || bounds_encoded<C>;
  static constexpr encoded_operations table{decode,
                                            match,
                                            sum,
                                            validity,
                                            encoded_bytes,
                                            listed || fetches_rows<C> ? &block_operations::decode_rows : nullptr,
                                            prefetches_rows<C> ? &block_operations::prefetch_rows : nullptr,
                                            may_bound ? &block_operations::bounds : nullptr,
                                            listed ? &block_operations::character_bytes : nullptr,
                                            decodes_narrow<C> ? &block_operations::decode_narrow : nullptr};
};

/// How the stages ask a block whose root is that codec: directly, where it is listed here.
inline const encoded_operations* operations_of(codec_id id) noexcept {
  switch (id) {
    case codec_id::raw: return &block_operations<raw_codec>::table;
    case codec_id::constant: return &block_operations<constant_codec>::table;
    case codec_id::frame_of_reference: return &block_operations<frame_of_reference_codec>::table;
    case codec_id::dictionary: return &block_operations<dictionary_codec>::table;
    case codec_id::patched: return &block_operations<patched_codec>::table;
    default: return &block_operations<listed_codec>::table;
  }
}

/// Is this a type that Pillar or a user (logical ids ≥ 128) can mean?
inline bool is_known_type(const data_type& type) noexcept {
  if (static_cast<unsigned>(type.physical) >= physical_type_count) return false;
  const auto logical = static_cast<unsigned>(type.logical);
  if (logical >= static_cast<unsigned>(logical_type::user)) return true;
  if (type.logical == logical_type::decimal)
    return type == decimal_type(type.precision, type.scale, type.nullable) && type.precision >= 1 &&
           type.precision <= 38 && type.scale <= type.precision;
  if (type.precision != 0) return false;
  if (type.logical == logical_type::timestamp) {
    return type.physical == physical_type::int64 && type.scale <= 9 && type.scale % 3 == 0;
  }
  if (type.scale != 0) return false;
  if (logical <= static_cast<unsigned>(logical_type::float64)) return logical == static_cast<unsigned>(type.physical);
  if (type.logical == logical_type::date) return type.physical == physical_type::int32;
  return logical <= static_cast<unsigned>(logical_type::bytes) && type.physical == physical_type::text;
}

// ---- encoding -------------------------------------------------------------------------------------------------------

inline result<encode_input> describe(std::span<const vector> vectors, const block_options& options,
                                     memory_budget* budget, std::span<vector_entry> entries) {
  if (vectors.empty() || vectors.size() > block_max_vectors) return {errc::invalid_argument, vectors.size()};
  encode_input input;
  input.type = vectors[0].type;
  input.vectors = vectors;
  input.budget = budget;
  input.field_width = options.field_width;
  input.kernels = options.kernels != nullptr ? options.kernels : &packed_kernels_for(best_arch_level());
  if (!is_known_type(input.type)) return {errc::unsupported, 0};
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const vector& values = vectors[i];
    if (!same_values(values.type, input.type)) return {errc::type_mismatch, i};
    if (values.size == 0 || values.size > vector_rows || (values.size != vector_rows && i + 1 != vectors.size())) {
      return {errc::invalid_argument, i};
    }
    std::uint32_t valid_count = 0;
    for (std::uint32_t word = 0; word * 64 < values.size; ++word)
      valid_count += static_cast<std::uint32_t>(std::popcount(values.validity_word(word)));
    entries[i].row_count = values.size;
    entries[i].null_count = values.size - valid_count;
    entries[i].nulls = smallest_form(values.size, entries[i].null_count);
    input.row_count += values.size;
    input.null_count += entries[i].null_count;
    if (entries[i].null_count != 0 && !input.type.nullable) return {errc::invalid_argument, i};
  }
  return input;
}

struct transformed {
  transform_id id = transform_id::none;
  buffer bytes{};
  std::size_t size = 0;
};

/// Tries one compressor; kept when it pays and is smaller than what `best` holds.
inline result<void> try_transform(transform_id id, int level, std::span<const std::byte> raw, memory_budget* budget,
                                  transformed& best) {
  const std::size_t bound = transform_bound(id, raw.size());
  if (bound == 0) return {};
  PILLAR_ASSIGN_OR_RETURN(buffer out, buffer::allocate(bound, budget));
  PILLAR_ASSIGN_OR_RETURN(const std::size_t size, transform(id, level, raw, out.bytes()));
  if (!transform_pays(raw.size(), size) || (best.id != transform_id::none && size >= best.size)) return {};
  best.id = id;
  best.bytes = std::move(out);
  best.size = size;
  return {};
}

/// The user's transform, whether it saves or not.
inline result<transformed> apply_users_transform(std::span<const std::byte> raw, const block_options& options,
                                                 memory_budget* budget) {
  if (options.transforms.members().empty()) return {errc::invalid_argument, 0};
  const transform_functions& own = *options.transforms.members()[0];
  if (options.transforms.find(own.id) != &own) return {errc::invalid_argument, 0};  // its blocks would not open
  transformed made;
  const std::size_t bound = own.bound(own.state, raw.size());
  if (bound == 0) return {errc::unsupported, raw.size()};
  PILLAR_ASSIGN_OR_RETURN(made.bytes, buffer::allocate(bound, budget));
  PILLAR_ASSIGN_OR_RETURN(made.size, own.transform(own.state, raw, made.bytes.bytes().first(bound)));
  if (made.size >= ~std::uint32_t{0}) return {errc::limit_exceeded, made.size};
  made.id = own.id;
  return made;
}

inline chooser_options choice_of(const block_options& options) noexcept {
  chooser_options choice;
  choice.codec = options.codec;
  choice.among = options.among;
  choice.codecs = options.codecs;
  choice.policy = options.policy;
  choice.previous = options.previous;
  return choice;
}

/// The data section as it will be stored.
inline result<transformed> try_transforms(std::span<const std::byte> raw, const block_options& options,
                                          memory_budget* budget) {
  transformed best;
  if (options.transform == transform_choice::none) return best;
  if (options.transform == transform_choice::user) return apply_users_transform(raw, options, budget);
  if (options.transform != transform_choice::lz4)
    PILLAR_TRY(try_transform(transform_id::zstd, options.zstd_level, raw, budget, best));
  if (options.transform != transform_choice::zstd) PILLAR_TRY(try_transform(transform_id::lz4, 0, raw, budget, best));
  return best;
}

/// Nodes and directories, in the order in which they are stored; returns their end.
inline std::byte* write_nodes(const encoded_tree& tree, std::byte* out) noexcept {
  out = write_directory(tree.nodes[0], out);
  for (std::uint32_t i = 1; i < tree.node_count; ++i) {
    const data_section& node = tree.nodes[i];
    block_node_header header{};
    header.codec = static_cast<std::uint8_t>(node.codec->id);
    header.physical = static_cast<std::uint8_t>(node.type.physical);
    header.child_count = static_cast<std::uint8_t>(node.child_count);
    header.code_width = node.code_width;
    header.vector_count = static_cast<std::uint16_t>(node.vector_count);
    header.row_count = node.row_count;
    header.entry_count = node.entry_count;
    header.shared_bytes = node.shared_bytes;
    store_unaligned(out, header);
    out = write_directory(node, out + sizeof(header));
  }
  return out;
}

}  // namespace detail

PILLAR_API result<void> report_encoding(std::span<const vector> vectors, const block_options& options,
                                        encoding_report& report, memory_budget* budget) {
  vector_entry entries[block_max_vectors];
  PILLAR_ASSIGN_OR_RETURN(const encode_input input, detail::describe(vectors, options, budget, entries));
  report = encoding_report{};
  report.type = input.type;
  report.row_count = input.row_count;
  report.null_count = input.null_count;
  PILLAR_ASSIGN_OR_RETURN(const encode_plan raw, raw_codec::analyze(input));
  report.raw_bytes = raw.data_bytes;
  chooser_options choice = detail::choice_of(options);
  choice.report = &report;
  PILLAR_ASSIGN_OR_RETURN(const planned_tree planned, choose_codecs(input, choice));
  return {};
}

PILLAR_API result<buffer> encode_block(std::span<const vector> vectors, const block_options& options,
                                       memory_budget* budget) {
  vector_entry entries[block_max_vectors];
  PILLAR_ASSIGN_OR_RETURN(const encode_input input, detail::describe(vectors, options, budget, entries));
  PILLAR_ASSIGN_OR_RETURN(const planned_tree planned, choose_codecs(input, detail::choice_of(options)));
  const std::uint64_t data_bytes = planned.data_bytes();
  if (data_bytes >= ~std::uint32_t{0}) return {errc::limit_exceeded, data_bytes};

  PILLAR_ASSIGN_OR_RETURN(const buffer raw, [&]() -> result<buffer> {
    PILLAR_ASSIGN_OR_RETURN(buffer made, buffer::allocate(data_bytes, budget));
    return made;
  }());
  encoded_tree tree;
  PILLAR_TRY(encode_tree(planned, {entries, vectors.size()}, const_cast<std::byte*>(raw.data()), tree));
  PILLAR_ASSIGN_OR_RETURN(const detail::transformed stored, detail::try_transforms(raw.bytes(), options, budget));
  const bool transformed = stored.id != transform_id::none;
  const std::span<const std::byte> data = transformed ? stored.bytes.bytes().first(stored.size) : raw.bytes();

  std::byte nodes[detail::max_node_bytes * max_codec_nodes];
  const auto directory_bytes = static_cast<std::size_t>(detail::write_nodes(tree, nodes) - nodes);
  const data_section& root = tree.nodes[0];
  std::uint32_t validity_bytes = 0, entry_total = 0;
  for (std::uint32_t i = 0; i < root.vector_count; ++i) validity_bytes += detail::validity_bytes(root.entries[i]);
  for (std::uint32_t i = 0; i < tree.node_count; ++i) entry_total += tree.nodes[i].vector_count;

  const detail::block_layout layout(directory_bytes, data.size(), validity_bytes);
  PILLAR_ASSIGN_OR_RETURN(buffer block, buffer::allocate(layout.end, budget, options.stagger));
  std::memset(block.data(), 0, layout.data);
  std::memcpy(block.data() + sizeof(detail::block_header), nodes, directory_bytes);
  if (!data.empty()) std::memcpy(block.data() + layout.data, data.data(), data.size());
  std::memset(block.data() + layout.data_end, 0, layout.end - layout.data_end);
  std::byte* validity = block.data() + layout.validity;
  for (std::uint32_t i = 0; i < root.vector_count; ++i) {
    detail::write_validity(vectors[i], root.entries[i], validity);
    validity += detail::validity_bytes(root.entries[i]);
  }
  detail::block_header header{};
  std::memcpy(header.magic, detail::block_magic, sizeof(header.magic));
  header.version = detail::block_version;
  header.codec = static_cast<std::uint8_t>(root.codec->id);
  header.transform = static_cast<std::uint8_t>(stored.id);
  header.physical = static_cast<std::uint8_t>(input.type.physical);
  header.logical = static_cast<std::uint8_t>(input.type.logical);
  header.precision = input.type.precision;
  header.scale = input.type.scale;
  header.nullable = input.type.nullable;
  header.code_width = root.code_width;
  header.vector_count = static_cast<std::uint16_t>(root.vector_count);
  header.row_count = input.row_count;
  header.null_count = input.null_count;
  header.entry_count = root.entry_count;
  header.shared_bytes = root.shared_bytes;
  header.block_bytes = block.size();
  header.data_bytes = static_cast<std::uint32_t>(data_bytes);
  header.stored_bytes = static_cast<std::uint32_t>(data.size());
  header.validity_bytes = validity_bytes;
  header.child_count = static_cast<std::uint8_t>(root.child_count);
  header.node_count = static_cast<std::uint8_t>(tree.node_count);
  header.entry_total = static_cast<std::uint16_t>(entry_total);
  store_unaligned(block.data(), header);
  header.checksum = detail::block_checksum(block.bytes(), options.kernels);
  store_unaligned(block.data(), header);
  return block;
}

// ---- opening --------------------------------------------------------------------------------------------------------

/// The steps of open_block, in the order in which bytes come to be trusted.
struct block_opener {
  std::span<const std::byte> bytes;
  const block_limits& limits;
  detail::block_header header{};
  detail::block_layout layout{0, 0, 0};

  static result<void> wrong(std::size_t at) noexcept { return {errc::corrupt, at}; }

  /// Everything that the header alone can get wrong.
  result<void> read_header(bool verify_checksum) noexcept {
    using stored = detail::block_header;
    if (bytes.size() < sizeof(header)) return {errc::truncated, bytes.size()};
    header = load_unaligned<stored>(bytes.data());
    if (std::memcmp(header.magic, detail::block_magic, sizeof(header.magic)) != 0) return wrong(0);
    if (header.version == 0 || header.version > detail::block_version)
      return {errc::unsupported, offsetof(stored, version)};
    if (header.block_bytes > bytes.size()) return {errc::truncated, bytes.size()};
    if (header.block_bytes < bytes.size()) return wrong(offsetof(stored, block_bytes));
    if (PILLAR_MUTATE(block_checksum_ignored, verify_checksum, false) &&
        detail::block_checksum(bytes, limits.kernels) != header.checksum) {
      return {errc::checksum_mismatch, offsetof(stored, checksum)};
    }
    if (find_codec(header.codec, limits.codecs) == nullptr) return {errc::unsupported, offsetof(stored, codec)};
    if (header.transform > static_cast<std::uint8_t>(transform_id::lz4) && users_transform() == nullptr)
      return {errc::unsupported, offsetof(stored, transform)};
    if (header.nullable > 1 || !detail::is_known_type(type())) return wrong(offsetof(stored, physical));
    if (header.row_count == 0 || header.null_count > header.row_count || (header.null_count != 0 && !header.nullable))
      return wrong(offsetof(stored, row_count));
    if (header.row_count > limits.max_rows || header.data_bytes > limits.max_decoded_bytes)
      return {errc::limit_exceeded, offsetof(stored, row_count)};
    if (header.row_count > block_max_rows || header.vector_count != (header.row_count + vector_rows - 1) / vector_rows)
      return wrong(offsetof(stored, vector_count));
    if (header.shared_bytes > header.data_bytes) return wrong(offsetof(stored, shared_bytes));
    if (header.version == 1) PILLAR_TRY(read_old_header());
    if (header.node_count == 0 || header.node_count > max_codec_nodes || header.entry_total < header.vector_count ||
        header.entry_total > max_tree_vectors)
      return wrong(offsetof(stored, child_count));
    if (header.transform == 0 ? header.stored_bytes != header.data_bytes
                              : users_transform() == nullptr && !transform_pays(header.data_bytes, header.stored_bytes))
      return wrong(offsetof(stored, stored_bytes));
    if (PILLAR_MUTATE(
            block_bomb_tried,
            header.data_bytes > restored_bound(static_cast<transform_id>(header.transform), header.stored_bytes),
            false))
      return wrong(offsetof(stored, data_bytes));
    return find_layout();
  }

  /// Version 1 has a bitmap count for the bytes of the validity section, and no children.
  result<void> read_old_header() noexcept {
    if (header.child_count != 0 || header.node_count != 0 || header.entry_total != 0)
      return wrong(offsetof(detail::block_header, child_count));
    if (header.validity_bytes > header.vector_count) return wrong(offsetof(detail::block_header, validity_bytes));
    header.validity_bytes *= static_cast<std::uint32_t>(detail::bitmap_bytes);
    header.node_count = 1;
    header.entry_total = header.vector_count;
    return {};
  }

  /// The data begins at a multiple of 64 in front of all that follows it, whose sizes are known.
  result<void> find_layout() noexcept {
    const detail::block_layout behind(0, header.stored_bytes, header.validity_bytes);
    const std::uint64_t extra = bytes.size() - behind.end;
    if (behind.end > bytes.size() || extra % 64 != 0) return wrong(offsetof(detail::block_header, block_bytes));
    layout = {extra, header.stored_bytes, header.validity_bytes};
    if (!all_zero(layout.data_end, layout.validity) || !all_zero(layout.validity_end, layout.end))
      return wrong(layout.data_end);
    return {};
  }
  [[nodiscard]] bool all_zero(std::uint64_t begin, std::uint64_t end) const noexcept {
    return detail::all_zero(bytes.subspan(begin, end - begin));
  }

  [[nodiscard]] data_type type() const noexcept {
    return {static_cast<logical_type>(header.logical), static_cast<physical_type>(header.physical), header.precision,
            header.scale, header.nullable != 0};
  }

  /// The root as the header describes it, then each child with its directory.
  result<void> read_nodes(std::span<data_section> nodes, vector_entry* entries) noexcept {
    data_section& root = nodes[0];
    root.type = type();
    root.row_count = header.row_count;
    root.vector_count = header.vector_count;
    root.entry_count = header.entry_count;
    root.shared_bytes = header.shared_bytes;
    root.code_width = header.code_width;
    root.child_count = header.child_count;
    root.codec = find_codec(header.codec, limits.codecs);
    byte_reader from(bytes.first(layout.data));
    (void)from.take(sizeof(header));
    std::uint32_t left = header.entry_total;
    const packed_table& kernels = limits.kernels != nullptr ? *limits.kernels : packed_kernels_for(best_arch_level());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      data_section& node = nodes[i];
      const std::size_t at = from.offset();
      if (i != 0) {
        PILLAR_ASSIGN_OR_RETURN(const auto stored, from.read<detail::block_node_header>());
        node.codec = find_codec(stored.codec, limits.codecs);
        if (node.codec == nullptr) return {errc::unsupported, at};
        if (stored.physical >= physical_type_count || stored.zero != 0) return wrong(at);
        node.type = child_type(static_cast<physical_type>(stored.physical));
        node.row_count = stored.row_count;
        node.vector_count = stored.vector_count;
        node.entry_count = stored.entry_count;
        node.shared_bytes = stored.shared_bytes;
        node.code_width = stored.code_width;
        node.child_count = stored.child_count;
      }
      if (node.vector_count == 0 || node.vector_count > block_max_vectors || node.vector_count > left ||
          node.entry_count > block_max_rows || node.code_width > packed_max_table_width ||
          (node.child_count == 0 && node.entry_count > node.shared_bytes))
        return wrong(at);
      node.kernels = &kernels;
      node.entries = entries;
      entries += node.vector_count;
      left -= node.vector_count;
      detail::begin_entries(node);
      PILLAR_TRY(header.version == 1 ? read_old_directory(from, node) : detail::read_directory(from, node));
    }
    if (left != 0 || layout.data - from.offset() >= 64 || !all_zero(from.offset(), layout.data))
      return wrong(from.offset());
    return link_tree(nodes);
  }

  /// Version 1: 24 bytes per vector; payloads lie back to back behind the shared part.
  static result<void> read_old_directory(byte_reader& from, data_section& node) noexcept {
    std::uint64_t end = node.shared_bytes;
    for (std::uint32_t i = 0; i < node.vector_count; ++i) {
      const std::size_t at = from.offset();
      PILLAR_ASSIGN_OR_RETURN(const auto stored, from.read<detail::block_entry_v1>());
      vector_entry& entry = node.entries[i];
      entry.base = stored.base;
      entry.width = stored.width;
      entry.offset = stored.offset;
      entry.bytes = stored.bytes;
      entry.row_count = i + 1 < node.vector_count ? vector_rows : node.row_count - i * vector_rows;
      entry.nulls = static_cast<null_form>(stored.validity);
      if (stored.offset != end || stored.mode != 0 || stored.width > packed_max_width ||
          stored.validity > static_cast<std::uint8_t>(null_form::bitmap) ||
          !detail::all_zero(std::as_bytes(std::span(stored.reserved))))
        return {errc::corrupt, at};
      end += stored.bytes;
    }
    node.data_bytes = end;
    return {};
  }

  /// Vectors are full but for the last; NULLs are those that the header counts, and children have none.
  result<void> read_all_validity(std::span<data_section> nodes) noexcept {
    const data_section& root = nodes[0];
    std::uint32_t forms = 0, forms_below = 0, missing_rows = 0;
    for (std::uint32_t i = 0; i < root.vector_count; ++i) {
      forms |= static_cast<std::uint8_t>(root.entries[i].nulls);
      missing_rows |= i + 1 != root.vector_count ? root.entries[i].row_count ^ vector_rows : 0;
    }
    for (const data_section& child : nodes.subspan(1))
      for (std::uint32_t v = 0; v < child.vector_count; ++v)
        forms_below |= static_cast<std::uint8_t>(child.entries[v].nulls);
    if (forms_below != 0 || missing_rows != 0) return wrong(sizeof(header));
    byte_reader from(bytes.first(layout.validity_end));
    (void)from.take(layout.validity);
    std::uint32_t null_count = 0;
    for (std::uint32_t i = 0; forms != 0 && i < root.vector_count; ++i) {
      PILLAR_TRY(detail::read_validity(from, root.entries[i]));
      null_count += root.entries[i].null_count;
    }
    if (null_count != header.null_count || from.remaining() != 0) return wrong(layout.validity);
    return {};
  }

  /// Where the nodes' parts of the data section begin.
  result<void> place_data(std::span<data_section> nodes, const std::byte* data) noexcept {
    std::uint64_t end = 0;
    for (data_section& node : nodes) {
      const std::uint64_t begin = round_up(end, 8);
      if (begin > header.data_bytes || node.data_bytes > header.data_bytes - begin) return wrong(sizeof(header));
      if (!detail::all_zero({data + end, begin - end})) return wrong(layout.data);
      node.data = data + begin;
      end = begin + node.data_bytes;
    }
    if (end != header.data_bytes) return wrong(sizeof(header));
    return {};
  }

  [[nodiscard]] const transform_functions* users_transform() const noexcept {
    return limits.transforms.find(static_cast<transform_id>(header.transform));
  }

  /// The data section as it was before its byte transform.
  result<void> restore_data(std::span<std::byte> raw) const noexcept {
    const auto stored = bytes.subspan(layout.data, header.stored_bytes);
    if (const transform_functions* own = users_transform()) return own->restore(own->state, stored, raw);
    return restore(static_cast<transform_id>(header.transform), stored, raw);
  }

  /// Made where it stays: a view is large to move.
  result<block_view> open(bool verify_checksum) noexcept {
    result<block_view> opened{block_view()};
    const result<void> done = open_as(*opened, verify_checksum);
    if (!done.ok()) opened = done.error();
    return opened;
  }

  result<void> open_as(block_view& view, bool verify_checksum) noexcept {
    PILLAR_TRY(read_header(verify_checksum));
    constexpr std::size_t nodes_at = offsetof(detail::block_state, section);
    const std::size_t entries_at = round_up(nodes_at + sizeof(data_section) * header.node_count, 64);
    PILLAR_ASSIGN_OR_RETURN(view.state_,
                            buffer::allocate(entries_at + sizeof(vector_entry) * header.entry_total, limits.budget));
    auto* state = ::new (static_cast<void*>(view.state_.data())) detail::block_state{};
    auto* first = reinterpret_cast<data_section*>(view.state_.data() + nodes_at);
    for (std::size_t i = 1; i < header.node_count; ++i) ::new (static_cast<void*>(first + i)) data_section{};
    const std::span<data_section> nodes(first, header.node_count);
    PILLAR_TRY(read_nodes(nodes, reinterpret_cast<vector_entry*>(view.state_.data() + entries_at)));
    PILLAR_TRY(read_all_validity(nodes));

    const std::byte* data = bytes.data() + layout.data;
    if (header.transform != 0) {
      PILLAR_ASSIGN_OR_RETURN(view.restored_, buffer::allocate(header.data_bytes, limits.budget));
      PILLAR_TRY(restore_data(view.restored_.bytes().first(header.data_bytes)));
      data = view.restored_.data();
    }
    PILLAR_TRY(place_data(nodes, data));
    PILLAR_TRY(validate_tree(nodes, view.prepared_, limits.max_decoded_bytes, limits.budget));
    state->data_bytes = header.data_bytes;
    state->stored_bytes = header.stored_bytes;
    state->node_count = header.node_count;
    state->nodes = first;

    view.section_ = first;
    view.node_count_ = header.node_count;
    view.operations_ = detail::operations_of(static_cast<codec_id>(header.codec));
    view.block_bytes_ = bytes.size();
    view.shared_bytes_ = detail::bytes_of_no_vector(*state, bytes.size() - header.validity_bytes);
    view.checksum_ = header.checksum;
    view.null_count_ = header.null_count;
    view.codec_ = static_cast<codec_id>(header.codec);
    view.transform_ = static_cast<transform_id>(header.transform);
    return {};
  }
};

PILLAR_API result<block_view> open_block(std::span<const std::byte> bytes, const block_limits& limits,
                                         bool verify_checksum) {
  return block_opener{bytes, limits}.open(verify_checksum);
}

}  // namespace PILLAR_NAMESPACE
