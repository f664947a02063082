// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <charconv>

#include "pillar/interop/arrow_format.hpp"
#include "pillar/status.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

inline absl::Status no_such_format(std::string_view format) {
  return make_status(absl::StatusCode::kInvalidArgument, "'" + std::string(format) + "' is no Arrow format");
}
inline absl::Status no_type_for(std::string_view what) {
  return make_status(absl::StatusCode::kUnimplemented, "Pillar has no type for " + std::string(what));
}

/// "19,10" or "19,10,64".
inline absl::StatusOr<arrow_format> parse_arrow_decimal(std::string_view format) {
  int numbers[3] = {0, 0, 128};
  const char* at = format.data() + 2;
  const char* const end = format.data() + format.size();
  int count = 0;
  for (; count < 3; ++count) {
    const auto read = std::from_chars(at, end, numbers[count]);
    if (read.ec != std::errc{}) return no_such_format(format);
    at = read.ptr;
    if (at == end) break;
    if (*at++ != ',') return no_such_format(format);
  }
  if (count == 0 || count == 3) return no_such_format(format);
  const auto [precision, scale, bits] = numbers;
  if (bits != 32 && bits != 64 && bits != 128 && bits != 256) return no_such_format(format);
  if (bits == 256 || precision > 38) return no_type_for("decimals of more than 38 digits");
  if (precision < 1) return no_such_format(format);
  if (scale < 0 || scale > precision) return no_type_for("decimals whose scale is negative or beyond the precision");
  return arrow_format{decimal_type(static_cast<unsigned>(precision), static_cast<unsigned>(scale)),
                      arrow_layout::decimals,
                      static_cast<std::uint8_t>(bits / 8),
                      {}};
}

inline absl::StatusOr<arrow_format> parse_arrow_time(std::string_view format) {
  const char kind = format.size() > 1 ? format[1] : '\0', unit = format.size() > 2 ? format[2] : '\0';
  if (format == "tdD") return arrow_format{type_of<date>, arrow_layout::fixed, 4, {}};
  if (format == "tdm") return arrow_format{type_of<date>, arrow_layout::days_ms, 8, {}};
  if (kind == 't') return no_type_for("times of day");
  if (kind == 'D') return no_type_for("durations");
  if (kind == 'i') return no_type_for("intervals");
  if (kind != 's' || format.size() < 4 || format[3] != ':') return no_such_format(format);
  data_type type = type_of<timestamp<>>;
  switch (unit) {
    case 's': type.scale = 0; break;
    case 'm': type.scale = 3; break;
    case 'u': type.scale = 6; break;
    case 'n': type.scale = 9; break;
    default: return no_such_format(format);
  }
  return arrow_format{type, arrow_layout::fixed, 8, format.substr(4)};
}

}  // namespace detail

PILLAR_API absl::StatusOr<arrow_format> parse_arrow_format(std::string_view format) {
  const auto fixed = [](const data_type& type) {
    return arrow_format{type, arrow_layout::fixed, static_cast<std::uint8_t>(byte_width(type.physical)), {}};
  };
  if (format.empty()) return detail::no_such_format(format);
  if (format.starts_with("d:")) return detail::parse_arrow_decimal(format);
  if (format[0] == 't') return detail::parse_arrow_time(format);
  if (format[0] == '+') return detail::no_type_for("the nested format '" + std::string(format) + "'");
  if (format.starts_with("w:")) return detail::no_type_for("fixed-width binary");
  if (format == "vu") return arrow_format{type_of<text>, arrow_layout::views, 16, {}};
  if (format == "vz") return arrow_format{type_of<bytes>, arrow_layout::views, 16, {}};
  if (format.size() != 1) return detail::no_such_format(format);
  switch (format[0]) {
    case 'n': return arrow_format{type_of<bool>, arrow_layout::nothing, 0, {}};
    case 'b': return arrow_format{type_of<bool>, arrow_layout::bits, 0, {}};
    case 'c': return fixed(type_of<std::int8_t>);
    case 'C': return fixed(type_of<std::uint8_t>);
    case 's': return fixed(type_of<std::int16_t>);
    case 'S': return fixed(type_of<std::uint16_t>);
    case 'i': return fixed(type_of<std::int32_t>);
    case 'I': return fixed(type_of<std::uint32_t>);
    case 'l': return fixed(type_of<std::int64_t>);
    case 'L': return fixed(type_of<std::uint64_t>);
    case 'f': return fixed(type_of<float>);
    case 'g': return fixed(type_of<double>);
    case 'e': return detail::no_type_for("float16");
    case 'u': return arrow_format{type_of<text>, arrow_layout::offsets32, 4, {}};
    case 'U': return arrow_format{type_of<text>, arrow_layout::offsets64, 8, {}};
    case 'z': return arrow_format{type_of<bytes>, arrow_layout::offsets32, 4, {}};
    case 'Z': return arrow_format{type_of<bytes>, arrow_layout::offsets64, 8, {}};
    default: return detail::no_such_format(format);
  }
}

PILLAR_API std::string arrow_format_of(const data_type& type, const arrow_format_options& how) {
  switch (type.logical) {
    case logical_type::decimal:
      return "d:" + std::to_string(type.precision) + "," + std::to_string(type.scale) +
             (how.decimal64 && type.physical == physical_type::int64 ? ",64" : "");
    case logical_type::date: return "tdD";
    case logical_type::timestamp:
      return std::string("ts") +
             (type.scale == 0   ? 's'
              : type.scale == 3 ? 'm'
              : type.scale == 6 ? 'u'
                                : 'n') +
             ":" + (how.utc ? "UTC" : "");
    default: break;
  }
  if (type.physical == physical_type::text) {
    const bool utf8 = type.logical == logical_type::text;
    switch (how.text) {
      case arrow_text::view: return utf8 ? "vu" : "vz";
      case arrow_text::utf8: return utf8 ? "u" : "z";
      case arrow_text::large_utf8: return utf8 ? "U" : "Z";
    }
  }
  static constexpr char letters[] = "bcsilCSILfg";  // in the order of physical_type
  const auto physical = static_cast<unsigned>(type.physical);
  return physical < 11 ? std::string(1, letters[physical]) : std::string();
}

}  // namespace PILLAR_NAMESPACE
