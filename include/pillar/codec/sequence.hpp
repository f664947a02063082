// SPDX-License-Identifier: Apache-2.0
/// Values in equal steps: row numbers, generated keys, the times of a regular signal.
///
/// Layout: value of a row = base + step × row. The base stands in the directory; the step of the block in the shared
///         part, and a vector with another step (mode 1) holds its own as payload: docs/formats/sequence.md
/// Shape:  booleans and integers of up to 64 bits, and what lies on them; every value of a vector within the type,
///         those of NULL rows too
/// Cost:   decoding is an addition per value; ranges and points, sums and bounds are closed forms
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section

namespace PILLAR_NAMESPACE {

/// The codec of values in equal steps; the verbs are those of codec/codec.hpp.
struct sequence_codec {
  static constexpr codec_id id = codec_id::sequence;

  static PILLAR_API result<encode_plan> analyze(const encode_input& input);
  static PILLAR_API result<void> encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                        data_section& section);
  static PILLAR_API std::size_t view_bytes(const data_section& section) noexcept;
  static PILLAR_API result<void> validate(data_section& section, std::byte* memory) noexcept;
  static PILLAR_API void decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                vector& out) noexcept;
  static PILLAR_API match_answer match(const data_section& section, std::uint32_t index, const domain& test,
                                       match_scratch* scratch, std::uint64_t* mask) noexcept;
  static PILLAR_API bool fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                               std::uint32_t count, void* values) noexcept;
  static PILLAR_API bool sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                             bool mask_is_all, int128& out) noexcept;
  static PILLAR_API bool bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                bool mask_is_all, int128& least, int128& greatest) noexcept;
};
static_assert(codec<sequence_codec> && matches_encoded<sequence_codec> && sums_encoded<sequence_codec> &&
              bounds_encoded<sequence_codec> && fetches_rows<sequence_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/sequence.hpp"
#endif
