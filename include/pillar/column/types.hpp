// SPDX-License-Identifier: Apache-2.0
/// Logical and physical types, and the C++ value types that stand for them in a schema.
///
/// A logical type says what a value means (date, decimal<15, 2>); its physical type says how it lies in memory.
/// Kernels are instantiated per physical type or width only. Logical ids ≥ 128 belong to users: any id may be carried
/// over any physical type, and is then compared and encoded as that physical type.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "pillar/base/checked.hpp"  // int128, power_of_ten
#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// How a value lies in memory. The numbers are stored in blocks and never change.
enum class physical_type : std::uint8_t {
  boolean = 0,  ///< one byte, 0 or 1 (validity and masks are bitmaps, boolean values are not)
  int8 = 1,
  int16 = 2,
  int32 = 3,
  int64 = 4,
  uint8 = 5,
  uint16 = 6,
  uint32 = 7,
  uint64 = 8,
  float32 = 9,
  float64 = 10,
  integer128 = 11,
  text = 12,  ///< text_slot, 16 bytes, plus data buffers
};
/// How many physical types there are: the length of tables indexed by one.
inline constexpr unsigned physical_type_count = 13;

/// What a value means. The numbers are stored in blocks and never change.
enum class logical_type : std::uint8_t {
  boolean = 0,
  int8 = 1,
  int16 = 2,
  int32 = 3,
  int64 = 4,
  uint8 = 5,
  uint16 = 6,
  uint32 = 7,
  uint64 = 8,
  float32 = 9,
  float64 = 10,
  decimal = 11,    ///< int64 up to 18 digits, int128 up to 38
  date = 12,       ///< int32 days since 1970-01-01, proleptic Gregorian
  timestamp = 13,  ///< int64 ticks since 1970-01-01T00:00Z, in the unit that `scale` names
  text = 14,       ///< UTF-8, binary order
  bytes = 15,      ///< any bytes, binary order
  user = 128,      ///< first of the users' ids
};

/// Ticks of a timestamp as a power of ten per second.
enum class time_unit : std::uint8_t { second = 0, milli = 3, micro = 6, nano = 9 };

/// Bytes of one value in a flat vector.
constexpr std::size_t byte_width(physical_type type) noexcept {
  switch (type) {
    case physical_type::boolean:
    case physical_type::int8:
    case physical_type::uint8: return 1;
    case physical_type::int16:
    case physical_type::uint16: return 2;
    case physical_type::int32:
    case physical_type::uint32:
    case physical_type::float32: return 4;
    case physical_type::int64:
    case physical_type::uint64:
    case physical_type::float64: return 8;
    case physical_type::integer128:
    case physical_type::text: return 16;
  }
  return 0;
}

/// Booleans and integers of all widths: kept, compared and packed as integers.
constexpr bool is_integer(physical_type type) noexcept {
  return type <= physical_type::uint64 || type == physical_type::integer128;
}
/// float32 or float64.
constexpr bool is_float(physical_type type) noexcept {
  return type == physical_type::float32 || type == physical_type::float64;
}

/// The smallest and largest value of an integer physical type (boolean: 0 and 1).
constexpr int128 lowest_of(physical_type type) noexcept {
  switch (type) {
    case physical_type::int8: return lowest_of<std::int8_t>();
    case physical_type::int16: return lowest_of<std::int16_t>();
    case physical_type::int32: return lowest_of<std::int32_t>();
    case physical_type::int64: return lowest_of<std::int64_t>();
    case physical_type::integer128: return int128_min;
    default: return 0;
  }
}
/// The largest; see lowest_of.
constexpr int128 highest_of(physical_type type) noexcept {
  switch (type) {
    case physical_type::boolean: return 1;
    case physical_type::int8: return highest_of<std::int8_t>();
    case physical_type::int16: return highest_of<std::int16_t>();
    case physical_type::int32: return highest_of<std::int32_t>();
    case physical_type::int64: return highest_of<std::int64_t>();
    case physical_type::uint8: return highest_of<std::uint8_t>();
    case physical_type::uint16: return highest_of<std::uint16_t>();
    case physical_type::uint32: return highest_of<std::uint32_t>();
    case physical_type::uint64: return highest_of<std::uint64_t>();
    case physical_type::integer128: return int128_max;
    default: return 0;
  }
}

/// A column's type at run time.
///
/// Units: precision = decimal digits (decimal only); scale = digits after the point (decimal) or time_unit (timestamp)
struct data_type {
  logical_type logical = logical_type::int64;
  physical_type physical = physical_type::int64;
  std::uint8_t precision = 0;
  std::uint8_t scale = 0;
  bool nullable = false;

  friend constexpr bool operator==(const data_type&, const data_type&) = default;
  [[nodiscard]] constexpr data_type as_nullable(bool value = true) const noexcept {
    data_type copy = *this;
    copy.nullable = value;
    return copy;
  }
};

/// Equal but for nullability.
constexpr bool same_values(const data_type& a, const data_type& b) noexcept {
  return a.as_nullable(false) == b.as_nullable(false);
}

/// The run-time type of decimal<precision, scale>: 64 bits up to 18 digits, else 128.
constexpr data_type decimal_type(unsigned precision, unsigned scale, bool nullable = false) noexcept {
  return {logical_type::decimal, precision <= 18 ? physical_type::int64 : physical_type::integer128,
          static_cast<std::uint8_t>(precision), static_cast<std::uint8_t>(scale), nullable};
}

// ---- value types of typed schemas -----------------------------------------------------------------------------------

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
///
/// Requires: year in ±5,000,000, month 1–12, day within the month; in a constant expression a bad date does not compile
/// Source:   the civil-calendar algorithms of H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"
struct date {
  std::int32_t days = 0;

  constexpr date() noexcept = default;
  constexpr date(int year, unsigned month, unsigned day) noexcept : days(days_from_civil(year, month, day)) {
    PILLAR_ASSERT(month >= 1 && month <= 12 && day >= 1 && day <= days_in_month(year, month));
  }
  static constexpr date from_days(std::int32_t days) noexcept {
    date made;
    made.days = days;
    return made;
  }
  /// Year, month and day of the proleptic Gregorian calendar.
  struct civil {
    int year;
    unsigned month;
    unsigned day;
  };
  [[nodiscard]] constexpr civil to_civil() const noexcept {
    const std::int64_t z = std::int64_t{days} + 719468;
    const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    const auto doe = static_cast<unsigned>(z - era * 146097);
    const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const unsigned mp = (5 * doy + 2) / 153;
    const unsigned d = doy - (153 * mp + 2) / 5 + 1;
    const unsigned m = mp < 10 ? mp + 3 : mp - 9;
    return {static_cast<int>(static_cast<std::int64_t>(yoe) + era * 400 + (m <= 2 ? 1 : 0)), m, d};
  }
  static constexpr bool leap_year(int year) noexcept { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
  static constexpr unsigned days_in_month(int year, unsigned month) noexcept {
    return month == 2 ? (leap_year(year) ? 29 : 28) : (month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31);
  }
  friend constexpr auto operator<=>(const date&, const date&) = default;

 private:
  static constexpr std::int32_t days_from_civil(int year, unsigned m, unsigned d) noexcept {
    const std::int64_t y = std::int64_t{year} - (m <= 2 ? 1 : 0);
    const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
    const auto yoe = static_cast<unsigned>(y - era * 400);
    const unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return static_cast<std::int32_t>(era * 146097 + static_cast<std::int64_t>(doe) - 719468);
  }
};

/// Ticks since 1970-01-01T00:00Z.
template <time_unit Unit = time_unit::micro>
struct timestamp {
  std::int64_t ticks = 0;
  static constexpr time_unit unit = Unit;
  static constexpr std::int64_t ticks_per_second = static_cast<std::int64_t>(power_of_ten(static_cast<unsigned>(Unit)));

  constexpr timestamp() noexcept = default;
  constexpr explicit timestamp(std::int64_t count) noexcept : ticks(count) {}
  /// Requires: a date whose ticks fit into 64 bits (nanoseconds: years 1678 to 2262)
  constexpr timestamp(date day, unsigned hour, unsigned minute, unsigned second = 0) noexcept
      : ticks((std::int64_t{day.days} * 86400 + hour * 3600 + minute * 60 + second) * ticks_per_second) {}
  friend constexpr auto operator<=>(const timestamp&, const timestamp&) = default;
};

/// A fixed-point number with P digits, S of them after the point: `unscaled` / 10^S.
template <unsigned P, unsigned S>
requires(P >= 1 && P <= 38 && S <= P) struct decimal {
  using rep = std::conditional_t<(P <= 18), std::int64_t, int128>;
  rep unscaled = 0;
  static constexpr unsigned precision = P;
  static constexpr unsigned scale = S;
  constexpr decimal operator-() const noexcept { return {static_cast<rep>(-unscaled)}; }
  friend constexpr auto operator<=>(const decimal&, const decimal&) = default;
};

/// UTF-8 text and arbitrary bytes in a schema; values travel as std::string_view or text_slot.
struct text {};
struct bytes {};

/// Marks a column of a typed schema that may hold NULL.
template <class T>
struct nullable {
  using type = T;
};

namespace detail {
template <class T>
struct type_of_impl;
#define PILLAR_SIMPLE_TYPE(cpp, name)                                                       \
  template <>                                                                               \
  struct type_of_impl<cpp> {                                                                \
    static constexpr data_type value{logical_type::name, physical_type::name, 0, 0, false}; \
  };
PILLAR_SIMPLE_TYPE(bool, boolean)
PILLAR_SIMPLE_TYPE(std::int8_t, int8)
PILLAR_SIMPLE_TYPE(std::int16_t, int16)
PILLAR_SIMPLE_TYPE(std::int32_t, int32)
PILLAR_SIMPLE_TYPE(std::int64_t, int64)
PILLAR_SIMPLE_TYPE(std::uint8_t, uint8)
PILLAR_SIMPLE_TYPE(std::uint16_t, uint16)
PILLAR_SIMPLE_TYPE(std::uint32_t, uint32)
PILLAR_SIMPLE_TYPE(std::uint64_t, uint64)
PILLAR_SIMPLE_TYPE(float, float32)
PILLAR_SIMPLE_TYPE(double, float64)
PILLAR_SIMPLE_TYPE(text, text)
#undef PILLAR_SIMPLE_TYPE
template <>
struct type_of_impl<bytes> {
  static constexpr data_type value{logical_type::bytes, physical_type::text, 0, 0, false};
};
template <>
struct type_of_impl<date> {
  static constexpr data_type value{logical_type::date, physical_type::int32, 0, 0, false};
};
template <time_unit U>
struct type_of_impl<timestamp<U>> {
  static constexpr data_type value{logical_type::timestamp, physical_type::int64, 0, static_cast<std::uint8_t>(U),
                                   false};
};
template <unsigned P, unsigned S>
struct type_of_impl<decimal<P, S>> {
  static constexpr data_type value = decimal_type(P, S);
};
template <class T>
struct type_of_impl<nullable<T>> {
  static constexpr data_type value = type_of_impl<T>::value.as_nullable();
};
}  // namespace detail

/// The run-time type of a C++ value type; specialise detail::type_of_impl for a user's own logical type.
template <class T>
inline constexpr data_type type_of = detail::type_of_impl<T>::value;

/// A C++ type that may stand in a schema.
template <class T>
concept column_type = requires {
  detail::type_of_impl<T>::value;
};

/// The C++ type of a value in a flat vector.
template <physical_type P>
struct physical_value;
#define PILLAR_PHYSICAL(name, cpp)             \
  template <>                                  \
  struct physical_value<physical_type::name> { \
    using type = cpp;                          \
  };
PILLAR_PHYSICAL(boolean, std::uint8_t)
PILLAR_PHYSICAL(int8, std::int8_t)
PILLAR_PHYSICAL(int16, std::int16_t)
PILLAR_PHYSICAL(int32, std::int32_t)
PILLAR_PHYSICAL(int64, std::int64_t)
PILLAR_PHYSICAL(uint8, std::uint8_t)
PILLAR_PHYSICAL(uint16, std::uint16_t)
PILLAR_PHYSICAL(uint32, std::uint32_t)
PILLAR_PHYSICAL(uint64, std::uint64_t)
PILLAR_PHYSICAL(float32, float)
PILLAR_PHYSICAL(float64, double)
PILLAR_PHYSICAL(integer128, int128)
#undef PILLAR_PHYSICAL

/// Calls `f.template operator()<T>()` with the C++ value type of a fixed-width physical type (not text).
template <class F>
PILLAR_ALWAYS_INLINE decltype(auto) visit_fixed_width(physical_type type, F&& f) {
  switch (type) {
    case physical_type::int8: return f.template operator()<std::int8_t>();
    case physical_type::int16: return f.template operator()<std::int16_t>();
    case physical_type::int32: return f.template operator()<std::int32_t>();
    case physical_type::int64: return f.template operator()<std::int64_t>();
    case physical_type::boolean:
    case physical_type::uint8: return f.template operator()<std::uint8_t>();
    case physical_type::uint16: return f.template operator()<std::uint16_t>();
    case physical_type::uint32: return f.template operator()<std::uint32_t>();
    case physical_type::uint64: return f.template operator()<std::uint64_t>();
    case physical_type::float32: return f.template operator()<float>();
    case physical_type::float64: return f.template operator()<double>();
    case physical_type::integer128: return f.template operator()<int128>();
    case physical_type::text: break;
  }
  PILLAR_ASSERT(type != physical_type::text);
  return f.template operator()<std::uint8_t>();
}

}  // namespace PILLAR_NAMESPACE
