// SPDX-License-Identifier: Apache-2.0
/// dictionary_codec: listing the entries, and writing them with the codes of the rows.
#pragma once
#include <algorithm>  // std::sort
#include <bit>        // std::countr_zero
#include <cstring>    // std::memcpy, std::memset
#include <string_view>
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/dictionary.hpp"
#include "pillar/codec/impl/frame_of_reference.hpp"  // value_bounds
#include "pillar/codec/packed.hpp"

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

}  // namespace PILLAR_NAMESPACE
