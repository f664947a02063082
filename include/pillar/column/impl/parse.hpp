// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <charconv>
#include <system_error>  // std::errc

#include "pillar/base/mutant.hpp"
#include "pillar/column/parse.hpp"
#include "pillar/column/scalar.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
/// A cursor over text that takes fixed numbers of digits.
struct digit_reader {
  std::string_view rest;
  bool failed = false;

  constexpr bool next_is(char wanted) const { return !rest.empty() && rest.front() == wanted; }
  constexpr bool next_is_digit() const { return !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; }
  constexpr void expect(char wanted) {
    if (next_is(wanted)) rest.remove_prefix(1);
    else failed = true;
  }
  constexpr unsigned digit() {
    if (!next_is_digit()) return failed = true, 0;
    const auto value = static_cast<unsigned>(rest.front() - '0');
    rest.remove_prefix(1);
    return value;
  }
  constexpr unsigned digits(unsigned count) {
    unsigned value = 0;
    while (count-- > 0) value = value * 10 + digit();
    return value;
  }
};

/// Fraction digits as a multiple of 10^-scale; failed if there are none.
inline result<int128> parse_fraction(digit_reader& from, unsigned scale) {
  if (!from.next_is_digit()) from.failed = true;
  int128 value = 0;
  bool lost = false;
  unsigned taken = 0;
  for (; from.next_is_digit(); ++taken) {
    const unsigned digit = from.digit();
    if (taken < scale) value = value * 10 + static_cast<int>(digit);
    else lost |= digit != 0;
  }
  if (lost)
    return PILLAR_MUTATE(parse_cuts_digits, true, false) ? result<int128>(errc::overflow) : result<int128>(value);
  return taken < scale ? value * power_of_ten(scale - taken) : value;
}

inline result<int128> parse_decimal(std::string_view text, unsigned precision, unsigned scale) {
  digit_reader from{text};
  const bool negative = from.next_is('-');
  if (negative) from.rest.remove_prefix(1);
  if (!from.next_is_digit() && !from.next_is('.')) return errc::parse_error;
  const int128 limit = power_of_ten(precision);
  int128 whole = 0;
  bool too_large = false;
  while (from.next_is_digit()) {
    whole = whole * 10 + static_cast<int>(from.digit());
    if (whole >= limit) too_large = true, whole = 0;
  }
  result<int128> fraction = int128{0};
  if (from.next_is('.')) {
    from.expect('.');
    fraction = parse_fraction(from, scale);
  }
  if (from.failed || !from.rest.empty()) return errc::parse_error;
  if (!fraction.ok()) return fraction;
  if (too_large || whole >= power_of_ten(precision - scale)) return errc::overflow;
  const int128 value = whole * power_of_ten(scale) + *fraction;
  return negative ? -value : value;
}

inline result<std::int64_t> parse_days(digit_reader& from) {
  const auto year = static_cast<int>(from.digits(4));
  from.expect('-');
  const unsigned month = from.digits(2);
  from.expect('-');
  const unsigned day = from.digits(2);
  if (from.failed || month < 1 || month > 12 || day < 1 || day > date::days_in_month(year, month)) {
    return errc::parse_error;
  }
  return std::int64_t{date(year, month, day).days};
}

inline result<int128> parse_timestamp(std::string_view text, unsigned unit) {
  digit_reader from{text};
  PILLAR_ASSIGN_OR_RETURN(const std::int64_t days, parse_days(from));
  std::int64_t seconds = days * 86400;
  int128 fraction = 0;
  failure lost{};
  if (!from.rest.empty()) {
    from.expect(from.next_is(' ') ? ' ' : 'T');
    const unsigned hour = from.digits(2);
    from.expect(':');
    const unsigned minute = from.digits(2);
    unsigned second = 0;
    if (from.next_is(':')) {
      from.expect(':');
      second = from.digits(2);
      if (from.next_is('.')) {
        from.expect('.');
        const auto part = parse_fraction(from, unit);
        if (part.ok()) fraction = *part;
        else lost = part.error();
      }
    }
    if (from.next_is('Z')) from.expect('Z');
    if (from.failed || !from.rest.empty() || hour > 23 || minute > 59 || second > 59) return errc::parse_error;
    if (lost.code != errc::ok) return lost;
    seconds += hour * 3600 + minute * 60 + second;
  }
  return static_cast<int128>(seconds) * power_of_ten(unit) + fraction;
}

template <class T>
result<double> parse_float(std::string_view text) {
  T value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ptr != text.data() + text.size() || read.ec == std::errc::invalid_argument) return errc::parse_error;
  if (read.ec != std::errc{}) return errc::overflow;
  return static_cast<double>(value);
}
}  // namespace detail

PILLAR_API result<int128> parse_integer(std::string_view text, const data_type& type) {
  if (!is_integer(type.physical)) return errc::type_mismatch;
  result<int128> parsed = errc::parse_error;
  switch (type.logical) {
    case logical_type::boolean:
      if (text == "true" || text == "1") return int128{1};
      if (text == "false" || text == "0") return int128{0};
      return errc::parse_error;
    case logical_type::decimal: return detail::parse_decimal(text, type.precision, type.scale);
    case logical_type::timestamp: parsed = detail::parse_timestamp(text, type.scale); break;
    case logical_type::date: {
      detail::digit_reader from{text};
      PILLAR_ASSIGN_OR_RETURN(const std::int64_t days, detail::parse_days(from));
      if (!from.rest.empty()) return errc::parse_error;
      return int128{days};
    }
    default: {
      if (type.physical == physical_type::integer128) {
        parsed = detail::parse_decimal(text, 38, 0);
        break;
      }
      std::int64_t small = 0;  // all but the upper half of uint64
      const char* const end = text.data() + text.size();
      const auto read = std::from_chars(text.data(), end, small);
      if (read.ptr != end || read.ec == std::errc::invalid_argument) return errc::parse_error;
      if (read.ec == std::errc{}) {
        parsed = int128{small};
        break;
      }
      std::uint64_t large = 0;
      if (text.front() == '-' || std::from_chars(text.data(), end, large).ec != std::errc{}) return errc::overflow;
      parsed = static_cast<int128>(large);
      break;
    }
  }
  if (parsed.ok() && (*parsed < lowest_of(type.physical) || *parsed > highest_of(type.physical))) return errc::overflow;
  return parsed;
}

PILLAR_API result<double> parse_real(std::string_view text, const data_type& type) {
  if (type.physical == physical_type::float64) return detail::parse_float<double>(text);
  if (type.physical == physical_type::float32) return detail::parse_float<float>(text);
  return errc::type_mismatch;
}

PILLAR_API result<scalar> parse(std::string_view text, const data_type& type) {
  if (type.physical == physical_type::text) return scalar::of_text(type, text);
  if (is_float(type.physical)) {
    PILLAR_ASSIGN_OR_RETURN(const double value, parse_real(text, type));
    return scalar::of_real(type, value);
  }
  PILLAR_ASSIGN_OR_RETURN(const int128 value, parse_integer(text, type));
  return scalar::of_integer(type, value);
}

}  // namespace PILLAR_NAMESPACE
