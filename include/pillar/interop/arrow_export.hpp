// SPDX-License-Identifier: Apache-2.0
/// Columns as Arrow arrays, through the C data interface: shared where the layouts agree, else copied and reported.
///
/// An exported array keeps the column's memory alive until it is released, whatever becomes of the column.
#pragma once
#include <string_view>

#include <absl/status/status.h>

#include "pillar/base/memory.hpp"           // memory_budget
#include "pillar/column/column_set.hpp"     // column, column_set, dynamic_schema
#include "pillar/interop/arrow_abi.hpp"     // ArrowArray, ArrowSchema
#include "pillar/interop/arrow_format.hpp"  // arrow_format_options, arrow_report

namespace PILLAR_NAMESPACE {

/// How columns go out.
struct arrow_export_options {
  arrow_format_options format{};
  bool flatten = false;             ///< decode dictionary and run-end columns
  bool refuse_copies = false;       ///< fail instead of copying
  memory_budget* budget = nullptr;  ///< of what is copied; outlives the arrays
  arrow_report* report = nullptr;   ///< added to, by streams whenever they are read; outlives them
};

/// One column as an array and its schema; `array` and `schema` are overwritten, and left released on an error.
///
/// Errors: Unimplemented: a user's type over 128-bit integers, run-end columns of 2^31 rows or more; OutOfRange: a text
///         or, as utf8, texts together of 2^31 bytes or more; FailedPrecondition: a copy that was refused;
///         ResourceExhausted. Each names the column
/// Cost:   O(1) where nothing is copied: booleans, decimals of up to 18 digits as decimal128, and texts as utf8 are
PILLAR_API absl::Status export_arrow_column(const column& from, std::string_view name, ArrowArray* array,
                                            ArrowSchema* schema, const arrow_export_options& options = {});

/// Columns as a record batch, that is a struct array. A query's result: `result->rows()`.
PILLAR_API absl::Status export_arrow(const column_set& from, ArrowArray* array, ArrowSchema* schema,
                                     const arrow_export_options& options = {});

/// The schema of a record batch whose columns are flat.
PILLAR_API absl::Status export_arrow_schema(const dynamic_schema& from, ArrowSchema* schema,
                                            const arrow_format_options& how = {});

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/interop/impl/arrow_export.hpp"
#endif
