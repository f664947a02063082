// SPDX-License-Identifier: Apache-2.0
/// Runs of equal values: each value once, and how many rows it takes.
///
/// Layout: no bytes of its own. Child 0 holds the values of the runs, in the column's type, child 1 their lengths
///         (u16); a vector's runs end where it ends. Runs of neighbouring vectors share a child vector as long as they
///         are 1,024 together, and the directory's base says where a vector's begin: docs/formats/run_end.md
/// Shape:  any type; values are equal by their bits; a NULL row belongs to the run before it. At least two rows a run
/// Cost:   validation decodes the children once per block and keeps the ends (2 bytes per run), the values (but not of
///         text) and, for values of 4 or 8 bytes, a bit per row. Decoding permutes by these bits where runs are short,
///         else stores a cache line per run, and more for longer ones; matches ask the values' codec and fill ranges of
///         rows; sums and bounds take one step per run
#pragma once
#include "pillar/base/config.hpp"
#include "pillar/codec/codec.hpp"  // codec, codec_id, data_section
#include "pillar/simd/arch.hpp"    // arch_level
#include "pillar/simd/level.hpp"   // detail::kernel_table

namespace PILLAR_NAMESPACE {

/// The kernels of one level.
///
/// Requires: ends ascend strictly; 64 writable bytes behind the last row of `out`, which does not overlap the inputs
struct run_end_table {
  /// out[row] = values[run] for the rows up to ends[run], run by run.
  using expand_fn = void (*)(const void* values, const std::uint16_t* ends, std::uint32_t run_count,
                             void* out) noexcept;
  /// out[row] = values[marks set before row], for 1,024 rows: as fast for runs of any length, and faster than the
  /// other where they are short. Requires: 32 readable bytes behind the last value; `out` is aligned to 32 bytes
  using spread_fn = void (*)(const void* values, const std::uint64_t* marks, void* out) noexcept;
  arch_level level;
  expand_fn expand[4];  ///< values of 1, 2, 4, 8 bytes
  spread_fn spread[4];  ///< the same; nullptr where the level or the size has none
};

/// The kernels of one level; defined in codec/kernels/run_end.hpp, compiled once per level into pillar::kernels.
template <class Arch>
struct run_end_kernels {
  static const run_end_table& table() noexcept;
};

/// The table of `level`, or of the nearest lower level that this build holds.
[[nodiscard]] PILLAR_API const run_end_table& run_end_kernels_for(arch_level level) noexcept;

/// The codec of columns with runs; the verbs are those of codec/codec.hpp.
struct run_end_codec {
  static constexpr codec_id id = codec_id::run_end;

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
  static PILLAR_API bool sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                             bool mask_is_all, int128& out) noexcept;
  static PILLAR_API bool bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                bool mask_is_all, int128& least, int128& greatest) noexcept;
};
static_assert(codec<run_end_codec> && matches_encoded<run_end_codec> && sums_encoded<run_end_codec> &&
              bounds_encoded<run_end_codec> && fetches_rows<run_end_codec>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/run_end.hpp"
#include "pillar/codec/kernels/run_end.hpp"
#endif
