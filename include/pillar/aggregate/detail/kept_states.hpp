// SPDX-License-Identifier: Apache-2.0
/// Aggregates that keep the values of a few rows: first, last, any, arg_min and arg_max of any rank.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/base/bits.hpp"  // load_unaligned
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/sort/key.hpp"  // ordered_word

namespace PILLAR_NAMESPACE::detail {

/// Up to `rank` rows of each group, in the order that the aggregate asks for; rows that are equal in it are in the
/// order of their numbers.
class kept_states final : public grouped_state {
 public:
  kept_states(aggregate_kind kind, std::uint32_t rank, const data_type& value, const data_type& second,
              memory_budget* budget) noexcept
      : kind_(kind),
        rank_(takes_second(kind) ? rank : 1),
        text_values_(value.physical == physical_type::text),
        text_keys_(takes_second(kind) && second.physical == physical_type::text),
        type_(value),
        counts_(budget),
        entries_(budget),
        texts_(budget) {}

  result<void> reserve(const group_rows& rows, std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    std::size_t bytes = 0;
    for (std::uint32_t i = 0; i < rows.count && text_values_; ++i)
      bytes += 2 * rows.values->text_value(rows.row[i]).size();
    for (std::uint32_t i = 0; i < rows.count && text_keys_; ++i)
      bytes += 2 * rows.second->text_value(rows.row[i]).size();
    return texts_.reserve(bytes);
  }
  void add(const group_rows& rows) noexcept override {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const std::uint32_t row = rows.row[i], group = rows.group[i];
      if (kind_ == aggregate_kind::any && counts_[group] != 0) continue;
      candidate made;
      made.number = rows.numbers.of(row);
      if (text_keys_) made.key_text = rows.second->text_value(row);
      else if (takes_second(kind_)) key_of(*rows.second, row, made.key);
      if (!comes_before_last(made, group)) continue;
      if (text_values_) made.value_text = rows.values->text_value(row);
      else value_of(*rows.values, row, made.value);
      insert(made, group);
    }
  }

  result<void> reserve_merge(const grouped_state& other, std::span<const std::uint32_t> group_of,
                             std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    const auto& from = static_cast<const kept_states&>(other);
    std::size_t bytes = 0;
    for (std::size_t group = 0; group < from.counts_.size() && group < group_of.size(); ++group)
      for (std::uint32_t i = 0; group_of[group] != no_group && i < from.counts_[group]; ++i) {
        const entry& kept = from.entries_[group * rank_ + i];
        bytes += 2 * ((text_values_ ? from.text_of(kept.value).size() : 0) +
                      (text_keys_ ? from.text_of(kept.key).size() : 0));
      }
    return texts_.reserve(bytes);
  }
  void merge(const grouped_state& other, std::span<const std::uint32_t> group_of) noexcept override {
    const auto& from = static_cast<const kept_states&>(other);
    for (std::size_t group = 0; group < from.counts_.size() && group < group_of.size(); ++group) {
      const std::uint32_t to = group_of[group];
      if (to == no_group || (kind_ == aggregate_kind::any && counts_[to] != 0)) continue;
      for (std::uint32_t i = 0; i < from.counts_[group]; ++i) {
        const entry& kept = from.entries_[group * rank_ + i];
        candidate made;
        made.number = kept.number;
        std::memcpy(made.key, kept.key, sizeof made.key);
        std::memcpy(made.value, kept.value, sizeof made.value);
        if (text_keys_) made.key_text = from.text_of(kept.key);
        if (text_values_) made.value_text = from.text_of(kept.value);
        if (!comes_before_last(made, to)) break;
        insert(made, to);
      }
    }
  }
  void truncate(std::uint32_t group_count) noexcept override {
    if (group_count >= counts_.size()) return;
    counts_.truncate(group_count);
    entries_.truncate(std::size_t{group_count} * rank_);
  }

  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out) const override {
    for (std::uint32_t group = first; group < first + count; ++group) {
      if (group >= counts_.size() || counts_[group] < rank_) {
        PILLAR_TRY(out.append_null());
        continue;
      }
      const entry& kept = entries_[std::size_t{group} * rank_ + rank_ - 1];
      if (text_values_) {
        PILLAR_TRY(out.append_text(text_of(kept.value)));
        continue;
      }
      vector one;
      one.type = type_;
      one.size = 1;
      one.values = kept.value;
      PILLAR_TRY(out.append(one));
    }
    return {};
  }

 private:
  /// Text cells: the offset in texts_; size and capacity.
  struct entry {
    std::uint64_t number;
    std::uint64_t key[2];  ///< high word first, ascending as unsigned numbers
    std::uint64_t value[2];
  };
  struct candidate {
    std::uint64_t number = 0;
    std::uint64_t key[2] = {0, 0};
    std::uint64_t value[2] = {0, 0};
    std::string_view key_text{};
    std::string_view value_text{};
  };

  void key_of(const vector& from, std::uint32_t row, std::uint64_t (&key)[2]) const noexcept {
    const auto* at = static_cast<const std::byte*>(from.holder().values);
    const std::size_t index = from.index_of(row);
    visit_fixed_width(from.type.physical, [&]<class T>() {
      const T value = load_unaligned<T>(at + index * sizeof(T));
      if constexpr (sizeof(T) == 16) {
        key[0] = static_cast<std::uint64_t>(value >> 64) ^ std::uint64_t{1} << 63;
        key[1] = static_cast<std::uint64_t>(value);
      } else {
        key[0] = ordered_word(value);
      }
    });
    if (kind_ == aggregate_kind::arg_max) key[0] = ~key[0], key[1] = ~key[1];
  }
  static void value_of(const vector& from, std::uint32_t row, std::uint64_t (&value)[2]) noexcept {
    const std::size_t width = byte_width(from.type.physical);
    std::memcpy(value, static_cast<const std::byte*>(from.holder().values) + from.index_of(row) * width, width);
  }
  [[nodiscard]] std::string_view text_of(const std::uint64_t (&cell)[2]) const noexcept {
    return {reinterpret_cast<const char*>(texts_.data() + cell[0]), cell[1] & 0xffffffffu};
  }
  /// Writes a text into a cell, whose old text's place is used again if it is large enough; room is reserved.
  void store(std::uint64_t (&cell)[2], std::string_view text) noexcept {
    std::uint64_t capacity = cell[1] >> 32;
    if (text.size() > capacity) {
      capacity = text.size() > 2 * capacity ? text.size() : 2 * capacity;
      if (capacity > 0xffffffffu) capacity = text.size();
      cell[0] = texts_.size();
      for (std::uint64_t i = 0; i < capacity; ++i) texts_.push(std::byte{0});
    }
    if (!text.empty()) std::memcpy(texts_.data() + cell[0], text.data(), text.size());
    cell[1] = capacity << 32 | text.size();
  }
  [[nodiscard]] bool before(const candidate& a, const entry& b) const noexcept {
    if (kind_ == aggregate_kind::last)
      return PILLAR_MUTATE(kept_last_is_first, a.number > b.number, a.number < b.number);
    if (kind_ == aggregate_kind::first) return a.number < b.number;
    if (text_keys_) {
      const int order = a.key_text.compare(text_of(b.key));
      if (order != 0) return kind_ == aggregate_kind::arg_max ? order > 0 : order < 0;
    } else if (a.key[0] != b.key[0] || a.key[1] != b.key[1]) {
      return a.key[0] != b.key[0] ? a.key[0] < b.key[0] : a.key[1] < b.key[1];
    }
    return PILLAR_MUTATE(kept_ties_by_arrival, a.number < b.number, false);
  }
  [[nodiscard]] bool comes_before_last(const candidate& made, std::uint32_t group) const noexcept {
    const std::uint32_t count = counts_[group];
    return count < rank_ || before(made, entries_[std::size_t{group} * rank_ + count - 1]);
  }
  void insert(const candidate& made, std::uint32_t group) noexcept {
    entry* kept = &entries_[std::size_t{group} * rank_];
    std::uint32_t at = counts_[group] < rank_ ? counts_[group]++ : rank_ - 1;
    entry moved = kept[at];  // its texts' places are used again
    for (; at > 0 && before(made, kept[at - 1]); --at) kept[at] = kept[at - 1];
    moved.number = made.number;
    if (text_keys_) store(moved.key, made.key_text);
    else std::memcpy(moved.key, made.key, sizeof moved.key);
    if (text_values_) store(moved.value, made.value_text);
    else std::memcpy(moved.value, made.value, sizeof moved.value);
    kept[at] = moved;
  }
  result<void> grow(std::uint32_t group_count) noexcept {
    if (group_count <= counts_.size()) return {};
    const std::size_t more = group_count - counts_.size();
    PILLAR_TRY(entries_.reserve(more * rank_));
    PILLAR_TRY(counts_.append_zeros(more));
    return entries_.append_zeros(more * rank_);
  }

  aggregate_kind kind_;
  std::uint32_t rank_;
  bool text_values_;
  bool text_keys_;
  data_type type_;
  growable<std::uint32_t> counts_;  ///< rows kept of each group
  growable<entry> entries_;
  growable<std::byte> texts_;
};

}  // namespace PILLAR_NAMESPACE::detail
