// SPDX-License-Identifier: Apache-2.0
/// Texts to keys of 16 bytes: short ones lie in them, long ones are numbered.
///
/// One of the tables under a group table, which turn keys into dense numbers. It inserts whole batches or, on an error,
/// nothing; `truncate` forgets the newest numbers.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

#include "pillar/aggregate/detail/key_limits.hpp"
#include "pillar/aggregate/detail/word_table.hpp"
#include "pillar/base/bits.hpp"
#include "pillar/base/buffer.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/detail/gather.hpp"
#include "pillar/column/text.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/hash/value.hpp"

namespace PILLAR_NAMESPACE::detail {

/// The bytes of the longest of texts.
inline std::uint32_t longest_of(const wide_key* slots, std::uint32_t count) noexcept {
  std::uint32_t longest = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto size = static_cast<std::uint32_t>(slots[i].low);
    longest = size > longest ? size : longest;
  }
  return longest;
}
/// The rows' slots, as they lie in the vector; the bytes of the longest text.
inline std::uint32_t gather_text_slots(const vector& from, const std::uint16_t* rows, std::uint32_t count,
                                       wide_key* slots) noexcept {
  gather_rows<wide_key>(from, rows, count, slots, [](const wide_key& slot) { return slot; });
  return longest_of(slots, count);
}

/// Texts to numbers from 1 on. Texts without a group may stay behind after an error: nobody sees them.
class text_interner {
 public:
  explicit text_interner(memory_budget* budget = nullptr) noexcept
      : entries_(budget), bytes_(budget), budget_(budget) {}
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(entries_.size()); }
  [[nodiscard]] std::string_view text(std::uint32_t number) const noexcept {
    const entry& found = entries_[number - 1];
    return {reinterpret_cast<const char*>(bytes_.data() + found.offset), found.size};
  }

  /// 0 for a text that is not there.
  [[nodiscard]] std::uint32_t find(std::string_view text) const noexcept {
    if (slot_count_ == 0) return 0;
    const std::uint64_t hash = hash_text(text);
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    const slot* const slots = slots_.as<slot>();
    std::size_t at = hash & (slot_count_ - 1);
    while (slots[at].number != 0 && !(slots[at].tag == tag && this->text(slots[at].number) == text))
      at = (at + 1) & (slot_count_ - 1);
    return slots[at].number;
  }

  /// Whether so many texts are here that each look-up waits for memory: then prefetch() first.
  [[nodiscard]] bool is_large() const noexcept {
    return slots_.size() + entries_.size() * sizeof(entry) + bytes_.size() > prefetch_threshold_bytes;
  }
  /// Asks for what find_or_insert(text, hash) of each of the hashes will look at: slots, then entries, then characters.
  void prefetch(const std::uint64_t* hashes, std::uint32_t count) const noexcept {
    const slot* const slots = slots_.as<slot>();
    const std::size_t last = slot_count_ - 1;
    for (std::uint32_t i = 0; i < count; ++i) __builtin_prefetch(slots + (hashes[i] & last));
    for (std::uint32_t i = 0; i < count; ++i)
      if (const std::uint32_t number = slots[hashes[i] & last].number; number != 0)
        __builtin_prefetch(&entries_[number - 1]);
    for (std::uint32_t i = 0; i < count; ++i)
      if (const std::uint32_t number = slots[hashes[i] & last].number; number != 0)
        __builtin_prefetch(bytes_.data() + entries_[number - 1].offset);
  }

  /// Requires: hash = hash_text(text)
  result<std::uint32_t> find_or_insert(std::string_view text, std::uint64_t hash) noexcept {
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    if (slot_count_ == 0) PILLAR_TRY(grow());
    std::size_t at = hash & (slot_count_ - 1);
    for (const slot* slots = slots_.as<slot>(); slots[at].number != 0; at = (at + 1) & (slot_count_ - 1))
      if (slots[at].tag == tag && this->text(slots[at].number) == text) return slots[at].number;
    if (size() == key_limit) return errc::limit_exceeded;
    PILLAR_TRY(entries_.reserve(1));
    PILLAR_TRY(bytes_.reserve(text.size()));
    if ((std::size_t{size()} + 1) * 2 > slot_count_) {
      PILLAR_TRY(grow());
      at = hash & (slot_count_ - 1);
      while (slots_.as<slot>()[at].number != 0) at = (at + 1) & (slot_count_ - 1);
    }
    entries_.push({hash, bytes_.size(), static_cast<std::uint32_t>(text.size())});
    PILLAR_TRY(bytes_.append(reinterpret_cast<const std::byte*>(text.data()), text.size()));  // has room
    slots_.as<slot>()[at] = {tag, size()};
    return size();
  }

 private:
  struct entry {
    std::uint64_t hash;
    std::uint64_t offset;
    std::uint32_t size;
  };
  struct slot {
    std::uint32_t tag;
    std::uint32_t number;  ///< 0 = free
  };
  result<void> grow() noexcept {
    const std::size_t wanted = slot_count_ == 0 ? 64 : slot_count_ * 2;
    PILLAR_ASSIGN_OR_RETURN(buffer made, buffer::allocate(wanted * sizeof(slot), budget_));
    auto* slots = made.as<slot>();
    std::memset(static_cast<void*>(slots), 0, wanted * sizeof(slot));
    for (std::uint32_t i = 0; i < size(); ++i) {
      std::size_t at = entries_[i].hash & (wanted - 1);
      while (slots[at].number != 0) at = (at + 1) & (wanted - 1);
      slots[at] = {static_cast<std::uint32_t>(entries_[i].hash >> 32), i + 1};
    }
    slots_ = std::move(made);
    slot_count_ = wanted;
    return {};
  }

  growable<entry> entries_;
  growable<std::byte> bytes_;
  buffer slots_{};
  std::size_t slot_count_ = 0;
  memory_budget* budget_;
};

/// Texts as keys of 16 bytes: one of up to 12 bytes is its own slot (column/text.hpp), so nothing is hashed or compared
/// but two words; of a longer one the key is its number. NULL has a key of its own.
class text_keys {
 public:
  explicit text_keys(memory_budget* budget = nullptr) noexcept : numbers_(budget), long_(budget) {}

  /// How many texts have a number.
  [[nodiscard]] std::uint32_t size() const noexcept { return numbers_.size(); }
  /// Without long texts a key means the same in every table.
  [[nodiscard]] bool has_long() const noexcept { return long_.size() != 0; }

  /// The keys of rows of a column of texts. Requires: count ≤ 1,024 rows, ascending
  result<void> keys_of(const vector& from, const std::uint16_t* rows, std::uint32_t count, wide_key* keys) noexcept {
    if (slots_of(from, rows, count, keys)) {
      const bool prefetch = long_.is_large();
      constexpr std::uint32_t together = 16;  // as many as a core can wait for at once
      std::uint32_t places[vector_rows], all = 0;
      std::uint64_t hashes[vector_rows];
      for (std::uint32_t i = 0; i < count; ++i) {
        if (!is_long(keys[i]) || !from.valid(rows[i])) continue;
        places[all] = i;
        hashes[all++] = hash_text(text_of(from, keys[i]));
      }
      for (std::uint32_t i = 0; i < all; ++i) {
        if (prefetch && i % together == 0) long_.prefetch(hashes + i, all - i < together ? all - i : together);
        wide_key& key = keys[places[i]];
        PILLAR_ASSIGN_OR_RETURN(const std::uint32_t number, long_.find_or_insert(text_of(from, key), hashes[i]));
        key = {long_mark, number};
      }
    }
    mark_nulls(from, rows, count, keys);
    return {};
  }
  /// The same, in `memory` or where they lie: slots of short texts are keys as they are.
  result<const wide_key*> keys_at(const vector& from, const std::uint16_t* rows, std::uint32_t count,
                                  wide_key* memory) noexcept {
    const bool has_nulls = PILLAR_MUTATE(text_keys_null_where_it_lies, from.validity != nullptr, false);
    const bool is_aligned = reinterpret_cast<std::uintptr_t>(from.values) % alignof(wide_key) == 0;
    if (from.kind == vector_kind::flat && !has_nulls && is_aligned && count == from.size) {
      const auto* const slots = static_cast<const wide_key*>(from.values);
      if (!is_long({longest_of(slots, count), 0})) return slots;
    }
    PILLAR_TRY(keys_of(from, rows, count, memory));
    return memory;
  }
  /// The same, and a key that no table has for long texts that did not come yet.
  void find_keys(const vector& from, const std::uint16_t* rows, std::uint32_t count, wide_key* keys) const noexcept {
    if (slots_of(from, rows, count, keys))
      for (std::uint32_t i = 0; i < count; ++i)
        if (is_long(keys[i]) && from.valid(rows[i])) keys[i] = {long_mark, long_.find(text_of(from, keys[i]))};
    mark_nulls(from, rows, count, keys);
  }

  /// Numbers from 1 on of rows that are not NULL: numbers[rows[i]].
  result<void> number_rows(const vector& from, const std::uint16_t* rows, std::uint32_t count,
                           std::uint32_t* numbers) noexcept {
    wide_key memory[vector_rows];
    std::uint32_t found[vector_rows];
    PILLAR_ASSIGN_OR_RETURN(const wide_key* const keys, keys_at(from, rows, count, memory));
    PILLAR_TRY(numbers_.find_or_insert(keys, count, found));
    for (std::uint32_t i = 0; i < count; ++i) numbers[rows[i]] = found[i] + 1;
    return {};
  }
  /// numbers[i] of rows[i]: 0 for NULL, key_limit for a text without one.
  void find_numbers(const vector& from, const std::uint16_t* rows, std::uint32_t count,
                    std::uint32_t* numbers) const noexcept {
    wide_key keys[vector_rows];
    find_keys(from, rows, count, keys);
    numbers_.find(keys, count, numbers);
    for (std::uint32_t i = 0; i < count; ++i)
      numbers[i] = is_null(keys[i]) ? 0 : numbers[i] == key_limit ? key_limit : numbers[i] + 1;
  }
  [[nodiscard]] const wide_key& key(std::uint32_t number) const noexcept { return numbers_.key(number - 1); }

  [[nodiscard]] static bool is_null(const wide_key& key) noexcept { return key.low == null_mark; }
  /// The characters of a key that is not NULL; of a short text they lie in the key.
  [[nodiscard]] std::string_view text(const wide_key& key) const noexcept {
    if (key.low == long_mark) return long_.text(static_cast<std::uint32_t>(key.high));
    return {reinterpret_cast<const char*>(&key) + sizeof(std::uint32_t), static_cast<std::uint32_t>(key.low)};
  }

 private:
  static_assert(sizeof(wide_key) == sizeof(text_slot) && std::endian::native == std::endian::little);
  static constexpr std::uint64_t null_mark = 0xffffffffu, long_mark = 0xfffffffeu;  // sizes that no slot has

  [[nodiscard]] static bool is_long(const wide_key& slot) noexcept {
    constexpr std::uint32_t most = text_slot::inline_capacity;
    return static_cast<std::uint32_t>(slot.low) > PILLAR_MUTATE(text_key_of_thirteen, most, most + 1);
  }
  /// Requires: `slot` was not changed
  [[nodiscard]] static std::string_view text_of(const vector& from, const wide_key& slot) noexcept {
    const auto& reference = load_unaligned<text_slot>(&slot).reference;
    return {reinterpret_cast<const char*>(from.holder().buffers[reference.buffer] + reference.offset),
            static_cast<std::uint32_t>(slot.low)};
  }
  /// The rows' slots; says whether there are long ones among them.
  static bool slots_of(const vector& from, const std::uint16_t* rows, std::uint32_t count, wide_key* slots) noexcept {
    return is_long({gather_text_slots(from, rows, count, slots), 0});
  }
  static void mark_nulls(const vector& from, const std::uint16_t* rows, std::uint32_t count, wide_key* keys) noexcept {
    if (from.validity == nullptr) return;
    for (std::uint32_t i = 0; i < count; ++i)
      if (!from.valid(rows[i])) keys[i] = {null_mark, 0};
  }

  word_table<wide_key> numbers_;  ///< not in use where the keys themselves are a group table's
  text_interner long_;
};

}  // namespace PILLAR_NAMESPACE::detail
