// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/parallel_group.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <string>
#include <tuple>

#include "pillar/aggregate/detail/key_words.hpp"
#include "pillar/aggregate/detail/word_groups.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "support/owned_vector.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::aggregate_parallel_group {
namespace {

using pillar::aggregate_kind;
using pillar::parallel_group;
using pillar::scalar;
using pillar::type_of;

using answers = std::map<std::string, std::tuple<std::int64_t, pillar::int128, std::int64_t>>;  // count, sum, least

struct batch {
  std::vector<owned_vector> keys{};
  owned_vector value{};
};

/// Batches of random rows, and what they come to.
std::pair<std::vector<batch>, answers> make_batches(const std::vector<pillar::data_type>& types, std::uint64_t distinct,
                                                    int count) {
  pillar::splitmix64 random(41);
  std::vector<batch> made;
  answers expected;
  const auto number = type_of<std::int64_t>;
  for (int b = 0; b < count; ++b) {
    batch one;
    std::vector<std::vector<scalar>> cells(types.size());
    std::vector<scalar> values;
    for (int i = 0; i < 1024; ++i) {
      std::string name;
      for (std::size_t k = 0; k < types.size(); ++k) {
        cells[k].push_back(random_scalar(random, types[k], distinct));
        if (cells[k].back().real == 0) cells[k].back().real = 0;  // zeros of both signs are one key
        name += pillar::to_string(cells[k].back()) + ";";
      }
      const auto value = static_cast<std::int64_t>(random.below(1000)) - 300;
      values.push_back(scalar::of_integer(number, value));
      auto& [rows, sum, least] = expected.emplace(name, std::tuple(0, 0, value)).first->second;
      ++rows;
      sum += value;
      least = std::min(least, value);
    }
    for (std::size_t k = 0; k < types.size(); ++k) one.keys.push_back(make_vector(types[k], cells[k]));
    one.value = make_vector(number, values);
    made.push_back(std::move(one));
  }
  return {std::move(made), expected};
}

const std::vector<pillar::aggregate_spec> specs = {
    {aggregate_kind::count_rows}, {aggregate_kind::sum, 0}, {aggregate_kind::min, 0}};

void group_all(parallel_group& groups, pillar::executor_ref runner, const std::vector<batch>& batches) {
  runner.bulk(static_cast<std::uint32_t>(batches.size()), [&](std::uint32_t index, std::uint32_t worker) {
    std::vector<const pillar::vector*> keys;
    for (const auto& key : batches[index].keys) keys.push_back(&key.view);
    const pillar::vector* inputs[] = {&batches[index].value.view};
    ASSERT_TRUE(groups.update(worker, keys, inputs, pillar::selection_mask::first(1024), 1024).ok());
  });
}

void check(const std::vector<std::vector<pillar::column>>& parts, std::size_t key_count, std::size_t aggregate_count,
           const answers& expected) {
  std::size_t found = 0;
  for (const auto& part : parts) {
    ASSERT_EQ(part.size(), key_count + aggregate_count);
    for (std::uint32_t row = 0; row < part[0].size(); ++row, ++found) {
      std::string name;
      for (std::size_t k = 0; k < key_count; ++k)
        name += pillar::to_string(pillar::get(part[k].slice(row, 1), 0)) + ";";
      ASSERT_TRUE(expected.contains(name)) << name;
      const auto& [rows, sum, least] = expected.at(name);
      ASSERT_EQ(pillar::get(part[key_count].slice(row, 1), 0).integer, rows) << name;
      ASSERT_TRUE(pillar::get(part[key_count + 1].slice(row, 1), 0).integer == sum) << name;
      if (aggregate_count == 3) ASSERT_EQ(pillar::get(part[key_count + 2].slice(row, 1), 0).integer, least) << name;
    }
  }
  ASSERT_EQ(found, expected.size());
}

// Few groups merge at once, many by parts: the same for any number of workers.
TEST(aggregate_parallel_group, any_number_of_workers_gives_the_same_groups) {
  const auto int64 = type_of<std::int64_t>;
  for (const auto& types : {std::vector{int64}, std::vector{type_of<std::int32_t>.as_nullable(), int64},
                            std::vector{type_of<pillar::text>.as_nullable(), type_of<double>}}) {
    for (const std::uint64_t distinct : {20u, 100'000u}) {
      const auto [batches, expected] = make_batches(types, distinct, distinct == 20 ? 6 : sanitized ? 30 : 45);
      for (const std::uint32_t threads : {1u, 2u, 8u}) {
        if (sanitized && threads != 2) continue;
        pillar::worker_pool pool(threads);
        auto groups = *parallel_group::make(types, std::span(&int64, 1), specs, pool.concurrency());
        group_all(groups, pool, batches);
        const auto counted = groups.count_groups(pool);
        const auto parts = groups.finish(pool);
        ASSERT_TRUE(parts.ok() && counted.ok());
        if (threads == 1) EXPECT_EQ(parts->size(), 1u);
        check(*parts, types.size(), 3, expected);
        EXPECT_EQ(*counted, expected.size());
      }
    }
  }
}

TEST(aggregate_parallel_group, ranges_and_expected_rows_change_nothing) {
  const auto int64 = type_of<std::int64_t>;
  const auto [batches, expected] = make_batches({type_of<std::int32_t>}, 60'000, 60);
  const std::vector<pillar::key_range> ranges = {{-40'000, 40'000}};  // values beside it are among the keys
  const auto type = type_of<std::int32_t>;
  pillar::inline_executor runner;
  auto groups = *parallel_group::make(std::span(&type, 1), std::span(&int64, 1), {specs.data(), 2}, 3, nullptr, ranges,
                                      1'000'000);
  for (std::uint32_t b = 0; b < batches.size(); ++b) {  // the second worker has the extremes, the third nothing
    const pillar::vector *keys[] = {&batches[b].keys[0].view}, *inputs[] = {&batches[b].value.view};
    ASSERT_TRUE(groups.worker(b % 2).update(keys, inputs, pillar::selection_mask::first(1024), 1024).ok());
  }
  const auto parts = groups.finish(runner);
  ASSERT_TRUE(parts.ok());
  check(*parts, 1, 2, expected);
}

TEST(aggregate_parallel_group, without_keys_and_without_rows) {
  const auto int64 = type_of<std::int64_t>;
  pillar::inline_executor runner;
  auto groups = *parallel_group::make({}, std::span(&int64, 1), specs, 4);
  const auto parts = *groups.finish(runner);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(pillar::get(parts[0][0].slice(0, 1), 0).integer, 0);
  const auto none = *parallel_group::make(std::span(&int64, 1), std::span(&int64, 1), specs, 2)->finish(runner);
  ASSERT_EQ(none.size(), 1u);
  EXPECT_EQ(none[0][0].size(), 0u);
  EXPECT_EQ(parallel_group::make({}, {}, {}, 0).error().code, pillar::errc::invalid_argument);
}

// Every allocation of finish fails in turn; the next attempt has the whole answer.
TEST(aggregate_parallel_group, finish_may_fail_and_be_asked_again) {
  const auto int64 = type_of<std::int64_t>;
  const auto [batches, expected] = make_batches({int64}, 100'000, 45);
  pillar::memory_budget budget;
  pillar::inline_executor runner;
  auto groups = *parallel_group::make(std::span(&int64, 1), std::span(&int64, 1), specs, 2, &budget);
  for (std::uint32_t b = 0; b < batches.size(); ++b) {
    const pillar::vector *keys[] = {&batches[b].keys[0].view}, *inputs[] = {&batches[b].value.view};
    ASSERT_TRUE(groups.worker(b % 2).update(keys, inputs, pillar::selection_mask::first(1024), 1024).ok());
  }
  std::uint64_t points = 0;
  for (std::uint64_t number = 1;; number += 1 + number / 4) {  // not each of the thousands
    const std::uint64_t refused = budget.refused();
    budget.refuse(number, true);  // what finds no room may make do with less
    const auto parts = groups.finish(runner);
    budget.refuse(0);
    if (budget.refused() == refused) {
      ASSERT_TRUE(parts.ok());
      check(*parts, 1, 3, expected);
      break;
    }
    ++points;
    ASSERT_FALSE(parts.ok());
  }
  std::cout << "injection points of finish: " << points << '\n';
  EXPECT_GT(points, 0u);
}

/// Batches of keys of which most come once or twice, without what rows that wait may not have, but for every sixth
/// batch: there are NULLs and long texts in it. Values come in 64 bits from the middle on, at first in 32.
struct sparse_batches {
  std::vector<batch> batches{};
  std::vector<std::uint8_t> bits{};  ///< of each batch's values
  answers expected{};

  sparse_batches(const std::vector<pillar::data_type>& types, std::uint64_t distinct, int count) {
    pillar::splitmix64 random(43);
    for (int b = 0; b < count; ++b) {
      const bool any = b % 6 == 5, large = b > count / 2 && b % 2 == 0;
      const auto number = b > count / 2 ? type_of<std::int64_t> : type_of<std::int32_t>;
      std::vector<std::vector<scalar>> cells(types.size());
      std::vector<scalar> values;
      for (int i = 0; i < 1024; ++i) {
        std::string name;
        const std::uint64_t span = b < 40 ? distinct / 2 : distinct, pick = random.below(span);
        for (std::size_t k = 0; k < types.size(); ++k) {
          const auto key = static_cast<std::int64_t>(k == 0 ? pick : pick % 7) - static_cast<std::int64_t>(span / 2);
          if (any && types[k].nullable && pick % 5 == 0) cells[k].push_back(scalar::of_null(types[k]));
          else if (types[k].physical == pillar::physical_type::text)
            cells[k].push_back(scalar::of_text(
                types[k], (pick % 9 == 0 && any ? "a text beyond twelve " : "k") + std::to_string(key)));
          else cells[k].push_back(scalar::of_integer(types[k], key));
          name += pillar::to_string(cells[k].back()) + ";";
        }
        const std::int64_t value =
            static_cast<std::int64_t>(random.below(large ? std::uint64_t{1} << 44 : 1000)) - (large ? 0 : 300);
        values.push_back(scalar::of_integer(number, value));
        auto& [rows, sum, least] = expected.emplace(name, std::tuple(0, 0, value)).first->second;
        ++rows;
        sum += value;
        least = std::min(least, value);
      }
      batch one;
      for (std::size_t k = 0; k < types.size(); ++k) one.keys.push_back(make_vector(types[k], cells[k]));
      one.value = make_vector(number, values);
      batches.push_back(std::move(one));
      bits.push_back(large ? 44 : 10);
    }
  }

  [[nodiscard]] pillar::result<void> add(parallel_group& groups, std::uint32_t worker, std::size_t number) const {
    std::vector<const pillar::vector*> keys;
    for (const auto& key : batches[number].keys) keys.push_back(&key.view);
    const pillar::vector* inputs[] = {&batches[number].value.view};
    return groups.update(worker, keys, inputs, pillar::selection_mask::first(1024), 1024, {},
                         std::span(&bits[number], 1));
  }
  /// The first worker meets the rows by which it is seen that most keys are new, then all take turns.
  [[nodiscard]] static std::uint32_t worker_of(std::size_t number, std::uint32_t workers) {
    return number < 34 ? 0 : static_cast<std::uint32_t>(number % workers);
  }
};

const std::vector<pillar::key_range> no_ranges{}, narrow_range = {{-600'000, 700'000}},  // late keys are beside it
    wide_range = {{-1'000'000, 1'000'000}};

// Rows wait, others do not, and both meet again in their parts.
TEST(aggregate_parallel_group, rows_of_new_keys_wait_for_the_end) {
  const auto int64 = type_of<std::int64_t>, int32 = type_of<std::int32_t>;
  struct shape {
    std::vector<pillar::data_type> types;
    std::vector<pillar::key_range> ranges;
  };
  for (const shape& of :
       {shape{{int64.as_nullable()}, no_ranges}, shape{{int32.as_nullable()}, narrow_range},
        shape{{int64.as_nullable()}, wide_range},
        shape{{int32.as_nullable()}, wide_range},  // words until values are large
        shape{{type_of<pillar::text>.as_nullable()}, no_ranges}, shape{{int32, type_of<pillar::text>}, no_ranges}}) {
    const sparse_batches rows(of.types, 2'000'000, sanitized ? 60 : 130);
    for (const std::uint32_t workers : {1u, 2u, 8u}) {
      pillar::worker_pool pool(workers);
      auto groups = *parallel_group::make(of.types, std::span(&int64, 1), {specs.data(), 2}, workers, nullptr,
                                          of.ranges, 10'000'000);
      for (std::size_t b = 0; b < rows.batches.size(); ++b)
        ASSERT_TRUE(rows.add(groups, sparse_batches::worker_of(b, workers), b).ok());
      EXPECT_GT(groups.waiting_rows(), rows.batches.size() * 1024 / 4);
      EXPECT_LT(groups.waiting_rows(), (rows.batches.size() - 32) * 1024);
      for (int again = 0; again < 2; ++again) {  // finish changes nothing
        const auto counted = groups.count_groups(pool);
        const auto parts = groups.finish(pool);
        ASSERT_TRUE(parts.ok() && counted.ok());
        if (of.types.size() == 1) EXPECT_GT(parts->size(), 8u);
        else EXPECT_EQ(parts->size(), 1u);  // keys that waited as words are written where they stay
        check(*parts, of.types.size(), 2, rows.expected);
        EXPECT_EQ(*counted, rows.expected.size());
      }
    }
  }
}

// Of few codes groups get their numbers in the end, NULL and keys beside the range before that; finish changes nothing.
TEST(aggregate_parallel_group, groups_of_few_codes_get_their_numbers_late) {
  const auto int64 = type_of<std::int64_t>, int32 = type_of<std::int32_t>;
  for (const std::int64_t lowest : {-10'000, -9'950}) {
    for (const auto& type : {int32, int32.as_nullable()}) {
      const sparse_batches rows({type}, 20'000, 120);
      const pillar::key_range range{lowest, 10'100};
      for (const std::uint32_t workers : {1u, 2u}) {
        pillar::worker_pool pool(workers);
        auto groups = *parallel_group::make(std::span(&type, 1), std::span(&int64, 1), {specs.data(), 2}, workers,
                                            nullptr, std::span(&range, 1), 10'000'000);
        for (std::size_t b = 0; b < rows.batches.size(); ++b)
          ASSERT_TRUE(rows.add(groups, sparse_batches::worker_of(b, workers), b).ok());
        EXPECT_EQ(groups.waiting_rows(), 0u);
        const auto known = [&] { return groups.worker(0).group_count(); };
        if (workers == 1 && lowest == -10'000) {
          EXPECT_TRUE(groups.worker(0).sums_by_codes());
          EXPECT_LT(known(), rows.expected.size());
        }
        for (int again = 0; again < 2; ++again) {
          const auto counted = groups.count_groups(pool);
          const auto parts = groups.finish(pool);
          ASSERT_TRUE(parts.ok() && counted.ok());
          check(*parts, 1, 2, rows.expected);
          EXPECT_EQ(*counted, rows.expected.size());
          if (workers == 1) EXPECT_EQ(known(), rows.expected.size());
        }
        ASSERT_TRUE(rows.add(groups, 0, 119).ok());  // and go on
        const auto counted = groups.count_groups(pool);
        ASSERT_TRUE(counted.ok());
        EXPECT_EQ(*counted, rows.expected.size());
      }
    }
  }
}

/// Four keys that fit into a word, as long as texts are few; in some batches there are NULLs, long texts, more texts than
/// were likely, integers beside their range, rows that are not selected.
struct word_batches {
  std::vector<pillar::data_type> types = {type_of<pillar::text>.as_nullable(), type_of<std::int32_t>,
                                          type_of<pillar::text>, type_of<std::int16_t>};
  std::vector<pillar::key_range> ranges = {{}, {-20, 99'979}, {}, {}};
  std::vector<batch> batches{};
  std::vector<pillar::selection_mask> selections{};
  answers expected{};

  explicit word_batches(int count) {
    pillar::splitmix64 random(53);
    const auto int64 = type_of<std::int64_t>;
    for (int b = 0; b < count; ++b) {
      const bool late = b >= 40;
      std::vector<std::vector<scalar>> cells(types.size());
      std::vector<scalar> values;
      selections.push_back(pillar::selection_mask::none());
      for (std::uint32_t i = 0; i < 1024; ++i) {
        const std::uint64_t pick = random();
        const auto text = [&](std::size_t k, std::uint64_t code, bool is_long) {
          return scalar::of_text(types[k], (is_long ? "beyond twelve bytes " : "id") + std::to_string(code));
        };
        const bool null = late && b % 6 == 5 && i % 9 == 0;
        cells[0].push_back(null ? scalar::of_null(types[0]) : text(0, pick % (late && b % 8 == 3 ? 3000 : 100), false));
        const auto beside = late && b % 7 == 3 && i % 50 == 0 ? std::int64_t{100'000} : std::int64_t{0};
        cells[1].push_back(
            scalar::of_integer(types[1], static_cast<std::int64_t>(pick / 4096 % 100'000) - 20 + beside));
        cells[2].push_back(text(2, pick >> 40 & 4095, late && b % 11 == 4 && i % 100 == 0));
        cells[3].push_back(scalar::of_integer(types[3], static_cast<std::int64_t>(pick >> 60) - 8));
        values.push_back(scalar::of_integer(int64, static_cast<std::int64_t>(i) - 100));
        if (b % 5 == 2 && i % 3 == 0) continue;
        pillar::set_bit(selections.back().words, i);
        std::string name;
        for (const auto& column : cells) name += pillar::to_string(column.back()) + ";";
        auto& [rows, sum, least] = expected.emplace(name, std::tuple(0, 0, 0)).first->second;
        ++rows;
        sum += values.back().integer;
      }
      batch one;
      const bool encoded = b % 2 == 0;
      for (std::size_t k = 0; k < types.size(); ++k)
        one.keys.push_back(make_vector(
            types[k], cells[k], encoded && k == 0 ? pillar::vector_kind::dictionary : pillar::vector_kind::flat));
      one.value = make_vector(int64, values);
      batches.push_back(std::move(one));
    }
  }
  void add_all(parallel_group& groups, pillar::executor_ref runner) const {
    const auto add = [&](std::uint32_t number, std::uint32_t worker) {
      std::vector<const pillar::vector*> keys;
      for (const auto& key : batches[number].keys) keys.push_back(&key.view);
      const pillar::vector* inputs[] = {&batches[number].value.view};
      ASSERT_TRUE(groups.update(worker, keys, inputs, selections[number], 1024).ok());
    };
    for (std::uint32_t b = 0; b < 40; ++b) add(b, 0);
    runner.bulk(static_cast<std::uint32_t>(batches.size()) - 40,
                [&](std::uint32_t index, std::uint32_t worker) { add(40 + index, worker); });
  }
};

// Keys of several columns wait as words, which are the same for all workers; those that are no words are looked up.
TEST(aggregate_parallel_group, keys_of_several_columns_wait_as_words) {
  const word_batches rows(sanitized ? 100 : 200);
  const auto int64 = type_of<std::int64_t>;
  for (const std::uint32_t workers : {1u, 2u, 8u}) {
    pillar::worker_pool pool(workers);
    pillar::memory_budget budget;
    {
      auto groups = *parallel_group::make(rows.types, std::span(&int64, 1), {specs.data(), 2}, workers, &budget,
                                          rows.ranges, 10'000'000);
      rows.add_all(groups, pool);
      // With several workers it depends on who comes first which texts still get numbers.
      EXPECT_GT(groups.waiting_rows(), workers == 1 ? (rows.batches.size() - 40) * 1024 / 3 : 0u);
      EXPECT_LT(groups.waiting_rows(), (rows.batches.size() - 40) * 1024 * 3 / 4);
      for (int again = 0; again < 2; ++again) {
        const auto counted = groups.count_groups(pool);
        const auto parts = groups.finish(pool);
        ASSERT_TRUE(parts.ok() && counted.ok());
        EXPECT_EQ(parts->size(), 1u);
        check(*parts, rows.types.size(), 2, rows.expected);
        EXPECT_EQ(*counted, rows.expected.size());
      }
    }
    EXPECT_EQ(budget.used(), 0u);
  }
}

// Words number so many texts as they have room for, and a batch more: further ones have no number, those that have keep
// it, and nothing grows any more.
TEST(aggregate_parallel_group, words_number_no_more_texts_than_they_hold) {
  constexpr std::uint32_t most = 3000;
  const auto slot_of = [](std::uint32_t number) { return pillar::detail::wide_key{number, 7}; };
  for (const std::uint32_t workers : {1u, 3u}) {
    pillar::memory_budget budget;
    pillar::detail::shared_text_numbers texts(workers, &budget);
    std::uint64_t used = 0;
    std::uint32_t numbered = 0;
    for (std::uint32_t first = 0; first < 64 * 1024; first += 1024) {
      pillar::detail::wide_key slots[1024];
      std::uint32_t numbers[1024], again[1024];
      for (std::uint32_t i = 0; i < 1024; ++i) slots[i] = slot_of(first + i);
      for (std::uint32_t worker = 0; worker < workers; ++worker) {
        ASSERT_TRUE(texts.find_or_insert(worker, slots, 1024, most, worker == 0 ? numbers : again).ok());
        if (worker != 0) EXPECT_TRUE(std::equal(again, again + 1024, numbers)) << first;
      }
      for (std::uint32_t i = 0; i < 1024; ++i)
        if (numbers[i] != pillar::detail::key_limit) EXPECT_EQ(numbers[i], numbered++);
      if (first == 8 * 1024) used = budget.used();
    }
    EXPECT_GT(numbered, most);
    EXPECT_LE(numbered, most + 1024);
    EXPECT_EQ(budget.used(), used);
  }
}

// Groups whose keys are no words are in parts too, by hashes of the keys, and not all in one.
TEST(aggregate_parallel_group, groups_without_words_are_in_all_parts) {
  constexpr std::uint32_t parts = 4, count = 1000;
  const std::vector<pillar::data_type> types = {type_of<pillar::text>, type_of<std::int64_t>};
  const pillar::key_range ranges[] = {{}, {0, 15}};
  const unsigned text_bits[] = {4, 0};
  const auto by = pillar::detail::key_words::make(types, ranges, text_bits, 1, nullptr);
  ASSERT_NE(by, nullptr);
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < count; ++i) names.push_back("no number " + std::to_string(i));
  std::vector<scalar> texts, numbers;
  for (std::uint32_t i = 0; i < count; ++i) {
    texts.push_back(scalar::of_text(types[0], names[i]));
    numbers.push_back(scalar::of_integer(types[1], i % 16));
  }
  const owned_vector keys[] = {make_vector(types[0], texts), make_vector(types[1], numbers)};
  const pillar::vector* const columns[] = {&keys[0].view, &keys[1].view};
  auto table = *pillar::group_table::make(types, nullptr);
  std::uint32_t groups[pillar::vector_rows];
  ASSERT_TRUE(table.find_or_insert(columns, pillar::selection_mask::first(count), count, groups).ok());
  const auto made = pillar::detail::word_groups::make(table, *by, parts, nullptr);
  ASSERT_TRUE(made.ok());
  std::size_t all = 0;
  for (std::uint32_t part = 0; part < 2 * parts; ++part) {
    const std::size_t size = made->of(part).size();
    all += size;
    if (part < parts) EXPECT_EQ(size, 0u);
    else EXPECT_TRUE(size > count / parts / 2 && size < count / parts * 2) << size;
  }
  EXPECT_EQ(all, count);
}

// Every allocation of finish fails in turn: nothing is lost, and the next time there is an answer.
TEST(aggregate_parallel_group, words_survive_failed_allocations) {
  const word_batches rows(60);
  const auto int64 = type_of<std::int64_t>;
  pillar::inline_executor runner;
  pillar::memory_budget budget;
  auto groups =
      *parallel_group::make(rows.types, std::span(&int64, 1), {specs.data(), 2}, 1, &budget, rows.ranges, 10'000'000);
  rows.add_all(groups, runner);
  EXPECT_GT(groups.waiting_rows(), 0u);
  std::uint64_t points = 0;
  for (std::uint64_t number = 1;; number += 1 + number / 4) {
    const std::uint64_t refused = budget.refused();
    budget.refuse(number, true);
    const auto parts = groups.finish(runner, &budget);
    budget.refuse(0);
    if (budget.refused() == refused) {
      ASSERT_TRUE(parts.ok());
      check(*parts, rows.types.size(), 2, rows.expected);
      break;
    }
    EXPECT_FALSE(parts.ok());
    ++points;
  }
  EXPECT_GT(points, 0u);
  std::cout << "injection points of finishing words: " << points << '\n';
}

// Merging and grouping what waited ask before each piece of work, and after an error no other is begun.
TEST(aggregate_parallel_group, finish_asks_whether_it_may_go_on) {
  const auto int64 = type_of<std::int64_t>;
  const sparse_batches rows({int64}, 2'000'000, 50);
  pillar::inline_executor runner;
  for (const bool waits : {false, true}) {
    auto groups = *parallel_group::make(std::span(&int64, 1), std::span(&int64, 1), {specs.data(), 2}, 2, nullptr, {},
                                        waits ? 10'000'000 : 1);
    for (std::size_t b = 0; b < rows.batches.size(); ++b)
      ASSERT_TRUE(
          rows.add(groups, static_cast<std::uint32_t>(waits ? sparse_batches::worker_of(b, 2) : b % 2), b).ok());
    EXPECT_EQ(groups.waiting_rows() != 0, waits);
    int allowed = 3, asked = 0;
    const auto ask = [&]() -> pillar::result<void> {
      return ++asked > allowed ? pillar::result<void>(pillar::errc::deadline_exceeded) : pillar::result<void>();
    };
    const pillar::group_permission may_go_on = ask;
    EXPECT_EQ(groups.finish(runner, nullptr, &may_go_on).error().code, pillar::errc::deadline_exceeded);
    EXPECT_EQ(asked, allowed + 1);
    allowed = 1'000'000;
    const auto parts = groups.finish(runner, nullptr, &may_go_on);
    ASSERT_TRUE(parts.ok());
    check(*parts, 1, 2, rows.expected);
  }
}

// Two keys whose codes index an array: it has one line for a row whatever the number of groups.
TEST(aggregate_parallel_group, rows_of_several_keys_in_an_array_do_not_wait) {
  const std::vector<pillar::data_type> types = {type_of<std::int32_t>, type_of<std::int32_t>};
  const auto int64 = type_of<std::int64_t>;
  const std::vector<pillar::key_range> ranges = {{0, 2047}, {0, 1023}};
  pillar::splitmix64 random(47);
  for (const bool ranged : {true, false}) {
    auto groups = *parallel_group::make(types, std::span(&int64, 1), {specs.data(), 2}, 1, nullptr,
                                        ranged ? ranges : no_ranges, 10'000'000);
    for (int b = 0; b < 60; ++b) {
      std::vector<scalar> first, second, values;
      for (int i = 0; i < 1024; ++i) {
        first.push_back(scalar::of_integer(types[0], static_cast<std::int64_t>(random.below(2048))));
        second.push_back(scalar::of_integer(types[1], static_cast<std::int64_t>(random.below(1024))));
        values.push_back(scalar::of_integer(int64, 1));
      }
      const auto a = make_vector(types[0], first), c = make_vector(types[1], second), v = make_vector(int64, values);
      const pillar::vector *const keys[] = {&a.view, &c.view}, *const inputs[] = {&v.view};
      ASSERT_TRUE(groups.update(0, keys, inputs, pillar::selection_mask::first(1024), 1024).ok());
    }
    EXPECT_EQ(groups.worker(0).groups().mode() == pillar::key_mode::array, ranged);
    EXPECT_EQ(groups.waiting_rows() != 0, !ranged);
  }
}

// With little memory rows are looked up as ever; where it is short later, what waits stays and others are looked up.
TEST(aggregate_parallel_group, rows_wait_only_where_there_is_room) {
  const auto int64 = type_of<std::int64_t>;
  const sparse_batches rows({int64}, 2'000'000, 80);
  pillar::inline_executor runner;
  for (const std::uint64_t limit : {std::uint64_t{40} << 20, std::uint64_t{160} << 20}) {
    pillar::memory_budget budget(limit), results;
    auto groups = *parallel_group::make(std::span(&int64, 1), std::span(&int64, 1), {specs.data(), 2}, 2, &budget, {},
                                        10'000'000);
    for (std::size_t b = 0; b < rows.batches.size(); ++b)
      ASSERT_TRUE(rows.add(groups, sparse_batches::worker_of(b, 2), b).ok());
    EXPECT_EQ(groups.waiting_rows() != 0, limit > std::uint64_t{64} << 20);
    const auto parts = groups.finish(runner, &results);
    ASSERT_TRUE(parts.ok());
    check(*parts, 1, 2, rows.expected);
  }
}

// Every allocation fails in turn, of updates and of finish: an update that fails has added no row.
TEST(aggregate_parallel_group, waiting_rows_survive_failed_allocations) {
  const auto int64 = type_of<std::int64_t>;
  const sparse_batches rows({int64}, 2'000'000, 60);
  pillar::inline_executor runner;
  pillar::memory_budget budget;
  for (const auto& ranges : {no_ranges, wide_range}) {
    auto groups = *parallel_group::make(std::span(&int64, 1), std::span(&int64, 1), {specs.data(), 2}, 2, &budget,
                                        ranges, 10'000'000);
    std::uint64_t points = 0;
    for (std::size_t b = 0; b < rows.batches.size(); ++b) {
      const std::uint32_t worker = sparse_batches::worker_of(b, 2);
      if (b < 34 || worker == 0) {  // whose rows wait; the other one finds no room for them
        ASSERT_TRUE(rows.add(groups, worker, b).ok());
        continue;
      }
      for (std::uint64_t number = 1;; ++number) {
        const std::uint64_t refused = budget.refused();
        budget.refuse(number);
        const bool done = rows.add(groups, worker, b).ok();
        budget.refuse(0);
        points += budget.refused() - refused;
        if (done) break;
      }
    }
    EXPECT_GT(points, 0u);
    EXPECT_GT(groups.waiting_rows(), 0u);
    std::uint64_t finish_points = 0;
    for (std::uint64_t number = 1;; number += 1 + number / 4) {
      const std::uint64_t refused = budget.refused();
      budget.refuse(number, true);
      const auto parts = groups.finish(runner);
      budget.refuse(0);
      if (budget.refused() == refused) {
        ASSERT_TRUE(parts.ok());
        check(*parts, 1, 2, rows.expected);
        break;
      }
      ++finish_points;
    }
    EXPECT_GT(finish_points, 0u);
    std::cout << "injection points of waiting rows: " << points << ", of finish: " << finish_points << '\n';
  }
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace pillar_test::aggregate_parallel_group
