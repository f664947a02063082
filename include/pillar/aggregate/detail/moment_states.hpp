// SPDX-License-Identifier: Apache-2.0
/// Variance, standard deviation, covariance and correlation.
///
/// Numerics: Σx, Σy, Σx², Σy² and Σxy are kept exactly, as fixed-point numbers in windows of 32-bit limbs that grow to
/// where the values are (a product of two doubles has 106 bits and is split over five limbs). At the end
/// n·Σxy − Σx·Σy, in which textbook formulas cancel, is computed with whole numbers, rounded once, and divided. So the
/// result does not depend on order or split, and its relative error is a few units of 2^−53 however large the mean is
/// beside the spread.
#pragma once
#include <bit>
#include <cmath>  // std::ldexp, std::sqrt
#include <cstdint>
#include <cstring>

#include "pillar/aggregate/detail/array_pool.hpp"
#include "pillar/aggregate/exact_sum.hpp"  // exact_normalise
#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/base/bits.hpp"  // load_unaligned
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"

namespace PILLAR_NAMESPACE::detail {

/// A number as words: ±mantissa · 2^(position − 1074), and for wide integers `high` · 2^64 more.
struct exact_term {
  std::uint64_t mantissa = 0;
  std::uint64_t high = 0;
  std::int32_t position = 0;
  bool negative = false;
  std::uint8_t flag = 0;  ///< exact_flag of what is no number
};
inline exact_term term_of(double value) noexcept {
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
  static long_number of(const limb_pool& pool, const exact_window& window) noexcept {
    long_number made;
    if (!window.used) return made;
    std::int64_t limbs[exact_window::most_limbs];
    const std::uint32_t limb_count = window.limb_count();
    PILLAR_ASSERT(limb_count <= exact_window::most_limbs);
    std::memcpy(limbs, pool[window.at], limb_count * sizeof(std::int64_t));
    exact_normalise(limbs, limb_count);
    made.negative = limbs[limb_count - 1] < 0;
    if (made.negative) {
      for (std::uint32_t i = 0; i < limb_count; ++i) limbs[i] = -limbs[i];
      exact_normalise(limbs, limb_count);
    }
    for (std::uint32_t i = 0; i < limb_count; ++i) made.digits[i] = static_cast<std::uint32_t>(limbs[i]);
    made.digits[limb_count] = static_cast<std::uint32_t>(limbs[limb_count - 1] >> 32);  // the last is the widest
    made.count = limb_count + 1;
    made.base = window.base;
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
    PILLAR_ASSERT(high - low <= static_cast<std::int32_t>(most_digits));
    std::int64_t limbs[most_digits];
    const auto count = static_cast<std::uint32_t>(high - low);
    for (std::int32_t at = low; at < high; ++at) limbs[at - low] = digit(a, at) - digit(b, at);
    exact_normalise(limbs, count);
    long_number made;
    made.negative = limbs[count - 1] < 0;
    if (made.negative) {
      for (std::uint32_t i = 0; i < count; ++i) limbs[i] = -limbs[i];
      exact_normalise(limbs, count);
    }
    made.base = low;
    made.count = count;
    for (std::uint32_t i = 0; i < count; ++i) made.digits[i] = static_cast<std::uint32_t>(limbs[i]);
    made.trim();
    return made;
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

/// Of one input: n, Σx, Σx². Of two: n, Σx, Σx², Σy, Σy², Σxy; covariance needs no squares.
class moment_states final : public grouped_state {
 public:
  moment_states(aggregate_kind kind, const data_type& x, const data_type& y, memory_budget* budget) noexcept
      : kind_(kind), two_(takes_second(kind)), states_(budget), windows_(budget), limbs_(budget) {
    if (!two_) roles_ = role_x | role_xx;
    else if (kind == aggregate_kind::correlation) roles_ = role_x | role_y | role_xx | role_yy | role_xy;
    else roles_ = role_x | role_y | role_xy;
    width_ = static_cast<std::uint32_t>(std::popcount(roles_));
    const auto scale_of_type = [](const data_type& of) {
      return of.logical == logical_type::decimal ? unsigned{of.scale} : 0u;
    };
    scale_ = scale_of_type(x) + (two_ ? scale_of_type(y) : scale_of_type(x));
  }

  result<void> reserve(const group_rows& rows, std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const exact_term x = term_at(*rows.values, rows.row[i]);
      const exact_term y = two_ ? term_at(*rows.second, rows.row[i]) : x;
      if ((x.flag | y.flag) != 0) continue;
      exact_window* window = &windows_[std::size_t{rows.group[i]} * width_];
      if ((roles_ & role_x) != 0) PILLAR_TRY(reach_value(*window++, x));
      if ((roles_ & role_y) != 0) PILLAR_TRY(reach_value(*window++, y));
      if ((roles_ & role_xx) != 0) PILLAR_TRY(reach_product(*window++, x, x));
      if ((roles_ & role_yy) != 0) PILLAR_TRY(reach_product(*window++, y, y));
      if ((roles_ & role_xy) != 0) PILLAR_TRY(reach_product(*window++, x, y));
    }
    return {};
  }
  void add(const group_rows& rows) noexcept override {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const exact_term x = term_at(*rows.values, rows.row[i]);
      const exact_term y = two_ ? term_at(*rows.second, rows.row[i]) : x;
      group_state& state = states_[rows.group[i]];
      ++state.count;
      state.flags |= static_cast<std::uint8_t>(x.flag | y.flag);
      if ((x.flag | y.flag) != 0) continue;
      exact_window* window = &windows_[std::size_t{rows.group[i]} * width_];
      if ((roles_ & role_x) != 0) add_value(limbs_, *window++, x);
      if ((roles_ & role_y) != 0) add_value(limbs_, *window++, y);
      if ((roles_ & role_xx) != 0) add_product(limbs_, *window++, x, x);
      if ((roles_ & role_yy) != 0) add_product(limbs_, *window++, y, y);
      if ((roles_ & role_xy) != 0) add_product(limbs_, *window++, x, y);
      if (state.count % carry_period == 0) normalise(rows.group[i]);
    }
  }

  result<void> reserve_merge(const grouped_state& other, std::span<const std::uint32_t> group_of,
                             std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    const auto& from = static_cast<const moment_states&>(other);
    for (std::size_t group = 0; group < from.states_.size() && group < group_of.size(); ++group) {
      if (group_of[group] == no_group) continue;
      for (std::uint32_t i = 0; i < width_; ++i) {
        const exact_window& window = from.windows_[group * width_ + i];
        if (window.used)
          PILLAR_TRY(reach(limbs_, windows_[std::size_t{group_of[group]} * width_ + i], window.base,
                           window.limb_count() - 1));  // the last one is for carries
      }
    }
    return {};
  }
  void merge(const grouped_state& other, std::span<const std::uint32_t> group_of) noexcept override {
    const auto& from = static_cast<const moment_states&>(other);
    for (std::size_t group = 0; group < from.states_.size() && group < group_of.size(); ++group) {
      const std::uint32_t to = group_of[group];
      if (to == no_group) continue;
      states_[to].count += from.states_[group].count;
      states_[to].flags |= from.states_[group].flags;
      normalise(to);
      for (std::uint32_t i = 0; i < width_; ++i) {
        const exact_window& window = from.windows_[group * width_ + i];
        if (!window.used) continue;
        std::int64_t copy[exact_window::most_limbs];
        std::memcpy(copy, from.limbs_[window.at], window.limb_count() * sizeof(std::int64_t));
        exact_normalise(copy, window.limb_count());
        const exact_window& into = windows_[std::size_t{to} * width_ + i];
        std::int64_t* limbs = limbs_[into.at] + (window.base - into.base);
        for (std::uint32_t k = 0; k < window.limb_count(); ++k) limbs[k] += copy[k];
      }
    }
  }
  void truncate(std::uint32_t group_count) noexcept override {
    for (std::size_t i = std::size_t{group_count} * width_; i < windows_.size(); ++i)
      if (windows_[i].used) limbs_.give_back(windows_[i].at, windows_[i].size_class);
    if (group_count >= states_.size()) return;
    states_.truncate(group_count);
    windows_.truncate(std::size_t{group_count} * width_);
  }

  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out) const override {
    for (std::uint32_t group = first; group < first + count; ++group) PILLAR_TRY(append_result(group, out));
    return {};
  }

 private:
  enum role : unsigned { role_x = 1, role_y = 2, role_xx = 4, role_yy = 8, role_xy = 16 };
  /// A limb takes less than eight times 2^32 of each row.
  static constexpr std::uint64_t carry_period = exact_carry_period / 8;
  struct group_state {
    std::uint64_t count;
    std::uint8_t flags;
  };

  result<void> grow(std::uint32_t group_count) noexcept {
    if (group_count <= states_.size()) return {};
    const std::size_t more = group_count - states_.size();
    PILLAR_TRY(windows_.reserve(more * width_));
    PILLAR_TRY(states_.append_zeros(more));
    return windows_.append_zeros(more * width_);
  }
  result<void> reach_value(exact_window& window, const exact_term& x) noexcept {
    return reach(limbs_, window, bit_of(x) / 32, x.high != 0 ? wide_value_limbs : value_limbs);
  }
  result<void> reach_product(exact_window& window, const exact_term& x, const exact_term& y) noexcept {
    return reach(limbs_, window, bit_of(x, y) / 32, (x.high | y.high) != 0 ? wide_product_limbs : product_limbs);
  }
  void normalise(std::uint32_t group) noexcept {
    for (std::uint32_t i = 0; i < width_; ++i) {
      const exact_window& window = windows_[std::size_t{group} * width_ + i];
      if (window.used) exact_normalise(limbs_[window.at], window.limb_count());
    }
  }
  [[nodiscard]] const exact_window& window_of(std::uint32_t group, role which) const noexcept {
    return windows_[std::size_t{group} * width_ + static_cast<std::uint32_t>(std::popcount(roles_ & (which - 1u)))];
  }
  /// n·Σab − Σa·Σb.
  [[nodiscard]] scaled_real deviation(std::uint32_t group, role a, role b, role ab) const noexcept {
    const auto sum_a = long_number::of(limbs_, window_of(group, a)),
               sum_b = long_number::of(limbs_, window_of(group, b));
    auto whole =
        long_number::product(long_number::of(limbs_, window_of(group, ab)), long_number::of(states_[group].count));
    whole.base += exact_window::offset / 32;  // to the unit of a product of two sums
    const auto mean = PILLAR_MUTATE(moments_without_mean, long_number::product(sum_a, sum_b), long_number{});
    return rounded(long_number::difference(whole, mean), -2 * exact_window::offset);
  }

  result<void> append_result(std::uint32_t group, column_builder& out) const {
    const bool sample = kind_ == aggregate_kind::variance || kind_ == aggregate_kind::standard_deviation ||
                        kind_ == aggregate_kind::covariance || kind_ == aggregate_kind::correlation;
    const std::uint64_t count = group < states_.size() ? states_[group].count : 0;
    if (count < (sample ? 2 : 1)) return out.append_null();
    if (states_[group].flags != 0) return out.append_real(std::bit_cast<double>(std::uint64_t{0x7ff8000000000000}));
    if (kind_ == aggregate_kind::correlation) {
      const scaled_real xx = deviation(group, role_x, role_x, role_xx), yy = deviation(group, role_y, role_y, role_yy);
      const scaled_real xy = deviation(group, role_x, role_y, role_xy);
      if (xx.mantissa == 0 || yy.mantissa == 0) return out.append_null();
      const std::int32_t exponent = xx.exponent + yy.exponent;
      const std::int32_t odd = exponent & 1;
      const double root = std::sqrt(std::ldexp(xx.mantissa * yy.mantissa, odd));
      const double found = std::ldexp(xy.mantissa / root, xy.exponent - (exponent - odd) / 2);
      return out.append_real(found > 1 ? 1 : found < -1 ? -1 : found);
    }
    scaled_real value = two_ ? deviation(group, role_x, role_y, role_xy) : deviation(group, role_x, role_x, role_xx);
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
  unsigned roles_ = 0;
  std::uint32_t width_ = 0;  ///< windows of a group
  unsigned scale_ = 0;       ///< digits after the point of a product
  growable<group_state> states_;
  growable<exact_window> windows_;
  limb_pool limbs_;
};

}  // namespace PILLAR_NAMESPACE::detail
