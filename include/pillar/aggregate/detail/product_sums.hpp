// SPDX-License-Identifier: Apache-2.0
/// Sums of pairs of small integers, of their squares and of their products: the kernels of what narrow_moments.hpp does
/// for each row of a correlation.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"   // arch_level
#include "pillar/simd/level.hpp"  // kernel_table

namespace PILLAR_NAMESPACE::detail {

/// Words of a group: two sums of 32 bits in each. Those in the lower halves are never negative, so that whoever adds whole
/// words and whoever adds their halves write the same.
///
/// Layout: from the lowest bits on the number of rows, Σx; Σx², Σy; Σy², Σxy; nothing
inline constexpr std::uint32_t product_sum_words = 4;

struct product_sums_table {
  arch_level level;
  /// Row i has x[i] and y[i], and belongs to groups[i]. Requires: no sum leaves 31 bits and its sign
  void (*add)(std::uint64_t* words, const std::uint32_t* groups, std::uint32_t count, const std::int32_t* x,
              const std::int32_t* y) noexcept;
};

/// Defined in aggregate/kernels/product_sums.hpp, compiled once per level into pillar::kernels.
template <class Arch>
struct product_sums_kernels {
  static const product_sums_table& table() noexcept;
};

/// The table of `level`, or of the nearest lower level that this build holds.
[[nodiscard]] PILLAR_API const product_sums_table& product_sums_kernels_for(arch_level level) noexcept;

}  // namespace PILLAR_NAMESPACE::detail

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/product_sums.hpp"
#include "pillar/aggregate/kernels/product_sums.hpp"
#endif
