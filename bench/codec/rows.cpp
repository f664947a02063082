// SPDX-License-Identifier: Apache-2.0
// The rows of the report: packed fields to u8, u16 and u32. In L1 the stores are the limit, so the bytes counted there
// are those written; from L2 and from memory, those read.
//
//   codec/unpack_u8 | u16 | u32_w<width>_l1 | l2 | ram     the fields
//   codec/unpack_base_u32_w12_l1                           a base added to each
#include <algorithm>
#include <string>

#include "pillar/base/env.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/simd/dispatch.hpp"
#include "support/bench.hpp"

namespace {

using pillar_bench::pages;

/// base + field as Out. A base of 0 is the field alone: what other libraries' unpacking is.
template <class Out>
void unpack(benchmark::State& state, unsigned width, const std::string& where, Out base) {
  const bool in_l1 = where == "l1";
  const std::size_t bytes = pillar::packed_bytes(width);
  const std::size_t wanted = where == "ram" ? pillar_bench::ram_bytes() : in_l1 ? 2 * bytes : pillar_bench::l2_bytes;
  const pages& memory = pillar_bench::kept<pages>("packed_bytes_" + where, [&] {
    pages made(std::max<std::size_t>(wanted, 16 << 10));
    pillar::splitmix64 random(7);
    for (auto& word : made.as<std::uint64_t>()) word = random();  // any bytes are packed fields
    return made;
  });
  const auto& kernels = pillar::packed_kernels_for(pillar::best_arch_level());
  const std::size_t count = std::max<std::size_t>(1, std::min(wanted, memory.size()) / bytes);
  const std::size_t turns = in_l1 ? 64 : 1;
  alignas(64) Out out[2 * pillar::packed_values];
  benchmark::DoNotOptimize(base);
  for (auto _ : pillar_bench::timed(state))
    for (std::size_t turn = 0; turn < turns; ++turn)
      for (std::size_t v = 0; v < count; ++v) {
        pillar::unpack_add<Out>(kernels, width, memory.data() + v * bytes, out + (v % 2) * pillar::packed_values, base);
        benchmark::ClobberMemory();
      }
  benchmark::DoNotOptimize(out);
  const std::size_t vectors = turns * count;
  pillar_bench::per_iteration(state, vectors * pillar::packed_values,
                              vectors * (in_l1 ? sizeof(Out) * pillar::packed_values : bytes));
  std::uint64_t sum = 0;
  for (std::size_t v = 0; v < count; ++v) {
    pillar::unpack_add<Out>(kernels, width, memory.data() + v * bytes, out, base);
    for (std::uint32_t i = 0; i < pillar::packed_values; ++i) sum += out[i];
  }
  pillar_bench::answer(std::to_string(sum));
}

template <class Out>
void add(const std::string& name, unsigned width, const std::string& where, Out base = 0) {
  benchmark::RegisterBenchmark(("codec/" + name + "_w" + std::to_string(width) + '_' + where).c_str(), unpack<Out>,
                               width, where, base);
}

const bool registered = [] {
  for (unsigned width = 1; width <= 32; ++width) {
    if (width <= 8) add<std::uint8_t>("unpack_u8", width, "l1");
    if (width <= 16) add<std::uint16_t>("unpack_u16", width, "l1");
    add<std::uint32_t>("unpack_u32", width, "l1");
  }
  add<std::uint32_t>("unpack_u32", 12, "l2");
  for (const unsigned width : {3u, 12u, 16u, 20u}) add<std::uint32_t>("unpack_u32", width, "ram");
  add<std::uint32_t>("unpack_base_u32", 12, "l1", 7);
  return true;
}();

}  // namespace
