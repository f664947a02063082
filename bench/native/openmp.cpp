// SPDX-License-Identifier: Apache-2.0
// schedule/morsels_2t by OpenMP's dynamic schedule, linked once with GCC's run time and once with LLVM's.
#include <omp.h>

#include "native/loop.hpp"

namespace {
void morsels(benchmark::State& state) {
  pillar_bench::morsel_case(state, [](const auto& body) {
#pragma omp parallel for schedule(dynamic, 1) num_threads(pillar_bench::loop_threads)
    for (std::uint32_t morsel = 0; morsel < pillar_bench::morsel_count; ++morsel)
      body(morsel, static_cast<std::uint32_t>(omp_get_thread_num()));
  });
}
BENCHMARK(morsels)->Name("schedule/morsels_2t")->MeasureProcessCPUTime()->UseRealTime();
}  // namespace
