// SPDX-License-Identifier: Apache-2.0
/// The row numbers of columns in a compound order: what loading a table and order_by sort with.
#pragma once
#include <cstdint>
#include <span>

#include "pillar/base/buffer.hpp"  // buffer
#include "pillar/base/result.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/sort/key.hpp"  // sort_key

namespace PILLAR_NAMESPACE {

/// Row numbers (std::uint32_t) such that reading the columns in their order is sorted; rows of equal keys keep theirs.
///
/// Every key column becomes integers that keep its order (text: ranks), reduced by the column's minimum to as few bits
/// as its range needs; the columns' integers are packed into words of 64 bits, and these are radix-sorted.
///
/// Shape:    every key column has row_count rows and may be longer than 1,024 (`column::slice(0, row_count)`)
/// Errors:   out_of_memory; no_such_column: a key beyond `columns`, position = the key; invalid_argument: a column of
///           another length
/// Cost:     one pass of 12 bytes a row (8 where key and row number fit into 64 bits together) for every 8 bits of key
///           that are not the same in all rows; nothing beyond the first pass if the rows are sorted already.
///           24 bytes of memory a row while it works (16 where packed), 4 afterwards
/// Threads:  one
PILLAR_API result<buffer> sort_permutation(std::span<const vector> columns, std::span<const sort_key> keys,
                                           std::uint32_t row_count, memory_budget* budget = nullptr);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/sort/impl/permutation.hpp"
#endif
