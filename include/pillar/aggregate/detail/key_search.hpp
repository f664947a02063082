// SPDX-License-Identifier: Apache-2.0
/// Keys of 8 or 16 bytes with their numbers in buckets of a cache line, and the kernels that look for them.
///
/// A key is in the bucket that its hash names, or in one after it if all between are full. A bucket's keys are compared
/// all at once: with slots probed one by one a third of the keys is beside its own slot, and each is a misprediction.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/checked.hpp"  // uint128
#include "pillar/base/config.hpp"
#include "pillar/base/detail/next_lines.hpp"
#include "pillar/simd/arch.hpp"   // arch_level
#include "pillar/simd/level.hpp"  // kernel_table

namespace PILLAR_NAMESPACE::detail {

struct wide_key {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend constexpr bool operator==(const wide_key&, const wide_key&) = default;
};

/// Hashes inside a table are nobody else's business and may change: one multiplication, and for wide keys another beside
/// it, since there are halves with which the first gives 0 whatever the other is.
PILLAR_ALWAYS_INLINE std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) noexcept {
  a ^= 0xa0761d6478bd642full;
  b ^= 0xe7037ed1a0b428dbull;
  const auto high = static_cast<std::uint64_t>(static_cast<uint128>(a) * b >> 64);
  return a * b ^ high;  // one multiplication; of a word of 128 bits GCC goes through memory
}
PILLAR_ALWAYS_INLINE std::uint64_t table_hash(std::uint64_t key) noexcept {
  return folded_product(key, 0x9e3779b97f4a7c15ull);
}
PILLAR_ALWAYS_INLINE std::uint64_t table_hash(const wide_key& key) noexcept {
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15ull;
  return folded_product(key.low, key.high + odd) ^ (key.low * odd + key.high * 0xbf58476d1ce4e5b9ull);
}

/// Factors of the halves of a key: products of 32 bits are what every level has for several keys at once, and multiplying
/// whole words was the slowest part of a look-up.
inline constexpr std::uint64_t lower_factor = 0x9e3779b1u, upper_factor = 0x85ebca77u;
/// The 32 bits of its hash that a key's bucket goes by.
PILLAR_ALWAYS_INLINE std::uint32_t bucket_hash(std::uint64_t key) noexcept {
  const std::uint64_t product = (key & 0xffffffffu) * lower_factor + (key >> 32) * upper_factor;
  return static_cast<std::uint32_t>(product ^ product >> 32);
}
inline constexpr std::uint64_t high_lower_factor = 0xc2b2ae3du, high_upper_factor = 0x27d4eb2fu;  ///< of wide_key::high
/// Of the sum of a wide key's products, which other keys' halves in steps would make too: without it some grids of two
/// numbers came to a few buckets.
inline constexpr std::uint64_t mixing_factor = 0xd6e8feb9u;
PILLAR_ALWAYS_INLINE std::uint32_t bucket_hash(const wide_key& key) noexcept {
  const std::uint64_t product = (key.low & 0xffffffffu) * lower_factor + (key.low >> 32) * upper_factor +
                                (key.high & 0xffffffffu) * high_lower_factor + (key.high >> 32) * high_upper_factor;
  const std::uint64_t mixed = ((product ^ product >> 32) & 0xffffffffu) * mixing_factor;
  return static_cast<std::uint32_t>(mixed ^ mixed >> 32);
}

/// Taken from the front, so that those without a number (0), whose keys are 0 too, come last. The number after the last
/// place is 0 for ever: what is not found is looked for there, and there is one question instead of two.
template <class Key>
struct alignas(64) key_bucket {
  static constexpr std::uint32_t capacity = 60 / (sizeof(Key) + sizeof(std::uint32_t));  // 5, or 3 wide ones
  Key keys[capacity];
  std::uint32_t numbers_plus_1[capacity + 1];

  [[nodiscard]] bool is_full() const noexcept { return numbers_plus_1[capacity - 1] != 0; }
  /// Requires: !is_full()
  void push(const Key& key, std::uint32_t number_plus_1) noexcept {
    std::uint32_t at = 0;
    while (numbers_plus_1[at] != 0) ++at;
    keys[at] = key;
    numbers_plus_1[at] = number_plus_1;
  }
};
static_assert(sizeof(key_bucket<std::uint64_t>) == 64 && sizeof(key_bucket<wide_key>) == 64);

/// The bucket that a hash names: its fraction of the table, so that buckets are in the hash's order, however many.
/// Requires: bucket_count < 2^32
template <class Key>
[[nodiscard]] PILLAR_ALWAYS_INLINE std::size_t home_bucket(const Key& key, std::size_t bucket_count) noexcept {
  return static_cast<std::size_t>(std::uint64_t{bucket_hash(key)} * bucket_count >> 32);
}

/// A batch of keys to be looked for in a table, and to be added to it.
template <class Key>
struct key_batch {
  const Key* keys = nullptr;
  std::uint32_t count = 0;
  key_bucket<Key>* buckets = nullptr;
  std::size_t bucket_count = 0;
  Key* added = nullptr;    ///< by number
  std::uint32_t size = 0;  ///< of the table
  std::uint32_t most = 0;  ///< it may have so many
  next_lines next{};       ///< to be asked for on the way
};

/// The kernels of one level.
///
/// Requires: 1 ≤ count ≤ 1,024; a bucket that is not full
/// Cost:     reads and writes a bucket per key, asked for early where `Far`; no allocation
struct key_search_table {
  arch_level level;
  /// numbers[i] = the number of keys[i] + `more` − 1. Keys that are not there are added with the next numbers, until the
  /// table is full: returns how many were looked up, and `batch.size` is what it is then. `many`: most are new, and there
  /// is room for all.
  std::uint32_t (*insert)(key_batch<std::uint64_t>& batch, std::uint32_t more, bool many, bool far,
                          std::uint32_t* numbers) noexcept;
  std::uint32_t (*insert_wide)(key_batch<wide_key>& batch, std::uint32_t more, bool many, bool far,
                               std::uint32_t* numbers) noexcept;
  /// numbers[i] = the number of keys[i] + 1, 0 for a key that is not there.
  void (*find)(const key_batch<std::uint64_t>& batch, bool far, std::uint32_t* numbers) noexcept;
  void (*find_wide)(const key_batch<wide_key>& batch, bool far, std::uint32_t* numbers) noexcept;
};

/// Defined in aggregate/kernels/key_search.hpp, compiled once per level into pillar::kernels.
template <class Arch>
struct key_search_kernels {
  static const key_search_table& table() noexcept;
};

/// The table of `level`, or of the nearest lower level that this build holds.
[[nodiscard]] PILLAR_API const key_search_table& key_search_kernels_for(arch_level level) noexcept;

}  // namespace PILLAR_NAMESPACE::detail

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/key_search.hpp"
#include "pillar/aggregate/kernels/key_search.hpp"
#endif
