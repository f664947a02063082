// SPDX-License-Identifier: Apache-2.0
/// The running sums of delta vectors against one addition per row, behind guard pages.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "levels/level_cases.hpp"
#include "pillar/base/env.hpp"
#include "pillar/codec/delta.hpp"
#include "pillar/codec/packed.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test {
namespace levels_delta {
namespace {

constexpr std::uint32_t rows = pillar::packed_values;

/// Rows in their order, as codec/delta.hpp says where their fields are.
template <class Field, class Out>
std::vector<Out> sums(const Field* fields, std::uint64_t first, std::uint64_t second, std::uint64_t step) {
  std::vector<Out> out;
  std::uint64_t total = 0;
  for (std::uint32_t row = 0; row < rows; ++row) {
    const std::uint32_t chain = row / (rows / 2), of_chain = row % (rows / 2);
    if (of_chain == 0) total = chain == 0 ? first : second;
    else total += step;
    total += fields[8 * (of_chain / 4) + 4 * chain + of_chain % 4];
    out.push_back(static_cast<Out>(total));
  }
  return out;
}

template <class Field, class Out>
void check_scan(pillar::delta_table::scan_fn scan, std::uint32_t round) {
  pillar::splitmix64 random(round);
  guard_array<Field> fields(rows);
  for (std::uint32_t i = 0; i < rows; ++i)
    fields[i] = round % 3 == 0   ? static_cast<Field>(random())
                : round % 3 == 1 ? static_cast<Field>(~Field{0})
                                 : Field{3};
  const std::uint64_t first = random(), second = random(), step = round % 2 == 0 ? 0 : random() >> random.below(60);
  guard_array<Out> out(rows);
  scan(fields.data(), out.data(), first, second, step);
  const std::vector<Out> expected = sums<Field, Out>(fields.data(), first, second, step);
  EXPECT_EQ(std::memcmp(out.data(), expected.data(), sizeof(Out) * rows), 0) << "round " << round;
}

void check(pillar::arch_level level, std::uint32_t kernel, std::uint32_t round) {
  const pillar::delta_table& table = pillar::delta_kernels_for(level);
  switch (kernel) {
    case 0: return check_scan<std::uint8_t, std::uint32_t>(table.scan_u32[0], round);
    case 1: return check_scan<std::uint16_t, std::uint32_t>(table.scan_u32[1], round);
    case 2: return check_scan<std::uint32_t, std::uint32_t>(table.scan_u32[2], round);
    case 3: return check_scan<std::uint32_t, std::uint64_t>(table.scan_u64[0], round);
    case 4: return check_scan<std::uint64_t, std::uint64_t>(table.scan_u64[1], round);
    default: break;
  }
  pillar::splitmix64 random(round);
  guard_array<std::uint32_t> offsets(rows);
  for (std::uint32_t i = 0; i < rows; ++i) offsets[i] = static_cast<std::uint32_t>(random());
  const std::uint64_t first = random(), second = random(), step = random();
  guard_array<std::uint64_t> out(rows);
  table.widen(offsets.data(), out.data(), first, second, step);
  for (std::uint32_t i = 0; i < rows; ++i)
    ASSERT_EQ(out[i], (i < rows / 2 ? first : second) + i % (rows / 2) * step + offsets[i]) << i;
}

}  // namespace
}  // namespace levels_delta

std::vector<level_case> delta_cases() {
  std::vector<level_case> cases;
  for (std::uint32_t kernel = 0; kernel < 6; ++kernel)
    for (std::uint32_t round = 0; round < 12; ++round) cases.push_back({levels_delta::check, kernel, round});
  return cases;
}

}  // namespace pillar_test
