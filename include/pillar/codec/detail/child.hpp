// SPDX-License-Identifier: Apache-2.0
/// What codecs with children ask of them.
#pragma once
#include <cstdint>

#include "pillar/codec/codec_set.hpp"      // codec_functions
#include "pillar/codec/detail/gather.hpp"  // finish_mask
#include "pillar/expr/domain.hpp"          // integer_range

namespace PILLAR_NAMESPACE::detail {

/// Does the section use nothing that only some codecs do: children, modes, exceptions?
inline bool is_plain(const data_section& section) noexcept {
  std::uint32_t any = section.child_count;
  for (std::uint32_t i = 0; i < section.vector_count; ++i)
    any |= section.entries[i].mode | std::uint32_t{section.entries[i].exception_count};
  return any == 0;
}

/// Vector `index` of a validated child; `out` is valid until scratch is reused.
inline void decode_child(const data_section& child, std::uint32_t index, vector_scratch& scratch,
                         vector& out) noexcept {
  out = vector{};
  out.type = child.type;
  out.size = child.entries[index].row_count;
  child.codec->decode(child, index, scratch, out);
}

/// The child's answer to a domain of its type; unknown where its codec has none.
inline match_answer match_child(const data_section& child, std::uint32_t index, const domain& test,
                                std::uint64_t* mask) noexcept {
  if (child.codec->match == nullptr) return {verdict::unknown, evidence::settled};
  return child.codec->match(child, index, test, nullptr, mask);
}

/// Rows that satisfy one of several domains: asks `ask(i, mask)` for the answer to each, i < count. A few that need the
/// data are combined; with more the caller is better off decoding.
template <class Ask>
match_answer match_any(std::size_t count, std::uint64_t* mask, Ask&& ask) noexcept {
  constexpr std::size_t most = 64;
  constexpr std::uint32_t most_compared = 8;
  if (count > most) return {verdict::unknown, evidence::settled};
  alignas(64) std::uint64_t one[vector_words];
  std::uint32_t compared = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const match_answer answer = ask(i, compared == 0 ? mask : one);
    if (answer.what == verdict::none) continue;
    if (answer.what != verdict::some) return answer;
    if (compared == most_compared) return {verdict::unknown, evidence::settled};
    if (compared++ == 0) continue;
    for (std::uint32_t word = 0; word < vector_words; ++word) mask[word] |= one[word];
  }
  if (compared == 0) return {verdict::none, evidence::settled};
  return {verdict::some, evidence::encoded};
}

/// The answer to the negated domain.
inline match_answer match_outside(match_answer answer, std::uint64_t* mask, std::uint32_t row_count) noexcept {
  if (answer.what == verdict::none) answer.what = verdict::all;
  else if (answer.what == verdict::all) answer.what = verdict::none;
  else if (answer.what == verdict::some) return finish_mask(mask, true, row_count);
  return answer;
}

/// Has the child one row for each row of its parent, vector by vector, and this type?
inline bool mirrors(const data_section& child, const data_section& parent, physical_type type) noexcept {
  if (child.type.physical != type || child.row_count != parent.row_count || child.vector_count != parent.vector_count)
    return false;
  for (std::uint32_t i = 0; i < child.vector_count; ++i)
    if (child.entries[i].row_count != parent.entries[i].row_count) return false;
  return true;
}

/// Refuses a child of int64 or uint64 with a value outside [lo, hi]. Most vectors are settled by their directory; where
/// the codec cannot tell, they are decoded.
inline result<void> require_within(const data_section& child, int128 lo, int128 hi) noexcept {
  const domain inside = integer_range(child.type.physical, lo, hi);
  for (std::uint32_t i = 0; i < child.vector_count; ++i) {
    std::uint64_t mask[vector_words];
    const match_answer answer = match_child(child, i, inside, mask);
    if (answer.what == verdict::all) continue;
    const std::uint32_t row_count = child.entries[i].row_count;
    if (answer.what == verdict::none) return {errc::corrupt, i};
    if (answer.what == verdict::some) {
      if (count_bits(mask, vector_rows) != row_count) return {errc::corrupt, i};
      continue;
    }
    vector_scratch scratch;
    vector values;
    decode_child(child, i, scratch, values);
    for (std::uint32_t row = 0; row < row_count; ++row)
      if (!inside.contains_integer(child.type.physical == physical_type::int64
                                       ? int128{values.value<std::int64_t>(row)}
                                       : int128{values.value<std::uint64_t>(row)})) {
        return {errc::corrupt, i};
      }
  }
  return {};
}

}  // namespace PILLAR_NAMESPACE::detail
