// SPDX-License-Identifier: Apache-2.0
/// The bytes of a block around its data: header, nodes, directories, validity. docs/formats/block.md has them in words.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>  // std::memcpy, std::memset
#include <new>      // placement new
#include <span>

#include "pillar/base/bits.hpp"         // load_unaligned, round_up
#include "pillar/base/byte_reader.hpp"  // byte_reader
#include "pillar/base/mutant.hpp"
#include "pillar/codec/codec.hpp"          // vector_entry, data_section
#include "pillar/codec/detail/gather.hpp"  // clear_tail
#include "pillar/codec/packed.hpp"         // packed_bytes

namespace PILLAR_NAMESPACE::detail {

/// The header as it is stored. All fields little endian, no padding between them.
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
  std::uint32_t validity_bytes;  ///< version 1: bitmaps, 128 bytes each
  std::uint8_t child_count;      ///< version 1: this and the next two are zero
  std::uint8_t node_count;
  std::uint16_t entry_total;  ///< vectors of all nodes
};
static_assert(sizeof(block_header) == 64 && offsetof(block_header, checksum) == 32);
static_assert(std::endian::native == std::endian::little, "blocks are little endian, and so are Pillar's targets");

/// A child as it is stored, before its directory.
struct block_node_header {
  std::uint8_t codec;
  std::uint8_t physical;
  std::uint8_t child_count;
  std::uint8_t code_width;
  std::uint16_t vector_count;
  std::uint16_t zero;
  std::uint32_t row_count;
  std::uint32_t entry_count;
  std::uint32_t shared_bytes;
};
static_assert(sizeof(block_node_header) == 20);

/// A directory entry of version 1.
struct block_entry_v1 {
  std::uint64_t base;
  std::uint32_t offset;
  std::uint32_t bytes;
  std::uint8_t width;
  std::uint8_t mode;
  std::uint8_t validity;
  std::uint8_t reserved[5];
};
static_assert(sizeof(block_entry_v1) == 24);

inline constexpr char block_magic[4] = {'P', 'L', 'R', 'B'};
inline constexpr std::uint16_t block_version = 2;
inline constexpr std::size_t block_slack = 64;
inline constexpr std::size_t bitmap_bytes = vector_rows / 8;

/// Where the sections of a block lie.
struct block_layout {
  std::uint64_t data;
  std::uint64_t data_end;
  std::uint64_t validity;
  std::uint64_t validity_end;
  std::uint64_t end;

  constexpr block_layout(std::uint64_t directory_bytes, std::uint64_t stored_bytes,
                         std::uint64_t validity_bytes) noexcept
      : data(round_up(sizeof(block_header) + directory_bytes, 64)),
        data_end(data + stored_bytes),
        validity(round_up(data_end, 8)),
        validity_end(validity + validity_bytes),
        end(validity_end + block_slack) {}
};

// ---- directories of version 2 ---------------------------------------------------------------------------------------
// A directory is a sequence of fields, each over all vectors of its node: a byte that says how many bytes the reference
// has (high half) and how many each vector's distance to it (low half), the reference, the distances. So a field that
// is zero everywhere takes one byte, and one that is the same everywhere a few.

enum class directory_field : std::uint8_t { base, bytes, width, mode, validity, exceptions, rows };
inline constexpr std::uint32_t directory_field_count = 7;
/// What a node and its directory take at most.
inline constexpr std::size_t max_node_bytes =
    sizeof(block_node_header) + directory_field_count * 9 + std::size_t{19} * block_max_vectors;

/// The value of a field as it is stored: what is usual is zero.
inline std::uint64_t get_field(const data_section& node, std::uint32_t index, directory_field field) noexcept {
  const vector_entry& entry = node.entries[index];
  switch (field) {
    case directory_field::base: return entry.base;
    case directory_field::bytes: return static_cast<std::uint32_t>(entry.bytes - packed_bytes(entry.width));
    case directory_field::width: return entry.width;
    case directory_field::mode: return entry.mode;
    case directory_field::validity: return static_cast<std::uint8_t>(entry.nulls);
    case directory_field::exceptions: return entry.exception_count;
    default: break;
  }
  const std::uint32_t usual =
      index + 1 < node.vector_count ? vector_rows : node.row_count - vector_rows * (node.vector_count - 1);
  return static_cast<std::uint32_t>(usual - entry.row_count);
}

/// The counterpart for all vectors, field by field in their order; `value(v)` is what is stored. False where no entry
/// can hold one. No branch per vector: what is wrong with any of them is looked at in the end.
template <directory_field Field, class Value>
bool set_field(data_section& node, Value&& value) noexcept {
  constexpr std::uint64_t highest = Field == directory_field::width        ? packed_max_width
                                    : Field == directory_field::mode       ? 0xff
                                    : Field == directory_field::validity   ? std::uint64_t{4}
                                    : Field == directory_field::exceptions ? vector_rows
                                    : Field == directory_field::base       ? ~std::uint64_t{0}
                                                                           : ~std::uint32_t{0};
  static_assert(static_cast<std::uint8_t>(null_form::list_of_valid) == 4);
  bool fits = true;
  for (std::uint32_t v = 0; v < node.vector_count; ++v) {
    vector_entry& entry = node.entries[v];
    const std::uint64_t stored = value(v);
    fits &= stored <= highest;
    if constexpr (Field == directory_field::base) entry.base = stored;
    else if constexpr (Field == directory_field::bytes) entry.bytes = static_cast<std::uint32_t>(stored);
    else if constexpr (Field == directory_field::width) {
      entry.width = static_cast<std::uint8_t>(stored);
      entry.bytes += static_cast<std::uint32_t>(packed_bytes(entry.width));
    } else if constexpr (Field == directory_field::mode) entry.mode = static_cast<std::uint8_t>(stored);
    else if constexpr (Field == directory_field::validity) entry.nulls = static_cast<null_form>(stored);
    else if constexpr (Field == directory_field::exceptions) entry.exception_count = static_cast<std::uint16_t>(stored);
    else {
      entry.row_count -= static_cast<std::uint32_t>(stored);  // from what is usual
      fits &= entry.row_count - 1 < vector_rows;
    }
  }
  return fits;
}

constexpr std::uint32_t bytes_for(std::uint64_t value) noexcept {
  return (static_cast<std::uint32_t>(std::bit_width(value)) + 7) / 8;
}

inline std::byte* write_number(std::byte* out, std::uint64_t value, std::uint32_t bytes) noexcept {
  std::memcpy(out, &value, bytes);
  return out + bytes;
}

/// Writes a directory; returns its end.
inline std::byte* write_directory(const data_section& node, std::byte* out) noexcept {
  for (std::uint32_t f = 0; f < directory_field_count; ++f) {
    const auto field = static_cast<directory_field>(f);
    auto least = static_cast<std::int64_t>(get_field(node, 0, field));
    std::uint64_t most = 0;
    for (std::uint32_t v = 1; v < node.vector_count; ++v) {
      const auto value = static_cast<std::int64_t>(get_field(node, v, field));
      least = value < least ? value : least;
    }
    const auto reference = static_cast<std::uint64_t>(least);
    for (std::uint32_t v = 0; v < node.vector_count; ++v) most |= get_field(node, v, field) - reference;
    const std::uint32_t reference_bytes = bytes_for(reference), bytes = bytes_for(most);
    *out++ = static_cast<std::byte>(reference_bytes << 4 | bytes);
    out = write_number(out, reference, reference_bytes);
    for (std::uint32_t v = 0; bytes != 0 && v < node.vector_count; ++v)
      out = write_number(out, get_field(node, v, field) - reference, bytes);
  }
  return out;
}

/// Reads one field. A number is loaded with the seven bytes behind it: a block ends with more zeros than that.
template <directory_field Field>
result<void> read_field(byte_reader& from, data_section& node) noexcept {
  const std::size_t at = from.offset();
  PILLAR_ASSIGN_OR_RETURN(const auto sizes, from.read<std::uint8_t>());
  const std::uint32_t reference_bytes = sizes >> 4, bytes = sizes & 15;
  if (reference_bytes > 8 || bytes > 8) return {errc::corrupt, at};
  PILLAR_ASSIGN_OR_RETURN(const auto stored, from.take(reference_bytes + std::size_t{bytes} * node.vector_count));
  if (sizes == 0) return {};  // as the entries begin
  const std::byte* const numbers = stored.data() + reference_bytes;
  const std::uint64_t reference = load_unaligned<std::uint64_t>(stored.data()) & low_bits(8 * reference_bytes);
  const bool fits = bytes == 0 ? set_field<Field>(node, [=](std::uint32_t) { return reference; })
                               : set_field<Field>(node, [=, mask = low_bits(8 * bytes)](std::uint32_t v) {
                                   return reference + (load_unaligned<std::uint64_t>(numbers + bytes * v) & mask);
                                 });
  if (!fits) return {errc::corrupt, at};
  return {};
}

/// Makes entries as they are where no field says otherwise: zeros, and as many rows as fit.
inline void begin_entries(data_section& node) noexcept {
  for (std::uint32_t v = 0; v < node.vector_count; ++v) {
    auto* const entry = ::new (static_cast<void*>(node.entries + v)) vector_entry{};
    entry->row_count = vector_rows;
  }
  node.entries[node.vector_count - 1].row_count = node.row_count - vector_rows * (node.vector_count - 1);
}

/// Reads what write_directory wrote into node.entries, which begin_entries made; payloads lie back to back behind the
/// shared part. Sets node.data_bytes.
///
/// Requires: 8 readable bytes behind the reader's
inline result<void> read_directory(byte_reader& from, data_section& node) noexcept {
  PILLAR_TRY(read_field<directory_field::base>(from, node));
  PILLAR_TRY(read_field<directory_field::bytes>(from, node));
  PILLAR_TRY(read_field<directory_field::width>(from, node));
  PILLAR_TRY(read_field<directory_field::mode>(from, node));
  PILLAR_TRY(read_field<directory_field::validity>(from, node));
  PILLAR_TRY(read_field<directory_field::exceptions>(from, node));
  PILLAR_TRY(read_field<directory_field::rows>(from, node));
  std::uint64_t end = node.shared_bytes, rows = 0;
  for (std::uint32_t v = 0; v < node.vector_count; ++v) {
    vector_entry& entry = node.entries[v];
    entry.offset = static_cast<std::uint32_t>(end);
    end += entry.bytes;
    rows += entry.row_count;
  }
  // Usual rows are no number of rows at all where a vector before the last is short and the last does not say so.
  const bool last_fits = node.entries[node.vector_count - 1].row_count - 1 < vector_rows;
  if (end > ~std::uint32_t{0} || rows != node.row_count || !last_fits) return {errc::corrupt, from.offset()};
  node.data_bytes = end;
  return {};
}

// ---- validity -------------------------------------------------------------------------------------------------------

/// The smallest form for a vector's NULLs.
constexpr null_form smallest_form(std::uint32_t row_count, std::uint32_t null_count) noexcept {
  if (null_count == 0) return null_form::none;
  if (null_count == row_count) return null_form::all;
  const std::uint32_t fewer = null_count < row_count - null_count ? null_count : row_count - null_count;
  if (2 + 2 * fewer >= bitmap_bytes) return null_form::bitmap;
  return null_count == fewer ? null_form::list : null_form::list_of_valid;
}

/// Bytes that a vector has in the validity section.
constexpr std::uint32_t validity_bytes(const vector_entry& entry) noexcept {
  switch (entry.nulls) {
    case null_form::bitmap: return bitmap_bytes;
    case null_form::list: return 2 + 2 * entry.null_count;
    case null_form::list_of_valid: return 2 + 2 * (entry.row_count - entry.null_count);
    default: return 0;
  }
}

/// Writes a vector's part of the validity section.
inline void write_validity(const vector& values, const vector_entry& entry, std::byte* out) noexcept {
  if (entry.nulls == null_form::bitmap) {
    for (std::uint32_t word = 0; word < vector_words; ++word)
      store_unaligned(out + std::size_t{8} * word, values.validity_word(word));
  } else if (entry.nulls >= null_form::list) {
    const bool valid_listed = entry.nulls == null_form::list_of_valid;
    std::byte* at = out + 2;
    for (std::uint32_t row = 0; row < values.size; ++row) {
      if (values.valid(row) != valid_listed) continue;
      store_unaligned(at, static_cast<std::uint16_t>(row));
      at += 2;
    }
    store_unaligned(out, static_cast<std::uint16_t>((at - out) / 2 - 1));
  }
}

/// Validity of a vector as words, tail cleared. Lists that changed since they were validated give other NULLs, no more.
inline void load_validity(const vector_entry& entry, std::uint64_t* words) noexcept {
  if (entry.nulls == null_form::bitmap) {
    std::memcpy(words, entry.validity, bitmap_bytes);
  } else {
    const bool valid_listed = entry.nulls == null_form::list_of_valid;
    std::memset(words, valid_listed || entry.nulls == null_form::all ? 0 : 0xff, bitmap_bytes);
    const std::uint32_t count = entry.nulls < null_form::list ? 0
                                : valid_listed                ? entry.row_count - entry.null_count
                                                              : entry.null_count;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t row = load_unaligned<std::uint16_t>(entry.validity + 2 + std::size_t{2} * i) % vector_rows;
      assign_bit(words, row, valid_listed);
    }
  }
  clear_tail(words, entry.row_count);
}

/// Finds a vector's part of the validity section, checks it and counts its NULLs.
inline result<void> read_validity(byte_reader& from, vector_entry& entry) noexcept {
  const std::size_t at = from.offset();
  if (entry.nulls == null_form::none) return {};
  if (entry.nulls == null_form::all) {
    entry.null_count = entry.row_count;
    return {};
  }
  if (entry.nulls == null_form::bitmap) {
    PILLAR_ASSIGN_OR_RETURN(const auto bitmap, from.take(bitmap_bytes));
    entry.validity = bitmap.data();
    std::uint64_t stored[vector_words], words[vector_words];
    std::memcpy(stored, entry.validity, sizeof(stored));
    load_validity(entry, words);
    if (std::memcmp(stored, words, sizeof(stored)) != 0) return {errc::corrupt, at};
    entry.null_count = entry.row_count - static_cast<std::uint32_t>(count_bits(words, vector_rows));
  } else {
    PILLAR_ASSIGN_OR_RETURN(const std::uint16_t count, from.read<std::uint16_t>());
    if (count > entry.row_count) return {errc::corrupt, at};
    PILLAR_ASSIGN_OR_RETURN(const auto list, from.take(std::size_t{2} * count));
    std::uint32_t next = 0;  // the least row that may come
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t row = load_unaligned<std::uint16_t>(list.data() + std::size_t{2} * i);
      if (row < next || row >= PILLAR_MUTATE(block_null_list_unbounded, entry.row_count, vector_rows))
        return {errc::corrupt, at};
      next = row + 1;
    }
    entry.validity = list.data() - 2;
    entry.null_count = entry.nulls == null_form::list ? count : entry.row_count - count;
  }
  // Uniform vectors have neither bitmap nor list, so that equal values have equal bytes.
  if (entry.null_count == 0 || entry.null_count == entry.row_count) return {errc::corrupt, at};
  return {};
}

}  // namespace PILLAR_NAMESPACE::detail
