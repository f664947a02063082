// SPDX-License-Identifier: Apache-2.0
// Joins by the parts alone, from arrays: a million rows into a join table, ten million against it in vectors of 1,024,
// and the sum of a payload over all pairs.
#include <cstdlib>
#include <string>

#include <pillar/join.hpp>

#include "data/join_numbers.hpp"
#include "support/bench.hpp"

namespace {

/// The keys of up to 1,024 rows from `first` on.
struct key_view {
  pillar::vector view{};
  const pillar::vector* pointer = &view;
  key_view(const std::vector<std::int64_t>& numbers, const std::vector<pillar::text_slot>& texts, std::size_t first) {
    view.type = texts.empty() ? pillar::type_of<std::int64_t> : pillar::type_of<pillar::text>;
    const std::size_t left = numbers.size() - first;
    view.size = left < pillar::vector_rows ? static_cast<std::uint32_t>(left) : pillar::vector_rows;
    if (texts.empty()) view.values = numbers.data() + first;
    else view.values = texts.data() + first;
  }
};

void require(bool good) {
  if (!good) std::abort();
}

pillar_bench::join_digest join(const pillar_bench::join_numbers& data, bool semi) {
  const pillar::data_type type = key_view(data.build, data.build_texts, 0).view.type;
  auto builder = pillar::join_builder::make({&type, 1});
  require(builder.ok());
  for (std::size_t at = 0; at < data.build.size(); at += pillar::vector_rows) {
    const key_view keys(data.build, data.build_texts, at);
    const auto all = pillar::selection_mask::first(keys.view.size);
    require(builder->append({&keys.pointer, 1}, all, keys.view.size).ok());
  }
  const auto table = builder->seal();
  require(table.ok());
  auto cursor = pillar::join_cursor::make(*table, semi ? pillar::join_kind::semi : pillar::join_kind::inner);
  require(cursor.ok());
  pillar_bench::join_digest digest;
  std::uint32_t probe_rows[pillar::vector_rows], build_rows[pillar::vector_rows];
  for (std::size_t at = 0; at < data.probe.size(); at += pillar::vector_rows) {
    const key_view keys(data.probe, data.probe_texts, at);
    cursor->start({&keys.pointer, 1}, pillar::selection_mask::first(keys.view.size), keys.view.size);
    if (semi) {
      pillar::selection_mask kept;
      require(cursor->select(kept).ok());
      digest.pairs += kept.count();
      continue;
    }
    for (;;) {
      const auto count = cursor->next(probe_rows, build_rows);
      require(count.ok());
      if (*count == 0) break;
      digest.pairs += *count;
      for (std::uint32_t i = 0; i < *count; ++i) digest.sum += static_cast<std::uint64_t>(data.payload[build_rows[i]]);
    }
  }
  return digest;
}

void join_keys(benchmark::State& state, const std::string& what) {
  const auto& data = pillar_bench::kept<pillar_bench::join_numbers>(
      "join " + what, [&] { return pillar_bench::join_numbers(what, pillar_bench::ram_bytes() / 32); });
  pillar_bench::join_digest digest;
  for (auto _ : pillar_bench::timed(state)) {
    digest = join(data, what == "semi");
    benchmark::DoNotOptimize(digest.sum);
  }
  pillar_bench::per_iteration(state, data.probe.size());
  pillar_bench::answer(digest.text());
}

const bool registered = [] {
  for (const std::string what : pillar_bench::join_cases)
    benchmark::RegisterBenchmark(("join/keys_" + what).c_str(), join_keys, what);
  return true;
}();

}  // namespace
