// SPDX-License-Identifier: Apache-2.0
/// One part alone: Pillar's pool and cursors on the user's own arrays, one of which is ten times as long as the others.
#include <cstdint>
#include <cstdio>
#include <vector>

#include "pillar/schedule.hpp"

int main() {
  std::vector<std::vector<std::uint32_t>> slices(8, std::vector<std::uint32_t>(500'000, 1));
  slices[5].resize(5'000'000, 1);
  std::vector<std::uint64_t> slice_rows;
  for (const auto& slice : slices) slice_rows.push_back(slice.size());

  auto pool = pillar::worker_pool::create(pillar::available_concurrency());
  if (!pool.ok()) return std::fprintf(stderr, "no threads: %s\n", pillar::to_string(pool.error().code)), 1;
  auto cursors = pillar::slice_cursors::create(slice_rows, pool->concurrency());
  if (!cursors.ok()) return std::fprintf(stderr, "no cursors: %s\n", pillar::to_string(cursors.error().code)), 1;
  pillar::query_context context;

  struct alignas(128) partial_sum {  // one per worker, on its own cache lines
    std::uint64_t value = 0;
  };
  std::vector<partial_sum> partial(pool->concurrency());
  const auto done = pillar::for_each_morsel(
      *pool, *cursors, context, 16'384, [&](const pillar::morsel& part, std::uint32_t worker) -> pillar::result<void> {
        std::uint64_t sum = 0;
        for (std::uint64_t row = part.begin; row < part.end; ++row) sum += slices[part.slice][row];
        partial[worker].value += sum;
        return {};
      });
  std::uint64_t total = 0;
  for (const partial_sum& one : partial) total += one.value;
  std::printf("%s: %llu rows on %u workers, %llu morsels stolen\n", pillar::to_string(done.error().code),
              static_cast<unsigned long long>(total), pool->concurrency(),
              static_cast<unsigned long long>(cursors->stolen_count()));
  return done.ok() && total == cursors->row_count() ? 0 : 1;
}
