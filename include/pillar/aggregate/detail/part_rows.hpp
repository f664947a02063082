// SPDX-License-Identifier: Apache-2.0
/// Rows that wait part by part: a part's keys are few enough for one core's cache, and in no other part.
#pragma once
#include <bit>  // std::bit_width
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "pillar/aggregate/group_table.hpp"  // key_range
#include "pillar/base/bits.hpp"              // store_unaligned
#include "pillar/base/buffer.hpp"
#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE
#include "pillar/base/result.hpp"
#include "pillar/column/detail/gather.hpp"  // gather_rows
#include "pillar/column/text.hpp"           // text_slot
#include "pillar/column/vector.hpp"
#include "pillar/hash/column.hpp"  // hash_rows

namespace PILLAR_NAMESPACE::detail {

/// The part of a key: the upper bits of its hash or, of one integer column of a known range, of its place there, so that
/// a part's keys are as dense as all are.
class key_parts {
 public:
  static key_parts by_hash(unsigned bits) noexcept {
    key_parts made;
    made.shift_ = 64 - bits;
    made.last_ = (std::uint32_t{1} << bits) - 1;
    return made;
  }
  /// At most 2^bits parts. Requires: range.known()
  static key_parts by_range(const key_range& range, unsigned bits) noexcept {
    key_parts made;
    made.range_ = range;
    const auto width = static_cast<std::uint64_t>(range.highest - range.lowest);
    const auto width_bits = static_cast<unsigned>(std::bit_width(width));
    made.shift_ = width_bits > bits ? width_bits - bits : 0;
    made.last_ = static_cast<std::uint32_t>(width >> made.shift_);
    return made;
  }
  [[nodiscard]] std::uint32_t count() const noexcept { return last_ + 1; }
  /// Where parts are ranges: a key's distance from `lowest()` is at most `width()`, and above `shift()` bits of it is its
  /// part.
  [[nodiscard]] std::uint64_t lowest() const noexcept { return static_cast<std::uint64_t>(range_.lowest); }
  [[nodiscard]] std::uint64_t width() const noexcept {
    return static_cast<std::uint64_t>(range_.highest - range_.lowest);
  }
  [[nodiscard]] unsigned shift() const noexcept { return shift_; }
  /// The keys of a part, where parts are ranges. NULL and what is beside the range may be there too.
  [[nodiscard]] key_range range(std::uint32_t part) const noexcept {
    if (!range_.known()) return {};
    const int128 lowest = range_.lowest + (int128{part} << shift_), highest = lowest + (int128{1} << shift_) - 1;
    return {lowest, highest < range_.highest ? highest : range_.highest};
  }

  /// out[i] = the part of rows[i] of `row_count`.
  void find(std::span<const vector* const> keys, std::uint32_t row_count, const std::uint16_t* rows,
            std::uint32_t count, std::uint32_t* PILLAR_RESTRICT out) const noexcept {
    std::uint64_t words[vector_rows];
    if (!range_.known()) {
      hash_rows(keys, row_count, words);
      for (std::uint32_t i = 0; i < count; ++i) out[i] = static_cast<std::uint32_t>(words[rows[i]] >> shift_);
      return;
    }
    const auto lowest = static_cast<std::uint64_t>(range_.lowest);
    visit_fixed_width(keys[0]->type.physical, [&]<class T>() {
      if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
        gather_rows<T>(*keys[0], rows, count, words,
                       [lowest](T value) { return static_cast<std::uint64_t>(value) - lowest; });
    });
    const unsigned shift = shift_;
    const std::uint64_t last = last_;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t at = words[i] >> shift;
      out[i] = static_cast<std::uint32_t>(at < last ? at : last);
    }
    for (std::uint32_t i = 0; keys[0]->validity != nullptr && i < count; ++i)
      if (!keys[0]->valid(rows[i])) out[i] = 0;
  }

 private:
  key_range range_{};
  unsigned shift_ = 0;
  std::uint32_t last_ = 0;
};

/// A worker's rows in chunks, each a flat column of 1,024 values for every column of the rows.
///
/// Errors:   out_of_memory; no row was added
class part_rows {
 public:
  explicit part_rows(memory_budget* budget = nullptr) noexcept : chunks_(budget), budget_(budget) {}

  void set_part_count(std::uint32_t part_count) { parts_.assign(part_count, {}); }
  [[nodiscard]] bool empty() const noexcept { return row_count_ == 0; }
  [[nodiscard]] std::uint64_t row_count() const noexcept { return row_count_; }
  [[nodiscard]] std::uint64_t byte_count() const noexcept { return byte_count_; }
  [[nodiscard]] std::uint64_t rows_of(std::uint32_t number) const noexcept {
    const part& of = parts_[number];
    return of.closed_rows + (of.is_closed() ? 0 : of.filled);
  }

  /// Whether rows can wait here: no value of them is NULL or a text beyond 12 bytes. Columns that nobody reads are
  /// nullptr.
  [[nodiscard]] static bool suits(std::span<const vector* const> columns, const selection_mask& selection,
                                  const std::uint16_t* rows, std::uint32_t count) noexcept {
    for (const vector* column : columns) {
      if (column == nullptr) continue;
      if (column->kind == vector_kind::dictionary && column->dictionary->size == 0) return false;
      if (column->validity != nullptr)
        for (std::uint32_t word = 0; word < vector_words; ++word)
          if (PILLAR_MUTATE(part_rows_take_nulls, (selection.words[word] & ~column->validity_word(word)) != 0, false))
            return false;
      if (column->type.physical != physical_type::text) continue;
      std::uint32_t sizes[vector_rows];
      gather_rows<two_words>(*column, rows, count, sizes,
                             [](const two_words& slot) { return static_cast<std::uint32_t>(slot.low); });
      std::uint32_t longest = 0;
      for (std::uint32_t i = 0; i < count; ++i) longest = sizes[i] > longest ? sizes[i] : longest;
      if (longest > text_slot::inline_capacity) return false;
    }
    return true;
  }

  /// Requires: suits(); part_of[i] of rows[i] is below the number of parts; as many columns as ever
  result<void> add(std::span<const vector* const> columns, const std::uint16_t* rows, std::uint32_t count,
                   const std::uint32_t* part_of) {
    follow_layout(columns);
    PILLAR_TRY(reserve(count < parts_.size() ? count : static_cast<std::uint32_t>(parts_.size())));
    std::byte* start[vector_rows];
    std::uint32_t index[vector_rows];
    for (std::uint32_t i = 0; i < count; ++i) {
      part& to = parts_[part_of[i]];
      if (to.filled == vector_rows) open_chunk(to);
      start[i] = to.memory;
      index[i] = to.filled++;
    }
    const layout& of = layouts_.back();
    for (std::size_t c = 0; c < columns.size(); ++c)
      if (columns[c] != nullptr) put_column(*columns[c], of.types[c], of.offsets[c], rows, count, start, index);
    row_count_ += count;
    return {};
  }

  /// The same of rows that are one word each, the only column that somebody reads; row i is of part
  /// (words[i] & mask) >> shift.
  result<void> add_words(std::span<const vector* const> columns, const std::uint64_t* PILLAR_RESTRICT words,
                         std::uint32_t count, std::uint64_t mask, unsigned shift) {
    follow_layout(columns);
    PILLAR_TRY(reserve(count < parts_.size() ? count : static_cast<std::uint32_t>(parts_.size())));
    part* const parts = parts_.data();
    for (std::uint32_t i = 0; i < count; ++i) {
      part& to = parts[(words[i] & mask) >> shift];
      if (to.filled == vector_rows) open_chunk(to);
      std::byte* const at = to.memory + to.filled++ * sizeof(std::uint64_t);
      __builtin_prefetch(at + 64, 1);  // the next line of the part's chunk
      store_unaligned(at, words[i]);
    }
    row_count_ += count;
    return {};
  }

  /// f(columns, rows) → result<void>, for each of a part's chunks; columns that nobody reads are nullptr.
  template <class F>
  result<void> for_each_chunk(std::uint32_t number, F f) const {
    const part& from = parts_[number];
    std::vector<vector> views;
    std::vector<const vector*> columns;
    for (std::uint32_t at = from.first; at != none; at = chunks_[at].next) {
      const chunk& one = chunks_[at];
      const layout& of = layouts_[one.layout_number];
      const std::uint32_t rows = at == from.last && !from.is_closed()
                                     ? PILLAR_MUTATE(part_rows_open_chunk_lost, from.filled, 0u)
                                     : one.row_count;
      views.assign(of.types.size(), {});
      columns.assign(of.types.size(), nullptr);
      for (std::size_t c = 0; c < views.size(); ++c) {
        if (of.offsets[c] == none) continue;
        views[c].type = of.types[c];
        views[c].size = rows;
        views[c].values = one.memory + of.offsets[c];
        columns[c] = &views[c];
      }
      if (one.next != none) ask_for(chunks_[one.next]);
      PILLAR_TRY(f(std::span<const vector* const>(columns), rows));
    }
    return {};
  }

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  static constexpr std::size_t slab_bytes = std::size_t{4} << 20;
  struct two_words {
    std::uint64_t low, high;
  };
  /// What a chunk's columns hold; it changes where a column comes in more bits than before.
  struct layout {
    std::vector<data_type> types{};
    std::vector<std::uint32_t> offsets{};  ///< none: nobody reads the column
    std::size_t bytes = 0;                 ///< of a chunk
  };
  struct chunk {
    std::byte* memory;
    std::uint32_t row_count;  ///< of one that is closed
    std::uint32_t next;
    std::uint32_t layout_number;
  };
  struct part {
    std::byte* memory = nullptr;  ///< of its last chunk, which is open
    std::uint32_t filled = vector_rows;
    std::uint32_t first = none;
    std::uint32_t last = none;
    std::uint64_t closed_rows = 0;  ///< of all chunks but an open one
    [[nodiscard]] bool is_closed() const noexcept { return memory == nullptr; }
  };

  /// Whether put_column() can write such values so.
  static bool can_hold(physical_type as, physical_type from) noexcept {
    return as == from ||
           (from == physical_type::int32 && (as == physical_type::int64 || as == physical_type::integer128)) ||
           (from == physical_type::int64 && as == physical_type::integer128);
  }

  /// Integers come in fewer bits where zone maps prove that they fit.
  void follow_layout(std::span<const vector* const> columns) {
    bool fits = !layouts_.empty();
    for (std::size_t c = 0; c < columns.size() && fits; ++c) {
      const layout& now = layouts_.back();
      fits = (columns[c] == nullptr) == (now.offsets[c] == none) &&
             (columns[c] == nullptr || can_hold(now.types[c].physical, columns[c]->type.physical));
    }
    if (fits) return;
    layout made;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      made.types.push_back(columns[c] == nullptr ? data_type{} : columns[c]->type);
      if (!layouts_.empty() && columns[c] != nullptr && layouts_.back().offsets[c] != none &&
          can_hold(layouts_.back().types[c].physical, columns[c]->type.physical))
        made.types.back() = layouts_.back().types[c];
      made.offsets.push_back(columns[c] == nullptr ? none : static_cast<std::uint32_t>(made.bytes));
      if (columns[c] != nullptr) made.bytes += vector_rows * byte_width(made.types.back().physical);
    }
    made.bytes += 3 * std::size_t{64};  // chunks that are filled alike are not written at equal places modulo 4 KiB
    for (part& each : parts_) {
      if (each.is_closed()) continue;
      chunks_[each.last].row_count = PILLAR_MUTATE(part_rows_closed_chunk_full, each.filled, vector_rows);
      each.closed_rows += each.filled;
      each.memory = nullptr;
      each.filled = vector_rows;
    }
    layouts_.push_back(std::move(made));
  }

  /// A chunk that is read next is on its way while another one is worked on.
  void ask_for(const chunk& next) const noexcept {
    const std::size_t bytes = layouts_[next.layout_number].bytes;
    for (std::size_t at = 0; at < bytes; at += 64) __builtin_prefetch(next.memory + at, 0, 2);
  }

  /// Memory for so many chunks: nothing fails then.
  result<void> reserve(std::uint32_t chunk_count) {
    const std::size_t bytes = layouts_.back().bytes;
    PILLAR_TRY(chunks_.reserve(chunk_count));
    std::size_t room = at_slab_ < slabs_.size() ? (slabs_[at_slab_].size() - used_) / bytes : 0;
    if (at_slab_ + 1 < slabs_.size()) room += slabs_[at_slab_ + 1].size() / bytes;
    if (room >= chunk_count) return {};
    const std::size_t wanted = chunk_count * bytes > slab_bytes ? chunk_count * bytes : slab_bytes;
    PILLAR_ASSIGN_OR_RETURN(buffer made, buffer::allocate(wanted, budget_));
    prefer_huge_pages(made);
    byte_count_ += wanted;
    // At most one slab waits behind the one in use: a smaller one would have had no room either.
    if (at_slab_ + 1 < slabs_.size()) ++at_slab_, used_ = 0;
    slabs_.push_back(std::move(made));
    return {};
  }
  void open_chunk(part& to) noexcept {
    const std::size_t bytes = layouts_.back().bytes;
    if (slabs_[at_slab_].size() - used_ < bytes) ++at_slab_, used_ = 0;
    const auto number = static_cast<std::uint32_t>(chunks_.size());
    chunks_.push({slabs_[at_slab_].data() + used_, vector_rows, none, static_cast<std::uint32_t>(layouts_.size() - 1)});
    used_ += bytes;
    if (to.first == none) to.first = number;
    else chunks_[to.last].next = number;
    to.closed_rows += to.is_closed() ? 0 : vector_rows;
    to.last = number;
    to.memory = chunks_[number].memory;
    to.filled = 0;
  }

  template <class T>
  static void put(const T* PILLAR_RESTRICT values, std::uint32_t count, std::byte* const* PILLAR_RESTRICT start,
                  const std::uint32_t* PILLAR_RESTRICT index, std::size_t offset) noexcept {
    for (std::uint32_t i = 0; i < count; ++i) {
      T* const to = reinterpret_cast<T*>(start[i] + offset) + index[i];
      __builtin_prefetch(to + 64 / sizeof(T), 1);  // the next line of the part's chunk
      store_unaligned(to, values[i]);
    }
  }
  static void put_column(const vector& from, const data_type& as, std::size_t offset, const std::uint16_t* rows,
                         std::uint32_t count, std::byte* const* start, const std::uint32_t* index) noexcept {
    const auto gathered = [&]<class T, class To>() {
      if constexpr (std::is_same_v<T, To> && sizeof(T) <= 8)  // what is wider may be aligned to 8
        if (from.kind == vector_kind::flat && count == from.size)
          return put(from.values_as<To>(), count, start, index, offset);
      To values[vector_rows];
      gather_rows<T>(from, rows, count, values, [](const T& value) { return static_cast<To>(value); });
      put(values, count, start, index, offset);
    };
    if (as.physical == physical_type::text) return gathered.template operator()<two_words, two_words>();
    visit_fixed_width(from.type.physical, [&]<class T>() {
      if (from.type.physical == as.physical) return gathered.template operator()<T, T>();
      if constexpr (std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t>) {
        if (as.physical == physical_type::int64) gathered.template operator()<T, std::int64_t>();
        else gathered.template operator()<T, int128>();
      }
    });
  }

  std::vector<part> parts_{};
  std::vector<layout> layouts_{};
  growable<chunk> chunks_;
  std::vector<buffer> slabs_{};
  std::size_t at_slab_ = 0;
  std::size_t used_ = 0;  ///< of that slab
  std::uint64_t row_count_ = 0;
  std::uint64_t byte_count_ = 0;
  memory_budget* budget_;
};

/// Rows of an integer key in a known range and of one integer as words: the key's distance from the lowest one in the
/// lower bits, the integer above. Half the bytes of both, and one store where rows are scattered.
class row_words {
 public:
  row_words() noexcept = default;
  /// Rows of other columns are no words: then there are none of them.
  row_words(const key_parts& parts, std::span<const data_type> keys, std::span<const data_type> inputs) noexcept {
    if (keys.size() != 1 || inputs.size() != 1 || !is_integer(keys[0]) || !is_integer(inputs[0])) return;
    lowest_ = parts.lowest();
    width_ = parts.width();
    key_bits_ = static_cast<unsigned>(std::bit_width(width_));
    wide_key_ = keys[0].physical == physical_type::int64;
    wide_value_ = inputs[0].physical == physical_type::int64;
  }
  [[nodiscard]] bool may_be() const noexcept { return key_bits_ != 0; }
  /// Whether rows may be words if −2^bits ≤ value < 2^bits.
  [[nodiscard]] bool suits(unsigned value_bits) const noexcept {
    return key_bits_ != 0 && PILLAR_MUTATE(row_words_always_fit, key_bits_ + value_bits < 64, true);
  }
  /// The bits that hold a key's distance.
  [[nodiscard]] std::uint64_t key_mask() const noexcept { return (std::uint64_t{1} << key_bits_) - 1; }

  /// out[i] = the word of rows[i]; false: a key is beside the range. Requires: suits(), part_rows::suits()
  bool pack(const vector& key, const vector& value, const std::uint16_t* rows, std::uint32_t count,
            std::uint64_t* PILLAR_RESTRICT out) const noexcept {
    std::uint64_t values[vector_rows];
    gather_words(key, rows, count, out);
    gather_words(value, rows, count, values);
    const std::uint64_t lowest = lowest_, width = width_;
    const unsigned bits = key_bits_;
    std::uint64_t beyond = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint64_t at = out[i] - lowest;
      beyond |= at > width ? 1 : 0;
      out[i] = values[i] << bits | at;
    }
    return PILLAR_MUTATE(row_words_take_any_key, beyond == 0, true);
  }
  /// The columns of words, in memory for as many of them as of 64 bits.
  void unpack(const std::uint64_t* words, std::uint32_t count, vector& key, vector& value, std::uint64_t* keys,
              std::uint64_t* values) const noexcept {
    const auto put = [&]<class T>(T*, std::uint64_t* memory, vector& to, const auto& of) {
      auto* PILLAR_RESTRICT out = reinterpret_cast<T*>(memory);
      for (std::uint32_t i = 0; i < count; ++i) out[i] = static_cast<T>(of(words[i]));
      to.size = count;
      to.values = out;
    };
    const std::uint64_t mask = key_mask(), lowest = lowest_;
    const unsigned bits = key_bits_;
    const auto key_of = [=](std::uint64_t word) { return lowest + (word & mask); };
    const auto value_of = [=](std::uint64_t word) {
      return PILLAR_MUTATE(row_words_unsigned, static_cast<std::int64_t>(word) >> bits,
                           static_cast<std::int64_t>(word >> bits));
    };
    if (wide_key_) put(static_cast<std::int64_t*>(nullptr), keys, key, key_of);
    else put(static_cast<std::int32_t*>(nullptr), keys, key, key_of);
    if (wide_value_) put(static_cast<std::int64_t*>(nullptr), values, value, value_of);
    else put(static_cast<std::int32_t*>(nullptr), values, value, value_of);
  }

 private:
  static bool is_integer(const data_type& type) noexcept {
    return type.physical == physical_type::int32 || type.physical == physical_type::int64;
  }
  static void gather_words(const vector& from, const std::uint16_t* rows, std::uint32_t count,
                           std::uint64_t* out) noexcept {
    const auto widen = [](auto value) { return static_cast<std::uint64_t>(std::int64_t{value}); };
    if (from.type.physical == physical_type::int32) gather_rows<std::int32_t>(from, rows, count, out, widen);
    else gather_rows<std::int64_t>(from, rows, count, out, widen);
  }

  unsigned key_bits_ = 0;
  bool wide_key_ = false;
  bool wide_value_ = false;
  std::uint64_t lowest_ = 0;
  std::uint64_t width_ = 0;
};

}  // namespace PILLAR_NAMESPACE::detail
