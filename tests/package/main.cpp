// SPDX-License-Identifier: Apache-2.0
// The README's question on a user's own rows, and one part alone.
#include <pillar/pillar.hpp>

#include <cstdio>
#include <iostream>

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"customer_id", std::int64_t>, pillar::field<"order_date", pillar::date>,
                               pillar::field<"status", pillar::text>,
                               pillar::field<"total", pillar::nullable<pillar::decimal<15, 2>>>> {};

int main() {
  pillar::column_set_builder rows(pillar::describe<orders>());
  for (int i = 0; i < 5'000; ++i) {
    const bool fits = rows.column_at(0).append_integer(i * 7 % 40).ok() &&
                      rows.column_at(1).append_integer(date{2025, 6, 1}.days + i / 10).ok() &&
                      rows.column_at(2).append_text(i % 3 == 0 ? "open" : "shipped").ok() &&
                      (i % 11 == 0 ? rows.column_at(3).append_null() : rows.column_at(3).append_integer(i % 900)).ok();
    if (!fits) return 1;
  }
  pillar::typed_table<orders> t({.distribution = pillar::by_key("customer_id"_col, pillar::slices{4}),
                                 .order = pillar::compound("order_date"_col)});
  const auto set = rows.finish();
  if (!set.ok() || !t.append(*set).ok()) return 1;

  const auto best_customers =
      scan(t) | where("order_date"_col >= date{2026, 1, 1} && "status"_col == "shipped") |
      group_by("customer_id"_col)(sum("total"_col).as("revenue"_col), count().as("orders"_col)) |
      top(10, descending("revenue"_col), ascending("customer_id"_col));
  pillar::worker_pool pool(2);
  const auto result = run(best_customers, pool);
  if (!result.ok()) return std::cerr << result.status() << '\n', 1;
  const auto& stats = result->stats();
  std::cout << *result << stats.rows_selected << " rows of " << stats.rows_in_table << ", " << stats.vector_count()
            << " vectors\n";

  pillar::memory_budget budget(100);
  const bool one_fits = budget.reserve(60).ok();
  const bool two_do_not = !budget.reserve(60).ok();
  budget.release(60);
  std::printf("Pillar %d.%d.%d\n", PILLAR_VERSION_MAJOR, PILLAR_VERSION_MINOR, PILLAR_VERSION_PATCH);
  return result->rows().row_count() == 10 && stats.rows_in_table == 5'000 && one_fits && two_do_not ? 0 : 1;
}
