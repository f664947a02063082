// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ostream>

#include "pillar/base/env.hpp"
#include "pillar/column/format.hpp"
#include "pillar/pipeline/impl/run_passes.hpp"
#include "pillar/pipeline/run.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API absl::StatusOr<query_result> run_plan(const query_plan& plan, executor_ref runner, query_context& context,
                                                 const run_options& options) {
  const std::uint64_t start = steady_clock{}.now_ns();
  scan_statistics stats;
  auto rows = detail::run_passes(plan, runner, context, options, stats, nullptr);
  if (!rows.ok()) return rows.status();
  stats.elapsed_ns = steady_clock{}.now_ns() - start;
  return query_result(*std::move(rows), std::move(stats));
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
