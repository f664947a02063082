// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>  // std::atomic_ref
#include <bit>
#include <cmath>  // std::log
#include <cstring>
#include <utility>

#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages
#include "pillar/base/mutant.hpp"             // PILLAR_MUTATE
#include "pillar/join/impl/join_table.hpp"
#include "pillar/join/join_builder.hpp"
#include "pillar/schedule/executor.hpp"  // executor_ref

namespace PILLAR_NAMESPACE {

namespace detail {
inline constexpr std::uint32_t join_rows_of_task = 1 << 16;  // fewer are not worth a task
inline constexpr std::uint32_t join_fill_parts = 8;          // of large tables, whoever fills them

/// The first slot in [at, end) that is free or the key's; end: there is none.
template <class Slot, class Equal>
PILLAR_ALWAYS_INLINE std::uint64_t find_join_slot(const Slot* slots, std::uint64_t at, std::uint64_t end,
                                                  const Equal& equal) noexcept {
  while (at != end && slots[at].count != 0 && !equal(slots[at])) ++at;
  return at;
}
}  // namespace detail

/// How the rows at hand will lie in a table.
struct join_builder::plan {
  join_mode mode = join_mode::array;
  std::vector<detail::join_part> parts{};
  std::uint64_t span = 0;        ///< array: above every packed key
  std::uint64_t text_bytes = 0;  ///< generic: of all rows' entries
};

/// Who seals: the caller alone, or an executor's workers.
struct join_builder::crew {
  const executor_ref* runner = nullptr;
  /// How many tasks, at most so many.
  [[nodiscard]] std::uint32_t tasks(std::uint64_t most) const noexcept {
    if (runner == nullptr || most <= 1) return 1;
    const std::uint32_t workers = runner->concurrency();
    return workers < most ? workers : static_cast<std::uint32_t>(most);
  }
  void each(std::uint32_t count, bulk_body body) const noexcept {
    if (count == 1) body(0, 0);
    else runner->bulk(count, body);
  }
};

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

inline join_builder::plan join_builder::make_plan(const crew& workers) const {
  plan how;
  how.parts = parts_;
  const std::uint32_t tasks = workers.tasks(joinable_count_ / detail::join_rows_of_task);
  std::vector<std::uint64_t> lows(tasks * parts_.size()), highs(tasks * parts_.size());
  const auto look = [&](std::uint32_t task, std::uint32_t) {
    const auto first = static_cast<std::uint32_t>(std::uint64_t{joinable_count_} * task / tasks);
    const auto last = static_cast<std::uint32_t>(std::uint64_t{joinable_count_} * (task + 1) / tasks);
    for (std::size_t at = 0; at < parts_.size(); ++at) {
      std::uint64_t lowest = ~std::uint64_t{0}, highest = 0;
      const std::uint64_t* words = words_[at].data();
      for (std::uint32_t row = first; row < last; ++row) {
        lowest = words[row] < lowest ? words[row] : lowest;
        highest = words[row] > highest ? words[row] : highest;
      }
      lows[at * tasks + task] = lowest;
      highs[at * tasks + task] = highest;
    }
  };
  workers.each(tasks, look);
  unsigned lanes[2] = {0, 0};
  bool fits = true;  // into 16 bytes
  for (std::size_t at = 0; at < how.parts.size(); ++at) {
    detail::join_part& part = how.parts[at];
    std::uint64_t lowest = ~std::uint64_t{0}, highest = 0;
    for (std::uint32_t task = 0; task < tasks; ++task) {
      lowest = lows[at * tasks + task] < lowest ? lows[at * tasks + task] : lowest;
      highest = highs[at * tasks + task] > highest ? highs[at * tasks + task] : highest;
    }
    part.lowest = joinable_count_ == 0 ? 0 : lowest;
    part.width = joinable_count_ == 0 ? 0 : highest - lowest;
    part.bits = static_cast<std::uint8_t>(std::bit_width(part.width));
    const unsigned lane = lanes[0] + part.bits <= 64 ? 0 : 1;
    fits = fits && lanes[lane] + part.bits <= 64;
    part.lane = static_cast<std::uint8_t>(lane);
    part.shift = static_cast<std::uint8_t>(lanes[lane] % 64);  // a part of no bits may stand anywhere
    lanes[lane] += part.bits;
  }
  if (!texts_.empty()) {
    const bool short_texts = types_.size() == 1 && texts_[0].longest <= text_slot::inline_capacity;
    how.mode = short_texts ? join_mode::packed16 : join_mode::generic;
  } else if (!fits) {
    how.mode = join_mode::generic;
  } else if (lanes[1] != 0) {
    how.mode = join_mode::packed16;
  } else {
    constexpr unsigned most_array_bits = 35;
    constexpr std::uint64_t small_span = 4096, spans_per_row = 8;  // 32 bytes a row, as a table of slots has
    how.mode = join_mode::packed8;
    if (lanes[0] <= most_array_bits) {
      for (const detail::join_part& part : how.parts) how.span |= part.width << part.shift;
      how.span = joinable_count_ == 0 ? 0 : how.span + 1;
      if (how.span <= small_span || how.span <= spans_per_row * joinable_count_) how.mode = join_mode::array;
    }
  }
  if (how.mode == join_mode::generic)
    for (std::uint32_t row = 0; row < joinable_count_; ++row) how.text_bytes += entry_size(row);
  return how;
}

/// The keys of rows [first, first + count) as the table holds them; of a generic one their hashes.
inline void join_builder::pack(const plan& how, std::uint32_t first, std::uint32_t count, std::uint64_t* low,
                               std::uint64_t* high) const noexcept {
  for (std::uint32_t i = 0; i < count; ++i) low[i] = 0;
  if (how.mode == join_mode::generic) {
    for (std::size_t at = 0; at < how.parts.size(); ++at)
      for (std::uint32_t i = 0; i < count; ++i) low[i] = detail::join_hash(low[i], words_[at][first + i]);
    for (const text_column& text : texts_)
      for (std::uint32_t i = 0; i < count; ++i) low[i] = detail::join_hash(low[i], hash_text(text.text(first + i)));
    return;
  }
  if (!texts_.empty()) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto* slot = reinterpret_cast<const std::byte*>(texts_[0].slots.data() + first + i);
      low[i] = load_unaligned<std::uint64_t>(slot);
      high[i] = load_unaligned<std::uint64_t>(slot + 8);
    }
    return;
  }
  if (how.mode == join_mode::packed16)
    for (std::uint32_t i = 0; i < count; ++i) high[i] = 0;
  for (std::size_t at = 0; at < how.parts.size(); ++at) {
    const detail::join_part& part = how.parts[at];
    const std::uint64_t* words = words_[at].data() + first;
    std::uint64_t* lane = part.lane == 0 ? low : high;
    for (std::uint32_t i = 0; i < count; ++i) lane[i] |= (words[i] - part.lowest) << part.shift;
  }
}

inline std::uint64_t join_builder::entry_size(std::uint32_t row) const noexcept {
  std::uint64_t size = parts_.size() * sizeof(std::uint64_t);
  for (const text_column& text : texts_) size += sizeof(std::uint32_t) + text.slots[row].size;
  return size;
}

inline void join_builder::write_entry(std::uint32_t row, std::byte* to) const noexcept {
  for (const auto& words : words_) {
    store_unaligned(to, words[row]);
    to += sizeof(std::uint64_t);
  }
  for (const text_column& text : texts_) {
    const std::string_view value = text.text(row);
    store_unaligned(to, static_cast<std::uint32_t>(value.size()));
    to += sizeof(std::uint32_t);
    if (!value.empty()) std::memcpy(to, value.data(), value.size());
    to += value.size();
  }
}

inline bool join_builder::equals_entry(std::uint32_t row, const std::byte* entry) const noexcept {
  for (const auto& words : words_) {
    if (load_unaligned<std::uint64_t>(entry) != words[row]) return false;
    entry += sizeof(std::uint64_t);
  }
  for (const text_column& text : texts_) {
    const std::string_view value = text.text(row);
    if (load_unaligned<std::uint32_t>(entry) != value.size()) return false;
    entry += sizeof(std::uint32_t);
    if (!value.empty() && std::memcmp(entry, value.data(), value.size()) != 0) return false;
    entry += value.size();
  }
  return true;
}

/// About how many different keys there are, at most as many as rows, and how long they are as entries: by linear
/// counting (Whang, Vander-Zanden, Taylor 1990, doi:10.1145/78922.78925), a bit for each row. A key whose bit is new
/// stands for some that it hides.
inline result<join_builder::key_estimate> join_builder::estimate_keys(const plan& how,
                                                                      const crew& workers) const noexcept {
  constexpr std::uint32_t few_rows = 4096;
  const std::uint64_t rows = joinable_count_;
  const key_estimate most = {rows, how.text_bytes};
  if (rows <= few_rows) return most;
  const std::uint64_t bits = std::bit_ceil(rows);
  PILLAR_ASSIGN_OR_RETURN(buffer seen, buffer::allocate(bits / 8, budget_));
  std::memset(seen.data(), 0, bits / 8);
  auto* words = seen.as<std::uint64_t>();
  const bool generic = how.mode == join_mode::generic, wide = how.mode == join_mode::packed16;
  const std::uint32_t tasks = generic ? 1 : workers.tasks(rows / detail::join_rows_of_task);
  std::uint64_t text_bytes = 0;  // of the rows whose bits were new; a single task's
  const auto look = [&](std::uint32_t task, std::uint32_t) {
    const std::uint64_t last = rows * (task + 1) / tasks;
    for (std::uint64_t first = rows * task / tasks; first < last; first += vector_rows) {
      const auto count = static_cast<std::uint32_t>(last - first < vector_rows ? last - first : vector_rows);
      std::uint64_t low[vector_rows], high[vector_rows];
      pack(how, static_cast<std::uint32_t>(first), count, low, high);
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t hash = wide ? detail::join_hash(low[i], high[i]) : detail::join_hash(low[i]);
        const std::uint64_t bit = hash & (bits - 1);
        if (generic && !get_bit(words, bit)) text_bytes += entry_size(static_cast<std::uint32_t>(first) + i);
        if (tasks == 1) set_bit(words, bit);
        else std::atomic_ref(words[bit / 64]).fetch_or(std::uint64_t{1} << (bit % 64), std::memory_order_relaxed);
      }
    }
  };
  workers.each(tasks, look);
  const std::uint64_t taken = count_bits(words, bits), free = bits - taken;
  if (free == 0) return most;
  const double size = static_cast<double>(bits);
  key_estimate made;
  made.key_count = static_cast<std::uint64_t>(size * std::log(size / static_cast<double>(free)) * 1.05) + 64;
  const double hidden = static_cast<double>(made.key_count) / static_cast<double>(taken);
  made.text_bytes = static_cast<std::uint64_t>(static_cast<double>(text_bytes) * hidden * 1.05);
  if (made.key_count >= rows) return most;
  if (made.text_bytes > most.text_bytes) made.text_bytes = most.text_bytes;
  return made;
}

/// A bit for each key of an array and its rank; nothing if a key comes twice. Each task takes the keys of its range from
/// all rows.
inline result<buffer> join_builder::rank_keys(const plan& how, const crew& workers) const noexcept {
  const std::uint64_t count = detail::join_ranks_for(how.span);
  PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(count * sizeof(detail::join_ranks), budget_));
  std::memset(memory.data(), 0, memory.size());
  auto* ranks = memory.as<detail::join_ranks>();
  std::atomic<std::uint64_t> repeated{0};
  const std::uint32_t tasks = workers.tasks(joinable_count_ / detail::join_rows_of_task);
  const auto mark = [&](std::uint32_t task, std::uint32_t) {
    std::uint64_t taken = 0;
    each_array_row(how, tasks, task, [&](std::uint64_t key, std::uint32_t) {
      const std::uint64_t bit = std::uint64_t{1} << (key % 64);
      taken |= ranks[key / 64].keys & bit;
      ranks[key / 64].keys |= bit;
    });
    repeated.fetch_or(taken, std::memory_order_relaxed);
  };
  workers.each(tasks, mark);
  if (repeated.load(std::memory_order_relaxed) != 0) return buffer();
  std::uint32_t before = 0;
  for (std::uint64_t word = 0; word < count; ++word) {
    ranks[word].before = before;
    before += static_cast<std::uint32_t>(std::popcount(ranks[word].keys));
  }
  return memory;
}

/// Calls take(key, row) for the rows whose keys lie in a task's part of an array, 64 keys or a multiple.
template <class Take>
inline void join_builder::each_array_row(const plan& how, std::uint32_t tasks, std::uint32_t task,
                                         const Take& take) const noexcept {
  std::uint64_t low[vector_rows], high[vector_rows];
  const std::uint64_t words = detail::join_ranks_for(how.span);
  const std::uint64_t begin = words * task / tasks * 64, width = words * (task + 1) / tasks * 64 - begin;
  for (std::uint32_t first = 0; first < joinable_count_; first += vector_rows) {
    const std::uint32_t left = joinable_count_ - first, count = left < vector_rows ? left : vector_rows;
    pack(how, first, count, low, high);
    if (tasks == 1) {
      for (std::uint32_t i = 0; i < count; ++i) take(low[i], first + i);
    } else {
      for (std::uint32_t i = 0; i < count; ++i)
        if (low[i] - begin < width) take(low[i], first + i);
    }
  }
}

/// Positions by key. `unique`: the ranks are there.
inline void join_builder::fill_array(std::byte* memory, detail::join_header& header, const plan& how,
                                     const crew& workers) const noexcept {
  auto* rows = reinterpret_cast<std::uint32_t*>(memory + header.rows_at);
  const std::uint32_t tasks = workers.tasks(joinable_count_ / detail::join_rows_of_task);
  if (header.unique != 0) {
    const auto* ranks = reinterpret_cast<const detail::join_ranks*>(memory + header.slots_at);
    const bool all = joinable_count_ == how.span;
    const auto place = [&](std::uint32_t task, std::uint32_t) {
      if (all)
        return each_array_row(how, tasks, task, [&](std::uint64_t key, std::uint32_t row) { rows[key] = id_of(row); });
      each_array_row(how, tasks, task,
                     [&](std::uint64_t key, std::uint32_t row) { rows[ranks[key / 64].rank_of(key)] = id_of(row); });
    };
    workers.each(tasks, place);
    if (header.has_rows == 0) {  // ids are numbers, and perhaps keys came in their order
      std::uint32_t moved = 0;
      for (std::uint32_t position = 0; position < joinable_count_; ++position) moved |= rows[position] ^ position;
      header.has_rows = moved != 0 ? 1 : 0;
    }
    return;
  }
  auto* entries = reinterpret_cast<std::uint32_t*>(memory + header.slots_at);
  header.has_rows = 1;
  std::memset(entries, 0, (how.span + 2) * sizeof(std::uint32_t));
  const auto count = [&](std::uint32_t task,
                         std::uint32_t) {  // entries one ahead: a task's own and its neighbour's first
    each_array_row(how, tasks, task, [&](std::uint64_t key, std::uint32_t) { ++entries[key + 1]; });
  };
  const auto place = [&](std::uint32_t task, std::uint32_t) {
    each_array_row(how, tasks, task, [&](std::uint64_t key, std::uint32_t row) { rows[entries[key]++] = id_of(row); });
  };
  workers.each(tasks, count);
  for (std::uint64_t key = 0; key < how.span; ++key) entries[key + 1] += entries[key];
  entries[how.span + 1] = entries[how.span];
  workers.each(tasks, place);
  for (std::uint64_t key = how.span; key > 0; --key) entries[key] = entries[key - 1];  // ends are the next beginnings
  entries[0] = 0;
}

/// False if there are more different keys, or longer ones, than expected. Requires: header.text_bytes is the room for
/// entries.
///
/// Slots are filled in parts, each by the rows whose place lies in it, in their order: so that who fills which part makes
/// no difference. A row whose search reaches the end of its part waits until all parts are done.
template <class Slot>
result<bool> join_builder::fill_slots(std::byte* memory, detail::join_header& header, const plan& how,
                                      const crew& workers) const {
  constexpr bool wide = sizeof(Slot) == sizeof(detail::wide_join_slot);
  const bool generic = how.mode == join_mode::generic;
  auto* slots = reinterpret_cast<Slot*>(memory + header.slots_at);
  auto* filter = reinterpret_cast<std::uint64_t*>(memory + header.filter_at);
  std::byte* texts = memory + header.texts_at;
  std::memset(static_cast<void*>(slots), 0, header.slot_count * sizeof(Slot));
  std::memset(filter, 0, header.filter_blocks * sizeof(std::uint64_t));
  const bool prefetch = header.slot_count * sizeof(Slot) > detail::join_prefetch_bytes;
  const std::uint32_t part_count = workers.runner != nullptr && prefetch && !generic ? detail::join_fill_parts : 1;
  const std::uint32_t tasks = workers.tasks(part_count);
  const std::uint64_t part_slots = header.slot_count / part_count;  // without a rest
  const auto part_of = [&](std::uint64_t hash) { return detail::place_of(hash, part_count); };

  struct keys {
    std::uint64_t low[vector_rows], high[vector_rows], hashes[vector_rows], places[vector_rows];
    std::uint16_t rows[vector_rows];
  };
  // The rows of a batch that lie in a task's parts.
  const auto prepare = [&](std::uint32_t task, std::uint32_t first, keys& of) {
    const std::uint32_t left = joinable_count_ - first;
    std::uint32_t count = left < vector_rows ? left : vector_rows;
    pack(how, first, count, of.low, of.high);
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint64_t hash = of.low[i];
      if constexpr (wide) hash = generic ? hash : detail::join_hash(of.low[i], of.high[i]);
      else hash = detail::join_hash(hash);
      of.hashes[i] = hash;
      of.rows[i] = static_cast<std::uint16_t>(i);
    }
    if (tasks != 1) {
      const std::uint64_t begin = part_count * task / tasks, end = part_count * (task + 1) / tasks;
      std::uint32_t kept = 0;
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t part = part_of(of.hashes[i]);
        of.low[kept] = of.low[i];
        if constexpr (wide) of.high[kept] = of.high[i];
        of.hashes[kept] = of.hashes[i];
        of.rows[kept] = static_cast<std::uint16_t>(i);
        kept += part - begin < end - begin ? 1 : 0;
      }
      count = kept;
    }
    for (std::uint32_t i = 0; i < count; ++i) of.places[i] = detail::place_of(of.hashes[i], header.slot_count);
    return count;
  };
  const auto equals = [&](const Slot& slot, const keys& of, std::uint32_t row, std::uint32_t i) {
    if constexpr (!wide) return slot.key == of.low[i];
    else return slot.low == of.low[i] && (generic ? equals_entry(row, texts + slot.high) : slot.high == of.high[i]);
  };
  // A free slot becomes the row's; false: its entry has no room.
  std::uint64_t text_used = 0;  // a single task's
  const auto claim = [&](Slot& slot, const keys& of, std::uint32_t row, std::uint32_t i) {
    if constexpr (!wide) {
      slot.key = of.low[i];
    } else {
      slot.low = of.low[i];
      slot.high = generic ? text_used : of.high[i];
      if (generic) {
        const std::uint64_t size = entry_size(row);
        if (size > header.text_bytes - text_used) return false;
        write_entry(row, texts + text_used);
        text_used += size;
      }
    }
    slot.first = row;
    slot.count = 1;
    return true;
  };

  struct part_state {
    growable<std::uint32_t> waiting;  ///< rows that found no place in their part
    std::uint64_t used = 0;           ///< slots
    result<bool> done = true;
  };
  std::vector<part_state> parts;
  for (std::uint32_t part = 0; part < part_count; ++part) parts.push_back({growable<std::uint32_t>(budget_), 0, true});
  const auto fill = [&](std::uint32_t task, std::uint32_t) {
    keys of;
    // Copies, which stores into slots cannot change: they stay in registers.
    Slot* const table = slots;
    const std::uint64_t size = part_slots, all_parts = part_count, most = part_slots / 4 * 3;
    const bool fetch = prefetch;
    std::uint64_t used[detail::join_fill_parts] = {};
    for (std::uint32_t first = 0; first < joinable_count_; first += vector_rows) {
      const std::uint32_t count = prepare(task, first, of);
      if (header.filter_blocks != 0)
        bloom_add(filter, header.filter_blocks, of.hashes, PILLAR_MUTATE(join_filter_forgets, count, count / 2));
      for (std::uint32_t i = 0; i < count; ++i) {
        if (fetch && i + detail::join_prefetch_ahead < count)
          __builtin_prefetch(table + of.places[i + detail::join_prefetch_ahead], 1);
        const std::uint32_t row = first + of.rows[i];
        const std::uint64_t part = detail::place_of(of.hashes[i], all_parts), end = (part + 1) * size;
        const std::uint64_t at = detail::find_join_slot(table, of.places[i], end,
                                                        [&](const Slot& slot) { return equals(slot, of, row, i); });
        if (at == end) {
          const auto added = parts[part].waiting.append(row);
          if (added.ok()) continue;
          parts[part].done = added.error();
          return;
        }
        if (table[at].count != 0) {
          ++table[at].count;
        } else if (++used[part] > most || !claim(table[at], of, row, i)) {
          parts[part].done = false;
          return;
        }
      }
    }
    for (std::uint32_t part = 0; part < part_count; ++part)
      if (used[part] != 0) parts[part].used = used[part];  // its own parts
  };
  workers.each(tasks, fill);
  std::uint64_t used = 0;
  for (const part_state& part : parts) {
    if (!part.done.ok() || !*part.done) return part.done;
    used += part.used;
  }
  keys one;
  const auto prepare_one = [&](std::uint32_t row) {
    pack(how, row, 1, one.low, one.high);
    std::uint64_t hash = one.low[0];
    if constexpr (wide) hash = generic ? hash : detail::join_hash(one.low[0], one.high[0]);
    else hash = detail::join_hash(hash);
    one.places[0] = detail::place_of(hash, header.slot_count);
  };
  const auto find_around = [&](std::uint32_t row) {  // of the row that was prepared
    const auto is_its = [&](const Slot& slot) { return equals(slot, one, row, 0); };
    const std::uint64_t at = detail::find_join_slot(slots, one.places[0], header.slot_count, is_its);
    return at == header.slot_count ? detail::find_join_slot(slots, 0, one.places[0], is_its) : at;
  };
  for (const part_state& part : parts)
    for (std::uint32_t i = 0; i < part.waiting.size(); ++i) {
      prepare_one(part.waiting[i]);
      Slot& slot = slots[find_around(part.waiting[i])];
      if (slot.count != 0) ++slot.count;
      else if (++used > header.slot_count / 4 * 3 || !claim(slot, one, part.waiting[i], 0)) return false;
    }
  header.text_bytes = text_used;
  header.rows_at = round_up(header.texts_at + text_used, 8);
  std::memset(texts + text_used, 0, header.rows_at - header.texts_at - text_used);
  header.unique = used == joinable_count_ ? 1 : 0;
  auto* rows = reinterpret_cast<std::uint32_t*>(memory + header.rows_at);
  if (header.unique != 0) {
    if (header.has_rows != 0)
      for (std::uint32_t row = 0; row < joinable_count_; ++row) rows[row] = id_of(row);
    return true;
  }
  header.has_rows = 1;
  std::uint32_t position = 0;
  for (std::uint64_t at = 0; at < header.slot_count; ++at)
    if (slots[at].count != 0) slots[at].first = position += slots[at].count;
  // From the last row to the first, each list from its end to its beginning, so that rows stay in order.
  const auto place = [&](std::uint32_t task, std::uint32_t) {
    keys of;
    Slot* const table = slots;
    std::uint32_t* const ids = rows;
    const std::uint64_t size = part_slots, all_parts = part_count;
    const bool fetch = prefetch;
    for (std::uint32_t batch = (joinable_count_ - 1) / vector_rows + 1; batch-- > 0;) {
      const std::uint32_t first = batch * vector_rows;
      for (std::uint32_t i = prepare(task, first, of); i-- > 0;) {
        if (fetch && i >= detail::join_prefetch_ahead)
          __builtin_prefetch(table + of.places[i - detail::join_prefetch_ahead], 1);
        const std::uint32_t row = first + of.rows[i];
        const std::uint64_t end = (detail::place_of(of.hashes[i], all_parts) + 1) * size;
        const std::uint64_t at = detail::find_join_slot(table, of.places[i], end,
                                                        [&](const Slot& slot) { return equals(slot, of, row, i); });
        if (at != end) ids[--table[at].first] = id_of(row);
      }
    }
  };
  workers.each(tasks, place);
  for (const part_state& part : parts)
    for (auto i = static_cast<std::uint32_t>(part.waiting.size()); i-- > 0;) {
      prepare_one(part.waiting[i]);
      rows[--slots[find_around(part.waiting[i])].first] = id_of(part.waiting[i]);
    }
  return true;
}

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
    PILLAR_ASSIGN_OR_RETURN(const bool had_room,
                            narrow ? fill_slots<detail::join_slot>(memory.data(), header, how, workers)
                                   : fill_slots<detail::wide_join_slot>(memory.data(), header, how, workers));
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
