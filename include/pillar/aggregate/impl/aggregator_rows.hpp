// SPDX-License-Identifier: Apache-2.0
/// What rows do to the states of their groups, aggregate by aggregate.
#pragma once
#include <bit>
#include <cstring>
#include <string_view>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/detail/states.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"
#include "pillar/sort/key.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// out[i] = the integer in rows[i] of at most 64 bits; what exceeds the sign wraps.
inline void gather_integers(const vector& from, const std::uint16_t* rows, std::uint32_t count,
                            std::int64_t* out) noexcept {
  visit_fixed_width(from.type.physical, [&]<class T>() {
    if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
      gather_rows<T>(from, rows, count, out, [](T value) { return static_cast<std::int64_t>(value); });
  });
}
/// out[i] = the float or double in rows[i].
inline void gather_reals(const vector& from, const std::uint16_t* rows, std::uint32_t count, double* out) noexcept {
  if (from.type.physical == physical_type::float32)
    gather_rows<float>(from, rows, count, out, [](float value) { return static_cast<double>(value); });
  else gather_rows<double>(from, rows, count, out, [](double value) { return value; });
}
/// out[i] = ordered_word(value in rows[i]) ^ flip.
inline void gather_ordered(const vector& from, const std::uint16_t* rows, std::uint32_t count, std::uint64_t flip,
                           std::uint64_t* out) noexcept {
  const physical_type type = from.type.physical;
  if (is_float(type)) {
    double values[vector_rows];
    gather_reals(from, rows, count, values);
    if (type == physical_type::float32)
      for (std::uint32_t i = 0; i < count; ++i) out[i] = ordered_word(static_cast<float>(values[i])) ^ flip;
    else
      for (std::uint32_t i = 0; i < count; ++i) out[i] = ordered_word(values[i]) ^ flip;
    return;
  }
  std::int64_t values[vector_rows];
  gather_integers(from, rows, count, values);
  flip ^= lowest_of(type) < 0 ? ordered_word(std::int64_t{0}) : 0;
  for (std::uint32_t i = 0; i < count; ++i) out[i] = static_cast<std::uint64_t>(values[i]) ^ flip;
}

inline int128 int128_at(const vector& from, std::uint32_t row) noexcept {
  return load_unaligned<int128>(static_cast<const std::byte*>(from.holder().values) +
                                std::size_t{16} * from.index_of(row));
}

}  // namespace detail

/// The rows that one aggregate takes of a batch, and their groups.
struct aggregator::batch_rows {
  std::uint16_t row[vector_rows];
  std::uint32_t group[vector_rows];
  std::uint32_t count = 0;

  /// The rows of the selection that `where` selects too and in which neither input is NULL.
  static selection_mask mask(const selection_mask& selection, const vector* values, const vector* second,
                             const selection_mask* where) noexcept {
    selection_mask made = selection;
    if (where != nullptr) made &= *where;
    for (const vector* input : {values, second})
      if (input != nullptr && input->validity != nullptr)
        for (std::uint32_t word = 0; word < vector_words; ++word)
          made.words[word] &= PILLAR_MUTATE(aggregate_counts_null, input->validity_word(word), ~std::uint64_t{0});
    return made;
  }
  void fill(const selection_mask& rows, const std::uint32_t* slots, bool one_group) noexcept {
    count = detail::list_rows(rows.words, row);
    if (one_group || count == 0) return;
    if (row[count - 1] == count - 1) {  // the first rows, and mostly all of them
      for (std::uint32_t i = 0; i < count; ++i) group[i] = slots[i] - 1;
    } else {
      for (std::uint32_t i = 0; i < count; ++i) group[i] = slots[row[i]] - 1;
    }
  }
};

/// Adds up whatever apply() may need, so that it cannot fail.
inline void aggregator::count_room(bound_aggregate& of, const vector& from, const batch_rows& rows,
                                   needed_room& room) noexcept {
  if (of.form == state_form::extreme_text)
    for (std::uint32_t i = 0; i < rows.count; ++i) room.text_bytes += 2 * from.text_value(rows.row[i]).size();
  if (of.form != state_form::exact_real) return;
  double values[vector_rows];
  detail::gather_reals(from, rows.row, rows.count, values);
  // Looking at each group's window can be spared where the values are of about one size.
  std::uint64_t smallest = ~std::uint64_t{0}, greatest = 0;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint64_t size = std::bit_cast<std::uint64_t>(values[i]) & ~(std::uint64_t{1} << 63);  // its bits' order
    const bool counts = size != 0 && detail::is_finite(values[i]);
    smallest = counts && size < smallest ? size : smallest;
    greatest = counts && size > greatest ? size : greatest;
  }
  if (greatest != 0)
    of.limbs.include({detail::exact_limb_of(std::bit_cast<double>(smallest)),
                      detail::exact_limb_of(std::bit_cast<double>(greatest))});
  if (of.limbs.fit_any_window()) return;
  const bool keyed = table_.mode() != key_mode::none;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    if (!detail::is_finite(values[i])) continue;
    auto* to = reinterpret_cast<detail::exact_real_state*>(state(of, keyed ? rows.group[i] : 0));
    room.exact_sums += to->wide_plus_1 == 0 && to->outside(values[i]) ? 1 : 0;
  }
}
inline result<void> aggregator::make_room(const needed_room& room) {
  PILLAR_TRY(exact_.reserve(room.exact_sums * detail::exact_limbs));
  return texts_.reserve(room.text_bytes);
}

/// Moves a float sum to a wide accumulator; room is reserved.
inline void aggregator::promote(std::byte* exact_state) noexcept {
  auto* from = reinterpret_cast<detail::exact_real_state*>(exact_state);
  if (from->wide_plus_1 != 0) return;
  const std::size_t start = exact_.size();
  for (std::uint32_t i = 0; i < detail::exact_limbs; ++i) exact_.push(0);
  // The window may reach beyond the last limb, but there it is only the sign's extension.
  detail::exact_normalise(from->limbs, detail::exact_real_state::window);
  const std::uint32_t base = from->base_plus_1 == 0 ? 0 : from->base_plus_1 - 1u;
  for (std::uint32_t i = 0; i < detail::exact_real_state::window; ++i) exact_[start + base + i] = from->limbs[i];
  from->wide_plus_1 = static_cast<std::uint32_t>(start / detail::exact_limbs + 1);
}

inline void aggregator::put_extreme(std::byte* at, bool smallest, std::string_view value) noexcept {
  auto* to = reinterpret_cast<detail::extreme_text_state*>(at);
  if (to->has_value != 0) {
    const std::string_view known(reinterpret_cast<const char*>(texts_.data() + to->offset), to->size);
    if (smallest ? value >= known : value <= known) return;
  }
  if (value.size() > to->capacity) {
    const std::size_t doubled = 2 * std::size_t{to->capacity};
    const std::size_t capacity = value.size() > doubled ? value.size() : doubled;
    to->offset = texts_.size();
    to->capacity = static_cast<std::uint32_t>(capacity > 0xffffffffu ? value.size() : capacity);
    for (std::size_t i = 0; i < to->capacity; ++i) texts_.push(std::byte{0});
  }
  if (!value.empty()) std::memcpy(texts_.data() + to->offset, value.data(), value.size());
  to->size = static_cast<std::uint32_t>(value.size());
  to->has_value = 1;
}

/// Limbs have room for so many additions before their carries have to move up.
inline void aggregator::note_additions(std::uint64_t count) noexcept {
  exact_additions_ += count;
  if (exact_additions_ < detail::exact_carry_period) return;
  for (const bound_aggregate& of : aggregates_)
    for (std::uint32_t group = 0; of.form == state_form::exact_real && group < group_count(); ++group)
      if ((std::size_t{group} + 1) * stride_ <= states_.size())
        detail::exact_normalise(reinterpret_cast<detail::exact_real_state*>(state(of, group))->limbs,
                                detail::exact_real_state::window);
  for (std::size_t at = 0; at < exact_.size(); at += detail::exact_limbs)
    detail::exact_normalise(exact_.data() + at, detail::exact_limbs);
  exact_additions_ = 0;
}

/// Floats into windows of limbs; `counts`: their number is not known from elsewhere.
inline void aggregator::add_exact(const bound_aggregate& of, const vector& from, const batch_rows& rows,
                                  bool counts) noexcept {
  const bool keyed = table_.mode() != key_mode::none;
  std::byte* first = states_.data() + of.offset;
  const bool far = keyed && states_.size() > detail::prefetch_threshold_bytes;
  double values[vector_rows];
  detail::gather_reals(from, rows.row, rows.count, values);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    constexpr std::uint32_t ahead = 16;
    if (far && i + ahead < rows.count) {
      const std::byte* at = first + rows.group[i + ahead] * std::size_t{stride_};
      __builtin_prefetch(at, 1);
      __builtin_prefetch(at + sizeof(detail::exact_real_state) - 1, 1);
    }
    auto* to = reinterpret_cast<detail::exact_real_state*>(first + (keyed ? rows.group[i] * std::size_t{stride_} : 0));
    to->count += counts ? 1 : 0;
    if (!detail::is_finite(values[i])) {
      to->flags |= detail::exact_flag_of(values[i]);
      continue;
    }
    const std::uint32_t limb = detail::exact_limb_of(values[i]);
    if (to->wide_plus_1 == 0 && to->outside(values[i])) promote(reinterpret_cast<std::byte*>(to));
    std::int64_t* limbs = to->limbs;
    std::uint32_t base = to->base_plus_1 - 1u;
    if (to->wide_plus_1 != 0) {
      limbs = exact_.data() + std::size_t{to->wide_plus_1 - 1} * detail::exact_limbs;
      base = 0;
    }
    if (values[i] != 0) detail::exact_add(limbs + (limb - base), values[i]);
  }
  note_additions(rows.count);
}

inline void aggregator::apply(const bound_aggregate& of, const vector& from, const batch_rows& rows) noexcept {
  const bool keyed = table_.mode() != key_mode::none;
  const std::uint32_t count = rows.count;
  std::byte* first = states_.data() + of.offset;
  const std::size_t stride = stride_;
  // The states of many groups lie anywhere: each is asked for some rows early. All of a batch's at once would be more
  // than a core can wait for, and some of them would not come.
  const bool far = keyed && states_.size() > detail::prefetch_threshold_bytes;
  const auto ask_ahead = [&](std::uint32_t row, std::size_t size) {
    constexpr std::uint32_t ahead = 16;
    if (!far || row + ahead >= count) return;
    const std::byte* at = first + rows.group[row + ahead] * stride;
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + size - 1, 1);
  };
  switch (of.form) {
    case state_form::count: {
      if (!keyed) {
        reinterpret_cast<std::uint64_t*>(first)[0] += count;
        return;
      }
      for (std::uint32_t i = 0; i < count; ++i) ++*reinterpret_cast<std::uint64_t*>(first + rows.group[i] * stride);
      return;
    }
    case state_form::sum64: {
      std::int64_t values[vector_rows];
      detail::gather_integers(from, rows.row, count, values);
      if (!keyed) {
        // 1,024 upper and lower halves each fit into 64 bits.
        std::int64_t upper = 0, lower = 0;
        for (std::uint32_t i = 0; i < count; ++i) {
          upper += values[i] >> 32;
          lower += values[i] & 0xffffffff;
        }
        auto* to = reinterpret_cast<detail::sum64_state*>(first);
        to->add(static_cast<int128>(upper) * (int128{1} << 32) + lower);
        to->count += count;
        return;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::sum64_state));
        auto* to = reinterpret_cast<detail::sum64_state*>(first + rows.group[i] * stride);
        to->add(PILLAR_MUTATE(aggregate_sum_wraps, values[i], static_cast<std::int32_t>(values[i])));
        ++to->count;
      }
      return;
    }
    case state_form::sum64_unsigned: {
      std::int64_t values[vector_rows];
      detail::gather_integers(from, rows.row, count, values);
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::sum64_state));
        auto* to = reinterpret_cast<detail::sum64_state*>(first + (keyed ? rows.group[i] * stride : 0));
        to->add(static_cast<int128>(static_cast<std::uint64_t>(values[i])));
        ++to->count;
      }
      return;
    }
    case state_form::sum128: {
      std::int64_t narrow[vector_rows];
      const bool is_narrow = from.type.physical != physical_type::integer128;
      if (is_narrow) detail::gather_integers(from, rows.row, count, narrow);
      for (std::uint32_t i = 0; i < count; ++i) {
        auto* to = reinterpret_cast<detail::sum128_state*>(first + (keyed ? rows.group[i] * stride : 0));
        to->add(is_narrow ? narrow[i] : detail::int128_at(from, rows.row[i]));
        ++to->count;
      }
      return;
    }
    case state_form::exact_real: add_exact(of, from, rows, true); return;
    case state_form::fast_real: {
      double values[vector_rows];
      detail::gather_reals(from, rows.row, count, values);
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::fast_real_state));
        auto* to = reinterpret_cast<detail::fast_real_state*>(first + (keyed ? rows.group[i] * stride : 0));
        to->sum += values[i];
        ++to->count;
      }
      return;
    }
    case state_form::narrow_extreme: {
      std::uint64_t ranks[vector_rows];
      detail::gather_ordered(from, rows.row, count, 0, ranks);
      for (std::uint32_t i = 0; i < count; ++i) ranks[i] = detail::narrow_extreme_state::rank_of(ranks[i], of.greatest);
      if (!keyed) {
        std::uint64_t& best = reinterpret_cast<detail::narrow_extreme_state*>(first)->rank;
        for (std::uint32_t i = 0; i < count; ++i) best = ranks[i] > best ? ranks[i] : best;
        return;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::narrow_extreme_state));
        std::uint64_t& best = reinterpret_cast<detail::narrow_extreme_state*>(first + rows.group[i] * stride)->rank;
        best = ranks[i] > best ? ranks[i] : best;
      }
      return;
    }
    case state_form::extreme: {
      // A maximum is the minimum of the inverted words.
      const std::uint64_t flip = of.greatest ? ~std::uint64_t{0} : 0;
      std::uint64_t words[vector_rows];
      detail::gather_ordered(from, rows.row, count, flip, words);
      if (!keyed) {
        if (count == 0) return;
        std::uint64_t least = words[0];
        for (std::uint32_t i = 1; i < count; ++i) least = words[i] < least ? words[i] : least;
        auto* to = reinterpret_cast<detail::extreme_state*>(first);
        to->low = to->has_value != 0 && to->low < least ? to->low : least;
        to->has_value = 1;
        return;
      }
      for (std::uint32_t i = 0; i < count; ++i) {
        ask_ahead(i, sizeof(detail::extreme_state));
        auto* to = reinterpret_cast<detail::extreme_state*>(first + rows.group[i] * stride);
        to->low = to->has_value != 0 && to->low < words[i] ? to->low : words[i];
        to->has_value = 1;
      }
      return;
    }
    case state_form::extreme128: {
      const bool smallest = !of.greatest;
      for (std::uint32_t i = 0; i < count; ++i) {
        auto* to = reinterpret_cast<detail::extreme128_state*>(first + (keyed ? rows.group[i] * stride : 0));
        const int128 value = detail::int128_at(from, rows.row[i]);
        const auto known = static_cast<int128>(static_cast<uint128>(to->high) << 64 | to->low);
        if (to->has_value != 0 && (smallest ? value >= known : value <= known)) continue;
        to->low = static_cast<std::uint64_t>(value);
        to->high = static_cast<std::uint64_t>(value >> 64);
        to->has_value = 1;
      }
      return;
    }
    case state_form::extreme_text: {
      for (std::uint32_t i = 0; i < count; ++i)
        put_extreme(first + (keyed ? rows.group[i] * stride : 0), !of.greatest, from.text_value(rows.row[i]));
      return;
    }
    case state_form::object: return;
  }
}

}  // namespace PILLAR_NAMESPACE
