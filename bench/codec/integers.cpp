// SPDX-License-Identifier: Apache-2.0
// The codecs of integers that neither constant nor frame of reference serve, in blocks of 65,536 values of 32 bits.
//
//   codec/patched, codec/delta, codec/run_end_8, codec/run_end_64   decoding, a vector of 1,024 at a time
//   codec/run_end_8_sum, codec/run_end_64_sum                       sums without decoding
//   codec/encode_patched, …                                         analysis and encoding, bytes/s of the values
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "codec/integer_values.hpp"
#include "pillar/codec/codec.hpp"
#include "pillar/storage/block.hpp"
#include "support/bench.hpp"

namespace {

struct column {
  std::vector<std::uint32_t> values;
  std::vector<pillar::vector> vectors{};
  pillar::block_options options{};

  explicit column(const std::string& name) : values(pillar_bench::integer_values(name)) {
    for (std::size_t at = 0; at < values.size(); at += pillar::vector_rows) {
      pillar::vector one;
      one.type = pillar::type_of<std::uint32_t>;
      one.size = pillar::vector_rows;
      one.values = values.data() + at;
      vectors.push_back(one);
    }
    options.codec = name == "patched" ? pillar::codec_id::patched
                    : name == "delta" ? pillar::codec_id::delta
                                      : pillar::codec_id::run_end;
    options.transform = pillar::transform_choice::none;
  }
};

struct encoded {
  pillar::buffer bytes;
  pillar::block_view block;
};
encoded encode(const std::string& name) {
  const column from(name);
  auto bytes = pillar::encode_block(from.vectors, from.options);
  if (!bytes.ok()) std::abort();
  auto block = pillar::open_block(bytes->bytes());
  if (!block.ok()) std::abort();
  return {*std::move(bytes), *std::move(block)};
}
const pillar::block_view& block_of(const std::string& name) {
  return pillar_bench::kept<encoded>("block " + name, [&] { return encode(name); }).block;
}

void decode(benchmark::State& state, const std::string& name) {
  const pillar::block_view& block = block_of(name);
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  const auto vector_of = [&](std::uint32_t index) {
    const pillar::encoded_vector source = block.vector_at(index);
    pillar::vector out;
    source.operations->decode(source.block, index, *scratch, out);
    return out;
  };
  for (auto _ : pillar_bench::timed(state))
    for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
      benchmark::DoNotOptimize(vector_of(v).values);
      benchmark::ClobberMemory();
    }
  pillar_bench::per_iteration(state, block.row_count(), block.block_bytes());
  std::uint64_t seen = 0;
  for (std::uint32_t v = 0; v < block.vector_count(); ++v)
    seen = pillar_bench::fold(seen, vector_of(v).values_as<std::uint32_t>(), pillar::vector_rows);
  state.SetLabel(std::to_string(8.0 * static_cast<double>(block.block_bytes()) / block.row_count()) + " bits a value");
  pillar_bench::answer(std::to_string(seen));
}

void sum(benchmark::State& state, const std::string& name) {
  const pillar::block_view& block = block_of(name);
  pillar::int128 total = 0;
  for (auto _ : pillar_bench::timed(state)) {
    total = 0;
    for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
      const pillar::encoded_vector source = block.vector_at(v);
      pillar::int128 one = 0;
      if (!source.operations->sum(source.block, v, nullptr, true, one)) return state.SkipWithError("not summed");
      total += one;
    }
    benchmark::DoNotOptimize(total);
  }
  pillar_bench::per_iteration(state, block.row_count(), block.block_bytes());
  pillar_bench::answer(std::to_string(static_cast<std::uint64_t>(total)));
}

void encode_values(benchmark::State& state, const std::string& name) {
  const column& from = pillar_bench::kept<column>("column " + name, [&] { return column(name); });
  std::uint64_t bytes = 0;
  for (auto _ : pillar_bench::timed(state)) {
    const auto made = pillar::encode_block(from.vectors, from.options);
    if (!made.ok()) return state.SkipWithError("not encoded");
    benchmark::DoNotOptimize(bytes = made->size());
  }
  pillar_bench::per_iteration(state, from.values.size(), sizeof(std::uint32_t) * from.values.size());
  pillar_bench::answer(std::to_string(bytes));
}

const bool registered = [] {
  using benchmark::State;
  for (const std::string name : {"patched", "delta", "run_end_8", "run_end_64"}) {
    benchmark::RegisterBenchmark(("codec/" + name).c_str(), [name](State& state) { decode(state, name); });
    benchmark::RegisterBenchmark(("codec/encode_" + name).c_str(),
                                 [name](State& state) { encode_values(state, name); });
    if (name.rfind("run_end", 0) == 0)
      benchmark::RegisterBenchmark(("codec/" + name + "_sum").c_str(), [name](State& state) { sum(state, name); });
  }
  return true;
}();

}  // namespace
