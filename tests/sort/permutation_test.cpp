// SPDX-License-Identifier: Apache-2.0
#include "pillar/sort/permutation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "support/owned_vector.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::sort_permutation {
namespace {

using pillar::scalar;
using pillar::sort_key;
using pillar::vector_kind;

struct columns_under_test {
  std::vector<std::vector<scalar>> cells;
  std::vector<owned_vector> owned;
  std::vector<pillar::vector> views;
  void add(pillar::data_type type, std::vector<scalar> values, vector_kind kind) {
    owned.push_back(make_vector(type, values, kind, 3));
    views.push_back(owned.back().view);
    cells.push_back(std::move(values));
  }
};

std::vector<std::uint32_t> expected(const columns_under_test& from, const std::vector<sort_key>& keys,
                                    std::size_t rows) {
  std::vector<std::uint32_t> order(rows);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    for (const auto& key : keys) {
      const scalar& x = from.cells[key.column][a];
      const scalar& y = from.cells[key.column][b];
      if (x.null != y.null) return x.null == key.nulls_first;
      if (x.null) continue;
      const int order_of_values = pillar::compare(x, y);
      if (order_of_values != 0) return (order_of_values < 0) != key.descending;
    }
    return false;
  });
  return order;
}

void check(const columns_under_test& from, const std::vector<sort_key>& keys, std::size_t rows) {
  auto sorted = pillar::sort_permutation(from.views, keys, static_cast<std::uint32_t>(rows));
  ASSERT_TRUE(sorted.ok());
  const auto* numbers = sorted->as<std::uint32_t>();
  ASSERT_EQ(std::vector<std::uint32_t>(numbers, numbers + rows), expected(from, keys, rows));
}

TEST(sort_permutation, agrees_with_a_stable_sort_for_every_type_and_direction) {
  pillar::splitmix64 random(5);
  for (const bool nullable : {false, true}) {
    for (const auto& type : every_type(nullable)) {
      for (const auto kind : {vector_kind::flat, vector_kind::dictionary, vector_kind::run_end}) {
        for (const std::size_t rows :
             {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{sanitized ? 400 : 1500}}) {
          columns_under_test from;
          from.add(type, random_cells(random, type, rows, 90), kind);
          for (unsigned variant = 0; variant < 4; ++variant)
            check(from, {{0, (variant & 1) != 0, (variant & 2) != 0}}, rows);
        }
      }
    }
  }
}

TEST(sort_permutation, agrees_for_random_compound_orders) {
  pillar::splitmix64 random(6);
  const auto types = every_type(true);
  for (int round = 0; round < turns(150); ++round) {
    columns_under_test from;
    std::vector<sort_key> keys;
    const std::size_t rows = random.below(700);
    for (std::uint32_t i = 0; i < 4; ++i) {
      auto type = types[random.below(types.size())];
      type.nullable = random.chance(1, 2);
      const auto kind = static_cast<vector_kind>(random.below(4));
      auto cells = random_cells(random, type, rows, 2 + random.below(40));
      if (kind == vector_kind::constant && rows != 0) cells.assign(rows, cells[0]);
      from.add(type, std::move(cells), kind);
    }
    for (std::uint64_t i = 0, count = random.below(5); i < count; ++i)
      keys.push_back({static_cast<std::uint32_t>(random.below(4)), random.chance(1, 2), random.chance(1, 2)});
    check(from, keys, rows);
  }
}

TEST(sort_permutation, full_range_keys_with_nulls_need_more_than_a_word) {
  const auto type = pillar::type_of<std::int64_t>.as_nullable();
  columns_under_test from;
  std::vector<scalar> cells = {scalar::of_integer(type, pillar::highest_of<std::int64_t>()), scalar::of_null(type),
                               scalar::of_integer(type, pillar::lowest_of<std::int64_t>()), scalar::of_integer(type, 0),
                               scalar::of_null(type)};
  from.add(type, cells, vector_kind::flat);
  for (unsigned variant = 0; variant < 4; ++variant) check(from, {{0, (variant & 1) != 0, (variant & 2) != 0}}, 5);
}

TEST(sort_permutation, texts_that_share_a_long_prefix_are_told_apart) {
  const auto type = pillar::type_of<pillar::text>;
  pillar::splitmix64 random(8);
  columns_under_test from;
  std::vector<scalar> cells;
  for (int i = 0; i < 500; ++i)
    cells.push_back(scalar::of_text(
        type, (i % 2 == 0 ? "Customer#" : "Client#") + std::string(12, '0') + std::to_string(random.below(100000))));
  from.add(type, cells, vector_kind::flat);
  check(from, {{0, false, false}}, cells.size());
  check(from, {{0, true, false}}, cells.size());
}

TEST(sort_permutation, wrong_keys_and_lengths_are_errors) {
  const auto type = pillar::type_of<std::int32_t>;
  columns_under_test from;
  from.add(type, {scalar::of_integer(type, 1)}, vector_kind::flat);
  const sort_key beyond{1, false, false}, fine{};
  EXPECT_EQ(pillar::sort_permutation(from.views, std::span(&beyond, 1), 1).error().code, pillar::errc::no_such_column);
  EXPECT_EQ(pillar::sort_permutation(from.views, std::span(&fine, 1), 2).error().code, pillar::errc::invalid_argument);
}

TEST(sort_permutation, memory_is_counted_and_given_back) {
  const auto type = pillar::type_of<std::int64_t>;
  pillar::splitmix64 random(9);
  columns_under_test from;
  from.add(type, random_cells(random, type, 20000, 1u << 30), vector_kind::flat);
  const sort_key key{};
  pillar::memory_budget small(100'000), large(2'000'000);
  EXPECT_EQ(pillar::sort_permutation(from.views, std::span(&key, 1), 20000, &small).error().code,
            pillar::errc::out_of_memory);
  EXPECT_EQ(small.used(), 0u);
  { EXPECT_TRUE(pillar::sort_permutation(from.views, std::span(&key, 1), 20000, &large).ok()); }
  EXPECT_EQ(large.used(), 0u);
}

}  // namespace
}  // namespace pillar_test::sort_permutation
