// SPDX-License-Identifier: Apache-2.0
/// The row-wise oracle of bound values and predicates, written without any of the library's evaluation, and seeded
/// generators of domains and predicates that force hard cases.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pillar/base/env.hpp"  // splitmix64
#include "pillar/expr/bound.hpp"
#include "pillar/expr/truth.hpp"
#include "support/owned_vector.hpp"

namespace pillar_test {

using row_cells = std::vector<pillar::scalar>;  // one cell per column

/// A value, NULL, or an error.
struct reference_value {
  bool error = false;
  pillar::scalar value{};
};

namespace bound_reference_detail {
inline bool fits(const pillar::data_type& type, pillar::int128 value) {
  if (value < pillar::lowest_of(type.physical) || value > pillar::highest_of(type.physical)) return false;
  if (type.logical != pillar::logical_type::decimal) return true;
  pillar::int128 limit = 1;
  for (unsigned i = 0; i < type.precision; ++i) limit *= 10;
  return value > -limit && value < limit;
}
inline reference_value integer_or_error(const pillar::data_type& type, bool overflowed, pillar::int128 value) {
  if (overflowed || !fits(type, value)) return {true, {}};
  return {false, pillar::scalar::of_integer(type, value)};
}
inline double rounded(const pillar::data_type& type, double value) {
  return type.physical == pillar::physical_type::float32 ? static_cast<double>(static_cast<float>(value)) : value;
}
}  // namespace bound_reference_detail

inline reference_value reference_evaluate(const std::vector<pillar::bound_value>& nodes, std::uint32_t index,
                                          const row_cells& row) {
  using namespace bound_reference_detail;
  using pillar::arithmetic_operator;
  using pillar::bound_value;
  const bound_value& node = nodes[index];
  if (node.kind == bound_value::kind_type::column) return {false, row[node.column]};
  if (node.kind == bound_value::kind_type::literal) return {false, node.constant};
  const reference_value a = reference_evaluate(nodes, node.left, row);
  if (node.kind == bound_value::kind_type::convert) {
    if (a.error) return a;
    if (a.value.null) return {false, pillar::scalar::of_null(node.type)};
    const pillar::data_type& from = nodes[node.left].type;
    if (pillar::is_float(node.type.physical)) {
      if (pillar::is_float(from.physical))
        return {false, pillar::scalar::of_real(node.type, rounded(node.type, a.value.real))};
      const double exact = static_cast<double>(a.value.integer) / static_cast<double>(pillar::power_of_ten(from.scale));
      return {false, pillar::scalar::of_real(node.type, rounded(node.type, exact))};
    }
    pillar::int128 out = 0;
    const bool overflowed = __builtin_mul_overflow(
        a.value.integer, pillar::power_of_ten(static_cast<unsigned>(node.type.scale - from.scale)), &out);
    return integer_or_error(node.type, overflowed, out);
  }
  const reference_value b = reference_evaluate(nodes, node.right, row);
  if (a.error || b.error) return {true, {}};
  if (a.value.null || b.value.null) return {false, pillar::scalar::of_null(node.type)};
  if (pillar::is_float(node.type.physical)) {
    const auto as_real = [](const pillar::scalar& s) {
      return pillar::is_float(s.type.physical) ? s.real : static_cast<double>(s.integer);
    };
    const double x = as_real(a.value), y = as_real(b.value);
    const double out = node.op == arithmetic_operator::add        ? x + y
                       : node.op == arithmetic_operator::subtract ? x - y
                                                                  : x * y;
    return {false, pillar::scalar::of_real(node.type, rounded(node.type, out))};
  }
  pillar::int128 out = 0;
  const pillar::int128 x = a.value.integer, y = b.value.integer;
  const bool overflowed = node.op == arithmetic_operator::add        ? __builtin_add_overflow(x, y, &out)
                          : node.op == arithmetic_operator::subtract ? __builtin_sub_overflow(x, y, &out)
                                                                     : __builtin_mul_overflow(x, y, &out);
  return integer_or_error(node.type, overflowed, out);
}

inline pillar::truth reference_truth(const pillar::bound_predicate& predicate, std::uint32_t index,
                                     const row_cells& row) {
  using pillar::bound_node;
  using pillar::compare_operator;
  using pillar::truth;
  const bound_node& node = predicate.nodes[index];
  switch (node.kind) {
    case bound_node::kind_type::constant:
      return node.always_null ? truth::unknown : node.always ? truth::is_true : truth::is_false;
    case bound_node::kind_type::negation: return !reference_truth(predicate, node.left, row);
    case bound_node::kind_type::both: {
      const truth left = reference_truth(predicate, node.left, row);
      return left && reference_truth(predicate, node.right, row);
    }
    case bound_node::kind_type::either: {
      const truth left = reference_truth(predicate, node.left, row);
      return left || reference_truth(predicate, node.right, row);
    }
    case bound_node::kind_type::test: {
      const reference_value value = reference_evaluate(predicate.values, node.left, row);
      if (value.error) return truth::error;
      if (node.test.kind == pillar::domain_kind::null_test)
        return value.value.null != node.test.negated ? truth::is_true : truth::is_false;
      if (value.value.null) return truth::unknown;
      return node.test.contains(value.value) ? truth::is_true : truth::is_false;
    }
    case bound_node::kind_type::compare: break;
  }
  const reference_value a = reference_evaluate(predicate.values, node.left, row);
  const reference_value b = reference_evaluate(predicate.values, node.right, row);
  if (a.error || b.error) return truth::error;
  if (a.value.null || b.value.null) return truth::unknown;
  const int order = pillar::compare(a.value, b.value);
  bool holds = false;
  switch (node.op) {
    case compare_operator::equal: holds = order == 0; break;
    case compare_operator::not_equal: holds = order != 0; break;
    case compare_operator::less: holds = order < 0; break;
    case compare_operator::less_equal: holds = order <= 0; break;
    case compare_operator::greater: holds = order > 0; break;
    case compare_operator::greater_equal: holds = order >= 0; break;
  }
  return holds ? truth::is_true : truth::is_false;
}

/// A domain over a column: bounds from its cells more often than not, so that they touch; also empty and full ones.
inline pillar::domain random_domain(pillar::splitmix64& random, pillar::data_type type,
                                    const std::vector<pillar::scalar>& cells, std::uint64_t distinct) {
  using namespace pillar;
  type.nullable = false;
  const auto literal = [&] {
    if (!cells.empty() && random.chance(2, 3)) {
      const scalar& cell = cells[random.below(cells.size())];
      if (!cell.null) return cell;
    }
    return random_scalar(random, type, distinct, false);
  };
  const bool negated = random.chance(1, 3);
  const std::uint64_t shape = random.below(16);
  if (shape == 0) return null_test(type.physical, negated);
  domain made;
  made.physical = type.physical;
  made.negated = negated;
  if (shape <= 4) {
    made.kind = domain_kind::points;
    const std::uint64_t count = random.chance(1, 2) ? random.below(4) : random.below(40);
    for (std::uint64_t i = 0; i < count; ++i) {
      const scalar point = literal();
      made.integers.push_back(point.integer);
      if (point.real == point.real) made.reals.push_back(point.real + 0.0);
      made.texts.push_back(point.text);
    }
    const auto tidy = [](auto& list) {
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
    };
    tidy(made.integers), tidy(made.reals), tidy(made.texts);
    if (type.physical == physical_type::text) made.integers.clear(), made.reals.clear();
    else if (is_float(type.physical)) made.integers.clear(), made.texts.clear(), made.nan = random.chance(1, 3);
    else made.reals.clear(), made.texts.clear();
    return made;
  }
  scalar a = literal(), b = literal();
  if (shape <= 10 && compare(a, b) > 0) std::swap(a, b);
  const bool open_low = random.chance(1, 4), open_high = random.chance(1, 4), single = random.chance(1, 6);
  if (single) b = a;
  if (type.physical == physical_type::text) {
    std::string hi = b.text;
    if (single) hi += '\0';
    else if (random.chance(1, 3)) {
      b = a;
      if (a.text.size() > 2) a.text.resize(2 + random.below(a.text.size() - 1));
      if (!prefix_successor(a.text, hi)) return text_range(a.text, false, "", negated);
    }
    return text_range(open_low ? "" : a.text, !open_high, hi, negated);
  }
  if (is_float(type.physical)) {
    const double infinity = std::numeric_limits<double>::infinity();
    const auto number = [](double value) { return value != value ? 0.0 : value; };
    return real_range(type.physical, open_low ? -infinity : number(a.real), open_high ? infinity : number(b.real),
                      random.chance(1, 3), negated);
  }
  return integer_range(type.physical, open_low ? int128_min : a.integer, open_high ? int128_max : b.integer, negated);
}

/// Random predicates over some columns, with arithmetic that now and then overflows.
struct predicate_generator {
  pillar::splitmix64& random;
  std::vector<pillar::data_type> types;
  const std::vector<std::vector<pillar::scalar>>& cells;  // per column
  std::uint64_t distinct;
  bool arithmetic = true;
  pillar::bound_predicate out{};

  std::uint32_t add(pillar::bound_value node) {
    out.values.push_back(std::move(node));
    return static_cast<std::uint32_t>(out.values.size() - 1);
  }
  std::uint32_t add(pillar::bound_node node) {
    out.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(out.nodes.size() - 1);
  }
  std::uint32_t column(std::uint32_t index) {
    pillar::bound_value node;
    node.type = types[index];
    node.column = index;
    return add(std::move(node));
  }
  std::uint32_t convert(std::uint32_t value, pillar::data_type to) {
    pillar::bound_value node;
    node.kind = pillar::bound_value::kind_type::convert;
    node.left = value;
    node.type = to.as_nullable(out.values[value].type.nullable);
    return add(std::move(node));
  }
  /// A number column or arithmetic over such, at most `depth` deep; all of floats or all exact.
  std::uint32_t number(bool real, unsigned depth) {
    using namespace pillar;
    if (depth == 0 || random.chance(1, 3)) {
      if (random.chance(1, 5)) {
        bound_value node;
        node.kind = bound_value::kind_type::literal;
        node.type = real ? type_of<double> : type_of<std::int64_t>;
        node.constant = random_scalar(random, node.type.as_nullable(), distinct);
        node.type = node.constant.type;
        return add(std::move(node));
      }
      std::vector<std::uint32_t> fitting;
      for (std::uint32_t i = 0; i < types.size(); ++i)
        if (types[i].physical != physical_type::text && types[i].physical != physical_type::boolean &&
            is_float(types[i].physical) == real)
          fitting.push_back(i);
      return column(fitting[random.below(fitting.size())]);
    }
    std::uint32_t left = number(real, depth - 1), right = number(real, depth - 1);
    data_type a = out.values[left].type, b = out.values[right].type;
    bound_value node;
    node.kind = bound_value::kind_type::arithmetic;
    node.op = static_cast<arithmetic_operator>(random.below(3));
    if (real) {
      if (random.chance(1, 4)) left = convert(left, type_of<double>), a = type_of<double>;
      const bool narrow = a.physical == physical_type::float32 && b.physical == physical_type::float32;
      node.type = narrow ? type_of<float> : type_of<double>;
    } else if (a.scale != b.scale || random.chance(1, 4)) {
      const unsigned scale = std::max(a.scale, b.scale);
      const unsigned precision = random.chance(1, 2) ? 18 : 38;
      left = convert(left, decimal_type(precision, scale));
      right = convert(right, decimal_type(precision, scale));
      node.type = decimal_type(random.chance(1, 2) ? precision : 38,
                               node.op == arithmetic_operator::multiply ? std::min(38u, 2 * scale) : scale);
    } else {
      const bool is_decimal = a.logical == logical_type::decimal || b.logical == logical_type::decimal;
      const data_type plain[] = {type_of<std::int64_t>, type_of<std::uint64_t>, type_of<std::int32_t>};
      node.type = is_decimal ? decimal_type(random.chance(1, 2) ? 15 : 38, a.scale) : plain[random.below(3)];
    }
    node.type.nullable = true;
    node.left = left;
    node.right = right;
    return add(std::move(node));
  }
  std::uint32_t test(std::uint32_t value, const std::vector<pillar::scalar>& near) {
    pillar::bound_node node;
    node.kind = pillar::bound_node::kind_type::test;
    node.left = value;
    node.test = random_domain(random, out.values[value].type, near, distinct);
    return add(std::move(node));
  }
  std::uint32_t leaf() {
    using namespace pillar;
    const std::uint64_t shape = random.below(arithmetic ? 8 : 5);
    if (shape == 0 && random.chance(1, 3)) {
      bound_node node;
      node.always = random.chance(1, 2);
      node.always_null = random.chance(1, 3);
      return add(std::move(node));
    }
    if (shape < 5) {
      const auto index = static_cast<std::uint32_t>(random.below(types.size()));
      return test(column(index), cells[index]);
    }
    const bool real = random.chance(1, 3);
    if (shape < 7) return test(number(real, 2), {});
    bound_node node;
    node.kind = bound_node::kind_type::compare;
    node.op = static_cast<compare_operator>(random.below(6));
    if (random.chance(1, 4)) {  // text with text
      for (std::uint32_t i = 0; i < types.size(); ++i)
        if (types[i].physical == physical_type::text) node.left = node.right = column(i);
    } else {
      node.left = number(real, 1);
      node.right = number(real, 1);
      if (out.values[node.left].type.scale != out.values[node.right].type.scale) node.right = node.left;
    }
    return add(std::move(node));
  }
  std::uint32_t tree(unsigned depth) {
    using namespace pillar;
    if (depth == 0 || random.chance(1, 3)) return leaf();
    bound_node node;
    const std::uint64_t shape = random.below(5);
    node.kind = shape == 0  ? bound_node::kind_type::negation
                : shape < 3 ? bound_node::kind_type::both
                            : bound_node::kind_type::either;
    node.left = tree(depth - 1);
    if (shape != 0) node.right = tree(depth - 1);
    return add(std::move(node));
  }
  /// One predicate of up to three conjuncts.
  pillar::bound_predicate make(unsigned depth) {
    out = {};
    const std::uint64_t count = 1 + random.below(3);
    for (std::uint64_t i = 0; i < count; ++i) out.conjuncts.push_back(tree(depth));
    for (const auto& value : out.values)
      if (value.kind == pillar::bound_value::kind_type::column) out.columns.push_back(value.column);
    std::sort(out.columns.begin(), out.columns.end());
    out.columns.erase(std::unique(out.columns.begin(), out.columns.end()), out.columns.end());
    return std::move(out);
  }
};

}  // namespace pillar_test
