// SPDX-License-Identifier: Apache-2.0
/// The checksum of blocks: XXH3, 64 bits, seed 0, compiled once per instruction-set level, since the plain build of a
/// distribution hashes at a third of what wide registers do. All levels give the same number.
///
/// Source: Collet: xxHash, https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"   // arch_level
#include "pillar/simd/level.hpp"  // detail::kernel_table

namespace PILLAR_NAMESPACE {

/// The kernel of one level.
struct checksum_table {
  arch_level level;
  /// Of all bytes, the eight from `hole` on taken as zero: where the checksum itself is stored.
  ///
  /// Requires: hole + 8 ≤ size
  std::uint64_t (*with_hole)(const std::byte* bytes, std::size_t size, std::size_t hole) noexcept;
};

/// The kernel of one level; defined in codec/kernels/checksum.hpp, compiled once per level into pillar::kernels.
template <class Arch>
struct checksum_kernels {
  static const checksum_table& table() noexcept;
};

/// The table of `level`, or of the nearest lower level that this build holds.
[[nodiscard]] PILLAR_API const checksum_table& checksum_kernels_for(arch_level level) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/checksum.hpp"
#include "pillar/codec/kernels/checksum.hpp"
#endif
