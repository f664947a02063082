// SPDX-License-Identifier: Apache-2.0
/// What codecs with children ask of them.
#pragma once
#include <cstdint>

#include "pillar/codec/codec_set.hpp"  // codec_functions

namespace PILLAR_NAMESPACE::detail {

/// Does the section use nothing that only some codecs do: children, modes, exceptions?
inline bool is_plain(const data_section& section) noexcept {
  if (section.child_count != 0) return false;
  for (std::uint32_t i = 0; i < section.vector_count; ++i)
    if (section.entries[i].mode != 0 || section.entries[i].exception_count != 0) return false;
  return true;
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

}  // namespace PILLAR_NAMESPACE::detail
