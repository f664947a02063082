// SPDX-License-Identifier: Apache-2.0
/// The tables under a group table: keys of few bits, 8 bytes, 16 bytes and text, each to a dense number.
///
/// All insert whole batches or, on an error, nothing; `truncate` forgets the newest numbers.
#pragma once
#include <bit>  // std::countr_zero
#include <cstdint>
#include <cstring>  // std::memset
#include <string_view>

#include "pillar/base/bits.hpp"  // count_bits
#include "pillar/base/buffer.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/result.hpp"
#include "pillar/hash/value.hpp"  // hash_combine, hash_text

namespace PILLAR_NAMESPACE::detail {

struct wide_key {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend constexpr bool operator==(const wide_key&, const wide_key&) = default;
};

/// Hashes inside a table are nobody else's business and may change: one multiplication.
constexpr std::uint64_t table_hash(std::uint64_t key) noexcept { return hash_combine(key, 0x9e3779b97f4a7c15ull); }
constexpr std::uint64_t table_hash(const wide_key& key) noexcept {
  return hash_combine(key.low, key.high + 0x9e3779b97f4a7c15ull);
}

inline constexpr std::uint32_t key_limit = 0xfffffffeu;
inline constexpr std::size_t prefetch_threshold_bytes = std::size_t{1} << 20;  // about an L2

/// Lanes of rows that are not selected become 0; `words` has a bit per row, zero beyond `count`.
inline void clear_unselected(const std::uint64_t* words, std::uint32_t count,
                             std::uint32_t* PILLAR_RESTRICT lanes) noexcept {
  std::uint32_t first = 0;
  for (; first + 32 <= count; first += 32) {
    const auto bits = static_cast<std::uint32_t>(words[first / 64] >> (first % 64));
    if (bits == ~std::uint32_t{0}) continue;
    std::uint32_t* PILLAR_RESTRICT to = lanes + first;
    for (std::uint32_t i = 0; i < 32; ++i) to[i] &= 0u - (bits >> i & 1u);
  }
  for (; first < count; ++first)
    if (!get_bit(words, first)) lanes[first] = 0;
}

/// slots[i] = slot_of[codes[i]], 0 where `selected` has no bit; false if a selected row's is 0 too.
inline bool look_up(const std::uint32_t* PILLAR_RESTRICT slot_of, const std::uint32_t* codes,
                    const std::uint64_t* selected, std::uint32_t count, std::uint32_t* PILLAR_RESTRICT slots) noexcept {
  constexpr std::uint64_t ones = 0x0000000100000001u;
  std::uint64_t below_one = 0;  // the highest bits of its halves: some slot is 0, or very large
  std::uint32_t row = 0;
  for (; row + 2 <= count; row += 2) {  // two in a word, since compilers make slow gathers of single ones
    const auto pair = load_unaligned<std::uint64_t>(codes + row);
    const std::uint64_t low = slot_of[static_cast<std::uint32_t>(pair)], high = slot_of[pair >> 32];
    const std::uint64_t both = low | high << 32;
    below_one |= both - ones;
    store_unaligned(slots + row, both);
  }
  if (row < count) {
    slots[row] = slot_of[codes[row]];
    below_one |= std::uint64_t{slots[row]} - 1;
  }
  clear_unselected(selected, count, slots);
  if ((below_one & (ones << 31)) == 0) return true;
  std::uint32_t without = 0;
  for (std::uint32_t i = 0; i < count; ++i) without += slots[i] == 0 ? 1 : 0;
  return without == count - count_bits(selected, count);
}

inline constexpr std::uint32_t most_nibbles = 8;

/// The same for at most 8 codes with slots below 16, which lie in a word in a register: shifts, and no loads. Larger
/// slots are looked up as above.
inline bool look_up_nibbles(const std::uint32_t* slot_of, std::uint32_t code_count,
                            const std::uint32_t* PILLAR_RESTRICT codes, const std::uint64_t* selected,
                            std::uint32_t count, std::uint32_t* PILLAR_RESTRICT slots) noexcept {
  std::uint32_t word = 0;
  bool every = true;  // code has a slot
  for (std::uint32_t code = 0; code < code_count; ++code) {
    if (slot_of[code] > 15) return look_up(slot_of, codes, selected, count, slots);
    every = every && slot_of[code] != 0;
    word |= slot_of[code] << (4 * code);
  }
  for (std::uint32_t i = 0; i < count; ++i) slots[i] = word >> (4 * codes[i]) & 15;
  clear_unselected(selected, count, slots);
  if (every) return true;
  std::uint32_t without = 0;
  for (std::uint32_t i = 0; i < count; ++i) without += slots[i] == 0 ? 1 : 0;
  return without == count - count_bits(selected, count);
}

/// Small keys (codes) index an array. Slots are numbers + 1, so that 0 stands for a row that takes no part.
class direct_table {
 public:
  static constexpr unsigned most_bits = 18;  // 1 MiB
  explicit direct_table(memory_budget* budget = nullptr) noexcept : codes_(budget), budget_(budget) {}
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(codes_.size()); }
  [[nodiscard]] std::uint64_t key(std::uint32_t number) const noexcept { return codes_[number]; }

  /// The slots of `count` codes, all below 2^bits; 0 where `selected` has no bit.
  result<void> find_or_insert(unsigned bits, const std::uint32_t* codes, const std::uint64_t* selected,
                              std::uint32_t count, std::uint32_t* slots) noexcept {
    if (slots_.empty()) {
      const std::size_t bytes = sizeof(std::uint32_t) << bits;
      PILLAR_ASSIGN_OR_RETURN(slots_, buffer::allocate(bytes, budget_));
      std::memset(slots_.data(), 0, bytes);
    }
    if (look_up(slots_.as<std::uint32_t>(), codes, selected, count, slots)) return {};
    return insert(codes, selected, count, slots);
  }
  void truncate(std::uint32_t count) noexcept {
    for (std::uint32_t i = count; i < size(); ++i) slots_.as<std::uint32_t>()[codes_[i]] = 0;
    codes_.truncate(count);
  }

 private:
  result<void> insert(const std::uint32_t* codes, const std::uint64_t* selected, std::uint32_t count,
                      std::uint32_t* slots) noexcept {
    const std::uint32_t before = size();
    for (std::uint32_t first = 0; first < count; first += 64)
      for (std::uint64_t word = selected[first / 64]; word != 0; word &= word - 1) {
        const std::uint32_t row = first + static_cast<std::uint32_t>(std::countr_zero(word));
        if (slots[row] != 0) continue;
        std::uint32_t& slot = slots_.as<std::uint32_t>()[codes[row]];
        if (slot == 0) {
          if (auto added = codes_.append(codes[row]); !added.ok()) {
            truncate(before);
            return added;
          }
          slot = size();
        }
        slots[row] = slot;
      }
    return {};
  }

  growable<std::uint32_t> codes_;  ///< by number
  buffer slots_{};                 ///< of each code
  memory_budget* budget_;
};

/// Linear probing over slots of a key and its number. Load ≤ 1/2, and ≤ 1/4 while the table is small: there a
/// mispredicted second probe costs more than memory.
template <class Key>
class word_table {
 public:
  explicit word_table(memory_budget* budget = nullptr) noexcept : keys_(budget), budget_(budget) {}
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(keys_.size()); }
  [[nodiscard]] const Key& key(std::uint32_t number) const noexcept { return keys_[number]; }

  result<void> find_or_insert(const Key* keys, std::uint32_t count, std::uint32_t* numbers) noexcept {
    const std::uint32_t before = size();
    if (count != 0 && slot_count_ == 0) PILLAR_TRY(grow());
    const bool prefetch = slots_.size() > prefetch_threshold_bytes;
    constexpr std::uint32_t ahead = 16;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (prefetch && i + ahead < count)
        __builtin_prefetch(slots_.as<slot>() + (table_hash(keys[i + ahead]) & (slot_count_ - 1)));
      std::size_t at = table_hash(keys[i]) & (slot_count_ - 1);
      const slot* slots = slots_.as<slot>();
      while (slots[at].number_plus_1 != 0 && !(slots[at].key == keys[i])) at = (at + 1) & (slot_count_ - 1);
      if (slots[at].number_plus_1 != 0) {
        numbers[i] = slots[at].number_plus_1 - 1;
        continue;
      }
      if (auto added = insert(keys[i], at); !added.ok()) {
        truncate(before);
        return added;
      }
      numbers[i] = size() - 1;
    }
    return {};
  }

  void truncate(std::uint32_t count) noexcept {
    if (count == size()) return;
    keys_.truncate(count);
    fill(slots_.as<slot>(), slot_count_);
  }

 private:
  static constexpr std::size_t small_slot_count = 8192;
  struct slot {
    Key key;
    std::uint32_t number_plus_1;
  };
  /// `at` is the free slot where probing ended.
  result<void> insert(const Key& key, std::size_t at) noexcept {
    if (size() == key_limit) return errc::limit_exceeded;
    const Key copy = key;
    if ((std::size_t{size()} + 1) * (slot_count_ < small_slot_count ? 4 : 2) > slot_count_) {
      PILLAR_TRY(grow());
      at = table_hash(copy) & (slot_count_ - 1);
      while (slots_.as<slot>()[at].number_plus_1 != 0) at = (at + 1) & (slot_count_ - 1);
    }
    PILLAR_TRY(keys_.append(copy));
    slots_.as<slot>()[at] = {copy, size()};
    return {};
  }
  result<void> grow() noexcept {
    const std::size_t wanted = slot_count_ == 0                       ? 64
                               : slot_count_ < (std::size_t{1} << 16) ? slot_count_ * 4
                                                                      : slot_count_ * 2;
    PILLAR_ASSIGN_OR_RETURN(buffer made, buffer::allocate(wanted * sizeof(slot), budget_));
    fill(made.as<slot>(), wanted);
    slots_ = std::move(made);
    slot_count_ = wanted;
    return {};
  }
  void fill(slot* slots, std::size_t slot_count) const noexcept {
    if (slot_count == 0) return;
    std::memset(static_cast<void*>(slots), 0, slot_count * sizeof(slot));
    for (std::uint32_t number = 0; number < size(); ++number) {
      std::size_t at = table_hash(keys_[number]) & (slot_count - 1);
      while (slots[at].number_plus_1 != 0) at = (at + 1) & (slot_count - 1);
      slots[at] = {keys_[number], number + 1};
    }
  }

  growable<Key> keys_;  ///< by number
  buffer slots_{};
  std::size_t slot_count_ = 0;
  memory_budget* budget_;
};

/// Texts to numbers from 1 on; 0 stands for NULL. Texts without a group may stay behind after an error: nobody sees
/// them.
class text_interner {
 public:
  explicit text_interner(memory_budget* budget = nullptr) noexcept
      : entries_(budget), bytes_(budget), budget_(budget) {}
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(entries_.size()); }
  [[nodiscard]] std::string_view text(std::uint32_t number) const noexcept {
    const entry& found = entries_[number - 1];
    return {reinterpret_cast<const char*>(bytes_.data() + found.offset), found.size};
  }

  result<std::uint32_t> find_or_insert(std::string_view text) noexcept {
    const std::uint64_t hash = hash_text(text);
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

}  // namespace PILLAR_NAMESPACE::detail
