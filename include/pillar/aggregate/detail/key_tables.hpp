// SPDX-License-Identifier: Apache-2.0
/// The tables under a group table: keys of few bits, 8 bytes, 16 bytes and text, each to a dense number.
///
/// All insert whole batches or, on an error, nothing; `truncate` forgets the newest numbers.
#pragma once
#include <bit>  // std::countr_zero
#include <cstdint>
#include <cstring>  // std::memset
#include <string_view>

#include "pillar/aggregate/detail/key_search.hpp"
#include "pillar/base/bits.hpp"  // count_bits, load_unaligned
#include "pillar/base/buffer.hpp"
#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/base/result.hpp"
#include "pillar/column/detail/gather.hpp"  // gather_rows
#include "pillar/column/text.hpp"           // text_slot
#include "pillar/column/vector.hpp"
#include "pillar/hash/value.hpp"     // hash_text
#include "pillar/simd/dispatch.hpp"  // best_arch_level

namespace PILLAR_NAMESPACE::detail {

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
    if (!had_new_) {
      std::uint32_t every = 1;
      for (std::uint32_t i = 0; i < count; ++i) every &= known[codes_plus_1[i] / 32] >> (codes_plus_1[i] % 32);
      if (PILLAR_MUTATE(group_codes_always_known, (every & 1) != 0, true)) return {};
    }
    PILLAR_TRY(codes_.reserve(count));
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
    PILLAR_TRY(codes_.reserve(count));
    auto* const slot_of = slots_.as<std::uint32_t>();
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
    for (std::uint32_t i = first; i < size(); ++i)
      known[(codes_[i] + 1) / 32] |= std::uint32_t{1} << ((codes_[i] + 1) % 32);
  }

  growable<std::uint32_t> codes_;  ///< by number
  buffer slots_{};                 ///< of each code
  buffer known_{};                 ///< a bit of each code + 1: it has a number
  memory_budget* budget_;
  std::uint32_t code_count_;
  bool had_new_ = true;  ///< the last batch
};

/// Keys to numbers, in buckets of a line each (key_search.hpp). The home of a key is its hash's fraction of the table: a
/// larger table has the same order, so growing reads and writes in order. At most half of the places are taken, three
/// quarters where there is no memory for more.
template <class Key>
class word_table {
 public:
  explicit word_table(memory_budget* budget = nullptr) noexcept
      : keys_(budget), budget_(budget), kernels_(&key_search_kernels_for(best_arch_level())) {}
  [[nodiscard]] std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(keys_.size()); }
  [[nodiscard]] const Key& key(std::uint32_t number) const noexcept { return keys_[number]; }
  [[nodiscard]] const Key* keys() const noexcept { return keys_.data(); }

  /// So many rows will come from now on: then the table can grow by an estimate. What has come so far says nothing about
  /// them.
  void expect(std::uint64_t rows) noexcept {
    expected_rows_ = rows;
    rows_since_growth_ = 0;
    size_at_growth_ = size();
  }
  /// So many keys are likely: room for them at once, if it is little of what the budget has. Requires: no key yet
  void make_room(std::size_t keys) noexcept {
    const std::size_t likely = keys * 9 / 4 / bucket::capacity + 1;
    const std::size_t wanted = likely < small_bucket_count ? small_bucket_count
                               : likely > most_buckets     ? most_buckets
                                                           : likely;
    const std::uint64_t bytes = std::uint64_t{wanted} * sizeof(bucket) + std::uint64_t{keys} * sizeof(Key);
    if (bucket_count_ != 0 || (budget_ != nullptr && bytes > budget_->available() / 8)) return;
    result<buffer> made = buffer::allocate(wanted * sizeof(bucket), budget_);
    if (!made.ok()) return;
    prefer_huge_pages(*made);
    std::memset(made->data(), 0, wanted * sizeof(bucket));
    buckets_ = *std::move(made);
    bucket_count_ = wanted;
    static_cast<void>(keys_.reserve(keys).ok());
  }
  /// For how many keys there is room without copying them.
  [[nodiscard]] std::size_t room() const noexcept { return keys_.byte_count() / sizeof(Key); }

  /// numbers[i] = the number of keys[i] + `more`. Requires: count ≤ 1,024
  result<void> find_or_insert(const Key* keys, std::uint32_t count, std::uint32_t* numbers,
                              std::uint32_t more = 0) noexcept {
    if (count == 0) return {};
    ask_for_next(keys, count);
    rows_since_growth_ += count;
    if (bucket_count_ < small_bucket_count || std::uint64_t{size()} + count > key_limit)
      return insert_by_steps(keys, count, numbers, more);
    if (std::size_t{size()} + count > most_keys()) {
      const result<void> grown = grow();
      if (!grown.ok() && std::size_t{size()} + count > PILLAR_MUTATE(group_never_crammed, most_crammed_keys(), 0))
        return grown;
    }
    PILLAR_TRY(keys_.reserve(count));
    key_batch<Key> batch = batch_of(keys, count);
    batch.most = key_limit;
    insert(batch, more, new_keys_ * 8 > count, numbers);
    return {};
  }

  /// key_limit for keys that are not there. Requires: count ≤ 1,024
  void find(const Key* keys, std::uint32_t count, std::uint32_t* numbers) const noexcept {
    if (bucket_count_ == 0 || count == 0) {
      for (std::uint32_t i = 0; i < count; ++i) numbers[i] = key_limit;
      return;
    }
    key_batch<Key> batch;
    batch.keys = keys;
    batch.count = count;
    batch.buckets = const_cast<bucket*>(buckets_.as<bucket>());
    batch.bucket_count = bucket_count_;
    if constexpr (sizeof(Key) == 8) kernels_->find(batch, is_far(), numbers);
    else kernels_->find_wide(batch, is_far(), numbers);
    for (std::uint32_t i = 0; i < count; ++i) numbers[i] = numbers[i] == 0 ? key_limit : numbers[i] - 1;
  }

  void truncate(std::uint32_t count) noexcept {
    if (count == size()) return;
    keys_.truncate(count);
    size_at_growth_ = size_at_growth_ < count ? size_at_growth_ : count;
    if (bucket_count_ == 0) return;
    std::memset(buckets_.data(), 0, bucket_count_ * sizeof(bucket));
    for (std::uint32_t number = 0; number < count; ++number) {
      std::size_t at = home_bucket(keys_[number], bucket_count_);
      while (buckets_.as<bucket>()[at].is_full()) at = at + 1 == bucket_count_ ? 0 : at + 1;
      buckets_.as<bucket>()[at].push(keys_[number], number + 1);
    }
  }

 private:
  using bucket = key_bucket<Key>;
  static constexpr std::size_t most_buckets = 0xffffffffu;  ///< for home_bucket; enough for key_limit keys
  static constexpr std::size_t tiny_bucket_count = 128;     ///< 8 KiB
  static constexpr std::size_t small_bucket_count = 8192 / bucket::capacity;
  static constexpr std::size_t large_bucket_count = (std::size_t{1} << 16) / bucket::capacity;
  static constexpr std::uint32_t batch_rows = 1024;

  /// Where batches follow one another in memory, the next one's keys are on their way while these are looked for. Nothing
  /// is read, so any address will do.
  void ask_for_next(const Key* keys, std::uint32_t count) noexcept {
    const auto next = reinterpret_cast<std::uintptr_t>(keys + count);
    if (reinterpret_cast<std::uintptr_t>(keys) == next_keys_)
      for (std::size_t at = 0; at < count * sizeof(Key); at += 64)
        __builtin_prefetch(reinterpret_cast<const void*>(next + at), 0, 2);
    next_keys_ = next;
  }
  [[nodiscard]] std::size_t most_keys() const noexcept { return bucket_count_ * bucket::capacity / 2; }
  /// Where memory for a larger table is refused. Half as many again, though slower, are worth more than those that would
  /// have to go elsewhere.
  [[nodiscard]] std::size_t most_crammed_keys() const noexcept { return bucket_count_ * bucket::capacity / 4 * 3; }
  [[nodiscard]] bool is_far() const noexcept { return buckets_.size() > prefetch_threshold_bytes; }
  [[nodiscard]] key_batch<Key> batch_of(const Key* keys, std::uint32_t count) noexcept {
    return {keys, count, buckets_.as<bucket>(), bucket_count_, keys_.data(), size(), 0};
  }
  /// How many were looked up. Requires: room for as many keys as may be added
  std::uint32_t insert(key_batch<Key>& batch, std::uint32_t more, bool many, std::uint32_t* numbers) noexcept {
    const std::uint32_t before = size();
    std::uint32_t done = 0;
    if constexpr (sizeof(Key) == 8) done = kernels_->insert(batch, more, many, is_far(), numbers);
    else done = kernels_->insert_wide(batch, more, many, is_far(), numbers);
    keys_.extend(batch.size - before);
    new_keys_ = batch.size - before;
    return done;
  }

  /// A small table has no room for a whole batch of new keys: it grows when it is full.
  result<void> insert_by_steps(const Key* keys, std::uint32_t count, std::uint32_t* numbers,
                               std::uint32_t more) noexcept {
    const std::uint32_t before = size();
    const auto insert_all = [&]() -> result<void> {
      if (bucket_count_ == 0) PILLAR_TRY(grow());
      for (std::uint32_t done = 0;;) {
        const std::size_t most = most_keys() < key_limit ? most_keys() : key_limit;
        key_batch<Key> batch = batch_of(keys + done, count - done);
        batch.most = static_cast<std::uint32_t>(room() < most ? room() : most);  // keys that are there take no memory
        done += insert(batch, more, false, numbers + done);
        if (done == count) return {};
        if (size() == key_limit) return errc::limit_exceeded;
        if (size() == most) PILLAR_TRY(grow());
        else PILLAR_TRY(keys_.reserve(1));
      }
    };
    auto done = insert_all();
    if (!done.ok()) truncate(before);
    return done;
  }

  /// How many keys there will be when the expected rows have come, if these bring new ones like those since the last
  /// growth. Of all keys a row has any with the same probability, so the share of rows whose key was there is that of
  /// the keys that are known.
  [[nodiscard]] std::size_t likely_keys() const noexcept {
    if (expected_rows_ <= rows_since_growth_ || rows_since_growth_ < batch_rows) return size();
    const double left = static_cast<double>(expected_rows_ - rows_since_growth_);
    double known = static_cast<double>(size());
    const auto rows = static_cast<double>(rows_since_growth_);
    const double known_share = 1 - static_cast<double>(size() - size_at_growth_) / rows;
    const double all = (static_cast<double>(size_at_growth_) + known) / 2 / known_share;  // infinite where all are new
    constexpr int steps = 64;
    for (int i = 0; i < steps && all > known; ++i) {
      known += (1 - known / all) * left / steps;
      known = known < all ? known : all;  // the steps are large where many rows are to come
    }
    return known < key_limit ? static_cast<std::size_t>(known) : key_limit;
  }

  /// Twice the buckets: what is in a near cache is there because it is small. Four times where the table is very small, or
  /// large and most rows since the last time were new keys. A large one has room for what is likely to come, if that is at
  /// most 16 times as much (not all expected rows may come) and little of what the budget has.
  result<void> grow() noexcept {
    const bool is_large = bucket_count_ >= large_bucket_count;
    const bool fast = is_large && std::uint64_t{size() - size_at_growth_} * 2 > rows_since_growth_;
    std::size_t wanted = bucket_count_ == 0                          ? 64 / bucket::capacity + 1
                         : bucket_count_ < tiny_bucket_count || fast ? bucket_count_ * 4
                                                                     : bucket_count_ * 2;
    if (is_large) {
      const std::size_t likely = likely_keys(), made = likely * 9 / 4 / bucket::capacity + 1;
      const std::uint64_t bytes = std::uint64_t{made} * sizeof(bucket) + std::uint64_t{likely} * sizeof(Key);
      if (likely > size() && made <= bucket_count_ * 16 && (budget_ == nullptr || bytes <= budget_->available() / 8)) {
        wanted = made < bucket_count_ * 2 ? bucket_count_ * 2 : made;
        if (likely > size() + batch_rows) static_cast<void>(keys_.reserve(likely * 17 / 16 - size()).ok());
      }
    }
    if (wanted > most_buckets) wanted = most_buckets;
    result<buffer> room = buffer::allocate(wanted * sizeof(bucket), budget_);
    if (PILLAR_MUTATE(group_grows_by_four_or_not, !room.ok() && bucket_count_ != 0 && wanted > bucket_count_ * 2,
                      false)) {
      wanted = bucket_count_ * 2;  // what the budget may still have
      room = buffer::allocate(wanted * sizeof(bucket), budget_);
    }
    if (!room.ok()) return room.error();
    buffer made = *std::move(room);
    prefer_huge_pages(made);
    bucket* const to = made.as<bucket>();
    std::size_t cleared = 0;
    const auto clear_up_to = [&](std::size_t at) {  // shortly before it is written to
      const std::size_t end = at + 64 < wanted ? at + 64 : wanted;
      std::memset(static_cast<void*>(to + cleared), 0, (end - cleared) * sizeof(bucket));
      cleared = end;
    };
    const bucket* const from = buckets_.as<bucket>();
    std::size_t first = 0;  // one that is not full: those before and in it may hold wrapped keys, and come last
    while (first < bucket_count_ && from[first].is_full()) ++first;
    for (std::size_t i = 1; i <= bucket_count_; ++i) {
      const bucket& old = from[first + i < bucket_count_ ? first + i : first + i - bucket_count_];
      for (std::uint32_t k = 0; k < bucket::capacity && old.numbers_plus_1[k] != 0; ++k) {
        std::size_t at = home_bucket(old.keys[k], wanted);
        for (;; at = at + 1 == wanted ? 0 : at + 1) {
          if (at >= cleared) clear_up_to(at);
          if (!to[at].is_full()) break;
        }
        to[at].push(old.keys[k], old.numbers_plus_1[k]);
      }
    }
    if (cleared < wanted) std::memset(static_cast<void*>(to + cleared), 0, (wanted - cleared) * sizeof(bucket));
    buckets_ = std::move(made);
    bucket_count_ = wanted;
    size_at_growth_ = size();
    expected_rows_ -= rows_since_growth_ < expected_rows_ ? rows_since_growth_ : expected_rows_;
    rows_since_growth_ = 0;
    return {};
  }

  growable<Key> keys_;  ///< by number
  buffer buckets_{};
  std::size_t bucket_count_ = 0;
  std::uintptr_t next_keys_ = 0;  ///< where the last batch ended
  std::uint32_t new_keys_ = 0;    ///< of the last batch
  std::uint32_t size_at_growth_ = 0;
  std::uint64_t rows_since_growth_ = 0;
  std::uint64_t expected_rows_ = 0;  ///< after the last growth
  memory_budget* budget_;
  const key_search_table* kernels_;
};

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
    wide_key keys[vector_rows];
    std::uint32_t found[vector_rows];
    PILLAR_TRY(keys_of(from, rows, count, keys));
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
    gather_rows<wide_key>(from, rows, count, slots, [](const wide_key& slot) { return slot; });
    std::uint32_t longest = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto size = static_cast<std::uint32_t>(slots[i].low);
      longest = size > longest ? size : longest;
    }
    return is_long({longest, 0});
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
