// SPDX-License-Identifier: Apache-2.0
/// Block sources over files: mapped, or read by extents into a cache.
#pragma once
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>  // std::shared_ptr
#include <mutex>
#include <span>
#include <vector>

#include "pillar/base/buffer.hpp"
#include "pillar/base/env.hpp"   // readable_file
#include "pillar/base/file.hpp"  // mapped_file
#include "pillar/base/memory.hpp"
#include "pillar/base/result.hpp"
#include "pillar/storage/block_source.hpp"

namespace PILLAR_NAMESPACE {

/// The blocks of a mapped file; what is announced is read ahead by the system.
class mapped_source {
 public:
  mapped_source(mapped_file file, std::shared_ptr<const block_places> places) noexcept
      : file_(std::move(file)), places_(std::move(places)) {}
  [[nodiscard]] PILLAR_API result<block_pin> pin(block_id id) const;
  PILLAR_API void announce(std::span<const block_id> ids) const;

 private:
  mapped_file file_;
  std::shared_ptr<const block_places> places_;
};
static_assert(block_source<mapped_source>);

/// A read to be done: fills `into` from `offset`.
struct extent_read {
  std::uint64_t offset = 0;
  std::span<std::byte> into{};
  std::uint64_t tag = 0;  ///< comes back when it is done
};
/// A read that was done, or failed.
struct extent_read_done {
  std::uint64_t tag = 0;
  failure why{};
};

/// Reads that are begun and finished apart, so that several are under way at once: submit() begins one and does not
/// wait; complete() waits for any one of them.
///
/// Requires: complete() is called once for each submit()
/// Threads:  both may be called concurrently
template <class R>
concept extent_reads = requires(R& reads, const extent_read& read) {
  { reads.submit(read) } -> std::same_as<void>;
  { reads.complete() } -> std::same_as<extent_read_done>;
};

/// Any reads by reference.
///
/// Requires: they outlive the reference
class extent_reads_ref {
 public:
  template <extent_reads R>
  requires(!std::same_as<R, extent_reads_ref>) extent_reads_ref(R& reads)
  noexcept
      : reads_(__builtin_addressof(reads)),
        submit_([](void* to, const extent_read& read) { static_cast<R*>(to)->submit(read); }),
        complete_([](void* of) -> extent_read_done { return static_cast<R*>(of)->complete(); }) {}
  void submit(const extent_read& read) const { submit_(reads_, read); }
  [[nodiscard]] extent_read_done complete() const { return complete_(reads_); }

 private:
  void* reads_;
  void (*submit_)(void*, const extent_read&);
  extent_read_done (*complete_)(void*);
};

/// Reads of a file, without threads of their own: submit() tells the file what it will need, where the file listens
/// (posix_file passes it to the system, which reads meanwhile); complete() reads the oldest. Workers that wait at the
/// same time read side by side.
///
/// Requires: the file outlives it
template <readable_file File>
class file_reads {
 public:
  explicit file_reads(const File& file) noexcept : file_(&file) {}
  void submit(const extent_read& read) {
    if constexpr (requires { file_->will_need(read.offset, std::uint64_t{read.into.size()}); })
      file_->will_need(read.offset, read.into.size());
    const std::lock_guard<std::mutex> held(lock_);
    waiting_.push_back(read);
  }
  [[nodiscard]] extent_read_done complete() {
    extent_read next;
    {
      const std::lock_guard<std::mutex> held(lock_);
      PILLAR_ASSERT(!waiting_.empty());
      next = waiting_.front();
      waiting_.pop_front();
    }
    return {next.tag, file_->read_at(next.offset, next.into).error()};
  }

 private:
  const File* file_;
  std::mutex lock_{};
  std::deque<extent_read> waiting_{};
};

/// How a ranged_source reads and keeps.
struct ranged_settings {
  /// Extents kept; more only while all of them are pinned.
  std::uint64_t cache_bytes = std::uint64_t{64} << 20;
  std::uint32_t reads_in_flight = 8;  ///< ahead of need; who pins what is not there adds one
  memory_budget* budget = nullptr;    ///< charged with the extents that are kept; outlives the source
};

/// What a ranged_source has done so far.
struct ranged_counters {
  std::uint64_t reads = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t most_in_flight = 0;
  std::uint64_t evictions = 0;
};

/// Reads whole extents into a cache: a block's neighbours come with it. What is announced is read ahead, so that up to
/// `reads_in_flight` reads are under way; who waits for an extent finishes reads meanwhile, whosever they are.
///
/// Requires: `reads` outlives the source
/// Errors:   those of block_source; a read that failed is reported to the first who pins, then tried again
/// Threads:  pin, announce and counters concurrently; it starts no thread
class ranged_source {
 public:
  PILLAR_API ranged_source(extent_reads_ref reads, std::shared_ptr<const block_places> places,
                           ranged_settings settings = {});
  /// Waits for the reads in flight.
  PILLAR_API ~ranged_source();
  ranged_source(const ranged_source&) = delete;
  ranged_source& operator=(const ranged_source&) = delete;

  [[nodiscard]] PILLAR_API result<block_pin> pin(block_id id);
  PILLAR_API void announce(std::span<const block_id> ids);
  [[nodiscard]] PILLAR_API ranged_counters counters() const;

 private:
  enum class extent_state : std::uint8_t { absent, reading, ready, failed };
  struct kept_extent {
    buffer bytes;
    extent_state state = extent_state::absent;
    bool announced = false;  ///< stands in queue_
    bool used = false;       ///< was pinned since it was read
    std::uint32_t pins = 0;
    std::uint64_t last_used = 0;
    failure why{};
  };

  PILLAR_API static void unpin(void* source, std::uint64_t extent) noexcept;
  result<void> begin_read(std::uint32_t extent);
  bool evict(bool anyhow);
  bool make_room(std::uint64_t bytes, bool anyhow);
  void read_ahead();
  void finish_a_read(std::unique_lock<std::mutex>& held);

  extent_reads_ref reads_;
  std::shared_ptr<const block_places> places_;
  ranged_settings settings_;
  mutable std::mutex lock_{};
  std::condition_variable read_done_{};
  std::vector<kept_extent> extents_;
  std::deque<std::uint32_t> queue_{};  ///< announced and not yet read
  std::uint64_t held_bytes_ = 0;
  std::uint64_t clock_ = 0;
  std::uint64_t in_flight_ = 0;
  std::uint64_t unclaimed_ = 0;  ///< reads in flight that nobody waits for
  ranged_counters counters_{};
};
static_assert(block_source<ranged_source>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/file_source.hpp"
#endif
