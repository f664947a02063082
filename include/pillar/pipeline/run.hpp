// SPDX-License-Identifier: Apache-2.0
/// Runs a query on an executor and gives its rows and its account.
#pragma once
#include <iosfwd>
#include <memory>
#include <span>
#include <vector>

#include <absl/status/statusor.h>

#include "pillar/column/column_set.hpp"
#include "pillar/pipeline/query.hpp"
#include "pillar/pipeline/run_options.hpp"
#include "pillar/pipeline/statistics.hpp"
#include "pillar/schedule/executor.hpp"
#include "pillar/schedule/query_context.hpp"

namespace PILLAR_NAMESPACE {

/// The rows of a query and what they cost. Rows are decoded columns, shared by copies.
class query_result {
 public:
  query_result(column_set rows, scan_statistics stats) : rows_(std::move(rows)), stats_(std::move(stats)) {}
  [[nodiscard]] const column_set& rows() const noexcept { return rows_; }
  /// The account of the scan of the query's source.
  [[nodiscard]] const scan_statistics& stats() const noexcept { return stats_; }

 private:
  column_set rows_;
  scan_statistics stats_;
};
/// The same, remembering its schema: `scan(result)` is checked while compiling.
template <class S>
class result_of : public query_result {
 public:
  explicit result_of(query_result from) : query_result(std::move(from)) {}
};

/// At most 40 rows as a table.
PILLAR_API std::ostream& operator<<(std::ostream& out, const query_result& result);

/// Runs a plan.
///
/// Shape:    the order of rows is the scan's for where, project and joins (pipeline/join.hpp), unspecified after
///           group_by, asked for after order_by and top; the set of rows does not depend on the executor
/// Errors:   InvalidArgument or NotFound with the sentence of the faulty stage; OutOfRange for an arithmetic error of a
///           row that was selected; Cancelled, DeadlineExceeded, ResourceExhausted from the context; Unavailable,
///           DataLoss from the stores that rows are spilled to
/// Requires: the memory budget that the result's columns count against (the context's, or that of the options) outlives
///           it
/// Cost:     bound once; one morsel is a row group; state per worker, merged at the end by parts of the groups, on all
///           workers. Where a budget with a limit and a place to spill to are given, half of what is left of it when
///           grouping begins (three quarters with one worker) is for groups, in equal shares
PILLAR_API absl::StatusOr<query_result> run_plan(const query_plan& plan, executor_ref runner, query_context& context,
                                                 const run_options& options = {});
/// The same without a context of the caller's: no limit, no cancelling.
PILLAR_API absl::StatusOr<query_result> run_plan(const query_plan& plan, executor_ref runner);

/// The schema of a plan's rows, or why it does not fit its source.
PILLAR_API absl::StatusOr<dynamic_schema> result_schema(const query_plan& plan);

/// Runs a typed query under the caller's context: cancellation, deadline, memory.
template <class S>
absl::StatusOr<result_of<S>> run(const query_of<S>& what, executor_ref runner, query_context& context,
                                 const run_options& options = {}) {
  auto done = run_plan(what.plan, runner, context, options);
  if (!done.ok()) return done.status();
  return result_of<S>(*std::move(done));
}
/// Runs a typed query under a context of its own.
template <class S>
absl::StatusOr<result_of<S>> run(const query_of<S>& what, executor_ref runner) {
  auto done = run_plan(what.plan, runner);
  if (!done.ok()) return done.status();
  return result_of<S>(*std::move(done));
}

namespace query {
using pillar::run;
/// The rows of a result as a source.
template <class S>
query_of<S> scan(const result_of<S>& from) {
  query_of<S> made;
  made.plan.from_rows = std::make_shared<column_set>(from.rows());
  return made;
}
}  // namespace query

}  // namespace PILLAR_NAMESPACE

#ifdef PILLAR_HEADER_ONLY
#include "pillar/pipeline/impl/run.hpp"
#endif
