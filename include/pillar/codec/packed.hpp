// SPDX-License-Identifier: Apache-2.0
/// Interleaved bit-packing of 1,024 unsigned fields of W bits, 0 ≤ W ≤ 64: the layout, and the table of kernels.
///
/// Layout: lanes are as wide as the *width* asks, whatever the column's type, so decoding stores as little as it can:
///
///       W        lane   L lanes × R rows
///       0        u8     (no bytes at all)
///       1 – 8    u8     128 × 8
///       9 – 16   u16     64 × 16
///      17 – 32   u32     32 × 32
///      33 – 64   u64     16 × 64
///
///   Value i lives in lane i mod L, row i div L. Each lane is a stream of W words of the lane type, R fields one after
///   the other from the lowest bit up; word k of lane l stands at position k · L + l. For W = 3 (u8 lanes):
///
///       bytes   0 … 127  word 0 of lanes 0 … 127:  bit 7 [ row 2: 1 0 | row 1: 2 1 0 | row 0: 2 1 0 ] bit 0
///       bytes 128 … 255  word 1                          [ 5: 0 | row 4 | row 3 | row 2: 2 ]
///       bytes 256 … 383  word 2                          [ row 7 | row 6 | row 5: 2 1 ]
///
///   Rows are thus consecutive values: 128 bytes of lanes are read and 1,024 / R values come out in order, with one
///   shift for all lanes. A vector takes exactly 128 · W bytes, little endian, at any address.
///
/// Source: Afroozeh, Boncz: The FastLanes Compression Layout (2023, doi:10.14778/3598581.3598587); that layout is
///         transposed further and uses lanes of the column's type; ours keeps values in linear order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "pillar/base/checked.hpp"  // uint128
#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"   // arch_level
#include "pillar/simd/level.hpp"  // detail::kernel_table

namespace PILLAR_NAMESPACE {

/// Values of a packed vector.
inline constexpr std::uint32_t packed_values = 1024;
/// Words of a mask over them.
inline constexpr std::uint32_t packed_mask_words = packed_values / 64;
/// Bits of a field at most.
inline constexpr std::uint32_t packed_max_width = 64;
/// Widths up to this one can be dictionary codes with a truth table.
inline constexpr std::uint32_t packed_max_table_width = 16;

/// Bytes of a packed vector.
PILLAR_ALWAYS_INLINE constexpr std::size_t packed_bytes(std::uint32_t width) noexcept {
  return std::size_t{128} * width;
}
/// 0, 1, 2, 3 for lanes of 8, 16, 32, 64 bits.
PILLAR_ALWAYS_INLINE constexpr std::uint32_t packed_lane_log2(std::uint32_t width) noexcept {
  return width <= 8 ? 0 : width <= 16 ? 1 : width <= 32 ? 2 : 3;
}
/// 1, 2, 4, 8 bytes: the size of a width's lane.
PILLAR_ALWAYS_INLINE constexpr std::uint32_t packed_lane_bytes(std::uint32_t width) noexcept {
  return 1u << packed_lane_log2(width);
}
/// The largest field of a width.
PILLAR_ALWAYS_INLINE constexpr std::uint64_t packed_max_field(std::uint32_t width) noexcept {
  return width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}
/// The lane type of a width: std::uint8_t … std::uint64_t.
template <std::uint32_t Width>
using packed_lane = std::conditional_t<
    Width <= 8, std::uint8_t,
    std::conditional_t<Width <= 16, std::uint16_t, std::conditional_t<Width <= 32, std::uint32_t, std::uint64_t>>>;

/// A set of 8-bit fields: those with columns[f mod 16] & rows[f div 16]. Any set can be written so whose 16 rows of 16
/// are of at most eight kinds besides the empty one: bit k of a column is row kind k.
struct packed_grid {
  std::uint8_t columns[16];
  std::uint8_t rows[16];
};

/// The kernels of one level, indexed by width.
///
/// Shape:    1,024 fields in and 1,024 values, 16 mask words or one sum out, always; bit i of a mask is value i
/// Requires: packed: packed_bytes(width) readable bytes, any alignment; nothing beyond is read. Value arrays are
///           aligned to their type; inputs and outputs do not overlap, unless said otherwise
/// Errors:   none: any bytes are a valid packed vector
/// Cost:     no allocation; at most 8 KiB of stack
struct packed_table {
  /// Fields → values of the lane type.
  using unpack_fn = void (*)(const std::byte* packed, void* lane_values) noexcept;
  /// base + field, wrapping in the lane type.
  using unpack_base_fn = void (*)(const std::byte* packed, void* lane_values, std::uint64_t base) noexcept;
  /// base + value, wrapping in the wider type. In place (values == out) is allowed where the types are equal.
  using widen_add_fn = void (*)(const void* lane_values, void* out, std::uint64_t base) noexcept;
  /// lo ≤ field ≤ hi, in field space; requires lo ≤ hi ≤ packed_max_field(width).
  using match_range_fn = void (*)(const std::byte* packed, std::uint64_t lo, std::uint64_t hi,
                                  std::uint64_t* mask) noexcept;
  /// Bit `field` of `truth`, which has 2^width bits (at least one word).
  using match_table_fn = void (*)(const std::byte* packed, const std::uint64_t* truth, std::uint64_t* mask) noexcept;
  /// Fields of 8 bits that are in a grid: a third faster than by its truth table.
  using match_grid_fn = void (*)(const std::byte* packed, const packed_grid& grid, std::uint64_t* mask) noexcept;
  /// The exact sum of the fields.
  using sum_fn = uint128 (*)(const std::byte* packed) noexcept;
  /// The exact sum of the fields whose mask bit is set.
  using sum_masked_fn = uint128 (*)(const std::byte* packed, const std::uint64_t* mask) noexcept;
  /// Values of the lane type → 128 · width bytes; bits of a value above the width are ignored.
  using pack_fn = void (*)(const void* lane_values, std::byte* packed) noexcept;

  arch_level level;
  unpack_fn unpack[65];
  unpack_base_fn unpack_base[65];
  unpack_base_fn unpack_u16[17];  ///< base + field as std::uint16_t for lanes of one byte; nullptr: in two steps
  unpack_base_fn unpack_u32[17];  ///< base + field as std::uint32_t for lanes of one and two bytes; nullptr: as above
  widen_add_fn widen_add[4][4];   ///< [log2 of lane bytes][log2 of output bytes]; nullptr where the output is narrower
  match_range_fn match_range[65];
  match_table_fn match_table[17];
  match_grid_fn match_grid;
  sum_fn sum[65];
  sum_masked_fn sum_masked[65];
  pack_fn pack[65];
};

/// The kernels of one level; defined in codec/kernels/packed.hpp, compiled once per level into pillar::kernels.
template <class Arch>
struct packed_kernels {
  static const packed_table& table() noexcept;
};

/// The table of `level`, or of the nearest lower level that this build holds.
[[nodiscard]] PILLAR_API const packed_table& packed_kernels_for(arch_level level) noexcept;

/// out[i] = base + field i, wrapping in Out.
///
/// Requires: sizeof(Out) ≥ packed_lane_bytes(width); Out is std::uint8_t … std::uint64_t
/// Cost:     one pass where Out is the lane type or has two or four bytes; else a second one over the cached narrow
///           values. A base of 0 is cheaper
template <class Out>
void unpack_add(const packed_table& table, std::uint32_t width, const std::byte* packed, Out* out, Out base) noexcept {
  static_assert(std::is_unsigned_v<Out> && sizeof(Out) <= 8);
  PILLAR_ASSERT(width <= packed_max_width && sizeof(Out) >= packed_lane_bytes(width));
  if (packed_lane_bytes(width) == sizeof(Out)) {
    if (base == 0) table.unpack[width](packed, out);
    else table.unpack_base[width](packed, out, base);
    return;
  }
  if constexpr (sizeof(Out) == 2 || sizeof(Out) == 4) {
    const auto& one_pass = sizeof(Out) == 2 ? table.unpack_u16 : table.unpack_u32;
    if (width <= 16 && one_pass[width] != nullptr) {
      one_pass[width](packed, out, base);
      return;
    }
  }
  constexpr std::uint32_t out_log2 = sizeof(Out) == 1 ? 0 : sizeof(Out) == 2 ? 1 : sizeof(Out) == 4 ? 2 : 3;
  alignas(64) std::byte narrow[packed_values * sizeof(std::uint32_t)];
  table.unpack[width](packed, narrow);
  table.widen_add[packed_lane_log2(width)][out_log2](narrow, out, base);
}

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/packed.hpp"
#include "pillar/codec/kernels/packed.hpp"
#endif
