// SPDX-License-Identifier: Apache-2.0
/// The outside world as a parameter: clock, random numbers and files, so that tests and simulations supply their own.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <ctime>  // clock_gettime
#include <span>

#include "pillar/base/config.hpp"
#include "pillar/base/result.hpp"

namespace PILLAR_NAMESPACE {

/// A monotonic clock: `now_ns()` never decreases.
template <class C>
concept monotonic_clock = requires(C& clock) {
  { clock.now_ns() } -> std::same_as<std::uint64_t>;
};

/// The machine's monotonic clock, about 24 ns a call.
struct steady_clock {
  [[nodiscard]] std::uint64_t now_ns() const noexcept {
    std::timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
  }
};
static_assert(monotonic_clock<steady_clock>);

/// A clock that only the caller moves: for deadlines in tests.
struct manual_clock {
  std::uint64_t now = 0;
  [[nodiscard]] std::uint64_t now_ns() const noexcept { return now; }
};
static_assert(monotonic_clock<manual_clock>);

/// A small deterministic generator: the same numbers on every platform for a seed.
///
/// Source: SplitMix64 (Steele, Lea, Flood 2014, doi:10.1145/2714064.2660195)
class splitmix64 {
 public:
  using result_type = std::uint64_t;
  constexpr explicit splitmix64(std::uint64_t seed) noexcept : state_(seed) {}
  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return ~result_type{0}; }
  constexpr result_type operator()() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, bound), bound > 0; the bias is below 2^-32 for bounds below 2^32.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    __extension__ using wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<wide>((*this)()) * bound) >> 64);
  }
  /// True with probability `numerator / denominator`.
  constexpr bool chance(std::uint64_t numerator, std::uint64_t denominator) noexcept {
    return below(denominator) < numerator;
  }

 private:
  std::uint64_t state_;
};

/// A file that is read: any number of threads at once, each at its own offset.
///
/// Errors: io_error (position = errno); read_at → truncated when the file ends before `into` is full
template <class F>
concept readable_file = requires(const F& file, std::uint64_t offset, std::span<std::byte> into) {
  { file.size() } -> std::same_as<result<std::uint64_t>>;
  { file.read_at(offset, into) } -> std::same_as<result<void>>;
};

/// Any readable file by reference, so that code which is compiled once can take it.
///
/// Requires: the file outlives the reference
class readable_file_ref {
 public:
  template <readable_file F>
  requires(!std::same_as<F, readable_file_ref>) readable_file_ref(const F& file)
  noexcept
      : file_(__builtin_addressof(file)),
        size_([](const void* of) -> result<std::uint64_t> { return static_cast<const F*>(of)->size(); }),
        read_at_([](const void* of, std::uint64_t offset, std::span<std::byte> into) -> result<void> {
          return static_cast<const F*>(of)->read_at(offset, into);
        }) {}
  [[nodiscard]] result<std::uint64_t> size() const { return size_(file_); }
  [[nodiscard]] result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const {
    return read_at_(file_, offset, into);
  }

 private:
  const void* file_;
  result<std::uint64_t> (*size_)(const void*);
  result<void> (*read_at_)(const void*, std::uint64_t, std::span<std::byte>);
};
static_assert(readable_file<readable_file_ref>);

/// A file that is written from its begin to its end, by one thread. What was appended is safe after sync().
///
/// Errors: io_error (position = errno); the file then holds some prefix of what was appended
template <class F>
concept writable_file = requires(F& file, std::span<const std::byte> bytes) {
  { file.append(bytes) } -> std::same_as<result<void>>;
  { file.sync() } -> std::same_as<result<void>>;
};

/// Any writable file by reference, so that code which is compiled once can take it.
///
/// Requires: the file outlives the reference
class writable_file_ref {
 public:
  template <writable_file F>
  requires(!std::same_as<F, writable_file_ref>) writable_file_ref(F& file)
  noexcept
      : file_(__builtin_addressof(file)),
        append_([](void* to, std::span<const std::byte> bytes) -> result<void> {
          return static_cast<F*>(to)->append(bytes);
        }),
        sync_([](void* of) -> result<void> { return static_cast<F*>(of)->sync(); }) {}
  [[nodiscard]] result<void> append(std::span<const std::byte> bytes) { return append_(file_, bytes); }
  [[nodiscard]] result<void> sync() { return sync_(file_); }

 private:
  void* file_;
  result<void> (*append_)(void*, std::span<const std::byte>);
  result<void> (*sync_)(void*);
};
static_assert(writable_file<writable_file_ref>);

}  // namespace PILLAR_NAMESPACE
