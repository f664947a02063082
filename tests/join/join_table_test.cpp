// SPDX-License-Identifier: Apache-2.0
#include "pillar/join/join_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "join/join_sides.hpp"
#include "pillar/join/join_builder.hpp"
#include "pillar/join/key_domains.hpp"

namespace pillar_test::join_join_table {
namespace {

using pillar::join_table;
using pillar::type_of;

struct made_table {
  std::vector<pillar::data_type> types;
  key_batch keys;
  std::vector<std::byte> bytes{};
};

/// A table of each mode, with unique keys and without, with ids of every sort.
std::vector<made_table> tables() {
  pillar::splitmix64 random(81);
  std::vector<made_table> made;
  const auto add = [&](std::vector<pillar::data_type> types, bool unique, std::size_t longest, std::int64_t spread) {
    made.push_back({types, random_keys(random, types, 200, 90, longest, false, spread)});
    std::set<std::string> seen;
    if (unique) keep_first_of_each(made.back().keys, seen);
    auto builder = *pillar::join_builder::make(types);
    const auto& keys = made.back().keys;
    EXPECT_TRUE(builder.append(keys.keys, keys.selection, keys.row_count).ok());
    const auto table = *builder.seal();
    EXPECT_EQ(table.keys_are_unique(), unique);
    made.back().bytes.assign(table.bytes().begin(), table.bytes().end());
  };
  for (const bool unique : {true, false}) {
    add({type_of<std::int8_t>}, unique, 1000, 1);
    add({type_of<std::int64_t>}, unique, 1000, 1'000'003'000'007);
    add({type_of<std::int64_t>.as_nullable()}, unique, 1000, 1'000'003'000'007);
    add({type_of<pillar::text>}, unique, 12, 1);
    add({type_of<pillar::text>.as_nullable(), type_of<double>}, unique, 1000, 1);
  }
  return made;
}

/// Asks for every key; whatever the bytes say, ids stay below the table's limit.
std::uint64_t probe(const join_table& table, const key_batch& keys) {
  auto hits = std::make_unique<pillar::join_hits>();
  table.find(keys.keys, keys.selection, keys.row_count, *hits);
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < hits->count; ++i) {
    const std::uint32_t count = table.keys_are_unique() ? 1 : hits->partner_count[i];
    for (std::uint32_t at = hits->first[i]; at - hits->first[i] < count; ++at) {
      std::uint32_t id = 0;
      table.row_ids(&at, 1, &id);
      EXPECT_LT(id, table.row_id_limit());
      sum += (id + 1) * std::uint64_t{hits->rows[i] + 1u};
    }
  }
  return sum;
}

/// Whatever the bytes say, domains speak of values that the keys' types have.
void check_domains(const join_table& table) {
  for (std::uint32_t key = 0; key < table.key_types().size(); ++key)
    for (const auto& of : pillar::key_domains(table, key, 1000)) {
      const auto type = table.key_types()[key].physical;
      ASSERT_EQ(of.physical, type);
      if (type == pillar::physical_type::text || pillar::is_float(type)) continue;
      for (const auto& point : of.integers) {
        ASSERT_TRUE(point >= pillar::lowest_of(type));
        ASSERT_TRUE(point <= pillar::highest_of(type));
      }
    }
}

TEST(join_join_table, bytes_read_back_answer_alike) {
  for (const auto& made : tables()) {
    const auto first = *join_table::from_bytes(made.bytes);
    std::vector<std::byte> moved(made.bytes.size() + 1);
    std::copy(first.bytes().begin(), first.bytes().end(), moved.begin() + 1);  // unaligned
    const auto second = *join_table::from_bytes({moved.data() + 1, made.bytes.size()});
    EXPECT_GT(probe(first, made.keys), 0u);
    EXPECT_EQ(probe(first, made.keys), probe(second, made.keys));
    EXPECT_EQ(std::vector(second.key_types().begin(), second.key_types().end()), made.types);
  }
}

TEST(join_join_table, the_most_partners_are_those_of_the_most_frequent_key) {
  for (const auto& made : tables()) {
    const auto table = *join_table::from_bytes(made.bytes);
    std::map<std::string, std::uint32_t> counts;
    std::uint32_t most = 0;
    for (std::uint32_t row = 0; row < made.keys.row_count; ++row)
      if (made.keys.selection.test(row) && !made.keys.names[row].empty())
        most = std::max(most, ++counts[made.keys.names[row]]);
    EXPECT_EQ(table.most_partners(), most);
    EXPECT_EQ(most == 1, table.keys_are_unique());
  }
  const pillar::data_type type = type_of<std::int64_t>;
  EXPECT_EQ(pillar::join_builder::make({&type, 1})->seal()->most_partners(), 0u);
}

TEST(join_join_table, a_value_beyond_its_column_does_not_run_into_the_next) {
  const std::vector types = {type_of<std::int32_t>, type_of<std::int32_t>};
  auto builder = *pillar::join_builder::make(types);
  const std::int32_t low[] = {0, 1, 2, 3}, high[] = {1, 1, 0, 3};
  const pillar::vector first = view_of(types[0], low, 4), second = view_of(types[1], high, 4);
  const pillar::vector* keys[] = {&first, &second};
  ASSERT_TRUE(builder.append(keys, pillar::selection_mask::first(4), 4).ok());
  const auto table = *builder.seal();
  const std::int32_t beyond[] = {4, 5, -1, 3}, beside[] = {0, 0, 1, 3};  // 4 + 4 × 0 = 0 + 4 × 1
  const pillar::vector third = view_of(types[0], beyond, 4), fourth = view_of(types[1], beside, 4);
  const pillar::vector* probes[] = {&third, &fourth};
  auto hits = std::make_unique<pillar::join_hits>();
  table.find(probes, pillar::selection_mask::first(4), 4, *hits);
  ASSERT_EQ(hits->count, 1u);
  EXPECT_EQ(hits->rows[0], 3u);
}

/// A unique array with and without gaps, over a border of 64 keys.
TEST(join_join_table, unique_keys_of_an_array_are_ranked) {
  for (const std::int32_t step : {1, 3}) {
    std::vector<std::int32_t> values(100);
    for (std::int32_t i = 0; i < 100; ++i)
      values[static_cast<std::size_t>(i)] = -50 + i * 37 % 100 * step;  // in no order
    const pillar::vector view = view_of(type_of<std::int32_t>, values);
    const pillar::vector* keys[] = {&view};
    auto builder = *pillar::join_builder::make({&view.type, 1});
    ASSERT_TRUE(builder.append(keys, pillar::selection_mask::first(100), 100).ok());
    auto table = *builder.seal();
    ASSERT_EQ(table.mode(), pillar::join_mode::array);
    ASSERT_TRUE(table.keys_are_unique());
    EXPECT_FALSE(table.ids_are_positions());
    EXPECT_LE(table.byte_count(), 1000u);
    auto hits = std::make_unique<pillar::join_hits>();
    const auto find = [&](std::int32_t key) {
      pillar::vector one = view;
      one.size = 1;
      one.values = &key;
      const pillar::vector* pointer = &one;
      table.find({&pointer, 1}, pillar::selection_mask::first(1), 1, *hits);
      return hits->count == 0 ? pillar::no_row : hits->first[0];
    };
    std::uint32_t position = 0;
    for (std::int32_t key = -55; key < 260; ++key) {
      const auto at = std::find(values.begin(), values.end(), key);
      ASSERT_EQ(find(key), at == values.end() ? pillar::no_row : position) << key;
      if (at == values.end()) continue;
      std::uint32_t id = 0;
      table.row_ids(&position, 1, &id);
      EXPECT_EQ(id, static_cast<std::uint32_t>(at - values.begin()));
      ++position;
    }
    EXPECT_EQ(position, 100u);
    table.name_rows_by_position();
    EXPECT_TRUE(table.ids_are_positions());
    const auto again = join_table::from_bytes(table.bytes());
    ASSERT_TRUE(again.ok());
    const std::uint32_t last = 99;
    std::uint32_t id = 0;
    again->row_ids(&last, 1, &id);
    EXPECT_EQ(id, 99u);

    pillar::detail::join_header head;
    std::memcpy(&head, table.bytes().data(), sizeof head);
    for (const std::uint64_t at : {head.slots_at, head.slots_at + 8, head.slots_at + 16}) {
      std::vector<std::byte> bytes(table.bytes().begin(), table.bytes().end());
      bytes[at] ^= std::byte{1};  // a key more or less, other ranks
      EXPECT_EQ(join_table::from_bytes(bytes).error().code, pillar::errc::corrupt);
    }
  }
}

/// Where every key of an array is there, once, whole vectors are answered in one pass: as row by row, for every kind of
/// vector, width and selection, and with keys in front of the array or behind it.
TEST(join_join_table, whole_vectors_find_every_key_of_an_array) {
  constexpr std::uint32_t count = 1500;
  std::vector<std::int64_t> build(count);
  for (std::uint32_t i = 0; i < count; ++i) build[i] = -700 + static_cast<std::int64_t>((i * 7) % count);
  const auto view_of = [](const void* values, pillar::data_type type, std::uint32_t rows) {
    pillar::vector view;
    view.type = type;
    view.size = rows;
    view.values = values;
    return view;
  };
  const pillar::data_type type = type_of<std::int64_t>;
  auto builder = *pillar::join_builder::make({&type, 1});
  for (std::uint32_t at = 0; at < count; at += pillar::vector_rows) {
    const pillar::vector view = view_of(build.data() + at, type, std::min(pillar::vector_rows, count - at));
    const pillar::vector* keys[] = {&view};
    ASSERT_TRUE(builder.append(keys, pillar::selection_mask::first(view.size), view.size).ok());
  }
  const auto table = *builder.seal();
  ASSERT_EQ(table.mode(), pillar::join_mode::array);
  ASSERT_TRUE(table.keys_are_unique());
  pillar::splitmix64 random(83);
  auto hits = std::make_unique<pillar::join_hits>();
  std::uint32_t whole = 0;
  for (int turn = 0; turn < 200; ++turn) {
    const std::uint32_t rows = turn % 4 == 0 ? pillar::vector_rows : static_cast<std::uint32_t>(random.below(1025));
    const bool beyond = turn % 3 == 0, narrow = turn % 5 < 2;
    std::vector<std::int64_t> wide(rows);
    std::vector<std::int16_t> small(rows);
    for (std::uint32_t i = 0; i < rows; ++i) {
      wide[i] = -700 + static_cast<std::int64_t>(random.below(count));
      if (beyond && random.below(500) == 0) wide[i] = random.below(2) == 0 ? -701 : 800;
      if (beyond && !narrow && random.below(800) == 0) wide[i] = (std::int64_t{1} << 32) - 700;
      small[i] = static_cast<std::int16_t>(wide[i]);
    }
    const pillar::vector view =
        narrow ? view_of(small.data(), type_of<std::int16_t>, rows) : view_of(wide.data(), type, rows);
    pillar::selection_mask selection = pillar::selection_mask::first(rows);
    if (turn % 7 == 0 && rows != 0) selection.words[0] &= ~std::uint64_t{1};
    const pillar::vector* keys[] = {&view};
    table.find(keys, selection, rows, *hits);
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < rows; ++i) {
      if (!selection.test(i) || wide[i] < -700 || wide[i] >= 800) continue;
      ASSERT_LT(found, hits->count);
      ASSERT_EQ(hits->rows[found], i);
      ASSERT_EQ(hits->first[found++], static_cast<std::uint32_t>(wide[i] + 700));
    }
    ASSERT_EQ(found, hits->count);
    whole += found == rows ? 1 : 0;
  }
  EXPECT_GT(whole, 50u);
  EXPECT_LT(whole, 180u);
}

TEST(join_join_table, hostile_bytes_are_refused_or_harmless) {
  pillar::splitmix64 random(82);
  int refused = 0, harmless = 0;
  for (const auto& made : tables()) {
    for (std::size_t size = 0; size < made.bytes.size(); size += 1 + size / 8) {
      const std::vector<std::byte> cut(made.bytes.begin(), made.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_FALSE(join_table::from_bytes(cut).ok());
    }
    for (std::size_t turn = 0; turn < 1200; ++turn) {
      auto bytes = made.bytes;
      const std::size_t at = turn < 200 ? turn : random.below(bytes.size());  // header, parts, then anywhere
      const std::size_t width = std::size_t{1} << random.below(4);
      for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i)
        bytes[at + i] = turn % 3 == 0 ? std::byte{0xff} : static_cast<std::byte>(random());
      if (const auto table = join_table::from_bytes(bytes); table.ok())
        ++harmless, probe(*table, made.keys), turn % 8 == 0 ? check_domains(*table) : void();
      else ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(harmless, 1000);
}

TEST(join_join_table, hostile_ranges_and_keys_are_refused) {
  for (const auto& made : tables()) {
    pillar::detail::join_header head;
    std::memcpy(&head, made.bytes.data(), sizeof head);
    if (head.part_count == 0) continue;
    const auto refuses = [&](std::size_t at, std::uint64_t value) {
      auto bytes = made.bytes;
      std::memcpy(bytes.data() + at, &value, 8);
      return join_table::from_bytes(bytes).error().code == pillar::errc::corrupt;
    };
    const auto width = pillar::load_unaligned<std::uint64_t>(made.bytes.data() + head.parts_at + 8);
    if (width == 0) continue;                                            // a single key
    EXPECT_TRUE(refuses(head.parts_at, ~std::uint64_t{0} - width + 1));  // beyond 64 bits
    if (made.types[0].physical == pillar::physical_type::int8)
      EXPECT_TRUE(refuses(head.parts_at, pillar::detail::join_word(std::int8_t{127})));
    EXPECT_TRUE(refuses(head.parts_at + 8, width / 2));  // greater keys than it says
    if (head.mode != static_cast<std::uint8_t>(pillar::join_mode::packed8)) continue;
    std::size_t slot = head.slots_at;
    while (pillar::load_unaligned<std::uint32_t>(made.bytes.data() + slot + 12) == 0) slot += 16;
    EXPECT_TRUE(refuses(slot, width + 1));
  }
}

TEST(join_join_table, a_hostile_slot_or_row_or_entry_is_refused) {
  for (const auto& made : tables()) {
    if (made.types.size() == 1 && made.types[0].physical == pillar::physical_type::int8) continue;
    pillar::detail::join_header head;
    std::memcpy(&head, made.bytes.data(), sizeof head);
    const bool narrow = head.mode == static_cast<std::uint8_t>(pillar::join_mode::packed8);
    const std::size_t width = narrow ? 16 : 24;
    std::size_t slot = head.slots_at;  // the first that is in use
    while (pillar::load_unaligned<std::uint32_t>(made.bytes.data() + slot + width - 4) == 0) slot += width;
    const auto refuses = [&](std::size_t at, std::uint64_t value, std::size_t size) {
      auto bytes = made.bytes;
      std::memcpy(bytes.data() + at, &value, size);
      return join_table::from_bytes(bytes).error().code == pillar::errc::corrupt;
    };
    EXPECT_TRUE(refuses(slot + width - 4, head.joinable_count + 1, 4));
    EXPECT_TRUE(refuses(slot + width - 8, head.joinable_count, 4));
    if (head.has_rows != 0) EXPECT_TRUE(refuses(head.rows_at + 4, head.row_limit, 4));
    if (head.mode != static_cast<std::uint8_t>(pillar::join_mode::generic)) continue;
    EXPECT_TRUE(refuses(slot + 8, head.text_bytes - 8, 8));
    EXPECT_TRUE(refuses(slot + 8, ~std::uint64_t{0} - 4, 8));
    const auto entry = pillar::load_unaligned<std::uint64_t>(made.bytes.data() + slot + 8);
    EXPECT_TRUE(refuses(head.texts_at + entry + 8, head.text_bytes, 4));  // the length of its text
  }
}

}  // namespace
}  // namespace pillar_test::join_join_table
