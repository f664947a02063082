// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "fuzz/fuzz.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace pillar_fuzz {

counters counts;

namespace {

const target targets[] = {
#include "fuzz_targets.inc"
};

const target& chosen() {
  static const target& one = []() -> const target& {
    const char* const wanted = std::getenv("PILLAR_FUZZ_TARGET");
    for (const target& each : targets)
      if (wanted != nullptr && std::strcmp(each.name, wanted) == 0) return each;
    std::fprintf(stderr, "fuzz: PILLAR_FUZZ_TARGET is none of");
    for (const target& each : targets) std::fprintf(stderr, " %s", each.name);
    std::fprintf(stderr, "\n");
    std::exit(2);
  }();
  return one;
}

void print_counts() {
  std::printf(
      "fuzz: %llu executions, %llu accepted (%.2f %%), %llu seeds, at most %llu bytes allocated to open one\n",
      static_cast<unsigned long long>(counts.executions), static_cast<unsigned long long>(counts.accepted),
      100.0 * static_cast<double>(counts.accepted) / static_cast<double>(std::max<std::uint64_t>(counts.executions, 1)),
      static_cast<unsigned long long>(counts.seeds), static_cast<unsigned long long>(counts.most_bytes));
}

}  // namespace

void fail(const char* what, std::uint32_t vector, std::uint32_t row) {
  std::fprintf(stderr, "fuzz: %s: %s, vector %u row %u\n", chosen().name, what, vector, row);
  std::abort();
}

void change_numbers(pillar::splitmix64& random, std::span<std::byte> bytes, std::size_t begin, std::size_t end) {
  if (begin >= end) return;
  for (std::uint64_t change = 0; change <= random.below(3); ++change) {
    const std::size_t at = begin + random.below(end - begin);
    const std::size_t width = std::min<std::size_t>(std::size_t{1} << random.below(4), end - at);
    std::uint64_t value = random();
    switch (random.below(6)) {
      case 0: value &= 0xff; break;
      case 1: value = random.below(20); break;
      case 2: value = ~std::uint64_t{0} << random.below(64); break;
      case 3: {
        std::uint64_t old = 0;
        std::memcpy(&old, bytes.data() + at, width);
        value = old + random.below(5) - 2;
        break;
      }
      case 4:  // a number of the neighbourhood
        std::memcpy(&value, bytes.data() + begin + random.below(end - begin), std::min<std::size_t>(width, 1));
        break;
      default: break;
    }
    std::memcpy(bytes.data() + at, &value, width);
  }
}

std::size_t mutate_anyhow(std::span<std::byte> room, std::size_t size) {
  return LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(room.data()), size, room.size());
}

namespace {
constexpr std::size_t capacity = std::size_t{64} << 10;

std::byte* guarded_end() {
  static std::byte* const end = [] {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* const mapped = mmap(nullptr, capacity + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED || mprotect(static_cast<std::byte*>(mapped) + capacity, page, PROT_NONE) != 0)
      std::abort();
    return static_cast<std::byte*>(mapped) + capacity;
  }();
  return end;
}
}  // namespace

std::span<const std::byte> behind_guard(std::span<const std::byte> bytes) {
  if (bytes.empty() || bytes.size() > capacity) return bytes;
  std::memcpy(guarded_end() - bytes.size(), bytes.data(), bytes.size());
  return {guarded_end() - bytes.size(), bytes.size()};
}

std::span<std::byte> changeable(std::span<const std::byte> bytes) {
  std::byte* const begin = guarded_end() - bytes.size();
  return bytes.data() == begin ? std::span<std::byte>(begin, bytes.size()) : std::span<std::byte>();
}

}  // namespace pillar_fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  (void)pillar_fuzz::chosen();
  std::atexit(pillar_fuzz::print_counts);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pillar_fuzz;
  ++counts.executions;
  const auto bytes = behind_guard({reinterpret_cast<const std::byte*>(data), size});
  if (chosen().is_block) execute_block(chosen(), bytes);
  else execute_file(bytes);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  using namespace pillar_fuzz;
  pillar::splitmix64 random(seed);
  const std::span<std::byte> room(reinterpret_cast<std::byte*>(data), max_size);
  return chosen().is_block ? mutate_block(chosen(), room, size, random) : mutate_file(room, size, random);
}
