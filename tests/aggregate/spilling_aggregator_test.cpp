// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/spilling_aggregator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "pillar/aggregate/own_state.hpp"
#include "pillar/base/file.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/column/scalar.hpp"
#include "pillar/conformance/faults.hpp"
#include "pillar/storage/file_run_store.hpp"
#include "pillar/storage/memory_run_store.hpp"
#include "support/allocation_meter.hpp"
#include "support/encoded_bytes.hpp"
#include "support/refused_in_turn.hpp"
#include "support/sanitized.hpp"
#include "support/width_state.hpp"

namespace pillar_test::aggregate_spilling_aggregator {
namespace {

using pillar::aggregate_kind;
using pillar::aggregate_spec;
using pillar::column;
using pillar::data_type;
using pillar::errc;
using pillar::memory_budget;
using pillar::memory_run_store;
using pillar::selection_mask;
using pillar::spilling_aggregator;
using pillar::spilling_aggregator_options;
using pillar::type_of;
using pillar::vector;
using pillar::conformance::fault_plan;
using pillar::conformance::faulty_file;
using pillar::conformance::memory_file;

/// A column of about `distinct` different values, NULL now and then where that is allowed.
column random_column(pillar::splitmix64& random, data_type type, std::uint32_t row_count, std::uint64_t distinct) {
  pillar::column_builder made(type);
  for (std::uint32_t row = 0; row < row_count; ++row) {
    const std::uint64_t value = random.below(distinct);
    if (type.nullable && random.chance(1, 40)) {
      EXPECT_TRUE(made.append_null().ok());
    } else if (type.physical == pillar::physical_type::text) {
      EXPECT_TRUE(
          made.append_text(value % 3 == 0 ? "t" + std::to_string(value) : "a longer text " + std::to_string(value))
              .ok());
    } else if (pillar::is_float(type.physical)) {
      EXPECT_TRUE(made.append_real(static_cast<double>(value) / 8 - 100).ok());
    } else if (type.physical == pillar::physical_type::integer128) {
      EXPECT_TRUE(made.append_integer(pillar::int128{1'000'000'007} * 1'000'000'007 * static_cast<int>(value)).ok());
    } else {
      EXPECT_TRUE(made.append_integer(static_cast<pillar::int128>(
                                          type.physical == pillar::physical_type::boolean ? value % 2 : value))
                      .ok());
    }
  }
  return *made.finish();
}

/// What is grouped: the same batches for every aggregator.
struct grouping {
  std::uint32_t row_count = 0;
  std::vector<column> keys{}, inputs{};
  std::vector<aggregate_spec> aggregates{};
  bool restricts = false;
  bool narrow = false;  ///< int64 inputs come in int32

  std::vector<data_type> types_of(const std::vector<column>& columns) const {
    std::vector<data_type> made;
    for (const column& of : columns) made.push_back(of.type());
    return made;
  }
  pillar::result<spilling_aggregator> make(memory_budget* budget, spilling_aggregator_options options) const {
    options.restricts = restricts;
    auto input_types = types_of(inputs);
    if (narrow)
      for (data_type& type : input_types)
        if (type.logical == pillar::logical_type::int32) type = type_of<std::int64_t>.as_nullable(type.nullable);
    return spilling_aggregator::make(types_of(keys), input_types, aggregates, budget, options);
  }
  /// Rows that are not selected: every 17th or so.
  static selection_mask selected(std::uint32_t at, std::uint32_t count) {
    selection_mask mask = selection_mask::first(count);
    pillar::splitmix64 random(at);
    for (auto& word : mask.words) word &= random() | random() | random() | random();
    return mask;
  }
  pillar::result<void> update(spilling_aggregator& to, std::uint32_t at) const {
    const std::uint32_t count = std::min(1000u, row_count - at);
    std::vector<vector> views;
    for (const auto* columns : {&keys, &inputs})
      for (const column& of : *columns) views.push_back(of.slice(at, count));
    std::vector<const vector*> key_views, input_views;
    for (std::size_t i = 0; i < views.size(); ++i) (i < keys.size() ? key_views : input_views).push_back(&views[i]);
    const selection_mask selection = selected(at, count), restriction = selected(at + 1, count);
    std::vector<const selection_mask*> where;
    if (restricts)
      for (std::size_t i = 0; i < aggregates.size(); ++i) where.push_back(i % 2 == 1 ? &restriction : nullptr);
    return to.update(key_views, input_views, selection, count, where, {}, {.first = at});
  }
  pillar::result<void> update_all(spilling_aggregator& to) const {
    for (std::uint32_t at = 0; at < row_count; at += 1000) PILLAR_TRY(update(to, at));
    return {};
  }
  std::uint64_t selected_rows() const {
    std::uint64_t total = 0;
    for (std::uint32_t at = 0; at < row_count; at += 1000)
      total += selected(at, std::min(1000u, row_count - at)).count();
    return total;
  }
};

template <class T>
void append_bytes(std::string& to, const T& value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
void append_cell(std::string& to, const vector& from, std::uint32_t row) {
  if (!from.valid(row)) {
    to += 'N';
  } else if (from.type.physical == pillar::physical_type::text) {
    const std::string_view text = from.text_value(row);
    append_bytes(to += 't', text.size());
    to += text;
  } else {
    const pillar::scalar cell = pillar::get(from, row);
    if (pillar::is_float(from.type.physical)) append_bytes(to += 'r', cell.real);
    else append_bytes(to += 'i', cell.integer);
  }
}

/// All groups as the hashes of their lines, sorted.
struct lines {
  std::vector<std::size_t> all{};
  errc said = errc::ok;
  lines() = default;
  explicit lines(spilling_aggregator& groups, memory_budget* result_budget = nullptr) {
    const auto done = groups.finish(
        [&](std::span<const column> piece) -> pillar::result<void> {
          for (std::uint64_t at = 0; at < piece[0].size(); at += 1024) {
            const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(1024, piece[0].size() - at));
            std::vector<vector> views;
            for (const column& of : piece) views.push_back(of.slice(at, count));
            std::string line;
            for (std::uint32_t row = 0; row < count; ++row) {
              line.clear();
              for (const vector& view : views) append_cell(line, view, row);
              all.push_back(std::hash<std::string_view>{}(line));
            }
          }
          return {};
        },
        result_budget);
    said = done.error().code;
    std::sort(all.begin(), all.end());
  }
};

lines without_limit(const grouping& of, std::uint64_t* peak = nullptr) {
  memory_budget budget;
  auto groups = of.make(&budget, {});
  EXPECT_TRUE(groups.ok() && of.update_all(*groups).ok());
  if (peak != nullptr) *peak = budget.peak();
  return lines(*groups);
}

constexpr std::uint64_t kib = 1024;

/// The same lines from a small budget; everything in it, and nothing left of it.
void expect_same(const grouping& of, const lines& expected, bool in_file, const spilling_aggregator_options& with,
                 std::uint64_t limit, std::uint64_t* repeated = nullptr) {
  memory_budget budget(limit);
  {
    const pillar::run_store_options writing{.budget = &budget, .buffer_bytes = limit / 8, .block_rows = 2048};
    memory_file file;
    memory_budget beside;  // encoded runs in memory are not the operator's
    memory_run_store memory({.budget = &beside, .buffer_bytes = limit / 8, .block_rows = 2048});
    pillar::file_run_store stored(file, writing);
    spilling_aggregator_options options = with;
    options.store = in_file ? static_cast<pillar::run_store*>(&stored) : &memory;
    auto groups = of.make(&budget, options);
    ASSERT_TRUE(groups.ok());
    const auto updated = of.update_all(*groups);
    ASSERT_TRUE(updated.ok()) << to_string(updated.error().code);
    const lines found(*groups);
    ASSERT_EQ(found.said, errc::ok) << to_string(found.said);
    EXPECT_EQ(found.all.size(), expected.all.size());
    EXPECT_TRUE(found.all == expected.all);
    EXPECT_GT(groups->spilled_rows(), 0u);
    const auto counts = options.store->counts();
    EXPECT_EQ(counts.rows_written, groups->spilled_rows());
    EXPECT_LE(counts.rows_written, of.selected_rows());
    EXPECT_GT(counts.bytes_written, 0u);
    EXPECT_GE(counts.bytes_read, counts.bytes_written);
    if (repeated != nullptr) *repeated = groups->repeated_reads();
  }
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_LE(budget.peak(), limit);
}

TEST(aggregate_spilling_aggregator, the_same_groups_as_without_a_limit) {
  const data_type types[] = {
      type_of<std::int64_t>.as_nullable(), type_of<pillar::text>.as_nullable(), type_of<std::int32_t>,
      type_of<double>.as_nullable(),       pillar::decimal_type(30, 2, true),   type_of<pillar::text>,
      type_of<bool>.as_nullable()};
  for (std::uint64_t seed = 1; seed <= (sanitized ? 3u : 6u); ++seed) {
    SCOPED_TRACE(seed);
    pillar::splitmix64 random(seed);
    grouping of;
    of.row_count = sanitized ? 4'000 : 8'000;
    of.restricts = seed % 3 == 0;
    of.narrow = seed % 2 == 0;
    const std::size_t key_count = 1 + seed % 3;
    for (std::size_t i = 0; i < key_count; ++i)
      of.keys.push_back(random_column(random, types[(seed + 3 * i) % 6], of.row_count, key_count == 1 ? 4000 : 80));
    for (const data_type& type :
         {types[seed % 7], types[(seed + 2) % 7], type_of<std::int32_t>.as_nullable(), types[3]})
      of.inputs.push_back(random_column(random, type, of.row_count, 1000));
    of.aggregates.push_back({});
    for (std::uint32_t i = 0; i < 4; ++i)
      for (auto kind = aggregate_kind::count; kind != aggregate_kind::own;
           kind = static_cast<aggregate_kind>(static_cast<int>(kind) + 1)) {
        const bool narrowed = of.narrow && of.inputs[i].type().logical == pillar::logical_type::int32;
        if (narrowed && kind != aggregate_kind::count && kind != aggregate_kind::sum && kind != aggregate_kind::avg)
          continue;
        if (kind == aggregate_kind::any || !random.chance(1, 3)) continue;
        pillar::aggregate_options how;
        how.register_bits = 4;
        how.distinct = !takes_second(kind) && random.chance(1, 5);
        if (narrowed && how.distinct) continue;
        const std::uint32_t second = i == 3 ? 1 : 3;
        if (aggregate_type(kind, of.inputs[i].type(), of.inputs[second].type()))
          of.aggregates.push_back({kind, i, second, how});
      }
    of.aggregates.push_back({aggregate_kind::own, 3, {.own = &pillar::own_aggregate_of<width_state<double>>}});
    ASSERT_GT(of.aggregates.size(), 5u);
    const lines expected = without_limit(of);
    expect_same(of, expected, seed % 2 == 0, {.state_bytes = 300 * kib, .partition_bits = 3, .delivered_groups = 700},
                6144 * kib);
  }
}

/// Many groups of two integers: the plain case.
grouping many_groups(std::uint32_t row_count, std::uint64_t distinct) {
  pillar::splitmix64 random(7);
  grouping of;
  of.row_count = row_count;
  of.keys.push_back(random_column(random, type_of<std::int64_t>, row_count, distinct));
  of.inputs.push_back(random_column(random, type_of<std::int64_t>, row_count, 100'000));
  of.aggregates = {{}, {aggregate_kind::sum, 0}, {aggregate_kind::max, 0}};
  return of;
}

TEST(aggregate_spilling_aggregator, four_times_the_budget_is_written_once) {
  const grouping of = many_groups(100'000, 1'000'000'000'000);
  std::uint64_t needed = 0;
  const lines expected = without_limit(of, &needed);
  const std::uint64_t limit = needed / 4;
  ASSERT_GT(limit, 1000 * kib);
  if (!sanitized) expect_same(of, expected, false, {.partition_bits = 4}, limit);
  expect_same(of, expected, true, {.partition_bits = 4}, limit);

  // What the input takes as blocks of a table, and what the runs took.
  memory_run_store whole({.buffer_bytes = 64 << 20, .block_rows = 65536}), runs({.buffer_bytes = limit / 8});
  const std::vector<data_type> types = {of.keys[0].type(), of.inputs[0].type()};
  const std::uint32_t run = *whole.open(types);
  for (std::uint32_t at = 0; at < of.row_count; at += 1000) {
    const vector key = of.keys[0].slice(at, 1000), input = of.inputs[0].slice(at, 1000);
    const vector* const columns[] = {&key, &input};
    ASSERT_TRUE(whole.append(run, columns, nullptr, 1000).ok());
  }
  ASSERT_TRUE(whole.seal(run).ok());
  memory_budget budget(limit);
  auto groups = of.make(&budget, {.store = &runs, .partition_bits = 3});
  ASSERT_TRUE(of.update_all(*groups).ok() && lines(*groups).said == errc::ok);
  const double per_row = static_cast<double>(runs.counts().bytes_written) / static_cast<double>(groups->spilled_rows());
  const double encoded = static_cast<double>(whole.counts().bytes_written) / of.row_count;
  EXPECT_LE(per_row, 1.2 * encoded);
  EXPECT_GT(groups->spilled_rows(), of.selected_rows() / 2);
}

TEST(aggregate_spilling_aggregator, spilled_rows_take_hardly_more_than_in_a_table) {
  if (sanitized) GTEST_SKIP() << "slow; sizes do not depend on it";
  for (const auto kind : spilled_columns::kinds) {
    SCOPED_TRACE(static_cast<int>(kind));
    using kind_type = spilled_columns::kind_type;
    if (kind == kind_type::text_payload) continue;  // its texts are payload of a join, and the key is `dense` again
    const bool texts = kind == kind_type::short_texts || kind == kind_type::long_texts || kind == kind_type::few_texts;
    const std::uint32_t row_count = 400'000;
    const spilled_columns rows(kind, row_count, kind == kind_type::spread ? 100'000'000 : 100'000);
    grouping of;
    of.row_count = row_count;
    of.keys = rows.keys;
    of.inputs = rows.inputs;
    of.aggregates = {{aggregate_kind::sum, 0}, {}};
    std::uint64_t needed = 0;
    const lines expected = without_limit(of, &needed);
    const std::uint64_t limit = std::max(needed / 4, (texts ? 6 : 3) * kib * kib);
    memory_budget budget(limit);
    memory_file file;
    pillar::file_run_store runs(file, {.budget = &budget, .buffer_bytes = limit / 8});
    auto groups = of.make(&budget, {.store = &runs, .state_bytes = std::min(limit / 2, needed / 4)});
    ASSERT_TRUE(groups.ok() && of.update_all(*groups).ok());
    const lines found(*groups);
    EXPECT_EQ(found.said, errc::ok);
    EXPECT_TRUE(found.all == expected.all);
    EXPECT_EQ(runs.counts().rows_written, groups->spilled_rows());  // each once
    EXPECT_GT(groups->spilled_rows(), of.selected_rows() / 4);
    EXPECT_LE(groups->spilled_rows(), of.selected_rows());
    const double each = static_cast<double>(runs.counts().bytes_written) / static_cast<double>(groups->spilled_rows());
    const double encoded = static_cast<double>(rows.bytes()) / row_count;
    EXPECT_LE(each, 1.2 * encoded);
  }
}

TEST(aggregate_spilling_aggregator, rows_of_groups_in_memory_are_not_written) {
  // Every other row is of one of 1,000 groups that come again and again, the rest are groups of one row.
  grouping of = many_groups(60'000, 10);
  pillar::column_builder keys(type_of<std::int64_t>);
  for (std::uint32_t row = 0; row < of.row_count; ++row)
    ASSERT_TRUE(keys.append_integer(row % 2 == 0 ? row / 2 % 1000 : 1'000'000'000 + std::int64_t{row} * row).ok());
  of.keys[0] = *keys.finish();
  const lines expected = without_limit(of);
  expect_same(of, expected, true, {.state_bytes = 700 * kib, .partition_bits = 2}, 2048 * kib);
  memory_budget budget(2048 * kib);
  memory_run_store store;
  auto groups = of.make(&budget, {.store = &store, .state_bytes = 700 * kib, .partition_bits = 2});
  ASSERT_TRUE(of.update_all(*groups).ok());
  EXPECT_GT(groups->spilled_rows(), of.row_count / 8);
  EXPECT_LT(groups->spilled_rows(), of.row_count / 2);
}

TEST(aggregate_spilling_aggregator, a_partition_that_does_not_fit_is_read_again) {
  const grouping of = many_groups(sanitized ? 30'000 : 50'000, 1'000'000'000'000);
  const lines expected = without_limit(of);
  std::uint64_t repeated = 0;
  expect_same(of, expected, true, {.state_bytes = 150 * kib, .partition_bits = 1}, 1024 * kib, &repeated);
  EXPECT_GT(repeated, 1u);
}

/// Rows whose keys are all in [first, first + distinct), in random order or ascending.
grouping dense_groups(data_type type, std::uint32_t row_count, pillar::int128 first, std::uint32_t distinct,
                      bool ascending = false) {
  pillar::splitmix64 random(11);
  grouping of = many_groups(row_count, 10);
  pillar::column_builder keys(type);
  for (std::uint32_t row = 0; row < row_count; ++row) {
    const std::uint64_t key = ascending ? std::uint64_t{row} * distinct / row_count : random.below(distinct);
    if (type.nullable && random.chance(1, 50)) EXPECT_TRUE(keys.append_null().ok());
    else EXPECT_TRUE(keys.append_integer(first + static_cast<pillar::int128>(key)).ok());
  }
  of.keys[0] = *keys.finish();
  return of;
}

TEST(aggregate_spilling_aggregator, dense_keys_are_spilled_by_their_values) {
  const auto highest = [](const data_type& type) { return pillar::highest_of(type.physical); };
  const auto lowest = [](const data_type& type) { return pillar::lowest_of(type.physical); };
  const data_type long_type = type_of<std::int64_t>, int_type = type_of<std::int32_t>.as_nullable(),
                  unsigned_type = type_of<std::uint64_t>.as_nullable();
  const std::uint32_t rows = sanitized ? 20'000 : 60'000, distinct = rows / 3;
  const grouping all[] = {dense_groups(long_type, rows, -1000, distinct),
                          dense_groups(long_type, rows, highest(long_type) - distinct, distinct),
                          dense_groups(int_type, rows, lowest(int_type), distinct),
                          dense_groups(unsigned_type, rows, highest(unsigned_type) - distinct, distinct),
                          dense_groups(unsigned_type, rows, 5, distinct),
                          dense_groups(type_of<std::int16_t>, rows, lowest(type_of<std::int16_t>), distinct),
                          dense_groups(int_type, rows, 0, distinct, true)};
  for (const grouping& of : all) {
    SCOPED_TRACE(&of - all);
    const lines expected = without_limit(of);
    expect_same(of, expected, false, {.state_bytes = distinct * 16, .partition_bits = 3}, 2048 * kib);
    std::uint64_t repeated = 0;
    expect_same(of, expected, true, {.state_bytes = distinct * 6, .partition_bits = 1}, 1024 * kib, &repeated);
    memory_budget budget;
    memory_run_store store({.budget = &budget, .buffer_bytes = 256 * kib, .block_rows = 2048});
    const std::uint64_t state_bytes = distinct * 16 + (sanitized ? 64 * kib : 0);  // of some 500 groups and more
    auto groups = of.make(&budget, {.store = &store, .state_bytes = state_bytes, .partition_bits = 3});
    ASSERT_TRUE(groups.ok() && of.update_all(*groups).ok());
    std::uint32_t narrow = 0;
    const auto done = groups->finish([&](std::span<const column> piece) -> pillar::result<void> {
      pillar::int128 least = 0, most = 0;
      bool any = false;
      for (std::uint64_t row = 0; row < piece[0].size(); ++row) {
        const pillar::scalar key = pillar::get(piece[0].slice(row, 1), 0);
        if (key.null) continue;
        least = any && least < key.integer ? least : key.integer;
        most = any && most > key.integer ? most : key.integer;
        any = true;
      }
      narrow += most - least < distinct / 4 ? 1 : 0;
      return {};
    });
    ASSERT_TRUE(done.ok());
    // Of eight partitions. 16 bits are an array before anything is spilled; ascending keys go beyond what was seen.
    if (&of < &all[5]) EXPECT_GE(narrow, 6u);
  }
}

/// Keys of [first, first + distinct) in random order, sum, count and average of small integers; from `late` rows on, keys
/// from `beyond` below to `beyond` above them too, and inputs of so many bits.
grouping dense_sums(data_type type, std::uint32_t row_count, pillar::int128 first, std::uint32_t distinct,
                    std::uint64_t beyond = 0, unsigned late_bits = 10) {
  pillar::splitmix64 random(17);
  grouping of;
  of.row_count = row_count;
  pillar::column_builder keys(type), inputs(type_of<std::int64_t>);
  for (std::uint32_t row = 0; row < row_count; ++row) {
    const bool late = row > row_count / 2;
    const auto key = static_cast<pillar::int128>(random.below(late ? distinct + 2 * beyond : distinct));
    if (type.nullable && random.chance(1, 50)) EXPECT_TRUE(keys.append_null().ok());
    else EXPECT_TRUE(keys.append_integer(first + key - (late ? static_cast<pillar::int128>(beyond) : 0)).ok());
    EXPECT_TRUE(inputs.append_integer(static_cast<pillar::int128>(random() >> (64 - (late ? late_bits : 10)))).ok());
  }
  of.keys.push_back(*keys.finish());
  of.inputs.push_back(*inputs.finish());
  of.aggregates = {{aggregate_kind::sum, 0}, {}, {aggregate_kind::avg, 0}};
  return of;
}

TEST(aggregate_spilling_aggregator, dense_keys_that_will_not_fit_are_spilled_early) {
  const data_type long_type = type_of<std::int64_t>, int_type = type_of<std::int32_t>.as_nullable(),
                  unsigned_type = type_of<std::uint64_t>;
  const std::uint32_t rows = sanitized ? 60'000 : 150'000, distinct = rows / (sanitized ? 3 : 6);
  const auto highest = [](const data_type& type) { return pillar::highest_of(type.physical); };
  const grouping all[] = {dense_sums(long_type, rows, -1000, distinct),
                          dense_sums(int_type, rows, pillar::lowest_of(int_type.physical), distinct),
                          dense_sums(unsigned_type, rows, highest(unsigned_type) - distinct, distinct),
                          dense_sums(long_type, rows, 1'000'000, distinct, 3 * distinct),
                          dense_sums(int_type, rows, 1'000'000, distinct, 900'000),
                          dense_sums(long_type, rows, highest(long_type) - 2 * distinct, distinct, distinct / 8),
                          dense_sums(long_type, rows, 0, distinct, 0, 50),
                          dense_sums(int_type, rows, 0, distinct, distinct, 62)};
  for (const grouping& of : all) {
    SCOPED_TRACE(&of - all);
    const lines expected = without_limit(of);
    for (const unsigned bits : {2u, 4u, 6u}) {
      SCOPED_TRACE(bits);
      const spilling_aggregator_options with{.state_bytes = std::uint64_t{distinct} * 10, .partition_bits = bits};
      expect_same(of, expected, bits == 4, with, 4096 * kib);
    }
    if (&of - all >= 3) continue;
    // Groups take 50 bytes and more each in a hash table, in an array of values 25: the half of them stays.
    memory_budget budget;
    memory_run_store store({.budget = &budget, .buffer_bytes = 256 * kib, .block_rows = 2048});
    auto groups = of.make(&budget, {.store = &store, .state_bytes = std::uint64_t{distinct} * 15, .partition_bits = 4});
    ASSERT_TRUE(groups.ok() && of.update_all(*groups).ok());
    EXPECT_LT(groups->spilled_rows(), of.selected_rows() * 7 / 10);
    EXPECT_TRUE(lines(*groups).all == expected.all);
  }
}

TEST(aggregate_spilling_aggregator, what_may_fit_is_not_spilled_early) {
  // All keys are new, few come again, or all are here: only the budget says that they do not fit.
  const std::uint32_t rows = 20'000;
  const auto spilled = [&](const grouping& of, std::uint64_t state_bytes) {
    memory_budget budget;
    memory_run_store store;
    auto groups = of.make(&budget, {.store = &store, .state_bytes = state_bytes});
    EXPECT_TRUE(groups.ok() && of.update_all(*groups).ok());
    return groups->spilled_rows();
  };
  for (const std::uint32_t distinct : {3'000u, 6'000u, 2'000'000u}) {
    const grouping of = dense_sums(type_of<std::int64_t>, rows, 0, distinct);
    EXPECT_EQ(spilled(of, 16'384 * kib), 0u) << distinct;
  }
}

TEST(aggregate_spilling_aggregator, a_taker_that_refuses_ends_it) {
  const grouping of = many_groups(30'000, 1'000'000'000'000);
  memory_budget budget(1024 * kib);
  memory_run_store store;
  auto groups = of.make(&budget, {.store = &store, .state_bytes = 150 * kib, .partition_bits = 1});
  ASSERT_TRUE(of.update_all(*groups).ok());
  std::uint32_t pieces = 0;
  const auto done = groups->finish([&](std::span<const column>) -> pillar::result<void> {
    if (++pieces == 3) return errc::out_of_memory;  // no room at the taker's, which is no reason to begin anew
    return {};
  });
  EXPECT_EQ(done.error().code, errc::out_of_memory);
  EXPECT_EQ(pieces, 3u);
}

TEST(aggregate_spilling_aggregator, what_fails_at_the_end_gives_all_back) {
  // Spilled early, so that there are groups from before a stretch of values was kept; and spilled as rows came.
  for (const bool early : {true, false}) {
    SCOPED_TRACE(early);
    const grouping of =
        early ? dense_sums(type_of<std::int64_t>, 60'000, 0, 20'000) : many_groups(30'000, 1'000'000'000'000);
    memory_budget budget, beside;
    memory_run_store store({.budget = &beside, .buffer_bytes = 256 * kib, .block_rows = 2048});
    auto groups = of.make(&budget, {.store = &store, .state_bytes = (early ? 300 : 150) * kib, .partition_bits = 4});
    ASSERT_TRUE(groups.ok() && of.update_all(*groups).ok());
    ASSERT_GT(groups->spilled_rows(), 0u);
    const auto refuse = [](std::span<const column>) -> pillar::result<void> { return errc::io_error; };
    EXPECT_EQ(groups->finish(refuse).error().code, errc::io_error);
    EXPECT_EQ(budget.used(), 0u);
    EXPECT_LT(beside.used(), 64 * kib);
    EXPECT_EQ(groups->finish(refuse).error().code, errc::io_error);
  }
}

TEST(aggregate_spilling_aggregator, states_that_grow_stay_inside_too) {
  // 300 groups, whose greatest texts grow and grow: all of them together are several times the budget.
  grouping of;
  of.row_count = 40'000;
  pillar::splitmix64 random(5);
  of.keys.push_back(random_column(random, type_of<std::int32_t>.as_nullable(), of.row_count, 300));
  pillar::column_builder texts(type_of<pillar::text>);
  for (std::uint32_t row = 0; row < of.row_count; ++row) {
    const std::string letter(1, static_cast<char>('a' + row * 20 / of.row_count));
    ASSERT_TRUE(texts.append_text(row % 50 == 0 ? letter + std::string(row / 5, 'x') : letter).ok());
  }
  of.inputs.push_back(*texts.finish());
  of.aggregates = {{aggregate_kind::max, 0}, {aggregate_kind::count, 0}, {}};
  std::uint64_t needed = 0;
  const lines expected = without_limit(of, &needed);
  ASSERT_GT(needed, 1800 * kib);
  expect_same(of, expected, false, {.state_bytes = 250 * kib, .partition_bits = 5, .delivered_groups = 50}, 1800 * kib);
  // The same where nothing says what is left beside the states.
  memory_budget unlimited;
  for (memory_budget* const budget : {static_cast<memory_budget*>(nullptr), &unlimited}) {
    memory_run_store store({.buffer_bytes = 256 * kib, .block_rows = 2048});
    auto groups = of.make(budget, {.store = &store, .state_bytes = 350 * kib, .partition_bits = 6});
    ASSERT_TRUE(of.update_all(*groups).ok());
    const lines found(*groups);
    EXPECT_EQ(found.said, errc::ok);
    EXPECT_TRUE(found.all == expected.all);
    EXPECT_LT(unlimited.peak(), 900 * kib);
  }
}

TEST(aggregate_spilling_aggregator, groups_in_memory_are_hashed_once) {
  // Many groups, then a few texts that find no room: all groups are merged into their partitions.
  grouping of;
  of.row_count = 40'000;
  pillar::column_builder keys(type_of<std::int64_t>), texts(type_of<pillar::text>);
  for (std::uint32_t row = 0; row < of.row_count; ++row) {
    ASSERT_TRUE(keys.append_integer(std::int64_t{row % 30'000} << 32).ok());
    ASSERT_TRUE(texts.append_text(row < 39'000 ? "a" : std::string(5'000, 'b')).ok());
  }
  of.keys.push_back(*keys.finish());
  of.inputs.push_back(*texts.finish());
  of.aggregates = {{aggregate_kind::max, 0}};
  const lines expected = without_limit(of);
  memory_budget budget;
  memory_run_store store({.buffer_bytes = 8192 * kib});
  auto groups = of.make(&budget, {.store = &store, .state_bytes = 6144 * kib, .partition_bits = 7});
  ASSERT_TRUE(groups.ok() && of.update_all(*groups).ok());
  ASSERT_GT(groups->spilled_rows(), 500u);
  ASSERT_LT(groups->spilled_rows(), 1'500u);
  // Each time that 1,024 groups' keys are hashed takes memory, once or more: in all, not for each partition.
  budget.refuse(3'000);
  EXPECT_TRUE(lines(*groups).all == expected.all);
  EXPECT_EQ(budget.refused(), 0u);
}

TEST(aggregate_spilling_aggregator, results_take_no_lists_of_distinct_values) {
  grouping of = many_groups(40'000, 30);
  of.inputs[0] = many_groups(40'000, 1'000'000'000).keys[0];
  of.aggregates = {{aggregate_kind::count, 0, {.distinct = true}}};
  memory_budget budget, results;
  auto groups = of.make(&budget, {});
  ASSERT_TRUE(groups.ok() && of.update_all(*groups).ok());
  const std::uint64_t before = budget.used();
  const auto take = [&](std::span<const column> piece) -> pillar::result<void> {
    EXPECT_EQ(piece[0].size(), 30u);
    EXPECT_LE(budget.used(), before);
    return {};
  };
  EXPECT_TRUE(groups->finish(take, &results).ok());
}

TEST(aggregate_spilling_aggregator, groups_in_memory_make_room_for_the_last_blocks) {
  const grouping of = many_groups(30'000, 1'000'000'000'000);
  const lines expected = without_limit(of);
  memory_budget budget(4096 * kib), results;
  memory_run_store store({.budget = &budget, .buffer_bytes = 1024 * kib});
  auto groups = of.make(&budget, {.store = &store, .state_bytes = 1024 * kib, .partition_bits = 2});
  ASSERT_TRUE(groups.ok() && of.update_all(*groups).ok());
  ASSERT_GT(groups->spilled_rows(), 5'000u);
  ASSERT_EQ(store.counts().rows_written, 0u);  // all in the write buffers
  const std::uint64_t others = budget.available() - 8 * kib;
  ASSERT_TRUE(budget.reserve(others).ok());
  const lines found(*groups, &results);
  EXPECT_EQ(found.said, errc::ok) << to_string(found.said);
  EXPECT_TRUE(found.all == expected.all);
  budget.release(others);
}

TEST(aggregate_spilling_aggregator, a_parents_limit_counts) {
  const grouping of = many_groups(40'000, 1'000'000'000'000);
  memory_budget all(1536 * kib), budget(memory_budget::unlimited, &all);
  memory_run_store store({.budget = &budget, .buffer_bytes = 256 * kib, .block_rows = 2048});
  auto groups = of.make(&budget, {.store = &store});
  const auto updated = of.update_all(*groups);
  ASSERT_TRUE(updated.ok()) << to_string(updated.error().code);
  const lines found(*groups, &budget);
  EXPECT_EQ(found.said, errc::ok) << to_string(found.said);
  EXPECT_TRUE(found.all == without_limit(of).all);
  EXPECT_GT(groups->spilled_rows(), 0u);
}

TEST(aggregate_spilling_aggregator, without_a_store_it_stays_as_it_was) {
  const grouping of = many_groups(40'000, 1'000'000'000);
  memory_budget budget(400 * kib);
  auto groups = of.make(&budget, {});
  std::uint32_t at = 0;
  pillar::result<void> done;
  for (; at < of.row_count && done.ok(); at += 1000) done = of.update(*groups, at);
  ASSERT_EQ(done.error().code, errc::out_of_memory);
  EXPECT_EQ(of.update(*groups, at).error().code, errc::out_of_memory);
  grouping before = of;
  before.row_count = at - 1000;
  EXPECT_EQ(lines(*groups).all, without_limit(before).all);
  EXPECT_EQ(of.update(*groups, 0).error().code, errc::invalid_argument);  // it was finished
}

TEST(aggregate_spilling_aggregator, one_group_that_does_not_fit_is_an_error) {
  grouping of;
  of.row_count = 4'000;
  pillar::column_builder keys(type_of<std::int64_t>), texts(type_of<pillar::text>);
  for (std::uint32_t row = 0; row < of.row_count; ++row) {
    ASSERT_TRUE(keys.append_integer(row % 100 == 0 ? 0 : row).ok());
    ASSERT_TRUE(texts.append_text(row % 100 == 0 ? std::string(row * 20, 'x') : "y").ok());
  }
  of.keys.push_back(*keys.finish());
  of.inputs.push_back(*texts.finish());
  of.aggregates = {{aggregate_kind::max, 0}};
  memory_budget budget(600 * kib);
  memory_run_store store({.buffer_bytes = 256 * kib});
  {
    auto groups = of.make(&budget, {.store = &store, .state_bytes = 60 * kib, .partition_bits = 2});
    const auto done = of.update_all(*groups);
    EXPECT_EQ(done.ok() ? lines(*groups).said : done.error().code, errc::out_of_memory);
  }
  EXPECT_EQ(budget.used(), 0u);
  const selection_mask all = selection_mask::first(1);
  const selection_mask* const where[] = {&all};
  auto groups = of.make(nullptr, {});
  EXPECT_EQ(groups->update({}, {}, all, 1, where).error().code, errc::invalid_argument);  // not announced
}

void sweep_failures(grouping of, bool restricts = true, std::uint64_t state_bytes = 128 * kib) {
  of.restricts = restricts;
  const lines expected = without_limit(of);
  // A refused allocation may be taken for the end of the budget: then rows are spilled, and the answer is the same.
  const auto run = [&](memory_budget* budget, auto& file) {
    pillar::file_run_store store(file, {.budget = budget, .buffer_bytes = 64 * kib, .block_rows = 1024});
    auto groups = of.make(budget, {.store = &store, .state_bytes = state_bytes, .partition_bits = 2});
    if (!groups.ok()) return groups.error().code;
    if (const auto done = of.update_all(*groups); !done.ok()) {
      const errc said = lines(*groups).said;  // if nothing was spilled it is as it was, and usable
      EXPECT_TRUE(said == done.error().code || groups->spilled_rows() == 0);
      return done.error().code;
    }
    const lines found(*groups, budget);
    if (found.said == errc::ok) EXPECT_TRUE(found.all == expected.all);
    return found.said;
  };
  const auto allocations = pillar::conformance::sweep_allocations("spilling, allocations", [&](memory_budget& budget) {
    memory_file file;
    return run(&budget, file);
  });
  expect_points(allocations, 100u);
  const auto files = pillar::conformance::sweep_file_operations("spilling, files", [&](fault_plan& plan) {
    memory_budget budget;
    memory_file inner;
    faulty_file<memory_file> file(inner, plan);
    const errc said = run(&budget, file);
    EXPECT_EQ(budget.used(), 0u);
    return said;
  });
  expect_points(files, 10u);
}
TEST(aggregate_spilling_aggregator, every_allocation_and_file_operation_may_fail) {
  sweep_failures(many_groups(sanitized ? 2'000 : 3'000, 1'000'000'000));
}
TEST(aggregate_spilling_aggregator, every_allocation_and_file_operation_may_fail_with_dense_keys) {
  sweep_failures(dense_groups(type_of<std::int32_t>.as_nullable(), sanitized ? 2'500 : 4'000, -100, 3'500));
}
TEST(aggregate_spilling_aggregator, every_allocation_and_file_operation_may_fail_when_spilled_early) {
  sweep_failures(dense_sums(type_of<std::int32_t>.as_nullable(), 6'000, -100, 34'000), false, 512 * kib);
}

TEST(aggregate_spilling_aggregator, the_account_is_what_is_allocated) {
  if (sanitized) GTEST_SKIP() << "other allocator";
  const grouping of = many_groups(150'000, 1'000'000'000'000);
  auto file = pillar::posix_file::create_temporary(testing::TempDir().c_str());
  ASSERT_TRUE(file.ok());
  memory_budget budget(3072 * kib);
  std::uint64_t group_count = 0;
  allocation_meter::begin();
  {
    pillar::file_run_store store(*file, {.budget = &budget, .buffer_bytes = 512 * kib, .block_rows = 2048});
    auto groups = of.make(&budget, {.store = &store, .state_bytes = 1536 * kib, .partition_bits = 5});
    ASSERT_TRUE(of.update_all(*groups).ok());
    ASSERT_TRUE(groups
                    ->finish(
                        [&](std::span<const column> piece) {
                          group_count += piece[0].size();
                          return pillar::result<void>();
                        },
                        &budget)
                    .ok());
    EXPECT_GT(groups->spilled_rows(), 0u);
  }
  EXPECT_GT(group_count, 100'000u);
  expect_account(budget, 1024 * kib);
  EXPECT_LE(budget.peak(), budget.limit());
}

TEST(aggregate_spilling_aggregator, group_tables_and_aggregators_have_an_account_too) {
  if (sanitized) GTEST_SKIP() << "other allocator";
  constexpr std::uint32_t row_count = 60'000;
  pillar::splitmix64 random(11);
  const column numbers = random_column(random, type_of<std::int64_t>, row_count, 1'000'000'000'000);
  const column names = random_column(random, type_of<pillar::text>, row_count, 50'000);
  for (const std::size_t key_count : {std::size_t{1}, std::size_t{2}}) {
    const data_type types[] = {numbers.type(), names.type()};
    memory_budget budget;
    allocation_meter::begin();
    {
      auto table = *pillar::group_table::make({types, key_count}, &budget);
      std::uint32_t groups[1024];
      for (std::uint32_t at = 0; at < row_count; at += 1000) {
        const vector number = numbers.slice(at, 1000), name = names.slice(at, 1000);
        const vector* const keys[] = {&number, &name};
        ASSERT_TRUE(table.find_or_insert({keys, key_count}, selection_mask::first(1000), 1000, groups).ok());
      }
      ASSERT_TRUE(table.keys(&budget).ok());
    }
    expect_account(budget, 1000 * kib);
    EXPECT_EQ(budget.used(), 0u);
  }
  const aggregate_spec specs[] = {{},
                                  {aggregate_kind::sum, 0},
                                  {aggregate_kind::median, 0},
                                  {aggregate_kind::string_agg, 1},
                                  {aggregate_kind::count, 1, {.distinct = true}},
                                  {aggregate_kind::median, 0, {.distinct = true}},
                                  {aggregate_kind::variance, 0},
                                  {aggregate_kind::last, 1}};
  const data_type types[] = {numbers.type(), names.type()};
  memory_budget budget;
  allocation_meter::begin();
  {
    auto all = *pillar::aggregator::make({types, 1}, types, specs, &budget);
    auto part = *pillar::aggregator::make({types, 1}, types, specs, &budget);
    for (std::uint32_t at = 0; at < row_count; at += 1000) {
      const vector number = numbers.slice(at, 1000), name = names.slice(at, 1000);
      const vector *const keys[] = {&number}, *const inputs[] = {&number, &name};
      ASSERT_TRUE((at < row_count / 2 ? all : part).update(keys, inputs, selection_mask::first(1000), 1000).ok());
    }
    part.arrange();
    for (std::uint32_t first = 0; first < 3; ++first) {
      std::vector<std::uint32_t> some;
      for (std::uint32_t group = first; group < part.group_count(); group += 40) some.push_back(group);
      ASSERT_TRUE(all.merge(part, some).ok());
    }
    ASSERT_TRUE(all.finish(0, 1000, &budget).ok());
  }
  expect_account(budget, 4096 * kib);
  EXPECT_EQ(budget.used(), 0u);
  // A store's lists count, where its blocks are small.
  allocation_meter::begin();
  {
    memory_run_store store({.budget = &budget, .buffer_bytes = 4096 * kib});
    const vector one = numbers.slice(0, 1);
    const vector* const columns[] = {&one};
    for (int i = 0; i < 4000; ++i) {
      const std::uint32_t run = *store.open({types, 1});
      ASSERT_TRUE(store.append(run, columns, nullptr, 1).ok() && store.seal(run).ok());
    }
    EXPECT_LT(static_cast<double>(allocation_meter::now), 1.05 * static_cast<double>(budget.used()));
  }
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace pillar_test::aggregate_spilling_aggregator
