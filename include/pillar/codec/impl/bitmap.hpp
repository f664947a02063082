// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstring>  // std::memcpy, std::memset

#include "pillar/base/bits.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/codec/bitmap.hpp"
#include "pillar/codec/detail/gather.hpp"
#include "pillar/expr/domain.hpp"  // domain

namespace PILLAR_NAMESPACE {

namespace detail {

/// The true rows among the valid ones, and how the vector is stored.
struct bitmap_choice {
  std::uint64_t words[vector_words] = {};
  bitmap_mode mode = bitmap_mode::bits;
  std::uint32_t positions = 0;
  std::uint32_t bytes = 0;

  explicit bitmap_choice(const vector& values) {
    std::uint32_t valid_count = 0;
    if (values.kind == vector_kind::flat) {
      const auto* flat = values.values_as<std::uint8_t>();
      std::uint32_t row = 0;
      for (; row + 8 <= values.size; row += 8)  // bytes 0 or 1: the product gathers eight of them in its top byte
        words[row / 64] |= load_unaligned<std::uint64_t>(flat + row) * 0x0102040810204080u >> 56 << row % 64;
      for (; row < values.size; ++row) words[row / 64] |= std::uint64_t{flat[row]} << row % 64;
      for (std::uint32_t word = 0; word * 64 < values.size; ++word) {
        const std::uint64_t valid = values.validity_word(word);
        words[word] &= valid;
        valid_count += static_cast<std::uint32_t>(std::popcount(valid));
      }
    } else {
      for_each_valid_row(values, [&](std::uint32_t row) {
        ++valid_count;
        if (values.value<std::uint8_t>(row) != 0) set_bit(words, row);
      });
    }
    const auto true_count = static_cast<std::uint32_t>(count_bits(words, vector_rows));
    const std::uint32_t false_count = valid_count - true_count;
    const auto bits_bytes = static_cast<std::uint32_t>(8 * words_for(values.size));
    if (true_count == 0) {
      mode = bitmap_mode::all_false;
    } else if (false_count == 0) {
      mode = bitmap_mode::all_true;
    } else if (true_count <= false_count && 2 * true_count < bits_bytes) {
      mode = bitmap_mode::few_true;
      positions = true_count;
    } else if (2 * false_count < bits_bytes) {
      mode = bitmap_mode::few_false;
      positions = false_count;
      for (std::uint32_t word = 0; word < vector_words; ++word)  // what is written are the rows that are false
        words[word] = ~words[word] & values.validity_word(word);
    }
    bytes = mode == bitmap_mode::bits ? bits_bytes : 2 * positions;
  }
};

/// The true rows of a vector as 16 words; bits beyond its rows are zero, whatever the bytes have become.
inline void load_booleans(const data_section& section, std::uint32_t index, std::uint64_t* words) noexcept {
  const vector_entry& entry = section.entries[index];
  const std::byte* payload = section.data + entry.offset;
  const auto mode = static_cast<bitmap_mode>(entry.mode);
  const bool ones = mode == bitmap_mode::all_true || mode == bitmap_mode::few_false;
  std::memset(words, ones ? 0xff : 0, sizeof(std::uint64_t) * vector_words);
  if (mode == bitmap_mode::bits) {
    std::memcpy(words, payload, entry.bytes);
  } else {
    for (std::uint32_t i = 0; i < entry.exception_count; ++i) {
      const std::uint32_t row =
          PILLAR_MUTATE(bitmap_position_unclamped, load_unaligned<std::uint16_t>(payload + 2 * i) % vector_rows,
                        load_unaligned<std::uint16_t>(payload + 2 * i));
      words[row / 64] ^= std::uint64_t{1} << row % 64;
    }
  }
  clear_tail(words, entry.row_count);
}

}  // namespace detail

PILLAR_API result<encode_plan> bitmap_codec::analyze(const encode_input& input) {
  encode_plan plan;
  if (input.type.physical != physical_type::boolean) return plan;
  plan.possible = true;
  for (const vector& values : input.vectors) plan.data_bytes += detail::bitmap_choice(values).bytes;
  return plan;
}

PILLAR_API result<void> bitmap_codec::encode(const encode_input& input, const encode_plan&, std::byte* out,
                                             data_section& section) {
  std::byte* at = out;
  for (std::size_t i = 0; i < input.vectors.size(); ++i) {
    const detail::bitmap_choice chosen(input.vectors[i]);
    vector_entry& entry = section.entries[i];
    entry.offset = static_cast<std::uint32_t>(at - out);
    entry.bytes = chosen.bytes;
    entry.mode = static_cast<std::uint8_t>(chosen.mode);
    entry.exception_count = static_cast<std::uint16_t>(chosen.positions);
    if (chosen.mode == bitmap_mode::bits) {
      std::memcpy(at, chosen.words, chosen.bytes);
    } else if (chosen.positions != 0) {
      std::byte* next = at;
      for (std::uint32_t word = 0; word < vector_words; ++word)
        for (std::uint64_t bits = chosen.words[word]; bits != 0; bits &= bits - 1, next += 2)
          store_unaligned(next, static_cast<std::uint16_t>(word * 64 + static_cast<unsigned>(std::countr_zero(bits))));
    }
    at += chosen.bytes;
  }
  return {};
}

PILLAR_API std::size_t bitmap_codec::view_bytes(const data_section&) noexcept { return 0; }

PILLAR_API result<void> bitmap_codec::validate(data_section& section, std::byte*) noexcept {
  if (section.type.physical != physical_type::boolean || section.shared_bytes != 0 || section.entry_count != 0 ||
      section.code_width != 0 || section.child_count != 0) {
    return {errc::corrupt, 0};
  }
  for (std::uint32_t i = 0; i < section.vector_count; ++i) {
    const vector_entry& entry = section.entries[i];
    const std::byte* payload = section.data + entry.offset;
    if (entry.base != 0 || entry.width != 0) return {errc::corrupt, i};
    if (entry.mode == static_cast<std::uint8_t>(bitmap_mode::bits)) {
      if (entry.exception_count != 0 || entry.bytes != 8 * words_for(entry.row_count)) return {errc::corrupt, i};
      const std::uint32_t tail = entry.row_count % 64;
      const auto last = load_unaligned<std::uint64_t>(payload + entry.bytes - 8);
      if (tail != 0 && (last & ~low_bits(tail)) != 0) return {errc::corrupt, entry.offset};
      continue;
    }
    if (entry.mode > static_cast<std::uint8_t>(bitmap_mode::few_false)) return {errc::corrupt, i};
    const bool sparse = entry.mode >= static_cast<std::uint8_t>(bitmap_mode::few_true);
    if (sparse != (entry.exception_count != 0) || entry.bytes != 2u * entry.exception_count) return {errc::corrupt, i};
    std::uint32_t least = 0;
    for (std::uint32_t k = 0; k < entry.exception_count; ++k) {
      const auto row = load_unaligned<std::uint16_t>(payload + 2 * k);
      if (row < least || row >= entry.row_count) return {errc::corrupt, entry.offset + std::uint64_t{2} * k};
      least = row + 1u;
    }
  }
  return {};
}

PILLAR_API void bitmap_codec::decode(const data_section& section, std::uint32_t index, vector_scratch& scratch,
                                     vector& out) noexcept {
  out.kind = vector_kind::flat;
  out.values = scratch.values;
  const auto mode = static_cast<bitmap_mode>(section.entries[index].mode);
  if (mode == bitmap_mode::all_false || mode == bitmap_mode::all_true) {
    std::memset(scratch.values, mode == bitmap_mode::all_true, vector_rows);
    return;
  }
  std::uint64_t words[vector_words];
  detail::load_booleans(section, index, words);
  // Eight bits become eight bytes: seven copies, each shifted by seven more, bring bit i of the low seven to byte i.
  for (std::uint32_t word = 0; word < vector_words; ++word)
    for (std::uint32_t byte = 0; byte < 8; ++byte) {
      const std::uint64_t bits = words[word] >> 8 * byte & 0xff;
      const std::uint64_t low = (bits & 0x7f) * 0x0002040810204081u & 0x0101010101010101u;
      store_unaligned(scratch.values + word * 64 + byte * 8, low | (bits >> 7) << 56);
    }
}

PILLAR_API match_answer bitmap_codec::match(const data_section& section, std::uint32_t index, const domain& test,
                                            match_scratch*, std::uint64_t* mask) noexcept {
  if (test.physical != physical_type::boolean ||
      (test.kind != domain_kind::range && test.kind != domain_kind::points)) {
    return {verdict::unknown, evidence::settled};
  }
  const vector_entry& entry = section.entries[index];
  const auto mode = static_cast<bitmap_mode>(entry.mode);
  const bool wants_false = mode != bitmap_mode::all_true && test.contains_integer(0);
  const bool wants_true = mode != bitmap_mode::all_false && test.contains_integer(1);
  const bool has_false = mode != bitmap_mode::all_true, has_true = mode != bitmap_mode::all_false;
  if (!wants_false && !wants_true) return {verdict::none, evidence::settled};
  if (wants_false == has_false && wants_true == has_true) return {verdict::all, evidence::settled};
  detail::load_booleans(section, index, mask);
  if (wants_true) return {verdict::some, evidence::encoded};
  return detail::finish_mask(mask, true, entry.row_count);
}

PILLAR_API bool bitmap_codec::sum(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                  bool mask_is_all, int128& out) noexcept {
  std::uint64_t words[vector_words];
  detail::load_booleans(section, index, words);
  if (!mask_is_all)
    for (std::uint32_t word = 0; word < vector_words; ++word) words[word] &= mask[word];
  out = static_cast<int128>(count_bits(words, vector_rows));
  return true;
}

PILLAR_API bool bitmap_codec::bounds(const data_section& section, std::uint32_t index, const std::uint64_t* mask,
                                     bool mask_is_all, int128& lo, int128& hi) noexcept {
  std::uint64_t words[vector_words], asked[vector_words];
  detail::load_booleans(section, index, words);
  std::memset(asked, 0xff, sizeof(asked));
  if (!mask_is_all) std::memcpy(asked, mask, sizeof(asked));
  detail::clear_tail(asked, section.entries[index].row_count);
  std::uint64_t any_true = 0, any_false = 0;
  for (std::uint32_t word = 0; word < vector_words; ++word) {
    any_true |= words[word] & asked[word];
    any_false |= ~words[word] & asked[word];
  }
  lo = any_false == 0;
  hi = any_true != 0;
  return true;
}

PILLAR_API bool bitmap_codec::fetch(const data_section& section, std::uint32_t index, const std::uint16_t* rows,
                                    std::uint32_t count, void* values) noexcept {
  std::uint64_t words[vector_words];
  detail::load_booleans(section, index, words);
  auto* out = static_cast<std::uint8_t*>(values);
  for (std::uint32_t i = 0; i < count; ++i) out[i] = get_bit(words, rows[i]);
  return true;
}

}  // namespace PILLAR_NAMESPACE
