// SPDX-License-Identifier: Apache-2.0
/// Runs the table of kernel cases on the level that this program is linked for, and says how many cases it holds:
/// `--count` only counts. `--long` runs the whole matrix of round trips, and nothing else.
#include <gtest/gtest.h>

#include <cstdio>
#include <string_view>

#include "levels/level_cases.hpp"
#include "pillar/simd/dispatch.hpp"

namespace {

using pillar_test::tested_level;

bool whole_matrix = false;

void run(const std::vector<pillar_test::level_case>& cases) {
  if (!pillar::supports(tested_level)) GTEST_SKIP() << "this processor has no " << pillar::to_string(tested_level);
  for (const auto& each : cases) each.check(tested_level, each.first, each.second);
}

TEST(levels, packed) { run(pillar_test::packed_cases()); }
TEST(levels, delta) { run(pillar_test::delta_cases()); }
TEST(levels, run_end) { run(pillar_test::run_end_cases()); }
TEST(levels, decimal_double) { run(pillar_test::decimal_double_cases()); }
TEST(levels, flat_match) { run(pillar_test::flat_match_cases()); }
TEST(levels, key_search) { run(pillar_test::key_search_cases()); }
TEST(levels, round_trip) {
  run(pillar_test::round_trip_cases(whole_matrix));
  if (!IsSkipped() && !HasFailure()) pillar_test::finish_round_trips(whole_matrix);
}
TEST(levels, shim) {
  if (!pillar::supports(tested_level)) GTEST_SKIP() << "this processor has no " << pillar::to_string(tested_level);
  for (std::uint32_t round = 0; round < pillar_test::shim_rounds; ++round) {
    const char* wrong = pillar_test::check_shim(round);
    ASSERT_EQ(wrong, nullptr) << "round " << round;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto count = pillar_test::packed_cases().size() + pillar_test::delta_cases().size() +
                     pillar_test::run_end_cases().size() + pillar_test::decimal_double_cases().size() +
                     pillar_test::flat_match_cases().size() + pillar_test::key_search_cases().size() +
                     pillar_test::round_trip_cases(false).size() + pillar_test::shim_rounds;
  std::printf("level %s: %zu cases%s\n", pillar::to_string(tested_level), count,
              pillar::supports(tested_level) ? "" : ", not run: this processor lacks it");
  std::fflush(stdout);
  if (argc > 1 && std::string_view(argv[1]) == "--count") return 0;
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1 && std::string_view(argv[1]) == "--long") {
    whole_matrix = true;
    testing::GTEST_FLAG(filter) = "levels.round_trip";
  }
  return RUN_ALL_TESTS();
}
