// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstring>  // std::memset
#include <mutex>

#include "pillar/base/detail/huge_pages.hpp"  // prefer_huge_pages
#include "pillar/base/mutant.hpp"
#include "pillar/expr/bind.hpp"
#include "pillar/partition/distribution.hpp"
#include "pillar/partition/radix_scatter.hpp"
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

/// Where each row of a load goes: the slices one after the other, the rows of each in the order in which they came.
struct slice_order {
  buffer position_of_row{};  ///< of the chunks' rows, one chunk after the other; none where there is one slice
  std::vector<std::uint32_t> starts{};  ///< of each slice, and the last one's end
};

inline result<slice_order> distribute(const std::vector<column_set>& chunks, std::uint64_t row_count,
                                      const any_partitioner& by, std::uint64_t first_row, memory_budget* budget) {
  slice_order out;
  if (row_count > 0xffffffffu) return errc::limit_exceeded;
  if (by.slice_count() == 1) {
    out.starts = {0, static_cast<std::uint32_t>(row_count)};
    return out;
  }
  PILLAR_ASSIGN_OR_RETURN(out.position_of_row, buffer::allocate(row_count * sizeof(std::uint32_t), budget));
  auto* const positions = out.position_of_row.as<std::uint32_t>();
  std::vector<vector> keys(by.columns().size());
  std::vector<const vector*> key_pointers;
  for (const auto& key : keys) key_pointers.push_back(&key);
  auto scatter = radix_scatter::by_number(by.slice_count());
  std::uint32_t* slice_of_row = positions;  // until all rows are counted
  for (const column_set& chunk : chunks) {
    const std::uint64_t rows = chunk.row_count();
    for (std::uint64_t at = 0; at < rows; at += vector_rows) {
      const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(vector_rows, rows - at));
      for (std::size_t k = 0; k < keys.size(); ++k) keys[k] = chunk.columns[by.columns()[k]].slice(at, count);
      PILLAR_TRY(by.assign(key_pointers, count, first_row, slice_of_row));
      scatter.count_numbers(slice_of_row, count);
      slice_of_row += count;
      first_row += count;
    }
  }
  scatter.begin();
  scatter.positions_of_numbers(positions, static_cast<std::uint32_t>(row_count), positions);
  out.starts.assign(scatter.starts().begin(), scatter.starts().end());
  return out;
}

/// Moves the slots of flat texts as scatter_values moves numbers. They refer to the same characters, as data buffers
/// that join `buffers`; those of NULL rows, which may refer to anything, become empty.
inline void scatter_slots(const vector& from, const std::uint32_t* position_of_row, text_slot* out,
                          std::vector<const std::byte*>& buffers) {
  const auto first_buffer = static_cast<std::uint32_t>(buffers.size());
  const auto* const slots = from.values_as<text_slot>();
  std::uint32_t buffer_count = 0;
  text_slot moved[vector_rows];
  vector batch;
  batch.type = from.type;
  batch.values = moved;
  for (std::uint32_t at = 0; at < from.size; at += batch.size) {
    batch.size = std::min(vector_rows, from.size - at);
    for (std::uint32_t i = 0; i < batch.size; ++i) {
      moved[i] = from.valid(at + i) ? slots[at + i] : text_slot();
      if (moved[i].size <= text_slot::inline_capacity) continue;
      buffer_count = std::max(buffer_count, moved[i].reference.buffer + 1);
      moved[i].reference.buffer += PILLAR_MUTATE(table_load_mixes_buffers, first_buffer, 0u);
    }
    scatter_values(batch, position_of_row + at, out);
  }
  buffers.insert(buffers.end(), from.buffers, from.buffers + buffer_count);
}

/// One column of all chunks, in the order of the slices. Where there are several, long texts stay in the chunks.
inline result<column> arrange_column(const std::vector<column_set>& chunks, std::uint32_t number, data_type type,
                                     const slice_order& order, memory_budget* budget) {
  const auto rows_of = [number](const column_set& chunk) {
    return chunk.columns[number].slice(0, static_cast<std::uint32_t>(chunk.row_count()));
  };
  const std::uint64_t row_count = order.starts.back();
  column_builder builder(type, budget, number);
  if (order.position_of_row.empty()) {
    PILLAR_TRY(builder.reserve(row_count));
    for (const column_set& chunk : chunks) PILLAR_TRY(builder.append(rows_of(chunk)));
    return builder.finish();
  }
  auto made = std::make_shared<column_storage>();
  made->type = made->whole.type = type;
  made->row_count = row_count;
  made->whole.size = static_cast<std::uint32_t>(row_count);
  PILLAR_ASSIGN_OR_RETURN(made->values, buffer::allocate(row_count * byte_width(type.physical), budget, number));
  prefer_huge_pages(made->values);
  made->whole.values = made->values.data();
  for (const column_set& chunk : chunks) {
    if (!same_values(chunk.columns[number].type(), type)) return errc::type_mismatch;
    made->null_count += chunk.columns[number].null_count();
  }
  if (made->null_count != 0) {
    if (!type.nullable) return errc::invalid_argument;
    PILLAR_ASSIGN_OR_RETURN(made->validity, buffer::allocate(words_for(row_count) * 8, budget, number + 7));
    std::memset(made->validity.data(), 0, made->validity.size());
    made->whole.validity = made->validity.as<std::uint64_t>();
  }
  const auto* position_of_row = order.position_of_row.as<std::uint32_t>();
  const auto flattened = std::make_shared<std::vector<column>>();
  for (const column_set& chunk : chunks) {
    vector rows = rows_of(chunk);
    if (made->null_count != 0) scatter_validity(rows, position_of_row, made->validity.as<std::uint64_t>());
    if (type.physical != physical_type::text) {
      scatter_values(rows, position_of_row, made->values.data());
    } else {
      if (rows.kind != vector_kind::flat) {
        PILLAR_TRY(builder.append(rows));
        PILLAR_ASSIGN_OR_RETURN(column flat, builder.finish());
        rows = flat.slice(0, rows.size);
        flattened->push_back(std::move(flat));
      }
      scatter_slots(rows, position_of_row, made->values.as<text_slot>(), made->text_pointers);
    }
    position_of_row += rows.size;
  }
  made->owner = flattened;
  made->whole.buffers = made->text_pointers.data();
  return column(std::move(made));
}

/// One row group: rows [first, first + count) of the columns or, where a slice is sorted, rows order[0], order[1], ….
/// `choices` holds the trees of the group before.
inline result<row_group> encode_group(std::span<const column> columns, std::uint32_t first, std::uint32_t count,
                                      const std::uint32_t* order, const table_options& options,
                                      std::span<encoding_choice> choices) {
  row_group made;
  made.row_count = count;
  made.blocks.reserve(columns.size());
  std::vector<vector> vectors;
  block_options encoding = options.encoding;
  for (column rows : columns) {
    encoding.stagger = static_cast<unsigned>(made.blocks.size());
    encoding.previous = &choices[made.blocks.size()];
    if (order != nullptr) {
      column_builder builder(rows.type(), options.budget);
      PILLAR_TRY(builder.reserve(count));
      PILLAR_TRY(builder.append_gather(rows, {order, count}));
      PILLAR_ASSIGN_OR_RETURN(rows, builder.finish());
    }
    vectors.clear();
    for (std::uint32_t at = 0; at < count; at += vector_rows)
      vectors.push_back(rows.slice(at + (order == nullptr ? first : 0), std::min(vector_rows, count - at)));
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

/// Sorts one slice's rows, [first, first + count) of the columns, and cuts them into row groups.
inline result<std::vector<std::shared_ptr<row_group>>> encode_slice(std::span<const column> columns,
                                                                    std::uint32_t first, std::uint32_t count,
                                                                    const table_options& options,
                                                                    std::span<const std::uint32_t> order_columns,
                                                                    function_ref<void(std::uint64_t)> done) {
  std::vector<std::shared_ptr<row_group>> out;
  std::vector<vector> views;
  std::vector<sort_key> keys;
  for (const std::uint32_t c : order_columns) {
    keys.push_back({static_cast<std::uint32_t>(keys.size()), false, false});
    views.push_back(columns[c].slice(first, count));
  }
  buffer order;
  if (PILLAR_MUTATE(table_load_unsorted, !keys.empty(), false)) {
    PILLAR_ASSIGN_OR_RETURN(order, sort_permutation(views, keys, count, options.budget));
    for (std::uint32_t i = 0; i < count; ++i) order.as<std::uint32_t>()[i] += first;
  }
  std::vector<encoding_choice> choices(columns.size());
  for (std::uint32_t at = 0; at < count; at += options.row_group_rows) {
    const std::uint32_t rows = std::min(options.row_group_rows, count - at);
    const std::uint32_t* const group_order = order.empty() ? nullptr : order.as<std::uint32_t>() + at;
    PILLAR_ASSIGN_OR_RETURN(row_group group, encode_group(columns, first + at, rows, group_order, options, choices));
    out.push_back(std::make_shared<row_group>(std::move(group)));
    done(rows);
  }
  return out;
}

}  // namespace detail

PILLAR_API table::table(dynamic_schema schema, table_options options)
    : schema_(std::move(schema)), options_(std::move(options)), published_(std::make_unique<published>()) {
  auto layout = std::make_shared<row_layout>();
  status_ = detail::column_indices(schema_, options_.distribution.columns, layout->distributed_by);
  if (status_.ok()) status_ = detail::column_indices(schema_, options_.order.columns, layout->sorted_by);
  if (options_.distribution.kind != table_distribution::kind_type::key) layout->distributed_by.clear();
  layout_ = std::move(layout);
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
  const auto order = detail::distribute(rows, total, *by, before->row_count(), options_.budget);
  if (!order.ok()) return to_status(order.error(), "distributing rows");
  std::vector<column> columns(schema_.size());
  std::vector<failure> refused(schema_.size());
  const auto arrange = [&](std::uint32_t number, std::uint32_t) {
    auto made = detail::arrange_column(rows, number, schema_[number].type, *order, options_.budget);
    if (made.ok()) columns[number] = *std::move(made);
    else refused[number] = made.error();
  };
  runner.bulk(static_cast<std::uint32_t>(columns.size()), arrange);
  for (const auto& why : refused)
    if (why.code != errc::ok) return to_status(why, "distributing rows");

  const std::uint32_t slice_count = by->slice_count();
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
    const std::uint32_t first = order->starts[slice], count = order->starts[slice + 1] - first;
    auto groups = detail::encode_slice(columns, first, count, options_, order_columns, advance);
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
      group->layout = layout_;
      group->slice = slice;
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
