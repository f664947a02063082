// SPDX-License-Identifier: Apache-2.0
#include "pillar/interop/arrow_export.hpp"

#include <gtest/gtest.h>

#include "pillar/column/builder.hpp"
#include "pillar/interop/arrow_import.hpp"
#include "support/arrow_parts.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test::interop_arrow_export {
namespace {
using pillar::arrow_export_options;
using pillar::arrow_owner;
using pillar::arrow_report;
using pillar::arrow_text;
using pillar::column;
using pillar::data_type;
using pillar::export_arrow_schema;
using pillar::import_arrow_column;
using pillar::scalar;
using pillar::type_of;
using pillar::vector_kind;

column build(const data_type& type, const std::vector<scalar>& cells, pillar::memory_budget* budget = nullptr) {
  pillar::column_builder builder(type, budget);
  for (const auto& cell : cells) EXPECT_TRUE(builder.append(cell).ok());
  return *builder.finish();
}
std::vector<data_type> types() {
  auto types = every_type(true);
  for (const unsigned unit : {0u, 3u, 9u}) {
    types.push_back(type_of<pillar::timestamp<>>.as_nullable());
    types.back().scale = static_cast<std::uint8_t>(unit);
  }
  for (auto& type : types) type.nullable = type.scale % 2 == 0;
  return types;
}
std::vector<scalar> cells_of(pillar::splitmix64& random, const data_type& type, std::size_t count) {
  auto cells = random_cells(random, type, count, 60);
  for (auto& cell : cells)
    if (type.logical == pillar::logical_type::decimal) cell.integer %= pillar::power_of_ten(type.precision);
  return cells;
}

void expect_same(const column& a, const column& b, const std::string& where) {
  ASSERT_EQ(a.size(), b.size()) << where;
  EXPECT_EQ(a.null_count(), b.null_count()) << where;
  EXPECT_EQ(a.type(), b.type()) << where;
  for (std::uint64_t row = 0; row < a.size(); ++row) {
    const scalar x = pillar::get(a.slice(row, 1), 0), y = pillar::get(b.slice(row, 1), 0);
    ASSERT_EQ(x.null, y.null) << where << " row " << row;
    if (!x.null) ASSERT_EQ(pillar::compare(x, y), 0) << where << " row " << row;
  }
}

TEST(interop_arrow_export, what_is_exported_is_imported_again) {
  pillar::splitmix64 random(21);
  for (const auto& type : types())
    for (int round = 0; round < 12; ++round) {
      const auto whole = build(type, cells_of(random, type, round < 2 ? static_cast<std::size_t>(round) : 200));
      arrow_export_options options;
      arrow_report report;
      options.report = &report;
      options.format.text = static_cast<arrow_text>(round % 3);
      options.format.decimal64 = round % 2 == 0;
      options.format.utc = round % 2 == 0;
      arrow_owner<ArrowArray> array;
      arrow_owner<ArrowSchema> schema;
      const auto done = export_arrow_column(whole, "c", array.get(), schema.get(), options);
      ASSERT_TRUE(done.ok()) << done.message();
      EXPECT_EQ(schema->format, arrow_format_of(type, options.format));
      EXPECT_STREQ(schema->name, "c");
      EXPECT_EQ(schema->flags, type.nullable ? ARROW_FLAG_NULLABLE : 0);
      const bool copied = type.physical == pillar::physical_type::boolean ||
                          (type.physical == pillar::physical_type::text && round % 3 != 0) ||
                          (type.logical == pillar::logical_type::decimal && type.precision <= 18 && round % 2 != 0);
      EXPECT_EQ(report.copies.size(), copied ? 1u : 0u) << schema->format;
      if (!copied) EXPECT_EQ(array->buffers[1], whole.slice(0, 0).values) << schema->format;
      const auto back = import_arrow_column(array.get(), *schema.get());
      ASSERT_TRUE(back.ok()) << back.status().message();
      expect_same(*back, whole, schema->format);
    }
}

TEST(interop_arrow_export, encoded_columns_leave_as_they_came) {
  pillar::splitmix64 random(22);
  for (const char* format : {"l", "vu", "d:15,2", "b"})
    for (int round = 0; round < 24; ++round) {
      const data_type type = pillar::parse_arrow_format(format)->type.as_nullable();
      auto cells = cells_of(random, type, random.below(150));
      for (std::size_t row = cells.size(); row-- > 0;) cells[row] = cells[row / 4];
      const std::size_t before = random.below(90);
      const bool runs = round % 2 == 0;
      arrow_ledger ledger;
      {
        const arrow_part part = runs ? arrow_runs("i", format, cells, random, before)
                                     : arrow_dictionary("i", format, cells, random, before);
        arrow_owner<ArrowArray> array, again;
        arrow_owner<ArrowSchema> schema, described;
        produce(part, ledger, array.get());
        produce(part, ledger, schema.get());
        auto first = import_arrow_column(array.get(), *schema.get());
        ASSERT_TRUE(first.ok()) << first.status().message();
        arrow_export_options options;
        options.flatten = round % 5 == 0;
        const auto done = export_arrow_column(*first, "c", again.get(), described.get(), options);
        ASSERT_TRUE(done.ok()) << done.message();
        EXPECT_STREQ(described->format, options.flatten ? format : runs ? "+r" : "i");
        const auto second = import_arrow_column(again.get(), *described.get());
        ASSERT_TRUE(second.ok()) << second.status().message();
        const column kept = *first;
        expect_same(*second, kept, format);
        if (!options.flatten)
          EXPECT_EQ(second->slice(0, 0).kind, runs ? vector_kind::run_end : vector_kind::dictionary);
        first = column();
      }
      ASSERT_EQ(ledger.live, 0);
    }
}

TEST(interop_arrow_export, arrays_outlive_columns_and_children_may_move_away) {
  pillar::memory_budget budget;
  {
    arrow_owner<ArrowArray> array, child, other;
    arrow_owner<ArrowSchema> schema;
    {
      pillar::splitmix64 random(23);
      pillar::column_set rows;
      for (const auto& type : types()) {
        rows.schema.columns.push_back({"c" + std::to_string(rows.columns.size()), type});
        rows.columns.push_back(build(type, cells_of(random, type, 77), &budget));
      }
      arrow_export_options options;
      options.budget = &budget;
      ASSERT_TRUE(export_arrow(rows, array.get(), schema.get(), options).ok());
    }
    const std::uint64_t all = budget.used();
    EXPECT_GT(all, 0u);
    EXPECT_EQ(array->length, 77);
    EXPECT_EQ(array->n_children, schema->n_children);
    child = arrow_owner<ArrowArray>(array->children[14]);  // a decimal, a date: whatever stands there
    other = arrow_owner<ArrowArray>(array->children[2]);
    array.reset();
    EXPECT_LT(budget.used(), all);
    EXPECT_GT(budget.used(), 0u);
    const auto alone = import_arrow_column(child.get(), *schema->children[14]);
    ASSERT_TRUE(alone.ok()) << alone.status().message();
    EXPECT_EQ(alone->size(), 77u);
    schema.reset();
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(interop_arrow_export, copies_are_refused_or_reported) {
  const auto flags = build(type_of<bool>, {scalar::of_integer(type_of<bool>, 1)});
  arrow_export_options options;
  options.refuse_copies = true;
  arrow_owner<ArrowArray> array;
  arrow_owner<ArrowSchema> schema;
  EXPECT_EQ(export_arrow_column(flags, "paid", array.get(), schema.get(), options).message(),
            "column 'paid': it would have to be copied: booleans are bytes here and bits there");
  EXPECT_FALSE(array);
  EXPECT_FALSE(schema);
  arrow_report report;
  options.refuse_copies = false;
  options.report = &report;
  ASSERT_TRUE(export_arrow_column(flags, "paid", array.get(), schema.get(), options).ok());
  ASSERT_EQ(report.copies.size(), 1u);
  EXPECT_EQ(report.copies[0].column, "paid");
  EXPECT_EQ(report.copies[0].format, "b");
  EXPECT_EQ(report.copies[0].byte_count, 8u);
}

TEST(interop_arrow_export, users_types_leave_as_their_physical_type) {
  data_type type = type_of<std::int64_t>;
  type.logical = static_cast<pillar::logical_type>(130);
  EXPECT_EQ(pillar::arrow_format_of(type), "l");
  type.physical = pillar::physical_type::integer128;
  arrow_owner<ArrowSchema> schema;
  const auto done = export_arrow_schema({{{"id", type}}}, schema.get());
  EXPECT_EQ(done.code(), absl::StatusCode::kUnimplemented);
  EXPECT_FALSE(schema);
}

TEST(interop_arrow_export, a_bitmap_that_starts_within_a_byte_is_moved) {
  pillar::splitmix64 random(24);
  const data_type type = type_of<pillar::nullable<std::int16_t>>;
  for (const std::size_t before : {0u, 3u, 8u, 64u, 69u}) {
    auto cells = cells_of(random, type, 128 - before % 64);
    cells[0] = scalar::of_null(type);
    arrow_ledger ledger;
    arrow_part part = arrow_flat("s", cells, random, before);
    arrow_owner<ArrowArray> array, again;
    arrow_owner<ArrowSchema> schema, described;
    produce(part, ledger, array.get());
    produce(part, ledger, schema.get());
    const auto first = import_arrow_column(array.get(), *schema.get());
    ASSERT_TRUE(first.ok());
    arrow_report report;
    arrow_export_options options;
    options.report = &report;
    ASSERT_TRUE(export_arrow_column(*first, "c", again.get(), described.get(), options).ok());
    EXPECT_EQ(again->offset, 0);
    EXPECT_EQ(report.copies.size(), before % 8 == 0 ? 0u : 1u);
    const auto second = import_arrow_column(again.get(), *described.get());
    ASSERT_TRUE(second.ok());
    expect_same(*second, *first, std::to_string(before));
  }
}

}  // namespace
}  // namespace pillar_test::interop_arrow_export
