// SPDX-License-Identifier: Apache-2.0
/// A run store whose rows are encoded as blocks: all but where the bytes lie, which a subclass says.
///
/// | store | header | its blocks |
/// |---|---|---|
/// | `memory_run_store` | memory_run_store.hpp | stay in memory, encoded |
/// | `file_run_store` | file_run_store.hpp | follow one another in one file, a temporary one for instance |
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>  // std::unique_ptr
#include <span>
#include <vector>

#include "pillar/base/buffer.hpp"  // buffer
#include "pillar/base/growable.hpp"
#include "pillar/base/memory.hpp"  // memory_budget
#include "pillar/base/result.hpp"
#include "pillar/codec/encoding_choice.hpp"  // encoding_policy
#include "pillar/column/column.hpp"
#include "pillar/column/run_store.hpp"

namespace PILLAR_NAMESPACE {

/// How a block_run_store writes.
struct run_store_options {
  memory_budget* budget = nullptr;  ///< charged with write buffers, the work of encoding, directories and readers
  /// Of the write buffers of all open runs together. When they are full the longest run's rows become blocks, so blocks
  /// are as large as the memory allows.
  std::uint64_t buffer_bytes = std::uint64_t{4} << 20;
  std::uint32_t block_rows = 16 * 1024;  ///< of a block at most; a multiple of 1,024, ≤ 65,536
  encoding_policy policy = encoding_policy::local_disk();
};

/// Rows are collected per run in the types that they come in, encoded as blocks by the cheapest codecs, and given to
/// the subclass; a directory in memory keeps where each block lies, its checksum and its rows. A block that is read is
/// checked whole, and against the directory.
///
/// Integers of 64 bits wait, and are written, as distances of 32 bits from one of them while all are near it. They and
/// doubles that are far apart, but few, wait as numbers of 16 bits into a list of them in memory, which all runs of the
/// same types share. Whole vectors are set aside and wait for more, so that the longest run becomes a block of several.
///
/// Texts of up to 12 bytes are written as integers, of the bits in which they differ, where that takes hardly more than
/// their own codecs. Longer texts of few different values are kept in memory, each once; they wait, and are written, as
/// numbers. Other texts share tables of symbols, which are kept in memory and left out of the blocks. Runs of the same
/// types have list and tables in common: up to 330 and 96 KiB a column, and 200 KiB until symbols are found.
///
/// Errors:   as run_store; open → invalid_argument: no columns; out_of_memory also where the write buffers cannot hold
///           one vector. Where there is no memory to encode, rows stay in the write buffers and the call may be made
///           again; a run whose rows could not be put gives the error again whenever it is named
/// Cost:     beside the write buffers, encoding takes about four times a column's block for the moment, and 2 MiB if it
///           holds texts; lists of values a quarter of the write buffers per column at most, and all of the same runs no
///           more than those; a reader takes a block and 21 KiB per column, 8 KiB more for distances and numbers, 24 KiB
///           for texts in numbers, and for those in symbols another block and up to 90 KiB. Runs of the same types share
///           the trees chosen: 3 to 20 ns a number where they last, 60 and more a text
/// Threads:  as run_store
class block_run_store : public run_store {
 public:
  PILLAR_API ~block_run_store() override;
  PILLAR_API result<std::uint32_t> open(std::span<const data_type> types) override;
  PILLAR_API result<void> append(std::uint32_t run, std::span<const vector* const> columns, const selection_mask* rows,
                                 std::uint32_t row_count) override;
  PILLAR_API result<void> seal(std::uint32_t run) override;
  PILLAR_API result<std::unique_ptr<run_reader>> read(std::uint32_t run) override;
  PILLAR_API void drop(std::uint32_t run) noexcept override;
  [[nodiscard]] PILLAR_API run_counts counts() const noexcept override;
  [[nodiscard]] PILLAR_API std::uint64_t bytes_of(std::uint32_t run) const noexcept override;

 protected:
  PILLAR_API explicit block_run_store(const run_store_options& options);

  /// Keeps a block: a number by which get() finds it.
  virtual result<std::uint64_t> put(buffer block) = 0;
  /// The bytes of a block, in `room` or where they lie, for as long as `room` is left alone and the block is kept.
  virtual result<std::span<const std::byte>> get(std::uint64_t place, std::size_t bytes, buffer& room) = 0;
  /// Nobody will ask for the block again.
  virtual void forget(std::uint64_t place) noexcept = 0;

  [[nodiscard]] memory_budget* budget() const noexcept { return options_.budget; }

 private:
  struct run_shape;
  struct stored_run;
  struct text_choice;
  class reader;
  result<bool> append_columns(stored_run& run, std::span<const vector* const> columns, const selection_mask* rows,
                              std::uint32_t row_count, std::uint32_t count);
  [[nodiscard]] bool change_forms(stored_run& run);
  [[nodiscard]] bool is_roomy(const stored_run& run) const noexcept;
  void close_vectors(stored_run& run);
  [[nodiscard]] stored_run& run_of(std::uint32_t number) const noexcept;
  result<buffer> pack_texts(stored_run& run, text_choice& choice, std::span<vector> vectors);
  void learn_symbols(text_choice& choice, encoding_choice& codecs, std::span<const vector> vectors);
  std::uint32_t leave_table(text_choice& choice, buffer& block);
  result<void> write(stored_run& run, bool at_end);
  result<void> write_closed(stored_run& run);
  result<bool> write_longest();

  run_store_options options_;
  const packed_table* kernels_;  ///< asked for once, not for every block
  memory_budget buffered_;       ///< of the write buffers
  std::vector<std::unique_ptr<run_shape>> shapes_{};
  std::uint64_t shape_bytes_ = 0;  ///< counted for them
  growable<stored_run*> runs_;     ///< owned; of number first_run_ + i, nullptr: dropped
  std::uint32_t first_run_ = 0;
  std::uint32_t run_count_ = 0;  ///< that were not dropped
  run_counts counts_{};
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/block_run_store.hpp"
#endif
