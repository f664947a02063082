// SPDX-License-Identifier: Apache-2.0
/// Variance, standard deviation, covariance and correlation.
///
/// Numerics: Σx, Σy, Σx², Σy² and Σxy are kept exactly, as fixed-point numbers: of small integers in 32 or 64 bits,
/// which are added to the group's row before they could overflow; in 128 and 256 bits in the group's row for integers
/// and for floats whose sizes differ by less than 2^32 or so; and in windows of 32-bit limbs, which grow to where the
/// values are, for the others (a product of two doubles has 106 bits). At the end n·Σxy − Σx·Σy, in which textbook
/// formulas cancel, is computed with whole numbers, rounded once, and divided. So the result does not depend on order or
/// split, and its relative error is a few units of 2^−53 however large the mean is beside the spread.
#pragma once
#include <bit>
#include <cmath>  // std::ldexp, std::sqrt
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "pillar/aggregate/detail/array_pool.hpp"
#include "pillar/aggregate/detail/moment_numbers.hpp"
#include "pillar/aggregate/detail/moment_rows.hpp"
#include "pillar/aggregate/detail/narrow_moments.hpp"
#include "pillar/aggregate/exact_sum.hpp"  // exact_normalise
#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/detail/gather.hpp"  // gather_rows

namespace PILLAR_NAMESPACE::detail {

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
        limbs_(budget),
        narrow_(two_, squares_, budget) {
    if (!whole_ || wide_) narrow_.stop();
    const auto scale_of_type = [](const data_type& of) {
      return of.logical == logical_type::decimal ? unsigned{of.scale} : 0u;
    };
    scale_ = scale_of_type(x) + scale_of_type(two_ ? y : x);
  }

  result<void> reserve(const group_rows& rows, std::uint32_t group_count) override {
    if (narrow_.in_use()) {
      PILLAR_TRY(reserve_narrow(rows, group_count));
      if (narrow_.in_use()) return {};
    }
    all_fit_ = apart_ = false;
    if (!two_ && !whole_) PILLAR_TRY(look_at_reals(rows));
    PILLAR_TRY(grow(group_count));
    if (all_fit_ || (whole_ && !wide_)) return {};  // integers of 64 bits always fit into the words
    return two_ ? reserve_rows<true>(rows) : reserve_rows<false>(rows);
  }
  void add(const group_rows& rows) noexcept override {
    if (narrow_.in_use()) integers_.add_to(narrow_, rows);
    else if (two_) add_rows<true>(rows);
    else if (all_fit_) add_fitting(rows.group, rows.count);
    else add_rows<false>(rows);
  }

  result<void> reserve_merge(const grouped_state& other, const group_pairs& groups,
                             std::uint32_t group_count) override {
    const auto& from = static_cast<const moment_states&>(other);
    adds_narrow_ = narrow_.in_use() && narrow_.same_form(from.narrow_) && from.words_.empty() &&
                   narrow_.has_room(from.narrow_.load());
    if (adds_narrow_) {
      PILLAR_TRY(narrow_.grow(group_count));
      narrow_.take(from.narrow_.load());
      return {};
    }
    if (words_.empty() && common_ == 0) common_ = from.common_;
    PILLAR_TRY(grow(group_count));
    empty_narrow();
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
    for (std::uint32_t pair = 0; pair < groups.count && groups.there(pair) < from.narrow_.group_count(); ++pair) {
      if (adds_narrow_) narrow_.merge(from.narrow_, groups.there(pair), groups.here(pair));
      else from.add_narrow_to(*head_of(groups.here(pair)), groups.there(pair));
    }
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
    narrow_.truncate(group_count);
  }

  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out,
                              memory_budget*) const override {
    for (std::uint32_t group = first; group < first + count; ++group) PILLAR_TRY(append_result(group, out));
    return {};
  }

 private:
  struct head {
    std::uint64_t count;
    std::uint16_t position[2];   ///< the position + 1 of the words' bit 0, of x and of y; 0: not chosen yet
    std::uint32_t windows : 31;  ///< 1 + where its windows begin in windows_; 0: it has none
    std::uint32_t special : 1;   ///< some value was NaN or an infinity
  };
  static_assert(sizeof(head) == 16);
  struct row_copy {
    head of;
    std::uint64_t words[2 * 2 + 4 * 3];
  };
  /// Values of 2^−20 to 2^11 of the first one's size go to the words.
  static constexpr std::int32_t below_first = 20;
  static constexpr std::int32_t powers = real_rows::powers;
  static constexpr std::uint16_t whole_position = 1075;  ///< of integers
  static constexpr std::size_t real_stride = 8;          ///< of one float input
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
    return detail::bit_of(input(left_of(sum)), input(right_of(sum)));
  }
  /// The inputs whose products a sum is of.
  [[nodiscard]] std::uint32_t left_of(std::uint32_t sum) const noexcept { return two_ && squares_ && sum == 3 ? 1 : 0; }
  [[nodiscard]] std::uint32_t right_of(std::uint32_t sum) const noexcept {
    return two_ && sum != sum_xy() ? left_of(sum) : values_ - 1;
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
    return (x.high == 0 && shift >= 0 && shift < powers && position != 0) || (x.mantissa | x.high) == 0;
  }
  template <bool Two>
  PILLAR_ALWAYS_INLINE static bool fits(const head& of, const exact_term& x, const exact_term& y) noexcept {
    return fits(of.position[0], x) && (!Two || fits(of.position[1], y));
  }

  // ---- small integers

  /// Room for the rows among the narrow sums, or these are emptied and done with: the rows then go to the words.
  result<void> reserve_narrow(const group_rows& rows, std::uint32_t group_count) noexcept {
    PILLAR_ASSIGN_OR_RETURN(const std::uint64_t load, integers_.look(rows));
    if (!narrow_.has_room(load)) {
      PILLAR_TRY(grow(group_count));
      const bool stays = narrow_.pays(load, rows.count, group_count);
      const bool widens = !stays && narrow_.wider_pays(load, rows.count, group_count);
      empty_narrow();
      if (widens) PILLAR_TRY(narrow_.widen(group_count));
      if (!stays && !widens) {
        narrow_.stop();
        integers_.give_back_memory();
        return {};
      }
    }
    PILLAR_TRY(narrow_.grow(group_count));
    narrow_.take(load);
    return {};
  }
  /// Adds the narrow sums to the words. Requires: words for all groups
  void empty_narrow() noexcept {
    if (!narrow_.in_use()) return;
    for (std::uint32_t group = 0; group < narrow_.group_count(); ++group) add_narrow_to(*head_of(group), group);
    narrow_.clear();
  }
  /// Adds a group's narrow sums to a row of integers, here or in other states.
  void add_narrow_to(head& of, std::uint32_t group) const noexcept {
    of.count += static_cast<std::uint64_t>(narrow_.field(group, 0));
    const std::uint32_t places[2] = {1074 - (of.position[0] - 1u), 1074 - (of.position[1] - 1u)};
    for (std::uint32_t sum = 0; sum < sums_; ++sum) {
      const std::int64_t value = narrow_.field(group, 1 + sum);
      const std::uint64_t size = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
      auto* words = const_cast<std::uint64_t*>(words_of(of, sum));
      if (sum < values_) add_to_words2(words, size, places[sum], value < 0);
      else add_to_words4(words, size, places[left_of(sum)] + places[right_of(sum)], value < 0);
    }
  }

  template <bool Two>
  result<void> reserve_rows(const group_rows& rows) noexcept {
    if constexpr (!Two)
      if (PILLAR_MUTATE(moments_stay_in_one_place, apart_ && common_ != 0, false)) free_places(rows);
    result<void> made;
    bool all_fit = !Two && !wide_;
    const auto look = [&](std::uint32_t group, const exact_term& x, const exact_term& y)
        __attribute__((always_inline)) {
      all_fit &= x.flag == 0 && (x.mantissa >> real_rows::exponent_place == 1 || x.mantissa == 0);
      if ((x.flag | y.flag) != 0) return;
      head* of = head_of(group);
      of->position[0] = chosen(of->position[0], x);
      if constexpr (Two) of->position[1] = chosen(of->position[1], y);
      if (fits<Two>(*of, x, y)) return;
      all_fit = false;
      if (!made.ok()) return;
      made = make_room(group, x, y);
    };
    for_each_pair<Two>(rows, look);
    all_fit_ = all_fit;
    return made;
  }
  /// Groups that have no row yet, and now get values beside the place of all groups, choose for themselves: all of their
  /// later rows would go to windows. Before anything is looked at, since rows of a batch share their group's place.
  void free_places(const group_rows& rows) noexcept {
    const auto look = [this](std::uint32_t group, const exact_term& x, const exact_term&) {
      head* of = head_of(group);
      if (of->count != 0 || x.flag != 0 || fits(of->position[0], x)) return;
      of->position[0] = 0;
      common_ = 0;
    };
    for_each_pair<false>(rows, look);
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

  // ---- one float input

  /// Whether all rows go to the words: it takes no look at the groups while the words of all of them stand in one place,
  /// which is chosen by the first values.
  result<void> look_at_reals(const group_rows& rows) noexcept {
    PILLAR_TRY(reals_.look(rows));
    if (common_ == 0 && words_.empty()) common_ = reals_.choose_place();
    if (common_ == 0) return {};
    const std::uint32_t outside = reals_.count_outside(common_);
    all_fit_ = outside == 0;
    apart_ = outside > rows.count / 64;  // not for a few, since without a common place each batch looks at its groups
    if (outside > rows.count / 8) common_ = 0;  // each group to come chooses for itself
    return {};
  }
  /// Requires: all values go to the words, and none is subnormal
  void add_fitting(const std::uint32_t* groups, std::uint32_t count) noexcept {
    constexpr int exponent_place = real_rows::exponent_place;
    constexpr std::uint64_t implied = std::uint64_t{1} << exponent_place;
    constexpr std::uint32_t ahead = 12;
    std::uint64_t* const all = words_.data();
    const std::uint32_t early = count > ahead ? count - ahead : 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (i < early) __builtin_prefetch(all + std::size_t{groups[i + ahead]} * real_stride, 1);
      std::uint64_t* const words = all + std::size_t{groups[i]} * real_stride;
      head& of = *reinterpret_cast<head*>(words);
      const std::uint64_t bits = reals_.bits(i), exponent = bits >> exponent_place & 0x7ff;
      const std::uint64_t mantissa = (bits & (implied - 1)) | (exponent == 0 ? 0 : implied);
      const unsigned shift = (static_cast<unsigned>(exponent) - of.position[0]) % powers;
      ++of.count;
      const std::int64_t sign = static_cast<std::int64_t>(bits) >> 63;
      add_shifted(words + 2, (static_cast<std::int64_t>(mantissa) ^ sign) - sign, shift);
      add_square(words + 4, static_cast<uint128>(mantissa) * mantissa, 2 * shift);
      if (of.windows != 0 && of.count % carry_period == 0) normalise(of);
    }
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
    if (windows_.size() + sums_ >= 0x7fffffffu) return errc::limit_exceeded;
    const auto at = static_cast<std::uint32_t>(windows_.size());
    PILLAR_TRY(windows_.append_zeros(sums_));
    head_of(group)->windows = (at + 1) & 0x7fffffffu;
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
    const std::uint16_t place = whole_ ? whole_position : common_;
    for (std::uint32_t group = before; place != 0 && group < group_count; ++group)
      for (auto& position : head_of(group)->position) position = place;
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
  /// A sum of integers if 62 bits hold it.
  [[nodiscard]] bool is_short(const head& of, std::uint32_t sum, std::int64_t& value) const noexcept {
    const std::uint64_t* words = words_of(of, sum);
    value = static_cast<std::int64_t>(words[0]);
    bool fits = (value < 0 ? ~value : value) >> 62 == 0;
    for (std::uint32_t i = 1; i < word_count(sum); ++i) fits &= words[i] == static_cast<std::uint64_t>(value >> 63);
    return fits;
  }
  /// n·Σab − Σa·Σb.
  [[nodiscard]] scaled_real deviation(const head& of, std::uint32_t a, std::uint32_t b,
                                      std::uint32_t ab) const noexcept {
    std::int64_t first = 0, second = 0, product = 0;  // of short sums 128 bits hold all of it
    if (whole_ && !wide_ && is_short(of, a, first) && is_short(of, b, second) && is_short(of, ab, product))
      return {static_cast<double>(int128{of.count} * product -
                                  PILLAR_MUTATE(short_moments_without_mean, int128{first} * second, int128{0})),
              0};
    auto whole = long_number::product(total(of, ab), long_number::of(of.count));
    whole.base += exact_window::offset / 32;  // to the unit of a product of two sums
    const auto mean =
        PILLAR_MUTATE(moments_without_mean, long_number::product(total(of, a), total(of, b)), long_number{});
    return rounded(long_number::difference(whole, mean), -2 * exact_window::offset);
  }

  result<void> append_result(std::uint32_t group, column_builder& out) const {
    const bool sample = kind_ == aggregate_kind::variance || kind_ == aggregate_kind::standard_deviation ||
                        kind_ == aggregate_kind::covariance || kind_ == aggregate_kind::correlation;
    const bool has_words = group < group_count(), has_narrow = group < narrow_.group_count();
    row_copy copy{};
    if (has_narrow) {
      if (has_words) std::memcpy(static_cast<void*>(&copy), head_of(group), stride_ * sizeof(std::uint64_t));
      else copy.of.position[0] = copy.of.position[1] = whole_position;
      add_narrow_to(copy.of, group);
    }
    const head& of = has_words && !has_narrow ? *head_of(group) : copy.of;
    const std::uint64_t count = of.count;
    if (count < (sample ? 2 : 1)) return out.append_null();
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
  narrow_moments narrow_;     ///< beside the words, of integers that are small so far
  integer_rows integers_;     ///< of narrow_, from reserve to add
  real_rows reals_;           ///< of one float input, from reserve to add
  std::uint16_t common_ = 0;  ///< of one float input: the position + 1 of all groups' words, if it is one
  bool all_fit_ = false;      ///< from reserve to add: the rows, of one float input, go to the words
  bool apart_ = false;        ///< in reserve: more than a few rows, of one float input, are beside the common place
  bool adds_narrow_ = false;  ///< from reserve_merge to merge: narrow sums to narrow sums
};

}  // namespace PILLAR_NAMESPACE::detail
