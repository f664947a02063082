// SPDX-License-Identifier: Apache-2.0
/// Join keys as words: what a sealed join table holds of its key columns, and how a batch's keys are brought into the
/// same form.
#pragma once
#include <bit>  // std::bit_cast, std::popcount
#include <cstdint>
#include <type_traits>

#include "pillar/base/mutant.hpp"           // PILLAR_MUTATE
#include "pillar/column/detail/gather.hpp"  // gather_rows
#include "pillar/column/vector.hpp"
#include "pillar/hash/value.hpp"  // canonical_bits, hash_combine

namespace PILLAR_NAMESPACE::detail {

inline constexpr std::uint64_t sign_word = std::uint64_t{1} << 63;

/// The word of a value: equal values of a type have equal words, and words are in the values' order (NaN is greatest).
template <class T>
PILLAR_ALWAYS_INLINE std::uint64_t join_word(T value) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    const std::uint64_t bits = PILLAR_MUTATE(join_zeros_apart, canonical_bits(static_cast<double>(value)),
                                             std::bit_cast<std::uint64_t>(static_cast<double>(value)));
    return bits ^ (static_cast<std::uint64_t>(static_cast<std::int64_t>(bits) >> 63) | sign_word);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) ^ sign_word;
  } else {
    return value;
  }
}
/// Whether vectors of one type may be looked up among keys of the other: words of signed integers do not depend on their
/// width.
constexpr bool join_words_agree(physical_type a, physical_type b) noexcept {
  const auto is_signed = [](physical_type type) { return type >= physical_type::int8 && type <= physical_type::int64; };
  return a == b || (is_signed(a) && is_signed(b));
}
/// The two words of a 128-bit value.
PILLAR_ALWAYS_INLINE std::uint64_t join_word(int128 value, bool high) noexcept {
  return high ? static_cast<std::uint64_t>(value >> 64) ^ sign_word : static_cast<std::uint64_t>(value);
}

/// What join_word was given, of an integer column.
constexpr int128 integer_of_join_word(std::uint64_t word, physical_type type) noexcept {
  if (lowest_of(type) == 0) return word;
  return static_cast<std::int64_t>(word ^ sign_word);
}
/// The same of a float column.
constexpr double real_of_join_word(std::uint64_t word) noexcept {
  return std::bit_cast<double>((word & sign_word) != 0 ? word ^ sign_word : ~word);
}

/// One word of a key column: what values the table has of it, and where it lies in the table's packed keys.
struct join_part {
  std::uint64_t lowest = 0;
  std::uint64_t width = 0;  ///< greatest − lowest
  std::uint32_t column = 0;
  std::uint8_t high_word = 0;  ///< of a 128-bit value
  std::uint8_t bits = 0;       ///< that hold 0 … width
  std::uint8_t lane = 0;
  std::uint8_t shift = 0;
};
static_assert(sizeof(join_part) == 24);

/// words[i] = the part's word of rows[i], less `lowest`.
inline void gather_join_words(const join_part& part, const vector& from, const std::uint16_t* rows, std::uint32_t count,
                              std::uint64_t* words, std::uint64_t lowest = 0) noexcept {
  visit_fixed_width(from.type.physical, [&]<class T>() {
    if constexpr (sizeof(T) == 16) {
      const bool high = part.high_word != 0;
      gather_rows<T>(from, rows, count, words, [=](T value) { return join_word(value, high) - lowest; });
    } else {
      gather_rows<T>(from, rows, count, words, [=](T value) { return join_word(value) - lowest; });
    }
  });
}

/// first[i] = the distance of row i's word from the part's lowest one, of a flat vector; false: not all of them are
/// below `count`. Requires: count < 2^32, no 128-bit values
inline bool find_join_distances(const join_part& part, const vector& from, std::uint64_t count,
                                std::uint32_t* first) noexcept {
  std::uint64_t greatest = 0;
  visit_fixed_width(from.type.physical, [&]<class T>() {
    if constexpr (sizeof(T) != 16) {
      const auto* PILLAR_RESTRICT const values = static_cast<const std::byte*>(from.values);
      std::uint32_t* PILLAR_RESTRICT const to = first;
      const std::uint64_t lowest = part.lowest;
      const std::uint32_t size = from.size;
      std::uint64_t most = 0;
      for (std::uint32_t i = 0; i < size; ++i) {
        const std::uint64_t distance = join_word(load_unaligned<T>(values + i * sizeof(T))) - lowest;
        most = distance > most ? distance : most;
        to[i] = static_cast<std::uint32_t>(distance);
      }
      greatest = most;
    }
  });
  return from.size == 0 || PILLAR_MUTATE(join_whole_unchecked, greatest < count, true);
}

/// The part's word of one row.
inline std::uint64_t join_word_at(const join_part& part, const vector& from, std::uint16_t row) noexcept {
  std::uint64_t word = 0;
  const vector& holder = from.holder();
  const std::size_t index = from.index_of(row);
  visit_fixed_width(from.type.physical, [&]<class T>() {
    const T value = load_unaligned<T>(static_cast<const std::byte*>(holder.values) + index * sizeof(T));
    if constexpr (sizeof(T) == 16) word = join_word(value, part.high_word != 0);
    else word = join_word(value);
  });
  return word;
}

/// Hashes inside a table are nobody else's business and may change: one multiplication.
constexpr std::uint64_t join_hash(std::uint64_t key) noexcept { return hash_combine(key, 0x9e3779b97f4a7c15ull); }
constexpr std::uint64_t join_hash(std::uint64_t low, std::uint64_t high) noexcept {
  return hash_combine(low, high + 0x9e3779b97f4a7c15ull);
}
/// A place in [0, size) by a hash's high bits: tables need not be powers of two.
constexpr std::uint64_t place_of(std::uint64_t hash, std::uint64_t size) noexcept {
  return static_cast<std::uint64_t>((static_cast<uint128>(hash) * size) >> 64);
}

/// A key of at most 8 bytes and where its rows stand. count = 0: free.
struct join_slot {
  std::uint64_t key;
  std::uint32_t first;
  std::uint32_t count;
};
/// A key of at most 16 bytes; or the hash of a longer one and where its bytes lie.
struct wide_join_slot {
  std::uint64_t low;
  std::uint64_t high;
  std::uint32_t first;
  std::uint32_t count;
};

/// Of an array whose keys are unique: 64 neighbouring keys. A key's position is its rank among those that are there.
struct join_ranks {
  std::uint64_t keys;    ///< bit k: the k-th of them is there
  std::uint32_t before;  ///< keys below them
  std::uint32_t unused;
  [[nodiscard]] bool has(std::uint64_t key) const noexcept { return ((keys >> (key % 64)) & 1) != 0; }
  [[nodiscard]] std::uint32_t rank_of(std::uint64_t key) const noexcept {
    const std::uint64_t lower = keys & low_bits(static_cast<unsigned>(key % 64));
    return before + PILLAR_MUTATE(join_rank_ignores_word, static_cast<std::uint32_t>(std::popcount(lower)), 0u);
  }
};
static_assert(sizeof(join_ranks) == 16);
/// How many of them there are for so many keys: one more than keys need, so that the key behind the last is none.
constexpr std::uint64_t join_ranks_for(std::uint64_t key_count) noexcept { return key_count / 64 + 1; }

/// What opens the bytes of a join table. All offsets are from its own first byte.
struct join_header {
  static constexpr std::uint64_t expected_magic = 0x324e494f4a524c50ull;  // "PLRJOIN2"
  std::uint64_t magic = expected_magic;
  std::uint64_t byte_count = 0;
  std::uint8_t mode = 0;  ///< join_mode
  std::uint8_t unique = 0;
  std::uint8_t has_rows = 0;  ///< row ids by position; without them a position is its own id
  std::uint8_t reserved = 0;
  std::uint32_t column_count = 0;
  std::uint32_t part_count = 0;
  std::uint32_t row_count = 0;
  std::uint32_t joinable_count = 0;  ///< positions below it have keys without NULLs
  std::uint32_t row_limit = 0;       ///< every row id is below
  std::uint64_t slot_count = 0;      ///< of a table; of an array how many keys it covers
  std::uint64_t columns_at = 0;      ///< 8 bytes for each key column: its data_type
  std::uint64_t parts_at = 0;
  std::uint64_t slots_at = 0;
  std::uint64_t filter_at = 0;
  std::uint64_t filter_blocks = 0;  ///< of a Bloom filter of the slots' hashes; 0: none
  std::uint64_t texts_at = 0;
  std::uint64_t text_bytes = 0;
  std::uint64_t rows_at = 0;
};
static_assert(sizeof(join_header) == 112);

}  // namespace PILLAR_NAMESPACE::detail
