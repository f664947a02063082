// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/aggregator.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "pillar/aggregate/exact_sum.hpp"
#include "support/key_name.hpp"
#include "support/owned_vector.hpp"
#include "support/refused_in_turn.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::aggregate_aggregator {
namespace {

using pillar::aggregate_kind;
using pillar::aggregate_spec;
using pillar::aggregator;
using pillar::int128;
using pillar::scalar;
using pillar::selection_mask;
using pillar::type_of;
using pillar::vector_kind;

/// What one group should hold for one input column: plain code over scalars.
struct reference {
  std::int64_t rows = 0, values = 0;
  int128 sum = 0;
  double real_sum = 0;
  std::optional<scalar> least, greatest;
  void add(const scalar& cell) {
    ++rows;
    if (cell.null) return;
    ++values;
    sum += cell.integer;
    real_sum += cell.real;
    if (!least || pillar::compare(cell, *least) < 0) least = cell;
    if (!greatest || pillar::compare(cell, *greatest) > 0) greatest = cell;
  }
};

struct batch_data {
  std::vector<std::vector<scalar>> keys, inputs;
  selection_mask selection;
  selection_mask where;
  std::uint32_t rows;
};

pillar::result<void> feed(aggregator& into, const batch_data& batch, pillar::splitmix64& random,
                          const std::vector<pillar::data_type>& key_types,
                          const std::vector<pillar::data_type>& input_types, std::size_t aggregate_count) {
  std::vector<owned_vector> owned;
  std::vector<const pillar::vector*> keys, inputs;
  const auto kind = [&] {
    const auto pick = random.below(5);
    return pick < 2 ? vector_kind::flat : pick < 4 ? vector_kind::dictionary : vector_kind::run_end;
  };
  for (std::size_t i = 0; i < key_types.size(); ++i)
    owned.push_back(make_vector(key_types[i], batch.keys[i], kind(), 7));
  for (std::size_t i = 0; i < input_types.size(); ++i)
    owned.push_back(make_vector(input_types[i], batch.inputs[i], kind(), 3));
  for (std::size_t i = 0; i < owned.size(); ++i) (i < key_types.size() ? keys : inputs).push_back(&owned[i].view);
  std::vector<const selection_mask*> where(aggregate_count, &batch.where);
  where[0] = nullptr;
  return into.update(keys, inputs, batch.selection, batch.rows, where);
}

/// Rows of the result by the name of their key.
std::map<std::string, std::vector<scalar>> rows_of(const aggregator& from, std::size_t key_count) {
  std::map<std::string, std::vector<scalar>> rows;
  const auto columns = *from.finish();
  EXPECT_EQ(columns.size(), from.result_types().size());
  for (std::uint32_t group = 0; group < from.group_count(); ++group) {
    std::string name;
    std::vector<scalar> cells;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      EXPECT_EQ(columns[i].size(), from.group_count());
      EXPECT_TRUE(columns[i].type() == from.result_types()[i]);
      const scalar cell = pillar::get(columns[i].slice(group, 1), 0);
      if (i < key_count) name += name_of(cell);
      else cells.push_back(cell);
    }
    EXPECT_TRUE(rows.emplace(name, std::move(cells)).second) << "a key twice: " << name;
  }
  return rows;
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void check(const scalar& got, aggregate_kind kind, const pillar::data_type& input, const reference& all,
           const reference& some) {
  const bool real = pillar::is_float(input.physical);
  switch (kind) {
    case aggregate_kind::count_rows: EXPECT_EQ(got.integer, all.rows); return;
    case aggregate_kind::count: EXPECT_EQ(got.integer, some.values); return;
    default: break;
  }
  ASSERT_EQ(got.null, some.values == 0);
  if (got.null) return;
  switch (kind) {
    case aggregate_kind::min: EXPECT_EQ(pillar::compare(got, *some.least), 0); return;
    case aggregate_kind::max: EXPECT_EQ(pillar::compare(got, *some.greatest), 0); return;
    case aggregate_kind::sum: EXPECT_TRUE(real ? same(got.real, some.real_sum) : got.integer == some.sum); return;
    default: {
      const double scale = input.logical == pillar::logical_type::decimal ? std::pow(10.0, input.scale) : 1;
      const double sum = real ? some.real_sum : static_cast<double>(some.sum);
      const double expected = sum / (static_cast<double>(some.values) * scale);
      EXPECT_TRUE(same(got.real, expected)) << got.real << " for " << expected;
    }
  }
}

// Random key types, inputs, selections, masks, encodings and splits over several merged aggregators, against std::map.
TEST(aggregate_aggregator, agrees_with_a_map_over_scalars_for_every_type_and_split) {
  pillar::splitmix64 random(31);
  const auto all = every_type(true);
  for (int round = 0; round < turns(140); ++round) {
    std::vector<pillar::data_type> key_types, input_types;
    for (std::uint64_t i = 0, count = random.below(4); i < count; ++i)
      key_types.push_back(all[random.below(all.size())]);
    input_types.push_back(all[static_cast<std::size_t>(round) % all.size()]);
    input_types.push_back(all[random.below(all.size())]);
    // 128-bit sums of extremes overflow, and that is another test: keep those values small.
    std::vector<aggregate_spec> aggregates = {{aggregate_kind::count_rows}};
    for (std::uint32_t input = 0; input < 2; ++input)
      for (const auto kind :
           {aggregate_kind::count, aggregate_kind::sum, aggregate_kind::min, aggregate_kind::max, aggregate_kind::avg})
        if (pillar::aggregate_type(kind, input_types[input])) aggregates.push_back({kind, input});
    std::vector<aggregator> parts;
    for (int i = 0; i < 3; ++i) parts.push_back(*aggregator::make(key_types, input_types, aggregates));
    std::map<std::string, std::vector<std::pair<reference, reference>>> expected;
    for (int at = 0; at < 5; ++at) {
      batch_data batch;
      batch.rows = static_cast<std::uint32_t>(at == 0 ? 1024 : random.below(400));
      for (const auto& type : key_types)
        batch.keys.push_back(random_cells(random, type, batch.rows, 2 + random.below(9)));
      for (const auto& type : input_types) {
        batch.inputs.push_back(random_cells(random, type, batch.rows, 50));
        if (type.physical == pillar::physical_type::integer128)
          for (auto& cell : batch.inputs.back()) cell.integer %= int128{1} << 70;
      }
      batch.selection = selection_mask::first(batch.rows);
      if (at % 2 == 1)
        for (auto& word : batch.selection.words) word &= random();
      for (auto& word : batch.where.words) word = random() | random();
      const bool keyed = !key_types.empty();
      if (!keyed) expected[""].resize(2);
      pillar::for_each_row(batch.selection, [&](std::uint32_t row) {
        std::string name;
        for (const auto& key : batch.keys) name += name_of(key[row]);
        auto& group = expected[name];
        group.resize(2);
        for (std::size_t input = 0; input < 2; ++input) {
          group[input].first.add(batch.inputs[input][row]);
          if (batch.where.test(row)) group[input].second.add(batch.inputs[input][row]);
        }
      });
      ASSERT_TRUE(feed(parts[random.below(3)], batch, random, key_types, input_types, aggregates.size()).ok());
    }
    ASSERT_TRUE(parts[0].merge(parts[1]).ok());
    ASSERT_TRUE(parts[0].merge(parts[2]).ok());
    const auto rows = rows_of(parts[0], key_types.size());
    ASSERT_EQ(rows.size(), expected.size());
    for (const auto& [name, references] : expected) {
      const auto found = rows.find(name);
      ASSERT_NE(found, rows.end()) << name;
      for (std::size_t i = 0; i < aggregates.size(); ++i) {
        SCOPED_TRACE(std::string(to_string(aggregates[i].kind)) + " of " +
                     pillar::to_string(input_types[aggregates[i].input]));
        const auto& both = references[aggregates[i].input];
        check(found->second[i], aggregates[i].kind, input_types[aggregates[i].input], both.first, both.second);
      }
    }
  }
}

aggregator one_sum(pillar::data_type type, aggregate_kind kind = aggregate_kind::sum) {
  const aggregate_spec spec{kind, 0};
  return *aggregator::make({}, std::span(&type, 1), std::span(&spec, 1));
}
void add(aggregator& into, const owned_vector& values) {
  const pillar::vector* inputs[] = {&values.view};
  ASSERT_TRUE(into.update({}, inputs, selection_mask::first(values.view.size), values.view.size).ok());
}
scalar only_cell(const aggregator& from) { return pillar::get((*from.finish())[0].slice(0, 1), 0); }

TEST(aggregate_aggregator, nothing_gives_null_and_zero) {
  for (const auto& type : every_type(false)) {
    for (const auto kind : {aggregate_kind::count_rows, aggregate_kind::count, aggregate_kind::sum, aggregate_kind::min,
                            aggregate_kind::max, aggregate_kind::avg}) {
      if (!pillar::aggregate_type(kind, type)) continue;
      const auto cell = only_cell(one_sum(type, kind));
      const bool counts = kind == aggregate_kind::count || kind == aggregate_kind::count_rows;
      EXPECT_EQ(cell.null, !counts);
      EXPECT_TRUE(!counts || cell.integer == 0);
    }
    const auto keyed = *aggregator::make(std::span(&type, 1), {}, {});
    EXPECT_EQ(keyed.group_count(), 0u);
    EXPECT_EQ((*keyed.finish())[0].size(), 0u);
  }
}

TEST(aggregate_aggregator, sums_go_beyond_64_bits) {
  for (const bool keyed : {false, true}) {
    for (const auto& type : {type_of<std::int64_t>, type_of<std::uint64_t>}) {
      for (const bool low : {false, true}) {
        const int128 value = low ? pillar::lowest_of(type.physical) : pillar::highest_of(type.physical);
        const auto values = make_vector(type, std::vector<scalar>(1024, scalar::of_integer(type, value)));
        const auto keys = make_vector(type, std::vector<scalar>(1024, scalar::of_integer(type, 1)));
        const aggregate_spec spec{aggregate_kind::sum, 0};
        auto sum = *aggregator::make(std::span(&type, keyed ? 1 : 0), std::span(&type, 1), std::span(&spec, 1));
        const pillar::vector *inputs[] = {&values.view}, *key_columns[] = {&keys.view};
        for (int i = 0; i < 5; ++i)
          ASSERT_TRUE(
              sum.update(std::span(key_columns, keyed ? 1 : 0), inputs, selection_mask::first(1024), 1024).ok());
        const auto columns = *sum.finish();
        EXPECT_TRUE(pillar::get(columns.back().slice(0, 1), 0).integer == value * 1024 * 5);
      }
    }
  }
}

// Sums in single words are emptied before they overflow: values of every size and sign, few and many groups, one input
// (whose sum shares a word with the count) and several, with and without NULL.
TEST(aggregate_aggregator, sums_of_values_of_every_size) {
  pillar::splitmix64 random(36);
  for (int round = 0; round < turns(200); ++round) {
    const bool nullable = random.chance(1, 3);
    const auto key_type = type_of<std::int32_t>, type = type_of<std::int64_t>.as_nullable(nullable);
    const std::size_t input_count = 1 + random.below(3);
    const std::uint64_t groups = random.chance(1, 3) ? 3 : random.chance(1, 2) ? 20 : 700;
    std::vector<aggregate_spec> aggregates = {{aggregate_kind::count_rows}};
    for (std::uint32_t input = 0; input < input_count; ++input)
      for (const auto kind : {aggregate_kind::sum, aggregate_kind::count}) aggregates.push_back({kind, input});
    const std::vector types(input_count, type);
    auto whole = *aggregator::make(std::span(&key_type, 1), types, aggregates);
    auto part = *aggregator::make(std::span(&key_type, 1), types, aggregates);
    struct total {
      std::int64_t rows = 0, values[3] = {};
      int128 sums[3] = {};
    };
    std::map<std::int64_t, total> expected;
    const auto bits = static_cast<unsigned>(random.chance(1, 3) ? 36 + random.below(17) : random.below(65));
    for (int batch = 0; batch < 12; ++batch) {
      std::vector<std::int32_t> keys(1024);
      std::vector<std::vector<std::int64_t>> values(input_count, std::vector<std::int64_t>(1024));
      std::uint64_t valid[16];
      for (auto& word : valid) word = random();
      const bool negative = random.chance(1, 3);
      // Small ones share words until larger ones come.
      const unsigned size = random.chance(1, 8) ? 63 : batch < 3 || random.chance(1, 4) ? bits / 3 : bits;
      for (std::size_t i = 0; i < 1024; ++i) {
        keys[i] = static_cast<std::int32_t>(random.chance(3, 4) ? 0 : random.below(groups));
        total& to = expected[keys[i]];
        ++to.rows;
        for (std::size_t input = 0; input < input_count; ++input) {
          // Mostly as large as its bits allow.
          const std::uint64_t word =
              size == 0 ? 0 : (random.chance(1, 8) ? random() : ~std::uint64_t{0}) >> (64 - size);
          auto& value = values[input][i];
          value = static_cast<std::int64_t>(negative ? ~word : word);
          if (nullable && !pillar::get_bit(valid, i)) continue;
          ++to.values[input];
          to.sums[input] += value;
        }
      }
      const auto key = view_of(key_type, keys.data(), 1024);
      std::vector<pillar::vector> inputs;
      std::vector<const pillar::vector*> pointers;
      std::vector<std::vector<std::int32_t>> halves;  // some columns come in 32 bits, where they fit
      for (const auto& column : values) halves.emplace_back(column.begin(), column.end());
      auto half = type;
      half.physical = pillar::physical_type::int32;
      for (std::size_t input = 0; input < input_count; ++input)
        inputs.push_back(size <= 31 && random.chance(1, 2) ? view_of(half, halves[input].data(), 1024)
                                                           : view_of(type, values[input].data(), 1024));
      for (auto& input : inputs) {
        if (nullable) input.validity = valid;
        pointers.push_back(&input);
      }
      const pillar::vector* key_columns[] = {&key};
      const std::vector<std::uint8_t> known(input_count, static_cast<std::uint8_t>(size));
      auto& into = batch % 4 == 3 ? part : whole;
      ASSERT_TRUE(into.update(key_columns, pointers, selection_mask::first(1024), 1024, {},
                              random.chance(1, 2) ? std::span(known) : std::span<const std::uint8_t>())
                      .ok());
    }
    ASSERT_TRUE(whole.merge(part).ok());
    const auto columns = *whole.finish();
    ASSERT_EQ(columns[0].size(), expected.size());
    for (std::uint32_t group = 0; group < whole.group_count(); ++group) {
      const auto cell = [&](std::size_t column) { return pillar::get(columns[column].slice(group, 1), 0); };
      const total& of = expected.at(static_cast<std::int64_t>(cell(0).integer));
      ASSERT_EQ(cell(1).integer, of.rows);
      for (std::size_t input = 0; input < input_count; ++input) {
        ASSERT_TRUE(cell(2 + 2 * input).integer == of.sums[input]) << "round " << round << " bits " << bits;
        ASSERT_EQ(cell(3 + 2 * input).integer, of.values[input]);
      }
    }
  }
}

TEST(aggregate_aggregator, wide_sums_overflow_only_if_the_whole_sum_does) {
  const auto type = pillar::decimal_type(38, 2);
  const int128 large = pillar::power_of_ten(38) - 1;
  auto sum = one_sum(type);
  add(sum, make_vector(type, {scalar::of_integer(type, large), scalar::of_integer(type, large),
                              scalar::of_integer(type, large)}));
  EXPECT_EQ(sum.finish().error(), (pillar::failure{pillar::errc::overflow, 0}));
  add(sum, make_vector(type, {scalar::of_integer(type, -large), scalar::of_integer(type, -large)}));
  EXPECT_TRUE(only_cell(sum).integer == large);
  auto average = one_sum(type, aggregate_kind::avg);
  add(average, make_vector(type, std::vector<scalar>(9, scalar::of_integer(type, large))));
  EXPECT_DOUBLE_EQ(only_cell(average).real, 1e36);
}

TEST(aggregate_aggregator, nan_is_greatest) {
  const auto type = type_of<double>;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto some =
      make_vector(type, {scalar::of_real(type, 3), scalar::of_real(type, nan), scalar::of_real(type, -3)});
  const auto only = make_vector(type, {scalar::of_real(type, nan)});
  auto least = one_sum(type, aggregate_kind::min), greatest = one_sum(type, aggregate_kind::max);
  auto least_nan = one_sum(type, aggregate_kind::min);
  add(least, some);
  add(greatest, some);
  add(least_nan, only);
  EXPECT_EQ(only_cell(least).real, -3);
  EXPECT_TRUE(std::isnan(only_cell(greatest).real));
  EXPECT_TRUE(std::isnan(only_cell(least_nan).real));
}

// The state of an extreme of up to 32 bits is one word, and empty is one of its values: neither the least nor the
// greatest value of a type may pass for none.
TEST(aggregate_aggregator, extremes_of_narrow_types_reach_their_limits) {
  for (const auto& type : every_type(true)) {
    if (!pillar::is_integer(type.physical) || pillar::byte_width(type.physical) > 8) continue;
    const int128 ends[] = {pillar::lowest_of(type.physical), pillar::highest_of(type.physical)};
    for (const bool keyed : {false, true}) {
      std::vector<pillar::data_type> keys;
      if (keyed) keys.push_back(type_of<std::int32_t>);
      const std::vector<aggregate_spec> specs = {{aggregate_kind::min, 0}, {aggregate_kind::max, 0}};
      auto first = *aggregator::make(keys, std::vector{type}, specs),
           second = *aggregator::make(keys, {&type, 1}, specs);
      const auto number = make_vector(type_of<std::int32_t>, {scalar::of_integer(type_of<std::int32_t>, 7)});
      const pillar::vector* const key = &number.view;
      const auto add = [&](aggregator& to, const scalar& value) {
        const auto made = make_vector(type, {value});
        const pillar::vector* const input = &made.view;
        ASSERT_TRUE(to.update({&key, keys.size()}, {&input, 1}, selection_mask::first(1), 1).ok());
      };
      const auto extremes = [&](const aggregator& of) {
        const auto columns = *of.finish();
        return std::pair(pillar::get(columns[keys.size()].slice(0, 1), 0),
                         pillar::get(columns[keys.size() + 1].slice(0, 1), 0));
      };
      add(first, scalar::of_null(type));
      EXPECT_TRUE(extremes(first).first.null && extremes(first).second.null);
      for (const int128 end : ends) {
        auto& one = end == ends[0] ? first : second;
        add(one, scalar::of_integer(type, end));
        const auto [least, greatest] = extremes(one);
        ASSERT_FALSE(least.null || greatest.null);
        EXPECT_TRUE(least.integer == end && greatest.integer == end);
      }
      ASSERT_TRUE(first.merge(second).ok());
      const auto [least, greatest] = extremes(first);
      EXPECT_TRUE(least.integer == ends[0] && greatest.integer == ends[1]);
    }
  }
}

// A shared word is full after 2^19 rows and gets a word for each of its sums, the other word after 2^20: then all are
// emptied and shared again. However often that happens, it takes the same memory.
TEST(aggregate_aggregator, words_that_are_shared_again_take_no_more_memory) {
  const auto key_type = type_of<std::int32_t>, wide = type_of<std::int64_t>;
  pillar::memory_budget budget;
  auto groups = *aggregator::make(
      {&key_type, 1}, std::vector{key_type, wide},
      std::vector<aggregate_spec>{{aggregate_kind::count_rows}, {aggregate_kind::sum, 0}, {aggregate_kind::sum, 1}},
      &budget);
  std::vector<std::int32_t> keys(1024), small(1024, (1 << 23) - 1);
  std::vector<std::int64_t> large(1024, (std::int64_t{1} << 43) - 1);
  for (std::size_t i = 0; i < 300; ++i) keys[i] = static_cast<std::int32_t>(i) * 100'000;  // most rows are of group 0
  const pillar::vector key = view_of(key_type, keys), first = view_of(key_type, small), second = view_of(wide, large);
  const pillar::vector* const key_columns[] = {&key};
  const pillar::vector* const inputs[] = {&first, &second};
  const std::uint8_t bits[] = {23, 43};
  constexpr int batches = 3'200;
  std::uint64_t after_one = 0;
  for (int i = 0; i < batches; ++i) {
    ASSERT_TRUE(groups.update(key_columns, inputs, selection_mask::first(1024), 1024, {}, bits).ok());
    if (i == 1'100) after_one = budget.used();
  }
  EXPECT_LE(budget.used(), after_one + 1024);
  const auto columns = *groups.finish();
  const std::int64_t rows = batches * (1024 - 299);  // of group 0
  EXPECT_TRUE(pillar::get(columns[1].slice(0, 1), 0).integer == rows);
  EXPECT_TRUE(pillar::get(columns[2].slice(0, 1), 0).integer == rows * ((1 << 23) - 1));
  EXPECT_TRUE(pillar::get(columns[3].slice(0, 1), 0).integer == int128{rows} * ((std::int64_t{1} << 43) - 1));
}

// Groups that get their numbers in the end are those of all rows, whatever makes them get some earlier: words that are
// emptied, values and restrictions that need states, keys beside the range, and updates that fail.
TEST(aggregate_aggregator, groups_that_are_put_off_are_those_of_all_rows) {
  enum class way : std::uint8_t { plain, by_codes, emptied, states, restricted, beside, merged };
  const auto key_type = type_of<std::int32_t>.as_nullable(), whole = type_of<std::int64_t>.as_nullable();
  const std::vector<aggregate_spec> aggregates = {
      {aggregate_kind::sum, 0}, {aggregate_kind::count_rows}, {aggregate_kind::count, 0}};
  const pillar::key_range range{100, 2399};
  for (const way how :
       {way::plain, way::by_codes, way::emptied, way::states, way::restricted, way::beside, way::merged}) {
    for (const bool refuse : {false, true}) {
      pillar::splitmix64 random(43);
      pillar::memory_budget budget;
      const auto make = [&] {
        return *aggregator::make({&key_type, 1}, {&whole, 1}, aggregates, &budget, {&range, 1});
      };
      auto groups = make();
      std::map<std::string, std::array<int128, 3>> expected;
      const auto feed = [&](aggregator& into, std::int64_t first, std::uint64_t count, unsigned bits, bool restricted) {
        std::vector<scalar> keys, values;
        selection_mask selection = selection_mask::first(1024), some = selection_mask::first(1024);
        if (random.chance(1, 2))
          for (auto& word : selection.words) word &= random();
        if (restricted)
          for (auto& word : some.words) word &= random();
        for (std::uint32_t row = 0; row < 1024; ++row) {
          keys.push_back(random.chance(1, 90)
                             ? scalar::of_null(key_type)
                             : scalar::of_integer(key_type, first + static_cast<std::int64_t>(random.below(count))));
          const auto value = static_cast<std::int64_t>(random() >> (64 - bits));
          values.push_back(random.chance(1, 9) ? scalar::of_null(whole) : scalar::of_integer(whole, -value));
          if (!selection.test(row)) continue;
          auto& of = expected[pillar::to_string(keys.back())];
          if (!some.test(row)) continue;
          of[0] += values.back().null ? int128{0} : int128{values.back().integer};
          of[1] += 1;
          of[2] += values.back().null ? 0 : 1;
        }
        const auto key = make_vector(key_type, keys, vector_kind::flat),
                   value = make_vector(whole, values, vector_kind::flat);
        const pillar::vector *const key_columns[] = {&key.view}, *const inputs[] = {&value.view};
        const selection_mask* const where[] = {&some, &some, &some};
        for (std::uint64_t number = 1;; ++number) {
          if (refuse && into.sums_by_codes())
            budget.refuse(number, true);  // keys are hashed where their array has no memory
          const bool done = into.update(key_columns, inputs, selection, 1024,
                                        restricted ? std::span(where) : std::span<const selection_mask* const>())
                                .ok();
          budget.refuse(0);
          if (done) break;
          ASSERT_TRUE(refuse && number < 100);
        }
      };
      const auto check = [&] {
        const auto columns = *groups.finish();
        ASSERT_EQ(columns[0].size(), expected.size()) << static_cast<int>(how);
        for (std::uint64_t row = 0; row < columns[0].size(); ++row) {
          const auto& sums = expected.at(pillar::to_string(pillar::get(columns[0].slice(row, 1), 0)));
          const scalar sum = pillar::get(columns[1].slice(row, 1), 0);
          ASSERT_EQ(sum.null, sums[2] == 0);
          if (!sum.null) ASSERT_TRUE(sum.integer == sums[0]) << static_cast<int>(how) << " row " << row;
          for (std::size_t c = 1; c < 3; ++c)
            ASSERT_TRUE(pillar::get(columns[1 + c].slice(row, 1), 0).integer == sums[c]) << static_cast<int>(how);
        }
      };
      feed(groups, 300, 1000, 20, false);
      for (int i = 0; i < 3 && how == way::by_codes; ++i) feed(groups, 300, 1000, 20, false);
      EXPECT_EQ(groups.sums_by_codes(), how == way::by_codes);
      groups.put_off_groups();
      EXPECT_TRUE(groups.sums_by_codes());
      const std::uint32_t before = groups.group_count();
      for (int i = 0; i < 3; ++i) feed(groups, 100, 2300, 20, false);
      EXPECT_EQ(groups.group_count(), before);
      if (how == way::emptied)
        for (int i = 0; i < 24; ++i) feed(groups, 150, 1, 49, false);
      if (how == way::states) feed(groups, 1500, 900, 63, false);
      if (how == way::restricted) feed(groups, 1500, 900, 20, true);
      if (how == way::beside) feed(groups, 2000, 900, 20, false);
      if (how == way::merged) {
        auto other = make();
        feed(other, 1500, 900, 20, false);
        ASSERT_TRUE(groups.merge(other).ok());
      }
      groups.number_groups();
      check();
      for (int i = 0; i < 2; ++i) feed(groups, 100, 2300, 20, false);
      groups.number_groups();
      check();
    }
  }
}

// The same where any one allocation is refused: an update is done whole or not at all, the first of all and one with keys
// beside the range too.
TEST(aggregate_aggregator, groups_that_are_put_off_outlast_refusals) {
  const auto key_type = type_of<std::int32_t>, whole = type_of<std::int64_t>;
  const std::vector<aggregate_spec> aggregates = {{aggregate_kind::sum, 0}, {aggregate_kind::count_rows}};
  const pillar::key_range range{100, 2399};
  std::uint64_t points = 0;
  struct shape {
    std::uint32_t key_count;
    bool at_once;  // or words are by codes already
  };
  for (const auto [key_count, at_once] : {shape{4, true}, shape{900, true}, shape{900, false}})
    for (const std::uint64_t bits : {20u, 49u})
      for (std::uint64_t number = 1, refused = 1; refused != 0; ++number) {
        pillar::splitmix64 random(47);
        pillar::memory_budget budget;
        auto groups = *aggregator::make({&key_type, 1}, {&whole, 1}, aggregates, &budget, {&range, 1});
        std::map<std::int32_t, std::pair<std::int64_t, std::int64_t>> expected;
        refused = 0;
        if (at_once) {
          groups.put_off_groups();
          EXPECT_TRUE(groups.sums_by_codes());
        }
        const auto feed = [&](std::int32_t first, std::uint64_t count) {
          std::int32_t keys[1024];
          std::int64_t values[1024];
          pillar::vector key, value;
          key.type = key_type;
          value.type = whole;
          key.size = value.size = 1024;
          key.values = keys;
          value.values = values;
          for (std::uint32_t row = 0; row < 1024; ++row) {
            keys[row] = first + static_cast<std::int32_t>(random.below(count));
            values[row] = static_cast<std::int64_t>(random() >> (64 - bits));
            expected[keys[row]].first += values[row];
            expected[keys[row]].second += 1;
          }
          const pillar::vector *const key_columns[] = {&key}, *const inputs[] = {&value};
          const std::uint64_t before = budget.refused();
          budget.refuse(number);
          const bool done = groups.update(key_columns, inputs, selection_mask::first(1024), 1024).ok();
          budget.refuse(0);
          refused += budget.refused() - before;
          if (!done) ASSERT_TRUE(groups.update(key_columns, inputs, selection_mask::first(1024), 1024).ok());
        };
        feed(200, key_count);
        if (!at_once) {
          for (int i = 0; i < 3; ++i) feed(200, key_count);
          if (refused == 0) EXPECT_TRUE(groups.sums_by_codes());
          const std::uint64_t before = budget.refused();
          budget.refuse(number);
          groups.put_off_groups();
          budget.refuse(0);
          refused += budget.refused() - before;
        }
        feed(300, key_count);
        feed(2390, 1500);  // beside the range
        feed(2395, 3000);
        groups.number_groups();
        points += refused;
        const auto columns = *groups.finish();
        ASSERT_EQ(columns[0].size(), expected.size()) << number;
        for (std::uint64_t row = 0; row < columns[0].size(); ++row) {
          const auto at = [&](std::size_t c) { return pillar::get(columns[c].slice(row, 1), 0).integer; };
          const auto& of = expected.at(static_cast<std::int32_t>(at(0)));
          ASSERT_TRUE(at(1) == of.first && at(2) == of.second) << number << ", key " << static_cast<int>(at(0));
        }
      }
  std::cout << "injection points of groups that are put off: " << points << "\n";
  EXPECT_GT(points, 20u);
}

// An array of keys and a hash table of them have the same groups in the same order, and the same sums.
TEST(aggregate_aggregator, dense_integers_are_summed_by_their_codes) {
  pillar::splitmix64 random(41);
  const auto key_type = type_of<std::int32_t>.as_nullable(), whole = type_of<std::int64_t>.as_nullable(),
             real = type_of<double>;
  const std::vector<aggregate_spec> aggregates = {
      {aggregate_kind::count_rows}, {aggregate_kind::sum, 0}, {aggregate_kind::count, 0}, {aggregate_kind::sum, 1}};
  const pillar::key_range range{100, 399};
  const auto make = [&](bool ranged) {
    return *aggregator::make({&key_type, 1}, std::vector{whole, real}, aggregates, nullptr,
                             std::span(&range, ranged ? 1u : 0u));
  };
  auto by_code = make(true), by_hash = make(false);
  const auto feed = [&](std::int64_t first, std::uint64_t count, unsigned bits, double size, bool found = false,
                        vector_kind kind = vector_kind::flat) {
    const auto rows = static_cast<std::uint32_t>(1 + random.below(1024));
    std::vector<scalar> keys, integers, reals;
    selection_mask selection = selection_mask::first(rows);
    if (random.chance(1, 2))
      for (auto& word : selection.words) word &= random();
    for (std::uint32_t row = 0; row < rows; ++row) {
      const bool null = kind == vector_kind::dictionary && random.chance(1, 9);  // flat ones without take their own way
      const std::int64_t key = first + static_cast<std::int64_t>(random.chance(1, 2) ? 1 : random.below(count));
      keys.push_back(null                            ? scalar::of_null(key_type)
                     : selection.test(row) || !found ? scalar::of_integer(key_type, key)
                                                     : scalar::of_integer(key_type, 1'000'000));
      const auto value = static_cast<std::int64_t>(random() >> (64 - bits));
      integers.push_back(random.chance(1, 9) ? scalar::of_null(whole) : scalar::of_integer(whole, -value));
      reals.push_back(scalar::of_real(real, random.chance(1, 50) ? size : static_cast<double>(value) / 8));
    }
    const auto key = make_vector(key_type, keys, kind), flat = make_vector(key_type, keys, vector_kind::flat),
               integer = make_vector(whole, integers, vector_kind::flat),
               floating = make_vector(real, reals, vector_kind::flat);
    const pillar::vector* const inputs[] = {&integer.view, &floating.view};
    for (aggregator* into : {&by_code, &by_hash}) {
      // A hash table gives a dictionary's entries their groups in the order of the entries.
      const pillar::vector* const key_columns[] = {into == &by_hash ? &flat.view : &key.view};
      std::uint32_t slots[1024];
      if (found) into->groups().find(key_columns, selection, rows, slots);
      ASSERT_TRUE((found ? into->update_found(slots, inputs, selection, rows)
                         : into->update(key_columns, inputs, selection, rows))
                      .ok());
    }
  };
  const auto expect_equal = [&](const char* what) {
    const auto left = *by_code.finish(), right = *by_hash.finish();
    for (std::size_t c = 0; c < left.size(); ++c) {
      ASSERT_EQ(left[c].size(), right[c].size()) << what;
      for (std::uint64_t row = 0; row < left[c].size(); ++row)
        ASSERT_EQ(pillar::compare(pillar::get(left[c].slice(row, 1), 0), pillar::get(right[c].slice(row, 1), 0)), 0)
            << what << " column " << c << " row " << row;
    }
  };
  feed(100, 50, 30, 0);
  feed(100, 50, 30, 0);
  EXPECT_FALSE(by_code.sums_by_codes()) << "so few groups are not worth the range's memory";
  for (int i = 0; i < 4; ++i) feed(100, 300, 30, 0);
  EXPECT_TRUE(by_code.sums_by_codes());
  expect_equal("by codes");
  feed(100, 1, 30, 0);  // no new keys, so that the next batch's are looked for
  for (int i = 0; i < 3; ++i) feed(100, 300, 30, 1e200, false, vector_kind::dictionary);
  expect_equal("NULL keys, and floats outside of the words");
  feed(100, 200, 30, 0, true);
  expect_equal("slots that were found");
  for (int i = 0; i < 24; ++i) feed(100, 300, 52, 0);
  EXPECT_TRUE(by_code.sums_by_codes());
  expect_equal("words that are emptied");
  feed(100, 300, 63, 0);
  EXPECT_TRUE(by_code.sums_by_codes());
  expect_equal("values that need states");
  feed(500, 2, 30, 0);
  EXPECT_FALSE(by_code.sums_by_codes()) << "a key beside the range changes the codes";
  EXPECT_FALSE(by_hash.sums_by_codes());
  expect_equal("by groups again");
  auto other = make(true), other_by_hash = make(false);
  std::swap(by_code, other);
  std::swap(by_hash, other_by_hash);
  for (int i = 0; i < 4; ++i) feed(120, 280, 20, 0);
  EXPECT_TRUE(by_code.sums_by_codes());
  ASSERT_TRUE(other.merge(by_code).ok() && other_by_hash.merge(by_hash).ok());
  ASSERT_TRUE(by_code.merge(other).ok() && by_hash.merge(other_by_hash).ok());
  EXPECT_FALSE(by_code.sums_by_codes());
  expect_equal("merged");
}

/// Rows of keys key_count − 1 … 0, over and over, and of about one value.
struct dense_rows {
  std::vector<std::int32_t> keys = std::vector<std::int32_t>(1024);
  std::vector<std::int64_t> values = std::vector<std::int64_t>(1024);
  dense_rows(std::int32_t first, std::int32_t key_count, std::int64_t value) {
    for (std::int32_t row = 0; row < 1024; ++row) {
      keys[static_cast<std::size_t>(row)] = key_count - 1 - (first + row) % key_count;
      values[static_cast<std::size_t>(row)] = value - row;
    }
  }
  [[nodiscard]] pillar::result<void> add_to(aggregator& groups) const {
    const pillar::vector key = view_of(type_of<std::int32_t>, keys), value = view_of(type_of<std::int64_t>, values);
    const pillar::vector *const key_columns[] = {&key}, *const inputs[] = {&value};
    return groups.update(key_columns, inputs, selection_mask::first(1024), 1024);
  }
};
aggregator dense_sums(pillar::memory_budget* budget, std::int32_t key_limit) {
  const pillar::data_type types[] = {type_of<std::int32_t>, type_of<std::int64_t>};
  const aggregate_spec specs[] = {{aggregate_kind::sum, 0}, {aggregate_kind::count_rows}};
  const pillar::key_range range{0, key_limit - 1};
  return *aggregator::make({types, 1}, {types + 1, 1}, specs, budget, {&range, key_limit == 0 ? 0u : 1u});
}

// Words by codes are more than words by groups: where a batch finds no room for them, there may still be room for these.
TEST(aggregate_aggregator, words_by_codes_give_way) {
  constexpr std::int32_t key_count = 1'100, key_limit = 4'096;
  pillar::memory_budget budget(16u << 20);
  auto groups = dense_sums(&budget, key_limit), expected = dense_sums(nullptr, 0);
  const auto add = [&](std::int64_t value) {
    for (std::int32_t first = 0; first < 4 * 1'024; first += 1'024) {
      const dense_rows rows(first, key_count, value);
      ASSERT_TRUE(rows.add_to(groups).ok() && rows.add_to(expected).ok()) << "key " << first << ", value " << value;
    }
  };
  add(1'000);
  ASSERT_TRUE(groups.sums_by_codes());
  // A sum and a count share a word while values are small. Now there is room for states, and for two words a group.
  const std::uint64_t held = budget.available() - (52u << 10);
  ASSERT_TRUE(budget.reserve(held).ok());
  add(std::int64_t{1} << 39);
  EXPECT_FALSE(groups.sums_by_codes());
  EXPECT_EQ(rows_of(groups, 1), rows_of(expected, 1));
  budget.release(held);
}

// Whatever allocation of a batch is refused: words by codes do not begin or come to an end, or the batch is refused, and
// the sums are those of the batches that were not.
TEST(aggregate_aggregator, words_by_codes_begin_and_end_without_memory) {
  constexpr std::int32_t key_count = 900, key_limit = 2'048;
  injection_points points;
  int began = 0, stayed = 0;
  for (std::uint64_t number = 1;; ++number) {
    pillar::memory_budget budget;
    auto groups = dense_sums(&budget, key_limit), expected = dense_sums(nullptr, 0);
    ASSERT_TRUE(dense_rows(0, key_count, 5).add_to(groups).ok());
    budget.refuse(number, number % 2 == 0);
    for (std::int32_t batch = 0; batch < 6; ++batch) {
      const dense_rows rows(batch * 31, batch < 3 ? key_count : key_limit, batch < 4 ? 5 : std::int64_t{1} << 39);
      const auto done = rows.add_to(groups);
      if (done.ok()) ASSERT_TRUE(rows.add_to(expected).ok());
      else ASSERT_EQ(done.error().code, pillar::errc::out_of_memory);
      if (batch == 1) (groups.sums_by_codes() ? began : stayed) += 1;
    }
    budget.refuse(0);
    const bool was_refused = budget.refused() != 0;
    ASSERT_TRUE(dense_rows(0, key_count, 5).add_to(expected).ok());
    ASSERT_EQ(rows_of(groups, 1), rows_of(expected, 1)) << number;
    points["batches by codes"] += was_refused ? 1 : 0;
    // A key beside the range ends them.
    dense_rows beside(0, key_count, 5);
    beside.keys[7] = -1'000'000;
    ASSERT_TRUE(beside.add_to(groups).ok() && beside.add_to(expected).ok());
    EXPECT_FALSE(groups.sums_by_codes());
    ASSERT_EQ(rows_of(groups, 1), rows_of(expected, 1)) << number;
    if (!was_refused) break;
  }
  EXPECT_GT(began, 1);
  EXPECT_GT(stayed, 0);
}

// Values that index an array are distinct by their codes: flat ones of one column, in whatever batches they come.
TEST(aggregate_aggregator, distinct_values_are_counted_by_their_codes) {
  pillar::splitmix64 random(43);
  const auto type = type_of<std::int32_t>.as_nullable();
  const pillar::data_type types[] = {type};
  const aggregate_spec specs[] = {{aggregate_kind::count, 0, {.distinct = true}},
                                  {aggregate_kind::sum, 0, {.distinct = true}}};
  const pillar::key_range range{-500, 499};
  const auto make = [&] { return *aggregator::make({}, types, specs, nullptr, {}, 0, {&range, 1}); };
  for (int round = 0; round < turns(20); ++round) {
    aggregator parts[] = {make(), make()};
    std::set<std::int64_t> seen;
    int128 sum = 0;
    for (int batch = 0; batch < 12; ++batch) {
      const auto rows = static_cast<std::uint32_t>(1 + random.below(1024));
      std::vector<scalar> cells;
      for (std::uint32_t row = 0; row < rows; ++row) {
        const auto value = static_cast<std::int64_t>(random.below(batch == 9 ? 1010 : 40u << (batch % 5))) - 500;
        cells.push_back(random.chance(1, 20) ? scalar::of_null(type) : scalar::of_integer(type, value));
      }
      auto selection = selection_mask::first(rows);
      if (batch % 3 == 1)
        for (auto& word : selection.words) word &= random();
      pillar::for_each_row(selection, [&](std::uint32_t row) {
        if (cells[row].null || !seen.insert(static_cast<std::int64_t>(cells[row].integer)).second) return;
        sum += cells[row].integer;
      });
      const auto made = make_vector(type, cells, batch % 4 == 3 ? vector_kind::dictionary : vector_kind::flat);
      const pillar::vector* const inputs[] = {&made.view};
      ASSERT_TRUE(parts[random.below(2)].update({}, inputs, selection, rows).ok());
    }
    ASSERT_TRUE(parts[0].merge(parts[1]).ok());
    const auto columns = *parts[0].finish();
    EXPECT_EQ(pillar::get(columns[0].slice(0, 1), 0).integer, static_cast<int128>(seen.size()));
    EXPECT_TRUE(pillar::get(columns[1].slice(0, 1), 0).integer == sum);
  }
}

// What many values together could come to, no single sum has: then words are not emptied. Where one has, they are.
TEST(aggregate_aggregator, sums_are_looked_at_before_words_are_emptied) {
  const auto key_type = type_of<std::int32_t>, type = type_of<std::int64_t>;
  for (const bool skewed : {false, true}) {
    pillar::memory_budget budget;
    auto groups =
        *aggregator::make({&key_type, 1}, {&type, 1}, std::vector<aggregate_spec>{{aggregate_kind::sum, 0}}, &budget);
    constexpr std::int64_t low = -(std::int64_t{1} << 52);
    std::vector<std::int32_t> keys(1024);
    std::vector<std::int64_t> values(1024, low);
    for (std::int32_t i = 0; i < 1024; ++i)
      keys[static_cast<std::size_t>(i)] = (skewed && i >= 200 ? 0 : i % 200) * 1'000'003;
    const pillar::vector key = view_of(key_type, keys), value = view_of(type, values);
    const pillar::vector *const key_columns[] = {&key}, *const inputs[] = {&value};
    std::uint64_t at_first = 0;
    for (int batch = 0; batch < 12; ++batch) {
      ASSERT_TRUE(groups.update(key_columns, inputs, selection_mask::first(1024), 1024).ok());
      if (batch == 0) at_first = budget.used();
    }
    EXPECT_EQ(budget.used() > at_first, skewed) << "states are what words are emptied into";
    const auto columns = *groups.finish();
    EXPECT_TRUE(pillar::get(columns[1].slice(0, 1), 0).integer == int128{12 * (skewed ? 825 : 6)} * low);
  }
}

// Sums of 40 and 24 bits fill a word to its last bit.
TEST(aggregate_aggregator, least_values_share_a_word) {
  const auto key_type = type_of<std::int32_t>, wide = type_of<std::int32_t>, narrow = type_of<std::int16_t>;
  auto groups = *aggregator::make({&key_type, 1}, std::vector{wide, narrow},
                                  std::vector<aggregate_spec>{{aggregate_kind::sum, 0}, {aggregate_kind::sum, 1}});
  const auto keys = make_vector(key_type, std::vector<scalar>(256, scalar::of_integer(key_type, 7)));
  const auto first = make_vector(wide, std::vector<scalar>(256, scalar::of_integer(wide, -2147483648LL)));
  const auto second = make_vector(narrow, std::vector<scalar>(256, scalar::of_integer(narrow, -32768)));
  const pillar::vector* const key = &keys.view;
  const pillar::vector* const inputs[] = {&first.view, &second.view};
  ASSERT_TRUE(groups.update({&key, 1}, inputs, selection_mask::first(256), 256).ok());
  const auto columns = *groups.finish();
  EXPECT_TRUE(pillar::get(columns[1].slice(0, 1), 0).integer == -256 * 2147483648LL);
  EXPECT_TRUE(pillar::get(columns[2].slice(0, 1), 0).integer == -256 * 32768);
}

// Values of all sizes, so that sums leave their windows; the bits must not depend on order, batches, splits or keys.
TEST(aggregate_aggregator, float_sums_have_the_same_bits_in_any_order_and_split) {
  pillar::splitmix64 random(33);
  const auto real = type_of<double>, key_type = type_of<std::int32_t>;
  for (const int spread : {0, 40, 200, 1800}) {
    std::vector<std::pair<int, double>> rows;
    for (int i = 0; i < turns(2000); ++i)
      rows.emplace_back(
          static_cast<int>(random.below(5)),
          std::ldexp(static_cast<double>(random()) - 0x1p63,
                     spread == 0 ? -40 : static_cast<int>(random.below(static_cast<unsigned>(spread))) - spread / 2));
    for (std::size_t i = 0; i < rows.size(); i += 7) rows[i].second = i % 2 == 0 ? 0.0 : -0.0;
    std::map<std::int64_t, std::uint64_t> first_bits;
    for (int round = 0; round < 6; ++round) {
      for (std::size_t i = rows.size(); round > 0 && i > 1; --i) std::swap(rows[i - 1], rows[random.below(i)]);
      const aggregate_spec spec{aggregate_kind::sum, 0};
      std::vector<aggregator> parts;
      for (int i = 0; i < 3; ++i)
        parts.push_back(*aggregator::make(std::span(&key_type, 1), std::span(&real, 1), std::span(&spec, 1)));
      for (std::size_t at = 0; at < rows.size();) {
        const std::size_t count = std::min<std::size_t>(rows.size() - at, 1 + random.below(1024));
        std::vector<scalar> keys, values;
        for (std::size_t i = at; i < at + count; ++i) {
          keys.push_back(scalar::of_integer(key_type, rows[i].first));
          values.push_back(scalar::of_real(real, rows[i].second));
        }
        const auto k = make_vector(key_type, keys), v = make_vector(real, values);
        const pillar::vector *key_columns[] = {&k.view}, *inputs[] = {&v.view};
        ASSERT_TRUE(parts[round == 0 ? 0 : random.below(3)]
                        .update(key_columns, inputs, selection_mask::first(static_cast<std::uint32_t>(count)),
                                static_cast<std::uint32_t>(count))
                        .ok());
        at += count;
      }
      ASSERT_TRUE(parts[1].merge(parts[2]).ok());
      ASSERT_TRUE(parts[0].merge(parts[1]).ok());
      const auto columns = *parts[0].finish();
      for (std::uint32_t group = 0; group < parts[0].group_count(); ++group) {
        const auto key = static_cast<std::int64_t>(pillar::get(columns[0].slice(group, 1), 0).integer);
        const auto bits = std::bit_cast<std::uint64_t>(pillar::get(columns[1].slice(group, 1), 0).real);
        ASSERT_EQ(first_bits.emplace(key, bits).first->second, bits) << "spread " << spread;
      }
    }
  }
}

// Many at once as doubles, or one by one as whole numbers: the same bits, also where words cancel.
TEST(aggregate_aggregator, words_of_floats_are_rounded_once) {
  pillar::splitmix64 random(71);
  for (const double scale : {1.0, 0x1p-1000, 0x1p-1040, 0x1p960}) {
    pillar::detail::fixed_point point;
    const double values[] = {scale, 99 * scale, scale / 1024};
    point.choose(values, 3, 3);
    const auto split = static_cast<std::int64_t>(point.total(0, 1).sum);
    int rounded = 0, refused = 0;
    for (int i = 0; i < 20'000; ++i) {
      const auto word = [&] { return static_cast<std::int64_t>(random()) >> (i % 60 + random.below(3)); };
      const std::int64_t low = word(), high = random.chance(1, 2) ? word() : -(low / split) + word() % 2;
      double made = 0;
      const bool done = point.round_all(&low, &high, 1, &made);
      ++(done ? rounded : refused);
      if (done)
        ASSERT_EQ(std::bit_cast<std::uint64_t>(made), std::bit_cast<std::uint64_t>(point.total(low, high).rounded()))
            << low << ' ' << high;
    }
    EXPECT_GT(rounded, 1000);
    EXPECT_GT(refused, 1000);
  }
}

// Where the upper word's unit is 2^971, −2^53 of them are infinite, but not their sum with the lower word.
TEST(aggregate_aggregator, words_at_the_edge_of_double) {
  constexpr std::int64_t edge = std::int64_t{1} << 53;
  for (const double scale : {1.0, 0x1p1010, 0x1p1016, 0x1p1022}) {
    pillar::detail::fixed_point point;
    const double values[] = {scale, scale * (1 + 0x1p-52)};
    point.choose(values, 2, 3);
    int rounded = 0;
    for (const std::int64_t high : {-edge, 1 - edge, edge - 1, -edge / 2, edge / 2 - 1})
      for (const std::int64_t low : {edge - 1, edge / 2, std::int64_t{1}, std::int64_t{0}, -edge / 2}) {
        double made = 0;
        if (!point.round_all(&low, &high, 1, &made)) continue;
        ++rounded;
        ASSERT_EQ(made, point.total(low, high).rounded()) << scale << ' ' << low << ' ' << high;
      }
    EXPECT_GT(rounded, 4);
  }
}

// Sums of floats in words: values of one size, of all sizes, of sizes that move from batch to batch, far too large and
// far too small ones among them, zeros, infinities and NaN, against exact_sum; one and two sides, nullable, as float,
// with rows that are left out and batches that go by the windows alone.
TEST(aggregate_aggregator, float_sums_in_words_are_exact_sums) {
  pillar::splitmix64 random(37);
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  enum regime { decimals, one_size, all_sizes, smallest, largest, cancelling, outliers, moving, growing, regimes };
  for (int round = 0; round < turns(60); ++round) {
    const int how = round % regimes;
    const bool nullable = random.chance(1, 3), narrow = how != smallest && random.chance(1, 4);
    const auto key_type = type_of<std::int32_t>;
    const auto type = (narrow ? type_of<float> : type_of<double>).as_nullable(nullable);
    const std::uint64_t groups = round % 3 == 0 ? 3 : round % 3 == 1 ? 40 : 700;
    const std::vector<aggregate_spec> aggregates = {
        {aggregate_kind::sum, 0}, {aggregate_kind::count, 0}, {aggregate_kind::avg, 0}};
    std::vector<aggregator> sides;
    for (int side = 0; side < 2; ++side)
      sides.push_back(*aggregator::make(std::span(&key_type, 1), std::span(&type, 1), aggregates));
    struct total {
      pillar::exact_sum sum;
      std::int64_t values = 0;
    };
    std::map<std::int64_t, total> expected;
    const int batches = sanitized ? 20 : 40;
    for (int batch = 0; batch < batches; ++batch) {
      const auto count = static_cast<std::uint32_t>(random.chance(1, 4) ? 1 + random.below(1024) : 1024);
      std::vector<std::int32_t> keys(count);
      std::vector<double> values(count);
      for (std::size_t i = 0; i < count; ++i) {
        keys[i] = static_cast<std::int32_t>(random.below(groups));
        const double unit = std::ldexp(static_cast<double>(random()), -64) - (how == decimals ? 0 : 0.5);
        double& value = values[i];
        switch (how) {
          case decimals: value = std::round(unit * 1e8) / 1e6; break;
          case one_size: value = unit; break;
          case all_sizes: value = std::ldexp(unit, static_cast<int>(random.below(2000)) - 1050); break;
          case smallest: value = std::ldexp(unit, -1022 - static_cast<int>(random.below(52))); break;
          case largest: value = std::ldexp(unit, random.chance(1, 8) ? 1024 : 1000); break;
          case cancelling:
            value = i % 2 == 0 ? unit * 0x1p40 : -values[i - 1] + (random.chance(1, 9) ? 0x1p-30 : 0);
            break;
          case outliers: value = random.chance(1, 99) ? std::ldexp(unit, random.chance(1, 2) ? 90 : -90) : unit; break;
          case moving: value = std::ldexp(unit, 30 * (batch / 18)); break;
          default: value = std::ldexp(unit, batch); break;
        }
        if (i != 0 && how == cancelling && i % 2 == 1) keys[i] = keys[i - 1];
        if (how == outliers && std::fabs(value) < 0x1p-80) keys[i] = -1;  // a group of nothing else
        if (random.chance(1, 50)) value = random.chance(1, 2) ? 0.0 : -0.0;
        if (how == outliers && batch == 7 && random.chance(1, 200))
          value = random.chance(1, 3) ? infinity : random.chance(1, 2) ? -infinity : nan;
        if (narrow) value = static_cast<double>(static_cast<float>(value));
      }
      std::uint64_t valid[16];
      for (auto& word : valid) word = random() | random();
      auto selection = selection_mask::first(count);
      if (batch % 5 == 4)
        for (auto& word : selection.words) word &= random();
      for (std::uint32_t i = 0; i < count; ++i) {
        if (!selection.test(i)) {
          values[i] = random.chance(1, 2) ? nan : 1e300;  // whatever lies there
          continue;
        }
        total& to = expected[keys[i]];
        if (nullable && !pillar::get_bit(valid, i)) continue;
        to.sum.add(values[i]);
        ++to.values;
      }
      const std::vector<float> floats(values.begin(), values.end());
      const pillar::vector key = view_of(key_type, keys.data(), count);
      pillar::vector input = view_of(type, narrow ? static_cast<const void*>(floats.data()) : values.data(), count);
      if (nullable) input.validity = valid;
      const pillar::vector *key_columns[] = {&key}, *inputs[] = {&input};
      const auto everything = selection_mask::first(count);
      const selection_mask* restrictions[] = {&everything, nullptr, nullptr};
      const bool merged = batch >= batches * 3 / 4;
      auto& into = sides[!merged && batch % 4 == 3 ? 1 : 0];
      const auto where = batch % 9 == 8 ? std::span<const selection_mask* const>(restrictions)
                                        : std::span<const selection_mask* const>();
      ASSERT_TRUE(into.update(key_columns, inputs, selection, count, where).ok());
      if (batch + 1 == batches * 3 / 4) {
        ASSERT_TRUE(sides[0].merge(sides[1]).ok());
      }
    }
    const auto columns = *sides[0].finish();
    ASSERT_EQ(columns[0].size(), expected.size());
    for (std::uint32_t group = 0; group < columns[0].size(); ++group) {
      const auto cell = [&](std::size_t column) { return pillar::get(columns[column].slice(group, 1), 0); };
      const total& of = expected.at(static_cast<std::int64_t>(cell(0).integer));
      ASSERT_EQ(cell(2).integer, of.values);
      ASSERT_EQ(cell(1).null, of.values == 0);
      if (of.values == 0) continue;
      const double sum = of.sum.finalize();
      const auto bits = [](double value) { return value != value ? 1 : std::bit_cast<std::uint64_t>(value); };
      ASSERT_EQ(bits(cell(1).real), bits(sum)) << "round " << round << ": " << cell(1).real << " for " << sum;
      ASSERT_EQ(bits(cell(3).real), bits(sum / static_cast<double>(of.values))) << "round " << round;
    }
  }
}

// Memory tells which way floats went: groups whose values are all in words have no states.
TEST(aggregate_aggregator, states_of_float_sums_are_made_when_words_do_not_do) {
  const auto key_type = type_of<std::int32_t>, type = type_of<double>;
  const aggregate_spec spec{aggregate_kind::sum, 0};
  for (const std::uint32_t groups : {3u, 100u, 1000u}) {
    pillar::memory_budget budget;
    auto made = *aggregator::make(std::span(&key_type, 1), std::span(&type, 1), std::span(&spec, 1), &budget);
    pillar::exact_sum expected;
    const auto add_rows = [&](double value, int batches) {
      for (int batch = 0; batch < batches; ++batch) {
        std::vector<std::int32_t> keys(1024);
        for (std::uint32_t i = 0; i < 1024; ++i) keys[i] = static_cast<std::int32_t>(i % groups);
        const std::vector<double> values(1024, value);
        const pillar::vector key = view_of(key_type, keys), input = view_of(type, values);
        const pillar::vector *key_columns[] = {&key}, *inputs[] = {&input};
        EXPECT_TRUE(made.update(key_columns, inputs, selection_mask::first(1024), 1024).ok());
        for (std::uint32_t i = 0; i < 1024; i += groups) expected.add(value);
      }
      EXPECT_EQ(pillar::get((*made.finish())[1].slice(0, 1), 0).real, expected.finalize());
      return budget.used();
    };
    const auto in_words = add_rows(1.5, 33);  // rows enough for words to be emptied if other values come
    EXPECT_EQ(add_rows(0x1p9, 1), in_words) << "a value that many bits larger has room";
    const auto moved = add_rows(0x1p60, 1);
    EXPECT_GE(moved, in_words + groups * 56) << "where the words lie is chosen again";
    EXPECT_EQ(add_rows(0x1p59, 1), moved);
  }
}

// Words merge as words where floats were split in the same places, and as states where they were not.
TEST(aggregate_aggregator, words_are_merged_without_states) {
  const auto key_type = type_of<std::int32_t>, type = type_of<double>;
  const aggregate_spec specs[] = {{aggregate_kind::sum, 0}, {aggregate_kind::count_rows}};
  constexpr std::uint32_t groups = 1000;
  pillar::memory_budget budget;
  const auto make = [&](pillar::memory_budget* of) {
    return *aggregator::make(std::span(&key_type, 1), std::span(&type, 1), specs, of);
  };
  auto made = make(&budget);
  std::vector<std::int32_t> keys(groups);
  for (std::uint32_t i = 0; i < groups; ++i) keys[i] = static_cast<std::int32_t>(i);
  double expected = 0;
  const auto merge = [&](double value) {
    auto other = make(nullptr);
    const std::vector<double> values(groups, value);
    const pillar::vector key = view_of(key_type, keys), input = view_of(type, values);
    const pillar::vector *key_columns[] = {&key}, *inputs[] = {&input};
    EXPECT_TRUE(other.update(key_columns, inputs, selection_mask::first(groups), groups).ok());
    EXPECT_TRUE(made.merge(other).ok());
    expected += value;
    for (const std::uint32_t group : {0u, groups - 1})
      EXPECT_EQ(pillar::get((*made.finish())[1].slice(group, 1), 0).real, expected);
    return budget.used();
  };
  const auto in_words = merge(1.5);
  EXPECT_EQ(merge(1.25), in_words);
  EXPECT_GE(merge(0x1p60), in_words + groups * 56);
  EXPECT_EQ(pillar::get((*made.finish())[2].slice(7, 1), 0).integer, 3);
}

// What a merge brings may be of another size than all values that were added here.
TEST(aggregate_aggregator, float_sums_know_the_sizes_of_merged_values) {
  const auto real = type_of<double>;
  const auto values = [&](std::initializer_list<double> from) {
    std::vector<scalar> cells;
    for (const double value : from) cells.push_back(scalar::of_real(real, value));
    return make_vector(real, cells);
  };
  auto sum = one_sum(real, aggregate_kind::sum), large = one_sum(real, aggregate_kind::sum);
  auto zeros = one_sum(real, aggregate_kind::avg);
  add(large, values({0.0, 1e300}));
  ASSERT_TRUE(sum.merge(large).ok());
  add(sum, values({0.0, 1.0}));
  add(sum, values({-1e300}));
  EXPECT_EQ(only_cell(sum).real, 1);
  add(zeros, values({0.0, -0.0}));
  EXPECT_EQ(std::bit_cast<std::uint64_t>(only_cell(zeros).real), 0u);
  add(zeros, values({3.0}));
  EXPECT_EQ(only_cell(zeros).real, 1);
}

TEST(aggregate_aggregator, encoded_answers_add_to_decoded_ones) {
  const auto type = type_of<std::int32_t>;
  const std::vector<aggregate_spec> aggregates = {{aggregate_kind::count_rows},
                                                  {aggregate_kind::sum, 0},
                                                  {aggregate_kind::avg, 0},
                                                  {aggregate_kind::min, 0},
                                                  {aggregate_kind::max, 0}};
  auto made = *aggregator::make({}, std::span(&type, 1), aggregates);
  add(made, make_vector(type, {scalar::of_integer(type, 5), scalar::of_integer(type, 7)}));
  made.add_count(0, 3);
  made.add_sum(1, int128{1} << 70, 3);
  made.add_sum(2, 36, 2);
  ASSERT_TRUE(made.add_extreme(3, scalar::of_integer(type, -2)).ok());
  ASSERT_TRUE(made.add_extreme(4, scalar::of_integer(type, 6)).ok());
  const auto columns = *made.finish();
  const auto cell = [&](std::size_t i) { return pillar::get(columns[i].slice(0, 1), 0); };
  EXPECT_EQ(cell(0).integer, 5);
  EXPECT_TRUE(cell(1).integer == (int128{1} << 70) + 12);
  EXPECT_EQ(cell(2).real, 12);
  EXPECT_EQ(cell(3).integer, -2);
  EXPECT_EQ(cell(4).integer, 7);
  auto texts = one_sum(type_of<pillar::text>, aggregate_kind::min);
  ASSERT_TRUE(texts.add_extreme(0, scalar::of_text(type_of<pillar::text>, "a text beyond twelve bytes")).ok());
  EXPECT_EQ(only_cell(texts).text, "a text beyond twelve bytes");
}

TEST(aggregate_aggregator, some_groups_of_another_or_none_are_merged) {
  const auto type = type_of<std::int64_t>;
  std::vector<scalar> cells;
  for (int key = 0; key < 10; ++key) cells.push_back(scalar::of_integer(type, key));
  const auto made = make_vector(type, cells);
  const pillar::vector* const columns[] = {&made.view};
  const aggregate_spec specs[] = {{aggregate_kind::sum, 0},
                                  {aggregate_kind::median, 0},
                                  {aggregate_kind::approximate_quantile, 0},
                                  {aggregate_kind::count, 0, {.distinct = true}}};
  auto all = *aggregator::make({&type, 1}, {&type, 1}, specs), some = *aggregator::make({&type, 1}, {&type, 1}, specs);
  ASSERT_TRUE(all.update(columns, columns, selection_mask::first(10), 10).ok());
  ASSERT_TRUE(some.merge(all, {}).ok());
  EXPECT_EQ(some.group_count(), 0u);
  const std::uint32_t groups[] = {2, 7};
  ASSERT_TRUE(some.merge(all, groups).ok());
  const auto result = *some.finish();
  ASSERT_EQ(result[0].size(), 2u);
  for (std::uint32_t row = 0; row < 2; ++row) {
    EXPECT_EQ(pillar::get(result[0].slice(0, 2), row).integer, groups[row]);
    EXPECT_EQ(pillar::get(result[1].slice(0, 2), row).integer, groups[row]);
    EXPECT_EQ(pillar::get(result[2].slice(0, 2), row).real, groups[row]);
    EXPECT_EQ(pillar::get(result[4].slice(0, 2), row).integer, 1);
  }
}

TEST(aggregate_aggregator, impossible_aggregates_are_refused) {
  const auto text = type_of<pillar::text>, number = type_of<double>;
  const aggregate_spec sum{aggregate_kind::sum, 0}, beyond{aggregate_kind::min, 1}, rows{};
  EXPECT_EQ(aggregator::make({}, std::span(&text, 1), std::span(&sum, 1)).error().code, pillar::errc::type_mismatch);
  EXPECT_EQ(aggregator::make({}, std::span(&text, 1), std::span(&beyond, 1)).error().code,
            pillar::errc::no_such_column);
  auto a = *aggregator::make({}, std::span(&number, 1), std::span(&sum, 1));
  const auto b = *aggregator::make({}, std::span(&number, 1), std::span(&rows, 1));
  EXPECT_EQ(a.merge(b).error().code, pillar::errc::type_mismatch);
}

// Every allocation of every operation fails in turn: what went in before stays, and the next attempt succeeds.
TEST(aggregate_aggregator, each_allocation_may_fail) {
  injection_points points;
  const auto text = type_of<pillar::text>, whole = type_of<std::int32_t>;
  const pillar::data_type inputs[] = {type_of<double>, text, type_of<std::int64_t>};
  const aggregate_spec specs[] = {{aggregate_kind::count_rows},
                                  {aggregate_kind::sum, 0},
                                  {aggregate_kind::max, 1},
                                  {aggregate_kind::avg, 2},
                                  {aggregate_kind::count, 2, {.distinct = true}},
                                  {aggregate_kind::median, 2},
                                  {aggregate_kind::string_agg, 1}};
  for (const bool by_text : {true, false}) {
    const pillar::data_type key = by_text ? text : whole;
    pillar::splitmix64 random(36);
    pillar::memory_budget budget, results;
    auto made = *aggregator::make({&key, 1}, inputs, specs, &budget);
    auto wanted = *aggregator::make({&key, 1}, inputs, specs);
    for (std::uint64_t batch = 0; batch < 5; ++batch) {
      const auto k = make_vector(key, random_cells(random, key, 300, 30 << batch)),
                 x = make_vector(inputs[0], random_cells(random, inputs[0], 300, 100)),
                 y = make_vector(inputs[1], random_cells(random, inputs[1], 300, 100)),
                 z = make_vector(inputs[2], random_cells(random, inputs[2], 300, 100));
      const pillar::vector *const keys[] = {&k.view}, *const values[] = {&x.view, &y.view, &z.view};
      const auto all = selection_mask::first(300);
      const pillar::row_numbers numbers{300 * batch, nullptr};
      auto part = *aggregator::make({&key, 1}, inputs, specs);
      ASSERT_TRUE(part.update(keys, values, all, 300, {}, {}, numbers).ok());
      ASSERT_TRUE(wanted.update(keys, values, all, 300, {}, {}, numbers).ok());
      const auto before = rows_of(made, 1);
      const auto unchanged = [&] { ASSERT_EQ(rows_of(made, 1), before); };
      std::vector<std::uint32_t> halves[2];
      for (std::uint32_t group = 0; group < part.group_count(); ++group) halves[group % 2].push_back(group);
      std::uint32_t slots[1024];
      const auto add = [&] { return made.update(keys, values, all, 300, {}, {}, numbers).error().code; };
      const auto add_found = [&] { return made.update_found(slots, values, all, 300, {}, {}, numbers).error().code; };
      const auto merge = [&] { return made.merge(part).error().code; };
      const auto merge_half = [&] { return made.merge(part, halves[0]).error().code; };
      if (batch == 0 || batch == 3) {
        refuse_in_turn(points["update"], budget, batch == 0, spared::ends, add, unchanged);
      } else if (batch == 1) {
        refuse_in_turn(points["merge"], budget, true, spared::ends, merge, unchanged);
      } else if (batch == 2) {
        refuse_in_turn(points["merge of some groups"], budget, false, spared::ends, merge_half, unchanged);
        ASSERT_TRUE(made.merge(part, halves[1]).ok());
      } else {
        auto others = *aggregator::make({&key, 1}, inputs, specs);
        ASSERT_TRUE(others.update(keys, values, all, 300, {}, {}, {900'000, nullptr}).ok());
        ASSERT_TRUE(made.merge(others).ok() && wanted.merge(others).ok());  // its keys have groups then
        made.groups().find(keys, all, 300, slots);
        for (int again = 0; again < 6; ++again) {  // until there is no room left from before
          const auto now = rows_of(made, 1);
          refuse_in_turn(points["update_found"], budget, false, spared::ends, add_found,
                         [&] { ASSERT_EQ(rows_of(made, 1), now); });
          if (again != 0) ASSERT_TRUE(wanted.update(keys, values, all, 300, {}, {}, numbers).ok());
        }
      }
      ASSERT_EQ(rows_of(made, 1), rows_of(wanted, 1)) << batch;
    }
    const auto finish = [&] { return made.finish(&results).error().code; };
    refuse_in_turn(points["finish"], results, false, spared::goes_on, finish, [&] { ASSERT_EQ(results.used(), 0u); });
    ASSERT_EQ(rows_of(made, 1), rows_of(wanted, 1));
  }
}

// Whatever limit stops it, a failed update or merge adds nothing: what went in before is summed exactly.
TEST(aggregate_aggregator, out_of_memory_adds_nothing) {
  const std::vector key_types = {type_of<pillar::text>};
  const std::vector input_types = {type_of<double>, type_of<pillar::text>};
  const std::vector<aggregate_spec> aggregates = {
      {aggregate_kind::count_rows}, {aggregate_kind::sum, 0}, {aggregate_kind::max, 1}, {aggregate_kind::sum, 0}};
  int failures = 0, successes = 0, failed_merges = 0;
  for (std::uint64_t limit = 2000; limit < 3'000'000; limit += sanitized ? limit / 2 : limit / 4) {
    pillar::splitmix64 random(35);
    pillar::memory_budget budget(limit);
    auto made = *aggregator::make(key_types, input_types, aggregates, &budget);
    auto wanted = *aggregator::make(key_types, input_types, aggregates);
    for (int at = 0; at < 8; ++at) {
      std::vector<scalar> keys, reals, texts;
      for (int i = 0; i < 600; ++i) {
        keys.push_back(scalar::of_text(key_types[0], "key " + std::to_string(random.below(at % 2 == 0 ? 9 : 800))));
        reals.push_back(scalar::of_real(
            input_types[0], std::ldexp(1.0 + static_cast<double>(i), static_cast<int>(random.below(600)) - 300)));
        texts.push_back(
            scalar::of_text(input_types[1], std::string(random.below(40), static_cast<char>('a' + random.below(26)))));
      }
      const auto k = make_vector(key_types[0], keys), r = make_vector(input_types[0], reals),
                 t = make_vector(input_types[1], texts);
      const pillar::vector *key_columns[] = {&k.view}, *inputs[] = {&r.view, &t.view};
      const auto everything = selection_mask::first(600);
      const std::uint32_t before = made.group_count();
      if (at % 3 == 2) {
        auto part = *aggregator::make(key_types, input_types, aggregates);
        ASSERT_TRUE(part.update(key_columns, inputs, everything, 600).ok());
        if (made.merge(part).ok()) {
          ASSERT_TRUE(wanted.merge(part).ok());
        } else {
          ++failed_merges;
          ASSERT_EQ(made.group_count(), before);
        }
        continue;
      }
      if (made.update(key_columns, inputs, everything, 600).ok()) {
        ++successes;
        ASSERT_TRUE(wanted.update(key_columns, inputs, everything, 600).ok());
      } else {
        ++failures;
        ASSERT_EQ(made.group_count(), before);
      }
    }
    const auto got = rows_of(made, 1), expected = rows_of(wanted, 1);
    ASSERT_EQ(got.size(), expected.size());
    for (const auto& [name, cells] : expected) ASSERT_EQ(got.at(name), cells) << "limit " << limit << " " << name;
  }
  EXPECT_GT(failures, 5);
  EXPECT_GT(successes, 5);
  EXPECT_GT(failed_merges, 2);
}

}  // namespace
}  // namespace pillar_test::aggregate_aggregator
