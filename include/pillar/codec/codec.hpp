// SPDX-License-Identifier: Apache-2.0
/// What a codec is: how the values of one column of one row group become bytes, and what those bytes can answer.
///
/// A codec sees a *data section*: a shared part (dictionary entries, the constant) followed by one payload per vector
/// of 1,024 rows, back to back. What it derives (the values of runs, the integers behind decimals) it hands to
/// *children*, sections of their own that other codecs encode: a tree, at most three deep, no codec below itself.
/// Header, directory, validity and checksum belong to the block (storage/block.hpp), and so do the checks that are the
/// same for all codecs. Codecs are stateless; what they know of a block lies in its `data_section`.
///
/// The laws, tested for each model in tests/codec:
///   - decoding what was encoded gives the input back, bit for bit (NULL rows excepted: their values are unspecified);
///   - `encode` writes exactly as many bytes as `analyze` announced;
///   - truncated or altered bytes fail `validate`, or decode to other values of the type;
///   - after `validate`, decode, match and sum have no error path and stay within the section and their outputs, even
///     if its bytes change afterwards: what they index with is copied by the block or clamped;
///   - match agrees with `domain::contains` of the decoded values, for all rows that are not NULL.
///
/// | model                    | for                                             | answers encoded                  |
/// |--------------------------|-------------------------------------------------|----------------------------------|
/// | raw_codec                | anything; decodes in place                      | –                                |
/// | constant_codec           | one value in all non-NULL rows                  | any domain, sums, bounds         |
/// | frame_of_reference_codec | integers of up to 64 bits, decimals, dates      | ranges, points, sums, bounds     |
/// | patched_codec            | the same with outliers                          | ranges, points, sums, bounds     |
/// | sequence_codec           | values in equal steps                           | ranges, points, sums, bounds     |
/// | delta_codec              | integers close to the one before                | ranges and bounds, if ascending  |
/// | run_end_codec            | runs of equal values of any type                | any domain, sums, bounds per run |
/// | dictionary_codec         | text and integers with few distinct values      | any domain, sums, bounds         |
/// | text_symbols_codec       | text of many distinct values                    | any domain, texts up to 1 KiB    |
/// | bitmap_codec             | booleans                                        | any domain, sums, bounds         |
/// | decimal_double_codec     | floats that are decimals                        | ranges, few points               |
/// | real_double_codec        | other floats                                    | –                                |
/// | split_int128_codec       | 128-bit integers and decimals                   | ranges, few points, sums         |
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "pillar/base/buffer.hpp"     // buffer
#include "pillar/base/memory.hpp"     // memory_budget
#include "pillar/base/result.hpp"     // result
#include "pillar/column/encoded.hpp"  // vector_scratch, match_answer
#include "pillar/column/vector.hpp"   // vector

namespace PILLAR_NAMESPACE {

struct packed_table;     // codec/packed.hpp
struct codec_functions;  // codec/codec_set.hpp

/// Numbers stored in blocks; they never change.
enum class codec_id : std::uint8_t {
  raw = 0,
  constant = 1,
  frame_of_reference = 2,
  dictionary = 3,
  patched = 4,
  delta = 5,
  run_end = 6,
  sequence = 7,
  bitmap = 8,
  decimal_double = 9,
  real_double = 10,
  text_symbols = 11,
  split_int128 = 12,
};

/// Pillar's own codecs: ids 0 to 12.
inline constexpr unsigned own_codec_count = 13;

/// The name as reports print it.
constexpr const char* to_string(codec_id id) noexcept {
  switch (id) {
    case codec_id::raw: return "raw";
    case codec_id::constant: return "constant";
    case codec_id::frame_of_reference: return "frame_of_reference";
    case codec_id::dictionary: return "dictionary";
    case codec_id::patched: return "patched";
    case codec_id::delta: return "delta";
    case codec_id::run_end: return "run_end";
    case codec_id::sequence: return "sequence";
    case codec_id::bitmap: return "bitmap";
    case codec_id::decimal_double: return "decimal_double";
    case codec_id::real_double: return "real_double";
    case codec_id::text_symbols: return "text_symbols";
    case codec_id::split_int128: return "split_int128";
  }
  return "unknown";
}

/// Rows and vectors of a block at most.
inline constexpr std::uint32_t block_max_rows = 65536;
/// Vectors of a block at most.
inline constexpr std::uint32_t block_max_vectors = block_max_rows / vector_rows;

/// How a block keeps the NULLs of a vector. The numbers are stored.
enum class null_form : std::uint8_t {
  none = 0,
  all = 1,
  bitmap = 2,         ///< 1,024 bits, 1 = valid
  list = 3,           ///< a count and the rows that are NULL, u16 each
  list_of_valid = 4,  ///< a count and those that are not
};

/// What a block remembers of one vector: a trusted copy of its directory entry.
struct vector_entry {
  std::uint64_t base = 0;       ///< frame of reference: smallest non-NULL value, two's complement; else 0
  std::uint32_t offset = 0;     ///< of the payload in the data section, bytes
  std::uint32_t bytes = 0;      ///< of the payload
  std::uint32_t row_count = 0;  ///< 1,024, but for the last vector
  std::uint32_t null_count = 0;
  const std::byte* validity = nullptr;  ///< bitmap or list, as `nulls` says; the block reads it
  std::uint8_t width = 0;               ///< bits of a packed field; else 0
  std::uint8_t mode = 0;                ///< the codec's own; else 0
  std::uint16_t exception_count = 0;    ///< values that lie behind the packed ones; else 0
  null_form nulls = null_form::none;
};

/// The values to encode.
///
/// Shape:    1 to 64 vectors of 1,024 rows, the last may be shorter; any kind, one type
struct encode_input {
  data_type type{};
  std::span<const vector> vectors{};
  std::uint32_t row_count = 0;
  std::uint32_t null_count = 0;
  const packed_table* kernels = nullptr;
  memory_budget* budget = nullptr;                  ///< for working memory; may be nullptr
  std::uint64_t give_up_bytes = ~std::uint64_t{0};  ///< a data section of this size or more is of no use
  std::span<const std::byte> kept{};                ///< encode_plan::kept of an earlier block of the column, or empty
  bool keeps_table = false;                         ///< what is kept is stored once for many blocks: encoding_choice
  std::uint8_t field_width = 0;                     ///< patched: bits of every field, 8 for MOSTLY8; 0: the cheapest
};

/// Children of a node at most: integers of a decimal, halves of 128 bits, values and lengths of runs.
inline constexpr std::uint32_t max_codec_children = 2;
/// Nodes of a tree at most.
inline constexpr std::uint32_t max_codec_nodes = 1 + max_codec_children + max_codec_children * max_codec_children;

/// A column that a codec derives from its values and leaves to other codecs: the values of runs, the entries of a
/// dictionary, the integers behind decimals.
///
/// Shape:    at most 64 vectors of 1 to 1,024 rows, any of them may be short; flat; no NULLs; not nullable
struct child_column {
  data_type type{};
  std::uint32_t row_count = 0;
  std::span<const vector> vectors{};  ///< lie in storage, as do their values
  buffer storage{};
};

/// The exact outcome of encoding, known before a byte is written.
struct encode_plan {
  bool possible = false;         ///< the codec takes this type and these values
  std::uint64_t data_bytes = 0;  ///< of the codec's own part of the data section, exactly; children come on top
  std::uint32_t entry_count = 0;
  std::uint32_t child_count = 0;
  buffer work{};                      ///< what analyze found and encode needs again; private to the codec
  std::span<const std::byte> kept{};  ///< part of `work` that spares the analysis of the next block some of its time
  std::uint64_t bytes_once = 0;       ///< of data_bytes: what is stored once for many blocks, where the input says so
  child_column children[max_codec_children]{};
};

/// One block's data section and the trusted facts about it. Made by `encode` (all but the last group), completed by
/// `validate`.
///
/// Requires: data outlives it and is followed by 64 readable bytes
struct data_section {
  data_type type{};
  std::uint32_t row_count = 0;
  std::uint32_t vector_count = 0;
  std::uint32_t entry_count = 0;   ///< dictionary: entries; text_symbols: symbols; else 0
  std::uint32_t shared_bytes = 0;  ///< leading bytes that belong to all vectors
  std::uint8_t code_width = 0;     ///< dictionary, text_symbols: bits of a code; else 0
  const std::byte* data = nullptr;
  std::uint64_t data_bytes = 0;
  vector_entry* entries = nullptr;
  const packed_table* kernels = nullptr;
  const codec_functions* codec = nullptr;
  data_section* children = nullptr;  ///< validated before their parent, encoded after it
  std::uint32_t child_count = 0;
  std::size_t memory_bytes = 0;  ///< of validate's `memory`: what view_bytes said, though the bytes may have changed

  vector shared{};                          ///< dictionary entries, or the constant: a flat vector
  const std::byte* shared_buffers[1] = {};  ///< text of `shared`
  std::uint32_t step = 0;                   ///< dictionary of integers in equal steps: the step; else 0
  std::uint64_t character_bytes = 0;        ///< room in scratch that decoding any vector needs for characters
};

// ---- the verbs ------------------------------------------------------------------------------------------------------

/// Announces the exact size of its output, or that it cannot take the values.
template <class C>
concept bounds_output = requires(const encode_input& input) {
  { C::analyze(input) } -> std::same_as<result<encode_plan>>;
};

/// Writes the data section (plan.data_bytes at `out`) and fills counts, entry offsets, bytes, widths, bases of
/// `section`.
template <class C>
concept encodes_values = requires(const encode_input& input, const encode_plan& plan, std::byte* out,
                                  data_section& section) {
  { C::encode(input, plan, out, section) } -> std::same_as<result<void>>;
};

/// Checks everything about the section that its decoding relies on; `memory` (16-byte aligned, `view_bytes` long) lives
/// as long as the section and holds what the codec prepares once per block.
template <class C>
concept validates_bytes = requires(data_section& section, const data_section& before, std::byte* memory) {
  { C::view_bytes(before) }
  noexcept->std::same_as<std::size_t>;
  { C::validate(section, memory) }
  noexcept->std::same_as<result<void>>;
};

/// Sets kind, values, codes, dictionary and buffers of `out`. The block fills type, size and validity, before.
template <class C>
concept decodes_values = requires(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                  vector& out) {
  { C::decode(section, index, scratch, out) }
  noexcept->std::same_as<void>;
};

/// A codec: id, sizes, encode, validate, decode.
template <class C>
concept codec = bounds_output<C> && encodes_values<C> && validates_bytes<C> && decodes_values<C> && requires {
  { C::id } -> std::convertible_to<codec_id>;
};

/// Optional: answers range and points domains without decoding. Mask bits beyond the row count are zero.
template <class C>
concept matches_encoded = requires(const data_section& section, std::uint32_t index, const domain& test,
                                   match_scratch* scratch, std::uint64_t* mask) {
  { C::match(section, index, test, scratch, mask) }
  noexcept->std::same_as<match_answer>;
};

/// Optional: exact sums without decoding; returns false for types that it does not sum.
template <class C>
concept sums_encoded = requires(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                bool mask_is_all, int128& out) {
  { C::sum(section, index, mask, mask_is_all, out) }
  noexcept->std::same_as<bool>;
};

/// Optional: the exact least and greatest integer of the rows in the mask, of which there is at least one, without
/// decoding; returns false for types and vectors where it would have to decode.
template <class C>
concept bounds_encoded = requires(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                  bool mask_is_all, int128& out) {
  { C::bounds(section, index, mask, mask_is_all, out, out) }
  noexcept->std::same_as<bool>;
};

/// Optional: single values without decoding the vector, packed together; returns false where decoding all is cheaper,
/// as it does beyond fetch_worth_it rows.
template <class C>
concept fetches_rows = requires(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                std::uint32_t count, void* values) {
  { C::fetch(section, index, rows, count, values) }
  noexcept->std::same_as<bool>;
};

/// Optional: asks the memory for the lines that `fetch` will read; reads nothing.
template <class C>
concept prefetches_rows = requires(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                   std::uint32_t count) {
  { C::prefetch(section, index, rows, count) }
  noexcept->std::same_as<void>;
};

/// Optional: decodes 64-bit integers that are known to fit into 32 bits as int32, at `out.values`; returns false where
/// it would have to do it in two steps. The block fills type, size and validity of `out`, before.
template <class C>
concept decodes_narrow = requires(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                  vector& out) {
  { C::decode_narrow(section, index, scratch, out) }
  noexcept->std::same_as<bool>;
};

/// Rows of a vector up to which fetching them from packed fields is faster than unpacking all 1,024.
inline constexpr std::uint32_t fetch_worth_it = 96;

}  // namespace PILLAR_NAMESPACE
