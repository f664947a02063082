// SPDX-License-Identifier: Apache-2.0
/// The kernels of codec/decimal_double.hpp.
///
/// Where the processor fuses a product with a sum, a division by D = 10^d takes three such operations instead of the
/// divider's many cycles: with y = 1/D rounded, q = k·y, r = k − q·D, the quotient is q + r·y. It is the correctly
/// rounded one for integers |k| < 2^51 and d ≤ 22:
///
///   q is within 1.5 ulp of k/D: scale both into [1, 2); k·|y − 1/D| ≤ k·2^−54, below half an ulp of a quotient ≥ 1
///     and one ulp of a quotient < 1; rounding the product adds half an ulp.
///   r is exact: k is an integer and q·D a multiple of 2^d·ulp(q), so r is a multiple of 2^g, g = min(0, d + log2
///     ulp(q)), and |r| ≤ 1.5·D·ulp: at most 3·5^d < 2^53 such multiples (where g = 0, |r| < 1: r is 0).
///   q + r·y before its rounding is within 1.5 ulp · 2^−53 of k/D; and k/D is at least ½ ulp / 5^d away from any
///     midpoint of two doubles, since k·2^n − M·D is a multiple of 2^d that is not 0. 5^22 < 2^53 / 3.
///
/// The other levels divide. tests/levels compares them bit for bit.
#pragma once
#include <type_traits>

#include "pillar/codec/decimal_double.hpp"

namespace PILLAR_NAMESPACE {

namespace decimal_detail {

/// An integer of [−2^51, 2^51) as a double: added to the bits of 1.5 · 2^52 it is the low part of that number's
/// mantissa. Any other integer gives some double.
template <class Arch>
PILLAR_ALWAYS_INLINE double to_double(std::int64_t integer) noexcept {
  constexpr double magic = 0x1.8p52;
  return __builtin_bit_cast(double, static_cast<std::uint64_t>(integer) + __builtin_bit_cast(std::uint64_t, magic)) -
         magic;
}

/// Levels whose processors all fuse multiply and add.
template <class Arch>
inline constexpr bool has_fused = !std::is_same_v<Arch, arch::scalar> && !std::is_same_v<Arch, arch::v2>;

template <class Arch>
void divide(const std::int64_t* __restrict integers, std::uint32_t count, double divisor,
            double* __restrict out) noexcept {
  [[maybe_unused]] const double inverse = 1.0 / divisor;
  for (std::size_t begin = 0; begin < count; begin += decimal_step)
    for (std::size_t i = 0; i < decimal_step; ++i) {
      const double integer = to_double<Arch>(integers[begin + i]);
      if constexpr (has_fused<Arch>) {
        const double quotient = integer * inverse;
        const double rest = __builtin_fma(-quotient, divisor, integer);
        out[begin + i] = __builtin_fma(rest, inverse, quotient);
      } else {
        out[begin + i] = integer / divisor;
      }
    }
}

template <class Arch>
void multiply(const std::int64_t* __restrict integers, std::uint32_t count, double factor, double inverse,
              double* __restrict out) noexcept {
  for (std::size_t begin = 0; begin < count; begin += decimal_step)
    for (std::size_t i = 0; i < decimal_step; ++i)
      out[begin + i] = to_double<Arch>(integers[begin + i]) * factor * inverse;
}

template <class Arch>
inline constexpr decimal_table table_of{level_of<Arch>, divide<Arch>, multiply<Arch>};

}  // namespace decimal_detail

template <class Arch>
const decimal_table& decimal_kernels<Arch>::table() noexcept {
  return decimal_detail::table_of<Arch>;
}

}  // namespace PILLAR_NAMESPACE

// v4_vbmi2 has no code of its own here: it takes the table of v4.
#if defined(PILLAR_KERNEL_ARCH) && PILLAR_KERNEL_LEVEL < 5
namespace PILLAR_NAMESPACE {
template struct decimal_kernels<PILLAR_KERNEL_ARCH>;
}
#endif
