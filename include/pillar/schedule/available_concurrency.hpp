// SPDX-License-Identifier: Apache-2.0
/// How many threads can run at once: the affinity mask and the container's quota, not the machine's core count.
#pragma once
#include <cstdint>
#include <string_view>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// The smaller of the process's affinity mask and its cgroup v2 quota rounded up; at least 1. Reads the system on every
/// call, since both may change. Where there is no cgroup v2 file the mask alone counts.
[[nodiscard]] PILLAR_API std::uint32_t available_concurrency() noexcept;

/// The processors that the text of a cgroup's cpu.max grants: "<quota> <period>" in microseconds, rounded up; 0 for
/// "max …" and for text of another form, which limit nothing.
[[nodiscard]] PILLAR_API std::uint32_t parse_cpu_max(std::string_view text) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/schedule/impl/available_concurrency.hpp"
#endif
