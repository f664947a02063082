// SPDX-License-Identifier: Apache-2.0
// What queries cost the compiler: one query of five stages over a typed schema, and with PILLAR_QUERIES=3 two more that
// share no expression with it. Compiled by ./dev bench, never linked.
#include "pillar/pipeline.hpp"

using namespace pillar::query;

struct orders
    : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"customer_id", std::int64_t>,
                     pillar::field<"order_date", pillar::date>, pillar::field<"status", pillar::text>,
                     pillar::field<"quantity", std::int32_t>, pillar::field<"total", pillar::nullable<decimal<15, 2>>>,
                     pillar::field<"discount", decimal<15, 2>>> {};

auto best_customers(const pillar::typed_table<orders>& t, pillar::worker_pool& pool) {
  return run(scan(t) | where("order_date"_col >= date{2026, 1, 1} && "status"_col == "shipped") |
                 project("customer_id"_col, "total"_col, ("total"_col * "discount"_col).as("rebate"_col)) |
                 group_by("customer_id"_col)(sum("total"_col).as("revenue"_col), sum("rebate"_col).as("given"_col)) |
                 top(10, descending("revenue"_col)),
             pool);
}

#if PILLAR_QUERIES > 1
auto busy_days(const pillar::typed_table<orders>& t, pillar::worker_pool& pool) {
  return run(scan(t) | where("quantity"_col.between(10, 24) || "status"_col == "open") |
                 project("order_date"_col.as("day"_col), ("quantity"_col + 1).as("pieces"_col), "order_id"_col) |
                 group_by("day"_col)(count().as("orders"_col), max("pieces"_col).as("most"_col)) |
                 order_by(ascending("day"_col)),
             pool);
}

auto odd_orders(const pillar::typed_table<orders>& t, pillar::worker_pool& pool) {
  return run(scan(t) | where("customer_id"_col < 1000 && !("total"_col > 99.5_dec)) |
                 project("status"_col.as("state"_col), ("order_id"_col - "customer_id"_col).as("distance"_col)) |
                 group_by("state"_col)(min("distance"_col).as("near"_col), sum("distance"_col).as("far"_col)) |
                 top(3, ascending("far"_col)),
             pool);
}
#endif
