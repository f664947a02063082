// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>    // std::nth_element
#include <bit>          // std::bit_width
#include <cstring>      // std::memset
#include <limits>       // std::numeric_limits
#include <type_traits>  // std::make_signed_t

#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/detail/patched_frame.hpp"
#include "pillar/codec/impl/frame_of_reference.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/codec/patched.hpp"
#include "pillar/column/selection.hpp"  // selection_mask
#include "pillar/expr/domain.hpp"       // domain

namespace PILLAR_NAMESPACE {

namespace detail {

/// Calls f(row, distance) for the exceptions of a vector; bytes may have changed, so row is any number below 1,024.
template <class Stored, class F>
PILLAR_ALWAYS_INLINE void for_each_exception_of(const vector_entry& entry, const std::byte* payload, F&& f) noexcept {
  const std::byte* positions = payload + packed_bytes(entry.width);
  const std::byte* distances = positions + std::size_t{2} * entry.exception_count;
  for (std::uint32_t i = 0; i < entry.exception_count; ++i) {
    const auto row = load_unaligned<std::uint16_t>(positions + std::size_t{2} * i) %
                     PILLAR_MUTATE(patched_position_unclamped, vector_rows, 65536u);
    f(static_cast<std::uint32_t>(row), std::int64_t{load_unaligned<Stored>(distances + sizeof(Stored) * i)});
  }
}
template <class F>
PILLAR_ALWAYS_INLINE void for_each_exception(const vector_entry& entry, const std::byte* payload, F&& f) noexcept {
  switch (entry.mode) {
    case 1: return for_each_exception_of<std::int8_t>(entry, payload, f);
    case 2: return for_each_exception_of<std::int16_t>(entry, payload, f);
    case 4: return for_each_exception_of<std::int32_t>(entry, payload, f);
    default: return for_each_exception_of<std::int64_t>(entry, payload, f);
  }
}

/// base + distance, modulo the type.
inline int128 exception_value(physical_type type, std::uint64_t base, std::int64_t distance) noexcept {
  const std::uint64_t sum = base + static_cast<std::uint64_t>(distance);
  return visit_narrow_integer(type, [&]<class T>() { return int128{static_cast<T>(sum)}; });
}

}  // namespace detail

PILLAR_API result<encode_plan> patched_codec::analyze(const encode_input& input) {
  encode_plan plan;
  const physical_type type = input.type.physical;
  if (!detail::is_narrow_integer(type) || input.field_width >= 8 * byte_width(type)) return plan;
  PILLAR_ASSIGN_OR_RETURN(plan.work,
                          buffer::allocate(sizeof(detail::patched_frame) * input.vectors.size(), input.budget));
  auto* frames = plan.work.as<detail::patched_frame>();
  plan.possible = true;
  detail::visit_narrow_integer(type, [&]<class T>() {
    for (std::size_t i = 0; i < input.vectors.size(); ++i) {
      frames[i] = detail::patched_frame_of<T>(input.vectors[i], input.field_width);
      plan.data_bytes += detail::patched_bytes(frames[i].width, frames[i].exception_count, frames[i].exception_bytes);
    }
  });
  return plan;
}

namespace detail {

/// Writes the rows and distances of the values outside the frame, and puts the base in their place.
template <class Stored, class T>
void write_exceptions(T* flat, std::uint32_t row_count, const patched_frame& of, std::byte* out) noexcept {
  const T base = static_cast<T>(of.base);
  const std::uint64_t most = packed_max_field(of.width);
  std::byte* positions = out + packed_bytes(of.width);
  std::byte* distances = positions + std::size_t{2} * of.exception_count;
  std::uint32_t found = 0;
  for (std::uint32_t row = 0; row < row_count; ++row) {
    // Of 64 bits, the distance of a value far below the base wraps to a small one.
    const bool above = PILLAR_MUTATE(patched_far_below_wraps, flat[row] >= base, true);
    if (above && static_cast<std::uint64_t>(flat[row]) - of.base <= most) continue;
    store_unaligned(positions + std::size_t{2} * found, static_cast<std::uint16_t>(row));
    store_unaligned(distances + sizeof(Stored) * found, static_cast<Stored>(distance_of(flat[row], base)));
    flat[row] = base;
    ++found;
  }
}

template <class T>
void encode_patched(const packed_table& kernels, const vector& values, const patched_frame& of, std::byte* out) {
  T flat[vector_rows];
  const T* from = gather<T>(values, flat, static_cast<T>(of.base));
  if (from != flat) std::memcpy(flat, from, sizeof(T) * values.size);
  switch (of.exception_count == 0 ? 0 : of.exception_bytes) {
    case 0: break;
    case 1: write_exceptions<std::int8_t>(flat, values.size, of, out); break;
    case 2: write_exceptions<std::int16_t>(flat, values.size, of, out); break;
    case 4: write_exceptions<std::int32_t>(flat, values.size, of, out); break;
    default: write_exceptions<std::int64_t>(flat, values.size, of, out); break;
  }
  vector inside;
  inside.type = values.type;
  inside.size = values.size;
  inside.values = flat;
  if (of.width != 0) pack_frame<T>(kernels, inside, {of.base, of.width}, out);
}

}  // namespace detail

PILLAR_API result<void> patched_codec::encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                              data_section& section) {
  const auto* frames = plan.work.as<detail::patched_frame>();
  std::uint32_t offset = 0;
  detail::visit_narrow_integer(input.type.physical, [&]<class T>() {
    for (std::size_t i = 0; i < input.vectors.size(); ++i) {
      const detail::patched_frame& of = frames[i];
      vector_entry& entry = section.entries[i];
      entry.base = of.base;
      entry.width = of.width;
      entry.mode = of.exception_bytes;
      entry.exception_count = of.exception_count;
      entry.offset = offset;
      entry.bytes = detail::patched_bytes(of.width, of.exception_count, of.exception_bytes);
      detail::encode_patched<T>(*input.kernels, input.vectors[i], of, out + offset);
      offset += entry.bytes;
    }
  });
  return {};
}

PILLAR_API std::size_t patched_codec::view_bytes(const data_section&) noexcept { return 0; }

PILLAR_API result<void> patched_codec::validate(data_section& section, std::byte*) noexcept {
  const physical_type type = section.type.physical;
  if (!detail::is_narrow_integer(type) || section.shared_bytes != 0 || section.entry_count != 0 ||
      section.code_width != 0 || section.child_count != 0) {
    return {errc::corrupt, 0};
  }
  const bool frames_fit = detail::frames_fit(section);
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    const bool mode_fits = entry.exception_count == 0
                               ? entry.mode == 0
                               : std::has_single_bit(entry.mode) && entry.mode <= byte_width(type);
    if (!mode_fits || entry.exception_count > entry.row_count || entry.width > packed_max_width ||
        entry.bytes != detail::patched_bytes(entry.width, entry.exception_count, entry.mode)) {
      return {errc::corrupt, i};
    }
    if (!frames_fit) PILLAR_TRY(detail::check_frame(section, i));
    const std::byte* payload = section.data + entry.offset;
    const std::byte* positions = payload + packed_bytes(entry.width);
    std::uint16_t rows[vector_rows];  // a copy, so that what is checked is what is used
    std::memcpy(rows, positions, std::size_t{2} * entry.exception_count);
    std::uint32_t next = 0;
    for (std::uint32_t k = 0; k < entry.exception_count; ++k) {
      if (rows[k] < next || rows[k] >= entry.row_count) return {errc::corrupt, entry.offset};
      next = rows[k] + 1u;
    }
    // The sum counts on fields of 0 where exceptions lie, and booleans on being 0 or 1.
    std::uint64_t fields[vector_rows], odd = 0;
    detail::fetch_fields(payload, entry.width, rows, entry.exception_count, fields,
                         [](std::uint64_t field) { return field; });
    for (std::uint32_t k = 0; k < entry.exception_count; ++k) odd |= fields[k];
    if (type == physical_type::boolean)
      detail::for_each_exception(entry, payload, [&](std::uint32_t, std::int64_t distance) {
        odd |= (entry.base + static_cast<std::uint64_t>(distance)) & 0xfe;
      });
    if (odd != 0) return {errc::corrupt, entry.offset};
  }
  return {};
}

PILLAR_API void patched_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                      vector& out) noexcept {
  frame_of_reference_codec::decode(section, index, scratch, out);
  const vector_entry& entry = section.entries[index];
  if (entry.exception_count == 0) return;
  const std::byte* payload = section.data + entry.offset;
  const auto patch = [&]<class U>(U* values, std::uint64_t keep) {
    detail::for_each_exception(entry, payload, [&](std::uint32_t row, std::int64_t distance) {
      values[row] = static_cast<U>((entry.base + static_cast<std::uint64_t>(distance)) & keep);
    });
  };
  constexpr std::uint64_t every = ~std::uint64_t{0};
  switch (byte_width(section.type.physical)) {
    case 1:
      return patch(reinterpret_cast<std::uint8_t*>(scratch.values),
                   section.type.physical == physical_type::boolean ? 1 : every);
    case 2: return patch(reinterpret_cast<std::uint16_t*>(scratch.values), every);
    case 4: return patch(reinterpret_cast<std::uint32_t*>(scratch.values), every);
    default: return patch(reinterpret_cast<std::uint64_t*>(scratch.values), every);
  }
}

PILLAR_API bool patched_codec::decode_narrow(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                             vector& out) noexcept {
  if (!frame_of_reference_codec::decode_narrow(section, index, scratch, out)) return false;
  const vector_entry& entry = section.entries[index];
  auto* values = reinterpret_cast<std::uint32_t*>(scratch.values);
  detail::for_each_exception(entry, section.data + entry.offset, [&](std::uint32_t row, std::int64_t distance) {
    values[row] = static_cast<std::uint32_t>(entry.base + static_cast<std::uint64_t>(distance));
  });
  return true;
}

PILLAR_API match_answer patched_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                             match_scratch* memory, std::uint64_t* mask) noexcept {
  const match_answer fields = frame_of_reference_codec::match(section, index, test, memory, mask);
  const vector_entry& entry = section.entries[index];
  if (fields.what == verdict::unknown || entry.exception_count == 0) return fields;
  const bool settled = fields.what != verdict::some, inside = fields.what == verdict::all;
  // All of them exceptions: the frame says nothing.
  bool all_agree = settled && entry.exception_count + entry.null_count < entry.row_count;
  if (settled) {
    std::memset(mask, inside ? 0xff : 0, sizeof(std::uint64_t) * vector_words);
    detail::clear_tail(mask, entry.row_count);
  }
  const physical_type type = section.type.physical;
  detail::for_each_exception(entry, section.data + entry.offset, [&](std::uint32_t row, std::int64_t distance) {
    if (row >= entry.row_count) return;
    const bool in = test.contains_integer(detail::exception_value(type, entry.base, distance));
    all_agree = all_agree && in == inside;
    if (PILLAR_MUTATE(patched_match_sets_only, true, in)) assign_bit(mask, row, in);
  });
  if (all_agree) return fields;
  return {verdict::some, evidence::encoded};
}

PILLAR_API bool patched_codec::fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                     std::uint32_t count, void* values) noexcept {
  if (!frame_of_reference_codec::fetch(section, index, rows, count, values)) return false;
  const vector_entry& entry = section.entries[index];
  if (entry.exception_count == 0) return true;
  const auto patch = [&]<class U>(U* out, std::uint64_t keep) {
    std::uint32_t i = 0;  // both ascend
    detail::for_each_exception(entry, section.data + entry.offset, [&](std::uint32_t row, std::int64_t distance) {
      while (i < count && rows[i] < row) ++i;
      if (i < count && rows[i] == row)
        out[i] = static_cast<U>((entry.base + static_cast<std::uint64_t>(distance)) & keep);
    });
  };
  constexpr std::uint64_t every = ~std::uint64_t{0};
  switch (byte_width(section.type.physical)) {
    case 1:
      patch(static_cast<std::uint8_t*>(values), section.type.physical == physical_type::boolean ? 1 : every);
      break;
    case 2: patch(static_cast<std::uint16_t*>(values), every); break;
    case 4: patch(static_cast<std::uint32_t*>(values), every); break;
    default: patch(static_cast<std::uint64_t*>(values), every); break;
  }
  return true;
}

PILLAR_API void patched_codec::prefetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                        std::uint32_t count) noexcept {
  frame_of_reference_codec::prefetch(section, index, rows, count);
  const vector_entry& entry = section.entries[index];
  if (entry.exception_count != 0) __builtin_prefetch(section.data + entry.offset + packed_bytes(entry.width));
}

PILLAR_API bool patched_codec::sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                   bool mask_is_all, int128& out) noexcept {
  if (!frame_of_reference_codec::sum(section, index, mask, mask_is_all, out)) return false;
  const vector_entry& entry = section.entries[index];
  if (entry.exception_count == 0) return true;
  const physical_type type = section.type.physical;
  const int128 base = detail::to_value(type, entry.base);
  int128 more = 0;
  detail::for_each_exception(entry, section.data + entry.offset, [&](std::uint32_t row, std::int64_t distance) {
    if (mask_is_all || get_bit(mask, row)) more += detail::exception_value(type, entry.base, distance) - base;
  });
  out += more;
  return true;
}

PILLAR_API bool patched_codec::bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                      bool mask_is_all, int128& least, int128& greatest) noexcept {
  const vector_entry& entry = section.entries[index];
  const std::byte* packed = section.data + entry.offset;
  const physical_type type = section.type.physical;
  selection_mask rows = detail::rows_asked(entry, mask, mask_is_all);
  least = highest_of(type);
  greatest = lowest_of(type);
  detail::for_each_exception(entry, packed, [&](std::uint32_t row, std::int64_t distance) {
    if (!get_bit(rows.words, row)) return;
    assign_bit(rows.words, row, false);
    const int128 value = detail::exception_value(type, entry.base, distance);
    least = value < least ? value : least;
    greatest = greatest < value ? value : greatest;
  });
  std::uint64_t low = 0, high = 0;
  const bool any = rows.any();
  if (any) detail::field_bounds(*section.kernels, entry.width, packed, rows.words, low, high);
  if (!any) return true;
  const int128 base = detail::to_value(type, entry.base);
  const int128 first = base + static_cast<int128>(low), last = base + static_cast<int128>(high);
  least = first < least ? first : least;
  greatest = greatest < last ? last : greatest;
  return true;
}

}  // namespace PILLAR_NAMESPACE
