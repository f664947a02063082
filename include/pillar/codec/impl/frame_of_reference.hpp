// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::lower_bound
#include <cstring>    // std::memset
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/fetch.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/frame_of_reference.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/expr/domain.hpp"       // domain

namespace PILLAR_NAMESPACE {

namespace detail {

struct frame {
  std::uint64_t base = 0;
  std::uint8_t width = 0;
};

/// Least and greatest value of the rows that are not NULL; false where there is none.
template <class T>
bool value_bounds(const vector& values, T& least, T& greatest) {
  T scratch[vector_rows];
  std::uint32_t first = 0;
  if (values.validity != nullptr) {
    std::uint32_t word = 0;
    while (word * 64 < values.size && values.validity_word(word) == 0) ++word;
    if (word * 64 >= values.size) return false;
    first = word * 64 + static_cast<std::uint32_t>(std::countr_zero(values.validity_word(word)));
  }
  T lo = values.value<T>(first), hi = lo;
  const T* flat = gather<T>(values, scratch, lo);
  for (std::uint32_t row = 0; row < values.size; ++row) {
    lo = flat[row] < lo ? flat[row] : lo;
    hi = hi < flat[row] ? flat[row] : hi;
  }
  least = lo;
  greatest = hi;
  return true;
}

/// Smallest value and bits of the largest distance to it, over the rows that are not NULL.
template <class T>
frame frame_of(const vector& values) {
  T lo, hi;
  if (!value_bounds(values, lo, hi)) return {};
  const auto distance = static_cast<std::uint64_t>(hi) - static_cast<std::uint64_t>(lo);
  return {static_cast<std::uint64_t>(lo), static_cast<std::uint8_t>(std::bit_width(distance))};
}

/// Packs value − base in lanes of type Lane.
template <class Lane, class T>
void pack_distances(const packed_table& kernels, const T* values, std::uint32_t row_count, const frame& of,
                    std::byte* out) {
  alignas(64) Lane lanes[packed_values];
  for (std::uint32_t row = 0; row < row_count; ++row)
    lanes[row] = static_cast<Lane>(static_cast<std::uint64_t>(values[row]) - of.base);
  std::memset(lanes + row_count, 0, sizeof(Lane) * (packed_values - row_count));
  kernels.pack[of.width](lanes, out);
}

template <class T>
void pack_frame(const packed_table& kernels, const vector& values, const frame& of, std::byte* out) {
  T scratch[vector_rows];
  const T* flat = gather<T>(values, scratch, static_cast<T>(of.base));
  if (of.width <= 8) return pack_distances<std::uint8_t>(kernels, flat, values.size, of, out);
  if constexpr (sizeof(T) >= 2)
    if (of.width <= 16) return pack_distances<std::uint16_t>(kernels, flat, values.size, of, out);
  if constexpr (sizeof(T) >= 4)
    if (of.width <= 32) return pack_distances<std::uint32_t>(kernels, flat, values.size, of, out);
  if constexpr (sizeof(T) >= 8) pack_distances<std::uint64_t>(kernels, flat, values.size, of, out);
}

}  // namespace detail

PILLAR_API result<encode_plan> frame_of_reference_codec::analyze(const encode_input& input) {
  encode_plan plan;
  if (!detail::is_narrow_integer(input.type.physical)) return plan;
  PILLAR_ASSIGN_OR_RETURN(plan.work, buffer::allocate(sizeof(detail::frame) * input.vectors.size(), input.budget));
  auto* frames = plan.work.as<detail::frame>();
  plan.possible = true;
  detail::visit_narrow_integer(input.type.physical, [&]<class T>() {
    for (std::size_t i = 0; i < input.vectors.size(); ++i) {
      frames[i] = detail::frame_of<T>(input.vectors[i]);
      plan.data_bytes += packed_bytes(frames[i].width);
    }
  });
  return plan;
}

PILLAR_API result<void> frame_of_reference_codec::encode(const encode_input& input, const encode_plan& plan,
                                                         std::byte* out, data_section& section) {
  const auto* frames = plan.work.as<detail::frame>();
  std::uint32_t offset = 0;
  detail::visit_narrow_integer(input.type.physical, [&]<class T>() {
    for (std::size_t i = 0; i < input.vectors.size(); ++i) {
      const detail::frame of = frames[i];
      vector_entry& entry = section.entries[i];
      entry.base = of.base;
      entry.width = of.width;
      entry.offset = offset;
      entry.bytes = static_cast<std::uint32_t>(packed_bytes(of.width));
      if (of.width != 0) detail::pack_frame<T>(*input.kernels, input.vectors[i], of, out + offset);
      offset += entry.bytes;
    }
  });
  return {};
}

PILLAR_API std::size_t frame_of_reference_codec::view_bytes(const data_section&) noexcept { return 0; }

namespace detail {

/// Narrow integers of one type in the order of unsigned 64-bit keys: a signed type's have the sign bit flipped.
struct integer_keys {
  std::uint64_t flip;
  std::uint64_t highest;
  explicit integer_keys(physical_type type) noexcept
      : flip(std::uint64_t{is_signed(type)} << 63), highest(static_cast<std::uint64_t>(highest_of(type)) ^ flip) {}

  [[nodiscard]] std::uint64_t of(std::uint64_t value) const noexcept { return value ^ flip; }
  /// False where the value does not fit 64 bits: no key.
  [[nodiscard]] bool of(int128 value, std::uint64_t& key) const noexcept {
    const auto low = static_cast<std::uint64_t>(value);
    key = low ^ flip;
    return value == (flip != 0 ? int128{static_cast<std::int64_t>(low)} : int128{low});
  }
};

/// Do bases and widths keep all fields of all vectors within the type? One look at each without a branch, since nearly
/// always they do; check_frame says more where they do not.
inline bool frames_fit(const data_section& section) noexcept {
  const physical_type type = section.type.physical;
  const integer_keys keys(type);
  const std::uint64_t lowest = static_cast<std::uint64_t>(lowest_of(type)) ^ keys.flip;
  const auto bits = static_cast<std::uint32_t>(8 * byte_width(type));
  bool wrong = false;
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    const std::uint64_t base = keys.of(entry.base);
    wrong |= base < lowest;
    wrong |= base > keys.highest;
    wrong |= entry.width > bits;
    wrong |= packed_max_field(entry.width) > keys.highest - base;
  }
  return !wrong;
}

/// Checks base, width and the fields, which start the payload: base and width bound the values.
inline result<void> check_frame(const data_section& section, std::uint32_t index) noexcept {
  const physical_type type = section.type.physical;
  const vector_entry& entry = section.entries[index];
  if (entry.width > 8 * byte_width(type) || entry.bytes < packed_bytes(entry.width)) return {errc::corrupt, index};
  const int128 base = to_value(type, entry.base);
  if (base < lowest_of(type) || base > highest_of(type)) return {errc::corrupt, index};
  const std::uint64_t most = packed_max_field(entry.width);
  if (base + static_cast<int128>(most) <= highest_of(type)) return {};
  // Fields could leave the type: look whether one does. (Booleans are never encoded so, and decode could not repair
  // them if the bytes changed.)
  if (type == physical_type::boolean) return {errc::corrupt, index};
  std::uint64_t outside[vector_words];
  const auto first_outside = static_cast<std::uint64_t>(highest_of(type) - base) + 1;
  section.kernels->match_range[entry.width](section.data + entry.offset, first_outside, most, outside);
  for (const std::uint64_t word : outside)
    if (word != 0) return {errc::corrupt, entry.offset};
  return {};
}
}  // namespace detail

PILLAR_API result<void> frame_of_reference_codec::validate(data_section& section, std::byte*) noexcept {
  if (!detail::is_narrow_integer(section.type.physical) || !detail::is_plain(section) || section.shared_bytes != 0 ||
      section.entry_count != 0 || section.code_width != 0) {
    return {errc::corrupt, 0};
  }
  std::uint64_t odd = 0;
  for (std::uint32_t i = 0; i < section.vector_count; ++i)
    odd |= section.entries[i].bytes ^ packed_bytes(section.entries[i].width);
  if (odd != 0) return {errc::corrupt, 0};
  if (PILLAR_MUTATE(frame_fits_unchecked, detail::frames_fit(section), true)) return {};
  for (std::uint32_t i = 0; i < section.vector_count; ++i) PILLAR_TRY(detail::check_frame(section, i));
  return {};
}

PILLAR_API bool frame_of_reference_codec::fetch(const data_section& section, std::uint32_t index,
                                                const std::uint16_t* rows, std::uint32_t count, void* values) noexcept {
  if (count > fetch_worth_it) return false;
  const vector_entry& entry = section.entries[index];
  const std::byte* packed = section.data + entry.offset;
  const auto to = [&]<class U>(U* out) {
    const auto base = static_cast<U>(entry.base);
    detail::fetch_fields(packed, entry.width, rows, count, out,
                         [base](std::uint64_t field) { return static_cast<U>(base + static_cast<U>(field)); });
  };
  switch (byte_width(section.type.physical)) {
    case 1: to(static_cast<std::uint8_t*>(values)); break;
    case 2: to(static_cast<std::uint16_t*>(values)); break;
    case 4: to(static_cast<std::uint32_t*>(values)); break;
    default: to(static_cast<std::uint64_t*>(values)); break;
  }
  return true;
}

PILLAR_API void frame_of_reference_codec::prefetch(const data_section& section, std::uint32_t index,
                                                   const std::uint16_t* rows, std::uint32_t count) noexcept {
  const vector_entry& entry = section.entries[index];
  detail::prefetch_fields(section.data + entry.offset, entry.width, rows, count);
}

PILLAR_API void frame_of_reference_codec::decode(const data_section& section, std::uint32_t index,
                                                 vector_scratch& scratch, vector& out) noexcept {
  const vector_entry& entry = section.entries[index];
  const std::byte* packed = section.data + entry.offset;
  out.kind = vector_kind::flat;
  out.values = scratch.values;
  const auto to = [&]<class U>(U* values) {
    unpack_add<U>(*section.kernels, entry.width, packed, values, static_cast<U>(entry.base));
  };
  switch (byte_width(section.type.physical)) {
    case 1: return to(reinterpret_cast<std::uint8_t*>(scratch.values));
    case 2: return to(reinterpret_cast<std::uint16_t*>(scratch.values));
    case 4: return to(reinterpret_cast<std::uint32_t*>(scratch.values));
    default: return to(reinterpret_cast<std::uint64_t*>(scratch.values));
  }
}

PILLAR_API bool frame_of_reference_codec::decode_narrow(const data_section& section, std::uint32_t index,
                                                        vector_scratch& scratch, vector& out) noexcept {
  const vector_entry& entry = section.entries[index];
  if (entry.width > 32) return false;
  out.kind = vector_kind::flat;
  out.values = scratch.values;
  unpack_add<std::uint32_t>(*section.kernels, entry.width, section.data + entry.offset,
                            reinterpret_cast<std::uint32_t*>(scratch.values), static_cast<std::uint32_t>(entry.base));
  return true;
}

namespace detail {

inline match_answer settled(bool all) noexcept { return {all ? verdict::all : verdict::none, evidence::settled}; }

PILLAR_NOINLINE inline match_answer match_frame_points(const packed_table& kernels, const vector_entry& entry,
                                                       const std::byte* packed, int128 lo, int128 hi,
                                                       const domain& test, std::uint64_t* mask) noexcept {
  constexpr std::size_t most_comparisons = 8;
  const int128* all = test.integers.data();
  const int128* begin = std::lower_bound(all, all + test.integers.size(), lo);
  const int128* end = std::upper_bound(begin, all + test.integers.size(), hi);
  const auto count = static_cast<std::size_t>(end - begin);
  if (count == 0) return settled(test.negated);
  if (static_cast<int128>(count) == hi - lo + 1) return settled(!test.negated);
  if (count <= most_comparisons) {
    for (const auto* point = begin; point != end; ++point) {
      alignas(64) std::uint64_t one[vector_words];
      const auto field = static_cast<std::uint64_t>(*point - lo);
      kernels.match_range[entry.width](packed, field, field, point == begin ? mask : one);
      if (point == begin) continue;
      for (std::uint32_t word = 0; word < vector_words; ++word) mask[word] |= one[word];
    }
    return finish_mask(mask, test.negated, entry.row_count);
  }
  if (entry.width > packed_max_table_width) return {verdict::unknown, evidence::settled};
  alignas(64) std::uint64_t table[(std::size_t{1} << packed_max_table_width) / 64];
  std::memset(table, 0, sizeof(std::uint64_t) * words_for(std::size_t{1} << entry.width));
  for (const auto* point = begin; point != end; ++point) set_bit(table, static_cast<std::size_t>(*point - lo));
  kernels.match_table[entry.width](packed, table, mask);
  return finish_mask(mask, test.negated, entry.row_count);
}

}  // namespace detail

PILLAR_API match_answer frame_of_reference_codec::match(const data_section& section, std::uint32_t index,
                                                        const domain& test, match_scratch*,
                                                        std::uint64_t* mask) noexcept {
  const physical_type type = section.type.physical;
  if (test.physical != type) return {verdict::unknown, evidence::settled};
  const vector_entry& entry = section.entries[index];
  __builtin_prefetch(&entry + 4);  // a scan comes here next, and cannot ask for packed bytes before it knows where
  const std::byte* packed = section.data + entry.offset;
  const std::uint64_t most = packed_max_field(entry.width);
  const detail::integer_keys keys(type);
  const std::uint64_t base = keys.of(entry.base);
  const std::uint64_t top = most < keys.highest - base ? base + most : keys.highest;
  if (test.kind == domain_kind::points) {
    const int128 lowest = detail::to_value(type, entry.base);
    return detail::match_frame_points(*section.kernels, entry, packed, lowest, lowest + (top - base), test, mask);
  }
  if (test.kind != domain_kind::range) return {verdict::unknown, evidence::settled};
  std::uint64_t lo, hi;  // 64 bits hold what a domain promises to hold; what is beyond is nearest to an end
  if (test.lo > test.hi) return detail::settled(test.negated);
  if (!keys.of(test.lo, lo)) {
    if (test.lo > 0) return detail::settled(test.negated);
    lo = 0;
  }
  if (!keys.of(test.hi, hi)) {
    if (test.hi < 0) return detail::settled(test.negated);
    hi = ~std::uint64_t{0};
  }
  if (lo > top || hi < base) return detail::settled(test.negated);
  lo = lo > base ? lo - base : 0;
  if (lo == 0 && PILLAR_MUTATE(frame_settles_too_much, hi >= top, hi >= top - 1)) return detail::settled(!test.negated);
  section.kernels->match_range[entry.width](packed, lo, (hi < top ? hi : top) - base, mask);
  if (!test.negated && entry.row_count == vector_rows) return {verdict::some, evidence::encoded};
  return detail::finish_mask(mask, test.negated, entry.row_count);
}

namespace detail {

/// Least and greatest of the lanes in the mask, in which there is one.
template <class Lane>
void lane_bounds(const packed_table& kernels, std::uint32_t width, const std::byte* packed, const std::uint64_t* mask,
                 std::uint64_t& least, std::uint64_t& greatest) noexcept {
  alignas(64) Lane lanes[packed_values];
  kernels.unpack[width](packed, lanes);
  Lane low = static_cast<Lane>(~std::uint64_t{0}), high = 0;
  for (std::uint32_t word = 0; word < vector_words; ++word) {
    const Lane* from = lanes + std::size_t{64} * word;
    if (mask[word] == ~std::uint64_t{0}) {
      for (std::uint32_t i = 0; i < 64; ++i) {
        low = from[i] < low ? from[i] : low;
        high = high < from[i] ? from[i] : high;
      }
    } else {
      for (std::uint64_t bits = mask[word]; bits != 0; bits &= bits - 1) {
        const Lane lane = from[std::countr_zero(bits)];
        low = lane < low ? lane : low;
        high = high < lane ? lane : high;
      }
    }
  }
  least = low;
  greatest = high;
}

/// Least and greatest packed field of the rows in the mask, in which there is one.
inline void field_bounds(const packed_table& kernels, std::uint32_t width, const std::byte* packed,
                         const std::uint64_t* mask, std::uint64_t& least, std::uint64_t& greatest) noexcept {
  least = greatest = 0;
  if (width == 0) return;
  visit_lane_of_width(width, [&]<class Lane>() { lane_bounds<Lane>(kernels, width, packed, mask, least, greatest); });
}

/// The rows asked for: the mask's, or the vector's.
inline selection_mask rows_asked(const vector_entry& entry, const std::uint64_t* mask, bool mask_is_all) noexcept {
  selection_mask rows = selection_mask::first(entry.row_count);
  if (!mask_is_all)
    for (std::uint32_t word = 0; word < vector_words; ++word) rows.words[word] &= mask[word];
  return rows;
}

/// The sum of first + step · field over the rows asked for.
inline int128 sum_of_steps(const data_section& section, const vector_entry& entry, std::uint32_t width, int128 first,
                           std::uint32_t step, const std::uint64_t* mask, bool mask_is_all) noexcept {
  const std::byte* packed = section.data + entry.offset;
  if (mask_is_all && entry.row_count == vector_rows)
    return first * vector_rows + static_cast<int128>(section.kernels->sum[width](packed) * step);
  const selection_mask rows = rows_asked(entry, mask, mask_is_all);
  return first * rows.count() + static_cast<int128>(section.kernels->sum_masked[width](packed, rows.words) * step);
}

}  // namespace detail

PILLAR_API bool frame_of_reference_codec::sum(const data_section& section, std::uint32_t index,
                                              const std::uint64_t* mask, bool mask_is_all, int128& out) noexcept {
  const vector_entry& entry = section.entries[index];
  out = detail::sum_of_steps(section, entry, entry.width, detail::to_value(section.type.physical, entry.base), 1, mask,
                             mask_is_all);
  return true;
}

PILLAR_API bool frame_of_reference_codec::bounds(const data_section& section, std::uint32_t index,
                                                 const std::uint64_t* mask, bool mask_is_all, int128& least,
                                                 int128& greatest) noexcept {
  const vector_entry& entry = section.entries[index];
  const selection_mask rows =
      detail::rows_asked(entry, mask, PILLAR_MUTATE(frame_bounds_of_all_rows, mask_is_all, true));
  std::uint64_t low, high;
  detail::field_bounds(*section.kernels, entry.width, section.data + entry.offset, rows.words, low, high);
  const int128 base = detail::to_value(section.type.physical, entry.base);
  least = base + static_cast<int128>(low);
  greatest = base + static_cast<int128>(high);
  return true;
}

}  // namespace PILLAR_NAMESPACE
