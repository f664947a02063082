// SPDX-License-Identifier: Apache-2.0
#include "pillar/storage/block_source.hpp"

#include <gtest/gtest.h>

#include <array>
#include <utility>

namespace pillar_test::storage_block_source {
namespace {

using pillar::block_pin;

TEST(storage_block_source, a_pin_is_given_back_once) {
  int unpinned = 0;
  const auto unpin = [](void* count, std::uint64_t token) noexcept {
    *static_cast<int*>(count) += static_cast<int>(token);
  };
  const std::array<std::byte, 3> bytes{};
  {
    block_pin first(bytes, &unpinned, 1, unpin);
    block_pin second = std::move(first);
    EXPECT_EQ(second.bytes().data(), bytes.data());
    block_pin other(bytes, &unpinned, 10, unpin);
    other = std::move(second);
    EXPECT_EQ(unpinned, 10);
    const block_pin nothing;
    EXPECT_TRUE(nothing.bytes().empty());
  }
  EXPECT_EQ(unpinned, 11);
}

TEST(storage_block_source, memory_gives_the_blocks_that_are_there) {
  const auto places = std::make_shared<pillar::block_places>();
  places->blocks = {{3, 0, 4, 0}, {5, 64, 6, 0}, {9, 128, 7, 0}};
  std::array<std::byte, 130> file{};
  const pillar::any_block_source source(std::make_shared<pillar::memory_source>(file, places));
  EXPECT_TRUE(source);
  EXPECT_FALSE(pillar::any_block_source());
  const pillar::block_id ids[] = {3, 4};
  source.announce(ids);
  EXPECT_EQ(source.pin(3)->bytes().size(), 4u);
  EXPECT_EQ(source.pin(5)->bytes().data(), file.data() + 64);
  for (const pillar::block_id id : {0, 4, 10})
    EXPECT_EQ(source.pin(id).error(), (pillar::failure{pillar::errc::invalid_argument, id}));
  EXPECT_EQ(source.pin(9).error().code, pillar::errc::truncated);
  EXPECT_EQ(places->find(5)->offset, 64u);
  EXPECT_EQ(places->find(6), nullptr);
}

}  // namespace
}  // namespace pillar_test::storage_block_source
