// SPDX-License-Identifier: Apache-2.0
/// Where operators put the rows that their memory cannot hold: written once, run by run, and read back later.
///
/// A run is a sequence of rows with the same columns. Grouping (aggregate/spilling_aggregator.hpp) and joins
/// (join/spilling_join.hpp) open one per hash partition. storage/ has a store in memory and one in a temporary file; a
/// store of one's own keeps these laws, which conformance/run_store.hpp checks:
///
/// - Every reader gives a run's rows in their order, in the same batches, with the same bits; NULL stays NULL.
/// - append() adds all of its rows or, on an error, none. After an error rows of before may be lost too: then whatever
///   needs them gives an error, never other rows.
/// - Runs do not touch each other, and any number of them are open at a time.
/// - What a store holds is gone when it is destroyed, whatever failed before.
#pragma once
#include <cstdint>
#include <memory>  // std::unique_ptr
#include <span>

#include "pillar/base/result.hpp"
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/column/types.hpp"      // data_type
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

/// What a store has done since it was made; runs that were dropped count too.
///
/// Units: bytes as they were stored: encoded, with their headers; rows and bytes still in write buffers do not count as
///        written
struct run_counts {
  std::uint64_t rows_written = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t bytes_read = 0;
};

/// Reads one run from its begin to its end.
///
/// Requires: the store outlives the reader, and does not drop the run meanwhile
class run_reader {
 public:
  run_reader() = default;
  run_reader(const run_reader&) = delete;
  run_reader& operator=(const run_reader&) = delete;
  virtual ~run_reader() = default;

  /// The next rows, at most 1,024: how many, and a view of each column's that is valid until the next call. 0: no more.
  ///
  /// Shape:  columns holds a vector for each column of the run
  /// Errors: io_error, truncated, corrupt, checksum_mismatch, out_of_memory; again at the next call
  virtual result<std::uint32_t> next(std::span<vector> columns) = 0;
};

/// Runs by number.
///
/// Requires: runs are named by a number that open() gave and that was not dropped; append only before seal, read only
///           after it
/// Errors:   io_error, out_of_memory, limit_exceeded, those of the encoding; type_mismatch, and invalid_argument for a
///           NULL in a column that is not nullable
/// Threads:  one at a time, readers included; shared_run_store lets several threads use one
class run_store {
 public:
  run_store() = default;
  run_store(const run_store&) = delete;
  run_store& operator=(const run_store&) = delete;
  virtual ~run_store() = default;

  /// Begins a run; numbers are given once.
  virtual result<std::uint32_t> open(std::span<const data_type> types) = 0;
  /// Adds the rows of `columns` that `rows` selects (nullptr: all), ≤ 1,024, of any vector kind.
  virtual result<void> append(std::uint32_t run, std::span<const vector* const> columns, const selection_mask* rows,
                              std::uint32_t row_count) = 0;
  /// No more rows: what is buffered leaves its write buffer.
  virtual result<void> seal(std::uint32_t run) = 0;
  /// Any number of readers, one after the other or at the same time.
  virtual result<std::unique_ptr<run_reader>> read(std::uint32_t run) = 0;
  /// Forgets a run, sealed or not.
  virtual void drop(std::uint32_t run) noexcept = 0;
  [[nodiscard]] virtual run_counts counts() const noexcept = 0;
  /// Bytes of one run as stored so far; a store that does not count by run says 0, and accounts by operator lack them.
  [[nodiscard]] virtual std::uint64_t bytes_of(std::uint32_t run) const noexcept {
    static_cast<void>(run);
    return 0;
  }
};

}  // namespace PILLAR_NAMESPACE
