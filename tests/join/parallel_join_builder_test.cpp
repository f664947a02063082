// SPDX-License-Identifier: Apache-2.0
#include "pillar/join/parallel_join_builder.hpp"

#include <gtest/gtest.h>

#include <iostream>

#include "join/join_sides.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::join_parallel_join_builder {
namespace {

using pillar::join_builder;
using pillar::join_mode;
using pillar::join_table;
using pillar::parallel_join_builder;
using pillar::type_of;

/// Rows with ids: batches ascend, with `step` numbers between rows; rows that are not selected take a number too.
struct numbered_rows {
  std::vector<pillar::data_type> types{};
  std::vector<key_batch> batches{};
  std::vector<std::vector<std::uint32_t>> ids{};
  void add(key_batch keys, std::uint32_t& next, std::uint32_t step) {
    ids.emplace_back();
    for (std::uint32_t row = 0; row < keys.row_count; ++row, next += step) ids.back().push_back(next);
    batches.push_back(std::move(keys));
  }
  pillar::result<void> append(join_builder& to, std::size_t batch) const {
    return to.append(batches[batch].keys, batches[batch].selection, batches[batch].row_count, ids[batch].data());
  }
};

/// The table that `pool`'s workers make, each of which gets batches by chance, the later ones first if `backwards`.
template <class Pool>
join_table sealed(const numbered_rows& of, std::uint32_t worker_count, Pool& pool, bool backwards) {
  auto builders = *parallel_join_builder::make(of.types, worker_count);
  pillar::splitmix64 random(worker_count);
  for (std::size_t i = 0; i < of.batches.size(); ++i) {
    const std::size_t batch = backwards ? of.batches.size() - 1 - i : i;
    EXPECT_TRUE(of.append(builders.worker(static_cast<std::uint32_t>(random.below(worker_count))), batch).ok());
  }
  auto made = builders.seal(pool);
  EXPECT_TRUE(made.ok());
  for (std::uint32_t worker = 0; worker < worker_count; ++worker) EXPECT_EQ(builders.worker(worker).row_count(), 0u);
  return *std::move(made);
}

/// For each batch the ids that its rows find.
std::vector<std::uint32_t> partners(const numbered_rows& of, const join_table& table) {
  std::vector<std::uint32_t> found;
  auto hits = std::make_unique<pillar::join_hits>();
  for (const auto& batch : of.batches) {
    table.find(batch.keys, batch.selection, batch.row_count, *hits);
    for (std::uint32_t i = 0; i < hits->count; ++i) {
      const std::uint32_t count = table.keys_are_unique() ? 1 : hits->partner_count[i];
      found.push_back(hits->rows[i]);
      for (std::uint32_t at = hits->first[i]; at < hits->first[i] + (count < 50 ? count : 50); ++at) {
        std::uint32_t id = 0;
        table.row_ids(&at, 1, &id);
        found.push_back(id);
      }
    }
  }
  return found;
}

/// Batches of one 64-bit column. `form` 0: dense, 1: sparse, 2: sparse and each twice, 3: dense and each twice,
/// 4: sparse, and a third of the keys in an eighth of the slots.
numbered_rows many_rows(int form, std::uint32_t batch_count) {
  numbered_rows made;
  made.types = {type_of<std::int64_t>};
  std::uint32_t next = 0;
  std::int64_t candidate = 0;
  for (std::uint32_t batch = 0; batch < batch_count; ++batch) {
    key_batch keys;
    keys.row_count = pillar::vector_rows;
    keys.owned.emplace_back();
    owned_vector& column = keys.owned.back();
    column.values.resize(pillar::vector_rows * sizeof(std::int64_t));
    for (std::uint32_t row = 0; row < pillar::vector_rows; ++row) {
      const std::int64_t number = std::int64_t{batch} * pillar::vector_rows + row;
      std::int64_t key = form >= 2 ? number / 2 : form == 0 ? number * 7919 % 1'000'003 : number;
      if (form == 1 || form == 2) key *= 1'000'000'007;
      if (form == 4) {
        key = candidate++ * 1'000'000'007;
        const auto crowds = [&] { return pillar::detail::join_hash(static_cast<std::uint64_t>(key)) >> 61 == 0; };
        while (number % 3 == 2 && !crowds()) key = candidate++ * 1'000'000'007;
      }
      std::memcpy(column.values.data() + row * sizeof key, &key, sizeof key);
    }
    column.view.type = made.types[0];
    column.view.size = keys.row_count;
    column.view.values = column.values.data();
    keys.selection = pillar::selection_mask::first(keys.row_count);
    made.add(std::move(keys), next, 1);
  }
  for (auto& batch : made.batches) batch.keys = {&batch.owned[0].view};
  return made;
}

void check(const numbered_rows& of, join_mode mode) {
  auto single = *join_builder::make(of.types);
  for (std::size_t batch = 0; batch < of.batches.size(); ++batch) ASSERT_TRUE(of.append(single, batch).ok());
  const join_table expected = *single.seal();
  EXPECT_EQ(expected.mode(), mode);
  pillar::inline_executor alone;
  pillar::worker_pool two(2), eight(8);
  const join_table first = sealed(of, 1, alone, false);
  EXPECT_EQ(partners(of, first), partners(of, expected));
  EXPECT_EQ(first.row_count(), expected.row_count());
  EXPECT_EQ(first.null_key_count(), expected.null_key_count());
  EXPECT_EQ(first.row_id_limit(), expected.row_id_limit());
  EXPECT_TRUE(join_table::from_bytes(first.bytes()).ok());
  const auto same = [&](const join_table& other) {
    return first.bytes().size() == other.bytes().size() &&
           std::memcmp(first.bytes().data(), other.bytes().data(), first.bytes().size()) == 0;
  };
  EXPECT_TRUE(same(sealed(of, 2, two, true)));
  EXPECT_TRUE(same(sealed(of, 8, eight, true)));
}

TEST(join_parallel_join_builder, the_same_table_whoever_builds_it) {
  pillar::splitmix64 random(101);
  const std::vector<std::vector<pillar::data_type>> schemas = {
      {type_of<std::int8_t>.as_nullable()},
      {pillar::decimal_type(38, 2, true)},
      {type_of<pillar::text>, type_of<std::int32_t>.as_nullable()},
      {type_of<pillar::text>.as_nullable()},
  };
  const join_mode modes[] = {join_mode::array, join_mode::packed16, join_mode::generic, join_mode::generic};
  for (std::size_t schema = 0; schema < schemas.size(); ++schema)
    for (const std::uint32_t step : {1u, 3u, 1000u}) {
      numbered_rows of;
      of.types = schemas[schema];
      std::uint32_t next = 5;
      for (int batch = 0; batch < 6; ++batch) of.add(random_keys(random, of.types, 300, 200), next, step);
      for (auto& batch : of.batches) {  // the keys' addresses have changed
        batch.keys.clear();
        for (const auto& column : batch.owned) batch.keys.push_back(&column.view);
      }
      ASSERT_NO_FATAL_FAILURE(check(of, modes[schema]));
    }
}

TEST(join_parallel_join_builder, large_tables_are_filled_in_parts) {
  for (int form = 0; form < 5; ++form) {
    if (sanitized && form % 2 == 1) continue;
    SCOPED_TRACE(form);
    const bool dense = form == 0 || form == 3;
    const std::uint32_t batches = dense ? 130 : form == 2 ? 70 : 40;  // two tasks' rows; more than 1 MiB of slots
    ASSERT_NO_FATAL_FAILURE(check(many_rows(form, batches), dense ? join_mode::array : join_mode::packed8));
  }
}

TEST(join_parallel_join_builder, ids_must_be_given_and_differ) {
  pillar::inline_executor alone;
  const numbered_rows of = many_rows(0, 2);
  EXPECT_EQ(parallel_join_builder::make(of.types, 0).error().code, pillar::errc::invalid_argument);
  auto builders = *parallel_join_builder::make(of.types, 2);
  EXPECT_EQ(builders.seal(alone)->row_count(), 0u);
  ASSERT_TRUE(of.append(builders.worker(0), 0).ok());
  ASSERT_TRUE(of.append(builders.worker(1), 0).ok());
  EXPECT_EQ(builders.seal(alone).error().code, pillar::errc::invalid_argument);
  EXPECT_EQ(builders.worker(1).row_count(), pillar::vector_rows);
  auto others = *parallel_join_builder::make(of.types, 2);
  ASSERT_TRUE(others.worker(0).append(of.batches[0].keys, of.batches[0].selection, pillar::vector_rows).ok());
  EXPECT_EQ(others.seal(alone).error().code, pillar::errc::invalid_argument);
}

TEST(join_parallel_join_builder, ids_of_rows_with_null_keys_differ_too) {
  pillar::inline_executor alone;
  pillar::splitmix64 random(102);
  const std::vector types = {type_of<std::int64_t>.as_nullable()};
  const key_batch keys = random_keys(random, types, 300, 200, 1000, true, 1, 1);
  std::vector<std::uint32_t> selected, nulls;
  pillar::for_each_row(keys.selection, [&](std::uint32_t row) {
    if (keys.names[row].empty()) nulls.push_back(row);
    else selected.push_back(row);
  });
  ASSERT_GT(nulls.size(), 1u);
  std::vector<std::uint32_t> ids(300);
  for (std::uint32_t row = 0; row < 300; ++row) ids[row] = row * 3;
  const auto sealed_by = [&](std::uint32_t worker, const std::vector<std::uint32_t>& of,
                             pillar::memory_budget* budget) {
    auto builders = *parallel_join_builder::make(types, 2, budget);
    EXPECT_TRUE(builders.worker(worker).append(keys.keys, keys.selection, 300, of.data()).ok());
    return builders.seal(alone).error().code;
  };
  pillar::memory_budget first, second;
  EXPECT_EQ(sealed_by(0, ids, &first), pillar::errc::ok);
  EXPECT_EQ(sealed_by(1, ids, &second), pillar::errc::ok);
  EXPECT_EQ(first.peak(), second.peak());  // not copied, whichever builder has the rows in their order
  auto twice = ids;
  twice[nulls[1]] = twice[nulls[0]];
  EXPECT_EQ(sealed_by(0, twice, nullptr), pillar::errc::invalid_argument);
  twice = ids;
  for (std::uint32_t i = 0; i < nulls.size(); ++i) twice[nulls[i]] = 1000 + i;  // ascending for themselves
  twice[selected.back()] = 1001;
  EXPECT_EQ(sealed_by(0, twice, nullptr), pillar::errc::invalid_argument);
  EXPECT_EQ(sealed_by(1, twice, nullptr), pillar::errc::invalid_argument);
}

TEST(join_parallel_join_builder, every_allocation_may_fail_and_the_rows_are_kept) {
  const numbered_rows of = many_rows(2, 6);
  pillar::inline_executor alone;
  const auto expected = partners(of, sealed(of, 3, alone, true));
  pillar::memory_budget budget;
  {
    auto builders = *parallel_join_builder::make(of.types, 3, &budget);
    for (std::size_t batch = of.batches.size(); batch-- > 0;)
      ASSERT_TRUE(of.append(builders.worker(static_cast<std::uint32_t>(batch % 3)), batch).ok());
    std::uint64_t points = 0;
    for (;; ++points) {
      budget.refuse(points + 1);
      const std::uint64_t before = budget.refused();
      const auto table = builders.seal(alone);
      budget.refuse(0);
      if (table.ok()) {
        EXPECT_EQ(partners(of, *table), expected);
        if (budget.refused() == before) break;
        ASSERT_EQ(builders.worker(0).row_count(), 0u);  // it could do without
        for (std::size_t batch = of.batches.size(); batch-- > 0;)
          ASSERT_TRUE(of.append(builders.worker(static_cast<std::uint32_t>(batch % 3)), batch).ok());
      } else {
        EXPECT_EQ(table.error().code, pillar::errc::out_of_memory);
      }
    }
    std::cout << "injection points of a parallel seal: " << points << '\n';
    EXPECT_GE(points, 3u);
  }
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace pillar_test::join_parallel_join_builder
