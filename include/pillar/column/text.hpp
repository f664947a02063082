// SPDX-License-Identifier: Apache-2.0
/// The 16-byte view of a text value: short texts lie in it, long ones in a data buffer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>  // std::memcpy
#include <string_view>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// One text value.
///
/// Layout:   bytes 0–3 length; if ≤ 12, bytes 4–15 hold the text, zero-padded; else bytes 4–7 its first four bytes,
///           8–11 the number of the data buffer, 12–15 the offset in it (Arrow's variable-size binary view)
/// Units:    bytes; a value is shorter than 2^32 bytes, a buffer shorter than 4 GiB
struct text_slot {
  static constexpr std::uint32_t inline_capacity = 12;
  /// A value of more than 12 bytes: its first four, and where all of them are.
  struct long_reference {
    char prefix[4];
    std::uint32_t buffer;
    std::uint32_t offset;
  };
  std::uint32_t size = 0;
  union {
    char inlined[12];
    long_reference reference;
  };

  constexpr text_slot() noexcept : inlined{} {}

  /// Requires: value.size() ≤ inline_capacity
  static text_slot make_inline(std::string_view value) noexcept {
    PILLAR_ASSERT(value.size() <= inline_capacity);
    text_slot slot;
    slot.size = static_cast<std::uint32_t>(value.size());
    if (!value.empty()) std::memcpy(slot.inlined, value.data(), value.size());
    return slot;
  }
  /// A slot for `value`, whose bytes lie at `offset` of data buffer `buffer` if it is too long to be inlined.
  static text_slot make(std::string_view value, std::uint32_t buffer, std::uint32_t offset) noexcept {
    if (value.size() <= inline_capacity) return make_inline(value);
    text_slot slot;
    slot.size = static_cast<std::uint32_t>(value.size());
    std::memcpy(slot.reference.prefix, value.data(), 4);
    slot.reference.buffer = buffer;
    slot.reference.offset = offset;
    return slot;
  }

  /// The characters; valid while this slot and the buffers live.
  [[nodiscard]] std::string_view view(const std::byte* const* buffers) const noexcept {
    if (size <= inline_capacity) return {inlined, size};
    return {reinterpret_cast<const char*>(buffers[reference.buffer] + reference.offset), size};
  }
};
static_assert(sizeof(text_slot) == 16);

}  // namespace PILLAR_NAMESPACE
