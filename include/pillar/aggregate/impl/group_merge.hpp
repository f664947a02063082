// SPDX-License-Identifier: Apache-2.0
/// The keys of one table into another.
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/aggregate/group_table.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"
#include "pillar/hash/column.hpp"

namespace PILLAR_NAMESPACE {

/// Equal words stand for equal keys.
inline bool group_table::same_layout(const group_table& other) const noexcept {
  const auto is_word = [](key_mode mode) { return mode == key_mode::array || mode == key_mode::packed8; };
  if (mode_ != other.mode_ && !(is_word(mode_) && is_word(other.mode_))) return false;
  if (stages_.size() != 1 || other.stages_.size() != 1) return false;
  if (is_whole_text())
    return !columns_[0].texts->has_long() && !other.columns_[0].texts->has_long();  // else numbers stand in the words
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const key_range &mine = columns_[i].range, &theirs = other.columns_[i].range;
    if (columns_[i].texts != nullptr || mine.known() != theirs.known()) return false;
    if (mine.known() && (mine.lowest != theirs.lowest || mine.highest != theirs.highest)) return false;
  }
  return true;
}

/// The keys' words of groups of a table, those listed from `first` on, or [first, first + count).
template <class Word>
void group_table::words_of(const Word* keys, const std::uint32_t* groups, std::uint32_t first, std::uint32_t count,
                           auto* PILLAR_RESTRICT out) noexcept {
  constexpr std::uint32_t ahead = 24;  // those listed may lie far apart
  for (std::uint32_t i = 0; i < count; ++i) {
    if (groups != nullptr && i + ahead < count) __builtin_prefetch(keys + groups[first + i + ahead]);
    out[i] = keys[groups == nullptr ? first + i : groups[first + i]];
  }
}

/// At most 1,024 groups of a table of the same layout.
inline result<void> group_table::insert_words(const group_table& other, const std::uint32_t* groups,
                                              std::uint32_t first, std::uint32_t count, std::uint32_t* group_of) {
  key_stage& to = stages_[0];
  const key_stage& from = other.stages_[0];
  if (to.is_wide) {
    detail::wide_key words[vector_rows];
    words_of(from.wide.keys(), groups, first, count, words);
    PILLAR_TRY(to.wide.find_or_insert(words, count, group_of));
    group_count_ = to.wide.size();
    return {};
  }
  std::uint64_t words[vector_rows];
  if (other.mode_ == key_mode::array) words_of(from.direct.codes(), groups, first, count, words);
  else words_of(from.narrow.keys(), groups, first, count, words);
  if (mode_ == key_mode::array) {
    std::uint32_t codes[vector_rows];
    for (std::uint32_t i = 0; i < count; ++i) codes[i] = static_cast<std::uint32_t>(words[i]);
    PILLAR_TRY(to.direct.find_or_insert(codes, selection_mask::first(count).words, count, group_of));
    for (std::uint32_t i = 0; i < count; ++i) --group_of[i];
    group_count_ = to.direct.size();
  } else {
    PILLAR_TRY(to.narrow.find_or_insert(words, count, group_of));
    group_count_ = to.narrow.size();
  }
  return {};
}

inline result<void> group_table::merge_groups(const group_table& other, const std::uint32_t* groups,
                                              std::uint32_t count, std::uint32_t* group_of) {
  PILLAR_ASSERT(this != &other);
  if (types_ != other.types_) return errc::type_mismatch;
  if (mode_ == key_mode::none) {
    for (std::uint32_t i = 0; i < count; ++i) group_of[i] = 0;
    return {};
  }
  block_codes_ = 0;
  const std::uint32_t before = group_count_;
  const auto merge_part = [&](std::uint32_t first, std::uint32_t part) -> result<void> {
    PILLAR_TRY(make_array());
    if (same_layout(other)) return insert_words(other, groups, first, part, group_of + first);
    std::vector<column> known;
    std::vector<vector> views;
    std::vector<const vector*> pointers;
    for (std::uint32_t key = 0; key < types_.size(); ++key) {
      column_builder out(types_[key], budget_);
      PILLAR_TRY(other.append_groups(key, groups, first, part, out));
      PILLAR_ASSIGN_OR_RETURN(column done, out.finish());
      known.push_back(std::move(done));
    }
    for (const column& key : known) views.push_back(key.slice(0, part));
    for (const vector& view : views) pointers.push_back(&view);
    const bool promised = stable_dictionaries_;
    stable_dictionaries_ = false;  // the promise was about others' vectors
    const auto done = find_or_insert(pointers, selection_mask::first(part), part, group_of + first);
    stable_dictionaries_ = promised;
    return done;
  };
  for (std::uint32_t first = 0; first < count; first += vector_rows) {
    const std::uint32_t part = count - first < vector_rows ? count - first : vector_rows;
    if (auto done = merge_part(first, part); !done.ok()) {
      truncate(PILLAR_MUTATE(group_merge_leaves_half, before, group_count_));
      return done;
    }
  }
  return {};
}

PILLAR_API result<void> group_table::merge(const group_table& other, std::uint32_t* group_of_other) {
  return merge_groups(other, nullptr, other.group_count_, group_of_other);
}
PILLAR_API result<void> group_table::merge(const group_table& other, std::span<const std::uint32_t> groups,
                                           std::uint32_t* group_of) {
  return merge_groups(other, groups.data(), static_cast<std::uint32_t>(groups.size()), group_of);
}

}  // namespace PILLAR_NAMESPACE
