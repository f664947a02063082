// SPDX-License-Identifier: Apache-2.0
#include "pillar/sort/top_n.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "support/owned_vector.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::sort_top_n {
namespace {

using pillar::scalar;
using pillar::selection_mask;
using pillar::sort_key;
using pillar::top_n;
using pillar::type_of;
using pillar::vector_kind;

int order_of(const std::vector<std::vector<scalar>>& columns, const std::vector<sort_key>& keys, std::size_t a,
             std::size_t b) {
  for (const auto& key : keys) {
    const scalar &x = columns[key.column][a], &y = columns[key.column][b];
    if (x.null != y.null) return x.null == key.nulls_first ? -1 : 1;
    if (x.null) continue;
    const int order = pillar::compare(x, y);
    if (order != 0) return (order < 0) != key.descending ? -1 : 1;
  }
  return 0;
}

TEST(sort_top_n, agrees_with_a_stable_sort_in_any_batches_and_splits) {
  pillar::splitmix64 random(41);
  const auto all = every_type(true);
  for (int round = 0; round < turns(160); ++round) {
    std::vector<pillar::data_type> types = {all[static_cast<std::size_t>(round) % all.size()],
                                            all[random.below(all.size())], type_of<pillar::text>.as_nullable()};
    std::vector<sort_key> keys;
    for (std::uint64_t i = 0, count = round % 10 == 0 ? 0 : 1 + random.below(3); i < count; ++i)
      keys.push_back(
          {static_cast<std::uint32_t>(i == 0 ? 0 : random.below(3)), random.chance(1, 2), random.chance(1, 2)});
    const std::uint64_t limit = random.below(4) == 0 ? random.below(3) : random.below(60);
    std::vector<std::vector<scalar>> columns;
    const std::size_t rows = random.below(1500);
    for (const auto& type : types) columns.push_back(random_cells(random, type, rows, 5 + random.below(300)));
    std::vector<top_n> parts;
    for (int i = 0; i < 2; ++i) parts.push_back(*top_n::make(types, keys, limit));
    std::vector<std::size_t> order;
    for (std::size_t first = 0; first < rows;) {
      const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(rows - first, 1 + random.below(600)));
      std::vector<owned_vector> owned;
      std::vector<const pillar::vector*> views;
      for (std::size_t i = 0; i < types.size(); ++i) {
        const std::vector<scalar> cells(columns[i].begin() + static_cast<std::ptrdiff_t>(first),
                                        columns[i].begin() + static_cast<std::ptrdiff_t>(first + count));
        owned.push_back(
            make_vector(types[i], cells, static_cast<vector_kind>(random.below(3) == 2 ? 3 : random.below(2) * 2), 11));
      }
      for (const auto& made : owned) views.push_back(&made.view);
      auto selection = selection_mask::first(count);
      if (random.chance(1, 3))
        for (auto& word : selection.words) word &= random();
      pillar::for_each_row(selection, [&](std::uint32_t row) { order.push_back(first + row); });
      ASSERT_TRUE(parts[random.below(2)].update(views, selection, first).ok());
      first += count;
    }
    ASSERT_TRUE(parts[0].merge(parts[1]).ok());
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return order_of(columns, keys, a, b) < 0; });
    order.resize(std::min<std::size_t>(order.size(), limit));
    const auto numbers = *parts[0].row_numbers();
    ASSERT_TRUE(std::equal(order.begin(), order.end(), numbers.begin(), numbers.end())) << "round " << round;
    const auto made = *parts[0].finish();
    for (std::size_t i = 0; i < types.size(); ++i) {
      ASSERT_EQ(made[i].size(), order.size());
      for (std::size_t at = 0; at < order.size(); ++at) {
        const scalar got = pillar::get(made[i].slice(at, 1), 0), wanted = columns[i][order[at]];
        ASSERT_EQ(got.null, wanted.null);
        ASSERT_TRUE(got.null || pillar::compare(got, wanted) == 0);
      }
    }
    if (!keys.empty() && limit != 0 && order.size() == limit) {
      const scalar worst = parts[0].threshold(), wanted = columns[keys[0].column][order.back()];
      EXPECT_EQ(worst.null, wanted.null);
      EXPECT_TRUE(worst.null || pillar::compare(worst, wanted) == 0);
    }
  }
}

TEST(sort_top_n, rows_of_equal_keys_rank_by_number_whichever_comes_first) {
  const auto type = type_of<std::int32_t>;
  const auto made = make_vector(type, std::vector<scalar>(10, scalar::of_integer(type, 4)));
  const pillar::vector* columns[] = {&made.view};
  const sort_key key{};
  auto top = *top_n::make(std::span(&type, 1), std::span(&key, 1), 3);
  ASSERT_TRUE(top.update(columns, selection_mask::first(10), 500).ok());
  EXPECT_TRUE(top.full());
  ASSERT_TRUE(top.update(columns, selection_mask::first(10), 20).ok());
  EXPECT_EQ(*top.row_numbers(), (std::vector<std::uint64_t>{20, 21, 22}));
}

TEST(sort_top_n, memory_stays_near_the_rows_that_are_in) {
  // Every row beats all before it, the worst case: each comes in.
  const auto type = type_of<std::int64_t>, text = type_of<pillar::text>;
  const std::vector types = {type, text};
  const sort_key key{0, true, false};
  pillar::memory_budget budget(600'000);
  {
    auto top = *top_n::make(types, std::span(&key, 1), 100, &budget);
    for (int batch = 0; batch < 40; ++batch) {
      std::vector<scalar> numbers, texts;
      for (int i = 0; i < 1024; ++i) {
        numbers.push_back(scalar::of_integer(type, batch * 1024 + i));
        texts.push_back(scalar::of_text(text, std::string(100, 'x')));
      }
      const auto a = make_vector(type, numbers), b = make_vector(text, texts);
      const pillar::vector* columns[] = {&a.view, &b.view};
      ASSERT_TRUE(top.update(columns, selection_mask::first(1024), static_cast<std::uint64_t>(batch) * 1024).ok());
    }
    EXPECT_EQ(top.row_count(), 100u);
    EXPECT_TRUE(top.threshold().integer == 40 * 1024 - 100);
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(sort_top_n, wrong_keys_and_little_memory_are_errors) {
  const auto type = type_of<std::int64_t>;
  const sort_key beyond{1, false, false}, key{};
  EXPECT_EQ(top_n::make(std::span(&type, 1), std::span(&beyond, 1), 3).error().code, pillar::errc::no_such_column);
  pillar::memory_budget budget(100);
  auto top = *top_n::make(std::span(&type, 1), std::span(&key, 1), 3, &budget);
  const auto made = make_vector(type, {scalar::of_integer(type, 1)});
  const pillar::vector* columns[] = {&made.view};
  EXPECT_EQ(top.update(columns, selection_mask::first(1), 0).error().code, pillar::errc::out_of_memory);
}

}  // namespace
}  // namespace pillar_test::sort_top_n
