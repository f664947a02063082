// SPDX-License-Identifier: Apache-2.0
/// The sealed build side of a join: keys and the rows that have them, in one relocatable run of bytes.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/buffer.hpp"
#include "pillar/base/result.hpp"
#include "pillar/column/selection.hpp"       // selection_mask
#include "pillar/column/vector.hpp"          // vector, vector_rows
#include "pillar/join/detail/key_words.hpp"  // join_header, join_part

namespace PILLAR_NAMESPACE {

struct domain;       // expr/domain.hpp
struct bloom_table;  // filter/bloom.hpp

namespace detail {
struct join_batch;  // impl/join_table.hpp
}

/// How a join table looks keys up; chosen when it is sealed, from the keys that are there.
enum class join_mode : std::uint8_t {
  array,     ///< few or dense keys index an array
  packed8,   ///< keys of ≤ 8 bytes, linear probing
  packed16,  ///< keys of ≤ 16 bytes, among them texts of ≤ 12 bytes
  generic,   ///< everything else: hashes, and the keys' bytes beside them
};

/// Stands for a build row where there is none: a probe row without a partner in an outer join.
inline constexpr std::uint32_t no_row = ~std::uint32_t{0};

/// The rows of a batch that have partners.
///
/// Layout: row rows[i] joins the build rows at the positions [first[i], first[i] + partner_count[i]), ascending by i.
///         partner_count is written only if the table's keys are not unique; else it is 1 throughout
struct join_hits {
  std::uint32_t count = 0;
  std::uint16_t rows[vector_rows];
  std::uint32_t first[vector_rows];
  std::uint32_t partner_count[vector_rows];
};

/// Made by a join_builder, or from bytes.
///
/// A row of the build side has an id (its number in the order of arrival, or what the caller named it by) and a
/// *position*: rows of one key stand together, in the order of arrival, and rows whose key holds a NULL come last. Bits
/// for matched rows go by position. In arrays positions ascend with the keys.
///
/// Integer keys are narrowed to the ranges that the build side has, so that two columns often share 8 bytes. −0.0
/// equals 0.0, NaN equals NaN, NULL equals nothing.
///
/// Layout:   one buffer, offsets instead of pointers: bytes() may be written, sent, moved and read again. The bytes are
///           little endian, and they are this version's
/// Errors:   from_bytes: truncated, corrupt, unsupported (another format), out_of_memory. Bytes that lie are refused;
///           what passes is safe to probe and names only row ids below row_id_limit() and keys of its types, within the
///           ranges that it gives to domains, but a changed key is not noticed, nor that keys crowd, so that probing takes long: who stores tables adds a checksum, as blocks do
/// Cost:     4 bytes per key of the range, a quarter of a byte if no key comes twice (array); 32 or 48 bytes per
///           different key (load 1/2) and 2 more for a Bloom filter where that is more than 32 KiB, and 4 bytes per row
///           unless no key is NULL or repeats and ids are the rows' numbers (of an array: and keys came ascending)
/// Threads:  const; all members may be called concurrently
class join_table {
 public:
  /// Copies the bytes, once they are known to be sound.
  PILLAR_API static result<join_table> from_bytes(std::span<const std::byte> bytes, memory_budget* budget = nullptr);
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {memory_.data(), header().byte_count}; }

  [[nodiscard]] std::span<const data_type> key_types() const noexcept { return types_; }
  [[nodiscard]] join_mode mode() const noexcept { return static_cast<join_mode>(header().mode); }
  /// All rows, those with NULL keys included.
  [[nodiscard]] std::uint32_t row_count() const noexcept { return header().row_count; }
  [[nodiscard]] std::uint32_t null_key_count() const noexcept { return header().row_count - header().joinable_count; }
  [[nodiscard]] bool keys_are_unique() const noexcept { return header().unique != 0; }
  /// The rows that the most frequent key has; looks at all keys unless they are unique.
  [[nodiscard]] PILLAR_API std::uint32_t most_partners() const noexcept;
  /// Above every row id.
  [[nodiscard]] std::uint32_t row_id_limit() const noexcept { return header().row_limit; }
  /// Memory that the table holds.
  [[nodiscard]] std::uint64_t byte_count() const noexcept { return memory_.size(); }

  /// Looks up a batch's keys. Rows that are not selected, or whose key holds a NULL, have no partners.
  ///
  /// `sieve`: asks the table's Bloom filter first, if it has one; worth its while where few rows have partners.
  ///
  /// Shape:    vectors of any kind of row_count ≤ 1,024 rows, of the table's key types but for nullability and the width
  ///           of signed integers up to 64 bits
  /// Cost:     1–2 ns a row for arrays; prefetches once the table is larger than 1 MiB
  PILLAR_API void find(std::span<const vector* const> keys, const selection_mask& selection, std::uint32_t row_count,
                       join_hits& hits, bool sieve = false) const noexcept;

  /// Sets bit i if row i may have a partner, of a table with one key column: exactly in an array or a small table, by
  /// the Bloom filter where there is one. Rows beyond the vector's and NULL rows get no bit.
  PILLAR_API void may_have_partners(const vector& key, std::uint64_t* mask) const noexcept;

  /// ids[i] = the id of the row at positions[i]; the two may be the same array. Requires positions below row_count().
  PILLAR_API void row_ids(const std::uint32_t* positions, std::uint32_t count, std::uint32_t* ids) const noexcept;
  /// Whether each row's id is its position.
  [[nodiscard]] bool ids_are_positions() const noexcept { return header().has_rows == 0; }
  /// From now on it is: for a caller who has put the build side's rows into the order of their positions, so that
  /// partners of one key lie beside each other, and ids need not be looked up.
  PILLAR_API void name_rows_by_position() noexcept;

 private:
  friend class join_builder;
  friend PILLAR_API std::vector<domain> key_domains(const join_table& table, std::uint32_t key,
                                                    std::uint32_t most_points);
  explicit join_table(buffer memory) noexcept;
  [[nodiscard]] const detail::join_header& header() const noexcept { return *memory_.as<detail::join_header>(); }
  template <class T>
  [[nodiscard]] const T* at(std::uint64_t offset) const noexcept {
    return reinterpret_cast<const T*>(memory_.data() + offset);
  }
  [[nodiscard]] std::span<const detail::join_part> parts() const noexcept {
    return {at<detail::join_part>(header().parts_at), header().part_count};
  }
  void read_types();
  [[nodiscard]] bool list_keys(std::uint32_t most, domain& points) const;
  void read_keys(std::span<const vector* const> keys, const selection_mask& selection, std::uint32_t row_count,
                 detail::join_batch& batch) const noexcept;
  result<void> validate() const noexcept;
  result<void> validate_slots() const noexcept;
  [[nodiscard]] std::uint64_t entry_bytes(std::uint64_t offset) const noexcept;

  buffer memory_;
  const bloom_table* bloom_;  ///< how its filter is asked
  std::vector<data_type> types_{};
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/join/impl/join_table.hpp"
#endif
