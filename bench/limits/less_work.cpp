// SPDX-License-Identifier: Apache-2.0
// Kernels that do strictly less than one of ours on the same bytes, vector by vector of 1,024 values, and store as
// much: what is left of the machine's limit once there is anything to compute. A row names its group in `less_work`.
//
//   limits/less_masks_raw_ram   every register compared once, all folded into one, 16 mask words stored: no bit of a
//   mask limits/less_masks_w12_ram   is made or put in order, no field is shifted or put together
//   limits/less_table_w8_ram    every code looked up once in 16 entries, folded as above: ours needs three look-ups
//   limits/less_widen_w12_l1    to u32 by one shift and one widening: no field is put together or masked
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "pillar/codec/packed.hpp"
#include "support/bench.hpp"

namespace {

using pillar::packed_values;

#if defined(__AVX512BW__)
constexpr std::size_t lane_bytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t lane_bytes = 32;
#else
constexpr std::size_t lane_bytes = 16;
#endif
template <class T>
using lanes [[gnu::vector_size(lane_bytes), gnu::may_alias, gnu::aligned(1)]] = T;
using words = lanes<std::uint64_t>;

/// 16 words from one register.
void store_mask(const words& folded, std::uint64_t* mask) {
  for (std::size_t w = 0; w < 16; w += lane_bytes / 8) std::memcpy(mask + w, &folded, lane_bytes);
}

template <std::size_t Ahead>
void prefetch(const std::byte* at) {
  if constexpr (Ahead != 0)
    for (std::size_t line = 0; line < 128; line += 64)
      __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(at) + Ahead + line), 0, 2);
}

/// Ahead: bytes that every line is asked for in advance, where that is not 0. Requires: bytes is a multiple of 128
template <class Lane, std::size_t Ahead>
void compare_vector(const std::byte* vector, std::size_t bytes, const lanes<Lane>& limit, std::uint64_t* mask) {
  constexpr std::size_t count = 128 / lane_bytes;
  lanes<Lane> folded[count] = {};
  for (std::size_t at = 0; at < bytes; at += 128) {
    prefetch<Ahead>(vector + at);
    for (std::size_t k = 0; k < count; ++k)
      folded[k] |= *reinterpret_cast<const lanes<Lane>*>(vector + at + k * lane_bytes) > limit;
  }
  words all = {};
  for (const auto& each : folded) all |= reinterpret_cast<const words&>(each);
  store_mask(all, mask);
}

/// Lane: signed, since that is one instruction on every level.
template <class Lane, std::size_t VectorBytes, std::size_t Ahead>
void compare(const std::byte* from, std::size_t count) {
  alignas(64) std::uint64_t mask[16];
  lanes<Lane> limit = {};
  limit += 100;
  benchmark::DoNotOptimize(limit);
  for (std::size_t v = 0; v < count; ++v) {
    compare_vector<Lane, Ahead>(from + v * VectorBytes, VectorBytes, limit, mask);
    benchmark::DoNotOptimize(mask);
  }
}

#if defined(__AVX2__)
words look_up(const words& table, const words& codes) {
#if defined(__AVX512BW__)
  return reinterpret_cast<words>(
      _mm512_shuffle_epi8(reinterpret_cast<const __m512i&>(table), reinterpret_cast<const __m512i&>(codes)));
#else
  return reinterpret_cast<words>(
      _mm256_shuffle_epi8(reinterpret_cast<const __m256i&>(table), reinterpret_cast<const __m256i&>(codes)));
#endif
}

template <std::size_t Ahead>
void table(const std::byte* from, std::size_t count) {
  constexpr std::size_t registers = 128 / lane_bytes;
  alignas(64) std::uint64_t mask[16];
  words entries = {};
  entries += 0x0102040810204080u;
  benchmark::DoNotOptimize(entries);
  for (std::size_t v = 0; v < count; ++v) {
    words folded[registers] = {};
    for (std::size_t at = v * packed_values; at < (v + 1) * packed_values; at += 128) {
      prefetch<Ahead>(from + at);
      for (std::size_t k = 0; k < registers; ++k)
        folded[k] |= look_up(entries, *reinterpret_cast<const words*>(from + at + k * lane_bytes));
    }
    words all = {};
    for (const words& each : folded) all |= each;
    store_mask(all, mask);
    benchmark::DoNotOptimize(mask);
  }
}
#endif

#if defined(__AVX2__)
/// Half a register of u16 to one of u32, and a shift.
void widen_register(const void* from, std::uint32_t* to) {
#if defined(__AVX512BW__)
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(from)));
  _mm512_storeu_si512(to, _mm512_srli_epi32(wide, 4));
#else
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(static_cast<const __m128i*>(from)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_srli_epi32(wide, 4));
#endif
}

void widen(const std::byte* from, std::size_t count) {
  constexpr unsigned width = 12;
  constexpr std::size_t step = lane_bytes / 4;  // values
  alignas(64) static std::uint32_t out[2 * packed_values];
  for (std::size_t v = 0; v < count; ++v) {
    const std::byte* const packed = from + v * pillar::packed_bytes(width);
    std::uint32_t* const to = out + v % 2 * packed_values;
    for (unsigned row = 0; row < 16; ++row)
      for (std::size_t column = 0; column < 64; column += step)
        widen_register(packed + 128 * (row * width / 16) + 2 * column, to + 64 * row + column);
    benchmark::ClobberMemory();
  }
}
#endif

/// Kernel: (bytes, vectors of them).
void add(const std::string& name, std::size_t working_set, std::size_t vector_bytes, std::size_t counted_bytes,
         void (*kernel)(const std::byte*, std::size_t)) {
  benchmark::RegisterBenchmark(("limits/less_" + name).c_str(), [=](benchmark::State& state) {
    const auto& memory = pillar_bench::kept<pillar_bench::pages>("less/" + std::to_string(working_set), [&] {
      pillar_bench::pages made(working_set);
      std::uint64_t next = 1;
      for (auto& word : made.as<std::uint64_t>()) word = next = next * 0x5851f42d4c957f2du + 1;
      return made;
    });
    const std::size_t count = working_set / vector_bytes;
    const std::size_t turns = std::max<std::size_t>(1, (std::size_t{1} << 20) / working_set);
    for (auto _ : pillar_bench::timed(state))
      for (std::size_t k = 0; k < turns; ++k) kernel(memory.data(), count);
    pillar_bench::per_iteration(state, turns * count * packed_values, turns * count * counted_bytes);
  });
}

const bool registered = [] {
  const std::pair<std::string, std::size_t> places[] = {{"_l2", pillar_bench::l2_bytes},
                                                        {"_ram", pillar_bench::ram_bytes()}};
  for (const auto& [where, bytes] : places) {
    add("masks_raw" + where + "/compare", bytes, 4096, 4096, compare<std::int32_t, 4096, 0>);
    add("masks_raw" + where + "/compare_ahead", bytes, 4096, 4096, compare<std::int32_t, 4096, 512>);
    add("masks_w3" + where + "/compare", bytes, 384, 384, compare<std::int8_t, 384, 0>);
    add("masks_w3" + where + "/compare_ahead", bytes, 384, 384, compare<std::int8_t, 384, 768>);
    add("masks_w12" + where + "/compare", bytes, 1536, 1536, compare<std::int16_t, 1536, 0>);
    add("masks_w12" + where + "/compare_ahead", bytes, 1536, 1536, compare<std::int16_t, 1536, 768>);
#if defined(__AVX2__)
    add("table_w8" + where + "/shuffle", bytes, 1024, 1024, table<0>);
    add("table_w8" + where + "/shuffle_ahead", bytes, 1024, 1024, table<1024>);
    add("widen_w12" + where + "/convert", bytes, 1536, 1536, widen);
#endif
  }
  // In L1 the bytes counted are those stored, as in the rows of unpacking.
#if defined(__AVX2__)
  add("widen_w12_l1/convert", 3072, 1536, 4096, widen);
#endif
  return true;
}();

}  // namespace
