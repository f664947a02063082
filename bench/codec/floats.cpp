// SPDX-License-Identifier: Apache-2.0
// Blocks of floats. A block has 65,536 rows: it lies in L2 and is decoded vector by vector into the same 8 KiB.
//
//   codec/decimal_double         prices 900.00 to 104,949.50, uniform
//   codec/decimal_double_size    the same block's bytes
//   codec/real_double            uniform reals between 20 and 30
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/storage/block.hpp"
#include "support/bench.hpp"

namespace {

using pillar::vector_rows;
constexpr std::uint32_t rows = pillar::block_max_rows;

/// A block of `rows` values, made by value(random).
template <class T, class Value>
pillar::buffer make_block(pillar::data_type type, Value value) {
  pillar::splitmix64 random(11);
  std::vector<T> values(rows);
  for (T& each : values) each = value(random);
  std::vector<pillar::vector> vectors(rows / vector_rows);
  for (std::size_t v = 0; v < vectors.size(); ++v) {
    vectors[v].type = type;
    vectors[v].size = vector_rows;
    vectors[v].values = values.data() + v * vector_rows;
  }
  auto made = pillar::encode_block(vectors);
  return made.ok() ? *std::move(made) : pillar::buffer();
}

double price(pillar::splitmix64& random) { return static_cast<double>(90000 + random.below(10404951)) / 100; }
double reading(pillar::splitmix64& random) { return 20 + static_cast<double>(random() >> 11) * 0x1p-53 * 10; }

pillar::buffer prices() { return make_block<double>(pillar::type_of<double>, price); }

/// Decodes every vector of every block; returns a sum over the bits, so that peers of a change can be told apart.
std::uint64_t decode_all(const std::vector<pillar::block_view>& blocks, pillar::vector_scratch& scratch, bool look) {
  std::uint64_t sum = 0;
  for (const pillar::block_view& block : blocks)
    for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
      const pillar::encoded_vector source = block.vector_at(v);
      pillar::vector out;
      source.operations->decode(source.block, v, scratch, out);
      benchmark::DoNotOptimize(out.values);
      benchmark::ClobberMemory();
      if (!look || out.kind != pillar::vector_kind::flat) continue;
      const std::size_t width = pillar::byte_width(out.type.physical);
      for (std::uint32_t row = 0; row < out.size; ++row) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, out.values_as<char>() + row * width, width < 8 ? width : 8);
        sum += bits * (row + 1);
      }
    }
  return sum;
}

std::vector<pillar::block_view> open_all(const std::vector<pillar::buffer>& encoded) {
  std::vector<pillar::block_view> blocks;
  for (const pillar::buffer& bytes : encoded)
    if (auto opened = pillar::open_block(bytes.bytes(), {}, false); opened.ok()) blocks.push_back(*std::move(opened));
  return blocks;
}

void decode(benchmark::State& state, const std::string& what, bool size) {
  const auto& encoded = pillar_bench::kept<std::vector<pillar::buffer>>("block_of_" + what, [&] {
    std::vector<pillar::buffer> made;
    made.push_back(what == "prices" ? prices() : make_block<double>(pillar::type_of<double>, reading));
    return made;
  });
  const auto blocks = open_all(encoded);
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  for (auto _ : pillar_bench::timed(state)) decode_all(blocks, *scratch, false);
  pillar_bench::per_iteration(state, rows, size ? encoded[0].size() : rows * sizeof(double));
  pillar_bench::answer(std::to_string(decode_all(blocks, *scratch, true)) + ' ' + std::to_string(encoded[0].size()));
}

const bool registered = [] {
  benchmark::RegisterBenchmark("codec/decimal_double", decode, "prices", false);
  benchmark::RegisterBenchmark("codec/decimal_double_size", decode, "prices", true);
  benchmark::RegisterBenchmark("codec/real_double", decode, "readings", false);
  return true;
}();

}  // namespace
