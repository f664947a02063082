// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdio>  // std::remove
#include <unordered_set>

#include "pillar/base/file.hpp"
#include "pillar/hash/value.hpp"  // hash_combine
#include "pillar/status.hpp"
#include "pillar/storage/table_files.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

inline std::string slice_path(const std::string& folder, std::uint32_t slice) {
  return folder + '/' + slice_file_name(slice);
}

inline result<void> write_slice(const table_version& version, const dynamic_schema& schema, std::uint32_t slice,
                                const std::string& path, std::uint64_t file_id, std::uint64_t extent_bytes) {
  PILLAR_ASSIGN_OR_RETURN(posix_file file, posix_file::create(path.c_str()));
  slice_identity identity;
  identity.file_id = hash_combine(file_id, slice);
  identity.slice = slice;
  identity.slice_count = static_cast<std::uint32_t>(version.slices.size());
  identity.version = version.number;
  identity.next_group_id = version.next_group_id;
  slice_writer writer(file, schema, identity, extent_bytes);
  for (const auto& group : version.slices[slice].groups) PILLAR_TRY(writer.append(group));
  return writer.finish();
}

/// A file, its reads and its cache together, so that they live as long as the source is held.
struct ranged_file {
  ranged_file(posix_file opened, std::shared_ptr<const block_places> places, const ranged_settings& settings)
      : file(std::move(opened)), reads(file), source(reads, std::move(places), settings) {}
  [[nodiscard]] result<block_pin> pin(block_id id) { return source.pin(id); }
  void announce(std::span<const block_id> ids) { source.announce(ids); }
  posix_file file;
  file_reads<posix_file> reads;
  ranged_source source;
};

inline result<opened_slice> open_slice(const std::string& path, const folder_options& options) {
  PILLAR_ASSIGN_OR_RETURN(posix_file file, posix_file::open(path.c_str()));
  opened_slice out;
  PILLAR_ASSIGN_OR_RETURN(out.contents, open_slice_file(readable_file_ref(file), options.footers));
  if (options.mapped) {
    PILLAR_ASSIGN_OR_RETURN(mapped_file mapped, mapped_file::open(path.c_str()));
    out.source = std::make_shared<mapped_source>(std::move(mapped), out.contents.places);
  } else {
    out.source = std::make_shared<ranged_file>(std::move(file), out.contents.places, options.reads);
  }
  return out;
}

}  // namespace detail

PILLAR_API std::string slice_file_name(std::uint32_t slice) { return "slice-" + std::to_string(slice) + ".pillar"; }

PILLAR_API absl::Status write_table(const table_version& version, const dynamic_schema& schema,
                                    const std::string& folder, std::uint64_t file_id, std::uint64_t extent_bytes) {
  // Beside what is there, which the version's own blocks may come from; then in its place.
  const auto count = static_cast<std::uint32_t>(version.slices.size());
  const auto beside = [&](std::uint32_t slice) { return detail::slice_path(folder, slice) + ".new"; };
  for (std::uint32_t slice = 0; slice < count; ++slice) {
    const std::string path = beside(slice);
    const auto written = detail::write_slice(version, schema, slice, path, file_id, extent_bytes);
    if (written.ok()) continue;
    for (std::uint32_t made = 0; made <= slice; ++made) std::remove(beside(made).c_str());
    return to_status(written.error(), path);
  }
  for (std::uint32_t slice = 0; slice < count; ++slice)
    PILLAR_TRY_STATUS(folder, rename_file(beside(slice).c_str(), detail::slice_path(folder, slice).c_str()));
  PILLAR_TRY_STATUS(folder, sync_folder(folder.c_str()));
  return absl::OkStatus();
}

PILLAR_API absl::StatusOr<table> open_table(const std::vector<opened_slice>& slices, table_options options,
                                            const block_limits& limits) {
  const auto refuse = [](const std::string& why) { return make_status(absl::StatusCode::kDataLoss, why); };
  if (slices.empty()) return refuse("there are no slices");
  const slice_contents& first = slices[0].contents;
  auto version = std::make_shared<table_version>();
  version->number = first.identity.version;
  std::unordered_set<std::uint64_t> ids;
  for (std::size_t s = 0; s < slices.size(); ++s) {
    const slice_contents& from = slices[s].contents;
    const std::string name = "slice " + std::to_string(s);
    if (from.identity.slice != s || from.identity.slice_count != slices.size())
      return refuse(name + " is number " + std::to_string(from.identity.slice) + " of " +
                    std::to_string(from.identity.slice_count));
    if (from.identity.version != first.identity.version)
      return refuse(name + " is of version " + std::to_string(from.identity.version) + ", not " +
                    std::to_string(first.identity.version));
    if (absl::Status same = check_same_schema(from.schema, first.schema); !same.ok())
      return refuse(name + ": " + std::string(same.message()));
    for (const slice_group& group : from.groups)
      if (!ids.insert(group.id).second)
        return refuse(name + ": row group " + std::to_string(group.id) + " is also in another slice");
    version->next_group_id = std::max(version->next_group_id, from.identity.next_group_id);
    version->slices.push_back({row_groups_of(from, slices[s].source, limits), from.row_count()});
  }
  options.distribution.slice_count = static_cast<std::uint32_t>(slices.size());
  table made(first.schema, std::move(options), std::move(version));
  if (!made.status().ok()) return made.status();
  return made;
}

PILLAR_API absl::StatusOr<table> open_table_folder(const std::string& folder, folder_options options) {
  std::vector<opened_slice> slices;
  std::uint64_t slice_count = 1;
  while (slices.size() < slice_count) {
    const std::string path = detail::slice_path(folder, static_cast<std::uint32_t>(slices.size()));
    auto opened = detail::open_slice(path, options);
    if (!opened.ok()) return to_status(opened.error(), path);
    slice_count = opened->contents.identity.slice_count;
    if (slice_count > table_options::max_slices)
      return make_status(absl::StatusCode::kDataLoss, path + ": more than 65,536 slices");
    slices.push_back(*std::move(opened));
  }
  return open_table(slices, std::move(options.table), options.blocks);
}

}  // namespace PILLAR_NAMESPACE
