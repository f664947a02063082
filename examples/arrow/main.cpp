// SPDX-License-Identifier: Apache-2.0
// A query's result for whoever reads Arrow, and a stream of Arrow's into a table. No Arrow library takes part: the two
// sides meet in three C structs. In place of `shipping_report` stands pyarrow, DuckDB, Polars or a Rust program.
#include <iostream>

#include "pillar/interop/arrow_table.hpp"
#include "pillar/pillar.hpp"

using namespace pillar::query;

struct orders : pillar::schema<pillar::field<"order_id", std::int64_t>, pillar::field<"status", pillar::text>,
                               pillar::field<"total", pillar::decimal<15, 2>>> {};

/// The other library: knows Arrow's structs and nothing of Pillar.
void shipping_report(ArrowArrayStream* from) {
  ArrowSchema schema;
  ArrowArray batch;
  if (from->get_schema(from, &schema) != 0) return;
  for (; from->get_next(from, &batch) == 0 && batch.release != nullptr; batch.release(&batch))
    std::cout << "a batch of " << batch.length << " rows: " << schema.children[0]->name << " as '"
              << schema.children[0]->format << "', " << schema.children[1]->name << " as '"
              << schema.children[1]->format << "'\n";
  schema.release(&schema);
  from->release(from);
}

int main() {
  pillar::typed_table<orders> table({.distribution = pillar::evenly(pillar::slices{2})});
  pillar::column_set_builder rows(table.schema());
  const char* states[] = {"shipped", "open", "returned to the sender"};
  for (std::int64_t i = 0; i < 3000; ++i) {
    const auto cell = [&](std::size_t column, std::int64_t value) {
      return pillar::scalar::of_integer(table.schema()[column].type, value);
    };
    const pillar::scalar cells[] = {cell(0, i), pillar::scalar::of_text(table.schema()[1].type, states[i % 3]),
                                    cell(2, i * 25)};
    if (!rows.append_row(cells).ok()) return 1;
  }
  if (!table.append(*rows.finish()).ok()) return 1;

  // Out: the columns of a result are shared, not copied, and live until the reader releases them.
  pillar::worker_pool pool(2);
  auto result = run(scan(table) | group_by("status"_col)(sum("total"_col).as("revenue"_col)), pool);
  if (!result.ok()) return 1;
  pillar::arrow_owner<ArrowArrayStream> stream;
  if (!export_arrow_stream({result->rows()}, result->rows().schema, stream.get()).ok()) return 1;
  shipping_report(stream.get());

  // In: whatever hands out a stream. Here it is the table itself, by its row groups.
  pillar::typed_table<orders> copy;
  if (!export_arrow_stream(table, stream.get()).ok()) return 1;
  if (auto done = append_arrow_stream(copy, stream.get(), pool); !done.ok()) {
    std::cout << done.message() << "\n";  // such as: column 'total' ('g'): it holds values of type double, expected …
    return 1;
  }
  std::cout << *run(scan(copy) | where("status"_col == "shipped") | group_by()(count().as("shipped"_col)), pool);
}
