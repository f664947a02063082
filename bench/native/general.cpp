// SPDX-License-Identifier: Apache-2.0
// The values of bench/codec/integers.cpp and the texts of text.cpp by a general compressor, zstd at level 1 or lz4:
// blocks of 65,536 values are compressed as they lie and decompressed whole, their best way.
#include <span>
#include <string>
#include <vector>

#include "codec/integer_values.hpp"
#include "codec/text_values.hpp"
#include "support/bench.hpp"
#ifdef PILLAR_BENCH_LZ4
#include <lz4.h>
#else
#include <zstd.h>
#endif

namespace {

#ifdef PILLAR_BENCH_LZ4
std::vector<char> compress(std::span<const std::byte> from) {
  const int size = static_cast<int>(from.size());
  std::vector<char> out(static_cast<std::size_t>(LZ4_compressBound(size)));
  out.resize(static_cast<std::size_t>(LZ4_compress_default(reinterpret_cast<const char*>(from.data()), out.data(), size,
                                                           static_cast<int>(out.size()))));
  return out;
}
bool restore(const std::vector<char>& from, std::span<std::byte> out) {
  return LZ4_decompress_safe(from.data(), reinterpret_cast<char*>(out.data()), static_cast<int>(from.size()),
                             static_cast<int>(out.size())) == static_cast<int>(out.size());
}
#else
std::vector<char> compress(std::span<const std::byte> from) {
  std::vector<char> out(ZSTD_compressBound(from.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), from.data(), from.size(), 1));
  return out;
}
bool restore(const std::vector<char>& from, std::span<std::byte> out) {
  static ZSTD_DCtx* const context = ZSTD_createDCtx();
  return ZSTD_decompressDCtx(context, out.data(), out.size(), from.data(), from.size()) == out.size();
}
#endif

void decode(benchmark::State& state, const std::string& name) {
  const auto& from = pillar_bench::kept<std::vector<char>>(name, [&] {
    const auto values = pillar_bench::integer_values(name);
    return compress(std::as_bytes(std::span(values)));
  });
  std::vector<std::uint32_t> out(pillar_bench::integer_rows);
  for (auto _ : pillar_bench::timed(state)) {
    if (!restore(from, std::as_writable_bytes(std::span(out)))) return state.SkipWithError("not restored");
    benchmark::ClobberMemory();
  }
  pillar_bench::per_iteration(state, out.size(), from.size());
  pillar_bench::answer(std::to_string(pillar_bench::fold(0, out.data(), out.size())));
}

void decode_texts(benchmark::State& state) {
  const auto& texts =
      pillar_bench::kept<pillar_bench::text_values>("texts", [] { return pillar_bench::comments_of_block(1); });
  if (texts.rows.size() != pillar_bench::text_block_rows) return state.SkipWithError("no TPC-H: ./dev bench makes it");
  const auto from = compress(std::as_bytes(std::span(texts.characters)));
  std::vector<std::byte> out(texts.characters.size());
  for (auto _ : pillar_bench::timed(state)) {
    if (!restore(from, out)) return state.SkipWithError("not restored");
    benchmark::ClobberMemory();
  }
  pillar_bench::per_iteration(state, texts.rows.size(), out.size());
  const auto last = static_cast<std::size_t>(texts.rows[texts.rows.size() - 1024].data() - texts.characters.data());
  pillar_bench::answer(std::to_string(pillar_bench::fold_characters(out.data() + last, out.size() - last)));
}

const bool registered = [] {
  for (const std::string name : {"patched", "delta", "run_end_8", "run_end_64"})
    benchmark::RegisterBenchmark(("codec/" + name).c_str(), [name](benchmark::State& state) { decode(state, name); });
  benchmark::RegisterBenchmark("codec/text_symbols", decode_texts);
  return true;
}();

}  // namespace
