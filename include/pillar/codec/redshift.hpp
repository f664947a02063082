// SPDX-License-Identifier: Apache-2.0
/// Redshift's column encodings by name, for whoever has a schema with ENCODE in it: which of Pillar's codecs stand for
/// each.
///
///     auto preset = pillar::preset_of(pillar::redshift_encoding::mostly16, type);
///     auto bytes = pillar::encode_block(vectors, pillar::with_preset(*preset));
///
/// A preset is an intention, not a format: blocks are Pillar's, codes and widths are chosen per block or vector, and
/// raw is among the codecs of every preset, so that none makes a block larger than raw values would be.
/// docs/formats/redshift.md says encoding by encoding where that differs from Redshift.
///
/// Source: Amazon Redshift Database Developer Guide, "Compression encodings"
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "pillar/base/result.hpp"            // result
#include "pillar/codec/encoding_choice.hpp"  // encoding_preset
#include "pillar/column/types.hpp"           // data_type

namespace PILLAR_NAMESPACE {

/// What may stand behind ENCODE.
enum class redshift_encoding : std::uint8_t {
  automatic,  ///< AUTO, and columns without ENCODE: the chooser decides
  raw,
  az64,
  bytedict,
  delta,
  delta32k,
  lzo,
  mostly8,
  mostly16,
  mostly32,
  runlength,
  text255,
  text32k,
  zstd,
};
/// How many there are.
inline constexpr unsigned redshift_encoding_count = 14;

/// The keyword, in capitals.
[[nodiscard]] PILLAR_API const char* to_string(redshift_encoding encoding) noexcept;

/// The encoding of a keyword, in letters of either case.
///
/// Errors: invalid_argument
[[nodiscard]] PILLAR_API result<redshift_encoding> parse_redshift_encoding(std::string_view keyword) noexcept;

/// Why a column of that type cannot have the encoding: "MOSTLY32 is for BIGINT and DECIMAL, not for int32". Empty where
/// it can.
///
/// Shape: types that Redshift lacks count as those that are as wide: unsigned integers as signed ones, integers of 8
///        bits as SMALLINT (but MOSTLY8 would not narrow them), bytes as VARCHAR, users' own by their physical type
[[nodiscard]] PILLAR_API std::string redshift_refusal(redshift_encoding encoding, const data_type& type);

/// The codecs that stand for the encoding.
///
/// Errors: type_mismatch (redshift_refusal has the words)
[[nodiscard]] PILLAR_API result<encoding_preset> preset_of(redshift_encoding encoding, const data_type& type) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/redshift.hpp"
#endif
