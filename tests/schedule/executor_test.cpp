// SPDX-License-Identifier: Apache-2.0
#include "pillar/schedule/executor.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "pillar/schedule/inline_executor.hpp"

namespace pillar_test::schedule_executor {
namespace {

/// What a user writes: a pool of one's own, here one that goes backwards and counts.
struct users_executor {
  void bulk(std::uint32_t count, pillar::bulk_body body) noexcept {
    ++bulk_count;
    for (std::uint32_t index = count; index-- > 0;) body(index, index % 3);
  }
  std::uint32_t concurrency() const noexcept { return 3; }
  int bulk_count = 0;
};
struct without_concurrency {
  void bulk(std::uint32_t, pillar::bulk_body) noexcept {}
};
struct throwing_bulk {
  void bulk(std::uint32_t, pillar::bulk_body) {}
  std::uint32_t concurrency() const noexcept { return 1; }
};
static_assert(pillar::executor<users_executor>);
static_assert(!pillar::executor<without_concurrency> && !pillar::executor<throwing_bulk>);

TEST(schedule_executor, a_reference_reaches_the_users_executor) {
  users_executor mine;
  const pillar::executor_ref reference(mine);
  const pillar::executor_ref copy = reference;
  EXPECT_EQ(copy.concurrency(), 3u);
  std::vector<std::uint32_t> order;
  copy.bulk(4, [&](std::uint32_t index, std::uint32_t worker) {
    EXPECT_LT(worker, 3u);
    order.push_back(index);
  });
  EXPECT_EQ(order, (std::vector<std::uint32_t>{3, 2, 1, 0}));
  EXPECT_EQ(mine.bulk_count, 1);
}

TEST(schedule_executor, a_reference_of_a_reference_is_a_copy) {
  users_executor mine;
  pillar::executor_ref reference(mine);
  pillar::executor_ref again(reference);
  reference = pillar::executor_ref(mine);
  again.bulk(1, [](std::uint32_t, std::uint32_t) {});
  EXPECT_EQ(mine.bulk_count, 1);
  const pillar::inline_executor constant;
  EXPECT_EQ(pillar::executor_ref(constant).concurrency(), 1u);
}

}  // namespace
}  // namespace pillar_test::schedule_executor
