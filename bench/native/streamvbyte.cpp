// SPDX-License-Identifier: Apache-2.0
// The values of codec/unpack_u32_w12_l2 (bench/codec/rows.cpp), codec/patched and codec/delta by streamvbyte: encoded
// in bytes of variable number, sorted ones as differences, decoded a vector of 1,024 at a time. Its encoded bytes are
// more than ours.
#include <streamvbyte.h>
#include <streamvbytedelta.h>

#include <numeric>
#include <string>
#include <vector>

#include <pillar/base/env.hpp>
#include <pillar/codec/packed.hpp>
#include <pillar/simd/dispatch.hpp>

#include "codec/integer_values.hpp"
#include "support/bench.hpp"

namespace {

struct encoded {
  std::vector<std::vector<std::uint8_t>> vectors;
  std::uint64_t bytes = 0;
};

/// The same fields as ours, and the base that ours adds while unpacking.
encoded encode(unsigned width) {
  const std::size_t bytes = pillar::packed_bytes(width), count = pillar_bench::l2_bytes / bytes;
  std::vector<std::uint64_t> words(pillar_bench::l2_bytes / 8);
  pillar::splitmix64 random(7);
  for (auto& word : words) word = random();
  const auto& kernels = pillar::packed_kernels_for(pillar::best_arch_level());
  encoded out;
  for (std::size_t v = 0; v < count; ++v) {
    std::uint32_t values[pillar::packed_values];
    pillar::unpack_add<std::uint32_t>(kernels, width, reinterpret_cast<const std::byte*>(words.data()) + v * bytes,
                                      values, 7);
    std::vector<std::uint8_t> made(streamvbyte_max_compressedbytes(pillar::packed_values) + 64);  // it reads ahead
    out.bytes += streamvbyte_encode(values, pillar::packed_values, made.data());
    out.vectors.push_back(std::move(made));
  }
  return out;
}

void decode(benchmark::State& state) {
  const auto& from = pillar_bench::kept<encoded>("w12", [] { return encode(12); });
  alignas(64) std::uint32_t out[2 * pillar::packed_values];
  for (auto _ : pillar_bench::timed(state))
    for (std::size_t v = 0; v < from.vectors.size(); ++v) {
      streamvbyte_decode(from.vectors[v].data(), out + (v % 2) * pillar::packed_values, pillar::packed_values);
      benchmark::ClobberMemory();
    }
  benchmark::DoNotOptimize(out);
  pillar_bench::per_iteration(state, from.vectors.size() * pillar::packed_values, from.bytes);
  std::uint64_t sum = 0;
  for (const auto& vector : from.vectors) {
    streamvbyte_decode(vector.data(), out, pillar::packed_values);
    sum = std::accumulate(out, out + pillar::packed_values, sum);
  }
  pillar_bench::answer(std::to_string(sum));
}
BENCHMARK(decode)->Name("codec/unpack_u32_w12_l2");

encoded encode_values(const std::string& name) {
  const std::vector<std::uint32_t> values = pillar_bench::integer_values(name);
  encoded out;
  for (std::size_t at = 0; at < values.size(); at += pillar::packed_values) {
    std::vector<std::uint8_t> made(streamvbyte_max_compressedbytes(pillar::packed_values) + 64);
    const std::uint32_t* from = values.data() + at;
    out.bytes += name == "delta"
                     ? streamvbyte_delta_encode(from, pillar::packed_values, made.data(), at == 0 ? 0 : from[-1])
                     : streamvbyte_encode(from, pillar::packed_values, made.data());
    out.vectors.push_back(std::move(made));
  }
  return out;
}

void decode_values(benchmark::State& state, const std::string& name) {
  const auto& from = pillar_bench::kept<encoded>(name, [&] { return encode_values(name); });
  alignas(64) std::uint32_t out[pillar::packed_values];
  const auto all = [&](auto&& use) {
    std::uint32_t last = 0;
    for (const auto& vector : from.vectors) {
      if (name == "delta") streamvbyte_delta_decode(vector.data(), out, pillar::packed_values, last);
      else streamvbyte_decode(vector.data(), out, pillar::packed_values);
      last = out[pillar::packed_values - 1];
      use();
    }
  };
  for (auto _ : pillar_bench::timed(state)) all([] { benchmark::ClobberMemory(); });
  pillar_bench::per_iteration(state, from.vectors.size() * pillar::packed_values, from.bytes);
  std::uint64_t seen = 0;
  all([&] { seen = pillar_bench::fold(seen, out, pillar::packed_values); });
  pillar_bench::answer(std::to_string(seen));
}
BENCHMARK_CAPTURE(decode_values, patched, "patched")->Name("codec/patched");
BENCHMARK_CAPTURE(decode_values, delta, "delta")->Name("codec/delta");
}  // namespace
