// SPDX-License-Identifier: Apache-2.0
/// Replaces operator new by one that counts; for one unit of a program.
#pragma once
#include <gtest/gtest.h>
#include <malloc.h>  // malloc_usable_size

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "pillar/base/bits.hpp"  // round_up
#include "pillar/base/memory.hpp"

namespace pillar_test {

/// What the program has allocated by operator new since `begin`, now and at most.
struct allocation_meter {
  static inline std::atomic<std::int64_t> now{0}, most{0};
  static void begin() { now = most = 0; }
  static void* add(void* memory) {
    const std::int64_t total = now += static_cast<std::int64_t>(malloc_usable_size(memory));
    if (total > most) most = total;
    return memory;
  }
  static void* allocate(std::size_t bytes, std::size_t alignment) noexcept {
    void* const memory = std::aligned_alloc(alignment, pillar::round_up(bytes, alignment));
    return memory == nullptr ? nullptr : add(memory);
  }
  static void free(void* memory) {
    if (memory == nullptr) return;
    now -= static_cast<std::int64_t>(malloc_usable_size(memory));
    std::free(memory);
  }
};

/// What was allocated at most, since the meter began, is what the budget counted.
inline void expect_account(const pillar::memory_budget& budget, std::uint64_t at_least) {
  EXPECT_GT(budget.peak(), at_least);
  EXPECT_NEAR(static_cast<double>(allocation_meter::most) / static_cast<double>(budget.peak()), 1, 0.05);
}

}  // namespace pillar_test

// The forms that the library and the tests use.
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return pillar_test::allocation_meter::allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return pillar_test::allocation_meter::allocate(bytes, 16);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (void* const memory = operator new(bytes, alignment, std::nothrow)) return memory;
  std::abort();
}
void* operator new(std::size_t bytes) { return operator new (bytes, std::align_val_t{16}); }
void operator delete(void* memory) noexcept { pillar_test::allocation_meter::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { pillar_test::allocation_meter::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { pillar_test::allocation_meter::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  pillar_test::allocation_meter::free(memory);
}
