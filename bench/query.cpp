// SPDX-License-Identifier: Apache-2.0
// Queries of TPC-H over generated lineitem rows, on one thread, from encoded tables; the peers answer the same SQL
// (bench/peers/tables.py). Queries are built once, as a peer's are prepared once.
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <pillar/pipeline.hpp>

#include "data/datasets.hpp"
#include "data/schemas.hpp"
#include "support/bench.hpp"
#include "support/queries.hpp"
#include "support/tables.hpp"

namespace {
using namespace pillar::query;
using pillar_bench::lineitem;
using pillar_bench::lineitem_chunk;

template <std::size_t N>
std::vector<std::string_view> words(const std::vector<std::uint8_t>& codes, const std::array<std::string_view, N>& of) {
  std::vector<std::string_view> out;
  out.reserve(codes.size());
  for (const auto code : codes) out.push_back(of[code]);
  return out;
}

pillar::column_set rows_of(const lineitem_chunk& chunk) {
  pillar::column_set_builder builder(pillar::describe<lineitem>());
  const auto append = [&](std::uint32_t column, const auto& values) {
    pillar_bench::require(builder.column_at(column).append_values(std::span(values)).ok());
  };
  append(0, chunk.quantity);
  append(1, chunk.price);
  append(2, chunk.discount);
  append(3, chunk.tax);
  append(4, words(chunk.flag, lineitem_chunk::flags));
  append(5, words(chunk.status, lineitem_chunk::statuses));
  append(6, chunk.shipdate);
  auto made = builder.finish();
  pillar_bench::require(made.ok());
  return *std::move(made);
}

pillar::typed_table<lineitem> load(std::uint64_t row_count) {
  pillar::typed_table<lineitem> table;
  pillar_bench::appender append(table);
  pillar_bench::for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows_here) {
    pillar_bench::require(append.add(rows_of(lineitem_chunk(number, rows_here))));
  });
  pillar_bench::require(append.flush());
  return table;
}

pillar::typed_table<lineitem>& lineitem_of(std::uint64_t row_count) {
  return pillar_bench::kept<pillar::typed_table<lineitem>>("lineitem " + std::to_string(row_count),
                                                           [&] { return load(row_count); });
}

auto q6(const pillar::typed_table<lineitem>& table) {
  int year = 1994;
  benchmark::DoNotOptimize(year);
  return scan(table) |
         where("l_shipdate"_col >= date(year, 1, 1) && "l_shipdate"_col < date(year + 1, 1, 1) &&
               "l_discount"_col.between(0.05_dec, 0.07_dec) && "l_quantity"_col < 24) |
         aggregate(sum("l_extendedprice"_col * "l_discount"_col).as("revenue"_col));
}

auto q1(const pillar::typed_table<lineitem>& table) {
  unsigned day = 2;
  benchmark::DoNotOptimize(day);
  const auto discounted = "l_extendedprice"_col * (1 - "l_discount"_col);
  return scan(table) | where("l_shipdate"_col <= date(1998, 9, day)) |
         group_by("l_returnflag"_col, "l_linestatus"_col)(
             sum("l_quantity"_col).as("sum_qty"_col), sum("l_extendedprice"_col).as("sum_base_price"_col),
             sum(discounted).as("sum_disc_price"_col), sum(discounted * (1 + "l_tax"_col)).as("sum_charge"_col),
             avg("l_quantity"_col).as("avg_qty"_col), avg("l_extendedprice"_col).as("avg_price"_col),
             avg("l_discount"_col).as("avg_disc"_col), count().as("count_order"_col)) |
         order_by(ascending("l_returnflag"_col), ascending("l_linestatus"_col));
}

void q6_rows(benchmark::State& state, std::uint64_t row_count) {
  const auto& table = lineitem_of(row_count);
  pillar_bench::run_query(state, table, q6(table), {0, 1, 2, 6}, pillar_bench::table_text);
}
void q1_rows(benchmark::State& state, std::uint64_t row_count, unsigned threads = 1) {
  const auto& table = lineitem_of(row_count);
  pillar_bench::run_query(state, table, q1(table), {0, 1, 2, 3, 4, 5, 6}, pillar_bench::table_text, threads);
}

void register_cases() {
  const std::uint64_t usual = pillar_bench::rows_or(6'000'000), large = pillar_bench::rows_or(100'000'000);
  benchmark::RegisterBenchmark("query/q6", [=](benchmark::State& state) { q6_rows(state, usual); });
  pillar_bench::register_query("query/q1",
                               [=](benchmark::State& state, unsigned threads) { q1_rows(state, usual, threads); });
  benchmark::RegisterBenchmark("query/q6_100m", [=](benchmark::State& state) { q6_rows(state, large); });
  benchmark::RegisterBenchmark("query/q1_100m", [=](benchmark::State& state) { q1_rows(state, large); });
}
const bool registered = (register_cases(), true);
}  // namespace
