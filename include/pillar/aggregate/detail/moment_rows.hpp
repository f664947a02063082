// SPDX-License-Identifier: Apache-2.0
/// The rows of a batch that moments are to take, as plain arrays and with what is true of all of them: so much can be
/// known without a look at their groups.
#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

#include "pillar/aggregate/detail/narrow_moments.hpp"
#include "pillar/aggregate/grouped_state.hpp"
#include "pillar/base/bits.hpp"  // load_unaligned
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/detail/gather.hpp"  // gather_rows

namespace PILLAR_NAMESPACE::detail {

/// Integers of at most 64 bits, of one input or two: in 32 bits where both have no more, which is how narrow sums take
/// them fastest.
///
/// Layout: where they lie, if that is an array of all rows, else in memory of this object (a constant, in no budget)
class integer_rows {
 public:
  /// Looks at the rows, and returns what they may add to a narrow sum (narrow_moments::load_of).
  result<std::uint64_t> look(const group_rows& rows) noexcept {
    if (memory_.empty()) PILLAR_TRY(memory_.append_zeros(2 * vector_rows));
    const vector &x = *rows.values, &y = rows.second == nullptr ? x : *rows.second;
    in_32_bits_ = is_signed_32(x) && is_signed_32(y);
    const std::uint64_t size_x = place(x, rows, memory_.data(), x_);
    const std::uint64_t size_y = rows.second == nullptr ? size_x : place(y, rows, memory_.data() + vector_rows, y_);
    return narrow_moments::load_of(size_x, size_y, rows.count);
  }
  /// Requires: they were looked at, and their vectors are as they were
  void add_to(narrow_moments& sums, const group_rows& rows) const noexcept {
    if (in_32_bits_)
      sums.add(rows.group, rows.count, static_cast<const std::int32_t*>(x_), static_cast<const std::int32_t*>(y_));
    else sums.add(rows.group, rows.count, static_cast<const std::int64_t*>(x_), static_cast<const std::int64_t*>(y_));
  }
  void give_back_memory() noexcept { memory_ = growable<std::int64_t>(); }

 private:
  static bool is_signed_32(const vector& of) noexcept {
    return of.type.physical == physical_type::int32 || of.type.physical == physical_type::int16 ||
           of.type.physical == physical_type::int8;
  }
  std::uint64_t place(const vector& from, const group_rows& rows, std::int64_t* room,
                      const void*& values) const noexcept {
    return in_32_bits_ ? numbers_of(from, rows, reinterpret_cast<std::int32_t*>(room), values)
                       : numbers_of(from, rows, room, values);
  }
  /// Where the rows' values are: in the vector, if all of its rows are asked for, else in `room`. Returns a number whose
  /// bits cover their sizes, less 1 for negative ones.
  template <class Value>
  static std::uint64_t numbers_of(const vector& from, const group_rows& rows, Value* room,
                                  const void*& values) noexcept {
    return visit_fixed_width(from.type.physical, [&]<class T>() {
      std::uint64_t any = 0;
      if constexpr (std::is_integral_v<T> && sizeof(T) <= sizeof(Value)) {
        const Value* at = room;
        if (std::is_same_v<T, Value> && from.kind == vector_kind::flat && rows.count == from.size)
          at = static_cast<const Value*>(from.values);
        else gather_rows<T>(from, rows.row, rows.count, room, [](T value) { return static_cast<Value>(value); });
        for (std::uint32_t i = 0; i < rows.count; ++i) {
          const Value sign = std::is_signed_v<T> ? at[i] >> (8 * sizeof(Value) - 1) : 0;
          any |= static_cast<std::make_unsigned_t<Value>>(at[i] ^ sign);
        }
        values = at;
      }
      return any;
    });
  }

  growable<std::int64_t> memory_{};
  const void* x_ = nullptr;
  const void* y_ = nullptr;
  bool in_32_bits_ = false;
};

/// Doubles, or floats as such, and whether their sizes are inside of a place: 2^32 from its least number to its greatest.
///
/// Layout: as integer_rows
class real_rows {
 public:
  static constexpr std::int32_t powers = 32;  ///< of two, from a place's least number on
  static constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
  static constexpr int exponent_place = 52;

  result<void> look(const group_rows& rows) noexcept {
    const vector& from = *rows.values;
    count_ = rows.count;
    if (from.kind == vector_kind::flat && rows.count == from.size && from.type.physical == physical_type::float64) {
      values_ = static_cast<const std::byte*>(from.values);
      return {};
    }
    if (memory_.empty()) PILLAR_TRY(memory_.append_zeros(vector_rows));
    values_ = reinterpret_cast<const std::byte*>(memory_.data());
    if (from.type.physical == physical_type::float32)
      gather_rows<float>(from, rows.row, rows.count, memory_.data(), [](float value) { return double{value}; });
    else gather_rows<double>(from, rows.row, rows.count, memory_.data(), [](double value) { return value; });
    return {};
  }
  /// The bits of value i. Requires: they were looked at, and their vector is as it was
  [[nodiscard]] std::uint64_t bits(std::uint32_t i) const noexcept {
    return load_unaligned<std::uint64_t>(values_ + i * sizeof(std::uint64_t));
  }

  /// The exponent, as doubles have it, of the least number of a place that suits these values: for finite ones of up to
  /// twice the greatest and down to 2^−27 of it. 0: there is none. A multiple of four, so that workers who see other rows
  /// are likely to choose the same.
  [[nodiscard]] std::uint16_t choose_place() const noexcept {
    constexpr std::int32_t last = 0x7ff - powers;
    std::uint64_t greatest = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const std::uint64_t size = bits(i) & ~sign_bit;
      greatest = size > greatest && size >> exponent_place != 0x7ff ? size : greatest;
    }
    const std::int32_t lowest = static_cast<std::int32_t>(greatest >> exponent_place) + 2 - powers;
    if (lowest < 1) return 0;
    const std::int32_t wanted = (lowest + 3) / 4 * 4;
    return static_cast<std::uint16_t>(wanted < last ? wanted : last);
  }
  /// How many values are not zero and outside of a place; subnormal ones are always.
  [[nodiscard]] std::uint32_t count_outside(std::uint16_t place) const noexcept {
    const std::uint64_t first = PILLAR_MUTATE(moments_take_small_reals, place, 1);
    const std::uint64_t end = place + std::uint64_t{powers} + PILLAR_MUTATE(moments_take_great_reals, 0, 1);
    const std::uint64_t least = first << exponent_place, greatest = (end << exponent_place) - 1;
    std::uint64_t outside = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const std::uint64_t size = bits(i) & ~sign_bit;  // a difference below zero has the highest bit
      outside += (((size - least) | (greatest - size)) & ~(size - 1)) >> 63;
    }
    return static_cast<std::uint32_t>(outside);
  }

 private:
  growable<double> memory_{};
  const std::byte* values_ = nullptr;
  std::uint32_t count_ = 0;
};

}  // namespace PILLAR_NAMESPACE::detail
