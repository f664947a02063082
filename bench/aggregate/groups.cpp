// SPDX-License-Identifier: Apache-2.0
// SELECT k, sum(v), count(*) GROUP BY k and count(DISTINCT k) over ten million rows with 100 to 10,000,000 keys, on one
// thread, from encoded tables; the peers answer the same SQL (bench/peers/tables.py). And the loop that a query of few
// keys is held against.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <pillar/pipeline.hpp>

#include "data/datasets.hpp"
#include "support/bench.hpp"
#include "support/digest.hpp"
#include "support/queries.hpp"
#include "support/tables.hpp"

namespace {
using namespace pillar::query;

struct pairs : pillar::schema<pillar::field<"k", std::int32_t>, pillar::field<"v", std::int64_t>> {};
struct wide_pairs : pillar::schema<pillar::field<"k", std::int64_t>, pillar::field<"v", std::int64_t>> {};

const pillar::typed_table<pairs>& pairs_of(std::uint64_t key_count) {
  return pillar_bench::kept<pillar::typed_table<pairs>>("pairs " + std::to_string(key_count), [&] {
    return pillar_bench::table_of<pairs>(pillar_bench::rows_or(10'000'000), [&](auto number, auto rows_here) {
      const pillar_bench::group_chunk chunk(number, key_count, rows_here);
      return pillar_bench::columns_of<pairs>(chunk.k, chunk.v);
    });
  });
}
const pillar::typed_table<wide_pairs>& wide_pairs_of(std::uint64_t key_count, bool sparse) {
  const auto key = "wide pairs " + std::to_string(key_count) + (sparse ? " sparse" : "");
  return pillar_bench::kept<pillar::typed_table<wide_pairs>>(key, [&] {
    return pillar_bench::table_of<wide_pairs>(pillar_bench::rows_or(10'000'000), [&](auto number, auto rows_here) {
      const pillar_bench::wide_group_chunk chunk(number, key_count, sparse, rows_here);
      return pillar_bench::columns_of<wide_pairs>(chunk.k, chunk.v);
    });
  });
}

/// Groups come in no order; the answer has them in order of k.
std::string ordered_text(const pillar::column_set& rows) {
  pillar::inline_executor runner;
  auto ordered = run(scan(rows) | order_by(ascending("k")), runner);
  pillar_bench::require(ordered.ok());
  return pillar_bench::table_text(ordered->rows());
}

auto total_by_k(const auto& table) {
  return scan(table) | group_by("k"_col)(sum("v"_col).as("total"_col), count().as("n"_col));
}
void group_by_k(benchmark::State& state, std::uint64_t key_count, unsigned threads) {
  const auto& table = pairs_of(key_count);
  pillar_bench::run_query(state, table, total_by_k(table), {0, 1}, ordered_text, threads);
}
void group_wide(benchmark::State& state, std::uint64_t key_count, bool sparse, unsigned threads) {
  const auto& table = wide_pairs_of(key_count, sparse);
  pillar_bench::run_query(state, table, total_by_k(table), {0, 1}, pillar_bench::digest_text, threads);
}

void distinct(benchmark::State& state, const auto& table) {
  const auto query = scan(table) | aggregate(count_distinct("k"_col).as("n"_col));
  pillar_bench::run_query(state, table, query, {0}, pillar_bench::table_text);
}

/// total_by_k as somebody would write it who knows that keys are few and how many: batch by batch, from the same blocks.
void loop_by_k(benchmark::State& state, std::uint64_t key_count) {
  struct group {
    std::int64_t total = 0, n = 0;
  };
  const auto version = pairs_of(key_count).version();
  std::vector<group> groups;
  const auto keys = std::make_unique<pillar::vector_scratch>(), values = std::make_unique<pillar::vector_scratch>();
  for (auto _ : pillar_bench::timed(state)) {
    groups.assign(key_count, {});
    for (const auto& slice : version->slices) {
      for (const auto& rows : slice.groups) {
        const pillar::block_view &k = rows->blocks[0].view, &v = rows->blocks[1].view;
        for (std::uint32_t index = 0; index < k.vector_count(); ++index) {
          pillar::vector key, value;
          pillar_bench::require(k.vector_at(index).decode(*keys, key).ok());
          pillar_bench::require(v.vector_at(index).decode(*values, value).ok());
          const auto* ks = key.values_as<std::int32_t>();
          const auto* vs = value.values_as<std::int64_t>();
          for (std::uint32_t i = 0; i < key.size; ++i) {
            group& to = groups[static_cast<std::uint32_t>(ks[i])];
            to.total += vs[i];
            ++to.n;
          }
        }
      }
    }
    benchmark::DoNotOptimize(groups.data());
  }
  pillar_bench::per_iteration(state, version->row_count(), pillar_bench::column_bytes(*version, std::array{0u, 1u}));
  std::string text;
  for (std::size_t k = 0; k < groups.size(); ++k)
    if (groups[k].n != 0)
      text += (text.empty() ? "" : "\n") + std::to_string(k) + "|" + std::to_string(groups[k].total) + "|" +
              std::to_string(groups[k].n);
  pillar_bench::answer(text);
}

void register_cases() {
  for (const bool sparse : {false, true})
    for (const std::uint64_t keys : {1'000'000u, 10'000'000u})
      pillar_bench::register_query(
          std::string("aggregate/group_1e") + (keys == 1'000'000 ? "6" : "7") + (sparse ? "_sparse" : "_dense"),
          [=](benchmark::State& state, unsigned threads) { group_wide(state, keys, sparse, threads); });
  for (const std::uint64_t keys : {100u, 100'000u}) {
    const std::string name = keys == 100 ? "100" : "1e5";
    pillar_bench::register_query("aggregate/group_" + name,
                                 [=](benchmark::State& state, unsigned threads) { group_by_k(state, keys, threads); });
    benchmark::RegisterBenchmark(("aggregate/composed_" + name).c_str(), group_by_k, keys, 1u);
    benchmark::RegisterBenchmark(("aggregate/composed_" + name + "_loop").c_str(), loop_by_k, keys);
  }
  benchmark::RegisterBenchmark("aggregate/distinct_1e5",
                               [](benchmark::State& state) { distinct(state, pairs_of(100'000)); });
  benchmark::RegisterBenchmark("aggregate/distinct_1e7",
                               [](benchmark::State& state) { distinct(state, wide_pairs_of(10'000'000, true)); });
}
const bool registered = (register_cases(), true);
}  // namespace
