// SPDX-License-Identifier: Apache-2.0
/// The seam behind which every aggregate stands that needs more than a few words per group: a column of states, one per
/// group, updated by batches, merged, and written out.
///
/// Whatever may fail happens in `reserve` or `reserve_merge`, and what these make does not show: an aggregator asks all
/// of its states first, and only if none refuses lets them take the rows. So a call that fails leaves everything as it
/// was.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "pillar/aggregate/spec.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

class column_builder;

/// Numbers of the rows of a batch, for aggregates that depend on the order of rows (first, last, string_agg, ties of
/// arg_min): where they are the same, so are the answers, whatever batches and threads the rows came through.
struct row_numbers {
  std::uint64_t first = 0;              ///< of row 0; the others follow
  const std::uint64_t* each = nullptr;  ///< or a number for each row
  [[nodiscard]] std::uint64_t of(std::uint32_t row) const noexcept { return each == nullptr ? first + row : each[row]; }
};

/// The rows of a batch that an aggregate takes: none of them NULL.
///
/// Shape: ≤ 1,024 rows, ascending; group[i] is the group of row[i]
struct group_rows {
  const vector* values = nullptr;
  const vector* second = nullptr;  ///< where the aggregate takes one
  const std::uint16_t* row = nullptr;
  const std::uint32_t* group = nullptr;
  std::uint32_t count = 0;
  row_numbers numbers{};
};

/// States of one aggregate by group number; groups that were never reserved are empty.
///
/// Requires: `add` and `merge` follow a successful `reserve` and `reserve_merge` of the same rows, with nothing between
///           them; `other` was made alike
/// Errors:   reserve, reserve_merge → out_of_memory, limit_exceeded: every result is as before. append_results →
///           out_of_memory; overflow, limit_exceeded: position = the group; some results may have been appended
/// Threads:  one at a time; const members concurrently
class grouped_state {
 public:
  static constexpr std::uint32_t no_group = ~std::uint32_t{0};
  virtual ~grouped_state() = default;

  /// Makes room, so that `add` cannot fail. All groups are below group_count.
  virtual result<void> reserve(const group_rows& rows, std::uint32_t group_count) = 0;
  virtual void add(const group_rows& rows) noexcept = 0;

  /// `group_of[g]` is this side's number of the other's group g, or no_group: that group is left out.
  virtual result<void> reserve_merge(const grouped_state& other, std::span<const std::uint32_t> group_of,
                                     std::uint32_t group_count) = 0;
  virtual void merge(const grouped_state& other, std::span<const std::uint32_t> group_of) noexcept = 0;

  /// Forgets what was reserved for groups from `group_count` on, which have taken no rows.
  virtual void truncate(std::uint32_t group_count) noexcept = 0;

  /// A value for each of the groups [first, first + count).
  virtual result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out) const = 0;
};

/// The states of a built-in aggregate that has no faster form in the aggregator, or of the user's own; nullptr where it
/// has one (count, sum, avg, min, max, bool_and, bool_or).
///
/// Errors: type_mismatch: no such aggregate of these types; invalid_argument: an option outside its range
PILLAR_API result<std::unique_ptr<grouped_state>> make_grouped_state(const aggregate_spec& spec, const data_type& input,
                                                                     const data_type& second,
                                                                     memory_budget* budget = nullptr);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/aggregate/impl/grouped_state.hpp"
#endif
