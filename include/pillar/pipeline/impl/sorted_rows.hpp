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

#include "pillar/base/detail/heap_sort.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/encoded.hpp"  // vector_scratch
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
  bool shares_all = false;     ///< any of its keys may be in another row group
  bool is_left_out = false;    ///< no row of it is read: it has no keys here
  bool first_by_zone = false;  ///< the zone map told the order's first column
};

/// The row groups of a version whose sort key begins with the keys of a group_by.
class sorted_rows {
 public:
  /// Whether any row of a row group is read. Its errors end the look.
  using group_question = function_ref<result<bool>(const row_group&)>;

  /// Nothing where the keys are no such prefix.
  ///
  /// Errors: out_of_memory, those of is_read
  /// Cost:   two decoded vectors per key and row group that is read, none of a first integer that zone maps know
  static result<std::optional<sorted_rows>> make(const bound_segment& what, const table_version& version,
                                                 group_question is_read, memory_budget* budget) {
    sorted_rows made(budget);
    if (!made.find_order(what, version)) return std::optional<sorted_rows>();
    PILLAR_TRY(made.find_ends(version, is_read));
    made.is_worth_it_ = made.compare_ends(version);
    return std::optional<sorted_rows>(std::move(made));
  }
  /// False: most rows have a key that others may have, and would go into the table.
  [[nodiscard]] bool is_worth_it() const noexcept { return is_worth_it_; }

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
  /// The vectors of a row group's column that were decoded to know its ends, as bits.
  [[nodiscard]] std::uint64_t vectors_read(const sorted_place& of, std::uint32_t column,
                                           std::uint32_t vector_count) const noexcept {
    const auto at = std::find(columns_.begin() + (of.first_by_zone ? 1 : 0), columns_.end(), column);
    if (of.is_left_out || at == columns_.end()) return 0;
    return 1 | std::uint64_t{1} << (vector_count - 1);
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

  /// Whether the zone map of a row group knows the first column's values in its first and last row.
  [[nodiscard]] bool zone_has_ends(const row_group& group) const noexcept {
    const zone_map& zone = group.blocks[columns_[0]].zone;
    return is_integer(zone.physical) && zone.min_exact && zone.max_exact && !zone.may_have_nulls();
  }
  result<void> append_end(const row_group& group, bool last, bool first_by_zone, vector_scratch& scratch) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const stored_block& block = group.blocks[columns_[i]];
      const sort_key first_column{0, false, false};
      if (i == 0 && first_by_zone) {
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
  result<void> find_ends(const table_version& version, group_question is_read) {
    const auto scratch = std::make_unique<vector_scratch>();
    for (const auto& slice : version.slices) {
      first_of_slice_.push_back(places_.size());
      for (const auto& group : slice.groups) {
        sorted_place made;
        PILLAR_ASSIGN_OR_RETURN(const bool read, is_read(*group));
        made.is_left_out = PILLAR_MUTATE(sorted_rows_reads_all, !read, false);
        if (!made.is_left_out) {
          made.bytes_at = bytes_.size();
          made.first_by_zone = zone_has_ends(*group);
          PILLAR_TRY(append_end(*group, false, made.first_by_zone, *scratch));
          made.first_size = static_cast<std::uint32_t>(bytes_.size() - made.bytes_at);
          PILLAR_TRY(append_end(*group, true, made.first_by_zone, *scratch));
          made.last_size = static_cast<std::uint32_t>(bytes_.size() - made.bytes_at - made.first_size);
        }
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
      for (const auto& group : version.slices[s].groups) {
        if (!places_[next].is_left_out) all.push_back({next, by_slice_ ? s : 0, group->row_count});
        ++next;
      }
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
  bool is_worth_it_ = false;
};

}  // namespace PILLAR_NAMESPACE::detail
