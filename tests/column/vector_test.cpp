// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/vector.hpp"

#include <gtest/gtest.h>

#include "pillar/base/env.hpp"

namespace pillar_test::column_vector {
namespace {

TEST(column_vector, validity_words_of_unaligned_views) {
  pillar::splitmix64 random(1);
  std::uint64_t words[18];
  for (auto& word : words) word = random();
  for (std::uint32_t offset = 0; offset < 70; ++offset) {
    for (std::uint32_t size : {0u, 1u, 63u, 64u, 65u, 128u, 1000u, 1024u}) {
      pillar::vector v;
      v.size = size;
      v.validity = words;
      v.validity_offset = offset;
      for (std::uint32_t row = 0; row < size; ++row) {
        ASSERT_EQ(v.valid(row), pillar::get_bit(words, offset + row));
        ASSERT_EQ((v.validity_word(row / 64) >> (row % 64)) & 1, v.valid(row) ? 1u : 0u);
      }
      if (size % 64 != 0) {
        EXPECT_EQ(v.validity_word(size / 64) & ~pillar::low_bits(size % 64), 0u);
      }
      EXPECT_EQ(v.validity_word((size + 63) / 64), 0u);
    }
  }
}

TEST(column_vector, validity_never_reads_past_the_last_word) {
  auto* words = new std::uint64_t[16];  // exactly 1,024 bits: a sanitizer sees one word more
  for (int i = 0; i < 16; ++i) words[i] = ~std::uint64_t{0};
  pillar::vector v;
  v.validity = words;
  for (std::uint32_t offset = 0; offset < 1024; offset += 7) {
    v.validity_offset = offset;
    v.size = 1024 - offset;
    std::uint32_t valid = 0;
    for (std::uint32_t word = 0; word < 16; ++word)
      valid += static_cast<unsigned>(std::popcount(v.validity_word(word)));
    ASSERT_EQ(valid, v.size);
  }
  delete[] words;
}

TEST(column_vector, constants_and_dictionaries_find_their_values) {
  const std::int32_t values[3] = {10, 20, 30};
  const std::uint32_t codes[4] = {2, 0, 1, 2};
  const std::uint64_t bits = 0b1011;
  pillar::vector entries;
  entries.type = pillar::type_of<std::int32_t>;
  entries.size = 3;
  entries.values = values;
  pillar::vector v = entries;
  v.kind = pillar::vector_kind::dictionary;
  v.size = 4;
  v.values = nullptr;
  v.codes = codes;
  v.dictionary = &entries;
  v.validity = &bits;
  EXPECT_EQ(v.value<std::int32_t>(0), 30);
  EXPECT_EQ(v.value<std::int32_t>(3), 30);
  EXPECT_TRUE(v.valid(1) && !v.valid(2));

  pillar::vector constant = entries;
  constant.kind = pillar::vector_kind::constant;
  constant.size = 100;
  EXPECT_EQ(constant.value<std::int32_t>(99), 10);
  EXPECT_EQ(constant.validity_word(1), pillar::low_bits(36));
  const std::uint64_t null = 0b1011;
  constant.validity = &null;
  constant.validity_offset = 2;  // bit 2 is 0: every row is NULL
  EXPECT_FALSE(constant.valid(50));
  EXPECT_EQ(constant.validity_word(0), 0u);
}

}  // namespace
}  // namespace pillar_test::column_vector
