// SPDX-License-Identifier: Apache-2.0
/// Variance, standard deviation, covariance and correlation.
///
/// Numerics: Σx, Σy, Σx², Σy² and Σxy are kept exactly, as fixed-point numbers: in 128 and 256 bits in the group's row
/// for integers and for floats whose sizes differ by less than 2^32 or so, and in windows of 32-bit limbs, which grow
/// to where the values are, for the others (a product of two doubles has 106 bits). At the end n·Σxy − Σx·Σy, in which
/// textbook formulas cancel, is computed with whole numbers, rounded once, and divided. So the result does not depend
/// on order or split, and its relative error is a few units of 2^−53 however large the mean is beside the spread.
#pragma once
#include <bit>
#include <cmath>  // std::ldexp, std::sqrt
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "pillar/aggregate/detail/array_pool.hpp"
#include "pillar/aggregate/exact_sum.hpp"  // exact_normalise
#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/base/bits.hpp"  // load_unaligned
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/detail/gather.hpp"  // gather_rows

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

/// Sums of one input, x and x², or of two: x, y, and xy for the covariance, also x² and y² for the correlation.
///
/// Layout: a row of words per group: its head, then two words for a sum of values and four for one of products
/// Units:  up to 2^42 values of a group
class moment_states final : public grouped_state {
 public:
  moment_states(aggregate_kind kind, const data_type& x, const data_type& y, memory_budget* budget) noexcept
      : kind_(kind),
        two_(takes_second(kind)),
        squares_(!two_ || kind == aggregate_kind::correlation),
        whole_(is_integer(x.physical) && (!two_ || is_integer(y.physical))),
        wide_(x.physical == physical_type::integer128 || (two_ && y.physical == physical_type::integer128)),
        values_(two_ ? 2 : 1),
        sums_(!two_      ? 2
              : squares_ ? 5
                         : 3),
        stride_(2 + 2 * values_ + 4 * (sums_ - values_)),
        words_(budget),
        windows_(budget),
        limbs_(budget) {
    const auto scale_of_type = [](const data_type& of) {
      return of.logical == logical_type::decimal ? unsigned{of.scale} : 0u;
    };
    scale_ = scale_of_type(x) + scale_of_type(two_ ? y : x);
  }

  result<void> reserve(const group_rows& rows, std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    if (whole_ && !wide_) return {};  // integers of 64 bits always fit into the words
    return two_ ? reserve_rows<true>(rows) : reserve_rows<false>(rows);
  }
  void add(const group_rows& rows) noexcept override {
    if (two_) add_rows<true>(rows);
    else add_rows<false>(rows);
  }

  result<void> reserve_merge(const grouped_state& other, const group_pairs& groups,
                             std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    const auto& from = static_cast<const moment_states&>(other);
    for (std::uint32_t pair = 0; pair < groups.count && groups.there(pair) < from.group_count(); ++pair) {
      const std::uint32_t to = groups.here(pair);
      const head& theirs = *from.head_of(groups.there(pair));
      head* ours = head_of(to);
      for (std::uint32_t i = 0; i < values_; ++i)
        if (ours->position[i] == 0) ours->position[i] = theirs.position[i];
      const bool same = same_positions(*ours, theirs);
      if (same && theirs.windows == 0) continue;
      PILLAR_TRY(take_windows(to));
      for (std::uint32_t sum = 0; sum < sums_; ++sum) {
        exact_window& window = windows_[head_of(to)->windows - 1 + sum];
        if (!same) PILLAR_TRY(reach(limbs_, window, bit_of(theirs, sum) / 32, 2 * word_count(sum) + 2));
        if (theirs.windows == 0) continue;
        const exact_window& part = from.windows_[theirs.windows - 1 + sum];
        if (part.used)
          PILLAR_TRY(reach(limbs_, window, part.base, part.limb_count() - 1));  // the last one is for carries
      }
    }
    return {};
  }
  void merge(const grouped_state& other, const group_pairs& groups) noexcept override {
    const auto& from = static_cast<const moment_states&>(other);
    for (std::uint32_t pair = 0; pair < groups.count && groups.there(pair) < from.group_count(); ++pair) {
      const head& theirs = *from.head_of(groups.there(pair));
      head& ours = *head_of(groups.here(pair));
      ours.count += theirs.count;
      ours.special |= theirs.special;
      normalise(ours);
      const bool same = same_positions(ours, theirs);
      for (std::uint32_t sum = 0; sum < sums_; ++sum) {
        const std::uint64_t* words = from.words_of(theirs, sum);
        std::uint64_t carry = 0;
        for (std::uint32_t i = 0; i < word_count(sum) && same; ++i) {
          const uint128 total = static_cast<uint128>(words_of(ours, sum)[i]) + words[i] + carry;
          words_of(ours, sum)[i] = static_cast<std::uint64_t>(total);
          carry = static_cast<std::uint64_t>(total >> 64);
        }
        if (ours.windows == 0) continue;
        const exact_window& into = windows_[ours.windows - 1 + sum];
        if (!same) add_words(words, word_count(sum), bit_of(theirs, sum), limbs_[into.at], into.base);
        if (theirs.windows == 0) continue;
        const exact_window& part = from.windows_[theirs.windows - 1 + sum];
        if (!part.used) continue;
        std::int64_t copy[exact_window::most_limbs];
        std::memcpy(copy, from.limbs_[part.at], part.limb_count() * sizeof(std::int64_t));
        exact_normalise(copy, part.limb_count());
        std::int64_t* limbs = limbs_[into.at] + (part.base - into.base);
        for (std::uint32_t k = 0; k < part.limb_count(); ++k) limbs[k] += copy[k];
      }
      normalise(ours);
    }
  }
  void truncate(std::uint32_t group_count) noexcept override {
    for (std::uint32_t group = group_count; group < this->group_count(); ++group) {
      const head& of = *head_of(group);
      for (std::uint32_t sum = 0; of.windows != 0 && sum < sums_; ++sum) {
        const exact_window& window = windows_[of.windows - 1 + sum];
        if (window.used) limbs_.give_back(window.at, window.size_class);
      }
    }
    if (group_count < this->group_count()) words_.truncate(std::size_t{group_count} * stride_);
  }

  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out,
                              memory_budget*) const override {
    for (std::uint32_t group = first; group < first + count; ++group) PILLAR_TRY(append_result(group, out));
    return {};
  }

 private:
  struct head {
    std::uint64_t count : 63;
    std::uint64_t special : 1;  ///< some value was NaN or an infinity
    std::uint16_t position[2];  ///< the position + 1 of the words' bit 0, of x and of y; 0: not chosen yet
    std::uint32_t windows;      ///< 1 + where its windows begin in windows_; 0: it has none
  };
  static_assert(sizeof(head) == 16);
  /// Values of 2^−20 to 2^12 of the first one's size go to the words.
  static constexpr std::int32_t below_first = 20;
  static constexpr std::int32_t most_shift = 32;
  /// A limb takes less than eight times 2^32 of each row.
  static constexpr std::uint64_t carry_period = exact_carry_period / 8;

  [[nodiscard]] std::uint32_t group_count() const noexcept {
    return static_cast<std::uint32_t>(words_.size() / stride_);
  }
  [[nodiscard]] head* head_of(std::uint32_t group) noexcept {
    return reinterpret_cast<head*>(words_.data() + std::size_t{group} * stride_);
  }
  [[nodiscard]] const head* head_of(std::uint32_t group) const noexcept {
    return reinterpret_cast<const head*>(words_.data() + std::size_t{group} * stride_);
  }
  /// Sums stand in the order x, y, x², y², xy, as far as there are such.
  [[nodiscard]] std::uint32_t sum_xx() const noexcept { return values_; }
  [[nodiscard]] std::uint32_t sum_xy() const noexcept { return sums_ - 1; }
  [[nodiscard]] std::uint32_t word_count(std::uint32_t sum) const noexcept { return sum < values_ ? 2 : 4; }
  [[nodiscard]] const std::uint64_t* words_of(const head& of, std::uint32_t sum) const noexcept {
    const std::uint32_t at = sum < values_ ? 2 * sum : 2 * values_ + 4 * (sum - values_);
    return reinterpret_cast<const std::uint64_t*>(&of) + 2 + at;
  }
  [[nodiscard]] std::uint64_t* words_of(head& of, std::uint32_t sum) noexcept {
    return const_cast<std::uint64_t*>(static_cast<const moment_states*>(this)->words_of(of, sum));
  }
  /// The bit above 2^−offset at which a sum's words begin.
  [[nodiscard]] std::uint32_t bit_of(const head& of, std::uint32_t sum) const noexcept {
    const auto input = [&](std::uint32_t which) {
      exact_term made;
      made.position = of.position[which] == 0 ? 0 : of.position[which] - 1;
      return made;
    };
    if (sum < values_) return detail::bit_of(input(sum));
    const std::uint32_t left = two_ && squares_ && sum == 3 ? 1 : 0,
                        right = two_ && sum != sum_xy() ? left : values_ - 1;
    return detail::bit_of(input(left), input(right));
  }
  [[nodiscard]] static bool same_positions(const head& ours, const head& theirs) noexcept {
    for (int i = 0; i < 2; ++i)
      if (theirs.position[i] != 0 && ours.position[i] != theirs.position[i]) return false;
    return true;
  }
  PILLAR_ALWAYS_INLINE static std::uint16_t chosen(std::uint16_t position, const exact_term& x) noexcept {
    if (position != 0 || (x.mantissa | x.high) == 0) return position;
    return static_cast<std::uint16_t>((x.position > below_first ? x.position - below_first : 0) + 1);
  }
  PILLAR_ALWAYS_INLINE static bool fits(std::uint16_t position, const exact_term& x) noexcept {
    const std::int32_t shift = x.position - (position - 1);
    return (x.high == 0 && shift >= 0 && shift <= most_shift && position != 0) || (x.mantissa | x.high) == 0;
  }
  template <bool Two>
  PILLAR_ALWAYS_INLINE static bool fits(const head& of, const exact_term& x, const exact_term& y) noexcept {
    return fits(of.position[0], x) && (!Two || fits(of.position[1], y));
  }

  template <bool Two>
  result<void> reserve_rows(const group_rows& rows) noexcept {
    result<void> made;
    const auto look = [&](std::uint32_t group, const exact_term& x, const exact_term& y)
        __attribute__((always_inline)) {
      if ((x.flag | y.flag) != 0) return;
      head* of = head_of(group);
      of->position[0] = chosen(of->position[0], x);
      if constexpr (Two) of->position[1] = chosen(of->position[1], y);
      if (fits<Two>(*of, x, y) || !made.ok()) return;
      made = make_room(group, x, y);
    };
    for_each_pair<Two>(rows, look);
    return made;
  }
  template <bool Two>
  void add_rows(const group_rows& rows) noexcept {
    const auto add = [&](std::uint32_t group, const exact_term& x, const exact_term& y) __attribute__((always_inline)) {
      head* of = head_of(group);
      ++of->count;
      if ((x.flag | y.flag) != 0) of->special = 1;
      else if (fits<Two>(*of, x, y)) add_to_row<Two>(*of, x, y);
      else add_to_windows(*of, x, y);
      if (of->count % carry_period == 0 && of->windows != 0) normalise(*of);
    };
    for_each_pair<Two>(rows, add);
  }

  /// Calls f(group, x, y) for each row; of one input, y is x.
  template <bool Two, class F>
  PILLAR_ALWAYS_INLINE void for_each_pair(const group_rows& rows, F&& f) const noexcept {
    if (wide_) {
      for (std::uint32_t i = 0; i < rows.count; ++i) {
        const exact_term x = term_at(*rows.values, rows.row[i]);
        if constexpr (Two) f(rows.group[i], x, term_at(*rows.second, rows.row[i]));
        else f(rows.group[i], x, x);
      }
      return;
    }
    // Integers of 64 bits as they are, with or without a sign, and floats as doubles.
    std::uint64_t x[vector_rows], y[vector_rows];
    const number_form form_x = gather_numbers(*rows.values, rows, x);
    const number_form form_y = Two ? gather_numbers(*rows.second, rows, y) : form_x;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const exact_term first = term_of_word(x[i], form_x);
      if constexpr (Two) f(rows.group[i], first, term_of_word(y[i], form_y));
      else f(rows.group[i], first, first);
    }
  }
  enum class number_form : std::uint8_t { signed_integer, unsigned_integer, real };
  static number_form gather_numbers(const vector& from, const group_rows& rows, std::uint64_t* out) noexcept {
    return visit_fixed_width(from.type.physical, [&]<class T>() {
      if constexpr (std::is_floating_point_v<T>) {
        gather_rows<T>(from, rows.row, rows.count, out,
                       [](T value) { return std::bit_cast<std::uint64_t>(static_cast<double>(value)); });
        return number_form::real;
      } else if constexpr (sizeof(T) <= 8) {
        using wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
        gather_rows<T>(from, rows.row, rows.count, out,
                       [](T value) { return static_cast<std::uint64_t>(static_cast<wide>(value)); });
        return std::is_signed_v<T> ? number_form::signed_integer : number_form::unsigned_integer;
      } else {
        return number_form::real;  // wide_: not asked
      }
    });
  }
  PILLAR_ALWAYS_INLINE static exact_term term_of_word(std::uint64_t word, number_form form) noexcept {
    if (form == number_form::real) return term_of(std::bit_cast<double>(word));
    exact_term made;
    made.negative = form == number_form::signed_integer && word >> 63 != 0;
    made.mantissa = made.negative ? 0 - word : word;
    made.position = 1074;
    return made;
  }

  template <bool Two>
  PILLAR_ALWAYS_INLINE void add_to_row(head& of, const exact_term& x, const exact_term& y) noexcept {
    auto* words = reinterpret_cast<std::uint64_t*>(&of) + 2;
    const auto shift_x = static_cast<unsigned>(x.mantissa == 0 ? 0 : x.position - (of.position[0] - 1));
    add_to_words2(words, x.mantissa, shift_x, x.negative);
    if constexpr (!Two) {
      add_to_words4(words + 2, static_cast<uint128>(x.mantissa) * x.mantissa, 2 * shift_x, false);
      return;
    }
    const auto shift_y = static_cast<unsigned>(y.mantissa == 0 ? 0 : y.position - (of.position[1] - 1));
    add_to_words2(words + 2, y.mantissa, shift_y, y.negative);
    words += 4;
    if (squares_) {
      add_to_words4(words, static_cast<uint128>(x.mantissa) * x.mantissa, 2 * shift_x, false);
      add_to_words4(words + 4, static_cast<uint128>(y.mantissa) * y.mantissa, 2 * shift_y, false);
      words += 8;
    }
    add_to_words4(words, static_cast<uint128>(x.mantissa) * y.mantissa, shift_x + shift_y, x.negative != y.negative);
  }
  void add_to_windows(head& of, const exact_term& x, const exact_term& y) noexcept {
    const exact_window* window = windows_.data() + (of.windows - 1);
    add_value(limbs_, window[0], x);
    if (two_) add_value(limbs_, window[1], y);
    if (squares_) add_product(limbs_, window[sum_xx()], x, x);
    if (two_ && squares_) add_product(limbs_, window[3], y, y);
    if (two_) add_product(limbs_, window[sum_xy()], x, y);
  }
  result<void> make_room(std::uint32_t group, const exact_term& x, const exact_term& y) noexcept {
    PILLAR_TRY(take_windows(group));
    exact_window* window = windows_.data() + (head_of(group)->windows - 1);
    const auto value = [&](std::uint32_t sum, const exact_term& a) {
      return reach(limbs_, window[sum], detail::bit_of(a) / 32, a.high != 0 ? wide_value_limbs : value_limbs);
    };
    const auto product = [&](std::uint32_t sum, const exact_term& a, const exact_term& b) {
      return reach(limbs_, window[sum], detail::bit_of(a, b) / 32,
                   (a.high | b.high) != 0 ? wide_product_limbs : product_limbs);
    };
    PILLAR_TRY(value(0, x));
    if (two_) PILLAR_TRY(value(1, y));
    if (squares_) PILLAR_TRY(product(sum_xx(), x, x));
    if (two_ && squares_) PILLAR_TRY(product(3, y, y));
    return two_ ? product(sum_xy(), x, y) : result<void>();
  }
  result<void> take_windows(std::uint32_t group) noexcept {
    if (head_of(group)->windows != 0) return {};
    if (windows_.size() + sums_ >= 0xffffffffu) return errc::limit_exceeded;
    const auto at = static_cast<std::uint32_t>(windows_.size());
    PILLAR_TRY(windows_.append_zeros(sums_));
    head_of(group)->windows = at + 1;
    return {};
  }
  void normalise(const head& of) noexcept {
    for (std::uint32_t sum = 0; of.windows != 0 && sum < sums_; ++sum) {
      const exact_window& window = windows_[of.windows - 1 + sum];
      if (window.used) exact_normalise(limbs_[window.at], window.limb_count());
    }
  }
  result<void> grow(std::uint32_t group_count) noexcept {
    const std::uint32_t before = this->group_count();
    if (group_count <= before) return {};
    PILLAR_TRY(words_.append_zeros(std::size_t{group_count - before} * stride_));
    for (std::uint32_t group = before; whole_ && group < group_count; ++group)
      for (auto& position : head_of(group)->position) position = 1075;
    return {};
  }

  /// A sum, of its words and its window together.
  [[nodiscard]] long_number total(const head& of, std::uint32_t sum) const noexcept {
    std::int64_t limbs[long_number::most_digits];
    const std::uint32_t bit = bit_of(of, sum);
    std::uint32_t first = bit / 32, end = first + 2 * word_count(sum) + 2;
    const exact_window* window = of.windows == 0 ? nullptr : &windows_[of.windows - 1 + sum];
    if (window != nullptr && window->used) {
      first = window->base < first ? window->base : first;
      end = window->base + window->limb_count() > end ? window->base + window->limb_count() : end;
    }
    for (std::uint32_t i = 0; i < end - first; ++i) limbs[i] = 0;
    if (window != nullptr && window->used)
      std::memcpy(limbs + (window->base - first), limbs_[window->at], window->limb_count() * sizeof(std::int64_t));
    add_words(words_of(of, sum), word_count(sum), bit, limbs, first);
    return long_number::of(limbs, end - first, static_cast<std::int32_t>(first));
  }
  /// n·Σab − Σa·Σb.
  [[nodiscard]] scaled_real deviation(const head& of, std::uint32_t a, std::uint32_t b,
                                      std::uint32_t ab) const noexcept {
    auto whole = long_number::product(total(of, ab), long_number::of(of.count));
    whole.base += exact_window::offset / 32;  // to the unit of a product of two sums
    const auto mean =
        PILLAR_MUTATE(moments_without_mean, long_number::product(total(of, a), total(of, b)), long_number{});
    return rounded(long_number::difference(whole, mean), -2 * exact_window::offset);
  }

  result<void> append_result(std::uint32_t group, column_builder& out) const {
    const bool sample = kind_ == aggregate_kind::variance || kind_ == aggregate_kind::standard_deviation ||
                        kind_ == aggregate_kind::covariance || kind_ == aggregate_kind::correlation;
    const std::uint64_t count = group < group_count() ? std::uint64_t{head_of(group)->count} : 0;
    if (count < (sample ? 2 : 1)) return out.append_null();
    const head& of = *head_of(group);
    if (of.special != 0) return out.append_real(std::bit_cast<double>(std::uint64_t{0x7ff8000000000000}));
    if (kind_ == aggregate_kind::correlation) {
      const scaled_real xx = deviation(of, 0, 0, 2), yy = deviation(of, 1, 1, 3), xy = deviation(of, 0, 1, 4);
      if (xx.mantissa == 0 || yy.mantissa == 0) return out.append_null();
      const std::int32_t exponent = xx.exponent + yy.exponent;
      const std::int32_t odd = exponent & 1;
      const double root = std::sqrt(std::ldexp(xx.mantissa * yy.mantissa, odd));
      const double found = std::ldexp(xy.mantissa / root, xy.exponent - (exponent - odd) / 2);
      return out.append_real(found > 1 ? 1 : found < -1 ? -1 : found);
    }
    scaled_real value = two_ ? deviation(of, 0, 1, sum_xy()) : deviation(of, 0, 0, sum_xx());
    const uint128 divisor =
        static_cast<uint128>(count) * PILLAR_MUTATE(moments_sample_as_population, sample ? count - 1 : count, count);
    value.mantissa /= static_cast<double>(divisor) * power_of_ten_real(scale_);
    if (kind_ == aggregate_kind::standard_deviation || kind_ == aggregate_kind::standard_deviation_population) {
      const std::int32_t odd = value.exponent & 1;
      value.mantissa = std::sqrt(std::ldexp(value.mantissa, odd));
      value.exponent = (value.exponent - odd) / 2;
    }
    return out.append_real(std::ldexp(value.mantissa, value.exponent));
  }

  aggregate_kind kind_;
  bool two_;
  bool squares_;          ///< of all inputs
  bool whole_;            ///< integers only
  bool wide_;             ///< integers of 128 bits
  std::uint32_t values_;  ///< inputs
  std::uint32_t sums_;    ///< of values and products
  std::uint32_t stride_;  ///< words of a group
  unsigned scale_ = 0;    ///< digits after the point of a product
  growable<std::uint64_t> words_;
  growable<exact_window> windows_;  ///< sums_ for each group that has any
  limb_pool limbs_;
};

}  // namespace PILLAR_NAMESPACE::detail
