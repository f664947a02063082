// SPDX-License-Identifier: Apache-2.0
// TPC-H's Q6 on generated lineitem rows, as a program that another process can drive round by round.
//
//   q6 --rows 6000000 --columns DIR   writes the four columns as raw little-endian files for a peer to load
//   q6 --rows 6000000                 loads, then answers one line on standard output for each line read:
//                                     "<wall ns> <cpu ns> <revenue>"
// judge.py in this folder alternates it with DuckDB.
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <pillar/base/env.hpp>
#include <pillar/pipeline.hpp>

namespace {
using namespace pillar::query;

struct lineitem
    : pillar::schema<pillar::field<"l_quantity", decimal<15, 2>>, pillar::field<"l_extendedprice", decimal<15, 2>>,
                     pillar::field<"l_discount", decimal<15, 2>>, pillar::field<"l_shipdate", date>> {};

/// The columns of TPC-H's lineitem that Q6 names, with its value ranges; dates in no order, as in the benchmark's data.
struct columns {
  std::vector<std::int64_t> quantity, price, discount;
  std::vector<std::int32_t> shipdate;
};

columns generate(std::uint64_t row_count) {
  pillar::splitmix64 random(6);
  columns out;
  const std::int32_t first = date{1992, 1, 2}.days, last = date{1998, 12, 1}.days;
  for (std::uint64_t i = 0; i < row_count; ++i) {
    const auto quantity = static_cast<std::int64_t>(1 + random.below(50));
    const auto retail = static_cast<std::int64_t>(90000 + random.below(20000));  // cents
    out.quantity.push_back(quantity * 100);
    out.price.push_back(quantity * retail);
    out.discount.push_back(static_cast<std::int64_t>(random.below(11)));
    out.shipdate.push_back(first +
                           static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(last - first + 1))));
  }
  return out;
}

template <class T>
void write(const std::string& path, const std::vector<T>& values) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(T)));
}

std::uint64_t cpu_ns() {
  std::timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

pillar::column_set rows_of(const columns& from, std::size_t begin, std::size_t end) {
  pillar::column_set_builder builder(pillar::describe<lineitem>());
  const auto part = [&](const auto& values) { return std::span(values).subspan(begin, end - begin); };
  const bool good = builder.column_at(0).append_values(part(from.quantity)).ok() &&
                    builder.column_at(1).append_values(part(from.price)).ok() &&
                    builder.column_at(2).append_values(part(from.discount)).ok() &&
                    builder.column_at(3).append_values(part(from.shipdate)).ok();
  auto made = builder.finish();
  if (!good || !made.ok()) std::exit(1);
  return *std::move(made);
}
}  // namespace

int main(int argc, char** argv) {
  std::uint64_t row_count = 6'000'000;
  std::string folder;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--rows") row_count = std::stoull(argv[i + 1]);
    if (std::string(argv[i]) == "--columns") folder = argv[i + 1];
  }
  const columns values = generate(row_count);
  if (!folder.empty()) {
    write(folder + "/quantity.i64", values.quantity);
    write(folder + "/price.i64", values.price);
    write(folder + "/discount.i64", values.discount);
    write(folder + "/shipdate.i32", values.shipdate);
    return 0;
  }
  pillar::typed_table<lineitem> table;
  std::vector<pillar::column_set> chunks;
  for (std::size_t at = 0; at < row_count; at += 1 << 20)
    chunks.push_back(rows_of(values, at, std::min<std::size_t>(row_count, at + (1 << 20))));
  pillar::inline_executor one_thread;
  if (auto loaded = table.append(chunks, one_thread); !loaded.ok()) {
    std::cerr << loaded << '\n';
    return 1;
  }
  chunks.clear();
  // The constants come from outside, as a user's would.
  const char* year = std::getenv("Q6_YEAR");
  const int from_year = year != nullptr ? std::atoi(year) : 1994;
  const auto q6 = scan(table) |
                  where("l_shipdate"_col >= date(from_year, 1, 1) && "l_shipdate"_col < date(from_year + 1, 1, 1) &&
                        "l_discount"_col.between(0.05_dec, 0.07_dec) && "l_quantity"_col < 24) |
                  aggregate(sum("l_extendedprice"_col * "l_discount"_col).as("revenue"_col));
  std::cerr << "encoded bytes " << table.version()->encoded_bytes() << '\n';
  std::string line;
  while (std::getline(std::cin, line)) {
    const std::uint64_t cpu = cpu_ns(), wall = pillar::steady_clock{}.now_ns();
    const auto answer = run(q6, one_thread);
    const std::uint64_t wall_done = pillar::steady_clock{}.now_ns(), cpu_done = cpu_ns();
    if (!answer.ok()) {
      std::cerr << answer.status() << '\n';
      return 1;
    }
    if (line == "account") std::cerr << answer->stats();
    std::cout << wall_done - wall << ' ' << cpu_done - cpu << ' ' << pillar::to_string(answer->rows().at(0, 0))
              << std::endl;
  }
}
