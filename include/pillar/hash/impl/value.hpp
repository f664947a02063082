// SPDX-License-Identifier: Apache-2.0
#pragma once
#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include "pillar/column/scalar.hpp"
#include "pillar/hash/value.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API std::uint64_t hash_text(std::string_view value) noexcept { return XXH3_64bits(value.data(), value.size()); }

PILLAR_API std::uint64_t hash_value(const scalar& value) noexcept {
  if (value.null) return hash_of_null;
  if (value.type.physical == physical_type::text) return hash_text(value.text);
  if (is_float(value.type.physical)) return hash_real(value.real);
  return hash_integer(value.integer);
}

}  // namespace PILLAR_NAMESPACE
