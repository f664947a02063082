// SPDX-License-Identifier: Apache-2.0
/// simd/batch.hpp, simd/prefix_sum.hpp and simd/words.hpp against one lane at a time, at this object's flags.
#include <cstdint>

#include "levels/level_cases.hpp"
#include "pillar/simd/batch.hpp"
#include "pillar/simd/prefix_sum.hpp"
#include "pillar/simd/words.hpp"

namespace pillar_test {
namespace {

#if PILLAR_WITH_BATCHES

namespace simd = pillar::simd;
using arch = pillar::arch::PILLAR_TEST_LEVEL;

/// splitmix64, here so that the object shares no symbol with one of another level.
struct random_bits {
  std::uint64_t state;
  std::uint64_t operator()() noexcept {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
};

template <class T>
struct lanes_of {
  static constexpr int count = simd::lanes<T, arch>;
  T values[count];
  explicit lanes_of(random_bits& random) noexcept {
    for (T& value : values) value = static_cast<T>(random() >> (random() % 64));
  }
  explicit lanes_of(const simd::batch<T, arch>& batch) noexcept { simd::store<T, arch>(values, batch); }
};

template <class T>
const char* check_lanes(std::uint64_t seed) noexcept {
  random_bits random{seed * 16 + sizeof(T)};
  constexpr int count = lanes_of<T>::count;
  constexpr int bits = 8 * sizeof(T);
  const lanes_of<T> in(random);
  const auto x = simd::load<T, arch>(in.values);
  const int n = static_cast<int>(random() % bits);
  const lanes_of<T> left(simd::shift_left<T, arch>(x, n));
  const lanes_of<T> loose(simd::shift_left<T, arch, true>(x, n));
  const lanes_of<T> right(simd::shift_right<T, arch>(x, n));
  const T lo = static_cast<T>(random());
  const T span = static_cast<T>(random() >> (random() % 64));
  const auto outside = simd::range_test<T, arch>(lo, span).outside(x);
  const std::uint64_t mask = simd::to_bits<T, arch>(outside);
  for (int i = 0; i < count; ++i) {
    const T value = in.values[i];
    if (left.values[i] != static_cast<T>(std::uint64_t{value} << n)) return "shift_left";
    if (static_cast<T>(loose.values[i] >> n) != static_cast<T>(left.values[i] >> n)) return "loose shift_left";
    if (right.values[i] != static_cast<T>(value >> n)) return "shift_right";
    if (((mask >> i) & 1) != (static_cast<T>(value - lo) > span ? 1u : 0u)) return "range_test";
  }
  if constexpr (count < 64) {
    if (mask >> count != 0) return "to_bits: bits beyond the lanes";
  }

  simd::batch_bool<T, arch> chunk[simd::chunk_values<T> / count];
  std::uint64_t expected = 0;
  for (int b = 0; b < simd::chunk_values<T> / count; ++b) {
    chunk[b] = simd::range_test<T, arch>(lo, span).outside(simd::load<T, arch>(lanes_of<T>(random).values));
    expected |= simd::to_bits<T, arch>(chunk[b]) << (b * count);
  }
  constexpr std::uint64_t kept =
      simd::chunk_values<T> == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (simd::chunk_values<T> % 64)) - 1;
  return (simd::chunk_to_bits<T, arch>(chunk) & kept) == expected ? nullptr : "chunk_to_bits";
}

/// Values of several registers side by side in wider lanes.
template <class From, class To>
const char* check_interleave(std::uint64_t seed) noexcept {
#if PILLAR_WITH_INTERLEAVE
  random_bits random{seed * 64 + sizeof(From) * 8 + sizeof(To)};
  constexpr int ratio = sizeof(To) / sizeof(From);
  constexpr int count = lanes_of<From>::count;
  From values[ratio][count];
  simd::woven<From, arch> words[ratio];
  for (int w = 0; w < ratio; ++w) {
    for (From& value : values[w]) value = static_cast<From>(random());
    words[w] = simd::load_woven<From, ratio, arch>(values[w]);
  }
  simd::batch<To, arch> wide[ratio];
  simd::interleave<From, To, arch>(words, wide);
  for (int i = 0; i < count; ++i) {
    std::uint64_t expected = 0;
    for (int w = ratio - 1; w >= 0; --w) expected = expected << (8 * sizeof(From)) | values[w][i];
    constexpr int lanes = lanes_of<To>::count;
    if (lanes_of<To>(wide[i / lanes]).values[i % lanes] != expected) return "interleave";
  }
#else
  static_cast<void>(seed);
#endif
  return nullptr;
}

#if PILLAR_WITH_PREFIX_SUMS
using quads = simd::quads<arch>;

struct quad_values {
  std::uint32_t values[8];
  explicit quad_values(const quads& from) noexcept { __builtin_memcpy(values, &from.bits, sizeof(values)); }
};

/// Sums of four fields in either half, and what goes with them. Every other round has only greatest fields: they wrap.
template <class Field>
const char* check_prefix_sums(std::uint64_t seed) noexcept {
  random_bits random{seed * 16 + sizeof(Field)};
  Field fields[16];
  for (Field& field : fields) field = seed % 2 == 0 ? static_cast<Field>(~Field{0}) : static_cast<Field>(random());
  const quads a = simd::prefix_sums<Field, arch>(fields), b = simd::prefix_sums<Field, arch>(fields + 8);
  const quad_values of_a(a), of_b(b);
  std::uint32_t sum = 0;
  for (int i = 0; i < 8; ++i) {
    sum = i % 4 == 0 ? fields[i] : sum + fields[i];
    if (of_a.values[i] != sum) return "prefix_sums";
  }
  const auto first = static_cast<std::uint32_t>(random()), second = static_cast<std::uint32_t>(random()),
             step = static_cast<std::uint32_t>(random());
  const quad_values last(a.last()), sums(a + quads::both(first)), ramps(quads::ramps(first, second, step));
  std::uint32_t low[8], high[8];
  quads::store(a, b, low, high);
  for (std::uint32_t i = 0; i < 8; ++i) {
    if (last.values[i] != of_a.values[i / 4 * 4 + 3]) return "quads::last";
    if (sums.values[i] != of_a.values[i] + first) return "quads + quads";
    if (ramps.values[i] != (i < 4 ? first : second) + i % 4 * step) return "quads::ramps";
    if (low[i] != (i < 4 ? of_a : of_b).values[i % 4]) return "quads::store, first chain";
    if (high[i] != (i < 4 ? of_a : of_b).values[4 + i % 4]) return "quads::store, second chain";
  }
  return nullptr;
}
#else
template <class Field>
const char* check_prefix_sums(std::uint64_t) noexcept {
  return nullptr;
}
#endif

/// Products of lower halves, and a choice between lanes by what is equal.
const char* check_words(std::uint64_t seed) noexcept {
  random_bits random{seed * 16 + 9};
  const lanes_of<std::uint64_t> x(random), other(random), value(random);
  lanes_of<std::uint64_t> y(random);
  constexpr int count = lanes_of<std::uint64_t>::count;
  for (int i = 0; i < count; ++i)  // equal, or one bit away
    if (random() % 2 == 0) y.values[i] = x.values[i] ^ (random() % 2 == 0 ? 0 : std::uint64_t{1} << (random() % 64));
  const auto in_x = simd::load<std::uint64_t, arch>(x.values), in_y = simd::load<std::uint64_t, arch>(y.values);
  const lanes_of<std::uint64_t> products(simd::multiply_lower_halves<arch>(in_x, in_y));
  const lanes_of<std::uint64_t> sums(simd::sum_pairs<arch>(in_x, in_y));
  const lanes_of<std::uint64_t> repeated(simd::repeat_pair<arch>(x.values));
  const lanes_of<std::uint64_t> chosen(simd::where_equal<arch>(
      in_x, in_y, simd::load<std::uint64_t, arch>(other.values), simd::load<std::uint64_t, arch>(value.values)));
  for (int i = 0; i < count; ++i) {
    if (products.values[i] != (x.values[i] & 0xffffffffu) * (y.values[i] & 0xffffffffu)) return "multiply_lower_halves";
    const int pair = 2 * i % count;
    const lanes_of<std::uint64_t>& of = 2 * i < count ? x : y;
    if (sums.values[i] != of.values[pair] + of.values[pair + 1]) return "sum_pairs";
    if (repeated.values[i] != x.values[i % 2]) return "repeat_pair";
    if (chosen.values[i] != (x.values[i] == y.values[i] ? other : value).values[i]) return "where_equal";
  }
  return nullptr;
}

const char* check_lanes_of_all_sizes(std::uint32_t round) noexcept {
  const char* wrong = check_lanes<std::uint8_t>(round);
  if (wrong == nullptr) wrong = check_words(round);
  if (wrong == nullptr) wrong = check_prefix_sums<std::uint8_t>(round);
  if (wrong == nullptr) wrong = check_prefix_sums<std::uint16_t>(round);
  if (wrong == nullptr) wrong = check_prefix_sums<std::uint32_t>(round);
  if (wrong == nullptr) wrong = check_interleave<std::uint8_t, std::uint16_t>(round);
  if (wrong == nullptr) wrong = check_interleave<std::uint8_t, std::uint32_t>(round);
  if (wrong == nullptr) wrong = check_interleave<std::uint16_t, std::uint32_t>(round);
  if (wrong == nullptr) wrong = check_lanes<std::uint16_t>(round);
  if (wrong == nullptr) wrong = check_lanes<std::uint32_t>(round);
  if (wrong == nullptr) wrong = check_lanes<std::uint64_t>(round);
  return wrong;
}

#else

/// The scalar level has no batches: nothing can differ.
const char* check_lanes_of_all_sizes(std::uint32_t) noexcept { return nullptr; }

#endif

}  // namespace

const pillar::arch_level tested_level = pillar::level_of<pillar::arch::PILLAR_TEST_LEVEL>;
const char* check_shim(std::uint32_t round) noexcept { return check_lanes_of_all_sizes(round); }

}  // namespace pillar_test
