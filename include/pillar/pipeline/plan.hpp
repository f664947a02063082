// SPDX-License-Identifier: Apache-2.0
/// A pipeline as a run-time value: a source and a list of stages. Typed queries are checked while compiling and then
/// become one of these, so that execution is compiled once.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pillar/aggregate/spec.hpp"     // aggregate_kind, aggregate_options
#include "pillar/column/column_set.hpp"  // column_set
#include "pillar/expr/tree.hpp"          // expression
#include "pillar/join/kind.hpp"          // join_kind

namespace PILLAR_NAMESPACE {

class table;

/// A value and the name of its result column.
struct named_value {
  std::string name;
  expression value;
};

/// An aggregate and the name of its result column; `input` is empty for count_rows, `second` for most.
struct named_aggregate {
  std::string name;
  aggregate_kind kind = aggregate_kind::count_rows;
  expression input{};
  expression second{};
  expression predicate{};  ///< restricts the aggregate to rows for which it is true; empty: all
  aggregate_options options{};
};

/// A column to sort by. NULLs come last unless asked otherwise, in both directions.
struct order_key {
  std::string column;
  bool descending = false;
  bool nulls_first = false;
};

/// What a stage does.
enum class stage_kind : std::uint8_t { where, project, group_by, order_by, top, join };

struct plan_join;
namespace detail {
struct join_operations;  // pipeline/impl/bound_segment.hpp
}

/// One stage; only the members of its kind are meaningful.
struct plan_stage {
  stage_kind kind = stage_kind::where;
  expression predicate{};                     ///< where
  std::vector<named_value> values{};          ///< project: result columns; group_by: keys
  std::vector<named_aggregate> aggregates{};  ///< group_by
  std::vector<order_key> order{};             ///< order_by, top
  std::uint64_t limit = 0;                    ///< top
  std::shared_ptr<const plan_join> join{};    ///< join; stage_of (pipeline/join.hpp) makes such a stage
  const detail::join_operations* joins =
      nullptr;  ///< join: what binds and runs it; a plan without joins has none of it
};

/// A source and what is done to it. The source is a table, which must outlive the plan, or rows that the plan shares.
struct query_plan {
  const table* from_table = nullptr;
  std::shared_ptr<const column_set> from_rows{};
  std::vector<plan_stage> stages{};
};

/// A join with another query, whose rows are the build side.
struct plan_join {
  /// Two columns that must be equal.
  struct key_pair {
    std::string column;  ///< of the rows that reach the stage
    std::string other;   ///< of the other query's rows
  };
  join_kind kind = join_kind::inner;
  query_plan other{};
  std::vector<key_pair> keys{};
  expression condition{};  ///< of pairs, over the columns of both sides; empty: none
  std::string mark{};      ///< mark, null_aware_mark: the result column
};

}  // namespace PILLAR_NAMESPACE
