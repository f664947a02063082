// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/column/detail/gather.hpp"
#include "pillar/aggregate/group_table.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE

namespace PILLAR_NAMESPACE {

namespace detail {

/// The bits that stand for a value of at most 64 bits in a key.
template <class T>
PILLAR_ALWAYS_INLINE std::uint64_t key_bits(T value) noexcept {
  if constexpr (std::is_same_v<T, double>) {
    return canonical_bits(value);
  } else if constexpr (std::is_same_v<T, float>) {
    if (value != value) return 0x7fc00000u;
    return PILLAR_MUTATE(group_negative_zero_apart, value == 0, false) ? 0u : std::bit_cast<std::uint32_t>(value);
  } else {
    return static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<T>>(value));
  }
}

}  // namespace detail

PILLAR_API result<group_table> group_table::make(std::span<const data_type> key_types, memory_budget* budget,
                                                 std::span<const key_range> ranges) {
  if (!ranges.empty() && ranges.size() != key_types.size()) return errc::invalid_argument;
  group_table made(budget);
  made.types_.assign(key_types.begin(), key_types.end());
  PILLAR_TRY(made.lay_out(ranges, true));
  return made;
}

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
    columns_[i].texts = std::make_unique<detail::text_interner>(budget_);
    columns_[i].most_texts = static_cast<std::uint32_t>(low_bits(text_bits));
    key_part part;
    part.column = i;
    part.what = key_part::form::text;
    part.bits = static_cast<std::uint8_t>(text_bits);
    place(part);
  }
  for (key_stage& stage : stages_) {
    stage.is_wide = stage.used[1] != 0;
    stage.direct = detail::direct_table(budget_);
  }
  if (types_.empty()) {
    mode_ = key_mode::none;
    group_count_ = 1;
  } else if (stages_.size() > 1) {
    mode_ = key_mode::generic;
  } else if (stages_[0].is_wide) {
    mode_ = key_mode::packed16;
  } else {
    mode_ = stages_[0].used[0] <= detail::direct_table::most_bits ? key_mode::array : key_mode::packed8;
  }
  return {};
}

/// Room for the numbers of a dictionary's entries; false where looking the rows up one by one is better. Few entries of
/// a dictionary that will stay are looked up at once.
inline result<bool> group_table::prepare_entries(key_column& column, const vector& dictionary) {
  constexpr std::uint32_t few_entries = 64;
  if (stable_dictionaries_ && column.known_dictionary == &dictionary) return true;
  if (!stable_dictionaries_ && dictionary.size > vector_rows) return false;
  column.known_dictionary = nullptr;
  const std::size_t bytes = std::size_t{dictionary.size} * sizeof(std::uint32_t);
  if (column.entry_numbers.size() < bytes) {
    PILLAR_ASSIGN_OR_RETURN(column.entry_numbers, buffer::allocate(bytes, budget_));
  }
  auto* numbers = column.entry_numbers.as<std::uint32_t>();
  std::memset(numbers, 0xff, bytes);
  if (stable_dictionaries_ && dictionary.size <= few_entries)
    for (std::uint32_t i = 0; i < dictionary.size; ++i) {
      PILLAR_ASSIGN_OR_RETURN(numbers[i], column.texts->find_or_insert(dictionary.text_value(i)));
    }
  column.known_dictionary = &dictionary;
  return true;
}

/// The numbers of all rows' texts: 0 for NULL; of rows that are not selected theirs, or 0.
inline result<void> group_table::find_texts(key_column& column, const vector& from, const std::uint64_t* selected,
                                            std::uint32_t row_count, std::uint32_t* PILLAR_RESTRICT numbers) {
  constexpr std::uint32_t unknown = ~std::uint32_t{0};
  detail::text_interner& texts = *column.texts;
  if (from.kind == vector_kind::constant) {
    std::uint32_t number = 0;
    if (from.valid(0)) {
      PILLAR_ASSIGN_OR_RETURN(number, texts.find_or_insert(from.text_value(0)));
    }
    for (std::uint32_t i = 0; i < row_count; ++i) numbers[i] = number;
    return {};
  }
  const auto each_selected = [&](auto&& take) -> result<void> {
    for (std::uint32_t first = 0; first < row_count; first += 64)
      for (std::uint64_t word = selected[first / 64] & from.validity_word(first / 64); word != 0; word &= word - 1)
        PILLAR_TRY(take(first + static_cast<std::uint32_t>(std::countr_zero(word))));
    return {};
  };
  bool prepared = false;
  if (from.kind == vector_kind::dictionary && from.dictionary->size != 0) {
    PILLAR_ASSIGN_OR_RETURN(prepared, prepare_entries(column, *from.dictionary));
  }
  if (!prepared) {
    for (std::uint32_t i = 0; i < row_count; ++i) numbers[i] = 0;
    return each_selected([&](std::uint32_t row) -> result<void> {
      PILLAR_ASSIGN_OR_RETURN(numbers[row], texts.find_or_insert(from.text_value(row)));
      return {};
    });
  }
  auto* of_entry = column.entry_numbers.as<std::uint32_t>();
  const std::uint32_t* codes = from.codes;
  std::uint32_t missing = 0;
  for (std::uint32_t i = 0; i < row_count; ++i) {
    numbers[i] = of_entry[codes[i]];
    missing += numbers[i] == unknown ? 1 : 0;
  }
  if (missing != 0) {
    PILLAR_TRY(each_selected([&](std::uint32_t row) -> result<void> {
      std::uint32_t& number = of_entry[codes[row]];
      if (number == unknown) {
        PILLAR_ASSIGN_OR_RETURN(number, texts.find_or_insert(from.text_value(row)));
      }
      return {};
    }));
    for (std::uint32_t i = 0; i < row_count; ++i) {
      const std::uint32_t number = of_entry[codes[i]];
      numbers[i] = number == unknown ? 0 : number;
    }
  }
  if (from.validity != nullptr) {
    std::uint64_t valid[vector_words];
    for (std::uint32_t word = 0; word < vector_words; ++word) valid[word] = from.validity_word(word);
    detail::clear_unselected(valid, row_count, numbers);
  }
  return {};
}

namespace detail {

/// Adds the codes of an integer column; says whether a value that is not NULL is further than `width` above `lowest`.
template <class T>
bool add_codes(const vector& from, std::uint32_t row_count, std::uint64_t lowest, std::uint64_t width,
               std::uint64_t ignored_bits, std::uint32_t null_code, unsigned shift,
               std::uint32_t* PILLAR_RESTRICT codes) noexcept {
  using distance = std::conditional_t<sizeof(T) <= 4, std::uint32_t, std::uint64_t>;
  const auto base = static_cast<distance>(lowest), most = static_cast<distance>(width);
  const auto kept = static_cast<distance>(~ignored_bits);
  const auto* values = static_cast<const std::byte*>(from.holder().values);
  distance beyond = 0;  // its highest bit: most is far below it
  const auto code = [&](std::uint32_t index) {
    const T value = load_unaligned<T>(values + std::size_t{index} * sizeof(T));
    const auto at = static_cast<distance>((static_cast<distance>(value) - base) & kept);
    beyond |= at | (most - at);
    return static_cast<std::uint32_t>(at) << shift;
  };
  if (from.kind == vector_kind::constant) {
    const std::uint32_t one = from.valid(0) ? code(0) : null_code << shift;
    for (std::uint32_t i = 0; i < row_count; ++i) codes[i] |= one;
  } else if (from.validity != nullptr) {
    for (std::uint32_t i = 0; i < row_count; ++i)
      codes[i] |= from.valid(i) ? code(from.index_of(i)) : null_code << shift;
  } else if (from.kind == vector_kind::dictionary) {
    for (std::uint32_t i = 0; i < row_count; ++i) codes[i] |= code(from.codes[i]);
  } else if (from.kind == vector_kind::run_end) {
    from.for_each_run(0, row_count, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
      for (std::uint32_t i = begin; i < end; ++i) codes[i] |= code(run);
    });
  } else {
    for (std::uint32_t i = 0; i < row_count; ++i) codes[i] |= code(i);
  }
  return beyond >> (sizeof(distance) * 8 - 1) != 0;
}

}  // namespace detail

/// The codes of all rows, for array mode; those of rows that are not selected are any code.
inline auto group_table::encode_small(std::span<const vector* const> keys, const selection_mask& selection,
                                      std::uint32_t row_count, std::uint32_t* PILLAR_RESTRICT codes)
    -> result<code_fault> {
  for (std::uint32_t i = 0; i < row_count; ++i) codes[i] = 0;
  bool beyond = false;
  for (const key_part& part : parts_) {
    const vector& from = *keys[part.column];
    key_column& column = columns_[part.column];
    if (part.what == key_part::form::null_flag) {
      if (from.validity == nullptr) continue;
      for (std::uint32_t i = 0; i < row_count; ++i) codes[i] |= std::uint32_t{!from.valid(i)} << part.shift;
    } else if (part.what == key_part::form::text) {
      std::uint32_t numbers[vector_rows];
      PILLAR_TRY(find_texts(column, from, selection.words, row_count, numbers));
      if (column.texts->size() > column.most_texts) return code_fault::many_texts;
      for (std::uint32_t i = 0; i < row_count; ++i) codes[i] |= numbers[i] << part.shift;
    } else {
      const bool ranged = column.range.known();
      const std::uint64_t lowest = ranged ? static_cast<std::uint64_t>(column.range.lowest) : 0;
      const std::uint64_t width = ranged ? column.width() : low_bits(part.bits);
      const std::uint64_t ignored = ranged ? 0 : ~low_bits(part.bits);
      const auto null_code = static_cast<std::uint32_t>(ranged ? width + 1 : 0);
      visit_fixed_width(from.type.physical, [&]<class T>() {
        if constexpr (!std::is_floating_point_v<T> && sizeof(T) <= 8)
          beyond |= detail::add_codes<T>(from, row_count, lowest, width, ignored, null_code, part.shift, codes);
      });
    }
  }
  if (!beyond) return code_fault::none;
  std::uint16_t rows[vector_rows];
  const std::uint32_t count = detail::list_rows(selection.words, rows);
  if (outside_ranges(keys, rows, count)) return code_fault::outside_ranges;
  detail::clear_unselected(selection.words, row_count, codes);
  return code_fault::none;
}

/// Adds one part's bits of the rows to a lane.
inline result<void> group_table::encode(const key_part& part, const vector& from, const std::uint16_t* rows,
                                        std::uint32_t count, std::uint64_t* PILLAR_RESTRICT lane) {
  key_column& column = columns_[part.column];
  const unsigned shift = part.shift;
  if (part.what == key_part::form::null_flag) {
    if (from.validity == nullptr) return {};
    for (std::uint32_t i = 0; i < count; ++i) lane[i] |= std::uint64_t{!from.valid(rows[i])} << shift;
    return {};
  }
  if (part.what == key_part::form::text) {
    std::uint64_t selected[vector_words] = {};
    for (std::uint32_t i = 0; i < count; ++i) set_bit(selected, rows[i]);
    std::uint32_t numbers[vector_rows];
    PILLAR_TRY(find_texts(column, from, selected, from.size, numbers));
    for (std::uint32_t i = 0; i < count; ++i) lane[i] |= std::uint64_t{numbers[rows[i]]} << shift;
    return {};
  }
  std::uint64_t values[vector_rows];
  const bool ranged = column.range.known();
  const auto lowest = static_cast<std::uint64_t>(column.range.lowest);
  const bool high = part.what == key_part::form::high_word;
  visit_fixed_width(from.type.physical, [&]<class T>() {
    if constexpr (sizeof(T) == 16) {
      detail::gather_rows<T>(from, rows, count, values,
                             [high](T value) { return static_cast<std::uint64_t>(high ? value >> 64 : value); });
    } else if constexpr (std::is_floating_point_v<T>) {
      detail::gather_rows<T>(from, rows, count, values, [](T value) { return detail::key_bits(value); });
    } else if (ranged) {
      // A signed value less the lowest one is the same modulo 2^64 after sign extension.
      detail::gather_rows<T>(from, rows, count, values,
                             [lowest](T value) { return static_cast<std::uint64_t>(value) - lowest; });
    } else {
      detail::gather_rows<T>(from, rows, count, values, [](T value) { return detail::key_bits(value); });
    }
  });
  if (from.validity != nullptr) {
    const std::uint64_t null_code = ranged ? column.width() + 1 : 0;
    for (std::uint32_t i = 0; i < count; ++i)
      if (!from.valid(rows[i])) values[i] = null_code;
  }
  for (std::uint32_t i = 0; i < count; ++i) lane[i] |= values[i] << shift;
  return {};
}

inline bool group_table::outside_ranges(std::span<const vector* const> keys, const std::uint16_t* rows,
                                        std::uint32_t count) const {
  bool outside = false;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!columns_[i].range.known()) continue;
    const vector& from = *keys[i];
    const auto* values = static_cast<const std::byte*>(from.holder().values);
    const auto lowest = static_cast<std::uint64_t>(columns_[i].range.lowest);
    const std::uint64_t width = columns_[i].width();
    visit_fixed_width(from.type.physical, [&]<class T>() {
      if constexpr (!std::is_floating_point_v<T> && sizeof(T) <= 8) {
        for (std::uint32_t at = 0; at < count; ++at) {
          const T value = load_unaligned<T>(values + std::size_t{from.index_of(rows[at])} * sizeof(T));
          outside |= from.valid(rows[at]) && static_cast<std::uint64_t>(value) - lowest > width;
        }
      }
    });
  }
  return outside;
}

/// Lays the keys out anew, without ranges or with 32 bits for texts; the groups keep their numbers.
inline result<void> group_table::widen(bool ranges_hold) {
  group_table wider(budget_);
  wider.types_ = types_;
  wider.stable_dictionaries_ = stable_dictionaries_;
  std::vector<key_range> ranges;
  if (ranges_hold)
    for (const key_column& column : columns_) ranges.push_back(column.range);
  PILLAR_TRY(wider.lay_out(ranges, few_texts_ && !ranges_hold));
  PILLAR_ASSIGN_OR_RETURN(const std::vector<column> known, keys(budget_));
  std::uint32_t numbers[vector_rows];
  for (std::uint32_t first = 0; first < group_count_; first += vector_rows) {
    const std::uint32_t count = group_count_ - first < vector_rows ? group_count_ - first : vector_rows;
    std::vector<vector> views;
    std::vector<const vector*> pointers;
    for (const column& key : known) views.push_back(key.slice(first, count));
    for (const vector& view : views) pointers.push_back(&view);
    PILLAR_TRY(wider.find_or_insert(pointers, selection_mask::first(count), count, numbers));
  }
  PILLAR_ASSERT(wider.group_count_ == group_count_ && wider.block_codes_ == 0);
  *this = std::move(wider);
  return {};
}

inline result<void> group_table::insert_rows(std::span<const vector* const> keys, const std::uint16_t* rows,
                                             std::uint32_t count, std::uint32_t* groups) {
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
  group_count_ = last.is_wide ? last.wide.size() : last.narrow.size();
  return {};
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
  return true;
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
  const bool found =
      block_codes_ <= detail::most_nibbles
          ? detail::look_up_nibbles(slot_of, block_codes_, combined, selection.words, row_count, slot_of_row)
          : detail::look_up(slot_of, combined, selection.words, row_count, slot_of_row);
  if (found) return {};
  PILLAR_TRY(find_each_slot(keys, selection, row_count, slot_of_row));
  if (block_codes_ == 0) return {};  // the keys were laid out anew
  for (std::uint32_t i = 0; i < row_count; ++i)
    if (slot_of_row[i] != 0) slot_of[combined[i]] = slot_of_row[i];
  return {};
}

PILLAR_API result<void> group_table::find_slots(std::span<const vector* const> keys, const selection_mask& selection,
                                                std::uint32_t row_count, std::uint32_t* slot_of_row) {
  PILLAR_ASSERT(keys.size() == types_.size() && row_count <= vector_rows);
  if (stable_dictionaries_ && !keys.empty()) {
    PILLAR_ASSIGN_OR_RETURN(const bool from_codes, prepare_block(keys));
    if (from_codes) return find_in_block(keys, selection, row_count, slot_of_row);
  }
  return find_each_slot(keys, selection, row_count, slot_of_row);
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
    std::uint32_t codes[vector_rows];
    PILLAR_ASSIGN_OR_RETURN(const code_fault fault, encode_small(keys, selection, row_count, codes));
    if (fault != code_fault::none) {
      PILLAR_TRY(widen(fault == code_fault::many_texts));
      return find_each_slot(keys, selection, row_count, slot_of_row);
    }
    key_stage& stage = stages_.front();
    PILLAR_TRY(stage.direct.find_or_insert(stage.used[0], codes, selection.words, row_count, slot_of_row));
    group_count_ = stage.direct.size();
    return {};
  }
  for (std::uint32_t row = 0; row < row_count; ++row) slot_of_row[row] = 0;
  PILLAR_TRY(find_or_insert(keys, selection, row_count, slot_of_row));
  for (std::uint32_t row = 0; row < row_count; ++row) ++slot_of_row[row];
  detail::clear_unselected(selection.words, row_count, slot_of_row);
  return {};
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
  const bool kept = stable_dictionaries_ && types_[0].physical == physical_type::text;  // find_texts knows its entries
  if (keys.size() == 1 && keys[0]->kind == vector_kind::dictionary && keys[0]->dictionary->size <= vector_rows && !kept)
    return insert_entries(*keys[0], selection, group_of_row);
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

inline std::uint64_t group_table::part_of(const key_part& part, std::uint32_t group) const noexcept {
  for (std::size_t at = stages_.size(); at-- > 0;) {
    const key_stage& stage = stages_[at];
    const detail::wide_key key = mode_ == key_mode::array ? detail::wide_key{stage.direct.key(group), 0}
                                 : stage.is_wide          ? stage.wide.key(group)
                                                          : detail::wide_key{stage.narrow.key(group), 0};
    if (part.stage == at) return ((part.lane == 0 ? key.low : key.high) >> part.shift) & low_bits(part.bits);
    group = static_cast<std::uint32_t>(key.low);  // the last table's number
  }
  return 0;
}

PILLAR_API result<void> group_table::append_keys(std::uint32_t key, std::uint32_t first, std::uint32_t count,
                                                 column_builder& out) const {
  PILLAR_ASSERT(key < types_.size() && std::uint64_t{first} + count <= group_count_);
  const key_column& of = columns_[key];
  const key_part *value = nullptr, *high = nullptr, *null_flag = nullptr;
  for (const key_part& part : parts_) {
    if (part.column != key) continue;
    if (part.what == key_part::form::high_word) high = &part;
    else if (part.what == key_part::form::null_flag) null_flag = &part;
    else value = &part;
  }
  const std::size_t width = byte_width(types_[key].physical);
  alignas(16) std::byte values[std::size_t{vector_rows} * 16];
  std::uint64_t validity[vector_words];
  const std::uint64_t before = out.size();
  for (std::uint32_t done = 0; done < count;) {
    const std::uint32_t part_count = count - done < vector_rows ? count - done : vector_rows;
    for (auto& word : validity) word = 0;
    for (std::uint32_t i = 0; i < part_count; ++i) {
      const std::uint32_t group = first + done + i;
      std::uint64_t bits = part_of(*value, group);
      bool null = null_flag != nullptr && part_of(*null_flag, group) != 0;
      if (value->what == key_part::form::text) {
        auto added = bits == 0 ? out.append_null() : out.append_text(of.texts->text(static_cast<std::uint32_t>(bits)));
        if (!added.ok()) {
          out.truncate(before);
          return added;
        }
        continue;
      }
      if (of.range.known()) {
        null = bits > of.width();
        bits = null ? 0 : bits + static_cast<std::uint64_t>(of.range.lowest);
      }
      const std::uint64_t words[2] = {bits, high == nullptr ? 0 : part_of(*high, group)};
      std::memcpy(values + i * width, words, width);  // little endian
      if (!null) set_bit(validity, i);
    }
    if (value->what != key_part::form::text) {
      vector view;
      view.type = types_[key];
      view.size = part_count;
      view.values = values;
      if (types_[key].nullable) view.validity = validity;
      if (auto added = out.append(view); !added.ok()) {
        out.truncate(before);
        return added;
      }
    }
    done += part_count;
  }
  return {};
}

PILLAR_API result<std::vector<column>> group_table::keys(memory_budget* budget) const {
  std::vector<column> made;
  for (std::uint32_t i = 0; i < types_.size(); ++i) {
    column_builder out(types_[i], budget);
    PILLAR_TRY(append_keys(i, 0, group_count_, out));
    PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
    made.push_back(std::move(done));
  }
  return made;
}

}  // namespace PILLAR_NAMESPACE
