// SPDX-License-Identifier: Apache-2.0
// filter: a predicate of two columns, checked against proven arithmetic, a zone map's answer. filter/rows.cpp has the
// rows of the report.
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/filter/match.hpp"
#include "pillar/filter/predicate.hpp"
#include "pillar/zone/zone_map.hpp"
#include "support/bench.hpp"

namespace {

using pillar::type_of;
using pillar::vector_rows;

std::vector<std::uint32_t> random_values(std::size_t count, std::uint64_t bound) {
  pillar::splitmix64 random(1);
  std::vector<std::uint32_t> values(count);
  for (auto& value : values) value = static_cast<std::uint32_t>(random.below(bound));
  return values;
}

pillar::vector view_of(const std::uint32_t* values) {
  pillar::vector view;
  view.type = type_of<std::uint32_t>;
  view.size = vector_rows;
  view.values = values;
  return view;
}

/// columns 0 × 1, optionally with a test of the product: (a in [0, 199]) and (b in [0, 49]).
struct two_columns {
  std::vector<std::uint32_t> values = random_values(2 * vector_rows, 1000);
  pillar::batch_column columns[2];
  pillar::batch batch{};
  pillar::bound_predicate predicate;

  /// a's share of passing rows, in thousandths.
  explicit two_columns(std::uint32_t share = 200) {
    for (std::uint32_t i = 0; i < 2; ++i) {
      columns[i].decoded = view_of(values.data() + i * vector_rows);
      columns[i].has_decoded = true;
      pillar::bound_value value;
      value.type = type_of<std::uint32_t>;
      value.column = i;
      predicate.values.push_back(value);
      pillar::bound_node node;
      node.kind = pillar::bound_node::kind_type::test;
      node.left = i;
      node.test = pillar::integer_range(pillar::physical_type::uint32, 0, i == 0 ? share - 1 : 49);
      predicate.nodes.push_back(node);
      predicate.conjuncts.push_back(i);
      predicate.columns.push_back(i);
    }
    pillar::bound_value product;
    product.kind = pillar::bound_value::kind_type::arithmetic;
    product.op = pillar::arithmetic_operator::multiply;
    product.type = type_of<std::int64_t>;
    product.left = 0;
    product.right = 1;
    predicate.values.push_back(product);
    batch.row_count = vector_rows;
    batch.columns = columns;
  }
};

void predicate_of_two_columns(benchmark::State& state) {
  two_columns data(static_cast<std::uint32_t>(state.range(0)));
  pillar::predicate_state worker(data.predicate);
  for (auto _ : pillar_bench::timed(state)) {
    data.batch.selection = pillar::selection_mask::first(vector_rows);
    benchmark::DoNotOptimize(pillar::apply(worker, data.batch).ok());
    benchmark::DoNotOptimize(data.batch.selection);
  }
  pillar_bench::per_iteration(state, vector_rows);
}
BENCHMARK(predicate_of_two_columns)->Name("filter/two_columns")->Arg(1)->Arg(10)->Arg(100)->Arg(500)->Arg(1000);

void product_of_two_columns(benchmark::State& state) {
  two_columns data;
  pillar::value_state values;
  std::vector<pillar::value_interval> proof;
  const pillar::zone_map zones[] = {pillar::zone_of(data.columns[0].decoded), pillar::zone_of(data.columns[1].decoded)};
  const pillar::zone_map* const pointers[] = {&zones[0], &zones[1]};
  if (state.range(0) != 0) pillar::analyze(data.predicate.values, pointers, proof);
  auto rows = pillar::selection_mask::first(vector_rows);
  if (state.range(1) != 100)
    for (auto& word : rows.words) word = 0x8000'0000'0000'0001u;
  for (auto _ : state) {
    const auto out = pillar::evaluate_value(data.predicate.values, 2, data.batch, rows, values, proof);
    benchmark::DoNotOptimize(out->values);
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * vector_rows);
}
BENCHMARK(product_of_two_columns)->ArgNames({"proven", "percent"})->Args({0, 100})->Args({1, 100})->Args({0, 3});

void zone_answer(benchmark::State& state) {
  two_columns data;
  const pillar::zone_map zones[] = {pillar::zone_of(data.columns[0].decoded), pillar::zone_of(data.columns[1].decoded)};
  const pillar::zone_map* pointers[] = {&zones[0], &zones[1]};
  pillar::zone_scratch scratch;
  for (auto _ : state) benchmark::DoNotOptimize(pillar::answer(data.predicate, pointers, scratch).what);
}
BENCHMARK(zone_answer);

void zone_of_a_vector(benchmark::State& state) {
  two_columns data;
  for (auto _ : state) benchmark::DoNotOptimize(pillar::zone_of(data.columns[0].decoded));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * vector_rows);
}
BENCHMARK(zone_of_a_vector);

}  // namespace
