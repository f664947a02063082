// SPDX-License-Identifier: Apache-2.0
/// dictionary_codec: reading. Writing and matching are in files of their own.
#pragma once
#include <algorithm>  // std::min
#include <cstring>    // std::memcpy
#include <string_view>
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/fetch.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/impl/dictionary_encode.hpp"  // code_width_of
#include "pillar/codec/impl/dictionary_match.hpp"
#include "pillar/codec/impl/frame_of_reference.hpp"  // sum_of_steps, field_bounds
#include "pillar/codec/impl/text_symbols.hpp"        // symbol_view
#include "pillar/codec/packed.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// Bytes behind the characters of entries that are read with them.
inline constexpr std::size_t entry_slack = 16;

/// The characters that the texts of a validated child have at most; ~0 where they cannot be counted. Texts that do not
/// ascend within a vector count as none, since validate refuses them: a long run of a long text is no reason to take
/// memory.
inline std::uint64_t child_characters(const data_section& child) noexcept {
  if (child.codec->id == codec_id::raw) return child.data_bytes - std::uint64_t{4} * child.row_count;
  std::uint64_t total = 0;
  if (child.codec->id == codec_id::text_symbols) {
    for (std::uint32_t v = 0; v < child.vector_count; ++v) total += symbol_view::of(child).totals[v];
    return total;
  }
  vector_scratch scratch;
  if (!scratch.reserve_characters(child.character_bytes).ok()) return ~std::uint64_t{0};
  for (std::uint32_t v = 0; v < child.vector_count; ++v) {
    vector values;
    decode_child(child, v, scratch, values);
    std::string_view before;
    for (std::uint32_t row = 0; row < values.size; ++row) {
      const std::string_view text = values.text_value(row);
      if (PILLAR_MUTATE(dictionary_counts_repeats, row != 0 && !(before < text), false)) return 0;
      before = text;
      total += text.size();
    }
  }
  return total;
}

}  // namespace detail

PILLAR_API std::size_t dictionary_codec::view_bytes(const data_section& section) noexcept {
  const std::size_t slots = byte_width(section.type.physical) * section.entry_count;
  if (section.child_count != 1 || section.type.physical != physical_type::text) return slots;
  if (section.children[0].type.physical != physical_type::text || section.children[0].row_count != section.entry_count)
    return 0;  // refused by validate
  const std::uint64_t characters = detail::child_characters(section.children[0]);
  if (characters > (std::uint64_t{1} << 32)) return ~std::size_t{0};
  return slots + static_cast<std::size_t>(characters) + detail::entry_slack;
}

namespace detail {

/// Entries of version 1: in the section itself.
inline result<void> validate_text_entries(data_section& section, std::byte* memory) noexcept {
  const std::uint32_t count = section.entry_count;
  if (section.shared_bytes / 4 < count) return {errc::corrupt, 0};
  const std::byte* characters = section.data + std::size_t{4} * count;
  const std::uint32_t character_count = section.shared_bytes - 4 * count;
  auto* slots = reinterpret_cast<text_slot*>(memory);
  std::uint32_t begin = 0;
  std::string_view before;
  for (std::uint32_t code = 0; code < count; ++code) {
    const auto end = load_unaligned<std::uint32_t>(section.data + std::size_t{4} * code);
    if (end < begin || end > character_count) return {errc::corrupt, std::uint64_t{4} * code};
    const std::string_view text(reinterpret_cast<const char*>(characters + begin), end - begin);
    if (code != 0 && !(before < text)) return {errc::corrupt, std::uint64_t{4} * code};
    ::new (static_cast<void*>(slots + code)) text_slot(text_slot::make(text, 0, begin));
    before = text;
    begin = end;
  }
  if (begin != character_count) return {errc::corrupt, 0};
  section.shared_buffers[0] = characters;
  return {};
}

/// a < b, of texts that 8 readable bytes follow.
inline bool text_less(const std::byte* a, std::uint32_t a_size, const std::byte* b, std::uint32_t b_size) noexcept {
  const std::uint32_t common = std::min(a_size, b_size);
  for (std::uint32_t at = 0; at < common; at += 8) {
    const std::uint64_t known = low_bytes(common - at);
    const std::uint64_t x = load_unaligned<std::uint64_t>(a + at) & known;
    const std::uint64_t y = load_unaligned<std::uint64_t>(b + at) & known;
    if (x != y) return __builtin_bswap64(x) < __builtin_bswap64(y);
  }
  return a_size < b_size;
}

/// Entries of the child: decoded once, kept in `memory`. Mapped bytes may have changed since its size was asked.
inline result<void> read_text_entries(data_section& section, std::byte* memory) noexcept {
  const data_section& child = section.children[0];
  auto* slots = reinterpret_cast<text_slot*>(memory);
  const std::size_t slot_bytes = sizeof(text_slot) * section.entry_count;
  if (section.memory_bytes < slot_bytes + entry_slack) return {errc::corrupt, 0};
  std::byte* const characters = memory + slot_bytes;
  const std::size_t room = PILLAR_MUTATE(dictionary_room_recounted, section.memory_bytes - slot_bytes - entry_slack,
                                         child_characters(child));
  vector_scratch scratch;
  PILLAR_TRY(scratch.reserve_characters(child.character_bytes));
  std::uint32_t code = 0, end = 0;
  std::uint32_t before = 0, before_size = 0;
  for (std::uint32_t v = 0; v < child.vector_count; ++v) {
    vector values;
    decode_child(child, v, scratch, values);
    if (values.size > section.entry_count - code) return {errc::corrupt, code};
    std::uint32_t sizes[vector_rows];
    std::uint64_t total = 0;
    if (child.codec->id == codec_id::text_symbols) {  // flat, its texts one after the other
      for (std::uint32_t row = 0; row < values.size; ++row)
        total += sizes[row] = values.values_as<text_slot>()[row].size;
      if (total > room - end) return {errc::corrupt, code};
      std::memcpy(characters + end, values.buffers[0], total);
    } else {
      for (std::uint32_t row = 0; row < values.size; ++row) {
        const std::string_view text = values.text_value(row);
        if (text.size() > room - end - total) return {errc::corrupt, code};
        if (!text.empty()) std::memcpy(characters + end + total, text.data(), text.size());
        total += sizes[row] = static_cast<std::uint32_t>(text.size());
      }
    }
    for (std::uint32_t row = 0; row < values.size; ++row, ++code) {
      const std::uint32_t size = sizes[row];
      if (code != 0 && PILLAR_MUTATE(dictionary_child_unsorted,
                                     !text_less(characters + before, before_size, characters + end, size), false)) {
        return {errc::corrupt, code};
      }
      store_slot(slots + code, characters, end, size);
      before = end;
      before_size = size;
      end += size;
    }
  }
  section.shared_buffers[0] = characters;
  return code == section.entry_count ? result<void>{} : result<void>{errc::corrupt, code};
}

/// The step between ascending entries if it is the same everywhere and has 32 bits: then a code is all it takes to know
/// the value. Else 0.
template <class T>
std::uint32_t step_of(const T* entries, std::uint32_t count) noexcept {
  if (count < 2) return 0;
  const auto step = static_cast<std::uint64_t>(entries[1]) - static_cast<std::uint64_t>(entries[0]);
  if (step >> 32 != 0) return 0;
  using U = std::make_unsigned_t<T>;
  U other = 0;  // where steps differ; without a branch per entry
  for (std::uint32_t code = 2; code < count; ++code)
    other |= static_cast<U>(static_cast<U>(static_cast<U>(entries[code]) - static_cast<U>(entries[code - 1])) ^
                            static_cast<U>(step));
  return PILLAR_MUTATE(dictionary_first_step_counts, other == 0, true) ? static_cast<std::uint32_t>(step) : 0;
}

template <class T>
result<void> validate_integer_entries(data_section& section, std::byte* memory) noexcept {
  const std::uint32_t count = section.entry_count;
  T* const entries = reinterpret_cast<T*>(memory);
  if (section.child_count == 0) {
    if (section.shared_bytes != sizeof(T) * count) return {errc::corrupt, 0};
    std::memcpy(memory, section.data, sizeof(T) * count);
  } else {
    const data_section& child = section.children[0];
    vector_scratch scratch;
    std::uint32_t code = 0;
    for (std::uint32_t v = 0; v < child.vector_count; ++v) {
      vector values;
      decode_child(child, v, scratch, values);
      if (values.size > count - code) return {errc::corrupt, code};
      T room[vector_rows];
      const T* const flat = gather<T>(values, room, T{});
      std::memcpy(entries + code, flat, sizeof(T) * values.size);
      code += values.size;
    }
    if (code != count) return {errc::corrupt, code};
  }
  bool ascend = true;
  for (std::uint32_t code = 1; code < count; ++code) ascend &= entries[code - 1] < entries[code];
  if (!ascend) return {errc::corrupt, 0};
  if (section.type.physical == physical_type::boolean && entries[count - 1] > T{1}) return {errc::corrupt, count - 1};
  section.step = step_of(entries, count);
  return {};
}

/// A child that may hold the entries: of their type, as many as there are.
inline bool entries_fit(const data_section& section) noexcept {
  if (section.child_count == 0) return true;
  const data_section& child = section.children[0];
  return section.child_count == 1 && section.shared_bytes == 0 && child.type.physical == section.type.physical &&
         child.row_count == section.entry_count;
}

}  // namespace detail

PILLAR_API result<void> dictionary_codec::validate(data_section& section, std::byte* memory) noexcept {
  const std::uint32_t count = section.entry_count;
  if (count == 0 || count > max_entries || section.code_width != detail::code_width_of(count) ||
      !detail::entries_fit(section)) {
    return {errc::corrupt, 0};
  }
  if (section.type.physical == physical_type::text) {
    PILLAR_TRY(section.child_count == 0 ? detail::validate_text_entries(section, memory)
                                        : detail::read_text_entries(section, memory));
    section.shared.buffers = section.shared_buffers;
  } else if (!detail::is_narrow_integer(section.type.physical)) {
    return {errc::corrupt, 0};
  } else {
    PILLAR_TRY(detail::visit_narrow_integer(
        section.type.physical, [&]<class T>() { return detail::validate_integer_entries<T>(section, memory); }));
  }
  section.shared.type = section.type.as_nullable(false);
  section.shared.size = count;
  section.shared.values = memory;
  // Codes are not looked at: those beyond the entries stand for the last one.
  std::uint64_t wrong = 0;
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    wrong |= entry.base | entry.width | entry.mode | entry.exception_count |
             (entry.bytes ^ packed_bytes(section.code_width));
  }
  return wrong == 0 ? result<void>{} : result<void>{errc::corrupt, section.shared_bytes};
}

namespace detail {

/// The codes of a vector: 1,024 of them, none beyond the entries: those that are stand for the last one.
inline void unpack_codes(const data_section& section, std::uint32_t index, std::uint32_t* codes) noexcept {
  const std::uint32_t last = section.entry_count - 1;
  unpack_add<std::uint32_t>(*section.kernels, section.code_width, section.data + section.entries[index].offset, codes,
                            0);
  if (PILLAR_MUTATE(dictionary_code_unclamped, packed_max_field(section.code_width) > last, false))
    for (std::uint32_t row = 0; row < vector_rows; ++row) codes[row] = codes[row] < last ? codes[row] : last;
}

/// values[row] = first + step · code, in U.
template <class U>
void add_steps(const std::uint32_t* codes, U first, std::uint32_t step, U* values) noexcept {
  for (std::uint32_t row = 0; row < vector_rows; ++row)
    values[row] = static_cast<U>(first + static_cast<U>(static_cast<U>(codes[row]) * static_cast<U>(step)));
}

/// values[row] = entry of the code, in U.
template <class T, class U>
void look_up_entries(const T* PILLAR_RESTRICT entries, const std::uint32_t* codes, U* PILLAR_RESTRICT values) noexcept {
  // Two in a word: compilers make slow gathers of single ones.
  for (std::uint32_t row = 0; row < vector_rows; row += 2) {
    const auto pair = load_unaligned<std::uint64_t>(codes + row);
    values[row] = static_cast<U>(entries[static_cast<std::uint32_t>(pair)]);
    values[row + 1] = static_cast<U>(entries[pair >> 32]);
  }
}

}  // namespace detail

PILLAR_API void dictionary_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                         vector& out) noexcept {
  if (section.type.physical == physical_type::text) {
    detail::unpack_codes(section, index, scratch.codes);
    out.kind = vector_kind::dictionary;
    out.codes = scratch.codes;
    out.dictionary = &section.shared;
    return;
  }
  out.kind = vector_kind::flat;
  out.values = scratch.values;
  detail::unpack_codes(section, index, scratch.codes);
  detail::visit_narrow_integer(section.type.physical, [&]<class T>() {
    using U = std::make_unsigned_t<T>;
    const T* entries = section.shared.values_as<T>();
    auto* values = reinterpret_cast<U*>(scratch.values);
    if (section.step != 0) detail::add_steps(scratch.codes, static_cast<U>(entries[0]), section.step, values);
    else detail::look_up_entries(entries, scratch.codes, values);
  });
}

PILLAR_API bool dictionary_codec::decode_narrow(const data_section& section, std::uint32_t index,
                                                vector_scratch& scratch, vector& out) noexcept {
  detail::unpack_codes(section, index, scratch.codes);
  out.kind = vector_kind::flat;
  out.values = scratch.values;
  const auto* entries = section.shared.values_as<std::int64_t>();
  auto* values = reinterpret_cast<std::uint32_t*>(scratch.values);
  if (section.step != 0) detail::add_steps(scratch.codes, static_cast<std::uint32_t>(entries[0]), section.step, values);
  else detail::look_up_entries(entries, scratch.codes, values);
  return true;
}

PILLAR_API bool dictionary_codec::fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                        std::uint32_t count, void* values) noexcept {
  if (section.type.physical == physical_type::text || count > fetch_worth_it) return false;
  const std::byte* packed = section.data + section.entries[index].offset;
  detail::visit_narrow_integer(section.type.physical, [&]<class T>() {
    const T* entries = section.shared.values_as<T>();
    const std::uint64_t last = section.entry_count - 1;
    detail::fetch_fields(packed, section.code_width, rows, count, static_cast<T*>(values),
                         [=](std::uint64_t code) { return entries[code < last ? code : last]; });
  });
  return true;
}

PILLAR_API void dictionary_codec::prefetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                           std::uint32_t count) noexcept {
  detail::prefetch_fields(section.data + section.entries[index].offset, section.code_width, rows, count);
}

namespace detail {

/// Has the vector codes that stand for the last entry because they lie beyond it?
inline bool any_code_beyond(const data_section& section, const vector_entry& entry) noexcept {
  const std::uint64_t most = packed_max_field(section.code_width);
  if (most < section.entry_count) return false;
  alignas(64) std::uint64_t mask[vector_words];
  section.kernels->match_range[section.code_width](section.data + entry.offset, section.entry_count, most, mask);
  std::uint64_t any = 0;
  for (const std::uint64_t word : mask) any |= word;
  return any != 0;
}

/// The entries of the codes of the rows in the mask, added.
template <class Sum, class T>
Sum sum_entries(const T* entries, const std::uint32_t* codes, const selection_mask& rows) noexcept {
  Sum even = 0, odd = 0;
  for (std::uint32_t word = 0; word < vector_words; ++word) {
    const std::uint32_t* const from = codes + std::size_t{64} * word;
    if (rows.words[word] == ~std::uint64_t{0}) {
      for (std::uint32_t i = 0; i < 64; i += 2) {  // as look_up_entries
        const auto pair = load_unaligned<std::uint64_t>(from + i);
        even += static_cast<Sum>(entries[static_cast<std::uint32_t>(pair)]);
        odd += static_cast<Sum>(entries[pair >> 32]);
      }
    } else {
      for (std::uint64_t bits = rows.words[word]; bits != 0; bits &= bits - 1)
        even += static_cast<Sum>(entries[from[std::countr_zero(bits)]]);
    }
  }
  return even + odd;
}

}  // namespace detail

PILLAR_API bool dictionary_codec::sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                      bool mask_is_all, int128& out) noexcept {
  if (section.type.physical == physical_type::text) return false;
  const vector_entry& entry = section.entries[index];
  detail::visit_narrow_integer(section.type.physical, [&]<class T>() {
    const T* const entries = section.shared.values_as<T>();
    if (section.step != 0 && PILLAR_MUTATE(dictionary_sum_unclamped, !detail::any_code_beyond(section, entry), true)) {
      out = detail::sum_of_steps(section, entry, section.code_width, entries[0], section.step, mask, mask_is_all);
      return;
    }
    const selection_mask rows = detail::rows_asked(entry, mask, mask_is_all);
    alignas(64) std::uint32_t codes[vector_rows];
    detail::unpack_codes(section, index, codes);
    constexpr int128 most = int128{1} << 52;  // 1,024 of them are far below 2^63
    const bool small = int128{entries[0]} >= -most && int128{entries[section.entry_count - 1]} <= most;
    if (PILLAR_MUTATE(dictionary_sum_overflows, small, true))
      out = detail::sum_entries<std::int64_t>(entries, codes, rows);
    else out = detail::sum_entries<int128>(entries, codes, rows);
  });
  return true;
}

PILLAR_API bool dictionary_codec::bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                         bool mask_is_all, int128& least, int128& greatest) noexcept {
  if (section.type.physical == physical_type::text) return false;
  const vector_entry& entry = section.entries[index];
  const selection_mask rows = detail::rows_asked(entry, mask, mask_is_all);
  std::uint64_t low, high;
  detail::field_bounds(*section.kernels, section.code_width, section.data + entry.offset, rows.words, low, high);
  const std::uint64_t last = section.entry_count - 1;
  low = low < last ? low : last;
  high = high < last ? high : last;
  detail::visit_narrow_integer(section.type.physical, [&]<class T>() {
    const T* const entries = section.shared.values_as<T>();
    least = entries[low];
    greatest = entries[high];
  });
  return true;
}

}  // namespace PILLAR_NAMESPACE
