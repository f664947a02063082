// SPDX-License-Identifier: Apache-2.0
// Sum and count by int64 keys in a hash map that grows, and joins through one, row by row, as one writes them.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#ifdef PILLAR_BENCH_BOOST
#include <boost/unordered/unordered_flat_map.hpp>
#else
#include <absl/container/flat_hash_map.h>
#endif

#include "data/group_numbers.hpp"
#include "data/join_numbers.hpp"
#include "support/bench.hpp"

namespace {

struct state_of_group {
  std::int64_t sum = 0, count = 0;
};
#ifdef PILLAR_BENCH_BOOST
template <class Key, class Value>
using flat_map = boost::unordered_flat_map<Key, Value>;
#else
template <class Key, class Value>
using flat_map = absl::flat_hash_map<Key, Value>;
#endif
using map_type = flat_map<std::int64_t, state_of_group>;

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

/// The last row of each key is in the map, and each row names the one of its key before it.
template <class Key, class Build, class Probe>
pillar_bench::join_digest join(const pillar_bench::join_numbers& data, bool semi, Build build, Probe probe) {
  constexpr std::uint32_t none = ~std::uint32_t{0};
  flat_map<Key, std::uint32_t> last;
  last.reserve(data.build.size());
  std::vector<std::uint32_t> before(data.build.size(), none);
  for (std::uint32_t row = 0; row < before.size(); ++row) {
    const auto [at, added] = last.emplace(build(row), row);
    if (!added) before[row] = at->second, at->second = row;
  }
  pillar_bench::join_digest digest;
  for (std::size_t row = 0; row < data.probe.size(); ++row) {
    const auto found = last.find(probe(row));
    if (found == last.end()) continue;
    if (semi) {
      ++digest.pairs;
      continue;
    }
    for (std::uint32_t other = found->second; other != none; other = before[other]) {
      ++digest.pairs;
      digest.sum += static_cast<std::uint64_t>(data.payload[other]);
    }
  }
  return digest;
}

void join_keys(benchmark::State& state, const std::string& what) {
  const auto& data = pillar_bench::kept<pillar_bench::join_numbers>(
      "join " + what, [&] { return pillar_bench::join_numbers(what, pillar_bench::ram_bytes() / 32); });
  const auto text = [](const pillar::text_slot& slot) { return std::string_view(slot.inlined, slot.size); };
  pillar_bench::join_digest digest;
  for (auto _ : pillar_bench::timed(state)) {
    if (what == "text")
      digest = join<std::string_view>(
          data, false, [&](std::size_t row) { return text(data.build_texts[row]); },
          [&](std::size_t row) { return text(data.probe_texts[row]); });
    else
      digest = join<std::int64_t>(
          data, what == "semi", [&](std::size_t row) { return data.build[row]; },
          [&](std::size_t row) { return data.probe[row]; });
    benchmark::DoNotOptimize(digest.sum);
  }
  pillar_bench::per_iteration(state, data.probe.size(), 0);
  pillar_bench::answer(digest.text());
}

const bool registered = [] {
  for (const std::string what : pillar_bench::join_cases)
    benchmark::RegisterBenchmark(("join/keys_" + what).c_str(), join_keys, what);
  for (const std::uint64_t distinct : {1, 10, 100, 1000, 10000, 100000, 1000000})
    benchmark::RegisterBenchmark(("aggregate/group_int64/" + std::to_string(distinct)).c_str(),
                                 [distinct](benchmark::State& state) { group(state, distinct); });
  return true;
}();

}  // namespace
