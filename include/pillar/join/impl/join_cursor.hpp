// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bit>
#include <cstring>
#include <utility>

#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/join/join_cursor.hpp"

namespace PILLAR_NAMESPACE {

// ---- build rows that have found a partner ---------------------------------------------------------------------------

PILLAR_API result<join_matches> join_matches::make(const join_table& table, memory_budget* budget) {
  const std::size_t bytes = words_for(table.row_count()) * sizeof(std::uint64_t);
  PILLAR_ASSIGN_OR_RETURN(buffer words, buffer::allocate(bytes, budget));
  std::memset(words.data(), 0, bytes);
  return join_matches(table, std::move(words));
}

PILLAR_API void join_matches::merge(const join_matches& other) noexcept {
  PILLAR_ASSERT(words_.size() == other.words_.size());
  auto* to = words_.as<std::uint64_t>();
  const auto* from = other.words_.as<std::uint64_t>();
  for (std::size_t i = 0; i < words_.size() / sizeof(std::uint64_t); ++i) to[i] |= from[i];
}

PILLAR_API std::uint32_t join_matches::next(bool matched, std::uint32_t& position,
                                            std::span<std::uint32_t> row_ids) const noexcept {
  const std::uint32_t row_count = table_->row_count();
  const auto* words = words_.as<std::uint64_t>();
  std::uint32_t made = 0;
  while (position < row_count && made < row_ids.size()) {
    std::uint64_t word = matched ? words[position / 64] : ~words[position / 64];
    word &= ~low_bits(position % 64);
    if (word == 0) {
      position = static_cast<std::uint32_t>(
          round_up(std::size_t{position} + 1, 64) < row_count ? round_up(std::size_t{position} + 1, 64) : row_count);
      continue;
    }
    const std::uint32_t found = position / 64 * 64 + static_cast<std::uint32_t>(std::countr_zero(word));
    if (found >= row_count) {  // bits behind the last row
      position = row_count;
      break;
    }
    row_ids[made++] = found;
    position = found + 1;
  }
  table_->row_ids(row_ids.data(), made, row_ids.data());
  return made;
}

// ---- the cursor -----------------------------------------------------------------------------------------------------

PILLAR_API result<join_cursor> join_cursor::make(const join_table& table, join_kind kind, join_matches* matches,
                                                 memory_budget* budget) {
  if (!keeps_build_rows(kind)) matches = nullptr;
  else if (matches == nullptr) return errc::invalid_argument;
  if (is_null_aware(kind) && table.key_types().size() != 1) return errc::invalid_argument;
  PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(sizeof(join_hits), budget));
  join_cursor made(table, kind, matches, std::move(memory));
  ::new (static_cast<void*>(made.memory_.data())) join_hits;
  return made;
}

PILLAR_API void join_cursor::start(std::span<const vector* const> keys, const selection_mask& selection,
                                   std::uint32_t row_count) noexcept {
  table_->find(keys, selection, row_count, hits(), answered_ < asked_ / 2);
  asked_ = asked_ / 2 + selection.count();
  answered_ = answered_ / 2 + hits().count;
  selection_ = selection;
  partnered_ = selection_mask::none();
  hit_ = partner_ = 0;
  if (is_null_aware(kind_))
    for (std::uint32_t word = 0; word < vector_words; ++word)
      null_keys_.words[word] = selection.words[word] & ~keys[0]->validity_word(word);
  const join_hits& found = hits();
  size_ = found.count;
  if (!table_->keys_are_unique()) {
    size_ = 0;
    for (std::uint32_t i = 0; i < found.count; ++i) size_ += found.partner_count[i];
  }
  if (keeps_probe_rows(kind_)) size_ += selection.count() - found.count;
}

PILLAR_API selection_mask join_cursor::found() noexcept {
  const join_hits& of = hits();
  if (of.count == selection_.count()) return selection_;
  selection_mask made = selection_mask::none();
  for (std::uint32_t i = 0; i < of.count; ++i) set_bit(made.words, of.rows[i]);
  return made;
}

/// The next pairs by position, as many as there is room for.
inline std::uint32_t join_cursor::take(std::uint32_t* probe_rows, std::uint32_t* positions,
                                       std::uint32_t capacity) noexcept {
  const join_hits& found = hits();
  if (table_->keys_are_unique()) {
    const std::uint32_t left = found.count - hit_, count = left < capacity ? left : capacity;
    const std::uint16_t* PILLAR_RESTRICT const from = found.rows + hit_;  // which no store changes, nor hit_
    std::uint32_t* PILLAR_RESTRICT const to = probe_rows;
    for (std::uint32_t i = 0; i < count; ++i) to[i] = from[i];
    if (count != 0) std::memcpy(positions, found.first + hit_, count * sizeof(std::uint32_t));
    hit_ += count;
    return count;
  }
  std::uint32_t made = 0;
  while (hit_ < found.count && made < capacity) {
    const std::uint32_t left = found.partner_count[hit_] - partner_;
    const std::uint32_t count = left < capacity - made ? left : capacity - made;
    const std::uint32_t first = found.first[hit_] + partner_;
    for (std::uint32_t i = 0; i < count; ++i) {
      probe_rows[made + i] = found.rows[hit_];
      positions[made + i] = first + i;
    }
    made += count;
    partner_ += count;
    if (count == left) ++hit_, partner_ = 0;
  }
  return made;
}

/// The next pairs that satisfy the residual condition; 0 when there are no more.
inline result<std::uint32_t> join_cursor::take_satisfying(std::uint32_t* probe_rows, std::uint32_t* build_rows,
                                                          std::uint32_t capacity, const join_residual& residual) {
  if (capacity > vector_rows) capacity = vector_rows;
  for (;;) {
    std::uint32_t positions[vector_rows];
    const std::uint32_t count = take(probe_rows, positions, capacity);
    if (count == 0) return 0u;
    table_->row_ids(positions, count, build_rows);
    selection_mask kept = selection_mask::first(count);
    PILLAR_TRY(residual({probe_rows, count}, {build_rows, count}, kept));
    std::uint32_t made = 0;
    for_each_row(kept, [&](std::uint32_t i) {
      set_bit(partnered_.words, probe_rows[i]);
      if (matches_ != nullptr) matches_->add(positions[i]);
      probe_rows[made] = probe_rows[i];
      build_rows[made] = build_rows[i];
      ++made;
    });
    if (made != 0) return made;
  }
}

PILLAR_API result<std::uint32_t> join_cursor::next(std::span<std::uint32_t> probe_rows,
                                                   std::span<std::uint32_t> build_rows, const join_residual* residual) {
  PILLAR_ASSERT(gives_pairs(kind_) && probe_rows.size() == build_rows.size() && !probe_rows.empty());
  const auto capacity = static_cast<std::uint32_t>(probe_rows.size() < no_row ? probe_rows.size() : no_row);
  std::uint32_t made = 0;
  if (residual != nullptr) {
    while (made < capacity) {
      PILLAR_ASSIGN_OR_RETURN(
          const std::uint32_t count,
          take_satisfying(probe_rows.data() + made, build_rows.data() + made, capacity - made, *residual));
      if (count == 0) break;
      made += count;
    }
  } else {
    const join_hits& found = hits();
    if (keeps_probe_rows(kind_) && hit_ == 0 && partner_ == 0)
      for (std::uint32_t i = 0; i < found.count; ++i) set_bit(partnered_.words, found.rows[i]);
    made = take(probe_rows.data(), build_rows.data(), capacity);
    if (keeps_build_rows(kind_))
      for (std::uint32_t i = 0; i < made; ++i) matches_->add(build_rows[i]);
    table_->row_ids(build_rows.data(), made, build_rows.data());
  }
  if (keeps_probe_rows(kind_) && made < capacity) {
    for (std::uint32_t word = 0; word < vector_words && made < capacity; ++word)
      for (std::uint64_t rest = selection_.words[word] & ~partnered_.words[word]; rest != 0 && made < capacity;
           rest &= rest - 1) {
        const std::uint32_t row = word * 64 + static_cast<std::uint32_t>(std::countr_zero(rest));
        set_bit(partnered_.words, row);  // said once
        probe_rows[made] = row;
        build_rows[made++] = no_row;
      }
  }
  return made;
}

/// Marks the rows that have a partner.
inline result<void> join_cursor::find_partners(const join_residual* residual) {
  if (residual == nullptr) {
    const join_hits& found = hits();
    for (std::uint32_t i = 0; i < found.count; ++i) set_bit(partnered_.words, found.rows[i]);
    return {};
  }
  if (is_null_aware(kind_)) return errc::invalid_argument;
  std::uint32_t probe_rows[vector_rows], build_rows[vector_rows];
  for (;;) {
    PILLAR_ASSIGN_OR_RETURN(const std::uint32_t count, take_satisfying(probe_rows, build_rows, vector_rows, *residual));
    if (count == 0) return {};
  }
}

PILLAR_API result<void> join_cursor::select(selection_mask& kept, const join_residual* residual) {
  PILLAR_ASSERT(kind_ == join_kind::semi || kind_ == join_kind::anti || kind_ == join_kind::null_aware_anti);
  PILLAR_TRY(find_partners(residual));
  kept = selection_;
  if (kind_ == join_kind::semi) {
    kept &= partnered_;
    return {};
  }
  if (kind_ == join_kind::null_aware_anti && table_->row_count() != 0) {
    if (PILLAR_MUTATE(join_not_in_ignores_null, table_->null_key_count() != 0, false)) kept = selection_mask::none();
    for (std::uint32_t word = 0; word < vector_words; ++word) kept.words[word] &= ~null_keys_.words[word];
  }
  for (std::uint32_t word = 0; word < vector_words; ++word) kept.words[word] &= ~partnered_.words[word];
  return {};
}

PILLAR_API result<void> join_cursor::mark(selection_mask& is_true, selection_mask& is_null,
                                          const join_residual* residual) {
  PILLAR_ASSERT(kind_ == join_kind::mark || kind_ == join_kind::null_aware_mark);
  PILLAR_TRY(find_partners(residual));
  is_true = partnered_;
  is_null = selection_mask::none();
  if (kind_ == join_kind::mark || table_->row_count() == 0) return {};
  is_null = table_->null_key_count() != 0 ? selection_ : null_keys_;
  for (std::uint32_t word = 0; word < vector_words; ++word) is_null.words[word] &= ~partnered_.words[word];
  return {};
}

}  // namespace PILLAR_NAMESPACE
