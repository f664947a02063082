// SPDX-License-Identifier: Apache-2.0
/// Integers to decimals: every level's bits are those of one division, or of two products.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "levels/level_cases.hpp"
#include "pillar/base/env.hpp"
#include "pillar/codec/decimal_double.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test {
namespace levels_decimal_double {
namespace {

constexpr double power_of_ten(std::uint32_t exponent) {
  double power = 1;  // exact up to 10^22
  for (std::uint32_t i = 0; i < exponent; ++i) power *= 10;
  return power;
}

/// Integers of every magnitude, both ends of the range, multiples of the divisor and their neighbours.
std::int64_t integer_for(pillar::splitmix64& random, std::uint32_t exponent, std::uint32_t i) {
  constexpr std::int64_t limit = pillar::decimal_integer_limit;
  if (i < 8) return i % 2 == 0 ? -limit + i / 2 : limit - 1 - i / 2;
  const auto bits = static_cast<unsigned>(random.below(52));
  auto value = static_cast<std::int64_t>(random() & ((std::uint64_t{1} << bits) - 1));
  if (exponent < 15 && i % 3 == 0) {
    const auto power = static_cast<std::int64_t>(power_of_ten(exponent));
    value = value / power * power + static_cast<std::int64_t>(i % 5) - 2;
  }
  return i % 2 == 0 ? value : -value;
}

void check_decimals(pillar::arch_level level, std::uint32_t exponent, std::uint32_t round) {
  const pillar::decimal_table& table = pillar::decimal_kernels_for(level);
  pillar::splitmix64 random(exponent * 1000 + round);
  const std::uint32_t count = round == 0 ? 1024 : pillar::decimal_step * static_cast<std::uint32_t>(random.below(9));
  guard_array<std::int64_t> integers(count);
  guard_array<double> out(count);
  for (std::uint32_t i = 0; i < count; ++i) integers[i] = integer_for(random, exponent, i);
  const double power = power_of_ten(exponent);
  table.divide(integers.data(), count, power, out.data());
  for (std::uint32_t i = 0; i < count; ++i) {
    const double expected = static_cast<double>(integers[i]) / power;
    ASSERT_EQ(std::memcmp(&out[i], &expected, 8), 0) << integers[i] << " / 10^" << exponent;
  }
  const double factor = power_of_ten(round % 5), inverse = 1 / power;
  table.multiply(integers.data(), count, factor, inverse, out.data());
  for (std::uint32_t i = 0; i < count; ++i) {
    const double whole = static_cast<double>(integers[i]) * factor, expected = whole * inverse;
    ASSERT_EQ(std::memcmp(&out[i], &expected, 8), 0) << integers[i] << " times";
  }
  EXPECT_TRUE(out.slack_untouched());
}

}  // namespace
}  // namespace levels_decimal_double

std::vector<level_case> decimal_double_cases() {
  std::vector<level_case> cases;
  for (std::uint32_t exponent = 0; exponent <= pillar::decimal_max_exponent; ++exponent)
    for (std::uint32_t round = 0; round < 40; ++round)
      cases.push_back({levels_decimal_double::check_decimals, exponent, round});
  return cases;
}

}  // namespace pillar_test
