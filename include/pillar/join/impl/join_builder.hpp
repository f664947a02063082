// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>
#include <utility>

#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages
#include "pillar/join/impl/join_array.hpp"
#include "pillar/join/impl/join_plan.hpp"
#include "pillar/join/impl/join_slots.hpp"
#include "pillar/join/impl/join_table.hpp"
#include "pillar/join/join_builder.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<join_builder> join_builder::make(std::span<const data_type> key_types, memory_budget* budget) {
  if (key_types.empty()) return errc::invalid_argument;
  join_builder made(budget);
  made.types_.assign(key_types.begin(), key_types.end());
  for (std::uint32_t i = 0; i < key_types.size(); ++i) {
    if (key_types[i].physical == physical_type::text) {
      made.texts_.push_back({i, growable<text_slot>(budget), growable<std::byte>(budget)});
      continue;
    }
    for (std::uint8_t high = 0; high < (key_types[i].physical == physical_type::integer128 ? 2 : 1); ++high) {
      detail::join_part part;
      part.column = i;
      part.high_word = high;
      made.parts_.push_back(part);
      made.words_.emplace_back(budget);
    }
  }
  return made;
}

/// Room for `more` further ids, and ids for the rows that had none so far.
inline result<void> join_builder::make_ids(std::uint32_t more) {
  if (!ids_.empty() || joinable_count_ == 0) return ids_.reserve(more);
  PILLAR_TRY(ids_.reserve(std::size_t{joinable_count_} + more));
  for (std::uint32_t row = 0; row < joinable_count_; ++row) ids_.push(row);
  return {};
}

PILLAR_API result<void> join_builder::reserve(std::uint32_t more) {
  for (auto& words : words_) PILLAR_TRY(words.reserve(more));
  for (text_column& text : texts_) PILLAR_TRY(text.slots.reserve(more));
  return {};
}

PILLAR_API result<void> join_builder::append(std::span<const vector* const> keys, const selection_mask& selection,
                                             std::uint32_t row_count, const std::uint32_t* row_ids) {
  PILLAR_ASSERT(keys.size() == types_.size() && row_count <= vector_rows);
  selection_mask joinable = selection;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    PILLAR_ASSERT(detail::join_words_agree(keys[i]->type.physical, types_[i].physical) && keys[i]->size == row_count);
    if (keys[i]->validity == nullptr) continue;
    for (std::uint32_t word = 0; word < vector_words; ++word) joinable.words[word] &= keys[i]->validity_word(word);
  }
  std::uint16_t rows[vector_rows];
  const std::uint32_t count = detail::list_rows(joinable.words, rows);
  const std::uint32_t all = selection.count();
  if (all > most_rows - this->row_count()) return errc::limit_exceeded;

  // Room first: what comes behind does not fail.
  const bool identity = is_numbered() && row_ids == nullptr && count == all;
  for (auto& words : words_) PILLAR_TRY(words.reserve(count));
  for (text_column& text : texts_) {
    const vector& key = *keys[text.column];
    std::uint64_t long_bytes = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::size_t size = key.text_value(rows[i]).size();
      long_bytes += size > text_slot::inline_capacity ? size : 0;
    }
    PILLAR_TRY(text.slots.reserve(count));
    PILLAR_TRY(text.characters.reserve(long_bytes));
  }
  PILLAR_TRY(null_ids_.reserve(all - count));
  if (!identity) PILLAR_TRY(make_ids(count));

  for (std::size_t part = 0; part < parts_.size(); ++part) {
    std::uint64_t words[vector_rows];
    detail::gather_join_words(parts_[part], *keys[parts_[part].column], rows, count, words);
    if (auto added = words_[part].append(words, count); !added.ok()) return added;  // has room
  }
  for (text_column& text : texts_) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::string_view value = keys[text.column]->text_value(rows[i]);
      const std::uint64_t at = text.characters.size();
      text.slots.push(text_slot::make(value, static_cast<std::uint32_t>(at >> 32), static_cast<std::uint32_t>(at)));
      if (value.size() > text.longest) text.longest = static_cast<std::uint32_t>(value.size());
      if (value.size() <= text_slot::inline_capacity) continue;
      const auto* bytes = reinterpret_cast<const std::byte*>(value.data());
      if (auto added = text.characters.append(bytes, value.size()); !added.ok()) return added;  // has room
    }
  }
  std::uint32_t number = this->row_count();
  if (identity) {
    joinable_count_ += count;
    row_limit_ = number + count > row_limit_ ? number + count : row_limit_;
    return {};
  }
  for_each_row(selection, [&](std::uint32_t row) {
    const std::uint32_t id = row_ids != nullptr ? row_ids[row] : number;
    PILLAR_ASSERT(id != no_row);
    ++number;
    (joinable.test(row) ? ids_ : null_ids_).push(id);
    row_limit_ = id >= row_limit_ ? id + 1 : row_limit_;
  });
  joinable_count_ += count;
  given_ids_ = given_ids_ || row_ids != nullptr;
  return {};
}

PILLAR_API result<void> join_builder::append_whole(std::span<const vector> keys, executor_ref runner) {
  PILLAR_ASSERT(keys.size() == types_.size() && texts_.empty());
  const std::uint32_t count = keys[0].size, before = joinable_count_, number = row_count();
  if (count > most_rows - number) return errc::limit_exceeded;
  if (count == 0) return {};
  const bool identity = is_numbered();
  for (auto& words : words_) PILLAR_TRY(words.reserve(count));
  if (!identity) PILLAR_TRY(make_ids(count));

  for (auto& words : words_) words.extend(count);
  const auto take = [&](std::uint32_t task, std::uint32_t) {
    const std::uint32_t first = task * detail::join_rows_of_task, left = count - first;
    for (std::size_t part = 0; part < parts_.size(); ++part) {
      vector view = keys[parts_[part].column];
      PILLAR_ASSERT(view.kind == vector_kind::flat && view.validity == nullptr && view.size == count);
      view.size = left < detail::join_rows_of_task ? left : detail::join_rows_of_task;
      view.values = static_cast<const std::byte*>(view.values) + first * byte_width(view.type.physical);
      detail::gather_join_words(parts_[part], view, nullptr, view.size, words_[part].data() + before + first);
    }
  };
  crew{&runner}.each((count - 1) / detail::join_rows_of_task + 1, take);
  if (!identity)
    for (std::uint32_t row = 0; row < count; ++row) ids_.push(number + row);
  joinable_count_ += count;
  row_limit_ = number + count > row_limit_ ? number + count : row_limit_;
  return {};
}

PILLAR_API result<void> join_builder::append_from(const join_builder& other) {
  PILLAR_ASSERT(&other != this && types_ == other.types_);
  const std::uint32_t before = row_count(), count = other.joinable_count_;
  if (other.row_count() > most_rows - before) return errc::limit_exceeded;
  const bool identity = is_numbered() && other.is_numbered();
  for (std::size_t part = 0; part < words_.size(); ++part) PILLAR_TRY(words_[part].reserve(count));
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    PILLAR_TRY(texts_[i].slots.reserve(count));
    PILLAR_TRY(texts_[i].characters.reserve(other.texts_[i].characters.size()));
  }
  PILLAR_TRY(null_ids_.reserve(other.null_ids_.size()));
  if (!identity) PILLAR_TRY(make_ids(count));

  for (std::size_t part = 0; part < words_.size(); ++part)
    if (auto added = words_[part].append(other.words_[part].data(), count); !added.ok()) return added;  // has room
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    text_column& to = texts_[i];
    const text_column& from = other.texts_[i];
    const std::uint64_t shift = to.characters.size();
    for (std::uint32_t row = 0; row < count; ++row) {
      text_slot slot = from.slots[row];
      if (slot.size > text_slot::inline_capacity) {
        const std::uint64_t at = shift + (std::uint64_t{slot.reference.buffer} << 32 | slot.reference.offset);
        slot.reference.buffer = static_cast<std::uint32_t>(at >> 32);
        slot.reference.offset = static_cast<std::uint32_t>(at);
      }
      to.slots.push(slot);
    }
    const std::size_t bytes = from.characters.size();
    if (auto added = to.characters.append(from.characters.data(), bytes); !added.ok()) return added;  // has room
    to.longest = from.longest > to.longest ? from.longest : to.longest;
  }
  const std::uint32_t shift = other.given_ids_ ? 0 : before;
  if (!identity)
    for (std::uint32_t row = 0; row < count; ++row) ids_.push(other.id_of(row) + shift);
  for (std::uint32_t row = 0; row < other.null_ids_.size(); ++row) null_ids_.push(other.null_ids_[row] + shift);
  given_ids_ = given_ids_ || other.given_ids_;
  joinable_count_ += count;
  if (other.row_count() != 0 && other.row_limit_ + shift > row_limit_) row_limit_ = other.row_limit_ + shift;
  return {};
}

inline void join_builder::clear() noexcept {
  for (auto& words : words_) words = growable<std::uint64_t>(budget_);
  for (text_column& text : texts_) {
    text.slots = growable<text_slot>(budget_);
    text.characters = growable<std::byte>(budget_);
    text.longest = 0;
  }
  ids_ = growable<std::uint32_t>(budget_);
  null_ids_ = growable<std::uint32_t>(budget_);
  joinable_count_ = row_limit_ = 0;
  given_ids_ = false;
}

// ---- sealing --------------------------------------------------------------------------------------------------------

/// A table with room for so many different keys; limit_exceeded if that is too little.
inline result<join_table> join_builder::fill(const plan& how, const key_estimate& keys, const crew& workers) const {
  detail::join_header header;
  header.mode = static_cast<std::uint8_t>(how.mode);
  header.has_rows = is_numbered() ? 0 : 1;
  header.column_count = static_cast<std::uint32_t>(types_.size());
  header.part_count = static_cast<std::uint32_t>(how.parts.size());
  header.row_count = row_count();
  header.joinable_count = joinable_count_;
  header.row_limit = row_limit_;
  header.columns_at = sizeof(detail::join_header);
  header.parts_at = header.columns_at + 8 * types_.size();
  header.slots_at = round_up(header.parts_at + how.parts.size() * sizeof(detail::join_part), 64);
  std::uint64_t slot_bytes = (how.span + 2) * sizeof(std::uint32_t);
  header.slot_count = how.span;
  buffer ranks;
  if (how.mode == join_mode::array) {
    PILLAR_ASSIGN_OR_RETURN(ranks, rank_keys(how, workers));
    header.unique = ranks.size() != 0 ? 1 : 0;
    if (header.unique != 0) slot_bytes = ranks.size();
  } else {
    header.slot_count = round_up(2 * keys.key_count + 16, detail::join_fill_parts);
    slot_bytes = header.slot_count *
                 (how.mode == join_mode::packed8 ? sizeof(detail::join_slot) : sizeof(detail::wide_join_slot));
    if (slot_bytes > detail::join_filter_bytes)  // a part's hashes have blocks of their own
      header.filter_blocks = round_up(bloom_blocks_for(keys.key_count), detail::join_fill_parts);
  }
  header.filter_at = round_up(header.slots_at + slot_bytes, 8);
  header.texts_at = header.filter_at + header.filter_blocks * sizeof(std::uint64_t);
  header.text_bytes = how.mode == join_mode::generic ? keys.text_bytes : 0;
  header.rows_at = round_up(header.texts_at + header.text_bytes, 8);
  const std::uint64_t most_bytes = header.rows_at + std::uint64_t{header.row_count} * sizeof(std::uint32_t);
  PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(most_bytes, budget_));
  detail::prefer_huge_pages(memory);
  std::memset(memory.data(), 0, header.slots_at);
  std::memset(memory.data() + header.slots_at + slot_bytes, 0, header.filter_at - header.slots_at - slot_bytes);
  std::byte* column = memory.data() + header.columns_at;
  for (const data_type& type : types_) {
    const std::uint8_t fields[8] = {static_cast<std::uint8_t>(type.logical), static_cast<std::uint8_t>(type.physical),
                                    type.precision, type.scale, static_cast<std::uint8_t>(type.nullable ? 1 : 0)};
    std::memcpy(column, fields, sizeof fields);
    column += sizeof fields;
  }
  if (!how.parts.empty())
    std::memcpy(memory.data() + header.parts_at, how.parts.data(), how.parts.size() * sizeof(detail::join_part));
  if (how.mode == join_mode::array) {
    if (header.unique != 0) std::memcpy(memory.data() + header.slots_at, ranks.data(), ranks.size());
    fill_array(memory.data(), header, how, workers);
  } else {
    const bool narrow = how.mode == join_mode::packed8;
    PILLAR_ASSIGN_OR_RETURN(
        const bool had_room,
        narrow ? slot_filler<detail::join_slot>(*this, memory.data(), header, how, workers).fill()
               : slot_filler<detail::wide_join_slot>(*this, memory.data(), header, how, workers).fill());
    if (!had_room) return errc::limit_exceeded;
  }
  auto* rows = reinterpret_cast<std::uint32_t*>(memory.data() + header.rows_at);
  for (std::uint32_t i = 0; i < null_ids_.size(); ++i) rows[joinable_count_ + i] = null_ids_[i];
  header.byte_count = header.rows_at + (header.has_rows != 0 ? std::uint64_t{header.row_count} * 4 : 0);
  std::memcpy(memory.data(), &header, sizeof header);
  if (header.byte_count < most_bytes / 8 * 7) {  // gives back what turned out to be too much, if there is room to do so
    if (auto smaller = buffer::allocate(header.byte_count, budget_); smaller.ok()) {
      detail::prefer_huge_pages(*smaller);
      std::memcpy(smaller->data(), memory.data(), header.byte_count);
      memory = *std::move(smaller);
    }
  }
  join_table made(std::move(memory));
  made.read_types();
  return made;
}

PILLAR_API result<join_table> join_builder::seal() { return seal_by({}); }
PILLAR_API result<join_table> join_builder::seal(executor_ref runner) { return seal_by({&runner}); }

inline result<join_table> join_builder::seal_by(const crew& workers) {
  const plan how = make_plan(workers);
  key_estimate keys;
  if (how.mode != join_mode::array) {
    PILLAR_ASSIGN_OR_RETURN(keys, estimate_keys(how, workers));
  }
  auto made = fill(how, keys, workers);
  if (!made.ok() && made.error().code == errc::limit_exceeded)  // in a single part, which has room for every row
    made = fill(how, {joinable_count_, how.text_bytes}, {});
  if (made.ok()) clear();
  return made;
}

}  // namespace PILLAR_NAMESPACE
