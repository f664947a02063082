// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ostream>

#include "pillar/pipeline/statistics.hpp"

namespace PILLAR_NAMESPACE {

namespace detail {
inline std::string describe_join(const join_account& join) {
  std::string out = "join      ";
  out += to_string(join.kind);
  out += " on " + join.keys + ": " + std::to_string(join.rows_out) + " rows of " + std::to_string(join.rows_probed) +
         " probed; " + std::to_string(join.build_rows) + " on the other side, ";
  if (join.may_spill)
    out += "which may spill: " + std::to_string(join.spilled_rows) + " rows spilled, " +
           std::to_string(join.spilled_bytes) + " bytes";
  else out += "a table of " + std::to_string(join.table_bytes) + " bytes, " + std::string(join.mode);
  for (const std::string& said : join.pushed) out += "\n          its keys say: " + said;
  return out;
}

inline std::string describe_groups(const group_account& groups) {
  std::string out = "groups    ";
  if (groups.rows_by_runs != 0) {
    out += "sorted: no table for " + std::to_string(groups.rows_by_runs) + " rows of " +
           std::to_string(groups.groups_by_runs) + " groups";
    if (groups.rows_by_table == 0) return out;
    out += "; ";
  }
  out += std::to_string(groups.rows_by_table) + " rows through ";
  if (groups.may_spill) return out + "tables that may spill";
  out += "a table of each worker: " + std::string(groups.mode);  // how many groups these have depends on the workers
  if (groups.mode != groups.mode_at_first) out += ", at first " + std::string(groups.mode_at_first);
  if (groups.rows_waiting != 0) out += "; " + std::to_string(groups.rows_waiting) + " rows waited by parts";
  return out;
}
}  // namespace detail

PILLAR_API vectors_by_cause scan_statistics::vectors() const noexcept {
  vectors_by_cause total{};
  for (const auto& column : columns)
    for (std::size_t i = 0; i < scan_cause_count; ++i) total[i] += column.vectors[i];
  return total;
}
PILLAR_API std::uint64_t scan_statistics::vector_count() const noexcept {
  std::uint64_t total = 0;
  for (const std::uint64_t count : vectors()) total += count;
  return total;
}
PILLAR_API std::uint64_t scan_statistics::vectors_read() const noexcept {
  return vectors(scan_cause::encoded) + vectors(scan_cause::decoded);
}
PILLAR_API std::uint64_t scan_statistics::bytes_read() const noexcept {
  std::uint64_t total = 0;
  for (const auto& column : columns) total += column.bytes_read;
  return total;
}
PILLAR_API std::uint64_t scan_statistics::bytes_unread() const noexcept {
  std::uint64_t total = 0;
  for (const auto& column : columns) total += column.bytes_unread;
  return total;
}

PILLAR_API std::ostream& operator<<(std::ostream& out, const scan_statistics& stats) {
  const auto causes = stats.vectors();
  out << "rows      " << stats.rows_selected << " of " << stats.rows_in_table << " selected; "
      << stats.row_groups_skipped << " of " << stats.row_groups << " row groups skipped by zone maps\n";
  out << "vectors   " << stats.vector_count() << " =";
  for (std::size_t i = 0; i < scan_cause_count; ++i)
    out << (i == 0 ? " " : " + ") << causes[i] << ' ' << to_string(static_cast<scan_cause>(i));
  for (const join_account& join : stats.joins) out << '\n' << detail::describe_join(join);
  if (stats.groups) out << '\n' << detail::describe_groups(*stats.groups);
  const double seconds = static_cast<double>(stats.elapsed_ns) * 1e-9;
  const auto flags = out.flags();
  const auto precision = out.precision();
  out << "\nbytes     " << stats.bytes_read() << " read, " << stats.bytes_unread() << " left unread\n";
  if (stats.spilled_rows != 0)
    out << "spilled   " << stats.spilled_rows << " rows, " << stats.spilled_bytes << " bytes\n";
  out << "time      ";
  out.setf(std::ios_base::fixed, std::ios_base::floatfield);
  out.precision(3);
  out << seconds * 1e3 << " ms on " << stats.threads << (stats.threads == 1 ? " thread" : " threads");
  out.precision(2);
  if (seconds > 0) out << ", " << static_cast<double>(stats.rows_in_table) / seconds * 1e-6 << " M rows/s";
  out << '\n';
  out.flags(flags);
  out.precision(precision);
  return out;
}

}  // namespace PILLAR_NAMESPACE
