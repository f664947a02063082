// SPDX-License-Identifier: Apache-2.0
/// Which types compare, and what arithmetic gives: one table for the compiler's checks and for binding.
#pragma once
#include "pillar/column/types.hpp"
#include "pillar/expr/operators.hpp"

namespace PILLAR_NAMESPACE {

/// Types that compare with each other. Numbers compare mathematically across their kinds.
enum class type_class : std::uint8_t { boolean, number, date, timestamp, text };

/// Numbers, texts, dates, …: only values of one class compare.
constexpr type_class class_of(const data_type& type) noexcept {
  if (type.physical == physical_type::text) return type_class::text;
  switch (type.logical) {
    case logical_type::boolean: return type_class::boolean;
    case logical_type::date: return type_class::date;
    case logical_type::timestamp: return type_class::timestamp;
    default: return type_class::number;
  }
}
/// Whether values of two types compare.
constexpr bool comparable(const data_type& a, const data_type& b) noexcept { return class_of(a) == class_of(b); }

/// Digits that hold every value of an integer or decimal type.
constexpr unsigned decimal_digits_of(const data_type& type) noexcept {
  if (type.logical == logical_type::decimal) return type.precision;
  switch (type.physical) {
    case physical_type::int8:
    case physical_type::uint8: return 3;
    case physical_type::int16:
    case physical_type::uint16: return 5;
    case physical_type::int32:
    case physical_type::uint32: return 10;
    case physical_type::int64: return 19;
    case physical_type::uint64: return 20;
    default: return 38;
  }
}
/// Whether the type has a scale of decimal digits.
constexpr bool is_decimal(const data_type& type) noexcept {
  return type.logical == logical_type::decimal || type.physical == physical_type::integer128;
}

/// Digits after the point, or below the second.
constexpr unsigned scale_of(const data_type& type) noexcept {
  return type.logical == logical_type::decimal || type.logical == logical_type::timestamp ? type.scale : 0;
}

/// The type of `a op b` for two numbers. False when the scale of a decimal product would exceed 38.
///
/// | operands                       | result                                                                       |
/// |--------------------------------|------------------------------------------------------------------------------|
/// | a float with any number        | double; float with float: float                                              |
/// | a decimal with decimal/integer | + −: the larger scale, one digit more; ×: scales and digits add, digits ≤ 38  |
/// | unsigned with unsigned         | uint64, checked                                                              |
/// | other integers                 | int64, checked                                                               |
constexpr bool arithmetic_type(arithmetic_operator op, const data_type& a, const data_type& b,
                               data_type& out) noexcept {
  const bool nullable = a.nullable || b.nullable;
  if (is_float(a.physical) || is_float(b.physical)) {
    const bool narrow = a.physical == physical_type::float32 && b.physical == physical_type::float32;
    out = narrow ? type_of<float> : type_of<double>;
  } else if (is_decimal(a) || is_decimal(b)) {
    const unsigned sa = a.logical == logical_type::decimal ? a.scale : 0,
                   sb = b.logical == logical_type::decimal ? b.scale : 0;
    const unsigned da = decimal_digits_of(a), db = decimal_digits_of(b);
    unsigned scale = sa > sb ? sa : sb, digits = 0;
    if (op == arithmetic_operator::multiply) {
      scale = sa + sb;
      digits = da + db;
      if (scale > 38) return false;
    } else {
      digits = (da - sa > db - sb ? da - sa : db - sb) + scale + 1;
    }
    out = decimal_type(digits > 38 ? 38 : digits, scale);
  } else {
    const bool both_unsigned = lowest_of(a.physical) == 0 && lowest_of(b.physical) == 0;
    out = both_unsigned ? type_of<std::uint64_t> : type_of<std::int64_t>;
  }
  out.nullable = nullable;
  return true;
}

/// The type in which two columns or computed values are compared; a value that leaves it is an error of its row.
/// (A literal is compared mathematically instead, whatever the types.)
///
/// | operands                                     | compared as                                       |
/// |----------------------------------------------|---------------------------------------------------|
/// | text with text                               | text                                              |
/// | a float with any number                      | double, rounded                                   |
/// | int128, uint64 or different scales among them | decimal<38, larger scale>                         |
/// | others of one scale                          | 64-bit integers of that scale                     |
constexpr data_type comparison_type(const data_type& a, const data_type& b) noexcept {
  data_type out = type_of<std::int64_t>;
  const unsigned sa = scale_of(a), sb = scale_of(b);
  if (class_of(a) == type_class::text) {
    out = type_of<text>;
  } else if (is_float(a.physical) || is_float(b.physical)) {
    out = type_of<double>;
  } else if (a.physical == physical_type::integer128 || b.physical == physical_type::integer128 ||
             a.physical == physical_type::uint64 || b.physical == physical_type::uint64 || sa != sb) {
    out = decimal_type(38, sa > sb ? sa : sb);
  } else if (sa != 0) {
    out = decimal_type(18, sa);
  }
  return out.as_nullable(a.nullable || b.nullable);
}

}  // namespace PILLAR_NAMESPACE
