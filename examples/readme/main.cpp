// SPDX-License-Identifier: Apache-2.0
// clang-format off
#include <pillar/pillar.hpp>

#include <iostream>
#include <string_view>
#include <vector>

using namespace pillar::query;  // verbs and literals only; parts stay qualified

struct orders : pillar::schema<
    pillar::field<"order_id",    std::int64_t>,
    pillar::field<"customer_id", std::int64_t>,
    pillar::field<"order_date",  pillar::date>,
    pillar::field<"status",      pillar::text>,
    pillar::field<"total",       pillar::nullable<pillar::decimal<15, 2>>>> {};

// 200,000 orders of two years, from memory.
pillar::result<pillar::column_set> make_orders() {
  std::vector<std::int64_t> order_id, customer_id;
  std::vector<pillar::date> order_date;
  std::vector<std::string_view> status;
  std::vector<decimal<15, 2>> total;
  pillar::splitmix64 random(2026);
  for (int i = 0; i < 200'000; ++i) {
    order_id.push_back(i);
    customer_id.push_back(static_cast<std::int64_t>(random.below(1 + random.below(5'000))));
    order_date.push_back(pillar::date::from_days(date{2025, 1, 1}.days + static_cast<int>(random.below(730))));
    status.push_back(random.chance(3, 4) ? "shipped" : random.chance(1, 2) ? "open" : "returned");
    total.push_back({static_cast<std::int64_t>(random.below(50'000))});
  }
  pillar::column_set_builder rows(pillar::describe<orders>());
  PILLAR_TRY(rows.column_at(0).append_values<std::int64_t>(order_id));
  PILLAR_TRY(rows.column_at(1).append_values<std::int64_t>(customer_id));
  PILLAR_TRY(rows.column_at(2).append_values<pillar::date>(order_date));
  PILLAR_TRY(rows.column_at(3).append_values<std::string_view>(status));
  PILLAR_TRY(rows.column_at(4).append_values<decimal<15, 2>>(total));
  return rows.finish();
}

int main() {
  pillar::typed_table<orders> t({.distribution = pillar::by_key("customer_id"_col, pillar::slices{4}),
                                 .order        = pillar::compound("order_date"_col)});
  const auto rows = make_orders();
  if (!rows.ok() || !t.append(*rows).ok()) return 1;

  auto best_customers =
        scan(t)
      | where("order_date"_col >= date{2026, 1, 1} && "status"_col == "shipped")
      | group_by("customer_id"_col)(sum("total"_col).as("revenue"_col), count().as("orders"_col))
      | top(10, descending("revenue"_col));

  pillar::worker_pool pool(2);
  auto result = run(best_customers, pool);
  if (!result.ok()) return std::cerr << result.status() << '\n', 1;
  std::cout << *result << result->stats();
}
