// SPDX-License-Identifier: Apache-2.0
// Choosing codecs and encoding, as loading does it: blocks of 65,536 rows, column by column, the choice kept from block
// to block of a column. Bytes are those of the values.
//
//   encode/int32, encode/int64, encode/double   sixteen blocks each of columns of that type as tables have them
//   encode/fixed                                all fixed-width columns of TPC-H's lineitem, whole
//
// The label has the nanoseconds and the codec of each column.
#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <pillar/base/env.hpp>
#include <pillar/column/encoded.hpp>
#include <pillar/storage/block.hpp>
#include <pillar/storage/table.hpp>

#include "data/schemas.hpp"
#include "storage/load.hpp"
#include "support/bench.hpp"
#include "support/tables.hpp"

namespace {
using pillar_bench::require;

/// A column as a program has it: an array.
struct column_array {
  std::string name{};
  pillar::data_type type{};
  std::uint64_t row_count = 0;
  pillar_bench::pages values{};
};
using column_arrays = std::vector<column_array>;

/// Encodes a column; returns the bytes of its blocks.
std::uint64_t encode_column(const column_array& column, pillar::encoding_choice& choice) {
  const std::size_t width = pillar::byte_width(column.type.physical);
  std::vector<pillar::vector> vectors;
  pillar::block_options options;
  options.previous = &choice;
  std::uint64_t bytes = 0;
  for (std::uint64_t row = 0; row < column.row_count;) {
    const std::uint64_t end = std::min<std::uint64_t>(row + pillar::block_max_rows, column.row_count);
    vectors.clear();
    for (; row < end; row += vectors.back().size) {
      pillar::vector& one = vectors.emplace_back();
      one.type = column.type;
      one.size = static_cast<std::uint32_t>(std::min<std::uint64_t>(pillar::vector_rows, end - row));
      one.values = column.values.data() + width * row;
    }
    const auto made = pillar::encode_block(vectors, options);
    require(made.ok());
    bytes += made->size();
  }
  return bytes;
}

void encode(benchmark::State& state, const column_arrays& columns) {
  std::vector<std::uint64_t> total_ns(columns.size());
  std::vector<pillar::encoding_choice> choices(columns.size());
  std::uint64_t values = 0, raw_bytes = 0, encoded_bytes = 0;
  for (const column_array& column : columns) {
    values += column.row_count;
    raw_bytes += column.row_count * pillar::byte_width(column.type.physical);
  }
  pillar::steady_clock clock;
  for (auto _ : pillar_bench::timed(state)) {
    encoded_bytes = 0;
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const std::uint64_t begin = clock.now_ns();
      choices[c] = {};
      encoded_bytes += encode_column(columns[c], choices[c]);
      total_ns[c] += clock.now_ns() - begin;
    }
  }
  std::string times, codecs;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const std::string name = (c == 0 ? "\"" : ", \"") + columns[c].name + "\": ";
    times += name + std::to_string(total_ns[c] / static_cast<std::uint64_t>(state.iterations()));
    codecs += name + '"' + pillar::to_string(choices[c].codecs[0]) + '"';
  }
  state.SetLabel("{\"columns\": {" + times + "}, \"codecs\": {" + codecs + "}}");
  pillar_bench::per_iteration(state, values, raw_bytes);
  pillar_bench::answer(std::to_string(encoded_bytes));
}

/// A column of made-up values: value(random, row).
template <class T, class Value>
column_array made_column(const std::string& name, Value value) {
  column_array made{name, pillar::type_of<T>, pillar_bench::smoke() ? 5000u : 16 * pillar::block_max_rows, {}};
  made.values = pillar_bench::pages(sizeof(T) * made.row_count);
  pillar::splitmix64 random(7);
  std::uint64_t row = 0;
  for (T& each : made.values.as<T>().first(made.row_count)) each = static_cast<T>(value(random, row++));
  return made;
}

/// Keys in their order, keys of another table, dates, few values, counts with outliers, no pattern.
template <class T>
column_arrays integer_columns() {
  using pillar::splitmix64;
  column_arrays made;
  made.push_back(made_column<T>("key", [key = 0](splitmix64& random, std::uint64_t) mutable {
    return key += random.chance(1, 4) ? 1 + static_cast<int>(random.below(4)) : 0;
  }));
  made.push_back(
      made_column<T>("foreign key", [](splitmix64& random, std::uint64_t) { return random.below(200'000); }));
  made.push_back(
      made_column<T>("date", [](splitmix64& random, std::uint64_t row) { return row / 400 + random.below(90); }));
  made.push_back(made_column<T>("few", [](splitmix64& random, std::uint64_t) { return 100 * random.below(50); }));
  made.push_back(made_column<T>("outliers", [](splitmix64& random, std::uint64_t) {
    return random.below(random.chance(1, 100) ? 1'000'000 : 100);
  }));
  made.push_back(made_column<T>("random", [](splitmix64& random, std::uint64_t) { return random() >> 1; }));
  return made;
}

/// Prices, rates, measurements of three digits with NaNs between, reals of all digits.
column_arrays double_columns() {
  using pillar::splitmix64;
  column_arrays made;
  const auto divided = [](std::uint64_t value, double by) { return static_cast<double>(value) / by; };
  made.push_back(made_column<double>(
      "price", [=](splitmix64& random, std::uint64_t) { return divided(90'000 + random.below(10'404'951), 100); }));
  made.push_back(
      made_column<double>("rate", [=](splitmix64& random, std::uint64_t) { return divided(random.below(11), 100); }));
  made.push_back(made_column<double>("measured", [=](splitmix64& random, std::uint64_t) {
    return random.chance(1, 100) ? std::bit_cast<double>(0x7ff8000000000000u) : divided(random.below(40'000), 1000);
  }));
  made.push_back(made_column<double>("real", [](splitmix64& random, std::uint64_t) {
    return 20 + static_cast<double>(random() >> 11) * 0x1p-53 * 10;
  }));
  return made;
}

/// The fixed-width columns of a table's file.
column_arrays fixed_columns(const std::string& path) {
  pillar::typed_table<pillar_bench::tpch_lineitem> table;
  require(pillar_bench::load_csv(path, table));
  const auto version = table.version();
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  column_arrays columns;
  for (std::uint32_t c = 0; c < table.schema().size(); ++c) {
    const pillar::data_type type = table.schema()[c].type;
    if (type.physical == pillar::physical_type::text) continue;
    const std::size_t width = pillar::byte_width(type.physical);
    column_array& made = columns.emplace_back(column_array{table.schema()[c].name, type, version->row_count(), {}});
    made.values = pillar_bench::pages(width * made.row_count);
    std::byte* out = made.values.data();
    for (const auto& slice : version->slices)
      for (const auto& group : slice.groups) {
        const pillar::block_view& block = group->blocks[c].view;
        for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
          pillar::vector decoded;
          require(block.vector_at(v).decode(*scratch, decoded).ok());
          const auto* const from = decoded.holder().values_as<std::byte>();
          for (std::uint32_t row = 0; row < decoded.size; ++row, out += width)
            std::memcpy(out, from + width * decoded.index_of(row), width);
        }
      }
  }
  return columns;
}

void register_columns(const std::string& name, const std::function<column_arrays()>& make) {
  benchmark::RegisterBenchmark(("encode/" + name).c_str(), [name, make](benchmark::State& state) {
    encode(state, pillar_bench::kept<column_arrays>("encode " + name, make));
  });
}

const bool registered = [] {
  register_columns("int32", integer_columns<std::int32_t>);
  register_columns("int64", integer_columns<std::int64_t>);
  register_columns("double", double_columns);
  benchmark::RegisterBenchmark("encode/fixed", [](benchmark::State& state) {
    const std::string path = pillar_bench::data_file("tpch/lineitem.csv");
    if (pillar_bench::smoke() || !std::filesystem::exists(path)) return state.SkipWithError(("no " + path).c_str());
    encode(state, pillar_bench::kept<column_arrays>("encode fixed", [&] { return fixed_columns(path); }));
  });
  return true;
}();

}  // namespace
