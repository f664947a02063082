// SPDX-License-Identifier: Apache-2.0
/// Tables as slice files in memory, and opened again over any source.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "pillar/conformance/faults.hpp"
#include "pillar/pipeline.hpp"
#include "pillar/status.hpp"
#include "pillar/storage/file_source.hpp"
#include "pillar/storage/table_files.hpp"
#include "support/sample_rows.hpp"

namespace pillar_test {

using pillar::conformance::memory_file;

inline pillar::typed_table<sample> sample_table(std::uint32_t row_count, std::uint32_t slice_count = 1,
                                                std::uint32_t row_group_rows = 2048) {
  pillar::typed_table<sample> made({.distribution = pillar::evenly(pillar::slices{slice_count}),
                                    .order = pillar::compound({"id"}),
                                    .row_group_rows = row_group_rows});
  EXPECT_TRUE(made.append(set_of(pillar::describe<sample>(), sample_rows(11, row_count))).ok());
  return made;
}

/// Writes one slice of a table; errors as the writer gives them.
template <class File>
pillar::result<void> write_slice(const pillar::table& from, std::uint32_t slice, File& to, std::uint64_t extent_bytes) {
  const auto version = from.version();
  pillar::slice_identity identity;
  identity.file_id = 77 + slice;
  identity.slice = slice;
  identity.slice_count = static_cast<std::uint32_t>(version->slices.size());
  identity.version = version->number;
  identity.next_group_id = version->next_group_id;
  pillar::slice_writer writer(to, from.schema(), identity, extent_bytes);
  for (const auto& group : version->slices[slice].groups) PILLAR_TRY(writer.append(group));
  return writer.finish();
}

inline std::vector<std::byte> bytes_of(const memory_file& file) {
  std::vector<std::byte> out(*file.size());
  EXPECT_TRUE(file.read_at(0, out).ok());
  return out;
}

/// A table's slices in files in memory.
struct stored_slices {
  std::vector<std::unique_ptr<memory_file>> files;
  stored_slices(const pillar::table& from, std::uint64_t extent_bytes) {
    for (std::uint32_t s = 0; s < from.version()->slices.size(); ++s) {
      files.push_back(std::make_unique<memory_file>());
      EXPECT_TRUE(write_slice(from, s, *files.back(), extent_bytes).ok());
    }
  }
  /// Opens them; `source_of(file, places)` gives the source of one.
  template <class SourceOf>
  absl::StatusOr<pillar::table> open(SourceOf source_of) const {
    std::vector<pillar::opened_slice> slices;
    for (const auto& file : files) {
      auto contents = pillar::open_slice_file(pillar::readable_file_ref(*file));
      if (!contents.ok()) return pillar::to_status(contents.error(), "slice");
      auto source = source_of(*file, contents->places);
      slices.push_back({*std::move(contents), std::move(source)});
    }
    return pillar::open_table(slices);
  }
};

/// A ranged source with the reads it needs.
template <class Reads>
struct ranged_over {
  template <class... Arguments>
  explicit ranged_over(std::shared_ptr<const pillar::block_places> places, pillar::ranged_settings settings,
                       Arguments&&... arguments)
      : reads(std::forward<Arguments>(arguments)...), source(reads, std::move(places), settings) {}
  pillar::result<pillar::block_pin> pin(pillar::block_id id) { return source.pin(id); }
  void announce(std::span<const pillar::block_id> ids) { source.announce(ids); }
  Reads reads;
  pillar::ranged_source source;
};

}  // namespace pillar_test
