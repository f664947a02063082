// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::push_heap, std::sort
#include <cstring>    // std::memcmp
#include <string_view>
#include <utility>

#include "pillar/base/detail/heap_sort.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/column/builder.hpp"
#include "pillar/sort/top_n.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

inline std::uint64_t head_of(const std::byte* key, std::size_t size) noexcept {
  std::uint64_t head = 0;
  for (std::size_t i = 0; i < 8; ++i) head = head << 8 | (i < size ? static_cast<std::uint64_t>(key[i]) : 0);
  return head;
}

/// For each row a number not above the head of its key, from its first key column alone.
inline void least_heads(const vector& from, const sort_key& key, std::uint32_t row_count,
                        std::uint64_t* heads) noexcept {
  const std::uint64_t value_head = std::uint64_t{1} << 56;
  const std::uint64_t null_head = key.nulls_first ? 0 : std::uint64_t{2} << 56;
  if (from.type.physical == physical_type::text) {
    const std::uint64_t flip = key.descending ? 0xff : 0;
    for (std::uint32_t row = 0; row < row_count; ++row) {
      heads[row] = null_head;
      if (!from.valid(row)) continue;
      const std::string_view text = from.text_value(row);
      std::uint64_t head = value_head;
      for (std::size_t i = 0; i < 7; ++i) {
        const std::uint64_t byte = (i < text.size() ? static_cast<unsigned char>(text[i]) : 0u) ^ flip;
        head |= byte << (48 - 8 * i);
        if (i >= text.size() || text[i] == '\0') break;  // what follows an escape or the end is left at zero
      }
      heads[row] = head;
    }
    return;
  }
  const auto* values = static_cast<const std::byte*>(from.holder().values);
  visit_fixed_width(from.type.physical, [&]<class T>() {
    for (std::uint32_t row = 0; row < row_count; ++row) {
      if (!from.valid(row)) {
        heads[row] = null_head;
        continue;
      }
      const T value = load_unaligned<T>(values + std::size_t{from.index_of(row)} * sizeof(T));
      std::uint64_t word;  // its significant bytes at the top
      if constexpr (sizeof(T) == 16) word = ordered_word(static_cast<std::int64_t>(value >> 64));
      else if constexpr (std::is_signed_v<T> && !std::is_floating_point_v<T>)
        word = static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) << (64 - 8 * sizeof(T)) ^ std::uint64_t{1}
                                                                                                          << 63;
      else word = ordered_word(value) << (64 - 8 * sizeof(T));
      if (key.descending) word = ~word;
      if constexpr (sizeof(T) < 8)
        word &= ~(~std::uint64_t{0} >> (8 * sizeof(T)));  // beyond the value: another column's
      heads[row] = value_head | word >> 8;
    }
  });
}

inline result<void> append_cells(std::span<const vector* const> columns, std::uint32_t row,
                                 growable<std::byte>& out) noexcept {
  for (const vector* from : columns) {
    const bool valid = from->valid(row);
    PILLAR_TRY(out.append(static_cast<std::byte>(valid ? 1 : 0)));
    if (!valid) continue;
    if (from->type.physical == physical_type::text) {
      const std::string_view text = from->text_value(row);
      const auto size = static_cast<std::uint32_t>(text.size());
      PILLAR_TRY(out.append(reinterpret_cast<const std::byte*>(&size), sizeof size));
      PILLAR_TRY(out.append(reinterpret_cast<const std::byte*>(text.data()), text.size()));
    } else {
      const std::size_t width = byte_width(from->type.physical);
      PILLAR_TRY(out.append(static_cast<const std::byte*>(from->holder().values) + width * from->index_of(row), width));
    }
  }
  return {};
}

/// One cell of those that append_cells wrote, as a vector of one row; moves `at` past it.
struct cell_view {
  vector view{};
  text_slot slot{};
  const std::byte* characters = nullptr;
  std::uint64_t validity = 0;
  alignas(16) std::byte value[16] = {};  ///< cells lie unaligned

  void read(const data_type& type, const std::byte*& at) noexcept {
    view = vector{};
    view.type = type;
    view.size = 1;
    const bool valid = *at++ != std::byte{0};
    validity = valid ? 1 : 0;
    if (!valid) view.validity = &validity;
    slot = text_slot{};
    if (type.physical == physical_type::text) {
      if (valid) {
        const auto size = load_unaligned<std::uint32_t>(at);
        characters = at + sizeof size;
        slot = text_slot::make({reinterpret_cast<const char*>(characters), size}, 0, 0);
        at = characters + size;
      }
      view.values = &slot;
      view.buffers = &characters;
    } else {
      const std::size_t width = valid ? byte_width(type.physical) : 0;
      std::memcpy(value, at, width);
      view.values = value;
      at += width;
    }
  }
};

}  // namespace detail

PILLAR_API result<top_n> top_n::make(std::span<const data_type> column_types, std::span<const sort_key> keys,
                                     std::uint64_t row_limit, memory_budget* budget) {
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (keys[i].column >= column_types.size()) return {errc::no_such_column, i};
  top_n made(budget);
  made.types_.assign(column_types.begin(), column_types.end());
  made.keys_.assign(keys.begin(), keys.end());
  made.row_limit_ = row_limit;
  return made;
}

inline bool top_n::before(const entry& a, const entry& b) const noexcept {
  if (a.head != b.head) return a.head < b.head;
  const std::size_t shared = a.key_bytes < b.key_bytes ? a.key_bytes : b.key_bytes;
  const int order = shared == 0 ? 0 : std::memcmp(bytes_.data() + a.offset, bytes_.data() + b.offset, shared);
  if (order != 0) return order < 0;
  if (a.key_bytes != b.key_bytes) return a.key_bytes < b.key_bytes;
  return PILLAR_MUTATE(top_n_unstable, a.row<b.row, a.row> b.row);
}

/// Takes a row in whose bytes lie in bytes_, or drops them again.
inline result<void> top_n::offer(const entry& made) {
  const auto less = [this](const entry& a, const entry& b) { return before(a, b); };
  if (entries_.size() < row_limit_) {
    if (auto added = entries_.append(made); !added.ok()) {
      bytes_.truncate(made.offset);
      return added;
    }
    std::push_heap(entries_.data(), entries_.data() + entries_.size(), less);
    return {};
  }
  if (!before(made, entries_[0])) {
    bytes_.truncate(made.offset);
    return {};
  }
  unused_bytes_ += entries_[0].size;
  std::pop_heap(entries_.data(), entries_.data() + entries_.size(), less);
  entries_[entries_.size() - 1] = made;
  std::push_heap(entries_.data(), entries_.data() + entries_.size(), less);
  return tidy();
}

/// Drops the bytes of rows that went out once they are half of all.
inline result<void> top_n::tidy() {
  if (unused_bytes_ < 65536 || unused_bytes_ * 2 < bytes_.size()) return {};
  spare_.truncate(0);
  PILLAR_TRY(spare_.reserve(bytes_.size() - unused_bytes_));
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const std::size_t offset = spare_.size();
    PILLAR_TRY(spare_.append(bytes_.data() + entries_[i].offset, entries_[i].size));  // has room
    entries_[i].offset = offset;
  }
  bytes_.swap(spare_);
  unused_bytes_ = 0;
  return {};
}

PILLAR_API result<void> top_n::update(std::span<const vector* const> columns, const selection_mask& selection,
                                      std::uint64_t first_row) {
  PILLAR_ASSERT(columns.size() == types_.size());
  if (row_limit_ == 0) return {};
  std::uint64_t heads[vector_rows];
  const bool filtered = full() && !keys_.empty();
  if (filtered) detail::least_heads(*columns[keys_[0].column], keys_[0], columns[keys_[0].column]->size, heads);
  for (std::uint32_t word = 0; word < vector_words; ++word) {
    for (std::uint64_t bits = selection.words[word]; bits != 0; bits &= bits - 1) {
      const std::uint32_t row = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
      if (filtered && heads[row] > entries_[0].head) continue;
      const std::size_t start = bytes_.size();
      auto added = append_key(columns, keys_, row, bytes_);
      entry made{};
      made.row = first_row + row;
      made.offset = start;
      made.key_bytes = static_cast<std::uint32_t>(bytes_.size() - start);
      made.head = detail::head_of(bytes_.data() + start, made.key_bytes);
      if (added.ok() && full() && !before(made, entries_[0])) {
        bytes_.truncate(start);
        continue;
      }
      if (added.ok()) added = detail::append_cells(columns, row, bytes_);
      if (!added.ok()) {
        bytes_.truncate(start);
        return added;
      }
      made.size = static_cast<std::uint32_t>(bytes_.size() - start);
      PILLAR_TRY(offer(made));
    }
  }
  return {};
}

PILLAR_API result<void> top_n::merge(const top_n& other) {
  PILLAR_ASSERT(this != &other);
  if (types_ != other.types_ || keys_ != other.keys_) return errc::type_mismatch;
  for (std::size_t i = 0; i < other.entries_.size() && row_limit_ != 0; ++i) {
    entry made = other.entries_[i];
    const std::byte* from = other.bytes_.data() + made.offset;
    made.offset = bytes_.size();
    PILLAR_TRY(bytes_.append(from, made.size));
    PILLAR_TRY(offer(made));
  }
  return {};
}

PILLAR_API scalar top_n::threshold() const {
  if (keys_.empty()) return {};
  const std::uint32_t wanted = keys_[0].column;
  if (!full() || entries_.empty()) return scalar::of_null(types_[wanted]);
  const std::byte* at = bytes_.data() + entries_[0].offset + entries_[0].key_bytes;
  detail::cell_view cell;
  for (std::uint32_t i = 0; i <= wanted; ++i) cell.read(types_[i], at);
  return get(cell.view, 0);
}

inline std::vector<top_n::entry> top_n::in_order() const {
  std::vector<entry> sorted(entries_.data(), entries_.data() + entries_.size());
  detail::heap_sort(sorted, [this](const entry& a, const entry& b) { return before(a, b); });
  return sorted;
}

PILLAR_API result<std::vector<std::uint64_t>> top_n::row_numbers() const {
  std::vector<std::uint64_t> rows;
  for (const entry& one : in_order()) rows.push_back(one.row);
  return rows;
}

PILLAR_API result<std::vector<column>> top_n::finish(memory_budget* budget) const {
  std::vector<column_builder> builders;
  for (const data_type& type : types_) builders.emplace_back(type, budget);
  detail::cell_view cell;
  for (const entry& one : in_order()) {
    const std::byte* at = bytes_.data() + one.offset + one.key_bytes;
    for (std::size_t i = 0; i < types_.size(); ++i) {
      cell.read(types_[i], at);
      PILLAR_TRY(builders[i].append(cell.view));
    }
  }
  std::vector<column> made;
  for (column_builder& builder : builders) {
    PILLAR_ASSIGN_OR_RETURN(column done, builder.finish());
    made.push_back(std::move(done));
  }
  return made;
}

}  // namespace PILLAR_NAMESPACE
