// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/function_ref.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace pillar_test::base_function_ref {
namespace {

int twice(int value) { return 2 * value; }
int apply(pillar::function_ref<int(int)> function, int value) { return function(value); }

TEST(base_function_ref, calls_lambdas_objects_and_functions) {
  int offset = 5;
  EXPECT_EQ(apply([&](int value) { return value + offset; }, 1), 6);
  EXPECT_EQ(apply(twice, 4), 8);
  EXPECT_EQ(apply(&twice, 4), 8);
  struct counter {
    int calls = 0;
    int operator()(int value) { return value + ++calls; }
  } object;
  const pillar::function_ref<int(int)> reference(object);
  const pillar::function_ref<int(int)> copy = reference;
  EXPECT_EQ(reference(10), 11);
  EXPECT_EQ(copy(10), 12);
  EXPECT_EQ(object.calls, 2) << "the reference must not copy the object";
  const auto constant = [](int value) { return -value; };
  EXPECT_EQ(apply(constant, 3), -3);
}

TEST(base_function_ref, discards_a_result_and_forwards_references) {
  int seen = 0;
  const auto body = [&](int& value, std::uint32_t amount) { return value += seen = static_cast<int>(amount); };
  const pillar::function_ref<void(int&, std::uint32_t)> reference(body);
  int value = 1;
  reference(value, 7);
  EXPECT_EQ(value, 8);
  EXPECT_EQ(seen, 7);
  static_assert(!std::is_constructible_v<pillar::function_ref<int(int)>, int>);
  static_assert(sizeof(reference) == 2 * sizeof(void*));
}

}  // namespace
}  // namespace pillar_test::base_function_ref
