// SPDX-License-Identifier: Apache-2.0
/// Hands out the rows of a table's slices to workers, morsel by morsel: the stealing of Pillar's schedulers.
///
/// Each slice has one atomic cursor on its own cache lines. A worker takes morsels of its home slices (slice modulo
/// worker count) until they are empty, then of whichever other slice has most rows left. So one slice ten times as long
/// as the others ends when the rest does, and any executor, even one without work stealing, is balanced.
#pragma once
#include <cstdint>
#include <span>

#include "pillar/base/buffer.hpp"
#include "pillar/base/config.hpp"
#include "pillar/base/memory.hpp"  // memory_budget
#include "pillar/base/result.hpp"

namespace PILLAR_NAMESPACE {

/// Rows [begin, end) of one slice; empty when all slices are handed out.
struct morsel {
  std::uint32_t slice = 0;
  bool is_stolen = false;  ///< taken by a worker whose home the slice is not
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  [[nodiscard]] constexpr std::uint64_t row_count() const noexcept { return end - begin; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return end != begin; }
  friend constexpr bool operator==(const morsel&, const morsel&) = default;
};

/// Units:    rows, or whatever a slice is counted in (a pipeline may count row groups)
/// Errors:   create → out_of_memory from the budget or the allocator; limit_exceeded (position = slice) when a slice
///           has more than max_rows; invalid_argument without workers
/// Cost:     one fetch_add per morsel of a home slice; a stolen one reads every slice's cursor as well;
///           128 bytes per slice
/// Threads:  next() and the counts concurrently; each row is handed out exactly once
/// Source:   Leis, Boncz, Kemper, Neumann 2014, doi:10.1145/2588555.2610507; here one cursor per slice
class slice_cursors {
 public:
  static constexpr std::uint64_t max_rows = std::uint64_t{1} << 62;  // far from where overshooting cursors could wrap

  [[nodiscard]] PILLAR_API static result<slice_cursors> create(std::span<const std::uint64_t> slice_rows,
                                                               std::uint32_t worker_count,
                                                               memory_budget* budget = nullptr) noexcept;

  /// The next morsel for this worker: at most `morsel_rows` rows, fewer at a slice's end. With the same `morsel_rows`
  /// in all calls each morsel begins at a multiple of it. Empty once, empty for ever.
  /// Requires: morsel_rows in [1, 2^32]; any worker number is allowed, it only chooses the home.
  [[nodiscard]] PILLAR_API morsel next(std::uint32_t worker, std::uint64_t morsel_rows) noexcept;

  [[nodiscard]] std::uint32_t slice_count() const noexcept { return slice_count_; }
  [[nodiscard]] std::uint32_t worker_count() const noexcept { return worker_count_; }
  /// Rows of all slices.
  [[nodiscard]] std::uint64_t row_count() const noexcept { return row_count_; }
  /// Rows not yet handed out: progress for free, exact when nobody calls next() meanwhile.
  [[nodiscard]] PILLAR_API std::uint64_t rows_left() const noexcept;
  /// Morsels that went to a worker whose home their slice is not.
  [[nodiscard]] PILLAR_API std::uint64_t stolen_count() const noexcept;

 private:
  slice_cursors() = default;
  buffer cursors_;  // slice_count_ × detail::slice_cursor
  std::uint32_t slice_count_ = 0;
  std::uint32_t worker_count_ = 1;
  std::uint64_t row_count_ = 0;
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/schedule/impl/slice_cursor.hpp"
#endif
