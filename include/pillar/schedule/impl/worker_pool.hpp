// SPDX-License-Identifier: Apache-2.0
/// Definitions of schedule/worker_pool.hpp.
///
/// Two levels. Joining a bulk, leaving it and falling asleep happen under one mutex: a few times per bulk and worker.
/// Taking indices is lock-free, one fetch_add per chunk. So the parking protocol needs no cleverness: a worker that
/// finds nothing reads the epoch in the same critical section in which it looked; whoever publishes a bulk later raises
/// the epoch, and the futex compares.
#pragma once
#include <pthread.h>

#include <atomic>
#include <mutex>
#include <new>  // std::nothrow

#include "pillar/base/mutant.hpp"     // PILLAR_MUTATE
#include "pillar/schedule/futex.hpp"  // futex_wait, futex_wake
#include "pillar/schedule/worker_pool.hpp"

namespace PILLAR_NAMESPACE::detail {

/// One call of bulk; lives on its caller's stack, which leaves only when no helper is inside.
struct bulk_job {
  bulk_job(std::uint32_t index_count, std::uint32_t indices_per_chunk, bulk_body what) noexcept
      : body(what), count(index_count), chunk(indices_per_chunk) {}

  const bulk_body body;
  const std::uint64_t count;
  const std::uint64_t chunk;
  // Guarded by the pool's mutex:
  bulk_job* before = nullptr;
  bulk_job* after = nullptr;
  std::uint32_t helper_count = 0;
  bool is_closed = false;                  // unlinked; the caller waits for the helpers that are still inside
  std::atomic<std::uint32_t> all_left{0};  // the futex word of that wait
  // The only word that workers fight for, away from what they read.
  alignas(128) std::atomic<std::uint64_t> next_index{0};

  /// Relaxed: a hint for choosing a job and for not overshooting; run() decides.
  [[nodiscard]] bool has_unclaimed() const noexcept { return next_index.load(std::memory_order_relaxed) < count; }

  /// Takes chunks until none is left. Relaxed fetch_add: its atomicity gives each index to one worker; what bodies read
  /// and write is ordered by the mutex at joining and leaving. The word cannot wrap: 64 bits, 32-bit counts.
  void run(std::uint32_t worker) noexcept {
    while (has_unclaimed()) {
      const std::uint64_t first = next_index.fetch_add(chunk, std::memory_order_relaxed);
      const std::uint64_t last = first + chunk < count ? first + chunk : count;
      for (std::uint64_t index = first; index < last; ++index) body(static_cast<std::uint32_t>(index), worker);
    }
  }
};

/// The open jobs and the sleepers: all of the pool but its threads.
class job_board {
 public:
  /// The caller's side: publishes, works, closes, waits for helpers.
  void run_as_caller(bulk_job& job) noexcept {
    publish(job);
    job.run(0);
    std::unique_lock lock(mutex_);
    unlink(job);
    job.is_closed = true;
    // The lock is taken again after each wake, so the last helper, which wakes under it, has let go of the job.
    while (job.helper_count != 0) {
      lock.unlock();
      futex_wait(job.all_left, 0);
      lock.lock();
    }
  }

  /// A thread's whole life: join a job, work, leave; sleep when there is none; return when the pool stops.
  void run_as_helper(std::uint32_t worker) noexcept {
    std::unique_lock lock(mutex_);
    while (!is_stopping_) {
      bool is_more_open = false;
      bulk_job* const job = choose(is_more_open);
      if (job == nullptr) {
        ++sleeper_count_;
        const std::uint32_t seen = epoch_.load(std::memory_order_relaxed);
        lock.unlock();
        futex_wait(epoch_, seen);
        lock.lock();
        --sleeper_count_;
        continue;
      }
      ++job->helper_count;
      // Wakes spread as a binary tree: the publisher wakes one, which wakes two if there is work for them. A short bulk
      // is over before it disturbs many, a long one has all n workers after log2(n) wakes.
      const std::uint32_t wakes = is_more_open ? (sleeper_count_ < 2 ? sleeper_count_ : 2) : 0;
      lock.unlock();
      if (wakes != 0) futex_wake(epoch_, wakes);
      job->run(worker);
      lock.lock();
      if (--job->helper_count == 0 && job->is_closed) {
        job->all_left.store(1, std::memory_order_relaxed);
        futex_wake(job->all_left, 1);
      }
    }
  }

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      is_stopping_ = true;
      raise_epoch();
    }
    futex_wake(epoch_, ~std::uint32_t{0});
  }

 private:
  void publish(bulk_job& job) noexcept {
    bool is_anyone_asleep = false;
    {
      const std::lock_guard lock(mutex_);
      PILLAR_ASSERT(!is_stopping_);
      job.before = last_;
      if (last_ != nullptr) last_->after = &job;
      else first_ = &job;
      last_ = &job;
      if (PILLAR_MUTATE(schedule_publish_without_epoch, true, false)) raise_epoch();
      is_anyone_asleep = PILLAR_MUTATE(schedule_publish_without_wake, sleeper_count_ != 0, false);
    }
    if (is_anyone_asleep) futex_wake(epoch_, 1);
  }

  void unlink(bulk_job& job) noexcept {
    if (job.before != nullptr) job.before->after = job.after;
    else first_ = job.after;
    if (job.after != nullptr) job.after->before = job.before;
    else last_ = job.before;
  }

  /// The open job with the fewest helpers, the oldest of equals; `is_more_open` when others could work as well.
  [[nodiscard]] bulk_job* choose(bool& is_more_open) const noexcept {
    bulk_job* best = nullptr;
    std::uint32_t open_count = 0;
    for (bulk_job* job = first_; job != nullptr; job = job->after) {
      if (!job->has_unclaimed()) continue;
      ++open_count;
      if (best == nullptr || job->helper_count < best->helper_count) best = job;
    }
    is_more_open = open_count > 1 ||
                   (best != nullptr && best->next_index.load(std::memory_order_relaxed) + best->chunk < best->count);
    return best;
  }

  /// Under the mutex, so a load and a store do. Relaxed: the mutex orders it for threads, the kernel reads the word
  /// itself.
  void raise_epoch() noexcept { epoch_.store(epoch_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }

  std::mutex mutex_;
  bulk_job* first_ = nullptr;  // open jobs in order of arrival, linked through them
  bulk_job* last_ = nullptr;
  std::uint32_t sleeper_count_ = 0;
  bool is_stopping_ = false;
  std::atomic<std::uint32_t> epoch_{0};  // the futex word of idle threads
};

struct pool_thread {
  pthread_t handle;
  job_board* board;
  std::uint32_t worker;
};

struct worker_pool_state {
  job_board board;
  std::uint32_t thread_count = 0;
  pool_thread* threads = nullptr;

  ~worker_pool_state() {
    board.stop();
    for (std::uint32_t i = 0; i < thread_count; ++i) pthread_join(threads[i].handle, nullptr);
    delete[] threads;
  }
};

inline void* run_pool_thread(void* argument) noexcept {
  auto* const self = static_cast<pool_thread*>(argument);
  self->board->run_as_helper(self->worker);
  return nullptr;
}

/// pthread_create itself: std::thread reports failure by an exception.
inline bool start_pool_thread(pool_thread& thread, std::size_t stack_bytes) noexcept {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  bool is_started = stack_bytes == 0 || pthread_attr_setstacksize(&attributes, stack_bytes) == 0;
  is_started = is_started && pthread_create(&thread.handle, &attributes, &run_pool_thread, &thread) == 0;
  pthread_attr_destroy(&attributes);
  return is_started;
}

}  // namespace PILLAR_NAMESPACE::detail

namespace PILLAR_NAMESPACE {

namespace detail {

/// Starts up to `wanted` threads; those that run are counted in the state. errc::ok means all.
inline result<void> start_pool_threads(worker_pool_state& state, std::uint32_t wanted,
                                       std::size_t stack_bytes) noexcept {
  state.threads = new (std::nothrow) pool_thread[wanted];
  if (state.threads == nullptr) return errc::out_of_memory;
  for (std::uint32_t i = 0; i < wanted; ++i) {
    state.threads[i].board = &state.board;
    state.threads[i].worker = i + 1;
    if (!start_pool_thread(state.threads[i], stack_bytes)) return {errc::limit_exceeded, i};
    state.thread_count = i + 1;
  }
  return {};
}

}  // namespace detail

PILLAR_API result<worker_pool> worker_pool::create(std::uint32_t worker_count, std::size_t stack_bytes) noexcept {
  if (worker_count == 0 || worker_count > max_worker_count) return {errc::invalid_argument, worker_count};
  if (worker_count == 1) return worker_pool(nullptr, 1);
  auto* const state = new (std::nothrow) detail::worker_pool_state;
  if (state == nullptr) return errc::out_of_memory;
  worker_pool made(state, worker_count);  // owns the state from here on, also when it is given up half-way
  PILLAR_TRY(detail::start_pool_threads(*state, worker_count - 1, stack_bytes));
  return made;
}

PILLAR_API worker_pool::worker_pool(std::uint32_t worker_count) noexcept : state_(nullptr), worker_count_(1) {
  if (worker_count <= 1) return;
  if (worker_count > max_worker_count) worker_count = max_worker_count;
  auto* const state = new (std::nothrow) detail::worker_pool_state;
  if (state == nullptr) return;
  if (detail::start_pool_threads(*state, worker_count - 1, 0).ok() || state->thread_count != 0) {
    state_ = state;
    worker_count_ = state->thread_count + 1;
  } else {
    delete state;
  }
}

PILLAR_API worker_pool::~worker_pool() { delete state_; }

PILLAR_API void worker_pool::bulk(std::uint32_t count, bulk_body body) noexcept {
  if (state_ == nullptr || count <= 1) {
    for (std::uint32_t index = 0; index < count; ++index) body(index, 0);
    return;
  }
  // Sixteen chunks per worker leave at most about 1/16 of a worker's share to wait for at the end.
  const std::uint32_t chunk = count / worker_count_ / 16;
  detail::bulk_job job(count, chunk > 1 ? chunk : 1, body);
  state_->board.run_as_caller(job);
}

}  // namespace PILLAR_NAMESPACE
