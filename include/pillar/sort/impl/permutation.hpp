// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::sort
#include <array>
#include <bit>      // std::bit_width
#include <cstring>  // std::memcmp
#include <utility>
#include <vector>

#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/sort/permutation.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// A key and its row in 12 bytes, aligned to 4.
struct keyed_row {
  std::uint32_t low, high, row;
  [[nodiscard]] std::uint64_t key() const noexcept { return std::uint64_t{high} << 32 | low; }
  void set_key(std::uint64_t key) noexcept {
    low = static_cast<std::uint32_t>(key);
    high = static_cast<std::uint32_t>(key >> 32);
  }
};
inline std::uint64_t radix_key(const keyed_row& element) noexcept { return element.key(); }
inline std::uint64_t radix_key(std::uint64_t element) noexcept { return element; }

/// Sorts by bits [first_bit, first_bit + bits) of the elements' keys, stable. The result lies in `data`; both arrays
/// are written.
template <class Element>
void radix_sort(Element*& data, Element*& spare, std::uint32_t count, unsigned first_bit, unsigned bits) noexcept {
  if (count < 2 || bits == 0) return;
  bool sorted = true;
  for (std::uint32_t i = 1; i < count && sorted; ++i)
    sorted = radix_key(data[i - 1]) >> first_bit <= radix_key(data[i]) >> first_bit;
  if (sorted) return;
  const unsigned digit_count = (bits + 7) / 8;
  std::array<std::array<std::uint32_t, 256>, 8> histograms{};
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t key = radix_key(data[i]) >> first_bit;
    for (unsigned digit = 0; digit < digit_count; ++digit) ++histograms[digit][(key >> (8 * digit)) & 255];
  }
  for (unsigned digit = 0; digit < digit_count; ++digit) {
    auto& starts = histograms[digit];
    const unsigned shift = first_bit + 8 * digit;
    if (starts[(radix_key(data[0]) >> shift) & 255] == count) continue;  // the same in all rows
    std::uint32_t start = 0;
    for (auto& entry : starts) start += std::exchange(entry, start);
    Element* PILLAR_RESTRICT from = data;
    Element* PILLAR_RESTRICT to = spare;
    for (std::uint32_t i = 0; i < count; ++i) to[starts[(radix_key(from[i]) >> shift) & 255]++] = from[i];
    std::swap(data, spare);
  }
}

/// One integer of at most 64 bits per row that takes part in the order.
struct order_part {
  enum class form : std::uint8_t { value, null_flag, high_word, low_word, rank };
  const vector* source = nullptr;
  form what = form::value;
  bool descending = false;
  bool nulls_first = false;
  bool null_in_code = false;  ///< NULL is a code of its own beside the values'
  std::uint64_t lowest = 0;
  std::uint64_t highest = 0;
  unsigned bits = 0;
  const std::uint32_t* ranks = nullptr;  ///< of the rows, or of a dictionary's entries

  [[nodiscard]] std::uint64_t range() const noexcept { return highest - lowest; }
  /// The order-keeping word of a value that is not NULL.
  template <class T>
  [[nodiscard]] PILLAR_ALWAYS_INLINE std::uint64_t word(const std::byte* values, std::uint32_t index) const noexcept {
    if (what == form::rank) return ranks[index];
    if constexpr (sizeof(T) == 16) {
      const auto value = load_unaligned<T>(values + std::size_t{index} * 16);
      return what == form::high_word ? ordered_word(static_cast<std::int64_t>(value >> 64))
                                     : static_cast<std::uint64_t>(value);
    } else {
      return ordered_word(load_unaligned<T>(values + std::size_t{index} * sizeof(T)));
    }
  }
  /// Calls f(code function) with a function of the row that is specialised for the value's type.
  template <class F>
  void with_type(F&& f) const {
    if (what == form::rank || what == form::null_flag) return f.template operator()<std::uint8_t>();
    visit_fixed_width(source->type.physical, f);
  }
  template <class T>
  [[nodiscard]] PILLAR_ALWAYS_INLINE std::uint64_t code(std::uint32_t row) const noexcept {
    const bool valid = source->valid(row);
    if (what == form::null_flag) return valid == nulls_first ? 1 : 0;
    if (!valid) return null_in_code && !nulls_first ? range() + 1 : 0;
    const std::uint64_t value = word<T>(static_cast<const std::byte*>(source->holder().values), source->index_of(row));
    const std::uint64_t placed =
        PILLAR_MUTATE(sort_ignores_descending, descending, false) ? highest - value : value - lowest;
    return placed + (null_in_code && nulls_first ? 1 : 0);
  }
};

inline std::uint64_t text_head(std::string_view text, std::size_t skipped) noexcept {
  std::uint64_t head = 0;
  text.remove_prefix(skipped < text.size() ? skipped : text.size());
  for (std::size_t i = 0; i < 8; ++i) head = head << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0u);
  return head;
}

/// ranks[i] = the number of different texts below that of value i; NULL rows of a flat vector get 0. Returns the
/// greatest rank.
inline result<std::uint32_t> rank_texts(const vector& from, std::uint32_t* ranks, memory_budget* budget) {
  const std::uint32_t count = from.size;
  std::string_view first;
  std::size_t shared = 0;
  std::uint32_t valid_count = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    ranks[i] = 0;
    if (!from.valid(i)) continue;
    const std::string_view text = from.text_value(i);
    if (valid_count++ == 0) {
      first = text;
      shared = text.size();
    } else {
      std::size_t same = 0;
      while (same < shared && same < text.size() && text[same] == first[same]) ++same;
      shared = same;
    }
  }
  PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(std::size_t{valid_count} * sizeof(keyed_row), budget));
  PILLAR_ASSIGN_OR_RETURN(buffer spare_memory, buffer::allocate(std::size_t{valid_count} * sizeof(keyed_row), budget));
  auto* data = memory.as<keyed_row>();
  auto* spare = spare_memory.as<keyed_row>();
  std::uint32_t filled = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!from.valid(i)) continue;
    data[filled].set_key(text_head(from.text_value(i), shared));
    data[filled++].row = i;
  }
  radix_sort(data, spare, valid_count, 0, 64);
  // Texts whose heads tie are compared in full.
  const auto less = [&from](const keyed_row& a, const keyed_row& b) {
    return from.text_value(a.row) < from.text_value(b.row);
  };
  for (std::uint32_t begin = 0; begin < valid_count;) {
    std::uint32_t end = begin + 1;
    bool same = true;
    while (end < valid_count && data[end].key() == data[begin].key()) {
      same = same && from.text_value(data[end].row) == from.text_value(data[begin].row);
      ++end;
    }
    if (PILLAR_MUTATE(sort_text_prefix_only, !same, false)) std::sort(data + begin, data + end, less);
    begin = end;
  }
  std::uint32_t rank = 0;
  for (std::uint32_t i = 0; i < valid_count; ++i) {
    if (i != 0 &&
        (data[i].key() != data[i - 1].key() || from.text_value(data[i].row) != from.text_value(data[i - 1].row)))
      ++rank;
    ranks[data[i].row] = rank;
  }
  return rank;
}

inline bool has_null(const vector& from) noexcept {
  return from.validity != nullptr && [&] {
    for (std::uint32_t row = 0; row < from.size; ++row)
      if (!from.valid(row)) return true;
    return false;
  }();
}

/// Finds the lowest and highest word of the valid rows; false if there are none.
inline bool find_range(order_part& part) {
  bool any = false;
  std::uint64_t lowest = ~std::uint64_t{0}, highest = 0;
  part.with_type([&]<class T>() {
    const vector& from = *part.source;
    const auto* values = static_cast<const std::byte*>(from.holder().values);
    const bool all_valid = from.validity == nullptr;
    for (std::uint32_t row = 0; row < from.size; ++row) {
      if (!all_valid && !from.valid(row)) continue;
      const std::uint64_t word = part.word<T>(values, from.index_of(row));
      lowest = word < lowest ? word : lowest;
      highest = word > highest ? word : highest;
      any = true;
    }
  });
  part.lowest = any ? lowest : 0;
  part.highest = any ? highest : 0;
  return any;
}

/// Adds the parts that one key column needs, most significant first.
inline result<void> add_parts(const vector& from, const sort_key& key, std::vector<order_part>& parts,
                              std::vector<buffer>& rank_memory, memory_budget* budget) {
  if (from.kind == vector_kind::constant || from.size == 0) return {};  // orders nothing
  const bool nulls = has_null(from);
  order_part part;
  part.source = &from;
  part.descending = key.descending;
  part.nulls_first = key.nulls_first;
  if (from.type.physical == physical_type::text) {
    const vector& ranked = from.holder();
    PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(std::size_t{ranked.size} * sizeof(std::uint32_t), budget));
    PILLAR_ASSIGN_OR_RETURN(part.highest, rank_texts(ranked, memory.as<std::uint32_t>(), budget));
    part.what = order_part::form::rank;
    part.ranks = memory.as<std::uint32_t>();
    rank_memory.push_back(std::move(memory));
  } else if (from.type.physical == physical_type::integer128) {
    part.what = order_part::form::high_word;
    find_range(part);
  } else {
    find_range(part);
  }
  const bool wide = part.what == order_part::form::high_word;
  const bool apart = nulls && (wide || part.range() == ~std::uint64_t{0});
  if (apart) {
    order_part flag = part;
    flag.what = order_part::form::null_flag;
    flag.bits = 1;
    parts.push_back(flag);
  }
  part.null_in_code = nulls && !apart;
  part.bits = static_cast<unsigned>(std::bit_width(part.range() + (part.null_in_code ? 1 : 0)));
  parts.push_back(part);
  if (wide) {
    part.what = order_part::form::low_word;
    find_range(part);
    part.bits = static_cast<unsigned>(std::bit_width(part.range()));
    parts.push_back(part);
  }
  return {};
}

}  // namespace detail

PILLAR_API result<buffer> sort_permutation(std::span<const vector> columns, std::span<const sort_key> keys,
                                           std::uint32_t row_count, memory_budget* budget) {
  using detail::keyed_row;
  using detail::order_part;
  std::vector<order_part> parts;
  std::vector<buffer> rank_memory;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys[i].column >= columns.size()) return {errc::no_such_column, i};
    if (columns[keys[i].column].size != row_count) return {errc::invalid_argument, i};
    PILLAR_TRY(detail::add_parts(columns[keys[i].column], keys[i], parts, rank_memory, budget));
  }
  // Words of consecutive parts, most significant first: word w holds parts [starts[w], starts[w + 1]).
  std::vector<std::size_t> starts;
  std::vector<unsigned> word_bits;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (starts.empty() || word_bits.back() + parts[i].bits > 64) {
      starts.push_back(i);
      word_bits.push_back(0);
    }
    word_bits.back() += parts[i].bits;
  }
  starts.push_back(parts.size());
  PILLAR_ASSIGN_OR_RETURN(buffer rows, buffer::allocate(std::size_t{row_count} * sizeof(std::uint32_t), budget));
  auto* out = rows.as<std::uint32_t>();
  if (word_bits.empty()) {
    for (std::uint32_t row = 0; row < row_count; ++row) out[row] = row;
    return rows;
  }
  const unsigned row_bits = static_cast<unsigned>(std::bit_width(row_count));
  if (word_bits.size() == 1 && word_bits[0] + row_bits <= 64) {
    PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(std::size_t{row_count} * 8, budget));
    PILLAR_ASSIGN_OR_RETURN(buffer spare_memory, buffer::allocate(std::size_t{row_count} * 8, budget, 7));
    auto* data = memory.as<std::uint64_t>();
    auto* spare = spare_memory.as<std::uint64_t>();
    for (std::uint32_t row = 0; row < row_count; ++row) data[row] = 0;
    for (const order_part& part : parts) {
      part.with_type([&]<class T>() {
        for (std::uint32_t row = 0; row < row_count; ++row) data[row] = data[row] << part.bits | part.code<T>(row);
      });
    }
    for (std::uint32_t row = 0; row < row_count; ++row) data[row] = data[row] << row_bits | row;
    detail::radix_sort(data, spare, row_count, row_bits, word_bits[0]);
    const std::uint64_t row_mask = low_bits(row_bits);
    for (std::uint32_t i = 0; i < row_count; ++i) out[i] = static_cast<std::uint32_t>(data[i] & row_mask);
    return rows;
  }
  PILLAR_ASSIGN_OR_RETURN(buffer memory, buffer::allocate(std::size_t{row_count} * sizeof(keyed_row), budget));
  PILLAR_ASSIGN_OR_RETURN(buffer spare_memory, buffer::allocate(std::size_t{row_count} * sizeof(keyed_row), budget, 7));
  auto* data = memory.as<keyed_row>();
  auto* spare = spare_memory.as<keyed_row>();
  for (std::uint32_t row = 0; row < row_count; ++row) data[row] = {0, 0, row};
  for (std::size_t word = word_bits.size(); word-- > 0;) {  // the least significant word first: every sort is stable
    for (std::uint32_t i = 0; i < row_count; ++i) data[i].set_key(0);
    for (std::size_t at = starts[word]; at < starts[word + 1]; ++at) {
      const order_part& part = parts[at];
      part.with_type([&]<class T>() {
        for (std::uint32_t i = 0; i < row_count; ++i) {
          const std::uint64_t above = part.bits == 64 ? 0 : data[i].key() << part.bits;
          data[i].set_key(above | part.code<T>(data[i].row));
        }
      });
    }
    detail::radix_sort(data, spare, row_count, 0, word_bits[word]);
  }
  for (std::uint32_t i = 0; i < row_count; ++i) out[i] = data[i].row;
  return rows;
}

}  // namespace PILLAR_NAMESPACE
