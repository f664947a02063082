// SPDX-License-Identifier: Apache-2.0
// Ten million rows that look for their partners among a million, on one thread, from encoded tables; the peers answer
// the same SQL (bench/peers/tables.py).
#include <string>
#include <vector>

#include <pillar/pipeline.hpp>
#include <pillar/pipeline/join.hpp>

#include "data/datasets.hpp"
#include "data/schemas.hpp"
#include "support/bench.hpp"
#include "support/queries.hpp"
#include "support/tables.hpp"

namespace {
using namespace pillar::query;
using pillar_bench::join_build;
using pillar_bench::join_probe;

const pillar::typed_table<join_build>& build_rows() {
  return pillar_bench::kept<pillar::typed_table<join_build>>("join_build", [] {
    const std::uint64_t row_count = pillar_bench::rows_or(10'000'000) / 10;
    return pillar_bench::table_of<join_build>(row_count, [&](auto number, auto rows_here) {
      const pillar_bench::join_build_chunk chunk(number, row_count, rows_here);
      return pillar_bench::columns_of<join_build>(chunk.dense, chunk.sparse, chunk.duplicates,
                                                  pillar_bench::words_of_12(chunk.text), chunk.payload);
    });
  });
}
const pillar::typed_table<join_probe>& probe_rows() {
  return pillar_bench::kept<pillar::typed_table<join_probe>>("join_probe", [] {
    const std::uint64_t row_count = pillar_bench::rows_or(10'000'000);
    return pillar_bench::table_of<join_probe>(row_count, [&](auto number, auto rows_here) {
      const pillar_bench::join_probe_chunk chunk(number, row_count / 10, rows_here);
      return pillar_bench::columns_of<join_probe>(chunk.dense, chunk.sparse, chunk.duplicates,
                                                  pillar_bench::words_of_12(chunk.text), chunk.ten_percent);
    });
  });
}

/// Counts the pairs and sums the payload.
auto totals() { return aggregate(count().as("n"_col), sum("payload"_col).as("total"_col)); }

/// Pairs of one key: `name` on both sides.
template <pillar::fixed_string Name>
auto pairs(pillar::column_reference<Name> key) {
  return scan(probe_rows()) | project(key) | join(scan(build_rows()) | project(key, "payload"_col), on(key)) | totals();
}

void add(const std::string& name, const auto& query, std::initializer_list<std::uint32_t> columns) {
  const std::vector<std::uint32_t> read(columns);
  pillar_bench::register_query("join/" + name, [=](benchmark::State& state, unsigned threads) {
    pillar_bench::run_query(state, probe_rows(), query(), read, pillar_bench::table_text, threads);
  });
}

void register_cases() {
  add("dense", [] { return pairs("dense"_col); }, {0});
  add("sparse", [] { return pairs("sparse"_col); }, {1});
  add("duplicates", [] { return pairs("duplicates"_col); }, {2});
  add("text_key", [] { return pairs("text"_col); }, {3});
  add("ten_percent",
      [] {
        return scan(probe_rows()) | project("ten_percent"_col) |
               join(scan(build_rows()) | project("sparse"_col, "payload"_col), on("ten_percent"_col == "sparse"_col)) |
               totals();
      },
      {4});
  add("semi",
      [] {
        return scan(probe_rows()) | semi_join(build_rows(), on("ten_percent"_col == "sparse"_col)) |
               aggregate(count().as("n"_col));
      },
      {4});
  add("anti",
      [] {
        return scan(probe_rows()) | anti_join(build_rows(), on("ten_percent"_col == "sparse"_col)) |
               aggregate(count().as("n"_col));
      },
      {4});
}
const bool registered = (register_cases(), true);
}  // namespace
