// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/parallel_group.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <string>
#include <tuple>

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
    ASSERT_TRUE(groups.worker(worker).update(keys, inputs, pillar::selection_mask::first(1024), 1024).ok());
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
        const auto parts = groups.finish(pool);
        ASSERT_TRUE(parts.ok());
        if (threads == 1) EXPECT_EQ(parts->size(), 1u);
        check(*parts, types.size(), 3, expected);
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

}  // namespace
}  // namespace pillar_test::aggregate_parallel_group
