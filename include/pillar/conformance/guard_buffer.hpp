// SPDX-License-Identifier: Apache-2.0
/// Buffers between inaccessible pages: a read or write one byte past the end (or before the begin) ends the program,
/// in machine code of any kind, which a sanitizer sees only in code that it instrumented.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>  // std::abort
#include <cstring>
#include <span>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// Which end of the buffer touches the inaccessible page exactly.
enum class guard { end, begin };

/// Owns `size` bytes (0 is allowed) between two inaccessible pages; the bytes start as 0xa5.
///
/// With guard::end the first byte is at any alignment (size decides it), with guard::begin at that of a page.
class guard_buffer {
 public:
  explicit guard_buffer(std::size_t size, guard side = guard::end) : size_(size) {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inside = (size + page - 1) / page * page;
    mapped_bytes_ = inside + 2 * page;
    void* mapped = mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) std::abort();
    mapped_ = static_cast<std::byte*>(mapped);
    std::byte* first = mapped_ + page;
    if (inside != 0 && mprotect(first, inside, PROT_READ | PROT_WRITE) != 0) std::abort();
    data_ = side == guard::begin ? first : first + inside - size;
    if (inside != 0) std::memset(first, 0xa5, inside);
    rest_ = side == guard::begin ? std::span<std::byte>(data_ + size, inside - size)
                                 : std::span<std::byte>(first, inside - size);
  }
  /// A copy of `bytes` behind guards.
  explicit guard_buffer(std::span<const std::byte> bytes, guard side = guard::end) : guard_buffer(bytes.size(), side) {
    if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
  }
  guard_buffer(const guard_buffer&) = delete;
  guard_buffer& operator=(const guard_buffer&) = delete;
  ~guard_buffer() { munmap(mapped_, mapped_bytes_); }

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {data_, size_}; }
  template <class T>
  [[nodiscard]] T* as() const noexcept {
    return reinterpret_cast<T*>(data_);
  }

  /// True while nobody wrote to the accessible bytes of the pages that are not part of the buffer (the end that does
  /// not touch its guard): the check for writes that a guard page cannot see.
  [[nodiscard]] bool slack_untouched() const noexcept {
    // Every byte equals its neighbour: at the speed of memcmp also in a build without optimisation.
    return rest_.empty() ||
           (rest_.front() == std::byte{0xa5} && std::memcmp(rest_.data(), rest_.data() + 1, rest_.size() - 1) == 0);
  }

 private:
  std::byte* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::span<std::byte> rest_{};
};

/// `count` values of T behind guards, the last (or first) one touching.
template <class T>
class guard_array {
 public:
  explicit guard_array(std::size_t count, guard side = guard::end) : buffer_(count * sizeof(T), side), count_(count) {}
  [[nodiscard]] T* data() const noexcept { return buffer_.as<T>(); }
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] T& operator[](std::size_t i) const noexcept { return data()[i]; }
  [[nodiscard]] std::span<T> span() const noexcept { return {data(), count_}; }
  [[nodiscard]] bool slack_untouched() const noexcept { return buffer_.slack_untouched(); }

 private:
  guard_buffer buffer_;
  std::size_t count_;
};

}  // namespace PILLAR_NAMESPACE::conformance
