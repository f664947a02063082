// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/column_set.hpp"

#include <gtest/gtest.h>

namespace pillar_test::column_set {
namespace {
using pillar::scalar;
using pillar::type_of;

const pillar::dynamic_schema& two_columns() {
  static const pillar::dynamic_schema schema{
      {{"id", type_of<std::int32_t>}, {"name", type_of<pillar::nullable<pillar::text>>}}};
  return schema;
}
std::vector<scalar> row(int id) {
  return {scalar::of_integer(type_of<std::int32_t>, id),
          id % 4 == 0 ? scalar::of_null(type_of<pillar::text>)
                      : scalar::of_text(type_of<pillar::text>, std::string(static_cast<std::size_t>(id) % 20, 'n'))};
}
pillar::column_set rows(int count) {
  pillar::column_set_builder builder(two_columns());
  for (int i = 0; i < count; ++i) EXPECT_TRUE(builder.append_row(row(i)).ok());
  return *builder.finish();
}

TEST(column_set, rows_come_back) {
  const pillar::column_set made = rows(1000);
  ASSERT_EQ(made.row_count(), 1000u);
  EXPECT_EQ(made.schema, two_columns());
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(made.at(static_cast<std::uint64_t>(i), 0) == row(i)[0]);
    EXPECT_TRUE(made.at(static_cast<std::uint64_t>(i), 1) == row(i)[1]);
  }
  EXPECT_EQ(pillar::column_set{}.row_count(), 0u);
}

TEST(column_set, a_row_enters_whole_or_not_at_all) {
  pillar::column_set_builder builder(two_columns());
  ASSERT_TRUE(builder.append_row(row(1)).ok());
  const scalar bad[2] = {scalar::of_integer(type_of<std::int32_t>, 2), scalar::of_real(type_of<double>, 2)};
  EXPECT_EQ(builder.append_row(bad).error().code, pillar::errc::type_mismatch);
  EXPECT_EQ(builder.append_row(std::span(bad, 1)).error().code, pillar::errc::invalid_argument);
  EXPECT_EQ(builder.column_at(0).size(), 1u);
  ASSERT_TRUE(builder.column_at(0).append_integer(5).ok());
  EXPECT_EQ(builder.finish().error(), (pillar::failure{pillar::errc::invalid_argument, 1})) << "lengths differ";
}

TEST(column_set, sets_append_to_sets) {
  const pillar::column_set part = rows(700);
  pillar::column_set_builder builder(two_columns());
  ASSERT_TRUE(builder.reserve(1400).ok());
  ASSERT_TRUE(builder.append(part).ok());
  ASSERT_TRUE(builder.append(part).ok());
  const pillar::column_set whole = *builder.finish();
  ASSERT_EQ(whole.row_count(), 1400u);
  for (std::uint64_t i = 0; i < 1400; ++i) EXPECT_TRUE(whole.at(i, 1) == part.at(i % 700, 1));
  EXPECT_EQ(builder.row_count(), 0u);
}

TEST(column_set, materialise_copies_the_selected_rows) {
  pillar::column_set part = rows(1024);
  pillar::batch_column columns[2];
  for (std::uint32_t c = 0; c < 2; ++c) {
    columns[c].decoded = part.columns[c].slice(0, 1024);
    columns[c].has_decoded = true;
  }
  pillar::batch view;
  view.row_count = 1024;
  view.columns = columns;
  view.selection = pillar::selection_mask::none();
  for (std::uint32_t i = 0; i < 1024; i += 7) pillar::set_bit(view.selection.words, i);
  const auto copied = pillar::materialise(view, two_columns());
  ASSERT_TRUE(copied.ok());
  part = {};  // the copy owns its texts
  ASSERT_EQ(copied->row_count(), 147u);
  for (int i = 0; i < 147; ++i) EXPECT_TRUE(copied->at(static_cast<std::uint64_t>(i), 1) == row(i * 7)[1]);
}

}  // namespace
}  // namespace pillar_test::column_set
