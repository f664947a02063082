// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "pillar/column/builder.hpp"
#include "pillar/interop/arrow_table.hpp"
#include "pillar/status.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// Gives the row groups of a version, slice by slice, decoded.
struct row_group_source {
  std::shared_ptr<const table_version> version;
  dynamic_schema schema;
  memory_budget* budget;
  std::size_t slice = 0;
  std::size_t group = 0;

  absl::StatusOr<std::optional<column_set>> operator()() {
    while (slice < version->slices.size() && group == version->slices[slice].groups.size()) ++slice, group = 0;
    if (slice == version->slices.size()) return std::optional<column_set>();
    result<column_set> rows = decode(*version->slices[slice].groups[group]);
    if (!rows.ok()) return to_status(rows.error(), "decoding a row group");
    ++group;
    return std::optional(*std::move(rows));
  }

 private:
  [[nodiscard]] result<column_set> decode(const row_group& from) const {
    const auto scratch = std::make_unique<vector_scratch>();
    column_set_builder builder(schema, budget);
    PILLAR_TRY(builder.reserve(from.row_count));
    open_blocks blocks;
    blocks.begin(from);
    for (std::uint32_t c = 0; c < schema.size(); ++c) {
      PILLAR_ASSIGN_OR_RETURN(const block_view* const view, blocks.open(c));
      for (std::uint32_t v = 0; v < from.vector_count(); ++v) {
        const encoded_vector encoded = view->vector_at(v);
        vector values;
        PILLAR_TRY(encoded.decode(*scratch, values));
        PILLAR_TRY(builder.column_at(c).append(values));
      }
    }
    return builder.finish();
  }
};

}  // namespace detail

PILLAR_API absl::Status export_arrow_stream(std::shared_ptr<const table_version> version, dynamic_schema schema,
                                            ArrowArrayStream* out, const arrow_export_options& options) {
  return export_arrow_stream(arrow_batch_source(detail::row_group_source{std::move(version), schema, options.budget}),
                             schema, out, options);
}

PILLAR_API absl::Status append_arrow_stream(table& into, ArrowArrayStream* from, executor_ref runner,
                                            const arrow_import_options& options) {
  auto reader = arrow_stream_reader::open(from, options, into.schema());
  if (!reader.ok()) return reader.status();
  const auto rows = reader->rest();
  if (!rows.ok()) return rows.status();
  return into.append(*rows, runner);
}

}  // namespace PILLAR_NAMESPACE
