// SPDX-License-Identifier: Apache-2.0
/// Tables through the Arrow C stream interface: their row groups out, the batches of a stream in.
#pragma once
#include <memory>  // std::shared_ptr

#include <absl/status/status.h>

#include "pillar/interop/arrow_abi.hpp"     // ArrowArrayStream
#include "pillar/interop/arrow_stream.hpp"  // arrow_export_options, arrow_import_options
#include "pillar/schedule/executor.hpp"     // executor_ref
#include "pillar/storage/table.hpp"         // table, table_version

namespace PILLAR_NAMESPACE {

/// A version of a table as a stream, a record batch for each row group, decoded when it is asked for. The stream keeps
/// the version alive.
PILLAR_API absl::Status export_arrow_stream(std::shared_ptr<const table_version> version, dynamic_schema schema,
                                            ArrowArrayStream* out, const arrow_export_options& options = {});
/// The table's current version.
inline absl::Status export_arrow_stream(const table& from, ArrowArrayStream* out,
                                        const arrow_export_options& options = {}) {
  return export_arrow_stream(from.version(), from.schema(), out, options);
}

/// Appends all rows of a stream to a table, or none: the table's columns are found by name, others are ignored. Takes
/// the stream, also if it fails.
///
/// Errors: those of arrow_stream_reader and table::append; NotFound for a column that the stream lacks
/// Cost:   the batches are held until all are there; small ones are fine, row groups are filled across them
PILLAR_API absl::Status append_arrow_stream(table& into, ArrowArrayStream* from, executor_ref runner,
                                            const arrow_import_options& options = {});

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/interop/impl/arrow_table.hpp"
#endif
