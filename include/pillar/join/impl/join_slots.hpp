// SPDX-License-Identifier: Apache-2.0
/// Join tables by hash: slots filled in parts, by one thread or several to the same bytes.
#pragma once
#include <cstring>
#include <vector>

#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/join/impl/join_plan.hpp"
#include "pillar/join/impl/join_table.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
inline constexpr std::uint32_t join_fill_parts = 8;  // of large tables, whoever fills them

/// The first slot in [at, end) that is free or the key's; end: there is none.
template <class Slot, class Equal>
PILLAR_ALWAYS_INLINE std::uint64_t find_join_slot(const Slot* slots, std::uint64_t at, std::uint64_t end,
                                                  const Equal& equal) noexcept {
  while (at != end && slots[at].count != 0 && !equal(slots[at])) ++at;
  return at;
}
}  // namespace detail

/// Fills a table's slots in parts, each by the rows whose place lies in it, in their order: so that who fills which part
/// makes no difference. A row whose search reaches the end of its part waits until all parts are done.
template <class Slot>
struct join_builder::slot_filler {
  static constexpr bool wide = sizeof(Slot) == sizeof(detail::wide_join_slot);

  /// Rows of a batch that lie in a task's parts.
  struct batch {
    std::uint64_t low[vector_rows], high[vector_rows], hashes[vector_rows], places[vector_rows];
    std::uint16_t rows[vector_rows];
  };
  struct part {
    growable<std::uint32_t> waiting;  ///< rows that found no place in it
    std::uint64_t used = 0;           ///< slots
    result<bool> done = true;
  };

  slot_filler(const join_builder& of, std::byte* memory, detail::join_header& header, const plan& how,
              const crew& workers)
      : of_(of),
        header_(header),
        how_(how),
        workers_(workers),
        slots_(reinterpret_cast<Slot*>(memory + header.slots_at)),
        filter_(reinterpret_cast<std::uint64_t*>(memory + header.filter_at)),
        texts_(memory + header.texts_at),
        memory_(memory),
        generic_(how.mode == join_mode::generic),
        prefetch_(header.slot_count * sizeof(Slot) > detail::join_prefetch_bytes),
        part_count_(workers.runner != nullptr && prefetch_ && !generic_ ? detail::join_fill_parts : 1),
        tasks_(workers.tasks(part_count_)),
        part_slots_(header.slot_count / part_count_) {  // without a rest
    for (std::uint32_t i = 0; i < part_count_; ++i) parts_.push_back({growable<std::uint32_t>(of.budget_), 0, true});
  }

  /// False if there are more different keys, or longer ones, than expected. Requires: header.text_bytes is the room for
  /// entries.
  result<bool> fill() {
    std::memset(static_cast<void*>(slots_), 0, header_.slot_count * sizeof(Slot));
    std::memset(filter_, 0, header_.filter_blocks * sizeof(std::uint64_t));
    workers_.each(tasks_, [this](std::uint32_t task, std::uint32_t) { fill_parts(task); });
    std::uint64_t used = 0;
    for (const part& one : parts_) {
      if (!one.done.ok() || !*one.done) return one.done;
      used += one.used;
    }
    if (!place_waiting(used)) return false;
    header_.text_bytes = text_used_;
    header_.rows_at = round_up(header_.texts_at + text_used_, 8);
    std::memset(texts_ + text_used_, 0, header_.rows_at - header_.texts_at - text_used_);
    header_.unique = used == of_.joinable_count_ ? 1 : 0;
    list_ids(reinterpret_cast<std::uint32_t*>(memory_ + header_.rows_at));
    return true;
  }

 private:
  [[nodiscard]] std::uint64_t hash_of(const batch& at, std::uint32_t i) const noexcept {
    if constexpr (wide) return generic_ ? at.low[i] : detail::join_hash(at.low[i], at.high[i]);
    else return detail::join_hash(at.low[i]);
  }
  /// The rows from `first` on that are a task's; how many.
  std::uint32_t prepare(std::uint32_t task, std::uint32_t first, batch& made) const noexcept {
    const std::uint32_t left = of_.joinable_count_ - first;
    std::uint32_t count = left < vector_rows ? left : vector_rows;
    of_.pack(how_, first, count, made.low, made.high);
    for (std::uint32_t i = 0; i < count; ++i) {
      made.hashes[i] = hash_of(made, i);
      made.rows[i] = static_cast<std::uint16_t>(i);
    }
    if (tasks_ != 1) {
      const std::uint64_t begin = part_count_ * task / tasks_, end = part_count_ * (task + 1) / tasks_;
      std::uint32_t kept = 0;
      for (std::uint32_t i = 0; i < count; ++i) {
        const std::uint64_t at = detail::place_of(made.hashes[i], part_count_);
        made.low[kept] = made.low[i];
        if constexpr (wide) made.high[kept] = made.high[i];
        made.hashes[kept] = made.hashes[i];
        made.rows[kept] = static_cast<std::uint16_t>(i);
        kept += at - begin < end - begin ? 1 : 0;
      }
      count = kept;
    }
    for (std::uint32_t i = 0; i < count; ++i) made.places[i] = detail::place_of(made.hashes[i], header_.slot_count);
    return count;
  }
  void prepare_one(std::uint32_t row, batch& made) const noexcept {
    of_.pack(how_, row, 1, made.low, made.high);
    made.places[0] = detail::place_of(hash_of(made, 0), header_.slot_count);
  }

  [[nodiscard]] PILLAR_ALWAYS_INLINE bool equals(const Slot& slot, const batch& at, std::uint32_t row,
                                                 std::uint32_t i) const noexcept {
    if constexpr (!wide) return slot.key == at.low[i];
    else
      return slot.low == at.low[i] && (generic_ ? of_.equals_entry(row, texts_ + slot.high) : slot.high == at.high[i]);
  }
  /// A free slot becomes the row's; false: its entry has no room.
  PILLAR_ALWAYS_INLINE bool claim(Slot& slot, const batch& at, std::uint32_t row, std::uint32_t i) noexcept {
    if constexpr (!wide) {
      slot.key = at.low[i];
    } else {
      slot.low = at.low[i];
      slot.high = generic_ ? text_used_ : at.high[i];
      if (generic_) {
        const std::uint64_t size = of_.entry_size(row);
        if (size > header_.text_bytes - text_used_) return false;
        of_.write_entry(row, texts_ + text_used_);
        text_used_ += size;
      }
    }
    slot.first = row;
    slot.count = 1;
    return true;
  }

  void fill_parts(std::uint32_t task) {
    batch at;
    // Copies, which stores into slots cannot change: they stay in registers.
    Slot* const table = slots_;
    const std::uint64_t size = part_slots_, all_parts = part_count_, most = part_slots_ / 4 * 3;
    const bool fetch = prefetch_;
    std::uint64_t used[detail::join_fill_parts] = {};
    for (std::uint32_t first = 0; first < of_.joinable_count_; first += vector_rows) {
      const std::uint32_t count = prepare(task, first, at);
      if (header_.filter_blocks != 0)
        bloom_add(filter_, header_.filter_blocks, at.hashes, PILLAR_MUTATE(join_filter_forgets, count, count / 2));
      for (std::uint32_t i = 0; i < count; ++i) {
        if (fetch && i + detail::join_prefetch_ahead < count)
          __builtin_prefetch(table + at.places[i + detail::join_prefetch_ahead], 1);
        const std::uint32_t row = first + at.rows[i];
        const std::uint64_t which = detail::place_of(at.hashes[i], all_parts), end = (which + 1) * size;
        const std::uint64_t found = detail::find_join_slot(table, at.places[i], end,
                                                           [&](const Slot& slot) { return equals(slot, at, row, i); });
        if (found == end) {
          const auto added = parts_[which].waiting.append(row);
          if (added.ok()) continue;
          parts_[which].done = added.error();
          return;
        }
        if (table[found].count != 0) {
          ++table[found].count;
        } else if (++used[which] > most || !claim(table[found], at, row, i)) {
          parts_[which].done = false;
          return;
        }
      }
    }
    for (std::uint32_t i = 0; i < part_count_; ++i)
      if (used[i] != 0) parts_[i].used = used[i];  // its own parts
  }

  /// Where the row that was prepared has its slot, from its place to the end and from the beginning on.
  [[nodiscard]] std::uint64_t find_around(std::uint32_t row, const batch& one) const noexcept {
    const auto is_its = [&](const Slot& slot) { return equals(slot, one, row, 0); };
    const std::uint64_t at = detail::find_join_slot(slots_, one.places[0], header_.slot_count, is_its);
    return at == header_.slot_count ? detail::find_join_slot(slots_, 0, one.places[0], is_its) : at;
  }
  bool place_waiting(std::uint64_t& used) {
    batch one;
    for (const part& its : parts_)
      for (std::uint32_t i = 0; i < its.waiting.size(); ++i) {
        const std::uint32_t row = its.waiting[i];
        prepare_one(row, one);
        Slot& slot = slots_[find_around(row, one)];
        if (slot.count != 0) ++slot.count;
        else if (++used > header_.slot_count / 4 * 3 || !claim(slot, one, row, 0)) return false;
      }
    return true;
  }

  /// The rows' ids: of keys that come once row by row, else slot by slot.
  void list_ids(std::uint32_t* rows) {
    if (header_.unique != 0) {
      if (header_.has_rows != 0)
        for (std::uint32_t row = 0; row < of_.joinable_count_; ++row) rows[row] = of_.id_of(row);
      return;
    }
    header_.has_rows = 1;
    std::uint32_t position = 0;
    for (std::uint64_t at = 0; at < header_.slot_count; ++at)
      if (slots_[at].count != 0) slots_[at].first = position += slots_[at].count;
    workers_.each(tasks_, [&](std::uint32_t task, std::uint32_t) { list_ids_of_parts(task, rows); });
    batch one;
    for (const part& its : parts_)
      for (auto i = static_cast<std::uint32_t>(its.waiting.size()); i-- > 0;) {
        prepare_one(its.waiting[i], one);
        rows[--slots_[find_around(its.waiting[i], one)].first] = of_.id_of(its.waiting[i]);
      }
  }
  /// From the last row to the first, each list from its end to its beginning, so that rows stay in order.
  void list_ids_of_parts(std::uint32_t task, std::uint32_t* ids) const noexcept {
    batch at;
    Slot* const table = slots_;
    const std::uint64_t size = part_slots_, all_parts = part_count_;
    const bool fetch = prefetch_;
    for (std::uint32_t number = (of_.joinable_count_ - 1) / vector_rows + 1; number-- > 0;) {
      const std::uint32_t first = number * vector_rows;
      for (std::uint32_t i = prepare(task, first, at); i-- > 0;) {
        if (fetch && i >= detail::join_prefetch_ahead)
          __builtin_prefetch(table + at.places[i - detail::join_prefetch_ahead], 1);
        const std::uint32_t row = first + at.rows[i];
        const std::uint64_t end = (detail::place_of(at.hashes[i], all_parts) + 1) * size;
        const std::uint64_t found = detail::find_join_slot(table, at.places[i], end,
                                                           [&](const Slot& slot) { return equals(slot, at, row, i); });
        if (found != end) ids[--table[found].first] = of_.id_of(row);
      }
    }
  }

  const join_builder& of_;
  detail::join_header& header_;
  const plan& how_;
  const crew& workers_;
  Slot* slots_;
  std::uint64_t* filter_;
  std::byte* texts_;
  std::byte* memory_;  ///< the table's, in which header.rows_at is known when all entries are
  bool generic_;
  bool prefetch_;
  std::uint32_t part_count_;
  std::uint32_t tasks_;
  std::uint64_t part_slots_;
  std::uint64_t text_used_ = 0;  ///< a single task's
  std::vector<part> parts_;
};

}  // namespace PILLAR_NAMESPACE
