// SPDX-License-Identifier: Apache-2.0
/// The other side's columns as a probe wants to read them: in the order of the join table's positions, so that partners
/// of one key lie beside each other and no row number has to be looked up, and in half the width where values allow it.
#pragma once
#include <cstring>
#include <memory>
#include <utility>

#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages
#include "pillar/base/mutant.hpp"
#include "pillar/column/column.hpp"
#include "pillar/schedule/executor.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Whether all values of a flat int64 column are those of an int32, NULLs' too.
inline bool fits_half(const vector& whole) noexcept {
  if (whole.type.physical != physical_type::int64) return false;
  const auto* values = whole.values_as<std::int64_t>();
  std::uint64_t beyond = 0;
  for (std::uint32_t i = 0; i < whole.size; ++i) beyond |= (static_cast<std::uint64_t>(values[i]) + (1u << 31)) >> 32;
  return PILLAR_MUTATE(join_halves_all, beyond == 0, true);
}

/// to[i] = from[rows[i]], or from[i] where `rows` is nullptr.
template <class From, class To>
void arrange_values(const void* from, const std::uint32_t* rows, std::uint32_t first, std::uint32_t last, void* to) {
  const auto* values = static_cast<const std::byte*>(from);
  auto* out = static_cast<std::byte*>(to);
  for (std::uint32_t i = first; i < last; ++i) {
    const std::size_t row = rows == nullptr ? i : rows[i];
    store_unaligned(out + i * sizeof(To), static_cast<To>(load_unaligned<From>(values + row * sizeof(From))));
  }
}

/// A flat column's rows in another order. Texts stay where they are, and so does their column. With `half` the values
/// of an int64 column are stored as int32, whatever the column's type says.
///
/// Errors: out_of_memory
inline result<column> arrange_rows(const column& from, const std::uint32_t* rows, bool half, executor_ref runner,
                                   memory_budget* budget) {
  struct sixteen {
    std::uint64_t words[2];
  };
  const vector& whole = from.storage()->whole;
  const auto count = static_cast<std::uint32_t>(from.size());
  const std::size_t width = half ? sizeof(std::int32_t) : byte_width(whole.type.physical);
  auto made = std::make_shared<column_storage>();
  made->type = from.type();
  made->row_count = count;
  made->null_count = from.null_count();
  PILLAR_ASSIGN_OR_RETURN(made->values, buffer::allocate(count * width, budget));
  prefer_huge_pages(made->values);
  if (whole.validity != nullptr) {
    PILLAR_ASSIGN_OR_RETURN(made->validity, buffer::allocate(words_for(count) * sizeof(std::uint64_t), budget));
    std::memset(made->validity.data(), 0, made->validity.size());
  }
  if (whole.type.physical == physical_type::text) made->owner = from.storage();
  constexpr std::uint32_t rows_of_task = 1 << 16;
  const auto arrange = [&](std::uint32_t task, std::uint32_t) {
    const std::uint32_t first = task * rows_of_task, last = count - first < rows_of_task ? count : first + rows_of_task;
    void* const to = made->values.data();
    if (half) arrange_values<std::int64_t, std::int32_t>(whole.values, rows, first, last, to);
    else if (width == 1) arrange_values<std::uint8_t, std::uint8_t>(whole.values, rows, first, last, to);
    else if (width == 2) arrange_values<std::uint16_t, std::uint16_t>(whole.values, rows, first, last, to);
    else if (width == 4) arrange_values<std::uint32_t, std::uint32_t>(whole.values, rows, first, last, to);
    else if (width == 8) arrange_values<std::uint64_t, std::uint64_t>(whole.values, rows, first, last, to);
    else arrange_values<sixteen, sixteen>(whole.values, rows, first, last, to);
    if (whole.validity == nullptr) return;
    auto* const words = made->validity.as<std::uint64_t>();
    for (std::uint32_t i = first; i < last; ++i) assign_bit(words, i, whole.valid(rows == nullptr ? i : rows[i]));
  };
  runner.bulk((count + rows_of_task - 1) / rows_of_task, arrange);
  made->whole = whole;
  made->whole.values = made->values.data();
  made->whole.validity = whole.validity == nullptr ? nullptr : made->validity.as<std::uint64_t>();
  made->whole.validity_offset = 0;
  return column(std::move(made));
}

}  // namespace PILLAR_NAMESPACE::detail
