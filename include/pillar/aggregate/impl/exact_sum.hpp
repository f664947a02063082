// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/aggregate/exact_sum.hpp"
#include "pillar/base/bits.hpp"    // low_bits
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE

namespace PILLAR_NAMESPACE {

PILLAR_API double detail::exact_round(std::int64_t* limbs) noexcept {
  exact_normalise(limbs, exact_limbs);
  const bool negative = limbs[exact_limbs - 1] < 0;
  if (negative) {
    for (std::uint32_t i = 0; i < exact_limbs; ++i) limbs[i] = -limbs[i];
    exact_normalise(limbs, exact_limbs);
  }
  const std::uint64_t sign = negative ? std::uint64_t{1} << 63 : 0;
  std::uint32_t top_limb = exact_limbs;
  while (top_limb > 0 && limbs[top_limb - 1] == 0) --top_limb;
  if (top_limb == 0) return 0;
  --top_limb;
  const auto bit = [&](std::uint32_t at) { return static_cast<std::uint64_t>(limbs[at / 32]) >> (at % 32) & 1; };
  // The highest set bit; the last limb may be wider than 32 bits, but then the sum is infinite anyway.
  const auto top =
      top_limb * 32 + static_cast<std::uint32_t>(std::bit_width(static_cast<std::uint64_t>(limbs[top_limb]))) - 1;
  if (top > 2046 + 52) return std::bit_cast<double>(sign | 0x7ff0000000000000u);
  std::uint64_t mantissa = 0;
  const std::uint32_t lowest = top <= 52 ? 0 : top - 52;
  for (std::uint32_t at = top + 1; at-- > lowest;) mantissa = mantissa << 1 | bit(at);
  // Up to 2^53 the encoding is the number itself, in units of 2^−1074.
  if (lowest == 0) return std::bit_cast<double>(sign | mantissa);
  bool sticky = false;
  for (std::uint32_t i = 0; i < (lowest - 1) / 32; ++i) sticky = sticky || limbs[i] != 0;
  sticky = sticky || (static_cast<std::uint64_t>(limbs[(lowest - 1) / 32]) & low_bits((lowest - 1) % 32)) != 0;
  const bool half = bit(lowest - 1) != 0;
  const bool up = half && PILLAR_MUTATE(exact_sum_ignores_sticky, sticky || (mantissa & 1) != 0, (mantissa & 1) != 0);
  // Rounding up may carry into the exponent, and from the largest number to infinity: both are right.
  const std::uint64_t bits =
      (std::uint64_t{lowest} + 1) * (std::uint64_t{1} << 52) + (mantissa - (std::uint64_t{1} << 52)) + (up ? 1 : 0);
  return std::bit_cast<double>(sign | (bits > 0x7ff0000000000000u ? 0x7ff0000000000000u : bits));
}

}  // namespace PILLAR_NAMESPACE
