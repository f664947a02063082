// SPDX-License-Identifier: Apache-2.0
// The rows of the report: sums of a u32 column, raw and as packed fields, from memory and in L2.
//
//   aggregate/sum_raw_u32_l2 | ram, aggregate/sum_packed_w12_l2 | ram
#include <string>

#include "pillar/base/env.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/simd/dispatch.hpp"
#include "support/bench.hpp"

namespace {

using pillar_bench::pages;

std::size_t bytes_of(const std::string& where) {
  return where == "ram" ? pillar_bench::ram_bytes() : pillar_bench::l2_bytes;
}

/// Vector by vector like every aggregate; 1,024 values of 32 bits in four chains of 64-bit lanes.
std::uint64_t sum_values(const std::uint32_t* values) {
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < pillar::packed_values; ++i) total += values[i];
  return total;
}

void sum_raw(benchmark::State& state, const std::string& where) {
  const pages& memory = pillar_bench::kept<pages>("sum_raw_" + where, [&] {
    pages made(bytes_of(where));
    pillar::splitmix64 random(1);
    for (auto& value : made.as<std::uint32_t>()) value = static_cast<std::uint32_t>(random.below(4096));
    return made;
  });
  const auto values = memory.as<std::uint32_t>();
  std::uint64_t total = 0;
  for (auto _ : pillar_bench::timed(state)) {
    total = 0;
    for (std::size_t at = 0; at < values.size(); at += pillar::packed_values) total += sum_values(values.data() + at);
    benchmark::DoNotOptimize(total);
  }
  pillar_bench::per_iteration(state, values.size(), values.size_bytes());
  pillar_bench::answer(std::to_string(total));
}

void sum_packed(benchmark::State& state, unsigned width, const std::string& where) {
  const std::size_t bytes = pillar::packed_bytes(width);
  const std::size_t count = bytes_of(where) / bytes;
  const pages& memory = pillar_bench::kept<pages>("sum_packed_" + where, [&] {
    pages made(count * bytes);
    pillar::splitmix64 random(2);
    for (auto& word : made.as<std::uint64_t>()) word = random();  // any bytes are packed fields
    return made;
  });
  const auto kernel = pillar::packed_kernels_for(pillar::best_arch_level()).sum[width];
  std::uint64_t total = 0;
  for (auto _ : pillar_bench::timed(state)) {
    total = 0;
    for (std::size_t v = 0; v < count; ++v) total += static_cast<std::uint64_t>(kernel(memory.data() + v * bytes));
    benchmark::DoNotOptimize(total);
  }
  pillar_bench::per_iteration(state, count * pillar::packed_values, count * bytes);
  pillar_bench::answer(std::to_string(total));
}

const bool registered = [] {
  for (const std::string where : {"l2", "ram"}) {
    benchmark::RegisterBenchmark(("aggregate/sum_raw_u32_" + where).c_str(), sum_raw, where);
    benchmark::RegisterBenchmark(("aggregate/sum_packed_w12_" + where).c_str(), sum_packed, 12u, where);
  }
  return true;
}();

}  // namespace
