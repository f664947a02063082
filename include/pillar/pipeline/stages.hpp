// SPDX-License-Identifier: Apache-2.0
/// The verbs between the bars: where, project, group_by, aggregate, order_by, top. Each makes a small value that knows
/// names and literals only; `operator|` (pipeline/query.hpp) binds it to the schema that reaches it.
///
/// A stage models: `template <typed_schema S> static constexpr fault check()`, `template <typed_schema S> using output`
/// (only looked at when check finds nothing), and `plan_stage lower() const`. `is_static` is false where a name is
/// known only at run time; the checks then happen when the query runs.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pillar/expr/check.hpp"       // check_shape, fault
#include "pillar/expr/expression.hpp"  // any_expression
#include "pillar/pipeline/plan.hpp"    // plan_stage

namespace PILLAR_NAMESPACE {

/// A column of a derived schema.
template <fixed_string Name, data_type Type>
struct result_field {
  static constexpr auto name = Name;
  static constexpr data_type type = Type;
};

/// Aggregate without an argument.
struct no_input {};

/// An aggregate with the name of its result: `sum("total"_col).as("revenue"_col)`.
template <aggregate_kind Kind, class E, fixed_string Name>
struct aggregate_expression {
  static constexpr bool is_static = true;
  static constexpr auto name = Name;
  static constexpr aggregate_kind kind = Kind;
  using input_type = E;
  E input;
  template <fixed_string New>
  [[nodiscard]] constexpr auto as(column_reference<New>) const {
    return aggregate_expression<Kind, E, New>{input};
  }
  [[nodiscard]] named_aggregate lower() const {
    named_aggregate made{std::string(Name.view()), Kind, {}};
    if constexpr (!std::is_same_v<E, no_input>) made.input = pillar::lower(input);
    return made;
  }
};

/// An aggregate over columns that are known only at run time.
struct dynamic_aggregate {
  static constexpr bool is_static = false;
  static constexpr fixed_string<1> name{};  // never looked at, but named in stages' member types
  named_aggregate what;
  [[nodiscard]] dynamic_aggregate as(std::string_view renamed) const {
    dynamic_aggregate made = *this;
    made.what.name = renamed;
    return made;
  }
  template <fixed_string New>
  [[nodiscard]] dynamic_aggregate as(column_reference<New>) const {
    return as(New.view());
  }
  [[nodiscard]] named_aggregate lower() const { return what; }
};

namespace detail {

template <aggregate_kind Kind, fixed_string Plain, any_expression E>
constexpr auto make_aggregate(const E& input) {
  if constexpr (static_expression<E>) {
    return aggregate_expression<Kind, E, Plain>{input};
  } else {
    std::string name(Plain.view());
    if (input.nodes.size() == 1) name += "_" + input.nodes[0].name;
    return dynamic_aggregate{{name, Kind, input}};
  }
}
template <aggregate_kind Kind, fixed_string Prefix, fixed_string Name>
constexpr auto make_aggregate(column_reference<Name> input) {
  constexpr auto joined = [] {
    fixed_string<sizeof(Prefix.characters) + sizeof(Name.characters)> out;
    std::size_t at = 0;
    for (char c : Prefix.view()) out.characters[at++] = c;
    out.characters[at++] = '_';
    for (char c : Name.view()) out.characters[at++] = c;
    return out;
  }();
  return aggregate_expression<Kind, column_reference<Name>, joined>{input};
}

/// How an argument of project or group_by gives a name and a value.
template <class P>
struct projection_traits {
  static constexpr bool supported = false;
};
template <fixed_string Name>
struct projection_traits<column_reference<Name>> {
  static constexpr bool supported = true;
  static constexpr bool is_static = true;
  static constexpr auto name = Name;
  using value_type = column_reference<Name>;
  static named_value lower(const column_reference<Name>& p) { return {std::string(Name.view()), pillar::lower(p)}; }
};
template <class E, fixed_string Name>
struct projection_traits<named_expression<E, Name>> {
  static constexpr bool supported = true;
  static constexpr bool is_static = true;
  static constexpr auto name = Name;
  using value_type = E;
  static named_value lower(const named_expression<E, Name>& p) {
    return {std::string(Name.view()), pillar::lower(p.child)};
  }
};
/// A run-time column keeps its name; a run-time computation is called by `named_value{name, expression}`.
template <>
struct projection_traits<expression> {
  static constexpr bool supported = true;
  static constexpr bool is_static = false;
  static constexpr fixed_string<1>
      name{};  // this and value_type are never looked at, but named in stages' member types
  using value_type = column_reference<name>;
  static named_value lower(const expression& p) {
    return {p.nodes.size() == 1 ? p.nodes[0].name : std::string("value"), p};
  }
};
template <>
struct projection_traits<named_value> {
  static constexpr bool supported = true;
  static constexpr bool is_static = false;
  static constexpr fixed_string<1> name{};
  using value_type = column_reference<name>;
  static named_value lower(const named_value& p) { return p; }
};

/// The shape of a value: a condition is a fault here.
template <static_expression E, typed_schema S>
constexpr checked_shape checked() {
  constexpr auto shape = shape_of<E>();
  checked_shape found = check_shape(shape, S::columns);
  if (!found.problem && !found.value) found.problem = {fault_kind::needs_value, found.column, found.type, {}};
  return found;
}
template <class A, typed_schema S>
constexpr fault check_aggregate() {
  if constexpr (!std::is_same_v<typename A::input_type, no_input>) {
    const checked_shape input = checked<typename A::input_type, S>();
    if (input.problem) return input.problem;
    if (!pillar::aggregate_type(A::kind, input.type)) return {fault_kind::needs_number, input.column, input.type, {}};
  }
  return {};
}
template <class A, typed_schema S>
constexpr data_type aggregate_column() {
  if constexpr (std::is_same_v<typename A::input_type, no_input>) return *pillar::aggregate_type(A::kind, data_type{});
  else return *pillar::aggregate_type(A::kind, checked<typename A::input_type, S>().type);
}
template <std::size_t N>
constexpr fault check_unique(const std::array<std::string_view, N>& names) {
  for (std::size_t i = 0; i < N; ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (names[i] == names[j]) return {fault_kind::duplicate_name, names[i], {}, {}};
  return {};
}
constexpr fault first_fault() { return {}; }
template <class... More>
constexpr fault first_fault(const fault& first, const More&... more) {
  if (first) return first;
  return first_fault(more...);
}
}  // namespace detail

/// What project and group_by take: a column, or an expression with a name.
template <class P>
concept projection = detail::projection_traits<std::remove_cvref_t<P>>::supported;
/// What group_by(…)(…) takes.
template <class A>
concept aggregate_call = requires(const A& a) {
  { a.lower() } -> std::same_as<named_aggregate>;
  A::is_static;
};

// ---- stages ---------------------------------------------------------------------------------------------------------

/// `where(…)`, not yet bound to a schema.
template <any_expression E>
struct where_stage {
  static constexpr bool is_static = static_expression<E>;
  E predicate;
  template <typed_schema S>
  static constexpr fault check() {
    constexpr auto shape = shape_of<E>();
    return check_predicate(shape, S::columns);
  }
  template <typed_schema S>
  using output = S;
  [[nodiscard]] plan_stage lower() const {
    plan_stage made;
    made.kind = stage_kind::where;
    made.predicate = pillar::lower(predicate);
    return made;
  }
};

/// `project(…)`, not yet bound to a schema.
template <projection... P>
struct project_stage {
  static constexpr bool is_static = (detail::projection_traits<P>::is_static && ...);
  std::tuple<P...> columns;
  template <typed_schema S>
  static constexpr fault check() {
    return detail::first_fault(
        detail::checked<typename detail::projection_traits<P>::value_type, S>().problem...,
        detail::check_unique(std::array<std::string_view, sizeof...(P)>{detail::projection_traits<P>::name.view()...}));
  }
  template <typed_schema S>
  using output = schema<result_field<detail::projection_traits<P>::name,
                                     detail::checked<typename detail::projection_traits<P>::value_type, S>().type>...>;
  [[nodiscard]] plan_stage lower() const { return lower(std::index_sequence_for<P...>{}); }

 private:
  template <std::size_t... I>
  [[nodiscard]] plan_stage lower(std::index_sequence<I...>) const {
    plan_stage made;
    made.kind = stage_kind::project;
    (made.values.push_back(detail::projection_traits<P>::lower(std::get<I>(columns))), ...);
    return made;
  }
};

template <class Keys, class Aggregates>
struct group_stage;
/// `group_by(keys…)(aggregates…)`, not yet bound to a schema.
template <class... K, class... A>
struct group_stage<std::tuple<K...>, std::tuple<A...>> {
  static constexpr bool is_static = (detail::projection_traits<K>::is_static && ...) && (A::is_static && ...);
  std::tuple<K...> keys;
  std::tuple<A...> aggregates;
  template <typed_schema S>
  static constexpr fault check() {
    return detail::first_fault(detail::checked<typename detail::projection_traits<K>::value_type, S>().problem...,
                               detail::check_aggregate<A, S>()...,
                               detail::check_unique(std::array<std::string_view, sizeof...(K) + sizeof...(A)>{
                                   detail::projection_traits<K>::name.view()..., A::name.view()...}));
  }
  template <typed_schema S>
  using output = schema<result_field<detail::projection_traits<K>::name,
                                     detail::checked<typename detail::projection_traits<K>::value_type, S>().type>...,
                        result_field<A::name, detail::aggregate_column<A, S>()>...>;
  [[nodiscard]] plan_stage lower() const {
    return lower(std::index_sequence_for<K...>{}, std::index_sequence_for<A...>{});
  }

 private:
  template <std::size_t... I, std::size_t... J>
  [[nodiscard]] plan_stage lower(std::index_sequence<I...>, std::index_sequence<J...>) const {
    plan_stage made;
    made.kind = stage_kind::group_by;
    (made.values.push_back(detail::projection_traits<K>::lower(std::get<I>(keys))), ...);
    (made.aggregates.push_back(std::get<J>(aggregates).lower()), ...);
    return made;
  }
};

/// group_by(keys…) waits for its aggregates.
template <projection... K>
struct group_keys {
  std::tuple<K...> keys;
  template <aggregate_call... A>
  [[nodiscard]] constexpr auto operator()(const A&... aggregates) const {
    return group_stage<std::tuple<K...>, std::tuple<A...>>{keys, {aggregates...}};
  }
};

/// A column and a direction, its name known to the compiler.
template <fixed_string Name>
struct static_order {
  static constexpr bool is_static = true;
  static constexpr auto name = Name;
  bool descending = false;
  bool null_first = false;
  [[nodiscard]] constexpr static_order nulls_first() const { return {descending, true}; }
  [[nodiscard]] order_key lower() const { return {std::string(Name.view()), descending, null_first}; }
};
/// One key of an order whose column is known only at run time.
struct dynamic_order {
  static constexpr bool is_static = false;
  order_key key;
  [[nodiscard]] dynamic_order nulls_first() const {
    dynamic_order made = *this;
    made.key.nulls_first = true;
    return made;
  }
  [[nodiscard]] order_key lower() const { return key; }
};
template <class O>
concept ordering = requires(const O& o) {
  { o.lower() } -> std::same_as<order_key>;
};

/// `order_by(…)` and `top(…)`, not yet bound to a schema.
template <ordering... O>
struct order_stage {
  static constexpr bool is_static = (O::is_static && ...);
  stage_kind kind;
  std::uint64_t limit;
  std::tuple<O...> keys;
  template <typed_schema S>
  static constexpr fault check() {
    return detail::first_fault((find_column(S::columns, O::name.view()) == nullptr
                                    ? fault{fault_kind::no_such_column, O::name.view(), {}, {}}
                                    : fault{})...);
  }
  template <typed_schema S>
  using output = S;
  [[nodiscard]] plan_stage lower() const { return lower(std::index_sequence_for<O...>{}); }

 private:
  template <std::size_t... I>
  [[nodiscard]] plan_stage lower(std::index_sequence<I...>) const {
    plan_stage made;
    made.kind = kind;
    made.limit = limit;
    (made.order.push_back(std::get<I>(keys).lower()), ...);
    return made;
  }
};

namespace query {

/// Keeps the rows for which the predicate is true.
template <any_expression E>
constexpr auto where(const E& predicate) {
  return where_stage<E>{predicate};
}

/// Result columns: columns, and expressions named with `.as("name"_col)`.
template <projection... P>
constexpr auto project(const P&... columns) {
  return project_stage<P...>{{columns...}};
}

/// Groups by columns or named expressions; then the aggregates: `group_by("k"_col)(count(), sum("v"_col))`. Rows whose
/// keys are NULL form groups too. The order of the groups is unspecified.
template <projection... K>
constexpr auto group_by(const K&... keys) {
  return group_keys<K...>{{keys...}};
}

/// Aggregates over all rows: one result row.
template <aggregate_call... A>
constexpr auto aggregate(const A&... aggregates) {
  return group_keys<>{}(aggregates...);
}

/// Rows; non-NULL values; exact sum; least; greatest; mean. Result types: aggregate/kind.hpp.
constexpr auto count() { return aggregate_expression<aggregate_kind::count_rows, no_input, "count">{}; }
template <any_expression E>
constexpr auto count(const E& value) {
  return detail::make_aggregate<aggregate_kind::count, "count">(value);
}
template <any_expression E>
constexpr auto sum(const E& value) {
  return detail::make_aggregate<aggregate_kind::sum, "sum">(value);
}
template <any_expression E>
constexpr auto min(const E& value) {
  return detail::make_aggregate<aggregate_kind::min, "min">(value);
}
template <any_expression E>
constexpr auto max(const E& value) {
  return detail::make_aggregate<aggregate_kind::max, "max">(value);
}
template <any_expression E>
constexpr auto avg(const E& value) {
  return detail::make_aggregate<aggregate_kind::avg, "avg">(value);
}

template <fixed_string Name>
constexpr static_order<Name> ascending(column_reference<Name>) {
  return {false, false};
}
template <fixed_string Name>
constexpr static_order<Name> descending(column_reference<Name>) {
  return {true, false};
}
inline dynamic_order ascending(std::string_view name) { return {{std::string(name), false, false}}; }
inline dynamic_order descending(std::string_view name) { return {{std::string(name), true, false}}; }

/// All rows in order; equal rows keep the order of the scan.
template <ordering... O>
constexpr auto order_by(const O&... keys) {
  return order_stage<O...>{stage_kind::order_by, 0, {keys...}};
}
/// The first `limit` rows of that order, without sorting the rest.
template <ordering... O>
constexpr auto top(std::uint64_t limit, const O&... keys) {
  return order_stage<O...>{stage_kind::top, limit, {keys...}};
}

}  // namespace query

}  // namespace PILLAR_NAMESPACE
