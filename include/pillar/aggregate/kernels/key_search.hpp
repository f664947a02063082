// SPDX-License-Identifier: Apache-2.0
/// The kernels of aggregate/detail/key_search.hpp.
#pragma once
#include <bit>  // std::countr_zero

#include "pillar/aggregate/detail/key_search.hpp"
#if PILLAR_WITH_BATCHES
#include "pillar/simd/batch.hpp"
#endif

namespace PILLAR_NAMESPACE::detail {

namespace key_search_detail {

inline constexpr std::uint32_t most_keys = 1024;
inline constexpr std::uint32_t ahead = 16;  // keys whose buckets are asked for early

/// A bit for each of a bucket's `count` words of keys that equals `word`. Requires: a whole line from `words` on
template <class Arch>
PILLAR_ALWAYS_INLINE std::uint32_t equal_words(const std::uint64_t* words, std::uint32_t count,
                                               std::uint64_t word) noexcept {
  std::uint32_t equal = 0;
  std::uint32_t at = 0;
#if PILLAR_WITH_BATCHES
  if constexpr (level_of<Arch> != arch_level::scalar) {
    constexpr auto lanes = static_cast<std::uint32_t>(simd::lanes<std::uint64_t, Arch>);
    const auto wanted = simd::broadcast<std::uint64_t, Arch>(word);
    if constexpr (lanes == 8)  // the whole line, and the numbers in it are no keys
      return static_cast<std::uint32_t>(
                 simd::to_bits<std::uint64_t, Arch>(simd::load<std::uint64_t, Arch>(words) == wanted)) &
             ((1u << count) - 1);
    for (; at + lanes <= count; at += lanes)
      equal |= static_cast<std::uint32_t>(
                   simd::to_bits<std::uint64_t, Arch>(simd::load<std::uint64_t, Arch>(words + at) == wanted))
               << at;
  }
#endif
  for (; at < count; ++at) equal |= (words[at] == word ? 1u : 0u) << at;
  return equal;
}

/// A bit for each place of the bucket that has `key`; where that is 0, also for those that no key has.
template <class Arch>
PILLAR_ALWAYS_INLINE std::uint32_t equal_keys(const key_bucket<std::uint64_t>& bucket, std::uint64_t key) noexcept {
  return equal_words<Arch>(bucket.keys, key_bucket<std::uint64_t>::capacity, key);
}
/// The same with two bits of which the first tells.
template <class Arch>
PILLAR_ALWAYS_INLINE std::uint32_t equal_keys(const key_bucket<wide_key>& bucket, const wide_key& key) noexcept {
  constexpr std::uint32_t words = 2 * key_bucket<wide_key>::capacity;
  const auto* const from = reinterpret_cast<const std::uint64_t*>(&bucket);
  return equal_words<Arch>(from, words, key.low) & equal_words<Arch>(from, words, key.high) >> 1 & 0x15u;
}
/// The place of the first key told by equal_keys.
template <class Key>
PILLAR_ALWAYS_INLINE std::uint32_t first_of(std::uint32_t equal) noexcept {
  const auto bit = static_cast<std::uint32_t>(std::countr_zero(equal));
  return sizeof(Key) == 8 ? bit : bit / 2;
}
/// The first place that no key has; the capacity where all are taken.
template <class Key, class Arch>
PILLAR_ALWAYS_INLINE std::uint32_t first_free(const key_bucket<Key>& bucket) noexcept {
  constexpr std::uint32_t capacity = key_bucket<Key>::capacity;
#if PILLAR_WITH_BATCHES
  if constexpr (level_of<Arch> >= arch_level::v4) {
    constexpr auto before = static_cast<std::uint32_t>(capacity * (sizeof(Key) / sizeof(std::uint32_t)));
    const auto zero = simd::broadcast<std::uint32_t, Arch>(0);
    const auto free = static_cast<std::uint32_t>(
        simd::to_bits<std::uint32_t, Arch>(simd::load<std::uint32_t, Arch>(&bucket) == zero));
    return static_cast<std::uint32_t>(std::countr_zero(free >> before | 1u << capacity));
  }
#endif
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < capacity; ++i) taken += bucket.numbers_plus_1[i] != 0 ? 1 : 0;
  return taken;
}

template <class Key>
struct found_place {
  key_bucket<Key>* bucket;
  std::uint32_t at;  ///< the key's place, or the first that is free
};
template <class Key, class Arch>
PILLAR_ALWAYS_INLINE found_place<Key> look_for(key_bucket<Key>* buckets, std::size_t bucket_count, std::size_t home,
                                               const Key& key) noexcept {
  for (;;) {
    key_bucket<Key>& bucket = buckets[home];
    const std::uint32_t equal = equal_keys<Arch>(bucket, key);
    if (equal != 0) return {&bucket, first_of<Key>(equal)};
    if (bucket.numbers_plus_1[key_bucket<Key>::capacity - 1] == 0) return {&bucket, first_free<Key, Arch>(bucket)};
    home = home + 1 == bucket_count ? 0 : home + 1;
  }
}

/// The same without a branch about whether the key is there.
template <class Key, class Arch>
PILLAR_ALWAYS_INLINE found_place<Key> look_for_place(key_bucket<Key>* buckets, std::size_t bucket_count,
                                                     std::size_t home, const Key& key) noexcept {
  for (;;) {
    key_bucket<Key>& bucket = buckets[home];
    const std::uint32_t equal = equal_keys<Arch>(bucket, key), free = first_free<Key, Arch>(bucket);
    const std::uint32_t at = first_of<Key>(equal | 1u << 30);
    if (const std::uint32_t place = equal != 0 ? at : free; place != key_bucket<Key>::capacity) return {&bucket, place};
    home = home + 1 == bucket_count ? 0 : home + 1;
  }
}

/// The homes of a batch's keys; where `Far`, found and asked for early. (Found early they are slower where buckets are
/// near.)
template <class Key, class Arch, bool Far>
class homes {
 public:
  PILLAR_ALWAYS_INLINE explicit homes(const key_batch<Key>& batch) noexcept
      : keys_(batch.keys), buckets_(batch.buckets), bucket_count_(batch.bucket_count) {
    if constexpr (Far) {
      const Key* const keys = batch.keys;
      const std::size_t bucket_count = batch.bucket_count;
      const std::uint32_t count = batch.count;
      for (std::uint32_t i = 0; i < count; ++i) homes_[i] = home_bucket(keys[i], bucket_count);
      for (std::uint32_t i = 0; i < ahead; ++i) homes_[count + i] = homes_[count - 1];
      for (std::uint32_t i = 0; i < ahead; ++i) __builtin_prefetch(buckets_ + homes_[i], 1);
    }
  }
  PILLAR_ALWAYS_INLINE std::size_t operator[](std::uint32_t i) const noexcept {
    if constexpr (!Far) return home_bucket(keys_[i], bucket_count_);
    __builtin_prefetch(buckets_ + homes_[i + ahead], 1);
    return homes_[i];
  }

 private:
  const Key* keys_;
  const key_bucket<Key>* buckets_;
  std::size_t bucket_count_;
  std::size_t homes_[Far ? most_keys + ahead : 1];
};

/// Where most keys are new there is no branch about it: all is written, again where it was known.
template <class Key, class Arch, bool Far>
std::uint32_t insert_many(key_batch<Key>& of, std::uint32_t more, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  const key_batch<Key> batch = of;
  const homes<Key, Arch, Far> home(batch);
  std::uint32_t size = batch.size;
  for (std::uint32_t i = 0; i < batch.count; ++i) {
    const Key key = batch.keys[i];
    const auto [bucket, at] = look_for_place<Key, Arch>(batch.buckets, batch.bucket_count, home[i], key);
    std::uint32_t number = bucket->numbers_plus_1[at];
    batch.added[size] = key;
    size += number == 0 ? 1 : 0;
    number = number == 0 ? size : number;
    bucket->keys[at] = key;
    bucket->numbers_plus_1[at] = number;
    numbers[i] = number - 1 + more;
  }
  of.size = size;
  return batch.count;
}

/// Keys that are there, and nothing else: returns the first that is not found in its home.
template <class Key, class Arch, bool Far>
PILLAR_ALWAYS_INLINE std::uint32_t find_known(const homes<Key, Arch, Far>& home, const Key* PILLAR_RESTRICT keys,
                                              std::uint32_t begin, std::uint32_t count, const key_bucket<Key>* buckets,
                                              std::uint32_t less, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  for (std::uint32_t i = begin; i < count; ++i) {
    const key_bucket<Key>& bucket = buckets[home[i]];
    const std::uint32_t equal = equal_keys<Arch>(bucket, keys[i]);
    if (equal == 0) return i;
    const std::uint32_t number = bucket.numbers_plus_1[first_of<Key>(equal)];
    if (number == 0) return i;
    numbers[i] = number - less;
  }
  return count;
}

template <class Key, class Arch, bool Far>
std::uint32_t insert_few(key_batch<Key>& of, std::uint32_t more, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  const key_batch<Key> batch = of;
  const homes<Key, Arch, Far> home(batch);
  std::uint32_t size = batch.size, i = 0;
  for (;;) {
    i = find_known<Key, Arch, Far>(home, batch.keys, i, batch.count, batch.buckets, 1 - more, numbers);
    if (i == batch.count) break;
    const Key key = batch.keys[i];
    const auto [bucket, at] = look_for<Key, Arch>(batch.buckets, batch.bucket_count, home[i], key);
    std::uint32_t number = bucket->numbers_plus_1[at];
    if (number == 0) {
      if (size == batch.most) break;
      batch.added[size++] = key;
      number = size;
      bucket->keys[at] = key;
      bucket->numbers_plus_1[at] = number;
    }
    numbers[i++] = number - 1 + more;
  }
  of.size = size;
  return i;
}

template <class Key, class Arch>
std::uint32_t insert(key_batch<Key>& batch, std::uint32_t more, bool many, bool far, std::uint32_t* numbers) noexcept {
  if (many)
    return far ? insert_many<Key, Arch, true>(batch, more, numbers)
               : insert_many<Key, Arch, false>(batch, more, numbers);
  return far ? insert_few<Key, Arch, true>(batch, more, numbers) : insert_few<Key, Arch, false>(batch, more, numbers);
}

template <class Key, class Arch, bool Far>
PILLAR_ALWAYS_INLINE void find_each(const key_batch<Key>& batch, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  const homes<Key, Arch, Far> home(batch);
  for (std::uint32_t i = 0; i < batch.count; ++i) {
    const auto [bucket, at] = look_for<Key, Arch>(batch.buckets, batch.bucket_count, home[i], batch.keys[i]);
    numbers[i] = bucket->numbers_plus_1[at];
  }
}
template <class Key, class Arch>
void find(const key_batch<Key>& batch, bool far, std::uint32_t* numbers) noexcept {
  if (far) find_each<Key, Arch, true>(batch, numbers);
  else find_each<Key, Arch, false>(batch, numbers);
}

template <class Arch>
inline constexpr key_search_table table_of = {level_of<Arch>, insert<std::uint64_t, Arch>, insert<wide_key, Arch>,
                                              find<std::uint64_t, Arch>, find<wide_key, Arch>};

}  // namespace key_search_detail

template <class Arch>
const key_search_table& key_search_kernels<Arch>::table() noexcept {
  return key_search_detail::table_of<Arch>;
}

}  // namespace PILLAR_NAMESPACE::detail

// v4_vbmi2 has no code of its own here: it takes the table of v4.
#if defined(PILLAR_KERNEL_ARCH) && PILLAR_KERNEL_LEVEL < 5
namespace PILLAR_NAMESPACE::detail {
template struct key_search_kernels<PILLAR_KERNEL_ARCH>;
}
#endif
