// SPDX-License-Identifier: Apache-2.0
/// Integers of 64 bits as distances of 32 bits from one of them: write buffers hold twice as many rows then.
#pragma once
#include <cstdint>
#include <cstring>  // std::memset

#include "pillar/base/bits.hpp"  // load_unaligned, set_bit
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"  // list_rows, gather_rows
#include "pillar/column/selection.hpp"
#include "pillar/column/types.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/storage/detail/narrow_rows.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Up to 1,024 integers as distances.
struct narrow_values : narrow_rows<std::int32_t> {
  /// The rows of a vector, or the `count` that are selected. False: one is too far away. NULL rows may be anything.
  [[nodiscard]] bool fill(const vector& from, const selection_mask* rows, std::uint32_t count,
                          std::uint64_t base) noexcept {
    constexpr std::uint64_t half = std::uint64_t{1} << 31;
    const std::uint64_t least = base - half;
    std::uint64_t any = 0;
    has_nulls = false;
    if (rows == nullptr && from.kind == vector_kind::flat && from.validity == nullptr) {
      const auto* const bytes = static_cast<const std::byte*>(from.values);
      for (std::uint32_t row = 0; row < count; ++row) {
        const std::uint64_t distance = load_unaligned<std::uint64_t>(bytes + std::size_t{row} * 8) - least;
        any |= distance;
        values[row] = static_cast<std::int32_t>(static_cast<std::uint32_t>(distance - half));
      }
      return any >> 32 == 0;
    }
    std::uint16_t list[vector_rows];
    std::uint64_t wide[vector_rows];
    if (rows != nullptr) list_rows(rows->words, list);
    const std::uint16_t* const chosen = rows != nullptr ? list : all_rows.at;
    gather_rows<std::uint64_t>(from, chosen, count, wide, [](std::uint64_t value) { return value; });
    if (from.validity != nullptr) {
      std::memset(validity, 0, sizeof(validity));
      for (std::uint32_t i = 0; i < count; ++i) {
        if (from.valid(chosen[i])) {
          set_bit(validity, i);
        } else {
          has_nulls = true;
          wide[i] = base;
        }
      }
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t distance = wide[i] - least;
      any |= distance;
      values[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(distance - half));
    }
    return any >> 32 == 0;
  }
};

/// How one column's values of 64 bits are kept: as distances for as long as all are small, then by number for as long as
/// they are few, then as they are. Integers seen first say which distances are taken.
struct narrow_integers {
  enum class form_type : std::uint8_t { unknown, narrow, listed, wide };
  form_type form = form_type::unknown;
  std::uint64_t base = 0;  ///< of the distances; once rows are kept so it stays, whatever comes later

  [[nodiscard]] static constexpr bool takes(const data_type& type) noexcept {
    return type.physical == physical_type::int64 || type.physical == physical_type::uint64 ||
           type.physical == physical_type::float64;
  }
  [[nodiscard]] static constexpr data_type narrow_type(const data_type& wide) noexcept {
    return type_of<std::int32_t>.as_nullable(wide.nullable);
  }
  [[nodiscard]] static constexpr data_type listed_type(const data_type& wide) noexcept {
    return type_of<std::uint16_t>.as_nullable(wide.nullable);
  }
  [[nodiscard]] data_type kept_type(const data_type& wide) const noexcept {
    return form == form_type::narrow ? narrow_type(wide) : form == form_type::listed ? listed_type(wide) : wide;
  }

  /// Chooses by the first rows: from zero where all are small themselves, else from the first of them; reals have no
  /// distances.
  void choose(const vector& from, const selection_mask* rows, std::uint32_t count) noexcept {
    form = form_type::listed;
    if (is_float(from.type.physical)) return;
    narrow_values unused;
    form = form_type::narrow;
    base = 0;
    if (unused.fill(from, rows, count, base)) return;
    for (std::uint32_t row = 0; row < from.size; ++row) {
      if ((rows != nullptr && !rows->test(row)) || !from.valid(row)) continue;
      base = unaligned_value<std::uint64_t>(from, row);
      break;
    }
    if (!unused.fill(from, rows, count, base)) form = form_type::listed;
  }

  /// out[row] = the integer; of NULL rows anything.
  void widen(const vector& from, std::uint64_t* PILLAR_RESTRICT out) const noexcept {
    const auto* const values = from.holder().values_as<std::int32_t>();
    const auto wide = [this](std::int32_t value) {
      return PILLAR_MUTATE(narrow_integers_lose_their_base, base, 0) + static_cast<std::uint64_t>(std::int64_t{value});
    };
    if (from.kind == vector_kind::flat) {
      for (std::uint32_t row = 0; row < from.size; ++row) out[row] = wide(values[row]);
    } else {
      for (std::uint32_t row = 0; row < from.size; ++row)
        out[row] = from.valid(row) ? wide(values[from.index_of(row)]) : 0;
    }
  }
};

}  // namespace PILLAR_NAMESPACE::detail
