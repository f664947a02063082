// SPDX-License-Identifier: Apache-2.0
/// Larger pages for tables that are read at random.
#pragma once
#include <cstddef>
#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "pillar/base/buffer.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Asks the system to back a large buffer that is not written yet with pages of 2 MiB. It may refuse; nothing depends
/// on it but speed: a table of 4 KiB pages that is larger than the processor's list of pages waits for two memories.
inline void prefer_huge_pages(buffer& memory) noexcept {
#ifdef __linux__
  constexpr std::size_t least_bytes = std::size_t{4} << 20, page = 4096;
  if (memory.size() < least_bytes) return;
  const auto first = (reinterpret_cast<std::uintptr_t>(memory.data()) + page - 1) / page * page;
  const std::size_t bytes = (memory.size() - page) / page * page;
  static_cast<void>(madvise(reinterpret_cast<void*>(first), bytes, MADV_HUGEPAGE));
#else
  static_cast<void>(memory);
#endif
}

}  // namespace PILLAR_NAMESPACE::detail
