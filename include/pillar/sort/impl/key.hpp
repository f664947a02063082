// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/column/scalar.hpp"
#include "pillar/sort/key.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

inline constexpr unsigned char key_null_first = 0, key_value = 1, key_null_last = 2;

/// Appends the low `width` bytes of `word`, most significant first; room is reserved.
inline void push_big_endian(growable<std::byte>& out, std::uint64_t word, unsigned width, bool inverted) noexcept {
  if (inverted) word = ~word;
  for (unsigned i = width; i-- > 0;) out.push(static_cast<std::byte>(word >> (8 * i)));
}

inline result<void> append_key_null(const sort_key& key, growable<std::byte>& out) noexcept {
  return out.append(static_cast<std::byte>(key.nulls_first ? key_null_first : key_null_last));
}

template <class T>
result<void> append_key_fixed(T value, const sort_key& key, growable<std::byte>& out) noexcept {
  PILLAR_TRY(out.reserve(17));
  out.push(std::byte{key_value});
  if constexpr (sizeof(T) == 16) {
    push_big_endian(out, ordered_word(static_cast<std::int64_t>(value >> 64)), 8, key.descending);
    push_big_endian(out, static_cast<std::uint64_t>(value), 8, key.descending);
  } else if constexpr (std::is_signed_v<T> && !std::is_floating_point_v<T>) {
    const auto word = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    push_big_endian(out, word ^ std::uint64_t{1} << (8 * sizeof(T) - 1), sizeof(T), key.descending);
  } else {
    push_big_endian(out, ordered_word(value), sizeof(T), key.descending);
  }
  return {};
}

inline result<void> append_key_text(std::string_view value, const sort_key& key, growable<std::byte>& out) noexcept {
  PILLAR_TRY(out.reserve(2 * value.size() + 3));
  out.push(std::byte{key_value});
  const auto flip = static_cast<unsigned char>(key.descending ? 0xff : 0);
  for (const char c : value) {
    out.push(static_cast<std::byte>(static_cast<unsigned char>(c) ^ flip));
    if (c == '\0') out.push(static_cast<std::byte>(0xff ^ flip));
  }
  out.push(std::byte{flip});
  out.push(std::byte{flip});
  return {};
}

}  // namespace detail

PILLAR_API result<void> append_key(std::span<const vector* const> columns, std::span<const sort_key> keys,
                                   std::uint32_t row, growable<std::byte>& out) {
  const std::size_t before = out.size();
  for (const sort_key& key : keys) {
    const vector& from = *columns[key.column];
    PILLAR_ASSERT(row < from.size);
    result<void> done;
    if (!from.valid(row)) {
      done = detail::append_key_null(key, out);
    } else if (from.type.physical == physical_type::text) {
      done = detail::append_key_text(from.text_value(row), key, out);
    } else {
      const auto* values = static_cast<const std::byte*>(from.holder().values);
      const std::size_t index = from.index_of(row);
      done = visit_fixed_width(from.type.physical, [&]<class T>() {
        return detail::append_key_fixed(load_unaligned<T>(values + index * sizeof(T)), key, out);
      });
    }
    if (!done) {
      out.truncate(before);
      return done;
    }
  }
  return {};
}

PILLAR_API result<void> append_key(std::span<const scalar> row, std::span<const sort_key> keys,
                                   growable<std::byte>& out) {
  const std::size_t before = out.size();
  PILLAR_ASSERT(row.size() >= keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const scalar& value = row[i];
    result<void> done;
    if (value.null) {
      done = detail::append_key_null(keys[i], out);
    } else if (value.type.physical == physical_type::text) {
      done = detail::append_key_text(value.text, keys[i], out);
    } else {
      done = visit_fixed_width(value.type.physical, [&]<class T>() {
        if constexpr (std::is_floating_point_v<T>) {
          return detail::append_key_fixed(static_cast<T>(value.real), keys[i], out);
        } else {
          return detail::append_key_fixed(static_cast<T>(value.integer), keys[i], out);
        }
      });
    }
    if (!done) {
      out.truncate(before);
      return done;
    }
  }
  return {};
}

}  // namespace PILLAR_NAMESPACE
