// SPDX-License-Identifier: Apache-2.0
/// Per vector a base, the smallest value, and the unsigned distance to it packed into as few bits as the vector needs.
///
/// Layout: per vector 128 · width bytes of codec/packed.hpp; base and width stand in the directory; NULL rows hold 0
/// Shape:  booleans and integers of up to 64 bits, and what lies on them: decimals of ≤ 18 digits, dates, timestamps
/// Cost:   ranges are settled from base and width where these bound all values away or in, else one comparison per
///         packed field; up to 8 points are as many comparisons, more take a truth table (widths ≤ 16) or decoding;
///         sums are base × n + the packed sum; bounds are those of the fields, in lanes as wide as these
/// Source: Zukowski et al.: Super-Scalar RAM-CPU Cache Compression (ICDE 2006, doi:10.1109/ICDE.2006.150)
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// The codec of integers in narrow ranges; the verbs are those of codec/codec.hpp.
struct frame_of_reference_codec {
  static constexpr codec_id id = codec_id::frame_of_reference;

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
  static PILLAR_API bool fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                               std::uint32_t count, void* values) noexcept;
  static PILLAR_API void prefetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                  std::uint32_t count) noexcept;
  static PILLAR_API bool sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                             bool mask_is_all, int128& out) noexcept;
  static PILLAR_API bool bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                bool mask_is_all, int128& least, int128& greatest) noexcept;
};
static_assert(codec<frame_of_reference_codec> && matches_encoded<frame_of_reference_codec> &&
              sums_encoded<frame_of_reference_codec> && bounds_encoded<frame_of_reference_codec> &&
              fetches_rows<frame_of_reference_codec> && prefetches_rows<frame_of_reference_codec> &&
              decodes_narrow<frame_of_reference_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/frame_of_reference.hpp"
#endif
