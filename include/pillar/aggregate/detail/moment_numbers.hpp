// SPDX-License-Identifier: Apache-2.0
/// Whole numbers that moments are kept in: terms of values and products, windows of limbs, and long numbers in which n·Σxy
/// − Σx·Σy is computed without losing a digit.
#pragma once
#include <bit>
#include <cmath>  // std::ldexp
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "pillar/aggregate/detail/array_pool.hpp"
#include "pillar/aggregate/exact_sum.hpp"  // exact_normalise
#include "pillar/base/bits.hpp"            // load_unaligned
#include "pillar/base/mutant.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

/// A number as words: ±mantissa · 2^(position − 1074), and for wide integers `high` · 2^64 more.
struct exact_term {
  std::uint64_t mantissa = 0;
  std::uint64_t high = 0;
  std::int32_t position = 0;
  bool negative = false;
  std::uint8_t flag = 0;  ///< exact_flag of what is no number
};
PILLAR_ALWAYS_INLINE exact_term term_of(double value) noexcept {
  exact_term made;
  if (!is_finite(value)) {
    made.flag = exact_flag_of(value);
    return made;
  }
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const auto exponent = static_cast<std::int32_t>(bits >> 52 & 0x7ff);
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  made.mantissa = exponent == 0 ? fraction : fraction | std::uint64_t{1} << 52;
  made.position = exponent == 0 ? 0 : exponent - 1;
  made.negative = bits >> 63 != 0;
  return made;
}
inline exact_term term_of(int128 value) noexcept {
  exact_term made;
  const auto size = value < 0 ? uint128{0} - static_cast<uint128>(value) : static_cast<uint128>(value);
  made.mantissa = static_cast<std::uint64_t>(size);
  made.high = static_cast<std::uint64_t>(size >> 64);
  made.position = 1074;
  made.negative = value < 0;
  return made;
}
/// Row `row` of a number column, decimals unscaled.
inline exact_term term_at(const vector& from, std::uint32_t row) noexcept {
  const auto* at = static_cast<const std::byte*>(from.holder().values);
  const std::size_t index = from.index_of(row);
  return visit_fixed_width(from.type.physical, [&]<class T>() -> exact_term {
    const T value = load_unaligned<T>(at + index * sizeof(T));
    if constexpr (std::is_floating_point_v<T>) return term_of(static_cast<double>(value));
    else return term_of(static_cast<int128>(value));
  });
}

/// An exact sum whose limbs lie in a pool: limb i weighs 2^(32·(base + i) − offset).
struct exact_window {
  static constexpr std::int32_t offset = 2176;      ///< a multiple of 32, beyond the smallest product, 2^−2148
  static constexpr std::uint32_t most_limbs = 256;  ///< the largest product and its carries end below limb 136
  std::uint32_t at = 0;
  std::uint16_t base = 0;
  std::uint8_t size_class = 0;
  bool used = false;
  [[nodiscard]] std::uint32_t limb_count() const noexcept { return array_pool<std::int64_t>::unit << size_class; }
};
using limb_pool = array_pool<std::int64_t>;

/// Where a value, or a product, begins: its bit above 2^−offset.
inline std::uint32_t bit_of(const exact_term& term) noexcept {
  return static_cast<std::uint32_t>(term.position + (exact_window::offset - 1074));
}
inline std::uint32_t bit_of(const exact_term& x, const exact_term& y) noexcept {
  return static_cast<std::uint32_t>(x.position + y.position + (exact_window::offset - 2148));
}

/// Makes a window reach over `limbs` limbs from `first` on, and one for carries.
inline result<void> reach(limb_pool& pool, exact_window& window, std::uint32_t first, std::uint32_t limbs) noexcept {
  std::uint32_t last = first + limbs;
  if (window.used) {
    const std::uint32_t end = window.base + window.limb_count();
    if (first >= window.base && last < end) return {};
    first = first < window.base ? first : window.base;
    last = last >= end ? last : end - 1;
  }
  unsigned size_class = 0;
  while ((limb_pool::unit << size_class) < last - first + 1) ++size_class;
  exact_window made;
  made.size_class = static_cast<std::uint8_t>(size_class);
  const std::uint32_t spare = (made.limb_count() - (last - first + 1)) / 2;
  std::uint32_t base = first < spare ? 0 : first - spare;
  if (base + made.limb_count() > exact_window::most_limbs) base = exact_window::most_limbs - made.limb_count();
  made.base = static_cast<std::uint16_t>(base);
  made.used = true;
  PILLAR_ASSIGN_OR_RETURN(made.at, pool.take(size_class));
  if (window.used) {
    std::int64_t* to = pool[made.at] + (window.base - made.base);
    const std::int64_t* from = pool[window.at];
    exact_normalise(pool[window.at], window.limb_count());
    for (std::uint32_t i = 0; i < window.limb_count(); ++i) to[i] = from[i];
    pool.give_back(window.at, window.size_class);
  }
  window = made;
  return {};
}

/// Adds ±mantissa · 2^bit to three limbs.
PILLAR_ALWAYS_INLINE void add_word(std::int64_t* limbs, std::uint64_t mantissa, unsigned shift,
                                   std::int64_t sign) noexcept {
  const uint128 placed = static_cast<uint128>(mantissa) << shift;
  limbs[0] += (static_cast<std::int64_t>(static_cast<std::uint64_t>(placed) & 0xffffffffu) ^ sign) - sign;
  limbs[1] += (static_cast<std::int64_t>(static_cast<std::uint64_t>(placed >> 32) & 0xffffffffu) ^ sign) - sign;
  limbs[2] += (static_cast<std::int64_t>(static_cast<std::uint64_t>(placed >> 64)) ^ sign) - sign;
}
inline constexpr std::uint32_t value_limbs = 3;
inline constexpr std::uint32_t product_limbs = 5;
inline constexpr std::uint32_t wide_value_limbs = 5;  ///< of integers beyond 64 bits
inline constexpr std::uint32_t wide_product_limbs = 9;

PILLAR_ALWAYS_INLINE void add_value(limb_pool& pool, const exact_window& window, const exact_term& x) noexcept {
  const std::uint32_t bit = bit_of(x);
  std::int64_t* limbs = pool[window.at] + (bit / 32 - window.base);
  const std::int64_t sign = x.negative ? -1 : 0;
  add_word(limbs, x.mantissa, bit % 32, sign);
  if (x.high != 0) add_word(limbs + 2, x.high, bit % 32, sign);
}
PILLAR_ALWAYS_INLINE void add_product(limb_pool& pool, const exact_window& window, const exact_term& x,
                                      const exact_term& y) noexcept {
  const std::uint32_t bit = bit_of(x, y);
  std::int64_t* limbs = pool[window.at] + (bit / 32 - window.base);
  const std::int64_t sign = x.negative != y.negative ? -1 : 0;
  const auto add = [&](std::uint64_t a, std::uint64_t b, std::uint32_t word) {
    const uint128 product = static_cast<uint128>(a) * b;
    add_word(limbs + 2 * word, static_cast<std::uint64_t>(product), bit % 32, sign);
    add_word(limbs + 2 * word + 2, static_cast<std::uint64_t>(product >> 64), bit % 32, sign);
  };
  add(x.mantissa, y.mantissa, 0);
  if ((x.high | y.high) == 0) return;
  add(x.high, y.mantissa, 1);
  add(x.mantissa, y.high, 1);
  add(x.high, y.high, 2);
}

/// A whole number of up to 320 digits of 32 bits, digit i weighing 2^(32·(base + i)).
struct long_number {
  static constexpr std::uint32_t most_digits = 320;
  bool negative = false;
  std::int32_t base = 0;
  std::uint32_t count = 0;
  std::uint32_t digits[most_digits];

  void trim() noexcept {
    while (count != 0 && digits[count - 1] == 0) --count;
  }
  static long_number of(std::uint64_t value) noexcept {
    long_number made;
    made.count = 2;
    made.digits[0] = static_cast<std::uint32_t>(value);
    made.digits[1] = static_cast<std::uint32_t>(value >> 32);
    made.trim();
    return made;
  }
  /// From limbs, of which the last may be wider than 32 bits; they are overwritten.
  static long_number of(std::int64_t* limbs, std::uint32_t limb_count, std::int32_t base) noexcept {
    PILLAR_ASSERT(limb_count + 1 <= most_digits);
    long_number made;
    exact_normalise(limbs, limb_count);
    made.negative = limbs[limb_count - 1] < 0;
    if (made.negative) {
      for (std::uint32_t i = 0; i < limb_count; ++i) limbs[i] = -limbs[i];
      exact_normalise(limbs, limb_count);
    }
    for (std::uint32_t i = 0; i < limb_count; ++i) made.digits[i] = static_cast<std::uint32_t>(limbs[i]);
    made.digits[limb_count] = static_cast<std::uint32_t>(limbs[limb_count - 1] >> 32);
    made.count = limb_count + 1;
    made.base = base;
    made.trim();
    return made;
  }
  static long_number product(const long_number& a, const long_number& b) noexcept {
    long_number made;
    made.negative = a.negative != b.negative;
    made.base = a.base + b.base;
    if (a.count == 0 || b.count == 0) return made;
    PILLAR_ASSERT(a.count + b.count <= most_digits);
    made.count = a.count + b.count;
    for (std::uint32_t i = 0; i < made.count; ++i) made.digits[i] = 0;
    for (std::uint32_t i = 0; i < a.count; ++i) {
      std::uint64_t carry = 0;
      for (std::uint32_t j = 0; j < b.count; ++j) {
        const std::uint64_t sum = std::uint64_t{a.digits[i]} * b.digits[j] + made.digits[i + j] + carry;
        made.digits[i + j] = static_cast<std::uint32_t>(sum);
        carry = sum >> 32;
      }
      made.digits[i + b.count] = static_cast<std::uint32_t>(carry);
    }
    made.trim();
    return made;
  }
  static long_number difference(const long_number& a, const long_number& b) noexcept {
    if (b.count == 0) return a;
    std::int32_t low = a.count == 0 || b.base < a.base ? b.base : a.base;
    const auto end_of = [](const long_number& of) { return of.base + static_cast<std::int32_t>(of.count); };
    const std::int32_t high = (a.count == 0 || end_of(b) > end_of(a) ? end_of(b) : end_of(a)) + 1;
    const auto digit = [](const long_number& of, std::int32_t at) -> std::int64_t {
      const std::int32_t i = at - of.base;
      if (i < 0 || i >= static_cast<std::int32_t>(of.count)) return 0;
      return of.negative ? -std::int64_t{of.digits[i]} : std::int64_t{of.digits[i]};
    };
    PILLAR_ASSERT(high - low < static_cast<std::int32_t>(most_digits));
    std::int64_t limbs[most_digits];
    for (std::int32_t at = low; at < high; ++at) limbs[at - low] = digit(a, at) - digit(b, at);
    return of(limbs, static_cast<std::uint32_t>(high - low), low);
  }
};

/// mantissa · 2^exponent: a number beside the range of double.
struct scaled_real {
  double mantissa = 0;
  std::int32_t exponent = 0;
};
/// Rounded to 53 bits, ties to even; digit 0 weighs 2^(32·base + exponent).
inline scaled_real rounded(const long_number& from, std::int32_t exponent) noexcept {
  if (from.count == 0) return {};
  const auto top = static_cast<std::int32_t>(from.count * 32) - 1 - std::countl_zero(from.digits[from.count - 1]);
  const std::int32_t lowest = top > 52 ? top - 52 : 0;
  const auto bit = [&](std::int32_t at) { return from.digits[at / 32] >> (at % 32) & 1; };
  std::uint64_t mantissa = 0;
  for (std::int32_t at = top; at >= lowest; --at) mantissa = mantissa << 1 | bit(at);
  if (lowest != 0 && bit(lowest - 1) != 0) {
    bool up = (mantissa & 1) != 0;
    for (std::int32_t i = 0; i < (lowest - 1) / 32 && !up; ++i) up = from.digits[i] != 0;
    for (std::int32_t at = (lowest - 1) / 32 * 32; at < lowest - 1 && !up; ++at) up = bit(at) != 0;
    mantissa += up ? 1 : 0;
  }
  const double value = static_cast<double>(mantissa);
  return {from.negative ? -value : value, lowest + 32 * from.base + exponent};
}
/// A product of as many values as Pillar's decimals may have digits, as a double.
inline double power_of_ten_real(unsigned exponent) noexcept {
  double made = 1;
  for (; exponent > 22; exponent -= 22) made *= 1e22;
  return made * static_cast<double>(power_of_ten(exponent));
}

/// Adds ±value · 2^shift to two words, two's complement, the lowest first.
PILLAR_ALWAYS_INLINE void add_to_words2(std::uint64_t* words, std::uint64_t value, unsigned shift,
                                        bool negative) noexcept {
  const uint128 placed = static_cast<uint128>(value) << shift;
  const uint128 sum = (static_cast<uint128>(words[1]) << 64 | words[0]) + (negative ? uint128{0} - placed : placed);
  words[0] = static_cast<std::uint64_t>(sum);
  words[1] = static_cast<std::uint64_t>(sum >> 64);
}
/// Adds value · 2^shift to two words; shift < 32. (A shift of 128 bits asks whether it is below 64.)
PILLAR_ALWAYS_INLINE void add_shifted(std::uint64_t* words, std::int64_t value, unsigned shift) noexcept {
  const auto low = static_cast<std::uint64_t>(value) << shift;
  const auto high = static_cast<std::uint64_t>(value >> 32 >> (32 - shift));
  words[0] += low;
  words[1] += high + (words[0] < low ? 1 : 0);
}
/// Adds square · 2^shift to four words; shift < 64, and the square below 2^127.
PILLAR_ALWAYS_INLINE void add_square(std::uint64_t* words, uint128 square, unsigned shift) noexcept {
  const auto lowest = static_cast<std::uint64_t>(square), highest = static_cast<std::uint64_t>(square >> 64);
  const unsigned rest = 63 - shift;
  const uint128 low = static_cast<uint128>(highest << shift | lowest >> 1 >> rest) << 64 | lowest << shift;
  const uint128 lower = (static_cast<uint128>(words[1]) << 64 | words[0]) + low;
  const std::uint64_t high =
      (highest >> 1 >> rest) + PILLAR_MUTATE(square_loses_carry, static_cast<std::uint64_t>(lower < low), 0u);
  words[0] = static_cast<std::uint64_t>(lower);
  words[1] = static_cast<std::uint64_t>(lower >> 64);
  words[2] += high;
  if (words[2] < high) ++words[3];  // rare: of 2^64 the squares take a few
}
/// Adds ±product · 2^shift to four words; shift ≤ 64.
PILLAR_ALWAYS_INLINE void add_to_words4(std::uint64_t* words, uint128 product, unsigned shift, bool negative) noexcept {
  const bool whole = shift == 64;
  const unsigned bits = whole ? 0 : shift;
  const uint128 low = static_cast<uint128>(static_cast<std::uint64_t>(product)) << bits;
  const uint128 high = static_cast<uint128>(static_cast<std::uint64_t>(product >> 64)) << bits;
  const std::uint64_t first = static_cast<std::uint64_t>(low);
  const std::uint64_t second = static_cast<std::uint64_t>(low >> 64) | static_cast<std::uint64_t>(high);
  const std::uint64_t third = static_cast<std::uint64_t>(high >> 64);
  const std::uint64_t sign = negative ? ~std::uint64_t{0} : 0;
  const std::uint64_t added[4] = {(whole ? 0 : first) ^ sign, (whole ? first : second) ^ sign,
                                  (whole ? second : third) ^ sign, (whole ? third : 0) ^ sign};
  std::uint64_t carry = sign & 1;
  for (int i = 0; i < 4; ++i) {
    const uint128 sum = static_cast<uint128>(words[i]) + added[i] + carry;
    words[i] = static_cast<std::uint64_t>(sum);
    carry = static_cast<std::uint64_t>(sum >> 64);
  }
}

/// Adds ±Σ words · 2^(64·i + bit) to limbs; limbs[0] is limb `base`.
inline void add_words(const std::uint64_t* words, std::uint32_t count, std::uint32_t bit, std::int64_t* limbs,
                      std::uint32_t base) noexcept {
  const bool negative = words[count - 1] >> 63 != 0;
  std::uint64_t carry = negative ? 1 : 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t word = (negative ? ~words[i] : words[i]) + carry;
    carry = carry != 0 && word == 0 ? 1 : 0;
    add_word(limbs + (bit / 32 - base) + 2 * i, word, bit % 32, negative ? -1 : 0);
  }
}

}  // namespace PILLAR_NAMESPACE::detail
