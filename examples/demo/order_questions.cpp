// SPDX-License-Identifier: Apache-2.0
#include "pillar/pipeline.hpp"
#include "questions.hpp"

namespace demo {

using namespace pillar::query;

namespace {

/// Columns, operators and values that are text until the table is known.
struct condition {
  std::string column;
  std::string comparison;
  std::int64_t value;
};
pillar::expression expression_of(const condition& from) {
  if (from.comparison == "<") return col(from.column) < from.value;
  if (from.comparison == ">") return col(from.column) > from.value;
  return col(from.column) == from.value;
}
pillar::any_query asked_at_run_time(const pillar::table& from, const std::vector<condition>& conditions,
                                    const std::string& key, const std::string& measure) {
  pillar::any_query made = scan(from);
  for (const condition& each : conditions) made = made | where(expression_of(each));
  return made | group_by(col(key))(count().as("orders"_col), avg(col(measure)).as(measure + "_avg")) |
         top(5, descending("orders"), ascending(key));
}

}  // namespace

std::vector<question> order_questions(const pillar::typed_table<orders>& t) {
  constexpr auto country = "country"_col;
  constexpr auto channel = "channel"_col;
  constexpr auto status = "status"_col;
  constexpr auto customer_id = "customer_id"_col;
  constexpr auto order_date = "order_date"_col;
  constexpr auto total = "total"_col;
  constexpr auto discount = "discount"_col;
  constexpr auto revenue = "revenue"_col;
  constexpr auto order_count = "orders"_col;

  // clang-format off
  auto by_country_and_channel =
        scan(t)
      | where(total.is_not_null())
      | group_by(country, channel)(count().as(order_count), sum(total).as(revenue), avg(total).as("total_avg"_col))
      | order_by(ascending(country), ascending(channel));

  auto best_customers =
        scan(t)
      | where(order_date >= date{2025, 1, 1} && status.in("delivered", "shipped"))
      | group_by(customer_id)(sum(total).as(revenue), count().as(order_count))
      | top(10, descending(revenue), ascending(customer_id));

  auto returned_and_cancelled =
        scan(t)
      | where(status.in("returned", "cancelled"))
      | group_by(status, channel)(count().as(order_count), avg("rating"_col).as("rating_avg"_col))
      | order_by(ascending(status), ascending(channel));

  auto one_week_in_summer =
        scan(t)
      | where(order_date.between(date{2024, 7, 1}, date{2024, 7, 7}))
      | group_by(country)(count().as(order_count), sum(total).as(revenue), max(total).as("total_max"_col))
      | order_by(ascending(country));

  auto by_telephone =
        scan(t)
      | where(channel.starts_with("tele") && discount >= 100.00_dec)
      | group_by(country)(count().as(order_count), sum(discount).as("discount_sum"_col))
      | order_by(ascending(country));

  auto dearest =
        scan(t)
      | project("order_id"_col, order_date, country, total)
      | top(10, descending(total), ascending("order_id"_col));

  auto all_sums =
        scan(t)
      | aggregate(sum(total), sum(discount), sum("quantity"_col), sum("product_id"_col));
  // clang-format on

  return {
      {"o1", "Revenue by country and channel",
       "SELECT country, channel, count(*), sum(total), avg(total) FROM orders WHERE total IS NOT NULL "
       "GROUP BY country, channel ORDER BY country, channel",
       by_country_and_channel},
      {"o2", "The ten best customers of 2025",
       "SELECT customer_id, sum(total), count(*) FROM orders WHERE order_date >= '2025-01-01' "
       "AND status IN ('delivered', 'shipped') GROUP BY customer_id ORDER BY sum(total) DESC, customer_id LIMIT 10",
       best_customers},
      {"o3", "Returned and cancelled orders by channel",
       "SELECT status, channel, count(*), avg(rating) FROM orders WHERE status IN ('returned', 'cancelled') "
       "GROUP BY status, channel ORDER BY status, channel",
       returned_and_cancelled},
      {"o4", "One week in summer, by country",
       "SELECT country, count(*), sum(total), max(total) FROM orders "
       "WHERE order_date BETWEEN '2024-07-01' AND '2024-07-07' GROUP BY country ORDER BY country",
       one_week_in_summer},
      {"o5", "Large discounts given on the telephone, by country",
       "SELECT country, count(*), sum(discount) FROM orders WHERE starts_with(channel, 'tele') "
       "AND discount >= 100.00 GROUP BY country ORDER BY country",
       by_telephone},
      {"o6", "The ten dearest orders",
       "SELECT order_id, order_date, country, total FROM orders ORDER BY total DESC, order_id LIMIT 10", dearest},
      {"o7", "Asked at run time: large orders of popular products; the five countries with most",
       "SELECT country, count(*), avg(weight_kg) FROM orders WHERE quantity > 4 AND product_id < 100 "
       "GROUP BY country ORDER BY count(*) DESC, country LIMIT 5",
       asked_at_run_time(t, {{"quantity", ">", 4}, {"product_id", "<", 100}}, "country", "weight_kg")},
      {"o8", "Sums of everything", "SELECT sum(total), sum(discount), sum(quantity), sum(product_id) FROM orders",
       all_sums},
  };
}

}  // namespace demo
