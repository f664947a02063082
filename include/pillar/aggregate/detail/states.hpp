// SPDX-License-Identifier: Apache-2.0
/// The states of the built-in aggregates. They lie in a group's row at multiples of 8 bytes; all zero is the empty
/// state of each.
#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

#include "pillar/aggregate/detail/fixed_point.hpp"
#include "pillar/aggregate/exact_sum.hpp"
#include "pillar/base/checked.hpp"  // int128
#include "pillar/base/mutant.hpp"   // PILLAR_MUTATE

namespace PILLAR_NAMESPACE::detail {

struct sum64_state {
  std::uint64_t low;
  std::uint64_t high;  ///< two's complement of 128 bits together
  std::uint64_t count;
  PILLAR_ALWAYS_INLINE void add(int128 value) noexcept {
    const uint128 sum = (static_cast<uint128>(high) << 64 | low) + static_cast<uint128>(value);
    low = static_cast<std::uint64_t>(sum);
    high = static_cast<std::uint64_t>(sum >> 64);
  }
};
/// 192 bits: no order of 128-bit values overflows on the way.
struct sum128_state {
  std::uint64_t words[3];
  std::uint64_t count;
  void add(const std::uint64_t (&other)[3]) noexcept {
    std::uint64_t carry = 0;
    for (int i = 0; i < 3; ++i) {
      const uint128 sum = static_cast<uint128>(words[i]) + other[i] + carry;
      words[i] = static_cast<std::uint64_t>(sum);
      carry = static_cast<std::uint64_t>(sum >> 64);
    }
  }
  void add(int128 value) noexcept {
    add({static_cast<std::uint64_t>(value), static_cast<std::uint64_t>(value >> 64),
         value < 0 ? ~std::uint64_t{0} : std::uint64_t{0}});
  }
};
/// An exact sum (exact_sum.hpp) of which only five limbs are here: enough for values whose sizes differ by up to 2^64.
/// Further apart, it moves to a wide accumulator of all limbs.
struct exact_real_state {
  static constexpr std::uint32_t window = 5;
  std::int64_t limbs[window];
  std::uint64_t count;        ///< values that are not NULL
  std::uint32_t wide_plus_1;  ///< its wide accumulator; 0 = none
  std::uint8_t base_plus_1;   ///< the whole sum's limb that limbs[0] is; 0 = not chosen yet
  std::uint8_t flags;         ///< exact_flag
  std::uint16_t unused;

  /// Chooses the window if that has not happened, and says whether a finite value lies outside. Zeros lie in any.
  bool outside(double value) noexcept {
    if (value == 0) return false;
    const std::uint32_t limb = exact_limb_of(value);
    if (base_plus_1 == 0) base_plus_1 = static_cast<std::uint8_t>((limb == 0 ? 0 : limb - 1) + 1);
    return limb + 1 < base_plus_1 || limb + 1 > base_plus_1 + (window - 3);
  }
  /// The same of a sum, which is as good as values whose first limbs are its own or the next: of a short one the limb
  /// before it is in the window as well.
  bool outside(const fixed_total& total) noexcept {
    if (total.sum == 0) return false;
    const std::uint32_t limb = total.bit() / 32;
    if (base_plus_1 == 0)
      base_plus_1 = static_cast<std::uint8_t>(limb + (limb != 0 && total.bit_count() <= 96 ? 0 : 1));
    const std::uint32_t start = 32 * (base_plus_1 - 1u);
    return total.bit() < start || total.bit() - start + total.bit_count() > 32 * window;
  }
};
struct fast_real_state {
  double sum;
  std::uint64_t count;
};
/// Values as words whose unsigned order is theirs; the high word for 128-bit integers only.
struct extreme_state {
  std::uint64_t low;
  std::uint64_t has_value;
};
/// The same of types of up to 32 bits, in a word that grows with every value that replaces another: a group without
/// values has the least.
struct narrow_extreme_state {
  std::uint64_t rank;
  [[nodiscard]] static std::uint64_t rank_of(std::uint64_t word, bool greatest) noexcept {
    return greatest ? PILLAR_MUTATE(extreme_of_zero_is_none, word + 1, word) : ~word;
  }
  [[nodiscard]] constexpr std::uint64_t word(bool greatest) const noexcept { return greatest ? rank - 1 : ~rank; }
};
struct extreme128_state {
  std::uint64_t low;
  std::uint64_t high;
  std::uint64_t has_value;
};
struct extreme_text_state {
  std::uint64_t offset;
  std::uint32_t size;
  std::uint32_t capacity;
  std::uint64_t has_value;
};

/// The value of an ordered_word.
template <class T>
T from_ordered_word(std::uint64_t word) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    using bits_type = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr bits_type sign = bits_type{1} << (sizeof(T) * 8 - 1);
    const auto bits = static_cast<bits_type>(word);
    if (bits == static_cast<bits_type>(~bits_type{0}))
      return std::bit_cast<T>(sizeof(T) == 4 ? static_cast<bits_type>(0x7fc00000u)
                                             : static_cast<bits_type>(0x7ff8000000000000ull));
    return std::bit_cast<T>((bits & sign) != 0 ? static_cast<bits_type>(bits ^ sign) : static_cast<bits_type>(~bits));
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<T>(word ^ std::uint64_t{1} << 63);
  } else {
    return static_cast<T>(word);
  }
}

inline double to_double(const sum128_state& from) noexcept {
  const auto high = static_cast<std::int64_t>(from.words[2]);
  const auto low = static_cast<uint128>(from.words[1]) << 64 | from.words[0];
  if ((high == 0 && low >> 127 == 0) || (high == -1 && low >> 127 != 0))
    return static_cast<double>(static_cast<int128>(low));
  return static_cast<double>(high) * 0x1p128 + static_cast<double>(low);
}

}  // namespace PILLAR_NAMESPACE::detail
