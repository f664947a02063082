// SPDX-License-Identifier: Apache-2.0
#include "pillar/join/join_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "join/join_sides.hpp"
#include "pillar/join/join_cursor.hpp"
#include "pillar/schedule/worker_pool.hpp"
#include "support/refused_in_turn.hpp"

namespace pillar_test::join_join_builder {
namespace {

using pillar::join_builder;
using pillar::join_mode;
using pillar::join_table;
using pillar::type_of;

using row_lists = std::map<std::string, std::vector<std::uint32_t>>;

/// The ids of the build rows that each selected key of a batch finds, in their order.
row_lists find_all(const join_table& table, const key_batch& probe) {
  row_lists found;
  auto hits = std::make_unique<pillar::join_hits>();
  table.find(probe.keys, probe.selection, probe.row_count, *hits);
  for (std::uint32_t i = 0; i < hits->count; ++i) {
    auto& list = found[probe.names[hits->rows[i]]];
    list.clear();
    const std::uint32_t count = table.keys_are_unique() ? 1 : hits->partner_count[i];
    for (std::uint32_t at = hits->first[i]; at < hits->first[i] + count; ++at) {
      std::uint32_t id = 0;
      table.row_ids(&at, 1, &id);
      list.push_back(id);
    }
  }
  return found;
}

join_table sealed(const std::vector<pillar::data_type>& types, std::span<const key_batch> batches) {
  auto builder = *join_builder::make(types);
  for (const auto& batch : batches) EXPECT_TRUE(builder.append(batch.keys, batch.selection, batch.row_count).ok());
  return *builder.seal();
}

TEST(join_join_builder, modes_follow_the_keys_that_came) {
  pillar::splitmix64 random(71);
  const auto mode = [&](std::vector<pillar::data_type> types, std::int64_t spread = 1, std::size_t longest = 1000) {
    const auto keys = random_keys(random, types, 1000, 500, longest, true, spread, 1);
    return sealed(types, {&keys, 1}).mode();
  };
  EXPECT_EQ(mode({type_of<std::int8_t>}), join_mode::array);
  EXPECT_EQ(mode({type_of<bool>, type_of<std::int8_t>}), join_mode::array);
  EXPECT_EQ(mode({type_of<std::int64_t>}, 1000), join_mode::packed8);
  EXPECT_EQ(mode({type_of<std::int64_t>, type_of<std::int8_t>}, 1000), join_mode::packed8);  // 28 + 8 bits
  EXPECT_EQ(mode({type_of<double>, type_of<double>}), join_mode::packed16);
  EXPECT_EQ(mode({type_of<pillar::text>}, 1, 12), join_mode::packed16);
  EXPECT_EQ(mode({type_of<pillar::text>}, 1, 13), join_mode::generic);
  EXPECT_EQ(mode({type_of<double>, type_of<double>, type_of<double>}), join_mode::generic);
  EXPECT_EQ(mode({type_of<pillar::text>, type_of<std::int8_t>}, 1, 12), join_mode::generic);
  EXPECT_EQ(join_builder::make({}).error().code, pillar::errc::invalid_argument);
}

TEST(join_join_builder, columns_taken_whole_are_as_those_taken_in_batches) {
  constexpr std::uint32_t row_count = 150'000;  // three tasks
  std::vector<std::int64_t> sparse(row_count);
  std::vector<std::int16_t> narrow(row_count);
  std::vector<pillar::int128> wide(row_count);
  pillar::splitmix64 random(77);
  for (std::uint32_t row = 0; row < row_count; ++row) {
    sparse[row] = static_cast<std::int64_t>(random());
    narrow[row] = static_cast<std::int16_t>(random());
    wide[row] = pillar::int128{static_cast<std::int64_t>(random())} << 40;
  }
  const std::vector types = {type_of<std::int64_t>.as_nullable(), type_of<std::int32_t>, pillar::decimal_type(38, 0)};
  const auto views = [&](std::uint32_t first, std::uint32_t count) {
    std::vector<pillar::vector> made(3);
    for (auto& view : made) view.size = count;
    made[0].type = types[0];
    made[0].values = sparse.data() + first;
    made[1].type = type_of<std::int16_t>;  // of another width than the builder's
    made[1].values = narrow.data() + first;
    made[2].type = types[2];
    made[2].values = wide.data() + first;
    return made;
  };
  pillar::worker_pool pool(3);
  for (const bool after_a_null : {false, true}) {
    auto whole = *join_builder::make(types), batches = *join_builder::make(types);
    for (join_builder* const one : {&whole, &batches}) {
      if (!after_a_null) continue;
      auto row = views(0, 1);
      const std::uint64_t nothing = 0;
      row[0].validity = &nothing;
      const pillar::vector* const pointers[] = {&row[0], &row[1], &row[2]};
      ASSERT_TRUE(one->append(pointers, pillar::selection_mask::first(1), 1).ok());
    }
    ASSERT_TRUE(whole.append_whole(views(0, row_count), pool).ok());
    ASSERT_TRUE(whole.append_whole(views(0, 5), pool).ok());
    ASSERT_TRUE(whole.append_whole(views(0, 0), pool).ok());
    const auto add = [&](std::uint32_t first, std::uint32_t count) {
      const auto keys = views(first, count);
      const pillar::vector* const pointers[] = {&keys[0], &keys[1], &keys[2]};
      ASSERT_TRUE(batches.append(pointers, pillar::selection_mask::first(count), count).ok());
    };
    for (std::uint32_t first = 0; first < row_count; first += pillar::vector_rows)
      add(first, std::min(row_count - first, pillar::vector_rows));
    add(0, 5);
    EXPECT_EQ(whole.row_count(), batches.row_count());
    const auto made = whole.seal(), expected = batches.seal();
    ASSERT_TRUE(made.ok() && expected.ok());
    EXPECT_TRUE(std::ranges::equal(made->bytes(), expected->bytes()));
  }
  pillar::memory_budget budget(64 << 10);
  auto refused = *join_builder::make(types, &budget);
  EXPECT_EQ(refused.append_whole(views(0, row_count), pool).error().code, pillar::errc::out_of_memory);
  EXPECT_EQ(refused.row_count(), 0u);
}

TEST(join_join_builder, many_batches_with_few_and_with_many_keys) {
  pillar::splitmix64 random(72);
  const std::vector types = {type_of<std::int64_t>};
  for (const std::int64_t spread : {1, 1'000'003}) {
    for (const std::uint32_t distinct : {7u, 20'000u}) {
      auto builder = *join_builder::make(types);
      std::vector<std::int64_t> keys;
      for (int batch = 0; batch < 40; ++batch) {
        std::int64_t values[pillar::vector_rows];
        for (auto& value : values) value = static_cast<std::int64_t>(random.below(distinct)) * spread;
        keys.insert(keys.end(), values, values + pillar::vector_rows);
        const pillar::vector view = view_of(types[0], values, pillar::vector_rows);
        const pillar::vector* pointer = &view;
        ASSERT_TRUE(builder.append({&pointer, 1}, pillar::selection_mask::first(view.size), pillar::vector_rows).ok());
      }
      const auto table = *builder.seal();
      EXPECT_EQ(builder.row_count(), 0u);
      EXPECT_EQ(table.row_count(), keys.size());
      EXPECT_EQ(table.mode(), spread == 1 ? join_mode::array : join_mode::packed8);
      std::map<std::int64_t, std::vector<std::uint32_t>> expected;
      for (std::uint32_t row = 0; row < keys.size(); ++row) expected[keys[row]].push_back(row);
      if (distinct == 7 && spread != 1) EXPECT_LT(table.byte_count(), keys.size() * 5);  // not a slot for each row
      std::uint64_t checked = 0;
      for (const auto& [key, rows] : expected) {
        const pillar::vector view = view_of(types[0], &key, 1);
        const pillar::vector* pointer = &view;
        pillar::join_hits hits;
        table.find({&pointer, 1}, pillar::selection_mask::first(1), 1, hits);
        ASSERT_EQ(hits.count, 1u);
        ASSERT_EQ(hits.partner_count[0], rows.size());
        std::vector<std::uint32_t> ids(rows.size());
        for (std::uint32_t i = 0; i < ids.size(); ++i) ids[i] = hits.first[0] + i;
        table.row_ids(ids.data(), static_cast<std::uint32_t>(ids.size()), ids.data());
        ASSERT_EQ(ids, rows);
        checked += rows.size();
      }
      EXPECT_EQ(checked, keys.size());
    }
  }
}

TEST(join_join_builder, few_long_texts_take_the_memory_of_few) {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i)
    texts.push_back(std::string(static_cast<std::size_t>(300 + 20 * i), static_cast<char>('a' + i % 26)) +
                    std::to_string(i));
  const std::vector types = {type_of<pillar::text>};
  pillar::memory_budget budget(64'000'000);
  auto builder = *join_builder::make(types, &budget);
  std::vector<pillar::scalar> cells;
  for (std::uint32_t row = 0; row < 1000; ++row) cells.push_back(pillar::scalar::of_text(types[0], texts[row % 40]));
  const auto keys = make_vector(types[0], cells);
  const pillar::vector* pointer = &keys.view;
  for (int batch = 0; batch < 10; ++batch)
    ASSERT_TRUE(builder.append({&pointer, 1}, pillar::selection_mask::first(1000), 1000).ok());
  const std::uint64_t others = budget.limit() - budget.used() - 400'000;  // all rows' texts are 7 MB
  ASSERT_TRUE(budget.reserve(others).ok());
  const auto table = builder.seal();
  budget.release(others);
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->mode(), join_mode::generic);
  EXPECT_EQ(table->row_count(), 10'000u);
}

TEST(join_join_builder, workers_builders_are_joined) {
  pillar::splitmix64 random(73);
  const auto all = every_type(true);
  for (int round = 0; round < 60; ++round) {
    const std::vector types = {all[random.below(all.size())], all[random.below(all.size())]};
    std::vector<key_batch> batches;
    for (int batch = 0; batch < 4; ++batch)
      batches.push_back(random_keys(random, types, 60, 12, 1000, batch % 2 == round % 2));
    const auto expected = sealed(types, batches);
    auto first = *join_builder::make(types), second = *join_builder::make(types);
    for (int batch = 0; batch < 4; ++batch) {
      auto& builder = batch < 2 ? first : second;
      ASSERT_TRUE(builder.append(batches[batch].keys, batches[batch].selection, batches[batch].row_count).ok());
    }
    ASSERT_TRUE(first.append_from(second).ok());
    const auto table = *first.seal();
    ASSERT_EQ(table.row_count(), expected.row_count());
    ASSERT_EQ(table.null_key_count(), expected.null_key_count());
    ASSERT_EQ(table.row_id_limit(), expected.row_id_limit());
    for (const auto& batch : batches) ASSERT_EQ(find_all(table, batch), find_all(expected, batch));
  }
}

TEST(join_join_builder, every_allocation_may_fail_and_nothing_has_happened) {
  pillar::splitmix64 random(74);
  injection_points points;
  const std::vector<std::vector<pillar::data_type>> schemas = {
      {type_of<std::int64_t>},
      {type_of<std::int64_t>.as_nullable(), type_of<std::int8_t>},
      {type_of<pillar::decimal<38, 4>>.as_nullable()},
      {type_of<pillar::text>.as_nullable(), type_of<std::int32_t>},
  };
  for (const auto& types : schemas) {
    std::vector<key_batch> batches;
    for (int batch = 0; batch < 6; ++batch)
      batches.push_back(random_keys(random, types, 1000, 900, 1000, batch != 3, 1'000'003));
    const auto expected = sealed(types, batches);
    pillar::memory_budget budget;
    {
      auto builder = *join_builder::make(types, &budget), other = *join_builder::make(types);
      const auto with_refusals = [&](const char* what, auto&& step) {
        const std::uint64_t used = budget.used();
        const std::uint32_t rows = builder.row_count();
        refuse_in_turn(
            points[what], budget, false, spared::ends, [&] { return step().error().code; },
            [&] {
              ASSERT_EQ(builder.row_count(), rows);
              ASSERT_GE(budget.used(), used);  // room that was made stays
            });
      };
      for (std::size_t at = 0; at < batches.size(); ++at) {
        const auto& batch = batches[at];
        if (at < 3) {
          with_refusals("append", [&] { return builder.append(batch.keys, batch.selection, batch.row_count); });
        } else {
          ASSERT_TRUE(other.append(batch.keys, batch.selection, batch.row_count).ok());
        }
      }
      with_refusals("reserve", [&] { return builder.reserve(7000); });
      with_refusals("append_from", [&] { return builder.append_from(other); });
      pillar::result<join_table> table = pillar::errc::cancelled;
      with_refusals("seal", [&]() -> pillar::result<void> {
        const std::uint64_t used = budget.used();
        table = builder.seal();
        if (table.ok()) return {};
        EXPECT_EQ(budget.used(), used);
        return table.error();
      });
      ASSERT_EQ(table->row_count(), expected.row_count());
      for (const auto& batch : batches) ASSERT_EQ(find_all(*table, batch), find_all(expected, batch));
      EXPECT_GE(budget.used(), table->byte_count());  // the builder has given its memory back
      EXPECT_LT(budget.used(), table->byte_count() + 8192);
      // A table that is read again, and what probes it.
      const std::uint64_t used = budget.used();
      const auto nothing_left = [&] { ASSERT_EQ(budget.used(), used); };
      const auto read = [&] {
        const auto made = join_table::from_bytes(table->bytes(), &budget);
        if (made.ok()) EXPECT_EQ(find_all(*made, batches[0]), find_all(expected, batches[0]));
        return made.error().code;
      };
      const auto match = [&] { return pillar::join_matches::make(*table, &budget).error().code; };
      const auto probe = [&] {
        return pillar::join_cursor::make(*table, pillar::join_kind::inner, nullptr, &budget).error().code;
      };
      refuse_in_turn(points["from_bytes"], budget, false, spared::goes_on, read, nothing_left);
      refuse_in_turn(points["join_matches"], budget, false, spared::goes_on, match, nothing_left);
      refuse_in_turn(points["join_cursor"], budget, false, spared::goes_on, probe, nothing_left);
    }
    EXPECT_EQ(budget.used(), 0u);
  }
}

}  // namespace
}  // namespace pillar_test::join_join_builder
