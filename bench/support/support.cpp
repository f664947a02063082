// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <list>
#include <new>
#include <utility>

#include "pillar/base/env.hpp"
#include "support/bench.hpp"
#include "support/serve.hpp"

namespace pillar_bench {

namespace detail {
std::uint64_t extra_adds = 0;
std::string last_answer;

/// Sets are made again in each pass of a run where they are not kept; the largest take 512 MiB.
static std::size_t kept_at_most() {
  const auto bytes = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  return bytes >= 16e9 ? 8 : 4;
}

std::shared_ptr<void> keep(const std::string& key, const std::function<std::shared_ptr<void>()>& make) {
  static std::list<std::pair<std::string, std::shared_ptr<void>>> made;  // most recently used first
  const auto found = std::find_if(made.begin(), made.end(), [&](const auto& entry) { return entry.first == key; });
  if (found != made.end()) {
    made.splice(made.begin(), made, found);
  } else {
    if (made.size() >= kept_at_most()) made.pop_back();  // before making, so that both are never in memory
    made.emplace_front(key, make());
  }
  return made.front().second;
}
}  // namespace detail

void spend_cycles(std::uint64_t adds) noexcept {
  std::uint64_t value = adds;
  for (std::uint64_t i = 0; i < adds; i += 16) {
#if defined(__x86_64__)
    asm volatile(".rept 16\n\tadd $1, %0\n\t.endr" : "+r"(value));
#elif defined(__aarch64__)
    asm volatile(".rept 16\n\tadd %0, %0, #1\n\t.endr" : "+r"(value));
#else
    for (int k = 0; k < 16; ++k) benchmark::DoNotOptimize(++value);
#endif
  }
}

namespace {
/// Adds per nanosecond of a loop, the best of three runs of about 0.1 ms.
template <class Loop>
double best_rate(std::uint64_t adds, Loop loop) {
  std::uint64_t best = ~std::uint64_t{0};
  pillar::steady_clock clock;
  for (int k = 0; k < 3; ++k) {
    const std::uint64_t begin = clock.now_ns();
    loop(adds);
    best = std::min(best, clock.now_ns() - begin);
  }
  return static_cast<double>(adds) / static_cast<double>(best);
}
}  // namespace

double clock_ghz() noexcept { return best_rate(400'000, spend_cycles); }

double independent_adds_per_ns() noexcept {
  return best_rate(1'200'000, [](std::uint64_t adds) {
    std::uint64_t a = adds, b = adds, c = adds, d = adds;
    for (std::uint64_t i = 0; i < adds; i += 16) {
#if defined(__x86_64__)
      asm volatile(".rept 4\n\tadd $1, %0\n\tadd $1, %1\n\tadd $1, %2\n\tadd $1, %3\n\t.endr"
                   : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
#else
      for (int k = 0; k < 4; ++k) {
        benchmark::DoNotOptimize(++a);
        benchmark::DoNotOptimize(++b);
        benchmark::DoNotOptimize(++c);
        benchmark::DoNotOptimize(++d);
      }
#endif
    }
  });
}

void answer(std::string text) { detail::last_answer = std::move(text); }

void per_iteration(benchmark::State& state, std::uint64_t items, std::uint64_t bytes) {
  const auto times = static_cast<std::uint64_t>(state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(times * items));
  if (bytes != 0) state.SetBytesProcessed(static_cast<std::int64_t>(times * bytes));
}

pages::pages(std::size_t bytes) : size_(bytes) {
  constexpr std::size_t huge = std::size_t{2} << 20;
  const std::size_t rounded = (bytes + huge - 1) / huge * huge;
  mapped_ = rounded;
  map_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  if (map_ == MAP_FAILED) {  // none reserved, the usual case: transparent ones, aligned by hand
    mapped_ = rounded + huge;
    map_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map_ == MAP_FAILED) throw std::bad_alloc();
    madvise(map_, mapped_, MADV_HUGEPAGE);
  }
  data_ = reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(map_) + huge - 1) / huge * huge);
  std::memset(data_, 1, rounded);  // a page that was never written is the system's one page of zeros
}
pages::pages(pages&& other) noexcept { *this = std::move(other); }
pages& pages::operator=(pages&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  std::swap(map_, other.map_);
  return *this;
}
pages::~pages() {
  if (map_ != nullptr) munmap(map_, mapped_);
}

std::size_t ram_bytes() {
  const char* chosen = std::getenv("PILLAR_BENCH_RAM_MIB");
  const long mib = chosen != nullptr ? std::atol(chosen) : 0;
  return static_cast<std::size_t>(mib > 0 ? mib : 512) << 20;
}

}  // namespace pillar_bench
