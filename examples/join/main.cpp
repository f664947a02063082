// SPDX-License-Identifier: Apache-2.0
// Two tables that meet in a key: sums over pairs, rows without a partner, and the same inside a memory budget.
#include <iostream>
#include <string>

#include <pillar/pipeline.hpp>
#include <pillar/pipeline/join.hpp>
#include <pillar/pipeline/spill.hpp>
#include <pillar/storage/memory_run_store.hpp>
#include <pillar/storage/table.hpp>

using namespace pillar::query;

struct customers : pillar::schema<pillar::field<"customer", std::int64_t>, pillar::field<"region", pillar::text>> {};
struct orders : pillar::schema<pillar::field<"order", std::int64_t>, pillar::field<"buyer", std::int64_t>,
                               pillar::field<"total", pillar::decimal<9, 2>>> {};

constexpr std::int64_t customer_count = 30'000, order_count = 100'000, unknown_count = (order_count + 100) / 101;

// Every third customer has never bought anything; every 101st order is of somebody unknown.
pillar::result<void> fill(pillar::column_set_builder& known, pillar::column_set_builder& bought) {
  constexpr const char* regions[] = {"north", "east", "south", "west"};
  for (std::int64_t i = 0; i < customer_count; ++i) {
    PILLAR_TRY(known.column_at(0).append_integer(i << 32));
    PILLAR_TRY(known.column_at(1).append_text(regions[i % 4]));
  }
  for (std::int64_t i = 0; i < order_count; ++i) {
    const std::int64_t buyer = i % 20'000 / 2 * 3 + 1 + i % 2;
    PILLAR_TRY(bought.column_at(0).append_integer(i));
    PILLAR_TRY(bought.column_at(1).append_integer(i % 101 == 0 ? -1 : buyer << 32));
    PILLAR_TRY(bought.column_at(2).append_integer(100 + i % 900));
  }
  return {};
}

int main() {
  pillar::column_set_builder known(pillar::describe<customers>()), bought(pillar::describe<orders>());
  if (!fill(known, bought).ok()) return 1;
  const auto known_rows = known.finish(), bought_rows = bought.finish();
  pillar::typed_table<customers> c({.row_group_rows = 8192});
  pillar::typed_table<orders> o({.row_group_rows = 8192});
  if (!known_rows.ok() || !bought_rows.ok() || !c.append(*known_rows).ok() || !o.append(*bought_rows).ok()) return 1;
  pillar::worker_pool pool(2);

  // The rows on the left stream past; the argument, the smaller side, becomes a table of keys first.
  const auto by_region = scan(o) | join(c, on("buyer"_col == "customer"_col)) |
                         group_by("region"_col)(count().as("orders"_col), sum("total"_col).as("total"_col)) |
                         order_by(ascending("region"_col));
  const auto answer = run(by_region, pool);
  if (!answer.ok()) return std::cerr << answer.status() << '\n', 1;
  std::cout << *answer;

  const auto never =
      run(scan(c) | anti_join(o, on("customer"_col == "buyer"_col)) | aggregate(count().as("never"_col)), pool);
  if (!never.ok()) return std::cerr << never.status() << '\n', 1;
  std::cout << *never;

  // With a budget that cannot hold the other side, and a place for what does not fit, the answer is the same.
  pillar::memory_budget budget(1'500 << 10);
  pillar::memory_run_store store({.buffer_bytes = 256 << 10});
  pillar::query_context context({.budget = &budget});
  const auto again = run(by_region, pool, context, {.spill = pillar::spill_to({&store})});
  if (!again.ok()) return std::cerr << again.status() << '\n', 1;
  const pillar::join_account& join = again->stats().joins.front();
  std::cout << join.rows_out << " pairs of " << join.rows_probed << " orders with " << join.build_rows << " customers; "
            << (join.spilled_bytes != 0 ? "some of them were spilled\n" : "all in memory\n");

  bool as_made = answer->rows().row_count() == 4 && never->rows().at(0, 0).integer == customer_count / 3 &&
                 join.rows_out == order_count - unknown_count && join.spilled_bytes != 0;
  std::int64_t pairs = 0;
  for (std::uint64_t row = 0; row < answer->rows().row_count(); ++row) {
    pairs += answer->rows().at(row, 1).integer;
    for (std::uint32_t column = 0; column < 3; ++column)
      as_made = as_made && to_string(answer->rows().at(row, column)) == to_string(again->rows().at(row, column));
  }
  return as_made && pairs == order_count - unknown_count ? 0 : 1;
}
