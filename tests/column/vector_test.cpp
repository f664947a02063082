// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/vector.hpp"

#include <gtest/gtest.h>

#include <vector>

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

TEST(column_vector, runs_are_found_from_every_window) {
  pillar::splitmix64 random(2);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::uint32_t> ends, run_of_row;
    for (std::uint32_t run = 0; run < 1 + random.below(40); ++run) {
      const auto length = 1 + static_cast<std::uint32_t>(random.chance(1, 5) ? random.below(200) : random.below(3));
      run_of_row.insert(run_of_row.end(), length, run);
      ends.push_back(static_cast<std::uint32_t>(run_of_row.size()));
    }
    std::vector<std::int16_t> values;
    std::uint64_t bits[2] = {random(), random()};
    for (std::size_t run = 0; run < ends.size(); ++run) values.push_back(static_cast<std::int16_t>(run * 3));
    pillar::vector entries;
    entries.type = pillar::type_of<pillar::nullable<std::int16_t>>;
    entries.size = static_cast<std::uint32_t>(ends.size());
    entries.values = values.data();
    pillar::vector v = entries;
    v.kind = pillar::vector_kind::run_end;
    v.values = nullptr;
    v.dictionary = &entries;
    v.validity = bits;
    v.validity_offset = static_cast<std::uint32_t>(random.below(64));
    v.run_ends = ends.data();
    v.run_offset = static_cast<std::uint32_t>(random.below(run_of_row.size()));
    v.first_run = run_of_row[v.run_offset];
    v.size = static_cast<std::uint32_t>(1 + random.below(run_of_row.size() - v.run_offset));
    v.run_count = run_of_row[v.run_offset + v.size - 1] - v.first_run + 1;
    for (std::uint32_t row = 0; row < v.size; ++row) {
      const std::uint32_t run = run_of_row[v.run_offset + row];
      ASSERT_EQ(v.run_of(row), run);
      ASSERT_EQ(v.value<std::int16_t>(row), values[run]);
      ASSERT_EQ(v.valid(row), pillar::get_bit(bits, v.validity_offset + run));
      ASSERT_EQ((v.validity_word(row / 64) >> (row % 64)) & 1, v.valid(row) ? 1u : 0u);
    }
    EXPECT_EQ(v.validity_word((v.size + 63) / 64), 0u);
    std::uint32_t at = 0;
    v.for_each_run(0, v.size, [&](std::uint32_t run, std::uint32_t begin, std::uint32_t end) {
      EXPECT_EQ(begin, at);
      for (at = begin; at < end; ++at) EXPECT_EQ(run_of_row[v.run_offset + at], run);
    });
    EXPECT_EQ(at, v.size);
  }
}

}  // namespace
}  // namespace pillar_test::column_vector
