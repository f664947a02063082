// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>  // std::isfinite
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "pillar/base/bits.hpp"
#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/scalar.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
inline constexpr std::uint64_t builder_least_rows = 64;
inline constexpr std::uint64_t builder_least_chunk = 4 * 1024;
inline constexpr std::uint64_t builder_largest_chunk = 1024 * 1024;

/// 16 bytes that need no more alignment than 8.
struct sixteen_bytes {
  std::uint64_t words[2];
};

/// out[i] = values[index(i)] for i in [0, count), values as `width` opaque bytes.
template <class Index>
void copy_indexed(std::byte* out, const void* values, std::size_t width, std::uint64_t count, const Index& index) {
  switch (width) {
    case 1:
      for (std::uint64_t i = 0; i < count; ++i) {
        out[i] = static_cast<const std::byte*>(values)[index(i)];
      }
      return;
    case 2:
      for (std::uint64_t i = 0; i < count; ++i)
        reinterpret_cast<std::uint16_t*>(out)[i] = static_cast<const std::uint16_t*>(values)[index(i)];
      return;
    case 4:
      for (std::uint64_t i = 0; i < count; ++i)
        reinterpret_cast<std::uint32_t*>(out)[i] = static_cast<const std::uint32_t*>(values)[index(i)];
      return;
    case 8:
      for (std::uint64_t i = 0; i < count; ++i)
        reinterpret_cast<std::uint64_t*>(out)[i] = static_cast<const std::uint64_t*>(values)[index(i)];
      return;
    default:
      for (std::uint64_t i = 0; i < count; ++i)
        std::memcpy(out + i * 16, static_cast<const std::byte*>(values) + std::size_t{16} * index(i), 16);
      return;
  }
}
}  // namespace detail

PILLAR_API result<void> column_builder::grow(std::uint64_t row_count) {
  if (row_count <= capacity_ - size_) return {};
  if (row_count > (std::uint64_t{1} << 44)) return {errc::out_of_memory, size_};
  const std::uint64_t needed = size_ + row_count;
  std::uint64_t wanted = capacity_ * 2 < detail::builder_least_rows ? detail::builder_least_rows : capacity_ * 2;
  if (wanted < needed) wanted = needed;
  const std::size_t width = byte_width(type_.physical);
  PILLAR_ASSIGN_OR_RETURN(buffer values, buffer::allocate(wanted * width, budget_, stagger_));
  detail::prefer_huge_pages(values);
  buffer validity;
  if (!validity_.empty()) {
    PILLAR_ASSIGN_OR_RETURN(validity, buffer::allocate(words_for(wanted) * 8, budget_, stagger_ + 7));
    std::memset(validity.data(), 0, validity.size());
    std::memcpy(validity.data(), validity_.data(), words_for(size_) * 8);
  }
  if (size_ != 0) std::memcpy(values.data(), values_.data(), size_ * width);
  values_ = std::move(values);
  validity_ = std::move(validity);
  capacity_ = wanted;
  return {};
}

PILLAR_API result<void> column_builder::reserve(std::uint64_t row_count) {
  if (row_count <= capacity_ - size_) return {};
  return grow(row_count);
}

PILLAR_API result<void> column_builder::make_validity() {
  if (!validity_.empty()) return {};
  PILLAR_ASSIGN_OR_RETURN(validity_, buffer::allocate(words_for(capacity_) * 8, budget_, stagger_ + 7));
  std::memset(validity_.data(), 0, validity_.size());
  for (std::uint64_t i = 0; i < words_for(size_); ++i)
    validity_.as<std::uint64_t>()[i] = low_bits(size_ - i * 64 < 64 ? static_cast<unsigned>(size_ - i * 64) : 64);
  return {};
}

/// Marks [size_, size_ + count) as valid; does not change size_.
inline void column_builder::mark_valid(std::uint64_t count) {
  if (validity_.empty()) return;
  set_bits(validity_.as<std::uint64_t>(), size_, size_ + count);
}

PILLAR_API result<text_slot> column_builder::store(std::string_view value) {
  if (value.size() <= text_slot::inline_capacity) return text_slot::make_inline(value);
  if (value.size() > std::numeric_limits<std::uint32_t>::max()) return {errc::limit_exceeded, size_};
  if (text_data_.empty() || value.size() > text_data_.back().size() - text_used_) {
    std::uint64_t chunk = text_data_.empty() ? detail::builder_least_chunk : text_data_.back().size() * 5 / 4;
    if (chunk > detail::builder_largest_chunk) chunk = detail::builder_largest_chunk;
    if (chunk < value.size()) chunk = value.size();
    PILLAR_ASSIGN_OR_RETURN(buffer data, buffer::allocate(chunk, budget_, stagger_));
    if (!text_data_.empty()) text_bytes_.push_back(text_used_);
    text_pointers_.push_back(data.data());
    text_data_.push_back(std::move(data));
    text_used_ = 0;
  }
  std::memcpy(text_data_.back().data() + text_used_, value.data(), value.size());
  const auto slot =
      text_slot::make(value, static_cast<std::uint32_t>(text_data_.size() - 1), static_cast<std::uint32_t>(text_used_));
  text_used_ += value.size();
  return slot;
}

PILLAR_API result<void> column_builder::append_null() {
  if (!type_.nullable) return {errc::invalid_argument, size_};
  PILLAR_TRY(grow(1));
  PILLAR_TRY(make_validity());
  const std::size_t width = byte_width(type_.physical);
  std::memset(values_.data() + size_ * width, 0, width);
  ++size_;
  ++null_count_;
  return {};
}

PILLAR_API result<void> column_builder::append_integer(int128 value) {
  if (!is_integer(type_.physical)) return {errc::type_mismatch, size_};
  if (value < lowest_of(type_.physical) || value > highest_of(type_.physical)) return {errc::overflow, size_};
  PILLAR_TRY(grow(1));
  const std::size_t width = byte_width(type_.physical);
  std::memcpy(values_.data() + size_ * width, &value, width);  // the low bytes come first on little-endian machines
  mark_valid(1);
  ++size_;
  return {};
}

PILLAR_API result<void> column_builder::append_real(double value) {
  if (!is_float(type_.physical)) return {errc::type_mismatch, size_};
  PILLAR_TRY(grow(1));
  if (type_.physical == physical_type::float64) {
    values_.as<double>()[size_] = value;
  } else {
    constexpr double largest = static_cast<double>(std::numeric_limits<float>::max());
    if (std::isfinite(value) && (value < -largest || value > largest)) return {errc::overflow, size_};
    values_.as<float>()[size_] = static_cast<float>(value);
  }
  mark_valid(1);
  ++size_;
  return {};
}

PILLAR_API result<void> column_builder::append_text(std::string_view value) {
  if (type_.physical != physical_type::text) return {errc::type_mismatch, size_};
  PILLAR_TRY(grow(1));
  PILLAR_ASSIGN_OR_RETURN(values_.as<text_slot>()[size_], store(value));
  mark_valid(1);
  ++size_;
  return {};
}

PILLAR_API result<void> column_builder::append(const scalar& value) {
  if (value.null) return append_null();
  const auto plain_integer = [](logical_type t) { return t >= logical_type::int8 && t <= logical_type::uint64; };
  const bool fits = is_float(type_.physical) ? is_float(value.type.physical)
                    : plain_integer(type_.logical)
                        ? plain_integer(value.type.logical)
                        : type_.logical == value.type.logical && type_.scale == value.type.scale;
  if (!fits) return {errc::type_mismatch, size_};
  if (type_.physical == physical_type::text) return append_text(value.text);
  return is_float(type_.physical) ? append_real(value.real) : append_integer(value.integer);
}

PILLAR_API result<void> column_builder::append_raw(const void* values, std::uint64_t count, physical_type physical) {
  if (physical != type_.physical) return {errc::type_mismatch, size_};
  if (count == 0) return {};
  PILLAR_TRY(grow(count));
  const std::size_t width = byte_width(type_.physical);
  std::memcpy(values_.data() + size_ * width, values, count * width);
  mark_valid(count);
  size_ += count;
  return {};
}

PILLAR_API result<void> column_builder::append_texts(std::span<const std::string_view> values) {
  if (type_.physical != physical_type::text) return {errc::type_mismatch, size_};
  PILLAR_TRY(grow(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    PILLAR_ASSIGN_OR_RETURN(values_.as<text_slot>()[size_ + i], store(values[i]));
  }
  mark_valid(values.size());
  size_ += values.size();
  return {};
}

/// Appends rows(0), rows(1), …, rows(count - 1) of `from`.
template <class Rows>
result<void> column_builder::append_rows(const vector& from, std::uint64_t count, const Rows& rows) {
  if (!same_values(from.type, type_)) return {errc::type_mismatch, size_};
  if (count == 0) return {};
  std::uint64_t nulls = 0;
  if (from.validity != nullptr) {
    for (std::uint64_t i = 0; i < count; ++i) nulls += from.valid(rows(i)) ? 0 : 1;
  }
  if (nulls != 0 && !type_.nullable) return {errc::invalid_argument, size_};
  PILLAR_TRY(grow(count));
  if (nulls != 0) PILLAR_TRY(make_validity());

  if (type_.physical == physical_type::text) {
    auto* slots = values_.as<text_slot>() + size_;
    const auto* source = from.holder().values_as<text_slot>();
    if (from.kind == vector_kind::constant) {
      text_slot slot;
      if (nulls == 0) {
        PILLAR_ASSIGN_OR_RETURN(slot, store(from.text_value(0)));
      }
      for (std::uint64_t i = 0; i < count; ++i) slots[i] = slot;
    } else {
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint32_t row = rows(i);
        if (nulls != 0 && !from.valid(row)) {  // the slot of a NULL row may point anywhere
          slots[i] = text_slot();
          continue;
        }
        const text_slot& slot = source[from.index_of(row)];
        if (slot.size <= text_slot::inline_capacity) {
          slots[i] = slot;
        } else {
          PILLAR_ASSIGN_OR_RETURN(slots[i], store(slot.view(from.holder().buffers)));
        }
      }
    }
  } else {
    const std::size_t width = byte_width(type_.physical);
    std::byte* out = values_.data() + size_ * width;
    const void* values = from.holder().values;
    if (from.kind == vector_kind::flat) {
      detail::copy_indexed(out, values, width, count, [&](std::uint64_t i) { return rows(i); });
    } else {
      detail::copy_indexed(out, values, width, count, [&](std::uint64_t i) { return from.index_of(rows(i)); });
    }
  }

  if (nulls == 0) {
    mark_valid(count);
  } else {
    auto* words = validity_.as<std::uint64_t>();
    for (std::uint64_t i = 0; i < count; ++i) {
      if (from.valid(rows(i))) set_bit(words, size_ + i);
    }
  }
  size_ += count;
  null_count_ += nulls;
  return {};
}

/// A flat vector of fixed width as a whole: bytes and words, no row is looked at.
inline result<void> column_builder::append_flat(const vector& from) {
  if (!same_values(from.type, type_)) return {errc::type_mismatch, size_};
  const auto word_count = static_cast<std::uint32_t>(words_for(from.size));
  std::uint64_t nulls = 0;
  if (from.validity != nullptr) {
    nulls = from.size;
    for (std::uint32_t i = 0; i < word_count; ++i) nulls -= static_cast<unsigned>(std::popcount(from.validity_word(i)));
  }
  if (nulls == 0) return append_raw(from.values, from.size, from.type.physical);
  if (!type_.nullable) return {errc::invalid_argument, size_};
  PILLAR_TRY(grow(from.size));
  PILLAR_TRY(make_validity());
  const std::size_t width = byte_width(type_.physical);
  std::memcpy(values_.data() + size_ * width, from.values, from.size * width);
  auto* words = validity_.as<std::uint64_t>();
  const unsigned shift = size_ % 64;
  for (std::uint32_t i = 0; i < word_count; ++i) {
    const std::uint64_t bits = from.validity_word(i);
    const std::uint64_t carried =
        PILLAR_MUTATE(builder_drops_carried_validity, shift, 0u) == 0 ? 0 : bits >> (64 - shift);
    words[size_ / 64 + i] |= bits << shift;
    if (carried != 0) words[size_ / 64 + i + 1] |= carried;
  }
  size_ += from.size;
  null_count_ += nulls;
  return {};
}

PILLAR_API result<void> column_builder::append(const vector& from, const selection_mask* mask) {
  if (mask != nullptr) {
    PILLAR_ASSERT(from.size <= vector_rows);
    std::uint32_t rows[vector_rows];
    std::uint32_t count = 0;
    for_each_row(*mask, [&](std::uint32_t row) { rows[count++] = row; });
    PILLAR_ASSERT(count == 0 || rows[count - 1] < from.size);
    if (count != from.size) return append_gather(from, {rows, count});
  }
  if (from.kind == vector_kind::flat && type_.physical != physical_type::text) return append_flat(from);
  return append_rows(from, from.size, [](std::uint64_t i) { return static_cast<std::uint32_t>(i); });
}

PILLAR_API result<void> column_builder::append_gather(const vector& from, std::span<const std::uint32_t> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) PILLAR_ASSERT_FULL(rows[i] < from.size);
  const std::uint32_t* ids = rows.data();
  return append_rows(from, rows.size(), [ids](std::uint64_t i) { return ids[i]; });
}

PILLAR_API result<void> column_builder::append_gather(const column& from, std::span<const std::uint32_t> rows) {
  constexpr std::uint64_t largest = std::numeric_limits<std::uint32_t>::max();
  return append_gather(from.slice(0, static_cast<std::uint32_t>(from.size() < largest ? from.size() : largest)), rows);
}

PILLAR_API void column_builder::truncate(std::uint64_t row_count) {
  if (row_count >= size_) return;
  if (!validity_.empty()) {
    auto* words = validity_.as<std::uint64_t>();
    for (std::uint64_t row = row_count; row < size_; ++row) {
      null_count_ -= get_bit(words, row) ? 0 : 1;
      assign_bit(words, row, false);
    }
  }
  size_ = row_count;
}

PILLAR_API result<column> column_builder::finish() {
  auto made = std::make_shared<column_storage>();
  made->type = type_;
  made->row_count = size_;
  made->null_count = null_count_;
  made->values = std::move(values_);
  if (null_count_ != 0) made->validity = std::move(validity_);
  made->text_data = std::move(text_data_);
  made->text_pointers = std::move(text_pointers_);
  made->text_bytes = std::move(text_bytes_);
  if (!made->text_data.empty()) made->text_bytes.push_back(text_used_);
  vector& whole = made->whole;
  whole.type = type_;
  whole.size = static_cast<std::uint32_t>(std::min<std::uint64_t>(size_, std::numeric_limits<std::uint32_t>::max()));
  whole.values = made->values.data();
  whole.buffers = made->text_pointers.data();
  if (null_count_ != 0) whole.validity = made->validity.as<std::uint64_t>();
  *this = column_builder(type_, budget_, stagger_);
  return column(std::move(made));
}

}  // namespace PILLAR_NAMESPACE
