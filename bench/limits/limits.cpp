// SPDX-License-Identifier: Apache-2.0
// What the machine can do at best: kernels that read, write or copy a working set and nothing else, in several ways,
// since no one way is the best on every core. A row's limit is the best of its group: limits/<what>_<where>/<how>.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>

#include "support/bench.hpp"

namespace {

// One register of the widest level that the program is compiled for; unaligned and aliasing like memcpy.
#if defined(__AVX512F__)
constexpr std::size_t lane_bytes = 64;
#elif defined(__AVX__)
constexpr std::size_t lane_bytes = 32;
#else
constexpr std::size_t lane_bytes = 16;
#endif
using lanes [[gnu::vector_size(lane_bytes), gnu::may_alias]] = std::uint64_t;
constexpr std::size_t step = 8 * lane_bytes;  // every kernel handles this much per turn

/// Additions in Streams registers, one run through memory.
template <int Streams>
std::uint64_t sum(const std::byte* from, std::size_t bytes) {
  lanes totals[Streams] = {};
  for (std::size_t at = 0; at < bytes; at += Streams * lane_bytes)
    for (int k = 0; k < Streams; ++k)
      totals[k] += *reinterpret_cast<const lanes*>(from + at + static_cast<std::size_t>(k) * lane_bytes);
  lanes all = totals[0];
  for (int k = 1; k < Streams; ++k) all += totals[k];
  return all[0] ^ all[lane_bytes / 8 - 1];
}

/// ORs of Streams equal parts of the working set side by side: more requests of the prefetchers are in flight.
template <int Streams>
std::uint64_t or_streams(const std::byte* from, std::size_t bytes) {
  lanes totals[Streams] = {};
  const std::size_t part = bytes / Streams;
  for (std::size_t at = 0; at < part; at += 2 * lane_bytes)
    for (int k = 0; k < Streams; ++k) {
      const auto* two = reinterpret_cast<const lanes*>(from + static_cast<std::size_t>(k) * part + at);
      totals[k] |= two[0] | two[1];
    }
  lanes all = totals[0];
  for (int k = 1; k < Streams; ++k) all |= totals[k];
  return all[0] ^ all[lane_bytes / 8 - 1];
}

/// One XOR chain per register, with a software prefetch per cache line, a page fraction ahead.
std::uint64_t prefetched(const std::byte* from, std::size_t bytes) {
  constexpr std::size_t ahead = 2048;
  lanes totals[8] = {};
  for (std::size_t at = 0; at < bytes; at += step) {
    for (std::size_t line = 0; line < step; line += 64)
      __builtin_prefetch(from + std::min(at + ahead, bytes - step) + line, 0, 3);
    for (int k = 0; k < 8; ++k)
      totals[k] ^= *reinterpret_cast<const lanes*>(from + at + static_cast<std::size_t>(k) * lane_bytes);
  }
  lanes all = totals[0];
  for (int k = 1; k < 8; ++k) all ^= totals[k];
  return all[0] ^ all[lane_bytes / 8 - 1];
}

void store_wide(std::byte* to, std::size_t bytes) {
  lanes value = {};
  value += 7;
  for (std::size_t at = 0; at < bytes; at += step)
    for (std::size_t k = 0; k < 8; ++k) *reinterpret_cast<lanes*>(to + at + k * lane_bytes) = value;
}
void store_memset(std::byte* to, std::size_t bytes) { std::memset(to, 7, bytes); }
void store_streams(std::byte* to, std::size_t bytes) {
  lanes value = {};
  value += 7;
  const std::size_t part = bytes / 4;
  for (std::size_t at = 0; at < part; at += 2 * lane_bytes)
    for (std::size_t k = 0; k < 4; ++k) {
      auto* two = reinterpret_cast<lanes*>(to + k * part + at);
      two[0] = two[1] = value;
    }
}

/// One buffer serves all cases of a working set.
std::byte* working_set(std::size_t bytes) {
  return pillar_bench::kept<pillar_bench::pages>("limits/" + std::to_string(bytes),
                                                 [&] { return pillar_bench::pages(bytes); })
      .data();
}

/// Small working sets are gone through several times per iteration, so that the loop around them costs nothing.
std::size_t turns(std::size_t bytes) { return std::max<std::size_t>(1, (std::size_t{1} << 20) / bytes); }

template <class Kernel>
void add(const std::string& group, const std::string& where, std::size_t bytes, const char* how, Kernel kernel) {
  benchmark::RegisterBenchmark(("limits/" + group + "_" + where + "/" + how).c_str(),
                               [bytes, kernel](benchmark::State& state) {
                                 std::byte* memory = working_set(bytes);
                                 const std::size_t count = turns(bytes);
                                 for (auto _ : pillar_bench::timed(state))
                                   for (std::size_t k = 0; k < count; ++k) kernel(memory, bytes);
                                 pillar_bench::per_iteration(state, count * bytes / 8, count * bytes);
                               });
}
template <class Kernel>
void add_read(const std::string& where, std::size_t bytes, const char* how, Kernel kernel) {
  add("read", where, bytes, how, [kernel](std::byte* memory, std::size_t size) {
    benchmark::DoNotOptimize(memory);
    benchmark::DoNotOptimize(kernel(memory, size));
  });
}
template <class Kernel>
void add_store(const std::string& where, std::size_t bytes, const char* how, Kernel kernel) {
  add("store", where, bytes, how, [kernel](std::byte* memory, std::size_t size) {
    kernel(memory, size);
    benchmark::DoNotOptimize(memory);
    benchmark::ClobberMemory();
  });
}

const bool registered = [] {
  const std::pair<const char*, std::size_t> places[] = {
      {"l1", pillar_bench::l1_bytes}, {"l2", pillar_bench::l2_bytes}, {"ram", pillar_bench::ram_bytes()}};
  for (const auto& [where, bytes] : places) {
    add_read(where, bytes, "sum_4", sum<4>);
    add_read(where, bytes, "sum_8", sum<8>);
    add_read(where, bytes, "or_8_streams", or_streams<8>);
    add_read(where, bytes, "or_4_streams", or_streams<4>);
    add_read(where, bytes, "xor_prefetched", prefetched);
    add_store(where, bytes, "wide", store_wide);
    add_store(where, bytes, "memset", store_memset);
    add_store(where, bytes, "4_streams", store_streams);
    // Half of the working set into the other half; counted are the bytes read.
    add("copy", where, bytes / 2, "memcpy", [](std::byte* memory, std::size_t size) {
      std::memcpy(memory + size, memory, size);
      benchmark::DoNotOptimize(memory);
      benchmark::ClobberMemory();
    });
  }
  return true;
}();

}  // namespace
