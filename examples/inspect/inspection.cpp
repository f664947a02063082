// SPDX-License-Identifier: Apache-2.0
#include "inspection.hpp"

#include <pillar/codec/cascade.hpp>
#include <pillar/storage.hpp>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>

#include <sys/stat.h>

namespace inspect {

namespace {

fault fault_of(const pillar::failure& why) {
  if (why.code == pillar::errc::io_error) return {std::strerror(static_cast<int>(why.position)), 0};
  return {to_string(why.code), why.position};
}

zone zone_of(const pillar::zone_map& from, const pillar::data_type& type) {
  zone out;
  if (from.has_min) out.minimum = to_string(zone_minimum(from, type));
  if (from.has_max) out.maximum = to_string(zone_maximum(from, type));
  out.minimum_exact = from.min_exact;
  out.maximum_exact = from.max_exact;
  out.has_nan = from.has_nan;
  out.is_text = from.physical == pillar::physical_type::text;
  out.is_number = from.has_min && from.has_max && !out.is_text;
  if (!out.is_number) return out;
  const bool real = pillar::is_float(from.physical);
  out.low = real ? from.reals.min : static_cast<double>(from.integers.min);
  out.high = real ? from.reals.max : static_cast<double>(from.integers.max);
  return out;
}

/// A node of the tree of codecs, then what is below it.
void describe_node(const pillar::data_section& node, std::uint32_t depth, std::vector<codec_node>& out) {
  out.push_back(
      {to_string(node.codec->id), to_string(node.type), node.data_bytes, node.row_count, node.entry_count, depth});
  for (std::uint32_t c = 0; c < node.child_count; ++c) describe_node(node.children[c], depth + 1, out);
}

/// What an opened block says; zone maps from its parent, or from its values where it has none.
void describe(const pillar::block_view& block, const std::vector<pillar::zone_map>* zones, block_facts& out) {
  out.type = to_string(block.type());
  out.rows = block.row_count();
  out.nulls = block.null_count();
  out.bytes = block.block_bytes();
  out.checksum = block.checksum();
  out.shared_bytes = block.shared_bytes();
  if (block.transform() != pillar::transform_id::none) out.transform = to_string(block.transform());
  out.codecs = to_string(block.node(0));
  describe_node(block.node(0), 0, out.tree);
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  pillar::zone_map whole;
  whole.row_count = 0;
  for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
    pillar::zone_map of;
    if (zones != nullptr) {
      of = (*zones)[v];
    } else {
      pillar::vector values;
      const pillar::encoded_vector source = block.vector_at(v);
      if (source.decode(*scratch, values).ok()) of = pillar::zone_of(values);
    }
    if (v == 0) whole = of;
    else merge(whole, of);
    out.vectors.push_back(
        {block.entry(v).row_count, block.entry(v).null_count, block.encoded_bytes(v), zone_of(of, block.type())});
  }
  out.bounds = zone_of(whole, block.type());
}

void inspect_block(std::span<const std::byte> bytes, file_facts& out) {
  const auto opened = pillar::open_block(bytes);
  if (!opened.ok()) {
    out.broken = fault_of(opened.error());
    return;
  }
  group_facts group;
  group.blocks.emplace_back();
  describe(*opened, nullptr, group.blocks[0]);
  out.rows = group.rows = opened->row_count();
  const block_facts& block = group.blocks[0];
  out.columns.push_back({"", block.type, block.bytes, block.rows, block.nulls, 1, {block.codecs}, block.bounds});
  out.groups.push_back(std::move(group));
}

column_facts column_of(const pillar::column_description& column, const file_facts& file, std::uint32_t number,
                       const pillar::zone_map& bounds) {
  column_facts out;
  out.name = column.name;
  out.type = to_string(column.type);
  out.bounds = zone_of(bounds, column.type);
  std::map<std::string, std::uint64_t> codecs;
  for (const group_facts& group : file.groups)
    for (const block_facts& block : group.blocks) {
      if (block.column != number) continue;
      out.bytes += block.bytes;
      out.rows += group.rows;
      out.nulls += block.nulls;
      ++out.blocks;
      if (!block.broken) ++codecs[block.transform.empty() ? block.codecs : block.codecs + " + " + block.transform];
    }
  std::vector<std::pair<std::uint64_t, std::string>> ordered;
  for (const auto& [name, count] : codecs) ordered.emplace_back(count, name);
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [count, name] : ordered) out.codecs.push_back(std::move(name));
  return out;
}

void inspect_slice(std::span<const std::byte> bytes, const inspect_options& options, file_facts& out) {
  pillar::slice_limits limits;
  if (options.with_torn) limits.max_torn_bytes = bytes.size();
  const auto contents = pillar::open_slice_file(bytes, limits);
  if (!contents.ok()) {
    out.broken = fault_of(contents.error());
    return;
  }
  out.file_id = contents->identity.file_id;
  out.slice = contents->identity.slice;
  out.slice_count = contents->identity.slice_count;
  out.version = contents->identity.version;
  out.footer_number = contents->footer_number;
  out.footer_offset = contents->footer_offset;
  out.footer_bytes = contents->footer_bytes;
  out.torn_bytes = bytes.size() - contents->end;
  out.rows = contents->row_count();
  for (const auto& extent : contents->places->extents) out.extents.push_back({extent.offset, extent.bytes, 0});
  for (const auto& place : contents->places->blocks) ++out.extents[place.extent].blocks;

  const auto source = std::make_shared<pillar::memory_source>(bytes, contents->places);
  const auto groups = row_groups_of(*contents, source);
  std::vector<pillar::zone_map> bounds(contents->schema.size());
  for (auto& zone : bounds) zone.row_count = 0;
  pillar::open_blocks opened;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    group_facts group{groups[g]->id, groups[g]->row_count, {}};
    opened.begin(*groups[g]);
    for (std::uint32_t c = 0; c < contents->schema.size(); ++c) {
      if (!options.column.empty() && contents->schema[c].name != options.column) continue;
      const pillar::stored_block& stored = groups[g]->blocks[c];
      block_facts block;
      block.column = c;
      block.id = stored.stored.id;
      block.offset = stored.stored.offset;
      block.bytes = stored.stored.bytes;
      block.checksum = stored.stored.checksum;
      block.extent = contents->groups[g].blocks[c].extent;
      block.type = to_string(stored.stored.type);
      block.rows = group.rows;
      block.bounds = zone_of(stored.zone, stored.stored.type);
      merge(bounds[c], stored.zone);
      out.zone_count += stored.vector_zones.size();
      const auto view = opened.open(c);
      if (view.ok()) describe(**view, &stored.vector_zones, block);
      else block.broken = fault_of(view.error());
      group.blocks.push_back(std::move(block));
    }
    out.groups.push_back(std::move(group));
  }
  for (std::uint32_t c = 0; c < contents->schema.size(); ++c)
    if (options.column.empty() || contents->schema[c].name == options.column)
      out.columns.push_back(column_of(contents->schema[c], out, c, bounds[c]));
}

file_facts inspect_file(const std::string& path, const inspect_options& options) {
  file_facts out;
  out.name = path.substr(path.rfind('/') + 1);
  const auto mapped = pillar::mapped_file::open(path.c_str());
  if (!mapped.ok()) {
    out.broken = fault_of(mapped.error());
    return out;
  }
  const std::span<const std::byte> bytes = mapped->bytes();
  out.bytes = bytes.size();
  const auto begins_with = [&](const char* magic) {
    return bytes.size() >= 4 && std::memcmp(bytes.data(), magic, 4) == 0;
  };
  if (begins_with("PLRB")) {
    inspect_block(bytes, out);
  } else if (begins_with("PLRS")) {
    out.is_slice = true;
    inspect_slice(bytes, options, out);
  } else {
    out.broken = {"neither a block nor a slice file", 0};
  }
  return out;
}

}  // namespace

bool inspection::is_whole() const {
  for (const file_facts& file : files) {
    if (file.broken) return false;
    for (const group_facts& group : file.groups)
      for (const block_facts& block : group.blocks)
        if (block.broken) return false;
  }
  return true;
}

inspection inspect_path(const std::string& path, const inspect_options& options) {
  inspection out;
  out.path = path;
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) {
    out.kind = "table folder";
    std::uint32_t slice_count = 1;
    for (std::uint32_t s = 0; s < slice_count && s < pillar::table_options::max_slices; ++s) {
      out.files.push_back(inspect_file(path + '/' + pillar::slice_file_name(s), options));
      file_facts& file = out.files.back();
      if (s == 0) slice_count = file.slice_count;
      const file_facts& first = out.files.front();
      if (!file.broken && (file.slice != s || file.slice_count != slice_count || file.version != first.version))
        file.broken = {"slice " + std::to_string(file.slice) + " of " + std::to_string(file.slice_count) +
                           ", version " + std::to_string(file.version) + ": not of this table",
                       0};
      if (file.broken) break;
    }
    return out;
  }
  out.files.push_back(inspect_file(path, options));
  out.kind = out.files[0].is_slice ? "slice file" : "block";
  return out;
}

std::string in_words(const zone& of, const std::optional<std::string>& bound) {
  if (!bound) return "";
  return of.is_text ? '"' + *bound + '"' : *bound;
}

std::string grouped(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

}  // namespace inspect
