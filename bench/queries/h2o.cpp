// SPDX-License-Identifier: Apache-2.0
// h2o.ai's ten group-by questions over ten million rows, on one thread, from an encoded table; the peers answer them in
// SQL or by their own verbs (bench/peers).
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <pillar/pipeline.hpp>

#include "data/datasets.hpp"
#include "data/schemas.hpp"
#include "support/bench.hpp"
#include "support/digest.hpp"
#include "support/queries.hpp"
#include "support/tables.hpp"

namespace {
using namespace pillar::query;
using pillar_bench::digest_text;
using pillar_bench::h2o;
using table = pillar::typed_table<h2o>;

const table& rows() {
  return pillar_bench::kept<table>("h2o", [] {
    const std::uint64_t row_count = pillar_bench::rows_or(10'000'000);
    const auto words = pillar_bench::h2o_chunk::words();
    const auto spelt = [&](const std::vector<std::uint8_t>& codes) {
      std::vector<std::string_view> out;
      for (const auto code : codes) out.push_back(words[code]);
      return out;
    };
    return pillar_bench::table_of<h2o>(row_count, [&](auto number, auto rows_here) {
      const pillar_bench::h2o_chunk chunk(number, row_count, rows_here);
      return pillar_bench::columns_of<h2o>(spelt(chunk.id1), spelt(chunk.id2), pillar_bench::words_of_12(chunk.id3),
                                           chunk.id4, chunk.id5, chunk.id6, chunk.v1, chunk.v2, chunk.v3);
    });
  });
}

/// The greatest two come in one row per group here, in two rows there: id6 and v3, as they have them.
std::string greatest_two_text(const pillar::column_set& groups) {
  pillar_bench::digest made(2);
  for (std::uint64_t row = 0; row < groups.row_count(); ++row) {
    for (const std::size_t column : {1, 2}) {
      const pillar::vector value = groups.columns[column].slice(row, 1);
      if (!value.valid(0)) continue;
      made.begin_row();
      made.add(0, {groups.columns[0].slice(row, 1), 0});
      made.add(1, {value, 0});
      made.end_row();
    }
  }
  return made.text();
}

/// `columns`: those that the question reads, by their place in the table.
void add(const std::string& name, const auto& question, std::initializer_list<std::uint32_t> columns,
         std::string (*text)(const pillar::column_set&) = digest_text) {
  const std::vector<std::uint32_t> read(columns);
  pillar_bench::register_query("aggregate/h2o_" + name, [=](benchmark::State& state, unsigned threads) {
    pillar_bench::run_query(state, rows(), question(rows()), read, text, threads);
  });
}

constexpr auto id1 = "id1"_col;
constexpr auto id2 = "id2"_col;
constexpr auto id3 = "id3"_col;
constexpr auto id4 = "id4"_col;
constexpr auto id5 = "id5"_col;
constexpr auto id6 = "id6"_col;
constexpr auto v1 = "v1"_col;
constexpr auto v2 = "v2"_col;
constexpr auto v3 = "v3"_col;

void register_cases() {
  add("q1", [](const table& from) { return scan(from) | group_by(id1)(sum(v1)); }, {0, 6});
  add("q2", [](const table& from) { return scan(from) | group_by(id1, id2)(sum(v1)); }, {0, 1, 6});
  add("q3", [](const table& from) { return scan(from) | group_by(id3)(sum(v1), avg(v3)); }, {2, 6, 8});
  add("q4", [](const table& from) { return scan(from) | group_by(id4)(avg(v1), avg(v2), avg(v3)); }, {3, 6, 7, 8});
  add("q5", [](const table& from) { return scan(from) | group_by(id6)(sum(v1), sum(v2), sum(v3)); }, {5, 6, 7, 8});
  add("q6", [](const table& from) { return scan(from) | group_by(id4, id5)(median(v3), standard_deviation(v3)); },
      {3, 4, 8});
  add("q7",
      [](const table& from) {
        return scan(from) | group_by(id3)(max(v1).as("most"_col), min(v2).as("least"_col)) |
               project(id3, ("most"_col - "least"_col).as("range_v1_v2"_col));
      },
      {2, 6, 7});
  add(
      "q8",
      [](const table& from) {
        return scan(from) | group_by(id6)(arg_max(v3, v3).as("greatest"_col), arg_max(v3, v3, 2).as("second"_col));
      },
      {5, 8}, greatest_two_text);
  add("q9",
      [](const table& from) {
        return scan(from) | group_by(id2, id4)(correlation(v1, v2).as("r"_col)) |
               project(id2, id4, ("r"_col * "r"_col).as("r2"_col));
      },
      {1, 3, 6, 7});
  add("q10", [](const table& from) { return scan(from) | group_by(id1, id2, id3, id4, id5, id6)(sum(v3), count()); },
      {0, 1, 2, 3, 4, 5, 8});
}
const bool registered = (register_cases(), true);
}  // namespace
