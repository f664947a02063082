// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>  // std::memcmp
#include <limits>
#include <type_traits>
#include <utility>

#include "pillar/aggregate/sorted_groups.hpp"
#include "pillar/base/bits.hpp"    // load_unaligned, assign_bit
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/column/detail/gather.hpp"
#include "pillar/sort/key.hpp"  // ordered_word

namespace PILLAR_NAMESPACE {

namespace detail {

/// A value as it is compared: equal keys are equal words.
template <class T>
[[nodiscard]] PILLAR_ALWAYS_INLINE auto key_word_of(T value) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    return PILLAR_MUTATE(sorted_groups_floats_differ, ordered_word(value), ordered_word(T{1} / value));
  } else {
    return value;
  }
}

}  // namespace detail

PILLAR_API sorted_groups::sorted_groups(std::span<const data_type> key_types, memory_budget* budget)
    : types_(key_types.begin(), key_types.end()), budget_(budget) {
  for (const data_type& type : types_) keys_.emplace_back(type, budget);
}

/// Notes in begins[i], i < count, whether the key of rows[i] is another than that of the row before; that is the open
/// group's for the first row, and nobody's where `open` is nullptr.
inline void sorted_groups::compare(const vector& key, const std::uint16_t* rows, std::uint32_t count,
                                   const open_key* open, std::uint8_t* begins) noexcept {
  std::uint8_t valid[vector_rows];
  const bool has_nulls = key.validity != nullptr;
  if (has_nulls) {
    for (std::uint32_t i = 0; i < count; ++i) valid[i] = key.valid(rows[i]) ? 1 : 0;
    for (std::uint32_t i = 1; i < count; ++i) begins[i] |= valid[i] ^ valid[i - 1];
  }
  const auto both_valid = [&](std::uint32_t i) { return !has_nulls || (valid[i] & valid[i - 1]) != 0; };
  const bool first_valid = !has_nulls || valid[0] != 0;
  bool other = open == nullptr || open->valid != first_valid;
  if (key.type.physical == physical_type::text) {
    for (std::uint32_t i = 1; i < count; ++i)
      if (begins[i] == 0 && both_valid(i)) begins[i] = key.text_value(rows[i]) != key.text_value(rows[i - 1]) ? 1 : 0;
    if (!other && first_valid) other = open->text.slice(0, 1).text_value(0) != key.text_value(rows[0]);
  } else if (key.kind != vector_kind::constant || open != nullptr) {
    visit_fixed_width(key.type.physical, [&]<class T>() {
      using word = decltype(detail::key_word_of(T{}));
      if constexpr (sizeof(T) <= 8 && std::is_same_v<T, word>) {
        if (key.kind == vector_kind::flat && !has_nulls && rows[count - 1] - rows[0] + 1u == count) {
          const T* const values = key.values_as<T>() + rows[0];
          for (std::uint32_t i = 1; i < count; ++i) begins[i] |= values[i] != values[i - 1] ? 1 : 0;
          if (!other) other = std::memcmp(open->word, values, sizeof(word)) != 0;
          return;
        }
      }
      alignas(64) word words[vector_rows];
      detail::gather_rows<T>(key, rows, key.kind == vector_kind::constant ? 1 : count, words,
                             [](T value) { return detail::key_word_of(value); });
      if (key.kind != vector_kind::constant) {
        if (!has_nulls)
          for (std::uint32_t i = 1; i < count; ++i) begins[i] |= words[i] != words[i - 1] ? 1 : 0;
        else
          for (std::uint32_t i = 1; i < count; ++i)
            begins[i] |= static_cast<std::uint8_t>((words[i] != words[i - 1] ? 1 : 0) & valid[i] & valid[i - 1]);
      }
      if (!other && first_valid) other = std::memcmp(open->word, words, sizeof(word)) != 0;
    });
  }
  begins[0] |= other ? 1 : 0;
}

inline result<sorted_groups::open_key> sorted_groups::open_at(const vector& key, std::uint32_t row) const {
  open_key made;
  made.valid = key.valid(row);
  if (!made.valid) return made;
  if (key.type.physical != physical_type::text) {
    visit_fixed_width(key.type.physical, [&]<class T>() {
      const auto word = detail::key_word_of(detail::unaligned_value<T>(key, row));
      std::memcpy(made.word, &word, sizeof(word));
    });
    return made;
  }
  column_builder one(key.type, budget_);
  const std::uint32_t rows[] = {row};
  PILLAR_TRY(one.append_gather(key, rows));
  PILLAR_ASSIGN_OR_RETURN(made.text, one.finish());
  return made;
}

/// Appends the keys of rows, floats as they are compared.
inline result<void> sorted_groups::append(const vector& key, std::span<const std::uint32_t> rows, column_builder& out) {
  if (!is_float(key.type.physical)) return out.append_gather(key, rows);
  alignas(16) std::byte values[vector_rows * sizeof(double)];
  std::uint64_t validity[vector_words] = {};
  const auto add = [&]<class T>(T value) {
    for (std::uint32_t i = 0; i < rows.size(); ++i) {
      const bool valid = key.valid(rows[i]);
      if (valid) value = detail::unaligned_value<T>(key, rows[i]);
      if (value != value) value = std::numeric_limits<T>::quiet_NaN();
      value = PILLAR_MUTATE(sorted_groups_keep_zero, value + T{0}, value);
      std::memcpy(values + i * sizeof(T), &value, sizeof(T));
      assign_bit(validity, i, valid);
    }
  };
  if (key.type.physical == physical_type::float32) add(0.0f);
  else add(0.0);
  vector made;
  made.type = key.type;
  made.size = static_cast<std::uint32_t>(rows.size());
  made.values = values;
  if (key.validity != nullptr) made.validity = validity;
  return out.append(made);
}

PILLAR_API result<void> sorted_groups::find(std::span<const vector* const> keys, const selection_mask& selection,
                                            std::uint32_t row_count, std::uint32_t* group_of_row) {
  PILLAR_ASSERT(keys.size() == types_.size() && row_count <= vector_rows);
  std::uint16_t rows[vector_rows];
  const std::uint32_t count = detail::list_rows(selection.words, rows);
  if (count == 0) return {};
  PILLAR_ASSERT(rows[count - 1] < row_count);
  std::uint8_t begins[vector_rows];
  std::memset(begins, 0, count);
  begins[0] = group_count_ == 0 ? 1 : 0;
  for (std::size_t key = 0; key < keys.size(); ++key)
    compare(*keys[key], rows, count, group_count_ == 0 ? nullptr : &open_[key], begins);
  std::uint32_t first_rows[vector_rows + 1];  // of the groups that begin here
  std::uint32_t found = 0, group = group_count_ - 1;
  for (std::uint32_t i = 0; i < count; ++i) {  // without a branch, but for eight rows that begin nothing
    while (i + 8 <= count && load_unaligned<std::uint64_t>(reinterpret_cast<const std::byte*>(begins) + i) == 0) {
      for (std::uint32_t row = i; row < i + 8; ++row) group_of_row[rows[row]] = group;
      i += 8;
    }
    if (i == count) break;
    first_rows[found] = rows[i];
    found += begins[i];
    group += begins[i];
    group_of_row[rows[i]] = group;
  }
  if (found == 0) return {};
  if (found > 0xfffffffeu - group_count_) return {errc::limit_exceeded, group_count_};
  // What may fail is done aside, and taken over at once.
  std::vector<open_key> open;
  result<void> made;
  for (std::size_t key = 0; key < keys.size() && made.ok(); ++key) {
    auto one = open_at(*keys[key], first_rows[found - 1]);
    if (one.ok()) open.push_back(*std::move(one));
    else made = one.error();
    if (made.ok()) made = append(*keys[key], {first_rows, found}, keys_[key]);
  }
  if (!made.ok()) {
    for (column_builder& key : keys_)
      if (key.size() > group_count_) key.truncate(group_count_);
    return made;
  }
  open_ = std::move(open);
  group_count_ += found;
  return {};
}

PILLAR_API result<std::vector<column>> sorted_groups::take_keys() {
  std::vector<column> made;
  for (column_builder& key : keys_) {
    PILLAR_ASSIGN_OR_RETURN(column done, key.finish());
    made.push_back(std::move(done));
  }
  open_.clear();
  group_count_ = 0;
  return made;
}

}  // namespace PILLAR_NAMESPACE
