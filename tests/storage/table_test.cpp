// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/table.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "pillar/base/env.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "pillar/storage/block.hpp"
#include "support/encoded_columns.hpp"
#include "support/reference_query.hpp"
#include "support/sample_rows.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::storage_table {
namespace {

using namespace pillar::query;
using pillar::column_set;
using pillar::scalar;
using pillar::table;
using pillar::table_options;
using pillar::table_version;

column_set sample_set(std::uint64_t seed, std::uint32_t row_count) {
  return set_of(pillar::describe<sample>(), sample_rows(seed, row_count));
}

/// A row group's rows, decoded vector by vector.
std::vector<cell_row> rows_of_group(const pillar::row_group& group) {
  std::vector<cell_row> rows(group.row_count);
  for (std::uint32_t v = 0; v < group.vector_count(); ++v) {
    std::vector<pillar::batch_column> columns(group.blocks.size());
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c].source = group.blocks[c].view.vector_at(v);
    pillar::batch decoded;
    decoded.row_count = group.rows_of(v);
    decoded.columns = columns;
    for (std::uint32_t c = 0; c < columns.size(); ++c)
      for (std::uint32_t r = 0; r < decoded.row_count; ++r)
        rows[v * 1'024 + r].push_back(pillar::get(decoded.column(c), r));
  }
  return rows;
}
std::vector<cell_row> rows_of_slice(const pillar::table_slice& slice) {
  std::vector<cell_row> rows;
  for (const auto& group : slice.groups)
    for (auto& one : rows_of_group(*group)) rows.push_back(std::move(one));
  return rows;
}
std::multiset<std::string> spelled(const std::vector<cell_row>& rows) {
  std::multiset<std::string> out;
  for (const auto& one : rows) {
    std::string text;
    for (const auto& cell : one) text += to_string(cell) + '|';
    out.insert(std::move(text));
  }
  return out;
}
std::multiset<std::string> spelled(const table_version& version) {
  std::vector<cell_row> rows;
  for (const auto& slice : version.slices)
    for (auto& one : rows_of_slice(slice)) rows.push_back(std::move(one));
  return spelled(rows);
}

TEST(storage_table, keeps_every_row_of_every_load_whatever_the_options) {
  pillar::worker_pool pool(3);
  const table_options options[] = {
      {},
      {.distribution = pillar::evenly(pillar::slices{3}), .row_group_rows = 1024},
      {.distribution = pillar::by_key("word"_col, pillar::slices{4}),
       .order = pillar::compound("day"_col, "long"_col),
       .row_group_rows = 2048},
      {.distribution = pillar::by_key({"few", "flag"}, pillar::slices{5}),
       .order = pillar::compound({"real"}),
       .row_group_rows = 1024,
       .encoding = {.transform = pillar::transform_choice::zstd}},
      {.encoding = {.codec = pillar::codec_id::raw}},
      {.encoding = {.codec = pillar::codec_id::dictionary}},
      {.encoding = {.codec = pillar::codec_id::frame_of_reference, .transform = pillar::transform_choice::automatic}},
  };
  for (const auto& how : options) {
    table made(pillar::describe<sample>(), how);
    ASSERT_TRUE(made.status().ok()) << made.status();
    std::vector<cell_row> expected;
    for (const std::uint32_t count : {sanitized ? 100u : 700u, 0u, 1u, 1'100u}) {
      // Texts of two chunks, and of columns that are not flat, lie in other buffers.
      const column_set rows = sample_set(count, count), others = encode_columns(sample_set(count + 1, count / 2));
      ASSERT_TRUE(made.append({rows, others, rows}, pool).ok());
      for (const auto& [seed, rows_here] : {std::pair{count, count}, {count + 1, count / 2}, {count, count}})
        for (auto& one : sample_rows(seed, rows_here)) expected.push_back(std::move(one));
    }
    const auto version = made.version();
    EXPECT_EQ(version->row_count(), expected.size());
    EXPECT_EQ(version->number, 4u);
    EXPECT_GT(version->encoded_bytes(), 0u);
    EXPECT_EQ(version->slices.size(), how.distribution.slice_count);
    EXPECT_TRUE(spelled(*version) == spelled(expected));
    for (const auto& slice : version->slices) {
      std::uint64_t rows = 0;
      for (const auto& group : slice.groups) {
        rows += group->row_count;
        EXPECT_LE(group->row_count, how.row_group_rows);
        EXPECT_GT(group->row_count, 0u);
      }
      EXPECT_EQ(rows, slice.row_count);
    }
  }
}

TEST(storage_table, a_forced_codec_is_used_where_it_fits) {
  table made(pillar::describe<sample>(), {.encoding = {.codec = pillar::codec_id::dictionary}});
  ASSERT_TRUE(made.append(sample_set(1, 3'000)).ok());
  const auto& group = *made.version()->slices[0].groups[0];
  EXPECT_EQ(group.blocks[6].view.codec(), pillar::codec_id::dictionary);
  EXPECT_EQ(group.blocks[1].view.codec(), pillar::codec_id::dictionary);
}

TEST(storage_table, equal_keys_meet_in_one_slice_over_all_loads) {
  table made(pillar::describe<sample>(),
             {.distribution = pillar::by_key("word"_col, pillar::slices{3}), .row_group_rows = 1024});
  ASSERT_TRUE(made.append(sample_set(1, 2'000)).ok());
  ASSERT_TRUE(made.append(sample_set(2, 2'000)).ok());
  std::map<std::string, std::set<std::size_t>> slices_of;
  const auto version = made.version();
  for (std::size_t s = 0; s < version->slices.size(); ++s)
    for (const auto& one : rows_of_slice(version->slices[s])) slices_of[to_string(one[6])].insert(s);
  EXPECT_GE(slices_of.size(), 6u);
  for (const auto& [key, slices] : slices_of) EXPECT_EQ(slices.size(), 1u) << key;
}

TEST(storage_table, each_load_is_sorted_within_each_slice) {
  table made(pillar::describe<sample>(), {.distribution = pillar::evenly(pillar::slices{2}),
                                          .order = pillar::compound("few"_col, "long"_col),
                                          .row_group_rows = 1024});
  ASSERT_TRUE(made.append(sample_set(1, 5'000)).ok());
  const auto version = made.version();
  for (const auto& slice : version->slices) {
    const auto rows = rows_of_slice(slice);
    ASSERT_EQ(rows.size(), 2'500u);
    for (std::size_t r = 1; r < rows.size(); ++r) {
      using reference_query_detail::compare_cells;
      const int few = compare_cells(rows[r - 1][1], rows[r][1]);
      ASSERT_LE(few, 0) << r;
      if (few == 0) ASSERT_LE(compare_cells(rows[r - 1][7], rows[r][7]), 0) << r;
    }
  }
}

TEST(storage_table, a_pinned_version_stays_as_it_was) {
  table made(pillar::describe<sample>(), {.distribution = pillar::evenly(pillar::slices{2}), .row_group_rows = 1024});
  const auto empty = made.version();
  ASSERT_TRUE(made.append(sample_set(1, 1'000)).ok());
  const auto first = made.version();
  const auto cells = spelled(*first);
  ASSERT_TRUE(made.append(sample_set(2, 3'000)).ok());
  const auto second = made.version();
  EXPECT_EQ(empty->row_count(), 0u);
  EXPECT_EQ(first->row_count(), 1'000u);
  EXPECT_EQ(second->row_count(), 4'000u);
  EXPECT_LT(empty->number, first->number);
  EXPECT_LT(first->number, second->number);
  EXPECT_TRUE(spelled(*first) == cells);
  EXPECT_EQ(first->slices[0].groups[0], second->slices[0].groups[0]);  // shared, not copied
  // A version outlives its table.
  auto other = std::make_unique<table>(std::move(made));
  const auto last = other->version();
  other.reset();
  EXPECT_TRUE(spelled(*first) == cells);
  EXPECT_EQ(last->row_count(), 4'000u);
}

/// A load appears in one step: a reader never sees a part of it.
TEST(storage_table, readers_see_whole_loads_while_one_thread_appends) {
  table made(pillar::describe<sample>(), {.distribution = pillar::evenly(pillar::slices{2}), .row_group_rows = 1024});
  const column_set rows = sample_set(1, 700);
  std::atomic<bool> done{false};
  std::atomic<int> broken{0};
  std::thread reader([&] {
    std::uint64_t before = 0;
    while (!done.load()) {
      const auto version = made.version();
      if (version->row_count() != version->number * 700 || version->number < before) broken.fetch_add(1);
      before = version->number;
    }
  });
  for (int load = 0; load < 20; ++load) EXPECT_TRUE(made.append(rows).ok());
  done.store(true);
  reader.join();
  EXPECT_EQ(broken.load(), 0);
  EXPECT_EQ(made.version()->row_count(), 14'000u);
}

TEST(storage_table, row_group_ids_never_recur) {
  table made(pillar::describe<sample>(), {.distribution = pillar::evenly(pillar::slices{2}), .row_group_rows = 1024});
  std::set<std::uint64_t> seen;
  std::size_t groups = 0;
  for (int load = 0; load < 3; ++load) ASSERT_TRUE(made.append(sample_set(1, 3'000)).ok());
  const auto version = made.version();
  for (const auto& slice : version->slices)
    for (const auto& group : slice.groups) seen.insert(group->id), ++groups;
  EXPECT_EQ(groups, 12u);
  EXPECT_EQ(seen.size(), groups);
}

TEST(storage_table, bad_options_are_sentences) {
  const auto message = [](table_options options) {
    table made(pillar::describe<sample>(), std::move(options));
    EXPECT_FALSE(made.status().ok());
    EXPECT_EQ(made.append(sample_set(1, 10)), made.status());
    EXPECT_EQ(made.version()->row_count(), 0u);
    return std::string(made.status().message());
  };
  EXPECT_NE(message({.distribution = pillar::by_key("wort"_col, pillar::slices{2})})
                .find("no column 'wort' among: id, few, small, flag, day, at, word, long, price, wide, real, narrow; "
                      "did you mean 'word'?"),
            std::string::npos);
  EXPECT_NE(message({.order = pillar::compound("dayy"_col)}).find("did you mean 'day'?"), std::string::npos);
  EXPECT_EQ(message({.distribution = pillar::evenly(pillar::slices{0})}), "a table needs at least one slice");
  EXPECT_EQ(message({.distribution = pillar::evenly(pillar::slices{65'537})}), "a table has at most 65,536 slices");
  EXPECT_EQ(message({.distribution = pillar::by_key(std::vector<std::string>{}, pillar::slices{2})}),
            "a distribution by key needs a column");
  for (const std::uint32_t rows : {0u, 1'000u, 65'537u, 131'072u})
    EXPECT_EQ(message({.row_group_rows = rows}), "row_group_rows must be a multiple of 1,024, at most 65,536");
  pillar::dynamic_schema twice;
  twice.columns = {{"a", pillar::type_of<bool>}, {"a", pillar::type_of<bool>}};
  EXPECT_EQ(table(twice, {}).status().message(), "two columns are called 'a'");
  EXPECT_EQ(table(pillar::dynamic_schema{}, {}).status().message(), "a table needs at least one column");
}

TEST(storage_table, rows_of_another_schema_are_refused_whole) {
  table made(pillar::describe<sample>(), {});
  column_set good = sample_set(1, 100);
  column_set bad = sample_set(2, 100);
  bad.schema.columns[2].name = "tiny";
  pillar::inline_executor runner;
  EXPECT_EQ(made.append({good, bad}, runner).message(), "column 2 is 'tiny' as uint8, expected 'small' as uint8");
  bad = sample_set(2, 100);
  bad.schema.columns.pop_back();
  bad.columns.pop_back();
  EXPECT_EQ(made.append({good, bad}, runner).message(), "there are 11 columns, expected 12");
  EXPECT_EQ(made.version()->row_count(), 0u);
  EXPECT_TRUE(made.append({}, runner).ok());
  EXPECT_TRUE(made.append({good}, runner).ok());
}

/// With any limit a load succeeds or leaves the table as it was; what a table held is given back.
TEST(storage_table, a_load_beyond_the_budget_changes_nothing) {
  int refused = 0, loaded = 0;
  const column_set rows = sample_set(1, 3'000);
  for (std::uint64_t limit = 1'000; limit < (std::uint64_t{64} << 20) && loaded < 2; limit *= 3) {
    pillar::memory_budget budget(limit);
    {
      table made(pillar::describe<sample>(),
                 {.distribution = pillar::evenly(pillar::slices{2}), .row_group_rows = 1024, .budget = &budget});
      const auto before = made.version();
      if (const auto done = made.append(rows); !done.ok()) {
        ++refused;
        EXPECT_EQ(done.code(), absl::StatusCode::kResourceExhausted) << done;
        EXPECT_EQ(made.version(), before);
        EXPECT_EQ(budget.used(), 0u);
      } else {
        ++loaded;
        EXPECT_GE(budget.used(), made.version()->encoded_bytes());
        EXPECT_GE(budget.peak(), budget.used());
      }
    }
    EXPECT_EQ(budget.used(), 0u) << limit;
  }
  EXPECT_GT(refused, 2);
  EXPECT_EQ(loaded, 2);
}

TEST(storage_table, progress_counts_up_to_all_rows) {
  pillar::worker_pool pool(3);
  table made(pillar::describe<sample>(), {.distribution = pillar::evenly(pillar::slices{4}), .row_group_rows = 1024});
  std::vector<std::uint64_t> steps;
  const auto note = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(total, 10'000u);
    steps.push_back(done);
  };
  const pillar::load_progress progress(note);
  ASSERT_TRUE(made.append({sample_set(1, 6'000), sample_set(2, 4'000)}, pool, &progress).ok());
  ASSERT_EQ(steps.size(), 12u);
  for (std::size_t i = 1; i < steps.size(); ++i) EXPECT_GT(steps[i], steps[i - 1]);
  EXPECT_EQ(steps.back(), 10'000u);
}

TEST(storage_table, skew_is_the_largest_over_the_mean) {
  table made(pillar::describe<sample>(), {.distribution = pillar::by_key("flag"_col, pillar::slices{8})});
  EXPECT_EQ(skew_of(*made.version()).largest_over_mean, 1.0);
  ASSERT_TRUE(made.append(sample_set(1, 4'000)).ok());
  const auto skew = skew_of(*made.version());
  ASSERT_EQ(skew.rows.size(), 8u);
  std::uint64_t total = 0, largest = 0;
  for (const auto rows : skew.rows) total += rows, largest = std::max(largest, rows);
  EXPECT_EQ(total, 4'000u);
  EXPECT_DOUBLE_EQ(skew.largest_over_mean, static_cast<double>(largest) / 500);
  EXPECT_GT(skew.largest_over_mean, 2.0);  // three keys cannot fill eight slices
}

/// Equal rows give equal blocks, whoever encodes them.
TEST(storage_table, loading_is_deterministic) {
  const auto checksums = [](std::uint32_t threads) {
    pillar::worker_pool pool(threads);
    table made(pillar::describe<sample>(), {.distribution = pillar::by_key("few"_col, pillar::slices{3}),
                                            .order = pillar::compound("word"_col),
                                            .row_group_rows = 1024});
    EXPECT_TRUE(made.append({sample_set(1, 4'000)}, pool).ok());
    std::vector<std::uint64_t> out;
    for (const auto& slice : made.version()->slices)
      for (const auto& group : slice.groups)
        for (const auto& block : group->blocks) out.push_back(block.view.checksum()), out.push_back(group->id);
    return out;
  };
  EXPECT_EQ(checksums(1), checksums(4));
}

}  // namespace
}  // namespace pillar_test::storage_table
