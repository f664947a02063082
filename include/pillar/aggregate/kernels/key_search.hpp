// SPDX-License-Identifier: Apache-2.0
/// The kernels of aggregate/detail/key_search.hpp.
#pragma once
#include <bit>  // std::countr_zero

#include "pillar/aggregate/detail/key_search.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#if PILLAR_WITH_BATCHES
#include "pillar/simd/batch.hpp"
#include "pillar/simd/words.hpp"
#endif

namespace PILLAR_NAMESPACE::detail {

namespace key_search_detail {

inline constexpr std::uint32_t most_keys = 1024;
inline constexpr std::uint32_t ahead = 32;  // keys whose buckets are asked for early

/// A bit for each of a bucket's `count` words of keys that equals *wanted; what bits there are above them belongs to no
/// key. Requires: a whole line from `words` on
template <class Arch>
PILLAR_ALWAYS_INLINE std::uint32_t equal_words(const std::uint64_t* words, std::uint32_t count,
                                               const std::uint64_t* wanted) noexcept {
  std::uint32_t equal = 0;
  std::uint32_t at = 0;
#if PILLAR_WITH_BATCHES
  if constexpr (level_of<Arch> != arch_level::scalar) {
    constexpr auto lanes = static_cast<std::uint32_t>(simd::lanes<std::uint64_t, Arch>);
    const auto word = simd::broadcast<std::uint64_t, Arch>(*wanted);
    if constexpr (lanes == 8)  // the whole line
      return static_cast<std::uint32_t>(
          simd::to_bits<std::uint64_t, Arch>(simd::load<std::uint64_t, Arch>(words) == word));
    for (; at + lanes <= count; at += lanes)
      equal |= static_cast<std::uint32_t>(
                   simd::to_bits<std::uint64_t, Arch>(simd::load<std::uint64_t, Arch>(words + at) == word))
               << at;
  }
#endif
  for (; at < count; ++at) equal |= (words[at] == *wanted ? 1u : 0u) << at;
  return equal;
}

/// The same for words in turn of two that are wanted. Requires: an even number of words
template <class Arch>
PILLAR_ALWAYS_INLINE std::uint32_t equal_pairs(const std::uint64_t* words, std::uint32_t count,
                                               const std::uint64_t* wanted) noexcept {
  std::uint32_t equal = 0;
#if PILLAR_WITH_BATCHES
  if constexpr (level_of<Arch> != arch_level::scalar) {
    constexpr auto lanes = static_cast<std::uint32_t>(simd::lanes<std::uint64_t, Arch>);
    const auto both = simd::repeat_pair<Arch>(wanted);
    for (std::uint32_t at = 0; at < count; at += lanes)  // what is read beyond `count` is on the same line
      equal |= static_cast<std::uint32_t>(
                   simd::to_bits<std::uint64_t, Arch>(simd::load<std::uint64_t, Arch>(words + at) == both))
               << at;
    return equal;
  }
#endif
  for (std::uint32_t at = 0; at < count; ++at) equal |= (words[at] == wanted[at % 2] ? 1u : 0u) << at;
  return equal;
}

/// The first place of the bucket that has *key, or where that is 0 one that no key has; the capacity if there is none.
template <class Arch>
PILLAR_ALWAYS_INLINE std::uint32_t place_of(const key_bucket<std::uint64_t>& bucket,
                                            const std::uint64_t* key) noexcept {
  constexpr std::uint32_t capacity = key_bucket<std::uint64_t>::capacity;
  const std::uint32_t equal = equal_words<Arch>(bucket.keys, capacity, key);
  return static_cast<std::uint32_t>(std::countr_zero(equal | 1u << capacity));
}
template <class Arch>
PILLAR_ALWAYS_INLINE std::uint32_t place_of(const key_bucket<wide_key>& bucket, const wide_key* key) noexcept {
  constexpr std::uint32_t words = 2 * key_bucket<wide_key>::capacity;
  const auto* const from = reinterpret_cast<const std::uint64_t*>(&bucket);
  const std::uint32_t same = equal_pairs<Arch>(from, words, &key->low);
  const std::uint32_t equal = same & same >> 1 & 0x15u;
  return static_cast<std::uint32_t>(std::countr_zero(equal | 1u << words)) / 2;
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
/// The bucket after one, the first after the last.
template <class Key>
PILLAR_ALWAYS_INLINE key_bucket<Key>* next_bucket(const key_batch<Key>& batch, const key_bucket<Key>* of) noexcept {
  const std::size_t next = static_cast<std::size_t>(of - batch.buckets) + 1;
  return batch.buckets + (next == batch.bucket_count ? 0 : next);
}

template <class Key, class Arch>
PILLAR_ALWAYS_INLINE found_place<Key> look_for(const key_batch<Key>& batch, key_bucket<Key>* home,
                                               const Key* key) noexcept {
  constexpr std::uint32_t capacity = key_bucket<Key>::capacity;
  for (;;) {
    const std::uint32_t at = place_of<Arch>(*home, key);
    if (at != capacity) return {home, at};
    if (!home->is_full()) return {home, first_free<Key, Arch>(*home)};
    home = next_bucket(batch, home);
  }
}

/// The same without a branch about whether the key is there.
template <class Key, class Arch>
PILLAR_ALWAYS_INLINE found_place<Key> look_for_place(const key_batch<Key>& batch, key_bucket<Key>* home,
                                                     const Key* key) noexcept {
  constexpr std::uint32_t capacity = key_bucket<Key>::capacity;
  for (;;) {
    const std::uint32_t at = place_of<Arch>(*home, key), free = first_free<Key, Arch>(*home);
    const std::uint32_t either = 1u << at | 1u << (free + 8);  // GCC makes a branch of at != capacity ? at : free
    const auto place = static_cast<std::uint32_t>(std::countr_zero(either & ~(1u << capacity))) % 8;
    if (place != capacity) [[likely]]
      return {home, place};
    home = next_bucket(batch, home);
  }
}

/// The home buckets of a batch's keys, found before all else: several at once where the level has batches. Where `Far`
/// they are asked for early.
template <class Key, class Arch, bool Far>
class homes {
 public:
  PILLAR_ALWAYS_INLINE explicit homes(const key_batch<Key>& batch) noexcept {
    const Key* const keys = batch.keys;
    key_bucket<Key>* const buckets = batch.buckets;
    const std::size_t bucket_count = batch.bucket_count;
    const std::uint32_t count = batch.count;
    std::uint32_t i = 0;
#if PILLAR_WITH_BATCHES
    if constexpr (level_of<Arch> != arch_level::scalar) {
      constexpr auto lanes = static_cast<std::uint32_t>(simd::lanes<std::uint64_t, Arch>);
      constexpr std::uint64_t lower_of[] = {lower_factor, sizeof(Key) == 8 ? lower_factor : high_lower_factor};
      constexpr std::uint64_t upper_of[] = {upper_factor, sizeof(Key) == 8 ? upper_factor : high_upper_factor};
      const auto all = [](std::uint64_t value) { return simd::broadcast<std::uint64_t, Arch>(value); };
      const auto lower = simd::repeat_pair<Arch>(lower_of), upper = simd::repeat_pair<Arch>(upper_of);
      const auto size = all(bucket_count), first = all(address_of(buckets));
      using words = simd::batch<std::uint64_t, Arch>;
      const auto products_of = [&](const std::uint64_t* from) __attribute__((always_inline)) {
        const words of = simd::load<std::uint64_t, Arch>(from);
        return words(simd::multiply_lower_halves<Arch>(of, lower) +
                     simd::multiply_lower_halves<Arch>(simd::shift_right<std::uint64_t, Arch>(of, 32), upper));
      };
      for (; i + lanes <= count; i += lanes) {
        const auto* const from = reinterpret_cast<const std::uint64_t*>(keys + i);
        words product = products_of(from);
        if constexpr (sizeof(Key) == 16) product = simd::sum_pairs<Arch>(product, products_of(from + lanes));
        auto hash = product ^ simd::shift_right<std::uint64_t, Arch>(product, 32);
        if constexpr (sizeof(Key) == 16) {
          const auto mixed = simd::multiply_lower_halves<Arch>(hash, all(mixing_factor));
          hash = mixed ^ simd::shift_right<std::uint64_t, Arch>(mixed, 32);
        }
        const auto at = simd::shift_right<std::uint64_t, Arch>(simd::multiply_lower_halves<Arch>(hash, size), 32);
        static_assert(sizeof(key_bucket<Key>) == 64);
        simd::store<std::uint64_t, Arch>(homes_ + i, first + simd::shift_left<std::uint64_t, Arch>(at, 6));
      }
    }
#endif
    for (; i < count; ++i) homes_[i] = address_of(buckets + home_bucket(keys[i], bucket_count));
    if constexpr (Far) {
      for (i = 0; i < ahead; ++i) homes_[count + i] = homes_[count - 1];
      for (i = 0; i < ahead; ++i) __builtin_prefetch(bucket_of(homes_[i]), 1);
    }
  }
  PILLAR_ALWAYS_INLINE key_bucket<Key>* operator[](std::uint32_t i) const noexcept { return at(i, 0); }
  /// Of row first + i.
  PILLAR_ALWAYS_INLINE key_bucket<Key>* at(std::uint32_t first, std::uint32_t i) const noexcept {
    const std::uint64_t* const from = homes_ + first;
    if constexpr (Far) __builtin_prefetch(bucket_of(from[i + ahead]), 1);
    return bucket_of(from[i]);
  }
  /// Asks for nothing.
  [[nodiscard]] PILLAR_ALWAYS_INLINE key_bucket<Key>* known(std::uint32_t i) const noexcept {
    return bucket_of(homes_[i]);
  }

 private:
  [[nodiscard]] static std::uint64_t address_of(key_bucket<Key>* bucket) noexcept {
    return reinterpret_cast<std::uintptr_t>(bucket);
  }
  [[nodiscard]] PILLAR_ALWAYS_INLINE static key_bucket<Key>* bucket_of(std::uint64_t address) noexcept {
    return reinterpret_cast<key_bucket<Key>*>(static_cast<std::uintptr_t>(address));
  }

  std::uint64_t homes_[most_keys + (Far ? ahead : 0)];  ///< addresses
};

/// Where most keys are new there is no branch about it: all is written, again where it was known.
template <class Key, class Arch, bool Far>
std::uint32_t insert_many(key_batch<Key>& of, std::uint32_t more, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  const key_batch<Key> batch = of;
  const homes<Key, Arch, Far> home(batch);
  std::uint32_t size = batch.size;
  for (std::uint32_t i = 0; i < batch.count; ++i) {
    if (i % next_lines::rows == 0) batch.next.ask(i);
    const Key key = batch.keys[i];
    const auto [bucket, at] = look_for_place<Key, Arch>(batch, home[i], batch.keys + i);
    std::uint32_t number = bucket->numbers_plus_1[at];
    batch.added[size] = key;
    const std::uint32_t is_new = number == 0 ? 1 : 0;
    size += is_new;
    number += size & (0 - is_new);
    bucket->keys[at] = key;
    bucket->numbers_plus_1[at] = number;
    numbers[i] = number - 1 + more;
  }
  of.size = size;
  return batch.count;
}

/// The number + 1 of a key that is not in a bucket; 0 if it is not in those after it either.
template <class Key, class Arch>
PILLAR_NOINLINE std::uint32_t find_further(const key_batch<Key>& batch, const key_bucket<Key>* bucket,
                                           const Key* key) noexcept {
  std::uint32_t number = 0;
  while (number == 0 && bucket->is_full()) {
    bucket = next_bucket(batch, bucket);
    number = bucket->numbers_plus_1[place_of<Arch>(*bucket, key)];
  }
  return number;
}

/// How many of these rows come before one whose key is not there.
template <std::uint32_t Rows, class Key, class Arch>
PILLAR_ALWAYS_INLINE std::uint32_t find_rows(const homes<Key, Arch, false>& home, const key_batch<Key>& batch,
                                             std::uint32_t first, std::uint32_t less,
                                             std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  const Key* const keys = batch.keys + first;
#pragma GCC unroll 8
  for (std::uint32_t i = 0; i < Rows; ++i) {
    const key_bucket<Key>* const bucket = home.at(first, i);
    std::uint32_t number = bucket->numbers_plus_1[place_of<Arch>(*bucket, keys + i)];
    if (number == 0) [[unlikely]] {
      number = find_further<Key, Arch>(batch, bucket, keys + i);
      if (number == 0) return i;
    }
    numbers[i] = number - less;
  }
  return Rows;
}

/// Keys that are there, and nothing else: returns the first that is not. A function of its own, since with the way of new
/// keys around it the compiler runs out of registers.
template <class Key, class Arch>
PILLAR_NOINLINE std::uint32_t find_known(const homes<Key, Arch, false>& home, const key_batch<Key>& batch,
                                         std::uint32_t begin, std::uint32_t less,
                                         std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  constexpr std::uint32_t rows = next_lines::rows;
  std::uint32_t i = begin;
  for (; i + rows <= batch.count; i += rows) {
    batch.next.ask(i);
    const std::uint32_t known = find_rows<rows>(home, batch, i, less, numbers + i);
    if (known != rows) [[unlikely]]
      return i + known;
  }
  for (; i < batch.count; ++i)
    if (find_rows<1>(home, batch, i, less, numbers + i) == 0) break;
  return i;
}

#if PILLAR_WITH_BATCHES
/// A few keys need no hash: rows are compared with all of them, a block of rows at a time. Requires: size ≥ 1
/// Returns the first row whose key is not there, or that has no whole block.
template <class Arch>
PILLAR_NOINLINE std::uint32_t find_among(const key_batch<std::uint64_t>& batch, std::uint32_t begin, std::uint32_t size,
                                         std::uint32_t less, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  const std::uint64_t *const keys = batch.keys, *const known = batch.added;
  const std::uint32_t count = batch.count;
  const next_lines next_rows = batch.next;
  using words = simd::batch<std::uint64_t, Arch>;
  constexpr std::uint32_t lanes = simd::lanes<std::uint64_t, Arch>, batches = 4, rows = lanes * batches;
  const words none = simd::broadcast<std::uint64_t, Arch>(0), one = simd::broadcast<std::uint64_t, Arch>(1);
  for (; begin + rows <= count; begin += rows) {
    for (std::uint32_t at = 0; at < rows; at += next_lines::rows) next_rows.ask(begin + at);
    words key[batches], number[batches];
    for (std::uint32_t b = 0; b < batches; ++b) {
      key[b] = simd::load<std::uint64_t, Arch>(keys + begin + b * lanes);
      number[b] = none;
    }
    words next = one;
    for (std::uint32_t k = 0; k < size; ++k) {
      const words wanted = simd::broadcast<std::uint64_t, Arch>(known[k]);
      for (std::uint32_t b = 0; b < batches; ++b) number[b] = simd::where_equal<Arch>(key[b], wanted, next, number[b]);
      next = next + one;
    }
    std::uint64_t wide[rows];
    std::uint32_t missing = 0;
    for (std::uint32_t b = 0; b < batches; ++b) {
      missing |= static_cast<std::uint32_t>(simd::to_bits<std::uint64_t, Arch>(number[b] == none)) << (b * lanes);
      simd::store<std::uint64_t, Arch>(wide + b * lanes, number[b]);
    }
    for (std::uint32_t i = 0; i < rows; ++i) numbers[begin + i] = static_cast<std::uint32_t>(wide[i]) - less;
    if (PILLAR_MUTATE(key_search_takes_unknown, missing != 0, false))
      return begin + static_cast<std::uint32_t>(std::countr_zero(missing));
  }
  return begin;
}
#endif

/// So many keys are compared one by one.
template <class Key, class Arch>
[[nodiscard]] constexpr std::uint32_t few_keys() noexcept {
#if PILLAR_WITH_BATCHES
  if constexpr (sizeof(Key) == 8 && level_of<Arch> != arch_level::scalar)
    return simd::lanes<std::uint64_t, Arch> >= 8 ? 12 : simd::lanes<std::uint64_t, Arch> >= 4 ? 8 : 4;
#endif
  return 0;
}

/// The numbers of keys in their home buckets; the other keys are listed, and how many they are is returned.
template <class Key, class Arch>
PILLAR_NOINLINE std::uint32_t find_at_home(const homes<Key, Arch, true>& home, const key_batch<Key>& batch,
                                           std::uint32_t less, std::uint32_t* PILLAR_RESTRICT numbers,
                                           std::uint16_t* PILLAR_RESTRICT others) noexcept {
  constexpr std::uint32_t rows = next_lines::rows;
  const std::uint32_t count = batch.count;
  std::uint32_t other_count = 0;
  const auto find = [&](std::uint32_t first, std::uint32_t i) __attribute__((always_inline)) {
    const key_bucket<Key>* const bucket = home.at(first, i);
    const std::uint32_t number = bucket->numbers_plus_1[place_of<Arch>(*bucket, batch.keys + first + i)];
    numbers[first + i] = number - less;
    others[other_count] = static_cast<std::uint16_t>(first + i);
    other_count += number == 0 ? 1 : 0;
  };
  std::uint32_t i = 0;
  for (; i + rows <= count; i += rows) {
    batch.next.ask(i);
#pragma GCC unroll 8
    for (std::uint32_t k = 0; k < rows; ++k) find(i, k);
  }
  for (; i < count; ++i) find(i, 0);
  return other_count;
}

/// In a far table keys that are not at home come last: each would be a misprediction and wait for the bucket after.
template <class Key, class Arch>
std::uint32_t insert_far(key_batch<Key>& of, std::uint32_t more, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  constexpr std::uint32_t early = 8;
  const key_batch<Key> batch = of;
  const homes<Key, Arch, true> home(batch);
  std::uint16_t others[most_keys];
  const std::uint32_t listed = find_at_home<Key, Arch>(home, batch, 1 - more, numbers, others);
  const std::uint32_t other_count = PILLAR_MUTATE(key_search_far_looks_at_home_only, listed, 0);
  const auto ask = [&](std::uint32_t at) {
    if (at < other_count) __builtin_prefetch(next_bucket(batch, home.known(others[at])), 1);
  };
  for (std::uint32_t at = 0; at < early; ++at) ask(at);
  std::uint32_t size = batch.size;
  for (std::uint32_t at = 0; at < other_count; ++at) {
    ask(at + early);
    const std::uint32_t row = others[at];
    const auto [bucket, place] = look_for<Key, Arch>(batch, home.known(row), batch.keys + row);
    std::uint32_t number = bucket->numbers_plus_1[place];
    if (number == 0) {
      if (size == batch.most) {
        of.size = size;
        return row;
      }
      const Key key = batch.keys[row];
      batch.added[size++] = key;
      number = size;
      bucket->keys[place] = key;
      bucket->numbers_plus_1[place] = number;
    }
    numbers[row] = number - 1 + more;
  }
  of.size = size;
  return batch.count;
}

template <class Key, class Arch>
std::uint32_t insert_near(key_batch<Key>& of, std::uint32_t more, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  const key_batch<Key> batch = of;
  std::uint32_t size = batch.size, i = 0;
#if PILLAR_WITH_BATCHES
  if constexpr (few_keys<Key, Arch>() != 0) {
    if (size != 0 && size <= few_keys<Key, Arch>()) {
      i = find_among<Arch>(batch, 0, size, 1 - more, numbers);
      if (i == batch.count) return i;
    }
  }
#endif
  const homes<Key, Arch, false> home(batch);
  for (;;) {
    i = find_known<Key, Arch>(home, batch, i, 1 - more, numbers);
    if (i == batch.count) break;
    const Key key = batch.keys[i];
    const auto [bucket, at] = look_for<Key, Arch>(batch, home[i], batch.keys + i);
    std::uint32_t number = bucket->numbers_plus_1[at];
    if (number == 0) {
      if (size == batch.most) break;
      batch.added[size++] = key;
      number = size;
      bucket->keys[at] = key;
      bucket->numbers_plus_1[at] = number;
    }
    numbers[i++] = number - 1 + more;
#if PILLAR_WITH_BATCHES
    if constexpr (few_keys<Key, Arch>() != 0)
      if (size <= few_keys<Key, Arch>()) i = find_among<Arch>(batch, i, size, 1 - more, numbers);
#endif
  }
  of.size = size;
  return i;
}

template <class Key, class Arch>
std::uint32_t insert(key_batch<Key>& batch, std::uint32_t more, bool many, bool far, std::uint32_t* numbers) noexcept {
  if (many)
    return far ? insert_many<Key, Arch, true>(batch, more, numbers)
               : insert_many<Key, Arch, false>(batch, more, numbers);
  return far ? insert_far<Key, Arch>(batch, more, numbers) : insert_near<Key, Arch>(batch, more, numbers);
}

template <class Key, class Arch, bool Far>
PILLAR_ALWAYS_INLINE void find_each(const key_batch<Key>& batch, std::uint32_t* PILLAR_RESTRICT numbers) noexcept {
  const homes<Key, Arch, Far> home(batch);
  for (std::uint32_t i = 0; i < batch.count; ++i) {
    const auto [bucket, at] = look_for<Key, Arch>(batch, home[i], batch.keys + i);
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
