// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/table_files.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>

#include "pillar/column/format.hpp"
#include "pillar/pipeline/audit.hpp"
#include "pillar/pipeline/explain.hpp"

#include "support/stored_tables.hpp"

namespace pillar_test::storage_table_files {
namespace {

using namespace pillar::query;

constexpr std::uint64_t small_extent = 16 * 1024;

std::string rows_and_account(const pillar::query_result& result) {
  std::ostringstream out;
  out << pillar::format_table(result.rows(), 1'000'000);
  const auto& stats = result.stats();
  out << stats.rows_in_table << ' ' << stats.rows_selected << ' ' << stats.row_groups << ' ' << stats.row_groups_skipped
      << ' ' << stats.bytes_read() << ' ' << stats.bytes_unread() << '\n';
  for (const auto& block : stats.blocks) {
    out << block.slice << ' ' << block.group << ' ' << block.column << ' ' << block.bytes_read << '/'
        << block.block_bytes;
    for (const auto count : block.vectors) out << ' ' << count;
    out << '\n';
  }
  return out.str();
}

/// Questions that zones, directories, packed data and decoding answer.
template <class Ask>
void every_question(const pillar::table& table, Ask ask) {
  const auto tell = [&](const auto& plan) { ask(plan.plan); };
  tell(scan(table) | where("id"_col < 300) | project("id"_col, "word"_col, "real"_col, "wide"_col, "flag"_col));
  tell(scan(table) | where("id"_col < 0 || "day"_col > date{2100, 1, 1}) | project("id"_col));
  tell(scan(table) | group_by()(count().as("n"_col)));
  tell(scan(table) | where("small"_col < 100 && "word"_col == "beta") |
       group_by("few"_col)(sum("price"_col).as("p"_col), max("long"_col).as("l"_col), count().as("n"_col)) |
       order_by(ascending("few"_col)));
  tell(scan(table) | where("few"_col == 5 && "real"_col > 100) | top(7, descending("price"_col), ascending("id"_col)));
  tell(scan(table) | where("id"_col >= 0) | group_by()(sum("id"_col).as("i"_col), sum("narrow"_col).as("f"_col)));
  tell(scan(table) | where("word"_col == "no such word" && "price"_col > 3) | project("wide"_col));
}

TEST(storage_table_files, scans_give_the_same_rows_and_the_same_account) {
  const auto table = sample_table(9'000, 2);
  const stored_slices stored(table, small_extent);
  using ranged = ranged_over<pillar::file_reads<memory_file>>;
  auto opened = stored.open([](auto& file, auto& places) {
    return pillar::any_block_source(std::make_shared<ranged>(places, pillar::ranged_settings{}, file));
  });
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->schema(), table.schema());
  EXPECT_EQ(opened->version()->row_count(), table.version()->row_count());
  EXPECT_EQ(opened->version()->encoded_bytes(), table.version()->encoded_bytes());
  pillar::inline_executor alone;
  std::vector<std::string> expected;
  every_question(table, [&](const auto& plan) {
    const auto result = run_plan(plan, alone);
    ASSERT_TRUE(result.ok()) << result.status();
    expected.push_back(rows_and_account(*result));
  });
  std::size_t at = 0;
  every_question(*opened, [&](const auto& plan) {
    const auto result = run_plan(plan, alone);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(rows_and_account(*result), expected[at]) << "question " << at;
    ++at;
  });
  at = 0;
  every_question(*opened, [&](const auto& plan) {
    const auto told = explain_plan(plan);
    ASSERT_TRUE(told.ok()) << told.status();
    const auto audited = audit_plan(plan, {}, *std::make_unique<pillar::query_context>());
    ASSERT_TRUE(audited.ok());
    EXPECT_EQ(audited->liar_count, 0u) << at;
    ++at;
  });
}

TEST(storage_table_files, what_zones_skip_is_not_read) {
  const auto table = sample_table(8'192, 1, 1024);  // 8 row groups, sorted by id
  const stored_slices stored(table, 1);             // every block an extent
  using ranged = ranged_over<pillar::file_reads<memory_file>>;
  std::shared_ptr<ranged> source;
  auto opened = stored.open([&](auto& file, auto& places) {
    source = std::make_shared<ranged>(places, pillar::ranged_settings{}, file);
    return pillar::any_block_source(source);
  });
  ASSERT_TRUE(opened.ok());
  pillar::inline_executor alone;
  std::uint64_t before = 0;
  const auto reads_of = [&](const auto& query) {
    const auto result = run_plan(query.plan, alone);
    EXPECT_TRUE(result.ok()) << result.status();
    const std::uint64_t now = source->source.counters().reads;
    const std::uint64_t reads = now - before;
    before = now;
    return reads;
  };
  EXPECT_EQ(reads_of(scan(*opened) | where("id"_col < 0) | project("long"_col)), 0u);
  EXPECT_EQ(reads_of(scan(*opened) | where("id"_col >= 0) | group_by()(count().as("n"_col))), 0u);
  // Row group 7 whole: its ids need not be read to know that all pass.
  EXPECT_EQ(reads_of(scan(*opened) | where("id"_col >= 7 * 1024) | project("long"_col)), 1u);
  // Half of row group 3: the ids, and the words of what is left.
  EXPECT_EQ(reads_of(scan(*opened) | where("id"_col >= 3'500 && "id"_col < 3'600) | project("word"_col)), 2u);
  // No row is left in any row group when the values' turn comes.
  EXPECT_EQ(reads_of(scan(*opened) | where("few"_col == 1 && "few"_col == 2) | project("wide"_col)), 8u);
  // Everything of one column.
  EXPECT_EQ(reads_of(scan(*opened) | project("at"_col)), 8u);
}

class folder_test : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "pillar_table_files_XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  void TearDown() override {
    for (std::uint32_t s = 0; s < 4; ++s) std::remove((folder_ + '/' + pillar::slice_file_name(s)).c_str());
    ::rmdir(folder_.c_str());
  }
  std::string folder_;
};

TEST_F(folder_test, a_table_leaves_to_a_folder_and_comes_back) {
  const auto table = sample_table(5'000, 3);
  ASSERT_TRUE(write_table(*table.version(), table.schema(), folder_, 42).ok());
  pillar::worker_pool pool(2);
  const auto ask = [&](const pillar::table& from) {
    const auto result = run(scan(from) | where("few"_col > 2) | order_by(ascending("id"_col)), pool);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? pillar::format_table(result->rows(), 100'000) : std::string();
  };
  const std::string expected = ask(table);
  for (const bool mapped : {false, true}) {
    pillar::folder_options options;
    options.mapped = mapped;
    options.table.order = pillar::compound({"id"});
    auto opened = pillar::open_table_folder(folder_, options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(ask(*opened), expected);
    // What is appended lies in memory beside it; ids go on where they ended.
    ASSERT_TRUE(opened->append(set_of(pillar::describe<sample>(), sample_rows(5, 100))).ok());
    EXPECT_EQ(opened->version()->row_count(), 5'100u);
    EXPECT_EQ(opened->version()->slices[0].groups.back()->id, table.version()->next_group_id);
    EXPECT_NE(ask(*opened), expected);
    // Written again, from its files and from memory.
    const std::string both = ask(*opened);
    const std::string copy = folder_ + "/copy";
    ASSERT_EQ(::mkdir(copy.c_str(), 0777), 0);
    ASSERT_TRUE(write_table(*opened->version(), opened->schema(), copy, 43).ok());
    auto again = pillar::open_table_folder(copy);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(ask(*again), both);
    for (std::uint32_t s = 0; s < 3; ++s) std::remove((copy + '/' + pillar::slice_file_name(s)).c_str());
    ::rmdir(copy.c_str());
  }
}

TEST_F(folder_test, a_folder_is_written_anew_from_its_own_files) {
  const auto table = sample_table(3'000, 2);
  ASSERT_TRUE(write_table(*table.version(), table.schema(), folder_, 42).ok());
  pillar::inline_executor alone;
  const auto ids = [&](const pillar::table& from) {
    const auto result = run(scan(from) | group_by()(sum("id"_col).as("i"_col), max("long"_col).as("l"_col)), alone);
    return result.ok() ? pillar::format_table(result->rows(), 10) : result.status().ToString();
  };
  for (const bool mapped : {false, true}) {
    auto opened = pillar::open_table_folder(folder_, {.mapped = mapped});
    ASSERT_TRUE(opened.ok()) << opened.status();
    const std::string expected = ids(*opened);
    ASSERT_TRUE(opened->append(set_of(pillar::describe<sample>(), sample_rows(5, 100))).ok());
    ASSERT_TRUE(write_table(*opened->version(), opened->schema(), folder_, 43).ok());
    const auto again = pillar::open_table_folder(folder_);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(ids(*again), ids(*opened));
    EXPECT_NE(ids(*again), expected);
  }
}

TEST_F(folder_test, what_does_not_belong_together_is_refused) {
  EXPECT_EQ(pillar::open_table_folder(folder_).status().code(), absl::StatusCode::kUnavailable);
  auto table = sample_table(2'000, 2);
  ASSERT_TRUE(write_table(*table.version(), table.schema(), folder_, 42).ok());
  const std::string first = folder_ + "/slice-0.pillar", second = folder_ + "/slice-1.pillar",
                    aside = folder_ + "/slice-3.pillar";
  ASSERT_EQ(std::rename(first.c_str(), aside.c_str()), 0);
  ASSERT_TRUE(table.append(set_of(pillar::describe<sample>(), sample_rows(5, 100))).ok());
  ASSERT_TRUE(write_table(*table.version(), table.schema(), folder_, 44).ok());
  ASSERT_EQ(std::rename(aside.c_str(), first.c_str()), 0);  // slice 0 of the version before
  const auto mixed = pillar::open_table_folder(folder_).status();
  EXPECT_EQ(mixed.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(mixed.message(), "slice 1 is of version 2, not 1");
  ASSERT_EQ(std::rename(second.c_str(), first.c_str()), 0);
  EXPECT_FALSE(pillar::open_table_folder(folder_).ok());
  EXPECT_EQ(write_table(*table.version(), table.schema(), folder_ + "/nowhere", 1).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(pillar::open_table({}).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(folder_test, damage_is_the_querys_error) {
  const auto table = sample_table(4'000);
  ASSERT_TRUE(write_table(*table.version(), table.schema(), folder_, 42).ok());
  auto opened = pillar::open_table_folder(folder_, {.mapped = true});
  ASSERT_TRUE(opened.ok());
  const std::string path = folder_ + "/slice-0.pillar";
  const auto contents = pillar::open_slice_file(pillar::readable_file_ref(*pillar::posix_file::open(path.c_str())));
  ASSERT_TRUE(contents.ok());
  const auto& damaged = contents->groups[1].blocks[0].where;
  std::FILE* const file = std::fopen(path.c_str(), "r+b");
  ASSERT_NE(file, nullptr);
  std::fseek(file, static_cast<long>(damaged.offset + damaged.bytes / 2), SEEK_SET);
  std::fputs("damage", file);
  std::fclose(file);
  pillar::inline_executor alone;
  const auto result = run(scan(*opened) | project("id"_col), alone);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kDataLoss) << result.status();
  EXPECT_TRUE(run(scan(*opened) | project("small"_col), alone).ok());
}

}  // namespace
}  // namespace pillar_test::storage_table_files
