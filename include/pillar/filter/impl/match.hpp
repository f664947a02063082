// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/filter/match.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

inline constexpr std::size_t points_by_kernel = 8;

inline void fill_mask(std::uint64_t* mask, std::uint32_t count, bool value) noexcept {
  for (std::uint32_t row = 0; row < count; row += 64)
    mask[row / 64] = value ? low_bits(count - row < 64 ? count - row : 64) : 0;
}
inline void complement_mask(std::uint64_t* mask, std::uint32_t count) noexcept {
  for (std::uint32_t row = 0; row < count; row += 64)
    mask[row / 64] = ~mask[row / 64] & low_bits(count - row < 64 ? count - row : 64);
}
inline void unite_masks(std::uint64_t* mask, const std::uint64_t* other, std::uint32_t count) noexcept {
  for (std::uint32_t row = 0; row < count; row += 64) mask[row / 64] |= other[row / 64];
}

/// Keeps the set bits for which f(row) holds.
template <class F>
PILLAR_ALWAYS_INLINE void refine_mask(std::uint64_t* mask, std::uint32_t count, F&& f) noexcept {
  for (std::uint32_t first = 0; first < count; first += 64) {
    std::uint64_t kept = mask[first / 64];
    for (std::uint64_t bits = kept; bits != 0; bits &= bits - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(bits));
      if (!f(first + bit)) kept &= ~(std::uint64_t{1} << bit);
    }
    mask[first / 64] = kept;
  }
}

/// Sets bit i to f(i).
template <class F>
PILLAR_ALWAYS_INLINE void make_mask(std::uint64_t* mask, std::uint32_t count, F&& f) noexcept {
  for (std::uint32_t first = 0; first < count; first += 64) {
    const std::uint32_t last = count - first < 64 ? count : first + 64;
    std::uint64_t word = 0;
    for (std::uint32_t i = first; i < last; ++i) word |= static_cast<std::uint64_t>(f(i)) << (i - first);
    mask[first / 64] = word;
  }
}

template <class T>
void match_integer_range(const T* values, std::uint32_t count, int128 lo, int128 hi, const flat_match_table& kernels,
                         std::uint64_t* mask) noexcept {
  lo = PILLAR_MUTATE(match_low_bound_exclusive, lo, lo + (lo < hi ? 1 : 0));
  if constexpr (sizeof(T) <= 8) {
    const T low = static_cast<T>(lo), high = static_cast<T>(hi);
    if (low == lo && high == hi) return kernels.match(values, low, high, count, mask);  // nothing to clamp, as promised
  }
  lo = std::max(lo, lowest_of<T>());
  hi = std::min(hi, highest_of<T>());
  if (lo > hi) return fill_mask(mask, count, false);
  if constexpr (std::is_same_v<T, int128>) {
    if (reinterpret_cast<std::uintptr_t>(values) % alignof(int128) != 0)  // 8 is enough for a vector
      return make_mask(mask, count, [&](std::uint32_t i) {
        const auto value = load_unaligned<int128>(reinterpret_cast<const std::byte*>(values) + i * sizeof(int128));
        return lo <= value && value <= hi;
      });
  }
  kernels.match(values, static_cast<T>(lo), static_cast<T>(hi), count, mask);
}

template <class T>
PILLAR_NOINLINE void match_integer_points(const T* values, std::uint32_t count, const domain& test,
                                          const flat_match_table& kernels, std::uint64_t* mask) noexcept {
  const auto& points = test.integers;
  if (points.empty()) return fill_mask(mask, count, false);
  if (points.size() <= points_by_kernel) {
    match_integer_range(values, count, points[0], points[0], kernels, mask);
    for (std::size_t p = 1; p < points.size(); ++p) {
      std::uint64_t other[vector_words];
      match_integer_range(values, count, points[p], points[p], kernels, other);
      unite_masks(mask, other, count);
    }
    return;
  }
  match_integer_range(values, count, points.front(), points.back(), kernels, mask);
  refine_mask(mask, count, [&](std::uint32_t row) {
    const auto value = load_unaligned<T>(reinterpret_cast<const std::byte*>(values) + row * sizeof(T));
    return std::binary_search(points.begin(), points.end(), static_cast<int128>(value));
  });
}

template <class T>
void match_integers(const T* values, std::uint32_t count, const domain& test, const flat_match_table& kernels,
                    std::uint64_t* mask) noexcept {
  if (test.kind == domain_kind::range) return match_integer_range(values, count, test.lo, test.hi, kernels, mask);
  match_integer_points(values, count, test, kernels, mask);
}

template <class T>
void match_reals(const T* values, std::uint32_t count, const domain& test, const flat_match_table& kernels,
                 std::uint64_t* mask) noexcept {
  if (test.kind == domain_kind::range)
    return kernels.match(values, static_cast<T>(test.real_lo), static_cast<T>(test.real_hi), test.nan, count, mask);
  const auto& points = test.reals;
  if (points.empty()) return kernels.match(values, T{1}, T{0}, test.nan, count, mask);
  if (points.size() <= points_by_kernel) {
    const T first = static_cast<T>(points[0]);
    kernels.match(values, first, first, test.nan, count, mask);
    for (std::size_t p = 1; p < points.size(); ++p) {
      std::uint64_t other[vector_words];
      const T point = static_cast<T>(points[p]);
      kernels.match(values, point, point, false, count, other);
      unite_masks(mask, other, count);
    }
    return;
  }
  kernels.match(values, static_cast<T>(points.front()), static_cast<T>(points.back()), test.nan, count, mask);
  refine_mask(mask, count, [&](std::uint32_t row) {
    const T value = values[row];
    return value != value || std::binary_search(points.begin(), points.end(), static_cast<double>(value));
  });
}

/// A text to compare slots with. Where the first four bytes, padded with zeros, differ, they order like the texts.
struct text_probe {
  std::string_view text;
  text_slot slot;  ///< as a slot, to compare sizes, prefixes and short texts in words
  std::uint32_t prefix;

  static std::uint32_t prefix_of(const text_slot& slot) noexcept {
    return __builtin_bswap32(load_unaligned<std::uint32_t>(reinterpret_cast<const char*>(&slot) + 4));
  }
  explicit text_probe(std::string_view what) noexcept
      : text(what), slot(text_slot::make(what, 0, 0)), prefix(prefix_of(slot)) {}

  [[nodiscard]] bool greater_than(const text_slot& other, const std::byte* const* buffers) const noexcept {
    const std::uint32_t theirs = prefix_of(other);
    if (theirs != prefix) return theirs < prefix;
    return other.view(buffers) < text;
  }
  [[nodiscard]] bool equals(const text_slot& other, const std::byte* const* buffers) const noexcept {
    const auto* a = reinterpret_cast<const char*>(&slot);
    const auto* b = reinterpret_cast<const char*>(&other);
    if (load_unaligned<std::uint64_t>(a) != load_unaligned<std::uint64_t>(b)) return false;  // size and prefix
    if (slot.size <= text_slot::inline_capacity)
      return load_unaligned<std::uint64_t>(a + 8) == load_unaligned<std::uint64_t>(b + 8);
    return other.view(buffers) == text;
  }
};

PILLAR_NOINLINE inline void match_texts(const text_slot* slots, const std::byte* const* buffers, std::uint32_t count,
                                        const domain& test, std::uint64_t* mask) noexcept {
  if (test.kind == domain_kind::points) {
    if (test.texts.empty()) return fill_mask(mask, count, false);
    if (test.texts.size() == 1) {
      const text_probe probe(test.texts[0]);
      return make_mask(mask, count, [&](std::uint32_t i) { return probe.equals(slots[i], buffers); });
    }
    const text_probe least(test.texts.front());
    return make_mask(mask, count, [&](std::uint32_t i) {
      if (least.greater_than(slots[i], buffers)) return false;
      const std::string_view value = slots[i].view(buffers);
      const auto at =
          std::lower_bound(test.texts.begin(), test.texts.end(), value,
                           [](const std::string& a, std::string_view b) { return std::string_view(a) < b; });
      return at != test.texts.end() && *at == value;
    });
  }
  const std::string_view lo = test.text_lo, hi = test.text_hi;
  if (test.has_hi && hi.size() == lo.size() + 1 && hi.back() == '\0' && hi.substr(0, lo.size()) == lo) {
    const text_probe probe(lo);
    return make_mask(mask, count, [&](std::uint32_t i) { return probe.equals(slots[i], buffers); });
  }
  const text_probe low(lo), high(hi);
  if (!test.has_hi)
    return make_mask(mask, count, [&](std::uint32_t i) { return !low.greater_than(slots[i], buffers); });
  if (lo.empty()) return make_mask(mask, count, [&](std::uint32_t i) { return high.greater_than(slots[i], buffers); });
  make_mask(mask, count, [&](std::uint32_t i) {
    return !low.greater_than(slots[i], buffers) && high.greater_than(slots[i], buffers);
  });
}

/// As if not negated; `values` is flat; range or points.
PILLAR_NOINLINE inline void match_flat(const vector& values, const domain& test, const flat_match_table& kernels,
                                       std::uint64_t* mask) noexcept {
  const std::uint32_t n = values.size;
  switch (values.type.physical) {
    case physical_type::boolean:
    case physical_type::uint8: return match_integers(values.values_as<std::uint8_t>(), n, test, kernels, mask);
    case physical_type::int8: return match_integers(values.values_as<std::int8_t>(), n, test, kernels, mask);
    case physical_type::int16: return match_integers(values.values_as<std::int16_t>(), n, test, kernels, mask);
    case physical_type::int32: return match_integers(values.values_as<std::int32_t>(), n, test, kernels, mask);
    case physical_type::int64: return match_integers(values.values_as<std::int64_t>(), n, test, kernels, mask);
    case physical_type::uint16: return match_integers(values.values_as<std::uint16_t>(), n, test, kernels, mask);
    case physical_type::uint32: return match_integers(values.values_as<std::uint32_t>(), n, test, kernels, mask);
    case physical_type::uint64: return match_integers(values.values_as<std::uint64_t>(), n, test, kernels, mask);
    case physical_type::integer128: return match_integers(values.values_as<int128>(), n, test, kernels, mask);
    case physical_type::float32: return match_reals(values.values_as<float>(), n, test, kernels, mask);
    case physical_type::float64: return match_reals(values.values_as<double>(), n, test, kernels, mask);
    case physical_type::text: return match_texts(values.values_as<text_slot>(), values.buffers, n, test, mask);
  }
}

/// A dictionary with more entries than rows: only the rows' entries are looked at.
inline void match_gathered(const vector& values, const domain& test, const flat_match_table& kernels,
                           std::uint64_t* mask) noexcept {
  alignas(64) std::byte gathered[vector_rows * 16];
  vector flat = *values.dictionary;
  flat.size = values.size;
  flat.values = gathered;
  const auto* entries = static_cast<const std::byte*>(values.dictionary->values);
  const std::size_t width = byte_width(flat.type.physical);
  for (std::uint32_t i = 0; i < values.size; ++i)
    std::memcpy(gathered + i * width, entries + values.codes[i] * width, width);
  match_flat(flat, test, kernels, mask);
}

/// Each run is tested once, and all of its rows get the answer.
inline void match_runs(const vector& values, const domain& test, const flat_match_table& kernels,
                       std::uint64_t* mask) noexcept {
  PILLAR_ASSERT(values.run_count <= values.size);
  std::uint64_t truth_table[vector_words];
  vector runs = *values.dictionary;
  runs.values = static_cast<const std::byte*>(runs.values) + byte_width(runs.type.physical) * values.first_run;
  runs.size = values.run_count;
  match_flat(runs, test, kernels, truth_table);
  fill_mask(mask, values.size, false);
  values.for_each_run(0, values.size, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
    if (get_bit(truth_table, run - values.first_run)) set_bits(mask, begin, end);
  });
}

/// Everything but a flat vector's values that shall satisfy a range or points.
PILLAR_NOINLINE inline void match_other(const vector& values, const domain& test, const flat_match_table& kernels,
                                        std::uint64_t* mask) noexcept {
  const std::uint32_t count = values.size;
  if (count == 0) return;
  if (test.kind == domain_kind::null_test) return fill_mask(mask, count, test.negated);
  if (test.kind == domain_kind::opaque) {
    test.test(test.state, values, mask);
    if (count % 64 != 0) mask[count / 64] &= low_bits(count % 64);
  } else if (values.kind == vector_kind::flat) {
    match_flat(values, test, kernels, mask);
  } else if (values.kind == vector_kind::constant) {
    vector single = values;
    single.kind = vector_kind::flat;
    single.size = 1;
    std::uint64_t bit = 0;
    match_flat(single, test, kernels, &bit);
    fill_mask(mask, count, (bit & 1) != 0);
  } else if (values.kind == vector_kind::run_end) {
    match_runs(values, test, kernels, mask);
  } else if (values.dictionary->size > count) {
    match_gathered(values, test, kernels, mask);
  } else if (values.dictionary->size == 0) {
    fill_mask(mask, count, false);  // all rows are NULL
  } else {
    std::uint64_t truth_table[vector_words];
    match_flat(*values.dictionary, test, kernels, truth_table);
    make_mask(mask, count, [&](std::uint32_t i) { return get_bit(truth_table, values.codes[i]); });
  }
  if (test.negated) complement_mask(mask, count);
}

}  // namespace detail

PILLAR_API void match(const vector& values, const domain& test, const flat_match_table& kernels,
                      std::uint64_t* mask) noexcept {
  PILLAR_ASSERT(values.size <= vector_rows);
  // The everyday case goes straight through: a vector in cache takes 50 ns, and a frame to set up is some of that.
  const bool plain = test.kind == domain_kind::range || test.kind == domain_kind::points;
  if (plain && values.kind == vector_kind::flat && !test.negated)
    return detail::match_flat(values, test, kernels, mask);
  detail::match_other(values, test, kernels, mask);
}

PILLAR_API result<match_answer> match(const encoded_vector& values, const domain& test, const flat_match_table& kernels,
                                      match_scratch* codec_scratch, vector_scratch& scratch,
                                      std::uint64_t* mask) noexcept {
  const match_answer answer = values.operations->match(values.block, values.index, test, codec_scratch, mask);
  if (answer.what != verdict::unknown) return answer;
  vector decoded;
  PILLAR_TRY(values.decode(scratch, decoded));
  match(decoded, test, kernels, mask);
  return match_answer{verdict::some, evidence::decoded};
}

}  // namespace PILLAR_NAMESPACE
