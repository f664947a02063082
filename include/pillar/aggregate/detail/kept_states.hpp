// SPDX-License-Identifier: Apache-2.0
/// Aggregates that keep the values of a few rows: first, last, any, arg_min and arg_max of any rank.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/base/bits.hpp"  // load_unaligned
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/detail/gather.hpp"  // gather_rows
#include "pillar/sort/key.hpp"              // ordered_word

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
        bounds_(budget),
        places_(budget),
        entries_(budget),
        texts_(budget) {}

  result<void> reserve(const group_rows& rows, std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    PILLAR_TRY(choose(rows));
    const std::uint16_t* const chosen = candidates_.data();
    if (rank_ > 1) PILLAR_TRY(widen_groups_of(rows));
    for (std::uint32_t i = 0; i < chosen_; ++i) {  // add() comes to few groups of many
      const std::uint32_t group = rows.group[chosen[i]];
      __builtin_prefetch(&counts_[group]);
      __builtin_prefetch(kept_of(group), 1);
      if (rank_ > 1) __builtin_prefetch(kept_of(group) + places_[group].capacity - 1, 1);
    }
    std::size_t bytes = 0;
    for (std::uint32_t i = 0; i < chosen_ && text_values_; ++i)
      bytes += 2 * rows.values->text_value(rows.row[chosen[i]]).size();
    for (std::uint32_t i = 0; i < chosen_ && text_keys_; ++i)
      bytes += 2 * rows.second->text_value(rows.row[chosen[i]]).size();
    return texts_.reserve(bytes);
  }
  void add(const group_rows& rows) noexcept override {
    for (std::uint32_t i = 0; i < chosen_; ++i) {
      const std::uint32_t row = rows.row[candidates_[i]], group = rows.group[candidates_[i]];
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
    if (rows.count == 0) return;
    const std::uint64_t next =
        rows.numbers.each != nullptr ? ~std::uint64_t{0} : rows.numbers.first + rows.row[rows.count - 1] + 1u;
    next_number_ = next > next_number_ ? next : next_number_;
  }

  result<void> reserve_merge(const grouped_state& other, const group_pairs& groups,
                             std::uint32_t group_count) override {
    PILLAR_TRY(grow(group_count));
    const auto& from = static_cast<const kept_states&>(other);
    std::size_t bytes = 0;
    for (std::uint32_t pair = 0; pair < groups.count && groups.there(pair) < from.counts_.size(); ++pair) {
      const std::uint32_t group = groups.there(pair), to = groups.here(pair);
      if (rank_ > 1) PILLAR_TRY(widen(to, counts_[to] + from.counts_[group]));
      const entry* const kept = from.kept_of(group);
      for (std::uint32_t i = 0; (text_values_ || text_keys_) && i < from.counts_[group]; ++i)
        bytes += 2 * ((text_values_ ? from.text_of(kept[i].value).size() : 0) +
                      (text_keys_ ? from.text_of(kept[i].key).size() : 0));
    }
    return texts_.reserve(bytes);
  }
  void merge(const grouped_state& other, const group_pairs& groups) noexcept override {
    const auto& from = static_cast<const kept_states&>(other);
    next_number_ = from.next_number_ > next_number_ ? from.next_number_ : next_number_;
    for (std::uint32_t pair = 0; pair < groups.count && groups.there(pair) < from.counts_.size(); ++pair) {
      const std::uint32_t group = groups.there(pair), to = groups.here(pair);
      if (kind_ == aggregate_kind::any && counts_[to] != 0) continue;
      for (std::uint32_t i = 0; i < from.counts_[group]; ++i) {
        const entry& kept = from.kept_of(group)[i];
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
    for (std::size_t group = group_count; group < places_.size(); ++group) give_back(places_[group]);
    if (rank_ == 1) entries_.truncate(group_count);
    else places_.truncate(group_count);
    if (has_bounds()) bounds_.truncate(group_count);
    counts_.truncate(group_count);
  }

  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out,
                              memory_budget*) const override {
    for (std::uint32_t group = first; group < first + count; ++group) {
      if (group >= counts_.size() || counts_[group] < rank_) {
        PILLAR_TRY(out.append_null());
        continue;
      }
      const entry& kept = kept_of(group)[rank_ - 1];
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

  // Few rows of many come to be kept. What a full group's last one has tells most of the others apart in one compare: the
  // complement of the key's first word, so that more is better and 0, of groups that are not full, lets all rows pass.

  [[nodiscard]] bool has_bounds() const noexcept {
    return kind_ == aggregate_kind::first || (takes_second(kind_) && !text_keys_);
  }
  /// Lists the rows that may come to be kept: all whose word is above their group's bound, and those at it if the key has
  /// more than the word, or if their numbers may lie before those of rows that came earlier.
  result<void> choose(const group_rows& rows) noexcept {
    if (candidates_.empty()) PILLAR_TRY(candidates_.append_zeros(vector_rows));
    std::uint16_t* const out = candidates_.data();
    chosen_ = rows.count;
    if (!has_bounds() || rows.count == 0) {
      std::memcpy(out, all_rows.at, rows.count * sizeof(std::uint16_t));
      return {};
    }
    std::uint64_t words[vector_rows];
    bool ties = true;
    if (kind_ == aggregate_kind::first) {
      for (std::uint32_t i = 0; i < rows.count; ++i) words[i] = ~rows.numbers.of(rows.row[i]);
    } else {
      const std::uint64_t turned = kind_ == aggregate_kind::arg_max ? 0 : ~std::uint64_t{0};
      ties = PILLAR_MUTATE(kept_ties_never_replace,
                           rows.numbers.each != nullptr || rows.numbers.first < next_number_ ||
                               rows.second->type.physical == physical_type::integer128,
                           false);
      visit_fixed_width(rows.second->type.physical, [&]<class T>() {
        gather_rows<T>(*rows.second, rows.row, rows.count, words,
                       [turned](T value) { return first_word(value) ^ turned; });
      });
    }
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const std::uint64_t bound = bounds_[rows.group[i]];
      out[count] = static_cast<std::uint16_t>(i);
      count += static_cast<std::uint32_t>((words[i] > bound) | (bound == 0) | (ties & (words[i] == bound)));
    }
    chosen_ = count;
    return {};
  }
  template <class T>
  [[nodiscard]] static std::uint64_t first_word(const T& value) noexcept {
    if constexpr (sizeof(T) == 16) return static_cast<std::uint64_t>(value >> 64) ^ std::uint64_t{1} << 63;
    else return ordered_word(value);
  }

  void key_of(const vector& from, std::uint32_t row, std::uint64_t (&key)[2]) const noexcept {
    const auto* at = static_cast<const std::byte*>(from.holder().values);
    const std::size_t index = from.index_of(row);
    visit_fixed_width(from.type.physical, [&]<class T>() {
      const T value = load_unaligned<T>(at + index * sizeof(T));
      if constexpr (sizeof(T) == 16) {
        key[1] = static_cast<std::uint64_t>(value);
      }
      key[0] = first_word(value);
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
    if (kind_ ==
        aggregate_kind::last)  // rows that a join has made of one row share its number, and come in their order
      return PILLAR_MUTATE(kept_last_is_first, a.number >= b.number, a.number < b.number);
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
    return count < rank_ || before(made, kept_of(group)[count - 1]);
  }
  void insert(const candidate& made, std::uint32_t group) noexcept {
    entry* kept = kept_of(group);
    std::uint32_t at = counts_[group] < rank_ ? counts_[group]++ : rank_ - 1;
    entry moved = kept[at];  // its texts' places are used again
    for (; at > 0 && before(made, kept[at - 1]); --at) kept[at] = kept[at - 1];
    moved.number = made.number;
    if (text_keys_) store(moved.key, made.key_text);
    else std::memcpy(moved.key, made.key, sizeof moved.key);
    if (text_values_) store(moved.value, made.value_text);
    else std::memcpy(moved.value, made.value, sizeof moved.value);
    kept[at] = moved;
    if (counts_[group] == rank_ && has_bounds()) {
      const entry& last = kept_of(group)[rank_ - 1];
      bounds_[group] = ~(kind_ == aggregate_kind::first ? last.number : last.key[0]);
    }
  }
  result<void> grow(std::uint32_t group_count) noexcept {
    if (group_count <= counts_.size()) return {};
    const std::size_t more = group_count - counts_.size();
    PILLAR_TRY(counts_.reserve(more));
    if (has_bounds() && bounds_.size() < group_count) PILLAR_TRY(bounds_.append_zeros(group_count - bounds_.size()));
    if (rank_ == 1) PILLAR_TRY(entries_.append_zeros(more));
    else PILLAR_TRY(places_.append_zeros(more));
    return counts_.append_zeros(more);
  }

  // With rank 1, group g has entries_[g]. Else a place in entries_ that doubles as its rows come.
  struct place {
    std::uint32_t at;
    std::uint16_t capacity;  ///< 0, or a power of two
    std::uint16_t wanted;    ///< rows that reserve() counts
  };
  static constexpr unsigned size_classes = 11;  ///< of places: 2^0 to 2^10 entries

  [[nodiscard]] const entry* kept_of(std::uint32_t group) const noexcept {
    return entries_.data() + (rank_ == 1 ? group : places_[group].at);
  }
  [[nodiscard]] entry* kept_of(std::uint32_t group) noexcept {
    return entries_.data() + (rank_ == 1 ? group : places_[group].at);
  }
  /// A place for `count` of a group's rows, or for as many as are kept.
  result<void> widen(std::uint32_t group, std::uint32_t count) noexcept {
    place& of = places_[group];
    if (count > rank_) count = rank_;
    if (count <= of.capacity) return {};
    const std::uint32_t capacity = std::bit_ceil(count);
    std::uint32_t& free = free_[std::countr_zero(capacity)];
    std::uint32_t at = free - 1;
    if (free != 0) {
      free = static_cast<std::uint32_t>(entries_[at].number);
    } else {
      if (entries_.size() + capacity >= 0xffffffffu) return errc::limit_exceeded;
      at = static_cast<std::uint32_t>(entries_.size());
      PILLAR_TRY(entries_.append_zeros(capacity));
    }
    const std::uint32_t used = counts_[group];
    if (used != 0) std::memcpy(&entries_[at], &entries_[of.at], used * sizeof(entry));
    std::memset(static_cast<void*>(&entries_[at] + used), 0, (capacity - used) * sizeof(entry));
    give_back(of);
    of.at = at;
    of.capacity = static_cast<std::uint16_t>(capacity);
    return {};
  }
  void give_back(const place& of) noexcept {
    if (of.capacity == 0) return;
    std::uint32_t& free = free_[std::countr_zero(of.capacity)];
    entries_[of.at].number = free;
    free = of.at + 1;
  }
  /// Makes place for what the rows may bring.
  result<void> widen_groups_of(const group_rows& rows) noexcept {
    const auto group_of = [&](std::uint32_t i) { return rows.group[candidates_[i]]; };
    for (std::uint32_t i = 0; i < chosen_; ++i)
      places_[group_of(i)].wanted = static_cast<std::uint16_t>(counts_[group_of(i)]);
    for (std::uint32_t i = 0; i < chosen_; ++i) {
      std::uint16_t& wanted = places_[group_of(i)].wanted;
      wanted = static_cast<std::uint16_t>(wanted < rank_ ? wanted + 1 : rank_);
    }
    for (std::uint32_t i = 0; i < chosen_; ++i) PILLAR_TRY(widen(group_of(i), places_[group_of(i)].wanted));
    return {};
  }

  aggregate_kind kind_;
  std::uint32_t rank_;
  bool text_values_;
  bool text_keys_;
  data_type type_;
  growable<std::uint32_t> counts_;  ///< rows kept of each group
  growable<std::uint64_t> bounds_;  ///< of each group, if it has_bounds()
  growable<std::uint16_t>
      candidates_{};               ///< from reserve to add: which of the rows may be kept; constant, so in no budget
  std::uint32_t chosen_ = 0;       ///< how many
  std::uint64_t next_number_ = 0;  ///< above the numbers of all rows so far
  growable<place> places_;         ///< of each group, with ranks above 1
  growable<entry> entries_;
  std::uint32_t free_[size_classes] = {};  ///< 1 + a place that was given back; its first entry's number is the next
  growable<std::byte> texts_;
};

}  // namespace PILLAR_NAMESPACE::detail
