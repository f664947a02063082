// SPDX-License-Identifier: Apache-2.0
/// Vectors of any kind made from scalars, and random scalars with the hard cases forced: the test's side of a column.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/column/scalar.hpp"
#include "pillar/column/vector.hpp"

namespace pillar_test {

/// Owns what a pillar::vector points to; movable, the view stays valid.
struct owned_vector {
  pillar::vector view{};
  std::vector<std::byte> values{};
  std::vector<std::uint64_t> validity{};
  std::vector<std::uint32_t> codes{};  ///< or the ends of runs
  std::unique_ptr<std::string> characters = std::make_unique<std::string>();
  std::unique_ptr<const std::byte*> buffer = std::make_unique<const std::byte*>(nullptr);
  std::unique_ptr<pillar::vector> dictionary{};
};

namespace owned_vector_detail {
template <class T>
void put(std::vector<std::byte>& out, std::size_t index, T value) {
  std::memcpy(out.data() + index * sizeof(T), &value, sizeof(T));
}
inline void put_scalar(owned_vector& made, std::size_t index, const pillar::scalar& value) {
  using pillar::physical_type;
  const physical_type type = value.type.physical;
  if (type == physical_type::text) {
    const auto offset = static_cast<std::uint32_t>(made.characters->size());
    if (value.text.size() > pillar::text_slot::inline_capacity) *made.characters += value.text;
    put(made.values, index, pillar::text_slot::make(value.text, 0, offset));
  } else if (type == physical_type::float32) {
    put(made.values, index, static_cast<float>(value.real));
  } else if (type == physical_type::float64) {
    put(made.values, index, value.real);
  } else {  // little endian
    std::memcpy(made.values.data() + index * pillar::byte_width(type), &value.integer, pillar::byte_width(type));
  }
}
}  // namespace owned_vector_detail

/// A flat vector over values that lie elsewhere.
inline pillar::vector view_of(const pillar::data_type& type, const void* values, std::uint32_t size) {
  pillar::vector made;
  made.type = type;
  made.size = size;
  made.values = values;
  return made;
}
template <class T>
pillar::vector view_of(const pillar::data_type& type, const std::vector<T>& values) {
  return view_of(type, values.data(), static_cast<std::uint32_t>(values.size()));
}

/// A vector of `cells`; NULL cells need a nullable type. A constant takes cells[0] for all rows. A run-end vector is a
/// view into the middle of its runs.
inline owned_vector make_vector(pillar::data_type type, const std::vector<pillar::scalar>& cells,
                                pillar::vector_kind kind = pillar::vector_kind::flat,
                                std::uint32_t validity_offset = 0) {
  using namespace owned_vector_detail;
  owned_vector made;
  made.view.type = type;
  made.view.kind = kind;
  made.view.size = static_cast<std::uint32_t>(cells.size());
  std::vector<const pillar::scalar*> stored;
  bool has_null = false;
  if (kind == pillar::vector_kind::dictionary) {
    for (const auto& cell : cells) {
      std::uint32_t code = 0;
      has_null |= cell.null;
      if (!cell.null) {
        while (code < stored.size() && !(*stored[code] == cell)) ++code;
        if (code == stored.size()) stored.push_back(&cell);
      }
      made.codes.push_back(code);
    }
  } else if (kind == pillar::vector_kind::run_end) {
    made.view.run_offset = 3;
    if (!cells.empty()) {
      stored = {&cells[0], &cells[0]};  // the first run ends before the view, the second began there
      made.codes = {2};
      made.view.first_run = 1;
    }
    for (std::uint32_t i = 1; i <= cells.size(); ++i) {
      if (i < cells.size() && cells[i].null == cells[i - 1].null && (cells[i].null || cells[i] == cells[i - 1]))
        continue;
      made.codes.push_back(3 + i + (i == cells.size() ? 5 : 0));  // the last run goes on
      if (i < cells.size()) stored.push_back(&cells[i]);
    }
    made.view.run_count = static_cast<std::uint32_t>(stored.size()) - made.view.first_run;
    for (const auto* cell : stored) has_null |= cell->null;
  } else {
    const std::size_t count = kind == pillar::vector_kind::constant ? (cells.empty() ? 0 : 1) : cells.size();
    for (std::size_t i = 0; i < count; ++i) stored.push_back(&cells[i]), has_null |= cells[i].null;
  }
  made.values.assign((stored.size() + 1) * 16, std::byte{0});
  for (std::size_t i = 0; i < stored.size(); ++i)
    if (!stored[i]->null) put_scalar(made, i, *stored[i]);
  *made.buffer = reinterpret_cast<const std::byte*>(made.characters->data());
  const bool by_stored = kind == pillar::vector_kind::constant || kind == pillar::vector_kind::run_end;
  const std::size_t bits = by_stored ? stored.size() : cells.size();
  if (has_null || validity_offset != 0) {
    made.validity.assign(pillar::words_for(bits + validity_offset) + 1, 0);
    for (std::size_t i = 0; i < bits; ++i)
      if (!(by_stored ? *stored[i] : cells[i]).null) pillar::set_bit(made.validity.data(), validity_offset + i);
    made.view.validity = made.validity.data();
    made.view.validity_offset = validity_offset;
  }
  if (kind >= pillar::vector_kind::dictionary) {
    made.dictionary = std::make_unique<pillar::vector>();
    made.dictionary->type = type.as_nullable(false);
    made.dictionary->size = static_cast<std::uint32_t>(stored.size());
    made.dictionary->values = made.values.data();
    made.dictionary->buffers = made.buffer.get();
    made.view.dictionary = made.dictionary.get();
    (kind == pillar::vector_kind::dictionary ? made.view.codes : made.view.run_ends) = made.codes.data();
  } else {
    made.view.values = made.values.data();
    made.view.buffers = made.buffer.get();
  }
  return made;
}

/// One of about `distinct` values of a type, extremes, zeros of both signs, NaN and long common prefixes among them.
inline pillar::scalar random_scalar(pillar::splitmix64& random, pillar::data_type type, std::uint64_t distinct,
                                    bool allow_null = true) {
  using pillar::physical_type;
  if (allow_null && type.nullable && random.chance(1, 8)) return pillar::scalar::of_null(type);
  const std::uint64_t pick = random.below(distinct);
  if (type.physical == physical_type::text) {
    std::string text = pick % 3 == 0 ? "a long common prefix of text " : pick % 3 == 1 ? "ab" : "";
    text += pick % 7 == 0 ? "" : std::to_string(pick);
    if (pick % 11 == 0) text += std::string(1, '\0');
    return pillar::scalar::of_text(type, text);
  }
  if (pillar::is_float(type.physical)) {
    switch (pick % 9) {
      case 0: return pillar::scalar::of_real(type, 0.0);
      case 1: return pillar::scalar::of_real(type, -0.0);
      case 2: return pillar::scalar::of_real(type, std::numeric_limits<double>::quiet_NaN());
      case 3:
        return pillar::scalar::of_real(
            type, pick % 2 == 0 ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity());
      default:
        return pillar::scalar::of_real(type, (static_cast<double>(pick) - static_cast<double>(distinct) / 2) / 8);
    }
  }
  const pillar::int128 low = pillar::lowest_of(type.physical), high = pillar::highest_of(type.physical);
  if (type.physical == physical_type::boolean) return pillar::scalar::of_integer(type, static_cast<int>(pick % 2));
  if (pick == 0) return pillar::scalar::of_integer(type, low);
  if (pick == 1) return pillar::scalar::of_integer(type, high);
  const auto centred = static_cast<pillar::int128>(pick) - (low < 0 ? static_cast<pillar::int128>(distinct / 2) : 0);
  return pillar::scalar::of_integer(type, centred < low ? low : centred > high ? high : centred);
}

inline std::vector<pillar::scalar> random_cells(pillar::splitmix64& random, pillar::data_type type, std::size_t count,
                                                std::uint64_t distinct) {
  std::vector<pillar::scalar> cells;
  for (std::size_t i = 0; i < count; ++i) cells.push_back(random_scalar(random, type, distinct));
  return cells;
}

/// Every built-in type once, decimals of both widths included.
inline std::vector<pillar::data_type> every_type(bool nullable) {
  using pillar::type_of;
  std::vector<pillar::data_type> types = {type_of<bool>,
                                          type_of<std::int8_t>,
                                          type_of<std::int16_t>,
                                          type_of<std::int32_t>,
                                          type_of<std::int64_t>,
                                          type_of<std::uint8_t>,
                                          type_of<std::uint16_t>,
                                          type_of<std::uint32_t>,
                                          type_of<std::uint64_t>,
                                          type_of<float>,
                                          type_of<double>,
                                          type_of<pillar::decimal<15, 2>>,
                                          type_of<pillar::decimal<38, 4>>,
                                          type_of<pillar::date>,
                                          type_of<pillar::timestamp<>>,
                                          type_of<pillar::text>,
                                          type_of<pillar::bytes>};
  for (auto& type : types) type.nullable = nullable;
  return types;
}

}  // namespace pillar_test
