// SPDX-License-Identifier: Apache-2.0
// Three million rows of 300,000 groups in random order, sum and count, inside memory and inside a quarter of what their
// states take at most, or of what they take in the end: what spilling costs, by the kind of key. Runs go to an unnamed file
// in TMPDIR.
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

#include <pillar/aggregate.hpp>
#include <pillar/base/file.hpp>
#include <pillar/hash/value.hpp>
#include <pillar/storage/file_run_store.hpp>

#include "support/bench.hpp"
#include "support/queries.hpp"
#include "support/tables.hpp"

namespace {

constexpr std::uint64_t most_rows = 3'000'000;

enum class key_kind { dense, spread, two, text, few, long_text };
/// What the budget is: no limit, a quarter of the most that the states take, or of what they take in the end.
enum class limit_kind { none, peak, end };

/// Keys and values, as vectors take them.
struct rows {
  std::vector<std::int64_t> keys, far, values;
  std::vector<std::int32_t> second;
  std::vector<pillar::text_slot> texts;
  std::string characters;            ///< of long ones
  const std::byte* begin = nullptr;  ///< of them; moving keeps it
  std::vector<pillar::data_type> types;

  rows(key_kind kind, std::uint64_t count) {
    const std::uint64_t key_count = std::max<std::uint64_t>(count / 10, 1);
    pillar::splitmix64 random(0x7370696c6c);
    const bool is_text = kind == key_kind::text || kind == key_kind::long_text;
    types = {is_text ? pillar::type_of<pillar::text> : pillar::type_of<std::int64_t>};
    if (kind == key_kind::two) types.push_back(pillar::type_of<std::int32_t>);
    if (kind == key_kind::few) types.push_back(pillar::type_of<std::int64_t>);
    for (std::uint64_t row = 0; row < count; ++row) {
      const std::uint64_t key = random.below(key_count);
      values.push_back(static_cast<std::int64_t>(random.below(100'000)));
      if (kind == key_kind::dense) keys.push_back(static_cast<std::int64_t>(key));
      if (kind == key_kind::spread) keys.push_back(static_cast<std::int64_t>(pillar::hash_word(key)));
      if (kind == key_kind::two) keys.push_back(static_cast<std::int64_t>(1'000'000'000'000 + key / 1000));
      if (kind == key_kind::two) second.push_back(static_cast<std::int32_t>(key % 1000));
      if (kind == key_kind::few) keys.push_back(static_cast<std::int64_t>(pillar::hash_word(key / 1000)));
      if (kind == key_kind::few) far.push_back(static_cast<std::int64_t>(pillar::hash_word(1'000'000 + key % 1000)));
      if (kind == key_kind::long_text) {
        const std::string made = "customer of the " + std::to_string(key % 100) + "th district, number " +
                                 std::to_string(pillar::hash_word(key) % 1'000'000'000);
        texts.push_back(pillar::text_slot::make(made, 0, static_cast<std::uint32_t>(characters.size())));
        characters += made;
      }
      if (kind != key_kind::text) continue;
      const std::string digits = std::to_string(10'000'000'000u + key);
      texts.push_back(pillar::text_slot::make_inline("i" + digits));
    }
    begin = reinterpret_cast<const std::byte*>(characters.data());
  }

  [[nodiscard]] std::uint64_t count() const { return values.size(); }
  /// Hands the rows over batch by batch.
  template <class F>
  void each_batch(const F& hand_over) const {
    for (std::uint64_t at = 0; at < count(); at += pillar::vector_rows) {
      const auto here = static_cast<std::uint32_t>(std::min<std::uint64_t>(pillar::vector_rows, count() - at));
      pillar::vector first, next, value;
      first.type = types[0];
      first.values = texts.empty() ? static_cast<const void*>(keys.data() + at) : texts.data() + at;
      first.buffers = &begin;
      next.type = types.back();
      next.values = far.empty() ? static_cast<const void*>(second.data() + (second.empty() ? 0 : at)) : far.data() + at;
      value.type = pillar::type_of<std::int64_t>;
      value.values = values.data() + at;
      first.size = next.size = value.size = here;
      const pillar::vector *const of[] = {&first, &next}, *const inputs[] = {&value};
      hand_over(std::span(of).first(types.size()), std::span<const pillar::vector* const>(inputs), here);
    }
  }
};

/// What a value takes packed to as many bits as all of them need: the input as a table would have it, about.
std::uint64_t encoded_row_bytes(key_kind kind) {
  constexpr std::uint64_t value_bits = 17;
  constexpr std::uint64_t key_bits[] = {19, 64, 9 + 10, 22, 9 + 10, 7 + 30};
  return (value_bits + key_bits[static_cast<int>(kind)] + 7) / 8;
}

void group(benchmark::State& state, key_kind kind, limit_kind limits) {
  const bool spills = limits != limit_kind::none;
  const std::uint64_t row_count = pillar_bench::rows_or(most_rows);
  const auto& of = pillar_bench::kept<rows>("spilled rows " + std::to_string(static_cast<int>(kind)),
                                            [&] { return rows(kind, row_count); });
  const pillar::data_type value_type = pillar::type_of<std::int64_t>;
  const pillar::aggregate_spec aggregates[] = {{pillar::aggregate_kind::sum, 0}, {}};
  const auto run = [&](pillar::memory_budget& budget, pillar::run_store* store) {
    auto grouped = pillar::spilling_aggregator::make(of.types, {&value_type, 1}, aggregates, &budget, {.store = store});
    pillar_bench::require(grouped.ok());
    of.each_batch([&](auto keys, auto inputs, std::uint32_t here) {
      pillar_bench::require(grouped->update(keys, inputs, pillar::selection_mask::first(here), here).ok());
    });
    return *std::move(grouped);
  };
  const auto& needed = pillar_bench::kept<std::pair<std::uint64_t, std::uint64_t>>(
      "states " + std::to_string(static_cast<int>(kind)), [&] {
        pillar::memory_budget budget;
        const auto grouped = run(budget, nullptr);
        return std::pair<std::uint64_t, std::uint64_t>{budget.peak(), budget.used()};
      });
  // Texts need 2 MiB to be encoded; few rows do not spill.
  const bool is_text = kind == key_kind::text || kind == key_kind::long_text;
  const std::uint64_t least = limits == limit_kind::end && !is_text ? 1 << 20 : 3 << 20;
  const std::uint64_t wanted = limits == limit_kind::end ? needed.second : needed.first;
  const std::uint64_t limit = spills ? std::max(wanted / 4, least) : pillar::memory_budget::unlimited;
  std::uint64_t groups = 0, rows_seen = 0, total = 0;
  for (auto _ : pillar_bench::timed(state)) {
    groups = rows_seen = total = 0;
    auto file = pillar::posix_file::create_temporary(std::filesystem::temp_directory_path().c_str());
    pillar_bench::require(file.ok());
    pillar::memory_budget budget(limit);
    pillar::file_run_store runs(*file, {.budget = &budget, .buffer_bytes = spills ? limit / 8 : 0});
    auto grouped = run(budget, spills ? &runs : nullptr);
    const auto take = [&](std::span<const pillar::column> piece) -> pillar::result<void> {
      const auto count = static_cast<std::uint32_t>(piece[0].size());
      const std::size_t keys = of.types.size();
      const auto sums = piece[keys].slice(0, count), counts = piece[keys + 1].slice(0, count);
      for (std::uint32_t i = 0; i < count; ++i) {
        total += static_cast<std::uint64_t>(sums.value<pillar::int128>(i));
        rows_seen += static_cast<std::uint64_t>(counts.value<std::int64_t>(i));
      }
      groups += count;
      return {};
    };
    pillar_bench::require(grouped.finish(take, &budget).ok());
    pillar_bench::require(rows_seen == row_count && budget.peak() <= limit);
    pillar_bench::require(!spills || pillar_bench::smoke() || grouped.spilled_rows() != 0);
    state.counters["peak_kib"] = static_cast<double>(budget.peak()) / 1024;
    if (!spills) continue;
    const auto spilled = static_cast<double>(grouped.spilled_rows());
    if (spilled == 0) continue;
    state.counters["spilled_rows"] = spilled;
    state.counters["bytes_a_row"] = static_cast<double>(runs.counts().bytes_written) / spilled;
    state.counters["packed_bytes_a_row"] = static_cast<double>(encoded_row_bytes(kind));
    state.counters["read_again"] = static_cast<double>(grouped.repeated_reads());
  }
  pillar_bench::per_iteration(state, row_count);
  pillar_bench::answer(std::to_string(groups) + "|" + std::to_string(rows_seen) + "|" + std::to_string(total));
}

const bool registered = [] {
  constexpr const char* names[] = {"dense", "spread", "two_keys", "text", "few_values", "long_text"};
  for (const key_kind kind :
       {key_kind::dense, key_kind::spread, key_kind::two, key_kind::text, key_kind::few, key_kind::long_text}) {
    const std::string name = names[static_cast<int>(kind)];
    benchmark::RegisterBenchmark(("aggregate/in_memory_" + name).c_str(), group, kind, limit_kind::none);
    benchmark::RegisterBenchmark(("aggregate/spill_" + name).c_str(), group, kind, limit_kind::peak);
    benchmark::RegisterBenchmark(("aggregate/spill_end_" + name).c_str(), group, kind, limit_kind::end);
  }
  return true;
}();
}  // namespace
