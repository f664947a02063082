// SPDX-License-Identifier: Apache-2.0
// pillar-inspect as its users run it: over the committed sample (text as committed, JSON that parses, a page), and over
// files that are damaged in every way.
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include <nlohmann/json.hpp>

#include "support/stored_tables.hpp"

namespace pillar_test::inspect_program {
namespace {

using namespace pillar::query;

const std::string samples = PILLAR_SOURCE_DIR "/tests/golden/inspect";

struct outcome {
  int status = -1;
  std::string out;
};

outcome inspect(const std::string& arguments) {
  outcome made;
  std::FILE* const pipe = ::popen((PILLAR_INSPECT_PROGRAM " " + arguments + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return made;
  char part[4096];
  for (std::size_t got; (got = std::fread(part, 1, sizeof(part), pipe)) != 0;) made.out.append(part, got);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) made.status = WEXITSTATUS(status);
  return made;
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

struct sample_row
    : pillar::schema<pillar::field<"day", pillar::date>, pillar::field<"n", pillar::nullable<std::int32_t>>,
                     pillar::field<"word", pillar::text>, pillar::field<"real", double>,
                     pillar::field<"runs", std::int64_t>> {};

/// PILLAR_WRITE_GOLDEN=1 writes the sample anew: a folder of one slice, a block, and what the program says of them.
void write_samples() {
  pillar::column_set_builder rows(pillar::describe<sample_row>());
  pillar::splitmix64 random(3);
  for (int i = 0; i < 3'000; ++i) {
    const std::string_view words[] = {"alpha", "", "a word beyond twelve bytes", "<b>&\"'\\\x01\xff"};
    const pillar::date day = pillar::date::from_days(20'000 + i / 30);
    const auto n = static_cast<std::int32_t>(random.below(1'000));
    const double real = static_cast<double>(random.below(4'000)) / 8;
    ASSERT_TRUE(rows.column_at(0).append_values<pillar::date>({&day, 1}).ok());
    if (i % 9 == 0) ASSERT_TRUE(rows.column_at(1).append_null().ok());
    else ASSERT_TRUE(rows.column_at(1).append_values<std::int32_t>({&n, 1}).ok());
    ASSERT_TRUE(rows.column_at(2).append_values<std::string_view>({&words[random.below(4)], 1}).ok());
    ASSERT_TRUE(rows.column_at(3).append_values<double>({&real, 1}).ok());
    const std::int64_t run = (i / 40) * (i / 40) % 7'919;
    ASSERT_TRUE(rows.column_at(4).append_values<std::int64_t>({&run, 1}).ok());
  }
  pillar::typed_table<sample_row> table(
      {.row_group_rows = 2'048, .encoding = {.transform = pillar::transform_choice::zstd}});
  ASSERT_TRUE(table.append(*rows.finish()).ok());
  ASSERT_TRUE(write_table(*table.version(), table.schema(), samples, 42, 4'096).ok());
  const auto block = table.version()->slices[0].groups[0]->blocks[2].bytes.bytes();
  write(samples + "/word.block", {reinterpret_cast<const char*>(block.data()), block.size()});
  write(samples + "/slice.txt", inspect("--vectors " + samples + "/slice-0.pillar").out);
  write(samples + "/block.txt", inspect(samples + "/word.block").out);
}

TEST(inspect_program, text_is_as_committed) {
  if (std::getenv("PILLAR_WRITE_GOLDEN") != nullptr) write_samples();
  const outcome slice = inspect("--vectors " + samples + "/slice-0.pillar"), block = inspect(samples + "/word.block");
  EXPECT_EQ(slice.status, 0);
  EXPECT_EQ(slice.out, content(samples + "/slice.txt"));
  EXPECT_EQ(block.status, 0);
  EXPECT_EQ(block.out, content(samples + "/block.txt"));
  EXPECT_NE(inspect(samples).out.find("slice file slice-0.pillar"), std::string::npos);
  const outcome one = inspect("--column n " + samples);
  EXPECT_NE(one.out.find("  n  "), std::string::npos);
  EXPECT_EQ(one.out.find("real"), std::string::npos);
}

TEST(inspect_program, json_parses_and_adds_up) {
  const outcome said = inspect("--json " + samples);
  EXPECT_EQ(said.status, 0);
  const auto found = nlohmann::json::parse(said.out, nullptr, false);
  ASSERT_FALSE(found.is_discarded());
  EXPECT_EQ(found["kind"], "table folder");
  EXPECT_EQ(found["whole"], true);
  const auto& file = found["files"][0];
  EXPECT_EQ(file["rows"], 3'000);
  EXPECT_EQ(file["bytes"], content(samples + "/slice-0.pillar").size());
  std::uint64_t blocks = 0;
  for (const auto& group : file["row_groups"])
    for (const auto& block : group["blocks"]) {
      std::uint64_t bytes = block["shared_bytes"], rows = 0;
      for (const auto& vector : block["vectors"])
        bytes += vector["bytes"].get<std::uint64_t>(), rows += vector["rows"].get<std::uint64_t>();
      EXPECT_EQ(bytes, block["bytes"]);
      EXPECT_EQ(rows, group["rows"]);
      EXPECT_TRUE(block["error"].is_null());
      ++blocks;
    }
  std::uint64_t in_extents = 0;
  for (const auto& extent : file["extents"]) in_extents += extent["blocks"].get<std::uint64_t>();
  EXPECT_EQ(blocks, 10u);
  EXPECT_EQ(in_extents, 10u);
}

TEST(inspect_program, the_page_stands_alone) {
  const std::string path = testing::TempDir() + "pillar_inspect_test.html";
  for (const char* what : {"", "/word.block", "/slice-0.pillar"}) {
    EXPECT_EQ(inspect("--html --out " + path + " " + samples + what).status, 0);
    const std::string page = content(path);
    EXPECT_EQ(page.compare(0, 15, "<!doctype html>"), 0);
    for (const char* needed : {"name=\"viewport\"", "</html>", "Columns"})
      EXPECT_NE(page.find(needed), std::string::npos);
    for (const char* foreign : {"http", "<script", "src=", "<b>&"}) EXPECT_EQ(page.find(foreign), std::string::npos);
    std::size_t opened = 0, closed = 0;
    for (std::size_t at = 0; (at = page.find("<svg", at)) != std::string::npos; ++at) ++opened;
    for (std::size_t at = 0; (at = page.find("</svg>", at)) != std::string::npos; ++at) ++closed;
    EXPECT_EQ(opened, closed);
    EXPECT_GE(opened, 1u);
  }
  std::remove(path.c_str());
}

TEST(inspect_program, what_is_broken_is_named_with_its_offset) {
  const std::string path = testing::TempDir() + "pillar_inspect_test.pillar";
  const std::string whole = content(samples + "/slice-0.pillar"), block = content(samples + "/word.block");
  const auto says = [&](const std::string& bytes, const std::string& words, const std::string& options = "") {
    write(path, bytes);
    const outcome said = inspect(options + path);
    EXPECT_EQ(said.status, 1) << said.out;
    EXPECT_NE(said.out.find(words), std::string::npos) << said.out;
    const outcome as_json = inspect("--json " + options + path);
    EXPECT_EQ(as_json.status, 1);
    EXPECT_FALSE(nlohmann::json::parse(as_json.out, nullptr, false).is_discarded());
  };
  says("", "BROKEN: neither a block nor a slice file at offset 0");
  says("PLRS", "BROKEN: truncated at offset 4");
  says("PLRB", "BROKEN: truncated");
  says(block.substr(0, block.size() - 1), "BROKEN: truncated");
  std::string damaged = block;
  damaged[damaged.size() / 2] ^= 1;
  says(damaged, "BROKEN: checksum mismatch at offset");
  damaged = whole;
  damaged[whole.size() - 100] ^= 1;
  says(damaged, "BROKEN: checksum mismatch at offset");
  damaged = whole;
  damaged[200] ^= 1;  // in the first block: the others are shown
  says(damaged, "BROKEN: checksum mismatch at 96");
  EXPECT_NE(inspect(path).out.find("zstd"), std::string::npos);
  says(whole + "torn", "BROKEN: truncated at offset");
  const outcome torn = inspect("--torn " + path);
  EXPECT_EQ(torn.status, 0);
  EXPECT_NE(torn.out.find("4 bytes of a torn end"), std::string::npos);
  std::remove(path.c_str());
  EXPECT_EQ(inspect(path).status, 1);
  EXPECT_NE(inspect(path).out.find("No such file or directory"), std::string::npos);
}

TEST(inspect_program, wrong_usage_says_so) {
  for (const char* arguments : {"", "--unknown x", "a b", "--column", "--out /nowhere/at/all /dev/null"})
    EXPECT_EQ(inspect(arguments).status, 2) << arguments;
  EXPECT_EQ(inspect("--help").status, 0);
}

}  // namespace
}  // namespace pillar_test::inspect_program
