// SPDX-License-Identifier: Apache-2.0
/// A plain pool of threads that the user creates and owns: the caller of `bulk` works too, idle workers park.
///
/// A pool of n workers starts n − 1 threads; the n-th worker of a bulk is the thread that called it, so a bulk never
/// waits for a free thread: nested and concurrent bulks cannot deadlock, at worst they run on their caller. Idle
/// threads join the open bulk that has the fewest helpers, so that queries side by side share them.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/config.hpp"
#include "pillar/base/result.hpp"
#include "pillar/schedule/executor.hpp"  // executor, bulk_body

namespace PILLAR_NAMESPACE {

namespace detail {
struct worker_pool_state;
}

/// Errors:   create → invalid_argument (0 or more than max_worker_count), out_of_memory, limit_exceeded (position = the
///           threads that could be started; they are ended again)
/// Requires: no bulk is running when the pool is destroyed or moved, nor when the process forks; a child has no workers
/// Cost:     bulk: a lock at both ends and per helper that joins, one fetch_add per chunk of indices, a wake of
///           0.7 µs when threads are parked; no allocation after create. Idle: no processor time
/// Threads:  bulk and concurrency from anywhere, also from inside a body
/// Example:  examples/alone_pool/main.cpp
class worker_pool {
 public:
  static constexpr std::uint32_t max_worker_count = 4096;

  /// Starts worker_count − 1 threads; `stack_bytes` is each one's stack, 0 = the system's default; queries and
  /// aggregators want 512 KiB. A good worker_count for a process of its own is available_concurrency().
  [[nodiscard]] PILLAR_API static result<worker_pool> create(std::uint32_t worker_count,
                                                             std::size_t stack_bytes = 0) noexcept;

  /// The same for programs that take what they get: as many threads as the system grants, which concurrency() tells; at
  /// worst none, and bulks then run on their callers. A worker_count outside [1, max_worker_count] is moved into it.
  PILLAR_API explicit worker_pool(std::uint32_t worker_count) noexcept;

  worker_pool(worker_pool&& other) noexcept : state_(other.state_), worker_count_(other.worker_count_) {
    other.state_ = nullptr;
    other.worker_count_ = 1;
  }
  worker_pool& operator=(worker_pool&& other) noexcept {
    worker_pool taken(static_cast<worker_pool&&>(other));
    detail::worker_pool_state* const state = state_;
    const std::uint32_t worker_count = worker_count_;
    state_ = taken.state_;
    worker_count_ = taken.worker_count_;
    taken.state_ = state;
    taken.worker_count_ = worker_count;
    return *this;
  }
  /// Ends and joins the threads.
  PILLAR_API ~worker_pool();

  /// As the laws of `executor` say. The caller is worker 0, the pool's threads are 1 … concurrency() − 1.
  PILLAR_API void bulk(std::uint32_t count, bulk_body body) noexcept;

  /// Threads + 1. A pool that was moved from has no threads and runs everything on the caller.
  [[nodiscard]] std::uint32_t concurrency() const noexcept { return worker_count_; }

 private:
  worker_pool(detail::worker_pool_state* state, std::uint32_t worker_count) noexcept
      : state_(state), worker_count_(worker_count) {}
  detail::worker_pool_state* state_;  // at one address for its threads; nullptr when there are none
  std::uint32_t worker_count_;
};
static_assert(executor<worker_pool>);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/schedule/impl/worker_pool.hpp"
#endif
