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

#include "pillar/aggregate/spec.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

class column_builder;
class memory_budget;

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

/// Groups of other states of the same aggregate, and what they are called here.
///
/// Shape: from[i], ascending (nullptr: i itself), is to[i] here (nullptr: the same number), for i < count
struct group_pairs {
  const std::uint32_t* from = nullptr;
  const std::uint32_t* to = nullptr;
  std::uint32_t count = 0;
  [[nodiscard]] std::uint32_t there(std::uint32_t i) const noexcept { return from == nullptr ? i : from[i]; }
  [[nodiscard]] std::uint32_t here(std::uint32_t i) const noexcept { return to == nullptr ? there(i) : to[i]; }
  /// The i of a group of the other; count: it is left out.
  [[nodiscard]] std::uint32_t find(std::uint32_t group) const noexcept {
    if (from == nullptr) return group < count ? group : count;
    std::uint32_t low = 0;
    for (std::uint32_t size = count; size > 0;) {
      const std::uint32_t half = size / 2;
      const bool above = from[low + half] < group;
      low = above ? low + half + 1 : low;
      size = above ? size - half - 1 : half;
    }
    return low < count && from[low] == group ? low : count;
  }
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
  virtual ~grouped_state() = default;

  /// Makes room, so that `add` cannot fail. All groups are below group_count.
  virtual result<void> reserve(const group_rows& rows, std::uint32_t group_count) = 0;
  virtual void add(const group_rows& rows) noexcept = 0;

  /// The same for the other's groups that `groups` names.
  virtual result<void> reserve_merge(const grouped_state& other, const group_pairs& groups,
                                     std::uint32_t group_count) = 0;
  virtual void merge(const grouped_state& other, const group_pairs& groups) noexcept = 0;

  /// Forgets what was reserved for groups from `group_count` on, which have taken no rows.
  virtual void truncate(std::uint32_t group_count) noexcept = 0;

  /// Groups are about to be merged into others or written out in pieces: states that are not kept by group put
  /// themselves in the order of groups, so that a piece costs no more than its groups.
  virtual void arrange() noexcept {}

  /// A value for each of the groups [first, first + count). What that takes for the moment comes from `scratch`: the
  /// states may have filled their own budget.
  virtual result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out,
                                      memory_budget* scratch) const = 0;
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
