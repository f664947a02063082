// SPDX-License-Identifier: Apache-2.0
/// The exact sum of doubles, rounded once: the same bits in any order.
///
/// A sum is a fixed-point number of 32-bit limbs held in 64-bit integers, so that a value is three additions and
/// carries wait for a billion of them.
#pragma once
#include <bit>  // std::bit_cast
#include <cstdint>
#include <span>

#include "pillar/aggregate/aggregate.hpp"  // aggregate_state
#include "pillar/base/checked.hpp"         // uint128

namespace PILLAR_NAMESPACE {

namespace detail {

/// Limbs of the whole range: limb k weighs 2^(32·k − 1074); the last ones take the carries of 2^63 additions.
inline constexpr std::uint32_t exact_limbs = 68;
/// Additions after which limbs are normalised: each adds less than 2^32 to a limb.
inline constexpr std::uint64_t exact_carry_period = std::uint64_t{1} << 30;

/// The first of the three limbs that a finite value touches.
constexpr std::uint32_t exact_limb_of(double value) noexcept {
  const auto exponent = static_cast<std::uint32_t>(std::bit_cast<std::uint64_t>(value) >> 52 & 0x7ff);
  return (exponent == 0 ? 0 : exponent - 1) / 32;
}
/// Adds a finite value to limbs[0, 3), of which the first is exact_limb_of(value).
PILLAR_ALWAYS_INLINE constexpr void exact_add(std::int64_t* limbs, double value) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto exponent = static_cast<std::uint32_t>(bits >> 52 & 0x7ff);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const std::uint64_t mantissa = exponent == 0 ? fraction : fraction | std::uint64_t{1} << 52;
  const uint128 placed = static_cast<uint128>(mantissa) << ((exponent == 0 ? 0 : exponent - 1) % 32);
  const std::int64_t sign = static_cast<std::int64_t>(bits) >> 63;  // 0 or −1
  limbs[0] += (static_cast<std::int64_t>(static_cast<std::uint64_t>(placed) & 0xffffffffu) ^ sign) - sign;
  limbs[1] += (static_cast<std::int64_t>(static_cast<std::uint64_t>(placed >> 32) & 0xffffffffu) ^ sign) - sign;
  limbs[2] += (static_cast<std::int64_t>(static_cast<std::uint64_t>(placed >> 64)) ^ sign) - sign;
}
/// Moves carries up: all limbs but the last, which keeps the sign, come to lie in [0, 2^32).
constexpr void exact_normalise(std::int64_t* limbs, std::uint32_t count) noexcept {
  std::int64_t carry = 0;
  for (std::uint32_t i = 0; i + 1 < count; ++i) {
    const std::int64_t value = limbs[i] + carry;
    limbs[i] = value & 0xffffffff;
    carry = value >> 32;
  }
  limbs[count - 1] += carry;
}
/// The double nearest to the sum, ties to even; exact_limbs limbs, which are overwritten.
PILLAR_API double exact_round(std::int64_t* limbs) noexcept;

/// What is not a finite number, seen so far.
enum exact_flag : std::uint8_t { saw_nan = 1, saw_infinity = 2, saw_minus_infinity = 4 };
constexpr std::uint8_t exact_flag_of(double value) noexcept {
  if (value != value) return saw_nan;
  return value > 0 ? saw_infinity : saw_minus_infinity;
}
constexpr bool is_finite(double value) noexcept { return (std::bit_cast<std::uint64_t>(value) >> 52 & 0x7ff) != 0x7ff; }
/// The sum when flags are set.
constexpr double exact_special(std::uint8_t flags) noexcept {
  const auto infinity = std::bit_cast<double>(std::uint64_t{0x7ff0000000000000});
  if (flags == saw_infinity) return infinity;
  if (flags == saw_minus_infinity) return -infinity;
  return std::bit_cast<double>(std::uint64_t{0x7ff8000000000000});
}

}  // namespace detail

/// Adds any doubles. A sum of nothing or of zeros is 0.0; NaN, or infinities of both signs, give NaN; a sum beyond the
/// range of double gives an infinity.
///
/// Units:    up to 2^63 values
/// Cost:     about 2 ns a value; 560 bytes
/// Source:   the superaccumulator of Kulisch, with carries delayed as in R. M. Neal, "Fast exact summation using small
///           and large superaccumulators" (2015, arXiv:1505.05571)
class exact_sum {
 public:
  using value_type = double;
  using result_type = double;
  void add(double value) noexcept {
    if (!detail::is_finite(value)) {
      flags_ |= detail::exact_flag_of(value);
      return;
    }
    detail::exact_add(limbs_ + detail::exact_limb_of(value), value);
    if (++pending_ == detail::exact_carry_period) normalise();
  }
  void update(std::span<const double> values) noexcept {
    for (const double value : values) add(value);
  }
  void merge(const exact_sum& other) noexcept {
    exact_sum copy = other;
    copy.normalise();
    normalise();
    for (std::uint32_t i = 0; i < detail::exact_limbs; ++i) limbs_[i] += copy.limbs_[i];
    pending_ = 1;
    flags_ |= copy.flags_;
  }
  [[nodiscard]] double finalize() const noexcept {
    if (flags_ != 0) return detail::exact_special(flags_);
    exact_sum copy = *this;
    return detail::exact_round(copy.limbs_);
  }

 private:
  void normalise() noexcept {
    detail::exact_normalise(limbs_, detail::exact_limbs);
    pending_ = 0;
  }
  std::int64_t limbs_[detail::exact_limbs] = {};
  std::uint64_t pending_ = 0;
  std::uint8_t flags_ = 0;
};
static_assert(aggregate_state<exact_sum>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/exact_sum.hpp"
#endif
