// SPDX-License-Identifier: Apache-2.0
/// What one pass over a column finds out before any codec looks at it, and a sample of how many values differ.
#pragma once
#include <cstdint>

#include "pillar/codec/codec.hpp"  // encode_input

namespace PILLAR_NAMESPACE {

/// Integers of up to 64 bits. NULL rows repeat the value before them (leading ones the first).
struct vector_statistics {
  int128 least = 0;
  int128 greatest = 0;
  int128 least_step = 0;  ///< from row to row; both are 0 where there is one row
  int128 greatest_step = 0;
  std::uint32_t run_count = 0;  ///< equal neighbours make a run; 0: all rows are NULL
};

/// Facts about the values to encode.
struct column_statistics {
  bool exact = false;  ///< `vectors` and run_count are filled: integers of up to 64 bits
  vector_statistics vectors[block_max_vectors]{};
  std::uint32_t run_count = 0;      ///< over all vectors; runs end with their vector
  std::uint32_t sample_rows = 0;    ///< not NULL, of 16 stretches of 64 rows
  std::uint32_t sample_values = 0;  ///< how many different ones they hold
  std::uint64_t sample_bytes = 0;   ///< text: characters of the different ones

  /// About how many different values the column holds; at least those of the sample.
  [[nodiscard]] PILLAR_API std::uint64_t distinct_estimate(std::uint32_t row_count) const noexcept;
  /// Bytes of packed distances to each vector's least value: exactly what frame_of_reference takes.
  [[nodiscard]] PILLAR_API std::uint64_t packed_value_bytes(std::uint32_t vector_count) const noexcept;
  /// Bytes of packed steps: the least that any coding of differences takes.
  [[nodiscard]] PILLAR_API std::uint64_t packed_step_bytes(std::uint32_t vector_count) const noexcept;
};

/// Looks at the values. Deterministic: the sample's places depend on the row count alone.
///
/// Cost: one pass over integers; 1,024 look-ups in a small hash table
[[nodiscard]] PILLAR_API column_statistics make_statistics(const encode_input& input) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/codec/impl/statistics.hpp"
#endif
