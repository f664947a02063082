// SPDX-License-Identifier: Apache-2.0
/// Where the bytes of stored blocks come from: a `block_source` pins a block by its id for as long as it is looked at.
///
/// | source | when |
/// |---|---|
/// | `memory_source` | the whole file is in memory already |
/// | `mapped_source` | the file is mapped; the system's page cache is the cache |
/// | `ranged_source` | extents are read into a cache of a given size, ahead of need, several at once |
/// | yours | an object store, a cache of your own |
///
/// A source gives bytes and vouches for nothing: who opens a block compares its checksum with the one that the
/// directory keeps, so that a block which is damaged, misplaced or of another time is noticed (row_group.hpp).
#pragma once
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>  // std::shared_ptr
#include <mutex>
#include <span>
#include <type_traits>
#include <vector>

#include "pillar/base/buffer.hpp"
#include "pillar/base/env.hpp"   // readable_file
#include "pillar/base/file.hpp"  // mapped_file
#include "pillar/base/memory.hpp"
#include "pillar/base/result.hpp"

namespace PILLAR_NAMESPACE {

/// Names a block of a slice file. Given once: a block that is written anew has another.
using block_id = std::uint64_t;

/// Where a block lies in its file.
struct block_place {
  block_id id = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t extent = 0;
};

/// About 1 MiB of consecutive blocks: what one read brings.
struct extent_place {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// Where all blocks of a slice file lie.
///
/// Shape: blocks ascend by id; each lies within its extent
struct block_places {
  std::vector<extent_place> extents;
  std::vector<block_place> blocks;
  /// The block's place; nullptr where no block has the id, or none has it any more.
  [[nodiscard]] PILLAR_API const block_place* find(block_id id) const noexcept;
};

/// The bytes of a block, which stay where they are while the pin lives. Move only.
///
/// Requires: the source outlives the pin
class block_pin {
 public:
  using unpin_function = void (*)(void* source, std::uint64_t token) noexcept;

  block_pin() noexcept = default;
  explicit block_pin(std::span<const std::byte> bytes, void* source = nullptr, std::uint64_t token = 0,
                     unpin_function unpin = nullptr) noexcept
      : bytes_(bytes), source_(source), token_(token), unpin_(unpin) {}
  block_pin(block_pin&& other) noexcept { swap(other); }
  block_pin& operator=(block_pin&& other) noexcept {
    block_pin taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~block_pin() {
    if (unpin_ != nullptr) unpin_(source_, token_);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  void swap(block_pin& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(source_, other.source_);
    std::swap(token_, other.token_);
    std::swap(unpin_, other.unpin_);
  }
  std::span<const std::byte> bytes_{};
  void* source_ = nullptr;
  std::uint64_t token_ = 0;
  unpin_function unpin_ = nullptr;
};

/// pin(id): the block's bytes. announce(ids): these will be pinned soon, in this order; a hint that may be ignored.
///
/// Errors:   pin → invalid_argument (no block has that id; position = id), io_error, truncated, out_of_memory
/// Threads:  both may be called concurrently
template <class S>
concept block_source = requires(S& source, block_id id, std::span<const block_id> ids) {
  { source.pin(id) } -> std::same_as<result<block_pin>>;
  { source.announce(ids) } -> std::same_as<void>;
};

/// Any block source, shared by those who hold it.
class any_block_source {
 public:
  any_block_source() noexcept = default;
  template <block_source S>
  requires(!std::same_as<S, any_block_source>) any_block_source(std::shared_ptr<S> source)
  noexcept
      : source_(std::move(source)),
        pin_([](void* from, block_id id) -> result<block_pin> { return static_cast<S*>(from)->pin(id); }),
        announce_([](void* to, std::span<const block_id> ids) { static_cast<S*>(to)->announce(ids); }) {}

  [[nodiscard]] result<block_pin> pin(block_id id) const { return pin_(source_.get(), id); }
  void announce(std::span<const block_id> ids) const { announce_(source_.get(), ids); }
  [[nodiscard]] explicit operator bool() const noexcept { return source_ != nullptr; }

 private:
  std::shared_ptr<void> source_{};
  result<block_pin> (*pin_)(void*, block_id) = nullptr;
  void (*announce_)(void*, std::span<const block_id>) = nullptr;
};
static_assert(block_source<any_block_source>);

/// The blocks of a file that lies in memory.
///
/// Requires: the bytes outlive the source and are those that `places` was read from
class memory_source {
 public:
  memory_source(std::span<const std::byte> file, std::shared_ptr<const block_places> places) noexcept
      : file_(file), places_(std::move(places)) {}
  [[nodiscard]] PILLAR_API result<block_pin> pin(block_id id) const;
  void announce(std::span<const block_id>) const noexcept {}

 private:
  std::span<const std::byte> file_;
  std::shared_ptr<const block_places> places_;
};
static_assert(block_source<memory_source>);

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
  std::uint32_t reads_in_flight = 8;
  memory_budget* budget = nullptr;  ///< charged with the extents that are kept; outlives the source
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
#include "pillar/storage/impl/block_source.hpp"
#endif
