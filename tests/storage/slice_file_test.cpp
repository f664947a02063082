// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/slice_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "pillar/hash/value.hpp"
#include "support/guard_buffer.hpp"
#include "support/sanitized.hpp"
#include "support/stored_tables.hpp"

namespace pillar_test::storage_slice_file {
namespace {

using namespace pillar::query;
using pillar::errc;
using pillar::open_slice_file;
using pillar::slice_contents;
using pillar::zone_map;

constexpr std::uint64_t small_extent = 16 * 1024;

void expect_same_zone(const zone_map& a, const zone_map& b) {
  ASSERT_EQ(a.physical, b.physical);
  EXPECT_EQ(a.row_count, b.row_count);
  EXPECT_EQ(a.null_count, b.null_count);
  EXPECT_EQ(a.null_count_known, b.null_count_known);
  EXPECT_EQ(a.has_nan, b.has_nan);
  EXPECT_EQ(a.only_nan, b.only_nan);
  EXPECT_EQ(a.min_exact, b.min_exact);
  EXPECT_EQ(a.max_exact, b.max_exact);
  const pillar::data_type type{pillar::logical_type::user, a.physical, 0, 0, true};
  EXPECT_EQ(a.has_min, b.has_min);
  EXPECT_EQ(a.has_max, b.has_max);
  EXPECT_EQ(zone_minimum(a, type), zone_minimum(b, type));
  EXPECT_EQ(zone_maximum(a, type), zone_maximum(b, type));
}

TEST(storage_slice_file, keeps_schema_groups_zones_and_blocks) {
  auto table = sample_table(9'000, 2);
  ASSERT_TRUE(table.append(set_of(pillar::describe<sample>(), sample_rows(5, 100))).ok());
  const auto version = table.version();
  const stored_slices stored(table, small_extent);
  for (std::uint32_t s = 0; s < 2; ++s) {
    const auto contents = open_slice_file(pillar::readable_file_ref(*stored.files[s]));
    ASSERT_TRUE(contents.ok()) << to_string(contents.error().code) << contents.error().position;
    EXPECT_EQ(contents->identity.file_id, 77 + s);
    EXPECT_EQ(contents->identity.slice, s);
    EXPECT_EQ(contents->identity.slice_count, 2u);
    EXPECT_EQ(contents->identity.version, 2u);
    EXPECT_EQ(contents->identity.next_group_id, version->next_group_id);
    EXPECT_EQ(contents->schema, table.schema());
    EXPECT_EQ(contents->row_count(), version->slices[s].row_count);
    EXPECT_EQ(contents->footer_number, 1u);
    EXPECT_EQ(contents->end, *stored.files[s]->size());
    const auto& groups = version->slices[s].groups;
    ASSERT_EQ(contents->groups.size(), groups.size());
    for (const auto& place : contents->places->blocks) {
      EXPECT_EQ(place.offset % 64, 0u);
      const auto& extent = contents->places->extents[place.extent];
      EXPECT_TRUE(place.offset >= extent.offset && place.offset + place.bytes <= extent.offset + extent.bytes);
    }
    for (const auto& extent : contents->places->extents)
      EXPECT_LE(extent.bytes, std::max<std::uint64_t>(small_extent, 40 * 1024));  // a block may be larger
    const auto bytes = bytes_of(*stored.files[s]);
    const auto source = std::make_shared<pillar::memory_source>(bytes, contents->places);
    const auto again = pillar::row_groups_of(*contents, source);
    for (std::size_t g = 0; g < groups.size(); ++g) {
      EXPECT_EQ(again[g]->id, groups[g]->id);
      EXPECT_EQ(again[g]->row_count, groups[g]->row_count);
      EXPECT_EQ(again[g]->encoded_bytes(), groups[g]->encoded_bytes());
      pillar::open_blocks opened;
      opened.begin(*again[g]);
      for (std::uint32_t c = 0; c < table.schema().size(); ++c) {
        const auto &was = groups[g]->blocks[c], &is = again[g]->blocks[c];
        EXPECT_EQ(is.stored.checksum, was.view.checksum());
        expect_same_zone(is.zone, was.zone);
        ASSERT_EQ(is.vector_zones.size(), was.vector_zones.size());
        for (std::size_t v = 0; v < was.vector_zones.size(); ++v)
          expect_same_zone(is.vector_zones[v], was.vector_zones[v]);
        EXPECT_EQ(is.bounds.least, was.bounds.least);
        EXPECT_FALSE(is.view);
        const auto view = opened.open(c);
        ASSERT_TRUE(view.ok());
        EXPECT_EQ((*view)->codec(), was.view.codec());
        EXPECT_EQ(*opened.open(c), *view);
      }
    }
  }
}

TEST(storage_slice_file, an_empty_slice_is_a_file) {
  const pillar::typed_table<sample> table({.distribution = pillar::evenly(pillar::slices{1})});
  const stored_slices stored(table, small_extent);
  const auto contents = open_slice_file(pillar::readable_file_ref(*stored.files[0]));
  ASSERT_TRUE(contents.ok());
  EXPECT_TRUE(contents->groups.empty());
  EXPECT_EQ(contents->schema, table.schema());
}

/// A row group of blocks that the file format cannot look into: any bytes.
std::shared_ptr<const pillar::row_group> opaque_group(std::uint64_t id, std::uint32_t row_count,
                                                      std::span<const std::byte> bytes) {
  const auto type = pillar::type_of<std::int16_t>.as_nullable();
  auto made = std::make_shared<pillar::row_group>();
  made->id = id;
  made->row_count = row_count;
  auto places = std::make_shared<pillar::block_places>();
  places->blocks.push_back({1, 0, bytes.size(), 0});
  made->store = std::make_shared<const pillar::block_store>(
      pillar::block_store{std::make_shared<pillar::memory_source>(bytes, places), {}, pillar::open_block});
  made->blocks.resize(1);
  made->blocks[0].stored = {1, 0, bytes.size(), 0x1122334455667788u, type};
  for (std::uint32_t at = 0; at < row_count; at += 1024) {
    zone_map zone;
    zone.physical = type.physical;
    zone.row_count = std::min(1024u, row_count - at);
    zone.null_count_known = true;
    zone.null_count = 3;
    zone.has_nan = false;
    zone.integers = {-2, 300 + at};
    zone.has_min = zone.has_max = zone.min_exact = true;
    made->blocks[0].vector_zones.push_back(zone);
  }
  return made;
}
const pillar::dynamic_schema opaque_schema{{{"n", pillar::type_of<std::int16_t>.as_nullable()}}};

memory_file opaque_file() {
  static constexpr char text[] = "any bytes at all";
  memory_file file;
  pillar::slice_identity identity;
  identity.file_id = 0x0102030405060708u;
  pillar::slice_writer writer(file, opaque_schema, identity);
  EXPECT_TRUE(writer.append(opaque_group(4, 1500, std::as_bytes(std::span(text)))).ok());
  EXPECT_TRUE(writer.finish().ok());
  EXPECT_EQ(writer.contents().end, *file.size());
  return file;
}

TEST(storage_slice_file, the_format_is_pinned) {
  const auto bytes = bytes_of(opaque_file());
  ASSERT_EQ(bytes.size(), 384u);  // header, block and padding, footer of under 192, padding, trailer
  EXPECT_EQ(std::memcmp(bytes.data(), "PLRS\1\0\0\0\x08\7\6\5\4\3\2\1", 16), 0);
  EXPECT_EQ(std::memcmp(bytes.data() + 64, "any bytes at all\0", 18), 0);
  EXPECT_EQ(std::memcmp(bytes.data() + 320, "PLRE\1\0\0\0\x08\7\6\5\4\3\2\1", 16), 0);
  const std::string_view whole(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_EQ(pillar::hash_text(whole), 0x636bb3329c05e64eu) << std::hex << pillar::hash_text(whole);
}

TEST(storage_slice_file, a_later_footer_follows_and_the_older_one_stays) {
  auto table = sample_table(3'000);
  memory_file file;
  ASSERT_TRUE(write_slice(table, 0, file, small_extent).ok());
  const auto before = bytes_of(file);
  const auto first = open_slice_file(before);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(table.append(set_of(pillar::describe<sample>(), sample_rows(5, 3'000))).ok());
  pillar::slice_writer writer(file, *first, before.size(), small_extent);
  const auto& groups = table.version()->slices[0].groups;
  for (std::size_t g = first->groups.size(); g < groups.size(); ++g) ASSERT_TRUE(writer.append(groups[g]).ok());
  ASSERT_TRUE(writer.finish().ok());
  const auto after = bytes_of(file);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));
  const auto second = open_slice_file(after);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->groups.size(), groups.size());
  EXPECT_EQ(second->footer_number, 2u);
  EXPECT_EQ(second->previous_end, before.size());
  for (std::size_t g = 0; g < groups.size(); ++g) EXPECT_EQ(second->groups[g].id, groups[g]->id);
  for (const auto& block : second->groups.back().blocks) EXPECT_GE(block.where.id, first->next_block_id);
  EXPECT_EQ(open_slice_file(std::span<const std::byte>(after).first(second->previous_end))->groups.size(),
            first->groups.size());
  EXPECT_EQ(writer.append(groups[0]).error().code, errc::invalid_argument);  // ids ascend

  // Torn anywhere: the older footer, for those who look back far enough; an error for the others.
  pillar::slice_limits patient;
  patient.max_torn_bytes = after.size();
  for (std::size_t size = before.size(); size < after.size(); size += size % 64 == 0 ? 1 : 63) {
    const auto torn = open_slice_file(std::span<const std::byte>(after).first(size), patient);
    ASSERT_TRUE(torn.ok()) << size;
    ASSERT_EQ(torn->end, before.size());
    if (size != before.size()) ASSERT_FALSE(open_slice_file(std::span<const std::byte>(after).first(size)).ok());
  }
  patient.max_torn_bytes = 64;
  EXPECT_FALSE(open_slice_file(std::span<const std::byte>(after).first(after.size() - 64), patient).ok());
}

TEST(storage_slice_file, every_failing_write_leaves_the_older_footer) {
  auto table = sample_table(2'000);
  memory_file base;
  ASSERT_TRUE(write_slice(table, 0, base, small_extent).ok());
  const auto before = bytes_of(base);
  ASSERT_TRUE(table.append(set_of(pillar::describe<sample>(), sample_rows(5, 1'000))).ok());
  const auto swept = pillar::conformance::sweep_file_operations("appending to a slice", [&](auto& plan) {
    memory_file file;
    EXPECT_TRUE(file.append(before).ok());
    pillar::conformance::faulty_file<memory_file> broken(file, plan);
    pillar::slice_writer writer(broken, *open_slice_file(before), before.size(), small_extent);
    auto done = writer.append(table.version()->slices[0].groups.back());
    if (done.ok()) done = writer.finish();
    pillar::slice_limits patient;
    patient.max_torn_bytes = 1 << 20;
    const auto left = open_slice_file(pillar::readable_file_ref(file), patient);
    EXPECT_TRUE(left.ok());
    if (left.ok()) EXPECT_TRUE(left->groups.size() == 1 || left->groups.size() == 2);
    if (left.ok() && done.ok()) EXPECT_EQ(left->groups.size(), 2u);
    if (!done.ok()) EXPECT_EQ(writer.finish().error().code, errc::io_error);  // an error stays
    return done.error().code;
  });
  EXPECT_TRUE(swept.ok()) << swept;
  EXPECT_GE(swept.count("injection points"), 10u);
}

TEST(storage_slice_file, every_failing_read_comes_back) {
  const auto table = sample_table(8'000);
  const stored_slices stored(table, small_extent);
  const auto swept = pillar::conformance::sweep_file_operations("opening and scanning a slice", [&](auto& plan) {
    const pillar::conformance::faulty_file<memory_file> broken(*stored.files[0], plan);
    auto contents = open_slice_file(pillar::readable_file_ref(broken));
    if (!contents.ok()) return contents.error().code;
    using reads = pillar::file_reads<pillar::conformance::faulty_file<memory_file>>;
    auto source = std::make_shared<ranged_over<reads>>(contents->places, pillar::ranged_settings{}, broken);
    auto opened = pillar::open_table({{*std::move(contents), std::move(source)}});
    EXPECT_TRUE(opened.ok()) << opened.status();
    pillar::inline_executor alone;
    const auto done =
        run(scan(*opened) | where("few"_col >= 0) | group_by()(max("long"_col).as("l"_col), sum("id"_col).as("i"_col)),
            alone);
    EXPECT_TRUE(done.ok() || done.status().code() == absl::StatusCode::kUnavailable) << done.status();
    return done.ok() ? errc::ok : errc::io_error;
  });
  EXPECT_TRUE(swept.ok()) << swept;
  EXPECT_GE(swept.count("injection points"), 7u);
}

/// Opens what can be opened of a changed file, and looks at every zone map and block of it.
bool exercise(std::span<const std::byte> file, bool verify) {
  const auto contents = open_slice_file(file, {}, verify);
  if (!contents.ok()) {
    EXPECT_LE(contents.error().position, file.size());
    return false;
  }
  const auto source = std::make_shared<pillar::memory_source>(file, contents->places);
  pillar::open_blocks opened;
  for (const auto& group : pillar::row_groups_of(*contents, source)) {
    opened.begin(*group);
    for (std::uint32_t c = 0; c < group->blocks.size(); ++c) {
      (void)opened.open(c);
      for (const auto& zone : group->blocks[c].vector_zones) (void)interval_of(zone);
    }
  }
  return true;
}

TEST(storage_slice_file, every_byte_and_every_truncation) {
  pillar::typed_table<sample> table;
  ASSERT_TRUE(table.append(set_of(pillar::describe<sample>(), sample_rows(3, 40))).ok());
  memory_file file;
  ASSERT_TRUE(write_slice(table, 0, file, small_extent).ok());
  for (const auto& original : {bytes_of(file), bytes_of(opaque_file())}) {
    const auto contents = open_slice_file(original);
    ASSERT_TRUE(contents.ok());
    const guard_buffer bytes(original);
    std::uint64_t changes = 0, accepted = 0;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      if (at == 64) at = contents->footer_offset;  // blocks have their own test
      const bool padding = at >= contents->footer_offset + contents->footer_bytes && at < contents->end - 64;
      const std::byte before = bytes.data()[at];
      for (unsigned change = 1 + (sanitized ? at % 37 : 0); change < 256; change += sanitized ? 37 : 1) {
        bytes.data()[at] = before ^ static_cast<std::byte>(change);
        ++changes;
        ASSERT_EQ(open_slice_file(bytes.bytes()).ok(), padding) << "byte " << at << " change " << change;
        accepted += exercise(bytes.bytes(), false);
      }
      bytes.data()[at] = before;
    }
    for (std::size_t size = 0; size < original.size(); ++size) {
      const guard_buffer part(std::span<const std::byte>(original).first(size));
      ASSERT_FALSE(open_slice_file(part.bytes()).ok());
      ASSERT_FALSE(exercise(part.bytes(), false));
    }
    std::printf("[ HOSTILE  ] slice file of %zu bytes, %llu changes, accepted without checksum: %.2f %%\n",
                bytes.size(), static_cast<unsigned long long>(changes),
                100.0 * static_cast<double>(accepted) / static_cast<double>(changes));
    EXPECT_GT(accepted, 0u);
  }
}

TEST(storage_slice_file, limits_are_the_callers) {
  const auto bytes = bytes_of(opaque_file());
  const auto code = [&](pillar::slice_limits limits) { return open_slice_file(bytes, limits).error().code; };
  pillar::memory_budget small(10), enough;
  EXPECT_EQ(code({.max_footer_bytes = 100}), errc::limit_exceeded);
  EXPECT_EQ(code({.max_extent_bytes = 15}), errc::limit_exceeded);
  EXPECT_EQ(code({.max_columns = 0}), errc::limit_exceeded);
  EXPECT_EQ(code({.budget = &small}), errc::out_of_memory);
  EXPECT_EQ(code({.budget = &enough}), errc::ok);
  EXPECT_EQ(enough.used(), 0u);
}

TEST(storage_slice_file, a_misplaced_or_stale_block_is_noticed) {
  const auto table = sample_table(2'048, 1, 1024);
  memory_file file;
  ASSERT_TRUE(write_slice(table, 0, file, small_extent).ok());
  auto bytes = bytes_of(file);
  const auto contents = open_slice_file(bytes);
  ASSERT_TRUE(contents.ok());
  const auto groups =
      pillar::row_groups_of(*contents, std::make_shared<pillar::memory_source>(bytes, contents->places));
  constexpr std::uint32_t narrow = 11;  // raw or packed alike in both groups: blocks of one size
  const auto &first = contents->groups[0].blocks[narrow].where, &second = contents->groups[1].blocks[narrow].where;
  const std::uint64_t size = std::min(first.bytes, second.bytes);
  pillar::open_blocks opened;
  opened.begin(*groups[0]);
  ASSERT_TRUE(opened.open(narrow).ok());
  if (first.bytes == second.bytes) {
    std::memcpy(bytes.data() + first.offset, bytes.data() + second.offset, size);  // sound, but another block
    opened.begin(*groups[0]);
    EXPECT_EQ(opened.open(narrow).error(), (pillar::failure{errc::checksum_mismatch, first.offset}));
  } else {
    ADD_FAILURE() << "blocks of " << first.bytes << " and " << second.bytes << " bytes";
  }
  bytes[second.offset + size - 1] ^= std::byte{1};
  opened.begin(*groups[1]);
  const auto damaged = opened.open(narrow).error();
  EXPECT_TRUE(damaged.code == errc::checksum_mismatch || damaged.code == errc::corrupt);
  EXPECT_GE(damaged.position, second.offset);
}

}  // namespace
}  // namespace pillar_test::storage_slice_file
