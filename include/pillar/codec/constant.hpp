// SPDX-License-Identifier: Apache-2.0
/// One value for all non-NULL rows of a block, compared by bits: 0.0 and −0.0 are two values, one NaN is one value.
///
/// Layout: shared part: the value (text: its characters); vectors have no payload. All NULL: zero or the empty text
/// Cost:   every domain is settled from the directory, sums and bounds of integers as well
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// The codec of blocks whose values are all equal; the verbs are those of codec/codec.hpp.
struct constant_codec {
  static constexpr codec_id id = codec_id::constant;

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
                                bool mask_is_all, int128& least, int128& greatest) noexcept;
};
static_assert(codec<constant_codec> && matches_encoded<constant_codec> && sums_encoded<constant_codec> &&
              bounds_encoded<constant_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/constant.hpp"
#endif
