// SPDX-License-Identifier: Apache-2.0
/// Queries: a source and stages joined by bars. Each bar checks its stage against the schema that reaches it; a wrong
/// name or type stops the compiler at that line with one sentence.
#pragma once
#include <array>
#include <memory>
#include <utility>

#include "pillar/column/schema.hpp"    // typed_schema, any_schema
#include "pillar/pipeline/stages.hpp"  // stages

namespace PILLAR_NAMESPACE {

class table;
template <typed_schema S>
class typed_table;
template <typed_schema S>
class typed_view;

/// A query whose rows have schema S, or any_schema when names are checked only when it runs.
///
/// Requires: a table that it scans outlives it; copies are cheap and independent
template <class S>
class query_of {
 public:
  using schema_type = S;
  query_plan plan;
};
/// Stores any query.
class any_query : public query_of<any_schema> {
 public:
  any_query() = default;
  template <class S>
  any_query(query_of<S> from) {
    plan = std::move(from.plan);
  }
};

namespace detail {
template <class T>
concept stage = requires(const T& t) {
  { t.lower() } -> std::same_as<plan_stage>;
  T::is_static;
};

#if defined(__clang__)
// Clang cuts strings in notes after 32 characters, so the sentence is spread over a pack.
template <char... Sentence>
constexpr void refuse_spelled() {
  static_assert(sizeof...(Sentence) == 0, "this stage does not fit its input; the sentence is in the note below");
}
template <class Reason, std::size_t... I>
constexpr void refuse_each(std::index_sequence<I...>) {
  constexpr sentence words = Reason::words();
  refuse_spelled<words.characters[I]...>();
}
template <class Reason>
constexpr void refuse() {
  constexpr std::size_t size = Reason::words().size;
  refuse_each<Reason>(std::make_index_sequence<size>{});
}
#else
template <fixed_string Sentence>
constexpr void refuse_with() {
  static_assert(Sentence.view().empty(), "this stage does not fit its input; the sentence is in the note below");
}
template <class Reason>
constexpr void refuse() {
  constexpr auto words = [] {
    constexpr std::size_t size = Reason::words().size;
    constexpr sentence full = Reason::words();
    fixed_string<size + 1> out;
    for (std::size_t i = 0; i < size; ++i) out.characters[i] = full.characters[i];
    return out;
  }();
  refuse_with<words>();
}
#endif
template <class Stage, class S>
struct stage_reason {
  static constexpr sentence words() {
    if constexpr (requires { Stage::template words<S>(); }) return Stage::template words<S>();
    else return describe(Stage::template check<S>(), S::columns);
  }
};
}  // namespace detail

/// Joins a stage to a query.
template <class S, detail::stage Stage>
auto operator|(query_of<S> from, const Stage& next) {
  from.plan.stages.push_back(next.lower());
  if constexpr (typed_schema<S> && Stage::is_static) {
    if constexpr (Stage::template check<S>()) {
      detail::refuse<detail::stage_reason<Stage, S>>();
      return query_of<any_schema>{std::move(from.plan)};
    } else {
      return query_of<typename Stage::template output<S>>{std::move(from.plan)};
    }
  } else {
    return query_of<any_schema>{std::move(from.plan)};
  }
}

namespace query {
/// All rows of a table. The query keeps a pointer to it, so a temporary is refused.
template <typed_schema S>
query_of<S> scan(const typed_table<S>& from) {
  query_of<S> made;
  made.plan.from_table = &from;
  return made;
}
template <typed_schema S>
query_of<S> scan(const typed_table<S>&& temporary) = delete;
/// All rows of a table through a checked view.
template <typed_schema S>
query_of<S> scan(const typed_view<S>& from) {
  query_of<S> made;
  made.plan.from_table = &from.of();
  return made;
}
/// All rows of a table whose schema is known only at run time.
inline query_of<any_schema> scan(const table& from) {
  query_of<any_schema> made;
  made.plan.from_table = &from;
  return made;
}
query_of<any_schema> scan(const table&& temporary) = delete;
/// Rows in memory, shared, not copied.
inline query_of<any_schema> scan(const column_set& from) {
  query_of<any_schema> made;
  made.plan.from_rows = std::make_shared<column_set>(from);
  return made;
}
}  // namespace query

}  // namespace PILLAR_NAMESPACE
