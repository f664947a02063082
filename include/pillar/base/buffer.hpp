// SPDX-License-Identifier: Apache-2.0
/// Owned bytes: 64-byte aligned, padded by 64 readable bytes, counted against a budget, with staggered starts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>  // std::memset
#include <new>      // std::align_val_t, std::nothrow
#include <span>
#include <utility>  // std::exchange

#include "pillar/base/bits.hpp"    // round_up
#include "pillar/base/memory.hpp"  // memory_budget
#include "pillar/base/result.hpp"

namespace PILLAR_NAMESPACE {

/// A fixed-size owner of bytes; move only.
///
/// Units:    bytes
/// Layout:   data() is 64-byte aligned; [size(), size() + padding) is zero and may be read by kernels. Large buffers
///           start at one of 15 different offsets modulo 4 KiB, chosen from `stagger`, because columns whose starts
///           are equal modulo a power of two read at half the bandwidth (design §12).
/// Errors:   allocate → out_of_memory, from the budget or the allocator
/// Cost:     one allocation; the contents of [0, size()) are uninitialised, the padding is zeroed
class buffer {
 public:
  static constexpr std::size_t alignment = 64;
  static constexpr std::size_t padding = 64;
  static constexpr std::size_t stagger_threshold = 16 * 1024;

  buffer() noexcept = default;
  buffer(buffer&& other) noexcept { swap(other); }
  buffer& operator=(buffer&& other) noexcept {
    buffer taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~buffer() { free(); }

  [[nodiscard]] static result<buffer> allocate(std::size_t size, memory_budget* budget = nullptr,
                                               unsigned stagger = 0) noexcept {
    if (size > (std::size_t{1} << 48)) return {errc::out_of_memory, size};
    const std::size_t lead = size >= stagger_threshold ? (stagger % 15 + 1) * 256 : 0;
    const std::size_t start = lead == 0 ? alignment : 4096;  // the allocator gives multiples of it, so they are counted
    const std::size_t total = round_up(lead + round_up(size, alignment) + padding, start);
    if (budget != nullptr) PILLAR_TRY(budget->reserve(total));
    void* memory = ::operator new (total, std::align_val_t{start}, std::nothrow);
    if (memory == nullptr) {
      if (budget != nullptr) budget->release(total);
      return {errc::out_of_memory, size};
    }
    buffer made;
    made.memory_ = static_cast<std::byte*>(memory);
    made.lead_ = lead;
    made.size_ = size;
    made.total_ = total;
    made.budget_ = budget;
    std::memset(made.data() + size, 0, round_up(size, alignment) + padding - size);
    return made;
  }

  [[nodiscard]] std::byte* data() noexcept { return memory_ == nullptr ? nullptr : memory_ + lead_; }
  [[nodiscard]] const std::byte* data() const noexcept { return memory_ == nullptr ? nullptr : memory_ + lead_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data(), size_}; }
  [[nodiscard]] std::span<std::byte> bytes() noexcept { return {data(), size_}; }
  template <class T>
  [[nodiscard]] T* as() noexcept {
    return reinterpret_cast<T*>(data());
  }
  template <class T>
  [[nodiscard]] const T* as() const noexcept {
    return reinterpret_cast<const T*>(data());
  }

  void swap(buffer& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(lead_, other.lead_);
    std::swap(size_, other.size_);
    std::swap(total_, other.total_);
    std::swap(budget_, other.budget_);
  }

 private:
  void free() noexcept {
    if (memory_ == nullptr) return;
    ::operator delete (memory_, std::align_val_t{lead_ == 0 ? alignment : 4096});
    if (budget_ != nullptr) budget_->release(total_);
  }
  std::byte* memory_ = nullptr;
  std::size_t lead_ = 0;
  std::size_t size_ = 0;
  std::size_t total_ = 0;
  memory_budget* budget_ = nullptr;
};

}  // namespace PILLAR_NAMESPACE
