// SPDX-License-Identifier: Apache-2.0
/// The kernels of codec/delta.hpp: two chains at a time, four rows of each in a register where the level has one for
/// it. Elsewhere, and for outputs of 64 bits, two running sums in general registers, which is as fast.
#pragma once
#include "pillar/base/mutant.hpp"
#include "pillar/codec/delta.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/simd/prefix_sum.hpp"

namespace PILLAR_NAMESPACE {

namespace delta_detail {

inline constexpr std::uint32_t chain_rows = packed_values / 2;

#if PILLAR_WITH_PREFIX_SUMS
/// Stepped: the multiples of the step run beside the sums, so that neither waits for the other.
template <class Field, class Arch, bool Stepped>
PILLAR_ALWAYS_INLINE void scan_quads(const Field* PILLAR_RESTRICT from, std::uint32_t* PILLAR_RESTRICT firsts,
                                     std::uint32_t first, std::uint32_t second, std::uint32_t step) noexcept {
  using quads = simd::quads<Arch>;
  auto carry = quads::ramps(first, second, 0);
  auto ramp = quads::ramps(0, 0, step);
  const auto stride = quads::both(4 * step);
  for (std::uint32_t row = 0; row < chain_rows; row += 8) {
    auto one = simd::prefix_sums<Field, Arch>(from + 2 * row);
    auto two = simd::prefix_sums<Field, Arch>(from + 2 * row + 8);
    const auto between = carry + one.last(), after = between + two.last();
    if constexpr (Stepped) {
      one = one + ramp;
      ramp = ramp + stride;
      two = two + ramp;
      ramp = ramp + stride;
    }
    quads::store(carry + one, between + two, firsts + row, firsts + chain_rows + row);
    carry = after;
  }
}
#endif

template <class Field, class Out, class Arch>
void scan(const void* fields, void* out, std::uint64_t first, std::uint64_t second, std::uint64_t step) noexcept {
  const Field* PILLAR_RESTRICT from = static_cast<const Field*>(fields);
  Out* PILLAR_RESTRICT firsts = static_cast<Out*>(out);
  Out* PILLAR_RESTRICT seconds = firsts + chain_rows;
  const Out rise = static_cast<Out>(step);
  Out a = static_cast<Out>(first), b = static_cast<Out>(second), ramp = 0;
#if PILLAR_WITH_PREFIX_SUMS
  if constexpr (sizeof(Out) == 4 && !std::is_same_v<Arch, arch::scalar>) {
    if (rise == 0) scan_quads<Field, Arch, false>(from, firsts, a, b, 0);
    else scan_quads<Field, Arch, true>(from, firsts, a, b, rise);
    return;
  }
#endif
  for (std::uint32_t row = 0; row < chain_rows; row += 4) {
#pragma GCC unroll 4
    for (std::uint32_t i = 0; i < 4; ++i) {
      a = static_cast<Out>(a + from[2 * row + i]);
      b = static_cast<Out>(b + from[2 * row + PILLAR_MUTATE(delta_chains_swapped, 4, 3) + i]);
      firsts[row + i] = static_cast<Out>(a + ramp);
      seconds[row + i] = static_cast<Out>(b + ramp);
      ramp = static_cast<Out>(ramp + rise);
    }
  }
}

template <class Arch>
void widen(const void* offsets, void* out, std::uint64_t first, std::uint64_t second, std::uint64_t step) noexcept {
  const std::uint32_t* PILLAR_RESTRICT from = static_cast<const std::uint32_t*>(offsets);
  std::uint64_t* PILLAR_RESTRICT values = static_cast<std::uint64_t*>(out);
  for (std::uint32_t chain = 0; chain < 2; ++chain) {
    std::uint64_t ramp = chain == 0 ? first : second;
    for (std::uint32_t row = chain * chain_rows; row < (chain + 1) * chain_rows; ++row, ramp += step)
      values[row] = ramp + from[row];
  }
}

template <class Arch>
inline constexpr delta_table table_of{
    level_of<Arch>,
    {scan<std::uint8_t, std::uint32_t, Arch>, scan<std::uint16_t, std::uint32_t, Arch>,
     scan<std::uint32_t, std::uint32_t, Arch>},
    {scan<std::uint32_t, std::uint64_t, Arch>, scan<std::uint64_t, std::uint64_t, Arch>},
    widen<Arch>};

}  // namespace delta_detail

template <class Arch>
const delta_table& delta_kernels<Arch>::table() noexcept {
  return delta_detail::table_of<Arch>;
}

}  // namespace PILLAR_NAMESPACE

// v4_vbmi2 has no code of its own here: it takes the table of v4.
#if defined(PILLAR_KERNEL_ARCH) && PILLAR_KERNEL_LEVEL < 5
namespace PILLAR_NAMESPACE {
template struct delta_kernels<PILLAR_KERNEL_ARCH>;
}
#endif
