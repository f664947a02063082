// SPDX-License-Identifier: Apache-2.0
/// Grouping by a prefix of a table's sort key: runs of equal keys are groups, and only keys that may come in several row
/// groups go into a table.
///
/// Within a row group rows are sorted (row_layout). All keys of a row group but its first and its last one are in no
/// other, as long as no other begins or ends between them: their groups are complete when the row group is. The first
/// and the last key go into the table where another row group begins or ends with the same, and all rows do of row
/// groups that lie across each other, as those of several loads or of slices that share their keys.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/aggregate/sorted_groups.hpp"
#include "pillar/base/detail/heap_sort.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"  // list_rows
#include "pillar/column/encoded.hpp"        // vector_scratch
#include "pillar/pipeline/impl/bound_segment.hpp"
#include "pillar/sort/key.hpp"
#include "pillar/zone/zone_map.hpp"

// Queries need no definitions that fill tables: they would cost every header-only program their compilation.
#define PILLAR_STORAGE_READ_ONLY
#include "pillar/storage/table.hpp"
#undef PILLAR_STORAGE_READ_ONLY

namespace PILLAR_NAMESPACE::detail {

/// Where a row group lies among the others, by its keys in the order of the sort key.
struct sorted_place {
  std::uint64_t bytes_at = 0;  ///< of its first row's key, and behind it its last row's
  std::uint32_t first_size = 0;
  std::uint32_t last_size = 0;
  bool shares_first = false;  ///< its first key is another's last
  bool shares_last = false;
  bool shares_all = false;  ///< any of its keys may be in another row group
};

/// The row groups of a version whose sort key begins with the keys of a group_by.
class sorted_rows {
 public:
  /// Nothing where the keys are no such prefix, or where most rows would go into the table.
  ///
  /// Errors: out_of_memory
  /// Cost:   two decoded vectors per row group and key, for integers one less of each
  static result<std::optional<sorted_rows>> make(const bound_segment& what, const table_version& version,
                                                 memory_budget* budget) {
    sorted_rows made(budget);
    if (!made.find_order(what, version)) return std::optional<sorted_rows>();
    PILLAR_TRY(made.find_ends(version));
    if (!made.compare_ends(version)) return std::optional<sorted_rows>();
    return std::optional<sorted_rows>(std::move(made));
  }

  [[nodiscard]] const sorted_place& place(std::uint32_t slice, std::uint32_t group) const noexcept {
    return places_[first_of_slice_[slice] + group];
  }
  /// The group_by's keys in the order of the sort key.
  [[nodiscard]] std::span<const sort_key> order() const noexcept { return order_; }
  [[nodiscard]] std::string_view first_key(const sorted_place& of) const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()) + of.bytes_at, of.first_size};
  }
  [[nodiscard]] std::string_view last_key(const sorted_place& of) const noexcept {
    return {reinterpret_cast<const char*>(bytes_.data()) + of.bytes_at + of.first_size, of.last_size};
  }
  /// Rows that go into the table at most, but for those of keys that fill row groups.
  [[nodiscard]] std::uint64_t rows_in_table() const noexcept { return rows_in_table_; }

 private:
  explicit sorted_rows(memory_budget* budget) noexcept : bytes_(budget) {}

  /// Whether the keys are the first columns of the order that all row groups share.
  bool find_order(const bound_segment& what, const table_version& version) {
    const std::size_t key_count = what.what.outputs.size();
    if (key_count == 0) return false;
    for (const auto& slice : version.slices)
      for (const auto& group : slice.groups) {
        if (layout_ == nullptr) layout_ = group->layout.get();
        if (group->layout == nullptr || group->layout.get() != layout_ || group->store != nullptr ||
            group->row_count == 0)
          return false;
      }
    if (layout_ == nullptr) return false;
    for (std::size_t i = 0; order_.size() < key_count; ++i) {
      if (i >= layout_->sorted_by.size()) return false;
      const std::uint32_t column =
          layout_->sorted_by[PILLAR_MUTATE(sorted_rows_any_column, i, (i + 1) % layout_->sorted_by.size())];
      if (std::find(columns_.begin(), columns_.end(), column) != columns_.end()) continue;  // twice orders no further
      std::uint32_t key = 0;
      while (key < key_count && what.plain(key) != column) ++key;
      if (key == key_count) return false;
      order_.push_back({key, false, false});
      columns_.push_back(column);
    }
    // Slices whose keys are their own are looked at one by one.
    by_slice_ = PILLAR_MUTATE(sorted_rows_slices_share_nothing, !layout_->distributed_by.empty(), true);
    for (const std::uint32_t column : layout_->distributed_by)
      by_slice_ = by_slice_ && std::find(columns_.begin(), columns_.end(), column) != columns_.end();
    for (std::uint32_t s = 0; s < version.slices.size(); ++s)  // a version may have been put together otherwise
      for (const auto& group : version.slices[s].groups) by_slice_ = by_slice_ && group->slice == s;
    return true;
  }

  result<void> append_end(const row_group& group, bool last, vector_scratch& scratch) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const stored_block& block = group.blocks[columns_[i]];
      const sort_key first_column{0, false, false};
      if (i == 0 && is_integer(block.zone.physical) && block.zone.min_exact && block.zone.max_exact &&
          !block.zone.may_have_nulls()) {
        const scalar end =
            last ? zone_maximum(block.zone, block.view.type()) : zone_minimum(block.zone, block.view.type());
        PILLAR_TRY(append_key({&end, 1}, {&first_column, 1}, bytes_));
        continue;
      }
      vector values;
      const std::uint32_t v = last ? group.vector_count() - 1 : 0;
      PILLAR_TRY(block.view.vector_at(v).decode(scratch, values));
      const vector* const column[] = {&values};
      PILLAR_TRY(append_key(column, {&first_column, 1}, last ? group.rows_of(v) - 1 : 0, bytes_));
    }
    return {};
  }

  /// The first and the last key of each row group.
  result<void> find_ends(const table_version& version) {
    const auto scratch = std::make_unique<vector_scratch>();
    for (const auto& slice : version.slices) {
      first_of_slice_.push_back(places_.size());
      for (const auto& group : slice.groups) {
        sorted_place made;
        made.bytes_at = bytes_.size();
        PILLAR_TRY(append_end(*group, false, *scratch));
        made.first_size = static_cast<std::uint32_t>(bytes_.size() - made.bytes_at);
        PILLAR_TRY(append_end(*group, true, *scratch));
        made.last_size = static_cast<std::uint32_t>(bytes_.size() - made.bytes_at - made.first_size);
        places_.push_back(made);
      }
    }
    return {};
  }

  /// Which keys row groups share. False: most rows have one that others may have.
  bool compare_ends(const table_version& version) {
    struct numbered {
      std::size_t place;
      std::uint32_t slice;
      std::uint32_t row_count;
    };
    std::vector<numbered> all;
    std::size_t next = 0;
    for (std::uint32_t s = 0; s < version.slices.size(); ++s)
      for (const auto& group : version.slices[s].groups) all.push_back({next++, by_slice_ ? s : 0, group->row_count});
    heap_sort(all, [this](const numbered& a, const numbered& b) {
      if (a.slice != b.slice) return a.slice < b.slice;
      const sorted_place &left = places_[a.place], &right = places_[b.place];
      const int order = first_key(left).compare(first_key(right));
      return order != 0 ? order < 0 : last_key(left) < last_key(right);
    });
    std::uint64_t row_count = 0;
    for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
      // Row groups that lie across each other: each begins before one of them has ended.
      std::string_view greatest = last_key(places_[all[begin].place]);
      const auto goes_on = [&](std::size_t i) {
        return i < all.size() && all[i].slice == all[begin].slice && first_key(places_[all[i].place]) < greatest;
      };
      for (end = begin + 1; PILLAR_MUTATE(sorted_rows_never_across, goes_on(end), false); ++end)
        greatest = std::max(greatest, last_key(places_[all[end].place]));
      for (std::size_t i = begin; i < end; ++i) {
        places_[all[i].place].shares_all = end - begin > 1;
        row_count += all[i].row_count;
      }
      if (end == all.size() || all[end].slice != all[begin].slice ||
          PILLAR_MUTATE(sorted_rows_ends_are_own, first_key(places_[all[end].place]) != greatest, true))
        continue;
      places_[all[end].place].shares_first = true;
      for (std::size_t i = begin; i < end; ++i)
        if (last_key(places_[all[i].place]) == greatest) places_[all[i].place].shares_last = true;
    }
    for (const numbered& one : all) {
      sorted_place& place = places_[one.place];
      const bool is_one_key = first_key(place) == last_key(place);
      if (is_one_key && (place.shares_first || place.shares_last)) place.shares_all = true;
      rows_in_table_ += place.shares_all ? one.row_count : 0;
    }
    return rows_in_table_ <= row_count / 8;
  }

  const row_layout* layout_ = nullptr;
  std::vector<sort_key> order_{};
  std::vector<std::uint32_t> columns_{};  ///< of the table
  bool by_slice_ = false;
  std::vector<std::size_t> first_of_slice_{};
  std::vector<sorted_place> places_{};
  growable<std::byte> bytes_;
  std::uint64_t rows_in_table_ = 0;
};

/// What a worker's aggregation of runs is made from.
struct run_group_request {
  std::span<const data_type> keys{};
  std::span<const data_type> inputs{};
  std::span<const aggregate_spec> aggregates{};
  std::span<const key_range> input_ranges{};
  memory_budget* budget = nullptr;
  memory_budget* results = nullptr;
};

/// One worker's groups that are runs: row group after row group they become results, and are forgotten.
class run_groups {
 public:
  static constexpr std::uint32_t enough_runs = 16384;  ///< to be worth results of their own

  explicit run_groups(const run_group_request& what) : what_(what), runs_(what.keys, what.results) {}

  /// The rows of keys that no other row group has. Requires: no key was there before the last flush()
  result<void> update(std::span<const vector* const> keys, std::span<const vector* const> inputs,
                      const selection_mask& rows, std::uint32_t row_count, std::span<const selection_mask* const> where,
                      std::span<const std::uint8_t> input_bits, const row_numbers& numbers) {
    if (!states_) {
      // The runs' numbers are the keys: an array, in which neighbours meet.
      const key_range range{0, most_runs - 1};
      PILLAR_ASSIGN_OR_RETURN(
          aggregator made, aggregator::make({&type_of<std::uint32_t>, 1}, what_.inputs, what_.aggregates, what_.budget,
                                            {&range, 1}, 0, what_.input_ranges));
      states_.emplace(std::move(made));
      states_->begin_block();
    }
    PILLAR_TRY(runs_.find(keys, rows, row_count, numbers_));
    vector run;
    run.type = type_of<std::uint32_t>;
    run.size = row_count;
    run.values = numbers_;
    const vector* const key[] = {&run};
    row_count_ += rows.count();
    return states_->update(key, inputs, rows, row_count, where, input_bits, numbers);
  }

  void begin_block() noexcept {
    if (states_) states_->begin_block();
  }
  /// The end of a row group.
  result<void> end_group() {
    const bool enough = runs_.group_count() >= enough_runs || row_count_ - flushed_rows_ >= enough_rows;
    return enough ? flush() : result<void>();
  }

  /// The groups so far are complete.
  result<void> flush() {
    if (!states_ || runs_.group_count() == 0) return {};
    group_count_ += runs_.group_count();
    flushed_rows_ = row_count_;
    states_->arrange_results();  // what is logged row by row is sorted where it lies instead of copied
    PILLAR_ASSIGN_OR_RETURN(std::vector<column> values, states_->finish(what_.results));
    PILLAR_ASSIGN_OR_RETURN(std::vector<column> part, runs_.take_keys());
    part.insert(part.end(), std::make_move_iterator(values.begin() + 1), std::make_move_iterator(values.end()));
    parts_.push_back(std::move(part));
    states_.reset();
    return {};
  }
  [[nodiscard]] std::vector<std::vector<column>> take() noexcept { return std::move(parts_); }

  [[nodiscard]] std::uint64_t row_count() const noexcept { return row_count_; }
  [[nodiscard]] std::uint64_t group_count() const noexcept { return group_count_; }

 private:
  static constexpr std::uint32_t enough_rows = 4 * block_max_rows;  ///< to be forgotten, where states grow with them
  static constexpr std::uint32_t most_runs = enough_runs + block_max_rows;

  run_group_request what_;
  sorted_groups runs_;
  std::optional<aggregator> states_;
  std::vector<std::vector<column>> parts_;
  std::uint64_t row_count_ = 0;
  std::uint64_t flushed_rows_ = 0;
  std::uint64_t group_count_ = 0;
  alignas(64) std::uint32_t numbers_[vector_rows] = {};
};

/// Splits a batch of sorted rows into those of keys that others may have, and those of keys that only its row group has.
///
/// Threads: one
class shared_keys {
 public:
  explicit shared_keys(memory_budget* budget) noexcept : key_(budget) {}
  void begin(const sorted_rows& rows, const sorted_place& place) noexcept {
    rows_ = &rows;
    place_ = &place;
    at_first_ = place.shares_first;
  }

  /// The selected rows whose key is shared. `keys` as the group_by names them.
  ///
  /// Errors: out_of_memory
  result<void> find(std::span<const vector* const> keys, const selection_mask& selection, selection_mask& shared) {
    shared = place_->shares_all ? selection : selection_mask::none();
    const bool at_last = place_->shares_last;
    if (place_->shares_all || (!at_first_ && !at_last)) return {};
    std::uint16_t rows[vector_rows];
    const std::uint32_t count = list_rows(selection.words, rows);
    if (count == 0) return {};
    if (at_first_) {
      PILLAR_ASSIGN_OR_RETURN(const std::uint32_t same, count_of(rows_->first_key(*place_), keys, rows, count, true));
      for (std::uint32_t i = 0; i < same; ++i) set_bit(shared.words, rows[i]);
      at_first_ = PILLAR_MUTATE(sorted_rows_first_of_batch, same == count, false);
    }
    if (at_last) {
      PILLAR_ASSIGN_OR_RETURN(const std::uint32_t same, count_of(rows_->last_key(*place_), keys, rows, count, false));
      for (std::uint32_t i = count - same; i < count; ++i) set_bit(shared.words, rows[i]);
    }
    return {};
  }

 private:
  result<bool> has_key(std::span<const vector* const> keys, std::uint32_t row, std::string_view known) {
    key_.truncate(0);
    PILLAR_TRY(append_key(keys, rows_->order(), row, key_));
    return std::string_view(reinterpret_cast<const char*>(key_.data()), key_.size()) == known;
  }
  /// How many rows from the first one on, or back from the last, have a key; they are sorted.
  result<std::uint32_t> count_of(std::string_view known, std::span<const vector* const> keys, const std::uint16_t* rows,
                                 std::uint32_t count, bool from_first) {
    std::uint32_t low = 0, high = count;  // rows below low have it, rows from high on have not
    for (std::uint32_t middle = 0; low < high;
         middle = low == 1 && high == count ? count - 1 : low + (high - low) / 2) {
      PILLAR_ASSIGN_OR_RETURN(const bool same, has_key(keys, rows[from_first ? middle : count - 1 - middle], known));
      if (same) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  const sorted_rows* rows_ = nullptr;
  const sorted_place* place_ = nullptr;
  bool at_first_ = false;  ///< the rows so far all had the first key
  growable<std::byte> key_;
};

}  // namespace PILLAR_NAMESPACE::detail
