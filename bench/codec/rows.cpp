// SPDX-License-Identifier: Apache-2.0
// The rows of the report: packed fields to u32. In L1 the stores are the limit, so the bytes counted there are those
// written; from L2 and from memory, those read.
//
//   codec/unpack_u32_w12_l1 | l2 | ram, and all widths in L1
#include <algorithm>
#include <string>

#include "pillar/base/env.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/simd/dispatch.hpp"
#include "support/bench.hpp"

namespace {

using pillar_bench::pages;

void unpack_u32(benchmark::State& state, unsigned width, const std::string& where) {
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
  const std::size_t count =
      std::max<std::size_t>(1, std::min(wanted, memory.size()) / std::max<std::size_t>(bytes, 128));
  const std::size_t turns = in_l1 ? 64 : 1;
  alignas(64) std::uint32_t out[2 * pillar::packed_values];
  std::uint32_t base = 7;
  benchmark::DoNotOptimize(base);
  for (auto _ : pillar_bench::timed(state))
    for (std::size_t turn = 0; turn < turns; ++turn)
      for (std::size_t v = 0; v < count; ++v) {
        pillar::unpack_add<std::uint32_t>(kernels, width, memory.data() + v * bytes,
                                          out + (v % 2) * pillar::packed_values, base);
        benchmark::ClobberMemory();
      }
  benchmark::DoNotOptimize(out);
  const std::size_t vectors = turns * count;
  pillar_bench::per_iteration(state, vectors * pillar::packed_values,
                              vectors * (in_l1 ? sizeof(std::uint32_t) * pillar::packed_values : bytes));
  std::uint64_t sum = 0;
  for (std::size_t v = 0; v < count; ++v) {
    pillar::unpack_add<std::uint32_t>(kernels, width, memory.data() + v * bytes, out, base);
    for (std::uint32_t i = 0; i < pillar::packed_values; ++i) sum += out[i];
  }
  pillar_bench::answer(std::to_string(sum));
}

const bool registered = [] {
  for (const std::string where : {"l1", "l2", "ram"})
    for (unsigned width = 0; width <= 32; ++width)
      if (where == "l1" || width == 12)
        benchmark::RegisterBenchmark(("codec/unpack_u32_w" + std::to_string(width) + '_' + where).c_str(), unpack_u32,
                                     width, where);
  return true;
}();

}  // namespace
