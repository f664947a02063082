// SPDX-License-Identifier: Apache-2.0
/// The verb that joins a query with another: `orders | join(customers, on("customer_id"_col == "id"_col)) | …`.
///
/// The rows on the left stream past; the other query runs first, and its rows become a join table. Its keys restrict
/// the scan on the left where a row without a partner cannot be in the result: they skip row groups and vectors as a
/// `where` does, and explain and audit account for them; not those of a join that may spill. Let the smaller side be
/// the argument. `on("a"_col == "b"_col)` and `on("id"_col)` name columns known to the compiler,
/// `on(col("a") == col("b"))` those of a running program.
///
/// | verb                                        | result columns                                             |
/// |---------------------------------------------|------------------------------------------------------------|
/// | join, left_join, right_join, full_join      | the left side's, then the other's; a key of one name once  |
/// | semi_join, anti_join, null_aware_anti_join  | the left side's                                            |
/// | mark_join, null_aware_mark_join             | the left side's, then the mark                             |
///
/// What each kind means: join/kind.hpp. Columns of the side that may be missing become nullable; in right and full
/// joins a key of one name is whichever side's is there.
///
/// Shape:    rows in the order of the left side, a row's partners in that of the other side; unmatched rows of right
///           and full joins last. Keys of a pair have one type, scale included; nullability may differ
/// Requires: tables of the other query outlive the query, as its own do
/// Errors:   of types and names: by the compiler where both schemas and all keys are typed, else InvalidArgument or
///           NotFound of run; ResourceExhausted where the other side's rows and their table do not fit the context's
///           budget, and the run has no place to spill to (pipeline/spill.hpp)
/// Cost:     the other query, whose rows are kept whole (columns that are read), and whose table is built by one
///           thread; then a look-up for each row on the left, and a copy for each column of a pair
/// Example:  examples/join/main.cpp
/// Threads:  as run; each worker probes by itself
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "pillar/join/kind.hpp"
#include "pillar/pipeline/query.hpp"
#include "pillar/pipeline/run.hpp"  // scan of a result
#include "pillar/pipeline/stages.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

/// Names of two columns that must be equal.
struct joined_names {
  std::string_view column;
  std::string_view other;
};
/// A column of a join's result, and where it comes from.
struct joined_column {
  std::string_view name{};
  data_type type{};
  bool of_other = false;
  std::uint32_t index = 0;  ///< in its side's schema; of a mark: nothing
};
/// What is wrong with a join, and the side whose columns the sentence lists.
struct join_fault {
  enum class side_type : std::uint8_t { left, other, both };
  fault problem{};
  side_type side = side_type::left;
};

/// A key that both sides call the same.
constexpr const joined_names* shared_key(std::span<const joined_names> keys, std::string_view name) noexcept {
  for (const joined_names& key : keys)
    if (key.column == key.other && key.column == name) return &key;
  return nullptr;
}

/// Writes the result's columns to `out`, if there is one, and returns how many they are.
constexpr std::size_t joined_columns(join_kind kind, std::span<const static_column> left,
                                     std::span<const static_column> other, std::span<const joined_names> keys,
                                     std::string_view mark, joined_column* out) noexcept {
  std::size_t count = 0;
  const auto add = [&](const joined_column& made) {
    if (out != nullptr) out[count] = made;
    ++count;
  };
  for (std::size_t i = 0; i < left.size(); ++i) {
    data_type type = left[i].type;
    if (keeps_build_rows(kind)) {
      const joined_names* key = shared_key(keys, left[i].name);
      const static_column* same = key == nullptr ? nullptr : find_column(other, key->other);
      type.nullable = type.nullable || same == nullptr || same->type.nullable;
    }
    add({left[i].name, type, false, static_cast<std::uint32_t>(i)});
  }
  if (gives_mark(kind)) add({mark, type_of<bool>.as_nullable(is_null_aware(kind)), true, 0});
  if (!gives_pairs(kind)) return count;
  for (std::size_t i = 0; i < other.size(); ++i) {
    if (shared_key(keys, other[i].name) != nullptr) continue;
    data_type type = other[i].type;
    type.nullable = type.nullable || keeps_probe_rows(kind);
    add({other[i].name, type, true, static_cast<std::uint32_t>(i)});
  }
  return count;
}

/// The first fault of a join's keys and names; its condition is checked apart, over the columns of both sides.
constexpr join_fault check_join(join_kind kind, std::span<const static_column> left,
                                std::span<const static_column> other, std::span<const joined_names> keys,
                                std::string_view mark, bool has_condition) noexcept {
  using side = join_fault::side_type;
  if (keys.empty()) return {{fault_kind::needs_keys, {}, {}, {}}};
  if (is_null_aware(kind) && keys.size() != 1) return {{fault_kind::needs_one_key, {}, {}, {}}};
  for (const joined_names& key : keys) {
    if (key.column.empty() || key.other.empty()) return {{fault_kind::needs_keys, {}, {}, {}}};
    const static_column* mine = find_column(left, key.column);
    if (mine == nullptr) return {{fault_kind::no_such_column, key.column, {}, {}}};
    const static_column* theirs = find_column(other, key.other);
    if (theirs == nullptr) return {{fault_kind::no_such_column, key.other, {}, {}}, side::other};
    const data_type &a = mine->type, &b = theirs->type;
    const auto is_signed = [](const data_type& type) {
      return type.logical >= logical_type::int8 && type.logical <= logical_type::int64;
    };
    const bool is_one_column = keeps_build_rows(kind) && key.column == key.other;  // it holds values of either side
    if ((a.logical != b.logical || a.physical != b.physical || a.scale != b.scale) &&
        (is_one_column || !is_signed(a) || !is_signed(b)))
      return {{fault_kind::cannot_join, key.column, a, b}};
  }
  if (gives_mark(kind) && find_column(left, mark) != nullptr) return {{fault_kind::duplicate_name, mark, {}, {}}};
  if (!gives_pairs(kind) && !has_condition) return {};
  for (const static_column& column : other)
    if (shared_key(keys, column.name) == nullptr && find_column(left, column.name) != nullptr)
      return {{fault_kind::on_both_sides, column.name, {}, {}}};
  return {};
}

/// How an argument of on() names two columns.
template <class K>
struct key_traits {
  static constexpr bool supported = false;
};
template <fixed_string Name>
struct key_traits<column_reference<Name>> {
  static constexpr bool supported = true;
  static constexpr bool is_static = true;
  static constexpr joined_names names{Name.view(), Name.view()};
  static plan_join::key_pair lower(const column_reference<Name>&) {
    return {std::string(Name.view()), std::string(Name.view())};
  }
};
template <fixed_string Left, fixed_string Right, std::uint8_t Op>
requires(Op == static_cast<std::uint8_t>(compare_operator::equal)) struct key_traits<
    binary_expression<expression_kind::compare, Op, column_reference<Left>, column_reference<Right>>> {
  static constexpr bool supported = true;
  static constexpr bool is_static = true;
  static constexpr joined_names names{Left.view(), Right.view()};
  template <class K>
  static plan_join::key_pair lower(const K&) {
    return {std::string(Left.view()), std::string(Right.view())};
  }
};
/// Of run-time names; anything but a column or a == b of two columns is refused when the query runs.
template <>
struct key_traits<expression> {
  static constexpr bool supported = true;
  static constexpr bool is_static = false;
  static constexpr joined_names names{};  // never looked at
  static plan_join::key_pair lower(const expression& key) {
    const auto& nodes = key.nodes;
    const auto is_column = [&](std::size_t i) { return nodes[i].kind == expression_kind::column; };
    if (nodes.size() == 1 && is_column(0)) return {nodes[0].name, nodes[0].name};
    if (nodes.size() == 3 && is_column(0) && is_column(1) && nodes[2].kind == expression_kind::compare &&
        nodes[2].op == static_cast<std::uint8_t>(compare_operator::equal))
      return {nodes[0].name, nodes[1].name};
    return {};
  }
};

}  // namespace detail

/// What on() takes: a column that both sides have, or `left column == other column`.
template <class K>
concept join_key = detail::key_traits<std::remove_cvref_t<K>>::supported;

/// The keys of a join.
template <join_key... K>
struct join_keys {
  static constexpr bool is_static = (detail::key_traits<K>::is_static && ...);
  static constexpr std::array<detail::joined_names, sizeof...(K)> names{detail::key_traits<K>::names...};
  std::tuple<K...> keys;
  [[nodiscard]] std::vector<plan_join::key_pair> lower() const {
    return std::apply([](const K&... key) { return std::vector{detail::key_traits<K>::lower(key)...}; }, keys);
  }
};

namespace detail {
/// What binds and runs joins. Plans carry it, so that queries without joins need no such code.
PILLAR_API const join_operations* operations_of_joins() noexcept;
}  // namespace detail

/// A join as a stage of a run-time plan.
inline plan_stage stage_of(plan_join what) {
  plan_stage made;
  made.kind = stage_kind::join;
  made.join = std::make_shared<const plan_join>(std::move(what));
  made.joins = detail::operations_of_joins();
  return made;
}

/// A join with a query whose rows have schema `Other`, not yet bound to what reaches it.
template <join_kind Kind, class Other, class Keys, class Condition = no_input, fixed_string Mark = "">
struct join_stage {
  static constexpr bool is_static = typed_schema<Other> && Keys::is_static && detail::static_or_none<Condition>;
  query_plan other;
  Keys keys;
  Condition condition{};

  template <typed_schema S>
  static constexpr fault check() {
    return checked<S>().problem;
  }
  /// The sentence for what is wrong, among the columns of the side that it is about.
  template <typed_schema S>
  static constexpr sentence words() {
    const detail::join_fault found = checked<S>();
    using side = detail::join_fault::side_type;
    return found.side == side::left    ? describe(found.problem, S::columns)
           : found.side == side::other ? describe(found.problem, Other::columns)
                                       : describe(found.problem, both_sides<S>());
  }
  /// The schema behind the join.
  template <typed_schema S>
  struct result {
    static constexpr std::size_t size =
        detail::joined_columns(Kind, S::columns, Other::columns, Keys::names, Mark.view(), nullptr);
    static constexpr auto columns = [] {
      std::array<detail::joined_column, size> made{};
      detail::joined_columns(Kind, S::columns, Other::columns, Keys::names, Mark.view(), made.data());
      return made;
    }();
    template <std::size_t I>
    static constexpr auto name = [] {
      fixed_string<columns[I].name.size() + 1> out;
      std::size_t at = 0;
      for (const char c : columns[I].name) out.characters[at++] = c;
      return out;
    }();
    template <std::size_t... I>
    static schema<result_field<name<I>, columns[I].type>...> fields(std::index_sequence<I...>);
  };
  template <typed_schema S>
  using output = decltype(result<S>::fields(std::make_index_sequence<result<S>::size>{}));

  [[nodiscard]] plan_stage lower() const {
    plan_join made;
    made.kind = Kind;
    made.other = other;
    made.keys = keys.lower();
    if constexpr (!std::is_same_v<Condition, no_input>) made.condition = pillar::lower(condition);
    made.mark = std::string(Mark.view());
    return stage_of(std::move(made));
  }

 private:
  /// What a condition may name.
  template <typed_schema S>
  static constexpr auto both_sides() {
    std::array<static_column, S::columns.size() + Other::columns.size()> made{};
    std::size_t at = 0;
    for (const static_column& column : S::columns) made[at++] = column;
    for (const static_column& column : Other::columns) made[at++] = column;
    return made;
  }
  template <typed_schema S>
  static constexpr detail::join_fault checked() {
    constexpr bool has_condition = !std::is_same_v<Condition, no_input>;
    const detail::join_fault found =
        detail::check_join(Kind, S::columns, Other::columns, Keys::names, Mark.view(), has_condition);
    if constexpr (has_condition) {
      if (!found.problem) {
        constexpr auto shape = shape_of<Condition>();
        return {check_predicate(shape, both_sides<S>()), detail::join_fault::side_type::both};
      }
    }
    return found;
  }
};

namespace detail {
template <class T>
auto other_query(T&& from) {
  if constexpr (requires { from.plan; }) return query_of<typename std::remove_cvref_t<T>::schema_type>{from.plan};
  else return query::scan(std::forward<T>(from));
}
template <join_kind Kind, fixed_string Mark = "", class T, class Keys, class Condition>
auto make_join(T&& other, const Keys& keys, const Condition& condition) {
  auto from = other_query(std::forward<T>(other));
  using schema_type = typename decltype(from)::schema_type;
  return join_stage<Kind, schema_type, Keys, Condition, Mark>{std::move(from.plan), keys, condition};
}
/// A condition on pairs, or none.
template <class C>
concept pair_condition = any_expression<C> || std::is_same_v<C, no_input>;
}  // namespace detail

namespace query {

/// The keys of a join: columns that both sides have, or `left column == other column`.
template <join_key... K>
constexpr join_keys<K...> on(const K&... keys) {
  return {{keys...}};
}

/// Each row with each of its partners in another query or table. With a condition, pairs for which it is not true are
/// none; it may name columns of both sides.
template <class T, class Keys, detail::pair_condition C = no_input>
auto join(T&& other, const Keys& keys, const C& condition = {}) {
  return detail::make_join<join_kind::inner>(std::forward<T>(other), keys, condition);
}
/// As join, and rows on the left without a partner once, with NULLs for the other side.
template <class T, class Keys, detail::pair_condition C = no_input>
auto left_join(T&& other, const Keys& keys, const C& condition = {}) {
  return detail::make_join<join_kind::left>(std::forward<T>(other), keys, condition);
}
/// As join, and rows of the other side without a partner once, last, with NULLs for the left side.
template <class T, class Keys, detail::pair_condition C = no_input>
auto right_join(T&& other, const Keys& keys, const C& condition = {}) {
  return detail::make_join<join_kind::right>(std::forward<T>(other), keys, condition);
}
/// As left_join and right_join together.
template <class T, class Keys, detail::pair_condition C = no_input>
auto full_join(T&& other, const Keys& keys, const C& condition = {}) {
  return detail::make_join<join_kind::full>(std::forward<T>(other), keys, condition);
}
/// The rows that have a partner: EXISTS.
template <class T, class Keys, detail::pair_condition C = no_input>
auto semi_join(T&& other, const Keys& keys, const C& condition = {}) {
  return detail::make_join<join_kind::semi>(std::forward<T>(other), keys, condition);
}
/// Those that have none: NOT EXISTS.
template <class T, class Keys, detail::pair_condition C = no_input>
auto anti_join(T&& other, const Keys& keys, const C& condition = {}) {
  return detail::make_join<join_kind::anti>(std::forward<T>(other), keys, condition);
}
/// NOT IN: no row at all if the other side's key holds a NULL.
template <class T, class Keys>
auto null_aware_anti_join(T&& other, const Keys& keys) {
  return detail::make_join<join_kind::null_aware_anti>(std::forward<T>(other), keys, no_input{});
}
/// EXISTS as a column with the name of the third argument: mark_join(orders, on("id"_col), "has_orders"_col).
template <class T, class Keys, fixed_string Name, detail::pair_condition C = no_input>
auto mark_join(T&& other, const Keys& keys, column_reference<Name>, const C& condition = {}) {
  return detail::make_join<join_kind::mark, Name>(std::forward<T>(other), keys, condition);
}
/// IN as a column of that name: true, false or NULL.
template <class T, class Keys, fixed_string Name>
auto null_aware_mark_join(T&& other, const Keys& keys, column_reference<Name>) {
  return detail::make_join<join_kind::null_aware_mark, Name>(std::forward<T>(other), keys, no_input{});
}

}  // namespace query

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/pipeline/impl/join.hpp"
#endif
