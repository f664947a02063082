// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "pillar/base/buffer.hpp"
#include "pillar/hash/column.hpp"  // hash_rows
#include "pillar/partition/skew.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API skew_report make_skew_report(std::span<const std::uint64_t> rows_per_slice) {
  skew_report made;
  made.rows_per_slice.assign(rows_per_slice.begin(), rows_per_slice.end());
  for (const std::uint64_t rows : rows_per_slice) {
    made.row_count += rows;
    if (rows > made.largest_slice_rows) made.largest_slice_rows = rows;
    if (rows == 0) ++made.empty_slice_count;
  }
  if (made.row_count != 0)
    made.largest_over_mean = static_cast<double>(made.largest_slice_rows) * static_cast<double>(rows_per_slice.size()) /
                             static_cast<double>(made.row_count);
  return made;
}

PILLAR_API skew_estimator::skew_estimator(any_partitioner model)
    : model_(std::move(model)), rows_per_slice_(model_.slice_count()), keys_(std::size_t{key_limit} * 2) {}

PILLAR_API result<void> skew_estimator::update(std::span<const vector* const> columns, std::uint32_t row_count) {
  PILLAR_ASSIGN_OR_RETURN(buffer slices, buffer::allocate(std::size_t{row_count} * sizeof(std::uint32_t)));
  PILLAR_ASSIGN_OR_RETURN(buffer hashes, buffer::allocate(std::size_t{row_count} * sizeof(std::uint64_t)));
  PILLAR_TRY(model_.assign(columns, row_count, row_count_, slices.as<std::uint32_t>()));
  hash_rows(columns, row_count, hashes.as<std::uint64_t>());
  for (std::uint32_t row = 0; row < row_count; ++row) {
    ++rows_per_slice_[slices.as<std::uint32_t>()[row]];
    const std::uint64_t hash = hashes.as<std::uint64_t>()[row];
    for (std::size_t at = hash & (keys_.size() - 1);; at = (at + 1) & (keys_.size() - 1)) {
      counted_key& key = keys_[at];
      if (key.rows != 0 && key.hash != hash) continue;
      if (key.rows == 0) {
        if (key_count_ == key_limit) {
          all_keys_ = false;
          break;
        }
        ++key_count_;
        key.hash = hash;
      }
      ++key.rows;
      break;
    }
  }
  row_count_ += row_count;
  return {};
}

PILLAR_API skew_report skew_estimator::report() const {
  skew_report made = make_skew_report(rows_per_slice_);
  made.distinct_key_count = key_count_;
  made.distinct_keys_are_all = all_keys_;
  for (const counted_key& key : keys_)
    if (key.rows > made.heaviest_key_rows) made.heaviest_key_rows = key.rows;
  return made;
}

PILLAR_API result<skew_report> estimate_skew(std::span<const vector* const> columns, std::uint32_t slice_count) {
  std::vector<std::uint32_t> indices;
  for (std::uint32_t i = 0; i < columns.size(); ++i) indices.push_back(i);
  PILLAR_ASSIGN_OR_RETURN(auto model, any_partitioner::make(distribution::by_key(std::move(indices), slice_count)));
  skew_estimator estimator(std::move(model));
  PILLAR_TRY(estimator.update(columns, columns[0]->size));
  return estimator.report();
}

}  // namespace PILLAR_NAMESPACE
