// SPDX-License-Identifier: Apache-2.0
/// The closed list of C++ values that may stand in an expression: bool, integers, floats, decimals, dates, timestamps
/// and text. Everything else is refused where it is written.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include "pillar/column/scalar.hpp"  // scalar
#include "pillar/column/types.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
template <class T>
struct literal_traits {
  static constexpr bool supported = false;
};
template <class T>
concept plain_integer =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t> &&
    !std::is_same_v<T, char8_t> && !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>;

template <std::size_t Bytes, bool Signed>
consteval data_type integer_literal_type() noexcept {
  if constexpr (Bytes == 1) return Signed ? type_of<std::int8_t> : type_of<std::uint8_t>;
  else if constexpr (Bytes == 2) return Signed ? type_of<std::int16_t> : type_of<std::uint16_t>;
  else if constexpr (Bytes == 4) return Signed ? type_of<std::int32_t> : type_of<std::uint32_t>;
  else return Signed ? type_of<std::int64_t> : type_of<std::uint64_t>;
}

template <plain_integer T>
struct literal_traits<T> {
  static constexpr bool supported = true;
  using stored = T;
  static constexpr data_type type = integer_literal_type<sizeof(T), std::is_signed_v<T>>();
  static scalar value(T v) { return scalar::of_integer(type, v); }
};
template <>
struct literal_traits<bool> {
  static constexpr bool supported = true;
  using stored = bool;
  static constexpr data_type type = type_of<bool>;
  static scalar value(bool v) { return scalar::of_integer(type, v ? 1 : 0); }
};
template <class T>
requires std::is_floating_point_v<T> &&(sizeof(T) <= 8) struct literal_traits<T> {
  static constexpr bool supported = true;
  using stored = T;
  static constexpr data_type type = type_of<T>;
  static scalar value(T v) { return scalar::of_real(type, static_cast<double>(v)); }
};
template <unsigned P, unsigned S>
struct literal_traits<decimal<P, S>> {
  static constexpr bool supported = true;
  using stored = decimal<P, S>;
  static constexpr data_type type = type_of<decimal<P, S>>;
  static scalar value(stored v) { return scalar::of_integer(type, v.unscaled); }
};
template <>
struct literal_traits<date> {
  static constexpr bool supported = true;
  using stored = date;
  static constexpr data_type type = type_of<date>;
  static scalar value(date v) { return scalar::of_integer(type, v.days); }
};
template <time_unit U>
struct literal_traits<timestamp<U>> {
  static constexpr bool supported = true;
  using stored = timestamp<U>;
  static constexpr data_type type = type_of<timestamp<U>>;
  static scalar value(stored v) { return scalar::of_integer(type, v.ticks); }
};
/// An array literal is copied up to its first NUL, so that no expression can dangle.
template <std::size_t N>
struct text_copy {
  char characters[N]{};
  constexpr text_copy(const char (&from)[N]) noexcept {
    for (std::size_t i = 0; i < N && from[i] != '\0'; ++i) characters[i] = from[i];
  }
};
template <std::size_t N>
struct literal_traits<char[N]> {
  static constexpr bool supported = true;
  using stored = text_copy<N>;
  static constexpr data_type type = type_of<text>;
  static scalar value(const stored& v) {
    std::size_t size = 0;
    while (size < N && v.characters[size] != '\0') ++size;
    return scalar::of_text(type, {v.characters, size});
  }
};
template <>
struct literal_traits<std::string> {
  static constexpr bool supported = true;
  using stored = std::string;
  static constexpr data_type type = type_of<text>;
  static scalar value(const std::string& v) { return scalar::of_text(type, v); }
};
template <>
struct literal_traits<std::string_view> : literal_traits<std::string> {};
}  // namespace detail

/// A value that may stand in an expression.
template <class T>
concept literal_value = detail::literal_traits<std::remove_cvref_t<T>>::supported;

/// `0.05_dec` is decimal<3, 2>: an exact decimal with the digits as written.
namespace detail {
template <char... C>
consteval unsigned literal_scale() {
  constexpr char text[] = {C..., '\0'};
  unsigned scale = 0;
  bool point = false;
  for (char c : text) {
    if (c == '.') point = true;
    else if (c >= '0' && c <= '9' && point) ++scale;
  }
  return scale;
}
template <char... C>
consteval unsigned decimal_digits() {
  constexpr char text[] = {C..., '\0'};
  unsigned digits = 0;
  for (char c : text) digits += c >= '0' && c <= '9' ? 1 : 0;
  return digits;
}
template <char... C>
consteval bool decimal_is_plain() {
  constexpr char text[] = {C..., '\0'};
  unsigned points = 0;
  for (char c : text) {
    if (c == '.') ++points;
    else if ((c < '0' || c > '9') && c != '\'' && c != '\0') return false;
  }
  return points <= 1;
}
}  // namespace detail

}  // namespace PILLAR_NAMESPACE
