// SPDX-License-Identifier: Apache-2.0
#include "pillar/schedule/inline_executor.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace pillar_test::schedule_inline_executor {
namespace {

TEST(schedule_inline_executor, runs_in_order_on_the_caller_also_nested) {
  const pillar::inline_executor runner;
  std::vector<std::uint32_t> order;
  runner.bulk(3, [&](std::uint32_t outer, std::uint32_t worker) {
    EXPECT_EQ(worker, 0u);
    runner.bulk(2, [&](std::uint32_t inner, std::uint32_t) { order.push_back(10 * outer + inner); });
  });
  EXPECT_EQ(order, (std::vector<std::uint32_t>{0, 1, 10, 11, 20, 21}));
  runner.bulk(0, [](std::uint32_t, std::uint32_t) { ADD_FAILURE() << "nothing to run"; });
  EXPECT_EQ(runner.concurrency(), 1u);
}

}  // namespace
}  // namespace pillar_test::schedule_inline_executor
