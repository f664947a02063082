// SPDX-License-Identifier: Apache-2.0
// Grouping and adding up: nanoseconds a row, over vectors of 1,024 rows in cache.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "data/group_numbers.hpp"
#include "pillar/aggregate/aggregator.hpp"
#include "support/bench.hpp"

namespace {

constexpr std::size_t row_count = pillar_bench::group_numbers_rows;
using numbers = pillar_bench::group_numbers;

pillar::vector view(pillar::data_type type, const void* values) {
  pillar::vector made;
  made.type = type;
  made.size = pillar::vector_rows;
  made.values = values;
  return made;
}

void group_int64(benchmark::State& state) {
  const auto& data = pillar_bench::kept<numbers>("group_int64_" + std::to_string(state.range(0)),
                                                 [&] { return numbers(static_cast<std::uint64_t>(state.range(0))); });
  const auto type = pillar::type_of<std::int64_t>;
  const std::vector<pillar::aggregate_spec> aggregates = {{pillar::aggregate_kind::count_rows},
                                                          {pillar::aggregate_kind::sum, 0}};
  const auto everything = pillar::selection_mask::first(pillar::vector_rows);
  auto last = *pillar::aggregator::make(std::span(&type, 1), std::span(&type, 1), aggregates);
  for (auto _ : pillar_bench::timed(state)) {
    auto made = *pillar::aggregator::make(std::span(&type, 1), std::span(&type, 1), aggregates);
    for (std::size_t first = 0; first < row_count; first += pillar::vector_rows) {
      const auto key = view(type, data.keys.data() + first), value = view(type, data.values.data() + first);
      const pillar::vector *keys[] = {&key}, *inputs[] = {&value};
      benchmark::DoNotOptimize(made.update(keys, inputs, everything, pillar::vector_rows).ok());
    }
    benchmark::DoNotOptimize(made.group_count());
    last = std::move(made);
  }
  const auto columns = *last.finish();
  pillar_bench::group_digest digest;
  for (std::uint32_t g = 0; g < last.group_count(); ++g)
    digest.add(columns[0].slice(g, 1).value<std::int64_t>(0),
               static_cast<std::int64_t>(columns[2].slice(g, 1).value<pillar::int128>(0)),
               columns[1].slice(g, 1).value<std::int64_t>(0));
  pillar_bench::per_iteration(state, row_count, 0);
  pillar_bench::answer(digest.text());
}

void group_dictionary(benchmark::State& state) {
  const numbers data(16);
  std::vector<pillar::text_slot> carriers;
  for (int i = 0; i < 16; ++i) carriers.push_back(pillar::text_slot::make_inline("C" + std::to_string(i)));
  std::vector<std::uint32_t> codes;
  for (const auto key : data.keys) codes.push_back(static_cast<std::uint32_t>(key / 1000003));
  pillar::vector dictionary = view(pillar::type_of<pillar::text>, carriers.data());
  dictionary.size = 16;
  const auto text = pillar::type_of<pillar::text>, number = pillar::type_of<std::int64_t>;
  const std::vector<pillar::aggregate_spec> aggregates = {{pillar::aggregate_kind::count_rows},
                                                          {pillar::aggregate_kind::sum, 0}};
  const auto everything = pillar::selection_mask::first(pillar::vector_rows);
  for (auto _ : state) {
    auto made = *pillar::aggregator::make(std::span(&text, 1), std::span(&number, 1), aggregates);
    for (std::size_t first = 0; first < row_count; first += pillar::vector_rows) {
      pillar::vector key = view(text, nullptr);
      key.kind = pillar::vector_kind::dictionary;
      key.codes = codes.data() + first;
      key.dictionary = &dictionary;
      const auto value = view(number, data.values.data() + first);
      const pillar::vector *keys[] = {&key}, *inputs[] = {&value};
      benchmark::DoNotOptimize(made.update(keys, inputs, everything, pillar::vector_rows).ok());
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * row_count));
}

template <class T>
void sum_ungrouped(benchmark::State& state, const std::vector<T>& values, pillar::float_sum floats) {
  const auto type = pillar::type_of<T>;
  const pillar::aggregate_spec spec{pillar::aggregate_kind::sum, 0, {.floats = floats}};
  const auto everything = pillar::selection_mask::first(pillar::vector_rows);
  auto made = *pillar::aggregator::make({}, std::span(&type, 1), std::span(&spec, 1));
  for (auto _ : state) {
    for (std::size_t first = 0; first < row_count; first += pillar::vector_rows) {
      const auto value = view(type, values.data() + first);
      const pillar::vector* inputs[] = {&value};
      benchmark::DoNotOptimize(made.update({}, inputs, everything, pillar::vector_rows).ok());
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * row_count));
}
void sum_int64(benchmark::State& state) { sum_ungrouped(state, numbers(10).values, pillar::float_sum::deterministic); }
void sum_double_deterministic(benchmark::State& state) {
  sum_ungrouped(state, numbers(10).reals, pillar::float_sum::deterministic);
}
void sum_double_fast(benchmark::State& state) { sum_ungrouped(state, numbers(10).reals, pillar::float_sum::fast); }

BENCHMARK(group_int64)->Name("aggregate/group_int64")->RangeMultiplier(10)->Range(1, 1000000);
BENCHMARK(group_dictionary)->Name("aggregate/group_dictionary_16");
BENCHMARK(sum_int64)->Name("aggregate/sum_int64");
BENCHMARK(sum_double_deterministic)->Name("aggregate/sum_double_deterministic");
BENCHMARK(sum_double_fast)->Name("aggregate/sum_double_fast");

}  // namespace
