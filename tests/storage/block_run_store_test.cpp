// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/block_run_store.hpp"

#include <gtest/gtest.h>

#include "pillar/column/builder.hpp"
#include "pillar/conformance/faults.hpp"
#include "pillar/conformance/run_store.hpp"
#include "pillar/storage/file_run_store.hpp"
#include "pillar/storage/memory_run_store.hpp"

namespace pillar_test::storage_block_run_store {
namespace {

using pillar::column;
using pillar::errc;
using pillar::file_run_store;
using pillar::memory_budget;
using pillar::memory_run_store;
using pillar::run_store_options;
using pillar::type_of;
using pillar::vector;
using pillar::conformance::fault_plan;
using pillar::conformance::faulty_file;
using pillar::conformance::memory_file;

/// A number, NULL now and then, and a text that may be long.
struct rows_of_two {
  std::vector<column> columns{};
  explicit rows_of_two(std::uint32_t count, std::uint64_t seed = 1) {
    pillar::column_builder numbers(type_of<std::int64_t>.as_nullable()), texts(type_of<pillar::text>);
    pillar::splitmix64 random(seed);
    for (std::uint32_t i = 0; i < count; ++i) {
      if (random.chance(1, 9)) EXPECT_TRUE(numbers.append_null().ok());
      else EXPECT_TRUE(numbers.append_integer(static_cast<std::int64_t>(random())).ok());
      EXPECT_TRUE(texts.append_text("text number " + std::to_string(random.below(1000))).ok());
    }
    columns.push_back(*numbers.finish());
    columns.push_back(*texts.finish());
  }
  std::vector<pillar::data_type> types() const { return {columns[0].type(), columns[1].type()}; }
  std::uint64_t size() const { return columns[0].size(); }
};

/// Appends all rows in vectors of `step`, one after the other to each run in turn.
errc append_all(pillar::run_store& to, std::span<const std::uint32_t> runs, const rows_of_two& rows,
                std::uint32_t step = 1000) {
  std::size_t turn = 0;
  for (std::uint64_t at = 0; at < rows.size(); at += step, ++turn) {
    const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(step, rows.size() - at));
    const vector views[] = {rows.columns[0].slice(at, count), rows.columns[1].slice(at, count)};
    const vector* const columns[] = {&views[0], &views[1]};
    if (const auto done = to.append(runs[turn % runs.size()], columns, nullptr, count); !done.ok())
      return done.error().code;
  }
  return errc::ok;
}

/// The rows that a run must hold, by the turn in which they were appended; ok, another error, or a failed test.
errc expect_run(pillar::run_store& store, std::uint32_t run, std::size_t turn, std::size_t turns,
                const rows_of_two& rows, std::uint32_t step = 1000) {
  auto reader = store.read(run);
  if (!reader.ok()) return reader.error().code;
  std::uint64_t begin = turn * step, at = begin;
  for (;;) {
    vector columns[2];
    const auto count = (*reader)->next(columns);
    if (!count.ok()) return count.error().code;
    if (*count == 0) break;
    for (std::uint32_t i = 0; i < *count; ++i) {
      if (at >= rows.size()) return errc::corrupt;
      const vector number = rows.columns[0].slice(at, 1), text = rows.columns[1].slice(at, 1);
      if (columns[0].valid(i) != number.valid(0) || columns[1].text_value(i) != text.text_value(0) ||
          (number.valid(0) && columns[0].value<std::int64_t>(i) != number.value<std::int64_t>(0)))
        return errc::corrupt;
      if (++at == begin + step) at = begin = begin + turns * step;
    }
  }
  return at >= rows.size() ? errc::ok : errc::truncated;
}

TEST(storage_block_run_store, memory_and_files_conform) {
  for (const std::uint64_t buffer_bytes : {std::uint64_t{512} << 10, std::uint64_t{64} << 20}) {
    const run_store_options options{.buffer_bytes = buffer_bytes, .block_rows = 2048};
    memory_run_store memory(options);
    auto found = pillar::conformance::check_run_store("memory_run_store", memory);
    EXPECT_TRUE(found.ok()) << found;
    memory_file file;
    file_run_store in_file(file, options);
    found = pillar::conformance::check_run_store("file_run_store", in_file, {.seed = 21});
    EXPECT_TRUE(found.ok()) << found;
  }
}

TEST(storage_block_run_store, many_runs_share_the_write_buffers) {
  memory_budget budget;
  const rows_of_two rows(100'000);
  std::vector<std::uint32_t> runs;
  {
    memory_file file;
    file_run_store store(file, {.budget = &budget, .buffer_bytes = 1 << 20});
    for (int i = 0; i < 64; ++i) runs.push_back(*store.open(rows.types()));
    ASSERT_EQ(append_all(store, runs, rows, 20), errc::ok);
    EXPECT_GT(store.counts().rows_written, 0u);
    EXPECT_LT(store.counts().rows_written, rows.size());
    for (const std::uint32_t run : runs) ASSERT_TRUE(store.seal(run).ok());
    EXPECT_LT(budget.peak(), std::uint64_t{3} << 20);  // the buffers, and one block of texts in the making
    EXPECT_EQ(store.counts().rows_written, rows.size());
    EXPECT_EQ(store.counts().bytes_written, *file.size());
    EXPECT_LT(*file.size(), rows.size() * 14);  // 8 bytes at random, and one of 1,000 texts
    for (std::size_t i = 0; i < runs.size(); ++i) ASSERT_EQ(expect_run(store, runs[i], i, 64, rows, 20), errc::ok) << i;
    EXPECT_EQ(store.counts().bytes_read, *file.size());
    for (const std::uint32_t run : runs) store.drop(run);
    EXPECT_EQ(budget.used(), 0u);
  }
  memory_run_store store({.budget = &budget, .buffer_bytes = 1 << 20});
  runs.assign(1, *store.open(rows.types()));
  ASSERT_EQ(append_all(store, runs, rows), errc::ok);
  ASSERT_TRUE(store.seal(runs[0]).ok());
  EXPECT_LT(budget.used(), rows.size() * 12);  // encoded
  ASSERT_EQ(expect_run(store, runs[0], 0, 1, rows), errc::ok);
  store.drop(runs[0]);
  EXPECT_LT(budget.used(), 4096u);
}

TEST(storage_block_run_store, rows_that_do_not_fit_are_refused_whole) {
  memory_budget budget(std::uint64_t{4} << 20);
  memory_run_store store({.budget = &budget, .buffer_bytes = 24 << 10});
  const rows_of_two rows(1000);
  const std::uint32_t run = *store.open(rows.types());
  EXPECT_EQ(append_all(store, {&run, 1}, rows), errc::out_of_memory);  // 1,000 texts alone are 16 KiB, and their bytes
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

/// Three runs written, two read, one dropped.
errc write_and_read(pillar::run_store& store, const rows_of_two& rows) {
  std::uint32_t runs[3];
  for (auto& run : runs) {
    const auto number = store.open(rows.types());
    if (!number.ok()) return number.error().code;
    run = *number;
  }
  errc said = append_all(store, runs, rows, 100);
  for (const std::uint32_t run : runs)
    if (said == errc::ok) said = store.seal(run).error().code;
  for (std::size_t i = 0; i < 2 && said == errc::ok; ++i) said = expect_run(store, runs[i], i, 3, rows, 100);
  store.drop(runs[2]);
  return said;
}

TEST(storage_block_run_store, every_allocation_and_file_operation_may_fail) {
  const rows_of_two rows(3'000);
  const run_store_options small{.buffer_bytes = 40 << 10, .block_rows = 1024};
  const auto in_memory = pillar::conformance::sweep_allocations("memory_run_store", [&](memory_budget& budget) {
    auto options = small;
    options.budget = &budget;
    memory_run_store store(options);
    return write_and_read(store, rows);
  });
  EXPECT_TRUE(in_memory.ok()) << in_memory;
  EXPECT_GT(in_memory.count("injection points"), 100u);
  const auto in_file = pillar::conformance::sweep_file_operations("file_run_store", [&](fault_plan& plan) {
    memory_budget budget;
    errc said;
    {
      memory_file inner;
      faulty_file<memory_file> file(inner, plan);
      auto options = small;
      options.budget = &budget;
      file_run_store store(file, options);
      said = write_and_read(store, rows);
    }
    EXPECT_EQ(budget.used(), 0u);
    return said;
  });
  EXPECT_TRUE(in_file.ok()) << in_file;
  EXPECT_GT(in_file.count("injection points"), 10u);
}

TEST(storage_block_run_store, a_failed_write_costs_its_run_and_no_other) {
  const rows_of_two rows(1'500);
  memory_file inner;
  fault_plan plan;
  faulty_file<memory_file> file(inner, plan);
  file_run_store store(file, {.block_rows = 1024});
  std::uint32_t runs[3];
  for (auto& run : runs) run = *store.open(rows.types());
  ASSERT_EQ(append_all(store, {runs, 1}, rows), errc::ok);
  ASSERT_TRUE(store.seal(runs[0]).ok());
  plan.fail_at = plan.operations + 2;
  EXPECT_EQ(append_all(store, {runs + 1, 1}, rows), errc::io_error);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store.seal(runs[1]).error().code, errc::io_error);
    EXPECT_EQ(store.read(runs[1]).error().code, errc::io_error);
  }
  EXPECT_EQ(append_all(store, {runs + 2, 1}, rows), errc::io_error);  // where the file ends is not known any more
  EXPECT_EQ(expect_run(store, runs[0], 0, 1, rows), errc::ok);
}

/// A file in memory that a test may change.
struct open_file {
  std::vector<std::byte> bytes{};
  pillar::result<std::uint64_t> size() const { return std::uint64_t{bytes.size()}; }
  pillar::result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const {
    if (offset > bytes.size() || bytes.size() - offset < into.size()) return {errc::truncated, offset};
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  }
  pillar::result<void> append(std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  }
  pillar::result<void> sync() { return {}; }
};

TEST(storage_block_run_store, bytes_that_others_change_never_become_rows) {
  const rows_of_two rows(120);
  open_file file;
  file_run_store store(file);
  const std::uint32_t runs[] = {*store.open(rows.types()), *store.open(rows.types())};
  ASSERT_EQ(append_all(store, runs, rows, 60), errc::ok);
  for (const std::uint32_t run : runs) ASSERT_TRUE(store.seal(run).ok());
  const auto both = [&] {
    const errc first = expect_run(store, runs[0], 0, 2, rows, 60);
    return first != errc::ok ? first : expect_run(store, runs[1], 1, 2, rows, 60);
  };
  ASSERT_EQ(both(), errc::ok);
  const std::vector<std::byte> sound = file.bytes;
  for (std::size_t at = 0; at < sound.size(); at += at % 64 < 48 ? 1 : 5) {
    file.bytes[at] ^= std::byte{static_cast<unsigned char>(1u << at % 8)};
    const errc said = both();
    ASSERT_TRUE(said == errc::checksum_mismatch || said == errc::corrupt || said == errc::unsupported ||
                said == errc::truncated)
        << at;
    file.bytes[at] = sound[at];
  }
  for (std::size_t size = 0; size < sound.size(); size += 7) {
    file.bytes.resize(size);
    ASSERT_EQ(both(), errc::truncated);
    file.bytes = sound;
  }
  // A sound block of the same size in another's place.
  open_file twice;
  file_run_store twins(twice);
  std::vector<std::uint32_t> pair;
  std::vector<std::size_t> ends;
  pillar::splitmix64 random(3);
  for (int i = 0; i < 2; ++i) {
    std::vector<std::uint64_t> values(60);
    for (auto& value : values) value = random();
    values[0] = 0, values[1] = ~std::uint64_t{0};
    pillar::column_builder builder(type_of<std::uint64_t>);
    ASSERT_TRUE(builder.append_values<std::uint64_t>(values).ok());
    const column made = *builder.finish();
    pair.push_back(*twins.open({&made.type(), 1}));
    const vector number = made.slice(0, 60);
    const vector* const columns[] = {&number};
    ASSERT_TRUE(twins.append(pair.back(), columns, nullptr, 60).ok() && twins.seal(pair.back()).ok());
    ends.push_back(twice.bytes.size());
  }
  ASSERT_EQ(ends[1], 2 * ends[0]);
  std::swap_ranges(twice.bytes.begin(), twice.bytes.begin() + static_cast<std::ptrdiff_t>(ends[0]),
                   twice.bytes.begin() + static_cast<std::ptrdiff_t>(ends[0]));
  vector read[1];
  EXPECT_EQ((*twins.read(pair[0]))->next(read).error().code, errc::checksum_mismatch);
}

}  // namespace
}  // namespace pillar_test::storage_block_run_store
