// SPDX-License-Identifier: Apache-2.0
/// Floats that are no decimals: sign, exponent and first digits are cut off and become small integers that repeat.
///
/// Layout: shared part: the position of the cut and the count of low bits that are zero in all values (2 bytes).
///         Children: the bits from the cut up (uint16 or uint32) and those between (uint32 or uint64), as integers;
///         dictionaries, frames and exceptions are those of the children's codecs. Vectors have no payload of their
///         own. Floats that were widened to double lose their 29 zeros so. docs/formats/real_double.md
/// Cost:   decode is two integer decodes and a shift; domains and sums are left to decoding
/// Source: the cut is that of ALP for real doubles: Afroozeh, Kuffo, Boncz (2023, doi:10.1145/3626717)
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// The codec of floats of any value; the verbs are those of codec/codec.hpp.
struct real_double_codec {
  static constexpr codec_id id = codec_id::real_double;
  static constexpr unsigned max_high_bits = 16;  ///< of a value above the cut

  static PILLAR_API result<encode_plan> analyze(const encode_input& input);
  static PILLAR_API result<void> encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                        data_section& section);
  static PILLAR_API std::size_t view_bytes(const data_section& section) noexcept;
  static PILLAR_API result<void> validate(data_section& section, std::byte* memory) noexcept;
  static PILLAR_API void decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                vector& out) noexcept;
  static PILLAR_API bool fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                               std::uint32_t count, void* values) noexcept;
};
static_assert(codec<real_double_codec> && fetches_rows<real_double_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/real_double.hpp"
#endif
