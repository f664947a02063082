// SPDX-License-Identifier: Apache-2.0
/// A tree of memory budgets: every reservation counts at its node and at all parents, or nowhere.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "pillar/base/config.hpp"
#include "pillar/base/result.hpp"  // result, errc

namespace PILLAR_NAMESPACE {

/// Counts bytes against a limit; owns nothing.
///
/// Units:    bytes
/// Requires: the parent outlives its children; a budget is empty when destroyed
/// Errors:   reserve → out_of_memory (position = bytes asked for) with nothing counted anywhere
/// Threads:  all members may be called concurrently
/// Cost:     one fetch_add per level
class memory_budget {
 public:
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

  explicit memory_budget(std::uint64_t limit = unlimited, memory_budget* parent = nullptr) noexcept
      : limit_(limit), parent_(parent) {}
  memory_budget(const memory_budget&) = delete;
  memory_budget& operator=(const memory_budget&) = delete;

  [[nodiscard]] result<void> reserve(std::uint64_t bytes) noexcept {
    if (countdown_.load(std::memory_order_relaxed) != 0 && is_refused()) return {errc::out_of_memory, bytes};
    const std::uint64_t before = used_.fetch_add(bytes, std::memory_order_relaxed);
    if (before > limit_ || bytes > limit_ - before) {
      used_.fetch_sub(bytes, std::memory_order_relaxed);
      return {errc::out_of_memory, bytes};
    }
    if (parent_ != nullptr) {
      if (auto above = parent_->reserve(bytes); !above.ok()) {
        used_.fetch_sub(bytes, std::memory_order_relaxed);
        return above;
      }
    }
    raise_peak(before + bytes);
    return {};
  }

  void release(std::uint64_t bytes) noexcept {
    used_.fetch_sub(bytes, std::memory_order_relaxed);
    if (parent_ != nullptr) parent_->release(bytes);
  }

  /// Fault injection: the `number`-th reservation from now (1: the next) is refused whatever its size, and all later
  /// ones too if `lasting`. 0 ends it. Reservations of children count.
  void refuse(std::uint64_t number, bool lasting = false) noexcept {
    lasting_ = lasting;
    countdown_.store(number, std::memory_order_relaxed);
  }
  /// How many reservations refuse() has refused.
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t peak() const noexcept { return peak_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
  /// What a reservation could have at most: the least of what is left here and at the parents. `unlimited` where nothing
  /// limits it.
  [[nodiscard]] std::uint64_t available() const noexcept {
    std::uint64_t least = unlimited;
    for (const memory_budget* at = this; at != nullptr; at = at->parent_) {
      if (at->limit_ == unlimited) continue;
      const std::uint64_t used = at->used(), left = used < at->limit_ ? at->limit_ - used : 0;
      if (left < least) least = left;
    }
    return least;
  }

 private:
  bool is_refused() noexcept {
    std::uint64_t left = countdown_.load(std::memory_order_relaxed);
    while (left > 1 || (left == 1 && !lasting_))
      if (countdown_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) break;
    if (left == 1) refused_.fetch_add(1, std::memory_order_relaxed);
    return left == 1;
  }
  void raise_peak(std::uint64_t now) noexcept {
    std::uint64_t seen = peak_.load(std::memory_order_relaxed);
    while (seen < now && !peak_.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
    }
  }
  std::uint64_t limit_;
  memory_budget* parent_;
  bool lasting_ = false;
  std::atomic<std::uint64_t> countdown_{0};  // reservations until one is refused; 0: none is
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> used_{0};
  std::atomic<std::uint64_t> peak_{0};
};

}  // namespace PILLAR_NAMESPACE
