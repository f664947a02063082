// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>  // std::memcpy
#include <string_view>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/packed.hpp"  // packed_bytes
#include "pillar/codec/statistics.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// The values as a flat array in which NULL rows repeat the value before them; nullptr where all are NULL.
template <class T>
const T* carry_values(const vector& from, T* scratch) noexcept {
  if (from.validity == nullptr) return gather<T>(from, scratch, T{});
  std::uint32_t first = 0;
  while (first < from.size && !from.valid(first)) ++first;
  if (first == from.size) return nullptr;
  T before = from.value<T>(first);
  for (std::uint32_t row = 0; row < from.size; ++row) {
    if (from.valid(row)) before = from.value<T>(row);
    scratch[row] = before;
  }
  return scratch;
}

template <class T>
vector_statistics statistics_of(const vector& from) noexcept {
  vector_statistics made;
  T scratch[vector_rows];
  const T* values = carry_values<T>(from, scratch);
  if (values == nullptr) return made;
  T least = values[0], greatest = values[0];
  std::uint32_t changes = 0;
  for (std::uint32_t row = 1; row < from.size; ++row) {
    least = values[row] < least ? values[row] : least;
    greatest = greatest < values[row] ? values[row] : greatest;
    changes += PILLAR_MUTATE(statistics_run_short, values[row] != values[row - 1], values[row] > values[row - 1]);
  }
  made.least = least;
  made.greatest = greatest;
  made.run_count = changes + 1;
  if (from.size < 2) return made;
  if constexpr (sizeof(T) < 8) {
    std::int64_t lo = std::int64_t{values[1]} - values[0], hi = lo;
    for (std::uint32_t row = 2; row < from.size; ++row) {
      const std::int64_t step = std::int64_t{values[row]} - values[row - 1];
      lo = step < lo ? step : lo;
      hi = hi < step ? step : hi;
    }
    made.least_step = lo;
    made.greatest_step = hi;
  } else if (made.greatest - made.least <= int128{highest_of<std::int64_t>()}) {
    auto lo = static_cast<std::int64_t>(static_cast<std::uint64_t>(values[1]) - static_cast<std::uint64_t>(values[0]));
    std::int64_t hi = lo;
    for (std::uint32_t row = 2; row < from.size; ++row) {
      const auto step = static_cast<std::int64_t>(static_cast<std::uint64_t>(values[row]) -
                                                  static_cast<std::uint64_t>(values[row - 1]));
      lo = step < lo ? step : lo;
      hi = hi < step ? step : hi;
    }
    made.least_step = lo;
    made.greatest_step = hi;
  } else {
    made.least_step = int128{values[1]} - values[0];
    made.greatest_step = made.least_step;
    for (std::uint32_t row = 2; row < from.size; ++row) {
      const int128 step = int128{values[row]} - values[row - 1];
      made.least_step = step < made.least_step ? step : made.least_step;
      made.greatest_step = made.greatest_step < step ? step : made.greatest_step;
    }
  }
  return made;
}

inline std::uint64_t sample_hash(const vector& from, std::uint32_t row) noexcept {
  std::uint64_t state = 0x9e3779b97f4a7c15u, part = 0;
  const auto take = [&](const std::byte* bytes, std::size_t count) {
    for (; count > 0; bytes += count < 8 ? count : 8, count -= count < 8 ? count : 8) {
      part = 0;
      std::memcpy(&part, bytes, count < 8 ? count : 8);
      state = (state ^ part) * 0xbf58476d1ce4e5b9u;
      state ^= state >> 31;
    }
  };
  if (from.type.physical == physical_type::text) {
    const std::string_view text = from.text_value(row);
    state += text.size();
    take(reinterpret_cast<const std::byte*>(text.data()), text.size());
  } else {
    const std::size_t width = byte_width(from.type.physical);
    take(from.holder().values_as<std::byte>() + width * from.index_of(row), width);
  }
  return state;
}

/// 16 stretches of 64 rows, one from each sixteenth of the rows; values that hash alike count as one.
inline void sample_values(const encode_input& input, column_statistics& made) noexcept {
  constexpr std::uint32_t stretches = 16, length = 64, slots = 4096;
  std::uint64_t seen[slots] = {};
  splitmix64 random(input.row_count);
  for (std::uint32_t i = 0; i < stretches; ++i) {
    const std::uint32_t begin = static_cast<std::uint32_t>(std::uint64_t{input.row_count} * i / stretches);
    const std::uint32_t end = static_cast<std::uint32_t>(std::uint64_t{input.row_count} * (i + 1) / stretches);
    const std::uint32_t spare = end - begin > length ? end - begin - length : 0;
    const std::uint32_t first = begin + static_cast<std::uint32_t>(random.below(spare + 1));
    // Children's vectors may be short anywhere, so rows are counted off.
    std::size_t v = 0;
    std::uint32_t before = 0;
    for (std::uint32_t n = first; n < end && n < first + length; ++n) {
      while (n - before >= input.vectors[v].size) before += input.vectors[v++].size;
      const vector& from = input.vectors[v];
      const std::uint32_t row = n - before;
      if (!from.valid(row)) continue;
      const std::uint64_t hash = sample_hash(from, row) | 1;
      std::uint32_t slot = static_cast<std::uint32_t>(hash >> 40) % slots;
      while (seen[slot] != 0 && seen[slot] != hash) slot = (slot + 1) % slots;
      ++made.sample_rows;
      if (seen[slot] == hash) continue;
      seen[slot] = hash;
      ++made.sample_values;
      if (input.type.physical == physical_type::text) made.sample_bytes += from.text_value(row).size();
    }
  }
}

}  // namespace detail

PILLAR_API std::uint64_t column_statistics::distinct_estimate(std::uint32_t row_count) const noexcept {
  const std::uint64_t n = sample_rows, repeats = sample_rows - sample_values;
  if (repeats * 2 >= n) return sample_values;  // most of them were met
  // Values drawn evenly from D meet about n² / 2D times among n draws.
  const std::uint64_t even = n * n / (2 * (repeats == 0 ? 1 : repeats));
  return even < row_count ? even : row_count;
}

PILLAR_API std::uint64_t column_statistics::packed_value_bytes(std::uint32_t vector_count) const noexcept {
  std::uint64_t bytes = 0;
  for (std::uint32_t v = 0; v < vector_count; ++v)
    bytes += packed_bytes(
        static_cast<std::uint32_t>(std::bit_width(static_cast<std::uint64_t>(vectors[v].greatest - vectors[v].least))));
  return bytes;
}

PILLAR_API std::uint64_t column_statistics::packed_step_bytes(std::uint32_t vector_count) const noexcept {
  std::uint64_t bytes = 0;
  for (std::uint32_t v = 0; v < vector_count; ++v) {
    const auto distance = static_cast<uint128>(vectors[v].greatest_step - vectors[v].least_step);
    bytes += distance >> 64 != 0
                 ? packed_bytes(64)
                 : packed_bytes(static_cast<std::uint32_t>(std::bit_width(static_cast<std::uint64_t>(distance))));
  }
  return bytes;
}

PILLAR_API column_statistics make_statistics(const encode_input& input) noexcept {
  column_statistics made;
  if (detail::is_narrow_integer(input.type.physical)) {
    made.exact = true;
    detail::visit_narrow_integer(input.type.physical, [&]<class T>() {
      for (std::size_t v = 0; v < input.vectors.size(); ++v) {
        made.vectors[v] = detail::statistics_of<T>(input.vectors[v]);
        made.run_count += made.vectors[v].run_count;
      }
    });
  }
  detail::sample_values(input, made);
  return made;
}

}  // namespace PILLAR_NAMESPACE
