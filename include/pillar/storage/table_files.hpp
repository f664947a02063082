// SPDX-License-Identifier: Apache-2.0
/// A table in a folder: one slice file per slice, written whole and opened again without reading a block.
///
/// Example: examples/slice_file/main.cpp
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "pillar/storage/file_source.hpp"
#include "pillar/storage/slice_file.hpp"
#include "pillar/storage/table.hpp"

namespace PILLAR_NAMESPACE {

/// The name of a slice's file in its folder: "slice-0.pillar".
PILLAR_API std::string slice_file_name(std::uint32_t slice);

/// Writes a version of a table into a folder, which exists: slice files anew, beside those that are there, then in
/// their place. Tables that were opened from the folder before go on reading their own.
///
/// Shape:  `file_id` is drawn at random by the caller, so that files of other writings are told apart
/// Errors: Unavailable with the name of the file, what the row groups' own block sources say; until all files are
///         written the folder is as before. It is not yet one step: a writing that is interrupted while names change
///         leaves slices of several versions, and the folder is refused
/// Cost:   the files one after the other, each made safe
PILLAR_API absl::Status write_table(const table_version& version, const dynamic_schema& schema,
                                    const std::string& folder, std::uint64_t file_id,
                                    std::uint64_t extent_bytes = std::uint64_t{1} << 20);

/// A slice file's contents, and where its blocks come from.
struct opened_slice {
  slice_contents contents;
  any_block_source source;
};

/// A table over slices that somebody opened, in the order of their numbers. Row groups that are appended to it stay in
/// memory.
///
/// Shape:    `options` as for a new table, but for the number of slices, which is that of the files
/// Requires: what the sources read outlives the table and its versions
/// Errors:   DataLoss: slices missing, of several versions or schemas, or row group ids that recur; those of a table's
///           options
PILLAR_API absl::StatusOr<table> open_table(const std::vector<opened_slice>& slices, table_options options = {},
                                            const block_limits& limits = {});

/// How open_table_folder reads.
struct folder_options {
  table_options table{};
  slice_limits footers{};
  block_limits blocks{};
  ranged_settings reads{};  ///< of each slice
  bool mapped = false;      ///< the files are mapped, instead of read into a cache
};

/// The table in a folder that write_table wrote; the sources belong to the table and its versions.
///
/// Errors: those of open_slice_file and open_table, with the name of the file
PILLAR_API absl::StatusOr<table> open_table_folder(const std::string& folder, folder_options options = {});

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/storage/impl/table_files.hpp"
#endif
