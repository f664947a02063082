// SPDX-License-Identifier: Apache-2.0
/// Probes a join table: gather maps for inner and outer joins, masks for semi, anti and mark joins. What each kind gives: join/kind.hpp.
#pragma once
#include <cstdint>
#include <span>

#include "pillar/base/buffer.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/column/vector.hpp"
#include "pillar/join/join_table.hpp"
#include "pillar/join/kind.hpp"

namespace PILLAR_NAMESPACE {

/// Which build rows have found a partner: one for each worker, merged before anybody asks.
///
/// Threads: one at a time
class join_matches {
 public:
  /// Errors: out_of_memory. Requires: the table outlives it
  PILLAR_API static result<join_matches> make(const join_table& table, memory_budget* budget = nullptr);
  /// Adds those of another worker. Requires: of the same table
  PILLAR_API void merge(const join_matches& other) noexcept;

  void add(std::uint32_t position) noexcept { set_bit(words_.as<std::uint64_t>(), position); }

  /// Ids of build rows, from `position` on, that have found a partner (or, without `matched`, none); writes at most
  /// row_ids.size() of them, moves `position` behind the last, and returns how many: 0 at the end.
  PILLAR_API std::uint32_t next(bool matched, std::uint32_t& position, std::span<std::uint32_t> row_ids) const noexcept;

 private:
  explicit join_matches(const join_table& table, buffer words) noexcept : table_(&table), words_(std::move(words)) {}
  const join_table* table_;
  buffer words_;
};

/// A further condition on pairs that agree in their keys. Up to 1,024 of them come in, `kept` selecting all; the
/// callback removes those that do not satisfy it.
using join_residual = function_ref<result<void>(std::span<const std::uint32_t> probe_rows,
                                                std::span<const std::uint32_t> build_rows, selection_mask& kept)>;

/// One worker's probing.
///
/// Use:      start(batch), then next() until it returns 0 (pairs), or select() or mark() once (masks). With a residual
///           condition a pair that it refuses counts as no pair, whatever the kind
/// Requires: the table and the matches outlive the cursor and stay where they are; matches are only kept for right and
///           full
/// Errors:   make: out_of_memory; invalid_argument: right or full without matches, a null-aware kind with several key
///           columns. next, select, mark: the residual's; invalid_argument: a residual of a null-aware kind
/// Cost:     12 KiB; nothing is allocated after make
/// Threads:  one at a time; any number of cursors on one table
class join_cursor {
 public:
  PILLAR_API static result<join_cursor> make(const join_table& table, join_kind kind, join_matches* matches = nullptr,
                                             memory_budget* budget = nullptr);

  /// Looks the selected rows' keys up, as join_table::find does. The selected rows may then be asked for.
  PILLAR_API void start(std::span<const vector* const> keys, const selection_mask& selection,
                        std::uint32_t row_count) noexcept;

  /// The rows whose keys have partners.
  [[nodiscard]] PILLAR_API selection_mask found() noexcept;

  /// How many pairs next() will yield in all since start(); with a residual condition the pairs that it is asked about
  /// and, of left and full joins, one for each probe row without any.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

  /// Up to probe_rows.size() pairs: row probe_rows[i] of the batch and the build row with the id build_rows[i]. Pairs
  /// ascend by probe row, and a row's partners come in the order of arrival; rows without partners follow at the end.
  /// 0: the batch is done.
  PILLAR_API result<std::uint32_t> next(std::span<std::uint32_t> probe_rows, std::span<std::uint32_t> build_rows,
                                        const join_residual* residual = nullptr);

  /// semi, anti, null_aware_anti: the rows that are kept.
  PILLAR_API result<void> select(selection_mask& kept, const join_residual* residual = nullptr);

  /// mark, null_aware_mark: for which selected rows the answer is true, and for which it is NULL.
  PILLAR_API result<void> mark(selection_mask& is_true, selection_mask& is_null,
                               const join_residual* residual = nullptr);

 private:
  explicit join_cursor(const join_table& table, join_kind kind, join_matches* matches, buffer memory) noexcept
      : table_(&table), kind_(kind), matches_(matches), memory_(std::move(memory)) {}
  [[nodiscard]] join_hits& hits() noexcept { return *memory_.as<join_hits>(); }
  std::uint32_t take(std::uint32_t* probe_rows, std::uint32_t* positions, std::uint32_t capacity) noexcept;
  result<std::uint32_t> take_satisfying(std::uint32_t* probe_rows, std::uint32_t* build_rows, std::uint32_t capacity,
                                        const join_residual& residual);
  result<void> find_partners(const join_residual* residual);

  const join_table* table_;
  join_kind kind_;
  join_matches* matches_;
  buffer memory_;
  selection_mask selection_ = selection_mask::none();
  selection_mask null_keys_ = selection_mask::none();  ///< selected rows whose key is NULL, for null-aware kinds
  selection_mask partnered_ = selection_mask::none();  ///< rows that have been seen to have a partner
  std::uint64_t size_ = 0;
  std::uint32_t asked_ = 0;     ///< rows of the last batches, later ones weighing more
  std::uint32_t answered_ = 0;  ///< those that had partners
  std::uint32_t hit_ = 0;       ///< the next one to be taken
  std::uint32_t partner_ = 0;   ///< and which of its partners
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/join/impl/join_cursor.hpp"
#endif
