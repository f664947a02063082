// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/filter/bloom.hpp"
#include "pillar/simd/dispatch.hpp"  // best_arch_level

namespace PILLAR_NAMESPACE {

PILLAR_API void bloom_add(std::uint64_t* blocks, std::uint64_t block_count, const std::uint64_t* hashes,
                          std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    blocks[detail::bloom_block_of(hashes[i], block_count)] |= detail::bloom_bits_of(hashes[i]);
}

PILLAR_API const bloom_table& bloom_kernels_for(arch_level level) noexcept {
  return detail::kernel_table<bloom_kernels>(level);
}

PILLAR_API result<bloom_filter> bloom_filter::make(std::uint64_t key_count, memory_budget* budget,
                                                   unsigned bits_per_key) {
  if (bits_per_key == 0 || bits_per_key > 64) return errc::invalid_argument;
  const std::uint64_t count = bloom_blocks_for(key_count, bits_per_key);
  if (count >> 32 != 0) return errc::invalid_argument;
  PILLAR_ASSIGN_OR_RETURN(buffer blocks, buffer::allocate(count * sizeof(std::uint64_t), budget));
  std::memset(blocks.data(), 0, blocks.size());
  return bloom_filter(std::move(blocks), bloom_kernels_for(best_arch_level()));
}

PILLAR_API void bloom_filter::merge(const bloom_filter& other) noexcept {
  PILLAR_ASSERT(block_count() == other.block_count());
  auto* to = blocks_.as<std::uint64_t>();
  for (std::uint64_t i = 0; i < block_count(); ++i)
    to[i] = PILLAR_MUTATE(bloom_merge_intersects, to[i] | other.blocks()[i], to[i] & other.blocks()[i]);
}

PILLAR_API double bloom_filter::false_positive_rate() const noexcept {
  double sum = 0;
  for (const std::uint64_t block : blocks()) {
    const double share = std::popcount(block) / 64.0;
    sum += share * share * share * share;
  }
  return sum / static_cast<double>(block_count());
}

}  // namespace PILLAR_NAMESPACE
