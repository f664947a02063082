// SPDX-License-Identifier: Apache-2.0
// Loading: rows per second into an encoded table, from CSV and from arrays, on one thread. Size: encoded bytes of whole
// tables, in the order of their files. The peers load and store the same (bench/peers).
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <pillar/interop/csv.hpp>
#include <pillar/schedule/inline_executor.hpp>
#include <pillar/storage/table.hpp>

#include "data/datasets.hpp"
#include "data/schemas.hpp"
#include "support/bench.hpp"
#include "support/tables.hpp"

namespace {
using pillar_bench::require;

/// Where ./dev bench keeps the data sets; files that are not there leave a case without a figure.
std::string data_file(const std::string& name) {
  const char* folder = std::getenv("PILLAR_DATA");
  return (folder != nullptr ? std::string(folder) + "/bench" : std::string("build/data")) + '/' + name;
}

/// Reads a file into a table, sixteen chunks at a time.
absl::Status load_csv(const std::string& path, pillar::table& into) {
  pillar::csv_options how;
  how.schema = into.schema();
  pillar::inline_executor runner;
  std::vector<pillar::column_set> rows;
  const auto flush = [&] {
    const absl::Status done = into.append(rows, runner);
    rows.clear();
    return done;
  };
  const auto errors = pillar::read_csv_file_in_chunks(path, how, [&](pillar::column_set&& chunk) {
    rows.push_back(std::move(chunk));
    return rows.size() == 16 ? flush() : absl::OkStatus();
  });
  if (!errors.ok()) return errors.status();
  return rows.empty() ? absl::OkStatus() : flush();
}

template <class Schema>
void load_csv_case(benchmark::State& state, const std::string& file) {
  const std::string path = data_file(file);
  if (pillar_bench::smoke() || !std::filesystem::exists(path)) return state.SkipWithError(("no " + path).c_str());
  std::uint64_t rows = 0;
  for (auto _ : pillar_bench::timed(state)) {
    pillar::typed_table<Schema> table;
    if (const auto done = load_csv(path, table); !done.ok())
      return state.SkipWithError(std::string(done.message()).c_str());
    rows = table.version()->row_count();
  }
  pillar_bench::per_iteration(state, rows, std::filesystem::file_size(path));
  pillar_bench::answer(std::to_string(rows));
}

/// A table's columns as plain arrays, as a program has them that wants to load them.
struct arrays {
  std::vector<std::int64_t> quantity, price, discount, tax;
  std::vector<std::string_view> flag, status;
  std::vector<std::int32_t> shipdate;

  explicit arrays(std::uint64_t row_count) {
    const auto add = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
    pillar_bench::for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows) {
      const pillar_bench::lineitem_chunk chunk(number, rows);
      add(quantity, chunk.quantity);
      add(price, chunk.price);
      add(discount, chunk.discount);
      add(tax, chunk.tax);
      for (const auto code : chunk.flag) flag.push_back(chunk.flags[code]);
      for (const auto code : chunk.status) status.push_back(chunk.statuses[code]);
      add(shipdate, chunk.shipdate);
    });
  }
};

void load_memory(benchmark::State& state) {
  const auto& from = pillar_bench::kept<arrays>("arrays", [] { return arrays(pillar_bench::rows_or(2'000'000)); });
  const std::uint64_t row_count = from.quantity.size();
  std::uint64_t rows = 0;
  for (auto _ : pillar_bench::timed(state)) {
    pillar::typed_table<pillar_bench::lineitem> table;
    pillar::inline_executor runner;
    std::vector<pillar::column_set> chunks;
    for (std::uint64_t at = 0; at < row_count; at += pillar_bench::chunk_rows) {
      pillar::column_set_builder builder(table.schema());
      const std::uint64_t count = std::min(pillar_bench::chunk_rows, row_count - at);
      const auto append = [&](std::uint32_t column, const auto& values) {
        require(builder.column_at(column).append_values(std::span(values).subspan(at, count)).ok());
      };
      append(0, from.quantity);
      append(1, from.price);
      append(2, from.discount);
      append(3, from.tax);
      append(4, from.flag);
      append(5, from.status);
      append(6, from.shipdate);
      auto made = builder.finish();
      require(made.ok());
      chunks.push_back(*std::move(made));
    }
    require(table.append(chunks, runner));
    rows = table.version()->row_count();
  }
  pillar_bench::per_iteration(state, rows);
  pillar_bench::answer(std::to_string(rows));
}

/// The bytes of a table, and of its columns in the label.
template <class Schema>
void size_case(benchmark::State& state, const std::string& file) {
  const std::string path = data_file(file);
  if (pillar_bench::smoke() || !std::filesystem::exists(path)) return state.SkipWithError(("no " + path).c_str());
  auto& table = pillar_bench::kept<pillar::typed_table<Schema>>(path, [&] {
    pillar::typed_table<Schema> made;
    require(load_csv(path, made));
    return made;
  });
  const auto version = table.version();
  std::uint64_t bytes = 0;
  for (auto _ : pillar_bench::timed(state)) benchmark::DoNotOptimize(bytes = version->encoded_bytes());
  std::string label = "{\"columns\": {";
  for (std::uint32_t c = 0; c < table.schema().size(); ++c) {
    label += (c == 0 ? "\"" : ", \"") + table.schema()[c].name +
             "\": " + std::to_string(pillar_bench::column_bytes(*version, {c}));
  }
  state.SetLabel(label + "}}");
  pillar_bench::per_iteration(state, version->row_count(), bytes);
  pillar_bench::answer(std::to_string(version->row_count()));
}

void register_cases() {
  using benchmark::State;
  benchmark::RegisterBenchmark("storage/load_memory", load_memory);
  benchmark::RegisterBenchmark("storage/load_csv", [](State& state) {
    load_csv_case<pillar_bench::lineitem>(state, "lineitem_csv/lineitem.csv");
  });
  benchmark::RegisterBenchmark("storage/load_csv_flights", [](State& state) {
    load_csv_case<pillar_bench::flights>(state, "flights/flights.csv");
  });
  benchmark::RegisterBenchmark("size/flights",
                               [](State& state) { size_case<pillar_bench::flights>(state, "flights/flights.csv"); });
  benchmark::RegisterBenchmark(
      "size/lineitem", [](State& state) { size_case<pillar_bench::tpch_lineitem>(state, "tpch/lineitem.csv"); });
}
const bool registered = (register_cases(), true);
}  // namespace
