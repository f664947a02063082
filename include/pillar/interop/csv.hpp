// SPDX-License-Identifier: Apache-2.0
/// CSV to columns through libcsv: the optional component pillar::csv.
///
/// A row enters whole or not at all. One that does not fit the schema stops the load with an error that names line,
/// column and text (csv_policy::fail), or goes to an error list while the load continues (csv_policy::collect).
///
/// Format:   RFC 4180: quotes doubled inside quotes, delimiters and newlines allowed there; lines end with LF, CRLF or
///           CR, the last may lack it; a UTF-8 byte order mark is skipped, and so are blank lines (a lone NULL is
///           written as ""). Values as in column/parse.hpp, text as it stands, spaces included.
/// Layout:   with a header line, columns are chosen by name in any order and others are ignored; without one, the
///           fields are the schema's columns in order
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "pillar/base/env.hpp"           // readable_file_ref
#include "pillar/base/memory.hpp"        // memory_budget
#include "pillar/column/column_set.hpp"  // column_set, dynamic_schema

namespace PILLAR_NAMESPACE {

/// What happens when a row does not fit the schema.
enum class csv_policy : std::uint8_t { fail, collect };

/// How a file is read.
struct csv_options {
  dynamic_schema schema{};
  bool header = true;
  char delimiter = ',';
  /// Fields that mean NULL in nullable columns, quoted or not; in other columns they are ordinary text.
  std::vector<std::string> null_texts{"", "NA"};
  csv_policy policy = csv_policy::fail;
  std::size_t max_errors = 100;           ///< collect: one more is a failure
  std::size_t max_field_bytes = 1 << 20;  ///< a longer field is a failure under either policy
  std::uint32_t chunk_rows = 65'536;      ///< rows per call of a csv_sink
  memory_budget* budget = nullptr;        ///< outlives the columns that are loaded
};

/// A row that was not loaded.
struct csv_error {
  std::uint64_t line = 0;  ///< where the row starts: physical lines from 1, newlines inside quotes counted
  std::string column{};    ///< empty if the row has the wrong number of fields
  std::string text{};      ///< the field, control characters escaped, cut after 100 bytes
  std::string reason{};    ///< such as "is not an int16"
};

/// "line 12, column 'dep_time': 'abc' is not a nullable int16"
PILLAR_API std::string to_string(const csv_error& error);

/// The rows of a whole file, and the errors that were collected on the way.
struct csv_result {
  column_set rows{};
  std::vector<csv_error> errors{};  ///< collect only; in order of lines
};

/// Told from time to time how far reading is; false cancels. `byte_count` is 0 if it is not known.
using csv_progress = std::function<bool(std::uint64_t bytes_read, std::uint64_t byte_count)>;
/// Takes up to chunk_rows rows; an error ends the load and is returned from it.
using csv_sink = std::function<absl::Status(column_set&& rows)>;

/// All rows of a file.
///
/// Errors:  InvalidArgument: a schema, option, header or row that does not fit, quotes that do not pair, a field that
///          is too long, more than max_errors rows that do not parse; NotFound, Unavailable: the file;
///          ResourceExhausted: the budget; Cancelled: by `progress`. No rows are returned with an error
/// Cost:    one pass, one thread, about 60 ns per field
PILLAR_API absl::StatusOr<csv_result> read_csv_file(const std::string& path, const csv_options& options,
                                                    const csv_progress& progress = {});

/// The same through a file of the caller's making: base/file.hpp has the machine's, tests have faulty ones.
PILLAR_API absl::StatusOr<csv_result> read_csv(readable_file_ref file, const csv_options& options,
                                               const csv_progress& progress = {});

/// The same for text in memory.
PILLAR_API absl::StatusOr<csv_result> read_csv_text(std::span<const char> text, const csv_options& options,
                                                    const csv_progress& progress = {});

/// The same in chunks of at most chunk_rows rows; gives the list of errors. Rows that the sink took before an error
/// stay with the sink.
PILLAR_API absl::StatusOr<std::vector<csv_error>> read_csv_file_in_chunks(const std::string& path,
                                                                          const csv_options& options,
                                                                          const csv_sink& sink,
                                                                          const csv_progress& progress = {});
/// The same in chunks for text in memory.
PILLAR_API absl::StatusOr<std::vector<csv_error>> read_csv_text_in_chunks(std::span<const char> text,
                                                                          const csv_options& options,
                                                                          const csv_sink& sink,
                                                                          const csv_progress& progress = {});

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/interop/impl/csv.hpp"
#endif
