// SPDX-License-Identifier: Apache-2.0
// Ten million rows that look for their partners among a million, on one thread, from encoded tables; the peers answer
// the same SQL (bench/peers/tables.py).
#include <memory>
#include <string>
#include <vector>

#include <pillar/join.hpp>
#include <pillar/storage/table.hpp>

#include "data/datasets.hpp"
#include "data/schemas.hpp"
#include "support/bench.hpp"
#include "support/tables.hpp"

namespace {
using pillar_bench::join_build;
using pillar_bench::join_probe;
using pillar_bench::require;

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

/// A column's vectors, one after the other: `each(vector)`.
void for_each_vector(const pillar::table_version& version, std::uint32_t column, const auto& each) {
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  for (const auto& slice : version.slices) {
    for (const auto& rows : slice.groups) {
      const pillar::block_view& block = rows->blocks[column].view;
      for (std::uint32_t index = 0; index < block.vector_count(); ++index) {
        pillar::vector values;
        require(block.vector_at(index).decode(*scratch, values).ok());
        each(values);
      }
    }
  }
}

struct join_keys {
  std::uint32_t probe, build;  ///< columns
};
constexpr std::uint32_t payload_column = 4;

std::string join(pillar::join_kind kind, const join_keys& keys) {
  const auto build = build_rows().version(), probe = probe_rows().version();
  const pillar::data_type type = build_rows().schema().columns[keys.build].type;
  auto builder = pillar::join_builder::make({&type, 1});
  require(builder.ok());
  for_each_vector(*build, keys.build, [&](const pillar::vector& key) {
    const pillar::vector* pointer = &key;
    require(builder->append({&pointer, 1}, pillar::selection_mask::first(key.size), key.size).ok());
  });
  const bool has_pairs = kind == pillar::join_kind::inner;
  std::vector<std::int64_t> payload;
  if (has_pairs) {
    for_each_vector(*build, payload_column, [&](const pillar::vector& values) {
      payload.insert(payload.end(), values.values_as<std::int64_t>(), values.values_as<std::int64_t>() + values.size);
    });
  }
  const auto table = builder->seal();
  require(table.ok());
  auto cursor = pillar::join_cursor::make(*table, kind);
  require(cursor.ok());
  std::uint64_t pairs = 0, total = 0;
  std::uint32_t of_probe[pillar::vector_rows], of_build[pillar::vector_rows];
  for_each_vector(*probe, keys.probe, [&](const pillar::vector& key) {
    const pillar::vector* pointer = &key;
    cursor->start({&pointer, 1}, pillar::selection_mask::first(key.size), key.size);
    if (!has_pairs) {
      pillar::selection_mask kept;
      require(cursor->select(kept).ok());
      pairs += kept.count();
      return;
    }
    for (;;) {
      const auto count = cursor->next(of_probe, of_build);
      require(count.ok());
      if (*count == 0) break;
      pairs += *count;
      for (std::uint32_t i = 0; i < *count; ++i) total += static_cast<std::uint64_t>(payload[of_build[i]]);
    }
  });
  return std::to_string(pairs) + (has_pairs ? "|" + std::to_string(total) : "");
}

void join_rows(benchmark::State& state, pillar::join_kind kind, const join_keys& keys) {
  std::string text = join(kind, keys);
  for (auto _ : pillar_bench::timed(state)) text = join(kind, keys);
  pillar_bench::per_iteration(state, probe_rows().version()->row_count());
  pillar_bench::answer(text);
}

void register_cases() {
  const auto add = [](const std::string& name, pillar::join_kind kind, const join_keys& keys) {
    benchmark::RegisterBenchmark(("join/" + name).c_str(), join_rows, kind, keys);
  };
  add("dense", pillar::join_kind::inner, {0, 0});
  add("sparse", pillar::join_kind::inner, {1, 1});
  add("duplicates", pillar::join_kind::inner, {2, 2});
  add("text_key", pillar::join_kind::inner, {3, 3});
  add("ten_percent", pillar::join_kind::inner, {4, 1});
  add("semi", pillar::join_kind::semi, {4, 1});
  add("anti", pillar::join_kind::anti, {4, 1});
}
const bool registered = (register_cases(), true);
}  // namespace
