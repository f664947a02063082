// SPDX-License-Identifier: Apache-2.0
// Hashing, scattering and sorting: what loading a table costs besides encoding.
#include <benchmark/benchmark.h>

#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/hash/column.hpp"
#include "pillar/partition/distribution.hpp"
#include "pillar/partition/radix_scatter.hpp"
#include "pillar/partition/scatter.hpp"
#include "pillar/sort/permutation.hpp"

namespace {

constexpr std::uint32_t row_count = 1 << 20;

std::vector<std::int64_t> random_numbers(std::uint64_t bound) {
  pillar::splitmix64 random(1);
  std::vector<std::int64_t> made;
  for (std::uint32_t i = 0; i < row_count; ++i) made.push_back(static_cast<std::int64_t>(random.below(bound)));
  return made;
}
pillar::vector view(const std::vector<std::int64_t>& values) {
  pillar::vector made;
  made.type = pillar::type_of<std::int64_t>;
  made.size = static_cast<std::uint32_t>(values.size());
  made.values = values.data();
  return made;
}

void hash_int64(benchmark::State& state) {
  const auto numbers = random_numbers(~0ull);
  const auto column = view(numbers);
  std::vector<std::uint64_t> hashes(row_count);
  for (auto _ : state) {
    pillar::hash_column(column, hashes.data(), false);
    benchmark::DoNotOptimize(hashes.data());
  }
  state.SetItemsProcessed(state.iterations() * row_count);
}

void assign_key(benchmark::State& state) {
  const auto numbers = random_numbers(100000);
  const auto column = view(numbers);
  const auto model = *pillar::any_partitioner::make(pillar::distribution::by_key({0}, 4));
  const pillar::vector* keys[] = {&column};
  std::vector<std::uint32_t> slices(row_count);
  for (auto _ : state) benchmark::DoNotOptimize(model.assign(keys, row_count, 0, slices.data()).ok());
  state.SetItemsProcessed(state.iterations() * row_count);
}

void scatter(benchmark::State& state) {
  const auto slice_count = static_cast<std::uint32_t>(1u << state.range(0));
  const auto numbers = random_numbers(slice_count);
  const std::vector<std::uint32_t> slices(numbers.begin(), numbers.end());
  std::vector<std::uint32_t> rows(row_count), starts(slice_count + 1);
  for (auto _ : state) {
    pillar::scatter_rows(slices.data(), row_count, slice_count, rows.data(), starts.data());
    benchmark::DoNotOptimize(rows.data());
  }
  state.SetItemsProcessed(state.iterations() * row_count);
}

/// 8 M words by their hashes, counted and moved a vector at a time; with `columns` of them beside each other.
void radix(benchmark::State& state, std::uint32_t columns) {
  constexpr std::uint32_t rows = 1 << 23;
  std::vector<std::uint64_t> hashes(rows), values(rows);
  pillar::splitmix64 random(1);
  for (auto& hash : hashes) hash = random();
  std::vector<std::vector<std::uint64_t>> out(columns, std::vector<std::uint64_t>(rows));
  for (auto _ : state) {
    pillar::radix_scatter scatter(static_cast<unsigned>(state.range(0)));
    scatter.count(hashes.data(), rows);
    scatter.begin();
    std::uint32_t position[pillar::vector_rows];
    pillar::vector batch;
    batch.type = pillar::type_of<std::uint64_t>;
    batch.size = pillar::vector_rows;
    for (std::uint32_t at = 0; at < rows; at += pillar::vector_rows) {
      scatter.positions(hashes.data() + at, pillar::vector_rows, position);
      batch.values = values.data() + at;
      for (auto& column : out) pillar::scatter_values(batch, position, column.data());
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * rows);
}
void radix_1(benchmark::State& state) { radix(state, 1); }
void radix_3(benchmark::State& state) { radix(state, 3); }

void sort_int64(benchmark::State& state) {
  const auto numbers = random_numbers(state.range(0) == 64 ? ~0ull : 1ull << state.range(0));
  const auto column = view(numbers);
  const pillar::sort_key key{};
  for (auto _ : state)
    benchmark::DoNotOptimize(pillar::sort_permutation(std::span(&column, 1), std::span(&key, 1), row_count).ok());
  state.SetItemsProcessed(state.iterations() * row_count);
}

BENCHMARK(hash_int64)->Name("hash/int64");
BENCHMARK(assign_key)->Name("partition/key_int64");
BENCHMARK(scatter)->Name("partition/scatter_bits")->Arg(2)->Arg(8);
BENCHMARK(radix_1)->Name("partition/radix_bits")->Arg(6)->Arg(7)->Arg(8)->Arg(10);
BENCHMARK(radix_3)->Name("partition/radix_three_columns_bits")->Arg(8);
BENCHMARK(sort_int64)->Name("sort/permutation_int64_bits")->Arg(12)->Arg(64);

}  // namespace
