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

#include "pillar/aggregate/own_state.hpp"  // own_aggregate_of
#include "pillar/expr/check.hpp"           // check_shape, fault
#include "pillar/expr/expression.hpp"      // any_expression
#include "pillar/pipeline/plan.hpp"        // plan_stage

namespace PILLAR_NAMESPACE {

/// A column of a derived schema.
template <fixed_string Name, data_type Type>
struct result_field {
  static constexpr auto name = Name;
  static constexpr data_type type = Type;
};

/// Aggregate without an argument.
struct no_input {};

/// aggregate_options of a typed aggregate, before it is lowered.
struct static_options {
  bool distinct = false;
  double quantile = 0.5;
  std::uint32_t rank = 1;
  std::string_view separator = ",";
  const own_aggregate* own = nullptr;
  [[nodiscard]] aggregate_options lower() const {
    aggregate_options made;
    made.distinct = distinct;
    made.quantile = quantile;
    made.rank = rank;
    made.separator = separator;
    made.own = own;
    return made;
  }
};

/// An aggregate with the name of its result: `sum("total"_col).where("open"_col).as("revenue"_col)`. State: what an
/// aggregate of the user's own keeps.
template <aggregate_kind Kind, class E, fixed_string Name, class Second = no_input, class Where = no_input,
          class State = void>
struct aggregate_expression {
  static constexpr bool is_static = true;
  static constexpr auto name = Name;
  static constexpr aggregate_kind kind = Kind;
  using input_type = E;
  using second_type = Second;
  using where_type = Where;
  using state_type = State;
  E input{};
  Second second{};
  Where predicate{};
  static_options options{};

  template <fixed_string New>
  [[nodiscard]] constexpr auto as(column_reference<New>) const {
    return aggregate_expression<Kind, E, New, Second, Where, State>{input, second, predicate, options};
  }
  /// Only rows for which the predicate is true.
  template <static_expression P>
  requires std::is_same_v<Where, no_input>
  [[nodiscard]] constexpr auto where(const P& only) const {
    return aggregate_expression<Kind, E, Name, Second, P, State>{input, second, only, options};
  }
  /// Equal values of a group count once.
  [[nodiscard]] constexpr auto distinct() const {
    static_assert(!takes_second(Kind), "distinct values are those of one input, and this aggregate takes two");
    static_assert(Kind != aggregate_kind::count_rows, "count() takes no input whose values could be distinct");
    aggregate_expression made = *this;
    made.options.distinct = true;
    return made;
  }
  [[nodiscard]] named_aggregate lower() const {
    named_aggregate made{std::string(Name.view()), Kind, {}, {}, {}, options.lower()};
    if constexpr (!std::is_same_v<E, no_input>) made.input = pillar::lower(input);
    if constexpr (!std::is_same_v<Second, no_input>) made.second = pillar::lower(second);
    if constexpr (!std::is_same_v<Where, no_input>) made.predicate = pillar::lower(predicate);
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
  template <any_expression P>
  [[nodiscard]] dynamic_aggregate where(const P& only) const {
    dynamic_aggregate made = *this;
    made.what.predicate = pillar::lower(only);
    return made;
  }
  [[nodiscard]] dynamic_aggregate distinct() const {
    dynamic_aggregate made = *this;
    made.what.options.distinct = true;
    return made;
  }
  [[nodiscard]] named_aggregate lower() const { return what; }
};

namespace detail {

/// The name of an aggregate's column if nobody gives it one: sum_total of a column, sum of a computed value.
template <fixed_string Prefix, class E>
inline constexpr auto aggregate_name = Prefix;
template <fixed_string Prefix, fixed_string Name>
inline constexpr auto aggregate_name<Prefix, column_reference<Name>> = [] {
  fixed_string<sizeof(Prefix.characters) + sizeof(Name.characters)> out;
  std::size_t at = 0;
  for (char c : Prefix.view()) out.characters[at++] = c;
  out.characters[at++] = '_';
  for (char c : Name.view()) out.characters[at++] = c;
  return out;
}();

template <class E>
inline constexpr bool static_or_none = static_expression<E>;
template <>
inline constexpr bool static_or_none<no_input> = true;

template <aggregate_kind Kind, fixed_string Prefix, class State = void, any_expression E, class Second = no_input>
constexpr auto make_aggregate(const E& input, const static_options& options = {}, const Second& second = {}) {
  if constexpr (static_expression<E> && static_or_none<Second>) {
    return aggregate_expression<Kind, E, aggregate_name<Prefix, E>, Second, no_input, State>{
        input, second, {}, options};
  } else {
    named_aggregate made{std::string(Prefix.view()), Kind, pillar::lower(input), {}, {}, options.lower()};
    if (made.input.nodes.size() == 1) made.name += "_" + made.input.nodes[0].name;
    if constexpr (!std::is_same_v<Second, no_input>) made.second = pillar::lower(second);
    return dynamic_aggregate{std::move(made)};
  }
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
/// What is wrong with an aggregate over values of these types; `own` of kind own.
constexpr fault aggregate_fault(aggregate_kind kind, const checked_shape& input, const checked_shape& second,
                                const own_aggregate* own) {
  if (kind == aggregate_kind::own) {
    if (own != nullptr && own->takes(input.type)) return {};
    return {fault_kind::foreign_type, input.column, input.type, {}};
  }
  if (pillar::aggregate_type(kind, input.type, second.type)) return {};
  if (kind == aggregate_kind::bool_and || kind == aggregate_kind::bool_or)
    return {fault_kind::needs_truth, input.column, input.type, {}};
  if (kind == aggregate_kind::string_agg) return {fault_kind::needs_text, input.column, input.type, {}};
  const checked_shape& wrong = pillar::aggregate_type(kind, input.type) ? second : input;
  return {fault_kind::needs_number, wrong.column, wrong.type, {}};
}
template <class A>
constexpr const own_aggregate* own_of() {
  if constexpr (std::is_same_v<typename A::state_type, void>) return nullptr;
  else return &own_aggregate_of<typename A::state_type>;
}
template <class E, typed_schema S>
constexpr checked_shape checked_input() {
  if constexpr (std::is_same_v<E, no_input>) return {{}, type_of<double>, {}, false, true, 0};
  else return checked<E, S>();
}
template <class A, typed_schema S>
constexpr fault check_aggregate() {
  if constexpr (!std::is_same_v<typename A::where_type, no_input>) {
    constexpr auto shape = shape_of<typename A::where_type>();
    if (const fault problem = check_predicate(shape, S::columns)) return problem;
  }
  const checked_shape input = checked_input<typename A::input_type, S>();
  const checked_shape second = checked_input<typename A::second_type, S>();
  if (input.problem) return input.problem;
  if (second.problem) return second.problem;
  return aggregate_fault(A::kind, input, second, own_of<A>());
}
template <class A, typed_schema S>
constexpr data_type aggregate_column() {
  if constexpr (A::kind == aggregate_kind::own) return own_of<A>()->result;
  else
    return *pillar::aggregate_type(A::kind, checked_input<typename A::input_type, S>().type,
                                   checked_input<typename A::second_type, S>().type);
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

/// Rows; non-NULL values; exact sum; least; greatest; mean. What each computes and of which types: aggregate/kind.hpp.
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
/// Different values: exactly, or with a standard error of 1.6 % in a few kilobytes per group.
template <any_expression E>
constexpr auto count_distinct(const E& value) {
  return detail::make_aggregate<aggregate_kind::count, "count_distinct">(value, {.distinct = true});
}
template <any_expression E>
constexpr auto approximate_count_distinct(const E& value) {
  return detail::make_aggregate<aggregate_kind::approximate_count_distinct, "approximate_count_distinct">(value);
}
/// Of samples, divided by n − 1; `…_population` by n. Stable and exact until the last step.
template <any_expression E>
constexpr auto variance(const E& value) {
  return detail::make_aggregate<aggregate_kind::variance, "variance">(value);
}
template <any_expression E>
constexpr auto variance_population(const E& value) {
  return detail::make_aggregate<aggregate_kind::variance_population, "variance_population">(value);
}
template <any_expression E>
constexpr auto standard_deviation(const E& value) {
  return detail::make_aggregate<aggregate_kind::standard_deviation, "standard_deviation">(value);
}
template <any_expression E>
constexpr auto standard_deviation_population(const E& value) {
  return detail::make_aggregate<aggregate_kind::standard_deviation_population, "standard_deviation_population">(value);
}
template <any_expression X, any_expression Y>
constexpr auto covariance(const X& x, const Y& y) {
  return detail::make_aggregate<aggregate_kind::covariance, "covariance">(x, {}, y);
}
template <any_expression X, any_expression Y>
constexpr auto covariance_population(const X& x, const Y& y) {
  return detail::make_aggregate<aggregate_kind::covariance_population, "covariance_population">(x, {}, y);
}
template <any_expression X, any_expression Y>
constexpr auto correlation(const X& x, const Y& y) {
  return detail::make_aggregate<aggregate_kind::correlation, "correlation">(x, {}, y);
}
/// In the order of the source; any_value: some value, whichever comes.
template <any_expression E>
constexpr auto first(const E& value) {
  return detail::make_aggregate<aggregate_kind::first, "first">(value);
}
template <any_expression E>
constexpr auto last(const E& value) {
  return detail::make_aggregate<aggregate_kind::last, "last">(value);
}
template <any_expression E>
constexpr auto any_value(const E& value) {
  return detail::make_aggregate<aggregate_kind::any, "any_value">(value);
}
/// No value is false; some value is true.
template <any_expression E>
constexpr auto bool_and(const E& value) {
  return detail::make_aggregate<aggregate_kind::bool_and, "bool_and">(value);
}
template <any_expression E>
constexpr auto bool_or(const E& value) {
  return detail::make_aggregate<aggregate_kind::bool_or, "bool_or">(value);
}
/// The middle; the value at `part` of the way from least to greatest; the same within 1 %, in little memory.
template <any_expression E>
constexpr auto median(const E& value) {
  return detail::make_aggregate<aggregate_kind::median, "median">(value);
}
template <any_expression E>
constexpr auto quantile(const E& value, double part) {
  return detail::make_aggregate<aggregate_kind::quantile, "quantile">(value, {.quantile = part});
}
template <any_expression E>
constexpr auto approximate_quantile(const E& value, double part) {
  return detail::make_aggregate<aggregate_kind::approximate_quantile, "approximate_quantile">(value,
                                                                                              {.quantile = part});
}
/// `value` where `by` is least or greatest; with a rank, in the second, third, … such row.
template <any_expression E, any_expression By>
constexpr auto arg_min(const E& value, const By& by, std::uint32_t rank = 1) {
  return detail::make_aggregate<aggregate_kind::arg_min, "arg_min">(value, {.rank = rank}, by);
}
template <any_expression E, any_expression By>
constexpr auto arg_max(const E& value, const By& by, std::uint32_t rank = 1) {
  return detail::make_aggregate<aggregate_kind::arg_max, "arg_max">(value, {.rank = rank}, by);
}
/// Texts in the order of the source. Requires: the separator outlives the call that makes the query
template <any_expression E>
constexpr auto string_agg(const E& value, std::string_view separator = ",") {
  return detail::make_aggregate<aggregate_kind::string_agg, "string_agg">(value, {.separator = separator});
}
/// A state of your own: `own<deviation>("delay"_col)`.
template <aggregate_state S, any_expression E>
constexpr auto own(const E& value) {
  return detail::make_aggregate<aggregate_kind::own, "own", S>(value, {.own = &own_aggregate_of<S>});
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
