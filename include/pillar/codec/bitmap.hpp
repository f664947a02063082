// SPDX-License-Identifier: Apache-2.0
/// Booleans: per vector nothing at all, a bit per row, or the positions of the rarer value.
///
/// Layout: entry.mode says which (bitmap_mode). Nothing: no payload. Bits: ⌈rows / 64⌉ words, least significant bit
///         first, bits beyond the last row zero. Positions: exception_count row numbers, u16, ascending; taken where
///         they are shorter than the bits. NULL rows hold the commoner value, in bitmaps 0. docs/formats/bitmap.md
/// Cost:   every range and points domain, sums, bounds and single rows are answered from the bits
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// How one vector of booleans is stored; the numbers never change.
enum class bitmap_mode : std::uint8_t {
  bits = 0,
  all_false = 1,
  all_true = 2,
  few_true = 3,   ///< positions of the rows that are true
  few_false = 4,  ///< positions of the rows that are false
};

/// The codec of booleans; the verbs are those of codec/codec.hpp.
struct bitmap_codec {
  static constexpr codec_id id = codec_id::bitmap;

  static PILLAR_API result<encode_plan> analyze(const encode_input& input);
  static PILLAR_API result<void> encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                        data_section& section);
  static PILLAR_API std::size_t view_bytes(const data_section& section) noexcept;
  static PILLAR_API result<void> validate(data_section& section, std::byte* memory) noexcept;
  static PILLAR_API void decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                vector& out) noexcept;
  static PILLAR_API match_answer match(const data_section& section, std::uint32_t index, const domain& test,
                                       match_scratch* scratch, std::uint64_t* mask) noexcept;
  static PILLAR_API bool sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                             bool mask_is_all, int128& out) noexcept;
  static PILLAR_API bool bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                bool mask_is_all, int128& lo, int128& hi) noexcept;
  static PILLAR_API bool fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                               std::uint32_t count, void* values) noexcept;
};
static_assert(codec<bitmap_codec> && matches_encoded<bitmap_codec> && sums_encoded<bitmap_codec> &&
              bounds_encoded<bitmap_codec> && fetches_rows<bitmap_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/bitmap.hpp"
#endif
