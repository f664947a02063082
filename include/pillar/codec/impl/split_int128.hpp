// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>  // std::memcpy
#include <limits>   // std::numeric_limits
#include <new>      // placement new

#include "pillar/base/bits.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/split_int128.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

namespace detail {

inline constexpr int128 split_highest = int128_max - (int128{1} << 63);
inline constexpr int128 split_lowest = -split_highest - 1;

/// A value as two signed words: high · 2^64 + low. Values ascend with (high, low).
struct split_halves {
  std::int64_t high;
  std::int64_t low;
  explicit split_halves(int128 value) noexcept
      : high(static_cast<std::int64_t>((value - static_cast<std::int64_t>(value)) >> 64)),
        low(static_cast<std::int64_t>(value)) {}
};

}  // namespace detail

PILLAR_API result<encode_plan> split_int128_codec::analyze(const encode_input& input) {
  encode_plan none;
  if (input.type.physical != physical_type::integer128) return none;
  const std::size_t vector_count = input.vectors.size();
  const std::size_t values_at = round_up(sizeof(vector) * vector_count, 64);
  encode_plan plan;
  vector* views[2];
  std::int64_t* halves[2];
  for (unsigned half = 0; half < 2; ++half) {
    child_column& child = plan.children[half];
    PILLAR_ASSIGN_OR_RETURN(child.storage,
                            buffer::allocate(values_at + sizeof(std::int64_t) * input.row_count, input.budget));
    views[half] = reinterpret_cast<vector*>(child.storage.data());
    halves[half] = reinterpret_cast<std::int64_t*>(child.storage.data() + values_at);
    child.type = type_of<std::int64_t>;
    child.row_count = input.row_count;
    child.vectors = {views[half], vector_count};
  }
  std::uint32_t at = 0;
  int128 last = 0;  // NULL rows repeat their neighbour; before the first value, that
  for (std::size_t v = 0; v < vector_count && last == 0; ++v)
    detail::for_each_valid_row(input.vectors[v], [&](std::uint32_t row) {
      if (last == 0) last = input.vectors[v].value<int128>(row);
    });
  for (std::size_t v = 0; v < vector_count; ++v) {
    const vector& from = input.vectors[v];
    for (unsigned half = 0; half < 2; ++half) {
      auto* view = ::new (static_cast<void*>(views[half] + v)) vector;
      view->type = plan.children[half].type;
      view->size = from.size;
      view->values = halves[half] + at;
    }
    for (std::uint32_t row = 0; row < from.size; ++row, ++at) {
      if (from.validity == nullptr || from.valid(row)) last = from.value<int128>(row);
      if (last < detail::split_lowest || last > detail::split_highest) return none;
      const detail::split_halves split(last);
      halves[0][at] = split.high;
      halves[1][at] = split.low;
    }
  }
  plan.child_count = 2;
  plan.possible = true;
  return plan;
}

PILLAR_API result<void> split_int128_codec::encode(const encode_input& input, const encode_plan&, std::byte*,
                                                   data_section& section) {
  for (std::size_t i = 0; i < input.vectors.size(); ++i) section.entries[i].offset = section.entries[i].bytes = 0;
  return {};
}

PILLAR_API std::size_t split_int128_codec::view_bytes(const data_section&) noexcept { return 0; }

PILLAR_API result<void> split_int128_codec::validate(data_section& section, std::byte*) noexcept {
  if (section.type.physical != physical_type::integer128 || section.shared_bytes != 0 || section.entry_count != 0 ||
      section.code_width != 0 || section.child_count != 2 ||
      !detail::mirrors(section.children[0], section, physical_type::int64) ||
      !detail::mirrors(section.children[1], section, physical_type::int64)) {
    return {errc::corrupt, 0};
  }
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    if (entry.base != 0 || entry.width != 0 || entry.mode != 0 || entry.exception_count != 0 || entry.bytes != 0)
      return {errc::corrupt, i};
  }
  // Below this high the sum of both words wraps, and the order of values is no longer that of their words.
  return detail::require_within(section.children[0], lowest_of<std::int64_t>() + 1, highest_of<std::int64_t>());
}

PILLAR_API void split_int128_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                           vector& out) noexcept {
  const std::uint32_t row_count = section.entries[index].row_count;
  vector_scratch child_scratch;
  vector half;
  std::int64_t room[vector_rows];
  auto* words = reinterpret_cast<std::uint64_t*>(scratch.values);  // the lower word of a value first
  detail::decode_child(section.children[1], index, child_scratch, half);
  const std::int64_t* low = detail::gather<std::int64_t>(half, room, 0);
  for (std::uint32_t row = 0; row < row_count; ++row) {
    words[2 * row] = static_cast<std::uint64_t>(low[row]);
    words[2 * row + 1] = static_cast<std::uint64_t>(low[row] >> 63);
  }
  detail::decode_child(section.children[0], index, child_scratch, half);
  const std::int64_t* high = detail::gather<std::int64_t>(half, room, 0);
  for (std::uint32_t row = 0; row < row_count; ++row) words[2 * row + 1] += static_cast<std::uint64_t>(high[row]);
  out.kind = vector_kind::flat;
  out.values = scratch.values;
}

PILLAR_API bool split_int128_codec::fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                          std::uint32_t count, void* values) noexcept {
  std::int64_t halves[2][fetch_worth_it];
  if (count > fetch_worth_it) return false;
  for (unsigned half = 0; half < 2; ++half) {
    const data_section& child = section.children[half];
    if (child.codec->fetch == nullptr || !child.codec->fetch(child, index, rows, count, halves[half])) return false;
  }
  auto* words = static_cast<std::uint64_t*>(values);
  for (std::uint32_t i = 0; i < count; ++i) {
    words[2 * i] = static_cast<std::uint64_t>(halves[1][i]);
    words[2 * i + 1] = static_cast<std::uint64_t>(halves[0][i]) + static_cast<std::uint64_t>(halves[1][i] >> 63);
  }
  return true;
}

namespace detail {

/// high = `high` and low in [lo, hi].
inline match_answer match_one_high(const data_section& section, std::uint32_t index, std::int64_t high, std::int64_t lo,
                                   std::int64_t hi, std::uint64_t* mask) noexcept {
  const match_answer of_high =
      match_child(section.children[0], index, integer_range(physical_type::int64, high, high), mask);
  if (of_high.what == verdict::none || of_high.what == verdict::unknown) return of_high;
  alignas(64) std::uint64_t lows[vector_words];
  const match_answer of_low =
      match_child(section.children[1], index, integer_range(physical_type::int64, lo, hi), lows);
  if (of_low.what == verdict::all) return of_high;
  if (of_low.what != verdict::some) return of_low;
  for (std::uint32_t word = 0; word < vector_words; ++word)
    mask[word] = of_high.what == verdict::all ? lows[word] : mask[word] & lows[word];
  return of_low;
}

/// lo ≤ value ≤ hi: the highs strictly between, and the two at the ends, where the lows decide.
inline match_answer match_between(const data_section& section, std::uint32_t index, int128 lo, int128 hi,
                                  std::uint64_t* mask) noexcept {
  // In words: GCC 12 for AVX2 reads what it compares or chooses as an int128 here from where it never was.
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                         most = std::numeric_limits<std::int64_t>::max();
  std::int64_t first_high = static_cast<std::int64_t>(lo >> 64), last_high = static_cast<std::int64_t>(hi >> 64);
  const auto first_low = static_cast<std::int64_t>(lo);
  auto last_low = static_cast<std::int64_t>(hi);
  if (first_low < 0 && first_high == most) return {verdict::none, evidence::settled};  // beyond split_highest
  if (last_low < 0 && last_high == most) last_low = most;
  first_high += first_low < 0;
  last_high += last_low < 0;
  if (first_high > last_high || (first_high == last_high && first_low > last_low))
    return {verdict::none, evidence::settled};
  if (first_high == last_high) return match_one_high(section, index, first_high, first_low, last_low, mask);
  return match_any(3, mask, [&](std::size_t part, std::uint64_t* one) {
    if (part == 0)
      return match_child(section.children[0], index,
                         integer_range(physical_type::int64, int128{first_high} + 1, int128{last_high} - 1), one);
    if (part == 1)
      return match_one_high(section, index, first_high, PILLAR_MUTATE(split_low_ignored, first_low, least), most, one);
    return match_one_high(section, index, last_high, least, last_low, one);
  });
}

}  // namespace detail

PILLAR_API match_answer split_int128_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                                  match_scratch*, std::uint64_t* mask) noexcept {
  if (test.physical != physical_type::integer128 ||
      (test.kind != domain_kind::range && test.kind != domain_kind::points)) {
    return {verdict::unknown, evidence::settled};
  }
  const match_answer answer =
      test.kind == domain_kind::range
          ? detail::match_between(section, index, test.lo, test.hi, mask)
          : detail::match_any(test.integers.size(), mask, [&](std::size_t i, std::uint64_t* one) {
              return detail::match_between(section, index, test.integers[i], test.integers[i], one);
            });
  return test.negated ? detail::match_outside(answer, mask, section.entries[index].row_count) : answer;
}

PILLAR_API bool split_int128_codec::sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                        bool mask_is_all, int128& out) noexcept {
  int128 sums[2];
  for (unsigned half = 0; half < 2; ++half) {
    const data_section& child = section.children[half];
    if (child.codec->sum == nullptr || !child.codec->sum(child, index, mask, mask_is_all, sums[half])) return false;
  }
  constexpr int128 most = int128{1} << 62;  // beyond it the whole may not fit 128 bits
  if (sums[0] < -most || sums[0] > most) return false;
  out = sums[0] * (int128{1} << 64) + sums[1];
  return true;
}

}  // namespace PILLAR_NAMESPACE
