// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::lower_bound
#include <bit>        // std::bit_width
#include <cstring>    // std::memset
#include <limits>     // std::numeric_limits
#include <type_traits>

#include "pillar/base/mutant.hpp"
#include "pillar/codec/delta.hpp"
#include "pillar/codec/detail/fetch.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

PILLAR_API const delta_table& delta_kernels_for(arch_level level) noexcept {
  return detail::kernel_table<delta_kernels>(level);
}

namespace detail {

inline constexpr std::uint32_t delta_chain_rows = vector_rows / 2;
/// Behind the fields: the start of the second chain and the step, 8 bytes each.
inline constexpr std::uint32_t delta_tail_bytes = 16;
/// Sums of 512 fields of so many bits stay below 2^32.
inline constexpr std::uint32_t delta_narrow_width = 23;

constexpr std::uint32_t delta_bytes(std::uint32_t width) noexcept {
  return static_cast<std::uint32_t>(packed_bytes(width)) + delta_tail_bytes;
}

/// Position of a row's field.
constexpr std::uint32_t delta_position(std::uint32_t row) noexcept {
  const std::uint32_t chain = row / delta_chain_rows, of_chain = row % delta_chain_rows;
  return of_chain / 4 * 8 + chain * 4 + of_chain % 4;
}

struct delta_frame {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::uint64_t step = 0;
  std::uint8_t width = 0;
};

/// The rows of a vector that have values, and what lies between them.
template <class T>
struct delta_values {
  using U = std::make_unsigned_t<T>;
  using S = std::make_signed_t<T>;

  const T* values;  ///< of rows [begin, end), NULL rows among them on the line between their neighbours
  std::uint32_t begin = 0, end = 0;
  T scratch[vector_rows];

  explicit delta_values(const vector& from) {
    values = scratch;
    if (from.validity == nullptr) {
      end = from.size;
      if (from.kind == vector_kind::flat) values = from.values_as<T>();
      else
        for (std::uint32_t row = 0; row < end; ++row) scratch[row] = from.value<T>(row);
      return;
    }
    bool any = false;
    for_each_valid_row(from, [&](std::uint32_t row) {
      scratch[row] = from.value<T>(row);
      if (!any) begin = row;
      else if (row > end) fill(end - 1, row);
      any = true;
      end = row + 1;
    });
  }

  static U difference(T value, T before) noexcept {
    return static_cast<U>(static_cast<U>(value) - static_cast<U>(before));
  }

  /// Least and greatest difference between neighbours of one chain.
  void differences(S& least, S& greatest) const noexcept {
    least = std::numeric_limits<S>::max();
    greatest = std::numeric_limits<S>::min();
    const auto over = [&](std::uint32_t from, std::uint32_t to) {
      for (std::uint32_t row = from; row < to; ++row) {
        const auto rise = static_cast<S>(difference(values[row], values[row - 1]));
        least = rise < least ? rise : least;
        greatest = greatest < rise ? rise : greatest;
      }
    };
    over(begin + 1, end < delta_chain_rows ? end : delta_chain_rows);
    over((begin < delta_chain_rows ? delta_chain_rows : begin) + 1, end);
  }

  [[nodiscard]] delta_frame frame() const noexcept {
    if (begin == end) return {};
    S least, greatest;
    differences(least, greatest);
    if (greatest < least) least = greatest = 0;  // no two neighbours
    // No step where none is needed: one addition less per value.
    if (least > 0 && std::bit_width(static_cast<U>(greatest)) ==
                         std::bit_width(static_cast<U>(static_cast<U>(greatest) - static_cast<U>(least))))
      least = 0;
    delta_frame made;
    made.step = static_cast<std::uint64_t>(std::int64_t{least});
    made.width =
        static_cast<std::uint8_t>(std::bit_width(static_cast<U>(static_cast<U>(greatest) - static_cast<U>(least))));
    made.first = extended(0, made.step);
    made.second = extended(delta_chain_rows, made.step);
    return made;
  }

  /// The value of any row, extended by the step where no values are, as 64-bit two's complement.
  [[nodiscard]] std::uint64_t extended(std::uint32_t row, std::uint64_t step) const noexcept {
    const std::uint32_t nearest = row < begin ? begin : row >= end ? end - 1 : row;
    const auto rows = static_cast<std::uint64_t>(std::int64_t{row} - std::int64_t{nearest});
    return static_cast<std::uint64_t>(static_cast<T>(static_cast<std::uint64_t>(values[nearest]) + rows * step));
  }

  /// The fields in the order in which they are packed.
  template <class Lane>
  void fields(const delta_frame& of, Lane* out) const noexcept {
    const U step = static_cast<U>(of.step);
    if (begin == 0 && end == vector_rows) {
      Lane in_order[vector_rows];
      for (std::uint32_t row = 1; row < vector_rows; ++row)
        in_order[row] = static_cast<Lane>(static_cast<U>(difference(values[row], values[row - 1]) - step));
      in_order[0] = in_order[delta_chain_rows] = 0;
      for (std::uint32_t row = 0; row < delta_chain_rows; row += 4) {
        std::memcpy(out + delta_position(row), in_order + row, 4 * sizeof(Lane));
        std::memcpy(out + delta_position(delta_chain_rows + row), in_order + delta_chain_rows + row, 4 * sizeof(Lane));
      }
      return;
    }
    std::memset(out, 0, sizeof(Lane) * packed_values);
    const auto over = [&](std::uint32_t from, std::uint32_t to) {
      for (std::uint32_t row = from; row < to; ++row)
        out[delta_position(row)] = static_cast<Lane>(static_cast<U>(difference(values[row], values[row - 1]) - step));
    };
    over(begin + 1, end < delta_chain_rows ? end : delta_chain_rows);
    over((begin < delta_chain_rows ? delta_chain_rows : begin) + 1, end);
  }

 private:
  /// Rows between `low` and `high`, both valid.
  void fill(std::uint32_t low, std::uint32_t high) noexcept {
    const int128 rise = int128{scratch[high]} - int128{scratch[low]};
    const auto spread = [&]<class Wide>(Wide total) {
      const auto rows = static_cast<Wide>(high - low);
      for (std::uint32_t row = low + 1; row < high; ++row)
        scratch[row] =
            static_cast<T>(static_cast<U>(scratch[low]) + static_cast<U>(total * static_cast<Wide>(row - low) / rows));
    };
    if (constexpr int128 most = int128{1} << 53; rise < most && rise > -most) spread(static_cast<std::int64_t>(rise));
    else spread(rise);
  }
};

constexpr bool takes_delta(physical_type type) noexcept {
  return is_narrow_integer(type) && type != physical_type::boolean;
}

}  // namespace detail

PILLAR_API result<encode_plan> delta_codec::analyze(const encode_input& input) {
  encode_plan plan;
  if (!detail::takes_delta(input.type.physical)) return plan;
  PILLAR_ASSIGN_OR_RETURN(plan.work,
                          buffer::allocate(sizeof(detail::delta_frame) * input.vectors.size(), input.budget));
  auto* frames = plan.work.as<detail::delta_frame>();
  plan.possible = true;
  detail::visit_narrow_integer(input.type.physical, [&]<class T>() {
    for (std::size_t i = 0; i < input.vectors.size(); ++i) {
      frames[i] = detail::delta_values<T>(input.vectors[i]).frame();
      plan.data_bytes += detail::delta_bytes(frames[i].width);
    }
  });
  return plan;
}

PILLAR_API result<void> delta_codec::encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                            data_section& section) {
  const auto* frames = plan.work.as<detail::delta_frame>();
  std::uint32_t offset = 0;
  detail::visit_narrow_integer(input.type.physical, [&]<class T>() {
    for (std::size_t i = 0; i < input.vectors.size(); ++i) {
      const detail::delta_frame& of = frames[i];
      vector_entry& entry = section.entries[i];
      entry.base = of.first;
      entry.width = of.width;
      entry.offset = offset;
      entry.bytes = detail::delta_bytes(of.width);
      std::byte* const payload = out + offset;
      if (of.width != 0) {
        const detail::delta_values<T> values(input.vectors[i]);
        const auto pack = [&]<class Lane>() {
          alignas(64) Lane lanes[packed_values];
          values.fields(of, lanes);
          input.kernels->pack[of.width](lanes, payload);
        };
        switch (packed_lane_log2(of.width)) {
          case 0: pack.template operator()<std::uint8_t>(); break;
          case 1: pack.template operator()<std::uint16_t>(); break;
          case 2: pack.template operator()<std::uint32_t>(); break;
          default: pack.template operator()<std::uint64_t>(); break;
        }
      }
      store_unaligned(payload + packed_bytes(of.width), of.second);
      store_unaligned(payload + packed_bytes(of.width) + 8, of.step);
      offset += entry.bytes;
    }
  });
  return {};
}

PILLAR_API std::size_t delta_codec::view_bytes(const data_section&) noexcept { return 0; }

// Any fields, starts and steps give values of the type, since sums wrap in it. That a chain begins at its start is what
// match and bounds go by.
PILLAR_API result<void> delta_codec::validate(data_section& section, std::byte*) noexcept {
  const physical_type type = section.type.physical;
  if (!detail::takes_delta(type) || section.shared_bytes != 0 || section.entry_count != 0 || section.code_width != 0 ||
      section.child_count != 0) {
    return {errc::corrupt, 0};
  }
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    if (entry.width > 8 * byte_width(type) || entry.bytes != detail::delta_bytes(entry.width) || entry.mode != 0 ||
        entry.exception_count != 0) {
      return {errc::corrupt, i};
    }
    const int128 base = detail::to_value(type, entry.base);
    if (base < lowest_of(type) || base > highest_of(type)) return {errc::corrupt, i};
    constexpr std::uint16_t starts[2] = {0, 4};
    std::uint64_t fields[2];
    detail::fetch_fields(section.data + entry.offset, entry.width, starts, 2, fields,
                         [](std::uint64_t field) { return field; });
    if (PILLAR_MUTATE(delta_start_unchecked, (fields[0] | fields[1]) != 0, false)) return {errc::corrupt, entry.offset};
  }
  return {};
}

namespace detail {
/// Decodes a vector of 1-, 2-, 4- or 8-byte values: 1,024 of them, whatever the row count.
inline void decode_delta(const data_section& section, std::uint32_t index, void* out) noexcept {
  const vector_entry& entry = section.entries[index];
  const std::byte* packed = section.data + entry.offset;
  const auto second = load_unaligned<std::uint64_t>(packed + packed_bytes(entry.width));
  const auto step = load_unaligned<std::uint64_t>(packed + packed_bytes(entry.width) + 8);
  const delta_table& kernels = delta_kernels_for(section.kernels->level);
  const std::size_t value_bytes = byte_width(section.type.physical);
  const std::uint32_t lane = packed_lane_log2(entry.width);
  alignas(64) std::byte fields[packed_values * 8];
  section.kernels->unpack[entry.width](packed, fields);
  if (value_bytes == 4) return kernels.scan_u32[lane](fields, out, entry.base, second, step);
  if (value_bytes == 8 && entry.width > delta_narrow_width)
    return kernels.scan_u64[lane - 2](fields, out, entry.base, second, step);
  alignas(64) std::uint32_t sums[packed_values];
  if (value_bytes == 8) {
    kernels.scan_u32[lane](fields, sums, 0, 0, 0);
    return kernels.widen(sums, out, entry.base, second, step);
  }
  kernels.scan_u32[lane](fields, sums, entry.base, second, step);
  if (value_bytes == 1) {
    auto* bytes = static_cast<std::uint8_t*>(out);
    for (std::uint32_t row = 0; row < vector_rows; ++row) bytes[row] = static_cast<std::uint8_t>(sums[row]);
  } else {
    auto* words = static_cast<std::uint16_t*>(out);
    for (std::uint32_t row = 0; row < vector_rows; ++row) words[row] = static_cast<std::uint16_t>(sums[row]);
  }
}

/// What can be told without the fields of a vector whose chains ascend without wrapping.
struct ascending_chains {
  bool holds = false;
  int128 first = 0, second = 0;  ///< where the chains start
  int128 step = 0;
};

inline ascending_chains chains_of(const data_section& section, std::uint32_t index) noexcept {
  const vector_entry& entry = section.entries[index];
  const physical_type type = section.type.physical;
  const std::byte* tail = section.data + entry.offset + packed_bytes(entry.width);
  ascending_chains made;
  made.first = to_value(type, entry.base);
  made.second = to_value(type, load_unaligned<std::uint64_t>(tail));
  made.step = int128{load_unaligned<std::int64_t>(tail + 8)};
  const bool two = entry.row_count > delta_chain_rows;
  made.holds = made.step >= 0 && (!two || (made.second >= made.first && made.second <= highest_of(type)));
  return made;
}
}  // namespace detail

PILLAR_API void delta_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                    vector& out) noexcept {
  detail::decode_delta(section, index, scratch.values);
  out.kind = vector_kind::flat;
  out.values = scratch.values;
}

PILLAR_API match_answer delta_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                           match_scratch*, std::uint64_t* mask) noexcept {
  constexpr match_answer unknown{verdict::unknown, evidence::settled};
  const physical_type type = section.type.physical;
  if (test.physical != type || test.kind != domain_kind::range) return unknown;
  const vector_entry& entry = section.entries[index];
  const auto settled = [](bool all) { return match_answer{all ? verdict::all : verdict::none, evidence::settled}; };
  if (test.lo > test.hi) return settled(test.negated);
  const detail::ascending_chains chains = detail::chains_of(section, index);
  const bool two = entry.row_count > detail::delta_chain_rows;
  const int128 steepest = chains.step + static_cast<int128>(packed_max_field(entry.width));
  const int128 climb = steepest * (detail::delta_chain_rows - 1);
  const int128 top = (two ? chains.second : chains.first) + climb;
  if (!chains.holds || top > highest_of(type)) return unknown;
  if (test.hi < chains.first || test.lo > top) return settled(test.negated);
  alignas(64) std::byte values[vector_rows * 8];
  detail::decode_delta(section, index, values);
  return detail::visit_narrow_integer(type, [&]<class T>() -> match_answer {
    const T* const begin = reinterpret_cast<const T*>(values);
    const T* const end = begin + entry.row_count;
    if (two && begin[detail::delta_chain_rows - 1] > begin[detail::delta_chain_rows]) return unknown;
    const T* const low = std::lower_bound(begin, end, test.lo, [](T value, int128 lo) { return int128{value} < lo; });
    const T* const high = std::upper_bound(begin, end, test.hi, [](int128 hi, T value) {
      return PILLAR_MUTATE(delta_search_exclusive, hi < int128{value}, hi <= int128{value});
    });
    if (low >= high) return settled(test.negated);
    if (low == begin && high == end) return settled(!test.negated);
    std::memset(mask, 0, sizeof(std::uint64_t) * vector_words);
    set_bits(mask, static_cast<std::size_t>(low - begin), static_cast<std::size_t>(high - begin));
    return detail::finish_mask(mask, test.negated, entry.row_count);
  });
}

PILLAR_API bool delta_codec::bounds(const data_section& section, std::uint32_t index, const std::uint64_t*,
                                    bool mask_is_all, int128& least, int128& greatest) noexcept {
  const vector_entry& entry = section.entries[index];
  const detail::ascending_chains chains = detail::chains_of(section, index);
  if (!mask_is_all || !chains.holds) return false;
  const std::byte* packed = section.data + entry.offset;
  // Where each chain ends: start, steps and the sum of the fields of its rows.
  const auto end_of = [&](std::uint32_t chain, int128 start, std::uint32_t rows) {
    alignas(64) std::uint64_t mask[vector_words] = {};
    for (std::uint32_t row = 0; row < rows; row += 4) {
      const std::uint32_t position = 2 * row + 4 * chain, count = rows - row < 4 ? rows - row : 4;
      mask[position / 64] |= low_bits(count) << position % 64;
    }
    const auto rise = static_cast<int128>(section.kernels->sum_masked[entry.width](packed, mask));
    return start + chains.step * static_cast<int128>(rows - 1) + rise;
  };
  const bool two = entry.row_count > detail::delta_chain_rows;
  const int128 highest = highest_of(section.type.physical);
  int128 end = end_of(0, chains.first, two ? detail::delta_chain_rows : entry.row_count);
  if (end > highest || (two && end > chains.second)) return false;
  if (two) end = end_of(1, chains.second, entry.row_count - detail::delta_chain_rows);
  least = chains.first;
  greatest = end;
  return end <= highest;
}

}  // namespace PILLAR_NAMESPACE
