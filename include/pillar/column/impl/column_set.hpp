// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "pillar/column/column_set.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API column_set_builder::column_set_builder(dynamic_schema schema, memory_budget* budget)
    : schema_(std::move(schema)) {
  builders_.reserve(schema_.size());
  for (std::size_t i = 0; i < schema_.size(); ++i) {
    builders_.emplace_back(schema_[i].type, budget, static_cast<unsigned>(i));
  }
}

PILLAR_API result<void> column_set_builder::reserve(std::uint64_t row_count) {
  for (column_builder& builder : builders_) PILLAR_TRY(builder.reserve(row_count));
  return {};
}

PILLAR_API void column_set_builder::truncate(std::uint64_t row_count) {
  for (column_builder& builder : builders_) builder.truncate(row_count);
}

PILLAR_API result<void> column_set_builder::append_row(std::span<const scalar> cells) {
  const std::uint64_t before = row_count();
  if (cells.size() != builders_.size()) return {errc::invalid_argument, before};
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (auto done = builders_[i].append(cells[i]); !done.ok()) {
      truncate(before);
      return done;
    }
  }
  return {};
}

PILLAR_API result<void> column_set_builder::append(batch& rows) {
  const std::uint64_t before = row_count();
  if (rows.columns.size() != builders_.size()) return {errc::type_mismatch, before};
  for (std::uint32_t i = 0; i < builders_.size(); ++i) {
    if (auto done = builders_[i].append(rows.column(i), &rows.selection); !done.ok()) {
      truncate(before);
      return done;
    }
  }
  return {};
}

PILLAR_API result<void> column_set_builder::append(const column_set& rows) {
  constexpr std::uint64_t step = 1u << 20;
  const std::uint64_t before = row_count();
  if (rows.columns.size() != builders_.size()) return {errc::type_mismatch, before};
  for (std::size_t i = 0; i < builders_.size(); ++i) {
    const column& from = rows.columns[i];
    for (std::uint64_t first = 0; first < from.size(); first += step) {
      const std::uint64_t left = from.size() - first;
      const auto done = builders_[i].append(from.slice(first, static_cast<std::uint32_t>(left < step ? left : step)));
      if (!done.ok()) {
        truncate(before);
        return done;
      }
    }
  }
  return {};
}

PILLAR_API result<column_set> column_set_builder::finish() {
  for (std::size_t i = 0; i < builders_.size(); ++i) {
    if (builders_[i].size() != row_count()) return {errc::invalid_argument, i};
  }
  column_set made;
  made.schema = schema_;
  made.columns.reserve(builders_.size());
  for (column_builder& builder : builders_) {
    PILLAR_ASSIGN_OR_RETURN(column done, builder.finish());
    made.columns.push_back(std::move(done));
  }
  return made;
}

PILLAR_API result<column_set> materialise(batch& rows, const dynamic_schema& schema, memory_budget* budget) {
  column_set_builder builder(schema, budget);
  PILLAR_TRY(builder.reserve(rows.selection.count()));
  PILLAR_TRY(builder.append(rows));
  return builder.finish();
}

}  // namespace PILLAR_NAMESPACE
