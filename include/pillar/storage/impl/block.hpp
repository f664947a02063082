// SPDX-License-Identifier: Apache-2.0
#pragma once
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>  // std::memcpy, std::memset
#include <new>      // placement new

#include "pillar/base/byte_reader.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/constant.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/frame_of_reference.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/codec/raw.hpp"
#include "pillar/expr/domain.hpp"  // domain
#include "pillar/simd/dispatch.hpp"
#include "pillar/storage/block.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// The header as it is stored: docs/formats/block.md. All fields little endian, no padding between them.
struct block_header {
  char magic[4];
  std::uint16_t version;
  std::uint8_t codec;
  std::uint8_t transform;
  std::uint8_t physical;
  std::uint8_t logical;
  std::uint8_t precision;
  std::uint8_t scale;
  std::uint8_t nullable;
  std::uint8_t code_width;
  std::uint16_t vector_count;
  std::uint32_t row_count;
  std::uint32_t null_count;
  std::uint32_t entry_count;
  std::uint32_t shared_bytes;
  std::uint64_t checksum;
  std::uint64_t block_bytes;
  std::uint32_t data_bytes;
  std::uint32_t stored_bytes;
  std::uint32_t bitmap_count;
  std::uint32_t reserved;
};
static_assert(sizeof(block_header) == 64 && offsetof(block_header, checksum) == 32);
static_assert(std::endian::native == std::endian::little, "blocks are little endian, and so are Pillar's targets");

enum class validity_mode : std::uint8_t { all_valid = 0, all_null = 1, bitmap = 2 };

struct block_directory_entry {
  std::uint64_t base;
  std::uint32_t offset;
  std::uint32_t bytes;
  std::uint8_t width;
  std::uint8_t mode;
  std::uint8_t validity;
  std::uint8_t reserved[5];
};
static_assert(sizeof(block_directory_entry) == 24);

inline constexpr char block_magic[4] = {'P', 'L', 'R', 'B'};
inline constexpr std::uint16_t block_version = 1;
inline constexpr std::size_t block_slack = 64;
inline constexpr std::size_t bitmap_bytes = vector_rows / 8;

/// Where the sections of a block lie.
struct block_layout {
  std::uint64_t directory = sizeof(block_header);
  std::uint64_t directory_end;
  std::uint64_t data;
  std::uint64_t data_end;
  std::uint64_t validity;
  std::uint64_t validity_end;
  std::uint64_t end;

  block_layout(std::uint32_t vector_count, std::uint64_t stored_bytes, std::uint32_t bitmap_count) noexcept
      : directory_end(directory + sizeof(block_directory_entry) * vector_count),
        data(round_up(directory_end, 64)),
        data_end(data + stored_bytes),
        validity(round_up(data_end, 8)),
        validity_end(validity + bitmap_bytes * bitmap_count),
        end(validity_end + block_slack) {}
};

/// XXH3 of the whole block with the checksum's own field as zero.
inline std::uint64_t block_checksum(std::span<const std::byte> block) noexcept {
  constexpr std::size_t at = offsetof(block_header, checksum);
  constexpr std::uint64_t zero = 0;
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, block.data(), at);
  XXH3_64bits_update(&state, &zero, sizeof(zero));
  XXH3_64bits_update(&state, block.data() + at + sizeof(zero), block.size() - at - sizeof(zero));
  return XXH3_64bits_digest(&state);
}

inline bool all_zero(std::span<const std::byte> bytes) noexcept {
  for (const std::byte byte : bytes)
    if (byte != std::byte{0}) return false;
  return true;
}

/// What a block_view points its encoded vectors to; the section comes first, block_view reads it.
struct block_state {
  data_section section;
  std::uint64_t stored_bytes;
  const codec_functions* codec;
};

/// Stored bytes up to `offset` of the data section: the same number without a byte transform.
inline std::uint64_t stored_until(const block_state& state, std::uint64_t offset) noexcept {
  const std::uint64_t whole = state.section.data_bytes;
  return whole == state.stored_bytes || whole == 0 ? offset : state.stored_bytes * offset / whole;
}

/// Words of a validity bitmap, tail cleared; the bitmap may lie at any address.
inline void load_validity(const vector_entry& entry, std::uint64_t* words) noexcept {
  if (entry.validity != nullptr) std::memcpy(words, entry.validity, bitmap_bytes);
  else std::memset(words, entry.null_count == 0 ? 0xff : 0, bitmap_bytes);
  clear_tail(words, entry.row_count);
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
    if constexpr (listed) of(block).codec->decode(section, index, scratch, out);
    else C::decode(section, index, scratch, out);
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
      const auto ask = of(block).codec->match;
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
      if (const auto ask = of(block).codec->sum; ask != nullptr) return ask(section, index, mask, mask_is_all, out);
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
        const auto ask = of(block).codec->fetch;
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

  static std::uint32_t encoded_bytes(const void* block, std::uint32_t index) noexcept {
    const block_state& state = of(block);
    PILLAR_ASSERT(index < state.section.vector_count);
    const vector_entry& entry = state.section.entries[index];
    const std::uint64_t payload =
        stored_until(state, std::uint64_t{entry.offset} + entry.bytes) - stored_until(state, entry.offset);
    return static_cast<std::uint32_t>(payload + (entry.validity != nullptr ? bitmap_bytes : 0));
  }

  static constexpr encoded_operations table{decode,
                                            match,
                                            sum,
                                            validity,
                                            encoded_bytes,
                                            listed || fetches_rows<C> ? &block_operations::decode_rows : nullptr,
                                            prefetches_rows<C> ? &block_operations::prefetch_rows : nullptr};
};

/// What opening needs of a codec.
struct block_codec {
  const codec_functions* functions = nullptr;
  const encoded_operations* operations = nullptr;
};

template <codec C>
inline constexpr block_codec block_codec_of{&codec_functions_of<C>, &block_operations<C>::table};

inline block_codec find_codec(std::uint8_t id, const codec_set& users) noexcept {
  switch (id) {
    case static_cast<std::uint8_t>(codec_id::raw): return block_codec_of<raw_codec>;
    case static_cast<std::uint8_t>(codec_id::constant): return block_codec_of<constant_codec>;
    case static_cast<std::uint8_t>(codec_id::frame_of_reference): return block_codec_of<frame_of_reference_codec>;
    case static_cast<std::uint8_t>(codec_id::dictionary): return block_codec_of<dictionary_codec>;
    default: return {users.find(id), &block_operations<listed_codec>::table};
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

struct chosen_codec {
  encode_plan plan{};
  codec_id id = codec_id::raw;
  result<void> (*encode)(const encode_input&, const encode_plan&, std::byte*, data_section&) = nullptr;
};

/// Takes the codec's plan if it is smaller than the best so far, or if it is the forced codec.
inline result<void> consider(const codec_functions& candidate, encode_input& input, const block_options& options,
                             chosen_codec& best) {
  if (options.codec.has_value() && *options.codec != candidate.id) return {};
  if (best.encode != nullptr) {
    // A dictionary over integers costs a second look-up per row: it has to save 10 % to be worth that.
    const bool hurdle = candidate.id == codec_id::dictionary && input.type.physical != physical_type::text;
    input.give_up_bytes = hurdle ? best.plan.data_bytes - best.plan.data_bytes / 10 : best.plan.data_bytes;
  }
  PILLAR_ASSIGN_OR_RETURN(encode_plan plan, candidate.analyze(input));
  if (!plan.possible || plan.data_bytes >= input.give_up_bytes) return {};
  best.plan = std::move(plan);
  best.id = candidate.id;
  best.encode = candidate.encode;
  return {};
}

inline result<encode_input> describe(std::span<const vector> vectors, const block_options& options,
                                     memory_budget* budget, std::span<vector_entry> entries) {
  if (vectors.empty() || vectors.size() > block_max_vectors) return {errc::invalid_argument, vectors.size()};
  encode_input input;
  input.type = vectors[0].type;
  input.vectors = vectors;
  input.budget = budget;
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
    input.row_count += values.size;
    input.null_count += entries[i].null_count;
    if (entries[i].null_count != 0 && !input.type.nullable) return {errc::invalid_argument, i};
  }
  return input;
}

inline result<chosen_codec> choose_codec(encode_input& input, const block_options& options) {
  chosen_codec best;
  // A constant answers everything from its directory. Then a tie goes to the first, which answers more encoded.
  PILLAR_TRY(consider(codec_functions_of<constant_codec>, input, options, best));
  if (best.encode == nullptr) {
    PILLAR_TRY(consider(codec_functions_of<frame_of_reference_codec>, input, options, best));
    PILLAR_TRY(consider(codec_functions_of<raw_codec>, input, options, best));
    PILLAR_TRY(consider(codec_functions_of<dictionary_codec>, input, options, best));
    for (const codec_functions* user : options.codecs.members())
      if (static_cast<std::uint8_t>(user->id) >= first_user_codec) PILLAR_TRY(consider(*user, input, options, best));
  }
  if (best.encode == nullptr) return {errc::invalid_argument, 0};
  if (best.plan.data_bytes >= ~std::uint32_t{0}) return {errc::limit_exceeded, best.plan.data_bytes};
  return best;
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

}  // namespace detail

PILLAR_API result<buffer> encode_block(std::span<const vector> vectors, const block_options& options,
                                       memory_budget* budget) {
  vector_entry entries[block_max_vectors];
  PILLAR_ASSIGN_OR_RETURN(encode_input input, detail::describe(vectors, options, budget, entries));
  PILLAR_ASSIGN_OR_RETURN(const detail::chosen_codec chosen, detail::choose_codec(input, options));
  const auto data_bytes = static_cast<std::uint32_t>(chosen.plan.data_bytes);
  const auto vector_count = static_cast<std::uint32_t>(vectors.size());

  data_section section;
  section.type = input.type;
  section.row_count = input.row_count;
  section.vector_count = vector_count;
  section.entries = entries;
  section.kernels = input.kernels;
  std::uint32_t bitmap_count = 0;
  for (std::uint32_t i = 0; i < vector_count; ++i)
    bitmap_count += entries[i].null_count != 0 && entries[i].null_count != entries[i].row_count;

  buffer block;
  detail::transformed stored;
  const auto allocate_block = [&](std::uint64_t stored_bytes) -> result<void> {
    const detail::block_layout layout(vector_count, stored_bytes, bitmap_count);
    PILLAR_ASSIGN_OR_RETURN(block, buffer::allocate(layout.end, budget, options.stagger));
    std::memset(block.data(), 0, layout.data);
    std::memset(block.data() + layout.data_end, 0, layout.end - layout.data_end);
    return {};
  };
  if (options.transform == transform_choice::none) {
    PILLAR_TRY(allocate_block(data_bytes));
    const detail::block_layout layout(vector_count, data_bytes, bitmap_count);
    PILLAR_TRY(chosen.encode(input, chosen.plan, block.data() + layout.data, section));
  } else {
    PILLAR_ASSIGN_OR_RETURN(const buffer raw, [&]() -> result<buffer> {
      PILLAR_ASSIGN_OR_RETURN(buffer made, buffer::allocate(data_bytes, budget));
      PILLAR_TRY(chosen.encode(input, chosen.plan, made.data(), section));
      return made;
    }());
    if (options.transform != transform_choice::lz4)
      PILLAR_TRY(detail::try_transform(transform_id::zstd, options.zstd_level, raw.bytes(), budget, stored));
    if (options.transform != transform_choice::zstd)
      PILLAR_TRY(detail::try_transform(transform_id::lz4, 0, raw.bytes(), budget, stored));
    const bool pays = stored.id != transform_id::none;
    PILLAR_TRY(allocate_block(pays ? stored.size : data_bytes));
    const detail::block_layout layout(vector_count, pays ? stored.size : data_bytes, bitmap_count);
    const std::byte* from = pays ? stored.bytes.data() : raw.data();
    if (from != nullptr) std::memcpy(block.data() + layout.data, from, layout.data_end - layout.data);
  }
  const std::uint32_t stored_bytes =
      stored.id == transform_id::none ? data_bytes : static_cast<std::uint32_t>(stored.size);
  const detail::block_layout layout(vector_count, stored_bytes, bitmap_count);

  std::byte* bitmap = block.data() + layout.validity;
  for (std::uint32_t i = 0; i < vector_count; ++i) {
    detail::block_directory_entry entry{};
    entry.base = entries[i].base;
    entry.offset = entries[i].offset;
    entry.bytes = entries[i].bytes;
    entry.width = entries[i].width;
    entry.validity =
        static_cast<std::uint8_t>(entries[i].null_count == 0                      ? detail::validity_mode::all_valid
                                  : entries[i].null_count == entries[i].row_count ? detail::validity_mode::all_null
                                                                                  : detail::validity_mode::bitmap);
    store_unaligned(block.data() + layout.directory + sizeof(entry) * i, entry);
    if (entry.validity != static_cast<std::uint8_t>(detail::validity_mode::bitmap)) continue;
    for (std::uint32_t word = 0; word < vector_words; ++word)
      store_unaligned(bitmap + std::size_t{8} * word, vectors[i].validity_word(word));
    bitmap += detail::bitmap_bytes;
  }
  detail::block_header header{};
  std::memcpy(header.magic, detail::block_magic, sizeof(header.magic));
  header.version = detail::block_version;
  header.codec = static_cast<std::uint8_t>(chosen.id);
  header.transform = static_cast<std::uint8_t>(stored.id);
  header.physical = static_cast<std::uint8_t>(input.type.physical);
  header.logical = static_cast<std::uint8_t>(input.type.logical);
  header.precision = input.type.precision;
  header.scale = input.type.scale;
  header.nullable = input.type.nullable;
  header.code_width = section.code_width;
  header.vector_count = static_cast<std::uint16_t>(vector_count);
  header.row_count = input.row_count;
  header.null_count = input.null_count;
  header.entry_count = section.entry_count;
  header.shared_bytes = section.shared_bytes;
  header.block_bytes = block.size();
  header.data_bytes = data_bytes;
  header.stored_bytes = stored_bytes;
  header.bitmap_count = bitmap_count;
  store_unaligned(block.data(), header);
  header.checksum = detail::block_checksum(block.bytes());
  store_unaligned(block.data(), header);
  return block;
}

// ---- opening --------------------------------------------------------------------------------------------------------

/// The steps of open_block, in the order in which bytes come to be trusted.
struct block_opener {
  std::span<const std::byte> bytes;
  const block_limits& limits;
  detail::block_header header{};
  detail::block_codec codec{};

  /// Everything that the header alone can get wrong.
  result<void> read_header(bool verify_checksum) noexcept {
    if (bytes.size() < sizeof(header)) return {errc::truncated, bytes.size()};
    header = load_unaligned<detail::block_header>(bytes.data());
    if (std::memcmp(header.magic, detail::block_magic, sizeof(header.magic)) != 0) return {errc::corrupt, 0};
    if (header.version != detail::block_version) return {errc::unsupported, offsetof(detail::block_header, version)};
    if (header.block_bytes > bytes.size()) return {errc::truncated, bytes.size()};
    if (header.block_bytes < bytes.size()) return {errc::corrupt, offsetof(detail::block_header, block_bytes)};
    if (PILLAR_MUTATE(block_checksum_ignored, verify_checksum, false) &&
        detail::block_checksum(bytes) != header.checksum) {
      return {errc::checksum_mismatch, offsetof(detail::block_header, checksum)};
    }
    codec = detail::find_codec(header.codec, limits.codecs);
    if (codec.functions == nullptr) return {errc::unsupported, offsetof(detail::block_header, codec)};
    if (header.transform > static_cast<std::uint8_t>(transform_id::lz4)) {
      return {errc::unsupported, offsetof(detail::block_header, transform)};
    }
    if (header.nullable > 1 || header.reserved != 0 || !detail::is_known_type(type())) return {errc::corrupt, 8};
    if (header.row_count == 0 || header.null_count > header.row_count || (header.null_count != 0 && !header.nullable)) {
      return {errc::corrupt, offsetof(detail::block_header, row_count)};
    }
    if (header.row_count > limits.max_rows || header.data_bytes > limits.max_decoded_bytes) {
      return {errc::limit_exceeded, offsetof(detail::block_header, row_count)};
    }
    if (header.row_count > block_max_rows ||
        header.vector_count != (header.row_count + vector_rows - 1) / vector_rows ||
        header.bitmap_count > header.vector_count) {
      return {errc::corrupt, offsetof(detail::block_header, vector_count)};
    }
    if (header.shared_bytes > header.data_bytes || header.entry_count > header.shared_bytes ||
        header.entry_count > dictionary_codec::max_entries || header.code_width > packed_max_table_width) {
      return {errc::corrupt, offsetof(detail::block_header, entry_count)};
    }
    if (header.transform == 0 ? header.stored_bytes != header.data_bytes
                              : !transform_pays(header.data_bytes, header.stored_bytes)) {
      return {errc::corrupt, offsetof(detail::block_header, stored_bytes)};
    }
    const auto layout = sections();
    if (layout.end != bytes.size()) return {errc::corrupt, offsetof(detail::block_header, block_bytes)};
    if (!detail::all_zero(bytes.subspan(layout.directory_end, layout.data - layout.directory_end)) ||
        !detail::all_zero(bytes.subspan(layout.data_end, layout.validity - layout.data_end)) ||
        !detail::all_zero(bytes.subspan(layout.validity_end, detail::block_slack))) {
      return {errc::corrupt, layout.directory_end};
    }
    return {};
  }

  [[nodiscard]] data_type type() const noexcept {
    return {static_cast<logical_type>(header.logical), static_cast<physical_type>(header.physical), header.precision,
            header.scale, header.nullable != 0};
  }
  [[nodiscard]] detail::block_layout sections() const noexcept {
    return {header.vector_count, header.stored_bytes, header.bitmap_count};
  }

  /// Copies the directory: payloads lie back to back behind the shared part, bitmaps one after the other.
  result<void> read_directory(data_section& section) noexcept {
    const auto layout = sections();
    std::uint64_t end = header.shared_bytes;
    std::uint32_t null_count = 0, bitmap_count = 0;
    for (std::uint32_t i = 0; i < section.vector_count; ++i) {
      const std::uint64_t at = layout.directory + sizeof(detail::block_directory_entry) * i;
      const auto stored = load_unaligned<detail::block_directory_entry>(bytes.data() + at);
      vector_entry& entry = section.entries[i];
      entry = vector_entry{};
      entry.base = stored.base;
      entry.width = stored.width;
      entry.offset = stored.offset;
      entry.bytes = stored.bytes;
      entry.row_count = i + 1 < section.vector_count ? vector_rows : section.row_count - i * vector_rows;
      if (stored.offset != end || stored.mode != 0 || stored.width > packed_max_width ||
          !detail::all_zero(std::as_bytes(std::span(stored.reserved)))) {
        return {errc::corrupt, at};
      }
      end += stored.bytes;
      if (stored.validity == static_cast<std::uint8_t>(detail::validity_mode::all_null)) {
        entry.null_count = entry.row_count;
      } else if (stored.validity == static_cast<std::uint8_t>(detail::validity_mode::bitmap)) {
        if (bitmap_count == header.bitmap_count) return {errc::corrupt, at};
        entry.validity = bytes.data() + layout.validity + detail::bitmap_bytes * bitmap_count++;
        PILLAR_TRY(count_nulls(entry, at));
      } else if (stored.validity != 0) {
        return {errc::corrupt, at};
      }
      null_count += entry.null_count;
    }
    if (end != header.data_bytes || null_count != header.null_count || bitmap_count != header.bitmap_count) {
      return {errc::corrupt, layout.directory};
    }
    return {};
  }

  static result<void> count_nulls(vector_entry& entry, std::uint64_t at) noexcept {
    std::uint64_t stored[vector_words], words[vector_words];
    std::memcpy(stored, entry.validity, sizeof(stored));
    std::memcpy(words, stored, sizeof(stored));
    detail::clear_tail(words, entry.row_count);
    if (std::memcmp(stored, words, sizeof(stored)) != 0) return {errc::corrupt, at};
    entry.null_count = entry.row_count - static_cast<std::uint32_t>(count_bits(words, vector_rows));
    // Uniform vectors have no bitmap, so that equal values have equal bytes.
    if (entry.null_count == 0 || entry.null_count == entry.row_count) return {errc::corrupt, at};
    return {};
  }

  result<block_view> open(bool verify_checksum) noexcept {
    PILLAR_TRY(read_header(verify_checksum));
    data_section first;
    first.type = type();
    first.row_count = header.row_count;
    first.vector_count = header.vector_count;
    first.entry_count = header.entry_count;
    first.shared_bytes = header.shared_bytes;
    first.code_width = header.code_width;
    first.data = bytes.data() + sections().data;
    first.data_bytes = header.data_bytes;
    first.kernels = limits.kernels != nullptr ? limits.kernels : &packed_kernels_for(best_arch_level());

    block_view view;
    const std::size_t entries_at = round_up(sizeof(detail::block_state), 64);
    const std::size_t memory_at = round_up(entries_at + sizeof(vector_entry) * first.vector_count, 64);
    PILLAR_ASSIGN_OR_RETURN(view.state_,
                            buffer::allocate(memory_at + codec.functions->view_bytes(first), limits.budget));
    first.entries = reinterpret_cast<vector_entry*>(view.state_.data() + entries_at);
    PILLAR_TRY(read_directory(first));
    if (header.transform != 0) {
      PILLAR_ASSIGN_OR_RETURN(view.restored_, buffer::allocate(header.data_bytes, limits.budget));
      PILLAR_TRY(restore(static_cast<transform_id>(header.transform),
                         bytes.subspan(sections().data, header.stored_bytes), view.restored_.bytes()));
      first.data = view.restored_.data();
    }
    auto* state =
        ::new (static_cast<void*>(view.state_.data())) detail::block_state{first, header.stored_bytes, codec.functions};
    PILLAR_TRY(codec.functions->validate(state->section, view.state_.data() + memory_at));

    view.operations_ = codec.operations;
    view.block_bytes_ = bytes.size();
    view.shared_bytes_ = bytes.size();
    for (std::uint32_t i = 0; i < header.vector_count; ++i)
      view.shared_bytes_ -= codec.operations->encoded_bytes(state, i);
    view.checksum_ = header.checksum;
    view.null_count_ = header.null_count;
    view.codec_ = static_cast<codec_id>(header.codec);
    view.transform_ = static_cast<transform_id>(header.transform);
    return view;
  }
};

PILLAR_API result<block_view> open_block(std::span<const std::byte> bytes, const block_limits& limits,
                                         bool verify_checksum) {
  return block_opener{bytes, limits}.open(verify_checksum);
}

PILLAR_API std::uint32_t block_view::encoded_bytes(std::uint32_t index) const noexcept {
  return operations_->encoded_bytes(state_.data(), index);
}

PILLAR_API encoded_vector block_view::vector_at(std::uint32_t index) const noexcept {
  PILLAR_ASSERT(index < vector_count());
  return {operations_, state_.data(), index};
}

}  // namespace PILLAR_NAMESPACE
