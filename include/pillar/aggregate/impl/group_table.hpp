// SPDX-License-Identifier: Apache-2.0
/// Making a group table, and looking keys up.
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/aggregate/group_table.hpp"
#include "pillar/aggregate/impl/group_blocks.hpp"
#include "pillar/aggregate/impl/group_columns.hpp"
#include "pillar/aggregate/impl/group_keys.hpp"
#include "pillar/aggregate/impl/group_layout.hpp"
#include "pillar/aggregate/impl/group_merge.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"
#include "pillar/hash/column.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<group_table> group_table::make(std::span<const data_type> key_types, memory_budget* budget,
                                                 std::span<const key_range> ranges, std::uint64_t expected_rows) {
  if (!ranges.empty() && ranges.size() != key_types.size()) return errc::invalid_argument;
  group_table made(budget);
  if (expected_rows > made.most_array_codes_ / 2)
    made.most_array_codes_ =
        expected_rows > detail::direct_table::most_codes / 2 ? detail::direct_table::most_codes : 2 * expected_rows;
  made.types_.assign(key_types.begin(), key_types.end());
  PILLAR_TRY(made.lay_out(ranges, true));
  made.expected_rows_ = expected_rows;
  made.expect_rows();
  return made;
}

PILLAR_API void group_table::expect_groups(std::uint32_t count) noexcept {
  if (stages_.empty() || mode_ == key_mode::array || group_count_ != 0) return;
  if (stages_.back().is_wide) stages_.back().wide.make_room(count);
  else stages_.back().narrow.make_room(count);
}

inline void group_table::expect_rows() noexcept {
  for (key_stage& stage : stages_) {
    stage.narrow.expect(expected_rows_);
    stage.wide.expect(expected_rows_);
  }
}

inline result<void> group_table::insert_rows(std::span<const vector* const> keys, const std::uint16_t* rows,
                                             std::uint32_t count, std::uint32_t* groups) {
  if (is_whole_text()) {
    detail::wide_key memory[vector_rows];
    PILLAR_ASSIGN_OR_RETURN(const detail::wide_key* const words,
                            columns_[0].texts->keys_at(*keys[0], rows, count, memory));
    PILLAR_TRY(stages_[0].wide.find_or_insert(words, count, groups));
    group_count_ = stages_[0].wide.size();
    return {};
  }
  std::uint64_t lanes[2][vector_rows];
  for (std::uint32_t at = 0; at < stages_.size(); ++at) {
    key_stage& stage = stages_[at];
    for (std::uint32_t i = 0; i < count; ++i) lanes[0][i] = at == 0 ? 0 : groups[i];
    if (stage.is_wide) std::memset(lanes[1], 0, count * sizeof(std::uint64_t));
    for (const key_part& part : parts_)
      if (part.stage == at) PILLAR_TRY(encode(part, *keys[part.column], rows, count, lanes[part.lane]));
    if (!stage.is_wide) {
      PILLAR_TRY(stage.narrow.find_or_insert(lanes[0], count, groups));
    } else {
      detail::wide_key wide[vector_rows];
      for (std::uint32_t i = 0; i < count; ++i) wide[i] = {lanes[0][i], lanes[1][i]};
      PILLAR_TRY(stage.wide.find_or_insert(wide, count, groups));
    }
  }
  const key_stage& last = stages_.back();
  return note_groups(last.is_wide ? last.wide.size() : last.narrow.size());
}

/// There are so many groups now.
inline result<void> group_table::note_groups(std::uint32_t group_count) {
  group_count_ = group_count;
  // Running out of memory there leaves everything as it is, which is as good a layout.
  if (group_count_ >= next_look_) static_cast<void>(look_for_dense_keys().ok());
  return {};
}

PILLAR_API result<void> group_table::find_slots(std::span<const vector* const> keys, const selection_mask& selection,
                                                std::uint32_t row_count, std::uint32_t* slot_of_row,
                                                const detail::next_lines& next) {
  PILLAR_ASSERT(keys.size() == types_.size() && row_count <= vector_rows);
  if (finds_whole_words(keys, selection, row_count)) return find_whole_words(*keys[0], row_count, slot_of_row, next);
  if (is_whole_text() && keys[0]->kind == vector_kind::flat && selection == selection_mask::first(row_count))
    return find_whole_texts(*keys[0], row_count, slot_of_row, next);
  next.ask_all(row_count);
  if (stable_dictionaries_ && !keys.empty()) {
    PILLAR_ASSIGN_OR_RETURN(const bool from_codes, prepare_block(keys));
    // Where batch after batch has many codes that are new in the block, looking them up first is in vain.
    constexpr std::uint32_t most_misses = 8;
    if (from_codes && block_misses_ < most_misses) return find_in_block(keys, selection, row_count, slot_of_row);
  }
  return find_each_slot(keys, selection, row_count, slot_of_row);
}

/// Whether all rows are selected and their one key, as it lies there, is what the table looks for.
inline bool group_table::finds_whole_words(std::span<const vector* const> keys, const selection_mask& selection,
                                           std::uint32_t row_count) const noexcept {
  return is_whole_word(keys) &&
         PILLAR_MUTATE(group_takes_unselected, selection == selection_mask::first(row_count), true);
}
inline result<void> group_table::find_whole_words(const vector& key, std::uint32_t row_count,
                                                  std::uint32_t* slot_of_row, const detail::next_lines& next) {
  PILLAR_ASSERT(key.type.physical == types_[0].physical && key.size == row_count);
  detail::word_table<std::uint64_t>& words = stages_[0].narrow;
  PILLAR_TRY(words.find_or_insert(static_cast<const std::uint64_t*>(key.values), row_count, slot_of_row, 1, next));
  return note_groups(words.size());
}

inline result<void> group_table::find_whole_texts(const vector& key, std::uint32_t row_count,
                                                  std::uint32_t* slot_of_row, const detail::next_lines& next) {
  PILLAR_ASSERT(key.type.physical == types_[0].physical && key.size == row_count);
  detail::wide_key memory[vector_rows];
  PILLAR_ASSIGN_OR_RETURN(const detail::wide_key* const words,
                          columns_[0].texts->keys_at(key, detail::all_rows.at, row_count, memory));
  PILLAR_TRY(stages_[0].wide.find_or_insert(words, row_count, slot_of_row, 1, next));
  group_count_ = stages_[0].wide.size();
  return {};
}

inline result<void> group_table::find_each_slot(std::span<const vector* const> keys, const selection_mask& selection,
                                                std::uint32_t row_count, std::uint32_t* slot_of_row) {
  if (mode_ == key_mode::array) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      PILLAR_ASSERT(keys[i]->type.physical == types_[i].physical && keys[i]->size == row_count);
      PILLAR_ASSERT(keys[i]->validity == nullptr || types_[i].nullable);
    }
    if (!selection.any()) {
      for (std::uint32_t row = 0; row < row_count; ++row) slot_of_row[row] = 0;
      return {};
    }
    PILLAR_TRY(make_array());
    if (mode_ != key_mode::array) return find_each_slot(keys, selection, row_count, slot_of_row);
    std::uint32_t codes[vector_rows];
    PILLAR_ASSIGN_OR_RETURN(const code_fault fault, encode_small(keys, selection, row_count, codes));
    if (fault != code_fault::none) {
      if (fault == code_fault::outside_ranges) {
        PILLAR_ASSIGN_OR_RETURN(const bool reached, reach_further(*keys[0], selection));
        if (reached) return find_each_slot(keys, selection, row_count, slot_of_row);
      }
      PILLAR_TRY(widen(fault == code_fault::many_texts));
      return find_each_slot(keys, selection, row_count, slot_of_row);
    }
    key_stage& stage = stages_.front();
    PILLAR_TRY(stage.direct.find_or_insert(codes, selection.words, row_count, slot_of_row));
    group_count_ = stage.direct.size();
    return {};
  }
  if (finds_whole_words(keys, selection, row_count)) return find_whole_words(*keys[0], row_count, slot_of_row, {});
  for (std::uint32_t row = 0; row < row_count; ++row) slot_of_row[row] = 0;
  PILLAR_TRY(find_or_insert(keys, selection, row_count, slot_of_row));
  for (std::uint32_t row = 0; row < row_count; ++row) ++slot_of_row[row];
  detail::clear_unselected(selection.words, row_count, slot_of_row);
  return {};
}

namespace detail {

/// slots[i] = values[i] − lowest + 1; false if one is further than `width` above `lowest`. Requires: width < 2^31
template <class T>
bool code_slots(const T* PILLAR_RESTRICT values, std::uint32_t row_count, std::uint64_t lowest, std::uint32_t width,
                std::uint32_t* PILLAR_RESTRICT slots) noexcept {
  using distance = std::conditional_t<sizeof(T) <= 4, std::uint32_t, std::uint64_t>;
  const auto base = static_cast<distance>(lowest), most = distance{width};
  distance beyond = 0;  // its highest bit
  for (std::uint32_t i = 0; i < row_count; ++i) {
    const auto at = static_cast<distance>(static_cast<distance>(values[i]) - base);
    beyond |= at | (most - at);
    slots[i] = static_cast<std::uint32_t>(at) + 1;
  }
  return beyond >> (sizeof(distance) * 8 - 1) == 0;
}

}  // namespace detail

PILLAR_API result<bool> group_table::read_codes(std::span<const vector* const> keys, const selection_mask& selection,
                                                std::uint32_t row_count, std::uint32_t* code_of_row) {
  PILLAR_ASSERT(has_codes() && keys.size() == types_.size() && row_count <= vector_rows);
  const vector& first = *keys[0];
  bool done = false;
  if (keys.size() == 1 && columns_[0].range.known() && first.kind == vector_kind::flat && first.validity == nullptr)
    visit_fixed_width(first.type.physical, [&]<class T>() {
      if constexpr (std::is_integral_v<T> && (sizeof(T) == 4 || sizeof(T) == 8))
        done = detail::code_slots(first.values_as<T>(), row_count, static_cast<std::uint64_t>(columns_[0].range.lowest),
                                  static_cast<std::uint32_t>(columns_[0].width()), code_of_row);
    });
  if (!done) {  // or an unselected row is beyond the range
    std::uint32_t codes[vector_rows];
    PILLAR_ASSIGN_OR_RETURN(const code_fault fault, encode_small(keys, selection, row_count, codes));
    if (fault != code_fault::none) return false;
    for (std::uint32_t i = 0; i < row_count; ++i) code_of_row[i] = codes[i] + 1;
  }
  if (!(selection == selection_mask::first(row_count)))
    detail::clear_unselected(selection.words, row_count, code_of_row);
  return true;
}

PILLAR_API result<void> group_table::add_codes(const std::uint32_t* code_of_row, std::uint32_t row_count) noexcept {
  PILLAR_TRY(prepare_codes());
  detail::direct_table& direct = stages_[0].direct;
  PILLAR_TRY(direct.add(code_of_row, row_count));
  group_count_ = direct.size();
  return {};
}

PILLAR_API result<bool> group_table::find_codes(std::span<const vector* const> keys, const selection_mask& selection,
                                                std::uint32_t row_count, std::uint32_t* code_of_row) {
  PILLAR_ASSIGN_OR_RETURN(const bool found, read_codes(keys, selection, row_count, code_of_row));
  if (found) PILLAR_TRY(add_codes(code_of_row, row_count));
  return found;
}

PILLAR_API result<void> group_table::find_or_insert(std::span<const vector* const> keys,
                                                    const selection_mask& selection, std::uint32_t row_count,
                                                    std::uint32_t* group_of_row) {
  PILLAR_ASSERT(keys.size() == types_.size() && row_count <= vector_rows);
  if (mode_ == key_mode::none) {
    for (std::uint32_t row = 0; row < row_count; ++row) group_of_row[row] = 0;
    return {};
  }
  if (mode_ == key_mode::array) {
    PILLAR_TRY(find_each_slot(keys, selection, row_count, group_of_row));
    for (std::uint32_t row = 0; row < row_count; ++row) --group_of_row[row];
    return {};
  }
  bool all_constant = true;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    PILLAR_ASSERT(keys[i]->type.physical == types_[i].physical && keys[i]->size == row_count);
    PILLAR_ASSERT(keys[i]->validity == nullptr || types_[i].nullable);
    all_constant = all_constant && keys[i]->kind == vector_kind::constant;
  }
  const bool kept = stable_dictionaries_ && parts_[0].what == key_part::form::text;  // find_texts knows its entries
  if (keys.size() == 1 && keys[0]->kind == vector_kind::dictionary && keys[0]->dictionary->size <= vector_rows && !kept)
    return insert_entries(*keys[0], selection, group_of_row);
  if (keys.size() == 1 && keys[0]->kind == vector_kind::run_end && keys[0]->run_count * 2 <= row_count)
    return insert_runs(*keys[0], selection, group_of_row);
  std::uint16_t rows[vector_rows];
  std::uint32_t count = detail::list_rows(selection.words, rows);
  if (count == 0) return {};
  if (all_constant) count = 1;
  if (outside_ranges(keys, rows, count)) {
    PILLAR_TRY(widen(false));
    return find_or_insert(keys, selection, row_count, group_of_row);
  }
  if (count == row_count) return insert_rows(keys, rows, count, group_of_row);
  std::uint32_t groups[vector_rows];
  PILLAR_TRY(insert_rows(keys, rows, count, groups));
  if (all_constant) {
    for (std::uint32_t row = 0; row < row_count; ++row) group_of_row[row] = groups[0];
  } else {
    for (std::uint32_t i = 0; i < count; ++i) group_of_row[rows[i]] = groups[i];
  }
  return {};
}

PILLAR_API void group_table::truncate(std::uint32_t group_count) noexcept {
  PILLAR_ASSERT(group_count <= group_count_);
  if (mode_ == key_mode::none) return;
  block_codes_ = 0;
  key_stage& last = stages_.back();
  if (mode_ == key_mode::array) last.direct.truncate(group_count);
  else if (last.is_wide) last.wide.truncate(group_count);
  else last.narrow.truncate(group_count);
  group_count_ = group_count;
}

PILLAR_API void group_table::find(std::span<const vector* const> keys, const selection_mask& selection,
                                  std::uint32_t row_count, std::uint32_t* slot_of_row) const noexcept {
  PILLAR_ASSERT(keys.size() == types_.size() && row_count <= vector_rows);
  for (std::uint32_t row = 0; row < row_count; ++row) slot_of_row[row] = 0;
  std::uint16_t rows[vector_rows];
  const std::uint32_t count = detail::list_rows(selection.words, rows);
  if (mode_ == key_mode::none) {
    for (std::uint32_t i = 0; i < count; ++i) slot_of_row[rows[i]] = 1;
    return;
  }
  std::uint32_t groups[vector_rows];
  if (is_whole_text()) {
    detail::wide_key words[vector_rows];
    columns_[0].texts->find_keys(*keys[0], rows, count, words);
    stages_[0].wide.find(words, count, groups);
    for (std::uint32_t i = 0; i < count; ++i) slot_of_row[rows[i]] = groups[i] == detail::key_limit ? 0 : groups[i] + 1;
    return;
  }
  std::uint64_t lanes[2][vector_rows];
  std::uint8_t known[vector_rows];
  std::memset(known, 1, count);
  for (std::uint32_t at = 0; at < stages_.size(); ++at) {
    const key_stage& stage = stages_[at];
    for (std::uint32_t i = 0; i < count; ++i) lanes[0][i] = at == 0 ? 0 : groups[i];
    if (stage.is_wide) std::memset(lanes[1], 0, count * sizeof(std::uint64_t));
    for (const key_part& part : parts_)
      if (part.stage == at) find_part(part, *keys[part.column], rows, count, lanes[part.lane], known);
    if (mode_ == key_mode::array) {
      for (std::uint32_t i = 0; i < count; ++i) groups[i] = stage.direct.find(lanes[0][i]) - 1;
      for (std::uint32_t i = 0; i < count; ++i) known[i] &= groups[i] < detail::key_limit ? 1 : 0;
      break;
    }
    if (!stage.is_wide) {
      stage.narrow.find(lanes[0], count, groups);
    } else {
      detail::wide_key wide[vector_rows];
      for (std::uint32_t i = 0; i < count; ++i) wide[i] = {lanes[0][i], lanes[1][i]};
      stage.wide.find(wide, count, groups);
    }
    for (std::uint32_t i = 0; i < count; ++i) known[i] &= groups[i] < detail::key_limit ? 1 : 0;
  }
  for (std::uint32_t i = 0; i < count; ++i)
    slot_of_row[rows[i]] = PILLAR_MUTATE(group_find_guesses, known[i] != 0, true) ? groups[i] + 1 : 0;
}

}  // namespace PILLAR_NAMESPACE
