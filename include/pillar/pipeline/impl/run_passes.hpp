// SPDX-License-Identifier: Apache-2.0
/// The passes of a plan, one behind the other.
#pragma once
#include <memory>
#include <vector>

#include "pillar/base/mutant.hpp"
#include "pillar/column/run_store.hpp"
#include "pillar/pipeline/impl/bound_segment.hpp"
#include "pillar/pipeline/impl/segment_runner.hpp"
#include "pillar/pipeline/run_options.hpp"
#include "pillar/schedule/inline_executor.hpp"

namespace PILLAR_NAMESPACE::detail {

/// The segments of a pass, one feeding the next.
class pass_runner {
 public:
  pass_runner(const bound_pass& pass, executor_ref runner, query_context& context, const run_options& options = {},
              row_outlet* outlet = nullptr) {
    for (const auto& segment : pass.segments)
      runners_.push_back(std::make_unique<segment_runner>(*segment, runner, context, options, outlet));
    for (std::size_t i = 0; i < pass.links.size(); ++i) runners_[i]->feed(*pass.links[i], *runners_[i + 1]);
  }
  [[nodiscard]] segment_runner& first() noexcept { return *runners_.front(); }

 private:
  std::vector<std::unique_ptr<segment_runner>> runners_;
};

/// Bytes that were written to the stores that a run spills to.
inline std::uint64_t bytes_in_stores(const run_options& options) noexcept {
  std::uint64_t total = 0;
  for (const run_store* const store : options.spill.stores) total += store->counts().bytes_written;
  return total;
}

/// Runs a pass whose rows go to an outlet: collected, on all workers, or else in their order.
template <class Run>
absl::StatusOr<column_set> run_to_outlet(const bound_pass& pass, const Run& run, executor_ref runner,
                                         const run_options& options, row_outlet& to) {
  bool comes_once = false;  // behind a join that was opened to spill, whether it has or not
  bool in_order = true;
  for (const auto& link : pass.links) {
    comes_once = comes_once || link->comes_once();
    in_order = in_order && link->keeps_order();
  }
  if (!comes_once) {
    run_options collecting = options;
    collecting.result_budget = to.budget();
    auto made = run(runner, collecting, &to);
    if (made.ok()) {
      const result<void> kept = to.keep(*std::move(made));
      if (kept.ok()) return column_set{};
      made = to_status(kept.error(), "join");
    }
    if (made.status().code() != absl::StatusCode::kResourceExhausted) return made.status();
  }
  if (const result<void> opened = to.open(PILLAR_MUTATE(pipeline_other_side_in_order, in_order, true)); !opened.ok())
    return to_status(opened.error(), "join");
  to.is_full = false;
  inline_executor here;
  return run(here, options, &to);
}

/// Runs all passes of a plan. `stats`: the account of the first, and what all have spilled. With an outlet, the rows go
/// there.
inline absl::StatusOr<column_set> run_passes(const query_plan& plan, executor_ref runner, query_context& context,
                                             const run_options& options, scan_statistics& stats, row_outlet* outlet) {
  auto segments = bind_plan(plan);
  if (!segments.ok()) return segments.status();
  column_set rows;
  std::uint64_t spilled_rows = 0;
  const std::uint64_t bytes_before = bytes_in_stores(options);
  for (std::size_t i = 0, end = 0; i < segments->size(); i = end) {
    end = end_of_pass(*segments, i);
    auto bound = bind_pass(*segments, i, end, i == 0 ? plan.from_table : nullptr, {runner, context, options});
    if (!bound.ok()) return bound.status();
    scan_statistics account;
    const auto run = [&](executor_ref with, const run_options& how, row_outlet* to) {
      account = {};
      pass_runner pass(*bound, with, context, how, to);
      return i == 0 && plan.from_table != nullptr ? pass.first().run_table(*plan.from_table, account)
                                                  : pass.first().run_rows(i == 0 ? *plan.from_rows : rows, account);
    };
    auto made = outlet != nullptr && end == segments->size() ? run_to_outlet(*bound, run, runner, options, *outlet)
                                                             : run(runner, options, nullptr);
    if (!made.ok()) return made.status();
    rows = *std::move(made);
    spilled_rows += account.spilled_rows + bound->spilled_rows;
    if (i == 0) stats = std::move(account);  // only the source's scan is accounted for
  }
  stats.spilled_rows = spilled_rows;
  stats.spilled_bytes = bytes_in_stores(options) - bytes_before;
  return rows;
}

}  // namespace PILLAR_NAMESPACE::detail
