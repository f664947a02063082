// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/shared_run_store.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "pillar/schedule/worker_pool.hpp"
#include "pillar/storage/memory_run_store.hpp"

namespace pillar_test::column_shared_run_store {
namespace {

// Four threads write runs of one store, then read each other's, all at the same time.
TEST(column_shared_run_store, threads_share_a_store) {
  constexpr std::uint32_t run_count = 8, vector_count = 20;
  pillar::memory_run_store inner({.buffer_bytes = 64 << 10, .block_rows = 2048});
  pillar::shared_run_store store(inner);
  pillar::worker_pool pool(4);
  const pillar::data_type type = pillar::type_of<std::uint64_t>;
  std::vector<std::uint32_t> runs(run_count);
  std::vector<std::uint64_t> sums(run_count, 0);
  std::vector<std::uint8_t> fine(run_count, 0);
  const auto write = [&](std::uint32_t index, std::uint32_t) {
    const auto opened = store.open({&type, 1});
    if (!opened.ok()) return;
    runs[index] = *opened;
    std::uint64_t values[pillar::vector_rows];
    pillar::vector view;
    view.type = type;
    view.size = pillar::vector_rows;
    view.values = values;
    const pillar::vector* const columns[] = {&view};
    fine[index] = 1;
    for (std::uint32_t v = 0; v < vector_count; ++v) {
      for (std::uint64_t i = 0; i < pillar::vector_rows; ++i) values[i] = index * 1'000'003 + v * i;
      fine[index] &= store.append(runs[index], columns, nullptr, pillar::vector_rows).ok() ? 1 : 0;
    }
    fine[index] &= store.seal(runs[index]).ok() ? 1 : 0;
  };
  pool.bulk(run_count, write);
  const auto read = [&](std::uint32_t index, std::uint32_t) {
    auto reader = store.read(runs[index]);
    pillar::vector column;
    for (std::uint32_t v = 0; reader.ok() && fine[index] != 0; ++v) {
      const auto count = (*reader)->next({&column, 1});
      if (count.ok() && *count == 0) {
        fine[index] = v == vector_count ? 2 : 0;
        break;
      }
      fine[index] = count.ok() && *count == pillar::vector_rows ? 1 : 0;
      for (std::uint32_t i = 0; i < pillar::vector_rows && fine[index] != 0; ++i)
        fine[index] = column.value<std::uint64_t>(i) == index * 1'000'003 + std::uint64_t{v} * i ? 1 : 0;
    }
    reader = pillar::errc::io_error;  // its memory goes in turn, too
    store.drop(runs[index]);
  };
  pool.bulk(run_count, read);
  for (const auto each : fine) EXPECT_EQ(each, 2);
  EXPECT_EQ(store.counts().rows_written, std::uint64_t{run_count} * vector_count * pillar::vector_rows);
  EXPECT_EQ(store.open({}).error().code, pillar::errc::invalid_argument);
}

}  // namespace
}  // namespace pillar_test::column_shared_run_store
