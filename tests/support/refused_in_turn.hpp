// SPDX-License-Identifier: Apache-2.0
/// Every allocation of one operation refused in turn, where a test is in the middle of its rows. (Operations that begin
/// with nothing: conformance/faults.hpp.)
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <map>
#include <string>

#include "pillar/base/memory.hpp"
#include "pillar/base/result.hpp"
#include "pillar/conformance/report.hpp"

namespace pillar_test {

/// How many allocations were refused, by operation; printed when the test ends, and none may be 0.
class injection_points {
 public:
  injection_points() = default;
  injection_points(const injection_points&) = delete;
  injection_points& operator=(const injection_points&) = delete;
  ~injection_points() {
    for (const auto& [what, points] : points_) {
      std::cout << "injection points of " << what << ": " << points << '\n';
      EXPECT_GT(points, 0u) << what;
    }
  }
  std::uint64_t& operator[](const std::string& what) { return points_[what]; }

 private:
  std::map<std::string, std::uint64_t> points_{};
};

/// Prints how many there were in a report of sweep_allocations or sweep_file_operations.
inline void expect_points(const pillar::conformance::report& of, std::uint64_t at_least = 1) {
  EXPECT_TRUE(of.ok()) << of;
  std::cout << "injection points of " << of.subject << ": " << of.count("injection points") << '\n';
  EXPECT_GE(of.count("injection points"), at_least) << of.subject;
}

enum class spared : std::uint8_t {
  ends,    ///< what found no room and went on has done what it is to do: it is not tried again
  goes_on  ///< the operation can be done again and again
};

/// Calls `operation`, which returns what became of it, with its first, second, … allocation from `budget` refused, and
/// all later ones if `lasting`, until nothing is refused. What fails must say so, and `unchanged` looks at what it left.
template <class Operation, class Unchanged>
void refuse_in_turn(std::uint64_t& points, pillar::memory_budget& budget, bool lasting, spared then,
                    Operation operation, Unchanged unchanged) {
  for (std::uint64_t number = 1;; ++number) {
    const std::uint64_t before = budget.refused();
    budget.refuse(number, lasting);
    const pillar::errc said = operation();
    budget.refuse(0);
    const bool was_refused = budget.refused() != before;
    points += was_refused ? 1 : 0;
    if (!was_refused) {
      ASSERT_EQ(said, pillar::errc::ok);
      return;
    }
    if (said == pillar::errc::ok) {
      if (then == spared::ends) return;
      continue;
    }
    ASSERT_EQ(said, pillar::errc::out_of_memory);
    unchanged();
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace pillar_test
