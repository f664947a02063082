// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#if __has_include(<csv.h>)
#include <cstdio>

#include "pillar/column/format.hpp"
#include "pillar/conformance/faults.hpp"
#include "pillar/interop/csv.hpp"

namespace pillar_test::interop_csv {
namespace {
using pillar::csv_options;
using pillar::type_of;

csv_options flights() {
  csv_options options;
  options.schema.columns = {{"id", type_of<std::int32_t>},
                            {"delay", type_of<pillar::nullable<std::int16_t>>},
                            {"carrier", type_of<pillar::nullable<pillar::text>>}};
  return options;
}

/// All rows as "1,2,x;" with NULL for NULL, or the message of the error.
std::string read(std::string_view text, const csv_options& options) {
  const auto got = pillar::read_csv_text({text.data(), text.size()}, options);
  if (!got.ok()) return std::string(got.status().message());
  std::string out;
  for (std::uint64_t row = 0; row < got->rows.row_count(); ++row) {
    for (std::uint32_t c = 0; c < got->rows.columns.size(); ++c)
      out += (c == 0 ? "" : ",") + to_string(got->rows.at(row, c));
    out += ";";
  }
  for (const auto& error : got->errors) out += " " + to_string(error) + ";";
  return out;
}

TEST(interop_csv, columns_by_name_in_any_order_others_ignored) {
  EXPECT_EQ(read("carrier,extra,id,delay\nUA,9,1,-5\nAA,,2,NA\n,x,3,\n", flights()), "1,-5,UA;2,NULL,AA;3,NULL,NULL;");
}

TEST(interop_csv, every_line_ending_and_none) {
  for (const char* text : {"id,delay,carrier\n1,2,x\n3,4,y\n", "id,delay,carrier\r\n1,2,x\r\n3,4,y\r\n",
                           "id,delay,carrier\r1,2,x\r3,4,y\r", "id,delay,carrier\n1,2,x\n3,4,y",
                           "\xEF\xBB\xBFid,delay,carrier\n1,2,x\n\n\r\n3,4,y\n\n"}) {
    EXPECT_EQ(read(text, flights()), "1,2,x;3,4,y;");
  }
  EXPECT_EQ(read("id,delay,carrier", flights()), "");
  EXPECT_EQ(read("", flights()), "there is no header line");
}

TEST(interop_csv, quotes_delimiters_and_newlines_inside_fields) {
  EXPECT_EQ(read("id,delay,\"carrier\"\n\"1\",2,\"a,\"\"b\"\"\nc\"\n3,4,\" y \"\n", flights()),
            "1,2,a,\"b\"\nc;3,4, y ;");
  auto options = flights();
  options.delimiter = ';';
  EXPECT_EQ(read("id;delay;carrier\n1;2;a,b\n", options), "1,2,a,b;");
}

TEST(interop_csv, null_texts_count_only_where_null_may_stand) {
  auto options = flights();
  options.schema.columns[2].type = type_of<pillar::text>;
  EXPECT_EQ(read("id,delay,carrier\n1,NA,NA\n2,,\n", options), "1,NULL,NA;2,NULL,;");
  options.null_texts = {"-"};
  EXPECT_EQ(read("id,delay,carrier\n1,-,-\n", options), "1,NULL,-;");
  EXPECT_EQ(read("id,delay,carrier\nNA,1,x\n", options), "line 2, column 'id': 'NA' is not a value of type int32");
}

TEST(interop_csv, an_error_names_line_column_and_text) {
  EXPECT_EQ(read("id,delay,carrier\n1,2,x\n3,4.5,y\n", flights()),
            "line 3, column 'delay': '4.5' is not a value of type int16");
  EXPECT_EQ(read("id,delay,carrier\n1,40000,x\n", flights()),
            "line 2, column 'delay': '40000' does not fit into int16");
  EXPECT_EQ(read("id,delay,carrier\n1,2\n", flights()), "line 2: 2 fields where 3 were expected");
  EXPECT_EQ(read("id,delay,carrier\n1,2,x,\n", flights()), "line 2: 4 fields where 3 were expected");
  EXPECT_EQ(read(std::string_view("id,delay,carrier\n1,2\0,x\n", 24), flights()),
            "line 2, column 'delay': '2\\x00' is not a value of type int16");
}

TEST(interop_csv, lines_are_physical_lines) {
  // The row that fails starts at line 8: a blank line, CRLF, and quoted newlines of each kind come before it.
  EXPECT_EQ(read("id,delay,carrier\r\n\r\n1,2,\"a\nb\r\nc\"\r\n2,2,\"\r\"\n\"x\n\",3,y\n", flights()),
            "line 8, column 'id': 'x\\x0a' is not a value of type int32");
  EXPECT_EQ(read("unused,id,delay,carrier\n\"\n\n\",1,2,x\n0,q,2,x\n", flights()),
            "line 5, column 'id': 'q' is not a value of type int32")
      << "newlines in columns that are not loaded count as well";
}

TEST(interop_csv, the_error_list_leaves_out_whole_rows) {
  auto options = flights();
  options.policy = pillar::csv_policy::collect;
  EXPECT_EQ(read("id,delay,carrier\n1,2,x\n2,bad,x\n3,3,y\nbad,bad,z\n4,4\n5,5,a,b\n6,6,end\n", options),
            "1,2,x;3,3,y;6,6,end; line 3, column 'delay': 'bad' is not a value of type int16;"
            " line 5, column 'id': 'bad' is not a value of type int32; line 6: 2 fields where 3 were expected;"
            " line 7: 4 fields where 3 were expected;");
  options.max_errors = 1;
  EXPECT_EQ(read("id,delay,carrier\nx,2,x\n1,1,a\ny,2,x\n", options),
            "more than 1 rows do not parse; the first: line 2, column 'id': 'x' is not a value of type int32");
  options.max_errors = 0;
  EXPECT_EQ(read("id,delay,carrier\nx,2,x\n", options),
            "more than 0 rows do not parse; the first: line 2, column 'id': 'x' is not a value of type int32");
}

TEST(interop_csv, headers_that_do_not_fit) {
  EXPECT_EQ(read("id,carrier,dep\n1,x,2\n", flights()), "no column 'delay' in the header: id, carrier, dep");
  EXPECT_EQ(read("id,delay,carrier,id\n", flights()), "the header names 'id' twice");
  EXPECT_EQ(read("a,a,id,delay,carrier\n0,0,1,2,x\n", flights()), "1,2,x;") << "ignored columns may repeat";
  auto options = flights();
  options.header = false;
  EXPECT_EQ(read("1,2,x\n", options), "1,2,x;");
  EXPECT_EQ(read("1,2\n", options), "line 1: 2 fields where 3 were expected");
  options.schema.columns.push_back(options.schema.columns[0]);
  EXPECT_EQ(read("", options), "the schema names 'id' twice");
  EXPECT_EQ(read("", csv_options{}), "the schema has no columns");
}

TEST(interop_csv, quotes_that_do_not_pair_end_the_load_under_either_policy) {
  for (const auto policy : {pillar::csv_policy::fail, pillar::csv_policy::collect}) {
    auto options = flights();
    options.policy = policy;
    EXPECT_EQ(read("id,delay,carrier\n1,2,\"x\n3,4,y\n", options),
              "line 2, column 'carrier': a quote that opens here is never closed");
    EXPECT_NE(read("id,delay,carrier\n1,2,x\"y\n", options).find("line 2, column 'carrier': a quote is neither"),
              std::string::npos);
    EXPECT_NE(read("id,delay,carrier\n1,\"2\"3,x\n", options).find("line 2, column 'delay'"), std::string::npos);
  }
}

TEST(interop_csv, long_fields_are_refused_wherever_they_end) {
  auto options = flights();
  options.max_field_bytes = 1000;
  for (const std::size_t size : {1000u, 1001u, 1002u, 300'000u, 2'000'000u}) {
    const std::string row = "1,2," + std::string(size, 'x');
    const std::string got = read("id,delay,carrier\n" + row, options);
    const std::string refused = "line 2, column 'carrier': a field is longer than 1000 bytes";
    EXPECT_EQ(got, size == 1000 ? row + ";" : refused) << size;
    EXPECT_NE(read("id,delay,carrier\n1,2,\"" + std::string(size, 'x'), options), row + ";") << "never closed";
  }
}

std::string many_rows(int count) {
  std::string text = "id,delay,carrier\n";
  for (int i = 0; i < count; ++i) {
    text += std::to_string(i);
    text += i % 5 == 0 ? ",NA,\"a \"\"long\"\" name, with comma " : ",7,\"";
    text += std::to_string(i % 11) + "\"\r\n";
  }
  return text;
}

TEST(interop_csv, rows_that_straddle_the_pieces_in_which_text_is_read) {
  const std::string text = many_rows(60'000);
  const auto got = pillar::read_csv_text({text.data(), text.size()}, flights());
  ASSERT_TRUE(got.ok()) << got.status();
  ASSERT_EQ(got->rows.row_count(), 60'000u);
  EXPECT_EQ(got->rows.columns[1].null_count(), 12'000u);
  for (std::uint64_t row = 0; row < 60'000; row += 1) {
    const auto id = got->rows.columns[0].slice(row, 1).value<std::int32_t>(0);
    ASSERT_EQ(id, static_cast<std::int32_t>(row));
    const auto name = got->rows.columns[2].slice(row, 1).text_value(0);
    const std::string number = std::to_string(row % 11);
    ASSERT_EQ(name, row % 5 == 0 ? "a \"long\" name, with comma " + number : number);
  }
}

TEST(interop_csv, files_chunks_progress_and_cancelling) {
  const std::string path = testing::TempDir() + "pillar_interop_csv_test.csv";
  const std::string text = many_rows(60'000);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), file), text.size());
  ASSERT_EQ(std::fclose(file), 0);

  auto options = flights();
  options.chunk_rows = 7'000;
  std::uint64_t rows = 0, chunks = 0, last = 0;
  const auto sink = [&](pillar::column_set&& chunk) {
    EXPECT_EQ(chunk.at(0, 0).integer, static_cast<pillar::int128>(rows));
    rows += chunk.row_count();
    ++chunks;
    return absl::OkStatus();
  };
  const auto progress = [&](std::uint64_t done, std::uint64_t all) {
    EXPECT_GT(done, last);
    EXPECT_EQ(all, text.size());
    last = done;
    return true;
  };
  const auto errors = pillar::read_csv_file_in_chunks(path, options, sink, progress);
  ASSERT_TRUE(errors.ok()) << errors.status();
  EXPECT_EQ(rows, 60'000u);
  EXPECT_EQ(chunks, 9u);
  EXPECT_EQ(last, text.size());

  const auto refuse = [](pillar::column_set&&) { return absl::ResourceExhaustedError("full"); };
  EXPECT_EQ(pillar::read_csv_file_in_chunks(path, options, refuse).status().message(), "full");
  const auto cancel = [](std::uint64_t, std::uint64_t) { return false; };
  EXPECT_EQ(pillar::read_csv_file(path, options, cancel).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(pillar::read_csv_file(path, options)->rows.row_count(), 60'000u);
  std::remove(path.c_str());
  EXPECT_EQ(pillar::read_csv_file(path, options).status().code(), absl::StatusCode::kNotFound);
}

TEST(interop_csv, the_budget_holds) {
  const std::string text = many_rows(60'000);
  pillar::memory_budget budget(100'000);
  auto options = flights();
  options.budget = &budget;
  EXPECT_EQ(pillar::read_csv_text({text.data(), text.size()}, options).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(budget.used(), 0u);
}

TEST(interop_csv, every_failed_read_comes_back_and_loads_nothing) {
  const std::string text = many_rows(60'000);
  pillar::conformance::memory_file file;
  ASSERT_TRUE(file.append(std::as_bytes(std::span(text))).ok());
  const auto found = pillar::conformance::sweep_file_operations("csv", [&](pillar::conformance::fault_plan& plan) {
    const pillar::conformance::faulty_file faulty(file, plan);
    const auto got = pillar::read_csv(faulty, flights());
    if (got.ok()) return got->rows.row_count() == 60'000 ? pillar::errc::ok : pillar::errc::truncated;
    return got.status().code() == absl::StatusCode::kUnavailable ? pillar::errc::io_error : pillar::errc::corrupt;
  });
  EXPECT_TRUE(found.ok()) << found;
  EXPECT_GE(found.count("injection points"), 4u);  // the size, and a read per 256 KiB
}

TEST(interop_csv, every_type) {
  csv_options options;
  options.schema.columns = {
      {"b", type_of<bool>},           {"u", type_of<std::uint64_t>},
      {"f", type_of<double>},         {"d", pillar::decimal_type(15, 2, true)},
      {"day", type_of<pillar::date>}, {"at", type_of<pillar::timestamp<pillar::time_unit::second>>}};
  EXPECT_EQ(read("b,u,f,d,day,at\ntrue,18446744073709551615,-0.25,1.5,2013-07-04,2013-01-01T10:00:00Z\n", options),
            "true,18446744073709551615,-0.25,1.50,2013-07-04,2013-01-01T10:00:00Z;");
  EXPECT_EQ(read("b,u,f,d,day,at\n1,0,0,0.001,2013-07-04,2013-01-01\n", options),
            "line 2, column 'd': '0.001' does not fit into decimal<15, 2>");
  EXPECT_EQ(read("b,u,f,d,day,at\n1,0,0,,2013-02-29,2013-01-01\n", options),
            "line 2, column 'day': '2013-02-29' is not a value of type date");
}

}  // namespace
}  // namespace pillar_test::interop_csv
#else
TEST(interop_csv, needs_libcsv) { GTEST_SKIP() << "csv.h is not installed: pillar::csv was not built"; }
#endif
