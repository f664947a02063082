// SPDX-License-Identifier: Apache-2.0
/// How a join table will hold the rows at hand: in an array, in slots of 8 or 16 bytes or by hashes of entries; the keys
/// in that form; and about how many different ones there are.
#pragma once
#include <atomic>  // std::atomic_ref
#include <bit>
#include <cmath>  // std::log
#include <cstring>

#include "pillar/join/join_builder.hpp"
#include "pillar/schedule/executor.hpp"  // executor_ref

namespace PILLAR_NAMESPACE {

namespace detail {
inline constexpr std::uint32_t join_rows_of_task = 1 << 16;  // fewer are not worth a task
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

}  // namespace PILLAR_NAMESPACE
