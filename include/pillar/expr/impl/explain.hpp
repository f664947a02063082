// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

#include "pillar/base/mutant.hpp"
#include "pillar/expr/explain.hpp"
#include "pillar/expr/type_rules.hpp"

namespace PILLAR_NAMESPACE {

namespace detail::explanation {

constexpr double infinity = __builtin_inf();

inline bool is_nan(const scalar& value) noexcept {
  return !value.null && is_float(value.type.physical) && std::isnan(value.real);
}

/// The exact result if it lies in the type: a decimal's digits, else the physical type's limits.
inline result<scalar> within(const data_type& type, bool exact, int128 value) {
  const integer_limits limits = limits_of(type);
  if (!exact || value < limits.lo || value > limits.hi) return errc::overflow;
  return scalar::of_integer(type, value);
}
inline double rounded(const data_type& type, double value) noexcept {
  return type.physical == physical_type::float32 ? static_cast<double>(static_cast<float>(value)) : value;
}

inline truth truth_of(bool value) noexcept { return value ? truth::is_true : truth::is_false; }

inline void add_columns(const std::vector<bound_value>& values, std::uint32_t at, std::vector<std::uint32_t>& out) {
  const bound_value& node = values[at];
  if (node.kind == bound_value::kind_type::column) out.push_back(node.column);
  if (node.kind == bound_value::kind_type::convert || node.kind == bound_value::kind_type::arithmetic)
    add_columns(values, node.left, out);
  if (node.kind == bound_value::kind_type::arithmetic) add_columns(values, node.right, out);
}

/// Calls f(node) for every test and comparison under a node.
template <class F>
void for_each_leaf(const bound_predicate& predicate, std::uint32_t at, const F& f) {
  const bound_node& node = predicate.nodes[at];
  switch (node.kind) {
    case bound_node::kind_type::constant: return;
    case bound_node::kind_type::test:
    case bound_node::kind_type::compare: return f(node);
    case bound_node::kind_type::negation: return for_each_leaf(predicate, node.left, f);
    case bound_node::kind_type::both:
    case bound_node::kind_type::either: break;
  }
  for_each_leaf(predicate, node.left, f);
  for_each_leaf(predicate, node.right, f);
}

inline double next_above(physical_type physical, double value) noexcept {
  return physical == physical_type::float32
             ? static_cast<double>(std::nextafter(static_cast<float>(value), std::numeric_limits<float>::infinity()))
             : std::nextafter(value, infinity);
}

/// The first value of every piece of a column's values on which a test gives the same answer: in between nothing
/// changes.
inline void add_turning_points(const domain& test, const data_type& type, std::vector<scalar>& out) {
  const auto add_integer = [&](int128 value) {
    if (value >= lowest_of(type.physical) && value <= highest_of(type.physical))
      out.push_back(scalar::of_integer(type, value));
    if (value < highest_of(type.physical)) out.push_back(scalar::of_integer(type, value + 1));
  };
  const auto add_real = [&](double value) {
    out.push_back(scalar::of_real(type, value));
    out.push_back(scalar::of_real(type, next_above(type.physical, value)));
  };
  if (test.kind != domain_kind::range && test.kind != domain_kind::points) return;
  if (type.physical == physical_type::text) {
    if (test.kind == domain_kind::range) {
      out.push_back(scalar::of_text(type, test.text_lo));
      if (test.has_hi) out.push_back(scalar::of_text(type, test.text_hi));
    }
    for (const std::string& point : test.texts) {
      out.push_back(scalar::of_text(type, point));
      out.push_back(scalar::of_text(type, point + '\0'));
    }
  } else if (is_float(type.physical)) {
    if (test.kind == domain_kind::range && test.real_lo <= test.real_hi) add_real(test.real_lo), add_real(test.real_hi);
    for (const double point : test.reals) add_real(point);
  } else {
    if (test.kind == domain_kind::range && test.lo <= test.hi) add_integer(test.lo), add_integer(test.hi);
    for (const int128 point : test.integers) add_integer(point);
  }
}

/// Values that the claim allows: its ends, and whatever `out` holds already that keeps it.
inline std::vector<scalar> allowed(const value_claim& claim, std::vector<scalar> tried) {
  const data_type type = claim.type.as_nullable(false);
  const auto ends = [&](const scalar& bound, bool low) {
    if (!bound.null) return bound;
    if (type.physical == physical_type::text) return scalar::of_text(type, "");
    if (is_float(type.physical)) return scalar::of_real(type, low ? -infinity : infinity);
    return scalar::of_integer(type, low ? lowest_of(type.physical) : highest_of(type.physical));
  };
  tried.push_back(ends(claim.min, true));
  tried.push_back(ends(claim.max, false));
  if (is_float(type.physical)) tried.push_back(scalar::of_real(type, std::numeric_limits<double>::quiet_NaN()));
  tried.push_back(scalar::of_null(type));
  std::vector<scalar> kept;
  for (const scalar& value : tried)
    if (claim.holds(value)) kept.push_back(value);
  return kept;
}

inline const char* word_of(compare_operator op) noexcept {
  constexpr const char* words[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
  return words[static_cast<unsigned>(op)];
}

/// Floats whose neighbour is shorter to write are written by it: < 5 rather than <= 4.999999999999999.
inline std::string upper_real(const data_type& type, double hi) {
  const std::string closed = to_string(scalar::of_real(type, hi));
  const std::string open = to_string(scalar::of_real(type, next_above(type.physical, hi)));
  return open.size() < closed.size() ? " < " + open : " <= " + closed;
}
inline std::string lower_real(const data_type& type, double lo) {
  const std::string closed = to_string(scalar::of_real(type, lo));
  const std::string open = to_string(scalar::of_real(type, -next_above(type.physical, -lo)));
  return open.size() < closed.size() ? " > " + open : " >= " + closed;
}

/// A range as up to two comparisons of `name`; empty parts where it is open.
struct range_words {
  std::string lower;
  std::string upper;
  std::string single;  ///< instead of both
};
inline range_words words_of_range(const domain& test, const data_type& type) {
  range_words out;
  if (type.physical == physical_type::text) {
    const auto text = [&](std::string_view value) { return quoted(scalar::of_text(type, value)); };
    std::string after_prefix;
    if (test.has_hi && test.text_hi == test.text_lo + '\0') {
      out.single = " = " + text(test.text_lo);
    } else if (!test.text_lo.empty() && prefix_successor(test.text_lo, after_prefix) == test.has_hi &&
               after_prefix == test.text_hi) {
      out.single = " starts with " + text(test.text_lo);
    } else {
      const bool after = !test.text_lo.empty() && test.text_lo.back() == '\0';
      if (after) out.lower = " > " + text(std::string_view(test.text_lo).substr(0, test.text_lo.size() - 1));
      else if (!test.text_lo.empty()) out.lower = " >= " + text(test.text_lo);
      const bool closed = test.has_hi && !test.text_hi.empty() && test.text_hi.back() == '\0';
      if (closed) out.upper = " <= " + text(std::string_view(test.text_hi).substr(0, test.text_hi.size() - 1));
      else if (test.has_hi) out.upper = " < " + text(test.text_hi);
    }
    return out;
  }
  if (is_float(type.physical)) {
    if (test.real_lo == test.real_hi && !test.nan) {
      out.single = " = " + to_string(scalar::of_real(type, test.real_lo));
      return out;
    }
    if (test.real_lo != -infinity) out.lower = lower_real(type, test.real_lo);
    if (test.real_hi != infinity) out.upper = upper_real(type, test.real_hi);
    else if (!test.nan) out.upper = " < NaN";
    return out;
  }
  const auto word = [&](int128 value) { return to_string(scalar::of_integer(type, value)); };
  if (test.lo == test.hi) {
    out.single = " = " + word(test.lo);
    return out;
  }
  if (test.lo != lowest_of(type.physical)) out.lower = " >= " + word(test.lo);
  if (test.hi != highest_of(type.physical)) out.upper = " <= " + word(test.hi);
  return out;
}

/// What of a claim decides a plain range, in words; empty where it is not that simple.
inline std::string decisive(const domain& test, const value_claim& claim, zone_verdict what) {
  if (test.kind != domain_kind::range || test.negated || test.is_everything() || test.is_nothing()) return {};
  if (!claim.may_be_value || (is_float(claim.type.physical) && claim.may_be_nan && what == zone_verdict::none))
    return {};
  const bool is_text = claim.type.physical == physical_type::text;
  const data_type type = claim.type.as_nullable(false);
  scalar lo = scalar::of_null(type), hi = lo;
  if (is_text) {
    if (!test.text_lo.empty()) lo = scalar::of_text(type, test.text_lo);
    if (test.has_hi) hi = scalar::of_text(type, test.text_hi);
  } else if (is_float(type.physical)) {
    if (test.real_lo > test.real_hi) return {};
    if (test.real_lo != -infinity) lo = scalar::of_real(type, test.real_lo);
    if (test.real_hi != infinity) hi = scalar::of_real(type, test.real_hi);
  } else {
    if (test.lo != lowest_of(type.physical)) lo = scalar::of_integer(type, test.lo);
    if (test.hi != highest_of(type.physical)) hi = scalar::of_integer(type, test.hi);
  }
  if (what == zone_verdict::none) {
    if (!lo.null && !claim.max.null && compare(claim.max, lo) < 0)
      return "maximum " + quoted(claim.max) + " < " + quoted(lo);
    if (!hi.null && !claim.min.null && (is_text ? compare(claim.min, hi) >= 0 : compare(claim.min, hi) > 0))
      return "minimum " + quoted(claim.min) + (is_text ? " >= " : " > ") + quoted(hi);
    return {};
  }
  if (what != zone_verdict::all) return {};
  std::string out;
  if (!lo.null) out = "minimum " + quoted(claim.min) + " >= " + quoted(lo);
  if (!hi.null)
    out += (out.empty() ? "" : " and ") + ("maximum " + quoted(claim.max)) + (is_text ? " < " : " <= ") + quoted(hi);
  if (claim.type.nullable) out += ", no NULL";
  if (is_float(type.physical) && !claim.may_be_nan) out += ", no NaN";
  return out;
}

}  // namespace detail::explanation

PILLAR_API bool value_claim::holds(const scalar& value) const {
  if (value.null) return may_be_null;
  if (detail::explanation::is_nan(value)) return may_be_nan;
  if (!may_be_value) return false;
  if (!min.null && PILLAR_MUTATE(explain_claim_minimum_open, compare(value, min) < 0, false)) return false;
  return max.null || compare(value, max) <= 0;
}

PILLAR_API value_claim claim_of(std::uint32_t column, const data_type& type, const value_interval& values) {
  value_claim out;
  out.column = column;
  out.type = type;
  out.may_be_value = values.may_be_value;
  out.may_be_nan = is_float(type.physical) && values.may_be_nan;
  out.may_be_null = values.may_be_null;
  const data_type bound = type.as_nullable(false);
  out.min = out.max = scalar::of_null(type);
  if (!values.may_be_value) return out;
  if (type.physical == physical_type::text) {
    if (!values.text_lo.empty()) out.min = scalar::of_text(bound, values.text_lo);
    if (values.has_text_hi) out.max = scalar::of_text(bound, values.text_hi);
  } else if (is_float(type.physical)) {
    if (values.real_lo != -detail::explanation::infinity) out.min = scalar::of_real(bound, values.real_lo);
    if (values.real_hi != detail::explanation::infinity) out.max = scalar::of_real(bound, values.real_hi);
  } else {
    if (values.lo > lowest_of(type.physical)) out.min = scalar::of_integer(bound, values.lo);
    if (values.hi < highest_of(type.physical)) out.max = scalar::of_integer(bound, values.hi);
  }
  return out;
}

PILLAR_API result<scalar> evaluate_value(std::span<const bound_value> nodes, std::uint32_t at, row_reader row) {
  using namespace detail::explanation;
  const bound_value& node = nodes[at];
  if (node.kind == bound_value::kind_type::column) return row(node.column);
  if (node.kind == bound_value::kind_type::literal) return node.constant;
  PILLAR_ASSIGN_OR_RETURN(const scalar a, evaluate_value(nodes, node.left, row));
  if (node.kind == bound_value::kind_type::convert) {
    if (a.null) return scalar::of_null(node.type);
    if (node.type.physical == physical_type::text) return a;
    const data_type& from = nodes[node.left].type;
    if (is_float(node.type.physical)) {
      const double real = is_float(from.physical)
                              ? a.real
                              : static_cast<double>(a.integer) / static_cast<double>(power_of_ten(scale_of(from)));
      return scalar::of_real(node.type, rounded(node.type, real));
    }
    int128 out = 0;
    const bool exact = checked_multiply(a.integer, power_of_ten(scale_of(node.type) - scale_of(from)), out);
    return within(node.type, exact, out);
  }
  PILLAR_ASSIGN_OR_RETURN(const scalar b, evaluate_value(nodes, node.right, row));
  if (a.null || b.null) return scalar::of_null(node.type);
  if (is_float(node.type.physical)) {
    const double out = node.op == arithmetic_operator::add        ? a.real + b.real
                       : node.op == arithmetic_operator::subtract ? a.real - b.real
                                                                  : a.real * b.real;
    return scalar::of_real(node.type, rounded(node.type, out));
  }
  int128 out = 0;
  const bool exact = node.op == arithmetic_operator::add        ? checked_add(a.integer, b.integer, out)
                     : node.op == arithmetic_operator::subtract ? checked_subtract(a.integer, b.integer, out)
                                                                : checked_multiply(a.integer, b.integer, out);
  return within(node.type, exact, out);
}

PILLAR_API truth evaluate_row(const bound_predicate& predicate, std::uint32_t at, row_reader row) {
  using detail::explanation::truth_of;
  const bound_node& node = predicate.nodes[at];
  switch (node.kind) {
    case bound_node::kind_type::constant: return node.always_null ? truth::unknown : truth_of(node.always);
    case bound_node::kind_type::negation: return !evaluate_row(predicate, node.left, row);
    case bound_node::kind_type::both:
      return evaluate_row(predicate, node.left, row) && evaluate_row(predicate, node.right, row);
    case bound_node::kind_type::either:
      return evaluate_row(predicate, node.left, row) || evaluate_row(predicate, node.right, row);
    case bound_node::kind_type::test: {
      const auto value = evaluate_value(predicate.values, node.left, row);
      if (!value.ok()) return truth::error;
      if (node.test.kind == domain_kind::null_test) return truth_of(value->null != node.test.negated);
      if (value->null) return truth::unknown;
      return truth_of(node.test.contains(*value));
    }
    case bound_node::kind_type::compare: break;
  }
  const auto left = evaluate_value(predicate.values, node.left, row);
  const auto right = evaluate_value(predicate.values, node.right, row);
  if (!left.ok() || !right.ok()) return truth::error;
  if (left->null || right->null) return truth::unknown;
  const int order = compare(*left, *right);
  switch (node.op) {
    case compare_operator::equal: return truth_of(order == 0);
    case compare_operator::not_equal: return truth_of(order != 0);
    case compare_operator::less: return truth_of(order < 0);
    case compare_operator::less_equal: return truth_of(order <= 0);
    case compare_operator::greater: return truth_of(order > 0);
    case compare_operator::greater_equal: return truth_of(order >= 0);
  }
  return truth::error;
}

PILLAR_API std::vector<std::uint32_t> columns_of(const bound_predicate& predicate, std::uint32_t node) {
  std::vector<std::uint32_t> out;
  detail::explanation::for_each_leaf(predicate, node, [&](const bound_node& leaf) {
    detail::explanation::add_columns(predicate.values, leaf.left, out);
    if (leaf.kind == bound_node::kind_type::compare)
      detail::explanation::add_columns(predicate.values, leaf.right, out);
  });
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

PILLAR_API bool computes(const bound_predicate& predicate, std::uint32_t node) {
  bool found = false;
  detail::explanation::for_each_leaf(predicate, node, [&](const bound_node& leaf) {
    found = found || leaf.kind == bound_node::kind_type::compare || predicate.plain_column(leaf) == nullptr;
  });
  return found;
}

PILLAR_API std::optional<witness_fault> check(const witness& what, const bound_predicate& predicate,
                                              std::uint32_t row_count, cell_reader cells) {
  const std::uint32_t node = predicate.conjuncts[what.conjunct];
  const std::vector<std::uint32_t> columns = columns_of(predicate, node);
  for (std::uint32_t row = 0; row < row_count; ++row) {
    for (const value_claim& claim : what.claims) {
      scalar value = cells(row, claim.column);
      if (!claim.holds(value))
        return witness_fault{witness_fault::kind_type::claim, row, claim.column, std::move(value), truth::unknown};
    }
    const auto reader = [&](std::uint32_t column) { return cells(row, column); };
    const truth given = evaluate_row(predicate, node, reader);
    if (PILLAR_MUTATE(explain_outcome_unchecked, what.outcome.may_be(given), true)) continue;
    const std::uint32_t column = columns.empty() ? witness::none : columns[0];
    return witness_fault{witness_fault::kind_type::outcome, row, column,
                         columns.empty() ? scalar{} : cells(row, column), given};
  }
  return std::nullopt;
}

PILLAR_API std::optional<witness_fault> check_reasoning(const witness& what, const bound_predicate& predicate) {
  using namespace detail::explanation;
  const std::uint32_t node = predicate.conjuncts[what.conjunct];
  const std::vector<std::uint32_t> columns = columns_of(predicate, node);
  // Per column: every value where a test of it turns, and the ends of claims about columns that it is compared with.
  std::vector<std::vector<scalar>> tried(columns.size());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    value_claim claim;
    claim.column = columns[c];
    for (const bound_value& value : predicate.values)
      if (value.kind == bound_value::kind_type::column && value.column == columns[c]) claim.type = value.type;
    for (const value_claim& given : what.claims)
      if (given.column == columns[c]) claim = given;
    const data_type type = claim.type.as_nullable(false);
    std::vector<scalar> points;
    for_each_leaf(predicate, node, [&](const bound_node& leaf) {
      const std::uint32_t* plain = leaf.kind == bound_node::kind_type::test ? predicate.plain_column(leaf) : nullptr;
      if (plain != nullptr && *plain == columns[c]) add_turning_points(leaf.test, type, points);
    });
    for (const value_claim& other : what.claims)
      for (const scalar* end : {&other.min, &other.max})
        if (!end->null && same_values(end->type, type)) points.push_back(*end);
    tried[c] = allowed(claim, std::move(points));
    if (tried[c].empty()) return std::nullopt;  // no row can be
  }
  constexpr std::uint64_t most_rows = 65536;
  std::vector<std::size_t> at(columns.size(), 0);
  for (std::uint64_t n = 0; n < most_rows; ++n) {
    const auto reader = [&](std::uint32_t column) {
      for (std::size_t c = 0; c < columns.size(); ++c)
        if (columns[c] == column) return tried[c][at[c]];
      return scalar{};
    };
    const truth given = evaluate_row(predicate, node, reader);
    if (!what.outcome.may_be(given))
      return witness_fault{witness_fault::kind_type::reasoning, 0, columns.empty() ? witness::none : columns[0],
                           columns.empty() ? scalar{} : tried[0][at[0]], given};
    std::size_t c = 0;
    while (c < columns.size() && ++at[c] == tried[c].size()) at[c++] = 0;
    if (c == columns.size()) break;
  }
  return std::nullopt;
}

PILLAR_API std::string quoted(const scalar& value) {
  if (value.null) return "NULL";
  if (value.type.physical != physical_type::text) {
    if (detail::explanation::is_nan(value)) return "NaN";
    return to_string(value);
  }
  constexpr char hex[] = "0123456789abcdef";
  std::string out = "'";
  for (const char c : value.text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\'') out += "''";
    else if (byte >= 0x20 && byte != 0x7f) out += c;
    else (out += "\\x") += {hex[byte >> 4], hex[byte & 15]};
  }
  return out + "'";
}

PILLAR_API std::string describe(const domain& test, const data_type& type, const std::string& name) {
  using namespace detail::explanation;
  switch (test.kind) {
    case domain_kind::null_test: return name + (test.negated ? " is not NULL" : " is NULL");
    case domain_kind::opaque: return std::string(test.negated ? "not " : "") + "test of " + name;
    case domain_kind::points: {
      std::vector<std::string> words;
      for (const int128 point : test.integers) words.push_back(to_string(scalar::of_integer(type, point)));
      for (const double point : test.reals) words.push_back(to_string(scalar::of_real(type, point)));
      for (const std::string& point : test.texts) words.push_back(quoted(scalar::of_text(type, point)));
      if (test.nan) words.push_back("NaN");
      constexpr std::size_t shown = 5;
      std::string out = name + (test.negated ? " not in (" : " in (");
      for (std::size_t i = 0; i < words.size() && i < shown; ++i) out += (i == 0 ? "" : ", ") + words[i];
      if (words.size() > shown) out += ", ... " + std::to_string(words.size()) + " values";
      return out + ")";
    }
    case domain_kind::range: break;
  }
  if (test.is_everything()) return name + " is any value";
  if (test.is_nothing()) return name + " is no value";
  if (is_float(type.physical) && test.real_lo > test.real_hi) return name + (test.negated ? " <> NaN" : " = NaN");
  const range_words words = words_of_range(test, type);
  if (!words.single.empty()) {
    if (!test.negated) return name + words.single;
    return words.single.rfind(" = ", 0) == 0 ? name + " <>" + words.single.substr(2) : "not " + name + words.single;
  }
  std::string out;
  if (!words.lower.empty()) out = name + words.lower;
  if (!words.upper.empty()) out += (out.empty() ? "" : " and ") + name + words.upper;
  if (is_float(type.physical) && test.nan && test.real_hi != infinity) out += " or " + name + " = NaN";
  return test.negated ? "not (" + out + ")" : out;
}

PILLAR_API std::string describe(std::span<const bound_value> values, std::uint32_t at, const dynamic_schema& schema) {
  const bound_value& node = values[at];
  switch (node.kind) {
    case bound_value::kind_type::column: return schema[node.column].name;
    case bound_value::kind_type::literal: return quoted(node.constant);
    case bound_value::kind_type::convert: return describe(values, node.left, schema);
    case bound_value::kind_type::arithmetic: break;
  }
  constexpr const char* words[] = {" + ", " - ", " * "};
  return "(" + describe(values, node.left, schema) + words[static_cast<unsigned>(node.op)] +
         describe(values, node.right, schema) + ")";
}

PILLAR_API std::string describe(const bound_predicate& predicate, std::uint32_t at, const dynamic_schema& schema) {
  using namespace detail::explanation;
  const bound_node& node = predicate.nodes[at];
  switch (node.kind) {
    case bound_node::kind_type::constant: return node.always_null ? "NULL" : node.always ? "true" : "false";
    case bound_node::kind_type::negation: return "not (" + describe(predicate, node.left, schema) + ")";
    case bound_node::kind_type::both:
    case bound_node::kind_type::either:
      return "(" + describe(predicate, node.left, schema) +
             (node.kind == bound_node::kind_type::both ? " and " : " or ") + describe(predicate, node.right, schema) +
             ")";
    case bound_node::kind_type::test:
      return describe(node.test, predicate.values[node.left].type.as_nullable(false),
                      describe(predicate.values, node.left, schema));
    case bound_node::kind_type::compare: break;
  }
  return describe(predicate.values, node.left, schema) + word_of(node.op) +
         describe(predicate.values, node.right, schema);
}

PILLAR_API std::string describe(const value_claim& claim) {
  const bool is_real = is_float(claim.type.physical);
  if (!claim.may_be_value && !(is_real && claim.may_be_nan)) return claim.may_be_null ? "all rows are NULL" : "no rows";
  std::string out;
  const auto add = [&](const std::string& words) { out += (out.empty() ? "" : ", ") + words; };
  if (!claim.may_be_value) add("every value is NaN");
  if (!claim.min.null) add("minimum " + quoted(claim.min));
  if (!claim.max.null) add("maximum " + quoted(claim.max));
  if (claim.type.nullable) add(claim.may_be_null ? "NULLs possible" : "no NULL");
  if (is_real && claim.may_be_value) add(claim.may_be_nan ? "NaN possible" : "no NaN");
  return out.empty() ? "nothing known" : out;
}

PILLAR_API std::string describe(const witness& what, const bound_predicate& predicate, const dynamic_schema& schema) {
  const zone_verdict verdict = what.outcome.verdict();
  std::string out = verdict == zone_verdict::none ? "none" : verdict == zone_verdict::all ? "all" : "some";
  const std::uint32_t at = predicate.conjuncts[what.conjunct];
  const bound_node& node = predicate.nodes[at];
  std::string why;
  if (what.layer == answer_layer::folded) why = "the same for every row";
  if (what.layer == answer_layer::dictionary && what.entry_count != 0)
    why = std::to_string(what.matching_entries) + " of " + std::to_string(what.entry_count) + " entries satisfy it";
  if (why.empty() && what.claims.size() == 1 && node.kind == bound_node::kind_type::test && !computes(predicate, at))
    why = detail::explanation::decisive(node.test, what.claims[0], verdict);
  if (why.empty())
    for (const value_claim& claim : what.claims) {
      why += why.empty() ? "" : "; ";
      if (what.claims.size() > 1 || computes(predicate, at)) why += schema[claim.column].name + ": ";
      why += describe(claim);
    }
  if (!why.empty()) out += ": " + why;
  return out + " (" + to_string(what.layer) + ")";
}

}  // namespace PILLAR_NAMESPACE
