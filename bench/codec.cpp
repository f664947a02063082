// SPDX-License-Identifier: Apache-2.0
// Codecs one vector at a time, in cache: unpacking, matching and summing packed fields by width, whole blocks of each
// codec, and choosing and encoding.
//
//   codec/unpack_u32_w12   values/s into the lanes of the width, or widened to uint32 with a base
//   codec/match_w12        values/s of a range test on packed fields
//   codec/sum_w12
//   codec/decode_<codec>, codec/encode_chosen_int64
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/simd/dispatch.hpp"
#include "pillar/storage/block.hpp"

namespace {

constexpr std::size_t vectors_in_cache = 64;  // 64 Ki values

/// Packed vectors of random fields, one after the other.
std::vector<std::byte> packed_vectors(const pillar::packed_table& kernels, unsigned width) {
  pillar::splitmix64 random(width);
  std::vector<std::byte> out(vectors_in_cache * pillar::packed_bytes(width) + 64);
  alignas(64) std::uint64_t lanes[pillar::vector_rows];
  for (std::size_t v = 0; v < vectors_in_cache; ++v) {
    for (auto& word : lanes) word = random();  // pack ignores the bits above the width
    kernels.pack[width](lanes, out.data() + v * pillar::packed_bytes(width));
  }
  return out;
}

void count_values(benchmark::State& state, std::size_t per_round) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * per_round));
}

void unpack_u32(benchmark::State& state) {
  const auto& kernels = pillar::packed_kernels_for(pillar::best_arch_level());
  const auto width = static_cast<unsigned>(state.range(0));
  const auto packed = packed_vectors(kernels, width);
  alignas(64) std::uint32_t out[pillar::vector_rows];
  for (auto _ : state)
    for (std::size_t v = 0; v < vectors_in_cache; ++v) {
      pillar::unpack_add<std::uint32_t>(kernels, width, packed.data() + v * pillar::packed_bytes(width), out, 7);
      benchmark::DoNotOptimize(out[v]);
    }
  count_values(state, vectors_in_cache * pillar::vector_rows);
}
BENCHMARK(unpack_u32)->Name("codec/unpack_u32_w")->Arg(3)->Arg(7)->Arg(12)->Arg(20)->Arg(31);

void match(benchmark::State& state) {
  const auto& kernels = pillar::packed_kernels_for(pillar::best_arch_level());
  const auto width = static_cast<unsigned>(state.range(0));
  const auto packed = packed_vectors(kernels, width);
  std::uint64_t high = pillar::packed_max_field(width) / 3;  // a third of the values; opaque to the compiler
  benchmark::DoNotOptimize(high);
  std::uint64_t mask[pillar::vector_words];
  for (auto _ : state)
    for (std::size_t v = 0; v < vectors_in_cache; ++v) {
      kernels.match_range[width](packed.data() + v * pillar::packed_bytes(width), 1, high, mask);
      benchmark::DoNotOptimize(mask[v % pillar::vector_words]);
    }
  count_values(state, vectors_in_cache * pillar::vector_rows);
}
BENCHMARK(match)->Name("codec/match_w")->Arg(3)->Arg(7)->Arg(12)->Arg(20)->Arg(40);

void sum(benchmark::State& state) {
  const auto& kernels = pillar::packed_kernels_for(pillar::best_arch_level());
  const auto width = static_cast<unsigned>(state.range(0));
  const auto packed = packed_vectors(kernels, width);
  for (auto _ : state)
    for (std::size_t v = 0; v < vectors_in_cache; ++v) {
      auto total = kernels.sum[width](packed.data() + v * pillar::packed_bytes(width));
      benchmark::DoNotOptimize(total);
    }
  count_values(state, vectors_in_cache * pillar::vector_rows);
}
BENCHMARK(sum)->Name("codec/sum_w")->Arg(3)->Arg(12)->Arg(20);

/// 65,536 integers with 300 different values: every codec but constant takes them.
pillar::column integers() {
  pillar::splitmix64 random(1);
  pillar::column_builder builder(pillar::type_of<std::int64_t>);
  for (std::uint32_t i = 0; i < pillar::block_max_rows; ++i)
    if (!builder.append_integer(static_cast<std::int64_t>(random.below(300)) * 1000).ok()) std::abort();
  return *builder.finish();
}
std::vector<pillar::vector> vectors_of(const pillar::column& column) {
  std::vector<pillar::vector> out;
  for (std::uint64_t at = 0; at < column.size(); at += pillar::vector_rows)
    out.push_back(column.slice(at, pillar::vector_rows));
  return out;
}

void decode(benchmark::State& state, pillar::codec_id codec) {
  const pillar::column column = integers();
  pillar::block_options options;
  options.codec = codec;
  const auto bytes = pillar::encode_block(vectors_of(column), options);
  if (!bytes.ok()) std::abort();
  const auto block = pillar::open_block(bytes->bytes());
  if (!block.ok()) std::abort();
  static_assert(alignof(pillar::vector_scratch) == 64);
  const auto scratch = std::make_unique<pillar::vector_scratch>();
  for (auto _ : state)
    for (std::uint32_t v = 0; v < block->vector_count(); ++v) {
      const pillar::encoded_vector source = block->vector_at(v);
      pillar::vector out;
      static_cast<void>(source.decode(*scratch, out));
      benchmark::DoNotOptimize(out.values);
    }
  count_values(state, pillar::block_max_rows);
}
BENCHMARK_CAPTURE(decode, raw, pillar::codec_id::raw)->Name("codec/decode_raw");
BENCHMARK_CAPTURE(decode, frame_of_reference, pillar::codec_id::frame_of_reference)
    ->Name("codec/decode_frame_of_reference");
BENCHMARK_CAPTURE(decode, dictionary, pillar::codec_id::dictionary)->Name("codec/decode_dictionary");

void encode(benchmark::State& state) {
  const pillar::column column = integers();
  const auto vectors = vectors_of(column);
  for (auto _ : state) {
    auto bytes = pillar::encode_block(vectors);
    if (!bytes.ok()) std::abort();
    benchmark::DoNotOptimize(bytes->data());
  }
  count_values(state, pillar::block_max_rows);
}
BENCHMARK(encode)->Name("codec/encode_chosen_int64");

}  // namespace
