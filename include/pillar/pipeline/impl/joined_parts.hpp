// SPDX-License-Identifier: Apache-2.0
/// What several workers have found, as one answer: the columns side by side.
#pragma once
#include <algorithm>
#include <span>
#include <vector>

#include "pillar/base/detail/heap_sort.hpp"
#include "pillar/base/growable.hpp"
#include "pillar/base/mutant.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/schedule/executor.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Bits of a row's number inside a unit of a scan: a row group or chunk, which is one worker's.
inline constexpr unsigned scan_unit_bits = 16;

/// Parts of an answer, one behind the other, the columns side by side.
inline result<void> join_parts(std::vector<std::vector<column>>& parts, executor_ref runner, memory_budget* budget,
                               column_set& out) {
  const std::size_t column_count = out.schema.size();
  out.columns.resize(column_count);
  std::uint64_t row_count = 0;
  for (const auto& part : parts) row_count += part[0].size();
  std::vector<result<void>> done(column_count);
  const auto join_one = [&](std::uint32_t c, std::uint32_t) {
    done[c] = [&]() -> result<void> {
      column_builder whole(out.schema[c].type, budget);
      PILLAR_TRY(whole.reserve(row_count));
      for (auto& part : parts) {
        const auto rows = static_cast<std::uint32_t>(part[c].size());
        PILLAR_TRY(whole.append(part[c].slice(0, rows)));
        part[c] = column();
      }
      PILLAR_ASSIGN_OR_RETURN(out.columns[c], whole.finish());
      return {};
    }();
  };
  runner.bulk(static_cast<std::uint32_t>(column_count), join_one);
  for (const auto& each : done) PILLAR_TRY(each);
  return {};
}

/// Rows that a worker met one after the other, in the order of the scan.
struct row_run {
  std::uint64_t first_id, last_id;
  std::size_t part;
  std::uint32_t first, count;
};
/// The runs of all parts in the order of the scan; none where they are too many, some lie inside others or there is no
/// room for their list.
[[nodiscard]] inline growable<row_run> ordered_runs(std::span<const column_set> parts, std::uint64_t rows_of_one,
                                                    memory_budget* budget) {
  constexpr std::uint64_t least_rows = 64;  // of a run in the mean: less is sorted
  growable<row_run> none(budget), runs(budget);
  std::uint64_t row_count = 0;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    const auto rows = static_cast<std::uint32_t>(parts[part].row_count());
    row_count += rows;
    const vector numbers = parts[part].columns.back().slice(0, rows);
    const auto* const ids = numbers.values_as<std::uint64_t>();
    for (std::uint32_t first = 0, end = 0; first < rows; first = end) {
      // The next row group may be another worker's.
      const std::uint64_t limit = (((ids[first] / rows_of_one >> scan_unit_bits) + 1) << scan_unit_bits) * rows_of_one;
      const auto goes_on = [&] { return ids[end] >= ids[end - 1] && ids[end] < limit; };
      for (end = first + 1; end < rows && goes_on();) ++end;
      if (runs.size() > 64 + row_count / least_rows ||
          !runs.append({ids[first], ids[end - 1], part, first, end - first}).ok())
        return none;
    }
  }
  std::span<row_run> all(runs.data(), runs.size());
  heap_sort(all, [](const row_run& a, const row_run& b) { return a.first_id < b.first_id; });
  for (std::size_t i = 1; i < runs.size(); ++i)
    if (PILLAR_MUTATE(pipeline_runs_overlap, runs[i].first_id <= runs[i - 1].last_id, false)) return none;
  return runs;
}
/// The rows of runs, one behind the other, the columns side by side.
inline result<void> join_runs(std::span<column_set> parts, std::span<const row_run> runs, executor_ref runner,
                              memory_budget* budget, column_set& out) {
  std::uint64_t row_count = 0;
  for (const row_run& run : runs) row_count += run.count;
  const std::size_t column_count = out.schema.size();
  out.columns.resize(column_count);
  std::vector<result<void>> done(column_count);
  const auto join_one = [&](std::uint32_t c, std::uint32_t) {
    done[c] = [&]() -> result<void> {
      column_builder whole(out.schema[c].type, budget);
      PILLAR_TRY(whole.reserve(row_count));
      for (const row_run& run : runs) PILLAR_TRY(whole.append(parts[run.part].columns[c].slice(run.first, run.count)));
      for (column_set& part : parts) part.columns[c] = column();
      PILLAR_ASSIGN_OR_RETURN(out.columns[c], whole.finish());
      return {};
    }();
  };
  runner.bulk(static_cast<std::uint32_t>(column_count), join_one);
  for (const auto& each : done) PILLAR_TRY(each);
  return {};
}

}  // namespace PILLAR_NAMESPACE::detail
