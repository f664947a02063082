// SPDX-License-Identifier: Apache-2.0
/// Differences between neighbours, packed: sorted keys, timestamps, whatever moves slowly.
///
/// A vector's rows form two chains, rows 0 to 511 and 512 to 1,023, each with its own start. So two sums run beside
/// each other, and within a chain only one addition in four rows waits for the one before: decoding is bound by the
/// number of operations, not by their latency, at 16 bytes per 1,024 rows for the second start and the step. Rows stay
/// in their order.
///
/// Layout: value of row r of a chain = start + r × step + the sum of its fields 0 … r; the step is the least
///         difference, so fields are unsigned and values may fall. Field of row r of chain c stands at position 8 · (r
///         div 4) + 4 · c + r mod 4 of a packed vector (codec/packed.hpp): docs/formats/delta.md
/// Shape:  integers of 8 to 64 bits, and what lies on them; differences wrap, so any values are taken
/// Cost:   a range is settled or searched in vectors that only ascend; bounds of these are two sums of fields
/// Source: Lemire, Boytsov: Decoding billions of integers per second through vectorization (2015,
///         doi:10.1002/spe.2203); Afroozeh, Boncz: The FastLanes Compression Layout (2023,
///         doi:10.14778/3598581.3598587)
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section
#include "pillar/simd/arch.hpp"    // arch_level
#include "pillar/simd/level.hpp"   // detail::kernel_table

namespace PILLAR_NAMESPACE {

/// The kernels of one level.
///
/// Shape:    1,024 fields in chain order in, 1,024 values in row order out; inputs and outputs do not overlap
/// Errors:   none: sums wrap in the output's type
struct delta_table {
  using scan_fn = void (*)(const void* fields, void* out, std::uint64_t first, std::uint64_t second,
                           std::uint64_t step) noexcept;
  arch_level level;
  scan_fn scan_u32[3];  ///< from u8, u16, u32 to u32
  scan_fn scan_u64[2];  ///< from u32, u64 to u64
  /// first or second + row of the chain × step + offset, in u64; offsets are u32 in row order.
  scan_fn widen;
};

/// The kernels of one level; defined in codec/kernels/delta.hpp, compiled once per level into pillar::kernels.
template <class Arch>
struct delta_kernels {
  static const delta_table& table() noexcept;
};

/// The table of `level`, or of the nearest lower level that this build holds.
[[nodiscard]] PILLAR_API const delta_table& delta_kernels_for(arch_level level) noexcept;

/// The codec of slowly moving integers; the verbs are those of codec/codec.hpp.
struct delta_codec {
  static constexpr codec_id id = codec_id::delta;

  static PILLAR_API result<encode_plan> analyze(const encode_input& input);
  static PILLAR_API result<void> encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                        data_section& section);
  static PILLAR_API std::size_t view_bytes(const data_section& section) noexcept;
  static PILLAR_API result<void> validate(data_section& section, std::byte* memory) noexcept;
  static PILLAR_API void decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                vector& out) noexcept;
  static PILLAR_API match_answer match(const data_section& section, std::uint32_t index, const domain& test,
                                       match_scratch* scratch, std::uint64_t* mask) noexcept;
  static PILLAR_API bool bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                bool mask_is_all, int128& least, int128& greatest) noexcept;
};
static_assert(codec<delta_codec> && matches_encoded<delta_codec> && bounds_encoded<delta_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/delta.hpp"
#include "pillar/codec/kernels/delta.hpp"
#endif
