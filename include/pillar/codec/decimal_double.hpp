// SPDX-License-Identifier: Apache-2.0
/// Floats that are decimals: prices, measurements, whatever was written with a few digits after the point.
///
/// The integers k behind the values become a child (int64), which frame of reference and its relatives store in as many
/// bits as they need; one scale serves the whole block:
///
///   divided     k / 10^d, rounded once, as a parser of the decimal text rounds: no exceptions on decimals
///   multiplied  k · 10^f · 10^−e, each product rounded: what programs get that scale by 0.01 (ALP's form)
///
/// Values that are not reproduced bit for bit (NaN, infinities, −0.0, numbers of more digits) are exceptions: their
/// bits lie behind, and the child repeats a neighbour's integer there.
///
/// Layout: shared part: mode, d or e, f, 0 (4 bytes). Payload of a vector: exception_count row numbers (u16,
///         ascending), then their bits (4 or 8 bytes each). docs/formats/decimal_double.md
/// Cost:   ranges and few points are asked of the child's integers: the bounds are found by decoding neighbours, so
///         that answers agree with decoded values bit for bit. Sums are left to decoding: Pillar's sums of floats are
///         exact sums of the rounded values (decision 0007), which k / 10^d is not
/// Source: Afroozeh, Kuffo, Boncz: ALP: Adaptive Lossless Floating-Point Compression (2023, doi:10.1145/3626717);
///         Markstein: Computation of elementary functions on the IBM RISC System/6000 processor (1990), for division
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section
#include "pillar/simd/arch.hpp"    // arch_level
#include "pillar/simd/level.hpp"   // detail::kernel_table

namespace PILLAR_NAMESPACE {

/// How integers become values; the numbers never change.
enum class decimal_mode : std::uint8_t { divided = 0, multiplied = 1 };

/// The scale of a block.
///
/// Units: exponents from 0 to decimal_max_exponent; divided: 10^exponent is the divisor, `factor` is 0; multiplied:
///        the value is k · 10^factor · 10^−exponent
struct decimal_scale {
  decimal_mode mode = decimal_mode::divided;
  std::uint8_t exponent = 0;
  std::uint8_t factor = 0;
  friend constexpr bool operator==(const decimal_scale&, const decimal_scale&) = default;
};

/// Powers of ten up to this one are exact doubles.
inline constexpr unsigned decimal_max_exponent = 22;
/// The integers lie in [−2^51, 2^51): kernels convert them with one addition.
inline constexpr std::int64_t decimal_integer_limit = std::int64_t{1} << 51;

/// The kernels take this many values at a time.
inline constexpr std::uint32_t decimal_step = 16;

/// The kernels of one level. All levels give the same bits.
///
/// Requires: both arrays reach to a multiple of decimal_step values, and do not overlap; integers within the limit
///           (others give some value)
struct decimal_table {
  arch_level level;
  /// out[i] = integers[i] / divisor, a power of ten.
  void (*divide)(const std::int64_t* integers, std::uint32_t count, double divisor, double* out) noexcept;
  /// out[i] = integers[i] · factor · inverse, rounded after each product.
  void (*multiply)(const std::int64_t* integers, std::uint32_t count, double factor, double inverse,
                   double* out) noexcept;
};

/// The kernels of one level; defined in codec/kernels/decimal_double.hpp, compiled once per level into pillar::kernels.
template <class Arch>
struct decimal_kernels {
  static const decimal_table& table() noexcept;
};

/// The table of `level`, or of the nearest lower level that this build holds.
[[nodiscard]] PILLAR_API const decimal_table& decimal_kernels_for(arch_level level) noexcept;

/// The codec of decimals kept as float or double; the verbs are those of codec/codec.hpp.
struct decimal_double_codec {
  static constexpr codec_id id = codec_id::decimal_double;

  static PILLAR_API result<encode_plan> analyze(const encode_input& input);
  static PILLAR_API result<void> encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                        data_section& section);
  static PILLAR_API std::size_t view_bytes(const data_section& section) noexcept;
  static PILLAR_API result<void> validate(data_section& section, std::byte* memory) noexcept;
  static PILLAR_API void decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                vector& out) noexcept;
  static PILLAR_API match_answer match(const data_section& section, std::uint32_t index, const domain& test,
                                       match_scratch* scratch, std::uint64_t* mask) noexcept;
  static PILLAR_API bool fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                               std::uint32_t count, void* values) noexcept;
};
static_assert(codec<decimal_double_codec> && matches_encoded<decimal_double_codec> &&
              fetches_rows<decimal_double_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/decimal_double.hpp"
#include "pillar/codec/kernels/decimal_double.hpp"
#endif
