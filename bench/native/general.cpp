// SPDX-License-Identifier: Apache-2.0
// The values of bench/codec/integers.cpp by a general compressor, zstd at level 1 or lz4: blocks of 65,536 values are
// compressed as they lie and decompressed whole, their best way.
#include <string>
#include <vector>

#include "codec/integer_values.hpp"
#include "support/bench.hpp"
#ifdef PILLAR_BENCH_LZ4
#include <lz4.h>
#else
#include <zstd.h>
#endif

namespace {

constexpr std::size_t raw_bytes = sizeof(std::uint32_t) * pillar_bench::integer_rows;

#ifdef PILLAR_BENCH_LZ4
std::vector<char> compress(const std::vector<std::uint32_t>& values) {
  std::vector<char> out(static_cast<std::size_t>(LZ4_compressBound(raw_bytes)));
  out.resize(static_cast<std::size_t>(LZ4_compress_default(reinterpret_cast<const char*>(values.data()), out.data(),
                                                           raw_bytes, static_cast<int>(out.size()))));
  return out;
}
bool restore(const std::vector<char>& from, std::uint32_t* out) {
  return LZ4_decompress_safe(from.data(), reinterpret_cast<char*>(out), static_cast<int>(from.size()), raw_bytes) ==
         static_cast<int>(raw_bytes);
}
#else
std::vector<char> compress(const std::vector<std::uint32_t>& values) {
  std::vector<char> out(ZSTD_compressBound(raw_bytes));
  out.resize(ZSTD_compress(out.data(), out.size(), values.data(), raw_bytes, 1));
  return out;
}
bool restore(const std::vector<char>& from, std::uint32_t* out) {
  static ZSTD_DCtx* const context = ZSTD_createDCtx();
  return ZSTD_decompressDCtx(context, out, raw_bytes, from.data(), from.size()) == raw_bytes;
}
#endif

void decode(benchmark::State& state, const std::string& name) {
  const auto& from =
      pillar_bench::kept<std::vector<char>>(name, [&] { return compress(pillar_bench::integer_values(name)); });
  std::vector<std::uint32_t> out(pillar_bench::integer_rows);
  for (auto _ : pillar_bench::timed(state)) {
    if (!restore(from, out.data())) return state.SkipWithError("not restored");
    benchmark::ClobberMemory();
  }
  pillar_bench::per_iteration(state, out.size(), from.size());
  pillar_bench::answer(std::to_string(pillar_bench::fold(0, out.data(), out.size())));
}

const bool registered = [] {
  for (const std::string name : {"patched", "delta", "run_end_8", "run_end_64"})
    benchmark::RegisterBenchmark(("codec/" + name).c_str(), [name](benchmark::State& state) { decode(state, name); });
  return true;
}();

}  // namespace
