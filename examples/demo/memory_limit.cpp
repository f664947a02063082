// SPDX-License-Identifier: Apache-2.0
#include "memory_limit.hpp"

#include <algorithm>
#include <cstring>

#include "pillar/base/buffer.hpp"
#include "pillar/base/env.hpp"

namespace demo {

memory_limit measure_memory_limit(pillar::executor_ref runner) {
  constexpr std::uint64_t total_bytes = std::uint64_t{256} << 20;
  constexpr std::uint64_t budget_ns = 300'000'000;
  memory_limit out;
  out.threads = runner.concurrency();
  // More parts than workers, so that a worker that starts late does not hold up the pass.
  const std::uint32_t part_count = out.threads * 8;
  const std::uint64_t part_words = total_bytes / 8 / part_count;
  auto memory = pillar::buffer::allocate(part_words * part_count * 8);
  if (!memory.ok()) return out;
  std::uint64_t* const words = memory->as<std::uint64_t>();
  runner.bulk(part_count,
              [&](std::uint32_t part, std::uint32_t) { std::memset(words + part * part_words, 1, part_words * 8); });
  std::vector<std::uint64_t> sums(part_count);
  const auto read = [&](std::uint32_t part, std::uint32_t) {
    const std::uint64_t* const from = words + part * part_words;
    std::uint64_t lanes[16] = {};
    for (std::uint64_t i = 0; i + 16 <= part_words; i += 16)
      for (std::uint64_t lane = 0; lane < 16; ++lane) lanes[lane] += from[i + lane];
    for (const std::uint64_t lane : lanes) sums[part] += lane;
  };
  const pillar::steady_clock clock;
  const std::uint64_t start = clock.now_ns();
  std::uint64_t best = ~std::uint64_t{0};
  for (std::uint64_t now = start; now - start < budget_ns || out.passes < 3; ++out.passes) {
    const std::uint64_t before = now;
    runner.bulk(part_count, read);
    now = clock.now_ns();
    best = std::min(best, now - before);
  }
  out.buffer_bytes = part_words * part_count * 8;
  if (sums[0] != 0) out.bytes_per_second = static_cast<double>(out.buffer_bytes) / static_cast<double>(best) * 1e9;
  return out;
}

}  // namespace demo
