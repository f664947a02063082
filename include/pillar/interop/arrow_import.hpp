// SPDX-License-Identifier: Apache-2.0
/// Columns from Arrow arrays, through the C data interface: shared where the layouts agree, else copied and reported.
///
/// An imported column keeps the array that it shows alive and releases it with its last copy. Dictionary and run-end
/// encoded arrays stay so. docs/arrow.md has the table of types.
#pragma once
#include <absl/status/statusor.h>

#include "pillar/base/memory.hpp"           // memory_budget
#include "pillar/column/column_set.hpp"     // column, column_set, dynamic_schema
#include "pillar/interop/arrow_abi.hpp"     // ArrowArray, ArrowSchema
#include "pillar/interop/arrow_format.hpp"  // arrow_report

namespace PILLAR_NAMESPACE {

/// How arrays come in.
struct arrow_import_options {
  bool flatten = false;        ///< decode dictionary and run-end encoded arrays
  bool refuse_copies = false;  ///< fail instead of copying
  /// Buffers of validity bits end at a multiple of 8 bytes, as Arrow recommends: their last word may then be read
  /// whole, and bitmaps are shared, not copied.
  bool padded_bitmaps = false;
  memory_budget* budget = nullptr;  ///< of what is copied; outlives the columns
  arrow_report* report = nullptr;   ///< added to, by streams whenever they are read; outlives them
};

/// One column from an array of any type but struct. Takes the array, also if it fails; the schema stays the caller's.
///
/// Requires: buffers as long as lengths, offsets and types say: the interface does not tell their sizes. Everything
///           that can be checked is: lengths, offsets, counts, missing buffers, views and the sizes of their buffers,
///           indices of dictionaries, run ends, digits of decimals. Text is taken as bytes, not checked for UTF-8
/// Errors:   InvalidArgument and OutOfRange: an array that contradicts itself or its schema; Unimplemented: a type that
///           Pillar lacks; FailedPrecondition: a copy that was refused; ResourceExhausted. Each names column and format
/// Cost:     shared values are read once where they are checked (texts by view, decimals, codes, run ends), else not
PILLAR_API absl::StatusOr<column> import_arrow_column(ArrowArray* array, const ArrowSchema& schema,
                                                      const arrow_import_options& options = {});

/// A record batch, that is a struct array: each field a column, which holds its own part of the batch. Takes the array,
/// also if it fails; the schema stays the caller's.
///
/// Errors: as import_arrow_column; InvalidArgument if rows of the struct itself are NULL. `expected`, where given,
///         names the columns to take, in its order, and their types: they differ from the array's in nullability at
///         most, and a column that must not hold NULL must not
PILLAR_API absl::StatusOr<column_set> import_arrow(ArrowArray* array, const ArrowSchema& schema,
                                                   const arrow_import_options& options = {},
                                                   const dynamic_schema* expected = nullptr);

/// The types of a record batch's columns.
PILLAR_API absl::StatusOr<dynamic_schema> import_arrow_schema(const ArrowSchema& schema);

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/interop/impl/arrow_import.hpp"
#endif
