// SPDX-License-Identifier: Apache-2.0
#include "pillar/interop/arrow_abi.hpp"

#include <gtest/gtest.h>

#include <cstddef>

namespace pillar_test::interop_arrow_abi {
namespace {

TEST(interop_arrow_abi, structs_lie_as_the_specification_says) {
  EXPECT_EQ(sizeof(ArrowSchema), 72u);
  EXPECT_EQ(offsetof(ArrowSchema, release), 56u);
  EXPECT_EQ(sizeof(ArrowArray), 80u);
  EXPECT_EQ(offsetof(ArrowArray, buffers), 40u);
  EXPECT_EQ(sizeof(ArrowArrayStream), 40u);
}

TEST(interop_arrow_abi, an_owner_releases_once_wherever_its_struct_went) {
  int released = 0;
  ArrowArray array{};
  array.private_data = &released;
  array.release = [](ArrowArray* what) {
    ++*static_cast<int*>(what->private_data);
    what->release = nullptr;
  };
  {
    pillar::arrow_owner<ArrowArray> first(&array), second, third;
    EXPECT_EQ(array.release, nullptr);
    EXPECT_TRUE(first);
    second = std::move(first);
    third = std::move(second);
    EXPECT_FALSE(first);
    EXPECT_EQ(released, 0);
    third = pillar::arrow_owner<ArrowArray>();
    EXPECT_EQ(released, 1);
    third.reset();
  }
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace pillar_test::interop_arrow_abi
