// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/query.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <utility>

#include "pillar/pipeline.hpp"
#include "support/reference_query.hpp"
#include "support/sample_rows.hpp"

namespace pillar_test::pipeline_query {
namespace {

using namespace pillar::query;
using pillar::any_query;
using pillar::typed_table;

template <class T>
concept scannable = requires(T&& t) {
  scan(std::forward<T>(t));
};
static_assert(scannable<typed_table<sample>&> && scannable<const typed_table<sample>&>);
static_assert(scannable<pillar::table&> && scannable<pillar::column_set>);
static_assert(!scannable<typed_table<sample>>, "a query would point to a table that is gone");
static_assert(!scannable<pillar::table>);

/// What the compiler says of a query's rows is what the run gives.
template <class S>
void expect_schema(const pillar::query_of<S>& query) {
  const auto at_bind = result_schema(query.plan);
  ASSERT_TRUE(at_bind.ok()) << at_bind.status();
  EXPECT_EQ(*at_bind, pillar::describe<S>());
  pillar::inline_executor runner;
  const auto done = run(query, runner);
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->rows().schema, pillar::describe<S>());
  ASSERT_EQ(done->rows().columns.size(), done->rows().schema.size());
  for (std::size_t c = 0; c < done->rows().columns.size(); ++c) {
    EXPECT_EQ(done->rows().columns[c].type(), done->rows().schema[c].type) << done->rows().schema[c].name;
    EXPECT_EQ(done->rows().columns[c].size(), done->rows().row_count());
  }
}

TEST(pipeline_query, the_schema_that_was_promised_is_delivered) {
  typed_table<sample> table;
  ASSERT_TRUE(table.append(set_of(pillar::describe<sample>(), sample_rows(3, 300))).ok());
  const auto all = scan(table);
  expect_schema(all);
  expect_schema(all | where("id"_col > 3 || "word"_col.is_null()));
  expect_schema(all | project("id"_col, "price"_col.as("p"_col), ("price"_col * "small"_col).as("value"_col),
                              ("price"_col * "price"_col * "price"_col).as("cube"_col),
                              ("real"_col * "price"_col).as("r"_col), ("narrow"_col * "narrow"_col).as("n"_col),
                              ("small"_col + "small"_col).as("u"_col), ("wide"_col - "price"_col).as("w"_col)));
  expect_schema(all |
                group_by("word"_col, "flag"_col, "day"_col, "wide"_col, ("price"_col * "wide"_col).as("product"_col))(
                    count(), count("few"_col), sum("price"_col), sum("narrow"_col), sum("small"_col), avg("wide"_col),
                    min("at"_col), max("long"_col), min("flag"_col), max("wide"_col), min("narrow"_col)));
  expect_schema(all | aggregate(sum("price"_col * "small"_col), max("price"_col * "wide"_col), count()));
  expect_schema(all | group_by("few"_col)(count().as("rows"_col)) | where("rows"_col > 2) |
                project(("rows"_col * "few"_col).as("x"_col), "few"_col) | top(4, descending("x"_col)));
  expect_schema(all | order_by(ascending("word"_col), descending("real"_col).nulls_first()));
}

TEST(pipeline_query, queries_are_values) {
  typed_table<sample> table;
  ASSERT_TRUE(table.append(set_of(pillar::describe<sample>(), sample_rows(4, 500))).ok());
  pillar::inline_executor runner;
  const auto base = scan(table) | where("small"_col < 100);
  const auto narrower = base | where("few"_col > 0);
  const auto counted = base | aggregate(count());
  EXPECT_EQ(base.plan.stages.size(), 1u);  // joining a stage makes another query
  EXPECT_EQ(narrower.plan.stages.size(), 2u);

  std::vector<any_query> several{base, narrower, counted};
  std::vector<std::uint64_t> rows;
  for (const auto& one : several) {
    const auto done = run(one, runner);
    ASSERT_TRUE(done.ok()) << done.status();
    rows.push_back(done->rows().row_count());
  }
  EXPECT_GT(rows[0], rows[1]);
  EXPECT_GT(rows[1], 0u);
  EXPECT_EQ(rows[2], 1u);
  // Literals were copied: the query runs long after what it was made of is gone.
  any_query kept;
  {
    std::string word = "beta", prefix = "customer number 1";
    kept = scan(table) | where("word"_col == word && "long"_col.starts_with(prefix));
    word = prefix = std::string(100, '!');
  }
  EXPECT_GT(run(kept, runner)->rows().row_count(), 0u);
}

TEST(pipeline_query, a_run_time_table_is_bound_to_a_typed_schema_or_refused) {
  pillar::table table(pillar::describe<sample>(), {});
  ASSERT_TRUE(table.append(set_of(pillar::describe<sample>(), sample_rows(6, 400))).ok());
  const auto view = bind<sample>(table);
  ASSERT_TRUE(view.ok()) << view.status();
  expect_schema(scan(*view) | where("small"_col < 50) | group_by("word"_col)(sum("price"_col)));

  struct other : pillar::schema<pillar::field<"id", std::int64_t>, pillar::field<"few", std::int32_t>> {};
  const auto refused = bind<other>(table);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.status().message(), "column 1 is 'few' as nullable int32, expected 'few' as int32");
}

TEST(pipeline_query, constants_and_run_time_columns_mix) {
  typed_table<sample> table;
  ASSERT_TRUE(table.append(set_of(pillar::describe<sample>(), sample_rows(5, 500))).ok());
  pillar::inline_executor runner;
  constexpr auto small = "small"_col;
  constexpr auto low = small < 100;
  const std::string name = "few";
  const auto done = run(scan(table) | where(low && col(name).in(1, 2, 3)) | order_by(ascending(name)), runner);
  ASSERT_TRUE(done.ok()) << done.status();
  ASSERT_GT(done->rows().row_count(), 0u);
  for (std::uint64_t r = 0; r < done->rows().row_count(); ++r) {
    EXPECT_LT(done->rows().at(r, 2).integer, 100);
    EXPECT_GE(done->rows().at(r, 1).integer, r == 0 ? 1 : done->rows().at(r - 1, 1).integer);
  }
}

}  // namespace
}  // namespace pillar_test::pipeline_query
