// SPDX-License-Identifier: Apache-2.0
/// 128-bit integers and decimals as two columns of 64 bits.
///
/// Layout: a value is high · 2^64 + low with *signed* halves, so that small values of either sign have high = 0.
///         Children: high, low (int64). No shared part, no payload. docs/formats/split_int128.md
/// Cost:   a range is at most five questions to the children, most of which their directories settle where high hardly
///         varies; sums are the children's sums
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// The codec of 128-bit integers; the verbs are those of codec/codec.hpp. It takes no values below −2^127 + 2^63 or
/// from 2^127 − 2^63 on: no decimal is there.
struct split_int128_codec {
  static constexpr codec_id id = codec_id::split_int128;

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
  static PILLAR_API bool fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                               std::uint32_t count, void* values) noexcept;
};
static_assert(codec<split_int128_codec> && matches_encoded<split_int128_codec> && sums_encoded<split_int128_codec> &&
              fetches_rows<split_int128_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/split_int128.hpp"
#endif
