// SPDX-License-Identifier: Apache-2.0
// The filter of filter/raw_u32 (bench/filter/rows.cpp) as one would write it with Highway: compare and store mask bits.
#include <hwy/highway.h>

#include <bit>
#include <string>

#include <pillar/base/env.hpp>

#include "support/bench.hpp"

namespace {
namespace hn = hwy::HWY_NAMESPACE;
using pillar_bench::pages;
constexpr std::size_t vector_rows = 1024;

void raw_u32(benchmark::State& state, const std::string& where) {
  const pages& memory = pillar_bench::kept<pages>(where, [&] {
    pages made(where == "ram" ? pillar_bench::ram_bytes() : pillar_bench::l2_bytes);
    pillar::splitmix64 random(1);
    for (auto& value : made.as<std::uint32_t>()) value = static_cast<std::uint32_t>(random.below(1000));
    return made;
  });
  const auto values = memory.as<std::uint32_t>();
  std::uint32_t low = 100, high = 299;
  benchmark::DoNotOptimize(low);
  benchmark::DoNotOptimize(high);
  const hn::ScalableTag<std::uint32_t> tag;
  const auto least = hn::Set(tag, low), range = hn::Set(tag, high - low);
  // low <= x <= high is x - low <= high - low, unsigned: one minimum and one comparison for equality.
  const auto match = [&](const std::uint32_t* from, std::uint8_t* mask) {
    for (std::size_t i = 0; i < vector_rows; i += hn::Lanes(tag)) {
      const auto above = hn::Sub(hn::LoadU(tag, from + i), least);
      hn::StoreMaskBits(tag, hn::Eq(hn::Min(above, range), above), mask + i / 8);
    }
  };
  std::uint8_t mask[vector_rows / 8 + 8];
  for (auto _ : pillar_bench::timed(state))
    for (std::size_t first = 0; first < values.size(); first += vector_rows) {
      match(values.data() + first, mask);
      benchmark::DoNotOptimize(mask);
    }
  pillar_bench::per_iteration(state, values.size(), values.size_bytes());
  std::uint64_t matched = 0;
  for (std::size_t first = 0; first < values.size(); first += vector_rows) {
    match(values.data() + first, mask);
    for (std::size_t i = 0; i < vector_rows / 8; ++i) matched += static_cast<std::uint64_t>(std::popcount(mask[i]));
  }
  pillar_bench::answer(std::to_string(matched));
}
BENCHMARK_CAPTURE(raw_u32, l2, std::string("l2"))->Name("filter/raw_u32_l2");
BENCHMARK_CAPTURE(raw_u32, ram, std::string("ram"))->Name("filter/raw_u32_ram");
}  // namespace
