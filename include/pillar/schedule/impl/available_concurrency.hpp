// SPDX-License-Identifier: Apache-2.0
/// Definitions of schedule/available_concurrency.hpp.
#pragma once
#include <fcntl.h>   // open
#include <unistd.h>  // read, close, sysconf
#ifdef __linux__
#include <sched.h>  // sched_getaffinity
#endif

#include <charconv>  // std::from_chars

#include "pillar/schedule/available_concurrency.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API std::uint32_t parse_cpu_max(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
  const auto first = std::from_chars(text.data(), end, quota);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != ' ') return 0;
  const auto second = std::from_chars(first.ptr + 1, end, period);
  if (second.ec != std::errc{} || quota == 0 || period == 0) return 0;
  if (second.ptr != end && *second.ptr != '\n') return 0;
  const std::uint64_t processors = quota / period + (quota % period != 0 ? 1 : 0);
  return processors < 0xffffffffu ? static_cast<std::uint32_t>(processors) : 0;
}

PILLAR_API std::uint32_t available_concurrency() noexcept {
  std::uint32_t count = 0;
#ifdef __linux__
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) == 0) count = static_cast<std::uint32_t>(CPU_COUNT(&mask));
#endif
  if (count == 0) {  // no Linux, or more than the 1,024 processors of cpu_set_t
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    count = online > 0 ? static_cast<std::uint32_t>(online) : 1;
  }
#ifdef __linux__
  if (const int file = open("/sys/fs/cgroup/cpu.max", O_RDONLY | O_CLOEXEC); file >= 0) {
    char text[64];
    const ssize_t length = read(file, text, sizeof text);
    close(file);
    const std::uint32_t quota =
        length > 0 ? parse_cpu_max(std::string_view(text, static_cast<std::size_t>(length))) : 0;
    if (quota != 0 && quota < count) count = quota;
  }
#endif
  return count;
}

}  // namespace PILLAR_NAMESPACE
