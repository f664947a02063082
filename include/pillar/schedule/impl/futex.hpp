// SPDX-License-Identifier: Apache-2.0
/// Definitions of schedule/futex.hpp: the Linux system call, elsewhere std::atomic::wait.
#pragma once
#include "pillar/schedule/futex.hpp"
#ifdef __linux__
#include <linux/futex.h>  // FUTEX_WAIT_PRIVATE
#include <sys/syscall.h>  // SYS_futex
#include <unistd.h>       // syscall

#include <cerrno>
#endif

namespace PILLAR_NAMESPACE {

#ifdef __linux__
static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && std::atomic<std::uint32_t>::is_always_lock_free);

PILLAR_API void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  const int error_before = errno;  // EAGAIN and EINTR are ordinary here and no business of the user's
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
  errno = error_before;
}
PILLAR_API void futex_wake(std::atomic<std::uint32_t>& word, std::uint32_t count) noexcept {
  const std::uint32_t limit = count < 0x7fffffffu ? count : 0x7fffffffu;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, limit, nullptr, nullptr, 0);
}
#else
PILLAR_API void futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  word.wait(expected, std::memory_order_relaxed);
}
PILLAR_API void futex_wake(std::atomic<std::uint32_t>& word, std::uint32_t count) noexcept {
  if (count == 1) word.notify_one();
  else word.notify_all();
}
#endif

}  // namespace PILLAR_NAMESPACE
