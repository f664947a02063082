// SPDX-License-Identifier: Apache-2.0
/// The kernel cases that every instruction-set level runs: one table, enumerated without running anything, so that a
/// level which this processor lacks still counts what it would have run.
#pragma once
#include <cstdint>
#include <vector>

#include "pillar/simd/arch.hpp"

namespace pillar_test {

/// One case: a check with two numbers (a width and a round, a type and a length, …) on the kernels of a level. It fails
/// through GoogleTest.
struct level_case {
  void (*check)(pillar::arch_level level, std::uint32_t first, std::uint32_t second);
  std::uint32_t first;
  std::uint32_t second;
};

std::vector<level_case> packed_cases();          ///< codec/packed.hpp
std::vector<level_case> delta_cases();           ///< codec/delta.hpp
std::vector<level_case> run_end_cases();         ///< codec/run_end.hpp
std::vector<level_case> decimal_double_cases();  ///< codec/decimal_double.hpp
std::vector<level_case> flat_match_cases();      ///< filter/flat_match.hpp
std::vector<level_case> key_search_cases();      ///< aggregate/detail/key_search.hpp

/// storage/block.hpp over all codecs: columns written and read back. `every`: the whole matrix, which takes minutes.
std::vector<level_case> round_trip_cases(bool every);
/// Prints what the cases did, and fails where a pair of choices was never met.
void finish_round_trips(bool every);

/// simd/batch.hpp at the flags of a level: this object is compiled once per level, and uses nothing that another
/// level's object defines too. The sentence that a round returns says what differs; nullptr: nothing does.
extern const pillar::arch_level tested_level;
const char* check_shim(std::uint32_t round) noexcept;
inline constexpr std::uint32_t shim_rounds = 200;

}  // namespace pillar_test
