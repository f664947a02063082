// SPDX-License-Identifier: Apache-2.0
/// What to sort by, and keys as bytes whose memcmp order is the order of the rows.
#pragma once
#include <bit>  // std::bit_cast
#include <cstdint>
#include <span>
#include <type_traits>

#include "pillar/base/growable.hpp"  // growable
#include "pillar/base/result.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

struct scalar;  // column/scalar.hpp

/// One column of a compound order. NULLs come last unless asked for first, in either direction.
struct sort_key {
  std::uint32_t column = 0;
  bool descending = false;
  bool nulls_first = false;
  friend bool operator==(const sort_key&, const sort_key&) = default;
};

/// A word whose unsigned order is the order of a value of at most 64 bits: sign flipped; −0.0 as 0.0; every NaN
/// alike and greatest.
template <class T>
requires(sizeof(T) <= 8) constexpr std::uint64_t ordered_word(T value) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    using bits_type = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr bits_type sign = bits_type{1} << (sizeof(T) * 8 - 1);
    if (value != value) return static_cast<bits_type>(~bits_type{0});
    const auto bits = std::bit_cast<bits_type>(value == 0 ? T{0} : value);
    return static_cast<bits_type>((bits & sign) != 0 ? ~bits : bits | sign);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) ^ (std::uint64_t{1} << 63);
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

/// Appends a row's key: memcmp of two such keys, the shorter first among equal prefixes, orders the rows.
///
/// Shape:    every vector has the row; `keys` index into `columns`, whose types do not change between rows compared
/// Layout:   per column one byte (NULL first 0, value 1, NULL last 2), then the value big-endian with its sign flipped,
///           or the text with zero bytes as 00 FF and 00 00 at its end; a descending value's bytes are inverted
/// Errors:   out_of_memory, and `out` is as before
PILLAR_API result<void> append_key(std::span<const vector* const> columns, std::span<const sort_key> keys,
                                   std::uint32_t row, growable<std::byte>& out);

/// The same for one row of scalars, `row[i]` being the value for keys[i].
PILLAR_API result<void> append_key(std::span<const scalar> row, std::span<const sort_key> keys,
                                   growable<std::byte>& out);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/sort/impl/key.hpp"
#endif
