// SPDX-License-Identifier: Apache-2.0
/// Join tables by key: a bit for each key and ranks where no key comes twice, else where each key's rows begin.
#pragma once
#include <atomic>
#include <bit>
#include <cstring>

#include "pillar/join/impl/join_plan.hpp"
#include "pillar/join/impl/join_table.hpp"  // join_ranks

namespace PILLAR_NAMESPACE {

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

}  // namespace PILLAR_NAMESPACE
