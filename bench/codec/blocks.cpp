// SPDX-License-Identifier: Apache-2.0
// Opening blocks of 65,536 rows in cache: what validation costs beside decoding the same block, and what verifying the
// checksum costs.
//
//   codec/validate_frame_of_reference, codec/validate_dictionary   values/s of open_block without the checksum
//   codec/decode_block_frame_of_reference, …                       values/s of decoding the block that was opened
//   codec/checksum                                                 bytes/s of opening a stored block with its checksum
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/storage/block.hpp"
#include "support/bench.hpp"

namespace {

/// 300 different integers in no order, as every codec for integers takes them; `rows` of 8 bytes.
pillar::buffer encoded(pillar::codec_id codec, std::uint32_t rows) {
  pillar::splitmix64 random(1);
  pillar::column_builder builder(pillar::type_of<std::int64_t>);
  for (std::uint32_t i = 0; i < rows; ++i)
    if (!builder.append_integer(static_cast<std::int64_t>(random.below(300)) * 1000).ok()) std::abort();
  const pillar::column column = *builder.finish();
  std::vector<pillar::vector> vectors;
  for (std::uint64_t at = 0; at < column.size(); at += pillar::vector_rows)
    vectors.push_back(column.slice(at, pillar::vector_rows));
  pillar::block_options options;
  options.codec = codec;
  auto made = pillar::encode_block(vectors, options);
  if (!made.ok()) std::abort();
  return *std::move(made);
}
const pillar::buffer& block_of(pillar::codec_id codec, std::uint32_t rows = pillar::block_max_rows) {
  return pillar_bench::kept<pillar::buffer>(std::string("block ") + to_string(codec),
                                            [&] { return encoded(codec, rows); });
}

void open(benchmark::State& state, const pillar::buffer& bytes, bool verify_checksum) {
  std::uint32_t rows = 0;
  for (auto _ : pillar_bench::timed(state)) {
    const auto block = pillar::open_block(bytes.bytes(), {}, verify_checksum);
    if (!block.ok()) return state.SkipWithError("not opened");
    benchmark::DoNotOptimize(rows = block->row_count());
  }
  pillar_bench::per_iteration(state, rows, bytes.size());
  pillar_bench::answer(std::to_string(rows));
}

void decode(benchmark::State& state, pillar::codec_id codec) {
  const auto block = pillar::open_block(block_of(codec).bytes());
  if (!block.ok()) return state.SkipWithError("not opened");
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  for (auto _ : pillar_bench::timed(state))
    for (std::uint32_t v = 0; v < block->vector_count(); ++v) {
      const pillar::encoded_vector source = block->vector_at(v);
      pillar::vector out;
      static_cast<void>(source.decode(*scratch, out));
      benchmark::DoNotOptimize(out.values);
      benchmark::ClobberMemory();
    }
  pillar_bench::per_iteration(state, block->row_count(), block->block_bytes());
  pillar_bench::answer(std::to_string(block->row_count()));
}

const bool registered = [] {
  using benchmark::State;
  for (const auto codec : {pillar::codec_id::frame_of_reference, pillar::codec_id::dictionary}) {
    const std::string name = to_string(codec);
    benchmark::RegisterBenchmark(("codec/validate_" + name).c_str(),
                                 [codec](State& state) { open(state, block_of(codec), false); });
    benchmark::RegisterBenchmark(("codec/decode_block_" + name).c_str(),
                                 [codec](State& state) { decode(state, codec); });
  }
  benchmark::RegisterBenchmark("codec/checksum", [](State& state) {
    open(state, block_of(pillar::codec_id::raw, pillar_bench::l2_bytes / sizeof(std::int64_t)), true);
  });
  return true;
}();

}  // namespace
