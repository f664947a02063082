// SPDX-License-Identifier: Apache-2.0
/// The loop of schedule/morsels_2t, ours and the peers': 65,536 morsels of next to no work on two threads, so that
/// handing them out is what is measured.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "support/bench.hpp"

namespace pillar_bench {

inline constexpr std::uint32_t morsel_count = 65536, loop_threads = 2;

struct alignas(128) padded_sum {
  std::uint64_t value = 0;
};

/// `loop(body)` calls body(morsel, worker) once for every morsel number, worker < loop_threads.
template <class Loop>
void morsel_case(benchmark::State& state, const Loop& loop) {
  std::array<padded_sum, loop_threads> sums{};
  const auto body = [&](std::uint32_t morsel, std::uint32_t worker) { sums[worker].value += morsel; };
  for (auto _ : timed(state)) {
    sums = {};
    loop(body);
    benchmark::ClobberMemory();
  }
  per_iteration(state, morsel_count);
  answer(std::to_string(sums[0].value + sums[1].value));
}

}  // namespace pillar_bench
