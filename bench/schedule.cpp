// SPDX-License-Identifier: Apache-2.0
// Handing out morsels to two threads: for_each_morsel on a pool of two, against the loops of bench/native.
#include <cstdlib>

#include <pillar/schedule.hpp>

#include "native/loop.hpp"

namespace {
void morsels(benchmark::State& state) {
  pillar::worker_pool pool(pillar_bench::loop_threads);
  const std::uint64_t rows[] = {pillar_bench::morsel_count / 2, pillar_bench::morsel_count / 2};
  pillar_bench::morsel_case(state, [&](const auto& body) {
    auto cursors = pillar::slice_cursors::create(rows, pillar_bench::loop_threads);
    if (!cursors.ok()) std::abort();
    pillar::query_context context;
    const auto each = [&](const pillar::morsel& part, std::uint32_t worker) -> pillar::result<void> {
      body(part.slice * (pillar_bench::morsel_count / 2) + static_cast<std::uint32_t>(part.begin), worker);
      return {};
    };
    if (!pillar::for_each_morsel(pool, *cursors, context, 1, each).ok()) std::abort();
  });
}
BENCHMARK(morsels)->Name("schedule/morsels_2t")->MeasureProcessCPUTime()->UseRealTime();
}  // namespace
