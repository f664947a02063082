// SPDX-License-Identifier: Apache-2.0
/// Doubles as whole numbers in two words: exact sums of values of about one size at the price of two integer sums.
///
/// value = (high · 2^split + low) · 2^unit, by additions that round to multiples of a power of two and so leave an exact
/// rest. A value that is no such number (it is too small or too large, infinite or NaN) is outside, and for the caller.
#pragma once
#include <bit>
#include <cmath>  // std::ldexp
#include <cstdint>

#include "pillar/aggregate/exact_sum.hpp"  // exact_add
#include "pillar/base/checked.hpp"         // int128
#include "pillar/base/mutant.hpp"
#include "pillar/column/selection.hpp"

namespace PILLAR_NAMESPACE::detail {

/// A sum of such numbers, in units of 2^unit.
struct fixed_total {
  int128 sum = 0;
  std::int32_t unit = 0;
  [[nodiscard]] uint128 size() const noexcept {
    return sum < 0 ? uint128{0} - static_cast<uint128>(sum) : static_cast<uint128>(sum);
  }
  /// The place of the unit among an exact sum's bits.
  [[nodiscard]] std::uint32_t bit() const noexcept { return static_cast<std::uint32_t>(unit + 1074); }
  [[nodiscard]] unsigned bit_count() const noexcept {
    const uint128 whole = size();
    const auto high = static_cast<std::uint64_t>(whole >> 64);
    return static_cast<unsigned>(high != 0 ? 64 + std::bit_width(high)
                                           : std::bit_width(static_cast<std::uint64_t>(whole)));
  }
  /// Adds it to an exact sum's limbs; limbs[0] is the whole sum's limb `base`.
  void add_to(std::int64_t* limbs, std::uint32_t base) const noexcept {
    const unsigned shift = bit() % 32;
    const uint128 whole = size();
    uint128 low = static_cast<uint128>(static_cast<std::uint64_t>(whole)) << shift;
    uint128 high = (static_cast<uint128>(static_cast<std::uint64_t>(whole >> 64)) << shift) + (low >> 64);
    std::int64_t* to = limbs + (bit() / 32 - base);
    for (std::uint32_t i = 0; i < 5; ++i) {
      uint128& half = i < 2 ? low : high;
      const auto part = static_cast<std::int64_t>(static_cast<std::uint64_t>(half) & 0xffffffffu);
      half >>= 32;
      if (part != 0) to[i] += sum < 0 ? -part : part;
    }
  }
  /// The nearest double, ties to even.
  [[nodiscard]] double rounded() const noexcept {
    uint128 whole = size();
    const unsigned bits = bit_count(), cut = bits > 53 ? bits - 53 : 0;
    if (cut != 0) {
      const uint128 rest = whole & ((uint128{1} << cut) - 1), half = uint128{1} << (cut - 1);
      whole >>= cut;
      const bool odd = (static_cast<std::uint64_t>(whole) & 1) != 0;
      whole += PILLAR_MUTATE(fixed_point_cut_off, rest > half || (rest == half && odd), false) ? 1 : 0;
    }
    const double made =
        std::ldexp(static_cast<double>(static_cast<std::uint64_t>(whole)), unit + static_cast<int>(cut));
    return sum < 0 ? -made : made;
  }
};

/// How the values of one input are split.
class fixed_point {
 public:
  /// Bits that both words may have, so that words last for eight rows a group, and for 2^15.
  static constexpr unsigned least_bits = 40, most_bits = 48;
  [[nodiscard]] static unsigned bits_for(std::uint32_t group_count) noexcept {
    const auto group_bits = static_cast<unsigned>(std::bit_width(group_count));
    return group_bits > 60 - least_bits ? least_bits : group_bits < 60 - most_bits ? most_bits : 60 - group_bits;
  }

  [[nodiscard]] bool chosen() const noexcept { return split_ != 0; }
  friend bool operator==(const fixed_point&, const fixed_point&) noexcept = default;
  /// Does the lower word leave room for enough rows?
  [[nodiscard]] bool suits(std::uint32_t group_count) const noexcept { return split_ <= bits_for(group_count); }

  /// Chooses the places of the two words, so that most of the values lie inside. Of zeros nothing can be chosen.
  void choose(const double* values, std::uint32_t count, std::uint32_t group_count) noexcept {
    std::uint16_t counts[129] = {};  // by the exponent's upper bits
    for (std::uint32_t i = 0; i < count; ++i)
      if (values[i] != 0 && is_finite(values[i])) ++counts[exponent_of(values[i]) / 16];
    std::uint32_t best = 0;
    for (std::uint32_t i = 1; i < 128; ++i)
      if (counts[i] + counts[i + 1] >= counts[best] + counts[best + 1]) best = i;
    if (counts[best] + counts[best + 1] == 0) return;
    std::int32_t least = 2048, most = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::int32_t exponent = exponent_of(values[i]);
      if (values[i] == 0 || exponent / 16 < static_cast<std::int32_t>(best) ||
          exponent / 16 > static_cast<std::int32_t>(best) + 1)
        continue;
      least = exponent < least ? exponent : least;
      most = exponent > most ? exponent : most;
    }
    // Values below 2^top whose last bits weigh 2^(least − 1075): 79 bits, if that is enough, hold 26 more powers of two.
    const std::int32_t top = most - 1022, most_width = 2 * static_cast<std::int32_t>(bits_for(group_count));
    std::int32_t width = top - (least - 1075);
    width = width < 79 ? 79 : width > most_width ? most_width : width;
    const std::int32_t split = (width + 1) / 2;
    const std::int32_t unit = top - width;
    unit_ = unit < -1074 ? -1074 : unit > 971 - split ? 971 - split : unit;
    split_ = static_cast<std::uint8_t>(split);
  }

  /// Splits finite values and zeros; those outside become 0, their rows are set in `outside`. Returns whether there are
  /// any. `low_bits` and `high_bits`: of the words, with the meaning of narrow_batch.
  ///
  /// Requires: chosen(), or all values are zero
  bool split(const double* values, std::uint32_t count, std::uint32_t group_count, std::int64_t* low,
             std::int64_t* high, std::uint8_t& low_bits, std::uint8_t& high_bits,
             selection_mask& outside) const noexcept {
    const splitter by = {std::ldexp(1.5, 52 + unit_), std::ldexp(1.5, 52 + unit_ + split_)};
    const unsigned bits = bits_for(group_count);
    std::uint64_t low_seen = 0, high_seen = 0;
    bool any = false;
    outside = selection_mask::none();
    for (std::uint32_t begin = 0; begin < count; begin += 64) {
      const std::uint32_t rows = count - begin < 64 ? count - begin : 64;
      word_bits seen = rows == 64 ? by.all<64>(values + begin, 64, low + begin, high + begin)
                                  : by.all<0>(values + begin, rows, low + begin, high + begin);
      if (PILLAR_MUTATE(fixed_point_drops_bits, seen.rest != 0, false) || seen.high >> bits != 0) {
        any = true;
        seen = {};
        for (std::uint32_t row = begin; row < begin + rows; ++row) {
          const word_bits one = by.all<1>(values + row, 1, low + row, high + row);
          if (one.rest != 0 || one.high >> bits != 0) {
            outside.words[begin / 64] |= std::uint64_t{1} << (row - begin);
            low[row] = high[row] = 0;
          } else {
            seen.low |= one.low;
            seen.high |= one.high;
          }
        }
      }
      low_seen |= seen.low;
      high_seen |= seen.high;
    }
    low_bits = static_cast<std::uint8_t>(std::bit_width(low_seen));
    high_bits = static_cast<std::uint8_t>(std::bit_width(high_seen));
    return any;
  }

  [[nodiscard]] fixed_total total(std::int64_t low, std::int64_t high) const noexcept {
    return {static_cast<int128>(high) * (int128{1} << split_) + low, unit_};
  }
  /// out[i] = total(low[i], high[i]).rounded(); false where a word has more than 53 bits, and out is of no use. Both
  /// words then are doubles without an error, and so one addition rounds once.
  bool round_all(const std::int64_t* PILLAR_RESTRICT low, const std::int64_t* PILLAR_RESTRICT high, std::uint32_t count,
                 double* PILLAR_RESTRICT out) const noexcept {
    const double low_unit = std::ldexp(1.0, unit_), high_unit = std::ldexp(1.0, unit_ + split_);
    std::int64_t seen = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      seen |= (low[i] ^ (low[i] >> 63)) | (high[i] ^ (high[i] >> 63));
      out[i] = static_cast<double>(high[i]) * high_unit + static_cast<double>(low[i]) * low_unit;
    }
    // −2^53 of the highest unit is infinite, though its sum with the lower word may not be.
    const bool fits = seen >> (unit_ + split_ < PILLAR_MUTATE(fixed_point_edge_of_double, 971, 1024) ? 53 : 52) == 0;
    return PILLAR_MUTATE(fixed_point_rounds_words, fits, true);
  }
  /// The limb of an exact sum (exact_sum.hpp) in which the unit lies.
  [[nodiscard]] std::uint32_t limb() const noexcept { return static_cast<std::uint32_t>(unit_ + 1074) / 32; }

 private:
  [[nodiscard]] static std::int32_t exponent_of(double value) noexcept {
    return static_cast<std::int32_t>(std::bit_cast<std::uint64_t>(value) >> 52 & 0x7ff);
  }

  /// What words of values have had: bits as far as their signs, and whether something was left over.
  struct word_bits {
    std::uint64_t low = 0, high = 0, rest = 0;
  };
  /// 1.5 · 2^52 units of a word: adding it rounds to whole units, which are then the sum's lowest bits. What is infinite,
  /// NaN or too large for that changes higher bits, by 2^51 units or more.
  struct splitter {
    double low_place, high_place;
    template <std::uint32_t Count>
    [[nodiscard]] PILLAR_ALWAYS_INLINE word_bits all(const double* PILLAR_RESTRICT values, std::uint32_t count,
                                                     std::int64_t* PILLAR_RESTRICT low,
                                                     std::int64_t* PILLAR_RESTRICT high) const noexcept {
      const double low_zero = low_place, high_zero = high_place;
      const auto low_bits = std::bit_cast<std::uint64_t>(low_zero), high_bits = std::bit_cast<std::uint64_t>(high_zero);
      std::int64_t lows = 0, highs = 0, rests = 0;
      for (std::uint32_t i = 0; i < (Count != 0 ? Count : count); ++i) {
        const double upper = values[i] + high_zero;
        const double rest = values[i] - (upper - high_zero);
        const double lower = rest + low_zero;
        const auto high_word = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(upper) - high_bits);
        const auto low_word = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(lower) - low_bits);
        high[i] = high_word;
        low[i] = low_word;
        rests |= -static_cast<std::int64_t>(rest != lower - low_zero);
        highs |= high_word < 0 ? ~high_word : high_word;
        lows |= low_word < 0 ? ~low_word : low_word;
      }
      return {static_cast<std::uint64_t>(lows), static_cast<std::uint64_t>(highs), static_cast<std::uint64_t>(rests)};
    }
  };

  std::int32_t unit_ = 0;
  std::uint8_t split_ = 0;  ///< 0: not chosen
};

}  // namespace PILLAR_NAMESPACE::detail
