// SPDX-License-Identifier: Apache-2.0
/// The expansion of runs against one store per row, behind guard pages: 64 bytes behind the last row may be written.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "levels/level_cases.hpp"
#include "pillar/base/env.hpp"
#include "pillar/codec/run_end.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test {
namespace levels_run_end {
namespace {

template <class U>
void check_spread(pillar::run_end_table::spread_fn spread, const guard_array<U>& values,
                  const std::vector<std::uint16_t>& ends) {
  if (spread == nullptr) return;
  guard_array<U> readable(values.size() + 32 / sizeof(U));
  for (std::size_t run = 0; run < values.size(); ++run) readable[run] = values[run];
  guard_array<std::uint64_t> marks(16);
  for (std::size_t word = 0; word < 16; ++word) marks[word] = 0;
  for (std::size_t run = 0; run + 1 < ends.size(); ++run)
    marks[(ends[run] - 1u) / 64] |= std::uint64_t{1} << (ends[run] - 1) % 64;
  guard_array<U> out(1024);
  spread(readable.data(), marks.data(), out.data());
  for (std::uint32_t row = 0, run = 0; row < 1024; ++row) {
    run += run + 1 < ends.size() && row == ends[run];
    ASSERT_EQ(out[row], values[run]) << "row " << row;
  }
}

template <class U>
void check_expand(pillar::run_end_table::expand_fn expand, pillar::run_end_table::spread_fn spread,
                  std::uint32_t round) {
  pillar::splitmix64 random(round);
  const auto rows = static_cast<std::uint32_t>(round % 4 == 0 ? 1024 : 1 + random.below(1024));
  const std::uint64_t longest = std::uint64_t{1} << random.below(11);
  std::vector<std::uint16_t> ends;
  for (std::uint32_t end = 0; end < rows;) {
    end += static_cast<std::uint32_t>(1 + random.below(longest));
    ends.push_back(static_cast<std::uint16_t>(end < rows ? end : rows));
    end = ends.back();
  }
  guard_array<U> values(ends.size());
  guard_array<std::uint16_t> guarded_ends(ends.size());
  for (std::size_t run = 0; run < ends.size(); ++run) {
    values[run] = static_cast<U>(random());
    guarded_ends[run] = ends[run];
  }
  guard_array<U> out(rows + 64 / sizeof(U));
  expand(values.data(), guarded_ends.data(), static_cast<std::uint32_t>(ends.size()), out.data());
  for (std::uint32_t row = 0, run = 0; row < rows; ++row) {
    run += row == ends[run];
    ASSERT_EQ(out[row], values[run]) << "round " << round << " row " << row;
  }
  check_spread<U>(spread, values, ends);
}

void check(pillar::arch_level level, std::uint32_t size, std::uint32_t round) {
  const pillar::run_end_table& table = pillar::run_end_kernels_for(level);
  switch (size) {
    case 0: return check_expand<std::uint8_t>(table.expand[0], table.spread[0], round);
    case 1: return check_expand<std::uint16_t>(table.expand[1], table.spread[1], round);
    case 2: return check_expand<std::uint32_t>(table.expand[2], table.spread[2], round);
    default: return check_expand<std::uint64_t>(table.expand[3], table.spread[3], round);
  }
}

}  // namespace
}  // namespace levels_run_end

std::vector<level_case> run_end_cases() {
  std::vector<level_case> cases;
  for (std::uint32_t size = 0; size < 4; ++size)
    for (std::uint32_t round = 0; round < 40; ++round) cases.push_back({levels_run_end::check, size, round});
  return cases;
}

}  // namespace pillar_test
