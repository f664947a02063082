// SPDX-License-Identifier: Apache-2.0
/// What a partitioner is: a function from a row's key columns, or its number, to a slice.
///
/// The same partitioner serves slices, files and shards. It is fixed by its model (its type: the hash and its version,
/// or the order) and by its map. Two inputs that are partitioned by equal partitioners on their join columns can be
/// joined slice by slice without moving a row.
///
/// | model | header | a row's slice |
/// |---|---|---|
/// | key_partitioner | key.hpp | the bucket map's entry for the hash of its key; equal keys meet |
/// | even_partitioner | even.hpp | its number modulo the slices; the sizes are equal, no two rows are sure to meet |
/// | range_partitioner | range.hpp | where its key lies between sorted bounds; neighbouring keys meet |
#pragma once
#include <concepts>
#include <cstdint>
#include <span>

#include "pillar/base/result.hpp"
#include "pillar/column/vector.hpp"

namespace PILLAR_NAMESPACE {

/// assign() sets slice_of_row[i] < slice_count() for each of row_count rows of the key columns, of which the first has
/// number first_row in its input; it may fail only with out_of_memory. Equal calls give equal answers.
template <class P>
concept partitioner = std::copyable<P> && std::equality_comparable<P> &&
    requires(const P& model, std::span<const vector* const> key_columns, std::uint32_t row_count,
             std::uint64_t first_row, std::uint32_t* slice_of_row) {
  { model.slice_count() } -> std::same_as<std::uint32_t>;
  { model.assign(key_columns, row_count, first_row, slice_of_row) } -> std::same_as<result<void>>;
};

}  // namespace PILLAR_NAMESPACE
