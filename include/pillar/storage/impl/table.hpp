// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <mutex>

#include "pillar/base/mutant.hpp"
#include "pillar/expr/bind.hpp"
#include "pillar/partition/distribution.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/sort/permutation.hpp"
#include "pillar/status.hpp"
#include "pillar/storage/impl/table_version.hpp"
#include "pillar/storage/row_group.hpp"
#include "pillar/storage/table.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

inline absl::Status column_indices(const dynamic_schema& schema, const std::vector<std::string>& names,
                                   std::vector<std::uint32_t>& out) {
  for (const auto& name : names) {
    const auto found = schema.find(name);
    if (!found.ok()) {
      expression reference;
      reference.push_column(name);
      return make_status(absl::StatusCode::kNotFound, explain_fault(reference, schema, false));
    }
    out.push_back(*found);
  }
  return absl::OkStatus();
}

/// Rows of one slice, before they are encoded: row numbers per loaded chunk.
struct slice_rows {
  std::vector<std::vector<std::uint32_t>> rows_of_chunk;
  std::uint64_t row_count = 0;
};

inline result<std::vector<slice_rows>> distribute(const std::vector<column_set>& chunks, const any_partitioner& by,
                                                  std::uint64_t first_row) {
  std::vector<slice_rows> out(by.slice_count());
  for (auto& slice : out) slice.rows_of_chunk.resize(chunks.size());
  std::vector<vector> keys(by.columns().size());
  std::vector<const vector*> key_pointers;
  for (const auto& key : keys) key_pointers.push_back(&key);
  std::uint32_t assigned[vector_rows];
  for (std::size_t chunk = 0; chunk < chunks.size(); ++chunk) {
    const std::uint64_t rows = chunks[chunk].row_count();
    for (std::uint64_t at = 0; at < rows; at += vector_rows) {
      const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(vector_rows, rows - at));
      for (std::size_t k = 0; k < keys.size(); ++k) keys[k] = chunks[chunk].columns[by.columns()[k]].slice(at, count);
      PILLAR_TRY(by.assign(key_pointers, count, first_row + at, assigned));
      for (std::uint32_t i = 0; i < count; ++i)
        out[assigned[i]].rows_of_chunk[chunk].push_back(static_cast<std::uint32_t>(at + i));
    }
    first_row += rows;
  }
  for (auto& slice : out)
    for (const auto& rows : slice.rows_of_chunk) slice.row_count += rows.size();
  return out;
}

/// One slice's rows as whole columns, in load order.
inline result<std::vector<column>> gather_slice(const std::vector<column_set>& chunks, const slice_rows& from,
                                                const dynamic_schema& schema, memory_budget* budget) {
  std::vector<column> out;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    column_builder builder(schema[c].type, budget, static_cast<unsigned>(c));
    PILLAR_TRY(builder.reserve(from.row_count));
    for (std::size_t chunk = 0; chunk < chunks.size(); ++chunk)
      if (!from.rows_of_chunk[chunk].empty())
        PILLAR_TRY(builder.append_gather(chunks[chunk].columns[c], from.rows_of_chunk[chunk]));
    PILLAR_ASSIGN_OR_RETURN(column made, builder.finish());
    out.push_back(std::move(made));
  }
  return out;
}

/// One row group: rows order[0, count) of the columns. `choices` holds the trees of the group before.
inline result<row_group> encode_group(const std::vector<column>& columns, std::span<const std::uint32_t> order,
                                      const table_options& options, std::span<encoding_choice> choices) {
  row_group made;
  made.row_count = static_cast<std::uint32_t>(order.size());
  made.blocks.reserve(columns.size());
  std::vector<vector> vectors;
  block_options encoding = options.encoding;
  for (const auto& whole : columns) {
    encoding.stagger = static_cast<unsigned>(made.blocks.size());
    encoding.previous = &choices[made.blocks.size()];
    column_builder builder(whole.type(), options.budget);
    PILLAR_TRY(builder.reserve(order.size()));
    PILLAR_TRY(builder.append_gather(whole, order));
    PILLAR_ASSIGN_OR_RETURN(const column rows, builder.finish());
    vectors.clear();
    for (std::uint32_t at = 0; at < made.row_count; at += vector_rows)
      vectors.push_back(rows.slice(at, std::min(vector_rows, made.row_count - at)));
    auto block = make_stored_block(vectors, encoding, options.budget);
    if (block.error().code == errc::invalid_argument &&
        (encoding.codec || !encoding.among.empty())) {  // forced codecs that do not fit this column
      block_options chosen = encoding;
      chosen.codec.reset();
      chosen.among = {};
      block = make_stored_block(vectors, chosen, options.budget);
    }
    if (!block.ok()) return block.error();
    made.blocks.push_back(*std::move(block));
  }
  return made;
}

/// Distributes nothing: sorts one slice's rows and cuts them into row groups.
inline result<std::vector<std::shared_ptr<row_group>>> encode_slice(const std::vector<column_set>& chunks,
                                                                    const slice_rows& from,
                                                                    const dynamic_schema& schema,
                                                                    const table_options& options,
                                                                    std::span<const std::uint32_t> order_columns,
                                                                    function_ref<void(std::uint64_t)> done) {
  std::vector<std::shared_ptr<row_group>> out;
  if (from.row_count == 0) return out;
  if (from.row_count > 0xffffffffu) return errc::limit_exceeded;
  PILLAR_ASSIGN_OR_RETURN(const std::vector<column> columns, gather_slice(chunks, from, schema, options.budget));
  const auto rows = static_cast<std::uint32_t>(from.row_count);
  std::vector<vector> views;
  std::vector<sort_key> keys;
  for (const std::uint32_t c : order_columns) {
    keys.push_back({static_cast<std::uint32_t>(views.size()), false, false});
    views.push_back(columns[c].slice(0, rows));
  }
  buffer order;
  if (PILLAR_MUTATE(table_load_unsorted, keys.empty(), true)) {
    PILLAR_ASSIGN_OR_RETURN(order, buffer::allocate(std::size_t{rows} * 4, options.budget));
    for (std::uint32_t i = 0; i < rows; ++i) order.as<std::uint32_t>()[i] = i;
  } else {
    PILLAR_ASSIGN_OR_RETURN(order, sort_permutation(views, keys, rows, options.budget));
  }
  std::vector<encoding_choice> choices(columns.size());
  for (std::uint32_t at = 0; at < rows; at += options.row_group_rows) {
    const std::uint32_t count = std::min(options.row_group_rows, rows - at);
    PILLAR_ASSIGN_OR_RETURN(row_group group,
                            encode_group(columns, {order.as<std::uint32_t>() + at, count}, options, choices));
    out.push_back(std::make_shared<row_group>(std::move(group)));
    done(count);
  }
  return out;
}

}  // namespace detail

PILLAR_API table::table(dynamic_schema schema, table_options options)
    : schema_(std::move(schema)), options_(std::move(options)), published_(std::make_unique<published>()) {
  std::vector<std::uint32_t> indices;
  status_ = detail::column_indices(schema_, options_.distribution.columns, indices);
  if (status_.ok()) status_ = detail::column_indices(schema_, options_.order.columns, indices);
  if (status_.ok() && (options_.row_group_rows == 0 || options_.row_group_rows > block_max_rows ||
                       options_.row_group_rows % vector_rows != 0))
    status_ =
        make_status(absl::StatusCode::kInvalidArgument, "row_group_rows must be a multiple of 1,024, at most 65,536");
  if (status_.ok() && options_.distribution.slice_count == 0)
    status_ = make_status(absl::StatusCode::kInvalidArgument, "a table needs at least one slice");
  if (status_.ok() && options_.distribution.slice_count > table_options::max_slices)
    status_ = make_status(absl::StatusCode::kInvalidArgument, "a table has at most 65,536 slices");
  if (status_.ok() && options_.distribution.kind == table_distribution::kind_type::key &&
      options_.distribution.columns.empty())
    status_ = make_status(absl::StatusCode::kInvalidArgument, "a distribution by key needs a column");
  if (status_.ok() && schema_.size() == 0)
    status_ = make_status(absl::StatusCode::kInvalidArgument, "a table needs at least one column");
  for (std::size_t i = 0; status_.ok() && i < schema_.size(); ++i)
    if (*schema_.find(schema_[i].name) != i)
      status_ = make_status(absl::StatusCode::kInvalidArgument, "two columns are called '" + schema_[i].name + "'");
  auto empty = std::make_shared<table_version>();
  empty->slices.resize(status_.ok() ? options_.distribution.slice_count : 1);
  published_->version.store(std::move(empty));
}
PILLAR_API table::table(dynamic_schema schema, table_options options, std::shared_ptr<const table_version> first)
    : table(std::move(schema), std::move(options)) {
  if (!status_.ok()) return;
  if (first->slices.size() != options_.distribution.slice_count)
    status_ = make_status(absl::StatusCode::kInvalidArgument,
                          "the version has " + std::to_string(first->slices.size()) + " slices, the options " +
                              std::to_string(options_.distribution.slice_count));
  else published_->version.store(std::move(first));
}
PILLAR_API absl::Status table::append(const std::vector<column_set>& rows, executor_ref runner,
                                      const load_progress* progress) {
  if (!status_.ok()) return status_;
  std::uint64_t total = 0;
  for (const auto& chunk : rows) {
    if (absl::Status same = check_same_schema(chunk.schema, schema_); !same.ok()) return same;
    total += chunk.row_count();
  }
  const auto before = version();
  pillar::distribution how;
  how.kind = options_.distribution.kind == table_distribution::kind_type::key ? distribution_kind::key
                                                                              : distribution_kind::even;
  how.slice_count = options_.distribution.slice_count;
  std::vector<std::uint32_t> order_columns;
  if (auto found = detail::column_indices(schema_, options_.distribution.columns, how.columns); !found.ok())
    return found;
  if (auto found = detail::column_indices(schema_, options_.order.columns, order_columns); !found.ok()) return found;
  const auto by = any_partitioner::make(how);
  if (!by.ok()) return to_status(by.error(), "distribution");
  auto distributed = detail::distribute(rows, *by, before->row_count());
  if (!distributed.ok()) return to_status(distributed.error(), "distributing rows");

  const auto slice_count = static_cast<std::uint32_t>(distributed->size());
  std::vector<std::vector<std::shared_ptr<row_group>>> made(slice_count);
  std::vector<failure> failures(slice_count);
  std::mutex progress_lock;
  std::uint64_t rows_done = 0;
  const auto encode = [&](std::uint32_t slice, std::uint32_t) {
    const auto advance = [&](std::uint64_t count) {
      if (progress == nullptr) return;
      const std::lock_guard<std::mutex> held(progress_lock);
      rows_done += count;
      (*progress)(rows_done, total);
    };
    auto groups = detail::encode_slice(rows, (*distributed)[slice], schema_, options_, order_columns, advance);
    if (groups.ok()) made[slice] = *std::move(groups);
    else failures[slice] = groups.error();
  };
  runner.bulk(slice_count, encode);
  for (const auto& why : failures)
    if (why.code != errc::ok) return to_status(why, "encoding rows");

  auto next = std::make_shared<table_version>(*before);
  ++next->number;
  for (std::uint32_t slice = 0; slice < slice_count; ++slice)
    for (auto& group : made[slice]) {
      group->id = PILLAR_MUTATE(table_ids_recur, next->next_group_id++, next->slices[slice].groups.size());
      next->slices[slice].row_count += group->row_count;
      next->slices[slice].groups.push_back(std::move(group));
    }
  published_->version.store(std::move(next));
  return absl::OkStatus();
}

PILLAR_API absl::Status table::append(const column_set& rows) {
  inline_executor runner;
  return append(std::vector<column_set>{rows}, runner);
}

PILLAR_API absl::Status check_same_schema(const dynamic_schema& actual, const dynamic_schema& expected) {
  const auto words = [](const column_description& column) {
    return "'" + column.name + "' as " + to_string(column.type);
  };
  const std::size_t both = std::min(actual.size(), expected.size());
  for (std::size_t i = 0; i < both; ++i)
    if (!(actual[i] == expected[i]))
      return make_status(absl::StatusCode::kInvalidArgument, "column " + std::to_string(i) + " is " + words(actual[i]) +
                                                                 ", expected " + words(expected[i]));
  if (actual.size() != expected.size())
    return make_status(absl::StatusCode::kInvalidArgument, "there are " + std::to_string(actual.size()) +
                                                               " columns, expected " + std::to_string(expected.size()));
  return absl::OkStatus();
}

PILLAR_API slice_skew skew_of(const table_version& version) {
  slice_skew out;
  std::uint64_t total = 0, largest = 0;
  for (const auto& slice : version.slices) {
    out.rows.push_back(slice.row_count);
    total += slice.row_count;
    largest = std::max(largest, slice.row_count);
  }
  if (total > 0)
    out.largest_over_mean =
        static_cast<double>(largest) * static_cast<double>(version.slices.size()) / static_cast<double>(total);
  return out;
}

}  // namespace PILLAR_NAMESPACE
