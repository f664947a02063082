// SPDX-License-Identifier: Apache-2.0
#include "pillar/interop/arrow_import.hpp"

#include <gtest/gtest.h>

#include "support/arrow_parts.hpp"
#include "support/owned_vector.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::interop_arrow_import {
namespace {
using pillar::arrow_import_options;
using pillar::arrow_report;
using pillar::column;
using pillar::data_type;
using pillar::import_arrow;
using pillar::import_arrow_column;
using pillar::import_arrow_schema;
using pillar::scalar;
using pillar::type_of;
using pillar::vector_kind;

struct format_case {
  const char* format;
  data_type type;
  bool copied;  ///< values, not bitmaps
};

std::vector<format_case> formats() {
  const auto timestamps = [](unsigned unit) {
    data_type type = type_of<pillar::timestamp<>>;
    type.scale = static_cast<std::uint8_t>(unit);
    return type;
  };
  return {{"b", type_of<bool>, true},
          {"c", type_of<std::int8_t>, false},
          {"C", type_of<std::uint8_t>, false},
          {"s", type_of<std::int16_t>, false},
          {"S", type_of<std::uint16_t>, false},
          {"i", type_of<std::int32_t>, false},
          {"I", type_of<std::uint32_t>, false},
          {"l", type_of<std::int64_t>, false},
          {"L", type_of<std::uint64_t>, false},
          {"f", type_of<float>, false},
          {"g", type_of<double>, false},
          {"d:15,2", type_of<pillar::decimal<15, 2>>, true},
          {"d:38,4,128", type_of<pillar::decimal<38, 4>>, false},
          {"d:18,3,64", type_of<pillar::decimal<18, 3>>, false},
          {"d:9,9,32", type_of<pillar::decimal<9, 9>>, true},
          {"tdD", type_of<pillar::date>, false},
          {"tdm", type_of<pillar::date>, true},
          {"tss:", timestamps(0), false},
          {"tsm:UTC", timestamps(3), false},
          {"tsu:Europe/Berlin", timestamps(6), false},
          {"tsn:UTC", timestamps(9), false},
          {"u", type_of<pillar::text>, true},
          {"U", type_of<pillar::text>, true},
          {"vu", type_of<pillar::text>, false},
          {"z", type_of<pillar::bytes>, true},
          {"Z", type_of<pillar::bytes>, true},
          {"vz", type_of<pillar::bytes>, false}};
}

/// Random cells that the type can hold, in stretches so that there are runs.
std::vector<scalar> cells_of(pillar::splitmix64& random, const data_type& type, std::size_t count) {
  auto cells = random_cells(random, type.as_nullable(), count, 40);
  const bool nulls = random.chance(2, 3);
  for (auto& cell : cells) {
    if (cell.null && !nulls) cell = scalar::of_integer(type, 1), cell.real = 1;
    if (type.logical == pillar::logical_type::decimal) cell.integer %= pillar::power_of_ten(type.precision);
    if (type.logical == pillar::logical_type::date) cell.integer %= 1'000'000;
  }
  if (random.chance(1, 2))
    for (std::size_t row = count; row-- > 0;) cells[row] = cells[row / 7];
  return cells;
}

void expect_cells(const column& made, const std::vector<scalar>& cells, std::size_t first, const std::string& where) {
  ASSERT_EQ(made.size(), cells.size() - first) << where;
  std::uint64_t nulls = 0;
  for (std::size_t row = 0; row < made.size(); ++row) {
    const auto view = made.slice(row, 1);
    const scalar& cell = cells[first + row];
    ASSERT_EQ(view.valid(0), !cell.null) << where << " row " << row;
    nulls += cell.null;
    if (!cell.null) {
      scalar wanted = cell;
      wanted.type = view.type;
      ASSERT_EQ(pillar::compare(pillar::get(view, 0), wanted), 0) << where << " row " << row;
    }
  }
  EXPECT_EQ(made.null_count(), nulls) << where;
}

absl::StatusOr<column> import(const arrow_part& part, arrow_ledger& ledger, const arrow_import_options& options = {}) {
  pillar::arrow_owner<ArrowSchema> schema;
  ArrowArray array{};
  produce(part, ledger, schema.get());
  produce(part, ledger, &array);
  auto made = import_arrow_column(&array, *schema.get(), options);
  EXPECT_EQ(array.release, nullptr) << "the array was taken";
  return made;
}
std::string refusal(const arrow_part& part, const arrow_import_options& options = {}) {
  arrow_ledger ledger;
  std::string said = "imported";
  {
    const auto made = import(part, ledger, options);
    if (!made.ok()) said = std::string(made.status().message());
  }
  EXPECT_EQ(ledger.live, 0);
  return said;
}

TEST(interop_arrow_import, every_format_kind_and_offset) {
  pillar::splitmix64 random(11);
  for (const auto& format : formats())
    for (int round = 0; round < (sanitized ? 20 : 40); ++round) {
      const std::size_t count = round < 3 ? static_cast<std::size_t>(round) : random.below(300);
      const std::size_t before = random.chance(1, 2) ? 0 : random.below(140);
      const auto cells = cells_of(random, format.type, count);
      const int encoding = round % 4;
      static constexpr const char* indices[] = {"c", "C", "s", "S", "i", "I", "l", "L"};
      static constexpr const char* ends[] = {"i", "s", "l"};
      const std::string index = encoding == 2 ? indices[random.below(8)] : encoding == 3 ? ends[random.below(3)] : "";
      arrow_part part = encoding == 2   ? arrow_dictionary(index, format.format, cells, random, before)
                        : encoding == 3 ? arrow_runs(index, format.format, cells, random, before)
                                        : arrow_flat(format.format, cells, random, before);
      part.misalign = random.chance(1, 8) ? 1 : 0;
      arrow_ledger ledger;
      arrow_report report;
      arrow_import_options options;
      options.report = &report;
      options.flatten = random.chance(1, 6);
      const std::string where = index + " " + format.format + " round " + std::to_string(round);
      {
        const auto made = import(part, ledger, options);
        ASSERT_TRUE(made.ok()) << where << ": " << made.status().message();
        EXPECT_EQ(made->type(), format.type.as_nullable()) << where;
        expect_cells(*made, cells, 0, where);
        const auto kind = options.flatten || encoding < 2 ? vector_kind::flat
                          : encoding == 2                 ? vector_kind::dictionary
                                                          : vector_kind::run_end;
        EXPECT_EQ(made->slice(0, 0).kind, kind) << where;
        bool values_copied = false;
        for (const auto& copy : report.copies)
          values_copied = values_copied || copy.reason.find("bitmap") == std::string::npos;
        if (encoding < 2 && count != 0 && part.misalign == 0 && format.format[0] != 'v')
          EXPECT_EQ(values_copied, format.copied) << where;
        EXPECT_EQ(report.notes.size(), std::string_view(format.format) == "tsu:Europe/Berlin" ? 1u : 0u);
      }
      ASSERT_EQ(ledger.live, 0) << where;
    }
}

TEST(interop_arrow_import, values_are_shared_and_kept_alive_until_the_last_copy) {
  pillar::splitmix64 random(12);
  const auto cells = cells_of(random, type_of<std::int64_t>, 100);
  const arrow_part part = arrow_flat("l", cells, random, 3);
  arrow_ledger ledger;
  pillar::arrow_owner<ArrowSchema> schema;
  ArrowArray array{};
  produce(part, ledger, schema.get());
  produce(part, ledger, &array);
  const auto* values = static_cast<const std::int64_t*>(array.buffers[1]);
  column copy;
  {
    arrow_import_options options;
    const auto made = import_arrow_column(&array, *schema.get(), options);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ(made->slice(0, 1).values, values + 3);
    EXPECT_LE(made->byte_count(), 16u) << "at most the bitmap is ours";
    copy = *made;
  }
  schema.reset();
  EXPECT_EQ(ledger.live, 1);
  expect_cells(copy, cells, 0, "copy");
  copy = column();
  EXPECT_EQ(ledger.live, 0);
  EXPECT_EQ(ledger.released, 2);
}

TEST(interop_arrow_import, bitmaps_are_shared_where_whole_words_may_be_read) {
  pillar::splitmix64 random(13);
  auto cells = cells_of(random, type_of<std::int32_t>, 100);
  cells[5] = scalar::of_null(type_of<pillar::nullable<std::int32_t>>);
  arrow_part part = arrow_flat("i", cells, random, 28);  // 28 + 100 rows fill two words
  arrow_import_options strict;
  strict.refuse_copies = true;
  EXPECT_EQ(refusal(part, strict), "imported");
  part = arrow_flat("i", cells, random, 27);
  EXPECT_EQ(refusal(part, strict),
            "column 'column_0' ('i'): it would have to be copied: the last 8 bytes of the bitmap may lie beyond its "
            "buffer");
  part.buffers[0]->resize(16);
  strict.padded_bitmaps = true;
  EXPECT_EQ(refusal(part, strict), "imported");
}

TEST(interop_arrow_import, nothing_but_null) {
  for (const std::int64_t count : {0, 1, 70, 3000}) {
    arrow_part part;
    part.format = "n";
    part.length = part.null_count = count;
    arrow_ledger ledger;
    {
      const auto made = import(part, ledger);
      ASSERT_TRUE(made.ok()) << made.status().message();
      EXPECT_EQ(made->null_count(), static_cast<std::uint64_t>(count));
      const auto rows = static_cast<std::uint32_t>(count < 1024 ? count : 1024);
      const auto view = made->slice(0, rows);
      for (std::uint32_t row = 0; row < rows; ++row) ASSERT_FALSE(view.valid(row));
    }
    EXPECT_EQ(ledger.live, 0);
  }
}

TEST(interop_arrow_import, batches_are_sliced_and_each_column_holds_its_own_part) {
  pillar::splitmix64 random(14);
  for (int round = 0; round < 30; ++round) {
    const std::size_t offset = random.below(80), count = random.below(200);
    const auto all = formats();
    std::vector<arrow_part> columns;
    std::vector<std::vector<scalar>> cells;
    for (const auto& format : all) {
      cells.push_back(cells_of(random, format.type, offset + count));
      const std::size_t before = random.below(70);
      columns.push_back(random.chance(1, 3)   ? arrow_dictionary("i", format.format, cells.back(), random, before)
                        : random.chance(1, 2) ? arrow_runs("i", format.format, cells.back(), random, before)
                                              : arrow_flat(format.format, cells.back(), random, before));
      columns.back().name = format.format;
    }
    const arrow_part part = arrow_struct(columns, static_cast<std::int64_t>(count), static_cast<std::int64_t>(offset));
    arrow_ledger ledger;
    pillar::arrow_owner<ArrowSchema> schema;
    ArrowArray array{};
    produce(part, ledger, schema.get());
    produce(part, ledger, &array);
    {
      auto made = import_arrow(&array, *schema.get());
      ASSERT_TRUE(made.ok()) << made.status().message();
      EXPECT_EQ(array.release, nullptr);
      const auto described = import_arrow_schema(*schema.get());
      ASSERT_TRUE(described.ok());
      EXPECT_EQ(made->schema, *described);
      schema.reset();
      ASSERT_EQ(made->columns.size(), all.size());
      std::size_t first = random.below(all.size());
      for (std::size_t i = 0; i < all.size(); ++i) {  // released in any order
        column& each = made->columns[(first + i * 5) % all.size()];
        expect_cells(each, cells[(first + i * 5) % all.size()], offset, all[(first + i * 5) % all.size()].format);
        const int before = ledger.live;
        each = column();
        EXPECT_LT(ledger.live, before);
      }
    }
    ASSERT_EQ(ledger.live, 0);
  }
}

TEST(interop_arrow_import, expected_columns_by_name) {
  pillar::splitmix64 random(15);
  const auto run = [&](const pillar::dynamic_schema& expected, bool null) -> std::string {
    std::vector<scalar> cells(3, scalar::of_integer(type_of<std::int32_t>, 7));
    if (null) cells[1] = scalar::of_null(type_of<pillar::nullable<std::int32_t>>);
    std::vector<arrow_part> columns = {arrow_flat("i", cells, random), arrow_flat("i", cells, random)};
    columns[0].name = "a";
    columns[1].name = "b";
    arrow_ledger ledger;
    std::string said = "imported";
    {
      pillar::arrow_owner<ArrowSchema> schema;
      ArrowArray array{};
      produce(arrow_struct(columns, 3), ledger, schema.get());
      produce(arrow_struct(columns, 3), ledger, &array);
      const auto made = import_arrow(&array, *schema.get(), {}, &expected);
      if (made.ok()) EXPECT_EQ(made->schema, expected);
      else said = std::string(made.status().message());
    }
    EXPECT_EQ(ledger.live, 0);
    return said;
  };
  EXPECT_EQ(run({{{"b", type_of<std::int32_t>}}}, false), "imported");
  EXPECT_EQ(run({{{"b", type_of<pillar::nullable<std::int32_t>>}, {"a", type_of<std::int32_t>}}}, false), "imported");
  EXPECT_EQ(run({{{"b", type_of<std::int32_t>}}}, true), "column 'b' ('i'): it holds 1 NULLs, expected int32");
  EXPECT_EQ(run({{{"b", type_of<std::int64_t>}}}, false),
            "column 'b' ('i'): it holds values of type int32, expected int64");
  EXPECT_EQ(run({{{"c", type_of<std::int32_t>}}}, false), "the record batch has no column 'c'");
}

std::vector<scalar> integers(std::initializer_list<int> values) {
  std::vector<scalar> cells;
  for (const int value : values) cells.push_back(scalar::of_integer(type_of<std::int64_t>, value));
  return cells;
}
std::vector<scalar> texts(std::initializer_list<const char*> values) {
  std::vector<scalar> cells;
  for (const char* value : values) cells.push_back(scalar::of_text(type_of<pillar::text>, value));
  return cells;
}
template <class T>
void poke(arrow_part& part, std::size_t buffer, std::size_t index, T value) {
  std::memcpy(part.buffers[buffer]->data() + index * sizeof(T), &value, sizeof(T));
}

TEST(interop_arrow_import, arrays_that_contradict_themselves) {
  pillar::splitmix64 random(16);
  const auto spoil = [&](arrow_part part, auto&& how) {
    how(part);
    return refusal(part);
  };
  const arrow_part numbers = arrow_flat("l", integers({1, 2, 3}), random);
  EXPECT_EQ(spoil(numbers, [](auto& p) { p.length = -1; }), "column 'column_0' ('l'): a negative length or offset");
  EXPECT_EQ(spoil(numbers, [](auto& p) { p.offset = -3; }), "column 'column_0' ('l'): a negative length or offset");
  EXPECT_EQ(spoil(numbers, [](auto& p) { p.buffers.pop_back(); }),
            "column 'column_0' ('l'): 1 buffers where 2 are expected");
  EXPECT_EQ(spoil(numbers, [](auto& p) { p.buffers[1].reset(); }),
            "column 'column_0' ('l'): rows without a buffer of values");
  EXPECT_EQ(spoil(numbers, [](auto& p) { p.buffers[0].reset(), p.null_count = 2; }),
            "column 'column_0' ('l'): NULLs are counted, but there is no bitmap of them");
  EXPECT_EQ(spoil(numbers, [](auto& p) { p.null_count = 4; }), "column 'column_0' ('l'): a null count that cannot be");
  EXPECT_EQ(
      spoil(numbers, [](auto& p) { p.nullable = false, p.null_count = -1, p.buffers[0].emplace(1, std::byte{5}); }),
      "column 'column_0' ('l'): the schema says that it has no NULLs, but 1 are there");

  const arrow_part names = arrow_flat("u", texts({"short", "a text longer than a slot", "x"}), random);
  EXPECT_EQ(spoil(names, [](auto& p) { poke(p, 1, 2, 8); }), "column 'column_0' ('u'): row 1: offsets that decrease");
  EXPECT_EQ(spoil(names, [](auto& p) { poke(p, 1, 0, -1); }), "column 'column_0' ('u'): row 0: a negative offset");
  EXPECT_EQ(spoil(names, [](auto& p) { p.buffers[2].reset(); }), "column 'column_0' ('u'): row 0: texts without bytes");

  arrow_part views = arrow_flat("vu", texts({"short", "a text longer than a slot", "x"}), random);
  views.buffers.erase(views.buffers.begin() + 2, views.buffers.end());  // one data buffer, whatever the dice said
  views.buffers.emplace_back(std::vector<std::byte>(25));
  std::memcpy(views.buffers[2]->data(), "a text longer than a slot", 25);
  views.buffers.emplace_back(std::vector<std::byte>(8));
  poke<std::int64_t>(views, 3, 0, 25);
  poke<std::uint32_t>(views, 1, 6, 0), poke<std::uint32_t>(views, 1, 7, 0);
  EXPECT_EQ(refusal(views), "imported");
  EXPECT_EQ(spoil(views, [](auto& p) { poke(p, 1, 0, -5); }),
            "column 'column_0' ('vu'): row 0: a view of negative length");
  EXPECT_EQ(spoil(views, [](auto& p) { poke(p, 1, 6, 1); }),
            "column 'column_0' ('vu'): row 1: a view into a buffer that is not there");
  EXPECT_EQ(spoil(views, [](auto& p) { poke(p, 1, 7, 1); }),
            "column 'column_0' ('vu'): row 1: a view beyond its buffer");
  EXPECT_EQ(spoil(views, [](auto& p) { poke(p, 1, 7, 0x7fffffff); }),
            "column 'column_0' ('vu'): row 1: a view beyond its buffer");
  EXPECT_EQ(spoil(views, [](auto& p) { (*p.buffers[2])[1] = std::byte{'_'}; }),
            "column 'column_0' ('vu'): row 1: a view whose prefix is not that of its text");
  EXPECT_EQ(spoil(views, [](auto& p) { (*p.buffers[1])[15] = std::byte{1}; }),
            "column 'column_0' ('vu'): row 0: a short view whose unused bytes are not zero");
  EXPECT_EQ(spoil(views, [](auto& p) { poke<std::int64_t>(p, 3, 0, -25); }),
            "column 'column_0' ('vu'): a missing or negative buffer");
  EXPECT_EQ(spoil(views, [](auto& p) { p.buffers.back().reset(); }),
            "column 'column_0' ('vu'): buffers of unknown size");
  EXPECT_EQ(spoil(views, [](auto& p) { (*p.buffers[2])[20] = std::byte{0xff}; }), "imported") << "not UTF-8, but bytes";

  const arrow_part coded = arrow_dictionary("s", "l", integers({5, 6, 5}), random);
  EXPECT_EQ(spoil(coded, [](auto& p) { poke<std::int16_t>(p, 1, 2, 2); }),
            "column 'column_0' ('s'): row 2: index 2 into a dictionary of 2");
  EXPECT_EQ(spoil(coded, [](auto& p) { poke<std::int16_t>(p, 1, 0, -1); }),
            "column 'column_0' ('s'): row 0: index -1 into a dictionary of 2");
  EXPECT_EQ(spoil(coded, [](auto& p) { p.format = "f"; }),
            "column 'column_0' ('f'): indices of a dictionary are integers");
  EXPECT_EQ(spoil(coded, [](auto& p) { p.dictionary[0].length = -2; }),
            "column 'column_0' ('s'): a negative length or offset");

  arrow_part runs = arrow_runs("i", "l", integers({5, 5, 6, 6, 6}), random);
  runs.children[0].offset = 0, runs.children[0].buffers = {std::nullopt, std::vector<std::byte>(8)};
  poke(runs.children[0], 1, 0, 2), poke(runs.children[0], 1, 1, 5);
  EXPECT_EQ(refusal(runs), "imported");
  EXPECT_EQ(spoil(runs, [](auto& p) { poke(p.children[0], 1, 1, 2); }),
            "column 'column_0' ('+r'): run 1: run ends that do not increase");
  EXPECT_EQ(spoil(runs, [](auto& p) { poke(p.children[0], 1, 0, 0); }),
            "column 'column_0' ('+r'): run 0: run ends that do not increase");
  EXPECT_EQ(spoil(runs, [](auto& p) { poke(p.children[0], 1, 1, 4); }),
            "column 'column_0' ('+r'): rows beyond the last run");
  EXPECT_EQ(spoil(runs, [](auto& p) { p.length = 6; }), "column 'column_0' ('+r'): rows beyond the last run");
  EXPECT_EQ(spoil(runs, [](auto& p) { p.children[1].length = 1; }),
            "column 'column_0' ('+r'): more run ends than values");
  EXPECT_EQ(spoil(runs, [](auto& p) { p.children.pop_back(); }),
            "column 'column_0' ('+r'): a run-end encoded type has two children");
  EXPECT_EQ(spoil(runs, [](auto& p) { p.children[0].format = "f"; }),
            "column 'column_0' ('+r'): run ends are int16, int32 or int64");

  EXPECT_EQ(refusal(arrow_flat("d:3,1", integers({-999, 1000}), random)),
            "column 'column_0' ('d:3,1'): row 1: a decimal of more than 3 digits");
  EXPECT_EQ(refusal(arrow_flat("d:38,1", integers({1}), random)), "imported");
  arrow_part days = arrow_flat("tdm", integers({1}), random);
  poke<std::int64_t>(days, 1, 0, 86'400'001);
  EXPECT_EQ(refusal(days), "column 'column_0' ('tdm'): row 0: a date that is no whole day, or far away");
}

/// Changes a byte or a few of buffers, but not of those that say how large other buffers are.
void scribble(arrow_part& part, pillar::splitmix64& random) {
  const bool views = part.format[0] == 'v';
  for (std::size_t i = 0; i < part.buffers.size(); ++i) {
    auto& buffer = part.buffers[i];
    if (!buffer || buffer->empty() || (views && i + 1 == part.buffers.size())) continue;
    for (std::uint64_t changes = random.below(4); changes != 0; --changes)
      (*buffer)[random.below(buffer->size())] = static_cast<std::byte>(random.below(4) * 0x55);
  }
  for (auto& child : part.children) scribble(child, random);
  for (auto& entries : part.dictionary) scribble(entries, random);
}

TEST(interop_arrow_import, whatever_bytes_lie_in_the_buffers) {
  pillar::splitmix64 random(20);
  std::size_t taken = 0, refused = 0;
  for (const auto& format : formats()) {
    if (std::string_view("uUzZ").find(format.format[0]) != std::string_view::npos) continue;  // offsets are sizes
    for (int round = 0; round < 60; ++round) {
      const auto cells = cells_of(random, format.type, 1 + random.below(60));
      const std::size_t before = random.below(20);
      arrow_part part = round % 3 == 0   ? arrow_dictionary("i", format.format, cells, random, before)
                        : round % 3 == 1 ? arrow_runs("i", format.format, cells, random, before)
                                         : arrow_flat(format.format, cells, random, before);
      scribble(part, random);
      arrow_ledger ledger;
      {
        const auto made = import(part, ledger);
        ++(made.ok() ? taken : refused);
        if (made.ok())
          for (std::uint64_t row = 0; row < made->size(); ++row) to_string(pillar::get(made->slice(row, 1), 0));
      }
      ASSERT_EQ(ledger.live, 0);
    }
  }
  EXPECT_GT(taken, 100u);
  EXPECT_GT(refused, 100u);
}

TEST(interop_arrow_import, types_that_are_not_taken) {
  pillar::splitmix64 random(17);
  for (const auto& [format, why] : std::initializer_list<std::pair<const char*, const char*>>{
           {"e", "Pillar has no type for float16"},
           {"d:40,2,256", "Pillar has no type for decimals of more than 38 digits"},
           {"d:5,-2", "Pillar has no type for decimals whose scale is negative or beyond the precision"},
           {"w:16", "Pillar has no type for fixed-width binary"},
           {"ttm", "Pillar has no type for times of day"},
           {"tDs", "Pillar has no type for durations"},
           {"tin", "Pillar has no type for intervals"},
           {"+l", "Pillar has no type for the nested format '+l'"},
           {"+s", "Pillar has no type for the nested format '+s'"},
           {"", "'' is no Arrow format"},
           {"xyz", "'xyz' is no Arrow format"}}) {
    arrow_part part = arrow_flat("l", integers({1}), random);
    part.format = format;
    EXPECT_EQ(refusal(part), "column 'column_0' ('" + std::string(format) + "'): " + why);
  }
  arrow_part nested = arrow_dictionary("i", "l", integers({1, 2}), random);
  nested.dictionary[0] = arrow_dictionary("i", "l", integers({1, 2}), random);
  EXPECT_EQ(refusal(nested), "column 'column_0' ('i'): an encoding within an encoding is not imported");
}

TEST(interop_arrow_import, batches_that_do_not_fit_their_schema) {
  pillar::splitmix64 random(18);
  const auto run = [&](const arrow_part& array_part, const arrow_part& schema_part) -> std::string {
    arrow_ledger ledger;
    std::string said = "imported";
    {
      pillar::arrow_owner<ArrowSchema> schema;
      ArrowArray array{};
      produce(schema_part, ledger, schema.get());
      produce(array_part, ledger, &array);
      const auto made = import_arrow(&array, *schema.get());
      if (!made.ok()) said = std::string(made.status().message());
      EXPECT_EQ(array.release, nullptr);
    }
    EXPECT_EQ(ledger.live, 0);
    return said;
  };
  arrow_part good = arrow_struct({arrow_flat("l", integers({1, 2}), random)}, 2);
  good.children[0].name = "a";
  EXPECT_EQ(run(good, good), "imported");
  arrow_part part = good;
  part.length = 3;
  EXPECT_EQ(run(part, good), "the record batch has a column that is shorter than it");
  part = good, part.offset = 1;
  EXPECT_EQ(run(part, good), "the record batch has a column that is shorter than it");
  part = good, part.children.clear();
  EXPECT_EQ(run(part, good), "the record batch has another number of columns than its schema");
  part = good, part.null_count = -1, part.buffers[0].emplace(1, std::byte{1});
  EXPECT_EQ(run(part, good), "the record batch has rows that are NULL");
  EXPECT_EQ(run(good, good.children[0]), "a record batch is a struct ('+s'), not 'l'");
  part = good, part.children[0].format = "+l";
  EXPECT_EQ(run(good, part), "column 'a' ('+l'): Pillar has no type for the nested format '+l'");

  ArrowArray released{};
  ArrowSchema no_schema{};
  EXPECT_EQ(import_arrow(&released, no_schema).status().message(), "the schema was released");
  EXPECT_EQ(import_arrow_column(&released, no_schema).status().message(), "the array was released");
  EXPECT_FALSE(import_arrow_schema(no_schema).ok());
}

TEST(interop_arrow_import, copies_count_against_the_budget) {
  pillar::splitmix64 random(19);
  pillar::memory_budget budget(1000);
  arrow_import_options options;
  options.budget = &budget;
  const auto type = type_of<bool>;
  arrow_ledger ledger;
  const auto made =
      import(arrow_flat("b", std::vector<scalar>(2000, scalar::of_integer(type, 1)), random), ledger, options);
  EXPECT_EQ(made.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_EQ(ledger.live, 0);
}

}  // namespace
}  // namespace pillar_test::interop_arrow_import
