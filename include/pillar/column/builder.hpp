// SPDX-License-Identifier: Apache-2.0
/// Grows one column value by value, vector by vector or by row numbers, and hands it over immutable.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>  // std::is_same_v, std::remove_cv_t
#include <vector>

#include "pillar/base/buffer.hpp"       // buffer
#include "pillar/base/result.hpp"       // result
#include "pillar/column/column.hpp"     // column
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/column/vector.hpp"     // vector

namespace PILLAR_NAMESPACE {

struct scalar;  // column/scalar.hpp

/// Owner of a growing column; move only.
///
/// Shape:    every append adds all of its rows or, on an error, none
/// Layout:   values double in one staggered buffer; long texts go to chunks of ≤ 1 MiB (or one value) that never move;
///           the validity bitmap is made at the first NULL
/// Requires: the budget outlives the builder and the columns it made
/// Errors:   out_of_memory; type_mismatch: values of another type; overflow: an integer that the physical type cannot
///           hold; invalid_argument: NULL for a type that is not nullable; limit_exceeded: a text of 2^32 bytes or
///           more. Position = the row that would have been appended
/// Cost:     amortised one copy per value
/// Threads:  one at a time
class column_builder {
 public:
  explicit column_builder(data_type type, memory_budget* budget = nullptr, unsigned stagger = 0) noexcept
      : type_(type), budget_(budget), stagger_(stagger) {}
  column_builder(column_builder&&) noexcept = default;
  column_builder& operator=(column_builder&&) noexcept = default;

  [[nodiscard]] const data_type& type() const noexcept { return type_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint64_t null_count() const noexcept { return null_count_; }

  /// Makes room for `row_count` more rows (of text: for their slots).
  PILLAR_API result<void> reserve(std::uint64_t row_count);

  PILLAR_API result<void> append_null();
  /// Any integer, boolean, decimal (unscaled), date or timestamp.
  PILLAR_API result<void> append_integer(int128 value);
  /// A float or double; a finite value beyond float's range is an overflow.
  PILLAR_API result<void> append_real(double value);
  PILLAR_API result<void> append_text(std::string_view value);
  /// Widths of plain integers and floats may differ from the column's, nothing else may. NULL of any type is NULL.
  PILLAR_API result<void> append(const scalar& value);

  /// Values without NULLs. T: a number, bool, date, timestamp, decimal, int128 or std::string_view of this column's
  /// type.
  template <class T>
  result<void> append_values(std::span<const T> values) {
    using value = std::remove_cv_t<T>;
    if constexpr (std::is_same_v<value, std::string_view>) {
      return append_texts(values);
    } else if constexpr (std::is_same_v<value, int128>) {
      return append_raw(values.data(), values.size(), physical_type::integer128);
    } else {
      static_assert(column_type<value> && sizeof(value) == byte_width(type_of<value>.physical));
      return append_raw(values.data(), values.size(), type_of<value>.physical);
    }
  }

  /// The rows of a vector of any kind, or those that the mask selects. Requires a mask's vector to be ≤ 1,024 rows.
  PILLAR_API result<void> append(const vector& from, const selection_mask* mask = nullptr);

  /// Rows `rows[0]`, `rows[1]`, … of a vector or column, in this order. Requires each to be below its size.
  PILLAR_API result<void> append_gather(const vector& from, std::span<const std::uint32_t> rows);
  PILLAR_API result<void> append_gather(const column& from, std::span<const std::uint32_t> rows);

  /// Drops all rows from `row_count` on; long texts keep their memory until the column dies.
  PILLAR_API void truncate(std::uint64_t row_count);

  /// The column; the builder is then empty and may be used again.
  PILLAR_API result<column> finish();

 private:
  PILLAR_API result<void> append_raw(const void* values, std::uint64_t count, physical_type physical);
  PILLAR_API result<void> append_texts(std::span<const std::string_view> values);
  PILLAR_API result<void> grow(std::uint64_t row_count);
  PILLAR_API result<void> make_validity();
  PILLAR_API result<text_slot> store(std::string_view value);
  template <class Rows>
  result<void> append_rows(const vector& from, std::uint64_t count, const Rows& rows);
  result<void> append_flat(const vector& from);
  void mark_valid(std::uint64_t count);

  data_type type_;
  memory_budget* budget_;
  unsigned stagger_;
  std::uint64_t size_ = 0;
  std::uint64_t null_count_ = 0;
  std::uint64_t capacity_ = 0;
  buffer values_{};
  buffer validity_{};  ///< empty until the first NULL; bits at and beyond size_ are zero
  std::vector<buffer> text_data_{};
  std::vector<const std::byte*> text_pointers_{};
  std::vector<std::uint64_t> text_bytes_{};  ///< used of each data buffer but the last
  std::uint64_t text_used_ = 0;              ///< used of the last
};

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/column/impl/builder.hpp"
#endif
