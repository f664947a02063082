// SPDX-License-Identifier: Apache-2.0
/// How keys lie in a table: bound from types and ranges, and bound anew as data shows.
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/aggregate/group_table.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"
#include "pillar/hash/column.hpp"

namespace PILLAR_NAMESPACE {

/// Puts a part into the first lane with room, in a further table if need be (whose low 32 bits are the last one's
/// number).
inline void group_table::place(key_part part) {
  if (stages_.empty()) stages_.emplace_back(budget_);
  for (;;) {
    key_stage& last = stages_.back();
    for (std::uint8_t lane = 0; lane < 2; ++lane) {
      if (last.used[lane] + part.bits > 64) continue;
      part.lane = lane;
      part.shift = last.used[lane];
      part.stage = static_cast<std::uint32_t>(stages_.size() - 1);
      last.used[lane] = static_cast<std::uint8_t>(last.used[lane] + part.bits);
      parts_.push_back(part);
      return;
    }
    stages_.emplace_back(budget_);
    stages_.back().used[0] = 32;
  }
}

/// Texts come last, with few bits each if all keys then have few.
inline result<void> group_table::lay_out(std::span<const key_range> ranges, bool few_texts) {
  std::uint32_t text_count = 0;
  for (std::uint32_t i = 0; i < types_.size(); ++i) {
    const data_type& type = types_[i];
    columns_.emplace_back();
    key_column& column = columns_.back();
    key_part part;
    part.column = i;
    if (type.physical == physical_type::text) {
      ++text_count;
      continue;
    }
    const bool integral = is_integer(type.physical);
    const auto full_bits = static_cast<unsigned>(byte_width(type.physical) * 8);
    part.bits = static_cast<std::uint8_t>(type.physical == physical_type::boolean ? 1
                                          : full_bits < 64                        ? full_bits
                                                                                  : 64);
    if (!ranges.empty() && ranges[i].known() && integral && full_bits <= 64 &&
        ranges[i].lowest >= lowest_of(type.physical) && ranges[i].highest <= highest_of(type.physical)) {
      const auto codes = static_cast<uint128>(ranges[i].highest - ranges[i].lowest) + (type.nullable ? 1 : 0);
      const auto bits =
          static_cast<unsigned>(codes >> 63 != 0 ? 64 : std::bit_width(static_cast<std::uint64_t>(codes)));
      if (bits < part.bits) {
        column.range = ranges[i];
        part.bits = static_cast<std::uint8_t>(bits == 0 ? 1 : bits);
        place(part);
        continue;
      }
    }
    place(part);
    if (full_bits == 128) {
      part.what = key_part::form::high_word;
      place(part);
    }
    if (type.nullable) {
      part.what = key_part::form::null_flag;
      part.bits = 1;
      place(part);
    }
  }
  constexpr unsigned array_bits = 16, most_text_bits = 12, least_text_bits = 4;
  const unsigned used = stages_.empty() ? 0 : stages_.size() > 1 || stages_[0].used[1] != 0 ? 64 : stages_[0].used[0];
  const unsigned spare = text_count == 0 || used > array_bits ? 0 : (array_bits - used) / text_count;
  few_texts_ = few_texts && spare >= least_text_bits;
  const unsigned text_bits = !few_texts_ ? 32 : spare < most_text_bits ? spare : most_text_bits;
  for (std::uint32_t i = 0; i < types_.size(); ++i) {
    if (types_[i].physical != physical_type::text) continue;
    columns_[i].texts = std::make_unique<detail::text_keys>(budget_);
    if (types_.size() == 1 && !few_texts_) {
      stages_.emplace_back(budget_);
      stages_[0].used[0] = stages_[0].used[1] = 64;
      key_part whole;
      whole.what = key_part::form::whole_text;
      parts_.push_back(whole);
      break;
    }
    columns_[i].most_texts = static_cast<std::uint32_t>(low_bits(text_bits));
    key_part part;
    part.column = i;
    part.what = key_part::form::text;
    part.bits = static_cast<std::uint8_t>(text_bits);
    place(part);
  }
  for (key_stage& stage : stages_) stage.is_wide = stage.used[1] != 0;
  if (types_.empty()) {
    mode_ = key_mode::none;
    group_count_ = 1;
  } else if (stages_.size() > 1) {
    mode_ = key_mode::generic;
  } else if (stages_[0].is_wide) {
    mode_ = key_mode::packed16;
  } else {
    mode_ = is_array() ? key_mode::array : key_mode::packed8;
    if (mode_ == key_mode::array)
      stages_[0].direct = detail::direct_table(budget_, static_cast<std::uint32_t>(possible_codes()));
  }
  return {};
}

/// One column of texts, whose keys of 16 bytes are the table's.
inline bool group_table::is_whole_text() const noexcept {
  return !parts_.empty() && parts_[0].what == key_part::form::whole_text;
}

/// How many codes a key of one lane can have.
inline std::uint64_t group_table::possible_codes() const noexcept {
  const unsigned bits = stages_[0].used[0];
  const key_column& first = columns_[parts_[0].column];
  if (parts_.size() == 1 && first.range.known()) return first.width() + 1 + (types_[0].nullable ? 1 : 0);
  return bits >= 64 ? ~std::uint64_t{0} : std::uint64_t{1} << bits;
}

/// Whether an array of the codes is worth its memory: at most a quarter of what the budget has left.
inline bool group_table::is_array() const noexcept {
  if (!arrays_) return false;
  if (stages_[0].used[0] <= detail::direct_table::small_bits) return true;
  const std::uint64_t codes = possible_codes();
  if (codes > most_array_codes_) return false;
  return budget_ == nullptr || codes * sizeof(std::uint32_t) <= budget_->available() / 4;
}

/// Lays the keys out anew, without ranges or with 32 bits for texts.
inline result<void> group_table::widen(bool ranges_hold) {
  std::vector<key_range> ranges;
  if (ranges_hold)
    for (const key_column& column : columns_) ranges.push_back(column.range);
  return lay_out_anew(ranges, few_texts_ && !ranges_hold, arrays_);
}

/// The array of a table that gets its first key. Others may have taken the memory since it was laid out: then keys go
/// into a hash table.
inline result<void> group_table::make_array() {
  if (mode_ != key_mode::array || stages_[0].direct.is_made()) return {};
  if (is_array() && stages_[0].direct.make().ok()) return {};
  std::vector<key_range> ranges;
  for (const key_column& column : columns_) ranges.push_back(column.range);
  return lay_out_anew(ranges, false, false);
}

PILLAR_API bool group_table::reserve_codes() noexcept {
  return mode_ == key_mode::array && make_array().ok() && has_codes() && stages_[0].direct.reserve_all().ok() &&
         prepare_codes().ok();
}

/// An array of one integer column for values beside its range, if the keys are dense with them too: serial numbers go
/// on. It has room for as many again on the side where they came from. False: they are not dense.
inline result<bool> group_table::reach_further(const vector& key, const selection_mask& selection) {
  key_column& of = columns_[0];
  if (types_.size() != 1 || !of.range.known() || group_count_ < vector_rows) return false;
  const bool nullable = types_[0].nullable;
  const std::uint64_t null_code = nullable ? of.width() + 1 : ~std::uint64_t{0};
  std::uint64_t least = ~std::uint64_t{0}, most = 0;
  for (std::uint32_t group = 0; group < group_count_; ++group) {
    const std::uint64_t code = stages_[0].direct.key(group);
    if (code == null_code) continue;
    least = code < least ? code : least;
    most = code > most ? code : most;
  }
  if (least > most) return false;
  const key_range used = {of.range.lowest + least, of.range.lowest + most};
  key_range range = used;
  visit_fixed_width(key.type.physical, [&]<class T>() {
    if constexpr (!std::is_floating_point_v<T> && sizeof(T) <= 8) {
      std::uint16_t rows[vector_rows];
      const std::uint32_t count = detail::list_rows(selection.words, rows);
      T values[vector_rows];
      detail::gather_rows<T>(key, rows, count, values, [](T value) { return value; });
      for (std::uint32_t i = 0; i < count; ++i) {
        if (key.validity != nullptr && !key.valid(rows[i])) continue;
        if (values[i] < range.lowest) range.lowest = values[i];
        if (values[i] > range.highest) range.highest = values[i];
      }
    }
  });
  const int128 span = range.highest - range.lowest;
  if (span / 3 > group_count_) return false;
  const physical_type type = types_[0].physical;
  if (range.lowest < used.lowest) range.lowest -= span;
  if (range.highest > used.highest) range.highest += span;
  if (range.lowest < lowest_of(type)) range.lowest = lowest_of(type);
  if (range.highest > highest_of(type)) range.highest = highest_of(type);
  if (range.lowest > of.range.lowest) range.lowest = of.range.lowest;
  if (range.highest < of.range.highest) range.highest = of.range.highest;
  const int128 codes = range.highest - range.lowest + (nullable ? 2 : 1);
  if (codes > detail::direct_table::most_codes) return false;
  const auto new_width = static_cast<std::uint64_t>(range.highest - range.lowest);
  const result<void> moved = stages_[0].direct.move_codes(
      static_cast<std::uint32_t>(static_cast<std::uint64_t>(of.range.lowest - range.lowest)),
      static_cast<std::uint32_t>(codes), static_cast<std::uint32_t>(null_code),
      PILLAR_MUTATE(group_null_moves_along, static_cast<std::uint32_t>(new_width + 1),
                    static_cast<std::uint32_t>(null_code + 1)));
  if (!moved.ok()) {
    if (moved.error().code == errc::out_of_memory) return false;
    return moved.error();
  }
  of.range = range;
  const auto bits = static_cast<std::uint8_t>(std::bit_width(static_cast<std::uint64_t>(codes - 1)));
  parts_[0].bits = stages_[0].used[0] = bits;
  if (most_array_codes_ < static_cast<std::uint64_t>(codes)) most_array_codes_ = static_cast<std::uint64_t>(codes);
  return true;
}

/// The groups keep their numbers.
inline result<void> group_table::lay_out_anew(std::span<const key_range> ranges, bool few_texts, bool arrays) {
  group_table other(budget_);
  other.arrays_ = arrays;
  other.types_ = types_;
  other.stable_dictionaries_ = stable_dictionaries_;
  other.most_array_codes_ = most_array_codes_;
  // What has just been looked at is looked at again when it is twice as much.
  if (group_count_ >= dense_look_groups / 2)
    other.next_look_ = group_count_ > ~std::uint32_t{0} / 2 ? ~std::uint32_t{0} : 2 * group_count_;
  PILLAR_TRY(other.lay_out(ranges, few_texts));
  PILLAR_ASSIGN_OR_RETURN(const std::vector<column> known, keys(budget_));
  PILLAR_TRY(other.insert_columns(known));
  PILLAR_ASSERT(other.group_count_ == group_count_ && other.block_codes_ == 0);
  other.expected_rows_ = expected_rows_;
  other.expect_rows();
  *this = std::move(other);
  return {};
}

/// Adds every row, and says that each made a group.
inline result<void> group_table::insert_columns(std::span<const column> known) {
  std::vector<vector> views(known.size());
  std::vector<const vector*> pointers;
  for (const vector& view : views) pointers.push_back(&view);
  const auto row_count = static_cast<std::uint32_t>(known[0].size());
  std::uint32_t numbers[vector_rows];
  for (std::uint32_t first = 0; first < row_count; first += vector_rows) {
    const std::uint32_t count = row_count - first < vector_rows ? row_count - first : vector_rows;
    for (std::size_t i = 0; i < known.size(); ++i) views[i] = known[i].slice(first, count);
    PILLAR_TRY(find_or_insert(pointers, selection_mask::first(count), count, numbers));
    if (group_count_ != first + count) return {errc::invalid_argument, first};
  }
  return {};
}

PILLAR_API result<group_table> group_table::from_keys(std::span<const column> keys, memory_budget* budget) {
  std::vector<data_type> types;
  for (const column& key : keys) {
    if (key.size() != keys[0].size()) return errc::invalid_argument;
    if (key.size() >= detail::key_limit) return errc::limit_exceeded;
    types.push_back(key.type());
  }
  PILLAR_ASSIGN_OR_RETURN(group_table made, make(types, budget));
  if (!keys.empty()) PILLAR_TRY(made.insert_columns(keys));
  return made;
}

/// With twice as many groups as when they were last looked at: integers that fill a third of their range, as serial
/// numbers do, index an array from now on. It has room for an eighth more on either side.
inline result<void> group_table::look_for_dense_keys() {
  next_look_ = next_look_ > ~std::uint32_t{0} / 2 ? ~std::uint32_t{0} : 2 * group_count_;
  if (types_.size() != 1 || mode_ == key_mode::array || mode_ == key_mode::generic) return {};
  const physical_type type = types_[0].physical;
  if (!is_integer(type) || byte_width(type) > 8) return {};
  const unsigned unused_bits = 64 - static_cast<unsigned>(byte_width(type) * 8);
  const key_column& of = columns_[0];
  const auto value_of = [&](std::uint64_t word) {
    if (of.range.known()) return of.range.lowest + static_cast<int128>(word);
    return lowest_of(type) < 0 ? int128{static_cast<std::int64_t>(word << unused_bits) >> unused_bits} : int128{word};
  };
  key_range range;
  std::uint64_t words[vector_rows], nulls[vector_rows] = {};
  for (std::uint32_t first = 0; first < group_count_; first += vector_rows) {
    const std::uint32_t count = group_count_ - first < vector_rows ? group_count_ - first : vector_rows;
    for (const key_part& part : parts_)
      parts_of(part, nullptr, first, count, part.what == key_part::form::null_flag ? nulls : words);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (nulls[i] != 0 || (of.range.known() && words[i] > of.width())) continue;
      const int128 value = value_of(words[i]);
      if (!range.known()) range = {value, value};
      if (value < range.lowest) range.lowest = value;
      if (value > range.highest) range.highest = value;
    }
    if (range.known() && (range.highest - range.lowest) / 3 > group_count_) return {};
  }
  if (!range.known()) return {};
  const int128 span = range.highest - range.lowest;
  range.lowest = range.lowest - span / 8 < lowest_of(type) ? lowest_of(type) : range.lowest - span / 8;
  range.highest = range.highest + span / 8 > highest_of(type) ? highest_of(type) : range.highest + span / 8;
  const std::uint64_t most = std::uint64_t{4} * group_count_;
  if (most_array_codes_ < most)
    most_array_codes_ = most < detail::direct_table::most_codes ? most : detail::direct_table::most_codes;
  return lay_out_anew(std::span(&range, 1), few_texts_, arrays_);
}

}  // namespace PILLAR_NAMESPACE
