// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>  // std::sort
#include <bit>        // std::countr_zero, std::bit_width
#include <cstring>    // std::memcpy
#include <new>        // placement new
#include <type_traits>

#include "pillar/base/bits.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/detail/child.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/codec/real_double.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// Where the bits of a block's values are cut: high is above `cut`, low between `zeros` and `cut`.
struct real_cut {
  std::uint8_t cut = 0;
  std::uint8_t zeros = 0;
};

/// The cut that makes a sample of all vectors smallest; false where it saves less than a thirtieth.
template <class Bits>
bool choose_cut(std::span<const vector> vectors, Bits all_bits, real_cut& best) {
  constexpr unsigned bits = 8 * sizeof(Bits);
  constexpr std::uint32_t capacity = 256;
  Bits sample[capacity];
  std::uint32_t count = 0, start = 0;
  const auto per_vector = static_cast<std::uint32_t>(capacity / vectors.size());
  for (const vector& from : vectors) {
    const std::uint32_t taken = from.size < per_vector ? from.size : per_vector;
    for (std::uint32_t i = 0; i < taken; ++i) {
      const std::uint32_t row = (start + from.size * i / taken) % from.size;
      if (from.valid(row)) sample[count++] = from.value<Bits>(row);
    }
    start += 7;  // not the same rows of every vector
  }
  best.zeros = static_cast<std::uint8_t>(all_bits == 0 ? bits - real_double_codec::max_high_bits
                                                       : static_cast<unsigned>(std::countr_zero(all_bits)));
  std::sort(sample, sample + count);  // then equal highs are neighbours, wherever the cut
  unsigned least = bits - bits / 30;
  bool found = count == 0;
  best.cut = static_cast<std::uint8_t>(
      best.zeros > bits - real_double_codec::max_high_bits ? best.zeros : bits - real_double_codec::max_high_bits);
  for (unsigned cut = best.cut; cut < bits && count != 0; ++cut) {
    std::uint32_t distinct = 1;
    for (std::uint32_t i = 1; i < count; ++i) distinct += sample[i] >> cut != sample[i - 1] >> cut;
    const auto range = static_cast<unsigned>(std::bit_width((sample[count - 1] >> cut) - (sample[0] >> cut)));
    // A sample in which few values repeat says nothing of how many there are.
    const auto code = distinct * 4 <= count ? static_cast<unsigned>(std::bit_width(distinct - 1)) : range;
    const unsigned cost = cut - best.zeros + (code < range ? code : range);
    if (cost >= least) continue;
    least = cost;
    best.cut = static_cast<std::uint8_t>(cut);
    found = true;
  }
  return found;
}

/// Bits is the unsigned integer of the float's size, and of its low part.
template <class Bits>
result<encode_plan> analyze_reals(const encode_input& input) {
  encode_plan none;
  const std::size_t vector_count = input.vectors.size();
  Bits scratch[vector_rows];
  Bits all_bits = 0, fill = 0;  // NULL rows hold a value that is there already
  for (const vector& from : input.vectors) {
    if (from.validity != nullptr)
      for (std::uint32_t word = 0; word * 64 < from.size; ++word)
        if (const std::uint64_t valid = from.validity_word(word); valid != 0)
          fill = from.value<Bits>(word * 64 + static_cast<std::uint32_t>(std::countr_zero(valid)));
    const Bits* values = gather<Bits>(from, scratch, fill);
    Bits any = 0;
    for (std::uint32_t row = 0; row < from.size; ++row) any |= values[row];
    all_bits |= any;
  }
  real_cut cut;
  if (!choose_cut<Bits>(input.vectors, all_bits, cut)) return none;

  encode_plan plan;
  PILLAR_ASSIGN_OR_RETURN(plan.work, buffer::allocate(2, input.budget));
  plan.work.data()[0] = std::byte{cut.cut};
  plan.work.data()[1] = std::byte{cut.zeros};
  const std::size_t values_at = round_up(sizeof(vector) * vector_count, 64);
  const std::size_t widths[2] = {sizeof(std::uint16_t), sizeof(Bits)};
  for (unsigned half = 0; half < 2; ++half) {
    child_column& child = plan.children[half];
    PILLAR_ASSIGN_OR_RETURN(child.storage, buffer::allocate(values_at + widths[half] * input.row_count, input.budget));
    child.type = half == 0 ? type_of<std::uint16_t> : type_of<Bits>;
    child.row_count = input.row_count;
    child.vectors = {reinterpret_cast<vector*>(child.storage.data()), vector_count};
  }
  auto* highs = reinterpret_cast<std::uint16_t*>(plan.children[0].storage.data() + values_at);
  auto* lows = reinterpret_cast<Bits*>(plan.children[1].storage.data() + values_at);
  const Bits low_mask = static_cast<Bits>((Bits{1} << cut.cut) - 1);
  for (std::size_t v = 0; v < vector_count; ++v) {
    const vector& from = input.vectors[v];
    for (child_column& child : plan.children) {
      auto* view = ::new (static_cast<void*>(reinterpret_cast<vector*>(child.storage.data()) + v)) vector;
      view->type = child.type;
      view->size = from.size;
      view->values = &child == plan.children ? static_cast<const void*>(highs) : lows;
    }
    const Bits* values = gather<Bits>(from, scratch, fill);
    for (std::uint32_t row = 0; row < from.size; ++row) {
      highs[row] = static_cast<std::uint16_t>(values[row] >> cut.cut);
      lows[row] = static_cast<Bits>((values[row] & low_mask) >> cut.zeros);
    }
    highs += from.size;
    lows += from.size;
  }
  plan.data_bytes = 2;
  plan.child_count = 2;
  plan.possible = true;
  return plan;
}

inline const real_cut& cut_of(const data_section& section) noexcept { return *section.shared.values_as<real_cut>(); }

template <class Bits>
void decode_reals(const data_section& section, std::uint32_t index, vector_scratch& scratch) noexcept {
  const real_cut cut = cut_of(section);
  const std::uint32_t row_count = section.entries[index].row_count;
  auto* out = reinterpret_cast<Bits*>(scratch.values);
  std::byte* const room = scratch.values + sizeof(scratch.values) / 2;
  vector_scratch child_scratch;
  vector half;
  decode_child(section.children[0], index, child_scratch, half);
  const auto* highs = gather<std::uint16_t>(half, reinterpret_cast<std::uint16_t*>(room), 0);
  for (std::uint32_t row = 0; row < row_count; ++row) out[row] = static_cast<Bits>(Bits{highs[row]} << cut.cut);
  decode_child(section.children[1], index, child_scratch, half);
  const Bits* lows = gather<Bits>(half, reinterpret_cast<Bits*>(room), 0);
  for (std::uint32_t row = 0; row < row_count; ++row)
    out[row] |= static_cast<Bits>(lows[row] << PILLAR_MUTATE(real_zeros_forgotten, cut.zeros, 0));
}

template <class Bits>
bool fetch_reals(const data_section& section, std::uint32_t index, const std::uint16_t* rows, std::uint32_t count,
                 void* values) noexcept {
  std::uint16_t highs[fetch_worth_it];
  Bits lows[fetch_worth_it];
  void* halves[2] = {highs, lows};
  if (count > fetch_worth_it) return false;
  for (unsigned half = 0; half < 2; ++half) {
    const data_section& child = section.children[half];
    if (child.codec->fetch == nullptr || !child.codec->fetch(child, index, rows, count, halves[half])) return false;
  }
  const real_cut cut = cut_of(section);
  auto* out = static_cast<Bits*>(values);
  for (std::uint32_t i = 0; i < count; ++i)
    out[i] = static_cast<Bits>(Bits{highs[i]} << cut.cut | lows[i] << cut.zeros);
  return true;
}

}  // namespace detail

PILLAR_API result<encode_plan> real_double_codec::analyze(const encode_input& input) {
  if (input.type.physical == physical_type::float64) return detail::analyze_reals<std::uint64_t>(input);
  if (input.type.physical == physical_type::float32) return detail::analyze_reals<std::uint32_t>(input);
  return encode_plan{};
}

PILLAR_API result<void> real_double_codec::encode(const encode_input& input, const encode_plan& plan, std::byte* out,
                                                  data_section& section) {
  std::memcpy(out, plan.work.data(), 2);
  section.shared_bytes = 2;
  for (std::size_t i = 0; i < input.vectors.size(); ++i) {
    section.entries[i].offset = 2;
    section.entries[i].bytes = 0;
  }
  return {};
}

PILLAR_API std::size_t real_double_codec::view_bytes(const data_section&) noexcept { return sizeof(detail::real_cut); }

PILLAR_API result<void> real_double_codec::validate(data_section& section, std::byte* memory) noexcept {
  const bool wide = section.type.physical == physical_type::float64;
  if (!is_float(section.type.physical) || section.shared_bytes != 2 || section.entry_count != 0 ||
      section.code_width != 0 || section.child_count != 2 ||
      !detail::mirrors(section.children[0], section, physical_type::uint16) ||
      !detail::mirrors(section.children[1], section, wide ? physical_type::uint64 : physical_type::uint32)) {
    return {errc::corrupt, 0};
  }
  const detail::real_cut cut{static_cast<std::uint8_t>(section.data[0]), static_cast<std::uint8_t>(section.data[1])};
  const unsigned bits = wide ? 64 : 32;
  if (cut.cut >= bits || cut.cut < bits - max_high_bits || cut.zeros > cut.cut) return {errc::corrupt, 0};
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    if (entry.base != 0 || entry.width != 0 || entry.mode != 0 || entry.exception_count != 0 || entry.bytes != 0)
      return {errc::corrupt, i};
  }
  section.shared.values = ::new (static_cast<void*>(memory)) detail::real_cut(cut);
  return {};
}

PILLAR_API void real_double_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                          vector& out) noexcept {
  out.kind = vector_kind::flat;
  out.values = scratch.values;
  if (section.type.physical == physical_type::float64) detail::decode_reals<std::uint64_t>(section, index, scratch);
  else detail::decode_reals<std::uint32_t>(section, index, scratch);
}

PILLAR_API bool real_double_codec::fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                         std::uint32_t count, void* values) noexcept {
  if (section.type.physical == physical_type::float64)
    return detail::fetch_reals<std::uint64_t>(section, index, rows, count, values);
  return detail::fetch_reals<std::uint32_t>(section, index, rows, count, values);
}

}  // namespace PILLAR_NAMESPACE
