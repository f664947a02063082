// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/file_source.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

#include "pillar/conformance/delayed_reads.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "support/stored_tables.hpp"

namespace pillar_test::storage_file_source {
namespace {

using namespace pillar::query;
using pillar::errc;
using pillar::conformance::delayed_reads;
using pillar::conformance::fault_plan;
using pillar::conformance::faulty_file;
using slow_source = ranged_over<delayed_reads<memory_file>>;
using plain_source = ranged_over<pillar::file_reads<memory_file>>;

constexpr std::uint64_t small_extent = 16 * 1024;

struct one_slice {
  pillar::typed_table<sample> table = sample_table(12'000);
  stored_slices stored{table, small_extent};
  memory_file& file = *stored.files[0];
  pillar::slice_contents contents = *pillar::open_slice_file(pillar::readable_file_ref(file));
  std::vector<pillar::block_id> ids() const {
    std::vector<pillar::block_id> out;
    for (const auto& place : contents.places->blocks) out.push_back(place.id);
    return out;
  }
};

/// Every block's bytes, and an error for an id that nobody has.
template <pillar::block_source S>
void expect_every_block(S& source, const one_slice& from) {
  const auto version = from.table.version();
  for (std::size_t g = 0; g < from.contents.groups.size(); ++g)
    for (std::size_t c = 0; c < from.contents.schema.size(); ++c) {
      const auto pin = source.pin(from.contents.groups[g].blocks[c].where.id);
      ASSERT_TRUE(pin.ok());
      const auto expected = version->slices[0].groups[g]->blocks[c].bytes.bytes();
      ASSERT_TRUE(std::equal(pin->bytes().begin(), pin->bytes().end(), expected.begin(), expected.end()));
    }
  for (const pillar::block_id id : {pillar::block_id{0}, from.contents.next_block_id, ~pillar::block_id{0}})
    EXPECT_EQ(source.pin(id).error(), (pillar::failure{errc::invalid_argument, id}));
}

TEST(storage_file_source, every_model_gives_every_block) {
  const one_slice from;
  const auto& places = from.contents.places;
  ASSERT_GE(places->extents.size(), 10u);
  const auto bytes = bytes_of(from.file);
  pillar::memory_source memory(bytes, places);
  expect_every_block(memory, from);
  pillar::memory_source cut(std::span<const std::byte>(bytes).first(places->blocks.back().offset), places);
  EXPECT_EQ(cut.pin(places->blocks.back().id).error().code, errc::truncated);

  const std::string path = testing::TempDir() + "pillar_file_source_test";
  {
    auto file = pillar::posix_file::create(path.c_str());
    ASSERT_TRUE(file.ok() && file->append(bytes).ok());
  }
  pillar::mapped_source mapped(*pillar::mapped_file::open(path.c_str()), places);
  mapped.announce(from.ids());
  expect_every_block(mapped, from);
  const auto file = *pillar::posix_file::open(path.c_str());
  ranged_over<pillar::file_reads<pillar::posix_file>> posix(places, {}, file);
  posix.announce(from.ids());
  expect_every_block(posix, from);
  std::remove(path.c_str());

  for (const std::uint64_t cache_bytes : {std::uint64_t{1}, 3 * small_extent, std::uint64_t{1} << 30})
    for (const std::uint32_t in_flight : {0u, 1u, 5u}) {
      slow_source slow(places, {.cache_bytes = cache_bytes, .reads_in_flight = in_flight}, from.file, 1'000'000u);
      slow.announce(from.ids());
      slow.announce(from.ids());
      expect_every_block(slow, from);
      const auto seen = slow.source.counters();
      EXPECT_LE(seen.most_in_flight, std::max(in_flight, 1u) + 1);
      if (cache_bytes > small_extent * 100) {
        EXPECT_EQ(seen.reads, places->extents.size());
        EXPECT_EQ(seen.evictions, 0u);
      }
    }
}

TEST(storage_file_source, a_cold_scan_reads_each_extent_once_and_several_at_once) {
  const one_slice from;
  constexpr std::uint64_t latency_ns = 1'000'000;
  const auto slow =
      std::make_shared<slow_source>(from.contents.places, pillar::ranged_settings{}, from.file, latency_ns);
  auto opened = from.stored.open([&](auto&, auto&) { return pillar::any_block_source(slow); });
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto read_all = [](const pillar::table& table) {
    pillar::inline_executor alone;
    auto result = run(scan(table) | group_by()(min("word"_col).as("a"_col), max("long"_col).as("b"_col),
                                               sum("id"_col).as("c"_col), sum("wide"_col).as("d"_col),
                                               max("real"_col).as("e"_col), sum("price"_col).as("f"_col)),
                      alone);
    EXPECT_TRUE(result.ok()) << result.status();
    std::ostringstream out;
    if (result.ok()) out << *result;
    return out.str();
  };
  EXPECT_EQ(read_all(*opened), read_all(from.table));
  const std::uint64_t extents = from.contents.places->extents.size();
  const std::uint64_t reads = slow->reads.reads();
  std::printf("[ COLD     ] %llu extents, %llu reads, %llu in flight, %.1f latencies\n",
              static_cast<unsigned long long>(extents), static_cast<unsigned long long>(reads),
              static_cast<unsigned long long>(slow->reads.most_in_flight()),
              static_cast<double>(slow->reads.now_ns()) / latency_ns);
  EXPECT_GE(reads, 12u);
  EXPECT_LT(reads, extents);  // the columns that nobody names stay unread
  EXPECT_GE(slow->reads.most_in_flight(), 4u);
  EXPECT_LT(slow->reads.now_ns(), reads * latency_ns / 3);
  EXPECT_EQ(read_all(*opened), read_all(from.table));
  EXPECT_EQ(slow->reads.reads(), reads);  // warm
}

TEST(storage_file_source, what_is_pinned_stays) {
  const one_slice from;
  plain_source ranged(from.contents.places, {.cache_bytes = 2 * small_extent}, from.file);
  const auto& places = *from.contents.places;
  const auto kept = ranged.pin(places.blocks[0].id);
  ASSERT_TRUE(kept.ok());
  for (const auto& place : places.blocks) ASSERT_TRUE(ranged.pin(place.id).ok());
  const auto seen = ranged.source.counters();
  EXPECT_GE(seen.evictions, 5u);
  const auto again = ranged.pin(places.blocks[0].id);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->bytes().data(), kept->bytes().data());
  EXPECT_EQ(ranged.source.counters().reads, seen.reads);
}

TEST(storage_file_source, a_failed_read_is_reported_then_tried_again) {
  const one_slice from;
  fault_plan plan;
  const faulty_file<memory_file> broken(from.file, plan);
  ranged_over<delayed_reads<faulty_file<memory_file>>> slow(from.contents.places, {}, broken, 1'000u);
  plan.fail_at = 1;
  const pillar::block_id first = from.contents.places->blocks[0].id;
  EXPECT_EQ(slow.pin(first).error(), (pillar::failure{errc::io_error, EIO}));
  EXPECT_TRUE(slow.pin(first).ok());
  plan = {};
  plan.fail_at = 1;
  plan.lasting = true;
  slow.announce(from.ids());
  for (const auto& place : from.contents.places->blocks)
    if (place.extent != 0) EXPECT_EQ(slow.pin(place.id).error().code, errc::io_error);
  plan = {};
  expect_every_block(slow, from);
}

TEST(storage_file_source, memory_is_the_budgets) {
  const one_slice from;
  const auto swept = pillar::conformance::sweep_allocations("ranged source", [&](pillar::memory_budget& budget) {
    plain_source ranged(from.contents.places, {.cache_bytes = 2 * small_extent, .budget = &budget}, from.file);
    ranged.announce(from.ids());
    for (const auto& place : from.contents.places->blocks)
      if (const auto pin = ranged.pin(place.id); !pin.ok()) return pin.error().code;
    return errc::ok;
  });
  EXPECT_TRUE(swept.ok()) << swept;
  pillar::memory_budget small(3 * small_extent);
  plain_source ranged(from.contents.places, {.budget = &small}, from.file);  // gives way to the budget
  expect_every_block(ranged, from);
  EXPECT_GT(ranged.source.counters().evictions, 0u);
}

TEST(storage_file_source, workers_share_a_source) {
  const one_slice from;
  pillar::worker_pool pool(3);
  for (const std::uint64_t cache_bytes : {2 * small_extent, std::uint64_t{1} << 30}) {
    const auto slow = std::make_shared<slow_source>(
        from.contents.places, pillar::ranged_settings{.cache_bytes = cache_bytes}, from.file, 500u);
    auto opened = from.stored.open([&](auto&, auto&) { return pillar::any_block_source(slow); });
    ASSERT_TRUE(opened.ok());
    for (int round = 0; round < 20; ++round) {
      auto counted = run(scan(*opened) | where("few"_col > 3 && "price"_col > 1) |
                             group_by()(count().as("n"_col), sum("id"_col).as("ids"_col)),
                         pool);
      ASSERT_TRUE(counted.ok()) << counted.status();
      const auto expected = run(scan(from.table) | where("few"_col > 3 && "price"_col > 1) |
                                    group_by()(count().as("n"_col), sum("id"_col).as("ids"_col)),
                                pool);
      EXPECT_EQ(counted->rows().at(0, 0), expected->rows().at(0, 0));
      EXPECT_EQ(counted->rows().at(0, 1), expected->rows().at(0, 1));
    }
  }
}

}  // namespace
}  // namespace pillar_test::storage_file_source
