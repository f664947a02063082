// SPDX-License-Identifier: Apache-2.0
// Every allocation of Pillar's parts refused in turn, and every file operation of a block's way to a file and back.
#include "pillar/conformance/faults.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "pillar/aggregate/aggregator.hpp"
#include "pillar/base/file.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/conformance/sample.hpp"
#include "pillar/storage/block.hpp"

namespace pillar_test::conformance_faults {
namespace {

using pillar::errc;
using pillar::conformance::fault_plan;
using pillar::conformance::faulty_file;
using pillar::conformance::sweep_allocations;
using pillar::conformance::sweep_file_operations;

pillar::conformance::sample a_column(pillar::data_type type) {
  pillar::splitmix64 random(7);
  const auto shape = pillar::conformance::sample_shape::few_values;
  return pillar::conformance::make_sample(random, type, shape,
                                          pillar::conformance::make_cells(random, type, shape, 3000));
}

TEST(conformance_faults, every_refused_allocation_comes_back) {
  for (const auto& type : {pillar::type_of<pillar::text>.as_nullable(), pillar::type_of<std::int64_t>.as_nullable()}) {
    const auto column = a_column(type);
    const auto blocks = sweep_allocations("block of " + to_string(type), [&](pillar::memory_budget& budget) {
      const auto bytes =
          pillar::encode_block(column.vectors, {.transform = pillar::transform_choice::automatic}, &budget);
      if (!bytes.ok()) return bytes.error().code;
      pillar::block_limits limits;
      limits.budget = &budget;
      return pillar::open_block(bytes->bytes(), limits).error().code;
    });
    EXPECT_TRUE(blocks.ok()) << blocks;
    EXPECT_GE(blocks.count("injection points"), 3u) << blocks;

    const auto groups = sweep_allocations("groups of " + to_string(type), [&](pillar::memory_budget& budget) {
      const pillar::aggregate_spec specs[] = {{pillar::aggregate_kind::max, 0}, {pillar::aggregate_kind::count, 0}};
      auto made = pillar::aggregator::make({&type, 1}, {&type, 1}, specs, &budget);
      if (!made.ok()) return made.error().code;
      for (const pillar::vector& part : column.vectors) {
        const pillar::vector* const one[] = {&part};
        const auto done = made->update(one, one, pillar::selection_mask::first(part.size), part.size);
        if (!done.ok()) return done.error().code;
      }
      return made->finish(&budget).error().code;
    });
    EXPECT_TRUE(groups.ok()) << groups;
    EXPECT_GE(groups.count("injection points"), 3u) << groups;

    const auto built = sweep_allocations("column of " + to_string(type), [&](pillar::memory_budget& budget) {
      pillar::column_builder builder(type, &budget);
      for (const pillar::vector& part : column.vectors)
        if (const auto done = builder.append(part); !done.ok()) return done.error().code;
      return builder.finish().error().code;
    });
    EXPECT_TRUE(built.ok()) << built;
  }
}

TEST(conformance_faults, a_refusal_that_is_swallowed_and_a_leak_are_reported) {
  const auto careless = sweep_allocations("careless", [](pillar::memory_budget& budget) {
    if (!budget.reserve(10).ok()) return errc::corrupt;
    return errc::ok;  // and never releases
  });
  EXPECT_FALSE(careless.find("a refused allocation comes back as an error, or is spared")->holds) << careless;
  EXPECT_FALSE(careless.find("nothing stays allocated")->holds) << careless;
  EXPECT_FALSE(sweep_allocations("idle", [](pillar::memory_budget&) { return errc::ok; }).ok());
}

template <class File>
errc to_file_and_back(File& file, std::span<const std::byte> bytes) {
  if (const auto put = file.append(bytes); !put.ok()) return put.error().code;
  if (const auto safe = file.sync(); !safe.ok()) return safe.error().code;
  const auto size = file.size();
  if (!size.ok()) return size.error().code;
  auto back = pillar::buffer::allocate(*size);
  if (const auto got = file.read_at(0, back->bytes()); !got.ok()) return got.error().code;
  return pillar::open_block(back->bytes()).error().code;
}

TEST(conformance_faults, every_failed_file_operation_comes_back) {
  const auto block = *pillar::encode_block(a_column(pillar::type_of<std::int32_t>).vectors);
  const std::string path = testing::TempDir() + "pillar_faults_test";
  const auto in_memory = sweep_file_operations("a block in memory", [&](fault_plan& plan) {
    pillar::conformance::memory_file file;
    faulty_file faulty(file, plan);
    return to_file_and_back(faulty, block.bytes());
  });
  EXPECT_TRUE(in_memory.ok()) << in_memory;
  EXPECT_EQ(in_memory.count("injection points"), 4u);
  const auto on_disk = sweep_file_operations("a block on disk", [&](fault_plan& plan) {
    auto file = pillar::posix_file::create(path.c_str());
    if (!file.ok()) return file.error().code;
    faulty_file faulty(*file, plan);
    return to_file_and_back(faulty, block.bytes());
  });
  EXPECT_TRUE(on_disk.ok()) << on_disk;
  std::remove(path.c_str());
  const auto careless = sweep_file_operations("careless", [&](fault_plan& plan) {
    pillar::conformance::memory_file file;
    faulty_file faulty(file, plan);
    (void)faulty.sync();
    return to_file_and_back(faulty, block.bytes());
  });
  EXPECT_FALSE(careless.find("a failed file operation comes back as an error")->holds);
}

}  // namespace
}  // namespace pillar_test::conformance_faults
