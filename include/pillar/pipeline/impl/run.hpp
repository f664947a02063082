// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ostream>

#include "pillar/base/env.hpp"
#include "pillar/column/format.hpp"
#include "pillar/pipeline/impl/segment_runner.hpp"
#include "pillar/pipeline/run.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {

inline absl::StatusOr<std::vector<segment>> bind_plan(const query_plan& plan) {
  if (plan.from_table == nullptr && plan.from_rows == nullptr)
    return make_status(absl::StatusCode::kInvalidArgument, "the query has no source");
  if (plan.from_table != nullptr && !plan.from_table->status().ok()) return plan.from_table->status();
  plan_binder binder(plan.from_table != nullptr ? plan.from_table->schema() : plan.from_rows->schema);
  for (const auto& stage : plan.stages)
    if (auto added = binder.add(stage); !added.ok()) return added;
  return std::move(binder).finish();
}

}  // namespace detail

PILLAR_API absl::StatusOr<query_result> run_plan(const query_plan& plan, executor_ref runner, query_context& context,
                                                 const run_options& options) {
  const std::uint64_t start = steady_clock{}.now_ns();
  auto segments = detail::bind_plan(plan);
  if (!segments.ok()) return segments.status();
  scan_statistics stats;
  std::uint64_t spilled_rows = 0, spilled_bytes = 0;
  column_set rows;
  for (std::size_t i = 0; i < segments->size(); ++i) {
    auto bound = detail::bind_segment(std::move((*segments)[i]));
    if (!bound.ok()) return bound.status();
    detail::segment_runner pass(*bound, runner, context, options);
    scan_statistics later;  // only the source's scan is accounted for
    scan_statistics& account = i == 0 ? stats : later;
    auto made = i == 0 && plan.from_table != nullptr ? pass.run_table(*plan.from_table, account)
                                                     : pass.run_rows(i == 0 ? *plan.from_rows : rows, account);
    if (!made.ok()) return made.status();
    rows = *std::move(made);
    spilled_rows += account.spilled_rows;
    spilled_bytes += account.spilled_bytes;
  }
  stats.spilled_rows = spilled_rows;
  stats.spilled_bytes = spilled_bytes;
  stats.elapsed_ns = steady_clock{}.now_ns() - start;
  return query_result(std::move(rows), std::move(stats));
}

PILLAR_API absl::StatusOr<query_result> run_plan(const query_plan& plan, executor_ref runner) {
  query_context context;
  return run_plan(plan, runner, context);
}

PILLAR_API absl::StatusOr<dynamic_schema> result_schema(const query_plan& plan) {
  auto segments = detail::bind_plan(plan);
  if (!segments.ok()) return segments.status();
  return segments->back().result;
}

PILLAR_API std::ostream& operator<<(std::ostream& out, const query_result& result) {
  return out << format_table(result.rows());
}

}  // namespace PILLAR_NAMESPACE
