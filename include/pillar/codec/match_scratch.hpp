// SPDX-License-Identifier: Apache-2.0
/// Per-worker memory of what dictionaries answered: each entry is tested once per block and domain, not per vector.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/buffer.hpp"  // buffer

namespace PILLAR_NAMESPACE {

struct domain;
struct packed_grid;

/// The dictionary codes whose entries satisfy a domain.
struct code_set {
  /// How the codes that satisfy a domain lie.
  enum class shape : std::uint8_t { none, all, range, table, grid };
  shape what = shape::none;
  bool inverted = false;    ///< range, table and grid: the codes outside
  std::uint32_t first = 0;  ///< range: [first, last], inclusive
  std::uint32_t last = 0;
  const std::uint64_t* table = nullptr;  ///< table and grid: bit per code, 2^width bits
  const packed_grid* grid = nullptr;     ///< grid: the same for codes of 8 bits
};

/// A small cache of code sets, owned by one worker.
///
/// Requires: begin_block() whenever the blocks or the domains asked about change: a scan calls it per row group.
///           Entries are found by address, and an address that was reused would find another's answer
/// Errors:   none: without memory, and beyond the capacity, codecs compute the set anew
/// Cost:     at most `capacity` tables of 8 KiB, kept for reuse
struct match_scratch {
  static constexpr std::uint32_t capacity = 32;

  explicit match_scratch(memory_budget* budget = nullptr) noexcept : budget_(budget) {}

  /// Forgets all answers, keeps the memory.
  void begin_block() noexcept { used_ = 0; }

  [[nodiscard]] const code_set* find(const void* block, const domain* test) const noexcept {
    for (std::uint32_t i = 0; i < used_; ++i)
      if (slots_[i].block == block && slots_[i].test == test) return &slots_[i].set;
    return nullptr;
  }

  /// A new answer to fill in, with a table of 2^16 bits; nullptr when full or out of memory.
  [[nodiscard]] code_set* add(const void* block, const domain* test, std::uint64_t*& table) noexcept {
    if (used_ == capacity) return nullptr;
    slot& next = slots_[used_];
    if (next.table.empty()) {
      auto made = buffer::allocate(65536 / 8, budget_);
      if (!made.ok()) return nullptr;
      next.table = *std::move(made);
    }
    ++used_;
    next.block = block;
    next.test = test;
    next.set = code_set{};
    table = next.table.as<std::uint64_t>();
    return &next.set;
  }

 private:
  struct slot {
    const void* block = nullptr;
    const domain* test = nullptr;
    code_set set{};
    buffer table{};
  };
  memory_budget* budget_;
  std::uint32_t used_ = 0;
  slot slots_[capacity]{};
};

}  // namespace PILLAR_NAMESPACE
