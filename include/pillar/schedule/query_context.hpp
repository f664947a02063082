// SPDX-License-Identifier: Apache-2.0
/// What all workers of one query share: whether to stop and why, the deadline, the memory budget, the priority.
///
/// Passed explicitly, never through thread_local: the same thread may serve two queries in turn. Loops ask
/// `should_stop()` at each morsel; whoever fails, cancels or sees the deadline first sets the reason, and it stays.
#pragma once
#include <atomic>
#include <cstdint>
#include <limits>

#include "pillar/base/config.hpp"
#include "pillar/base/env.hpp"     // monotonic_clock, steady_clock
#include "pillar/base/memory.hpp"  // memory_budget
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/base/result.hpp"  // errc, failure, result

namespace PILLAR_NAMESPACE {

/// How a query ranks among others, in Redshift's five steps. The plain pool does not look at it yet.
enum class query_priority : std::uint8_t { lowest, low, normal, high, highest };

/// No deadline.
inline constexpr std::uint64_t no_deadline_ns = std::numeric_limits<std::uint64_t>::max();

/// What a query starts with.
struct query_settings {
  memory_budget* budget = nullptr;             ///< not owned; nullptr = nothing is counted
  std::uint64_t deadline_ns = no_deadline_ns;  ///< a time of the context's clock, not a duration
  query_priority priority = query_priority::normal;
};

/// Caller-owned and neither copied nor moved: workers hold references for the length of a query.
///
/// Units:    nanoseconds of the injected clock
/// Requires: clock and budget outlive the context
/// Errors:   error() → cancelled, deadline_exceeded (position = ns past the deadline when seen), or what fail() was
/// given Cost:     should_stop() one relaxed load; check_deadline() one clock read, none without a deadline; no
/// allocation Threads:  all members may be called concurrently; the clock is read from several threads
class query_context {
 public:
  /// A failure's position is kept up to this value and cut to it beyond: reason and position share one 64-bit word, so
  /// the first failure is one compare-exchange and never seen half-written.
  static constexpr std::uint64_t max_position = (std::uint64_t{1} << 56) - 1;

  explicit query_context(query_settings settings = {}) noexcept
      : deadline_ns_(settings.deadline_ns), budget_(settings.budget), priority_(settings.priority) {}

  /// With the caller's clock.
  template <monotonic_clock Clock>
  explicit query_context(Clock& clock, query_settings settings = {}) noexcept
      : deadline_ns_(settings.deadline_ns),
        clock_(&clock),
        read_clock_(&read<Clock>),
        budget_(settings.budget),
        priority_(settings.priority) {}

  query_context(const query_context&) = delete;
  query_context& operator=(const query_context&) = delete;

  /// Whether to return at the next morsel border. Relaxed: nothing is read on the strength of a `false`, and a `true`
  /// leads to error(), which acquires.
  [[nodiscard]] bool should_stop() const noexcept { return stop_word_.load(std::memory_order_relaxed) != 0; }

  /// Stops the query on the user's behalf.
  void cancel() noexcept { fail({errc::cancelled, 0}); }

  /// Stops the query with an error; true when it is the first, and so the one that error() keeps.
  /// Release: what the failing worker wrote before (a message, a row) is visible to whoever reads error().
  bool fail(failure why) noexcept {
    PILLAR_ASSERT(why.code != errc::ok);
    std::uint64_t running = 0;
    const std::uint64_t word = pack(why);
    if (PILLAR_MUTATE(schedule_last_error_wins, false, true)) {
      stop_word_.store(word, std::memory_order_release);
      return true;
    }
    return stop_word_.compare_exchange_strong(running, word, std::memory_order_release, std::memory_order_relaxed);
  }

  /// Stops the query if `now_ns` is not before the deadline: for callers that have read the clock anyway. Returns
  /// should_stop().
  bool check_deadline(std::uint64_t now_ns) noexcept {
    const std::uint64_t deadline = deadline_ns_.load(std::memory_order_relaxed);
    if (deadline != no_deadline_ns && now_ns >= deadline) fail({errc::deadline_exceeded, now_ns - deadline});
    return should_stop();
  }
  /// The same with the context's clock, which is read only when there is a deadline.
  bool check_deadline() noexcept {
    if (deadline_ns_.load(std::memory_order_relaxed) == no_deadline_ns) return should_stop();
    return check_deadline(now_ns());
  }

  /// The first reason to stop; errc::ok while running.
  [[nodiscard]] failure error() const noexcept { return unpack(stop_word_.load(std::memory_order_acquire)); }
  /// error() as a result, to return after the workers have joined.
  [[nodiscard]] result<void> status() const noexcept { return error(); }

  /// Moves the deadline, also while the query runs; a query that has stopped stays stopped.
  void set_deadline_ns(std::uint64_t deadline_ns) noexcept {
    deadline_ns_.store(deadline_ns, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t deadline_ns() const noexcept { return deadline_ns_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t now_ns() const noexcept { return read_clock_(clock_); }
  [[nodiscard]] memory_budget* budget() const noexcept { return budget_; }
  [[nodiscard]] query_priority priority() const noexcept { return priority_; }

 private:
  static constexpr std::uint64_t pack(failure why) noexcept {
    const std::uint64_t position = why.position < max_position ? why.position : max_position;
    return position << 8 | static_cast<std::uint64_t>(why.code);
  }
  static constexpr failure unpack(std::uint64_t word) noexcept { return {static_cast<errc>(word & 0xff), word >> 8}; }

  template <class Clock>
  static std::uint64_t read(void* clock) noexcept {
    return static_cast<Clock*>(clock)->now_ns();
  }
  static std::uint64_t read_steady(void*) noexcept { return steady_clock{}.now_ns(); }

  std::atomic<std::uint64_t> stop_word_{0};  // 0 while running, else position << 8 | errc
  std::atomic<std::uint64_t> deadline_ns_;
  void* clock_ = nullptr;
  std::uint64_t (*read_clock_)(void*) noexcept = &read_steady;
  memory_budget* budget_;
  query_priority priority_;
};

}  // namespace PILLAR_NAMESPACE
