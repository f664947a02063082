// SPDX-License-Identifier: Apache-2.0
/// A growing array of trivial values in a buffer: counted against a budget, and errors instead of exceptions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>      // std::memcpy, std::memset
#include <type_traits>  // std::is_trivially_copyable_v
#include <utility>      // std::move

#include "pillar/base/buffer.hpp"             // buffer
#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages

namespace PILLAR_NAMESPACE {

/// What an operator's state grows in.
///
/// Errors:   out_of_memory, from reserve and append; the array is then as before
/// Cost:     amortised one copy per value
template <class T>
requires std::is_trivially_copyable_v<T>
class growable {
 public:
  explicit growable(memory_budget* budget = nullptr) noexcept : budget_(budget) {}
  growable(growable&& other) noexcept : budget_(other.budget_) { swap(other); }
  growable& operator=(growable&& other) noexcept {
    growable taken(std::move(other));
    swap(taken);
    return *this;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] T* data() noexcept { return memory_.as<T>(); }
  [[nodiscard]] const T* data() const noexcept { return memory_.as<T>(); }
  T& operator[](std::size_t index) noexcept { return data()[index]; }
  const T& operator[](std::size_t index) const noexcept { return data()[index]; }
  [[nodiscard]] std::size_t byte_count() const noexcept { return memory_.size(); }

  /// Room for `count` more values; at least doubles when it grows.
  [[nodiscard]] result<void> reserve(std::size_t count) noexcept {
    if (count <= capacity_ - size_) return {};
    const std::size_t most = (std::size_t{1} << 48) / sizeof(T);
    if (count > most - size_) return {errc::out_of_memory, count};
    std::size_t wanted = size_ + count > 2 * capacity_ ? size_ + count : 2 * capacity_;
    if (wanted * sizeof(T) < 64) wanted = 64 / sizeof(T) + 1;
    auto made = buffer::allocate(wanted * sizeof(T), budget_);
    if (!made) return made.error();
    detail::prefer_huge_pages(*made);
    if (size_ != 0) std::memcpy(made->data(), memory_.data(), size_ * sizeof(T));
    memory_ = *std::move(made);
    capacity_ = wanted;
    return {};
  }
  [[nodiscard]] result<void> append(const T& value) noexcept {
    const T copy = value;
    PILLAR_TRY(reserve(1));
    push(copy);
    return {};
  }
  [[nodiscard]] result<void> append(const T* values, std::size_t count) noexcept {
    PILLAR_TRY(reserve(count));
    if (count != 0) std::memcpy(data() + size_, values, count * sizeof(T));
    size_ += count;
    return {};
  }
  /// `count` more values of zero bytes.
  [[nodiscard]] result<void> append_zeros(std::size_t count) noexcept {
    PILLAR_TRY(reserve(count));
    if (count != 0) std::memset(static_cast<void*>(data() + size_), 0, count * sizeof(T));
    size_ += count;
    return {};
  }
  /// Requires: room reserved
  void push(const T& value) noexcept {
    PILLAR_ASSERT(size_ < capacity_);
    data()[size_++] = value;
  }
  /// `count` more values, which were written beyond the end. Requires: room reserved
  void extend(std::size_t count) noexcept {
    PILLAR_ASSERT(count <= capacity_ - size_);
    size_ += count;
  }
  /// Requires: count ≤ size()
  void truncate(std::size_t count) noexcept {
    PILLAR_ASSERT(count <= size_);
    size_ = count;
  }
  void swap(growable& other) noexcept {
    memory_.swap(other.memory_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(budget_, other.budget_);
  }

 private:
  buffer memory_{};
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  memory_budget* budget_;
};

}  // namespace PILLAR_NAMESPACE
