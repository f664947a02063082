// SPDX-License-Identifier: Apache-2.0
/// Definitions of schedule/slice_cursor.hpp.
#pragma once
#include <atomic>
#include <cstddef>
#include <new>      // placement new, std::launder
#include <utility>  // std::move

#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/schedule/slice_cursor.hpp"

namespace PILLAR_NAMESPACE::detail {

/// A pitch of 128 bytes keeps the words of two slices out of one pair of lines, which prefetchers fetch together, even
/// where the array starts at an odd line. (std::hardware_destructive_interference_size is not ABI-stable.)
struct slice_cursor {
  std::atomic<std::uint64_t> next_row{0};      // may pass row_count by one morsel per worker
  std::uint64_t row_count = 0;                 // constant
  std::atomic<std::uint64_t> stolen_count{0};  // beside the cursor: the thief owns this line already
  std::byte unused[104];

  /// All orders here are relaxed: a cursor only splits numbers among workers, and fetch_add's atomicity alone gives
  /// each row to one of them. The rows' contents are older than the bulk that reads them, results are ordered by its
  /// end.
  [[nodiscard]] std::uint64_t rows_left() const noexcept {
    const std::uint64_t next = next_row.load(std::memory_order_relaxed);
    return next < row_count ? row_count - next : 0;
  }
  /// The load first keeps an empty slice's line shared, and the overshoot below one morsel per worker.
  [[nodiscard]] bool take(std::uint64_t morsel_rows, morsel& taken) noexcept {
    if (rows_left() == 0) return false;
    const std::uint64_t begin = next_row.fetch_add(morsel_rows, std::memory_order_relaxed);
    if (begin >= row_count) return false;
    taken.begin = begin;
    taken.end = PILLAR_MUTATE(schedule_morsel_past_slice, morsel_rows > row_count - begin, false) ? row_count
                                                                                                  : begin + morsel_rows;
    return true;
  }
};
static_assert(sizeof(slice_cursor) == 128);

inline slice_cursor* as_cursors(buffer& memory) noexcept {
  return std::launder(reinterpret_cast<slice_cursor*>(memory.data()));
}
inline const slice_cursor* as_cursors(const buffer& memory) noexcept {
  return std::launder(reinterpret_cast<const slice_cursor*>(memory.data()));
}

}  // namespace PILLAR_NAMESPACE::detail

namespace PILLAR_NAMESPACE {

PILLAR_API result<slice_cursors> slice_cursors::create(std::span<const std::uint64_t> slice_rows,
                                                       std::uint32_t worker_count, memory_budget* budget) noexcept {
  if (worker_count == 0) return errc::invalid_argument;
  if (slice_rows.size() > (std::uint64_t{1} << 31)) return {errc::limit_exceeded, slice_rows.size()};
  slice_cursors made;
  PILLAR_ASSIGN_OR_RETURN(made.cursors_, buffer::allocate(slice_rows.size() * sizeof(detail::slice_cursor), budget));
  made.slice_count_ = static_cast<std::uint32_t>(slice_rows.size());
  made.worker_count_ = worker_count;
  for (std::size_t slice = 0; slice < slice_rows.size(); ++slice) {
    if (slice_rows[slice] > max_rows || slice_rows[slice] > max_rows - made.row_count_)
      return {errc::limit_exceeded, slice};
    auto* cursor = ::new (made.cursors_.data() + slice * sizeof(detail::slice_cursor)) detail::slice_cursor;
    cursor->row_count = slice_rows[slice];
    made.row_count_ += slice_rows[slice];
  }
  return made;
}

PILLAR_API morsel slice_cursors::next(std::uint32_t worker, std::uint64_t morsel_rows) noexcept {
  PILLAR_ASSERT(morsel_rows >= 1 && morsel_rows <= (std::uint64_t{1} << 32));
  morsel taken;
  if (slice_count_ == 0) return taken;
  detail::slice_cursor* cursors = detail::as_cursors(cursors_);
  const std::uint32_t home = worker % worker_count_;
  for (std::uint64_t slice = home; slice < slice_count_; slice += worker_count_) {
    if (!cursors[slice].take(morsel_rows, taken)) continue;
    taken.slice = static_cast<std::uint32_t>(slice);
    return taken;
  }
  // Each turn either takes a morsel or has seen others take the rest of a slice, so the loop ends.
  while (true) {
    std::uint32_t fullest = 0;
    std::uint64_t most_rows = 0;
    for (std::uint32_t slice = 0; slice < slice_count_; ++slice) {
      const std::uint64_t rows = cursors[slice].rows_left();
      if (rows <= most_rows) continue;
      most_rows = rows;
      fullest = slice;
    }
    if (most_rows == 0) return taken;
    if (!cursors[fullest].take(morsel_rows, taken)) continue;
    cursors[fullest].stolen_count.fetch_add(1, std::memory_order_relaxed);
    taken.slice = fullest;
    taken.is_stolen = true;
    return taken;
  }
}

PILLAR_API std::uint64_t slice_cursors::rows_left() const noexcept {
  std::uint64_t rows = 0;
  for (std::uint32_t slice = 0; slice < slice_count_; ++slice) rows += detail::as_cursors(cursors_)[slice].rows_left();
  return rows;
}

PILLAR_API std::uint64_t slice_cursors::stolen_count() const noexcept {
  std::uint64_t count = 0;
  for (std::uint32_t slice = 0; slice < slice_count_; ++slice)
    count += detail::as_cursors(cursors_)[slice].stolen_count.load(std::memory_order_relaxed);
  return count;
}

}  // namespace PILLAR_NAMESPACE
