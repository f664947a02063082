// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/executor.hpp"

#include <gtest/gtest.h>

#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/worker_pool.hpp"

namespace pillar_test::conformance_executor {
namespace {

using pillar::conformance::check_executor;

TEST(conformance_executor, pillars_executors_conform) {
  pillar::inline_executor one;
  const auto plain = check_executor(one);
  EXPECT_TRUE(plain.ok()) << plain;
  for (const std::uint32_t workers : {1u, 2u, 5u}) {
    pillar::worker_pool pool(workers);
    const auto found = check_executor(pool);
    EXPECT_TRUE(found.ok()) << found;
  }
}

struct liar {
  int variant = 0;
  void bulk(std::uint32_t count, pillar::bulk_body body) const noexcept {
    for (std::uint32_t index = 0; index < count; ++index) {
      if (variant == 1 && index == 5) continue;
      body(index, variant == 2 ? 1 : 0);
      if (variant == 0 && index == 3) body(index, 0);
      if (variant == 3 && index == 3) body(count, 0);
    }
  }
  [[nodiscard]] std::uint32_t concurrency() const noexcept { return variant == 4 ? 0 : 1; }
};

TEST(conformance_executor, liars_are_reported) {
  const char* const all = "every index is run exactly once, none beyond the count";
  const char* const workers = "worker numbers are below concurrency(), and no two bodies share one at a time";
  liar twice{0}, skips{1}, numbers{2}, beyond{3}, nobody{4};
  const auto found = check_executor(twice);
  EXPECT_NE(found.find(all)->counterexample.find("index 3 was run 2 times"), std::string::npos) << found;
  EXPECT_FALSE(check_executor(skips).find(all)->holds);
  EXPECT_FALSE(check_executor(numbers).find(workers)->holds);
  EXPECT_FALSE(check_executor(beyond).find(all)->holds);
  EXPECT_FALSE(check_executor(nobody).ok());
}

}  // namespace
}  // namespace pillar_test::conformance_executor
