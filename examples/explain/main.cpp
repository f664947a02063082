// SPDX-License-Identifier: Apache-2.0
// Why was a row group skipped, who answered a condition, and is what they say true?
#include <iostream>
#include <string_view>
#include <vector>

#include <pillar/pillar.hpp>

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_date", pillar::date>, pillar::field<"status", pillar::text>,
                               pillar::field<"total", pillar::nullable<pillar::decimal<15, 2>>>> {};

// 100,000 orders of two years, from memory.
pillar::result<pillar::column_set> make_orders() {
  std::vector<pillar::date> order_date;
  std::vector<std::string_view> status;
  std::vector<decimal<15, 2>> total;
  pillar::splitmix64 random(2026);
  for (int i = 0; i < 100'000; ++i) {
    order_date.push_back(pillar::date::from_days(date{2025, 1, 1}.days + static_cast<int>(random.below(730))));
    status.push_back(random.chance(3, 4) ? "shipped" : random.chance(1, 2) ? "open" : "returned");
    total.push_back({static_cast<std::int64_t>(random.below(50'000))});
  }
  pillar::column_set_builder rows(pillar::describe<orders>());
  PILLAR_TRY(rows.column_at(0).append_values<pillar::date>(order_date));
  PILLAR_TRY(rows.column_at(1).append_values<std::string_view>(status));
  PILLAR_TRY(rows.column_at(2).append_values<decimal<15, 2>>(total));
  return rows.finish();
}

int main() {
  pillar::typed_table<orders> t({.order = pillar::compound("order_date"_col), .row_group_rows = 8192});
  const auto rows = make_orders();
  if (!rows.ok() || !t.append(*rows).ok()) return 1;

  auto week = scan(t) |
              where("order_date"_col.between(date{2026, 3, 2}, date{2026, 3, 8}) && "status"_col == "returned") |
              aggregate(sum("total"_col));

  const auto why = explain(week);
  const auto group = explain(week, 0, 7);
  const auto truth = audit(week);
  if (!why.ok() || !group.ok() || !truth.ok()) return 1;
  std::cout << *why << '\n' << *group << '\n' << *truth;
  return truth->clean() ? 0 : 1;
}
