// SPDX-License-Identifier: Apache-2.0
/// Text as numbers of symbols: a table of frequent pieces of 1 to 16 bytes per block, and codes of equal width for
/// them.
///
/// The idea is FSST's (a static table, rows decoded on their own, no entropy coding) with three changes: codes have the
/// width that pays (1 to 12 bits), symbols have up to 16 bytes, and every byte that occurs is a symbol, so that there
/// is no escape: decoding is one loop without branches over all codes of a vector.
///
/// Layout: shared part: the symbols, strictly ascending, each a byte (bits 0 to 3: bytes that it has in common with the
///         one before; bits 4 to 7: further bytes, less one), then those further bytes. Code i is symbol i. Vectors:
///         128 · width bytes of codec/packed.hpp with length − base of each row (base and width stand in the
///         directory), then the codes of all rows, code_width bits each, lowest bit first. No symbols: the characters
///         instead of codes, decoded in place. NULL rows are empty
/// Shape:  text; less than 256 MiB in a vector
/// Cost:   decoding costs a load, a store and an addition per symbol, then a slot per row; a table takes 17 bytes per
///         code in the view. Matching decodes a few KiB at a time, without slots; of points, only the rows that have
///         the length of one, where these are few
/// Source: Boncz, Neumann, Leis: FSST: Fast Random Access String Compression (PVLDB 13(11), 2020,
///         doi:10.14778/3407790.3407851)
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// The codec of text with many distinct values; the verbs are those of codec/codec.hpp.
struct text_symbols_codec {
  static constexpr codec_id id = codec_id::text_symbols;
  /// Bits of a code at most.
  static constexpr std::uint32_t max_code_width = 12;
  /// Bytes of a symbol at most.
  static constexpr std::uint32_t max_symbol_bytes = 16;

  static PILLAR_API result<encode_plan> analyze(const encode_input& input);
  static PILLAR_API result<void> encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                        data_section& section);
  static PILLAR_API std::size_t view_bytes(const data_section& section) noexcept;
  static PILLAR_API result<void> validate(data_section& section, std::byte* memory) noexcept;
  static PILLAR_API void decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                vector& out) noexcept;
  static PILLAR_API match_answer match(const data_section& section, std::uint32_t index, const domain& test,
                                       match_scratch* scratch, std::uint64_t* mask) noexcept;
};
static_assert(codec<text_symbols_codec> && matches_encoded<text_symbols_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/text_symbols.hpp"
#endif
