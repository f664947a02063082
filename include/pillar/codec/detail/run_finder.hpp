// SPDX-License-Identifier: Apache-2.0
/// Finds the runs of a column and lays them out: the encoding side of codec/run_end.hpp.
#pragma once
#include <cstdint>
#include <cstring>  // std::memcpy, std::memset
#include <string_view>
#include <type_traits>

#include "pillar/base/bits.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/base/result.hpp"
#include "pillar/codec/codec.hpp"  // encode_input, encode_plan
#include "pillar/codec/detail/gather.hpp"
#include "pillar/column/text.hpp"  // text_slot
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Where a vector's runs are: the directory's base.
struct run_place {
  std::uint32_t child = 0;  ///< vector of the children
  std::uint32_t first = 0;  ///< run of it
  std::uint32_t count = 0;

  [[nodiscard]] std::uint64_t bits() const noexcept {
    return child | std::uint64_t{first} << 16 | std::uint64_t{count} << 32;
  }
  static run_place of(std::uint64_t bits) noexcept {
    return {static_cast<std::uint32_t>(bits & 0xffff), static_cast<std::uint32_t>(bits >> 16 & 0xffff),
            static_cast<std::uint32_t>(bits >> 32)};
  }
};

/// The bits of 16-byte values, which are aligned to 8.
struct wide_bits {
  std::uint64_t low, high;
  friend bool operator==(const wide_bits&, const wide_bits&) = default;
};
/// Bits that are equal where values are.
template <class T>
using value_bits = std::conditional_t<
    sizeof(T) == 1, std::uint8_t,
    std::conditional_t<sizeof(T) == 2, std::uint16_t,
                       std::conditional_t<sizeof(T) == 4, std::uint32_t,
                                          std::conditional_t<sizeof(T) == 8, std::uint64_t, wide_bits>>>>;

/// The rows of a vector whose NULL rows have the value before them, those at its beginning the first one that is valid,
/// or `value` where none is.
template <class U>
const U* filled_rows(const vector& from, U* scratch, U value) {
  if (from.validity == nullptr && from.kind == vector_kind::flat) return from.values_as<U>();
  std::uint32_t next = 0;
  bool any = false;
  for_each_valid_row(from, [&](std::uint32_t row) {
    const U here = from.value<U>(row);
    for (; next < row; ++next) scratch[next] = any ? value : here;
    scratch[next++] = value = here;
    any = true;
  });
  for (; next < from.size; ++next) scratch[next] = value;
  return scratch;
}
inline const std::string_view* filled_rows(const vector& from, std::string_view* scratch, std::string_view value) {
  std::uint32_t next = 0;
  bool any = false;
  for_each_valid_row(from, [&](std::uint32_t row) {
    const std::string_view here = from.text_value(row);
    for (; next < row; ++next) scratch[next] = any ? value : here;
    scratch[next++] = value = here;
    any = true;
  });
  for (; next < from.size; ++next) scratch[next] = value;
  return scratch;
}

/// A bit for each of a vector's rows, from a byte that is 0 or 1.
inline void pack_row_bits(const std::uint8_t* rows, std::uint64_t* bits) noexcept {
  for (std::uint32_t word = 0; word < vector_words; ++word, rows += 64) {
    std::uint64_t all = 0;
    for (std::uint32_t i = 0; i < 8; ++i)  // the lowest bits of eight bytes, side by side in the highest byte
      all |= load_unaligned<std::uint64_t>(rows + 8 * i) * 0x0102040810204080u >> 56 << 8 * i;
    bits[word] = all;
  }
}

/// Sets the bits of the last row of every run; returns how many they are.
template <class V>
std::uint32_t find_run_ends(const V* rows, std::uint32_t row_count, std::uint64_t* ends) noexcept {
  alignas(64) std::uint8_t differ[vector_rows];
  for (std::uint32_t row = 0; row + 1 < row_count; ++row) differ[row] = !(rows[row] == rows[row + 1]);
  differ[row_count - 1] = 1;
  std::memset(differ + row_count, 0, vector_rows - row_count);
  pack_row_bits(differ, ends);
  return static_cast<std::uint32_t>(count_bits(ends, vector_rows));
}

/// Finds the runs of a column and lays them out as the two children. V: the values' bits, or string_view.
template <class V>
class run_finder {
 public:
  static constexpr bool is_text = std::is_same_v<V, std::string_view>;
  using stored = std::conditional_t<is_text, text_slot, V>;

  explicit run_finder(const encode_input& input) noexcept : input_(input) {}

  result<encode_plan> find() {
    encode_plan plan;
    const std::size_t ends_at = round_up(sizeof(run_place) * input_.vectors.size(), 8);
    PILLAR_ASSIGN_OR_RETURN(
        plan.work,
        buffer::allocate(ends_at + sizeof(std::uint64_t) * vector_words * input_.vectors.size(), input_.budget));
    places_ = plan.work.as<run_place>();
    ends_ = reinterpret_cast<std::uint64_t*>(plan.work.data() + ends_at);
    if (!place()) return plan;
    PILLAR_TRY(allocate(plan));
    write();
    plan.possible = true;
    plan.child_count = 2;
    return plan;
  }

 private:
  /// Gives each vector its place; false where runs are too short to be worth it.
  bool place() {
    V scratch[vector_rows];
    V last{};
    const std::uint32_t most = input_.row_count / 2 + 64;
    run_place next{0, 0, 0};
    for (std::size_t i = 0; i < input_.vectors.size(); ++i) {
      const vector& from = input_.vectors[i];
      const V* rows = filled_rows(from, scratch, last);
      const std::uint32_t count = find_run_ends(rows, from.size, ends_ + vector_words * i);
      if constexpr (is_text) {
        for_each_run_end(i, [&](std::uint32_t row) {
          character_bytes_ += rows[row].size() > text_slot::inline_capacity ? rows[row].size() : 0;
        });
      }
      last = rows[from.size - 1];
      run_count_ += count;
      if (run_count_ > most || character_bytes_ > 0xffffffff) return false;
      if (next.first + count > vector_rows) next = {next.child + 1, 0, 0};
      places_[i] = {next.child, next.first, count};
      next.first += count;
    }
    return true;
  }

  result<void> allocate(encode_plan& plan) {
    const std::uint32_t vector_count = places_[input_.vectors.size() - 1].child + 1;
    const std::size_t values_at = round_up(sizeof(vector) * vector_count, 64);
    const std::size_t buffers_at = values_at + round_up(sizeof(stored) * run_count_, 64);
    const std::size_t characters_at = buffers_at + 64;
    child_column& values = plan.children[0];
    child_column& lengths = plan.children[1];
    values.type = input_.type.as_nullable(false);
    lengths.type = type_of<std::uint16_t>;
    PILLAR_ASSIGN_OR_RETURN(values.storage, buffer::allocate(characters_at + character_bytes_, input_.budget));
    PILLAR_ASSIGN_OR_RETURN(lengths.storage,
                            buffer::allocate(values_at + sizeof(std::uint16_t) * run_count_, input_.budget));
    values_ = reinterpret_cast<stored*>(values.storage.data() + values_at);
    lengths_ = reinterpret_cast<std::uint16_t*>(lengths.storage.data() + values_at);
    characters_ = values.storage.data() + characters_at;
    auto** const buffers = reinterpret_cast<const std::byte**>(values.storage.data() + buffers_at);
    *buffers = characters_;
    auto* const value_vectors = values.storage.template as<vector>();
    auto* const length_vectors = lengths.storage.template as<vector>();
    std::uint32_t begin = 0;
    for (std::size_t i = 0; i < input_.vectors.size(); ++i) {
      const run_place& at = places_[i];
      if (at.first != 0) {
        value_vectors[at.child].size += at.count;
        length_vectors[at.child].size += at.count;
      } else {
        vector one;
        one.type = values.type;
        one.size = at.count;
        one.values = values_ + begin;
        if (is_text) one.buffers = buffers;
        value_vectors[at.child] = one;
        one = vector{};
        one.type = lengths.type;
        one.size = at.count;
        one.values = lengths_ + begin;
        length_vectors[at.child] = one;
      }
      begin += at.count;
    }
    values.row_count = lengths.row_count = run_count_;
    values.vectors = {value_vectors, vector_count};
    lengths.vectors = {length_vectors, vector_count};
    return {};
  }

  /// Calls f with the last row of every run of a vector.
  template <class F>
  void for_each_run_end(std::size_t index, F&& f) const {
    for (std::uint32_t word = 0; word < vector_words; ++word)
      for (std::uint64_t left = ends_[vector_words * index + word]; left != 0; left &= left - 1)
        f(64 * word + static_cast<std::uint32_t>(std::countr_zero(left)));
  }

  void write() {
    V scratch[vector_rows];
    V last{};
    std::uint32_t run = 0, offset = 0;
    for (std::size_t i = 0; i < input_.vectors.size(); ++i) {
      const vector& from = input_.vectors[i];
      const V* rows = filled_rows(from, scratch, last);
      last = rows[from.size - 1];
      std::uint32_t begin = 0;
      for_each_run_end(i, [&](std::uint32_t row) {
        if constexpr (is_text) {
          values_[run] = text_slot::make(rows[row], 0, offset);
          if (rows[row].size() > text_slot::inline_capacity) {
            std::memcpy(characters_ + offset, rows[row].data(), rows[row].size());
            offset += static_cast<std::uint32_t>(rows[row].size());
          }
        } else {
          values_[run] = rows[row];
        }
        lengths_[run++] = static_cast<std::uint16_t>(row + 1 - begin);
        begin = row + 1;
      });
    }
  }

  const encode_input& input_;
  run_place* places_ = nullptr;
  std::uint64_t* ends_ = nullptr;  ///< of each vector, vector_words
  stored* values_ = nullptr;
  std::uint16_t* lengths_ = nullptr;
  std::byte* characters_ = nullptr;
  std::uint32_t run_count_ = 0;
  std::uint64_t character_bytes_ = 0;
};

}  // namespace PILLAR_NAMESPACE::detail
