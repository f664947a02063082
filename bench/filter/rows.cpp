// SPDX-License-Identifier: Apache-2.0
// The rows of the report: a range test on raw values, on packed fields in blocks, and a set of values on dictionary
// codes, in L2 and from memory; and the packed kernels by width.
//
//   filter/raw_u32_l2, filter/packed_u32_w12_ram, filter/dictionary_l2, …
//   filter/match_w12_l2, filter/match_w12_ram: the kernel alone
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "pillar/base/env.hpp"
#include "pillar/codec/match_scratch.hpp"
#include "pillar/codec/packed.hpp"
#include "pillar/column/builder.hpp"
#include "pillar/filter/match.hpp"
#include "pillar/simd/dispatch.hpp"
#include "pillar/storage/block.hpp"
#include "support/bench.hpp"

namespace {

using pillar::vector_rows;
using pillar_bench::pages;

std::size_t bytes_of(const std::string& where) {
  return where == "ram" ? pillar_bench::ram_bytes() : pillar_bench::l2_bytes;
}

/// u32 values below 1,000.
pages raw_values(std::size_t bytes) {
  pages memory(bytes);
  pillar::splitmix64 random(1);
  for (auto& value : memory.as<std::uint32_t>()) value = static_cast<std::uint32_t>(random.below(1000));
  return memory;
}

void raw_u32(benchmark::State& state, const std::string& where) {
  const pages& memory = pillar_bench::kept<pages>("raw_u32_" + where, [&] { return raw_values(bytes_of(where)); });
  const auto values = memory.as<std::uint32_t>();
  const auto& kernels = pillar::flat_match_kernels_for(pillar::best_arch_level());
  std::uint32_t low = 100, high = 299;
  benchmark::DoNotOptimize(low);
  benchmark::DoNotOptimize(high);
  const pillar::domain test = pillar::integer_range(pillar::physical_type::uint32, low, high);
  pillar::vector view;
  view.type = pillar::type_of<std::uint32_t>;
  view.size = vector_rows;
  std::uint64_t mask[pillar::vector_words];
  for (auto _ : pillar_bench::timed(state))
    for (std::size_t first = 0; first < values.size(); first += vector_rows) {
      view.values = values.data() + first;
      pillar::match(view, test, kernels, mask);
      benchmark::DoNotOptimize(mask);
    }
  pillar_bench::per_iteration(state, values.size(), values.size_bytes());
  std::uint64_t matched = 0;
  for (std::size_t first = 0; first < values.size(); first += vector_rows) {
    view.values = values.data() + first;
    pillar::match(view, test, kernels, mask);
    for (const std::uint64_t word : mask) matched += static_cast<std::uint64_t>(std::popcount(word));
  }
  pillar_bench::answer(std::to_string(matched));
}

/// Copies of a few encoded blocks, side by side until the working set is full.
struct encoded {
  pages memory;
  std::vector<pillar::block_view> blocks;
  std::uint64_t row_count = 0, value_bytes = 0;  // without directories and dictionaries
};

/// `distinct` values: 2^width of them in no order for frames of reference, few and far apart for dictionaries.
encoded encode(std::size_t bytes, pillar::codec_id codec, std::uint64_t distinct, std::uint64_t distance) {
  std::vector<pillar::buffer> originals;
  pillar::splitmix64 random(distinct);
  for (int k = 0; k < 4; ++k) {
    pillar::column_builder builder(pillar::type_of<std::uint32_t>);
    for (std::uint32_t i = 0; i < pillar::block_max_rows; ++i) {
      // The least and the greatest in every vector, so that all are of one width.
      const std::uint64_t number = i % vector_rows < 2 ? (i % 2) * (distinct - 1) : random.below(distinct);
      if (!builder.append_integer(static_cast<std::int64_t>(number * distance)).ok()) std::abort();
    }
    const pillar::column column = *builder.finish();
    std::vector<pillar::vector> vectors;
    for (std::uint64_t at = 0; at < column.size(); at += vector_rows) vectors.push_back(column.slice(at, vector_rows));
    pillar::block_options options;
    options.codec = codec;
    auto made = pillar::encode_block(vectors, options);
    if (!made.ok()) std::abort();
    originals.push_back(*std::move(made));
  }
  const std::size_t block_bytes = (originals[0].size() + 63) / 64 * 64;
  const std::size_t count = std::max<std::size_t>(1, bytes / block_bytes);
  encoded out;
  out.memory = pages(count * block_bytes);
  for (std::size_t k = 0; k < count; ++k) {
    const pillar::buffer& original = originals[k % originals.size()];
    std::byte* const copy = out.memory.data() + k * block_bytes;
    std::memcpy(copy, original.data(), original.size());
    auto opened = pillar::open_block({copy, original.size()});
    if (!opened.ok()) std::abort();
    out.row_count += opened->row_count();
    for (std::uint32_t v = 0; v < opened->vector_count(); ++v) out.value_bytes += opened->encoded_bytes(v);
    out.blocks.push_back(*std::move(opened));
  }
  return out;
}

void match_blocks(benchmark::State& state, const encoded& data, const pillar::domain& test) {
  pillar::match_scratch scratch;
  std::uint64_t mask[pillar::vector_words];
  for (auto _ : pillar_bench::timed(state))
    for (const pillar::block_view& block : data.blocks) {
      scratch.begin_block();
      for (std::uint32_t v = 0; v < block.vector_count(); ++v) {
        const pillar::encoded_vector source = block.vector_at(v);
        const auto answer = source.operations->match(source.block, source.index, test, &scratch, mask);
        if (answer.what != pillar::verdict::some) state.SkipWithError("not matched in encoded form");
        benchmark::DoNotOptimize(mask);
      }
    }
  pillar_bench::per_iteration(state, data.row_count, data.value_bytes);
}

void packed_u32(benchmark::State& state, unsigned width, const std::string& where) {
  const auto& data = pillar_bench::kept<encoded>("packed_u32_" + std::to_string(width) + where, [&] {
    return encode(bytes_of(where), pillar::codec_id::frame_of_reference, std::uint64_t{1} << width, 1);
  });
  std::uint64_t high = pillar::packed_max_field(width) / 3;
  benchmark::DoNotOptimize(high);
  match_blocks(state, data, pillar::integer_range(pillar::physical_type::uint32, 1, high));
}

/// 67 of 200 values that stand far apart, a set of codes that is no range: every third one, or any.
void dictionary(benchmark::State& state, bool regular, const std::string& where) {
  constexpr std::uint64_t distance = 1'000'003;
  const auto& data = pillar_bench::kept<encoded>(
      "dictionary_" + where, [&] { return encode(bytes_of(where), pillar::codec_id::dictionary, 200, distance); });
  std::uint64_t step = 3;
  benchmark::DoNotOptimize(step);
  pillar::domain test = pillar::integer_range(pillar::physical_type::uint32, 0, 0);
  test.kind = pillar::domain_kind::points;
  pillar::splitmix64 random(5);
  for (std::uint64_t k = 0, taken = 0; k < 200; ++k)
    if (regular ? k % step == 0 : random.below(200 - k) < 67 - taken) {
      test.integers.push_back(static_cast<pillar::int128>(k * distance));
      ++taken;
    }
  match_blocks(state, data, test);
}

void match_kernel(benchmark::State& state, unsigned width, const std::string& where) {
  const pages& memory = pillar_bench::kept<pages>("packed_bytes_" + where, [&] {
    pages made(bytes_of(where));
    pillar::splitmix64 random(7);
    for (auto& word : made.as<std::uint64_t>()) word = random();  // any bytes are packed fields
    return made;
  });
  const auto kernel = pillar::packed_kernels_for(pillar::best_arch_level()).match_range[width];
  const std::size_t bytes = pillar::packed_bytes(width);
  const std::size_t count = memory.size() / std::max<std::size_t>(bytes, 128);
  std::uint64_t low = width == 0 ? 0 : 1, high = std::max(low, pillar::packed_max_field(width) / 3);
  if (width == 0) high = 0;
  benchmark::DoNotOptimize(low);
  benchmark::DoNotOptimize(high);
  std::uint64_t mask[pillar::vector_words];
  for (auto _ : pillar_bench::timed(state))
    for (std::size_t v = 0; v < count; ++v) {
      kernel(memory.data() + v * bytes, low, high, mask);
      benchmark::DoNotOptimize(mask);
    }
  pillar_bench::per_iteration(state, count * vector_rows, count * bytes);
}

const bool registered = [] {
  using benchmark::RegisterBenchmark;
  for (const std::string where : {"l2", "ram"}) {
    RegisterBenchmark(("filter/raw_u32_" + where).c_str(), raw_u32, where);
    for (const unsigned width : {3u, 12u, 20u})
      RegisterBenchmark(("filter/packed_u32_w" + std::to_string(width) + '_' + where).c_str(), packed_u32, width,
                        where);
    RegisterBenchmark(("filter/dictionary_" + where).c_str(), dictionary, true, where);
    RegisterBenchmark(("filter/dictionary_any_" + where).c_str(), dictionary, false, where);
    for (unsigned width = 0; width <= 32; ++width)
      RegisterBenchmark(("filter/match_w" + std::to_string(width) + '_' + where).c_str(), match_kernel, width, where);
  }
  return true;
}();

}  // namespace
