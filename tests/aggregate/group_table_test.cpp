// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/group_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "support/key_name.hpp"
#include "support/owned_vector.hpp"
#include "support/refused_in_turn.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::aggregate_group_table {
namespace {

using pillar::group_table;
using pillar::key_mode;
using pillar::scalar;
using pillar::selection_mask;
using pillar::type_of;
using pillar::vector_kind;

selection_mask random_selection(pillar::splitmix64& random, std::uint32_t rows) {
  auto mask = selection_mask::first(rows);
  const auto choice = random.below(4);
  if (choice == 0) return mask;
  for (auto& word : mask.words) word &= choice == 1 ? random() : choice == 2 ? random() & random() & random() : 0;
  return mask;
}

struct checked_table {
  std::vector<pillar::data_type> types;
  group_table table;
  std::map<std::string, std::uint32_t> seen{};

  void feed(pillar::splitmix64& random, std::uint64_t distinct, std::uint32_t rows, bool any_kind = true) {
    std::vector<std::vector<scalar>> cells;
    std::vector<owned_vector> owned;
    std::vector<const pillar::vector*> keys;
    for (const auto& type : types) {
      cells.push_back(random_cells(random, type, rows, distinct));
      const auto kind = any_kind ? static_cast<vector_kind>(random.below(4)) : vector_kind::flat;
      if (kind == vector_kind::constant && rows != 0) cells.back().assign(rows, cells.back()[0]);
      owned.push_back(make_vector(type, cells.back(), kind, type.nullable ? random.below(70) : 0));
    }
    for (const auto& made : owned) keys.push_back(&made.view);
    take(cells, keys, random_selection(random, rows), rows);
  }
  void take(const std::vector<std::vector<scalar>>& cells, const std::vector<const pillar::vector*>& keys,
            const selection_mask& selection, std::uint32_t rows) {
    check_find(cells, keys, selection, rows);
    std::vector<std::uint32_t> groups(pillar::vector_rows, 999999);
    ASSERT_TRUE(table.find_or_insert(keys, selection, rows, groups.data()).ok());
    pillar::for_each_row(selection, [&](std::uint32_t row) {
      std::string name;
      for (const auto& column : cells) name += name_of(column[row]);
      const auto found = seen.emplace(name, groups[row]).first;
      ASSERT_EQ(found->second, groups[row]) << name;
    });
    ASSERT_EQ(table.group_count(), seen.size());
  }
  /// What has a group is found, and what has none is not.
  void check_find(const std::vector<std::vector<scalar>>& cells, const std::vector<const pillar::vector*>& keys,
                  const selection_mask& selection, std::uint32_t rows) const {
    std::uint32_t slots[pillar::vector_rows];
    table.find(keys, selection, rows, slots);
    for (std::uint32_t row = 0; row < rows; ++row) {
      std::string name;
      for (const auto& column : cells) name += name_of(column[row]);
      const auto found = seen.find(name);
      ASSERT_EQ(slots[row], found == seen.end() || !selection.test(row) ? 0 : found->second + 1) << name;
    }
  }
  void check_keys() {
    const auto keys = *table.keys();
    for (std::uint32_t group = 0; group < table.group_count(); ++group) {
      std::string name;
      for (const auto& key : keys) name += name_of(pillar::get(key.slice(group, 1), 0));
      ASSERT_TRUE(seen.contains(name)) << name;
      ASSERT_EQ(seen[name], group);
    }
  }
};

TEST(aggregate_group_table, every_key_type_alone) {
  pillar::splitmix64 random(21);
  for (const bool nullable : {false, true}) {
    for (const auto& type : every_type(nullable)) {
      checked_table test{{type}, *group_table::make(std::vector{type})};
      for (int batch = 0; batch < (sanitized ? 7 : 12); ++batch)
        test.feed(random, batch < 6 ? 20 : 900, batch == 3 ? 0 : batch == 4 ? 1 : 1024);
      test.check_keys();
    }
  }
}

TEST(aggregate_group_table, several_columns_of_any_types) {
  pillar::splitmix64 random(22);
  const auto all = every_type(true);
  int modes[5] = {};
  for (int round = 0; round < turns(120); ++round) {
    std::vector<pillar::data_type> types;
    for (std::uint64_t i = 0, count = 1 + random.below(5); i < count; ++i) {
      types.push_back(all[random.below(all.size())]);
      types.back().nullable = random.chance(1, 2);
    }
    checked_table test{types, *group_table::make(types)};
    ++modes[static_cast<int>(test.table.mode())];
    for (int batch = 0; batch < 4; ++batch) test.feed(random, 2 + random.below(12), 300);
    test.check_keys();
  }
  for (int mode = 1; mode < 5; ++mode) EXPECT_GT(modes[mode], 0) << "mode " << mode << " was not tried";
}

TEST(aggregate_group_table, modes_follow_types_and_ranges) {
  const auto mode = [](std::vector<pillar::data_type> types, std::vector<pillar::key_range> ranges = {}) {
    return group_table::make(types, nullptr, ranges)->mode();
  };
  EXPECT_EQ(mode({}), key_mode::none);
  EXPECT_EQ(mode({type_of<bool>, type_of<std::int8_t>}), key_mode::array);
  EXPECT_EQ(mode({type_of<std::int16_t>.as_nullable()}), key_mode::array);
  EXPECT_EQ(mode({type_of<pillar::text>.as_nullable(), type_of<pillar::text>}), key_mode::array);
  EXPECT_EQ(mode({type_of<std::int64_t>}), key_mode::packed8);
  EXPECT_EQ(mode({type_of<std::int64_t>.as_nullable()}), key_mode::packed16);
  EXPECT_EQ(mode({type_of<pillar::text>, type_of<std::int32_t>}), key_mode::packed8);
  EXPECT_EQ(mode({type_of<std::int64_t>, type_of<std::int64_t>, type_of<std::int64_t>}), key_mode::generic);
  EXPECT_EQ(mode({type_of<std::int64_t>.as_nullable()}, {{100, 2000}}), key_mode::array);
  EXPECT_EQ(mode({type_of<std::int32_t>, type_of<std::int64_t>}, {{1, 12}, {0, 364}}), key_mode::array);
  EXPECT_EQ(group_table::make(std::vector{type_of<bool>}, nullptr, std::vector<pillar::key_range>(2)).error().code,
            pillar::errc::invalid_argument);
}

TEST(aggregate_group_table, values_beside_a_stated_range_widen_the_keys_and_keep_the_groups) {
  pillar::splitmix64 random(23);
  for (const auto& type : every_type(true)) {
    if (!pillar::is_integer(type.physical) || type.physical == pillar::physical_type::integer128) continue;
    const std::vector<pillar::key_range> ranges = {{0, 10}, {5, 6}};
    const std::vector types = {type, type_of<std::int32_t>};
    checked_table test{types, *group_table::make(types, nullptr, ranges)};
    for (int batch = 0; batch < 6; ++batch) test.feed(random, batch < 2 ? 6 : 300, 500);
    test.check_keys();
  }
}

TEST(aggregate_group_table, negative_zero_and_zero_are_one_key_and_all_nans_are) {
  for (const auto& type : {type_of<float>, type_of<double>}) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const auto made = make_vector(type, {scalar::of_real(type, 0.0), scalar::of_real(type, -0.0),
                                         scalar::of_real(type, nan), scalar::of_real(type, -nan)});
    auto table = *group_table::make(std::vector{type});
    const pillar::vector* keys[] = {&made.view};
    std::uint32_t groups[4];
    ASSERT_TRUE(table.find_or_insert(keys, selection_mask::first(4), 4, groups).ok());
    EXPECT_EQ(groups[0], groups[1]);
    EXPECT_EQ(groups[2], groups[3]);
    EXPECT_EQ(table.group_count(), 2u);
  }
}

TEST(aggregate_group_table, many_groups_in_each_mode) {
  pillar::splitmix64 random(24);
  const auto int64 = type_of<std::int64_t>;
  for (const auto& types : {std::vector{int64}, std::vector{int64, int64}, std::vector{int64, int64, int64},
                            std::vector{type_of<pillar::text>}}) {
    auto table = *group_table::make(types);
    std::map<std::uint64_t, std::uint32_t> seen;
    for (int batch = 0; batch < turns(70); ++batch) {
      std::vector<scalar> cells;
      std::vector<std::uint64_t> values;
      for (int i = 0; i < 1024; ++i) {
        values.push_back(random.below(90000));
        cells.push_back(types[0] == int64
                            ? scalar::of_integer(int64, static_cast<pillar::int128>(values.back() << 30))
                            : scalar::of_text(types[0], "a text beyond twelve bytes " + std::to_string(values.back())));
      }
      const auto made = make_vector(types[0], cells);
      const std::vector<const pillar::vector*> keys(types.size(), &made.view);
      auto selection = selection_mask::first(1024);
      for (auto& word : selection.words) word &= batch % 3 == 2 ? random() : ~std::uint64_t{0};
      std::uint32_t groups[1024];
      ASSERT_TRUE(table.find_or_insert(keys, selection, 1024, groups).ok());
      pillar::for_each_row(selection, [&](std::uint32_t row) {
        ASSERT_EQ(seen.emplace(values[row], groups[row]).first->second, groups[row]);
      });
    }
    ASSERT_EQ(table.group_count(), seen.size());
    EXPECT_GT(table.group_count(), turns(40000u));
    // Truncation forgets the newest: they get the same numbers again in the order of their return.
    table.truncate(1000);
    EXPECT_EQ(table.group_count(), 1000u);
    const auto keys = *table.keys();
    std::vector<pillar::vector> views;
    std::vector<const pillar::vector*> pointers;
    for (const auto& key : keys) views.push_back(key.slice(0, 1000));
    for (const auto& view : views) pointers.push_back(&view);
    std::uint32_t groups[1024];
    ASSERT_TRUE(table.find_or_insert(pointers, selection_mask::first(1000), 1000, groups).ok());
    for (std::uint32_t i = 0; i < 1000; ++i) ASSERT_EQ(groups[i], i);
    EXPECT_EQ(table.group_count(), 1000u);
  }
}

// Slots are group numbers + 1, and 0 for rows that are not selected: in every mode, for any selection.
TEST(aggregate_group_table, slots_are_numbers_and_zero) {
  pillar::splitmix64 random(26);
  const auto all = every_type(true);
  for (int round = 0; round < turns(120); ++round) {
    std::vector<pillar::data_type> types;
    for (std::uint64_t i = 1 + random.below(3); i > 0; --i) types.push_back(all[random.below(all.size())]);
    auto by_number = *group_table::make(types), by_slot = *group_table::make(types);
    for (int batch = 0; batch < 3; ++batch) {
      const auto rows = static_cast<std::uint32_t>(1 + random.below(1024));
      std::vector<owned_vector> owned;
      std::vector<const pillar::vector*> keys;
      for (const auto& type : types)
        owned.push_back(make_vector(type, random_cells(random, type, rows, 2 + random.below(40)),
                                    random.chance(1, 2) ? vector_kind::flat : vector_kind::dictionary));
      for (const auto& one : owned) keys.push_back(&one.view);
      selection_mask selection = selection_mask::first(rows);
      if (batch != 0)
        for (std::uint32_t row = 0; row < rows; ++row) pillar::assign_bit(selection.words, row, random.chance(4, 5));
      std::uint32_t numbers[1024], slots[1024];
      ASSERT_TRUE(by_number.find_or_insert(keys, selection, rows, numbers).ok());
      if (batch == 1) by_slot.begin_block();
      ASSERT_TRUE(by_slot.find_slots(keys, selection, rows, slots).ok());
      ASSERT_EQ(by_slot.group_count(), by_number.group_count());
      for (std::uint32_t row = 0; row < rows; ++row)
        ASSERT_EQ(slots[row], selection.test(row) ? numbers[row] + 1 : 0) << "round " << round << " row " << row;
      if (batch == 1) by_slot.begin_block();
    }
  }
}

// Flat 64-bit integers are looked up where they lie, if all rows are selected; and whatever their order, a table of few
// buckets grows in the middle of a batch.
TEST(aggregate_group_table, whole_words_are_keys_where_they_lie) {
  pillar::splitmix64 random(77);
  const auto type = pillar::type_of<std::int64_t>;
  for (int round = 0; round < turns(30); ++round) {
    auto by_number = *group_table::make(std::span(&type, 1)), by_slot = *group_table::make(std::span(&type, 1));
    const std::uint64_t distinct = std::uint64_t{1} << random.below(13);
    for (int batch = 0; batch < 12; ++batch) {
      const auto rows = static_cast<std::uint32_t>(1 + random.below(1024));
      std::vector<std::int64_t> values(rows);
      for (auto& value : values) value = static_cast<std::int64_t>(random.below(distinct) * 0x9e3779b97f4a7c15u);
      const pillar::vector key = view_of(type, values);
      const pillar::vector* keys[] = {&key};
      selection_mask selection = selection_mask::first(rows);
      if (batch % 3 == 1)
        for (std::uint32_t row = 0; row < rows; ++row) pillar::assign_bit(selection.words, row, random.chance(3, 4));
      std::uint32_t numbers[1024], slots[1024], found[1024];
      ASSERT_TRUE(by_number.find_or_insert(keys, selection, rows, numbers).ok());
      ASSERT_TRUE(by_slot.find_slots(keys, selection, rows, slots).ok());
      ASSERT_EQ(by_slot.group_count(), by_number.group_count());
      by_slot.find(keys, selection, rows, found);
      for (std::uint32_t row = 0; row < rows; ++row) {
        ASSERT_EQ(slots[row], selection.test(row) ? numbers[row] + 1 : 0) << "round " << round << " row " << row;
        ASSERT_EQ(found[row], slots[row]);
      }
      if (batch % 4 == 3) {
        const std::uint32_t kept = by_slot.group_count() / 2;
        by_slot.truncate(kept);
        by_number.truncate(kept);
      }
    }
  }
}

TEST(aggregate_group_table, a_dictionary_without_entries_is_all_null) {
  const auto type = pillar::type_of<std::int32_t>.as_nullable();
  const auto flat = make_vector(type, {pillar::scalar::of_integer(type, 1), pillar::scalar::of_null(type)});
  pillar::vector entries, empty;
  entries.type = empty.type = type;
  empty.kind = vector_kind::dictionary;
  empty.dictionary = &entries;
  const std::uint32_t codes[2] = {1u << 30, 0};
  const std::uint64_t validity[1] = {0};
  empty.codes = codes;
  empty.validity = validity;
  empty.size = 2;
  const pillar::data_type types[] = {type, type};
  const pillar::vector* const keys[] = {&flat.view, &empty};
  auto table = *group_table::make(types);
  std::uint32_t numbers[1024], slots[1024];
  ASSERT_TRUE(table.find_or_insert(keys, selection_mask::first(2), 2, numbers).ok());
  EXPECT_EQ(table.group_count(), 2u);
  table.find(keys, selection_mask::first(2), 2, slots);
  EXPECT_EQ(slots[0], numbers[0] + 1);
  EXPECT_EQ(slots[1], numbers[1] + 1);
}

// Within a block a dictionary is looked up once; the next block may hold others at the same address, and a truncation
// takes groups away.
TEST(aggregate_group_table, dictionaries_of_blocks) {
  const auto text = type_of<pillar::text>;
  for (const std::size_t key_count : {1u, 2u, 3u}) {
    for (const bool with_null : {false, true}) {
      const std::vector types(key_count, text.as_nullable(with_null));
      auto table = *group_table::make(types);
      pillar::vector dictionary;  // the address that stays
      std::map<std::string, std::uint32_t> seen;
      for (int block = 0; block < 4; ++block) {
        table.begin_block();
        for (int batch = 0; batch < 3; ++batch) {
          std::vector<scalar> cells;
          for (int i = 0; i < 200; ++i)
            cells.push_back(with_null && i % 7 == 3 ? scalar::of_null(text)
                                                    : scalar::of_text(text, "entry " + std::to_string(i % 5) + " of " +
                                                                                std::to_string(block)));
          auto made = make_vector(types[0], cells, vector_kind::dictionary);
          dictionary = *made.view.dictionary;
          made.view.dictionary = &dictionary;
          const std::vector<const pillar::vector*> keys(key_count, &made.view);
          std::uint32_t slots[1024];
          ASSERT_TRUE(table.find_slots(keys, selection_mask::first(200), 200, slots).ok());
          for (std::size_t i = 0; i < cells.size(); ++i)
            ASSERT_EQ(seen.emplace(cells[i].null ? "NULL" : cells[i].text, slots[i]).first->second, slots[i]);
          if (block == 2 && batch == 1) {
            table.truncate(2);
            for (auto entry = seen.begin(); entry != seen.end();)
              entry = entry->second > 2 ? seen.erase(entry) : std::next(entry);
          }
        }
      }
      EXPECT_EQ(table.group_count(), seen.size());
      EXPECT_EQ(table.mode(), key_mode::array);
    }
  }
}

// The keys are laid out anew while a block's new entries are looked up.
TEST(aggregate_group_table, blocks_of_new_entries_leave_the_array) {
  const auto text = type_of<pillar::text>;
  const std::vector types = {text};
  auto table = *group_table::make(types);
  std::uint32_t expected = 0;
  for (int block = 0; block < 6; ++block) {
    std::vector<pillar::text_slot> words;
    std::vector<std::uint32_t> codes;
    for (int i = 0; i < 1000; ++i)
      words.push_back(pillar::text_slot::make_inline("w" + std::to_string(block * 1000 + i)));
    for (std::uint32_t i = 0; i < 1024; ++i) codes.push_back(i % 1000);
    pillar::vector entries, keys;
    entries.type = keys.type = text;
    entries.size = 1000;
    entries.values = words.data();
    keys.kind = vector_kind::dictionary;
    keys.size = 1024;
    keys.dictionary = &entries;
    keys.codes = codes.data();
    table.begin_block();
    const pillar::vector* const columns[] = {&keys};
    std::uint32_t slots[1024];
    ASSERT_TRUE(table.find_slots(columns, selection_mask::first(1024), 1024, slots).ok());
    for (std::uint32_t i = 0; i < 1024; ++i) ASSERT_EQ(slots[i], expected + i % 1000 + 1) << block;
    expected += 1000;
    ASSERT_EQ(table.group_count(), expected);
  }
  EXPECT_EQ(table.mode(), key_mode::packed16);
}

// Texts start with few bits of an array's index; more of them move the table to wide keys, with the same groups.
TEST(aggregate_group_table, many_texts_leave_the_array) {
  const auto text = type_of<pillar::text>;
  const std::vector types = {text, type_of<std::int16_t>.as_nullable(), text};
  const std::vector<pillar::key_range> ranges = {{}, {0, 9}, {}};
  auto table = *group_table::make(types, nullptr, ranges);
  EXPECT_EQ(table.mode(), key_mode::array);
  std::map<std::uint32_t, std::uint32_t> seen;
  for (std::uint32_t batch = 0; batch < 4; ++batch) {
    std::vector<scalar> cells, digits;
    for (std::uint32_t i = 0; i < 500; ++i) {
      cells.push_back(scalar::of_text(text, std::to_string(i % (50u << batch))));
      digits.push_back(scalar::of_integer(types[1], i % 3));
    }
    const auto made = make_vector(text, cells), digit = make_vector(types[1], digits);
    const pillar::vector* keys[] = {&made.view, &digit.view, &made.view};
    std::uint32_t groups[1024];
    ASSERT_TRUE(table.find_or_insert(keys, selection_mask::first(500), 500, groups).ok());
    for (std::uint32_t i = 0; i < 500; ++i)
      ASSERT_EQ(seen.emplace(i % (50u << batch) * 3 + i % 3, groups[i]).first->second, groups[i]);
  }
  EXPECT_EQ(table.group_count(), seen.size());
  EXPECT_EQ(table.mode(), key_mode::packed16);
}

/// Rows of a dictionary whose codes are given.
struct coded {
  pillar::vector view{};
  coded(const pillar::vector& dictionary, const std::vector<std::uint32_t>& codes) {
    view.type = dictionary.type;
    view.kind = vector_kind::dictionary;
    view.size = static_cast<std::uint32_t>(codes.size());
    view.codes = codes.data();
    view.dictionary = &dictionary;
  }
};

// Rows find their groups by combined codes until too many of those are new; in the next block most are known
// beforehand, but for an entry that has no number yet.
TEST(aggregate_group_table, many_combined_codes) {
  const auto text = type_of<pillar::text>;
  constexpr std::uint32_t entries = 254;
  const std::vector types = {text, text};
  auto table = *group_table::make(types);
  std::map<std::string, std::uint32_t> seen;
  for (const bool renewed : {false, true}) {
    std::vector<scalar> words;
    for (std::uint32_t i = 0; i < entries; ++i)
      words.push_back(scalar::of_text(text, i == 0 && renewed ? "new" : "entry " + std::to_string(i)));
    const auto dictionary = make_vector(text, words);
    table.begin_block();
    pillar::splitmix64 random(47);
    for (std::uint32_t batch = 0; batch < 18; ++batch) {
      std::vector<std::uint32_t> first, second;
      for (std::uint32_t i = 0; i < 1024; ++i) {
        first.push_back((batch * 1024 + i) / entries);
        second.push_back((batch * 1024 + i + (renewed ? 200 : 0)) % entries);
      }
      const coded one(dictionary.view, first), two(dictionary.view, second);
      const pillar::vector* keys[] = {&one.view, &two.view};
      const auto selection = renewed ? random_selection(random, 1024) : selection_mask::first(1024);
      std::uint32_t slots[1024];
      ASSERT_TRUE(table.find_slots(keys, selection, 1024, slots).ok());
      for (std::uint32_t i = 0; i < 1024; ++i) {
        if (!selection.test(i)) {
          ASSERT_EQ(slots[i], 0u);
          continue;
        }
        const std::string name = words[first[i]].text + "," + words[second[i]].text;
        ASSERT_EQ(seen.emplace(name, slots[i]).first->second, slots[i]) << name;
      }
      ASSERT_EQ(table.group_count(), seen.size());
    }
  }
  EXPECT_EQ(table.mode(), key_mode::array);
}

std::vector<std::string> names_of(const group_table& table) {
  const auto keys = *table.keys();
  std::vector<std::string> names(table.group_count());
  for (std::uint32_t group = 0; group < names.size(); ++group)
    for (const auto& key : keys) names[group] += name_of(pillar::get(key.slice(group, 1), 0));
  return names;
}

/// Texts that differ by zeros at their end, of 3 to 20 bytes, some above 127.
std::string tailed(std::uint32_t number) {
  const std::uint32_t stem = number / 18;
  std::string made;
  for (const std::uint32_t byte : {stem & 0xff, stem >> 8 & 0xff, std::uint32_t{200}})
    made += static_cast<char>(static_cast<unsigned char>(byte));
  return made + std::string(number % 18, '\0');
}

// A text of up to 12 bytes is a key as it is, one of more by a number: lengths around that, in each kind of vector,
// long ones after many short ones, and tables with and without long ones in each other.
TEST(aggregate_group_table, short_and_long_texts) {
  const auto text = type_of<pillar::text>.as_nullable();
  pillar::splitmix64 random(48);
  const auto filled = [&](std::uint32_t batches, std::uint32_t of_short, std::uint32_t distinct) {
    checked_table test{{text}, *group_table::make(std::vector{text})};
    for (std::uint32_t batch = 0; batch < batches; ++batch) {
      std::vector<scalar> cells;
      for (std::uint32_t i = 0; i < 1024; ++i) {
        auto number = static_cast<std::uint32_t>(random.below(distinct));
        if (batch < of_short) number -= number % 18 > 9 ? 9 : 0;  // at most 12 bytes
        const std::uint64_t one = random.below(200);
        cells.push_back(one == 0   ? scalar::of_null(text)
                        : one == 1 ? scalar::of_text(text, "")
                                   : scalar::of_text(text, tailed(number)));
      }
      const auto kind = batch % 4 == 1   ? vector_kind::dictionary
                        : batch % 4 == 3 ? vector_kind::run_end
                                         : vector_kind::flat;
      if (kind == vector_kind::run_end)
        for (std::uint32_t i = 1; i < 1024; i += 2) cells[i] = cells[i - 1];
      const auto made = make_vector(text, cells, kind, batch % 3 == 0 ? 5 : 0);
      const auto selection = batch % 4 == 2 ? random_selection(random, 1024) : selection_mask::first(1024);
      test.take({cells}, {&made.view}, selection, 1024);
      if (batch + 1 == of_short && distinct > 40'000) EXPECT_EQ(test.table.mode(), key_mode::packed16);
    }
    test.check_keys();
    return test;
  };
  const auto few = filled(2, 1, 100), brief = filled(8, 8, 80'000), other = filled(8, 8, 80'000);
  const auto both = filled(14, 8, 80'000), mixed = filled(12, 7, 80'000);
  EXPECT_EQ(few.table.mode(), key_mode::array);
  const checked_table* const all[] = {&few, &brief, &other, &both, &mixed};
  for (const checked_table* into : {&few, &brief, &mixed}) {
    auto table = *group_table::from_keys(*into->table.keys());
    auto names = names_of(table);
    for (const checked_table* from : all) {
      std::vector<std::uint32_t> group_of(from->table.group_count());
      ASSERT_TRUE(table.merge(from->table, group_of.data()).ok());
      names = names_of(table);
      for (const auto& [name, group] : from->seen) ASSERT_EQ(names[group_of[group]], name);
    }
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  }
}

// Tables of any key types, laid out alike or not, merge into one; so do parts of them, and equal keys have one hash.
TEST(aggregate_group_table, merged_tables_have_the_groups_of_both) {
  pillar::splitmix64 random(31);
  const auto all = every_type(true);
  for (int round = 0; round < turns(60); ++round) {
    std::vector<pillar::data_type> types;
    for (std::uint64_t i = 1 + random.below(3); i > 0; --i) types.push_back(all[random.below(all.size())]);
    const bool one_range = round % 3 == 0 && pillar::is_integer(types[0].physical);
    std::vector<pillar::key_range> ranges(one_range ? types.size() : 0);
    if (one_range) ranges[0] = {0, 100};
    checked_table left{types, *group_table::make(types, nullptr, round % 2 == 0 ? ranges : decltype(ranges){})},
        right{types, *group_table::make(types, nullptr, ranges)};
    const std::uint64_t distinct = round % 5 == 0 ? 3000 : 30;
    for (int batch = 0; batch < 4; ++batch) {
      left.feed(random, distinct, 500);
      right.feed(random, distinct * 2, 700);
    }
    const auto theirs = names_of(right.table);
    std::vector<std::uint64_t> hashes(theirs.size());
    ASSERT_TRUE(right.table.hash_keys(0, right.table.group_count(), hashes.data()).ok());
    std::map<std::string, std::uint64_t> hash_of;
    for (std::size_t g = 0; g < theirs.size(); ++g) hash_of[theirs[g]] = hashes[g];
    std::vector<std::uint32_t> some, group_of(theirs.size(), 0), group_of_some;
    for (std::uint32_t g = 0; g < theirs.size(); ++g)
      if (random.chance(1, 3)) some.push_back(g);
    group_of_some.resize(some.size());
    ASSERT_TRUE(left.table.merge(right.table, some, group_of_some.data()).ok());
    ASSERT_TRUE(left.table.merge(right.table, group_of.data()).ok());
    const auto ours = names_of(left.table);
    for (std::size_t g = 0; g < theirs.size(); ++g) ASSERT_EQ(ours[group_of[g]], theirs[g]);
    for (std::size_t i = 0; i < some.size(); ++i) ASSERT_EQ(group_of_some[i], group_of[some[i]]);
    std::map<std::string, int> both;
    for (const auto& name : theirs) both[name] = 1;
    for (const auto& [name, group] : left.seen) {
      both[name] = 1;
      ASSERT_EQ(ours[group], name);
    }
    ASSERT_EQ(left.table.group_count(), both.size());
    hashes.resize(ours.size());
    ASSERT_TRUE(left.table.hash_keys(0, left.table.group_count(), hashes.data()).ok());
    for (std::size_t g = 0; g < ours.size(); ++g)
      if (hash_of.contains(ours[g])) ASSERT_EQ(hash_of[ours[g]], hashes[g]);
    // Stored as columns, and read again.
    const auto columns = *left.table.keys();
    const auto again = *group_table::from_keys(columns);
    ASSERT_EQ(names_of(again), ours);
  }
  auto integers = *group_table::make(std::vector{type_of<std::int64_t>});
  EXPECT_EQ(integers.merge(*group_table::make(std::vector{type_of<std::int32_t>}), nullptr).error().code,
            pillar::errc::type_mismatch);
  pillar::column_builder twice(type_of<std::int64_t>);
  ASSERT_TRUE(twice.append_integer(5).ok() && twice.append_integer(5).ok());
  const std::vector columns = {*twice.finish()};
  EXPECT_EQ(group_table::from_keys(columns).error().code, pillar::errc::invalid_argument);
}

/// Adds keys in batches and checks each one's group against a map.
struct integer_feed {
  group_table& table;
  std::map<std::int64_t, std::uint32_t> seen{};
  void operator()(const std::vector<std::int64_t>& values) {
    const auto type = table.key_types()[0];
    for (std::size_t first = 0; first < values.size(); first += 1024) {
      const auto rows = static_cast<std::uint32_t>(std::min<std::size_t>(1024, values.size() - first));
      const pillar::vector view = view_of(type, values.data() + first, rows);
      const pillar::vector* keys[] = {&view};
      std::uint32_t groups[1024], slots[1024];
      ASSERT_TRUE(table.find_or_insert(keys, selection_mask::first(rows), rows, groups).ok());
      for (std::uint32_t i = 0; i < rows; ++i)
        ASSERT_EQ(seen.emplace(values[first + i], groups[i]).first->second, groups[i]);
      table.find(keys, selection_mask::first(rows), rows, slots);
      for (std::uint32_t i = 0; i < rows; ++i) ASSERT_EQ(slots[i], groups[i] + 1);
    }
    ASSERT_EQ(table.group_count(), seen.size());
  }
};

// Integers that turn out dense move into an array, those outside it move them out; sparse and skewed ones stay.
TEST(aggregate_group_table, modes_follow_the_keys_that_come) {
  pillar::splitmix64 random(32);
  for (const bool nullable : {false, true}) {
    if (sanitized && !nullable) continue;
    auto table = *group_table::make(std::vector{type_of<std::int64_t>.as_nullable(nullable)});
    const auto hashed = table.mode();
    EXPECT_EQ(hashed, nullable ? key_mode::packed16 : key_mode::packed8);
    integer_feed feed{table};
    std::vector<std::int64_t> values;
    for (int i = 0; i < 120'000; ++i) values.push_back(static_cast<std::int64_t>(random.below(200'000)) - 100'000);
    feed(values);
    EXPECT_EQ(table.mode(), hashed);
    for (auto& value : values) value = static_cast<std::int64_t>(random.below(200'000)) - 100'000;
    feed(values);
    EXPECT_EQ(table.mode(), key_mode::array);
    if (nullable) {
      const auto null = make_vector(table.key_types()[0], {scalar::of_null(table.key_types()[0])});
      const pillar::vector* keys[] = {&null.view};
      std::uint32_t group = 0;
      ASSERT_TRUE(table.find_or_insert(keys, selection_mask::first(1), 1, &group).ok());
      EXPECT_EQ(group, table.group_count() - 1);
      table.truncate(group);
    }
    feed({5'000'000'000, 7, -5'000'000'000});
    EXPECT_EQ(table.mode(), hashed);
    feed(values);
  }
  // Nine rows in ten are one key, the others come in no order: both ways through a batch.
  auto table = *group_table::make(std::vector{type_of<std::int64_t>});
  integer_feed feed{table};
  std::vector<std::int64_t> values;
  for (int i = 0; i < 150'000; ++i)
    values.push_back(random.chance(i < 60'000 ? 9 : 1, 10) ? 77 : static_cast<std::int64_t>(random() | 1));
  feed(values);
  EXPECT_EQ(table.mode(), key_mode::packed8);
}

// Serial numbers end in an array in whatever order they come, and NULL goes along; what is no longer dense leaves it, and
// comes back when it is again.
TEST(aggregate_group_table, serial_numbers_end_in_an_array) {
  constexpr std::int64_t count = 400'000;
  const auto type = type_of<std::int64_t>.as_nullable();
  const auto null = make_vector(type, {scalar::of_null(type)});
  const pillar::vector* nulls[] = {&null.view};
  for (const int order : {0, 1, 2, 3}) {
    if (sanitized && order % 2 == 1) continue;
    auto table = *group_table::make(std::vector{type});
    std::vector<std::int64_t> values(1024);
    std::vector<std::uint32_t> groups(1024);
    std::uint32_t of_null = 0;
    const auto feed = [&](std::int64_t first) {
      const pillar::vector view = view_of(type, values);
      const pillar::vector* keys[] = {&view};
      for (std::int64_t i = 0; i < 1024; ++i) {
        const std::int64_t at = first + i;
        values[static_cast<std::size_t>(i)] = order == 0   ? at
                                              : order == 1 ? -at
                                              : order == 2 ? (at % 2 == 0 ? at : -at)
                                                           : std::numeric_limits<std::int64_t>::max() - at;
      }
      ASSERT_TRUE(table.find_or_insert(keys, selection_mask::first(1024), 1024, groups.data()).ok());
    };
    for (std::int64_t first = 0; first < count; first += 1024) {
      feed(first);
      for (std::uint32_t i = 0; i < 1024; ++i)
        ASSERT_EQ(groups[i], static_cast<std::uint32_t>(first) + i + (first == 0 ? 0u : 1u));
      if (first == 0) {
        ASSERT_TRUE(table.find_or_insert(nulls, selection_mask::first(1), 1, &of_null).ok());
        ASSERT_EQ(of_null, 1024u);
      }
    }
    EXPECT_EQ(table.mode(), key_mode::array) << "order " << order;
    feed(1024);
    EXPECT_EQ(groups[5], 1030u);  // as before
    ASSERT_TRUE(table.find_or_insert(nulls, selection_mask::first(1), 1, groups.data()).ok());
    EXPECT_EQ(groups[0], of_null);
    const auto last = table.group_count() - 1;
    pillar::column_builder keys(type);
    ASSERT_TRUE(table.append_keys(0, 1024, 1, keys).ok() && table.append_keys(0, last, 1, keys).ok());
    const auto made = *keys.finish();
    EXPECT_TRUE(pillar::get(made.slice(0, 1), 0).null);
    feed((last / 1024) * 1024 - 1024);
    EXPECT_EQ(pillar::get(made.slice(1, 1), 0).integer, static_cast<pillar::int128>(values.back()) + 0);
  }
  auto table = *group_table::make(std::vector{type_of<std::int64_t>});
  integer_feed feed{table};
  std::vector<std::int64_t> values(150'000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int64_t>(i);
  feed(values);
  EXPECT_EQ(table.mode(), key_mode::array);
  feed({std::int64_t{1} << 60});
  EXPECT_EQ(table.mode(), key_mode::packed8);
}

// What was promised an array when there was memory goes without where others have taken it.
TEST(aggregate_group_table, arrays_give_way_to_hash_tables) {
  const auto type = type_of<std::int64_t>;
  const std::vector<pillar::key_range> range = {{0, 999'999}};
  pillar::memory_budget budget(17'000'000);
  std::vector<group_table> tables;
  for (int i = 0; i < 8; ++i) {
    tables.push_back(*group_table::make(std::vector{type}, &budget, range, 1'000'000));
    EXPECT_EQ(tables.back().mode(), key_mode::array);
  }
  int arrays = 0;
  for (auto& table : tables) {
    integer_feed feed{table};
    feed({5, 999'999, 5, 77});
    arrays += table.mode() == key_mode::array ? 1 : 0;
  }
  EXPECT_EQ(arrays, 1);
  std::uint32_t group_of[3];
  ASSERT_TRUE(tables[1].merge(tables[0], group_of).ok());
  EXPECT_EQ(group_of[2], 2u);
}

// Half of the places are for speed too: where a larger table is refused, three quarters are taken before keys are.
TEST(aggregate_group_table, a_table_that_cannot_grow_takes_half_as_many_again) {
  const auto type = type_of<std::int64_t>;
  pillar::memory_budget budget((3 << 20) + (1 << 19));
  auto table = *group_table::make(std::vector{type}, &budget);
  const auto key_of = [](std::uint64_t number) { return static_cast<std::int64_t>(pillar::hash_word(number)); };
  std::vector<std::int64_t> keys(1024);
  const pillar::vector view = view_of(type, keys);
  const pillar::vector* const views[] = {&view};
  const auto make_keys = [&](std::uint32_t first) {
    for (std::uint32_t i = 0; i < 1024; ++i) keys[i] = key_of(first + i);
  };
  const auto update = [&](std::uint32_t first, std::uint32_t* slots) {
    make_keys(first);
    return table.find_slots(views, pillar::selection_mask::first(1024), 1024, slots);
  };
  std::uint32_t count = 0, slots[1024];
  while (update(count, slots).ok()) count += 1024;
  EXPECT_EQ(table.group_count(), count);
  // 53,248 lines of five places would take 3.4 MB beside the 1.7 MB of half as many, and the keys.
  EXPECT_GT(count, 90'000u);
  for (std::uint32_t first = 0; first < count; first += 1024) {
    make_keys(first);
    table.find(views, pillar::selection_mask::first(1024), 1024, slots);
    for (std::uint32_t i = 0; i < 1024; ++i) ASSERT_EQ(slots[i], first + i + 1);
  }
  EXPECT_EQ(update(count, slots).error().code, pillar::errc::out_of_memory);
  EXPECT_EQ(table.group_count(), count);
  // Keys that are there need no room.
  ASSERT_TRUE(update(1, slots).ok());
  for (std::uint32_t i = 0; i < 1024; ++i) ASSERT_EQ(slots[i], i + 2);
  EXPECT_EQ(update(count - 1, slots).error().code, pillar::errc::out_of_memory);
  EXPECT_EQ(table.group_count(), count);
}

// Nor is the room for a batch of new keys asked for where all of them are there.
TEST(aggregate_group_table, a_full_array_answers_for_keys_that_are_there) {
  const auto type = type_of<std::uint16_t>;
  pillar::memory_budget budget(384 << 10);  // 256 KiB are slots
  auto table = *group_table::make(std::vector{type}, &budget);
  std::vector<std::uint16_t> keys(1024);
  const pillar::vector view = view_of(type, keys);
  const pillar::vector* const views[] = {&view};
  const auto update = [&](std::uint32_t first, const selection_mask& rows, std::uint32_t* slots) {
    for (std::uint32_t i = 0; i < 1024; ++i) keys[i] = static_cast<std::uint16_t>(first + i);
    return table.find_slots(views, rows, 1024, slots);
  };
  const auto all = selection_mask::first(1024), half = selection_mask::first(512);
  std::uint32_t count = 0, slots[1024];
  while (update(count, all, slots).ok()) count += 1024;
  ASSERT_EQ(table.mode(), key_mode::array);
  ASSERT_GT(count, 8'000u);
  ASSERT_LT(count, 64'000u);
  for (int turn = 0; turn < 2; ++turn) {
    for (std::uint32_t first = 0; first < count; first += 1024) {
      ASSERT_TRUE(update(first, all, slots).ok()) << first;
      for (std::uint32_t i = 0; i < 1024; ++i) ASSERT_EQ(slots[i], first + i + 1);
    }
    ASSERT_TRUE(update(count - 512, half, slots).ok());  // new ones are not selected
    for (std::uint32_t i = 0; i < 1024; ++i) ASSERT_EQ(slots[i], i < 512 ? count - 511 + i : 0);
    EXPECT_EQ(update(count - 511, half, slots).error().code, pillar::errc::out_of_memory);
    EXPECT_EQ(table.group_count(), count);
  }
}

// Growing by four is for speed: where the budget has room for twice the slots, that is enough.
TEST(aggregate_group_table, growth_fits_the_budget) {
  const auto type = type_of<std::int64_t>;
  pillar::splitmix64 random(35);
  std::vector<std::int64_t> values(60'000);
  for (auto& value : values) value = static_cast<std::int64_t>(random() | 1);
  // 2^16 slots of 12 bytes, soon twice as many of them beside these, and the keys by number.
  pillar::memory_budget budget((3 << 20) + (1 << 19));
  auto table = *group_table::make(std::vector{type}, &budget);
  integer_feed feed{table};
  feed(values);
  EXPECT_EQ(table.group_count(), values.size());
}

TEST(aggregate_group_table, large_tables_grow_by_an_estimate) {
  // More than a third of the rows bring a key that was there: how many keys there will be is known before they have come.
  const std::uint32_t row_count = turns(300'000u);
  std::uint64_t room[2] = {};
  for (const bool expected : {false, true}) {
    for (const std::uint64_t limit : {pillar::memory_budget::unlimited, std::uint64_t{24} << 20}) {
      pillar::memory_budget budget(limit);
      auto table = *group_table::make(std::array{type_of<std::int64_t>}, &budget, {}, expected ? row_count : 0);
      pillar::splitmix64 random(3);
      std::map<std::int64_t, std::uint32_t> seen;
      for (std::uint32_t at = 0; at < row_count; at += 1000) {
        std::int64_t keys[1000];
        for (auto& key : keys) key = static_cast<std::int64_t>((random.below(row_count) + 1) * 0x9e3779b97f4a7c15u);
        const pillar::vector view = view_of(type_of<std::int64_t>, keys, 1000);
        const pillar::vector* const pointer = &view;
        std::uint32_t groups[1000];
        ASSERT_TRUE(table.find_or_insert({&pointer, 1}, selection_mask::first(1000), 1000, groups).ok());
        for (std::uint32_t i = 0; i < 1000; i += 10)
          ASSERT_EQ(seen.try_emplace(keys[i], groups[i]).first->second, groups[i]);
      }
      if (limit == pillar::memory_budget::unlimited) room[expected] = table.likely_groups();
      const auto groups = static_cast<double>(table.group_count());
      EXPECT_NEAR(groups, 0.632 * row_count, 0.01 * row_count);
      if (expected && limit == pillar::memory_budget::unlimited && !sanitized) {
        EXPECT_GT(static_cast<double>(table.likely_groups()), groups);
        EXPECT_LT(static_cast<double>(table.likely_groups()), 1.2 * groups);
        EXPECT_LT(static_cast<double>(budget.used()), groups * (8 * 1.2 + 12 * 2.6));
      }
    }
  }
  if (!sanitized) EXPECT_NE(room[0], room[1]);
}

TEST(aggregate_group_table, codes_take_memory_while_they_are_used) {
  const auto type = type_of<std::int32_t>;
  const pillar::key_range range{0, 99'999};
  pillar::memory_budget budget;
  auto table = *group_table::make({&type, 1}, &budget, {&range, 1});
  std::vector<std::int32_t> values = {5, 99'999, 5, 0};
  const pillar::vector view = view_of(type, values);
  const pillar::vector* const keys[] = {&view};
  std::uint32_t codes[4], slots[4];
  EXPECT_FALSE(table.has_codes());
  ASSERT_TRUE(table.find_slots(keys, selection_mask::first(4), 4, slots).ok());
  ASSERT_TRUE(table.has_codes());
  for (int turn = 0; turn < 2; ++turn) {
    const std::uint64_t before = budget.used();
    values[3] = 7 + turn;
    ASSERT_TRUE(table.prepare_codes().ok());
    EXPECT_GT(budget.used(), before);
    ASSERT_TRUE(*table.find_codes(keys, selection_mask::first(4), 4, codes));
    for (int i = 0; i < 4; ++i)
      EXPECT_EQ(codes[i], static_cast<std::uint32_t>(values[static_cast<std::size_t>(i)]) + 1);
    EXPECT_EQ(table.slot_of_code(codes[1] - 1), slots[1]);
    EXPECT_EQ(table.slot_of_code(codes[3] - 1), table.group_count());
    table.forget_codes();
    EXPECT_EQ(budget.used(), before);
  }
  EXPECT_EQ(table.group_count(), 5u);
}

TEST(aggregate_group_table, expected_rows_make_wide_ranges_arrays) {
  const auto type = type_of<std::int64_t>;
  const std::vector<pillar::key_range> range = {{-1'000'000, 1'000'000}};
  EXPECT_EQ(group_table::make(std::vector{type}, nullptr, range)->mode(), key_mode::packed8);
  EXPECT_EQ(group_table::make(std::vector{type}, nullptr, range, 900'000)->mode(), key_mode::packed8);
  pillar::memory_budget little(16'000'000);
  EXPECT_EQ(group_table::make(std::vector{type}, &little, range, 2'000'000)->mode(), key_mode::packed8);
  auto table = *group_table::make(std::vector{type}, nullptr, range, 2'000'000);
  EXPECT_EQ(table.mode(), key_mode::array);
  integer_feed feed{table};
  feed({-1'000'000, 1'000'000, 0, 0, 1'000'000});
  const std::int64_t beside[] = {-1'000'000 + (1 << 21), -1'000'000};  // 21 bits of code
  const pillar::vector view = view_of(type, beside, 2);
  const pillar::vector* keys[] = {&view};
  std::uint32_t slots[2];
  table.find(keys, selection_mask::first(2), 2, slots);
  EXPECT_EQ(slots[0], 0u);
  EXPECT_EQ(slots[1], 1u);
  feed({-1'000'001, 3});
  EXPECT_EQ(table.mode(), key_mode::packed8);
}

// A column of runs is looked up once for each run, wherever the view begins.
TEST(aggregate_group_table, runs_are_looked_up_once) {
  pillar::splitmix64 random(33);
  for (const auto& type : every_type(true)) {
    checked_table test{{type}, *group_table::make(std::vector{type})};
    for (int batch = 0; batch < 6; ++batch) {
      std::vector<scalar> cells;
      while (cells.size() < 600)
        cells.insert(cells.end(), 1 + random.below(20), random_scalar(random, type, 60, batch != 3));
      const auto made = make_vector(type, cells, vector_kind::run_end, static_cast<std::uint32_t>(random.below(70)));
      const auto rows = static_cast<std::uint32_t>(cells.size());
      const pillar::vector* keys[] = {&made.view};
      const auto selection = random_selection(random, rows);
      std::uint32_t groups[1024];
      ASSERT_TRUE(test.table.find_or_insert(keys, selection, rows, groups).ok());
      pillar::for_each_row(selection, [&](std::uint32_t row) {
        ASSERT_EQ(test.seen.emplace(name_of(cells[row]), groups[row]).first->second, groups[row]);
      });
      test.check_find({cells}, {&made.view}, selection, rows);
    }
    test.check_keys();
  }
}

// Every allocation of every operation fails in turn: the table is then as before, and the next attempt succeeds.
TEST(aggregate_group_table, each_allocation_may_fail) {
  const auto int64 = type_of<std::int64_t>, text = type_of<pillar::text>;
  injection_points points;
  for (const auto& types : {std::vector{type_of<std::int16_t>}, std::vector{int64}, std::vector{int64, int64},
                            std::vector{text}, std::vector{text, int64, int64}}) {
    pillar::splitmix64 random(34);
    pillar::memory_budget budget;
    checked_table other{types, *group_table::make(types)}, table{types, *group_table::make(types, &budget)};
    const auto feed = [&](std::uint32_t batch) {
      std::vector<std::vector<scalar>> cells;
      std::vector<owned_vector> owned;
      std::vector<const pillar::vector*> keys;
      for (const auto& type : types) {
        cells.push_back(random_cells(random, type, 1024, 40'000));
        owned.push_back(make_vector(type, cells.back(), batch % 4 == 0 ? vector_kind::flat : vector_kind::dictionary));
      }
      for (const auto& made : owned) keys.push_back(&made.view);
      const auto all = selection_mask::first(1024);
      std::uint32_t groups[1024];
      const std::uint32_t before = table.table.group_count();
      const auto add = [&] {
        return (batch % 4 == 0 ? table.table.find_slots(keys, all, 1024, groups)
                               : table.table.find_or_insert(keys, all, 1024, groups))
            .error()
            .code;
      };
      const auto unchanged = [&] {
        ASSERT_EQ(table.table.group_count(), before);
        table.check_find(cells, keys, all, 1024);
      };
      refuse_in_turn(points[batch % 4 == 0 ? "find_slots" : "find_or_insert"], budget, batch % 8 == 0, spared::ends,
                     add, unchanged);
      for (std::uint32_t row = 0; row < 1024; ++row) {
        std::string name;
        for (const auto& column : cells) name += name_of(column[row]);
        const std::uint32_t group = batch % 4 == 0 ? groups[row] - 1 : groups[row];
        ASSERT_EQ(table.seen.emplace(name, group).first->second, group);
      }
      ASSERT_EQ(table.table.group_count(), table.seen.size());
    };
    for (std::uint32_t batch = 0; batch < (sanitized ? 12 : 20); ++batch) {
      other.feed(random, 40'000, 1024, false);
      if (batch % 2 == 0) feed(batch);
    }
    auto ours = names_of(table.table);
    std::vector<std::uint32_t> group_of(other.table.group_count());
    const auto unchanged = [&] { ASSERT_EQ(names_of(table.table), ours); };
    const std::vector<std::uint32_t> some = {0, 1, 17, 900};
    const auto merge_some = [&] { return table.table.merge(other.table, some, group_of.data()).error().code; };
    const auto merge = [&] { return table.table.merge(other.table, group_of.data()).error().code; };
    refuse_in_turn(points["merge of some groups"], budget, false, spared::ends, merge_some, unchanged);
    ours = names_of(table.table);
    refuse_in_turn(points["merge"], budget, true, spared::ends, merge, unchanged);
    ours = names_of(table.table);
    const auto theirs = names_of(other.table);
    for (std::size_t g = 0; g < theirs.size(); ++g) ASSERT_EQ(ours[group_of[g]], theirs[g]);

    // What only reads leaves nothing behind.
    const std::uint64_t used = budget.used();
    const auto nothing_left = [&] { ASSERT_EQ(budget.used(), used); };
    std::vector<std::uint64_t> hashes(ours.size());
    const auto hash = [&] {
      return table.table.hash_keys(0, table.table.group_count(), hashes.data(), &budget).error().code;
    };
    pillar::memory_budget stored;
    std::vector<pillar::column> keys;
    const auto store = [&] {
      keys.clear();
      auto made = table.table.keys(&stored);
      if (made.ok()) keys = *std::move(made);
      return made.error().code;
    };
    refuse_in_turn(points["hash_keys"], budget, false, spared::goes_on, hash, nothing_left);
    refuse_in_turn(points["keys"], stored, false, spared::goes_on, store, [&] { ASSERT_EQ(stored.used(), 0u); });
    pillar::memory_budget again_budget;
    const auto read = [&] {
      const auto made = group_table::from_keys(keys, &again_budget);
      if (made.ok()) EXPECT_EQ(names_of(*made), ours);
      return made.error().code;
    };
    refuse_in_turn(points["from_keys"], again_budget, true, spared::goes_on, read,
                   [&] { ASSERT_EQ(again_budget.used(), 0u); });
  }
}

// Every limit from too little for anything to enough for all: a failed batch leaves no trace, and the table goes on.
TEST(aggregate_group_table, out_of_memory_leaves_the_table_as_before) {
  const std::vector<std::vector<pillar::data_type>> shapes = {
      {type_of<std::int16_t>},
      {type_of<std::int64_t>},
      {type_of<std::int64_t>.as_nullable(), type_of<double>},
      {type_of<pillar::text>.as_nullable()},
      {type_of<pillar::text>, type_of<pillar::decimal<38, 2>>, type_of<std::int64_t>}};
  constexpr std::uint32_t row_count = sanitized ? 350 : 700;
  for (const auto& types : shapes) {
    int failures = 0, successes = 0;
    for (std::uint64_t limit = 600; limit < 1'500'000; limit += sanitized ? limit : limit / 3) {
      pillar::splitmix64 random(25);
      pillar::memory_budget budget(limit);
      auto made = group_table::make(types, &budget);
      if (!made) continue;
      group_table table = *std::move(made);
      std::map<std::string, std::uint32_t> seen;
      for (int batch = 0; batch < 8; ++batch) {
        std::vector<std::vector<scalar>> cells;
        std::vector<owned_vector> owned;
        std::vector<const pillar::vector*> keys;
        for (const auto& type : types) {
          cells.push_back(random_cells(random, type, row_count, batch % 2 == 0 ? 20 : 3000));
          owned.push_back(make_vector(type, cells.back(), batch == 2 ? vector_kind::dictionary : vector_kind::flat));
        }
        for (const auto& one : owned) keys.push_back(&one.view);
        std::uint32_t groups[1024];
        const std::uint32_t before = table.group_count();
        const auto done = table.find_or_insert(keys, selection_mask::first(row_count), row_count, groups);
        if (!done.ok()) {
          ++failures;
          ASSERT_EQ(done.error().code, pillar::errc::out_of_memory);
          ASSERT_EQ(table.group_count(), before);
          continue;
        }
        ++successes;
        for (std::uint32_t row = 0; row < row_count; ++row) {
          std::string name;
          for (const auto& column : cells) name += name_of(column[row]);
          ASSERT_EQ(seen.emplace(name, groups[row]).first->second, groups[row]);
        }
        ASSERT_EQ(table.group_count(), seen.size());
      }
    }
    EXPECT_GT(failures, 5);
    EXPECT_GT(successes, 5);
  }
}

}  // namespace
}  // namespace pillar_test::aggregate_group_table
