// SPDX-License-Identifier: Apache-2.0
#include "pillar/hash/column.hpp"

#include <gtest/gtest.h>

#include "support/owned_vector.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::hash_column {
namespace {

using pillar::scalar;
using pillar::vector_kind;

TEST(hash_column, agrees_with_the_hash_of_each_value_for_every_type_and_kind) {
  pillar::splitmix64 random(1);
  for (const bool nullable : {false, true}) {
    for (const auto& type : every_type(nullable)) {
      for (const auto kind :
           {vector_kind::flat, vector_kind::dictionary, vector_kind::constant, vector_kind::run_end}) {
        for (const std::size_t rows : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{1024},
                                       std::size_t{sanitized ? 1100 : 3000}}) {
          for (const std::uint64_t distinct : {3u, 400u}) {
            auto cells = random_cells(random, type, rows, distinct);
            if (kind == vector_kind::constant && rows != 0) cells.assign(rows, cells[0]);
            const auto made = make_vector(type, cells, kind, rows % 7);
            std::vector<std::uint64_t> out(rows + 1, 77);
            pillar::hash_column(made.view, out.data(), false);
            for (std::size_t row = 0; row < rows; ++row)
              ASSERT_EQ(out[row], pillar::hash_value(cells[row])) << pillar::to_string(type) << " row " << row;
            pillar::hash_column(made.view, out.data(), true);
            for (std::size_t row = 0; row < rows; ++row)
              ASSERT_EQ(out[row], pillar::hash_combine(pillar::hash_value(cells[row]), pillar::hash_value(cells[row])));
            EXPECT_EQ(out[rows], 77u);
          }
        }
      }
    }
  }
}

TEST(hash_column, null_rows_hash_alike_whatever_lies_beneath) {
  const auto type = pillar::type_of<std::int32_t>.as_nullable();
  std::vector<scalar> cells = {scalar::of_integer(type, 5), scalar::of_null(type), scalar::of_null(type)};
  auto made = make_vector(type, cells);
  made.values[4] = std::byte{9};  // beneath row 1
  std::uint64_t out[3];
  pillar::hash_column(made.view, out, false);
  EXPECT_EQ(out[1], pillar::hash_of_null);
  EXPECT_EQ(out[2], pillar::hash_of_null);
}

TEST(hash_column, codes_of_a_dictionary_without_entries_are_not_looked_at) {
  const auto type = pillar::type_of<std::int32_t>.as_nullable();
  pillar::vector entries;
  entries.type = type;
  pillar::vector from;
  from.type = type;
  from.kind = vector_kind::dictionary;
  from.dictionary = &entries;
  const std::uint32_t codes[3] = {7, 0, 1u << 30};
  const std::uint64_t validity[1] = {0};
  from.codes = codes;
  from.validity = validity;
  from.size = 3;
  std::uint64_t out[3];
  pillar::hash_column(from, out, false);
  for (const std::uint64_t hash : out) EXPECT_EQ(hash, pillar::hash_of_null);
}

TEST(hash_column, rows_of_no_columns_are_zero) {
  std::uint64_t out[2] = {1, 1};
  pillar::hash_rows({}, 2, out);
  EXPECT_EQ(out[0], 0u);
  EXPECT_EQ(out[1], 0u);
}

// A hash of sequential keys fills 4,096 buckets evenly from its top bits.
TEST(hash_column, top_bits_of_sequential_keys_are_even) {
  std::vector<std::uint32_t> buckets(4096);
  for (std::uint64_t key = 0; key < 4096 * 64; ++key) ++buckets[pillar::hash_word(key) >> 52];
  for (const auto count : buckets) {
    EXPECT_GT(count, 20u);
    EXPECT_LT(count, 120u);
  }
}

}  // namespace
}  // namespace pillar_test::hash_column
