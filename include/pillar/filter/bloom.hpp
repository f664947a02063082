// SPDX-License-Identifier: Apache-2.0
/// Register-blocked Bloom filters: may a key be in a set? "No" is certain, "yes" is right but for few in a thousand.
#pragma once
#include <cstdint>
#include <span>

#include "pillar/base/buffer.hpp"
#include "pillar/base/result.hpp"
#include "pillar/simd/arch.hpp"   // arch_level
#include "pillar/simd/level.hpp"  // detail::kernel_table

namespace PILLAR_NAMESPACE {

/// Bits of a filter for each key; bloom_filter::false_positive_rate says what comes of it.
inline constexpr unsigned bloom_bits_per_key = 16;

/// Blocks (words of 64 bits) for so many keys: at least one.
constexpr std::uint64_t bloom_blocks_for(std::uint64_t key_count, unsigned bits_per_key = bloom_bits_per_key) noexcept {
  const std::uint64_t blocks = key_count / 64 * bits_per_key + (key_count % 64 * bits_per_key + 63) / 64;
  return blocks == 0 ? 1 : blocks;
}

/// Sets the bits of keys, given by their hashes, in blocks of the caller's.
///
/// Layout:   a key's block is found by its hash's high 32 bits, its four bits by four times six low ones
/// Requires: 0 < block_count < 2^32; hashes that are good in both halves, as those of hash/ are
PILLAR_API void bloom_add(std::uint64_t* blocks, std::uint64_t block_count, const std::uint64_t* hashes,
                          std::size_t count) noexcept;

namespace detail {
PILLAR_ALWAYS_INLINE constexpr std::uint64_t bloom_block_of(std::uint64_t hash, std::uint64_t block_count) noexcept {
  return ((hash >> 32) * block_count) >> 32;
}
PILLAR_ALWAYS_INLINE constexpr std::uint64_t bloom_bits_of(std::uint64_t hash) noexcept {
  constexpr std::uint64_t one = 1;
  return one << (hash & 63) | one << (hash >> 6 & 63) | one << (hash >> 12 & 63) | one << (hash >> 18 & 63);
}
}  // namespace detail

/// The kernel of one level. All levels give the same bits.
struct bloom_table {
  arch_level level;
  /// Bit i of `mask` = whether the key of hashes[i] may be there. Writes words_for(count) words, zero beyond `count`.
  ///
  /// Requires: as bloom_add; no overlap
  /// Cost:     one load a key and no branches: where the filter lies in a cache 1–2 ns, half of that with AVX-512
  void (*test)(const std::uint64_t* blocks, std::uint64_t block_count, const std::uint64_t* hashes, std::size_t count,
               std::uint64_t* mask) noexcept;
};

/// The kernel of one level; defined in filter/kernels/bloom.hpp, compiled once per level into pillar::kernels.
template <class Arch>
struct bloom_kernels {
  static const bloom_table& table() noexcept;
};

/// The table of `level`, or of the nearest lower level that this build holds.
[[nodiscard]] PILLAR_API const bloom_table& bloom_kernels_for(arch_level level) noexcept;

/// A filter that owns its blocks.
///
/// Errors:  make: out_of_memory, invalid_argument (2^32 blocks or more: 17 billion keys; bits per key not from 1 to 64)
/// Threads: const members concurrently; a filter for each worker, merged at the end
/// Source:  register-blocked filters: Lang, Neumann, Kemper, Boncz, "Performance-Optimal Filtering" (VLDB 2019,
///          doi:10.14778/3303753.3303757)
class bloom_filter {
 public:
  /// An empty filter for about `key_count` keys; with more it only answers "yes" more often. It asks with the kernels
  /// of best_arch_level().
  PILLAR_API static result<bloom_filter> make(std::uint64_t key_count, memory_budget* budget = nullptr,
                                              unsigned bits_per_key = bloom_bits_per_key);

  void add(std::span<const std::uint64_t> hashes) noexcept {
    bloom_add(blocks_.as<std::uint64_t>(), block_count(), hashes.data(), hashes.size());
  }
  void test(std::span<const std::uint64_t> hashes, std::uint64_t* mask) const noexcept {
    kernels_->test(blocks_.as<std::uint64_t>(), block_count(), hashes.data(), hashes.size(), mask);
  }
  /// Adds another filter's keys. Requires: made for as many keys with as many bits
  PILLAR_API void merge(const bloom_filter& other) noexcept;

  /// The share of keys that are not there and yet pass, from the bits that are set: 0.5 % with as many keys as the
  /// filter was made for and 16 bits for each.
  [[nodiscard]] PILLAR_API double false_positive_rate() const noexcept;

  [[nodiscard]] std::uint64_t block_count() const noexcept { return blocks_.size() / sizeof(std::uint64_t); }
  [[nodiscard]] std::span<const std::uint64_t> blocks() const noexcept {
    return {blocks_.as<std::uint64_t>(), block_count()};
  }

 private:
  bloom_filter(buffer blocks, const bloom_table& kernels) noexcept : blocks_(std::move(blocks)), kernels_(&kernels) {}
  buffer blocks_;
  const bloom_table* kernels_;
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/filter/impl/bloom.hpp"
#include "pillar/filter/kernels/bloom.hpp"
#endif
