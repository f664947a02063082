// SPDX-License-Identifier: Apache-2.0
/// Frame of reference with exceptions: fields as wide as most values need, the outliers behind them.
///
/// Layout: per vector 128 · width bytes of codec/packed.hpp, then the rows of the exceptions (u16, ascending), then
///         their distances to the base in 1, 2, 4 or 8 bytes each (the entry's mode), two's complement; a row with an
///         exception holds field 0: docs/formats/patched.md
/// Shape:  booleans and integers of up to 64 bits, and what lies on them
/// Cost:   width and base are those of the fewest bytes, from exact histograms of the distances to each base that could
///         pay: the least value, and those that leave low outliers (sentinels) out. Ranges, points and sums are those
///         of the packed fields, then corrected where the exceptions lie; unpacking likewise
/// Source: Zukowski et al.: Super-Scalar RAM-CPU Cache Compression (ICDE 2006, doi:10.1109/ICDE.2006.150)
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// The codec of integers in narrow ranges with outliers; the verbs are those of codec/codec.hpp.
struct patched_codec {
  static constexpr codec_id id = codec_id::patched;

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
static_assert(codec<patched_codec> && matches_encoded<patched_codec> && sums_encoded<patched_codec> &&
              bounds_encoded<patched_codec> && fetches_rows<patched_codec> && prefetches_rows<patched_codec> &&
              decodes_narrow<patched_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/patched.hpp"
#endif
