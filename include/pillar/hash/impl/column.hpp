// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/hash/column.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

template <class T>
PILLAR_ALWAYS_INLINE std::uint64_t hash_fixed(T value) noexcept {
  if constexpr (std::is_floating_point_v<T>) return hash_real(static_cast<double>(value));
  else if constexpr (sizeof(T) == 16) return hash_integer(value);
  else if constexpr (std::is_signed_v<T>)
    return hash_word(static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
  else return hash_word(static_cast<std::uint64_t>(value));
}

/// Hashes of `count` values that lie one after the other, as if none were NULL.
inline void hash_values(const vector& flat, std::uint32_t count, std::uint64_t* PILLAR_RESTRICT out) noexcept {
  if (flat.type.physical == physical_type::text) {
    const auto* slots = static_cast<const text_slot*>(flat.values);
    for (std::uint32_t row = 0; row < count; ++row) out[row] = hash_text(slots[row].view(flat.buffers));
    return;
  }
  visit_fixed_width(flat.type.physical, [&]<class T>() {
    const auto* values = static_cast<const std::byte*>(flat.values);
    for (std::uint32_t row = 0; row < count; ++row)
      out[row] = hash_fixed(load_unaligned<T>(values + std::size_t{row} * sizeof(T)));
  });
}

inline std::uint64_t hash_one(const vector& flat, std::uint32_t index) noexcept {
  vector one = flat;
  const std::size_t width = byte_width(flat.type.physical);
  one.values = static_cast<const std::byte*>(flat.values) + width * index;
  std::uint64_t hash = 0;
  hash_values(one, 1, &hash);
  return hash;
}

/// Up to 1,024 rows of a vector that is not constant from `first` on, NULLs included.
inline void hash_part(const vector& from, std::uint32_t first, std::uint32_t count, const std::uint64_t* of_entry,
                      std::uint64_t* PILLAR_RESTRICT out) noexcept {
  if (from.kind == vector_kind::run_end) {  // once for each run
    from.for_each_run(first, first + count, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
      const std::uint64_t hash = from.valid(begin) ? hash_one(*from.dictionary, run) : hash_of_null;
      for (std::uint32_t row = begin; row < end; ++row) out[row - first] = hash;
    });
    return;
  }
  if (from.kind == vector_kind::flat) {
    vector part = from;
    part.values = static_cast<const std::byte*>(from.values) + byte_width(from.type.physical) * first;
    hash_values(part, count, out);
  } else {
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t code = from.codes[first + i];
      out[i] = of_entry != nullptr ? of_entry[code] : hash_one(*from.dictionary, code);
    }
  }
  if (from.validity == nullptr) return;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!PILLAR_MUTATE(hash_ignores_null, get_bit(from.validity, from.validity_offset + first + i), true))
      out[i] = hash_of_null;
}

}  // namespace detail

PILLAR_API void hash_column(const vector& from, std::uint64_t* out, bool combine) noexcept {
  std::uint64_t hashes[vector_rows];
  std::uint64_t entries[vector_rows];
  const std::uint64_t* of_entry = nullptr;
  if (from.size == 0) return;
  const bool no_entries = from.kind == vector_kind::dictionary && from.dictionary->size == 0;  // all rows are NULL
  if (from.kind == vector_kind::constant || no_entries) {
    const std::uint64_t hash = !no_entries && from.valid(0) ? detail::hash_one(from, 0) : hash_of_null;
    for (std::uint32_t row = 0; row < from.size; ++row) out[row] = combine ? hash_combine(out[row], hash) : hash;
    return;
  }
  if (from.kind == vector_kind::dictionary && from.dictionary->size <= vector_rows &&
      from.dictionary->size <= from.size) {
    detail::hash_values(*from.dictionary, from.dictionary->size, entries);
    of_entry = entries;
  }
  for (std::uint32_t first = 0; first < from.size;) {
    const std::uint32_t count = from.size - first < vector_rows ? from.size - first : vector_rows;
    if (combine) {
      detail::hash_part(from, first, count, of_entry, hashes);
      for (std::uint32_t i = 0; i < count; ++i) out[first + i] = hash_combine(out[first + i], hashes[i]);
    } else {
      detail::hash_part(from, first, count, of_entry, out + first);
    }
    first += count;
  }
}

PILLAR_API void hash_rows(std::span<const vector* const> columns, std::uint32_t row_count,
                          std::uint64_t* out) noexcept {
  if (columns.empty())
    for (std::uint32_t row = 0; row < row_count; ++row) out[row] = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    PILLAR_ASSERT(columns[i]->size == row_count);
    hash_column(*columns[i], out, i != 0);
  }
}

}  // namespace PILLAR_NAMESPACE
