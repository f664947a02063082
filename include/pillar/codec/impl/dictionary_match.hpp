// SPDX-License-Identifier: Apache-2.0
/// dictionary_codec: which codes satisfy a domain, and matching those of a vector.
#pragma once
#include <cstring>  // std::memcpy, std::memset
#include <string_view>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/gather.hpp"  // finish_mask
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/match_scratch.hpp"  // code_set
#include "pillar/codec/packed.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

namespace detail {

/// The first code from `from` on whose entry is not less than the value that `less(entry)` compares with: the step
/// doubles until it is passed, so that many values looked up in ascending order cost a merge.
template <class Less>
std::uint32_t lower_code_from(std::uint32_t from, std::uint32_t count, Less&& less) noexcept {
  std::uint32_t step = 1;
  while (from + step <= count && less(from + step - 1)) from += step, step *= 2;
  std::uint32_t end = from + step - 1 < count ? from + step - 1 : count;
  while (from < end) {
    const std::uint32_t middle = (from + end) / 2;
    if (less(middle)) from = middle + 1;
    else end = middle;
  }
  return from;
}
inline std::uint32_t lower_code(const vector& entries, std::string_view value, std::uint32_t from = 0) noexcept {
  return lower_code_from(from, entries.size, [&](std::uint32_t code) { return entries.text_value(code) < value; });
}
template <class T>
std::uint32_t lower_code(const vector& entries, int128 value, std::uint32_t from = 0) noexcept {
  const T* values = entries.values_as<T>();
  return lower_code_from(from, entries.size, [&](std::uint32_t code) { return int128{values[code]} < value; });
}

/// The same in the entries' own type, a few entries one by one before it takes larger steps: of the points of a set the
/// next one is mostly near.
template <class T>
std::uint32_t lower_code_near(const T* entries, std::uint32_t count, T value, std::uint32_t from) noexcept {
  constexpr std::uint32_t near = 8;
  const std::uint32_t end = count - from < near ? count : from + near;
  while (from < end && entries[from] < value) ++from;
  if (from < end || end == count) return from;
  return lower_code_from(from, count, [=](std::uint32_t code) { return entries[code] < value; });
}

/// The codes of a dictionary: those from `count` on stand for the last entry.
struct code_space {
  std::uint32_t count;
  std::uint32_t most;  ///< the greatest code there is

  explicit code_space(const data_section& section) noexcept
      : count(section.entry_count), most(static_cast<std::uint32_t>(packed_max_field(section.code_width))) {}
};

/// Builds the set of satisfied codes of a range [first, last) of entries.
inline code_set code_range(std::uint32_t first, std::uint32_t last, code_space codes, bool negated) noexcept {
  code_set set;
  if (first >= last) {
    set.what = negated ? code_set::shape::all : code_set::shape::none;
  } else if (first == 0 && last == codes.count) {
    set.what = negated ? code_set::shape::none : code_set::shape::all;
  } else {
    set.what = code_set::shape::range;
    set.first = first;
    set.last = PILLAR_MUTATE(dictionary_range_ends_at_entries, last == codes.count, false) ? codes.most : last - 1;
    set.inverted = negated;
  }
  return set;
}

/// Bit i of a byte in byte i, lowest first.
inline std::uint64_t spread_bits(std::uint64_t byte) noexcept {
  const std::uint64_t single = byte * 0x0101010101010101u & 0x8040201008040201u;
  return (single + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
}

/// Writes the codes of a table of 256 bits as a grid, if their rows of 16 are of eight kinds at most: small and regular
/// sets, such as the values of an IN list.
inline bool make_grid(const std::uint64_t* table, packed_grid& grid) noexcept {
  constexpr std::uint32_t most_kinds = 8;
  std::uint32_t kinds[most_kinds];
  std::uint32_t kind_count = 0;
  grid = {};
  for (std::uint32_t row = 0; row < 16; ++row) {
    const auto bits = static_cast<std::uint32_t>(table[row / 4] >> row % 4 * 16 & 0xffff);
    if (bits == 0) continue;
    std::uint32_t kind = 0;
    while (kind < kind_count && kinds[kind] != bits) ++kind;
    if (kind == most_kinds) return false;
    if (kind == kind_count) kinds[kind_count++] = bits;
    grid.rows[row] = static_cast<std::uint8_t>(1u << kind);
  }
  std::uint64_t columns[2] = {};
  for (std::uint32_t kind = 0; kind < kind_count; ++kind) {
    columns[0] |= spread_bits(kinds[kind] & 0xff) << kind;
    columns[1] |= spread_bits(kinds[kind] >> PILLAR_MUTATE(dictionary_grid_half, 8, 7)) << kind;
  }
  std::memcpy(grid.columns, columns, sizeof(columns));
  return true;
}

/// Points: `lower_of(i, from)` gives the first code from `from` on that is not less than point i, `is(i, code)` says
/// whether it is the point's.
template <class LowerOf, class Is>
code_set code_points(std::size_t point_count, code_space codes, bool negated, std::uint64_t* table, LowerOf&& lower_of,
                     Is&& is) noexcept {
  const std::size_t table_words = words_for(std::size_t{codes.most} + 1);
  const std::uint32_t count = codes.count;
  std::memset(table, 0, sizeof(std::uint64_t) * table_words);
  std::uint32_t found = 0, first = 0, last = 0, code = 0;
  for (std::size_t i = 0; i < point_count; ++i) {
    code = lower_of(i, code);
    if (code == count) break;
    if (!is(i, code)) continue;
    if (found++ == 0) first = code;
    last = code;
    set_bit(table, code);
  }
  if (found == 0) return code_range(0, 0, codes, negated);
  if (last - first + 1 == found) return code_range(first, last + 1, codes, negated);
  if (PILLAR_MUTATE(dictionary_set_ends_at_entries, last == count - 1, false))
    for (std::uint32_t beyond = count; beyond <= codes.most; ++beyond) set_bit(table, beyond);
  code_set set;
  set.what = code_set::shape::table;
  set.inverted = negated;
  set.table = table;
  if (count > 128 && count <= 256) {  // codes of 8 bits
    auto* const grid = ::new (static_cast<void*>(table + table_words)) packed_grid;
    if (make_grid(table, *grid)) set.what = code_set::shape::grid, set.grid = grid;
  }
  return set;
}

inline code_set codes_of(const data_section& section, const domain& test, std::uint64_t* table) noexcept {
  const vector& entries = section.shared;
  const std::uint32_t count = entries.size;
  const code_space codes(section);
  if (section.type.physical == physical_type::text) {
    if (test.kind == domain_kind::range) {
      const std::uint32_t last = test.has_hi ? lower_code(entries, test.text_hi) : count;
      return code_range(lower_code(entries, test.text_lo), last, codes, test.negated);
    }
    return code_points(
        test.texts.size(), codes, test.negated, table,
        [&](std::size_t i, std::uint32_t from) { return lower_code(entries, test.texts[i], from); },
        [&](std::size_t i, std::uint32_t code) { return entries.text_value(code) == test.texts[i]; });
  }
  return visit_narrow_integer(section.type.physical, [&]<class T>() {
    if (test.kind == domain_kind::range) {
      const std::uint32_t last = test.hi < test.lo ? 0 : lower_code<T>(entries, test.hi + 1);
      return code_range(lower_code<T>(entries, test.lo), last, codes, test.negated);
    }
    const T* const values = entries.values_as<T>();
    // Few entries are read whole; from memory they are asked for at once.
    const auto* const bytes = reinterpret_cast<const std::byte*>(values);
    for (std::size_t at = 0; at < sizeof(T) * count && at < 2048; at += 64) __builtin_prefetch(bytes + at);
    return code_points(
        test.integers.size(), codes, test.negated, table,
        [=, &test](std::size_t i, std::uint32_t from) {
          return lower_code_near(values, count, static_cast<T>(test.integers[i]), from);
        },
        [=, &test](std::size_t i, std::uint32_t code) { return values[code] == static_cast<T>(test.integers[i]); });
  });
}

/// One vector's codes against the satisfied ones.
inline match_answer match_codes(const data_section& section, std::uint32_t index, const code_set& set,
                                std::uint64_t* mask) noexcept {
  if (set.what == code_set::shape::none) return {verdict::none, evidence::settled};
  if (set.what == code_set::shape::all) return {verdict::all, evidence::settled};
  const vector_entry& entry = section.entries[index];
  __builtin_prefetch(&entry + 4);  // as in frame_of_reference_codec::match
  const std::byte* packed = section.data + entry.offset;
  if (set.what == code_set::shape::range)
    section.kernels->match_range[section.code_width](packed, set.first, set.last, mask);
  else if (set.what == code_set::shape::grid) section.kernels->match_grid(packed, *set.grid, mask);
  else section.kernels->match_table[section.code_width](packed, set.table, mask);
  if (!set.inverted && entry.row_count == vector_rows) return {verdict::some, evidence::encoded};
  return finish_mask(mask, set.inverted, entry.row_count);
}

/// The first vector of a block and a domain: works out the set, in `scratch` if there is room.
PILLAR_NOINLINE inline match_answer match_first(const data_section& section, std::uint32_t index, const domain& test,
                                                match_scratch* scratch, std::uint64_t* mask) noexcept {
  alignas(64) std::uint64_t own_table[dictionary_codec::max_entries / 64];
  code_set own;
  std::uint64_t* table = own_table;
  code_set* made = scratch == nullptr ? nullptr : scratch->add(&section, &test, table);
  if (made == nullptr) made = &own, table = own_table;
  *made = codes_of(section, test, table);
  return match_codes(section, index, *made, mask);
}

}  // namespace detail

PILLAR_API match_answer dictionary_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                                match_scratch* scratch, std::uint64_t* mask) noexcept {
  if (test.physical != section.type.physical || test.kind == domain_kind::null_test ||
      test.kind == domain_kind::opaque) {
    return {verdict::unknown, evidence::settled};
  }
  const code_set* set = scratch == nullptr ? nullptr : scratch->find(&section, &test);
  if (set != nullptr) return detail::match_codes(section, index, *set, mask);
  return detail::match_first(section, index, test, scratch, mask);
}

}  // namespace PILLAR_NAMESPACE
