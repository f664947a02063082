// SPDX-License-Identifier: Apache-2.0
/// Named columns of one length: what loaders produce and what results are.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "pillar/base/result.hpp"
#include "pillar/column/batch.hpp"    // batch
#include "pillar/column/builder.hpp"  // column_builder
#include "pillar/column/column.hpp"   // column
#include "pillar/column/scalar.hpp"   // scalar
#include "pillar/column/schema.hpp"   // dynamic_schema

namespace PILLAR_NAMESPACE {

/// A schema and a column for each of its entries.
///
/// Shape: all columns have the same length and the type that the schema names
/// Cost:  a copy shares the columns
struct column_set {
  dynamic_schema schema{};
  std::vector<column> columns{};

  [[nodiscard]] std::uint64_t row_count() const noexcept { return columns.empty() ? 0 : columns.front().size(); }
  /// One cell. Requires row < row_count(). Not for hot loops.
  [[nodiscard]] scalar at(std::uint64_t row, std::uint32_t column_index) const {
    return get(columns[column_index].slice(row, 1), 0);
  }
};

/// A column_builder for each column of a schema.
///
/// Errors:   as column_builder; append of a row of another length is invalid_argument. A failed append adds nothing
/// Threads:  one at a time
class column_set_builder {
 public:
  PILLAR_API explicit column_set_builder(dynamic_schema schema, memory_budget* budget = nullptr);

  [[nodiscard]] const dynamic_schema& schema() const noexcept { return schema_; }
  /// Rows of the first column.
  [[nodiscard]] std::uint64_t row_count() const noexcept { return builders_.empty() ? 0 : builders_.front().size(); }
  /// A column's own builder, for filling column by column; all must be equally long before finish().
  [[nodiscard]] column_builder& column_at(std::uint32_t index) noexcept { return builders_[index]; }

  PILLAR_API result<void> reserve(std::uint64_t row_count);
  /// One row, a scalar for each column.
  PILLAR_API result<void> append_row(std::span<const scalar> cells);
  /// Selected rows of a batch whose columns are those of the schema, in order; decodes what is not decoded yet.
  PILLAR_API result<void> append(batch& rows);
  /// All rows of a set with the same column types.
  PILLAR_API result<void> append(const column_set& rows);
  /// Drops all rows from `row_count` on, in every column.
  PILLAR_API void truncate(std::uint64_t row_count);
  /// The set; the builder is then empty and may be used again. invalid_argument (position = column) if lengths differ.
  PILLAR_API result<column_set> finish();

 private:
  dynamic_schema schema_;
  std::vector<column_builder> builders_{};
};

/// The selected rows of a batch as owned columns.
PILLAR_API result<column_set> materialise(batch& rows, const dynamic_schema& schema, memory_budget* budget = nullptr);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/column/impl/column_set.hpp"
#endif
