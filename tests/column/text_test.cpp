// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pillar_test::column_text {
namespace {

TEST(column_text, every_length_around_the_inline_limit) {
  std::string all;
  for (int i = 0; i < 40; ++i) all += static_cast<char>('A' + i);
  const std::byte* buffers[2] = {nullptr, reinterpret_cast<const std::byte*>(all.data())};
  for (std::uint32_t size = 0; size <= 30; ++size) {
    const std::string_view value = std::string_view(all).substr(5, size);
    const auto slot = pillar::text_slot::make(value, 1, 5);
    EXPECT_EQ(slot.size, size);
    EXPECT_EQ(slot.view(buffers), value);
    EXPECT_EQ(slot.view(buffers).data() == all.data() + 5, size > pillar::text_slot::inline_capacity);
    if (size > pillar::text_slot::inline_capacity) {
      EXPECT_EQ(std::string_view(slot.reference.prefix, 4), value.substr(0, 4));
    }
  }
}

TEST(column_text, inline_slots_are_zero_padded_so_that_equal_texts_have_equal_bytes) {
  pillar::text_slot a = pillar::text_slot::make_inline("abc");
  unsigned char raw[16];
  std::memcpy(raw, &a, 16);
  const unsigned char wanted[16] = {3, 0, 0, 0, 'a', 'b', 'c'};
  EXPECT_EQ(std::memcmp(raw, wanted, 16), 0);
}

TEST(column_text, zero_bytes_are_ordinary_characters) {
  const std::string_view value("a\0b", 3);
  EXPECT_EQ(pillar::text_slot::make_inline(value).view(nullptr), value);
}

}  // namespace
}  // namespace pillar_test::column_text
