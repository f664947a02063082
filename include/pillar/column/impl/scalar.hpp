// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <charconv>
#include <cmath>

#include "pillar/column/scalar.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API scalar get(const vector& from, std::uint32_t row) {
  if (!from.valid(row)) return scalar::of_null(from.type);
  switch (from.type.physical) {
    case physical_type::text: return scalar::of_text(from.type, from.text_value(row));
    case physical_type::float32: return scalar::of_real(from.type, static_cast<double>(from.value<float>(row)));
    case physical_type::float64: return scalar::of_real(from.type, from.value<double>(row));
    case physical_type::boolean: return scalar::of_integer(from.type, from.value<std::uint8_t>(row));
    case physical_type::int8: return scalar::of_integer(from.type, from.value<std::int8_t>(row));
    case physical_type::int16: return scalar::of_integer(from.type, from.value<std::int16_t>(row));
    case physical_type::int32: return scalar::of_integer(from.type, from.value<std::int32_t>(row));
    case physical_type::int64: return scalar::of_integer(from.type, from.value<std::int64_t>(row));
    case physical_type::uint8: return scalar::of_integer(from.type, from.value<std::uint8_t>(row));
    case physical_type::uint16: return scalar::of_integer(from.type, from.value<std::uint16_t>(row));
    case physical_type::uint32: return scalar::of_integer(from.type, from.value<std::uint32_t>(row));
    case physical_type::uint64: return scalar::of_integer(from.type, from.value<std::uint64_t>(row));
    case physical_type::integer128:
      return scalar::of_integer(from.type, load_unaligned<int128>(static_cast<const std::byte*>(from.holder().values) +
                                                                  std::size_t{16} * from.index_of(row)));
  }
  return {};
}

PILLAR_API int compare(const scalar& a, const scalar& b) {
  if (a.type.physical == physical_type::text) return a.text.compare(b.text);
  if (is_float(a.type.physical)) {
    const bool a_nan = std::isnan(a.real), b_nan = std::isnan(b.real);
    if (a_nan || b_nan) return static_cast<int>(a_nan) - static_cast<int>(b_nan);
    return a.real < b.real ? -1 : a.real > b.real ? 1 : 0;
  }
  return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
}

namespace detail {
inline std::string digits(uint128 value, unsigned least = 1) {
  char buffer[48];
  int at = 48;
  do {
    buffer[--at] = static_cast<char>('0' + static_cast<int>(value % 10));
    value /= 10;
  } while (value != 0);
  while (48 - at < static_cast<int>(least)) buffer[--at] = '0';
  return {buffer + at, static_cast<std::size_t>(48 - at)};
}
inline std::string integer_text(int128 value, unsigned scale) {
  const bool negative = value < 0;
  const uint128 magnitude = negative ? uint128{0} - static_cast<uint128>(value) : static_cast<uint128>(value);
  std::string out = digits(magnitude, scale + 1);
  if (scale > 0) out.insert(out.size() - scale, 1, '.');
  return negative ? "-" + out : out;
}
inline std::string date_text(std::int32_t days) {
  const auto civil = date::from_days(days).to_civil();
  const int year = civil.year;
  return (year < 0 ? "-" : "") + digits(static_cast<uint128>(year < 0 ? -year : year), 4) + "-" +
         digits(civil.month, 2) + "-" + digits(civil.day, 2);
}
inline std::string timestamp_text(std::int64_t ticks, unsigned unit) {
  const auto per_second = static_cast<std::int64_t>(power_of_ten(unit));
  std::int64_t seconds = ticks / per_second, part = ticks % per_second;
  if (part < 0) part += per_second, --seconds;
  std::int64_t days = seconds / 86400, rest = seconds % 86400;
  if (rest < 0) rest += 86400, --days;
  std::string out = date_text(static_cast<std::int32_t>(days)) + "T" + digits(static_cast<uint128>(rest / 3600), 2) +
                    ":" + digits(static_cast<uint128>(rest / 60 % 60), 2) + ":" +
                    digits(static_cast<uint128>(rest % 60), 2);
  if (unit > 0 && part != 0) out += "." + digits(static_cast<uint128>(part), unit);
  return out + "Z";
}
}  // namespace detail

PILLAR_API std::string to_string(const scalar& value) {
  if (value.null) return "NULL";
  switch (value.type.logical) {
    case logical_type::text:
    case logical_type::bytes: return value.text;
    case logical_type::boolean: return value.integer != 0 ? "true" : "false";
    case logical_type::decimal: return detail::integer_text(value.integer, value.type.scale);
    case logical_type::date: return detail::date_text(static_cast<std::int32_t>(value.integer));
    case logical_type::timestamp:
      return detail::timestamp_text(static_cast<std::int64_t>(value.integer), value.type.scale);
    default: break;
  }
  if (value.type.physical == physical_type::text) return value.text;
  if (is_float(value.type.physical)) {
    char buffer[40];
    const auto end = value.type.physical == physical_type::float32
                         ? std::to_chars(buffer, buffer + sizeof buffer, static_cast<float>(value.real))
                         : std::to_chars(buffer, buffer + sizeof buffer, value.real);
    return {buffer, end.ptr};
  }
  return detail::integer_text(value.integer, 0);
}

PILLAR_API std::string to_string(const data_type& type) {
  static constexpr const char* names[] = {"bool",   "int8",      "int16",  "int32", "int64",  "uint8",
                                          "uint16", "uint32",    "uint64", "float", "double", "decimal",
                                          "date",   "timestamp", "text",   "bytes"};
  std::string out = type.nullable ? "nullable " : "";
  const auto id = static_cast<unsigned>(type.logical);
  out += id < 16 ? names[id] : "user type " + detail::integer_text(static_cast<int>(id), 0);
  if (type.logical == logical_type::decimal)
    out += "<" + detail::integer_text(type.precision, 0) + ", " + detail::integer_text(type.scale, 0) + ">";
  if (type.logical == logical_type::timestamp)
    out += type.scale == 0 ? "<s>" : type.scale == 3 ? "<ms>" : type.scale == 6 ? "<us>" : "<ns>";
  return out;
}

}  // namespace PILLAR_NAMESPACE
