// SPDX-License-Identifier: Apache-2.0
/// Users' codecs that leave their values to others: id 131 halves of integers, id 132 the values of runs.
#pragma once
#include <cstdint>
#include <cstring>

#include "pillar/base/bits.hpp"
#include "pillar/codec/cascade.hpp"
#include "pillar/codec/codec.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/column/vector.hpp"

namespace pillar_test {

/// Room for the vectors of a child of T and their values; `rows(i)` values in vector i.
template <class T>
T* make_child(const pillar::encode_input& input, std::span<const std::uint32_t> rows, pillar::child_column& child) {
  using namespace pillar;
  child.type = child_type(type_of<T>.physical);
  child.row_count = 0;
  for (const std::uint32_t count : rows) child.row_count += count;
  const std::size_t values_at = round_up(sizeof(vector) * rows.size(), 64);
  child.storage = *buffer::allocate(values_at + sizeof(T) * child.row_count, input.budget);
  auto* views = child.storage.as<vector>();
  T* const values = reinterpret_cast<T*>(child.storage.data() + values_at);
  T* at = values;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto* view = ::new (static_cast<void*>(views + i)) vector{};
    view->type = child.type;
    view->size = rows[i];
    view->values = at;
    at += rows[i];
  }
  child.vectors = {views, rows.size()};
  return values;
}

/// int32 and uint32 values as their upper and lower 16 bits: two children, as many rows as there are values.
struct halves {
  static constexpr pillar::codec_id id{131};

  static pillar::result<pillar::encode_plan> analyze(const pillar::encode_input& input) {
    pillar::encode_plan plan;
    const auto type = input.type.physical;
    plan.possible = type == pillar::physical_type::int32 || type == pillar::physical_type::uint32;
    if (!plan.possible) return plan;
    std::uint32_t rows[pillar::block_max_vectors];
    for (std::size_t i = 0; i < input.vectors.size(); ++i) rows[i] = input.vectors[i].size;
    plan.child_count = 2;
    std::uint32_t* high = make_child<std::uint32_t>(input, {rows, input.vectors.size()}, plan.children[0]);
    std::uint32_t* low = make_child<std::uint32_t>(input, {rows, input.vectors.size()}, plan.children[1]);
    for (const pillar::vector& values : input.vectors)
      for (std::uint32_t row = 0; row < values.size; ++row) {
        const std::uint32_t value = values.valid(row) ? values.value<std::uint32_t>(row) : 0;
        *high++ = value >> 16;
        *low++ = value & 0xffff;
      }
    return plan;
  }
  static pillar::result<void> encode(const pillar::encode_input&, const pillar::encode_plan&, std::byte*,
                                     pillar::data_section&) {
    return {};
  }
  static std::size_t view_bytes(const pillar::data_section&) noexcept { return 0; }
  static pillar::result<void> validate(pillar::data_section& section, std::byte*) noexcept {
    if (section.child_count != 2 || pillar::byte_width(section.type.physical) != 4) return {pillar::errc::corrupt, 0};
    for (std::uint32_t k = 0; k < 2; ++k) {
      const pillar::data_section& child = section.children[k];
      if (child.type.physical != pillar::physical_type::uint32 || child.vector_count != section.vector_count)
        return {pillar::errc::corrupt, k};
      for (std::uint32_t v = 0; v < child.vector_count; ++v)
        if (child.entries[v].row_count != section.entries[v].row_count) return {pillar::errc::corrupt, v};
    }
    return {};
  }
  static void decode(const pillar::data_section& section, std::uint32_t index, pillar::vector_scratch& scratch,
                     pillar::vector& out) noexcept {
    auto* values = reinterpret_cast<std::uint32_t*>(scratch.values);
    const std::uint32_t count = section.entries[index].row_count;
    for (std::uint32_t k = 0; k < 2; ++k) {
      pillar::vector_scratch of_child;
      pillar::vector half;
      pillar::detail::decode_child(section.children[k], index, of_child, half);
      for (std::uint32_t row = 0; row < count; ++row) {
        const auto bits = half.value<std::uint32_t>(row);
        values[row] = k == 0 ? bits << 16 : values[row] | (bits & 0xffff);
      }
    }
    out.kind = pillar::vector_kind::flat;
    out.values = values;
  }
};
static_assert(pillar::codec<halves>);

/// Integers of 32 bits as runs: a child with one value per run, whose vectors are as short as there are runs; the
/// payload is the end of each run, u16. NULL rows prolong the run before them.
struct run_values {
  static constexpr pillar::codec_id id{132};

  template <class F>
  static void for_each_run(const pillar::vector& from, F&& f) {
    std::uint32_t row = 0;
    while (row < from.size && !from.valid(row)) ++row;
    std::uint32_t value = row < from.size ? from.value<std::uint32_t>(row) : 0;
    for (; row < from.size; ++row) {
      if (!from.valid(row) || from.value<std::uint32_t>(row) == value) continue;
      f(value, row);
      value = from.value<std::uint32_t>(row);
    }
    f(value, from.size);
  }
  static pillar::result<pillar::encode_plan> analyze(const pillar::encode_input& input) {
    pillar::encode_plan plan;
    plan.possible = pillar::byte_width(input.type.physical) == 4;
    if (!plan.possible) return plan;
    std::uint32_t rows[pillar::block_max_vectors] = {};
    for (std::size_t i = 0; i < input.vectors.size(); ++i)
      for_each_run(input.vectors[i], [&](std::uint32_t, std::uint32_t) { ++rows[i], plan.data_bytes += 2; });
    plan.child_count = 1;
    std::uint32_t* values = make_child<std::uint32_t>(input, {rows, input.vectors.size()}, plan.children[0]);
    for (const pillar::vector& from : input.vectors)
      for_each_run(from, [&](std::uint32_t value, std::uint32_t) { *values++ = value; });
    return plan;
  }
  static pillar::result<void> encode(const pillar::encode_input& input, const pillar::encode_plan&, std::byte* out,
                                     pillar::data_section& section) {
    std::uint32_t at = 0;
    for (std::size_t i = 0; i < input.vectors.size(); ++i) {
      section.entries[i].offset = at;
      for_each_run(input.vectors[i], [&](std::uint32_t, std::uint32_t end) {
        pillar::store_unaligned(out + at, static_cast<std::uint16_t>(end));
        at += 2;
      });
      section.entries[i].bytes = at - section.entries[i].offset;
    }
    return {};
  }
  static std::size_t view_bytes(const pillar::data_section&) noexcept { return 0; }
  static pillar::result<void> validate(pillar::data_section& section, std::byte*) noexcept {
    if (section.child_count != 1 || section.shared_bytes != 0 || pillar::byte_width(section.type.physical) != 4)
      return {pillar::errc::corrupt, 0};
    const pillar::data_section& child = section.children[0];
    if (child.type.physical != pillar::physical_type::uint32 || child.vector_count != section.vector_count)
      return {pillar::errc::corrupt, 1};
    for (std::uint32_t v = 0; v < section.vector_count; ++v) {
      const pillar::vector_entry& entry = section.entries[v];
      if (entry.bytes != 2 * child.entries[v].row_count) return {pillar::errc::corrupt, v};
      std::uint32_t before = 0;
      for (std::uint32_t at = 0; at < entry.bytes; at += 2) {
        const std::uint32_t end = pillar::load_unaligned<std::uint16_t>(section.data + entry.offset + at);
        if (end <= before || end > entry.row_count) return {pillar::errc::corrupt, entry.offset + at};
        before = end;
      }
      if (before != entry.row_count) return {pillar::errc::corrupt, entry.offset};
    }
    return {};
  }
  static void decode(const pillar::data_section& section, std::uint32_t index, pillar::vector_scratch& scratch,
                     pillar::vector& out) noexcept {
    const pillar::vector_entry& entry = section.entries[index];
    auto* values = reinterpret_cast<std::uint32_t*>(scratch.values);
    pillar::vector_scratch of_child;
    pillar::vector runs;
    pillar::detail::decode_child(section.children[0], index, of_child, runs);
    std::uint32_t row = 0;
    for (std::uint32_t run = 0; run < runs.size; ++run) {
      std::uint32_t end = pillar::load_unaligned<std::uint16_t>(section.data + entry.offset + 2 * run);
      end = end < entry.row_count ? end : entry.row_count;  // it may have changed since validation
      for (; row < end; ++row) values[row] = runs.value<std::uint32_t>(run);
    }
    for (; row < entry.row_count; ++row) values[row] = 0;
    out.kind = pillar::vector_kind::flat;
    out.values = values;
  }
};
static_assert(pillar::codec<run_values>);

}  // namespace pillar_test
