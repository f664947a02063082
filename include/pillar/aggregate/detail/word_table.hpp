// SPDX-License-Identifier: Apache-2.0
/// Keys of 8 or 16 bytes to numbers.
///
/// One of the tables under a group table, which turn keys into dense numbers. It inserts whole batches or, on an error,
/// nothing; `truncate` forgets the newest numbers.
#pragma once
#include <cstdint>
#include <cstring>

#include "pillar/aggregate/detail/key_limits.hpp"
#include "pillar/aggregate/detail/key_search.hpp"
#include "pillar/base/buffer.hpp"
#include "pillar/base/detail/huge_pages.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/base/result.hpp"
#include "pillar/simd/dispatch.hpp"

namespace PILLAR_NAMESPACE::detail {

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

  /// numbers[i] = the number of keys[i] + `more`; `next` is asked for meanwhile. Requires: count ≤ 1,024
  result<void> find_or_insert(const Key* keys, std::uint32_t count, std::uint32_t* numbers, std::uint32_t more = 0,
                              next_lines next = {}) noexcept {
    if (count == 0) return {};
    add_next_keys(keys, count, next);
    rows_since_growth_ += count;
    if (bucket_count_ < small_bucket_count || std::uint64_t{size()} + count > key_limit)
      return insert_by_steps(keys, count, numbers, more, next);
    if (std::size_t{size()} + count > most_keys()) {
      const result<void> grown = grow();
      if (!grown.ok() && std::size_t{size()} + count > PILLAR_MUTATE(group_never_crammed, most_crammed_keys(), 0))
        return find_all(keys, count, numbers, more, grown);
    }
    if (const result<void> has_room = keys_.reserve(count); !has_room.ok())
      return find_all(keys, count, numbers, more, has_room);
    key_batch<Key> batch = batch_of(keys, count);
    batch.most = key_limit;
    batch.next = next;
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
  /// Where there is no room for a batch of new keys: keys that are all there need none. Else what was `refused`.
  result<void> find_all(const Key* keys, std::uint32_t count, std::uint32_t* numbers, std::uint32_t more,
                        const result<void>& refused) const noexcept {
    find(keys, count, numbers);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (PILLAR_MUTATE(group_known_keys_need_room, numbers[i] == key_limit, true)) return refused;
      numbers[i] += more;
    }
    return {};
  }
  using bucket = key_bucket<Key>;
  static constexpr std::size_t most_buckets = 0xffffffffu;  ///< for home_bucket; enough for key_limit keys
  static constexpr std::size_t tiny_bucket_count = 128;     ///< 8 KiB
  static constexpr std::size_t small_bucket_count = 8192 / bucket::capacity;
  static constexpr std::size_t large_bucket_count = (std::size_t{1} << 16) / bucket::capacity;
  static constexpr std::uint32_t batch_rows = 1024;

  /// Where batches follow one another in memory, the next one's keys are on their way while these are looked for.
  void add_next_keys(const Key* keys, std::uint32_t count, next_lines& next) noexcept {
    if (reinterpret_cast<std::uintptr_t>(keys) == next_keys_) next.add(keys + count, sizeof(Key));
    next_keys_ = reinterpret_cast<std::uintptr_t>(keys + count);
  }
  [[nodiscard]] std::size_t most_keys() const noexcept { return bucket_count_ * bucket::capacity / 2; }
  /// Where memory for a larger table is refused. Half as many again, though slower, are worth more than those that would
  /// have to go elsewhere.
  [[nodiscard]] std::size_t most_crammed_keys() const noexcept { return bucket_count_ * bucket::capacity / 4 * 3; }
  [[nodiscard]] bool is_far() const noexcept { return buckets_.size() > prefetch_threshold_bytes; }
  [[nodiscard]] key_batch<Key> batch_of(const Key* keys, std::uint32_t count) noexcept {
    return {keys, count, buckets_.as<bucket>(), bucket_count_, keys_.data(), size(), 0, {}};
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
  result<void> insert_by_steps(const Key* keys, std::uint32_t count, std::uint32_t* numbers, std::uint32_t more,
                               next_lines next) noexcept {
    const std::uint32_t before = size();
    const auto insert_all = [&]() -> result<void> {
      if (bucket_count_ == 0) PILLAR_TRY(grow());
      for (std::uint32_t done = 0;;) {
        // A crammed table near the limit has more keys than that: it takes no other before it has grown.
        const std::size_t whole = most_keys() < size() ? size() : most_keys();
        const std::size_t most = whole < key_limit ? whole : key_limit;
        key_batch<Key> batch = batch_of(keys + done, count - done);
        batch.most = static_cast<std::uint32_t>(room() < most ? room() : most);  // keys that are there take no memory
        batch.next = next;
        const std::uint32_t taken = insert(batch, more, false, numbers + done);
        next.skip(taken);
        done += taken;
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

}  // namespace PILLAR_NAMESPACE::detail
