// SPDX-License-Identifier: Apache-2.0
#include "pillar/interop/arrow_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "pillar/schedule/inline_executor.hpp"
#include "support/column_sets.hpp"

namespace pillar_test::interop_arrow_table {
namespace {
using pillar::append_arrow_stream;
using pillar::arrow_owner;
using pillar::column_set;
using pillar::dynamic_schema;
using pillar::export_arrow_stream;
using pillar::scalar;
using pillar::type_of;

TEST(interop_arrow_table, a_table_leaves_by_row_groups_and_comes_back) {
  pillar::splitmix64 random(32);
  const dynamic_schema schema = schema_of_all();
  pillar::table_options options;
  options.row_group_rows = 1024;
  options.distribution = pillar::evenly(pillar::slices{2});
  pillar::table from(schema, options), into(schema, {});
  arrow_owner<ArrowArrayStream> stream;
  ASSERT_TRUE(export_arrow_stream(from, stream.get()).ok());
  auto none = pillar::read_arrow_stream(stream.get());
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->size(), 0u);
  const column_set rows = rows_of(random, schema, 2500);
  ASSERT_TRUE(from.append(rows).ok());

  ASSERT_TRUE(export_arrow_stream(from, stream.get()).ok());
  ASSERT_TRUE(from.append(rows).ok());  // a later version, which the stream does not see
  pillar::inline_executor runner;
  const auto done = append_arrow_stream(into, stream.get(), runner);
  ASSERT_TRUE(done.ok()) << done.message();
  EXPECT_EQ(into.version()->row_count(), 2500u);
  EXPECT_FALSE(stream);

  ASSERT_TRUE(export_arrow_stream(into, stream.get()).ok());
  auto sets = pillar::read_arrow_stream(stream.get());
  ASSERT_TRUE(sets.ok());
  auto there = lines({rows}), back = lines(*sets);
  std::sort(there.begin(), there.end());
  std::sort(back.begin(), back.end());
  EXPECT_EQ(there, back);
  ASSERT_TRUE(export_arrow_stream(into, stream.get()).ok());
  stream.reset();  // unread
  pillar::memory_budget budget(10);
  pillar::arrow_export_options little;
  little.budget = &budget;
  arrow_owner<ArrowArray> array;
  ASSERT_TRUE(export_arrow_stream(into, stream.get(), little).ok());
  EXPECT_EQ(stream->get_next(stream.get(), array.get()), ENOMEM);
}

TEST(interop_arrow_table, tables_take_what_fits_by_name) {
  const dynamic_schema wide = {{{"x", type_of<pillar::nullable<pillar::text>>},
                                {"b", type_of<pillar::nullable<std::int64_t>>},
                                {"a", type_of<pillar::nullable<double>>}}};
  const auto type = wide[1].type;
  const auto append = [&](bool null) {
    pillar::column_set_builder builder(wide);
    const scalar cells[] = {scalar::of_null(wide[0].type), null ? scalar::of_null(type) : scalar::of_integer(type, 4),
                            scalar::of_real(wide[2].type, 0.5)};
    EXPECT_TRUE(builder.append_row(cells).ok());
    arrow_owner<ArrowArrayStream> stream;
    EXPECT_TRUE(export_arrow_stream({*builder.finish()}, wide, stream.get()).ok());
    pillar::table into({{{"a", type_of<double>}, {"b", type_of<std::int64_t>}}}, {});
    pillar::inline_executor runner;
    const auto done = append_arrow_stream(into, stream.get(), runner);
    EXPECT_EQ(into.version()->row_count(), done.ok() ? 1u : 0u);
    return std::string(done.message());
  };
  EXPECT_EQ(append(false), "");
  EXPECT_EQ(append(true), "column 'b' ('l'): it holds 1 NULLs, expected int64");
}

}  // namespace
}  // namespace pillar_test::interop_arrow_table
