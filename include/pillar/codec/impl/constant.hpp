// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>  // std::memcpy, std::memcmp

#include "pillar/base/mutant.hpp"
#include "pillar/codec/constant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

namespace detail {
/// The vector that holds the first non-NULL value, and its row; nullptr when all are NULL.
inline const vector* first_valid(const encode_input& input, std::uint32_t& row) {
  for (const vector& values : input.vectors)
    for (std::uint32_t word = 0; word * 64 < values.size; ++word)
      if (const std::uint64_t bits = values.validity_word(word); bits != 0) {
        row = word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
        return &values;
      }
  return nullptr;
}
}  // namespace detail

PILLAR_API result<encode_plan> constant_codec::analyze(const encode_input& input) {
  encode_plan plan;
  std::uint32_t first_row = 0;
  const vector* first = detail::first_valid(input, first_row);
  plan.possible = true;
  if (input.type.physical == physical_type::text) {
    const std::string_view value = first == nullptr ? std::string_view{} : first->text_value(first_row);
    plan.data_bytes = value.size();
    for (const vector& values : input.vectors) {
      detail::for_each_valid_row(
          values, [&](std::uint32_t row) { plan.possible = plan.possible && values.text_value(row) == value; });
      if (!plan.possible) return encode_plan{};
    }
    return plan;
  }
  plan.data_bytes = byte_width(input.type.physical);
  if (first == nullptr) return plan;
  visit_fixed_width(input.type.physical, [&]<class T>() {
    const T value = first->value<T>(first_row);
    T scratch[vector_rows];
    for (const vector& values : input.vectors) {
      const T* flat = detail::gather<T>(values, scratch, value);
      for (std::uint32_t row = 0; row < values.size && plan.possible; ++row)
        plan.possible = std::memcmp(flat + row, &value, sizeof(T)) == 0;
      if (!plan.possible) return;
    }
  });
  if (!plan.possible) return encode_plan{};
  return plan;
}

PILLAR_API result<void> constant_codec::encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                               data_section& section) {
  std::uint32_t row = 0;
  const vector* first = detail::first_valid(input, row);
  section.shared_bytes = static_cast<std::uint32_t>(plan.data_bytes);
  if (first == nullptr) {
    if (plan.data_bytes != 0) std::memset(out, 0, plan.data_bytes);
  } else if (input.type.physical == physical_type::text) {
    const std::string_view value = first->text_value(row);
    if (!value.empty()) std::memcpy(out, value.data(), value.size());
  } else {
    std::memcpy(out, first->holder().values_as<std::byte>() + plan.data_bytes * first->index_of(row), plan.data_bytes);
  }
  for (std::size_t i = 0; i < input.vectors.size(); ++i) section.entries[i].offset = section.shared_bytes;
  return {};
}

PILLAR_API std::size_t constant_codec::view_bytes(const data_section&) noexcept { return 16; }

PILLAR_API result<void> constant_codec::validate(data_section& section, std::byte* memory) noexcept {
  if (!detail::is_plain(section)) return {errc::corrupt, 0};
  if (section.entry_count != 0 || section.code_width != 0) return {errc::corrupt, 0};
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    if (entry.base != 0 || entry.width != 0 || entry.bytes != 0) return {errc::corrupt, i};
  }
  section.shared.type = section.type.as_nullable(false);
  section.shared.size = 1;
  section.shared.values = memory;
  std::memset(memory, 0, 16);
  if (section.type.physical == physical_type::text) {
    const text_slot slot = text_slot::make({reinterpret_cast<const char*>(section.data), section.shared_bytes}, 0, 0);
    std::memcpy(memory, &slot, sizeof(slot));
    section.shared_buffers[0] = section.data;
    section.shared.buffers = section.shared_buffers;
    return {};
  }
  const std::size_t width = byte_width(section.type.physical);
  if (section.shared_bytes != width) return {errc::corrupt, 0};
  std::memcpy(memory, section.data, width);
  if (section.type.physical == physical_type::boolean && memory[0] > std::byte{1}) return {errc::corrupt, 0};
  return {};
}

PILLAR_API void constant_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                       vector& out) noexcept {
  const vector_entry& entry = section.entries[index];
  if (entry.null_count == 0 || entry.null_count == entry.row_count) {
    out.kind = vector_kind::constant;
    out.values = section.shared.values;
    out.buffers = section.shared.buffers;
  } else if (section.type.physical == physical_type::text) {
    // A constant vector has one validity for all rows; here rows differ.
    std::memset(scratch.codes, 0, sizeof(std::uint32_t) * entry.row_count);
    out.kind = vector_kind::dictionary;
    out.codes = scratch.codes;
    out.dictionary = &section.shared;
  } else {
    out.kind = vector_kind::flat;
    out.values = scratch.values;
    visit_fixed_width(section.type.physical, [&]<class T>() {
      const T value = *section.shared.values_as<T>();
      T* values = reinterpret_cast<T*>(scratch.values);
      for (std::uint32_t row = 0; row < entry.row_count; ++row) values[row] = value;
    });
  }
}

PILLAR_API match_answer constant_codec::match(const data_section& section, std::uint32_t, const domain& test,
                                              match_scratch*, std::uint64_t*) noexcept {
  if (test.physical != section.type.physical) return {verdict::unknown, evidence::settled};
  bool inside = false;
  if (section.type.physical == physical_type::text) inside = test.contains_text(section.shared.text_value(0));
  else if (section.type.physical == physical_type::float32) inside = test.contains_real(section.shared.value<float>(0));
  else if (section.type.physical == physical_type::float64)
    inside = test.contains_real(section.shared.value<double>(0));
  else
    visit_fixed_width(section.type.physical, [&]<class T>() {
      if constexpr (integer<T>) inside = test.contains_integer(section.shared.value<T>(0));
    });
  return {PILLAR_MUTATE(constant_verdict_flipped, inside, !inside) ? verdict::all : verdict::none, evidence::settled};
}

PILLAR_API bool constant_codec::sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                    bool mask_is_all, int128& out) noexcept {
  if (!detail::is_narrow_integer(section.type.physical)) return false;
  const std::uint32_t rows = section.entries[index].row_count;
  const auto count = mask_is_all ? rows : static_cast<std::uint32_t>(count_bits(mask, rows));
  detail::visit_narrow_integer(section.type.physical,
                               [&]<class T>() { out = int128{section.shared.value<T>(0)} * count; });
  return true;
}

PILLAR_API bool constant_codec::bounds(const data_section& section, std::uint32_t, const std::uint64_t*, bool,
                                       int128& least, int128& greatest) noexcept {
  if (!detail::is_narrow_integer(section.type.physical)) return false;
  detail::visit_narrow_integer(section.type.physical,
                               [&]<class T>() { least = greatest = int128{section.shared.value<T>(0)}; });
  return true;
}

}  // namespace PILLAR_NAMESPACE
