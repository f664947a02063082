// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/memory_run_store.hpp"

#include <gtest/gtest.h>

#include "pillar/conformance/faults.hpp"
#include "pillar/conformance/run_store.hpp"
#include "support/run_store_rows.hpp"

namespace pillar_test::storage_memory_run_store {
namespace {

using pillar::column;
using pillar::errc;
using pillar::memory_budget;
using pillar::memory_run_store;
using pillar::type_of;
using pillar::vector;

TEST(storage_memory_run_store, conforms) {
  for (const std::uint64_t buffer_bytes : {std::uint64_t{512} << 10, std::uint64_t{64} << 20}) {
    memory_run_store store({.buffer_bytes = buffer_bytes, .block_rows = 2048});
    const auto found = pillar::conformance::check_run_store("memory_run_store", store);
    EXPECT_TRUE(found.ok()) << found;
  }
}

TEST(storage_memory_run_store, holds_rows_encoded) {
  memory_budget budget;
  const rows_of_two rows(sanitized ? 30'000 : 100'000);
  memory_run_store store({.budget = &budget, .buffer_bytes = 1 << 20});
  const std::uint32_t run = *store.open(rows.types());
  ASSERT_EQ(append_all(store, {&run, 1}, rows), errc::ok);
  ASSERT_TRUE(store.seal(run).ok());
  // 8 bytes and 10 bits each, and the list: 1,000 texts of some 15 bytes and their slots, room for twice as many, and 8,192
  // places of 2 bytes.
  EXPECT_LT(budget.used(), rows.size() * 10 + 1000 * (16 + 2 * sizeof(pillar::text_slot)) + 8192 * 2 + (16 << 10));
  ASSERT_EQ(expect_run(store, run, 0, 1, rows), errc::ok);
  store.drop(run);
  EXPECT_LT(budget.used(), 4096u);
}

TEST(storage_memory_run_store, rows_that_do_not_fit_are_refused_whole) {
  memory_budget budget(std::uint64_t{4} << 20);
  memory_run_store store({.budget = &budget, .buffer_bytes = 7 << 10});
  const rows_of_two rows(1000);
  const std::uint32_t run = *store.open(rows.types());
  EXPECT_EQ(append_all(store, {&run, 1}, rows), errc::out_of_memory);  // 8 bytes each, and 2 for a text's number
  ASSERT_EQ(append_all(store, {&run, 1}, rows, 200), errc::ok);
  const vector null = column(*[] {
                        pillar::column_builder made(type_of<pillar::text>.as_nullable());
                        EXPECT_TRUE(made.append_null().ok());
                        return made.finish();
                      }())
                          .slice(0, 0);
  const vector number = rows.columns[0].slice(0, 0);
  const vector* const none[] = {&number, &null};
  EXPECT_TRUE(store.append(run, none, nullptr, 0).ok());
  const vector one = rows.columns[0].slice(0, 7);
  const vector* const wrong[] = {&one, &one};
  EXPECT_EQ(store.append(run, wrong, nullptr, 7).error().code, errc::type_mismatch);
  ASSERT_TRUE(store.seal(run).ok());
  EXPECT_EQ(store.counts().rows_written, rows.size());
  EXPECT_EQ(expect_run(store, run, 0, 1, rows), errc::ok);
  EXPECT_EQ(store.open({}).error().code, errc::invalid_argument);
}

TEST(storage_memory_run_store, every_allocation_may_fail) {
  const rows_of_two rows(swept_row_count);
  const auto found = pillar::conformance::sweep_allocations("memory_run_store", [&](memory_budget& budget) {
    auto options = swept_options();
    options.budget = &budget;
    memory_run_store store(options);
    return write_and_read(store, rows);
  });
  EXPECT_TRUE(found.ok()) << found;
  EXPECT_GT(found.count("injection points"), 100u);
}

}  // namespace
}  // namespace pillar_test::storage_memory_run_store
