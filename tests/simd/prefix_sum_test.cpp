// SPDX-License-Identifier: Apache-2.0
// The quads themselves are checked at their own flags, in tests/levels/shim_cases.cpp. Here: what they must keep apart,
// through the kernels that are made of them, at each level of this machine.
#include "pillar/simd/prefix_sum.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "pillar/codec/delta.hpp"
#include "support/arch_levels.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test::simd_prefix_sum {
namespace {

constexpr std::uint32_t rows = 1024, half = rows / 2;

/// Sums of fields that are all zero but for one, at every place: it counts from its row on, in its own chain.
template <class Field>
void check_each_place(pillar::delta_table::scan_fn scan) {
  guard_array<Field> fields(rows);
  guard_array<std::uint32_t> out(rows);
  constexpr std::uint32_t most = static_cast<Field>(~Field{0});
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t i = 0; i < rows; ++i) fields[i] = 0;
    const std::uint32_t chain = row / half, of_chain = row % half;
    fields[8 * (of_chain / 4) + 4 * chain + of_chain % 4] = static_cast<Field>(most);
    scan(fields.data(), out.data(), 7, 9, 0);
    for (std::uint32_t at = 0; at < rows; ++at) {
      const std::uint32_t start = at < half ? 7 : 9;
      if (out[at] != start + (at / half == chain && at >= row ? most : 0))
        FAIL() << "field of row " << row << " at row " << at << ": " << out[at];
    }
  }
}

TEST(simd_prefix_sum, a_field_counts_in_its_own_chain_from_its_row_on) {
  for (const pillar::arch_level level : levels_to_test(pillar::delta_kernels_for)) {
    SCOPED_TRACE(pillar::to_string(level));
    const pillar::delta_table& table = pillar::delta_kernels_for(level);
    check_each_place<std::uint8_t>(table.scan_u32[0]);
    check_each_place<std::uint16_t>(table.scan_u32[1]);
    check_each_place<std::uint32_t>(table.scan_u32[2]);
  }
}

}  // namespace
}  // namespace pillar_test::simd_prefix_sum
