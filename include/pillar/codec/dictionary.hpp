// SPDX-License-Identifier: Apache-2.0
/// The block's distinct values, sorted, and per row the packed number of its value.
///
/// Layout: entries: a child's, or if few the shared part's: integers as they are, little endian; of text the end offset
///         of each (u32, relative to the first character), then the characters. They ascend strictly; there is at least
///         one (zero or the empty text when all rows are NULL). Vectors: 128 · code_width bytes of codec/packed.hpp,
///         code_width = bits of the largest code; NULL rows hold code 0; codes beyond the entries stand for the last
/// Shape:  text; booleans and integers of up to 64 bits
/// Cost:   a domain is answered once per block from the sorted entries and kept in match_scratch; then one comparison
///         or one truth-table look-up per code. Text decodes to a dictionary vector, integers to flat values
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// The codec of few distinct values; the verbs are those of codec/codec.hpp.
struct dictionary_codec {
  static constexpr codec_id id = codec_id::dictionary;
  static constexpr std::uint32_t max_entries = 65536;

  static PILLAR_API result<encode_plan> analyze(const encode_input& input);
  static PILLAR_API result<void> encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                        data_section& section);
  static PILLAR_API std::size_t view_bytes(const data_section& section) noexcept;
  static PILLAR_API result<void> validate(data_section& section, std::byte* memory) noexcept;
  static PILLAR_API void decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                vector& out) noexcept;
  static PILLAR_API bool decode_narrow(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                       vector& out) noexcept;
  static PILLAR_API match_answer match(const data_section& section, std::uint32_t index, const domain& test,
                                       match_scratch* scratch, std::uint64_t* mask) noexcept;
  /// Integers only, as are bounds.
  static PILLAR_API bool sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                             bool mask_is_all, int128& out) noexcept;
  /// Entries ascend: those of the least and the greatest code.
  static PILLAR_API bool bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                bool mask_is_all, int128& least, int128& greatest) noexcept;
  /// Integers only: text decodes to codes, which are worth keeping.
  static PILLAR_API bool fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                               std::uint32_t count, void* values) noexcept;
  static PILLAR_API void prefetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                  std::uint32_t count) noexcept;
};
static_assert(codec<dictionary_codec> && matches_encoded<dictionary_codec> && sums_encoded<dictionary_codec> &&
              bounds_encoded<dictionary_codec> && fetches_rows<dictionary_codec> && prefetches_rows<dictionary_codec> &&
              decodes_narrow<dictionary_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/dictionary.hpp"
#endif
