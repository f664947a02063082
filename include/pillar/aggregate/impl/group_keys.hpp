// SPDX-License-Identifier: Apache-2.0
/// Rows' keys as codes, words or texts, by the parts of a table's layout.
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/aggregate/group_table.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"
#include "pillar/hash/column.hpp"

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
  if (detail::look_up_numbers(of_entry, codes, row_count, numbers)) {
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
PILLAR_NOINLINE inline void group_table::find_part(const key_part& part, const vector& from, const std::uint16_t* rows,
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

}  // namespace PILLAR_NAMESPACE
