// SPDX-License-Identifier: Apache-2.0
/// Hashes of single values, version 1: published, because they decide where rows live (docs/hash.md).
///
/// Equal values hash alike whatever their width or type: int32, int64, decimal<18, 2> and decimal<38, 2> keys of the
/// same (unscaled) integer agree, −0.0 agrees with 0.0, all NaNs agree, float agrees with double. NULL has one hash.
/// The functions never change within a version; a new version gets new names.
///
/// Cost:   about 1 ns for a fixed-width value; text as XXH3
/// Source: integers: the finalizer of SplitMix64 (Steele, Lea, Flood 2014, doi:10.1145/2714064.2660195; constants by
///         D. Stafford, "mix 13"), a bijection, so different 64-bit keys never collide; text: XXH3 64 bits, seed 0
#pragma once
#include <bit>  // std::bit_cast
#include <cstdint>
#include <string_view>

#include "pillar/base/checked.hpp"  // int128
#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

struct scalar;  // column/scalar.hpp

/// The version of every hash below; part of a partitioner's identity.
inline constexpr std::uint32_t hash_version = 1;

/// The hash of NULL, of any type.
inline constexpr std::uint64_t hash_of_null = 0x9ae16a3b2f90404full;

/// Hash of a canonical word: an integer sign- or zero-extended to 64 bits.
constexpr std::uint64_t hash_word(std::uint64_t word) noexcept {
  std::uint64_t z = word + 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/// Hash of a row's next column into the hash of those before it; depends on the order.
constexpr std::uint64_t hash_combine(std::uint64_t row, std::uint64_t value) noexcept {
  const uint128 product = static_cast<uint128>(row ^ 0xa0761d6478bd642full) * (value ^ 0xe7037ed1a0b428dbull);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Hash of an integer of any width. A value that fits into 64 bits, signed or unsigned, hashes as its low word.
constexpr std::uint64_t hash_integer(int128 value) noexcept {
  const auto low = static_cast<std::uint64_t>(value);
  const auto high = static_cast<std::int64_t>(value >> 64);
  if (high == 0 || (high == -1 && static_cast<std::int64_t>(low) < 0)) return hash_word(low);
  return hash_combine(hash_word(low), hash_word(static_cast<std::uint64_t>(high)));
}

/// The word that stands for a float: one for both zeros, one for all NaNs.
constexpr std::uint64_t canonical_bits(double value) noexcept {
  if (value != value) return 0x7ff8000000000000ull;
  return value == 0 ? 0 : std::bit_cast<std::uint64_t>(value);
}
/// NaN of any payload hashes alike, and −0.0 as 0.0.
constexpr std::uint64_t hash_real(double value) noexcept { return hash_word(canonical_bits(value)); }

/// Hash of text or bytes.
[[nodiscard]] PILLAR_API std::uint64_t hash_text(std::string_view value) noexcept;

/// Hash of a value of any type, or NULL.
[[nodiscard]] PILLAR_API std::uint64_t hash_value(const scalar& value) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/hash/impl/value.hpp"
#endif
