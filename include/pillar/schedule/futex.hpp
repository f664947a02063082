// SPDX-License-Identifier: Apache-2.0
/// Parking on a 32-bit word, without the spinning and yielding of std::atomic::wait.
///
/// A thread that yields stays runnable and waits for a time slice: under load libstdc++ 12's wait was measured at 925
/// µs from notify to run, the bare futex at 5.5 µs (docs/schedule.md).
#pragma once
#include <atomic>
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// Sleeps while `word` holds `expected`, until a wake. May return for no reason: the caller checks again. The compare
/// and the falling asleep are one step of the kernel, so a change of the word followed by a wake is never missed.
PILLAR_API void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept;

/// Wakes at most `count` threads of this process that sleep on `word`. About 0.2 µs with nobody there.
PILLAR_API void futex_wake(std::atomic<std::uint32_t>& word, std::uint32_t count) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/schedule/impl/futex.hpp"
#endif
