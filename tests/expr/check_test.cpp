// SPDX-License-Identifier: Apache-2.0
#include "pillar/expr/check.hpp"

#include <gtest/gtest.h>

#include <string>

#include "pillar/expr/bind.hpp"
#include "pillar/expr/expression.hpp"

namespace pillar_test::expr_check {
namespace {

using namespace pillar::query;
using pillar::fault_kind;
using pillar::field;
using pillar::nullable;

struct orders : pillar::schema<field<"order_id", std::int64_t>, field<"order_date", date>,
                               field<"status", pillar::text>, field<"total", decimal<15, 2>>, field<"paid", bool>,
                               field<"weight", nullable<double>>, field<"huge", decimal<38, 30>>> {};

template <class E>
constexpr pillar::fault predicate_fault(const E&) {
  return check_predicate(pillar::shape_of<E>(), orders::columns);
}

// The compiler's answer.
static_assert(predicate_fault("order_date"_col >= date{2026, 1, 1} && "status"_col == "shipped").kind ==
              fault_kind::none);
static_assert(predicate_fault("paid"_col && !"paid"_col).kind == fault_kind::none);
static_assert(predicate_fault("weight"_col * 2 + "total"_col > 1 - "order_id"_col).kind == fault_kind::none);
static_assert(predicate_fault("ordr_date"_col == 1).kind == fault_kind::no_such_column);
static_assert(predicate_fault("order_date"_col == "2026-01-01").kind == fault_kind::cannot_compare);
static_assert(predicate_fault("order_id"_col.between(1, "x")).kind == fault_kind::cannot_compare);
static_assert(predicate_fault("total"_col + "status"_col > 1).kind == fault_kind::needs_number);
static_assert(predicate_fault("total"_col && "paid"_col).kind == fault_kind::needs_truth);
static_assert(predicate_fault("total"_col + 1).kind == fault_kind::needs_truth);
static_assert(predicate_fault(("total"_col > 1) == true).kind == fault_kind::needs_value);
static_assert(predicate_fault(("total"_col > 1).is_null()).kind == fault_kind::needs_value);
static_assert(predicate_fault("huge"_col * "huge"_col > 1).kind == fault_kind::scale_too_large);

// The binder's answer, in words; the tree is the same, so must be the sentence.
struct sentence_case {
  pillar::expression what;
  const char* words;
};

TEST(expr_check, sentences) {
  const auto schema = pillar::describe<orders>();
  const sentence_case cases[] = {
      {lower("ordr_date"_col >= date{2026, 1, 1}),
       "no column 'ordr_date' among: order_id, order_date, status, total, paid, weight, huge; did you mean "
       "'order_date'?"},
      {lower("zzz"_col == 1), "no column 'zzz' among: order_id, order_date, status, total, paid, weight, huge"},
      {lower("order_date"_col == "2026-01-01"), "column 'order_date': cannot compare date with text"},
      {lower("order_date"_col < timestamp<>{date{2026, 1, 1}, 0, 0}),
       "column 'order_date': cannot compare date with timestamp"},
      {lower("status"_col.in(1, 2)), "column 'status': cannot compare text with int32"},
      {lower("status"_col * 2 > 1), "column 'status' is text, a number is needed"},
      {lower("total"_col.starts_with("1") && "paid"_col), "column 'total' is decimal<15, 2>, text is needed"},
      {lower(!"total"_col), "column 'total' is decimal<15, 2>, a condition is needed"},
      {lower("paid"_col == ("total"_col > 1)), "column 'total' stands in a condition, a value is needed"},
      {lower("huge"_col * "huge"_col > 1),
       "column 'huge': the product of decimal<38, 30> and decimal<38, 30> has more than 38 digits after the point"},
      {pillar::expression{}, "the expression is malformed or too deep"},
      {lower("paid"_col), ""},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(explain_fault(one.what, schema, true), one.words);
    EXPECT_EQ(bind_predicate(one.what, schema).ok(), *one.words == '\0') << one.words;
  }
  EXPECT_EQ(explain_fault(lower("total"_col > 1), schema, false),
            "column 'total' stands in a condition, a value is needed");
  EXPECT_EQ(bind_predicate(lower("zzz"_col == 1), schema).error().code, pillar::errc::no_such_column);
}

TEST(expr_check, a_long_schema_is_cut_not_overrun) {
  pillar::dynamic_schema schema;
  for (int i = 0; i < 200; ++i)
    schema.columns.push_back({"a_rather_long_name_" + std::to_string(i), pillar::type_of<int>});
  const std::string words = explain_fault(lower("x"_col == 1), schema, true);
  EXPECT_EQ(words.size(), 1023u);
  EXPECT_EQ(words.substr(0, 20), "no column 'x' among:");
}

TEST(expr_check, deep_or_broken_trees_are_refused) {
  const auto schema = pillar::describe<orders>();
  pillar::expression deep = col("paid");
  for (int i = 0; i < 255; ++i) deep = !deep;
  EXPECT_TRUE(bind_predicate(deep, schema).ok());
  EXPECT_FALSE(bind_predicate(!deep, schema).ok());
  pillar::expression chain = col("paid");
  for (int i = 0; i < 10000; ++i) chain.append(col("paid")), chain.push(pillar::expression_kind::both);
  EXPECT_FALSE(bind_predicate(chain, schema).ok());
  pillar::expression broken = col("paid");
  broken.push(pillar::expression_kind::both);
  EXPECT_FALSE(bind_predicate(broken, schema).ok());
  broken = col("paid");
  broken.push_column("paid");
  EXPECT_FALSE(bind_predicate(broken, schema).ok());
}

TEST(expr_check, types_of_values) {
  constexpr auto type_of_value = [](auto e) {
    return check_shape(pillar::shape_of<decltype(e)>(), orders::columns).type;
  };
  using pillar::decimal_type;
  using pillar::type_of;
  EXPECT_EQ(type_of_value("order_id"_col + 1), type_of<std::int64_t>);
  EXPECT_EQ(type_of_value("total"_col + 1), decimal_type(16, 2));
  EXPECT_EQ(type_of_value("total"_col * "total"_col), decimal_type(30, 4));
  EXPECT_EQ(type_of_value("total"_col * (1 - "total"_col)), decimal_type(31, 4));
  EXPECT_EQ(type_of_value("total"_col * "weight"_col), type_of<double>.as_nullable());
  EXPECT_EQ(type_of_value("huge"_col + "total"_col), decimal_type(38, 30));
}

}  // namespace
}  // namespace pillar_test::expr_check
