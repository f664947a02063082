// SPDX-License-Identifier: Apache-2.0
/// The values as they lie in memory; fixed-width types decode in place.
///
/// Layout: fixed width: the values, little endian, NULL rows zero. Text: per vector the end offset of each row (u32,
///         relative to the first character), then the characters; NULL rows are empty
/// Cost:   decode of fixed-width values at an aligned address is free; booleans are copied (and forced to 0 or 1)
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// The codec that stores values as they are; the verbs are those of codec/codec.hpp.
struct raw_codec {
  static constexpr codec_id id = codec_id::raw;

  static PILLAR_API result<encode_plan> analyze(const encode_input& input);
  static PILLAR_API result<void> encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                        data_section& section);
  static PILLAR_API std::size_t view_bytes(const data_section& section) noexcept;
  static PILLAR_API result<void> validate(data_section& section, std::byte* memory) noexcept;
  static PILLAR_API void decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                vector& out) noexcept;
};
static_assert(codec<raw_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/raw.hpp"
#endif
