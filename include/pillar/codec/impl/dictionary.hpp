// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::sort, std::lower_bound
#include <cstring>    // std::memcpy, std::memset
#include <string_view>
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/fetch.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/impl/frame_of_reference.hpp"  // value_bounds
#include "pillar/codec/impl/text_symbols.hpp"        // symbol_view
#include "pillar/codec/match_scratch.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

namespace detail {

/// What analyze leaves for encode, in encode_plan::work: entries (sorted), then a code per non-NULL row, then the hash
/// table while counting and the new code of each old one after sorting.
template <class Value>
struct dictionary_work {
  struct entry {
    Value value;
    std::uint32_t code;
  };
  static constexpr std::uint32_t slot_count(std::uint32_t row_count) noexcept {
    return std::bit_ceil(std::uint32_t{2} * row_count);
  }
  static constexpr std::size_t bytes(std::uint32_t row_count) noexcept {
    return (sizeof(entry) + sizeof(std::uint32_t)) * row_count + sizeof(std::uint32_t) * slot_count(row_count);
  }
  dictionary_work(const buffer& work, std::uint32_t row_count) noexcept
      : entries(reinterpret_cast<entry*>(const_cast<std::byte*>(work.data()))),
        codes(reinterpret_cast<std::uint32_t*>(entries + row_count)),
        slots(codes + row_count) {}
  entry* entries;
  std::uint32_t* codes;
  std::uint32_t* slots;
};

inline std::uint64_t dictionary_hash(std::uint64_t value) noexcept { return value * 0x9e3779b97f4a7c15u; }
template <class T>
requires integer<T> std::uint64_t dictionary_hash(T value)
noexcept { return dictionary_hash(static_cast<std::uint64_t>(value)); }
inline std::uint64_t dictionary_hash(std::string_view text) noexcept {
  std::uint64_t hash = text.size();
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    hash = dictionary_hash(hash ^ load_unaligned<std::uint64_t>(text.data() + at));
    hash ^= hash >> 32;
  }
  std::uint64_t rest = 0;
  if (at < text.size()) std::memcpy(&rest, text.data() + at, text.size() - at);
  return dictionary_hash(hash ^ rest);
}

template <class Value>
Value value_of(const vector& from, std::uint32_t row) noexcept {
  if constexpr (std::is_same_v<Value, std::string_view>) return from.text_value(row);
  else return from.value<Value>(row);
}
template <class Value>
std::uint64_t entry_bytes(const Value& value) noexcept {
  if constexpr (std::is_same_v<Value, std::string_view>) return 4 + value.size();
  else return sizeof(Value);
}

constexpr std::uint8_t code_width_of(std::uint32_t entry_count) noexcept {
  return static_cast<std::uint8_t>(std::bit_width(entry_count - 1));
}

/// Entries of this many bytes and more become a child, which other codecs shrink: sorted integers are all but deltas.
inline constexpr std::uint64_t dictionary_child_bytes = 1024;
/// A child's entries shrink to this part at best, as far as giving up is concerned.
inline constexpr std::uint64_t dictionary_child_gain = 6;

/// The entries that so many distinct values cost at least, as a child or not.
constexpr std::uint64_t least_entry_bytes(std::uint64_t bytes) noexcept {
  return bytes < dictionary_child_bytes ? bytes : bytes / dictionary_child_gain;
}

/// Can the rows have so few values that a dictionary pays? Judged from up to 1,024 of them: of n values drawn from D,
/// about n² / 2D are there already. Neighbours are looked at, so that runs count.
template <class Value>
bool dictionary_may_pay(const encode_input& input) {
  constexpr std::uint32_t slot_count = 4096, places = 4, neighbours = 4;
  if (input.row_count < 16 * vector_rows) return true;
  std::uint64_t slots[slot_count] = {};
  std::uint64_t drawn = 0, repeated = 0, entry_bytes_sum = 0;
  for (const vector& values : input.vectors)
    for (std::uint32_t i = 0; i < places * neighbours && values.size == vector_rows; ++i) {
      const std::uint32_t row = i / neighbours * (vector_rows / places) + i % neighbours;
      if (!values.valid(row)) continue;
      const Value value = value_of<Value>(values, row);
      const std::uint64_t hash = dictionary_hash(value) | 1;
      std::uint32_t slot = static_cast<std::uint32_t>(hash >> 52);
      while (slots[slot] != 0 && slots[slot] != hash) slot = (slot + 1) % slot_count;
      repeated += slots[slot] != 0;
      slots[slot] = hash;
      entry_bytes_sum += entry_bytes(value);
      ++drawn;
    }
  if (repeated >= 16 || drawn < 512) return true;
  const std::uint64_t distinct = std::min(drawn * drawn / (2 * (repeated + 1)), std::uint64_t{input.row_count} / 2);
  const auto width = static_cast<std::uint32_t>(std::bit_width(distinct));
  return distinct * (entry_bytes_sum / drawn) / dictionary_child_gain + std::uint64_t{input.row_count} * width / 8 <
         input.give_up_bytes;
}

/// The sorted entries as a column of their own.
template <class Value>
result<void> dictionary_child(const encode_input& input, const dictionary_work<Value>& work, std::uint32_t count,
                              child_column& child) {
  constexpr bool is_text = std::is_same_v<Value, std::string_view>;
  using stored = std::conditional_t<is_text, text_slot, Value>;
  std::uint64_t characters = 0;
  if constexpr (is_text)
    for (std::uint32_t code = 0; code < count; ++code) characters += work.entries[code].value.size();
  const std::uint32_t vector_count = (count + vector_rows - 1) / vector_rows;
  const std::size_t vectors_at = round_up(sizeof(stored) * count, 64);
  const std::size_t buffers_at = vectors_at + round_up(sizeof(vector) * vector_count, 64);
  const std::size_t characters_at = buffers_at + 64;
  PILLAR_ASSIGN_OR_RETURN(child.storage, buffer::allocate(characters_at + characters, input.budget));
  auto* const values = child.storage.template as<stored>();
  auto* const vectors = reinterpret_cast<vector*>(child.storage.data() + vectors_at);
  auto* const buffers = reinterpret_cast<const std::byte**>(child.storage.data() + buffers_at);
  std::byte* const text = child.storage.data() + characters_at;
  *buffers = text;
  std::uint32_t offset = 0;
  for (std::uint32_t code = 0; code < count; ++code) {
    const Value value = work.entries[code].value;
    if constexpr (is_text) {
      if (!value.empty()) std::memcpy(text + offset, value.data(), value.size());
      ::new (static_cast<void*>(values + code)) stored(text_slot::make(value, 0, offset));
      offset += static_cast<std::uint32_t>(value.size());
    } else {
      values[code] = value;
    }
  }
  child.type = input.type.as_nullable(false);
  child.row_count = count;
  for (std::uint32_t v = 0; v < vector_count; ++v) {
    vector* const one = ::new (static_cast<void*>(vectors + v)) vector{};
    one->type = child.type;
    one->size = std::min(vector_rows, count - v * vector_rows);
    one->values = values + std::size_t{v} * vector_rows;
    one->buffers = is_text ? buffers : nullptr;
  }
  child.vectors = {vectors, vector_count};
  return {};
}

/// Entries and the codes of the rows; the entries' sizes come to `bytes`.
struct dictionary_facts {
  bool possible = true;  ///< the dictionary is not larger than it may be
  std::uint32_t count = 0;
  std::uint64_t bytes = 0;
};

/// At least what the data section takes, whatever rows come on top.
inline bool dictionary_too_large(const encode_input& input, const dictionary_facts& made) noexcept {
  const std::uint64_t codes = input.vectors.size() * packed_bytes(code_width_of(made.count == 0 ? 1 : made.count));
  return least_entry_bytes(made.bytes) + codes >= input.give_up_bytes;
}

/// Integers that lie close together are looked up by their distance to the least, where the hash table would be: two
/// short passes, and no sorting. False where they do not.
template <class T>
bool list_close_values(const encode_input& input, const dictionary_work<T>& work, dictionary_facts& made) {
  T lo{}, hi{};
  bool any = false;
  for (const vector& values : input.vectors) {
    T least, greatest;
    if (!value_bounds(values, least, greatest)) continue;
    lo = !any || least < lo ? least : lo;
    hi = !any || hi < greatest ? greatest : hi;
    any = true;
    if (static_cast<std::uint64_t>(hi) - static_cast<std::uint64_t>(lo) >= work.slot_count(input.row_count))
      return false;
  }
  const auto slot_of = [base = static_cast<std::uint64_t>(lo)](T value) {
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) - base);
  };
  const std::uint32_t range = PILLAR_MUTATE(dictionary_range_short, slot_of(hi) + 1, slot_of(hi));
  std::memset(work.slots, 0, sizeof(std::uint32_t) * range);
  T scratch[vector_rows];
  for (const vector& values : input.vectors) {
    if (!any) break;
    const T* flat = gather<T>(values, scratch, lo);
    for (std::uint32_t row = 0; row < values.size; ++row) work.slots[slot_of(flat[row])] = 1;
  }
  for (std::uint32_t slot = 0; slot < range; ++slot) {
    if (work.slots[slot] == 0) continue;
    const auto value = static_cast<T>(static_cast<std::uint64_t>(lo) + slot);
    ::new (static_cast<void*>(work.entries + made.count)) typename dictionary_work<T>::entry{value, made.count};
    work.slots[slot] = made.count++;
  }
  made.bytes = sizeof(T) * std::uint64_t{made.count};
  made.possible = !dictionary_too_large(input, made);
  if (!made.possible) return true;
  std::uint32_t* code = work.codes;
  for (const vector& values : input.vectors) {
    if (values.kind != vector_kind::flat || values.validity != nullptr) {
      for_each_valid_row(values, [&](std::uint32_t row) { *code++ = work.slots[slot_of(values.value<T>(row))]; });
      continue;
    }
    const T* flat = values.values_as<T>();
    for (std::uint32_t row = 0; row < values.size; ++row) code[row] = work.slots[slot_of(flat[row])];
    code += values.size;
  }
  return true;
}

/// Any values: a hash table, then sorting.
template <class Value>
dictionary_facts list_values(const encode_input& input, const dictionary_work<Value>& work) {
  dictionary_facts made;
  if constexpr (!std::is_same_v<Value, std::string_view>)
    if (list_close_values(input, work, made)) return made;
  const std::uint32_t slot_count = work.slot_count(input.row_count);
  const int shift = 64 - std::countr_zero(slot_count);
  std::memset(work.slots, 0, sizeof(std::uint32_t) * slot_count);
  std::uint32_t count = 0, row_index = 0;
  std::uint64_t bytes = 0;
  for (const vector& values : input.vectors) {
    for_each_valid_row(values, [&](std::uint32_t row) {
      const Value value = value_of<Value>(values, row);
      auto slot = static_cast<std::uint32_t>(dictionary_hash(value) >> shift);
      while (work.slots[slot] != 0 && work.entries[work.slots[slot] - 1].value != value)
        slot = (slot + 1) & (slot_count - 1);
      if (work.slots[slot] == 0) {
        ::new (static_cast<void*>(work.entries + count)) typename dictionary_work<Value>::entry{value, count};
        work.slots[slot] = ++count;
        bytes += entry_bytes(value);
      }
      work.codes[row_index++] = work.slots[slot] - 1;
    });
    // More rows only add entries, so this is a lower bound of the outcome: high cardinality is noticed before sorting.
    made.count = count;
    made.bytes = bytes;
    made.possible = !dictionary_too_large(input, made);
    if (!made.possible) return made;
  }
  std::sort(work.entries, work.entries + count, [](const auto& a, const auto& b) { return a.value < b.value; });
  for (std::uint32_t code = 0; code < count; ++code) work.slots[work.entries[code].code] = code;
  for (std::uint32_t row = 0; row < row_index; ++row) work.codes[row] = work.slots[work.codes[row]];
  return made;
}

template <class Value>
result<encode_plan> analyze_dictionary(const encode_input& input) {
  using work_type = dictionary_work<Value>;
  encode_plan plan;
  if (!dictionary_may_pay<Value>(input)) return plan;
  PILLAR_ASSIGN_OR_RETURN(plan.work, buffer::allocate(work_type::bytes(input.row_count), input.budget));
  const work_type work(plan.work, input.row_count);
  dictionary_facts made = list_values(input, work);
  if (!made.possible) {
    encode_plan none;  // a variable: GCC 12 fails internally on encode_plan{} in a template
    return none;
  }
  if (made.count == 0) {
    ::new (static_cast<void*>(work.entries)) typename work_type::entry{Value{}, 0};
    made.bytes = entry_bytes(Value{});
    made.count = 1;
  }
  const std::uint32_t count = made.count;
  const std::uint64_t bytes = made.bytes;
  plan.possible = true;
  plan.entry_count = count;
  plan.data_bytes = input.vectors.size() * packed_bytes(code_width_of(count));
  if (bytes < dictionary_child_bytes) {
    plan.data_bytes += bytes;
  } else {
    plan.child_count = 1;
    PILLAR_TRY(dictionary_child<Value>(input, work, count, plan.children[0]));
  }
  return plan;
}

template <class Value>
void encode_dictionary(const encode_input& input, const encode_plan& plan, std::byte* out, data_section& section) {
  const dictionary_work<Value> work(plan.work, input.row_count);
  std::byte* at = out;
  if (plan.child_count != 0) {
    // The entries are written by the child.
  } else if constexpr (std::is_same_v<Value, std::string_view>) {
    std::byte* characters = out + std::size_t{4} * plan.entry_count;
    std::uint32_t end = 0;
    for (std::uint32_t code = 0; code < plan.entry_count; ++code) {
      const std::string_view text = work.entries[code].value;
      if (!text.empty()) std::memcpy(characters + end, text.data(), text.size());
      end += static_cast<std::uint32_t>(text.size());
      store_unaligned(out + std::size_t{4} * code, end);
    }
    at = characters + end;
  } else {
    for (std::uint32_t code = 0; code < plan.entry_count; ++code, at += sizeof(Value))
      store_unaligned(at, work.entries[code].value);
  }
  section.entry_count = plan.entry_count;
  section.shared_bytes = static_cast<std::uint32_t>(at - out);
  section.code_width = code_width_of(plan.entry_count);
  const std::uint32_t* next = work.codes;
  for (std::size_t i = 0; i < input.vectors.size(); ++i) {
    vector_entry& entry = section.entries[i];
    entry.offset = static_cast<std::uint32_t>(at - out);
    entry.bytes = static_cast<std::uint32_t>(packed_bytes(section.code_width));
    if (section.code_width == 0) continue;
    const auto pack = [&]<class Lane>(Lane* lanes) {
      if (input.vectors[i].validity != nullptr) {
        for_each_valid_row(input.vectors[i], [&](std::uint32_t row) { lanes[row] = static_cast<Lane>(*next++); });
      } else {
        const std::uint32_t size = input.vectors[i].size;
        for (std::uint32_t row = 0; row < size; ++row) lanes[row] = static_cast<Lane>(next[row]);
        next += size;
      }
      input.kernels->pack[section.code_width](lanes, at);
    };
    if (section.code_width <= 8) {
      alignas(64) std::uint8_t lanes[packed_values] = {};
      pack(lanes);
    } else {
      alignas(64) std::uint16_t lanes[packed_values] = {};
      pack(lanes);
    }
    at += entry.bytes;
  }
}

}  // namespace detail

PILLAR_API result<encode_plan> dictionary_codec::analyze(const encode_input& input) {
  if (input.type.physical == physical_type::text) return detail::analyze_dictionary<std::string_view>(input);
  if (!detail::is_narrow_integer(input.type.physical)) return encode_plan{};
  return detail::visit_narrow_integer(input.type.physical,
                                      [&]<class T>() { return detail::analyze_dictionary<T>(input); });
}

PILLAR_API result<void> dictionary_codec::encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                                 data_section& section) {
  if (input.type.physical == physical_type::text) {
    detail::encode_dictionary<std::string_view>(input, plan, out, section);
  } else {
    detail::visit_narrow_integer(input.type.physical,
                                 [&]<class T>() { detail::encode_dictionary<T>(input, plan, out, section); });
  }
  return {};
}

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

/// The first code from `from` on whose entry is not less than the value that `less(entry)` compares with: the step
/// doubles until it is passed, so that many values looked up in ascending order cost a merge.
template <class Less>
std::uint32_t lower_code_from(std::uint32_t from, std::uint32_t count, Less&& less) noexcept {
  std::uint32_t step = 1;
  while (from + step <= count && less(from + step - 1)) from += step, step *= 2;
  std::uint32_t end = from + step - 1 < count ? from + step - 1 : count;
  while (from < end) {
    const std::uint32_t middle = (from + end) / 2;
    if (less(middle)) from = middle + 1;
    else end = middle;
  }
  return from;
}
inline std::uint32_t lower_code(const vector& entries, std::string_view value, std::uint32_t from = 0) noexcept {
  return lower_code_from(from, entries.size, [&](std::uint32_t code) { return entries.text_value(code) < value; });
}
template <class T>
std::uint32_t lower_code(const vector& entries, int128 value, std::uint32_t from = 0) noexcept {
  const T* values = entries.values_as<T>();
  return lower_code_from(from, entries.size, [&](std::uint32_t code) { return int128{values[code]} < value; });
}

/// The same in the entries' own type, a few entries one by one before it takes larger steps: of the points of a set the
/// next one is mostly near.
template <class T>
std::uint32_t lower_code_near(const T* entries, std::uint32_t count, T value, std::uint32_t from) noexcept {
  constexpr std::uint32_t near = 8;
  const std::uint32_t end = count - from < near ? count : from + near;
  while (from < end && entries[from] < value) ++from;
  if (from < end || end == count) return from;
  return lower_code_from(from, count, [=](std::uint32_t code) { return entries[code] < value; });
}

/// The codes of a dictionary: those from `count` on stand for the last entry.
struct code_space {
  std::uint32_t count;
  std::uint32_t most;  ///< the greatest code there is

  explicit code_space(const data_section& section) noexcept
      : count(section.entry_count), most(static_cast<std::uint32_t>(packed_max_field(section.code_width))) {}
};

/// Builds the set of satisfied codes of a range [first, last) of entries.
inline code_set code_range(std::uint32_t first, std::uint32_t last, code_space codes, bool negated) noexcept {
  code_set set;
  if (first >= last) {
    set.what = negated ? code_set::shape::all : code_set::shape::none;
  } else if (first == 0 && last == codes.count) {
    set.what = negated ? code_set::shape::none : code_set::shape::all;
  } else {
    set.what = code_set::shape::range;
    set.first = first;
    set.last = PILLAR_MUTATE(dictionary_range_ends_at_entries, last == codes.count, false) ? codes.most : last - 1;
    set.inverted = negated;
  }
  return set;
}

/// Bit i of a byte in byte i, lowest first.
inline std::uint64_t spread_bits(std::uint64_t byte) noexcept {
  const std::uint64_t single = byte * 0x0101010101010101u & 0x8040201008040201u;
  return (single + 0x7f7f7f7f7f7f7f7fu) >> 7 & 0x0101010101010101u;
}

/// Writes the codes of a table of 256 bits as a grid, if their rows of 16 are of eight kinds at most: small and regular
/// sets, such as the values of an IN list.
inline bool make_grid(const std::uint64_t* table, packed_grid& grid) noexcept {
  constexpr std::uint32_t most_kinds = 8;
  std::uint32_t kinds[most_kinds];
  std::uint32_t kind_count = 0;
  grid = {};
  for (std::uint32_t row = 0; row < 16; ++row) {
    const auto bits = static_cast<std::uint32_t>(table[row / 4] >> row % 4 * 16 & 0xffff);
    if (bits == 0) continue;
    std::uint32_t kind = 0;
    while (kind < kind_count && kinds[kind] != bits) ++kind;
    if (kind == most_kinds) return false;
    if (kind == kind_count) kinds[kind_count++] = bits;
    grid.rows[row] = static_cast<std::uint8_t>(1u << kind);
  }
  std::uint64_t columns[2] = {};
  for (std::uint32_t kind = 0; kind < kind_count; ++kind) {
    columns[0] |= spread_bits(kinds[kind] & 0xff) << kind;
    columns[1] |= spread_bits(kinds[kind] >> PILLAR_MUTATE(dictionary_grid_half, 8, 7)) << kind;
  }
  std::memcpy(grid.columns, columns, sizeof(columns));
  return true;
}

/// Points: `lower_of(i, from)` gives the first code from `from` on that is not less than point i, `is(i, code)` says
/// whether it is the point's.
template <class LowerOf, class Is>
code_set code_points(std::size_t point_count, code_space codes, bool negated, std::uint64_t* table, LowerOf&& lower_of,
                     Is&& is) noexcept {
  const std::size_t table_words = words_for(std::size_t{codes.most} + 1);
  const std::uint32_t count = codes.count;
  std::memset(table, 0, sizeof(std::uint64_t) * table_words);
  std::uint32_t found = 0, first = 0, last = 0, code = 0;
  for (std::size_t i = 0; i < point_count; ++i) {
    code = lower_of(i, code);
    if (code == count) break;
    if (!is(i, code)) continue;
    if (found++ == 0) first = code;
    last = code;
    set_bit(table, code);
  }
  if (found == 0) return code_range(0, 0, codes, negated);
  if (last - first + 1 == found) return code_range(first, last + 1, codes, negated);
  if (PILLAR_MUTATE(dictionary_set_ends_at_entries, last == count - 1, false))
    for (std::uint32_t beyond = count; beyond <= codes.most; ++beyond) set_bit(table, beyond);
  code_set set;
  set.what = code_set::shape::table;
  set.inverted = negated;
  set.table = table;
  if (count > 128 && count <= 256) {  // codes of 8 bits
    auto* const grid = ::new (static_cast<void*>(table + table_words)) packed_grid;
    if (make_grid(table, *grid)) set.what = code_set::shape::grid, set.grid = grid;
  }
  return set;
}

inline code_set codes_of(const data_section& section, const domain& test, std::uint64_t* table) noexcept {
  const vector& entries = section.shared;
  const std::uint32_t count = entries.size;
  const code_space codes(section);
  if (section.type.physical == physical_type::text) {
    if (test.kind == domain_kind::range) {
      const std::uint32_t last = test.has_hi ? lower_code(entries, test.text_hi) : count;
      return code_range(lower_code(entries, test.text_lo), last, codes, test.negated);
    }
    return code_points(
        test.texts.size(), codes, test.negated, table,
        [&](std::size_t i, std::uint32_t from) { return lower_code(entries, test.texts[i], from); },
        [&](std::size_t i, std::uint32_t code) { return entries.text_value(code) == test.texts[i]; });
  }
  return visit_narrow_integer(section.type.physical, [&]<class T>() {
    if (test.kind == domain_kind::range) {
      const std::uint32_t last = test.hi < test.lo ? 0 : lower_code<T>(entries, test.hi + 1);
      return code_range(lower_code<T>(entries, test.lo), last, codes, test.negated);
    }
    const T* const values = entries.values_as<T>();
    // Few entries are read whole; from memory they are asked for at once.
    const auto* const bytes = reinterpret_cast<const std::byte*>(values);
    for (std::size_t at = 0; at < sizeof(T) * count && at < 2048; at += 64) __builtin_prefetch(bytes + at);
    return code_points(
        test.integers.size(), codes, test.negated, table,
        [=, &test](std::size_t i, std::uint32_t from) {
          return lower_code_near(values, count, static_cast<T>(test.integers[i]), from);
        },
        [=, &test](std::size_t i, std::uint32_t code) { return values[code] == static_cast<T>(test.integers[i]); });
  });
}

/// One vector's codes against the satisfied ones.
inline match_answer match_codes(const data_section& section, std::uint32_t index, const code_set& set,
                                std::uint64_t* mask) noexcept {
  if (set.what == code_set::shape::none) return {verdict::none, evidence::settled};
  if (set.what == code_set::shape::all) return {verdict::all, evidence::settled};
  const vector_entry& entry = section.entries[index];
  __builtin_prefetch(&entry + 4);  // as in frame_of_reference_codec::match
  const std::byte* packed = section.data + entry.offset;
  if (set.what == code_set::shape::range)
    section.kernels->match_range[section.code_width](packed, set.first, set.last, mask);
  else if (set.what == code_set::shape::grid) section.kernels->match_grid(packed, *set.grid, mask);
  else section.kernels->match_table[section.code_width](packed, set.table, mask);
  if (!set.inverted && entry.row_count == vector_rows) return {verdict::some, evidence::encoded};
  return finish_mask(mask, set.inverted, entry.row_count);
}

/// The first vector of a block and a domain: works out the set, in `scratch` if there is room.
PILLAR_NOINLINE inline match_answer match_first(const data_section& section, std::uint32_t index, const domain& test,
                                                match_scratch* scratch, std::uint64_t* mask) noexcept {
  alignas(64) std::uint64_t own_table[dictionary_codec::max_entries / 64];
  code_set own;
  std::uint64_t* table = own_table;
  code_set* made = scratch == nullptr ? nullptr : scratch->add(&section, &test, table);
  if (made == nullptr) made = &own, table = own_table;
  *made = codes_of(section, test, table);
  return match_codes(section, index, *made, mask);
}

}  // namespace detail

PILLAR_API match_answer dictionary_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                                match_scratch* scratch, std::uint64_t* mask) noexcept {
  if (test.physical != section.type.physical || test.kind == domain_kind::null_test ||
      test.kind == domain_kind::opaque) {
    return {verdict::unknown, evidence::settled};
  }
  const code_set* set = scratch == nullptr ? nullptr : scratch->find(&section, &test);
  if (set != nullptr) return detail::match_codes(section, index, *set, mask);
  return detail::match_first(section, index, test, scratch, mask);
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
