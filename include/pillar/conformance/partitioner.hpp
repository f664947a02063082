// SPDX-License-Identifier: Apache-2.0
/// The laws of a partitioner.
///
/// Laws:
///   total: every row gets a slice below slice_count(), and nothing else is written
///   equal calls and equal copies give equal answers
///   batches do not matter: a row's slice depends on its key, or on its number
///   rows of equal keys meet: in any batch and vector kind, −0.0 with 0.0, NaN with NaN, NULL with NULL    (keyed)
///   int8 … int64 keys of equal value meet                                                         (widths_agree)
///   a moved map moves slices and keeps buckets                                    (made of a bucket_map, as key's)
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pillar/base/function_ref.hpp"
#include "pillar/column/types.hpp"
#include "pillar/conformance/report.hpp"
#include "pillar/partition/bucket_map.hpp"
#include "pillar/partition/partitioner.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// What a partitioner promises.
struct partitioner_facts {
  std::vector<data_type> key_types{type_of<std::int64_t>.as_nullable()};  ///< of the key columns it is asked with
  bool keyed = true;         ///< false: by row number; equal keys need not meet
  bool widths_agree = true;  ///< one integer key column of any width may be given
};

/// Type-erased: one partitioner, or a copy of it.
using slice_assigner =
    function_ref<result<void>(bool copy, std::span<const vector* const> keys, std::uint32_t row_count,
                              std::uint64_t first_row, std::uint32_t* slice_of_row)>;
/// The same keys after the map was moved: slice s became (s + 1) modulo the slices.
using moved_assigner = function_ref<result<void>(std::span<const vector* const> keys, std::uint32_t row_count,
                                                 std::uint64_t first_row, std::uint32_t* slice_of_row)>;
/// The laws of partitioners, type-erased. `moved` may be nullptr.
[[nodiscard]] PILLAR_API report check_partitioner(slice_assigner assign, const moved_assigner* moved,
                                                  std::uint32_t slice_count, const partitioner_facts& facts,
                                                  const settings& how = {});
/// Every slice's number plus one; nullptr without memory.
[[nodiscard]] PILLAR_API std::shared_ptr<const bucket_map> move_slices(const bucket_map& map);

/// Checks a partitioner, Pillar's or yours.
template <partitioner P>
[[nodiscard]] report check_partitioner(const P& model, const partitioner_facts& facts, const settings& how = {}) {
  const P copy = model;
  const auto assign = [&](bool of_copy, std::span<const vector* const> keys, std::uint32_t row_count,
                          std::uint64_t first_row, std::uint32_t* slice_of_row) {
    return (of_copy ? copy : model).assign(keys, row_count, first_row, slice_of_row);
  };
  if constexpr (requires {
                  P(model.map());
                  move_slices(*model.map());
                }) {
    const P other(move_slices(*model.map()));
    const auto moved = [&](std::span<const vector* const> keys, std::uint32_t row_count, std::uint64_t first_row,
                           std::uint32_t* slice_of_row) {
      return other.assign(keys, row_count, first_row, slice_of_row);
    };
    const moved_assigner moved_reference(moved);
    return check_partitioner(assign, &moved_reference, model.slice_count(), facts, how);
  } else {
    return check_partitioner(assign, nullptr, model.slice_count(), facts, how);
  }
}

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/partitioner.hpp"
#endif
