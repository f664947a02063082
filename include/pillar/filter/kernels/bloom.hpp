// SPDX-License-Identifier: Apache-2.0
/// The kernel of filter/bloom.hpp: 64 keys to a word of the mask.
#pragma once
#include "pillar/base/bits.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/filter/bloom.hpp"
#include "pillar/simd/gather_words.hpp"

namespace PILLAR_NAMESPACE {

namespace bloom_detail {

/// Bits for the keys of hashes[first, last), at most 64 of them.
template <class Arch>
PILLAR_ALWAYS_INLINE std::uint64_t test_one_by_one(const std::uint64_t* PILLAR_RESTRICT blocks,
                                                   std::uint64_t block_count,
                                                   const std::uint64_t* PILLAR_RESTRICT hashes, std::size_t first,
                                                   std::size_t last) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = first; i < last; ++i) {
    const std::uint64_t bits = detail::bloom_bits_of(hashes[i]);
    const std::uint64_t missing = bits & ~blocks[detail::bloom_block_of(hashes[i], block_count)];
    word |= std::uint64_t{missing == 0} << (i - first);
  }
  return word;
}

template <class Arch>
void test(const std::uint64_t* PILLAR_RESTRICT blocks, std::uint64_t block_count,
          const std::uint64_t* PILLAR_RESTRICT hashes, std::size_t count,
          std::uint64_t* PILLAR_RESTRICT mask) noexcept {
  std::size_t first = 0;
#if PILLAR_WITH_GATHERED_WORDS
  if constexpr (level_of<Arch> >= arch_level::v4) {
    for (; count - first >= 64; first += 64) {
      std::uint64_t word = 0;
      for (unsigned i = 0; i < 64; i += 8) {
        const auto of = simd::load_words<Arch>(hashes + first + i);
        const auto block = simd::gather_words<Arch>(blocks, simd::places_by_high_half<Arch>(of, block_count));
        word |= simd::have_bits<Arch>(block, simd::four_bits<Arch>(of)) << i;
      }
      mask[first / 64] = word;
    }
  }
#endif
  for (; first < count; first += 64) {
    const std::size_t last = count - first < 64 ? count : first + 64;
    mask[first / 64] =
        test_one_by_one<Arch>(blocks, block_count, hashes, first, PILLAR_MUTATE(bloom_tail_unasked, last, last - 1));
  }
}

template <class Arch>
inline constexpr bloom_table table_of{level_of<Arch>, test<Arch>};

}  // namespace bloom_detail

template <class Arch>
const bloom_table& bloom_kernels<Arch>::table() noexcept {
  return bloom_detail::table_of<Arch>;
}

}  // namespace PILLAR_NAMESPACE

// v4_vbmi2 has no code of its own here: it takes the table of v4.
#if defined(PILLAR_KERNEL_ARCH) && PILLAR_KERNEL_LEVEL < 5
namespace PILLAR_NAMESPACE {
template struct bloom_kernels<PILLAR_KERNEL_ARCH>;
}
#endif
