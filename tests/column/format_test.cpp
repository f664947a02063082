// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/format.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace pillar_test::column_format {
namespace {

TEST(column_format, a_table) {
  pillar::column_set_builder builder({{{"route", pillar::type_of<pillar::nullable<pillar::text>>},
                                       {"total", pillar::decimal_type(15, 2, true)},
                                       {"day", pillar::type_of<pillar::date>}}});
  const auto add = [&](std::string_view route, bool null, int total) {
    auto& text = builder.column_at(0);
    ASSERT_TRUE((null ? text.append_null() : text.append_text(route)).ok());
    ASSERT_TRUE(builder.column_at(1).append_integer(total).ok());
    ASSERT_TRUE(builder.column_at(2).append_integer(total).ok());
  };
  add("JFK", false, 12345);
  add("", true, -5);
  add("Zürich\n", false, 0);
  add("left out", false, 1);
  const pillar::column_set rows = *builder.finish();
  EXPECT_EQ(pillar::format_table(rows, 3),
            "route    |  total | day\n"
            "---------+--------+-----------\n"
            "JFK      | 123.45 | 2003-10-20\n"
            "NULL     |  -0.05 | 1969-12-27\n"
            "Zürich\\n |   0.00 | 1970-01-01\n"
            "... and 1 more rows\n");
  std::ostringstream out;
  out << rows;
  EXPECT_EQ(out.str(), pillar::format_table(rows));
  EXPECT_NE(out.str().find("left out"), std::string::npos);
}

TEST(column_format, nothing_to_show) {
  EXPECT_EQ(pillar::format_table({}), "\n\n");
  pillar::column_set_builder builder({{{"a", pillar::type_of<std::int32_t>}}});
  EXPECT_EQ(pillar::format_table(*builder.finish()), "a\n-\n");
}

}  // namespace
}  // namespace pillar_test::column_format
