// SPDX-License-Identifier: Apache-2.0
/// Bitmaps of 64-bit words, least significant bit first: validity, selection masks, dictionary truth tables.
#pragma once
#include <bit>  // std::popcount, std::countr_zero, std::bit_width
#include <cstddef>
#include <cstdint>
#include <cstring>  // std::memcpy

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// Words that hold `bits` bits.
constexpr std::size_t words_for(std::size_t bits) noexcept { return (bits + 63) / 64; }

/// Rounds up to a multiple of a power of two.
constexpr std::size_t round_up(std::size_t value, std::size_t power_of_two) noexcept {
  return (value + power_of_two - 1) & ~(power_of_two - 1);
}

/// The lowest `count` bits set, 0 ≤ count ≤ 64.
constexpr std::uint64_t low_bits(unsigned count) noexcept {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

/// Bit `index` of a bitmap, least significant bit first.
constexpr bool get_bit(const std::uint64_t* words, std::size_t index) noexcept {
  return (words[index / 64] >> (index % 64)) & 1;
}
/// Sets bit `index` to one.
constexpr void set_bit(std::uint64_t* words, std::size_t index) noexcept {
  words[index / 64] |= std::uint64_t{1} << (index % 64);
}
/// Sets bit `index` to `value`.
constexpr void assign_bit(std::uint64_t* words, std::size_t index, bool value) noexcept {
  const std::uint64_t bit = std::uint64_t{1} << (index % 64);
  words[index / 64] = value ? words[index / 64] | bit : words[index / 64] & ~bit;
}

/// Sets bits [begin, end).
constexpr void set_bits(std::uint64_t* words, std::size_t begin, std::size_t end) noexcept {
  while (begin < end) {
    const unsigned shift = begin % 64;
    const std::size_t rest = end - begin;
    const unsigned count = rest < 64 - shift ? static_cast<unsigned>(rest) : 64 - shift;
    words[begin / 64] |= low_bits(count) << shift;
    begin += count;
  }
}

/// Set bits among the first `bits`; bits beyond are ignored.
constexpr std::size_t count_bits(const std::uint64_t* words, std::size_t bits) noexcept {
  std::size_t total = 0;
  for (std::size_t i = 0; i < bits / 64; ++i) total += static_cast<std::size_t>(std::popcount(words[i]));
  if (bits % 64 != 0) total += static_cast<std::size_t>(std::popcount(words[bits / 64] & low_bits(bits % 64)));
  return total;
}

/// `count` (≤ 64) bits from bit position `index` of a bitmap of `total_bits` bits; never reads past its last word.
constexpr std::uint64_t extract_bits(const std::uint64_t* words, std::size_t index, unsigned count) noexcept {
  const std::size_t word = index / 64;
  const unsigned shift = index % 64;
  std::uint64_t value = words[word] >> shift;
  if (shift != 0 && count > 64 - shift) value |= words[word + 1] << (64 - shift);
  return value & low_bits(count);
}

/// Unaligned little-endian loads and stores of trivially copyable values.
template <class T>
PILLAR_ALWAYS_INLINE T load_unaligned(const void* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
/// Writes a value at any address.
template <class T>
PILLAR_ALWAYS_INLINE void store_unaligned(void* to, const T& value) noexcept {
  std::memcpy(to, &value, sizeof(T));
}

}  // namespace PILLAR_NAMESPACE
