// SPDX-License-Identifier: Apache-2.0
/// Encoded keys: entries of dictionaries and runs are looked up once for all of their rows.
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/aggregate/group_table.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"
#include "pillar/hash/column.hpp"

namespace PILLAR_NAMESPACE {

/// One column of 64-bit integers without a range, whose values are the table's keys where they lie.
inline bool group_table::is_whole_word(std::span<const vector* const> keys) const noexcept {
  return mode_ == key_mode::packed8 && keys.size() == 1 && keys[0]->kind == vector_kind::flat &&
         keys[0]->validity == nullptr && parts_.size() == 1 && parts_[0].bits == 64 && !columns_[0].range.known() &&
         is_integer(types_[0].physical) && reinterpret_cast<std::uintptr_t>(keys[0]->values) % 8 == 0;
}

/// One dictionary column: its entries in use are looked up once, the rows follow their codes.
inline result<void> group_table::insert_entries(const vector& key, const selection_mask& selection,
                                                std::uint32_t* group_of_row) {
  std::uint16_t rows[vector_rows];
  const std::uint32_t count = detail::list_rows(selection.words, rows);
  std::uint8_t seen[vector_rows] = {};
  bool any_null = false;
  if (key.validity == nullptr) {
    for (std::uint32_t i = 0; i < count; ++i) seen[key.codes[rows[i]]] = 1;
  } else {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (key.valid(rows[i])) seen[key.codes[rows[i]]] = 1;
      else any_null = true;
    }
  }
  selection_mask used = selection_mask::none();
  for (std::uint32_t code = 0; code < key.dictionary->size; ++code)
    if (seen[code] != 0) set_bit(used.words, code);
  const std::uint32_t before = group_count_;
  std::uint32_t of_entry[vector_rows];
  std::uint32_t of_null = 0;
  const vector* entries = key.dictionary;
  PILLAR_TRY(find_or_insert(std::span(&entries, 1), used, entries->size, of_entry));
  if (any_null) {
    const std::uint64_t invalid = 0;
    const std::uint64_t nothing[2] = {};
    vector null = *key.dictionary;
    null.values = nothing;
    null.kind = vector_kind::constant;
    null.size = 1;
    null.validity = &invalid;
    null.validity_offset = 0;
    const vector* nulls = &null;
    if (auto found = find_or_insert(std::span(&nulls, 1), selection_mask::first(1), 1, &of_null); !found.ok()) {
      truncate(before);
      return found;
    }
  }
  if (key.validity == nullptr) {
    for (std::uint32_t i = 0; i < count; ++i) group_of_row[rows[i]] = of_entry[key.codes[rows[i]]];
  } else {
    for (std::uint32_t i = 0; i < count; ++i)
      group_of_row[rows[i]] = key.valid(rows[i]) ? of_entry[key.codes[rows[i]]] : of_null;
  }
  return {};
}

/// One run-end column: the runs that have selected rows are looked up, the rows follow.
inline result<void> group_table::insert_runs(const vector& key, const selection_mask& selection,
                                             std::uint32_t* group_of_row) {
  selection_mask used = selection_mask::none();
  key.for_each_run(0, key.size, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
    for (std::uint32_t row = begin; row < end; ++row)
      if (selection.test(row)) {
        set_bit(used.words, run - key.first_run);
        break;
      }
  });
  vector runs = *key.dictionary;
  const std::size_t width = byte_width(runs.type.physical);
  runs.values = static_cast<const std::byte*>(runs.values) + width * key.first_run;
  runs.size = key.run_count;
  runs.validity = key.validity;
  runs.validity_offset = key.validity_offset + PILLAR_MUTATE(group_runs_at_first, key.first_run, 0);
  const vector* pointer = &runs;
  std::uint32_t of_run[vector_rows];
  PILLAR_TRY(find_or_insert(std::span(&pointer, 1), used, runs.size, of_run));
  key.for_each_run(0, key.size, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
    if (!used.test(run - key.first_run)) return;
    for (std::uint32_t row = begin; row < end; ++row) group_of_row[row] = of_run[run - key.first_run];
  });
  return {};
}

/// Whether the rows' slots can be found from their dictionary codes alone, and room for that.
inline result<bool> group_table::prepare_block(std::span<const vector* const> keys) {
  constexpr std::uint64_t most_codes = 65536;
  std::uint64_t codes = 1;
  bool same = block_codes_ != 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i]->kind != vector_kind::dictionary || keys[i]->validity != nullptr) return false;
    codes *= keys[i]->dictionary->size;
    if (codes == 0 || codes > most_codes) return false;
    same = same && block_dictionaries_[i] == keys[i]->dictionary;
  }
  if (same) return true;
  block_codes_ = 0;
  const std::size_t bytes = codes * sizeof(std::uint32_t);
  if (block_slots_.size() < bytes) {
    PILLAR_ASSIGN_OR_RETURN(block_slots_, buffer::allocate(bytes, budget_));
  }
  std::memset(block_slots_.data(), 0, bytes);
  block_dictionaries_.clear();
  for (const vector* key : keys) block_dictionaries_.push_back(key->dictionary);
  block_codes_ = static_cast<std::uint32_t>(codes);
  block_misses_ = 0;
  find_block_slots();
  look_for_same_order();
  return true;
}

/// Whether the codes of the block are the groups' numbers.
inline void group_table::look_for_same_order() noexcept {
  const auto* slots = block_slots_.as<std::uint32_t>();
  std::uint32_t code = 0;
  while (code < block_codes_ && slots[code] == code + 1) ++code;
  block_in_order_ = code == block_codes_;
}

/// The slots of the block's codes whose keys have one by now: the blocks of a column often have like dictionaries.
inline void group_table::find_block_slots() noexcept {
  constexpr std::uint32_t unknown = ~std::uint32_t{0};
  const std::size_t key_count = block_dictionaries_.size();
  if (group_count_ == 0) return;
  for (const vector* dictionary : block_dictionaries_)
    if (dictionary->size > vector_rows) return;
  auto* slots = block_slots_.as<std::uint32_t>();
  if (key_count == 1) return find(block_dictionaries_, selection_mask::first(block_codes_), block_codes_, slots);
  // One load for each combination must be worth it: there are not many more than groups.
  if (mode_ != key_mode::array || block_codes_ / 4 > group_count_) return;
  std::uint16_t rows[vector_rows];
  for (std::uint32_t i = 0; i < vector_rows; ++i) rows[i] = static_cast<std::uint16_t>(i);
  std::uint32_t combined = 1;  // that stand in `slots`, as codes of the array
  slots[0] = 0;
  for (std::uint32_t k = 0; k < key_count; ++k) {
    const std::uint32_t size = block_dictionaries_[k]->size;
    std::uint64_t lane[vector_rows] = {};
    std::uint8_t known[vector_rows];
    std::memset(known, 1, size);
    for (const key_part& part : parts_)
      if (part.column == k) find_part(part, *block_dictionaries_[k], rows, size, lane, known);
    for (std::uint32_t i = combined; i-- > 0;) {
      const std::uint32_t before = slots[i];
      for (std::uint32_t entry = size; entry-- > 0;)
        slots[i * size + entry] =
            before == unknown || PILLAR_MUTATE(group_unknown_entries_taken, known[entry] == 0, false)
                ? unknown
                : before | static_cast<std::uint32_t>(lane[entry]);
    }
    combined *= size;
  }
  for (std::uint32_t i = 0; i < combined; ++i) slots[i] = stages_[0].direct.find(slots[i]);
}

inline result<void> group_table::find_in_block(std::span<const vector* const> keys, const selection_mask& selection,
                                               std::uint32_t row_count, std::uint32_t* slot_of_row) {
  std::uint32_t codes[vector_rows];
  const std::uint32_t* combined = keys[0]->codes;
  for (std::size_t k = 1; k < keys.size(); ++k) {
    const std::uint32_t* before = combined;
    const std::uint32_t* next = keys[k]->codes;
    const std::uint32_t size = keys[k]->dictionary->size;
    for (std::uint32_t i = 0; i < row_count; ++i) codes[i] = before[i] * size + next[i];
    combined = codes;
  }
  auto* slot_of = block_slots_.as<std::uint32_t>();
  if (block_in_order_) {
    for (std::uint32_t i = 0; i < row_count; ++i) slot_of_row[i] = combined[i] + 1;
    detail::clear_unselected(selection.words, row_count, slot_of_row);
    return {};
  }
  const bool found =
      block_codes_ <= detail::most_nibbles
          ? detail::look_up_nibbles(slot_of, block_codes_, combined, selection.words, row_count, slot_of_row)
          : detail::look_up(slot_of, combined, selection.words, row_count, slot_of_row);
  if (found) return {};
  selection_mask missing = selection;
  for (std::uint32_t i = 0; i < row_count; ++i)
    missing.words[i / 64] &= ~(std::uint64_t{slot_of_row[i] != 0} << (i % 64));
  std::uint32_t others[vector_rows];
  if (keys.size() == 1 && block_codes_ <= vector_rows) {  // entries in their order, each once
    selection_mask used = selection_mask::none();
    for_each_row(missing, [&](std::uint32_t row) { set_bit(used.words, combined[row]); });
    const vector* const dictionary = block_dictionaries_[0];  // the list goes where the keys are laid out anew
    PILLAR_TRY(find_each_slot(std::span(&dictionary, 1), used, block_codes_, others));
    if (block_codes_ != 0) {
      for_each_row(used, [&](std::uint32_t code) { slot_of[code] = others[code]; });
      look_for_same_order();
    }
    for_each_row(missing, [&](std::uint32_t row) { slot_of_row[row] = others[combined[row]]; });
    return {};
  }
  PILLAR_TRY(find_each_slot(keys, missing, row_count, others));
  for (std::uint32_t i = 0; i < row_count; ++i) slot_of_row[i] |= others[i];
  if (block_codes_ == 0) return {};  // the keys were laid out anew
  std::uint32_t added = 0;
  for (std::uint32_t i = 0; i < row_count; ++i)
    if (others[i] != 0) {
      added += slot_of[combined[i]] == 0 ? 1 : 0;
      slot_of[combined[i]] = others[i];
    }
  block_misses_ += added > row_count / 4 * 3 ? 1 : 0;
  return {};
}

}  // namespace PILLAR_NAMESPACE
