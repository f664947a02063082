// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline/run.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <sstream>

#include "pillar/base/env.hpp"
#include "pillar/pipeline.hpp"
#include "pillar/pipeline/join.hpp"
#include "support/encoded_columns.hpp"
#include "support/random_expression.hpp"
#include "support/reference_query.hpp"
#include "support/sample_rows.hpp"
#include "support/sanitized.hpp"
#include "support/width_state.hpp"

namespace pillar_test::pipeline_run {
namespace {

using namespace pillar::query;
using pillar::aggregate_kind;
using pillar::column_set;
using pillar::query_context;
using pillar::query_plan;
using pillar::stage_kind;

/// The same rows three times: in small row groups, in one row group per slice, and in memory in the order of the scan,
/// as columns of every kind.
struct same_rows {
  explicit same_rows(std::uint32_t row_count, std::uint64_t seed = 7)
      : small_groups(pillar::table_options{.distribution = pillar::by_key("few"_col, pillar::slices{3}),
                                           .order = pillar::compound("day"_col, "id"_col),
                                           .row_group_rows = 1024}),
        large_groups(pillar::table_options{.distribution = pillar::by_key("few"_col, pillar::slices{3}),
                                           .order = pillar::compound("day"_col, "id"_col)}) {
    const column_set rows = set_of(pillar::describe<sample>(), sample_rows(seed, row_count));
    EXPECT_TRUE(small_groups.append(rows).ok());
    EXPECT_TRUE(large_groups.append(rows).ok());
    pillar::inline_executor runner;
    auto scanned = run(scan(large_groups), runner);
    EXPECT_TRUE(scanned.ok());
    in_memory = encode_columns(scanned->rows());
    reference = rows_of(scanned->rows());
    EXPECT_EQ(reference.rows.size(), row_count);
  }
  pillar::typed_table<sample> small_groups;
  pillar::typed_table<sample> large_groups;
  column_set in_memory;
  reference_rows reference;
};

/// Every cell, bits of floats aside.
std::string spelled(const column_set& rows) {
  std::ostringstream out;
  for (std::uint64_t r = 0; r < rows.row_count(); ++r)
    for (std::uint32_t c = 0; c < rows.columns.size(); ++c) out << to_string(rows.at(r, c)) << '|';
  return out.str();
}

/// Runs a plan on every source and executor. Empty when all agree with the reference, and with each other to the bit.
class everywhere {
 public:
  explicit everywhere(const same_rows& rows) : rows_(rows) {}

  std::string check(query_plan plan, const reference_rows& expected) {
    std::string first;
    for (int source = 0; source < 3; ++source) {
      plan.from_table = source == 0 ? &rows_.small_groups : source == 1 ? &rows_.large_groups : nullptr;
      plan.from_rows = source == 2 ? std::make_shared<column_set>(rows_.in_memory) : nullptr;
      for (std::uint32_t threads : {0u, 2u, 4u}) {
        const auto done = threads == 0   ? run_plan(plan, inline_)
                          : threads == 2 ? run_plan(plan, two_)
                                         : run_plan(plan, four_);
        const std::string where = "source " + std::to_string(source) + ", threads " + std::to_string(threads) + ": ";
        if (!done.ok()) {
          if (expected.has_error && done.status().code() == absl::StatusCode::kOutOfRange) continue;
          return where + std::string(done.status().ToString());
        }
        if (expected.has_error) continue;  // an error that no result row or verdict needed
        if (const auto found = difference(done->rows(), expected); !found.empty()) return where + found;
        ++compared;
        if (!expected.is_ordered) continue;
        const std::string cells = spelled(done->rows());
        if (first.empty()) first = cells;
        if (cells != first) return where + "differs in its bits from the first run";
      }
    }
    return {};
  }
  int compared = 0;

 private:
  const same_rows& rows_;
  pillar::inline_executor inline_;
  pillar::worker_pool two_{2};
  pillar::worker_pool four_{4};
};

/// Stages made at random for the schema that reaches them.
struct plan_generator {
  pillar::splitmix64& random;

  pillar::plan_stage stage(const reference_rows& input) {
    std::vector<std::vector<pillar::scalar>> cells(input.schema.size());
    for (std::size_t r = 0; r < input.rows.size(); r += 1 + input.rows.size() / 60)
      for (std::size_t c = 0; c < cells.size(); ++c) cells[c].push_back(input.rows[r][c]);
    expression_generator expressions{random, input.schema, cells, true, random.chance(1, 2)};
    pillar::plan_stage made;
    const std::uint64_t kind = random.below(10);
    if (kind < 4) {
      made.kind = stage_kind::where;
      made.predicate = expressions.predicate(2);
    } else if (kind < 6) {
      made.kind = stage_kind::project;
      for (std::size_t c = 0; c < input.schema.size(); ++c)
        if (random.chance(2, 3)) made.values.push_back({input.schema[c].name, col(input.schema[c].name)});
      if (expressions.column_of(pillar::type_class::number) < input.schema.size())
        for (std::uint64_t i = random.below(3); i > 0; --i)
          made.values.push_back({"computed" + std::to_string(random.below(100)), expressions.number(2)});
      if (made.values.empty()) made.values.push_back({"renamed", col(input.schema[0].name)});
    } else if (kind < 8) {
      made.kind = stage_kind::group_by;
      const bool has_number = expressions.column_of(pillar::type_class::number) < input.schema.size();
      for (std::uint64_t i = random.below(4); i > 0; --i) {
        const auto c = expressions.any_column();
        if (has_number && random.chance(1, 6))
          made.values.push_back({"key" + std::to_string(i), expressions.number(1)});
        else made.values.push_back({input.schema[c].name, col(input.schema[c].name)});
      }
      made.aggregates.push_back({"rows", aggregate_kind::count_rows, {}});
      for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
        using what_kind = aggregate_kind;
        const what_kind plain[] = {what_kind::count, what_kind::sum, what_kind::min, what_kind::max, what_kind::avg};
        const what_kind other[] = {what_kind::variance, what_kind::standard_deviation_population,
                                   what_kind::median,   what_kind::quantile,
                                   what_kind::first,    what_kind::last,
                                   what_kind::arg_min};
        const what_kind what =
            random.chance(1, 2) ? plain[random.below(5)] : other[random.below(input.is_ordered ? 7 : 4)];
        const bool number = !pillar::aggregate_type(what, pillar::type_of<pillar::text>);
        if (number && !has_number) continue;
        pillar::expression input_value = number && random.chance(1, 2) ? expressions.number(1)
                                         : number
                                             ? expressions.column(expressions.column_of(pillar::type_class::number))
                                             : expressions.column(expressions.any_column());
        made.aggregates.push_back({"aggregate" + std::to_string(i), what, std::move(input_value)});
        pillar::named_aggregate& last = made.aggregates.back();
        if (takes_second(what)) last.second = expressions.column(expressions.any_column());
        else last.options.distinct = random.chance(1, 4);
        last.options.quantile = 0.3;
        if (random.chance(1, 4)) last.predicate = expressions.predicate(1);
      }
    } else {
      made.kind = random.chance(1, 2) ? stage_kind::top : stage_kind::order_by;
      made.limit = random.chance(1, 8) ? 0 : random.chance(1, 8) ? ~std::uint64_t{0} : random.below(60);
      for (std::uint64_t i = 1 + random.below(2); i > 0; --i)
        made.order.push_back(
            {input.schema[random.below(input.schema.size())].name, random.chance(1, 2), random.chance(1, 2)});
      if (!input.is_ordered)  // the order of groups is unspecified: leave no ties
        for (const auto& column : input.schema.columns) made.order.push_back({column.name, false, false});
    }
    return made;
  }
};

TEST(pipeline_run, random_plans_agree_with_the_reference_on_any_source_and_executor) {
  const same_rows rows(sanitized ? 1'200 : 2'500);
  everywhere engines(rows);
  pillar::splitmix64 random(20'260'101);
  int plans = 0, stages = 0, with_errors = 0, refused = 0;
  int of_kind[5] = {};
  const int wanted_plans = std::getenv("PILLAR_TEST_LONG") != nullptr ? 1'000 : sanitized ? 20 : 26;
  while (plans < wanted_plans) {
    reference_rows expected = rows.reference;
    query_plan plan;
    plan.from_table = &rows.small_groups;
    for (std::uint64_t wanted = 1 + random.below(4); wanted > 0; --wanted) {
      plan.stages.push_back(plan_generator{random}.stage(expected));
      if (!result_schema(plan).ok()) {  // a product of too large a scale, two columns of one name
        plan.stages.pop_back();
        ++refused;
        continue;
      }
      expected = reference_stage(std::move(expected), plan.stages.back());
      ++of_kind[static_cast<int>(plan.stages.back().kind)];
      ++stages;
    }
    if (plan.stages.empty()) continue;
    ++plans;
    with_errors += expected.has_error ? 1 : 0;
    const std::string found = engines.check(plan, expected);
    if (!found.empty()) {
      std::string text;
      for (const auto& stage : plan.stages) {
        text += "\n  stage " + std::to_string(static_cast<int>(stage.kind)) + ": " + spell(stage.predicate);
        for (const auto& value : stage.values) text += " [" + value.name + " = " + spell(value.value) + "]";
        for (const auto& a : stage.aggregates)
          text += " [" + a.name + " = " + to_string(a.kind) + (a.options.distinct ? " distinct " : " ") +
                  spell(a.input) + " by " + spell(a.second) + " where " + spell(a.predicate) + "]";
        for (const auto& key : stage.order)
          text += " [" + key.column + (key.descending ? " desc" : "") + (key.nulls_first ? " nulls first]" : "]");
        if (stage.kind == stage_kind::top) text += " limit " + std::to_string(stage.limit);
      }
      FAIL() << found << "\nplan " << plans << ":" << text;
    }
  }
  for (const int count : of_kind) EXPECT_GE(count, 3);
  EXPECT_GE(engines.compared, 4 * wanted_plans);
  EXPECT_LT(with_errors, wanted_plans / 2);
  RecordProperty("stages", stages);
  RecordProperty("refused", refused);
}

/// What the issue asks of engines whose schemas arrive at run time: not a name or type of it is known to the compiler.
TEST(pipeline_run, a_schema_known_only_at_run_time) {
  pillar::dynamic_schema schema;
  const std::string key = "sensor", value = "reading";
  schema.columns.push_back({key, pillar::type_of<pillar::text>.as_nullable()});
  schema.columns.push_back({value, pillar::type_of<std::int32_t>});
  pillar::table readings(schema, {.distribution = pillar::by_key({key}, pillar::slices{2}), .row_group_rows = 1024});
  pillar::column_set_builder builder(schema);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE((i % 10 == 0 ? builder.column_at(0).append_null()
                             : builder.column_at(0).append_text(i % 3 == 0 ? "north" : "south"))
                    .ok());
    ASSERT_TRUE(builder.column_at(1).append_integer(i % 100).ok());
  }
  ASSERT_TRUE(readings.append(*builder.finish()).ok());

  const auto question = scan(readings) | where(col(value) >= 50 && !(col(key) == "south")) |
                        group_by(col(key))(count().as("rows"_col), sum(col(value)), max(col(value)).as("most")) |
                        order_by(ascending(key));
  pillar::worker_pool pool(2);
  const auto done = run(question, pool);
  ASSERT_TRUE(done.ok()) << done.status();
  int rows = 0, sum = 0;
  for (int i = 0; i < 10'000; ++i)
    if (i % 10 != 0 && i % 3 == 0 && i % 100 >= 50) ++rows, sum += i % 100;
  ASSERT_EQ(done->rows().row_count(), 1u);
  EXPECT_EQ(done->rows().schema[2].name, "sum_reading");
  EXPECT_EQ(done->rows().at(0, 0).text, "north");
  EXPECT_EQ(done->rows().at(0, 1).integer, rows);
  EXPECT_EQ(done->rows().at(0, 2).integer, sum);
  EXPECT_EQ(done->rows().at(0, 3).integer, 99);
}

/// Every verb once, typed, with its own predicate or without: the reference for what has one answer, the same answer
/// for any source and number of threads for estimates.
TEST(pipeline_run, every_aggregate_with_a_predicate_of_its_own) {
  const same_rows rows(3'000);
  everywhere engines(rows);
  const auto question = [&](const auto& keys) {
    const auto some = "small"_col > 0;
    return scan(rows.small_groups) |
           keys(count().where(some).as("n"_col), count_distinct("word"_col), sum("price"_col).distinct().where(some),
                variance("price"_col).where(some), standard_deviation_population("small"_col),
                covariance("small"_col, "few"_col), correlation("small"_col, "few"_col).where(some), first("long"_col),
                last("word"_col).where(some), bool_and("flag"_col), bool_or("flag"_col).where(some),
                median("price"_col), quantile("id"_col, 0.9).where(some), arg_min("word"_col, "price"_col),
                arg_max("id"_col, "word"_col, 3).where(some), string_agg("word"_col, "; ").distinct(),
                max("day"_col).where("word"_col == "no such word"), count_distinct("id"_col),
                count_distinct("few"_col).as("few_values"_col));
  };
  for (const auto& query : {pillar::any_query(question(group_by("few"_col))), pillar::any_query(question(group_by()))})
    EXPECT_EQ(engines.check(query.plan, reference_stage(rows.reference, query.plan.stages[0])), "");
  pillar::inline_executor alone;
  const auto widths =
      run(scan(rows.small_groups) | group_by("few"_col)(own<width_state<std::int64_t>>("id"_col).where("id"_col > 10),
                                                        max("id"_col), min("id"_col).where("id"_col > 10)),
          alone);
  ASSERT_TRUE(widths.ok()) << widths.status();
  EXPECT_EQ(widths->rows().schema[1].name, "own_id");
  EXPECT_EQ(widths->rows().schema[1].type, pillar::type_of<std::int64_t>.as_nullable());
  for (std::uint64_t r = 0; r < widths->rows().row_count(); ++r)
    EXPECT_TRUE(widths->rows().at(r, 1).integer == widths->rows().at(r, 2).integer - widths->rows().at(r, 3).integer);
  const auto other = run(scan(rows.small_groups) | aggregate(own<width_state<std::int64_t>>(col("word"))), alone);
  EXPECT_EQ(other.status().message(), "column 'word' is text, which the aggregate's state does not take");
  std::string known;
  for (const std::uint32_t threads : {1u, 3u}) {
    pillar::worker_pool pool(threads);
    for (const auto& source : {pillar::any_query(scan(rows.small_groups)), pillar::any_query(scan(rows.in_memory))}) {
      const auto done =
          run(source |
                  group_by("few"_col)(approximate_count_distinct("id"_col), approximate_quantile("id"_col, 0.5),
                                      approximate_quantile("wide"_col, 0.1)) |
                  order_by(ascending("few"_col)),
              pool);
      ASSERT_TRUE(done.ok()) << done.status();
      if (known.empty()) known = spelled(done->rows());
      EXPECT_EQ(spelled(done->rows()), known);
    }
  }
}

/// Cells with the bits of floats, whose zeros and NaN are of one kind.
std::vector<std::string> exact_lines(const column_set& rows) {
  std::vector<std::string> lines;
  for (std::uint64_t r = 0; r < rows.row_count(); ++r) {
    lines.emplace_back();
    for (std::uint32_t c = 0; c < rows.columns.size(); ++c) {
      const pillar::scalar cell = rows.at(r, c);
      const bool is_number = !cell.null && pillar::is_float(cell.type.physical) && cell.real == cell.real;
      lines.back() += is_number ? std::to_string(std::bit_cast<std::uint64_t>(cell.real + 0.0)) : to_string(cell);
      lines.back() += '|';
    }
  }
  return lines;
}

// Every aggregate but `any` over every column that it takes: to the last bit the same for 1, 2 and 8 threads and morsels
// (row groups) of any size, alone, behind joins and without keys.
TEST(pipeline_run, every_aggregate_is_the_same_for_any_threads_and_morsels) {
  const pillar::dynamic_schema schema = pillar::describe<sample>();
  const column_set rows = set_of(schema, sample_rows(11, turns(7'000u)));
  std::vector<std::unique_ptr<pillar::table>> tables;
  for (const std::uint32_t group_rows : {1'024u, 3'072u, 65'536u}) {
    tables.push_back(std::make_unique<pillar::table>(schema, pillar::table_options{.row_group_rows = group_rows}));
    ASSERT_TRUE(tables.back()->append(rows).ok());
  }
  pillar::plan_stage every;
  every.kind = stage_kind::group_by;
  every.aggregates.push_back({"n", aggregate_kind::count_rows, {}});
  for (int kind = 1; kind < static_cast<int>(aggregate_kind::own); ++kind) {
    const auto what = static_cast<aggregate_kind>(kind);
    if (what == aggregate_kind::any) continue;
    for (std::size_t c = static_cast<std::size_t>(kind) % 2; c < schema.size(); c += 2) {
      const std::size_t second = kind % 3 == 0 ? 2 : 8;
      if (!pillar::aggregate_type(what, schema[c].type, schema[second].type)) continue;
      every.aggregates.push_back({"a" + std::to_string(every.aggregates.size()), what, col(schema[c].name)});
      auto& made = every.aggregates.back();
      if (takes_second(what)) made.second = col(schema[second].name);
      else made.options.distinct = c % 5 == 4;
      made.options.rank = 1 + c % 3;
      made.options.register_bits = 6;
      if (c % 4 == 3) made.predicate = col("small") > 50;
    }
  }
  ASSERT_GT(every.aggregates.size(), 60u);
  pillar::plan_stage order, joined;
  order.kind = stage_kind::order_by;
  {
    pillar::plan_join join;
    join.other.from_table = tables[0].get();
    join.other.stages.resize(2);
    join.other.stages[0].kind = stage_kind::where;
    join.other.stages[0].predicate = col("id") < 60;
    join.other.stages[1].kind = stage_kind::project;
    join.other.stages[1].values = {{"b_few", col("few")}, {"b_id", col("id")}};
    join.keys = {{"few", "b_few"}};
    join.condition = col("b_id") * 100 > col("id");
    joined = pillar::stage_of(join);
  }
  for (const std::string key : {"few", "long", ""}) {
    for (const bool with_join : {false, true}) {
      if (with_join && key == "") continue;
      query_plan plan;
      if (with_join) plan.stages.push_back(joined);
      every.values.clear();
      if (!key.empty()) every.values = {{"key", col(key)}};
      plan.stages.push_back(every);
      order.order = {{"key", false, false}};
      if (!key.empty()) plan.stages.push_back(order);
      std::vector<std::string> expected;
      for (std::size_t source = 0; source <= tables.size(); ++source) {
        plan.from_table = source < tables.size() ? tables[source].get() : nullptr;
        plan.from_rows = source < tables.size() ? nullptr : std::make_shared<column_set>(rows);
        for (const std::uint32_t threads : {1u, 2u, 8u}) {
          if (sanitized && threads != 1 + source % 2 && threads != 8) continue;
          pillar::worker_pool pool(threads);
          const auto done = run_plan(plan, pool);
          ASSERT_TRUE(done.ok()) << done.status();
          const auto lines = exact_lines(done->rows());
          if (expected.empty()) expected = lines;
          ASSERT_FALSE(lines.empty());
          ASSERT_EQ(lines, expected) << "source " << source << ", threads " << threads << ", key " << key;
        }
      }
    }
  }
}

TEST(pipeline_run, mistakes_are_sentences_when_a_query_is_run) {
  const same_rows rows(100);
  const pillar::table& table = rows.small_groups;
  pillar::inline_executor runner;
  const auto message = [&](const pillar::any_query& query, absl::StatusCode code) {
    const auto done = run(query, runner);
    EXPECT_EQ(done.status().code(), code) << done.status();
    EXPECT_EQ(done.status(), pillar::result_schema(query.plan).status());
    return std::string(done.status().message());
  };
  EXPECT_NE(message(scan(table) | where("prise"_col > 1), absl::StatusCode::kNotFound)
                .find("no column 'prise' among: id, few, small, flag, day, at, word, long, price, wide, real, narrow; "
                      "did you mean 'price'?"),
            std::string::npos);
  EXPECT_EQ(message(scan(table) | where("word"_col > 1), absl::StatusCode::kInvalidArgument),
            "column 'word': cannot compare text with int32");
  EXPECT_EQ(message(scan(table) | where("day"_col == "2020-01-01"), absl::StatusCode::kInvalidArgument),
            "column 'day': cannot compare date with text");
  EXPECT_EQ(message(scan(table) | where("id"_col + 1), absl::StatusCode::kInvalidArgument),
            "column 'id' is int64, a condition is needed");
  EXPECT_EQ(message(scan(table) | aggregate(sum("word"_col)), absl::StatusCode::kInvalidArgument),
            "column 'word' is text, a number is needed");
  EXPECT_EQ(message(scan(table) | aggregate(sum("day"_col)), absl::StatusCode::kInvalidArgument),
            "column 'day' is date, a number is needed");
  EXPECT_EQ(message(scan(table) | aggregate(correlation("id"_col, "word"_col)), absl::StatusCode::kInvalidArgument),
            "column 'word' is text, a number is needed");
  EXPECT_EQ(message(scan(table) | aggregate(string_agg("id"_col)), absl::StatusCode::kInvalidArgument),
            "column 'id' is int64, text is needed");
  EXPECT_EQ(message(scan(table) | aggregate(bool_or("id"_col)), absl::StatusCode::kInvalidArgument),
            "column 'id' is int64, a condition is needed");
  EXPECT_NE(message(scan(table) | aggregate(quantile("id"_col, 1.5)), absl::StatusCode::kInvalidArgument)
                .find("column 'id': quantiles lie in 0 to 1"),
            std::string::npos);
  EXPECT_EQ(message(scan(table) | aggregate(count().where("id"_col + 1)), absl::StatusCode::kInvalidArgument),
            "column 'id' is int64, a condition is needed");
  EXPECT_NE(message(scan(table) | project("id"_col) | order_by(ascending("few"_col)), absl::StatusCode::kNotFound)
                .find("no column 'few' among: id"),
            std::string::npos);
  EXPECT_NE(message(scan(table) | group_by("few"_col)(count()) | where("id"_col > 1), absl::StatusCode::kNotFound)
                .find("no column 'id' among: few, count"),
            std::string::npos);
  EXPECT_NE(message(scan(table) | project("id"_col, "few"_col.as("id"_col)), absl::StatusCode::kInvalidArgument)
                .find("two result columns are called 'id'"),
            std::string::npos);
  EXPECT_NE(
      message(scan(table) | project(pillar::named_value{"big", col("id") > 1}), absl::StatusCode::kInvalidArgument)
          .find("stands in a condition, a value is needed"),
      std::string::npos);
  EXPECT_NE(message(pillar::any_query{}, absl::StatusCode::kInvalidArgument).find("no source"), std::string::npos);
}

TEST(pipeline_run, arithmetic_errors_of_selected_rows_are_out_of_range) {
  pillar::dynamic_schema schema;
  schema.columns.push_back({"n", pillar::type_of<std::int64_t>});
  pillar::table numbers(schema, {.row_group_rows = 1024});
  pillar::column_set_builder builder(schema);
  for (int i = 0; i < 3'000; ++i)
    ASSERT_TRUE(builder.column_at(0).append_integer(i == 2'000 ? pillar::highest_of<std::int64_t>() : i).ok());
  ASSERT_TRUE(numbers.append(*builder.finish()).ok());
  pillar::worker_pool pool(2);
  const auto code = [&](const pillar::any_query& query) { return run(query, pool).status().code(); };
  EXPECT_EQ(code(scan(numbers) | project(pillar::named_value{"next", col("n") + 1})), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(scan(numbers) | where(col("n") * 2 > 10)), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(scan(numbers) | aggregate(sum(col("n") + 1))), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(scan(numbers) | group_by(pillar::named_value{"k", col("n") + 1})(count())),
            absl::StatusCode::kOutOfRange);
  // A row that is not selected owes nobody a result, and a sum is wide enough for any column.
  EXPECT_EQ(code(scan(numbers) | where(col("n") < 5'000) | project(pillar::named_value{"next", col("n") + 1})),
            absl::StatusCode::kOk);
  EXPECT_EQ(code(scan(numbers) | aggregate(sum(col("n")))), absl::StatusCode::kOk);
  const auto sum_of_all = run(scan(numbers) | aggregate(sum(col("n"))), pool);
  pillar::int128 expected = pillar::highest_of<std::int64_t>() - 2'000;
  for (int i = 0; i < 3'000; ++i) expected += i;
  EXPECT_EQ(sum_of_all->rows().at(0, 0).integer, expected);
}

/// Vectors of which few rows pass are aggregated together, those of which many pass one by one; NULLs stay NULLs, and
/// an overflow names its row.
TEST(pipeline_run, few_rows_of_many_vectors) {
  pillar::dynamic_schema schema;
  const auto nullable = pillar::type_of<std::int64_t>.as_nullable();
  schema.columns = {{"pick", pillar::type_of<std::int32_t>}, {"n", pillar::type_of<std::int64_t>}, {"v", nullable}};
  pillar::column_set_builder builder(schema);
  pillar::splitmix64 random(37);
  struct expectation {
    std::int64_t rows = 0, sum = 0, count = 0, least = 1 << 30, greatest = -(1 << 30);
  } expected[3];
  for (std::int64_t i = 0; i < 80'000; ++i) {
    const bool dense = i / 1024 % 9 == 4;  // now and then a vector with many rows of pick 1
    const auto pick = static_cast<int>(dense ? random.below(3) : random.below(60));
    const bool null = random.chance(1, 5);
    const auto value = static_cast<std::int64_t>(random.below(1'000'000)) - 500'000;
    ASSERT_TRUE(builder.column_at(0).append_integer(pick).ok());
    ASSERT_TRUE(builder.column_at(1).append_integer(i == 70'017 ? pillar::highest_of<std::int64_t>() : i).ok());
    ASSERT_TRUE((null ? builder.column_at(2).append_null() : builder.column_at(2).append_integer(value)).ok());
    if (pick > 2 || i == 70'017) continue;
    expectation& group = expected[pick];
    ++group.rows;
    if (null) continue;
    ++group.count;
    group.sum += value * 2 + i;
    group.least = std::min(group.least, value * 2 + i);
    group.greatest = std::max(group.greatest, value * 2 + i);
  }
  const column_set rows = *builder.finish();
  const auto amount = col("v") * 2 + col("n");
  pillar::inline_executor alone;
  pillar::worker_pool pool(2);
  for (const auto codec : {pillar::codec_id::frame_of_reference, pillar::codec_id::raw}) {
    pillar::table numbers(schema, {.encoding = {.codec = codec}});
    ASSERT_TRUE(numbers.append(rows).ok());
    for (int pick = 0; pick < 3; ++pick) {
      const auto query = scan(numbers) | where(col("pick") == pick && col("n") < 80'000) |
                         aggregate(count(), sum(amount), count(amount).as("values"_col), min(amount), max(amount));
      const auto done = run(query, alone);
      ASSERT_TRUE(done.ok()) << done.status();
      const expectation& group = expected[pick];
      const std::int64_t cells[] = {group.rows, group.sum, group.count, group.least, group.greatest};
      for (std::uint32_t c = 0; c < 5; ++c) EXPECT_EQ(done->rows().at(0, c).integer, cells[c]) << c << " of " << pick;
      EXPECT_EQ(done->stats().rows_selected, static_cast<std::uint64_t>(group.rows));
      const auto shared = run(query, pool);
      EXPECT_EQ(spelled(shared->rows()), spelled(done->rows()));
      EXPECT_EQ(shared->stats().bytes_read(), done->stats().bytes_read());
    }
    for (const int above : {70'000, 79'990}) {  // many rows of its vector, and only itself
      const auto failed = run(scan(numbers) | where(col("n") > above) | aggregate(sum(col("n") * 2)), alone);
      EXPECT_EQ(failed.status().code(), absl::StatusCode::kOutOfRange);
      EXPECT_NE(failed.status().message().find("at 385"), absl::string_view::npos) << failed.status();  // mod 1,024
    }
  }
}

/// The same by groups, those of a sort key's prefix too; and distinct values, which are groups but for NULL.
TEST(pipeline_run, few_rows_of_many_vectors_by_groups) {
  struct row {
    std::int64_t key, n;
    std::optional<std::int64_t> value;
    bool picked;
  };
  pillar::dynamic_schema schema;
  const auto nullable = pillar::type_of<std::int64_t>.as_nullable();
  schema.columns = {{"k", nullable},
                    {"pick", pillar::type_of<std::int32_t>},
                    {"n", pillar::type_of<std::int64_t>},
                    {"v", nullable},
                    {"spread", nullable}};
  pillar::inline_executor alone;
  pillar::worker_pool pool(2);
  constexpr std::int64_t no_key = 7;
  for (const auto codec : {pillar::codec_id::frame_of_reference, pillar::codec_id::dictionary, pillar::codec_id::raw,
                           pillar::codec_id::patched})
    for (const bool sorted : {false, true}) {
      pillar::splitmix64 random(41);
      std::vector<row> rows;
      for (std::int64_t i = 0; i < 20'000; ++i) {
        const bool dense = i / 1024 % 9 == 4;
        rows.push_back({sorted ? i / 40 : static_cast<std::int64_t>(random.below(300)), i % 4'000,
                        random.chance(1, 5) ? std::nullopt : std::optional(static_cast<std::int64_t>(random.below(50))),
                        random.below(dense ? 3 : 60) == 0});
      }
      pillar::column_set_builder builder(schema);
      struct group {
        std::int64_t rows = 0, sum = 0, computed = 0;
        bool operator==(const group&) const = default;
      };
      std::map<std::int64_t, group> expected;
      std::set<std::int64_t> all, picked, spread;
      for (const row& one : rows) {
        const std::int64_t far = one.value ? *one.value * 0x1234'5678'9ab : 0;
        if (one.key == no_key) ASSERT_TRUE(builder.column_at(0).append_null().ok());
        else ASSERT_TRUE(builder.column_at(0).append_integer(one.key).ok());
        ASSERT_TRUE(builder.column_at(1).append_integer(one.picked ? 1 : 0).ok());
        ASSERT_TRUE(builder.column_at(2).append_integer(one.n).ok());
        for (const std::uint32_t c : {3u, 4u}) {
          auto& to = builder.column_at(c);
          ASSERT_TRUE((!one.value ? to.append_null() : to.append_integer(c == 3 ? *one.value : far)).ok());
        }
        if (one.value) all.insert(*one.value);
        if (!one.picked) continue;
        group& of = expected[one.key];
        ++of.rows;
        of.sum += one.n;
        if (!one.value) continue;
        of.computed += *one.value * 2 + one.n;
        picked.insert(*one.value);
        spread.insert(far);
      }
      pillar::table_options how{.row_group_rows = 4096, .encoding = {.codec = codec}};
      if (sorted) how.order = pillar::compound({"k"});
      pillar::table numbers(schema, how);
      ASSERT_TRUE(numbers.append(*builder.finish()).ok());
      const auto few = scan(numbers) | where(col("pick") == 1);
      for (pillar::executor_ref runner : {pillar::executor_ref(alone), pillar::executor_ref(pool)}) {
        const auto done = run(few | group_by(col("k"))(count(), sum(col("n")).as("s"_col),
                                                       sum(col("v") * 2 + col("n")).as("computed"_col)),
                              runner);
        ASSERT_TRUE(done.ok()) << done.status();
        std::map<std::int64_t, group> found;
        for (std::uint64_t r = 0; r < done->rows().row_count(); ++r) {
          const pillar::scalar key = done->rows().at(r, 0), computed = done->rows().at(r, 3);
          found[key.null ? no_key : static_cast<std::int64_t>(key.integer)] = {
              static_cast<std::int64_t>(done->rows().at(r, 1).integer),
              static_cast<std::int64_t>(done->rows().at(r, 2).integer),
              computed.null ? 0 : static_cast<std::int64_t>(computed.integer)};
        }
        EXPECT_EQ(found.size(), done->rows().row_count());
        EXPECT_TRUE(found == expected) << to_string(codec) << (sorted ? ", sorted" : "");
        const auto distinct_of = [&](const auto& query) {
          const auto counted = run(query, runner);
          EXPECT_TRUE(counted.ok()) << counted.status();
          EXPECT_EQ(counted->rows().row_count(), 1u);
          return static_cast<std::size_t>(counted->rows().at(0, 0).integer);
        };
        EXPECT_EQ(distinct_of(scan(numbers) | aggregate(count_distinct(col("v")))), all.size());
        EXPECT_EQ(distinct_of(few | aggregate(count_distinct(col("v")))), picked.size());
        EXPECT_EQ(distinct_of(few | aggregate(count_distinct(col("spread")))), spread.size());
        EXPECT_EQ(distinct_of(scan(numbers) | where(col("n") < 0) | aggregate(count_distinct(col("v")))), 0u);
      }
    }
}

TEST(pipeline_run, cancelled_late_and_poor_queries_end_with_their_status) {
  const same_rows rows(5'000);
  const auto question = scan(rows.small_groups) | group_by("long"_col)(count()) | order_by(descending("count"_col));
  pillar::worker_pool pool(2);
  {
    query_context context;
    context.cancel();
    EXPECT_EQ(run(question, pool, context).status().code(), absl::StatusCode::kCancelled);
  }
  {
    pillar::manual_clock clock;
    clock.now = 1'000;
    query_context context(clock, {.deadline_ns = 1'000});
    EXPECT_EQ(run(question, pool, context).status().code(), absl::StatusCode::kDeadlineExceeded);
  }
  // Any limit: either it is too small, or the answer is the same. Nothing stays reserved.
  const auto whole = run(question | project("long"_col, "count"_col), pool);
  ASSERT_TRUE(whole.ok());
  int refused = 0, answered = 0;
  for (std::uint64_t limit = 0; limit < (std::uint64_t{16} << 20); limit = limit * 2 + 500) {
    pillar::memory_budget budget(limit);
    {
      query_context context({.budget = &budget});
      const auto done = run(question, pool, context);
      if (done.ok()) {
        ++answered;
        EXPECT_EQ(done->rows().row_count(), whole->rows().row_count());
      } else {
        ++refused;
        EXPECT_EQ(done.status().code(), absl::StatusCode::kResourceExhausted) << done.status();
      }
    }
    EXPECT_EQ(budget.used(), 0u) << "limit " << limit;
  }
  EXPECT_GT(refused, 3);
  EXPECT_GT(answered, 0);
}

TEST(pipeline_run, results_are_sources_again) {
  const same_rows rows(2'000);
  pillar::worker_pool pool(2);
  const auto per_word =
      run(scan(rows.small_groups) | group_by("word"_col)(count().as("rows"_col), sum("price"_col)), pool);
  ASSERT_TRUE(per_word.ok()) << per_word.status();
  const auto again = run(scan(*per_word) | where("rows"_col > 100) | aggregate(sum("rows"_col).as("total"_col)), pool);
  ASSERT_TRUE(again.ok()) << again.status();
  pillar::int128 expected = 0;
  for (std::uint64_t r = 0; r < per_word->rows().row_count(); ++r)
    if (per_word->rows().at(r, 1).integer > 100) expected += per_word->rows().at(r, 1).integer;
  EXPECT_EQ(again->rows().at(0, 0).integer, expected);
  const auto of_rows = run(scan(per_word->rows()) | where(col("rows") > 100) | aggregate(count()), pool);
  ASSERT_TRUE(of_rows.ok());
  EXPECT_EQ(of_rows->stats().rows_in_table, per_word->rows().row_count());
}

TEST(pipeline_run, empty_tables_and_empty_results) {
  pillar::typed_table<sample> empty;
  const same_rows rows(500);
  pillar::worker_pool pool(2);
  const pillar::typed_table<sample>* const tables[] = {&empty, &rows.small_groups};
  for (const auto* table : tables) {
    const auto nothing = scan(*table) | where("id"_col < 0);
    const auto collected = run(nothing, pool);
    ASSERT_TRUE(collected.ok());
    EXPECT_EQ(collected->rows().row_count(), 0u);
    EXPECT_EQ(collected->rows().schema, pillar::describe<sample>());
    EXPECT_EQ(collected->rows().columns.size(), pillar::describe<sample>().size());
    EXPECT_EQ(run(nothing | group_by("word"_col)(count()), pool)->rows().row_count(), 0u);
    EXPECT_EQ(run(nothing | order_by(descending("id"_col)), pool)->rows().row_count(), 0u);
    EXPECT_EQ(run(nothing | top(3, descending("id"_col)), pool)->rows().row_count(), 0u);
    const auto totals = run(nothing | aggregate(count(), count("few"_col), sum("price"_col), min("word"_col),
                                                max("real"_col), avg("id"_col), sum("id"_col)),
                            pool);
    ASSERT_TRUE(totals.ok()) << totals.status();
    ASSERT_EQ(totals->rows().row_count(), 1u);
    for (std::uint32_t c = 0; c < 7; ++c) {
      const pillar::scalar cell = totals->rows().at(0, c);
      if (c < 2) EXPECT_TRUE(!cell.null && cell.integer == 0);
      else EXPECT_TRUE(cell.null) << totals->rows().schema[c].name;
    }
  }
}

TEST(pipeline_run, top_is_the_beginning_of_order_by_with_stable_ties) {
  const same_rows rows(sanitized ? 300 : 900);
  everywhere engines(rows);
  for (const bool nulls_first : {false, true})
    for (const bool down : {false, true}) {
      query_plan plan;
      plan.stages.emplace_back();
      plan.stages[0].kind = stage_kind::order_by;
      plan.stages[0].order = {{"few", down, nulls_first}, {"word", !down, !nulls_first}};
      const reference_rows sorted = reference_stage(rows.reference, plan.stages[0]);
      EXPECT_EQ(engines.check(plan, sorted), "");
      EXPECT_EQ(sorted.rows.front()[1].null, nulls_first);
      plan.stages[0].kind = stage_kind::top;
      for (const std::uint64_t limit : {77, nulls_first ? 0 : 1'500}) {
        plan.stages[0].limit = limit;
        EXPECT_EQ(engines.check(plan, reference_stage(rows.reference, plan.stages[0])), "") << limit;
      }
    }
}

/// A sum is exact as long as the whole fits, however far its parts go beyond 128 bits.
TEST(pipeline_run, sums_of_values_of_38_digits) {
  using huge = pillar::decimal<38, 0>;
  pillar::dynamic_schema schema;
  schema.columns.push_back({"n", pillar::type_of<huge>});
  const pillar::int128 most = pillar::power_of_ten(37) * 9;
  pillar::inline_executor runner;
  for (const bool cancels_out : {true, false}) {
    pillar::table numbers(schema, {.row_group_rows = 2048});
    pillar::column_set_builder builder(schema);
    for (int i = 0; i < 2'048; ++i)
      ASSERT_TRUE(builder.column_at(0).append_integer(i < 1'024 || !cancels_out ? most - i : 1'024 + 1 - most).ok());
    ASSERT_TRUE(numbers.append(*builder.finish()).ok());
    for (const auto& what : {col("n"), col("n") * 1}) {
      const auto done = run(scan(numbers) | aggregate(sum(what)), runner);
      if (!cancels_out) {
        EXPECT_EQ(done.status().code(), absl::StatusCode::kOutOfRange);
        continue;
      }
      ASSERT_TRUE(done.ok()) << done.status();
      EXPECT_TRUE(done->rows().at(0, 0).integer == 1'024 * 1'025 - 1'023 * 1'024 / 2);
    }
  }
}

/// Rows are pruned while they are collected only when there are many more than the limit.
TEST(pipeline_run, top_of_many_rows) {
  const same_rows rows(turns(30'000u));
  pillar::worker_pool pool(3);
  const auto best = run(scan(rows.small_groups) | top(5, descending("few"_col), ascending("id"_col)), pool);
  const auto all = run(scan(rows.small_groups) | order_by(descending("few"_col), ascending("id"_col)), pool);
  ASSERT_TRUE(best.ok() && all.ok());
  ASSERT_EQ(best->rows().row_count(), 5u);
  for (std::uint64_t r = 0; r < 5; ++r)
    for (std::uint32_t c = 0; c < 12; ++c) EXPECT_EQ(to_string(best->rows().at(r, c)), to_string(all->rows().at(r, c)));
}

TEST(pipeline_run, projected_names_reach_later_stages) {
  const same_rows rows(2'000);
  pillar::worker_pool pool(2);
  const auto done =
      run(scan(rows.small_groups) |
              project("id"_col.as("number"_col), ("price"_col * 2).as("twice"_col), "few"_col.as("id"_col)) |
              where("twice"_col > 100 && "id"_col >= 0) | project(("twice"_col + "number"_col).as("both"_col)),
          pool);
  ASSERT_TRUE(done.ok()) << done.status();
  std::uint64_t at = 0;
  for (const auto& one : rows.reference.rows) {
    if (one[8].null || one[1].null || one[8].integer * 2 <= 10'000 || one[1].integer < 0) continue;
    ASSERT_LT(at, done->rows().row_count());
    EXPECT_EQ(done->rows().at(at, 0).integer, one[8].integer * 2 + one[0].integer * 100);
    ++at;
  }
  EXPECT_EQ(at, done->rows().row_count());
}

/// Intermediate products of decimals may be narrower in memory than their type; what reads them must agree.
TEST(pipeline_run, products_of_decimals_at_every_depth) {
  const same_rows rows(sanitized ? 300 : 1'100);
  everywhere engines(rows);
  const auto p = col("price"), s = col("small"), w = col("wide");
  const pillar::expression products[] = {
      p * p, p * p * s, p * p * p, (p * p + s) * p, w * s, p * p - w, w * s + p * p * s, p * p * p * p * p, w * w};
  for (const auto& product : products) {
    query_plan plan;
    plan.stages.resize(1);
    plan.stages[0].kind = stage_kind::project;
    plan.stages[0].values = {{"v", product}};
    EXPECT_EQ(engines.check(plan, reference_stage(rows.reference, plan.stages[0])), "") << spell(product);
    plan.stages[0].kind = stage_kind::group_by;
    plan.stages[0].aggregates = {{"n", aggregate_kind::count_rows, {}}};
    EXPECT_EQ(engines.check(plan, reference_stage(rows.reference, plan.stages[0])), "") << spell(product);
    plan.stages[0].values.clear();
    for (const auto& other : {p * p * s, p * p * p * p * p})
      for (const auto kind : {aggregate_kind::sum, aggregate_kind::min}) {
        plan.stages[0].aggregates = {{"a", kind, product}, {"b", aggregate_kind::sum, other}};
        EXPECT_EQ(engines.check(plan, reference_stage(rows.reference, plan.stages[0])), "")
            << to_string(kind) << " " << spell(product) << ", sum " << spell(other);
      }
  }
}

// Aggregates over values that contain one another, of all rows and of few scattered ones.
TEST(pipeline_run, grouped_aggregates_share_what_they_compute) {
  const same_rows rows(sanitized ? 1'000 : 2'600);
  everywhere engines(rows);
  const auto p = col("price"), s = col("small");
  const auto product = p * (3 + s);
  for (const int most : {2, 20, 60, 255}) {
    query_plan plan;
    plan.stages.resize(2);
    plan.stages[0].kind = stage_kind::where;
    plan.stages[0].predicate = s <= most;
    plan.stages[1].kind = stage_kind::group_by;
    plan.stages[1].values = {{"few", col("few")}};
    plan.stages[1].aggregates = {{"a", aggregate_kind::sum, product},     {"b", aggregate_kind::sum, product * (1 + s)},
                                 {"c", aggregate_kind::avg, p},           {"d", aggregate_kind::sum, p},
                                 {"e", aggregate_kind::count, product},   {"f", aggregate_kind::avg, product},
                                 {"g", aggregate_kind::min, product * p}, {"h", aggregate_kind::count_rows, {}}};
    const auto kept = reference_stage(rows.reference, plan.stages[0]);
    EXPECT_EQ(engines.check(plan, reference_stage(kept, plan.stages[1])), "") << kept.rows.size() << " rows";
  }
}

}  // namespace
}  // namespace pillar_test::pipeline_run
