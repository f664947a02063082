// SPDX-License-Identifier: Apache-2.0
/// Range tests of flat arrays: values and an inclusive range in, mask words out.
///
/// All six comparisons, between and single points are inclusive ranges after binding; sets of points are left to the
/// caller (several ranges, or a search).
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/checked.hpp"  // int128
#include "pillar/base/config.hpp"
#include "pillar/simd/arch.hpp"   // arch_level
#include "pillar/simd/level.hpp"  // detail::kernel_table

namespace PILLAR_NAMESPACE {

/// Values of one call at most.
inline constexpr std::uint32_t flat_match_max_values = 1024;

/// Bit i of `mask` = lo ≤ values[i] ≤ hi; lo > hi is the empty range. Writes words_for(count) words; the bits of the
/// last one beyond `count` are zero.
template <class T>
using flat_match_fn = void (*)(const T* values, T lo, T hi, std::uint32_t count, std::uint64_t* mask) noexcept;

/// The same for floats: −0.0 equals 0.0; NaN, greatest of all, is matched iff `include_nan`, also by an empty range.
///
/// Requires: lo and hi are not NaN (a range that ends at NaN is [lo, infinity] with include_nan)
template <class T>
using flat_match_float_fn = void (*)(const T* values, T lo, T hi, bool include_nan, std::uint32_t count,
                                     std::uint64_t* mask) noexcept;

/// The kernels of one level.
///
/// Requires: count ≤ 1,024; values aligned to T; no overlap of values and mask
/// Cost:     reads values[0, count) and nothing beyond; no allocation
struct flat_match_table {
  arch_level level;
  flat_match_fn<std::int8_t> match_i8;
  flat_match_fn<std::int16_t> match_i16;
  flat_match_fn<std::int32_t> match_i32;
  flat_match_fn<std::int64_t> match_i64;
  flat_match_fn<std::uint8_t> match_u8;
  flat_match_fn<std::uint16_t> match_u16;
  flat_match_fn<std::uint32_t> match_u32;
  flat_match_fn<std::uint64_t> match_u64;
  flat_match_fn<int128> match_i128;
  flat_match_float_fn<float> match_f32;
  flat_match_float_fn<double> match_f64;

  /// The entry of a type: integers take (values, lo, hi, count, mask).
  void match(const std::int8_t* v, std::int8_t lo, std::int8_t hi, std::uint32_t n, std::uint64_t* m) const noexcept {
    match_i8(v, lo, hi, n, m);
  }
  void match(const std::int16_t* v, std::int16_t lo, std::int16_t hi, std::uint32_t n,
             std::uint64_t* m) const noexcept {
    match_i16(v, lo, hi, n, m);
  }
  void match(const std::int32_t* v, std::int32_t lo, std::int32_t hi, std::uint32_t n,
             std::uint64_t* m) const noexcept {
    match_i32(v, lo, hi, n, m);
  }
  void match(const std::int64_t* v, std::int64_t lo, std::int64_t hi, std::uint32_t n,
             std::uint64_t* m) const noexcept {
    match_i64(v, lo, hi, n, m);
  }
  void match(const std::uint8_t* v, std::uint8_t lo, std::uint8_t hi, std::uint32_t n,
             std::uint64_t* m) const noexcept {
    match_u8(v, lo, hi, n, m);
  }
  void match(const std::uint16_t* v, std::uint16_t lo, std::uint16_t hi, std::uint32_t n,
             std::uint64_t* m) const noexcept {
    match_u16(v, lo, hi, n, m);
  }
  void match(const std::uint32_t* v, std::uint32_t lo, std::uint32_t hi, std::uint32_t n,
             std::uint64_t* m) const noexcept {
    match_u32(v, lo, hi, n, m);
  }
  void match(const std::uint64_t* v, std::uint64_t lo, std::uint64_t hi, std::uint32_t n,
             std::uint64_t* m) const noexcept {
    match_u64(v, lo, hi, n, m);
  }
  void match(const int128* v, int128 lo, int128 hi, std::uint32_t n, std::uint64_t* m) const noexcept {
    match_i128(v, lo, hi, n, m);
  }
  void match(const float* v, float lo, float hi, bool include_nan, std::uint32_t n, std::uint64_t* m) const noexcept {
    match_f32(v, lo, hi, include_nan, n, m);
  }
  void match(const double* v, double lo, double hi, bool include_nan, std::uint32_t n,
             std::uint64_t* m) const noexcept {
    match_f64(v, lo, hi, include_nan, n, m);
  }
};

/// The kernels of one level; defined in filter/kernels/flat_match.hpp, compiled once per level into pillar::kernels.
template <class Arch>
struct flat_match_kernels {
  static const flat_match_table& table() noexcept;
};

/// The table of `level`, or of the nearest lower level that this build holds.
[[nodiscard]] PILLAR_API const flat_match_table& flat_match_kernels_for(arch_level level) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/filter/impl/flat_match.hpp"
#include "pillar/filter/kernels/flat_match.hpp"
#endif
