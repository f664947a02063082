// SPDX-License-Identifier: Apache-2.0
// Loading: rows per second into an encoded table, from CSV and from arrays, on one thread. The peers load the same
// (bench/peers).
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <pillar/schedule/inline_executor.hpp>
#include <pillar/storage/table.hpp>

#include "data/datasets.hpp"
#include "data/schemas.hpp"
#include "storage/load.hpp"
#include "support/bench.hpp"
#include "support/tables.hpp"

namespace {
using pillar_bench::data_file;
using pillar_bench::load_csv;
using pillar_bench::require;

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

void register_cases() {
  using benchmark::State;
  benchmark::RegisterBenchmark("storage/load_memory", load_memory);
  benchmark::RegisterBenchmark("storage/load_csv", [](State& state) {
    load_csv_case<pillar_bench::lineitem>(state, "lineitem_csv/lineitem.csv");
  });
  benchmark::RegisterBenchmark("storage/load_csv_flights", [](State& state) {
    load_csv_case<pillar_bench::flights>(state, "flights/flights.csv");
  });
}
const bool registered = (register_cases(), true);
}  // namespace
