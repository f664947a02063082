// SPDX-License-Identifier: Apache-2.0
/// Slots of texts that lie one after the other.
#pragma once
#include <cstdint>
#include <cstring>  // std::memcpy

#include "pillar/base/bits.hpp"  // load_unaligned
#include "pillar/base/config.hpp"
#include "pillar/column/text.hpp"  // text_slot

namespace PILLAR_NAMESPACE::detail {

/// What a slot keeps of the 12 bytes at its text: a short text's own, a long one's first four and its offset.
struct slot_masks {
  std::uint32_t first;   ///< of bytes 0 to 3
  std::uint64_t second;  ///< of bytes 4 to 11
  std::uint64_t offset;
};

inline constexpr slot_masks slot_masks_of[14] = {
    {0x0, 0x0, 0},
    {0xff, 0x0, 0},
    {0xffff, 0x0, 0},
    {0xffffff, 0x0, 0},
    {0xffffffff, 0x0, 0},
    {0xffffffff, 0xff, 0},
    {0xffffffff, 0xffff, 0},
    {0xffffffff, 0xffffff, 0},
    {0xffffffff, 0xffffffff, 0},
    {0xffffffff, 0xffffffffff, 0},
    {0xffffffff, 0xffffffffffff, 0},
    {0xffffffff, 0xffffffffffffff, 0},
    {0xffffffff, 0xffffffffffffffff, 0},
    {0xffffffff, 0x0, ~std::uint64_t{0}},
};

PILLAR_ALWAYS_INLINE void store_slot(text_slot* to, const std::byte* characters, std::uint32_t offset,
                                     std::uint32_t size, const slot_masks& masks) noexcept {
  const std::byte* from = characters + offset;
  const std::uint64_t first = load_unaligned<std::uint32_t>(from) & masks.first;
  const std::uint64_t words[2] = {size | first << 32, (load_unaligned<std::uint64_t>(from + 4) & masks.second) |
                                                          ((std::uint64_t{offset} << 32) & masks.offset)};
  std::memcpy(static_cast<void*>(to), words, sizeof(words));
}

/// text_slot::make for data buffer 0, without branches.
///
/// Requires: 12 readable bytes at characters + offset
inline void store_slot(text_slot* to, const std::byte* characters, std::uint32_t offset, std::uint32_t size) noexcept {
  store_slot(to, characters, offset, size, slot_masks_of[size < 13 ? size : 13]);
}
/// The same for rows that all have the size: none waits for the one before.
inline void store_equal_slots(text_slot* to, const std::byte* characters, std::uint32_t row_count,
                              std::uint32_t size) noexcept {
  const slot_masks masks = slot_masks_of[size < 13 ? size : 13];
  for (std::uint32_t row = 0; row < row_count; ++row) store_slot(to + row, characters, row * size, size, masks);
}

}  // namespace PILLAR_NAMESPACE::detail
