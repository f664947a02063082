// SPDX-License-Identifier: Apache-2.0
/// Taking rows of both sides: in memory, or to runs.
#pragma once
#include <utility>

#include "pillar/base/mutant.hpp"           // PILLAR_MUTATE
#include "pillar/column/detail/gather.hpp"  // list_rows
#include "pillar/hash/column.hpp"           // hash_rows
#include "pillar/join/impl/joined_batch.hpp"
#include "pillar/join/impl/spilled_partitions.hpp"
#include "pillar/join/spilling_join.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API spilling_join::~spilling_join() {
  drop(build_runs_);
  drop(probe_runs_);
}

PILLAR_API result<spilling_join> spilling_join::make(const join_side& build, const join_side& probe, join_kind kind,
                                                     memory_budget* budget, const spilling_join_options& options) {
  PILLAR_ASSERT(options.partition_bits >= 1 && options.partition_bits <= 8 && options.worker_count > 0);
  if (build.keys.empty() || build.keys.size() != probe.keys.size()) return errc::invalid_argument;
  for (std::size_t i = 0; i < build.keys.size(); ++i)
    if (build.keys[i] >= build.types.size() || probe.keys[i] >= probe.types.size() ||
        !detail::join_words_agree(build.types[build.keys[i]].physical, probe.types[probe.keys[i]].physical))
      return errc::invalid_argument;
  if (is_null_aware(kind) && (build.keys.size() != 1 || options.condition != nullptr)) return errc::invalid_argument;
  spilling_join made;
  made.options_ = options;
  made.kind_ = kind;
  made.build_ = build;
  made.probe_ = probe;
  for (join_side* side : {&made.build_, &made.probe_})  // batches may hold NULLs whatever the side's types say
    for (data_type& type : side->types) type = type.as_nullable();
  made.budget_ = budget;
  made.state_budget_ = std::make_unique<memory_budget>(memory_budget::unlimited, budget);
  made.in_memory_ = std::make_unique<loaded>();
  made.in_memory_->budget = made.state_budget_.get();
  made.in_memory_->rows = detail::stored_rows(made.build_.types, made.state_budget_.get());
  made.resident_ = made.partition_count();
  made.probers_.resize(options.worker_count);
  for (std::uint32_t worker = 0; worker < options.worker_count; ++worker) {
    prober& one = made.probers_[worker];
    one.number = worker;
    // Here, since one that never probes may yet deliver rows of the build side.
    one.probe_views.resize(PILLAR_MUTATE(join_spill_idle_worker, made.probe_.types.size(), 0));
    one.build_views.resize(PILLAR_MUTATE(join_spill_idle_worker, made.build_.types.size(), 0));
    one.sources.resize(made.probe_.types.size());
  }
  return made;
}

inline result<void> spilling_join::may_go_on() const {
  return options_.may_go_on == nullptr ? result<void>() : (*options_.may_go_on)();
}

inline result<void> spilling_join::remember(result<void> done) noexcept {
  if (!done.ok()) failed_ = done.error();
  return done;
}

/// A run for each partition from `first` on, and one behind them all.
inline result<void> spilling_join::open_runs(spilled_side& side, std::span<const data_type> types,
                                             std::uint32_t first) {
  side.runs.assign(partition_count() + 1, no_run);
  side.row_counts.assign(partition_count() + 1, 0);
  for (std::uint32_t partition = first; partition < side.runs.size(); ++partition) {
    const auto opened = options_.store->open(types);
    if (!opened.ok()) {
      drop(side);
      return opened.error();
    }
    side.runs[partition] = *opened;
  }
  return {};
}

inline void spilling_join::drop(spilled_side& side) noexcept {
  for (const std::uint32_t run : side.runs)
    if (run != no_run) options_.store->drop(run);
  side.runs.clear();
}

inline void spilling_join::count_bytes(const spilled_side& side) noexcept {
  for (const std::uint32_t run : side.runs)
    if (run != no_run) spilled_bytes_ += options_.store->bytes_of(run);
}

PILLAR_API std::uint64_t spilling_join::spilled_rows() const noexcept {
  std::uint64_t total = 0;
  const auto add = [&](const std::vector<std::uint64_t>& row_counts) {
    for (const std::uint64_t count : row_counts) total += count;
  };
  add(build_runs_.row_counts);
  for (const prober& one : probers_) add(one.row_counts);
  return total;
}

PILLAR_API std::uint64_t spilling_join::most_partners(bool exactly) const noexcept {
  PILLAR_ASSERT(in_memory_ != nullptr && in_memory_->table);
  const join_table& table = *in_memory_->table;
  std::uint64_t most = exactly || table.keys_are_unique() ? table.most_partners() : table.row_count();
  for (std::uint32_t partition = 0; spills() && partition < partition_count(); ++partition)
    if (build_runs_.row_counts[partition] > most) most = build_runs_.row_counts[partition];
  return most;
}

inline void spilling_join::list_keys(std::span<const vector* const> columns, const join_side& side,
                                     std::vector<const vector*>& keys) {
  keys.clear();
  for (const std::uint32_t key : side.keys) keys.push_back(columns[key]);
}

/// The rows whose key holds no NULL.
inline selection_mask spilling_join::joinable(std::span<const vector* const> keys,
                                              const selection_mask& rows) noexcept {
  selection_mask valid = rows;
  for (const vector* key : keys) {
    if (key->validity == nullptr) continue;
    for (std::uint32_t word = 0; word < vector_words; ++word) valid.words[word] &= key->validity_word(word);
  }
  return valid;
}

/// Appends rows to the runs of their partitions; those with NULL keys to the last one.
inline result<void> spilling_join::write(const spilled_side& side, std::vector<std::uint64_t>& row_counts,
                                         std::span<const vector* const> columns, const selection_mask& rows,
                                         const selection_mask& null_keys, const std::uint64_t* hashes,
                                         std::uint32_t row_count) {
  const auto run_of = [&](std::uint32_t row) {
    return null_keys.test(row) ? partition_count() : partition_of(hashes[row]);
  };
  std::uint16_t listed[vector_rows], sorted[vector_rows], ends[(1 << 8) + 1] = {};
  const std::uint32_t count = detail::list_rows(rows.words, listed);
  for (std::uint32_t i = 0; i < count; ++i) ++ends[run_of(listed[i])];
  std::uint16_t end = 0;
  for (std::size_t run = 0; run < side.runs.size(); ++run) {
    const std::uint16_t in_run = ends[run];
    ends[run] = end;
    end = static_cast<std::uint16_t>(end + in_run);
  }
  for (std::uint32_t i = 0; i < count; ++i) sorted[ends[run_of(listed[i])]++] = listed[i];
  for (std::uint32_t first = 0; first < count;) {
    const std::uint32_t run = run_of(sorted[first]), last = ends[run];
    selection_mask mask = selection_mask::none();
    for (std::uint32_t i = first; i < last; ++i) set_bit(mask.words, sorted[i]);
    PILLAR_TRY(options_.store->append(side.runs[run], columns, &mask, row_count));
    row_counts[run] += last - first;
    first = last;
  }
  return {};
}

// ---- the build side -------------------------------------------------------------------------------------------------

PILLAR_API result<void> spilling_join::append(std::span<const vector* const> columns, const selection_mask& selection,
                                              std::uint32_t row_count) {
  if (failed_.code != errc::ok) return failed_;
  PILLAR_ASSERT(!in_memory_->table && columns.size() == build_.types.size() && row_count <= vector_rows);
  list_keys(columns, build_, keys_);
  const selection_mask valid = joinable(keys_, selection);
  selection_mask null_keys = selection;
  detail::remove_rows(null_keys, valid);
  const bool has_rows = selection.any(), has_null = null_keys.any();
  const auto done = add(columns, keeps_build_rows(kind_) ? selection : valid, null_keys, row_count);
  if (!done.ok()) return spills() ? remember(done) : done;
  build_has_rows_ = build_has_rows_ || has_rows;
  build_has_null_ = build_has_null_ || has_null;
  return {};
}

/// Rows to memory or to runs, giving up partitions until one or the other is possible.
inline result<void> spilling_join::add(std::span<const vector* const> columns, const selection_mask& selection,
                                       const selection_mask& null_keys, std::uint32_t row_count) {
  selection_mask rest = selection;
  detail::stored_rows& rows = in_memory_->rows;
  if (options_.store == nullptr) return rows.append(columns, rest);
  std::uint64_t hashes[vector_rows];
  for (;;) {
    if (spills()) {
      list_keys(columns, build_, keys_);
      hash_rows(keys_, row_count, hashes);
      selection_mask out = selection_mask::none();
      for_each_row(rest, [&](std::uint32_t row) {
        if (null_keys.test(row) || partition_of(hashes[row]) >= resident_) set_bit(out.words, row);
      });
      detail::remove_rows(rest, out);
      PILLAR_TRY(write(build_runs_, build_runs_.row_counts, columns, out, null_keys, hashes, row_count));
    }
    if (!rest.any()) return {};
    if (fits(state_budget_->used(), rows.row_count() + rest.count(), 1)) {
      const auto done = rows.append(columns, rest);
      if (done.ok() || done.error().code != errc::out_of_memory) return done;
    }
    PILLAR_TRY(give_up(resident_ / 2));
  }
}

/// Whether so many rows, of which some are held, may be in memory, with the table that is made of them: by state_bytes,
/// and by what others leave of the budget, of which a quarter stays free for the store. `sharing`: how many parts of the
/// join are in memory at a time.
inline bool spilling_join::fits(std::uint64_t held, std::uint64_t row_count, std::uint32_t sharing) const noexcept {
  const std::uint64_t needed = needed_bytes(held, row_count);
  const std::uint64_t available = budget_ == nullptr ? memory_budget::unlimited : budget_->available();
  if (available != memory_budget::unlimited && needed > (state_budget_->used() + available) / 4 * 3 / sharing)
    return false;
  return options_.state_bytes == 0 || needed <= options_.state_bytes / sharing;
}

/// Memory that so many rows take with their table, before it is made: at most, but for texts, of which little is known.
inline std::uint64_t spilling_join::needed_bytes(std::uint64_t held, std::uint64_t row_count) const noexcept {
  std::uint64_t of_row = 40, of_keys = 0;  // two slots of 16 bytes, their bits of a filter, a row id
  bool texts = false;
  for (const std::uint32_t key : build_.keys) {
    const physical_type physical = build_.types[key].physical;
    texts = texts || physical == physical_type::text;
    of_keys += byte_width(physical) <= 8 ? 8 : 16;
  }
  of_row += of_keys;                                            // the builder's copy
  if (texts || build_.keys.size() > 1) of_row += 24 + of_keys;  // wider slots, and the keys as entries beside them
  if (keeps_build_rows(kind_)) of_row += 12;                    // ids where keys may be NULL, while they grow
  return held + row_count * of_row + (texts ? 2 * held : 0);
}

/// Keeps the rows of partitions below `resident` and writes the others out.
inline result<void> spilling_join::give_up(std::uint32_t resident) {
  if (build_runs_.runs.empty()) PILLAR_TRY(open_runs(build_runs_, build_.types, 0));
  resident_ = resident;
  detail::stored_rows old = std::move(in_memory_->rows);
  in_memory_->rows = detail::stored_rows(build_.types, state_budget_.get());
  PILLAR_TRY(old.close());
  std::uint64_t hashes[vector_rows];
  for (std::size_t piece = 0; piece < old.piece_count(); ++piece) {
    PILLAR_TRY(may_go_on());
    PILLAR_TRY(old.for_each_batch(piece, [&](std::span<const vector* const> columns, std::uint32_t count) {
      list_keys(columns, build_, keys_);
      hash_rows(keys_, count, hashes);
      selection_mask out = selection_mask::first(count), kept = joinable(keys_, out), null_keys = out;
      detail::remove_rows(null_keys, kept);
      for_each_row(kept, [&](std::uint32_t row) {
        if (partition_of(hashes[row]) >= resident_) assign_bit(kept.words, row, false);
      });
      if (kept.any()) {
        auto done = in_memory_->rows.append(columns, kept);
        if (!done.ok() && done.error().code == errc::out_of_memory) {  // not even that: nothing stays
          kept = selection_mask::none();
          done = give_up(0);
        }
        if (!done.ok()) return done;
      }
      detail::remove_rows(out, PILLAR_MUTATE(join_spill_writes_kept_rows, kept, selection_mask::none()));
      return write(build_runs_, build_runs_.row_counts, columns, out, null_keys, hashes, count);
    }));
    old.forget(piece);
  }
  return {};
}

inline result<void> spilling_join::make_table(prober& by, loaded& of) {
  std::vector<data_type> types;
  for (const std::uint32_t key : build_.keys) types.push_back(build_.types[key]);
  of.table.reset();
  PILLAR_TRY(of.rows.close());
  if (of.rows.row_count() > join_builder::most_rows) return errc::limit_exceeded;
  PILLAR_ASSIGN_OR_RETURN(join_builder builder, join_builder::make(types, of.budget));
  PILLAR_TRY(builder.reserve(static_cast<std::uint32_t>(of.rows.row_count())));
  for (std::size_t piece = 0; piece < of.rows.piece_count(); ++piece) {
    PILLAR_TRY(may_go_on());
    PILLAR_TRY(of.rows.for_each_batch(piece, [&](std::span<const vector* const> columns, std::uint32_t count) {
      list_keys(columns, build_, by.keys);
      return builder.append(by.keys, selection_mask::first(count), count);
    }));
  }
  PILLAR_ASSIGN_OR_RETURN(join_table table, builder.seal());
  of.table.emplace(std::move(table));
  return {};
}

/// A cursor for these build rows, and memory for the views that are delivered.
inline result<void> spilling_join::make_ready(prober& by, const loaded& with) {
  by.cursor.reset();
  by.matches.reset();
  std::size_t bytes = probe_.types.size() * detail::probe_view_bytes;
  for (const data_type& type : build_.types) bytes += detail::stored_rows::gather_bytes(type);
  if (by.scratch.empty()) {
    PILLAR_ASSIGN_OR_RETURN(by.scratch, buffer::allocate(bytes, budget_));
  }
  const bool matched = keeps_build_rows(kind_);
  if (matched) {
    PILLAR_ASSIGN_OR_RETURN(join_matches made, join_matches::make(*with.table, state_budget_.get()));
    by.matches.emplace(std::move(made));
  }
  const join_kind kind = matched ? join_kind::right : gives_pairs(kind_) ? join_kind::inner : join_kind::mark;
  PILLAR_ASSIGN_OR_RETURN(join_cursor cursor,
                          join_cursor::make(*with.table, kind, matched ? &*by.matches : nullptr, budget_));
  by.cursor.emplace(std::move(cursor));
  return {};
}

/// The table of these rows, and a worker that is ready to probe it. On an error the rows are as before.
inline result<void> spilling_join::load(prober& by, loaded& of) {
  by.cursor.reset();
  by.matches.reset();
  auto done = make_table(by, of);
  if (done.ok()) done = make_ready(by, of);
  if (!done.ok()) of.table.reset();
  return done;
}

PILLAR_API result<void> spilling_join::seal() {
  if (failed_.code != errc::ok) return failed_;
  PILLAR_ASSERT(!in_memory_->table);
  for (;;) {
    auto done = load(probers_[0], *in_memory_);
    if (done.ok()) break;
    if (done.error().code == errc::out_of_memory && options_.store != nullptr && in_memory_->rows.row_count() != 0) {
      done = give_up(resident_ / 2);
      if (done.ok()) continue;
    }
    return spills() ? remember(done) : done;
  }
  if (!spills()) return {};
  for (const std::uint32_t run : build_runs_.runs) PILLAR_TRY(remember(options_.store->seal(run)));
  for (prober& one : probers_) one.row_counts.assign(partition_count() + 1, 0);
  return remember(open_runs(probe_runs_, probe_.types, resident_));
}

// ---- the probe side -------------------------------------------------------------------------------------------------

PILLAR_API result<void> spilling_join::probe(std::span<const vector* const> columns, const selection_mask& selection,
                                             std::uint32_t row_count, delivery take, std::uint32_t worker) {
  if (failed_.code != errc::ok) return failed_;
  prober& by = probers_[worker];
  if (by.failed.code != errc::ok) return by.failed;
  PILLAR_ASSERT(in_memory_->table && columns.size() == probe_.types.size() && row_count <= vector_rows);
  if (kind_ == join_kind::null_aware_anti && build_has_null_) return {};  // no row is known to have no partner
  const auto done = [&]() -> result<void> {
    if (!by.cursor) PILLAR_TRY(make_ready(by, *in_memory_));
    if (!spills()) return join_batch(by, *in_memory_, columns, selection, row_count, nullptr, true, take);
    list_keys(columns, probe_, by.keys);
    std::uint64_t hashes[vector_rows];
    hash_rows(by.keys, row_count, hashes);
    selection_mask rest = selection, out = selection_mask::none();
    for_each_row(joinable(by.keys, selection), [&](std::uint32_t row) {
      const std::uint32_t partition = partition_of(hashes[row]);
      if (partition >= resident_ && build_runs_.row_counts[partition] != 0) set_bit(out.words, row);
    });
    detail::remove_rows(rest, out);
    PILLAR_TRY(write(probe_runs_, by.row_counts, columns, out, selection_mask::none(), hashes, row_count));
    return join_batch(by, *in_memory_, columns, rest, row_count, nullptr, true, take);
  }();
  if (!done.ok() && spills()) by.failed = done.error();
  return done;
}

}  // namespace PILLAR_NAMESPACE
