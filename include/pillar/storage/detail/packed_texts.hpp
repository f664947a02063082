// SPDX-License-Identifier: Apache-2.0
/// Texts of up to 12 bytes as integers of up to 64 bits: those bits of their slots in which some of them differ.
#pragma once
#include <bit>  // std::countr_zero, std::popcount
#include <cstdint>
#include <cstring>  // std::memcpy
#include <span>

#include "pillar/base/bits.hpp"            // load_unaligned, low_bits
#include "pillar/codec/detail/gather.hpp"  // for_each_valid_row
#include "pillar/column/text.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

/// What texts have in common, and where they differ: halves of their slots.
struct text_bits {
  std::uint64_t common[2] = {0, 0};
  std::uint64_t differ[2] = {0, 0};

  /// False: a text is longer than a slot. NULL rows may be anything.
  [[nodiscard]] bool look_at(std::span<const vector> vectors) noexcept {
    std::uint64_t any[2] = {0, 0}, all[2] = {~std::uint64_t{0}, ~std::uint64_t{0}};
    std::uint32_t longest = 0;
    for (const vector& values : vectors) {
      PILLAR_ASSERT(values.kind == vector_kind::flat);
      const auto* const slots = values.values_as<text_slot>();
      for_each_valid_row(values, [&](std::uint32_t row) {
        std::uint64_t words[2];
        std::memcpy(words, slots + row, sizeof(words));
        any[0] |= words[0], any[1] |= words[1];
        all[0] &= words[0], all[1] &= words[1];
        longest = slots[row].size > longest ? slots[row].size : longest;
      });
      if (longest > text_slot::inline_capacity) return false;
    }
    for (unsigned w = 0; w < 2; ++w) common[w] = any[w] & all[w], differ[w] = any[w] & ~all[w];
    return true;
  }
  [[nodiscard]] unsigned bits() const noexcept {
    return static_cast<unsigned>(std::popcount(differ[0]) + std::popcount(differ[1]));
  }
  friend bool operator==(const text_bits&, const text_bits&) = default;
};

/// Texts ↔ numbers. Identifiers differ in few bits: digits in four each. A shift, a mask and an or for each stretch of
/// such bits cost a tenth of what symbols cost.
class packed_texts {
 public:
  static constexpr unsigned most_bits = 64;
  static constexpr unsigned most_stretches = 16;

  /// False: too many bits, or too many stretches of them.
  [[nodiscard]] bool use(const text_bits& of) noexcept {
    if (of.bits() > most_bits) return false;
    unsigned at = 0;
    stretch_count_ = 0;
    for (unsigned w = 0; w < 2; ++w) {
      common_[w] = of.common[w];
      for (std::uint64_t rest = of.differ[w]; rest != 0;) {
        if (stretch_count_ == most_stretches) return false;
        const auto begin = static_cast<unsigned>(std::countr_zero(rest));
        const auto length = static_cast<unsigned>(std::countr_one(rest >> begin));
        stretches_[stretch_count_++] = {low_bits(length), static_cast<std::uint8_t>(w),
                                        static_cast<std::uint8_t>(begin), static_cast<std::uint8_t>(at)};
        at += length;
        rest &= ~(low_bits(length) << begin);
      }
    }
    return true;
  }

  void pack(const text_slot* slots, std::uint32_t count, std::uint64_t* PILLAR_RESTRICT out) const noexcept {
    for (std::uint32_t row = 0; row < count; ++row) out[row] = 0;
    for (unsigned s = 0; s < stretch_count_; ++s) {
      const stretch of = stretches_[s];
      const auto* const from = reinterpret_cast<const std::byte*>(slots) + sizeof(std::uint64_t) * of.word;
      for (std::uint32_t row = 0; row < count; ++row)
        out[row] |= (load_unaligned<std::uint64_t>(from + sizeof(text_slot) * row) >> of.begin & of.mask) << of.at;
    }
  }
  /// The slot of each number that pack() made. False: others came, of which a text is none.
  [[nodiscard]] bool unpack(const std::uint64_t* numbers, std::uint32_t count,
                            text_slot* PILLAR_RESTRICT out) const noexcept {
    std::uint32_t longest = 0;
    for (std::uint32_t row = 0; row < count; ++row) {
      const std::uint64_t number = numbers[row];
      std::uint64_t words[2] = {common_[0], common_[1]};
      for (unsigned s = 0; s < stretch_count_; ++s) {
        const stretch of = stretches_[s];
        words[of.word] |= (number >> of.at & of.mask) << of.begin;
      }
      std::memcpy(static_cast<void*>(out + row), words, sizeof(words));
      longest = out[row].size > longest ? out[row].size : longest;
    }
    return longest <= text_slot::inline_capacity;
  }

 private:
  struct stretch {
    std::uint64_t mask;
    std::uint8_t word, begin, at;  ///< which half of the slot; where in it, and in the number
  };
  std::uint64_t common_[2] = {0, 0};
  unsigned stretch_count_ = 0;
  stretch stretches_[most_stretches] = {};
};

}  // namespace PILLAR_NAMESPACE::detail
