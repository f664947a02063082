// SPDX-License-Identifier: Apache-2.0
#include "pillar/expr/expression.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pillar/expr/literal.hpp"

namespace pillar_test::expr_expression {
namespace {

using namespace pillar::query;
using pillar::expression;
using pillar::expression_kind;
using pillar::lower;

// The closed list of literals.
static_assert(pillar::literal_value<bool> && pillar::literal_value<short> && pillar::literal_value<unsigned long long>);
static_assert(pillar::literal_value<float> && pillar::literal_value<double> && !pillar::literal_value<long double>);
static_assert(pillar::literal_value<decimal<38, 38>> && pillar::literal_value<date>);
static_assert(pillar::literal_value<timestamp<>> && pillar::literal_value<timestamp<pillar::time_unit::second>>);
static_assert(pillar::literal_value<char[4]> && pillar::literal_value<std::string> &&
              pillar::literal_value<std::string_view>);
static_assert(!pillar::literal_value<char> && !pillar::literal_value<const char*> && !pillar::literal_value<void*> &&
              !pillar::literal_value<std::nullptr_t> && !pillar::literal_value<char32_t>);

template <class L, class R>
concept comparable_with = requires(const L& l, const R& r) {
  l == r;
};
using reference = decltype("a"_col);
static_assert(comparable_with<reference, int> && comparable_with<std::string, reference> &&
              comparable_with<reference, expression> && comparable_with<expression, double>);
static_assert(!comparable_with<reference, std::nullptr_t> && !comparable_with<reference, const char*> &&
              !comparable_with<std::unique_ptr<int>, reference> && !comparable_with<expression, void*>);

// `0.05_dec` keeps the digits as written.
static_assert((0.05_dec).unscaled == 5 && std::is_same_v<decltype(0.05_dec), decimal<3, 2>>);
static_assert((12_dec).unscaled == 12 && std::is_same_v<decltype(12_dec), decimal<2, 0>>);
static_assert((1'234.50_dec).unscaled == 123450 && std::is_same_v<decltype(1'234.50_dec), decimal<6, 2>>);

// Typed expressions are constants, and so is their shape.
constexpr auto filter = "a"_col + 1 > "b"_col && !("c"_col == true || "d"_col.between(1, 2.5)) && "e"_col.is_null();
constexpr auto filter_shape = pillar::shape_of<std::remove_const_t<decltype(filter)>>();
static_assert(filter_shape.size() == 18);
static_assert(filter_shape[0].name == "a" && filter_shape[1].type == pillar::type_of<int>);
static_assert(filter_shape[2].kind == expression_kind::arithmetic && filter_shape[17].kind == expression_kind::both);

void expect_same_tree(const expression& a, const expression& b) {
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    EXPECT_EQ(a.nodes[i].kind, b.nodes[i].kind) << i;
    EXPECT_EQ(a.nodes[i].op, b.nodes[i].op) << i;
    EXPECT_EQ(a.nodes[i].name, b.nodes[i].name) << i;
    EXPECT_EQ(a.nodes[i].value, b.nodes[i].value) << i;
    EXPECT_EQ(a.nodes[i].value.type, b.nodes[i].value.type) << i;
    EXPECT_EQ(a.nodes[i].list, b.nodes[i].list) << i;
  }
}

TEST(expr_expression, lowering_agrees_with_the_shape_node_by_node) {
  const expression tree = lower(filter);
  const auto shape = tree.shape();
  ASSERT_EQ(shape.size(), filter_shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    EXPECT_EQ(shape[i].kind, filter_shape[i].kind) << i;
    EXPECT_EQ(shape[i].op, filter_shape[i].op) << i;
    EXPECT_EQ(shape[i].name, filter_shape[i].name) << i;
    if (shape[i].kind == expression_kind::literal) EXPECT_EQ(shape[i].type, filter_shape[i].type) << i;
  }
  EXPECT_EQ(tree.first_of(17), 0u);
  EXPECT_EQ(tree.first_of(2), 0u);
  EXPECT_EQ(tree.nodes[13].kind, expression_kind::negation);
  EXPECT_EQ(tree.first_of(13), 5u);
}

TEST(expr_expression, names_known_at_run_time_make_the_same_trees) {
  const int five = 5;
  expect_same_tree(lower("a"_col > five && !("b"_col == "x")), col("a") > five && !(col("b") == "x"));
  expect_same_tree(lower(1.5 <= "a"_col * "b"_col - 2), 1.5 <= col("a") * col("b") - 2);
  expect_same_tree(lower("a"_col.between("b"_col, 7) || "c"_col.is_not_null()),
                   col("a").between(col("b"), 7) || col("c").is_not_null());
  expect_same_tree(lower("s"_col.in("x", "yy", "zzz") || "s"_col.starts_with("pre")),
                   col("s").in("x", "yy", "zzz") || col("s").starts_with("pre"));
  expect_same_tree(lower("a"_col.in(std::vector<int>{3, 1}) && "a"_col.is_null()),
                   "a"_col.in(3, 1) && col("a").is_null());
}

TEST(expr_expression, no_expression_dangles) {
  const expression tree = [] {
    std::string text = "a text that is longer than any small buffer";
    const char array[] = "array";
    auto typed = "s"_col == text && "s"_col == std::string_view(text).substr(2, 4) && "s"_col == array;
    return lower(typed);
  }();
  EXPECT_EQ(tree.nodes[1].value.text, "a text that is longer than any small buffer");
  EXPECT_EQ(tree.nodes[4].value.text, "text");
  EXPECT_EQ(tree.nodes[8].value.text, "array");
}

TEST(expr_expression, literals_keep_their_value_and_type) {
  using pillar::type_of;
  const auto literal_of = [](const auto& value) { return lower("a"_col == value).nodes[1].value; };
  EXPECT_TRUE(literal_of(~0ull).integer == pillar::highest_of<std::uint64_t>());
  EXPECT_EQ(literal_of(~0ull).type, type_of<std::uint64_t>);
  EXPECT_TRUE(literal_of(static_cast<signed char>(-1)).integer == -1);
  EXPECT_EQ(literal_of(true).type, type_of<bool>);
  EXPECT_EQ(literal_of(0.1f).type, type_of<float>);
  EXPECT_EQ(literal_of(0.1f).real, static_cast<double>(0.1f));
  EXPECT_EQ(literal_of(date{1970, 1, 2}).type, type_of<date>);
  EXPECT_TRUE(literal_of(date{1970, 1, 2}).integer == 1);
  EXPECT_EQ(literal_of(timestamp<pillar::time_unit::milli>{7}).type.scale, 3);
  EXPECT_EQ(literal_of(1.50_dec).type, (type_of<decimal<3, 2>>));
  EXPECT_TRUE(literal_of(1.50_dec).integer == 150);
}

}  // namespace
}  // namespace pillar_test::expr_expression
