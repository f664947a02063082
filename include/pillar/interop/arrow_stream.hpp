// SPDX-License-Identifier: Apache-2.0
/// Column sets through the Arrow C stream interface, in and out. Tables: interop/arrow_table.hpp.
#pragma once
#include <functional>
#include <optional>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "pillar/column/column_set.hpp"     // column_set, dynamic_schema
#include "pillar/interop/arrow_abi.hpp"     // ArrowArrayStream
#include "pillar/interop/arrow_export.hpp"  // arrow_export_options
#include "pillar/interop/arrow_import.hpp"  // arrow_import_options

namespace PILLAR_NAMESPACE {

/// Column sets of one schema as a stream, a record batch each. Columns that are encoded alike in all sets stay encoded.
///
/// Shape:  `out` is overwritten, and left released on an error; an empty list gives a stream of no batches
/// Errors: InvalidArgument if a set has another schema; those of export_arrow, from get_next: as EINVAL, ENOMEM or EIO,
///         with the sentence as the stream's last error
PILLAR_API absl::Status export_arrow_stream(std::vector<column_set> batches, const dynamic_schema& schema,
                                            ArrowArrayStream* out, const arrow_export_options& options = {});

/// Whoever gives column sets one by one; an empty answer ends them.
using arrow_batch_source = std::function<absl::StatusOr<std::optional<column_set>>()>;

/// What a source gives as a stream, a record batch each, when it is asked for; columns are decoded if they are encoded.
///
/// Requires: all sets have the schema
PILLAR_API absl::Status export_arrow_stream(arrow_batch_source source, const dynamic_schema& schema,
                                            ArrowArrayStream* out, const arrow_export_options& options = {});

/// A stream of record batches that is read batch by batch.
///
/// Threads: one at a time
class arrow_stream_reader {
 public:
  /// Takes the stream, also if it fails. `expected` as in import_arrow.
  ///
  /// Errors: those of import_arrow_schema; what the stream says: InvalidArgument for EINVAL, ResourceExhausted for
  ///         ENOMEM, Unavailable for EIO and others, with the stream's own sentence
  [[nodiscard]] PILLAR_API static absl::StatusOr<arrow_stream_reader> open(
      ArrowArrayStream* from, const arrow_import_options& options = {},
      std::optional<dynamic_schema> expected = std::nullopt);

  /// The schema of the batches.
  [[nodiscard]] const dynamic_schema& schema() const noexcept { return schema_; }
  /// The next batch; empty at the end. After an error the stream is at its end.
  [[nodiscard]] PILLAR_API absl::StatusOr<std::optional<column_set>> next();
  /// All batches that are left.
  [[nodiscard]] PILLAR_API absl::StatusOr<std::vector<column_set>> rest();

 private:
  arrow_stream_reader() = default;
  absl::Status check(int answer);
  arrow_owner<ArrowArrayStream> stream_{};
  arrow_owner<ArrowSchema> arrow_schema_{};
  arrow_import_options options_{};
  std::optional<dynamic_schema> expected_{};
  dynamic_schema schema_{};
};

/// All batches of a stream. Takes the stream, also if it fails.
[[nodiscard]] PILLAR_API absl::StatusOr<std::vector<column_set>> read_arrow_stream(
    ArrowArrayStream* from, const arrow_import_options& options = {});

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/interop/impl/arrow_stream.hpp"
#endif
