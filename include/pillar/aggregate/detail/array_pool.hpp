// SPDX-License-Identifier: Apache-2.0
/// Many small arrays that double, in one memory: what a group's state keeps if its size depends on the data.
#pragma once
#include <cstdint>
#include <cstring>  // std::memset

#include "pillar/base/growable.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Arrays of unit << size_class values of T, zero when taken; those given back are taken again.
///
/// Errors: take → out_of_memory, limit_exceeded, with nothing taken
template <class T>
class array_pool {
 public:
  static constexpr std::uint32_t unit = 4;
  static constexpr unsigned class_count = 16;
  explicit array_pool(memory_budget* budget) noexcept : values_(budget) {}

  /// Where the array lies: `at` for `operator[]`.
  result<std::uint32_t> take(unsigned size_class) noexcept {
    PILLAR_ASSERT(size_class < class_count);
    const std::size_t size = std::size_t{unit} << size_class;
    std::uint32_t at = free_[size_class];
    if (at != 0) {
      free_[size_class] = static_cast<std::uint32_t>(values_[std::size_t{at - 1} * unit]);
      std::memset(static_cast<void*>((*this)[at - 1]), 0, size * sizeof(T));
      return at - 1;
    }
    if ((values_.size() + size) / unit >= 0xffffffffu) return errc::limit_exceeded;
    at = static_cast<std::uint32_t>(values_.size() / unit);
    PILLAR_TRY(values_.append_zeros(size));
    return at;
  }
  void give_back(std::uint32_t at, unsigned size_class) noexcept {
    *(*this)[at] = static_cast<T>(free_[size_class]);
    free_[size_class] = at + 1;
  }
  /// The array's first value, until the next take.
  T* operator[](std::uint32_t at) noexcept { return values_.data() + std::size_t{at} * unit; }
  const T* operator[](std::uint32_t at) const noexcept { return values_.data() + std::size_t{at} * unit; }

 private:
  growable<T> values_;
  std::uint32_t free_[class_count] = {};  ///< place + 1 of an array of each class; its first value names the next
};

}  // namespace PILLAR_NAMESPACE::detail
