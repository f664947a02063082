// SPDX-License-Identifier: Apache-2.0
// Sum and count by int64 keys in a hash map that grows, row by row, as one writes it.
#include <cstdint>
#include <string>

#ifdef PILLAR_BENCH_BOOST
#include <boost/unordered/unordered_flat_map.hpp>
#else
#include <absl/container/flat_hash_map.h>
#endif

#include "data/group_numbers.hpp"
#include "support/bench.hpp"

namespace {

struct state_of_group {
  std::int64_t sum = 0, count = 0;
};
#ifdef PILLAR_BENCH_BOOST
using map_type = boost::unordered_flat_map<std::int64_t, state_of_group>;
#else
using map_type = absl::flat_hash_map<std::int64_t, state_of_group>;
#endif

void group(benchmark::State& state, std::uint64_t distinct) {
  const auto& data = pillar_bench::kept<pillar_bench::group_numbers>(
      "group_int64_" + std::to_string(distinct), [&] { return pillar_bench::group_numbers(distinct); });
  map_type last;
  for (auto _ : pillar_bench::timed(state)) {
    map_type made;
    for (std::size_t i = 0; i < data.keys.size(); ++i) {
      state_of_group& to = made[data.keys[i]];
      to.sum += data.values[i];
      ++to.count;
    }
    benchmark::DoNotOptimize(made.size());
    last = std::move(made);
  }
  pillar_bench::group_digest digest;
  for (const auto& [key, value] : last) digest.add(key, value.sum, value.count);
  pillar_bench::per_iteration(state, data.keys.size(), 0);
  pillar_bench::answer(digest.text());
}

const bool registered = [] {
  for (const std::uint64_t distinct : {1, 10, 100, 1000, 10000, 100000, 1000000})
    benchmark::RegisterBenchmark(("aggregate/group_int64/" + std::to_string(distinct)).c_str(),
                                 [distinct](benchmark::State& state) { group(state, distinct); });
  return true;
}();

}  // namespace
