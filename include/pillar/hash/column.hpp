// SPDX-License-Identifier: Apache-2.0
/// Hashes of the rows of a vector; several columns are combined one after the other.
#pragma once
#include <cstdint>
#include <span>

#include "pillar/column/vector.hpp"
#include "pillar/hash/value.hpp"  // hash_version, hash_combine

namespace PILLAR_NAMESPACE {

/// out[row] = the hash of `from`'s row; with `combine`, hash_combine(out[row], that hash).
///
/// Shape:    from.size hashes; vectors of any kind and length
/// Requires: `out` holds from.size words and does not overlap `from`
/// Cost:     about 1 ns a value; a constant is hashed once, a dictionary of ≤ 1,024 entries once per entry
/// Example:  tests/hash/column_test.cpp
PILLAR_API void hash_column(const vector& from, std::uint64_t* out, bool combine) noexcept;

/// out[row] = the hash of a row of several columns: the first, then each further one combined. No columns: 0.
///
/// Shape: every column has row_count rows
PILLAR_API void hash_rows(std::span<const vector* const> columns, std::uint32_t row_count, std::uint64_t* out) noexcept;

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/hash/impl/column.hpp"
#endif
