// SPDX-License-Identifier: Apache-2.0
/// What a benchmark program needs besides Google Benchmark: the timed loop, answers, data kept between requests, memory
/// on huge pages. Its main (support/main.cpp) runs the cases once, or with --serve answers a driver round by round.
#pragma once
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace pillar_bench {

/// Adds that each wait for the one before: one cycle each on every x86-64 and AArch64 core.
void spend_cycles(std::uint64_t adds) noexcept;

/// Adds per nanosecond by such a loop, the best of three: the core's clock as a program sees it.
[[nodiscard]] double clock_ghz() noexcept;

/// The same with four chains: falls far below four per cycle when a neighbour uses the core's other half.
[[nodiscard]] double independent_adds_per_ns() noexcept;

namespace detail {
/// Dependent adds after each iteration of the case that PILLAR_BENCH_SLOW names; 0 otherwise.
extern std::uint64_t extra_adds;

struct timed_iterator {
  benchmark::State::StateIterator inner;
  bool operator!=(const timed_iterator& other) const { return inner != other.inner; }
  auto operator*() const { return *inner; }
  timed_iterator& operator++() {
    if (extra_adds != 0) [[unlikely]]
      spend_cycles(extra_adds);
    ++inner;
    return *this;
  }
};
struct timed_range {
  benchmark::State& state;
  timed_iterator begin() const { return {state.begin()}; }
  timed_iterator end() const { return {state.end()}; }
};
std::shared_ptr<void> keep(const std::string& key, const std::function<std::shared_ptr<void>()>& make);
}  // namespace detail

/// The timed loop, `for (auto _ : timed(state)) …`: Google Benchmark's own, which a driver can make slower on purpose
/// to see whether a comparison notices (PILLAR_BENCH_SLOW=filter/raw_u32_l2:0.25).
inline detail::timed_range timed(benchmark::State& state) { return {state}; }

/// What the case computed, as canonical text: a driver compares it with what the peers computed. Call it after the
/// loop.
void answer(std::string text);

/// What one iteration handles: values (or rows) and bytes. `bytes` are those that the row's limit counts: read by a
/// filter, written by an unpack in L1.
void per_iteration(benchmark::State& state, std::uint64_t items, std::uint64_t bytes = 0);

/// Data made once per process and key, however often the case is run; the last eight are kept, four where
/// the machine has less than 16 GB.
template <class T, class Make>
T& kept(const std::string& key, Make make) {
  return *static_cast<T*>(
      detail::keep(key, [&]() -> std::shared_ptr<void> { return std::make_shared<T>(make()); }).get());
}

/// Bytes on huge pages where the system gives them, touched before they are handed out, aligned to 2 MiB.
class pages {
 public:
  pages() = default;
  explicit pages(std::size_t bytes);
  pages(pages&& other) noexcept;
  pages& operator=(pages&& other) noexcept;
  ~pages();

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  template <class T>
  [[nodiscard]] std::span<T> as() const noexcept {
    return {reinterpret_cast<T*>(data_), size_ / sizeof(T)};
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0, mapped_ = 0;
  void* map_ = nullptr;
};

/// The three working sets. RAM is 512 MiB, or PILLAR_BENCH_RAM_MIB (smoke tests take little).
inline constexpr std::size_t l1_bytes = 16 << 10;
inline constexpr std::size_t l2_bytes = 256 << 10;
[[nodiscard]] std::size_t ram_bytes();

}  // namespace pillar_bench
