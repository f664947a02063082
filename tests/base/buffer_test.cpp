// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/buffer.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace pillar_test::base_buffer {
namespace {

using pillar::buffer;
using pillar::errc;
using pillar::memory_budget;

TEST(base_buffer, is_aligned_padded_and_counted) {
  memory_budget budget;
  for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 16'383u, 16'384u, 100'000u})
    for (unsigned stagger = 0; stagger < 17; ++stagger) {
      auto made = buffer::allocate(size, &budget, stagger);
      ASSERT_TRUE(made.ok());
      EXPECT_EQ(made->size(), size);
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(made->data()) % buffer::alignment, 0u);
      EXPECT_GE(budget.used(), size + buffer::padding);
      EXPECT_EQ(budget.used() % (size < buffer::stagger_threshold ? 64 : 4096), 0u);  // as the allocator rounds
      for (std::size_t i = 0; i < buffer::padding; ++i) ASSERT_EQ(made->data()[size + i], std::byte{0});
      for (std::size_t i = 0; i < size; ++i) made->data()[i] = std::byte{0xee};  // all of it is ours
    }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(base_buffer, large_ones_start_at_different_offsets) {
  std::set<std::uintptr_t> offsets;
  for (unsigned stagger = 0; stagger < 15; ++stagger)
    offsets.insert(reinterpret_cast<std::uintptr_t>(buffer::allocate(1 << 20, nullptr, stagger)->data()) % 4096);
  EXPECT_EQ(offsets.size(), 15u);
}

TEST(base_buffer, moves_keep_the_bytes_and_the_count) {
  memory_budget budget;
  {
    buffer first = *buffer::allocate(100, &budget);
    const std::byte* const at = first.data();
    const auto used = budget.used();
    buffer second = std::move(first);
    EXPECT_EQ(second.data(), at);
    EXPECT_TRUE(first.empty() && first.data() == nullptr);  // NOLINT(bugprone-use-after-move): a documented state
    second = *buffer::allocate(200, &budget);
    EXPECT_EQ(second.size(), 200u);
    EXPECT_GT(budget.used(), used);
    buffer& same = second;
    second = std::move(same);
    EXPECT_EQ(second.size(), 200u);
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(base_buffer, refuses_what_the_budget_or_the_machine_does_not_have) {
  memory_budget small(1'000);
  EXPECT_EQ(buffer::allocate(1'000, &small).error().code, errc::out_of_memory);
  EXPECT_EQ(buffer::allocate(~std::size_t{0}, &small).error().code, errc::out_of_memory);
  EXPECT_EQ(buffer::allocate(std::size_t{1} << 49).error().code, errc::out_of_memory);
  EXPECT_EQ(small.used(), 0u);
}

}  // namespace
}  // namespace pillar_test::base_buffer
