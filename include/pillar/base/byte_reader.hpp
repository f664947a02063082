// SPDX-License-Identifier: Apache-2.0
/// Reads little-endian numbers from bytes that may be hostile: every step is bounds-checked, nothing is allocated.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "pillar/base/bits.hpp"    // load_unaligned
#include "pillar/base/result.hpp"  // result, errc

namespace PILLAR_NAMESPACE {

/// A cursor over a byte span.
///
/// Errors: truncated (position = offset at which the read began); the cursor then stays where it was
class byte_reader {
 public:
  constexpr explicit byte_reader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] constexpr std::size_t offset() const noexcept { return offset_; }
  [[nodiscard]] constexpr std::size_t remaining() const noexcept { return bytes_.size() - offset_; }

  template <class T>
  result<T> read() noexcept {
    if (remaining() < sizeof(T)) return {errc::truncated, offset_};
    T value = load_unaligned<T>(bytes_.data() + offset_);
    offset_ += sizeof(T);
    return value;
  }

  result<std::span<const std::byte>> take(std::size_t count) noexcept {
    if (remaining() < count) return {errc::truncated, offset_};
    auto part = bytes_.subspan(offset_, count);
    offset_ += count;
    return part;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t offset_ = 0;
};

}  // namespace PILLAR_NAMESPACE
