// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/encoded.hpp"

#include <gtest/gtest.h>

namespace pillar_test::column_encoded {
namespace {

// The account adds up categories by their order: cheapest first.
static_assert(pillar::evidence::skipped < pillar::evidence::settled &&
              pillar::evidence::settled < pillar::evidence::encoded &&
              pillar::evidence::encoded < pillar::evidence::decoded);
static_assert(alignof(pillar::vector_scratch) == 64 && sizeof(pillar::vector_scratch::values) == 16 * 1024);

TEST(column_encoded, a_default_vector_is_absent) {
  EXPECT_FALSE(pillar::encoded_vector{});
  const pillar::encoded_operations none{};
  EXPECT_TRUE((pillar::encoded_vector{&none, nullptr, 0}));
  EXPECT_EQ(pillar::match_answer{}.what, pillar::verdict::unknown);
}

}  // namespace
}  // namespace pillar_test::column_encoded
