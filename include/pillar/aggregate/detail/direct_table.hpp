// SPDX-License-Identifier: Apache-2.0
/// Keys of few bits to numbers, by an array.
///
/// One of the tables under a group table, which turn keys into dense numbers. It inserts whole batches or, on an error,
/// nothing; `truncate` forgets the newest numbers.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>  // std::exchange

#include "pillar/aggregate/detail/key_limits.hpp"
#include "pillar/base/bits.hpp"
#include "pillar/base/buffer.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

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

/// numbers[i] = number_of[codes[i]]; says whether one of them has its highest bit.
inline bool look_up_numbers(const std::uint32_t* PILLAR_RESTRICT number_of, const std::uint32_t* PILLAR_RESTRICT codes,
                            std::uint32_t count, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  std::uint64_t any = 0;
  std::uint32_t i = 0;
  for (; i + 2 <= count; i += 2) {
    const auto pair = load_unaligned<std::uint64_t>(codes + i);
    const std::uint64_t low = number_of[static_cast<std::uint32_t>(pair)], high = number_of[pair >> 32];
    any |= low | high << 32;
    store_unaligned(numbers + i, low | high << 32);
  }
  if (i < count) any |= numbers[i] = number_of[codes[i]];
  return (any & 0x8000000080000000u) != 0;
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
  static constexpr unsigned small_bits = 18;             ///< 1 MiB: always worth an array
  static constexpr std::uint32_t most_codes = 1u << 28;  ///< more rows than that are needed to make 1 GiB pay
  explicit direct_table(memory_budget* budget = nullptr, std::uint32_t code_count = 0) noexcept
      : codes_(budget), budget_(budget), code_count_(code_count) {}
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(codes_.size()); }
  [[nodiscard]] std::uint64_t key(std::uint32_t number) const noexcept { return codes_[number]; }

  [[nodiscard]] bool is_made() const noexcept { return !slots_.empty(); }
  /// The array itself, which a table without keys does without.
  result<void> make() noexcept {
    PILLAR_ASSIGN_OR_RETURN(slots_, array_of(code_count_));
    return {};
  }
  /// The slots of `count` codes, all below code_count; 0 where `selected` has no bit. Requires is_made().
  result<void> find_or_insert(const std::uint32_t* codes, const std::uint64_t* selected, std::uint32_t count,
                              std::uint32_t* slots) noexcept {
    // Where the last batch had new codes this one has some too, and one pass is enough.
    if (!had_new_ && look_up(slots_.as<std::uint32_t>(), codes, selected, count, slots)) return {};
    return insert(codes, selected, count, slots);
  }
  [[nodiscard]] std::uint32_t code_count() const noexcept { return code_count_; }
  /// The codes of the numbers.
  [[nodiscard]] const std::uint32_t* codes() const noexcept { return codes_.data(); }

  /// Bits that say which codes have numbers, for add. Requires: is_made()
  result<void> note_known() noexcept {
    if (!known_.empty()) return {};
    const std::size_t bytes = (std::size_t{code_count_} / 32 + 1) * sizeof(std::uint32_t);
    PILLAR_ASSIGN_OR_RETURN(known_, buffer::allocate(bytes, budget_));
    std::memset(known_.data(), 0, bytes);
    known_.as<std::uint32_t>()[0] = 1;  // what is not selected
    set_known(0);
    return {};
  }
  /// Room for the codes of all numbers there can be, and of a batch more, which add() asks for. Requires: is_made()
  result<void> reserve_all() noexcept { return codes_.reserve(std::size_t{code_count_} - codes_.size() + vector_rows); }
  /// The bits are no longer needed.
  void forget_known() noexcept { known_ = {}; }
  /// Numbers for those that have none. Codes are + 1 here, and 0 of rows that are not selected. Once all have numbers,
  /// NULL too where it may come, nothing is looked at, before that a bit of each row. Requires: note_known()
  result<void> add(const std::uint32_t* codes_plus_1, std::uint32_t count) noexcept {
    if (size() == code_count_) return {};
    auto* const known = known_.as<std::uint32_t>();
    const auto are_known = [&] {
      std::uint32_t every = 1;
      for (std::uint32_t i = 0; i < count; ++i) every &= known[codes_plus_1[i] / 32] >> (codes_plus_1[i] % 32);
      return (every & 1) != 0;
    };
    if (!had_new_ && PILLAR_MUTATE(group_codes_always_known, are_known(), true)) return {};
    if (const result<void> has_room = codes_.reserve(count); !has_room.ok())
      return had_new_ && are_known() ? result<void>() : has_room;
    std::uint32_t* const added = codes_.data() + codes_.size();
    std::uint32_t new_count = 0;
    for (std::uint32_t i = 0; i < count; ++i) {  // without a branch
      const std::uint32_t code = codes_plus_1[i];
      std::uint32_t& word = known[code / 32];
      added[new_count] = code - 1;
      new_count += ~(word >> (code % 32)) & 1;
      word |= std::uint32_t{1} << (code % 32);
    }
    for (std::uint32_t i = 0; i < new_count; ++i) slots_.as<std::uint32_t>()[added[i]] = size() + i + 1;
    codes_.extend(new_count);
    had_new_ = new_count != 0;
    return {};
  }
  /// The same of codes [first, first + count) for which counts[i] is not 0. Requires: reserve_all()
  void add_counted(std::uint32_t first, const std::int64_t* PILLAR_RESTRICT counts, std::uint32_t count) noexcept {
    auto* const PILLAR_RESTRICT slot_of = slots_.as<std::uint32_t>() + first;
    std::uint32_t* const PILLAR_RESTRICT added = codes_.data() + codes_.size();
    const std::uint32_t before = size();
    std::uint32_t new_count = 0;
    for (std::uint32_t i = 0; i < count; ++i) {  // without a branch
      const std::uint32_t slot = slot_of[i], is_new = (counts[i] != 0 ? 1u : 0u) & (slot == 0 ? 1u : 0u);
      added[new_count] = first + i;
      new_count += is_new;
      slot_of[i] = slot | ((before + new_count) & (0u - is_new));
    }
    codes_.extend(new_count);
    if (!known_.empty()) set_known(before);
  }
  /// The slot of a code, 0 if it has none.
  [[nodiscard]] std::uint32_t find(std::uint64_t code) const noexcept {
    return slots_.empty() || code >= code_count_ ? 0 : slots_.as<std::uint32_t>()[code];
  }
  /// An array of other codes: each is `distance` higher from now on, modulo 2^32; `from` becomes `to`. Numbers stay.
  result<void> move_codes(std::uint32_t distance, std::uint32_t code_count, std::uint32_t from,
                          std::uint32_t to) noexcept {
    PILLAR_ASSIGN_OR_RETURN(buffer made, array_of(code_count));
    auto* const slot_of = made.as<std::uint32_t>();
    for (std::uint32_t i = 0; i < size(); ++i) {
      codes_[i] = codes_[i] == from ? to : codes_[i] + distance;
      slot_of[codes_[i]] = i + 1;
    }
    slots_ = std::move(made);
    known_ = {};
    code_count_ = code_count;
    return {};
  }
  void truncate(std::uint32_t count) noexcept {
    for (std::uint32_t i = count; i < size(); ++i) {
      slots_.as<std::uint32_t>()[codes_[i]] = 0;
      if (!known_.empty())
        known_.as<std::uint32_t>()[(codes_[i] + 1) / 32] &= ~(std::uint32_t{1} << ((codes_[i] + 1) % 32));
    }
    codes_.truncate(count);
  }

 private:
  [[nodiscard]] result<buffer> array_of(std::uint32_t code_count) const noexcept {
    const std::size_t bytes = sizeof(std::uint32_t) * std::size_t{code_count};
    PILLAR_ASSIGN_OR_RETURN(buffer made, buffer::allocate(bytes, budget_));
    prefer_huge_pages(made);
    std::memset(made.data(), 0, bytes);
    return made;
  }
  /// Without a branch per row, since many groups come in no order; what does not count is written over.
  result<void> insert(const std::uint32_t* codes, const std::uint64_t* selected, std::uint32_t count,
                      std::uint32_t* slots) noexcept {
    auto* const slot_of = slots_.as<std::uint32_t>();
    if (const result<void> has_room = codes_.reserve(count); !has_room.ok()) {  // codes that are there need none
      had_new_ = PILLAR_MUTATE(group_known_codes_need_room, !look_up(slot_of, codes, selected, count, slots), true);
      return had_new_ ? has_room : result<void>();
    }
    std::uint32_t* const added = codes_.data() + codes_.size();
    const std::uint32_t before = size();
    std::uint32_t next = before;
    const auto take = [&](std::uint32_t row) {
      std::uint32_t& slot = slot_of[codes[row]];
      const bool is_new = slot == 0;
      added[next - before] = codes[row];
      next += is_new ? 1 : 0;
      slot = is_new ? next : slot;
      slots[row] = slot;
    };
    const bool prefetch = slots_.size() > prefetch_threshold_bytes;
    for (std::uint32_t first = 0; first < count; first += 64) {
      std::uint64_t word = selected[first / 64];
      if (prefetch && first + 128 <= count)
        for (std::uint32_t i = 64; i < 128; ++i) __builtin_prefetch(slot_of + codes[first + i], 1);
      if (word == ~std::uint64_t{0}) {
        for (std::uint32_t i = 0; i < 64; ++i) take(first + i);
        continue;
      }
      for (std::uint32_t row = first; row < first + 64 && row < count; ++row) slots[row] = 0;
      for (; word != 0; word &= word - 1) take(first + static_cast<std::uint32_t>(std::countr_zero(word)));
    }
    codes_.extend(next - before);
    had_new_ = next != before;
    if (!known_.empty()) set_known(before);
    return {};
  }
  void set_known(std::uint32_t first) noexcept {
    auto* const known = known_.as<std::uint32_t>();
    std::uint32_t at = 0, bits = 0;  // of one word, which codes in order do not load and store for each bit
    for (std::uint32_t i = first; i < size(); ++i) {
      const std::uint32_t bit = codes_[i] + 1;
      if (bit / 32 != at) known[at] |= std::exchange(bits, 0);
      at = bit / 32;
      bits |= std::uint32_t{1} << (bit % 32);
    }
    known[at] |= bits;
  }

  growable<std::uint32_t> codes_;  ///< by number
  buffer slots_{};                 ///< of each code
  buffer known_{};                 ///< a bit of each code + 1: it has a number
  memory_budget* budget_;
  std::uint32_t code_count_;
  bool had_new_ = true;  ///< the last batch
};

}  // namespace PILLAR_NAMESPACE::detail
