// SPDX-License-Identifier: Apache-2.0
/// Aggregates that need every value: exact quantiles and string_agg. Values are logged as they come, each with its
/// group, and brought together by group at the end: in place where the log may be changed, else in a copy. Of quantiles,
/// whose log lies in pieces, a group that is in several of them is copied to look at it: of many groups a few are, of one
/// group all that does not fit into a piece.
#pragma once
#include <algorithm>  // std::min_element, std::sort
#include <cmath>      // std::floor, std::fma
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "pillar/aggregate/detail/group_order.hpp"  // sort_by_group, for_each_entry
#include "pillar/aggregate/detail/select_word.hpp"
#include "pillar/aggregate/detail/states.hpp"  // from_ordered_word
#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/base/pieces.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/detail/gather.hpp"  // gather_rows
#include "pillar/sort/key.hpp"              // ordered_word

namespace PILLAR_NAMESPACE::detail {

/// A log's values brought together by group: those of group first + i are values[begins[i], begins[i + 1]), in the
/// order of the log.
template <class T>
struct grouped_log {
  growable<std::uint32_t> begins;
  growable<T> values;
  explicit grouped_log(memory_budget* budget) noexcept : begins(budget), values(budget) {}

  /// The log is given in runs: `run_at(i)` entries from i on have their groups at `groups(i)` and `values(i)`, or what
  /// [i] of that gives is to be kept of each.
  template <class Log>
  result<void> fill(const Log& log, std::uint32_t first, std::uint32_t count) noexcept {
    PILLAR_TRY(begins.append_zeros(std::size_t{count} + 2));
    std::uint32_t* const begin = begins.data();
    for (std::size_t at = 0, run; at < log.size(); at += run) {
      run = log.run_at(at);
      const std::uint32_t* const groups = log.groups(at);
      for (std::size_t i = 0; i < run; ++i)
        if (groups[i] - first < count) ++begin[groups[i] - first + 2];
    }
    for (std::uint32_t i = 0; i < count; ++i) begin[i + 2] += begin[i + 1];
    PILLAR_TRY(values.reserve(begin[count + 1]));
    values.extend(begin[count + 1]);  // each is written below
    T* const to = values.data();
    for (std::size_t at = 0, run; at < log.size(); at += run) {
      run = log.run_at(at);
      const std::uint32_t* const groups = log.groups(at);
      const auto from = log.values(at);
      constexpr std::size_t ahead = 24;
      const std::size_t early = run > ahead ? run - ahead : 0;
      for (std::size_t i = 0; i < run; ++i) {
        if (i < early) {
          const std::uint32_t next = groups[i + ahead] - first;
          __builtin_prefetch(&to[begin[next < count ? next + 1 : 1]], 1);
        }
        if (groups[i] - first < count) to[begin[groups[i] - first + 1]++] = from[i];
      }
    }
    return {};
  }
};

inline constexpr std::size_t log_limit = 0xfffffffeu;

/// median and quantile. Word: values as unsigned numbers of their order, 64 or 128 bits.
template <class Word>
class list_states final : public grouped_state {
 public:
  list_states(double quantile, const data_type& type, memory_budget* budget) noexcept
      : quantile_(quantile), type_(type), words_(budget), groups_(budget) {}

  result<void> reserve(const group_rows& rows, std::uint32_t) override { return make_room(rows.count); }
  void add(const group_rows& rows) noexcept override {
    visit_fixed_width(rows.values->type.physical, [&]<class T>() {
      Word words[vector_rows];
      gather_rows<T>(*rows.values, rows.row, rows.count, words, [](T value) { return word_of(value); });
      words_.append(words, rows.count);
    });
    groups_.append(rows.group, rows.count);
  }
  result<void> reserve_merge(const grouped_state& other, const group_pairs& groups, std::uint32_t) override {
    std::size_t taken = 0;
    static_cast<const list_states&>(other).for_each(groups, [&](std::size_t, std::uint32_t) { ++taken; });
    return make_room(taken);
  }
  void merge(const grouped_state& other, const group_pairs& groups) noexcept override {
    const auto& from = static_cast<const list_states&>(other);
    from.for_each(groups, [&](std::size_t i, std::uint32_t group) {
      words_.push(from.words_[i]);
      groups_.push(group);
    });
  }
  void truncate(std::uint32_t) noexcept override {}

  /// Every group's values one after the other, with those that its quantile lies between in their places.
  void arrange() noexcept override {
    if (in_order()) return;
    sort_by_group(groups_, groups_.size(), [this](std::size_t a, std::size_t b) {
      std::swap(words_[a], words_[b]);
      std::swap(groups_[a], groups_[b]);
    });
    for (std::size_t at = 0, end; at < words_.size(); at = end) {
      end = end_of(at);
      if (in_one_piece(at, end)) select(&words_[at], &words_[at] + (end - at));
    }
    in_order_ = words_.size();
  }
  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out,
                              memory_budget* scratch) const override {
    if (in_order()) return append_ordered(first, count, out, scratch);
    grouped_log<Word> log(scratch);
    PILLAR_TRY(log.fill(log_view{words_, groups_}, first, count));
    for (std::uint32_t i = 0; i < count; ++i) {
      Word *const begin = log.values.data() + log.begins[i], *const end = log.values.data() + log.begins[i + 1];
      select(begin, end);
      PILLAR_TRY(append_result(begin, end, out));
    }
    return {};
  }

 private:
  template <class T>
  static Word word_of(T value) noexcept {
    if constexpr (sizeof(T) == 16) return static_cast<Word>(value) ^ static_cast<Word>(1) << (sizeof(Word) * 8 - 1);
    else return ordered_word(value);
  }
  result<void> make_room(std::size_t count) noexcept {
    if (count > log_limit - words_.size()) return {errc::limit_exceeded, words_.size()};
    PILLAR_TRY(words_.reserve(count));
    return groups_.reserve(count);
  }
  struct log_view {
    const pieces<Word>& words;
    const pieces<std::uint32_t>& group_of;
    [[nodiscard]] std::size_t size() const noexcept { return words.size(); }
    [[nodiscard]] std::size_t run_at(std::size_t i) const noexcept { return words.run_at(i); }
    [[nodiscard]] const std::uint32_t* groups(std::size_t i) const noexcept { return &group_of[i]; }
    [[nodiscard]] const Word* values(std::size_t i) const noexcept { return &words[i]; }
  };
  result<void> append_ordered(std::uint32_t first, std::uint32_t count, column_builder& out,
                              memory_budget* scratch) const {
    growable<Word> copy(scratch);  // of a group that lies in several pieces: there are fewer of them than pieces
    std::size_t at = first_of_group(groups_, 0, groups_.size(), first);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::size_t begin = at;
      while (at < words_.size() && groups_[at] == first + i) ++at;
      if (at == begin || in_one_piece(begin, at)) {
        const Word* const words = at == begin ? nullptr : &words_[begin];
        PILLAR_TRY(append_result(words, words + (at - begin), out));
        continue;
      }
      copy.truncate(0);
      PILLAR_TRY(copy.reserve(at - begin));
      for (std::size_t word = begin; word < at; ++word) copy.push(words_[word]);
      PILLAR_MUTATE(quantile_of_pieces_unselected, select(copy.data(), copy.data() + copy.size()), void());
      PILLAR_TRY(append_result(copy.data(), copy.data() + copy.size(), out));
    }
    return {};
  }
  result<void> append_result(const Word* begin, const Word* end, column_builder& out) const {
    return begin == end ? out.append_null() : out.append_real(quantile_of(begin, end));
  }
  [[nodiscard]] bool in_order() const noexcept { return in_order_ == words_.size(); }
  [[nodiscard]] bool in_one_piece(std::size_t begin, std::size_t end) const noexcept {
    return words_.run_at(begin) >= end - begin;
  }
  [[nodiscard]] std::size_t end_of(std::size_t at) const noexcept {
    const std::uint32_t group = groups_[at];
    while (at < groups_.size() && groups_[at] == group) ++at;
    return at;
  }
  template <class F>
  void for_each(const group_pairs& pairs, F&& f) const {
    for_each_entry(groups_, groups_.size(), in_order(), pairs, f);
  }
  /// Puts the values that quantile_of looks at where they would stand in order.
  void select(Word* begin, Word* end) const noexcept {
    if (end - begin < 2) return;
    Word* const at = begin + static_cast<std::ptrdiff_t>(std::floor(quantile_ * static_cast<double>(end - begin - 1)));
    select_word(begin, end, at);
    if (at + 1 < end) std::iter_swap(at + 1, std::min_element(at + 1, end));
  }
  /// The value at quantile · (n − 1) of the n values in order; between two of them linear. The middle of two integers of at
  /// most 64 bits is rounded once. Requires: they were given to select
  [[nodiscard]] double quantile_of(const Word* begin, const Word* end) const noexcept {
    const double place = quantile_ * static_cast<double>(end - begin - 1);
    const double below = std::floor(place);
    const double part = place - below;
    const Word* const at = begin + static_cast<std::ptrdiff_t>(below);
    const double digits = type_.logical == logical_type::decimal ? static_cast<double>(power_of_ten(type_.scale)) : 1;
    if (part == 0) return real_of(*at) / digits;
    const Word next = PILLAR_MUTATE(quantile_takes_lower, at[1], *at);
    if (is_float(type_.physical)) {
      const double low = real_of(*at), high = real_of(next);
      if (low == high) return low;
      const double gap = high - low;
      return gap - gap == 0 ? std::fma(part, gap, low) : low * (1 - part) + high * part;
    }
    if (part == 0.5 && sizeof(Word) == 8) {
      const int128 sum = integer_of(*at) + integer_of(next);
      return static_cast<double>(sum) / 2 / digits;
    }
    const auto gap =
        static_cast<double>(static_cast<uint128>(integer_of(next)) - static_cast<uint128>(integer_of(*at)));
    return std::fma(part, gap, real_of(*at)) / digits;
  }
  [[nodiscard]] int128 integer_of(Word word) const noexcept {
    if constexpr (sizeof(Word) == 16) return static_cast<int128>(word ^ static_cast<Word>(1) << 127);
    else if (lowest_of(type_.physical) == 0) return static_cast<int128>(word);
    else return from_ordered_word<std::int64_t>(word);
  }
  [[nodiscard]] double real_of(Word word) const noexcept {
    if constexpr (sizeof(Word) == 8) {
      if (type_.physical == physical_type::float32) return static_cast<double>(from_ordered_word<float>(word));
      if (type_.physical == physical_type::float64) return from_ordered_word<double>(word);
    }
    return static_cast<double>(integer_of(word));
  }

  double quantile_;
  data_type type_;
  pieces<Word> words_;
  pieces<std::uint32_t> groups_;
  std::size_t in_order_ = 0;  ///< so many entries were arranged
};

/// string_agg: texts in the order of row numbers; distinct: each where it comes first.
class text_states final : public grouped_state {
 public:
  text_states(std::string separator, bool distinct, memory_budget* budget) noexcept
      : separator_(std::move(separator)), distinct_(distinct), entries_(budget), groups_(budget), texts_(budget) {}

  result<void> reserve(const group_rows& rows, std::uint32_t) override {
    std::size_t bytes = 0;
    for (std::uint32_t i = 0; i < rows.count; ++i) bytes += rows.values->text_value(rows.row[i]).size();
    return make_room(rows.count, bytes);
  }
  void add(const group_rows& rows) noexcept override {
    for (std::uint32_t i = 0; i < rows.count; ++i)
      put(rows.group[i], rows.numbers.of(rows.row[i]), rows.values->text_value(rows.row[i]));
  }
  result<void> reserve_merge(const grouped_state& other, const group_pairs& groups, std::uint32_t) override {
    const auto& from = static_cast<const text_states&>(other);
    std::size_t taken = 0, bytes = 0;
    from.for_each(groups, [&](std::size_t i, std::uint32_t) {
      ++taken;
      bytes += from.entries_[i].size;
    });
    return make_room(taken, bytes);
  }
  void merge(const grouped_state& other, const group_pairs& groups) noexcept override {
    const auto& from = static_cast<const text_states&>(other);
    from.for_each(groups, [&](std::size_t i, std::uint32_t group) {
      put(group, from.entries_[i].number, from.text_of(from.entries_[i]));
    });
  }
  void truncate(std::uint32_t) noexcept override {}

  /// Every group's texts one after the other as they are joined, equal ones dropped if that is asked.
  void arrange() noexcept override {
    if (in_order()) return;
    sort_by_group(groups_.data(), groups_.size(), [this](std::size_t a, std::size_t b) {
      std::swap(entries_[a], entries_[b]);
      std::swap(groups_[a], groups_[b]);
    });
    std::size_t kept = 0;
    for (std::size_t at = 0; at < groups_.size();) {
      const std::uint32_t group = groups_[at];
      std::size_t end = at;
      while (end < groups_.size() && groups_[end] == group) ++end;
      const auto itself = [](const entry& of) { return of; };
      entry* const begin = entries_.data() + at;
      const entry* const last = put_in_order(begin, entries_.data() + end, itself);
      for (const entry* from = begin; from != last; ++from, ++kept) {
        entries_[kept] = *from;
        groups_[kept] = group;
      }
      at = end;
    }
    entries_.truncate(kept);
    groups_.truncate(kept);
    in_order_ = kept;
  }
  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out,
                              memory_budget* scratch) const override {
    growable<char> joined(scratch);
    if (in_order()) {
      const std::uint32_t* const groups = groups_.data();
      auto at = static_cast<std::size_t>(std::lower_bound(groups, groups + groups_.size(), first) - groups);
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::size_t begin = at;
        while (at < groups_.size() && groups[at] == first + i) ++at;
        PILLAR_TRY(append_joined(
            first + i, entries_.data() + begin, entries_.data() + at, [](const entry& of) { return of; }, joined, out));
      }
      return {};
    }
    grouped_log<std::uint32_t> log(scratch);
    PILLAR_TRY(log.fill(log_view{groups_}, first, count));
    const auto entry_of = [this](std::uint32_t i) { return entries_[i]; };
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint32_t* const begin = log.values.data() + log.begins[i];
      const std::uint32_t* const end = put_in_order(begin, log.values.data() + log.begins[i + 1], entry_of);
      PILLAR_TRY(append_joined(first + i, begin, end, entry_of, joined, out));
    }
    return {};
  }

 private:
  struct entry {
    std::uint64_t number;
    std::uint64_t offset;
    std::uint64_t size;
  };
  [[nodiscard]] std::string_view text_of(const entry& of) const noexcept {
    return {reinterpret_cast<const char*>(texts_.data()) + of.offset, of.size};
  }
  /// The log in one run, and of each entry its number.
  struct log_view {
    struct numbers {
      std::uint32_t operator[](std::size_t i) const noexcept { return static_cast<std::uint32_t>(i); }
    };
    const growable<std::uint32_t>& group_of;
    [[nodiscard]] std::size_t size() const noexcept { return group_of.size(); }
    [[nodiscard]] std::size_t run_at(std::size_t) const noexcept { return group_of.size(); }
    [[nodiscard]] const std::uint32_t* groups(std::size_t) const noexcept { return group_of.data(); }
    [[nodiscard]] numbers values(std::size_t) const noexcept { return {}; }
  };
  [[nodiscard]] bool in_order() const noexcept { return in_order_ == entries_.size(); }
  template <class F>
  void for_each(const group_pairs& pairs, F&& f) const {
    for_each_entry(groups_.data(), groups_.size(), in_order(), pairs, f);
  }
  /// The order of numbers; where they are equal, that in which the texts came.
  [[nodiscard]] static bool before(const entry& a, const entry& b) noexcept {
    if (a.number != b.number) return a.number < b.number;
    return a.offset != b.offset ? a.offset < b.offset : a.size < b.size;
  }
  /// One group's entries, or what names them: in order, the first of equal texts if only different ones count. Where
  /// they end.
  template <class T, class EntryOf>
  [[nodiscard]] T* put_in_order(T* begin, T* end, const EntryOf& entry_of) const noexcept {
    if (distinct_) {
      std::sort(begin, end, [&](const T& a, const T& b) {
        const int order = text_of(entry_of(a)).compare(text_of(entry_of(b)));
        return order != 0 ? order < 0 : before(entry_of(a), entry_of(b));
      });
      end =
          std::unique(begin, end, [&](const T& a, const T& b) { return text_of(entry_of(a)) == text_of(entry_of(b)); });
    }
    const auto by_number = [&](const T& a, const T& b) { return before(entry_of(a), entry_of(b)); };
    if (!std::is_sorted(begin, end, by_number))
      PILLAR_MUTATE(string_agg_by_arrival, std::sort(begin, end, by_number), void());
    return end;
  }
  template <class T, class EntryOf>
  result<void> append_joined(std::uint32_t group, const T* begin, const T* end, const EntryOf& entry_of,
                             growable<char>& joined, column_builder& out) const {
    if (begin == end) return out.append_null();
    joined.truncate(0);
    std::size_t size = separator_.size() * static_cast<std::size_t>(end - begin - 1);
    for (const T* at = begin; at != end; ++at) size += entry_of(*at).size;
    if (size > std::numeric_limits<std::uint32_t>::max()) return {errc::limit_exceeded, group};
    PILLAR_TRY(joined.reserve(size));
    for (const T* at = begin; at != end; ++at) {
      if (at != begin) PILLAR_TRY(joined.append(separator_.data(), separator_.size()));
      const std::string_view text = text_of(entry_of(*at));
      PILLAR_TRY(joined.append(text.data(), text.size()));
    }
    return out.append_text({joined.data(), joined.size()});
  }
  void put(std::uint32_t group, std::uint64_t number, std::string_view text) noexcept {
    entries_.push({number, texts_.size(), text.size()});
    groups_.push(group);
    static_cast<void>(texts_.append(reinterpret_cast<const std::byte*>(text.data()), text.size()));  // has room
  }
  result<void> make_room(std::size_t count, std::size_t bytes) noexcept {
    if (count > log_limit - entries_.size()) return {errc::limit_exceeded, entries_.size()};
    PILLAR_TRY(entries_.reserve(count));
    PILLAR_TRY(groups_.reserve(count));
    return texts_.reserve(bytes);
  }

  std::string separator_;
  bool distinct_;
  growable<entry> entries_;
  growable<std::uint32_t> groups_;
  growable<std::byte> texts_;
  std::size_t in_order_ = 0;  ///< so many entries were arranged
};

}  // namespace PILLAR_NAMESPACE::detail
