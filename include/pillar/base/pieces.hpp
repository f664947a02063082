// SPDX-License-Identifier: Apache-2.0
/// A growing array of trivial values in pieces, each twice as long as the one before: what was written is never copied.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>      // std::memcpy
#include <type_traits>  // std::is_trivially_copyable_v
#include <utility>      // std::move

#include "pillar/base/buffer.hpp"             // buffer
#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages

namespace PILLAR_NAMESPACE {

/// What long logs are written to; growable.hpp is for what has to lie in one place.
///
/// Layout:   piece k holds 64 · 2^k values
/// Errors:   out_of_memory, from reserve; the values are then as before
/// Cost:     about half of the memory at most is room for more, of few values two thirds. An index takes a count of
///           leading zeros and two loads
template <class T>
requires std::is_trivially_copyable_v<T>
class pieces {
 public:
  static constexpr unsigned piece_count = 27;
  static constexpr std::size_t most_values = ((std::size_t{1} << piece_count) - 1) * 64;

  explicit pieces(memory_budget* budget = nullptr) noexcept : budget_(budget) {}
  pieces(const pieces&) = delete;
  pieces& operator=(const pieces&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  T& operator[](std::size_t index) noexcept { return piece_[piece_of(index)].template as<T>()[place_of(index)]; }
  const T& operator[](std::size_t index) const noexcept {
    return piece_[piece_of(index)].template as<T>()[place_of(index)];
  }
  /// How many values from `index` on lie behind one another.
  [[nodiscard]] std::size_t run_at(std::size_t index) const noexcept {
    const std::size_t end = first_of(piece_of(index) + 1);
    return (end < size_ ? end : size_) - index;
  }

  /// Room for `count` more values.
  [[nodiscard]] result<void> reserve(std::size_t count) noexcept {
    if (count <= capacity() - size_) return {};
    if (count > most_values - size_) return {errc::out_of_memory, count};
    while (capacity() - size_ < count) {
      auto made = buffer::allocate((std::size_t{64} << used_) * sizeof(T), budget_);
      if (!made) return made.error();
      detail::prefer_huge_pages(*made);
      piece_[used_++] = *std::move(made);
    }
    return {};
  }
  /// Requires: room reserved
  void push(const T& value) noexcept {
    PILLAR_ASSERT(size_ < capacity());
    (*this)[size_++] = value;
  }
  /// Requires: room reserved
  void append(const T* values, std::size_t count) noexcept {
    PILLAR_ASSERT(count <= capacity() - size_);
    while (count != 0) {
      const std::size_t room = first_of(piece_of(size_) + 1) - size_, here = count < room ? count : room;
      std::memcpy(&(*this)[size_], values, here * sizeof(T));
      size_ += here;
      values += here;
      count -= here;
    }
  }

 private:
  [[nodiscard]] static std::size_t first_of(unsigned piece) noexcept { return ((std::size_t{1} << piece) - 1) * 64; }
  [[nodiscard]] static unsigned piece_of(std::size_t index) noexcept {
    return static_cast<unsigned>(std::bit_width(index + 64)) - 7;
  }
  [[nodiscard]] static std::size_t place_of(std::size_t index) noexcept { return index - first_of(piece_of(index)); }
  [[nodiscard]] std::size_t capacity() const noexcept { return first_of(used_); }

  buffer piece_[piece_count];
  unsigned used_ = 0;  ///< pieces that are there
  std::size_t size_ = 0;
  memory_budget* budget_;
};

}  // namespace PILLAR_NAMESPACE
