// SPDX-License-Identifier: Apache-2.0
/// Columns for matrices of cases: as bytes of a physical type, without a scalar per cell, so that millions of them can
/// be made. Values, validity and characters touch the inaccessible page behind them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "pillar/base/bits.hpp"
#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/codec/codec.hpp"
#include "pillar/column/vector.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test {

/// Which rows are NULL. Odd ones begin their validity inside a word.
enum class null_pattern : std::uint8_t {
  not_nullable,
  none,
  first_row,
  last_row,
  all,
  all_but_one,
  every_other,
  long_stretches,  ///< whole words, whole vectors
};
inline constexpr std::uint32_t null_pattern_count = 8;

/// What the values are like, in the words of every type.
enum class value_set : std::uint8_t {
  few,        ///< a dozen different ones
  any,        ///< any bits that the type allows; texts of 0 to 40 bytes
  special,    ///< 0, ±1, min, max; NaNs, ±0, ±∞, the smallest and largest; empty, 12, 13 and 300 bytes, zero bytes
  narrow,     ///< close together, far from zero; decimals; texts with a long prefix in common
  ascending,  ///< by steps that differ
  runs,       ///< of 1 to 100 rows
  one,        ///< of the special ones
};
inline constexpr std::uint32_t value_set_count = 7;

/// Fields of an exact number of bits over a base, the smallest and the largest among them.
enum class field_set : std::uint8_t {
  lowest,   ///< the base is the lowest value of the type
  highest,  ///< the largest value is the type's; fields 0, 1, the largest and the one below only
  zero,     ///< zero and ±1 are among the values where the type and the width allow
  anywhere,
};
inline constexpr std::uint32_t field_set_count = 4;

/// The physical types, each once, by the simplest logical type over it.
inline constexpr pillar::data_type matrix_types[] = {
    pillar::type_of<bool>,          pillar::type_of<std::int8_t>,   pillar::type_of<std::int16_t>,
    pillar::type_of<std::int32_t>,  pillar::type_of<std::int64_t>,  pillar::type_of<std::uint8_t>,
    pillar::type_of<std::uint16_t>, pillar::type_of<std::uint32_t>, pillar::type_of<std::uint64_t>,
    pillar::type_of<float>,         pillar::type_of<double>,        pillar::decimal_type(38, 4),
    pillar::type_of<pillar::text>};
static_assert(std::size(matrix_types) == pillar::physical_type_count);

/// A column of up to `max_rows` rows. Its memory is reused from column to column.
class matrix_column {
 public:
  static constexpr std::uint32_t max_rows = pillar::block_max_rows + 1;

  pillar::data_type type{};
  std::uint32_t row_count = 0;
  std::vector<pillar::vector> vectors{};  ///< of 1,024 rows, but for the last

  /// Rows and NULLs; values come next.
  void begin(pillar::data_type of, std::uint32_t rows, null_pattern nulls, std::uint64_t seed) {
    random_ = pillar::splitmix64(seed);
    type = of.as_nullable(nulls != null_pattern::not_nullable);
    row_count = rows;
    width_ = pillar::byte_width(type.physical);
    values_ = memory_.data() + memory_.size() - width_ * rows;
    buffers_[0] = nullptr;
    const bool has_validity = nulls > null_pattern::none;
    const std::uint32_t offset = static_cast<unsigned>(nulls) % 2 == 0 ? 0 : 37;
    const std::size_t words = pillar::words_for(offset + std::size_t{rows});
    validity_ = has_validity ? bitmap_.data() + bitmap_.size() - words : nullptr;
    if (has_validity) {
      std::memset(validity_, 0, 8 * words);
      for (std::uint32_t row = 0; row < rows; ++row)
        if (!is_null(nulls, row)) pillar::set_bit(validity_, offset + row);
      if (offset != 0) validity_[0] |= random_() & pillar::low_bits(offset);  // not the column's
    }
    vectors.clear();
    for (std::uint32_t first = 0; first < rows; first += pillar::vector_rows) {
      pillar::vector& one = vectors.emplace_back();
      one.type = type;
      one.size = std::min(pillar::vector_rows, rows - first);
      one.validity = has_validity ? validity_ + first / 64 : nullptr;
      one.validity_offset = has_validity ? offset : 0;
      one.values = values_ + width_ * first;
      one.buffers = type.physical == pillar::physical_type::text ? buffers_ : nullptr;
    }
  }

  /// Integers of up to 64 bits as fields of `width` bits. `outliers`: one of fifty is any value instead.
  void fill_fields(unsigned width, field_set set, bool outliers) {
    const pillar::int128 lo = pillar::lowest_of(type.physical), hi = pillar::highest_of(type.physical);
    const std::uint64_t max = width == 0 ? 0 : pillar::low_bits(width);
    const auto most = static_cast<pillar::int128>(max);
    pillar::int128 base = lo;
    if (set == field_set::highest) base = hi - most;
    if (set == field_set::zero) base = lo < 0 ? -(most / 2) - (most & 1) : 0;
    if (set == field_set::anywhere) base = lo + static_cast<pillar::int128>(random_.below(word(hi - most - lo)));
    const auto field = [&]() -> std::uint64_t {
      const std::uint64_t bits = random_();
      if (set == field_set::highest) return bits % 4 < 2 ? (bits & 1 & max) : max - (bits & 1 & max);
      if (set == field_set::zero && bits % 8 < 3 && width > 1) return word(static_cast<int>(bits % 8) - 1 - base) & max;
      return bits & max;
    };
    for (std::uint32_t row = 0; row < row_count; ++row)
      put(row, outliers && random_.chance(1, 50) ? any_integer() : base + static_cast<pillar::int128>(field()));
    for (pillar::vector& one : vectors) {  // every vector is exactly that wide, if it has two rows that are not NULL
      std::uint32_t first = 0, last = one.size - 1;
      while (first < last && !one.valid(first)) ++first;
      while (last > first && !one.valid(last)) --last;
      const auto begin = static_cast<std::uint32_t>(&one - vectors.data()) * pillar::vector_rows;
      put(begin + first, base);
      put(begin + last, base + most);
    }
    spoil_null_rows();
  }

  /// Integers whose steps are fields of `width` bits; they wrap.
  void fill_steps(unsigned width) {
    const std::uint64_t max = width == 0 ? 0 : pillar::low_bits(width);
    std::uint64_t value = random_();
    for (std::uint32_t row = 0; row < row_count; ++row, value += random_() & max) put_bits(row, value);
    spoil_null_rows();
  }

  /// Integers of which 2^width differ.
  void fill_distinct(unsigned width) {
    pillar::splitmix64 entries(random_());
    const std::uint64_t factor = entries() | 1;
    for (std::uint32_t row = 0; row < row_count; ++row)
      put_bits(row, (row < 1u << width ? row : random_.below(std::uint64_t{1} << width)) * factor);
    spoil_null_rows();
  }

  /// Values as `set` says. `codec`: one that takes no others may ask for its own.
  void fill(pillar::codec_id codec, value_set set) {
    if (codec == pillar::codec_id::constant) set = value_set::one;
    if (codec == pillar::codec_id::sequence) fill_sequence();
    else if (type.physical == pillar::physical_type::text) fill_texts(set);
    else if (pillar::is_float(type.physical)) fill_reals(set);
    else fill_integers(codec, set);
    spoil_null_rows();
  }

  /// Is `out` the rows from vector `v` of this column, bit for bit, NULLs included?
  [[nodiscard]] bool same(std::uint32_t v, const pillar::vector& out) const {
    const pillar::vector& in = vectors[v];
    if (out.size != in.size || out.type != type) return false;
    for (std::uint32_t w = 0; w < pillar::vector_words; ++w)
      if (out.validity_word(w) != in.validity_word(w)) return false;
    switch (type.physical == pillar::physical_type::text ? 0 : width_) {
      case 1: return same_values<std::uint8_t>(in, out);
      case 2: return same_values<std::uint16_t>(in, out);
      case 4: return same_values<std::uint32_t>(in, out);
      case 8: return same_values<std::uint64_t>(in, out);
      case 16: return same_values<pillar::uint128>(in, out);
      default: break;
    }
    for (std::uint32_t row = 0; row < in.size; ++row)
      if (in.valid(row) && in.text_value(row) != out.text_value(row)) return false;
    return true;
  }

 private:
  static constexpr std::size_t max_characters = std::size_t{4} << 20;

  static std::uint64_t word(pillar::int128 value) { return static_cast<std::uint64_t>(value); }

  [[nodiscard]] bool is_null(null_pattern nulls, std::uint32_t row) {
    switch (nulls) {
      case null_pattern::first_row: return row == 0;
      case null_pattern::last_row: return row + 1 == row_count;
      case null_pattern::all: return true;
      case null_pattern::all_but_one: return row != row_count / 2;
      case null_pattern::every_other: return row % 2 == 0;
      case null_pattern::long_stretches: return row / 64 % 3 == 0 || row / 1024 % 4 == 2 || random_.chance(1, 30);
      default: return false;
    }
  }

  void put(std::uint32_t row, pillar::int128 value) { std::memcpy(values_ + width_ * row, &value, width_); }
  void put_bits(std::uint32_t row, std::uint64_t value) { put(row, static_cast<pillar::int128>(value)); }

  /// What lies below a NULL is nobody's value.
  void spoil_null_rows() {
    if (validity_ == nullptr || type.physical == pillar::physical_type::text) return;
    for (const pillar::vector& one : vectors)
      for (std::uint32_t row = 0; row < one.size; ++row)
        if (!one.valid(row))
          put(static_cast<std::uint32_t>(&one - vectors.data()) * pillar::vector_rows + row, any_integer());
  }

  [[nodiscard]] pillar::int128 any_integer() {
    if (type.physical == pillar::physical_type::boolean) return static_cast<pillar::int128>(random_() & 1);
    const auto high = static_cast<pillar::uint128>(random_()) << 64;
    return static_cast<pillar::int128>(high | random_());
  }

  void fill_integers(pillar::codec_id codec, value_set set) {
    const pillar::physical_type physical = type.physical;
    pillar::int128 lo = pillar::lowest_of(physical), hi = pillar::highest_of(physical);
    if (codec == pillar::codec_id::split_int128) {  // as far as two halves reach
      hi -= pillar::int128{1} << 63;
      lo = -hi - 1;
    }
    const bool flag = physical == pillar::physical_type::boolean;
    const auto within = [&](pillar::int128 value) { return value < lo ? lo : value > hi ? hi : value; };
    const auto any = [&] { return flag ? any_integer() : within(codec_cut(any_integer(), lo, hi)); };
    const pillar::int128 special[] = {0, within(1), within(-1), lo, hi};
    pillar::int128 few[12];
    for (auto& value : few) value = random_.chance(1, 3) ? special[random_.below(5)] : any();
    const pillar::int128 one = special[random_.below(5)], step = static_cast<pillar::int128>(1 + random_.below(50));
    pillar::int128 value = any();
    std::uint64_t left = 0;
    for (std::uint32_t row = 0; row < row_count; ++row) {
      switch (set) {
        case value_set::few: value = few[random_.below(12)]; break;
        case value_set::any: value = any(); break;
        case value_set::special: value = special[random_.below(5)]; break;
        case value_set::narrow: value = within(hi - static_cast<pillar::int128>(random_.below(100))); break;
        case value_set::ascending:
          value = value > hi - step - 8 ? lo : value + step + static_cast<pillar::int128>(random_.below(8));
          break;
        case value_set::runs:
          if (left == 0) value = few[random_.below(12)], left = 1 + random_.below(100);
          --left;
          break;
        case value_set::one: value = one; break;
      }
      put(row, within(value));
    }
  }
  /// Narrow types have all their bits in the low ones.
  [[nodiscard]] pillar::int128 codec_cut(pillar::int128 value, pillar::int128 lo, pillar::int128 hi) const {
    if (type.physical == pillar::physical_type::integer128) return value;
    return lo +
           static_cast<pillar::int128>(static_cast<pillar::uint128>(value) % static_cast<pillar::uint128>(hi - lo + 1));
  }

  /// Equal steps in each vector, as large as the type has room for.
  void fill_sequence() {
    const pillar::int128 lo = pillar::lowest_of(type.physical), hi = pillar::highest_of(type.physical);
    const auto steps = static_cast<pillar::int128>(std::min(row_count, pillar::vector_rows));
    pillar::int128 most = (hi - lo) / steps;
    most = std::min(most, pillar::int128{1} << random_.below(62));
    const pillar::int128 step = random_.chance(1, 2) || lo == 0 ? most : -most;
    for (std::uint32_t row = 0; row < row_count; ++row) {
      const auto in_vector = static_cast<pillar::int128>(row % pillar::vector_rows);
      put(row, (step < 0 ? hi : lo) + step * in_vector);
    }
  }

  void fill_reals(value_set set) {
    const bool narrow = type.physical == pillar::physical_type::float32;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    using limits = std::numeric_limits<double>;
    using floats = std::numeric_limits<float>;
    const double special[] = {0.0,
                              -0.0,
                              1.0,
                              -1.0,
                              infinity,
                              -infinity,
                              narrow ? floats::max() : limits::max(),
                              narrow ? floats::lowest() : limits::lowest(),
                              narrow ? floats::min() : limits::min(),
                              narrow ? floats::denorm_min() : limits::denorm_min(),
                              limits::quiet_NaN()};
    const auto put_real = [&](std::uint32_t row, double value) {
      if (const auto small = static_cast<float>(value); narrow) std::memcpy(values_ + 4 * row, &small, 4);
      else std::memcpy(values_ + 8 * row, &value, 8);
    };
    const auto decimal = [&](std::uint64_t below, double over) {
      return static_cast<double>(random_.below(below)) / over;
    };
    double few[12];
    for (auto& value : few) value = random_.chance(1, 3) ? special[random_.below(11)] : decimal(100000, 100);
    const std::uint64_t one = random_.below(12);
    double value = 0;
    std::uint64_t left = 0, units = random_.below(1000000);
    for (std::uint32_t row = 0; row < row_count; ++row) {
      switch (set) {
        case value_set::few: value = few[random_.below(12)]; break;
        case value_set::special: value = special[random_.below(11)]; break;
        case value_set::narrow: value = 900 + decimal(10400000, 100); break;
        case value_set::ascending: value = static_cast<double>(units += random_.below(300)) / 1000; break;
        case value_set::runs:
          if (left == 0) value = few[random_.below(12)], left = 1 + random_.below(100);
          --left;
          break;
        case value_set::one: value = special[one % 11]; break;
        case value_set::any: break;
      }
      // Any bits: NaNs of every payload and sign among them.
      const std::uint64_t bits =
          random_.chance(1, 20) ? random_() | std::uint64_t{0x7ff8} << 48 | 0x7fc00000 : random_();
      if (set == value_set::any || (set == value_set::special && random_.chance(1, 20)))
        std::memcpy(values_ + width_ * row, &bits, width_);
      else put_real(row, value);
    }
  }

  void fill_texts(value_set set) {
    texts_.clear();
    const std::size_t longest = row_count <= 130 ? 5000 : row_count <= 2100 ? 300 : 30;
    const auto letters = [&](std::size_t size) {
      std::string text(size, 'x');
      for (char& letter : text) letter = static_cast<char>('a' + random_.below(6));
      return text;
    };
    const auto keep = [&](std::string text) { texts_.push_back(std::move(text)); };
    switch (set) {
      case value_set::few:
      case value_set::runs:
        for (int i = 0; i < 12; ++i) keep(letters(random_.below(40)));
        break;
      case value_set::special:
      case value_set::one:
        for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{12}, std::size_t{13}, longest})
          keep(letters(size));
        keep(std::string(1, '\0'));
        keep(std::string(14, '\xff'));
        break;
      case value_set::any:
        for (std::uint32_t row = 0; row < row_count; ++row) {
          keep(letters(random_.below(41)));
          if (random_.chance(1, 9))
            for (char& letter : texts_.back()) letter = static_cast<char>(random_());
        }
        break;
      case value_set::narrow:
        for (std::uint32_t row = 0; row < row_count; ++row)
          keep("a prefix of twenty-six bytes" + std::to_string(random_.below(100000)));
        break;
      case value_set::ascending:
        for (std::uint32_t row = 0; row < row_count; ++row) keep(std::to_string(1000000000 + 37 * row));
        break;
    }
    std::size_t total = 0;
    for (const auto& text : texts_) total += text.size();
    std::byte* const characters = characters_.data() + characters_.size() - total;
    buffers_[0] = characters;
    std::vector<pillar::text_slot> slots;
    std::uint32_t offset = 0;
    for (const auto& text : texts_) {
      if (!text.empty()) std::memcpy(characters + offset, text.data(), text.size());
      slots.push_back(pillar::text_slot::make(text, 0, offset));
      offset += static_cast<std::uint32_t>(text.size());
    }
    const bool each = texts_.size() == row_count;
    const std::uint64_t one = random_.below(slots.size());
    std::uint64_t picked = 0, left = 0;
    for (std::uint32_t row = 0; row < row_count; ++row) {
      if (left == 0) picked = random_.below(slots.size()), left = set == value_set::runs ? 1 + random_.below(100) : 1;
      --left;
      const auto& slot = slots[set == value_set::one ? one : each ? row : picked];
      std::memcpy(values_ + 16 * row, &slot, 16);
    }
  }

  template <class T>
  [[nodiscard]] static bool same_values(const pillar::vector& in, const pillar::vector& out) {
    const T* expected = in.values_as<T>();
    const T* got = out.holder().values_as<T>();
    bool same = true;
    if (out.kind == pillar::vector_kind::flat && in.validity == nullptr)
      return std::memcmp(expected, got, sizeof(T) * in.size) == 0;
    for (std::uint32_t w = 0; w * 64 < in.size; ++w)
      for (std::uint64_t bits = in.validity_word(w); bits != 0; bits &= bits - 1) {
        const std::uint32_t row = w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
        same = same && std::memcmp(expected + row, got + out.index_of(row), sizeof(T)) == 0;
      }
    return same;
  }

  guard_buffer memory_{std::size_t{16} * max_rows};
  guard_array<std::uint64_t> bitmap_{max_rows / 64 + 2};
  guard_buffer characters_{max_characters};
  pillar::splitmix64 random_{0};
  std::size_t width_ = 0;
  std::byte* values_ = nullptr;
  std::uint64_t* validity_ = nullptr;
  const std::byte* buffers_[1] = {};
  std::vector<std::string> texts_{};
};

}  // namespace pillar_test
