// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>  // std::memcpy

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/raw.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API result<encode_plan> raw_codec::analyze(const encode_input& input) {
  encode_plan plan;
  plan.possible = true;
  if (input.type.physical != physical_type::text) {
    plan.data_bytes = std::uint64_t{input.row_count} * byte_width(input.type.physical);
    return plan;
  }
  plan.data_bytes = std::uint64_t{input.row_count} * 4;
  for (const vector& values : input.vectors)
    detail::for_each_valid_row(values, [&](std::uint32_t row) { plan.data_bytes += values.text_value(row).size(); });
  return plan;
}

PILLAR_API result<void> raw_codec::encode(const encode_input& input, const encode_plan&, std::byte* out,
                                          data_section& section) {
  std::byte* at = out;
  for (std::size_t i = 0; i < input.vectors.size(); ++i) {
    const vector& values = input.vectors[i];
    std::byte* const begin = at;
    if (input.type.physical == physical_type::text) {
      std::byte* const characters = begin + std::size_t{4} * values.size;
      std::uint64_t end = 0;
      for (std::uint32_t row = 0; row < values.size; ++row) {
        if (values.valid(row)) {
          const std::string_view text = values.text_value(row);
          if (!text.empty()) std::memcpy(characters + end, text.data(), text.size());
          end += text.size();
        }
        store_unaligned(begin + std::size_t{4} * row, static_cast<std::uint32_t>(end));
      }
      at = characters + end;
    } else {
      visit_fixed_width(input.type.physical, [&]<class T>() {
        T scratch[vector_rows];
        const T* flat = detail::gather<T>(values, scratch, T{});
        std::memcpy(begin, flat, sizeof(T) * values.size);
        at = begin + sizeof(T) * values.size;
      });
    }
    section.entries[i].offset = static_cast<std::uint32_t>(begin - out);
    section.entries[i].bytes = static_cast<std::uint32_t>(at - begin);
  }
  return {};
}

PILLAR_API std::size_t raw_codec::view_bytes(const data_section&) noexcept { return 0; }

PILLAR_API result<void> raw_codec::validate(data_section& section, std::byte*) noexcept {
  if (!detail::is_plain(section)) return {errc::corrupt, 0};
  if (section.shared_bytes != 0 || section.entry_count != 0 || section.code_width != 0) return {errc::corrupt, 0};
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    if (entry.base != 0 || entry.width != 0) return {errc::corrupt, i};
    const std::byte* payload = section.data + entry.offset;
    if (section.type.physical == physical_type::text) {
      if (entry.bytes < std::uint64_t{4} * entry.row_count) return {errc::corrupt, entry.offset};
      const std::uint32_t character_count = entry.bytes - 4 * entry.row_count;
      std::uint32_t before = 0;
      for (std::uint32_t row = 0; row < entry.row_count; ++row) {
        const auto end = load_unaligned<std::uint32_t>(payload + std::size_t{4} * row);
        if (end < before || end > character_count) return {errc::corrupt, entry.offset + std::uint64_t{4} * row};
        before = end;
      }
      if (before != character_count) return {errc::corrupt, entry.offset};
    } else {
      if (entry.bytes != entry.row_count * byte_width(section.type.physical)) return {errc::corrupt, entry.offset};
      if (section.type.physical == physical_type::boolean)
        for (std::uint32_t row = 0; row < entry.row_count; ++row)
          if (payload[row] > std::byte{1}) return {errc::corrupt, entry.offset + row};
    }
  }
  return {};
}

PILLAR_API void raw_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                  vector& out) noexcept {
  const vector_entry& entry = section.entries[index];
  const std::byte* payload = section.data + entry.offset;
  out.kind = vector_kind::flat;
  if (section.type.physical == physical_type::text) {
    // Offsets are read again, so they are forced into the payload: they may have changed since validation.
    const std::uint32_t character_count = entry.bytes - 4 * entry.row_count;
    const std::byte* characters = payload + std::size_t{4} * entry.row_count;
    auto* slots = reinterpret_cast<text_slot*>(scratch.values);
    const std::uint32_t most = PILLAR_MUTATE(raw_text_unclamped, character_count, ~std::uint32_t{0});
    std::uint32_t begin = 0;
    for (std::uint32_t row = 0; row < entry.row_count; ++row) {
      auto end = load_unaligned<std::uint32_t>(payload + std::size_t{4} * row);
      end = end > most ? most : end;
      begin = begin > end ? end : begin;
      slots[row] = text_slot::make({reinterpret_cast<const char*>(characters + begin), end - begin}, 0, begin);
      begin = end;
    }
    scratch.buffers[0] = characters;
    out.values = slots;
    out.buffers = scratch.buffers;
    return;
  }
  if (section.type.physical == physical_type::boolean) {
    auto* bytes = reinterpret_cast<std::uint8_t*>(scratch.values);
    for (std::uint32_t row = 0; row < entry.row_count; ++row) bytes[row] = payload[row] != std::byte{0};
    out.values = bytes;
    return;
  }
  const std::size_t width = byte_width(section.type.physical);
  const std::size_t alignment = width > 8 ? 16 : width;
  if (reinterpret_cast<std::uintptr_t>(payload) % alignment == 0) {
    out.values = payload;
  } else {
    std::memcpy(scratch.values, payload, entry.bytes);
    out.values = scratch.values;
  }
}

}  // namespace PILLAR_NAMESPACE
