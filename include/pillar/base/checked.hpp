// SPDX-License-Identifier: Apache-2.0
/// 128-bit integers, and arithmetic that reports overflow instead of wrapping.
#pragma once
#include <cstdint>
#include <limits>       // std::numeric_limits
#include <type_traits>  // std::is_same_v

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// The compiler's 128-bit integer.
__extension__ using int128 = __int128;
/// The same without a sign.
__extension__ using uint128 = unsigned __int128;

/// 2^127 − 1.
inline constexpr int128 int128_max = static_cast<int128>(~uint128{0} >> 1);
/// −2^127.
inline constexpr int128 int128_min = -int128_max - 1;

/// An integer kernel type: what std::integral should be, with the 128-bit ones and without bool and characters.
template <class T>
concept integer =
    (std::is_integral_v<T> && !std::is_same_v<T, bool>) || std::is_same_v<T, int128> || std::is_same_v<T, uint128>;

/// Each returns true when the exact value fits and stores it; else `out` holds the wrapped value.
template <integer T>
[[nodiscard]] constexpr bool checked_add(T a, T b, T& out) noexcept {
  return !__builtin_add_overflow(a, b, &out);
}
/// See checked_add.
template <integer T>
[[nodiscard]] constexpr bool checked_subtract(T a, T b, T& out) noexcept {
  return !__builtin_sub_overflow(a, b, &out);
}
/// See checked_add.
template <integer T>
[[nodiscard]] constexpr bool checked_multiply(T a, T b, T& out) noexcept {
  return !__builtin_mul_overflow(a, b, &out);
}

/// The limits of T as int128; T is at most 64 bits wide or int128 itself.
template <integer T>
constexpr int128 lowest_of() noexcept {
  if constexpr (std::is_same_v<T, int128>) return int128_min;
  else return static_cast<int128>(std::numeric_limits<T>::min());
}
/// The largest value; see lowest_of.
template <integer T>
constexpr int128 highest_of() noexcept {
  if constexpr (std::is_same_v<T, int128>) return int128_max;
  else return static_cast<int128>(std::numeric_limits<T>::max());
}

/// 10^exponent for 0 ≤ exponent ≤ 38.
constexpr int128 power_of_ten(unsigned exponent) noexcept {
  PILLAR_ASSERT(exponent <= 38);
  int128 value = 1;
  for (unsigned i = 0; i < exponent; ++i) value *= 10;
  return value;
}

}  // namespace PILLAR_NAMESPACE
