// SPDX-License-Identifier: Apache-2.0
#include "pillar/schedule/available_concurrency.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace pillar_test::schedule_available_concurrency {
namespace {

TEST(schedule_available_concurrency, is_at_least_one_and_at_most_the_machine) {
  EXPECT_GE(pillar::available_concurrency(), 1u);
  if (const unsigned machine = std::thread::hardware_concurrency(); machine != 0) {
    EXPECT_LE(pillar::available_concurrency(), machine);
  }
}

TEST(schedule_available_concurrency, reads_the_quota_of_a_control_group) {
  EXPECT_EQ(pillar::parse_cpu_max("200000 100000\n"), 2u);
  EXPECT_EQ(pillar::parse_cpu_max("150000 100000\n"), 2u) << "rounded up";
  EXPECT_EQ(pillar::parse_cpu_max("1000 100000"), 1u);
  for (const char* text : {"max 100000\n", "", "100000", "100000 ", "0 100000", "100000 0", "1 1x", "-1 100000",
                           "99999999999999999999 1", "4294967295 1", "18446744073709551615 1"})
    EXPECT_EQ(pillar::parse_cpu_max(text), 0u) << text;
}

}  // namespace
}  // namespace pillar_test::schedule_available_concurrency
