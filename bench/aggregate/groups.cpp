// SPDX-License-Identifier: Apache-2.0
// SELECT k, sum(v), count(*) GROUP BY k over ten million rows with 100 to 10,000,000 keys, on one thread, from encoded
// tables; the peers answer the same SQL (bench/peers/tables.py).
#include <span>
#include <string>

#include <pillar/pipeline.hpp>

#include "data/datasets.hpp"
#include "support/bench.hpp"
#include "support/queries.hpp"
#include "support/tables.hpp"

namespace {
using namespace pillar::query;

struct pairs : pillar::schema<pillar::field<"k", std::int32_t>, pillar::field<"v", std::int64_t>> {};

pillar::typed_table<pairs> load(std::uint64_t row_count, std::uint64_t key_count) {
  pillar::typed_table<pairs> table;
  pillar_bench::appender append(table);
  pillar_bench::for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows_here) {
    const pillar_bench::group_chunk chunk(number, key_count, rows_here);
    pillar::column_set_builder builder(pillar::describe<pairs>());
    pillar_bench::require(builder.column_at(0).append_values(std::span(chunk.k)).ok());
    pillar_bench::require(builder.column_at(1).append_values(std::span(chunk.v)).ok());
    auto made = builder.finish();
    pillar_bench::require(made.ok());
    pillar_bench::require(append.add(*std::move(made)));
  });
  pillar_bench::require(append.flush());
  return table;
}

struct wide_pairs : pillar::schema<pillar::field<"k", std::int64_t>, pillar::field<"v", std::int64_t>> {};

pillar::typed_table<wide_pairs> load_wide(std::uint64_t row_count, std::uint64_t key_count, bool sparse) {
  pillar::typed_table<wide_pairs> table;
  pillar_bench::appender append(table);
  pillar_bench::for_each_chunk(row_count, [&](std::uint64_t number, std::uint64_t rows_here) {
    const pillar_bench::wide_group_chunk chunk(number, key_count, sparse, rows_here);
    pillar::column_set_builder builder(pillar::describe<wide_pairs>());
    pillar_bench::require(builder.column_at(0).append_values(std::span(chunk.k)).ok());
    pillar_bench::require(builder.column_at(1).append_values(std::span(chunk.v)).ok());
    auto made = builder.finish();
    pillar_bench::require(made.ok());
    pillar_bench::require(append.add(*std::move(made)));
  });
  pillar_bench::require(append.flush());
  return table;
}

/// Groups come in no order; the answer has them in order of k.
std::string ordered_text(const pillar::column_set& rows) {
  pillar::inline_executor runner;
  auto ordered = run(scan(rows) | order_by(ascending("k")), runner);
  pillar_bench::require(ordered.ok());
  return pillar_bench::table_text(ordered->rows());
}

void group_by_k(benchmark::State& state, std::uint64_t key_count) {
  const auto& table = pillar_bench::kept<pillar::typed_table<pairs>>(
      "pairs " + std::to_string(key_count), [&] { return load(pillar_bench::rows_or(10'000'000), key_count); });
  const auto query = scan(table) | group_by("k"_col)(sum("v"_col).as("total"_col), count().as("n"_col));
  pillar_bench::run_query(state, table, query, {0, 1}, ordered_text);
}

/// What stands for an answer of very many groups: how many there are, and sums over them (bench/peers/tables.py).
std::string digest_text(const pillar::column_set& rows) {
  const auto row_count = static_cast<std::uint32_t>(rows.row_count());
  const auto k = rows.columns[0].slice(0, row_count), total = rows.columns[1].slice(0, row_count),
             n = rows.columns[2].slice(0, row_count);
  std::uint64_t totals = 0, counts = 0, mixed = 0;
  for (std::uint32_t i = 0; i < row_count; ++i) {
    const auto sum = static_cast<std::uint64_t>(total.value<pillar::int128>(i));
    const auto count = static_cast<std::uint64_t>(n.value<std::int64_t>(i));
    totals += sum;
    counts += count;
    std::uint64_t x = static_cast<std::uint64_t>(k.value<std::int64_t>(i)) * 0x9e3779b97f4a7c15u + sum;
    x = (x ^ x >> 32) * 0xbf58476d1ce4e5b9u + count;
    mixed += (x ^ x >> 29) * 0x94d049bb133111ebu;
  }
  return std::to_string(row_count) + "|" + std::to_string(totals) + "|" + std::to_string(counts) + "|" +
         std::to_string(mixed);
}

void group_wide(benchmark::State& state, std::uint64_t key_count, bool sparse) {
  const auto& table = pillar_bench::kept<pillar::typed_table<wide_pairs>>(
      "wide pairs " + std::to_string(key_count) + (sparse ? " sparse" : ""),
      [&] { return load_wide(pillar_bench::rows_or(10'000'000), key_count, sparse); });
  const auto query = scan(table) | group_by("k"_col)(sum("v"_col).as("total"_col), count().as("n"_col));
  pillar_bench::run_query(state, table, query, {0, 1}, digest_text);
}

void register_cases() {
  for (const bool sparse : {false, true})
    for (const std::uint64_t keys : {1'000'000u, 10'000'000u})
      benchmark::RegisterBenchmark(
          (std::string("aggregate/group_1e") + (keys == 1'000'000 ? "6" : "7") + (sparse ? "_sparse" : "_dense"))
              .c_str(),
          [=](benchmark::State& state) { group_wide(state, keys, sparse); });
  benchmark::RegisterBenchmark("aggregate/group_100", [](benchmark::State& state) { group_by_k(state, 100); });
  benchmark::RegisterBenchmark("aggregate/group_1e5", [](benchmark::State& state) { group_by_k(state, 100'000); });
}
const bool registered = (register_cases(), true);
}  // namespace
