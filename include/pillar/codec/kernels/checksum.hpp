// SPDX-License-Identifier: Apache-2.0
/// The kernel of codec/checksum.hpp: the library's own code, which takes the vectors that the compiler's flags allow.
#pragma once
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include "pillar/codec/checksum.hpp"

namespace PILLAR_NAMESPACE {

namespace checksum_detail {

template <class Arch>
std::uint64_t with_hole(const std::byte* bytes, std::size_t size, std::size_t hole) noexcept {
  constexpr std::uint64_t zero = 0;
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, bytes, hole);
  XXH3_64bits_update(&state, &zero, sizeof(zero));
  XXH3_64bits_update(&state, bytes + hole + sizeof(zero), size - hole - sizeof(zero));
  return XXH3_64bits_digest(&state);
}

template <class Arch>
inline constexpr checksum_table table_of{level_of<Arch>, with_hole<Arch>};

}  // namespace checksum_detail

template <class Arch>
const checksum_table& checksum_kernels<Arch>::table() noexcept {
  return checksum_detail::table_of<Arch>;
}

}  // namespace PILLAR_NAMESPACE

// v4_vbmi2 has no code of its own here: it takes the table of v4.
#if defined(PILLAR_KERNEL_ARCH) && PILLAR_KERNEL_LEVEL < 5
namespace PILLAR_NAMESPACE {
template struct checksum_kernels<PILLAR_KERNEL_ARCH>;
}
#endif
