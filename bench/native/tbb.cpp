// SPDX-License-Identifier: Apache-2.0
// schedule/morsels_2t by oneTBB: parallel_for with a grain of one, in an arena of two threads.
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "native/loop.hpp"

namespace {
void morsels(benchmark::State& state) {
  tbb::task_arena arena(pillar_bench::loop_threads);
  pillar_bench::morsel_case(state, [&](const auto& body) {
    arena.execute([&] {
      tbb::parallel_for(
          tbb::blocked_range<std::uint32_t>(0, pillar_bench::morsel_count, 1),
          [&](const tbb::blocked_range<std::uint32_t>& part) {
            const auto worker = static_cast<std::uint32_t>(tbb::this_task_arena::current_thread_index());
            for (std::uint32_t morsel = part.begin(); morsel != part.end(); ++morsel) body(morsel, worker);
          },
          tbb::simple_partitioner());
    });
  });
}
BENCHMARK(morsels)->Name("schedule/morsels_2t")->MeasureProcessCPUTime()->UseRealTime();
}  // namespace
