// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/aggregate/group_table.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/column/detail/gather.hpp"
#include "pillar/hash/column.hpp"  // hash_rows

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

/// The low bytes of words, one after the other.
template <class T>
void narrow_words(const std::uint64_t* words, std::uint32_t count, std::byte* out) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) store_unaligned(out + i * sizeof(T), static_cast<T>(words[i]));
}

}  // namespace detail

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
  if (stable_dictionaries_ && dictionary.size <= few_entries) {
    std::uint16_t entries[few_entries];
    for (std::uint32_t i = 0; i < dictionary.size; ++i) entries[i] = static_cast<std::uint16_t>(i);
    PILLAR_TRY(column.texts->number_rows(dictionary, entries, dictionary.size, numbers));
  }
  column.known_dictionary = &dictionary;
  return true;
}

/// The numbers of all rows' texts: 0 for NULL; of rows that are not selected theirs, or 0.
inline result<void> group_table::find_texts(key_column& column, const vector& from, const std::uint64_t* selected,
                                            std::uint32_t row_count, std::uint32_t* PILLAR_RESTRICT numbers) {
  constexpr std::uint32_t unknown = ~std::uint32_t{0};
  detail::text_keys& texts = *column.texts;
  std::uint16_t rows[vector_rows];
  if (from.kind == vector_kind::constant) {
    numbers[0] = 0;
    rows[0] = 0;
    if (from.valid(0)) PILLAR_TRY(texts.number_rows(from, rows, 1, numbers));
    for (std::uint32_t i = 1; i < row_count; ++i) numbers[i] = numbers[0];
    return {};
  }
  std::uint64_t wanted[vector_words];
  for (std::uint32_t word = 0; word < vector_words; ++word) wanted[word] = selected[word] & from.validity_word(word);
  bool prepared = false;
  if (from.kind == vector_kind::dictionary && from.dictionary->size != 0) {
    PILLAR_ASSIGN_OR_RETURN(prepared, prepare_entries(column, *from.dictionary));
  }
  if (!prepared) {
    for (std::uint32_t i = 0; i < row_count; ++i) numbers[i] = 0;
    return texts.number_rows(from, rows, detail::list_rows(wanted, rows), numbers);
  }
  auto* of_entry = column.entry_numbers.as<std::uint32_t>();
  const std::uint32_t* codes = from.codes;
  std::uint32_t missing = 0;
  for (std::uint32_t i = 0; i < row_count; ++i) {
    numbers[i] = of_entry[codes[i]];
    missing += numbers[i] == unknown ? 1 : 0;
  }
  if (missing != 0) {
    const std::uint32_t listed = detail::list_rows(wanted, rows);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < listed; ++i) {
      rows[count] = rows[i];
      count += numbers[rows[i]] == unknown ? 1 : 0;
    }
    PILLAR_TRY(texts.number_rows(from, rows, count, numbers));
    for (std::uint32_t i = 0; i < count; ++i) of_entry[codes[rows[i]]] = numbers[rows[i]];
    for (std::uint32_t i = 0; i < row_count; ++i) numbers[i] = numbers[i] == unknown ? 0 : numbers[i];
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
  key_words(part, from, rows, count, values);
  for (std::uint32_t i = 0; i < count; ++i) lane[i] |= values[i] << shift;
  return {};
}

/// The bits of rows of a column that is not text, before they are shifted to their place.
inline void group_table::key_words(const key_part& part, const vector& from, const std::uint16_t* rows,
                                   std::uint32_t count, std::uint64_t* PILLAR_RESTRICT words) const noexcept {
  const key_column& column = columns_[part.column];
  const bool ranged = column.range.known();
  const auto lowest = static_cast<std::uint64_t>(column.range.lowest);
  const bool high = part.what == key_part::form::high_word;
  visit_fixed_width(from.type.physical, [&]<class T>() {
    if constexpr (sizeof(T) == 16) {
      detail::gather_rows<T>(from, rows, count, words,
                             [high](T value) { return static_cast<std::uint64_t>(high ? value >> 64 : value); });
    } else if constexpr (std::is_floating_point_v<T>) {
      detail::gather_rows<T>(from, rows, count, words, [](T value) { return detail::key_bits(value); });
    } else if (ranged) {
      // A signed value less the lowest one is the same modulo 2^64 after sign extension.
      detail::gather_rows<T>(from, rows, count, words,
                             [lowest](T value) { return static_cast<std::uint64_t>(value) - lowest; });
    } else {
      detail::gather_rows<T>(from, rows, count, words, [](T value) { return detail::key_bits(value); });
    }
  });
  if (from.validity == nullptr) return;
  const std::uint64_t null_code = ranged ? column.width() + 1 : 0;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!from.valid(rows[i])) words[i] = null_code;
}

/// Adds one part's bits of the rows to a lane; of values that have no code, known[i] becomes 0.
inline void group_table::find_part(const key_part& part, const vector& from, const std::uint16_t* rows,
                                   std::uint32_t count, std::uint64_t* PILLAR_RESTRICT lane,
                                   std::uint8_t* PILLAR_RESTRICT known) const noexcept {
  const key_column& column = columns_[part.column];
  if (part.what == key_part::form::null_flag) {
    if (from.validity == nullptr) return;
    for (std::uint32_t i = 0; i < count; ++i) lane[i] |= std::uint64_t{!from.valid(rows[i])} << part.shift;
    return;
  }
  std::uint64_t words[vector_rows];
  if (part.what == key_part::form::text) {
    std::uint32_t numbers[vector_rows];
    column.texts->find_numbers(from, rows, count, numbers);
    for (std::uint32_t i = 0; i < count; ++i) {
      words[i] = numbers[i];
      if (numbers[i] == detail::key_limit || numbers[i] > column.most_texts) known[i] = 0;
    }
  } else {
    key_words(part, from, rows, count, words);
    if (column.range.known())
      for (std::uint32_t i = 0; i < count; ++i)
        if (PILLAR_MUTATE(group_find_beyond_range, words[i] > column.width(), false) && from.valid(rows[i]))
          known[i] = 0;
  }
  // What has more bits belongs to a row that is not known.
  const std::uint64_t kept = low_bits(part.bits);
  for (std::uint32_t i = 0; i < count; ++i) lane[i] |= (words[i] & kept) << part.shift;
}

inline bool group_table::outside_ranges(std::span<const vector* const> keys, const std::uint16_t* rows,
                                        std::uint32_t count) const {
  bool outside = false;
  std::uint64_t distances[vector_rows];
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (!columns_[i].range.known()) continue;
    const vector& from = *keys[i];
    const auto lowest = static_cast<std::uint64_t>(columns_[i].range.lowest);
    const std::uint64_t width = columns_[i].width();
    visit_fixed_width(from.type.physical, [&]<class T>() {
      if constexpr (!std::is_floating_point_v<T> && sizeof(T) <= 8)
        detail::gather_rows<T>(from, rows, count, distances,
                               [lowest](T value) { return static_cast<std::uint64_t>(value) - lowest; });
    });
    if (from.validity == nullptr)
      for (std::uint32_t at = 0; at < count; ++at) outside |= distances[at] > width;
    else
      for (std::uint32_t at = 0; at < count; ++at) outside |= distances[at] > width && from.valid(rows[at]);
  }
  return outside;
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

inline result<void> group_table::insert_rows(std::span<const vector* const> keys, const std::uint16_t* rows,
                                             std::uint32_t count, std::uint32_t* groups) {
  if (is_whole_text()) {
    detail::wide_key words[vector_rows];
    PILLAR_TRY(columns_[0].texts->keys_of(*keys[0], rows, count, words));
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

PILLAR_API result<void> group_table::find_slots(std::span<const vector* const> keys, const selection_mask& selection,
                                                std::uint32_t row_count, std::uint32_t* slot_of_row) {
  PILLAR_ASSERT(keys.size() == types_.size() && row_count <= vector_rows);
  if (stable_dictionaries_ && !keys.empty()) {
    PILLAR_ASSIGN_OR_RETURN(const bool from_codes, prepare_block(keys));
    // Where batch after batch has many codes that are new in the block, looking them up first is in vain.
    constexpr std::uint32_t most_misses = 8;
    if (from_codes && block_misses_ < most_misses) return find_in_block(keys, selection, row_count, slot_of_row);
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
  if (is_whole_word(keys) &&
      PILLAR_MUTATE(group_takes_unselected, selection == selection_mask::first(row_count), true)) {
    PILLAR_ASSERT(keys[0]->type.physical == types_[0].physical && keys[0]->size == row_count);
    detail::word_table<std::uint64_t>& words = stages_[0].narrow;
    PILLAR_TRY(words.find_or_insert(static_cast<const std::uint64_t*>(keys[0]->values), row_count, slot_of_row, 1));
    return note_groups(words.size());
  }
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

PILLAR_API result<bool> group_table::find_codes(std::span<const vector* const> keys, const selection_mask& selection,
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
  detail::direct_table& direct = stages_[0].direct;
  PILLAR_TRY(direct.add(code_of_row, row_count));
  group_count_ = direct.size();
  return true;
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

/// Equal words stand for equal keys.
inline bool group_table::same_layout(const group_table& other) const noexcept {
  const auto is_word = [](key_mode mode) { return mode == key_mode::array || mode == key_mode::packed8; };
  if (mode_ != other.mode_ && !(is_word(mode_) && is_word(other.mode_))) return false;
  if (stages_.size() != 1 || other.stages_.size() != 1) return false;
  if (is_whole_text())
    return !columns_[0].texts->has_long() && !other.columns_[0].texts->has_long();  // else numbers stand in the words
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const key_range &mine = columns_[i].range, &theirs = other.columns_[i].range;
    if (columns_[i].texts != nullptr || mine.known() != theirs.known()) return false;
    if (mine.known() && (mine.lowest != theirs.lowest || mine.highest != theirs.highest)) return false;
  }
  return true;
}

/// The keys' words of groups of a table, those listed from `first` on, or [first, first + count).
template <class Word>
void group_table::words_of(const Word* keys, const std::uint32_t* groups, std::uint32_t first, std::uint32_t count,
                           auto* PILLAR_RESTRICT out) noexcept {
  constexpr std::uint32_t ahead = 24;  // those listed may lie far apart
  for (std::uint32_t i = 0; i < count; ++i) {
    if (groups != nullptr && i + ahead < count) __builtin_prefetch(keys + groups[first + i + ahead]);
    out[i] = keys[groups == nullptr ? first + i : groups[first + i]];
  }
}

/// At most 1,024 groups of a table of the same layout.
inline result<void> group_table::insert_words(const group_table& other, const std::uint32_t* groups,
                                              std::uint32_t first, std::uint32_t count, std::uint32_t* group_of) {
  key_stage& to = stages_[0];
  const key_stage& from = other.stages_[0];
  if (to.is_wide) {
    detail::wide_key words[vector_rows];
    words_of(from.wide.keys(), groups, first, count, words);
    PILLAR_TRY(to.wide.find_or_insert(words, count, group_of));
    group_count_ = to.wide.size();
    return {};
  }
  std::uint64_t words[vector_rows];
  if (other.mode_ == key_mode::array) words_of(from.direct.codes(), groups, first, count, words);
  else words_of(from.narrow.keys(), groups, first, count, words);
  if (mode_ == key_mode::array) {
    std::uint32_t codes[vector_rows];
    for (std::uint32_t i = 0; i < count; ++i) codes[i] = static_cast<std::uint32_t>(words[i]);
    PILLAR_TRY(to.direct.find_or_insert(codes, selection_mask::first(count).words, count, group_of));
    for (std::uint32_t i = 0; i < count; ++i) --group_of[i];
    group_count_ = to.direct.size();
  } else {
    PILLAR_TRY(to.narrow.find_or_insert(words, count, group_of));
    group_count_ = to.narrow.size();
  }
  return {};
}

inline result<void> group_table::merge_groups(const group_table& other, const std::uint32_t* groups,
                                              std::uint32_t count, std::uint32_t* group_of) {
  PILLAR_ASSERT(this != &other);
  if (types_ != other.types_) return errc::type_mismatch;
  if (mode_ == key_mode::none) {
    for (std::uint32_t i = 0; i < count; ++i) group_of[i] = 0;
    return {};
  }
  block_codes_ = 0;
  const std::uint32_t before = group_count_;
  const auto merge_part = [&](std::uint32_t first, std::uint32_t part) -> result<void> {
    PILLAR_TRY(make_array());
    if (same_layout(other)) return insert_words(other, groups, first, part, group_of + first);
    std::vector<column> known;
    std::vector<vector> views;
    std::vector<const vector*> pointers;
    for (std::uint32_t key = 0; key < types_.size(); ++key) {
      column_builder out(types_[key], budget_);
      PILLAR_TRY(other.append_groups(key, groups, first, part, out));
      PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
      known.push_back(std::move(done));
    }
    for (const column& key : known) views.push_back(key.slice(0, part));
    for (const vector& view : views) pointers.push_back(&view);
    const bool promised = stable_dictionaries_;
    stable_dictionaries_ = false;  // the promise was about others' vectors
    const auto done = find_or_insert(pointers, selection_mask::first(part), part, group_of + first);
    stable_dictionaries_ = promised;
    return done;
  };
  for (std::uint32_t first = 0; first < count; first += vector_rows) {
    const std::uint32_t part = count - first < vector_rows ? count - first : vector_rows;
    if (auto done = merge_part(first, part); !done.ok()) {
      truncate(PILLAR_MUTATE(group_merge_leaves_half, before, group_count_));
      return done;
    }
  }
  return {};
}

PILLAR_API result<void> group_table::merge(const group_table& other, std::uint32_t* group_of_other) {
  return merge_groups(other, nullptr, other.group_count_, group_of_other);
}
PILLAR_API result<void> group_table::merge(const group_table& other, std::span<const std::uint32_t> groups,
                                           std::uint32_t* group_of) {
  return merge_groups(other, groups.data(), static_cast<std::uint32_t>(groups.size()), group_of);
}

/// The bits of one part of the keys of at most 1,024 groups: those listed from `first` on, or [first, first + count).
inline void group_table::parts_of(const key_part& part, const std::uint32_t* groups, std::uint32_t first,
                                  std::uint32_t count, std::uint64_t* PILLAR_RESTRICT out) const noexcept {
  std::uint32_t numbers[vector_rows];
  for (std::uint32_t i = 0; i < count; ++i) numbers[i] = groups == nullptr ? first + i : groups[first + i];
  for (std::size_t at = stages_.size() - 1; at > part.stage; --at) {  // down to the part's table
    const key_stage& stage = stages_[at];
    for (std::uint32_t i = 0; i < count; ++i)
      numbers[i] =
          static_cast<std::uint32_t>(stage.is_wide ? stage.wide.key(numbers[i]).low : stage.narrow.key(numbers[i]));
  }
  const key_stage& stage = stages_[part.stage];
  if (mode_ == key_mode::array) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = stage.direct.key(numbers[i]);
  } else if (!stage.is_wide) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = stage.narrow.key(numbers[i]);
  } else if (part.lane == 0) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = stage.wide.key(numbers[i]).low;
  } else {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = stage.wide.key(numbers[i]).high;
  }
  const std::uint64_t kept = low_bits(part.bits);
  for (std::uint32_t i = 0; i < count; ++i) out[i] = (out[i] >> part.shift) & kept;
}

inline result<void> group_table::append_groups(std::uint32_t key, const std::uint32_t* groups, std::uint32_t first,
                                               std::uint32_t count, column_builder& out) const {
  const key_column& of = columns_[key];
  const key_part *value = nullptr, *high = nullptr, *null_flag = nullptr;
  for (const key_part& part : parts_) {
    if (part.column != key) continue;
    if (part.what == key_part::form::high_word) high = &part;
    else if (part.what == key_part::form::null_flag) null_flag = &part;
    else value = &part;
  }
  const std::uint64_t before = out.size();
  const auto append_text = [&](const detail::wide_key& text) {
    return detail::text_keys::is_null(text) ? out.append_null() : out.append_text(of.texts->text(text));
  };
  const auto append_part = [&](std::uint32_t begin, std::uint32_t rows) -> result<void> {
    if (value->what == key_part::form::whole_text) {
      for (std::uint32_t i = begin; i < begin + rows; ++i)
        PILLAR_TRY(append_text(stages_[0].wide.key(groups == nullptr ? i : groups[i])));
      return {};
    }
    std::uint64_t words[vector_rows];
    parts_of(*value, groups, begin, rows, words);
    if (value->what == key_part::form::text) {
      for (std::uint32_t i = 0; i < rows; ++i)
        PILLAR_TRY(words[i] == 0 ? out.append_null()
                                 : append_text(of.texts->key(static_cast<std::uint32_t>(words[i]))));
      return {};
    }
    std::uint64_t upper[vector_rows], validity[vector_words];
    for (auto& word : validity) word = ~std::uint64_t{0};
    if (null_flag != nullptr) {
      parts_of(*null_flag, groups, begin, rows, upper);
      for (std::uint32_t i = 0; i < rows; ++i) assign_bit(validity, i, upper[i] == 0);
    }
    if (of.range.known()) {
      const std::uint64_t width = of.width(), lowest = static_cast<std::uint64_t>(of.range.lowest);
      if (types_[key].nullable)
        for (std::uint32_t i = 0; i < rows; ++i) assign_bit(validity, i, words[i] <= width);
      for (std::uint32_t i = 0; i < rows; ++i) words[i] = words[i] > width ? 0 : words[i] + lowest;
    }
    alignas(16) std::byte values[std::size_t{vector_rows} * 16];  // little endian
    switch (byte_width(types_[key].physical)) {
      case 1: detail::narrow_words<std::uint8_t>(words, rows, values); break;
      case 2: detail::narrow_words<std::uint16_t>(words, rows, values); break;
      case 4: detail::narrow_words<std::uint32_t>(words, rows, values); break;
      case 8: detail::narrow_words<std::uint64_t>(words, rows, values); break;
      default:
        parts_of(*high, groups, begin, rows, upper);
        for (std::uint32_t i = 0; i < rows; ++i) {
          store_unaligned(values + std::size_t{i} * 16, words[i]);
          store_unaligned(values + std::size_t{i} * 16 + 8, upper[i]);
        }
    }
    vector view;
    view.type = types_[key];
    view.size = rows;
    view.values = values;
    if (types_[key].nullable) view.validity = validity;
    return out.append(view);
  };
  for (std::uint32_t done = 0; done < count; done += vector_rows) {
    if (auto added = append_part(first + done, count - done < vector_rows ? count - done : vector_rows); !added.ok()) {
      out.truncate(before);
      return added;
    }
  }
  return {};
}

PILLAR_API result<void> group_table::append_keys(std::uint32_t key, std::uint32_t first, std::uint32_t count,
                                                 column_builder& out) const {
  PILLAR_ASSERT(key < types_.size() && std::uint64_t{first} + count <= group_count_);
  return append_groups(key, nullptr, first, count, out);
}
PILLAR_API result<void> group_table::append_keys(std::uint32_t key, std::span<const std::uint32_t> groups,
                                                 column_builder& out) const {
  PILLAR_ASSERT(key < types_.size());
  return append_groups(key, groups.data(), 0, static_cast<std::uint32_t>(groups.size()), out);
}

inline result<void> group_table::hash_groups(const std::uint32_t* groups, std::uint32_t first, std::uint32_t count,
                                             std::uint64_t* out, memory_budget* scratch) const {
  for (std::uint32_t done = 0; done < count; done += vector_rows) {
    const std::uint32_t rows = count - done < vector_rows ? count - done : vector_rows;
    std::vector<column> known;
    std::vector<vector> views;
    std::vector<const vector*> pointers;
    for (std::uint32_t key = 0; key < types_.size(); ++key) {
      column_builder part(types_[key], scratch);
      PILLAR_TRY(append_groups(key, groups, first + done, rows, part));
      PILLAR_ASSIGN_OR_RETURN(column made, part.finish());
      known.push_back(std::move(made));
    }
    for (const column& key : known) views.push_back(key.slice(0, rows));
    for (const vector& view : views) pointers.push_back(&view);
    hash_rows(pointers, rows, out + done);
  }
  return {};
}

PILLAR_API result<void> group_table::hash_keys(std::uint32_t first, std::uint32_t count, std::uint64_t* out,
                                               memory_budget* scratch) const {
  PILLAR_ASSERT(std::uint64_t{first} + count <= group_count_);
  return hash_groups(nullptr, first, count, out, scratch);
}
PILLAR_API result<void> group_table::hash_keys(std::span<const std::uint32_t> groups, std::uint64_t* out,
                                               memory_budget* scratch) const {
  return hash_groups(groups.data(), 0, static_cast<std::uint32_t>(groups.size()), out, scratch);
}

PILLAR_API void group_table::hash_words(std::uint32_t first, std::uint32_t count, std::uint64_t* out) const noexcept {
  PILLAR_ASSERT(stages_.size() == 1 && std::uint64_t{first} + count <= group_count_);
  const auto hash = [&](const auto* keys) {
    for (std::uint32_t i = 0; i < count; ++i) out[i] = std::rotl(detail::table_hash(keys[first + i]), 32);
  };
  const key_stage& stage = stages_[0];
  if (stage.is_wide) return hash(stage.wide.keys());
  if (mode_ != key_mode::array) return hash(stage.narrow.keys());
  for (std::uint32_t i = 0; i < count; ++i)
    out[i] = std::rotl(detail::table_hash(std::uint64_t{stage.direct.codes()[first + i]}), 32);
}

PILLAR_API result<std::vector<column>> group_table::keys(memory_budget* budget) const {
  std::vector<column> made;
  for (std::uint32_t i = 0; i < types_.size(); ++i) {
    column_builder out(types_[i], budget);
    PILLAR_TRY(out.reserve(group_count_));
    PILLAR_TRY(append_keys(i, 0, group_count_, out));
    PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
    made.push_back(std::move(done));
  }
  return made;
}

}  // namespace PILLAR_NAMESPACE
