// SPDX-License-Identifier: Apache-2.0
/// One value of any type at run time: literals, zone bounds, results read cell by cell. Not for hot loops.
#pragma once
#include <string>
#include <string_view>

#include "pillar/column/types.hpp"  // data_type, int128
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

/// A typed value or NULL.
///
/// Layout: integers, booleans, decimals (unscaled), dates and timestamps in `integer`; floats in `real`; text in `text`
struct scalar {
  data_type type{};
  bool null = true;
  int128 integer = 0;
  double real = 0;
  std::string text{};

  scalar() = default;
  static scalar of_integer(data_type type, int128 value) { return {type, value, 0, {}}; }
  static scalar of_real(data_type type, double value) { return {type, 0, value, {}}; }
  static scalar of_text(data_type type, std::string_view value) { return {type, 0, 0, value}; }
  static scalar of_null(data_type type) {
    scalar made;
    made.type = type.as_nullable();
    return made;
  }
  friend bool operator==(const scalar& a, const scalar& b) {
    if (a.null || b.null) return a.null == b.null;
    return a.integer == b.integer && (a.real == b.real || (a.real != a.real && b.real != b.real)) && a.text == b.text;
  }

 private:
  scalar(data_type t, int128 i, double r, std::string_view s) : type(t), null(false), integer(i), real(r), text(s) {}
};

/// Row `row` of a vector of any kind and type.
PILLAR_API scalar get(const vector& from, std::uint32_t row);

/// Pillar's order of two non-NULL values of one physical type: NaN equals NaN and is greatest, −0.0 equals 0.0,
/// text by bytes. Returns < 0, 0 or > 0.
PILLAR_API int compare(const scalar& a, const scalar& b);

/// The value as text: 2013-07-04, 12.50, NULL; floats in shortest round-trip form; timestamps in ISO 8601 with a Z.
PILLAR_API std::string to_string(const scalar& value);

/// A type as it is written in messages: "decimal<15, 2>", "nullable text".
PILLAR_API std::string to_string(const data_type& type);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/column/impl/scalar.hpp"
#endif
