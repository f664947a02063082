// SPDX-License-Identifier: Apache-2.0
/// Plans, row by row: the oracle of the pipeline. It keeps rows as lists of scalars, takes one stage after the other
/// and shares only the scalar reference of expressions with the library.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pillar/column/column_set.hpp"
#include "pillar/expr/bind.hpp"
#include "pillar/expr/check.hpp"
#include "pillar/expr/reference.hpp"
#include "pillar/pipeline/join.hpp"
#include "pillar/pipeline/plan.hpp"
#include "pillar/pipeline/run.hpp"
#include "pillar/schedule/inline_executor.hpp"
#include "support/reference_aggregate.hpp"

namespace pillar_test {

using cell_row = std::vector<pillar::scalar>;

/// Rows, and whether some value or condition on the way had an arithmetic error.
struct reference_rows {
  pillar::dynamic_schema schema{};
  std::vector<cell_row> rows{};
  bool has_error = false;
  bool is_ordered = true;  ///< false after group_by, until order_by
};

inline reference_rows rows_of(const pillar::column_set& from) {
  reference_rows made;
  made.schema = from.schema;
  for (std::uint64_t r = 0; r < from.row_count(); ++r) {
    cell_row one;
    for (std::uint32_t c = 0; c < from.columns.size(); ++c) one.push_back(from.at(r, c));
    made.rows.push_back(std::move(one));
  }
  return made;
}

inline pillar::column_set set_of(const pillar::dynamic_schema& schema, const std::vector<cell_row>& rows) {
  pillar::column_set_builder builder(schema);
  for (const auto& one : rows)
    if (!builder.append_row(one).ok()) std::abort();
  auto made = builder.finish();
  if (!made.ok()) std::abort();
  return *std::move(made);
}

namespace reference_query_detail {
using pillar::scalar;

/// NULL after everything, or before with nulls_first.
inline int compare_cells(const scalar& a, const scalar& b, bool descending = false, bool nulls_first = false) {
  if (a.null || b.null) return a.null == b.null ? 0 : (a.null != nulls_first ? 1 : -1);
  const int order = pillar::compare(a, b);
  return descending ? -order : order;
}
struct row_less {
  bool operator()(const cell_row& a, const cell_row& b) const {
    for (std::size_t i = 0; i < a.size(); ++i)
      if (const int order = compare_cells(a[i], b[i]); order != 0) return order < 0;
    return false;
  }
};

inline scalar value_of(const pillar::expression& what, reference_rows& from, const cell_row& cells) {
  auto made = pillar::evaluate_value(what, from.schema, cells);
  if (made.ok()) return *std::move(made);
  from.has_error = true;
  return scalar::of_null(pillar::type_of<std::int64_t>);
}
inline pillar::data_type type_of_value(const pillar::expression& what, const pillar::dynamic_schema& schema) {
  return pillar::check_shape(what.shape(), pillar::detail::columns_of(schema)).type;
}
inline double real_of(const scalar& value) {
  if (pillar::is_float(value.type.physical)) return value.real;
  const unsigned scale = value.type.logical == pillar::logical_type::decimal ? value.type.scale : 0;
  return static_cast<double>(static_cast<long double>(value.integer) /
                             static_cast<long double>(pillar::power_of_ten(scale)));
}

inline scalar aggregate_of(const pillar::named_aggregate& what, const pillar::data_type& type,
                           const pillar::data_type& second, std::vector<aggregate_row> rows, bool& overflow) {
  using pillar::aggregate_kind;
  const aggregate_kind kind = what.kind;
  const pillar::data_type out = *pillar::aggregate_type(kind, type, second);
  if (kind == aggregate_kind::count_rows) return scalar::of_integer(out, static_cast<pillar::int128>(rows.size()));
  if (kind > aggregate_kind::avg) {
    const auto found = reference_aggregate(kind, what.options, std::move(rows));
    return found ? found->value : scalar::of_null(out);
  }
  if (what.options.distinct) {
    const auto less = [](const aggregate_row& a, const aggregate_row& b) {
      return compare_cells(a.value, b.value) < 0;
    };
    std::stable_sort(rows.begin(), rows.end(), less);
    const auto same = [&](const aggregate_row& a, const aggregate_row& b) { return !less(a, b) && !less(b, a); };
    rows.erase(std::unique(rows.begin(), rows.end(), same), rows.end());
  }
  std::vector<scalar> cells;
  for (const auto& one : rows) cells.push_back(one.value);
  std::uint64_t count = 0;
  pillar::int128 sum = 0;
  double real = 0;
  const scalar* least = nullptr;
  const scalar* greatest = nullptr;
  for (const auto& cell : cells) {
    if (cell.null) continue;
    ++count;
    if (!pillar::checked_add(sum, cell.integer, sum)) overflow = true;
    real += real_of(cell);
    if (least == nullptr || pillar::compare(cell, *least) < 0) least = &cell;
    if (greatest == nullptr || pillar::compare(cell, *greatest) > 0) greatest = &cell;
  }
  if (kind == aggregate_kind::count) return scalar::of_integer(out, static_cast<pillar::int128>(count));
  if (count == 0) return scalar::of_null(out);
  switch (kind) {
    case aggregate_kind::sum:
      if (sum >= pillar::power_of_ten(38) || sum <= -pillar::power_of_ten(38)) overflow = true;
      return pillar::is_float(out.physical) ? scalar::of_real(out, real) : scalar::of_integer(out, sum);
    case aggregate_kind::avg: return scalar::of_real(out, real / static_cast<double>(count));
    case aggregate_kind::min: return *least;
    default: return *greatest;
  }
}

/// Each row of the left side with each row of the other that has the same keys, none of them NULL.
inline void join_rows(reference_rows& from, reference_rows& other, const pillar::plan_join& join, reference_rows& out) {
  using pillar::join_kind;
  pillar::dynamic_schema both = from.schema;
  both.columns.insert(both.columns.end(), other.schema.columns.begin(), other.schema.columns.end());
  std::vector<std::pair<std::size_t, std::size_t>> keys;
  std::vector<pillar::detail::joined_names> names;
  for (const auto& key : join.keys) {
    keys.emplace_back(*from.schema.find(key.column), *other.schema.find(key.other));
    names.push_back({key.column, key.other});
  }
  std::vector<pillar::detail::joined_column> columns(both.size() + 1);
  columns.resize(pillar::detail::joined_columns(join.kind, pillar::detail::columns_of(from.schema),
                                                pillar::detail::columns_of(other.schema), names, join.mark,
                                                columns.data()));
  out.schema.columns.clear();
  for (const auto& column : columns) out.schema.columns.push_back({std::string(column.name), column.type});
  const auto emit = [&](const cell_row* left, const cell_row* right) {
    cell_row made;
    for (const auto& column : columns) {
      const cell_row* side = column.of_other ? right : left;
      std::size_t index = column.index;
      if (side == nullptr)  // a key of one name is whichever is there
        for (std::size_t k = 0; k < keys.size(); ++k)
          if (!column.of_other && join.keys[k].column == join.keys[k].other && keys[k].first == index)
            side = right, index = keys[k].second;
      made.push_back(side == nullptr ? scalar::of_null(column.type) : (*side)[index]);
    }
    out.rows.push_back(std::move(made));
  };
  bool other_has_null = false;
  for (const cell_row& right : other.rows) other_has_null = other_has_null || right[keys[0].second].null;
  std::vector<bool> found(other.rows.size(), false);
  for (const cell_row& left : from.rows) {
    std::size_t partners = 0;
    for (std::size_t r = 0; r < other.rows.size(); ++r) {
      const cell_row& right = other.rows[r];
      bool same = true;
      for (const auto& [mine, theirs] : keys)
        same = same && !left[mine].null && !right[theirs].null && pillar::compare(left[mine], right[theirs]) == 0;
      if (!same) continue;
      if (!join.condition.nodes.empty()) {
        cell_row pair = left;
        pair.insert(pair.end(), right.begin(), right.end());
        const auto fate = pillar::reference_filter(join.condition, both, pair);
        if (fate == pillar::row_fate::error || fate == pillar::row_fate::error_or_reject) from.has_error = true;
        if (fate != pillar::row_fate::keep) continue;
      }
      ++partners;
      found[r] = true;
      if (join.kind <= join_kind::full) emit(&left, &right);
    }
    const bool unknown = partners == 0 && !other.rows.empty() && (other_has_null || left[keys[0].first].null);
    switch (join.kind) {
      case join_kind::inner:
      case join_kind::right: break;
      case join_kind::left:
      case join_kind::full:
        if (partners == 0) emit(&left, nullptr);
        break;
      case join_kind::semi:
        if (partners != 0) emit(&left, nullptr);
        break;
      case join_kind::anti:
        if (partners == 0) emit(&left, nullptr);
        break;
      case join_kind::null_aware_anti:
        if (partners == 0 && !unknown) emit(&left, nullptr);
        break;
      case join_kind::mark:
      case join_kind::null_aware_mark: {
        emit(&left, nullptr);
        scalar& mark = out.rows.back().back();
        const bool is_null = join.kind == join_kind::null_aware_mark && unknown;
        mark = is_null ? scalar::of_null(mark.type) : scalar::of_integer(out.schema.columns.back().type, partners != 0);
        break;
      }
    }
  }
  if (!keeps_build_rows(join.kind)) return;
  out.is_ordered = false;
  for (std::size_t r = 0; r < other.rows.size(); ++r)
    if (!found[r]) emit(nullptr, &other.rows[r]);
}
}  // namespace reference_query_detail

inline reference_rows reference_run(const pillar::query_plan& plan);

/// One stage.
inline reference_rows reference_stage(reference_rows from, const pillar::plan_stage& stage) {
  using namespace reference_query_detail;
  reference_rows out;
  out.schema = from.schema;
  out.is_ordered = from.is_ordered;
  switch (stage.kind) {
    case pillar::stage_kind::where:
      for (auto& one : from.rows) {
        const auto fate = pillar::reference_filter(stage.predicate, from.schema, one);
        if (fate == pillar::row_fate::error || fate == pillar::row_fate::error_or_reject) from.has_error = true;
        if (fate == pillar::row_fate::keep) out.rows.push_back(std::move(one));
      }
      break;
    case pillar::stage_kind::project:
      out.schema.columns.clear();
      for (const auto& value : stage.values)
        out.schema.columns.push_back({value.name, type_of_value(value.value, from.schema)});
      for (const auto& one : from.rows) {
        cell_row made;
        for (const auto& value : stage.values) made.push_back(value_of(value.value, from, one));
        out.rows.push_back(std::move(made));
      }
      break;
    case pillar::stage_kind::group_by: {
      out.schema.columns.clear();
      for (const auto& key : stage.values)
        out.schema.columns.push_back({key.name, type_of_value(key.value, from.schema)});
      std::vector<pillar::data_type> types, seconds;
      const auto type_of_input = [&](const pillar::expression& value) {
        return value.nodes.empty() ? pillar::type_of<double> : type_of_value(value, from.schema);
      };
      for (const auto& aggregate : stage.aggregates) {
        types.push_back(type_of_input(aggregate.input));
        seconds.push_back(type_of_input(aggregate.second));
        out.schema.columns.push_back(
            {aggregate.name, *pillar::aggregate_type(aggregate.kind, types.back(), seconds.back())});
      }
      std::map<cell_row, std::vector<std::vector<aggregate_row>>, row_less> groups;
      if (stage.values.empty()) groups[{}].resize(stage.aggregates.size());
      for (std::size_t number = 0; number < from.rows.size(); ++number) {
        const cell_row& one = from.rows[number];
        cell_row key;
        for (const auto& value : stage.values) key.push_back(value_of(value.value, from, one));
        auto& inputs = groups[std::move(key)];
        inputs.resize(stage.aggregates.size());
        for (std::size_t a = 0; a < inputs.size(); ++a) {
          const auto& aggregate = stage.aggregates[a];
          const auto cell = [&](const pillar::expression& value) {
            return value.nodes.empty() ? scalar{} : value_of(value, from, one);
          };
          const aggregate_row made{number, cell(aggregate.input), cell(aggregate.second)};
          const auto fate = aggregate.predicate.nodes.empty()
                                ? pillar::row_fate::keep
                                : pillar::reference_filter(aggregate.predicate, from.schema, one);
          if (fate == pillar::row_fate::error || fate == pillar::row_fate::error_or_reject) from.has_error = true;
          if (fate == pillar::row_fate::keep) inputs[a].push_back(made);
        }
      }
      for (const auto& [key, inputs] : groups) {
        cell_row made = key;
        for (std::size_t a = 0; a < inputs.size(); ++a)
          made.push_back(aggregate_of(stage.aggregates[a], types[a], seconds[a], inputs[a], from.has_error));
        out.rows.push_back(std::move(made));
      }
      out.is_ordered = stage.values.empty();
      break;
    }
    case pillar::stage_kind::order_by:
    case pillar::stage_kind::top:
      out.rows = std::move(from.rows);
      std::stable_sort(out.rows.begin(), out.rows.end(), [&](const cell_row& a, const cell_row& b) {
        for (const auto& key : stage.order) {
          const auto at = *from.schema.find(key.column);
          if (const int order = compare_cells(a[at], b[at], key.descending, key.nulls_first); order != 0)
            return order < 0;
        }
        return false;
      });
      if (stage.kind == pillar::stage_kind::top && out.rows.size() > stage.limit) out.rows.resize(stage.limit);
      out.is_ordered = true;
      break;
    case pillar::stage_kind::join: {
      reference_rows other = reference_run(stage.join->other);
      out.is_ordered = from.is_ordered && other.is_ordered;
      from.has_error = from.has_error || other.has_error;
      join_rows(from, other, *stage.join, out);
      break;
    }
  }
  out.has_error = from.has_error;
  return out;
}

/// A whole plan over the rows of its source.
inline reference_rows reference_run(const pillar::query_plan& plan) {
  reference_rows rows;
  if (plan.from_rows != nullptr) {
    rows = rows_of(*plan.from_rows);
  } else {
    pillar::inline_executor runner;
    auto scanned = pillar::run_plan({plan.from_table, nullptr, {}}, runner);
    if (!scanned.ok()) std::abort();
    rows = rows_of(scanned->rows());
  }
  for (const auto& stage : plan.stages) rows = reference_stage(std::move(rows), stage);
  return rows;
}

/// What differs between a result and what was expected, or nothing. Floats may differ in the last bits: sums and means
/// are exact in the library, and added one by one here.
inline std::string difference(const pillar::column_set& got, reference_rows expected) {
  if (!(got.schema == expected.schema)) {
    std::string text = "schema:";
    for (const auto& column : got.schema.columns)
      text += ' ' + column.name + ' ' + pillar::to_string(column.type) + ';';
    text += " expected:";
    for (const auto& column : expected.schema.columns)
      text += ' ' + column.name + ' ' + pillar::to_string(column.type) + ';';
    return text;
  }
  reference_rows mine = rows_of(got);
  if (mine.rows.size() != expected.rows.size())
    return std::to_string(mine.rows.size()) + " rows, expected " + std::to_string(expected.rows.size());
  if (!expected.is_ordered) {
    std::stable_sort(mine.rows.begin(), mine.rows.end(), reference_query_detail::row_less{});
    std::stable_sort(expected.rows.begin(), expected.rows.end(), reference_query_detail::row_less{});
  }
  for (std::size_t r = 0; r < mine.rows.size(); ++r)
    for (std::size_t c = 0; c < got.schema.size(); ++c) {
      const auto& a = mine.rows[r][c];
      const auto& b = expected.rows[r][c];
      bool same = a == b;
      if (!same && !a.null && !b.null && pillar::is_float(got.schema[c].type.physical))
        same = std::fabs(a.real - b.real) <= 1e-9 * (1 + std::fabs(b.real));
      if (!same)
        return "row " + std::to_string(r) + ", " + got.schema[c].name + ": " + pillar::to_string(a) + ", expected " +
               pillar::to_string(b);
    }
  return {};
}

}  // namespace pillar_test
