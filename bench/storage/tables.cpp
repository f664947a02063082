// SPDX-License-Identifier: Apache-2.0
// Whole tables in the order of their files, each encoded once for both claims: their size, and the time to decode every
// column. The peers store them as Parquet and read that (bench/peers).
//
//   size/lineitem     encoded bytes; bytes and codecs of each column in the label
//   decode/lineitem   every column, one after the other, into buffers that are used again; ns of each in the label
#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <pillar/base/env.hpp>
#include <pillar/column/encoded.hpp>
#include <pillar/storage/table.hpp>

#include "data/schemas.hpp"
#include "storage/load.hpp"
#include "support/bench.hpp"
#include "support/tables.hpp"

namespace {
using pillar_bench::require;

/// The table of a file, loaded once for its two cases; nullptr, with the reason, where the file is not there.
template <class Schema>
const pillar::table* table_of(benchmark::State& state, const std::string& file) {
  const std::string path = pillar_bench::data_file(file);
  if (pillar_bench::smoke() || !std::filesystem::exists(path)) {
    state.SkipWithError(("no " + path).c_str());
    return nullptr;
  }
  return &pillar_bench::kept<pillar::typed_table<Schema>>(path, [&] {
    pillar::typed_table<Schema> made;
    require(pillar_bench::load_csv(path, made));
    return made;
  });
}

template <class Each>
void for_each_block(const pillar::table_version& version, std::size_t column, Each each) {
  for (const auto& slice : version.slices)
    for (const auto& group : slice.groups) each(group->blocks[column].view);
}

/// Codecs of a column's blocks, the usual one first: "dictionary" or "dictionary 90, raw 2".
std::string codecs_of(const pillar::table_version& version, std::size_t column) {
  std::map<std::string, int> blocks;
  for_each_block(version, column, [&](const pillar::block_view& block) {
    std::string name = pillar::to_string(block.codec());
    if (block.transform() != pillar::transform_id::none)
      name += std::string(" + ") + pillar::to_string(block.transform());
    ++blocks[name];
  });
  if (blocks.size() == 1) return blocks.begin()->first;
  std::string text;
  for (const auto& [name, count] : blocks) text += (text.empty() ? "" : ", ") + name + ' ' + std::to_string(count);
  return text;
}

template <class Schema>
void size_case(benchmark::State& state, const std::string& file) {
  const pillar::table* table = table_of<Schema>(state, file);
  if (table == nullptr) return;
  const auto version = table->version();
  std::uint64_t bytes = 0;
  for (auto _ : pillar_bench::timed(state)) benchmark::DoNotOptimize(bytes = version->encoded_bytes());
  std::string columns, codecs;
  for (std::uint32_t c = 0; c < table->schema().size(); ++c) {
    const std::string name = (c == 0 ? "\"" : ", \"") + table->schema()[c].name + "\": ";
    columns += name + std::to_string(pillar_bench::column_bytes(*version, std::array{c}));
    codecs += name + '"' + codecs_of(*version, c) + '"';
  }
  state.SetLabel("{\"columns\": {" + columns + "}, \"codecs\": {" + codecs + "}}");
  pillar_bench::per_iteration(state, version->row_count(), bytes);
  pillar_bench::answer(std::to_string(version->row_count()));
}

/// Where decoded values end: one vector's worth, used again for the next.
struct destination {
  pillar::vector_scratch scratch;
  alignas(64) std::array<std::byte, pillar::vector_rows * sizeof(pillar::text_slot)> values;
};

template <class T>
void flatten_as(const pillar::vector& from, std::byte* to) {
  T* out = reinterpret_cast<T*>(to);
  switch (from.kind) {
    case pillar::vector_kind::flat: std::memcpy(out, from.values, from.size * sizeof(T)); break;
    case pillar::vector_kind::constant: std::fill_n(out, from.size, from.values_as<T>()[0]); break;
    case pillar::vector_kind::dictionary: {
      const T* entries = from.dictionary->values_as<T>();
      for (std::uint32_t row = 0; row < from.size; ++row) out[row] = entries[from.codes[row]];
      break;
    }
    case pillar::vector_kind::run_end:
      from.for_each_run(0, from.size, [&](std::uint32_t run, std::uint32_t first, std::uint32_t last) {
        std::fill(out + first, out + last, from.dictionary->values_as<T>()[run]);
      });
      break;
  }
}

/// One value per row in a buffer of ours: what the codec left in its block, or as codes, or once for all rows, is
/// copied; text is copied as slots, the characters of stored text stay where they are.
const void* flattened(const pillar::vector& from, destination& to) {
  const auto* begin = static_cast<const std::byte*>(from.values);
  if (from.kind == pillar::vector_kind::flat && begin >= to.scratch.values &&
      begin < to.scratch.values + sizeof to.scratch.values)
    return begin;
  switch (pillar::byte_width(from.type.physical)) {
    case 1: flatten_as<std::uint8_t>(from, to.values.data()); break;
    case 2: flatten_as<std::uint16_t>(from, to.values.data()); break;
    case 4: flatten_as<std::uint32_t>(from, to.values.data()); break;
    case 8: flatten_as<std::uint64_t>(from, to.values.data()); break;
    default: flatten_as<pillar::text_slot>(from, to.values.data());
  }
  return to.values.data();
}

/// Decodes a column; with `sum`, adds what its values come to: integers as they are, lengths of text.
void decode_column(const pillar::table_version& version, std::size_t column, destination& to, std::int64_t* sum) {
  for_each_block(version, column, [&](const pillar::block_view& block) {
    for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
      const pillar::encoded_vector source = block.vector_at(v);
      pillar::vector decoded;
      require(source.decode(to.scratch, decoded).ok());
      const void* values = flattened(decoded, to);
      benchmark::DoNotOptimize(values);
      benchmark::ClobberMemory();
      if (sum == nullptr) continue;
      for (std::uint32_t row = 0; row < decoded.size; ++row) {
        if (!decoded.valid(row)) continue;
        switch (const auto at = static_cast<const std::byte*>(values); pillar::byte_width(decoded.type.physical)) {
          case 1: *sum += reinterpret_cast<const std::int8_t*>(at)[row]; break;
          case 2: *sum += reinterpret_cast<const std::int16_t*>(at)[row]; break;
          case 4: *sum += reinterpret_cast<const std::int32_t*>(at)[row]; break;
          case 8: *sum += reinterpret_cast<const std::int64_t*>(at)[row]; break;
          default: *sum += reinterpret_cast<const pillar::text_slot*>(at)[row].size;
        }
      }
    }
  });
}

template <class Schema>
void decode_case(benchmark::State& state, const std::string& file) {
  const pillar::table* table = table_of<Schema>(state, file);
  if (table == nullptr) return;
  const auto version = table->version();
  const std::size_t column_count = table->schema().size();
  const auto to = std::make_unique<destination>();
  std::vector<std::uint64_t> total_ns(column_count);
  pillar::steady_clock clock;
  for (auto _ : pillar_bench::timed(state))
    for (std::size_t c = 0; c < column_count; ++c) {
      const std::uint64_t begin = clock.now_ns();
      decode_column(*version, c, *to, nullptr);
      total_ns[c] += clock.now_ns() - begin;
    }
  std::string columns, sums;
  for (std::size_t c = 0; c < column_count; ++c) {
    const std::string& name = table->schema()[c].name;
    columns += (c == 0 ? "\"" : ", \"") + name +
               "\": " + std::to_string(total_ns[c] / static_cast<std::uint64_t>(state.iterations()));
    std::int64_t sum = 0;
    decode_column(*version, c, *to, &sum);
    sums += (c == 0 ? "" : "\n") + name + '=' + std::to_string(sum);
  }
  state.SetLabel("{\"columns\": {" + columns + "}}");
  pillar_bench::per_iteration(state, version->row_count() * column_count, version->encoded_bytes());
  pillar_bench::answer(sums);
}

template <class Schema>
void register_table(const std::string& name, const std::string& file) {
  benchmark::RegisterBenchmark(("size/" + name).c_str(),
                               [file](benchmark::State& state) { size_case<Schema>(state, file); });
  benchmark::RegisterBenchmark(("decode/" + name).c_str(),
                               [file](benchmark::State& state) { decode_case<Schema>(state, file); });
}

const bool registered = [] {
  register_table<pillar_bench::flights>("flights", "flights/flights.csv");
  register_table<pillar_bench::tpch_lineitem>("lineitem", "tpch/lineitem.csv");
  register_table<pillar_bench::tpch_orders>("orders", "tpch/orders.csv");
  register_table<pillar_bench::tpch_partsupp>("partsupp", "tpch/partsupp.csv");
  register_table<pillar_bench::tpch_part>("part", "tpch/part.csv");
  register_table<pillar_bench::tpch_customer>("customer", "tpch/customer.csv");
  return true;
}();

}  // namespace
