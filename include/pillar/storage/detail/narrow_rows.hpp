// SPDX-License-Identifier: Apache-2.0
/// Rows that wait as something smaller than their values: distances, or numbers into a list.
#pragma once
#include <cstdint>

#include "pillar/column/types.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Up to 1,024 of them.
template <class T>
struct narrow_rows {
  T values[vector_rows];
  std::uint64_t validity[vector_words];
  bool has_nulls = false;

  /// The first `count` rows of a column of type `wide`.
  [[nodiscard]] vector view(const data_type& wide, std::uint32_t count) const noexcept {
    vector made;
    made.type = type_of<T>.as_nullable(wide.nullable);
    made.size = count;
    made.values = values;
    made.validity = has_nulls ? validity : nullptr;
    return made;
  }
};

}  // namespace PILLAR_NAMESPACE::detail
