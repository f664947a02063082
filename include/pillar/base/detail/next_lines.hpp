// SPDX-License-Identifier: Apache-2.0
/// Memory that will be read soon, asked for a line at a time by a loop that has something else to do.
///
/// Asked for at once, a batch's lines are waited for: a core has some dozens of them on their way at most.
#pragma once
#include <cstddef>
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Arrays by their bytes a row. Nothing is read, so any address will do.
class next_lines {
 public:
  static constexpr std::uint32_t rows = 8;  ///< asked for together

  /// More than a few are left to the processor.
  void add(const void* from, std::size_t row_bytes) noexcept {
    const std::size_t bytes = rows * row_bytes;
    for (std::size_t at = 0; at < bytes && count_ < most; at += 64)
      lines_[count_++] = {reinterpret_cast<std::uintptr_t>(from) + at, row_bytes};
    if (count_ == 1) lines_[1] = lines_[0];
  }
  /// Those of rows [first, first + 8).
  PILLAR_ALWAYS_INLINE void ask(std::uint32_t first) const noexcept {
    if (count_ == 0) return;
    lines_[0].ask(first);  // these two without a question whether there are two
    lines_[1].ask(first);
    for (std::uint32_t i = 2; i < count_; ++i) lines_[i].ask(first);
  }
  void ask_all(std::uint32_t row_count) const noexcept {
    for (std::uint32_t first = 0; first < row_count; first += rows) ask(first);
  }
  /// What is left after so many rows.
  void skip(std::uint32_t row_count) noexcept {
    for (std::uint32_t i = 0; i < most; ++i) lines_[i].from += row_count * lines_[i].row_bytes;
  }

 private:
  static constexpr std::uint32_t most = 4;
  struct line {
    std::uintptr_t from = 0;
    std::size_t row_bytes = 0;
    PILLAR_ALWAYS_INLINE void ask(std::uint32_t first) const noexcept {
      __builtin_prefetch(reinterpret_cast<const void*>(from + first * row_bytes));
    }
  };
  line lines_[most] = {};  ///< of the first rows
  std::uint32_t count_ = 0;
};

}  // namespace PILLAR_NAMESPACE::detail
