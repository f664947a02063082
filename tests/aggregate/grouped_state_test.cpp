// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/grouped_state.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pillar/aggregate/aggregator.hpp"
#include "support/owned_vector.hpp"
#include "support/reference_aggregate.hpp"
#include "support/refused_in_turn.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::aggregate_grouped_state {
namespace {

using pillar::aggregate_kind;
using pillar::aggregate_spec;
using pillar::aggregator;
using pillar::int128;
using pillar::scalar;
using pillar::selection_mask;
using pillar::type_of;
using pillar::vector_kind;

/// Estimates: within what is promised.
void expect_estimate(const aggregate_spec& spec, const std::vector<aggregate_row>& items, const scalar& got) {
  std::vector<scalar> values;
  for (const aggregate_row& of : items)
    if (!of.value.null) values.push_back(of.value);
  std::sort(values.begin(), values.end(), [](const scalar& a, const scalar& b) { return pillar::compare(a, b) < 0; });
  if (spec.kind == aggregate_kind::approximate_count_distinct) {
    double count = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      count += i == 0 || pillar::compare(values[i - 1], values[i]) != 0 ? 1 : 0;
    const double error = 1.04 / std::sqrt(std::ldexp(1, spec.register_bits));
    EXPECT_NEAR(static_cast<double>(got.integer), count, std::max(1.0, 4 * error * count));
    return;
  }
  ASSERT_EQ(got.null, values.empty());
  if (got.null) return;
  if (spec.kind == aggregate_kind::any) {
    EXPECT_TRUE(std::any_of(values.begin(), values.end(), [&](const scalar& of) { return of == got; }));
    return;
  }
  const double exact = reference_aggregate_detail::real_of(
      values[static_cast<std::size_t>(spec.quantile * static_cast<double>(values.size() - 1))]);
  if (std::isnan(exact)) EXPECT_TRUE(std::isnan(got.real));
  else if (std::isinf(exact) || exact == 0) EXPECT_EQ(got.real, exact);
  else EXPECT_LE(std::fabs(got.real - exact), std::fabs(exact) * std::ldexp(1.0, -spec.sketch_bits - 1));
}

void expect_same(const std::optional<reference_value>& wanted, const scalar& got, std::size_t count) {
  ASSERT_EQ(got.null, !wanted) << "of " << count << " rows";
  if (wanted) EXPECT_TRUE(wanted->agrees(got)) << pillar::to_string(got) << " for " << pillar::to_string(wanted->value);
}

/// Rows of one table, each with its group.
struct rows {
  pillar::data_type value, second;
  std::vector<std::int32_t> keys;
  std::vector<scalar> values, seconds;
};

/// Feeds the rows in batches, in an order and to aggregators that `random` chooses, and merges.
aggregator aggregated(const rows& from, const std::vector<aggregate_spec>& specs, bool keyed,
                      pillar::splitmix64& random, const std::vector<selection_mask>& where) {
  const auto key = type_of<std::int32_t>;
  const pillar::data_type inputs[] = {from.value, from.second};
  std::vector<aggregator> parts;
  for (int i = 0; i < 3; ++i) parts.push_back(*aggregator::make(std::span(&key, keyed ? 1 : 0), inputs, specs));
  std::vector<std::pair<std::size_t, std::size_t>> batches;
  for (std::size_t at = 0; at < from.keys.size();) {
    const std::size_t count = std::min<std::size_t>(64 * (1 + random.below(16)), from.keys.size() - at);
    batches.emplace_back(at, count);
    at += count;
  }
  for (std::size_t i = batches.size(); i > 1; --i) std::swap(batches[i - 1], batches[random.below(i)]);
  for (const auto& [at, count] : batches) {
    const auto slice = [&](const std::vector<scalar>& of) {
      return std::vector<scalar>(of.begin() + static_cast<std::ptrdiff_t>(at),
                                 of.begin() + static_cast<std::ptrdiff_t>(at + count));
    };
    std::vector<scalar> keys;
    for (std::size_t i = at; i < at + count; ++i) keys.push_back(scalar::of_integer(key, from.keys[i]));
    const auto kind = [&] {
      return random.chance(1, 2)   ? vector_kind::flat
             : random.chance(1, 2) ? vector_kind::dictionary
                                   : vector_kind::run_end;
    };
    const auto k = make_vector(key, keys), x = make_vector(from.value, slice(from.values), kind()),
               y = make_vector(from.second, slice(from.seconds), kind());
    const pillar::vector *key_columns[] = {&k.view}, *columns[] = {&x.view, &y.view};
    selection_mask mask = selection_mask::none();  // the rows of `where` in this batch
    for (std::size_t i = 0; i < count; ++i)
      if (where[(at + i) / 1024].test((at + i) % 1024)) pillar::set_bit(mask.words, i);
    std::vector<const selection_mask*> masks(specs.size(), nullptr);
    for (std::size_t a = 0; a < specs.size(); a += 2) masks[a] = &mask;
    std::vector<std::uint64_t> numbers;
    for (std::size_t i = at; i < at + count; ++i) numbers.push_back(i);
    EXPECT_TRUE(
        parts[random.below(3)]
            .update(std::span(key_columns, keyed ? 1 : 0), columns,
                    selection_mask::first(static_cast<std::uint32_t>(count)), static_cast<std::uint32_t>(count), masks,
                    {}, random.chance(1, 2) ? pillar::row_numbers{at, nullptr} : pillar::row_numbers{0, numbers.data()})
            .ok());
  }
  for (aggregator& part : parts)
    if (random.chance(1, 2)) part.arrange();
  // All groups of the third, then those of the second in two lists.
  EXPECT_TRUE(parts[1].merge(parts[2]).ok());
  if (random.chance(1, 2)) parts[1].arrange();
  for (const std::uint32_t odd : {1u, 0u}) {
    std::vector<std::uint32_t> some;
    for (std::uint32_t group = odd; group < parts[1].group_count(); group += 2) some.push_back(group);
    EXPECT_TRUE(parts[0].merge(parts[1], some).ok());
  }
  if (random.chance(1, 2)) parts[0].arrange();
  return std::move(parts[0]);
}

/// Every aggregate behind the seam that these inputs have, some of distinct values.
std::vector<aggregate_spec> every_spec(const pillar::data_type& value, const pillar::data_type& second) {
  std::vector<aggregate_spec> made;
  for (int i = static_cast<int>(aggregate_kind::variance); i < static_cast<int>(aggregate_kind::own); ++i) {
    const auto kind = static_cast<aggregate_kind>(i);
    if (!pillar::aggregate_type(kind, value, second)) continue;
    made.emplace_back(kind, 0u, 1u);
    made.back().quantile = 0.9;
    made.back().separator = "; ";
    if (!takes_second(kind)) {
      made.push_back(made.back());
      made.back().distinct = true;
      made.back().quantile = 0.25;
    } else {
      made.push_back(made.back());
      made.back().rank = 3;
    }
  }
  made.emplace_back(aggregate_kind::count);
  made.back().distinct = true;
  if (pillar::aggregate_type(aggregate_kind::sum, value)) {
    made.emplace_back(aggregate_kind::sum);
    made.back().distinct = true;
  }
  return made;
}

using cell_rows = std::map<std::int32_t, std::vector<scalar>>;
cell_rows cells_of(const aggregator& from, bool keyed) {
  const auto columns = *from.finish();
  cell_rows made;
  for (std::uint32_t group = 0; group < from.group_count(); ++group) {
    auto& row = made[keyed ? columns[0].slice(group, 1).value<std::int32_t>(0) : 0];
    for (std::size_t i = keyed ? 1 : 0; i < columns.size(); ++i)
      row.push_back(pillar::get(columns[i].slice(group, 1), 0));
  }
  return made;
}
/// Encodings may change the sign of a zero and the bits of NaN, and nothing else.
bool same_bits(const scalar& a, const scalar& b) { return a.null == b.null && (a.null || a == b); }

// Every aggregate over every pair of types, groups of every size, NULL, NaN and ties, masks, dictionaries and runs:
// against plain code, and with the same bits for another split, another order and other partial states.
TEST(aggregate_grouped_state, agrees_with_plain_code_for_every_type_and_split) {
  pillar::splitmix64 random(61);
  const auto types = every_type(true);
  for (std::size_t round = 0; round < (sanitized ? 1 : 2) * types.size(); ++round) {
    rows from;
    from.value = types[round % types.size()];
    from.second = types[random.below(types.size())];
    const bool keyed = round % 3 != 0;
    const std::size_t row_count = (sanitized ? 500 : 900) + random.below(sanitized ? 700 : 1200);
    const std::uint64_t distinct = random.chance(1, 2) ? 12 : 400;
    for (std::size_t i = 0; i < row_count; ++i) {
      from.keys.push_back(keyed ? static_cast<std::int32_t>(random.chance(1, 2) ? 0 : random.below(90)) : 0);
      from.values.push_back(random_scalar(random, from.value, distinct));
      from.seconds.push_back(random_scalar(random, from.second, distinct));
      for (auto* cell : {&from.values.back(), &from.seconds.back()}) {
        if (cell->type.physical == pillar::physical_type::integer128) cell->integer %= int128{1} << 70;
        if (std::isinf(cell->real) && random.chance(3, 4)) cell->real = 7;
        if (std::isnan(cell->real) && round % 2 == 0) cell->real = -7.5;
        if (cell->type == type_of<double>.as_nullable() && round % 2 == 1 && random.chance(1, 3))
          cell->real = std::ldexp(cell->real, static_cast<int>(random.below(120)) - 60);
      }
    }
    const auto specs = every_spec(from.value, from.second);
    std::vector<selection_mask> where(row_count / 1024 + 1);
    for (auto& mask : where)
      for (auto& word : mask.words) word = random() | random();
    const cell_rows got = cells_of(aggregated(from, specs, keyed, random, where), keyed);
    const cell_rows again = cells_of(aggregated(from, specs, keyed, random, where), keyed);
    std::map<std::int32_t, std::vector<aggregate_row>> all, some;
    for (std::size_t i = 0; i < row_count; ++i) {
      const aggregate_row made{i, from.values[i], from.seconds[i]};
      all[from.keys[i]].push_back(made);
      some[from.keys[i]];
      if (where[i / 1024].test(i % 1024)) some[from.keys[i]].push_back(made);
    }
    ASSERT_EQ(got.size(), all.size());
    for (const auto& [key, row] : got)
      for (std::size_t a = 0; a < specs.size(); ++a) {
        SCOPED_TRACE(std::string(to_string(specs[a].kind)) + (specs[a].distinct ? " distinct" : "") + " of " +
                     pillar::to_string(from.value) + " by " + pillar::to_string(from.second) + " round " +
                     std::to_string(round));
        const auto& items = (a % 2 == 0 ? some : all).at(key);
        const bool estimate = specs[a].kind == aggregate_kind::approximate_count_distinct ||
                              specs[a].kind == aggregate_kind::any ||
                              (specs[a].kind == aggregate_kind::approximate_quantile && !specs[a].distinct);
        if (estimate) expect_estimate(specs[a], items, row[a]);
        else if (specs[a].kind != aggregate_kind::approximate_quantile)
          expect_same(reference_aggregate(specs[a].kind, specs[a], items), row[a], items.size());
        if (specs[a].kind != aggregate_kind::any) ASSERT_TRUE(same_bits(row[a], again.at(key)[a]));
      }
  }
}

scalar only(const aggregate_spec& spec, const pillar::data_type& type, const std::vector<scalar>& cells,
            const std::vector<scalar>& seconds = {});

// Sums of integers are kept in 32, 64, or more bits, as their sizes ask for, and emptied from one into the next: the same
// bits come out as of 128-bit decimals, whose sums are kept otherwise.
TEST(aggregate_grouped_state, moments_of_integers_of_any_size_are_those_of_wide_ones) {
  pillar::splitmix64 random(67);
  const auto wide = pillar::decimal_type(38, 0);
  std::vector<aggregate_spec> specs;
  for (int i = static_cast<int>(aggregate_kind::variance); i <= static_cast<int>(aggregate_kind::correlation); ++i) {
    ASSERT_TRUE(pillar::aggregate_type(static_cast<aggregate_kind>(i), wide, wide));
    specs.emplace_back(static_cast<aggregate_kind>(i), 0u, 1u);
  }
  for (int round = 0; round < turns(60); ++round) {
    // All rows of one size, some of a larger one at the end, or a size for each batch or so.
    const unsigned first_bits = 1 + static_cast<unsigned>(random.below(20));
    const bool jumps = random.chance(1, 2), large_end = random.chance(1, 2), constant = random.chance(1, 4);
    rows narrow, other;
    narrow.value = narrow.second = round % 3 == 0 ? type_of<std::int32_t> : type_of<std::int64_t>;
    other.value = other.second = wide;
    const std::size_t count = 3000 + random.below(sanitized ? 1000 : 20000);
    unsigned bits = first_bits;
    for (std::size_t i = 0; i < count; ++i) {
      if (jumps && i % 900 == 0) bits = 1 + static_cast<unsigned>(random.below(round % 3 == 0 ? 31 : 62));
      if (large_end && i == count - count / 4)
        bits = round % 3 == 0 ? 31 : 27 + static_cast<unsigned>(random.below(36));
      const auto value = [&] {
        const auto size =
            constant ? (std::int64_t{1} << bits) - 1 : static_cast<std::int64_t>(random.below(1ull << bits));
        return random.chance(1, 2) && !constant ? -size - 1 : size;
      };
      const std::int64_t x = value(), y = value();
      narrow.keys.push_back(static_cast<std::int32_t>(constant ? 0 : random.below(9)));
      narrow.values.push_back(scalar::of_integer(narrow.value, x));
      narrow.seconds.push_back(scalar::of_integer(narrow.value, y));
      other.values.push_back(scalar::of_integer(wide, x));
      other.seconds.push_back(scalar::of_integer(wide, y));
    }
    other.keys = narrow.keys;
    std::vector<selection_mask> where(count / 1024 + 1, selection_mask::first(1024));
    const cell_rows got = cells_of(aggregated(narrow, specs, true, random, where), true);
    const cell_rows wanted = cells_of(aggregated(other, specs, true, random, where), true);
    ASSERT_EQ(got.size(), wanted.size());
    for (const auto& [key, row] : wanted)
      for (std::size_t a = 0; a < specs.size(); ++a)
        ASSERT_TRUE(same_bits(got.at(key)[a], row[a]))
            << to_string(specs[a].kind) << ", " << first_bits << " bits, round " << round << ": "
            << pillar::to_string(got.at(key)[a]) << " for " << pillar::to_string(row[a]);
  }
}

// One batch of 25 bits after another, in one state: a field would overflow after few rows of 32 bits, or 2^12 of 64.
TEST(aggregate_grouped_state, moments_are_emptied_before_they_overflow) {
  for (const std::int64_t size : {3, 1000, 33'000'000, 70'000'000}) {
    std::vector<scalar> narrow, wide;
    for (int i = 0; i < (sanitized ? 8000 : 70'000); ++i) {
      narrow.push_back(scalar::of_integer(type_of<std::int64_t>, i % 2 == 0 ? size : -size - 1));
      wide.push_back(scalar::of_integer(pillar::decimal_type(38, 0), i % 2 == 0 ? size : -size - 1));
    }
    const auto kind = aggregate_kind::variance;
    EXPECT_EQ(only({kind}, type_of<std::int64_t>, narrow).real, only({kind}, pillar::decimal_type(38, 0), wide).real);
    const aggregate_spec two(aggregate_kind::covariance, 0u, 1u);
    EXPECT_EQ(only(two, type_of<std::int64_t>, narrow, narrow).real,
              only(two, pillar::decimal_type(38, 0), wide, wide).real);
  }
}

scalar only(const aggregate_spec& spec, const pillar::data_type& type, const std::vector<scalar>& cells,
            const std::vector<scalar>& seconds) {
  const pillar::data_type types[] = {type, type};
  auto made = *aggregator::make({}, types, std::span(&spec, 1));
  for (std::size_t at = 0; at < cells.size(); at += 1024) {
    const auto end = static_cast<std::ptrdiff_t>(std::min<std::size_t>(cells.size(), at + 1024));
    const auto begin = static_cast<std::ptrdiff_t>(at);
    const auto& other = seconds.empty() ? cells : seconds;
    const auto x = make_vector(type, std::vector<scalar>(cells.begin() + begin, cells.begin() + end));
    const auto y = make_vector(type, std::vector<scalar>(other.begin() + begin, other.begin() + end));
    const pillar::vector* inputs[] = {&x.view, &y.view};
    EXPECT_TRUE(made.update({}, inputs, selection_mask::first(x.view.size), x.view.size, {}, {}, {at, nullptr}).ok());
  }
  return pillar::get((*made.finish())[0].slice(0, 1), 0);
}

// Values in every order that a choice of pivots may fall for, many of them equal.
TEST(aggregate_grouped_state, quantiles_of_values_in_any_order) {
  pillar::splitmix64 random(71);
  for (const int count : {1, 2, 63, 64, 65, 66, 200, 1023, sanitized ? 1500 : 6000})
    for (int pattern = 0; pattern < 8; ++pattern) {
      std::vector<scalar> cells;
      std::vector<double> sorted;
      for (int i = 0; i < count; ++i) {
        const int value = pattern == 0   ? 7
                          : pattern == 1 ? i
                          : pattern == 2 ? -i
                          : pattern == 3 ? i % 2
                          : pattern == 4 ? std::min(i, count - i)
                          : pattern == 5 ? (i == count / 2 ? -5 : 3)
                          : pattern == 6 ? static_cast<int>(random.below(4))
                                         : static_cast<int>(random.below(1'000'000)) - 500'000;
        sorted.push_back(value);
        cells.push_back(scalar::of_real(type_of<double>, value));
      }
      std::sort(sorted.begin(), sorted.end());
      for (const double part : {0.0, 0.01, 0.5, 0.75, 1.0}) {
        aggregate_spec spec(aggregate_kind::quantile);
        spec.quantile = part;
        const double place = part * (count - 1), below = std::floor(place);
        const auto at = static_cast<std::size_t>(below);
        const double low = sorted[at], high = sorted[std::min(at + 1, sorted.size() - 1)];
        const double wanted = low == high || place == below ? low : std::fma(place - below, high - low, low);
        ASSERT_EQ(only(spec, type_of<double>, cells).real, wanted) << count << ", " << pattern << ", " << part;
      }
    }
}

// Doubles whose sums are kept in one place for all groups, as far as their sizes allow it: values below and above that place,
// zeros, negative ones and other sizes later on. The reference are sums of whole numbers in 128 bits.
TEST(aggregate_grouped_state, moments_of_reals_of_any_sizes_are_exact) {
  pillar::splitmix64 random(73);
  const auto key = type_of<std::int32_t>;
  const pillar::data_type inputs[] = {type_of<double>};
  const aggregate_spec specs[] = {{aggregate_kind::variance_population}, {aggregate_kind::variance}};
  for (int round = 0; round < 60; ++round) {
    // A value is ±(1 to 1023) · 2^(0 to 40) units; `spread` and `shift` say which of the powers a batch has.
    const int unit = std::array{0, -300, 250, -1050}[static_cast<std::size_t>(round % 4)];
    const int keys = round % 3 == 0 ? 1 : 40;
    std::map<std::int32_t, std::vector<int128>> all;
    std::vector<aggregator> parts;
    for (int i = 0; i < 2; ++i) parts.push_back(*aggregator::make(std::span(&key, 1), inputs, specs));
    for (int batch = 0; batch < 5; ++batch) {
      const int spread = round % 5 == 0 ? 41 : 1 + static_cast<int>(random.below(20));
      const int shift = batch < 2 ? 20 : static_cast<int>(random.below(static_cast<std::uint64_t>(42 - spread)));
      std::vector<scalar> key_cells, cells;
      for (int i = 0; i < 300; ++i) {
        const auto group = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(keys)));
        const int power = std::min(40, shift + static_cast<int>(random.below(static_cast<std::uint64_t>(spread))));
        auto whole = static_cast<int128>(random.below(1023) + (random.chance(1, 10) ? 0 : 1)) * (int128{1} << power);
        if (random.chance(1, 300)) whole = random.chance(1, 2) ? 1 : int128{1023} << 40;
        if (random.chance(1, 3)) whole = -whole;
        all[group].push_back(whole);
        key_cells.push_back(scalar::of_integer(key, group));
        cells.push_back(scalar::of_real(type_of<double>, std::ldexp(static_cast<double>(whole), unit)));
      }
      const auto k = make_vector(key, key_cells);
      const auto x = make_vector(type_of<double>, cells, batch == 3 ? vector_kind::dictionary : vector_kind::flat);
      const pillar::vector *key_columns[] = {&k.view}, *columns[] = {&x.view};
      ASSERT_TRUE(parts[random.below(2)].update(key_columns, columns, selection_mask::first(300), 300).ok());
    }
    if (round % 2 == 1) std::swap(parts[0], parts[1]);
    ASSERT_TRUE(parts[0].merge(parts[1]).ok());
    const cell_rows got = cells_of(parts[0], true);
    ASSERT_EQ(got.size(), all.size());
    for (const auto& [group, values] : all) {
      int128 sum = 0, squares = 0;
      for (const int128 value : values) {
        sum += value;
        squares += value * value;
      }
      const auto count = static_cast<int128>(values.size());
      const double spread = static_cast<double>(count * squares - sum * sum);
      for (const bool sample : {false, true}) {
        const scalar& one = got.at(group)[sample ? 1 : 0];
        if (sample && count == 1) {
          EXPECT_TRUE(one.null);
          continue;
        }
        const double wanted = std::ldexp(spread / static_cast<double>(count * (sample ? count - 1 : count)), 2 * unit);
        ASSERT_EQ(one.real, wanted) << "round " << round << ", group " << group;
      }
    }
  }
}

TEST(aggregate_grouped_state, groups_of_another_size_have_a_place_of_their_own) {
  // One group in ten has values of another size, as amounts of another currency: exact, and no more memory for it. Or of
  // two sizes, of which one is that of all other groups: exact, whichever comes first.
  const auto key = type_of<std::int32_t>, input = type_of<double>;
  const aggregate_spec spec{aggregate_kind::variance_population};
  constexpr int group_count = 500;
  std::uint64_t used[3];
  for (const int round : {0, 1, 2}) {
    SCOPED_TRACE(round);
    pillar::splitmix64 random(5);
    pillar::memory_budget budget;
    auto groups = *aggregator::make(std::span(&key, 1), std::span(&input, 1), std::span(&spec, 1), &budget);
    const auto unit_of = [&](int group) { return round != 0 && group % 10 == 3 ? -40 : 0; };
    std::vector<std::vector<int128>> all(group_count);
    for (int batch = 0; batch < 8; ++batch) {
      std::vector<scalar> key_cells, cells;
      for (int i = 0; i < 1000; ++i) {
        const int group = i % group_count;
        auto whole = static_cast<int128>(random.below(1023) + 1);
        if (round == 2 && unit_of(group) != 0 && random.chance(1, 4)) whole *= int128{1} << 40;
        all[static_cast<std::size_t>(group)].push_back(whole);
        key_cells.push_back(scalar::of_integer(key, group));
        cells.push_back(scalar::of_real(input, std::ldexp(static_cast<double>(whole), unit_of(group))));
      }
      const auto k = make_vector(key, key_cells), x = make_vector(input, cells);
      const pillar::vector *key_columns[] = {&k.view}, *columns[] = {&x.view};
      ASSERT_TRUE(groups.update(key_columns, columns, selection_mask::first(1000), 1000).ok());
    }
    used[round] = budget.used();
    const cell_rows got = cells_of(groups, true);
    for (int group = 0; group < group_count; ++group) {
      int128 sum = 0, squares = 0;
      for (const int128 value : all[static_cast<std::size_t>(group)]) {
        sum += value;
        squares += value * value;
      }
      const double spread = static_cast<double>(16 * squares - sum * sum);
      ASSERT_EQ(got.at(group)[0].real, std::ldexp(spread / 256, 2 * unit_of(group))) << group;
    }
  }
  EXPECT_EQ(used[1], used[0]);
  EXPECT_GT(used[2], used[0]);
}

// The variance of 0, 1, …, 999 is 1000 · 1001 / 12, wherever the values lie: textbook sums of squares lose all digits.
TEST(aggregate_grouped_state, variance_does_not_depend_on_the_mean) {
  for (const double offset : {0.0, 1e9, -1e12, 0x1p52}) {
    std::vector<scalar> values, squares;
    for (int i = 0; i < 1000; ++i) {
      values.push_back(scalar::of_real(type_of<double>, offset + i));
      squares.push_back(scalar::of_real(type_of<double>, 5 - 2 * (offset + i)));
    }
    EXPECT_EQ(only({aggregate_kind::variance}, type_of<double>, values).real, 1000.0 * 1001 / 12);
    EXPECT_EQ(only({aggregate_kind::variance_population}, type_of<double>, values).real, 999999 / 12.0);
    EXPECT_EQ(only({aggregate_kind::standard_deviation}, type_of<double>, values).real, std::sqrt(1000.0 * 1001 / 12));
    if (offset != 0x1p52) {
      EXPECT_EQ(only({aggregate_kind::covariance, 0u, 1u}, type_of<double>, values, squares).real, -1000.0 * 1001 / 6);
      EXPECT_EQ(only({aggregate_kind::correlation, 0u, 1u}, type_of<double>, values, squares).real, -1.0);
    }
  }
  const auto large = pillar::decimal_type(38, 2);
  std::vector<scalar> values;
  for (int i = 0; i < 1000; ++i) values.push_back(scalar::of_integer(large, pillar::power_of_ten(37) + 100 * i));
  EXPECT_EQ(only({aggregate_kind::variance}, large, values).real, 1000.0 * 1001 / 12);
  values.clear();
  for (const double value : {1e200, -1e200, 3e200, 1e-300})  // the squares leave the range of double, the result not
    values.push_back(scalar::of_real(type_of<double>, value));
  EXPECT_NEAR(only({aggregate_kind::standard_deviation}, type_of<double>, values).real / 1e200, 1.707825, 1e-6);
}

// Estimates of many values: HyperLogLog within four standard errors from few to many, lists and all registers.
TEST(aggregate_grouped_state, estimates_of_many_values) {
  pillar::splitmix64 random(63);
  for (const std::uint8_t bits : {4, 8, 12, 14}) {
    for (const int count : {1, 60, 3000, 60000}) {
      std::vector<scalar> values;
      for (int i = 0; i < count; ++i)
        values.push_back(scalar::of_integer(type_of<std::int64_t>, static_cast<std::int64_t>(random())));
      aggregate_spec spec(aggregate_kind::approximate_count_distinct);
      spec.register_bits = bits;
      const double error = 1.04 / std::sqrt(std::ldexp(1, bits));
      EXPECT_NEAR(static_cast<double>(only(spec, type_of<std::int64_t>, values).integer), count,
                  std::max(1.0, 4 * error * count))
          << int{bits};
    }
  }
}

TEST(aggregate_grouped_state, a_full_budget_still_delivers) {
  const auto key = type_of<std::int32_t>, texts = type_of<pillar::text>, numbers = type_of<std::int64_t>;
  const pillar::data_type types[] = {texts, numbers};
  pillar::memory_budget states, results;
  aggregate_spec third(aggregate_kind::arg_max, 1u, 1u);
  third.rank = 1000;
  const aggregate_spec specs[] = {{aggregate_kind::median, 1},
                                  {aggregate_kind::string_agg, 0},
                                  {aggregate_kind::approximate_quantile, 1},
                                  {aggregate_kind::sum, 1, {.distinct = true}},
                                  third};
  auto made = *aggregator::make(std::span(&key, 1), types, specs, &states);
  constexpr int group_count = 400;
  for (int at = 0; at < 6; ++at) {
    std::vector<scalar> keys, words, values;
    for (int i = 0; i < group_count; ++i) {
      keys.push_back(scalar::of_integer(key, i * 7919 % group_count));
      words.push_back(scalar::of_text(texts, "text " + std::to_string(at)));
      values.push_back(scalar::of_integer(numbers, (at * 5 + i) % 6));
    }
    const auto k = make_vector(key, keys), x = make_vector(texts, words), y = make_vector(numbers, values);
    const pillar::vector *key_columns[] = {&k.view}, *inputs[] = {&x.view, &y.view};
    ASSERT_TRUE(made.update(key_columns, inputs, selection_mask::first(group_count), group_count, {}, {},
                            {static_cast<std::uint64_t>(at) * group_count, nullptr})
                    .ok());
  }
  EXPECT_LT(states.used(), std::uint64_t{2} << 20);  // six rows of a group take no room for a thousand
  states.refuse(1, true);
  const auto before = made.finish(&results);
  ASSERT_TRUE(before.ok());
  std::vector<std::uint64_t> hashes(group_count);
  EXPECT_TRUE(made.groups().hash_keys(0, group_count, hashes.data()).ok());
  // Arranged, the pieces are the same.
  made.arrange();
  for (std::uint32_t first = 0; first < group_count; first += 150) {
    const std::uint32_t count = std::min<std::uint32_t>(150, group_count - first);
    const auto piece = made.finish(first, count, &results);
    ASSERT_TRUE(piece.ok());
    for (std::size_t c = 0; c < piece->size(); ++c)
      for (std::uint32_t i = 0; i < count; ++i)
        ASSERT_TRUE(pillar::get((*piece)[c].slice(i, 1), 0) == pillar::get((*before)[c].slice(first + i, 1), 0));
  }
  EXPECT_GT(states.refused(), 0u);  // the lists of distinct pairs and of buckets had no room
  states.refuse(0);
}

TEST(aggregate_grouped_state, impossible_options_are_refused) {
  const auto make = [](aggregate_spec spec, pillar::data_type type) {
    return make_grouped_state(spec, type, type).error().code;
  };
  aggregate_spec rank(aggregate_kind::arg_max), part(aggregate_kind::quantile),
      bits(aggregate_kind::approximate_count_distinct);
  rank.rank = 0;
  part.quantile = 1.5;
  bits.register_bits = 17;
  EXPECT_EQ(make(rank, type_of<double>), pillar::errc::invalid_argument);
  EXPECT_EQ(make(part, type_of<double>), pillar::errc::invalid_argument);
  EXPECT_EQ(make(bits, type_of<double>), pillar::errc::invalid_argument);
  EXPECT_EQ(make({aggregate_kind::own}, type_of<double>), pillar::errc::invalid_argument);
  EXPECT_EQ(make({aggregate_kind::variance}, type_of<pillar::text>), pillar::errc::type_mismatch);
  EXPECT_EQ(make({aggregate_kind::string_agg}, type_of<double>), pillar::errc::type_mismatch);
  aggregate_spec two(aggregate_kind::correlation);
  two.distinct = true;
  const auto real = type_of<double>;
  EXPECT_EQ(aggregator::make({}, std::span(&real, 1), std::span(&two, 1)).error().code, pillar::errc::invalid_argument);
}

// Each allocation of an update and of a merge refused in turn: the results are those before the call, and the call
// that is not refused goes on from there.
TEST(aggregate_grouped_state, a_refused_allocation_changes_nothing) {
  const auto key = type_of<std::int32_t>;
  injection_points points;
  for (const bool texts : {false, true}) {
    const pillar::data_type types[] = {texts ? type_of<pillar::text>.as_nullable() : type_of<double>.as_nullable(),
                                       texts ? type_of<pillar::text>.as_nullable() : type_of<double>.as_nullable()};
    const auto specs = every_spec(types[0], types[1]);
    pillar::splitmix64 random(62);
    pillar::memory_budget budget;
    {
      auto made = *aggregator::make(std::span(&key, 1), types, specs, &budget);
      auto plain = *aggregator::make(std::span(&key, 1), types, specs);
      for (int at = 0; at < 4; ++at) {
        std::vector<scalar> keys;
        for (int i = 0; i < 300; ++i)
          keys.push_back(
              scalar::of_integer(key, static_cast<std::int64_t>(random.below(5 + 20u * static_cast<unsigned>(at)))));
        const auto k = make_vector(key, keys), x = make_vector(types[0], random_cells(random, types[0], 300, 200)),
                   y = make_vector(types[1], random_cells(random, types[1], 300, 200));
        const pillar::vector *key_columns[] = {&k.view}, *inputs[] = {&x.view, &y.view};
        auto part = *aggregator::make(std::span(&key, 1), types, specs);
        const pillar::row_numbers numbers{static_cast<std::uint64_t>(at) * 1000, nullptr};
        ASSERT_TRUE(part.update(key_columns, inputs, selection_mask::first(300), 300, {}, {}, numbers).ok());
        const cell_rows before = cells_of(made, true);
        const auto step = [&] {
          return (at % 2 == 0 ? made.update(key_columns, inputs, selection_mask::first(300), 300, {}, {}, numbers)
                              : made.merge(part))
              .error()
              .code;
        };
        const auto unchanged = [&] {
          const cell_rows after = cells_of(made, true);
          ASSERT_EQ(after.size(), before.size());
          for (const auto& [name, row] : before)
            for (std::size_t a = 0; a < specs.size(); ++a)
              ASSERT_TRUE(same_bits(row[a], after.at(name)[a])) << to_string(specs[a].kind);
        };
        std::uint64_t number = 0;  // what finds no room may go on without: an array gives way to a hash table
        refuse_in_turn(number, budget, true, spared::ends, step, unchanged);
        points[at % 2 == 0 ? "update of all states" : "merge of all states"] += number;
        EXPECT_GE(number, at == 0 ? 10u : 2u) << "few allocations of batch " << at;
        ASSERT_TRUE(plain.merge(part).ok());
      }
      const cell_rows got = cells_of(made, true), wanted = cells_of(plain, true);
      for (const auto& [name, row] : wanted)
        for (std::size_t a = 0; a < specs.size(); ++a)
          if (specs[a].kind != aggregate_kind::any)
            ASSERT_TRUE(same_bits(row[a], got.at(name)[a])) << to_string(specs[a].kind);
    }
    EXPECT_EQ(budget.used(), 0u);
  }
}

}  // namespace
}  // namespace pillar_test::aggregate_grouped_state
