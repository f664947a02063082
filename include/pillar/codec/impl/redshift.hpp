// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <iterator>  // std::size

#include "pillar/base/mutant.hpp"
#include "pillar/codec/redshift.hpp"
#include "pillar/column/scalar.hpp"  // to_string of types

namespace PILLAR_NAMESPACE {

namespace detail {

/// Redshift's types as far as its encodings tell them apart, a bit each.
enum redshift_type : std::uint16_t {
  redshift_boolean = 1,
  redshift_tiny = 2,  ///< not a type of Redshift
  redshift_smallint = 4,
  redshift_integer = 8,
  redshift_bigint = 16,
  redshift_decimal = 32,
  redshift_real = 64,
  redshift_date = 128,
  redshift_timestamp = 256,
  redshift_varchar = 512,
  // The sets that encodings share.
  redshift_moments = redshift_date | redshift_timestamp,
  redshift_wide_numbers = redshift_integer | redshift_bigint | redshift_decimal,
  redshift_numbers = redshift_tiny | redshift_smallint | redshift_wide_numbers,
  redshift_every_type = 1023,
};

constexpr redshift_type redshift_type_of(const data_type& type) noexcept {
  switch (type.logical) {
    case logical_type::decimal: return redshift_decimal;
    case logical_type::date: return redshift_date;
    case logical_type::timestamp: return redshift_timestamp;
    default: break;
  }
  switch (type.physical) {
    case physical_type::boolean: return redshift_boolean;
    case physical_type::int8:
    case physical_type::uint8: return redshift_tiny;
    case physical_type::int16:
    case physical_type::uint16: return redshift_smallint;
    case physical_type::int32:
    case physical_type::uint32: return redshift_integer;
    case physical_type::int64:
    case physical_type::uint64: return redshift_bigint;
    case physical_type::float32:
    case physical_type::float64: return redshift_real;
    case physical_type::integer128: return redshift_decimal;
    case physical_type::text: return redshift_varchar;
  }
  return redshift_every_type;
}

// What is listed and does not take a column's type is passed over: split_int128 stands for the integer codecs where a
// decimal has 128 bits, decimal_double for dictionaries of floats.
inline constexpr codec_id redshift_raw[] = {codec_id::raw};
inline constexpr codec_id redshift_packed[] = {codec_id::constant,     codec_id::sequence, codec_id::frame_of_reference,
                                               codec_id::patched,      codec_id::delta,    codec_id::run_end,
                                               codec_id::split_int128, codec_id::raw};
inline constexpr codec_id redshift_entries[] = {codec_id::dictionary, codec_id::decimal_double, codec_id::split_int128,
                                                codec_id::raw};
inline constexpr codec_id redshift_differences[] = {codec_id::delta, codec_id::split_int128, codec_id::raw};
inline constexpr codec_id redshift_fields[] = {codec_id::patched, codec_id::split_int128, codec_id::raw};
inline constexpr codec_id redshift_runs[] = {codec_id::run_end, codec_id::raw};
inline constexpr codec_id redshift_words[] = {codec_id::text_symbols, codec_id::raw};

/// One line of the table.
struct redshift_row {
  const char* keyword;
  std::uint16_t types;     ///< bits of redshift_type
  const char* type_names;  ///< for the refusal
  encoding_preset preset{};
};

/// By the number of the encoding.
inline constexpr redshift_row redshift_rows[] = {
    {"AUTO", redshift_every_type, "every type", {}},
    {"RAW", redshift_every_type, "every type", {redshift_raw}},
    {"AZ64",
     redshift_numbers | redshift_moments,
     "SMALLINT, INTEGER, BIGINT, DECIMAL, DATE and TIMESTAMP",
     {redshift_packed}},
    {"BYTEDICT", redshift_every_type & ~redshift_boolean, "every type but BOOLEAN", {redshift_entries}},
    {"DELTA",
     redshift_numbers | redshift_moments,
     "SMALLINT, INTEGER, BIGINT, DECIMAL, DATE and TIMESTAMP",
     {redshift_differences}},
    {"DELTA32K",
     redshift_wide_numbers | redshift_moments,
     "INTEGER, BIGINT, DECIMAL, DATE and TIMESTAMP",
     {redshift_differences}},
    {"LZO",
     redshift_numbers | redshift_moments | redshift_varchar,
     "SMALLINT, INTEGER, BIGINT, DECIMAL, DATE, TIMESTAMP, CHAR and VARCHAR",
     {redshift_raw, 0, transform_id::lz4}},
    {"MOSTLY8",
     redshift_smallint | redshift_wide_numbers,
     "SMALLINT, INTEGER, BIGINT and DECIMAL",
     {redshift_fields, 8}},
    {"MOSTLY16", redshift_wide_numbers, "INTEGER, BIGINT and DECIMAL", {redshift_fields, 16}},
    {"MOSTLY32", redshift_bigint | redshift_decimal, "BIGINT and DECIMAL", {redshift_fields, 32}},
    {"RUNLENGTH", redshift_every_type, "every type", {redshift_runs}},
    {"TEXT255", redshift_varchar, "VARCHAR", {redshift_words}},
    {"TEXT32K", redshift_varchar, "VARCHAR", {redshift_words}},
    {"ZSTD", redshift_every_type, "every type", {redshift_raw, 0, transform_id::zstd}},
};
static_assert(std::size(redshift_rows) == redshift_encoding_count);

constexpr const redshift_row* redshift_row_of(redshift_encoding encoding) noexcept {
  const auto number = static_cast<unsigned>(encoding);
  return number < redshift_encoding_count ? &redshift_rows[number] : nullptr;
}

}  // namespace detail

PILLAR_API const char* to_string(redshift_encoding encoding) noexcept {
  const detail::redshift_row* row = detail::redshift_row_of(encoding);
  return row == nullptr ? "unknown" : row->keyword;
}

PILLAR_API result<redshift_encoding> parse_redshift_encoding(std::string_view keyword) noexcept {
  for (unsigned number = 0; number < redshift_encoding_count; ++number) {
    const std::string_view name = detail::redshift_rows[number].keyword;
    bool same = name.size() == keyword.size();
    for (std::size_t i = 0; same && i < name.size(); ++i) {
      const char letter = keyword[i];
      same = name[i] == (letter >= 'a' && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter);
    }
    if (same) return static_cast<redshift_encoding>(number);
  }
  return {errc::invalid_argument, 0};
}

PILLAR_API std::string redshift_refusal(redshift_encoding encoding, const data_type& type) {
  const detail::redshift_row* row = detail::redshift_row_of(encoding);
  if (row == nullptr) return "no such encoding";
  if ((row->types & detail::redshift_type_of(type)) != 0) return {};
  return std::string(row->keyword) + " is for " + row->type_names + ", not for " + to_string(type.as_nullable(false));
}

PILLAR_API result<encoding_preset> preset_of(redshift_encoding encoding, const data_type& type) noexcept {
  const detail::redshift_row* row = detail::redshift_row_of(encoding);
  if (row == nullptr) return {errc::invalid_argument, static_cast<std::uint64_t>(encoding)};
  if (PILLAR_MUTATE(redshift_takes_any_type, (row->types & detail::redshift_type_of(type)) == 0, false))
    return {errc::type_mismatch, 0};
  return row->preset;
}

}  // namespace PILLAR_NAMESPACE
