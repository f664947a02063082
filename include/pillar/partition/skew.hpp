// SPDX-License-Identifier: Apache-2.0
/// How unevenly rows are spread, as it is or as it would be with another key.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/result.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/partition/distribution.hpp"

namespace PILLAR_NAMESPACE {

/// Units: rows; a query over all slices waits for the largest, so `largest_over_mean` is how much longer it takes than
///        with an even spread
struct skew_report {
  std::vector<std::uint64_t> rows_per_slice{};
  std::uint64_t row_count = 0;
  std::uint64_t largest_slice_rows = 0;
  double largest_over_mean = 1;
  std::uint32_t empty_slice_count = 0;
  /// Filled in by skew_estimator only: different keys (by hash, NULL included) up to its limit, and the rows of the
  /// most frequent one.
  std::uint64_t distinct_key_count = 0;
  bool distinct_keys_are_all = false;  ///< false: there are more keys than counted
  std::uint64_t heaviest_key_rows = 0;
};

/// The report for slices of these sizes.
PILLAR_API skew_report make_skew_report(std::span<const std::uint64_t> rows_per_slice);

/// Counts how a distribution would spread rows, batch by batch, without moving any.
///
/// Units:   keys are counted exactly up to key_limit different ones; further ones are only spread
/// Threads: one at a time
class skew_estimator {
 public:
  static constexpr std::uint32_t key_limit = 1u << 14;
  PILLAR_API explicit skew_estimator(any_partitioner model);
  /// `columns` are the columns that the distribution names, in its order.
  PILLAR_API result<void> update(std::span<const vector* const> columns, std::uint32_t row_count);
  [[nodiscard]] PILLAR_API skew_report report() const;

 private:
  struct counted_key {
    std::uint64_t hash = 0;
    std::uint64_t rows = 0;  ///< 0 = free
  };
  any_partitioner model_;
  std::uint64_t row_count_ = 0;
  std::vector<std::uint64_t> rows_per_slice_;
  std::vector<counted_key> keys_;
  std::uint32_t key_count_ = 0;
  bool all_keys_ = true;
};

/// The spread of whole columns (`column::slice(0, n)`) over `slice_count` slices by their hash:
/// estimate_skew({carrier}, 4) shows why 16 values make a bad key.
PILLAR_API result<skew_report> estimate_skew(std::span<const vector* const> columns, std::uint32_t slice_count);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/partition/impl/skew.hpp"
#endif
