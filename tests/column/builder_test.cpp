// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/builder.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/column/scalar.hpp"

namespace pillar_test::column_builder {
namespace {
using pillar::data_type;
using pillar::errc;
using pillar::scalar;
using pillar::type_of;

/// A random value of a type, NULL one time in four.
scalar random_scalar(pillar::splitmix64& random, data_type type) {
  if (type.nullable && random.chance(1, 4)) return scalar::of_null(type);
  if (type.physical == pillar::physical_type::text)
    return scalar::of_text(
        type, std::string(random.below(random.chance(1, 20) ? 3000 : 30), static_cast<char>('a' + random.below(26))));
  if (is_float(type.physical))
    return scalar::of_real(type, static_cast<double>(static_cast<std::int64_t>(random.below(2000)) - 1000) / 8);
  const pillar::int128 wide = (static_cast<pillar::int128>(random()) << 64) | random();
  switch (type.physical) {
    case pillar::physical_type::boolean: return scalar::of_integer(type, random.below(2));
    case pillar::physical_type::integer128: return scalar::of_integer(type, wide);
    default: break;
  }
  const auto span = static_cast<pillar::uint128>(highest_of(type.physical) - lowest_of(type.physical)) + 1;
  return scalar::of_integer(
      type, lowest_of(type.physical) + static_cast<pillar::int128>(static_cast<pillar::uint128>(wide) % span));
}

std::vector<data_type> all_types() {
  return {type_of<bool>,
          type_of<std::int8_t>,
          type_of<std::int16_t>,
          type_of<std::int32_t>,
          type_of<std::int64_t>,
          type_of<std::uint8_t>,
          type_of<std::uint16_t>,
          type_of<std::uint32_t>,
          type_of<std::uint64_t>,
          type_of<float>,
          type_of<double>,
          type_of<pillar::decimal<15, 2>>,
          type_of<pillar::decimal<38, 4>>,
          type_of<pillar::date>,
          type_of<pillar::timestamp<>>,
          type_of<pillar::text>,
          type_of<pillar::bytes>};
}

void expect_equal(const pillar::column& got, const std::vector<scalar>& wanted, const data_type& type) {
  ASSERT_EQ(got.size(), wanted.size());
  std::uint64_t nulls = 0;
  for (std::size_t row = 0; row < wanted.size(); ++row) {
    nulls += wanted[row].null ? 1 : 0;
    ASSERT_TRUE(get(got.slice(row, 1), 0) == wanted[row]) << to_string(type) << " row " << row;
  }
  EXPECT_EQ(got.null_count(), nulls);
}

/// Every way of appending, in random order, against a std::vector of scalars.
TEST(column_builder, agrees_with_a_list_of_cells) {
  pillar::splitmix64 random(2);
  for (data_type type : all_types()) {
    for (const bool nullable : {false, true}) {
      type.nullable = nullable;
      std::vector<scalar> source_cells, wanted;
      pillar::column_builder source_builder(type);
      for (int i = 0; i < 1500; ++i) {
        source_cells.push_back(random_scalar(random, type));
        ASSERT_TRUE(source_builder.append(source_cells.back()).ok());
      }
      const pillar::column source = *source_builder.finish();
      expect_equal(source, source_cells, type);

      pillar::column_builder builder(type, nullptr, 3);
      for (int step = 0; step < 40; ++step) {
        const auto first = static_cast<std::uint32_t>(random.below(1500));
        const auto count = static_cast<std::uint32_t>(random.below(std::min<std::uint32_t>(1024, 1500 - first) + 1));
        const pillar::vector view = source.slice(first, count);
        switch (random.below(7)) {
          case 0: {  // a whole flat vector
            ASSERT_TRUE(builder.append(view).ok());
            wanted.insert(wanted.end(), source_cells.begin() + first, source_cells.begin() + first + count);
            break;
          }
          case 1: {  // selected rows
            auto mask = pillar::selection_mask::none();
            for (std::uint32_t row = 0; row < count; ++row) {
              if (!random.chance(1, 3)) continue;
              pillar::set_bit(mask.words, row);
              wanted.push_back(source_cells[first + row]);
            }
            ASSERT_TRUE(builder.append(view, &mask).ok());
            break;
          }
          case 2: {  // row numbers in any order
            std::vector<std::uint32_t> rows;
            for (std::uint32_t i = 0; i < count / 2; ++i) {
              rows.push_back(static_cast<std::uint32_t>(random.below(1500)));
              wanted.push_back(source_cells[rows.back()]);
            }
            ASSERT_TRUE(builder.append_gather(source, rows).ok());
            break;
          }
          case 3: {  // a constant
            if (count == 0) break;
            pillar::vector constant = source.slice(first, 1);
            constant.kind = pillar::vector_kind::constant;
            constant.size = count;
            auto mask = pillar::selection_mask::first(count / 2);
            ASSERT_TRUE(builder.append(constant).ok());
            ASSERT_TRUE(builder.append(constant, &mask).ok());
            wanted.insert(wanted.end(), count + count / 2, source_cells[first]);
            break;
          }
          case 4: {  // a dictionary over valid cells, NULL by its own bitmap
            std::vector<std::uint32_t> entries;
            for (std::uint32_t row = 0; row < 1500 && entries.size() < 7; ++row)
              if (!source_cells[row].null) entries.push_back(row);
            pillar::column_builder entry_builder(type.as_nullable(false));
            pillar::vector stripped = source.slice(0, 1500);
            ASSERT_TRUE(entry_builder.append_gather(stripped, entries).ok());
            const pillar::column entry_column = *entry_builder.finish();
            const pillar::vector dictionary = entry_column.slice(0, static_cast<std::uint32_t>(entries.size()));
            std::vector<std::uint32_t> codes;
            std::vector<std::uint64_t> bits(pillar::words_for(count + 5));
            for (std::uint32_t row = 0; row < count; ++row) {
              codes.push_back(static_cast<std::uint32_t>(random.below(entries.size())));
              const bool valid = !type.nullable || random.chance(2, 3);
              if (valid) pillar::set_bit(bits.data(), row + 5);
              wanted.push_back(valid ? source_cells[entries[codes.back()]] : scalar::of_null(type));
            }
            pillar::vector coded;
            coded.type = type;
            coded.kind = pillar::vector_kind::dictionary;
            coded.size = count;
            coded.codes = codes.data();
            coded.dictionary = &dictionary;
            coded.validity = bits.data();
            coded.validity_offset = 5;
            ASSERT_TRUE(builder.append(coded).ok());
            break;
          }
          case 5: {  // runs, from the middle of the first to the middle of the last
            if (count == 0) break;
            const pillar::vector values = source.slice(first, std::min(count, 60u));
            std::vector<std::uint32_t> ends;
            for (std::uint32_t run = 0; run < values.size; ++run)
              ends.push_back((run == 0 ? 0 : ends.back()) + 1 + static_cast<std::uint32_t>(random.below(5)));
            pillar::vector runs;
            runs.type = type;
            runs.kind = pillar::vector_kind::run_end;
            runs.dictionary = &values;
            runs.validity = values.validity;
            runs.validity_offset = values.validity_offset;
            runs.run_ends = ends.data();
            runs.run_offset = ends[0] - 1;
            runs.run_count = values.size;
            runs.size = ends.back() - runs.run_offset;
            for (std::uint32_t row = 0, run = 0; row < runs.size; ++row) {
              if (runs.run_offset + row == ends[run]) ++run;
              wanted.push_back(source_cells[first + run]);
            }
            ASSERT_TRUE(builder.append(runs).ok());
            break;
          }
          default: {  // cell by cell, then some taken back
            for (std::uint32_t i = 0; i < 50; ++i) {
              wanted.push_back(random_scalar(random, type));
              ASSERT_TRUE(builder.append(wanted.back()).ok());
            }
            wanted.resize(wanted.size() - random.below(50));
            builder.truncate(wanted.size());
            break;
          }
        }
        ASSERT_EQ(builder.size(), wanted.size());
      }
      const auto made = builder.finish();
      ASSERT_TRUE(made.ok());
      expect_equal(*made, wanted, type);
      EXPECT_EQ(builder.size(), 0u);
    }
  }
}

TEST(column_builder, spans_of_values) {
  pillar::column_builder days(type_of<pillar::date>);
  const pillar::date two[2] = {pillar::date(2013, 1, 1), pillar::date(2013, 12, 31)};
  ASSERT_TRUE(days.append_values(std::span<const pillar::date>(two)).ok());
  const std::int32_t wrong[1] = {1};
  EXPECT_EQ(days.append_values(std::span<const std::int32_t>(wrong)).error().code, errc::ok)
      << "an int32 lies in memory as a date does";
  const std::int64_t wider[1] = {1};
  EXPECT_EQ(days.append_values(std::span<const std::int64_t>(wider)).error().code, errc::type_mismatch);
  EXPECT_EQ(days.size(), 3u);

  pillar::column_builder texts(type_of<pillar::text>);
  const std::string long_text(40, 'x');
  const std::string_view words[3] = {"", "short", long_text};
  ASSERT_TRUE(texts.append_values(std::span<const std::string_view>(words)).ok());
  const pillar::column made = *texts.finish();
  EXPECT_EQ(made.slice(2, 1).text_value(0), long_text);
  EXPECT_EQ(made.slice(0, 1).text_value(0), "");
}

TEST(column_builder, refusals_add_nothing) {
  pillar::column_builder bytes(type_of<std::int8_t>);
  EXPECT_EQ(bytes.append_integer(128).error(), (pillar::failure{errc::overflow, 0}));
  ASSERT_TRUE(bytes.append_integer(-128).ok());
  EXPECT_EQ(bytes.append_null().error(), (pillar::failure{errc::invalid_argument, 1}));
  EXPECT_EQ(bytes.append_real(1).error().code, errc::type_mismatch);
  EXPECT_EQ(bytes.append_text("1").error().code, errc::type_mismatch);
  EXPECT_EQ(bytes.append(scalar::of_integer(type_of<pillar::date>, 1)).error().code, errc::type_mismatch);
  EXPECT_EQ(bytes.append(scalar::of_integer(type_of<std::int64_t>, -129)).error().code, errc::overflow);
  EXPECT_TRUE(bytes.append(scalar::of_integer(type_of<std::int64_t>, 127)).ok());
  EXPECT_EQ(bytes.size(), 2u);

  pillar::column_builder money(pillar::decimal_type(15, 2));
  EXPECT_EQ(money.append(scalar::of_integer(pillar::decimal_type(15, 3), 1)).error().code, errc::type_mismatch);
  EXPECT_TRUE(money.append(scalar::of_integer(pillar::decimal_type(10, 2), 1)).ok());

  pillar::column_builder narrow(type_of<float>);
  EXPECT_EQ(narrow.append_real(1e300).error().code, errc::overflow);
  EXPECT_TRUE(narrow.append_real(std::numeric_limits<double>::infinity()).ok());

  // A vector with a NULL among its selected rows is refused as a whole, one without is not.
  const std::int32_t values[3] = {1, 2, 3};
  const std::uint64_t bits = 0b101;
  pillar::vector view;
  view.type = type_of<pillar::nullable<std::int32_t>>;
  view.size = 3;
  view.values = values;
  view.validity = &bits;
  pillar::column_builder strict(type_of<std::int32_t>);
  EXPECT_EQ(strict.append(view).error().code, errc::invalid_argument);
  auto mask = pillar::selection_mask::none();
  mask.words[0] = 0b101;
  EXPECT_TRUE(strict.append(view, &mask).ok());
  EXPECT_EQ(strict.size(), 2u);
  EXPECT_EQ(strict.finish()->null_count(), 0u);
}

TEST(column_builder, a_spent_budget_is_an_error_at_every_step_and_loses_no_row) {
  pillar::splitmix64 random(3);
  for (std::uint64_t limit = 0; limit < 60'000; limit += 1'777) {
    pillar::memory_budget budget(limit);
    {
      pillar::column_builder builder(type_of<pillar::nullable<pillar::text>>, &budget);
      std::vector<scalar> wanted;
      for (int i = 0; i < 400; ++i) {
        const scalar cell = random_scalar(random, type_of<pillar::nullable<pillar::text>>);
        const auto appended = builder.append(cell);
        if (appended.ok()) {
          wanted.push_back(cell);
        } else {
          ASSERT_EQ(appended.error().code, errc::out_of_memory);
        }
        ASSERT_EQ(builder.size(), wanted.size());
      }
      expect_equal(*builder.finish(), wanted, type_of<pillar::text>);
    }
    EXPECT_EQ(budget.used(), 0u);
  }
}

TEST(column_builder, text_chunks_stay_where_they_are) {
  pillar::column_builder builder(type_of<pillar::text>);
  const std::string huge(3'000'000, 'h');
  ASSERT_TRUE(builder.append_text(std::string(20, 'a')).ok());
  ASSERT_TRUE(builder.append_text(huge).ok());
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(builder.append_text("a text that is longer than twelve").ok());
  const pillar::column made = *builder.finish();
  EXPECT_EQ(made.slice(0, 1).text_value(0), std::string(20, 'a'));
  EXPECT_EQ(made.slice(1, 1).text_value(0), huge);
  EXPECT_EQ(made.slice(100'001, 1).text_value(0), "a text that is longer than twelve");
}

}  // namespace
}  // namespace pillar_test::column_builder
