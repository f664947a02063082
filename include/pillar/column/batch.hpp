// SPDX-License-Identifier: Apache-2.0
/// What travels between stages: equal-length columns, a selection, and the columns decoded so far. No schema.
#pragma once
#include <cstdint>
#include <memory>  // std::unique_ptr
#include <span>

#include "pillar/column/encoded.hpp"    // encoded_vector, vector_scratch, evidence
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

/// One column of a batch: encoded, decoded, or both.
struct batch_column {
  encoded_vector source{};
  vector decoded{};
  bool has_decoded = false;
  bool narrow =
      false;  ///< int64 values that all fit into 32 bits, and may be decoded so: whoever reads them asks the type
  evidence touched = evidence::skipped;       ///< the dearest thing done to this vector so far; feeds the statistics
  std::unique_ptr<vector_scratch> scratch{};  ///< made on first decode, reused for later vectors
};

/// A view of up to 1,024 rows.
///
/// Requires: valid until its source's next step; used by one worker at a time
/// Cost:     column(i) decodes once per batch, later calls are free; a vector_scratch (about 20 KiB) per decoded column
struct batch {
  std::uint32_t row_count = 0;
  selection_mask selection{};
  std::span<batch_column> columns{};

  /// Column `index` as values, decoding it if that has not happened yet.
  const vector& column(std::uint32_t index) {
    PILLAR_ASSERT(index < columns.size());
    batch_column& slot = columns[index];
    if (!slot.has_decoded) {
      PILLAR_ASSERT(slot.source);
      if (!slot.scratch) slot.scratch = std::make_unique<vector_scratch>();
      const result<void> done = slot.narrow ? slot.source.decode_narrow(*slot.scratch, slot.decoded)
                                            : slot.source.decode(*slot.scratch, slot.decoded);
      if (!done.ok()) assertion_failed();  // no memory: as make_unique
      slot.has_decoded = true;
      slot.touched = evidence::decoded;
    }
    return slot.decoded;
  }
  /// Records that a column was looked at.
  void touch(std::uint32_t index, evidence how) noexcept {
    if (columns[index].touched < how) columns[index].touched = how;
  }
};

}  // namespace PILLAR_NAMESPACE
