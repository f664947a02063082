// SPDX-License-Identifier: Apache-2.0
/// The kernels of aggregate/detail/product_sums.hpp.
#pragma once
#include <cstddef>

#include "pillar/aggregate/detail/product_sums.hpp"
#include "pillar/simd/product_row.hpp"

namespace PILLAR_NAMESPACE::detail {

namespace product_sums_detail {

/// Where a row's sums fit into one register a row is one addition; else three of words.
template <class Arch>
void add(std::uint64_t* PILLAR_RESTRICT words, const std::uint32_t* PILLAR_RESTRICT groups, std::uint32_t count,
         const std::int32_t* PILLAR_RESTRICT x, const std::int32_t* PILLAR_RESTRICT y) noexcept {
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint64_t* const to = words + std::size_t{groups[i]} * product_sum_words;
#if PILLAR_WITH_PRODUCT_ROWS
    if constexpr (level_of<Arch> >= arch_level::v3) {
      simd::add_products<Arch>(to, x[i], y[i]);
      continue;
    }
#endif
    const auto a = static_cast<std::uint64_t>(std::int64_t{x[i]}), b = static_cast<std::uint64_t>(std::int64_t{y[i]});
    to[0] += 1 + (a << 32);
    to[1] += a * a + (b << 32);
    to[2] += b * b + ((a * b) << 32);
  }
}

template <class Arch>
inline constexpr product_sums_table table_of = {level_of<Arch>, add<Arch>};

}  // namespace product_sums_detail

template <class Arch>
const product_sums_table& product_sums_kernels<Arch>::table() noexcept {
  return product_sums_detail::table_of<Arch>;
}

}  // namespace PILLAR_NAMESPACE::detail

// v4_vbmi2 has no code of its own here: it takes the table of v4.
#if defined(PILLAR_KERNEL_ARCH) && PILLAR_KERNEL_LEVEL < 5
namespace PILLAR_NAMESPACE::detail {
template struct product_sums_kernels<PILLAR_KERNEL_ARCH>;
}
#endif
