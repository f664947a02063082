// SPDX-License-Identifier: Apache-2.0
/// The kernels of codec/run_end.hpp: plain loops, which vectorise at each level, and for short runs permutations.
#pragma once
#include <bit>  // std::popcount
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/run_end.hpp"
#include "pillar/simd/permute.hpp"

namespace PILLAR_NAMESPACE {

namespace run_end_detail {

/// Stores a cache line of copies per run, whatever its length, and more where that is not enough: what is too much
/// belongs to the next run, or lies behind the rows.
template <class U, class Arch>
void expand(const void* values, const std::uint16_t* PILLAR_RESTRICT ends, std::uint32_t run_count,
            void* out) noexcept {
  constexpr std::uint32_t step = 64 / sizeof(U);
  const U* PILLAR_RESTRICT from = static_cast<const U*>(values);
  U* PILLAR_RESTRICT rows = static_cast<U*>(out);
  std::uint32_t begin = 0;
  for (std::uint32_t run = 0; run < run_count; ++run) {
    const U value = from[run];
    const std::uint32_t end = ends[run];
    U* at = rows + begin;
    for (std::uint32_t i = 0; i < step; ++i) at[i] = value;
    if (end - begin > PILLAR_MUTATE(run_end_line_too_long, step, step + 1)) {
      U* const last = rows + end;
      // On from the last line that begins in what is written: stores across lines take twice the time.
      for (at = rows + (begin + step) / step * step; at < last; at += step)
        for (std::uint32_t i = 0; i < step; ++i) at[i] = value;
    }
    begin = end;
  }
}

#if PILLAR_WITH_PERMUTATIONS
/// A register of rows at a time: the values from the first row's on, each where its run is.
template <class U, class Arch>
void spread(const void* values, const std::uint64_t* PILLAR_RESTRICT marks, void* out) noexcept {
  constexpr std::uint32_t rows = simd::permuted_lanes<U>;
  const U* PILLAR_RESTRICT from = static_cast<const U*>(values);
  U* PILLAR_RESTRICT to = static_cast<U*>(out);
  for (std::uint32_t word = 0; word < 16; ++word) {
    std::uint64_t left = marks[word];
#pragma GCC unroll 16
    for (std::uint32_t step = 0; step < 64 / rows; ++step, left >>= rows, to += rows) {
      const auto pattern = static_cast<std::uint32_t>(left) & ((1u << rows) - 1);
      simd::repeat_unmarked<U, Arch>(from, pattern, to);
      from += std::popcount(pattern);
    }
  }
}
#endif
template <class U, class Arch>
constexpr run_end_table::spread_fn spread_of() noexcept {
#if PILLAR_WITH_PERMUTATIONS
  if constexpr (!std::is_same_v<Arch, arch::scalar> && sizeof(U) >= 4) return spread<U, Arch>;
#endif
  return nullptr;
}

template <class Arch>
inline constexpr run_end_table table_of{
    level_of<Arch>,
    {expand<std::uint8_t, Arch>, expand<std::uint16_t, Arch>, expand<std::uint32_t, Arch>, expand<std::uint64_t, Arch>},
    {spread_of<std::uint8_t, Arch>(), spread_of<std::uint16_t, Arch>(), spread_of<std::uint32_t, Arch>(),
     spread_of<std::uint64_t, Arch>()}};

}  // namespace run_end_detail

template <class Arch>
const run_end_table& run_end_kernels<Arch>::table() noexcept {
  return run_end_detail::table_of<Arch>;
}

}  // namespace PILLAR_NAMESPACE

// v4_vbmi2 has no code of its own here: it takes the table of v4.
#if defined(PILLAR_KERNEL_ARCH) && PILLAR_KERNEL_LEVEL < 5
namespace PILLAR_NAMESPACE {
template struct run_end_kernels<PILLAR_KERNEL_ARCH>;
}
#endif
