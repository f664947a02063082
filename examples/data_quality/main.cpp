// SPDX-License-Identifier: Apache-2.0
// Data-quality checks as aggregates: the share of NULLs, unique keys, ranges, prefixes, all in one scan, per supplier.
#include <iostream>
#include <string>
#include <vector>

#include <pillar/pillar.hpp>

using namespace pillar::query;

struct parts : pillar::schema<pillar::field<"supplier", std::int32_t>, pillar::field<"part_id", std::int64_t>,
                              pillar::field<"code", pillar::nullable<pillar::text>>, pillar::field<"weight", double>> {
};

// 60,000 parts of three suppliers; the second repeats numbers, the third leaves out codes and weighs below zero.
pillar::result<pillar::column_set> make_parts() {
  pillar::column_set_builder rows(pillar::describe<parts>());
  for (std::int64_t i = 0; i < 60'000; ++i) {
    const std::int64_t supplier = i % 3 + 1;
    PILLAR_TRY(rows.column_at(0).append_integer(supplier));
    PILLAR_TRY(rows.column_at(1).append_integer(supplier == 2 ? i / 30 : i));
    if (supplier == 3 && i % 10 == 2) PILLAR_TRY(rows.column_at(2).append_null());
    else PILLAR_TRY(rows.column_at(2).append_text((i % 1000 == 0 ? "QX-" : "PX-") + std::to_string(i)));
    PILLAR_TRY(rows.column_at(3).append_real(supplier == 3 && i % 100 == 5 ? -1 : static_cast<double>(i % 500) / 10));
  }
  return rows.finish();
}

int main() {
  pillar::typed_table<parts> t({.order = pillar::compound("supplier"_col)});
  const auto rows = make_parts();
  if (!rows.ok() || !t.append(*rows).ok()) return 1;

  const auto checks =
      scan(t) |
      group_by("supplier"_col)(count(), count("code"_col).as("with_code"_col),
                               count_distinct("part_id"_col).as("numbers"_col),
                               count().where(!"weight"_col.between(0.0, 50.0)).as("bad_weight"_col),
                               count().where(!"code"_col.starts_with("PX-")).as("bad_code"_col), median("weight"_col),
                               approximate_quantile("weight"_col, 0.99).as("weight_99"_col)) |
      order_by(ascending("supplier"_col));

  pillar::worker_pool pool(2);
  const auto report = run(checks, pool);
  if (!report.ok()) return std::cerr << report.status() << '\n', 1;
  std::cout << *report;

  const auto& found = report->rows();
  bool as_made = found.row_count() == 3;
  const std::int64_t expected[3][5] = {
      {20'000, 20'000, 20'000, 0, 20}, {20'000, 20'000, 2'000, 0, 20}, {20'000, 18'000, 20'000, 200, 20}};
  for (std::uint32_t s = 0; s < 3 && as_made; ++s)
    for (std::uint32_t c = 0; c < 5; ++c) as_made = as_made && found.at(s, c + 1).integer == expected[s][c];
  return as_made ? 0 : 1;
}
