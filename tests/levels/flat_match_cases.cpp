// SPDX-License-Identifier: Apache-2.0
/// Flat range tests of every type against one comparison per value, behind guard pages, all tails.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "levels/level_cases.hpp"
#include "pillar/base/env.hpp"
#include "pillar/filter/flat_match.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test {
namespace levels_flat_match {
namespace {

using pillar::flat_match_table;
using pillar::int128;

template <class T>
constexpr bool is_float = std::is_floating_point_v<T>;

template <class T>
std::vector<T> edge_values() {
  if constexpr (is_float<T>) {
    using limits = std::numeric_limits<T>;
    return {T{0},
            -T{0},
            T{1},
            T{-1},
            limits::max(),
            limits::lowest(),
            limits::denorm_min(),
            limits::infinity(),
            -limits::infinity(),
            limits::quiet_NaN(),
            -limits::quiet_NaN(),
            T(0.5)};
  } else if constexpr (sizeof(T) == 16) {
    return {0, 1, -1, pillar::int128_max, pillar::int128_min, int128{1} << 64};
  } else {
    using limits = std::numeric_limits<T>;
    return {T{0},
            T{1},
            limits::max(),
            limits::min(),
            static_cast<T>(limits::max() - 1),
            static_cast<T>(limits::min() + 1),
            static_cast<T>(-1)};
  }
}

/// Edges, small numbers and random bits, a third each.
template <class T>
T any_value(const std::vector<T>& edges, pillar::splitmix64& random) {
  const std::uint64_t kind = random.below(3);
  if (kind == 0) return edges[random.below(edges.size())];
  if (kind == 1) return static_cast<T>(static_cast<int>(random.below(20)) - 10);
  if constexpr (is_float<T>) return static_cast<T>(static_cast<double>(random()) / 3e18 - 3.0);
  else if constexpr (sizeof(T) == 16) return static_cast<T>((pillar::uint128{random()} << 64) | random());
  else return static_cast<T>(random());
}

template <class T>
T any_bound(const std::vector<T>& edges, pillar::splitmix64& random) {
  for (;;) {
    const T bound = any_value(edges, random);
    if (bound == bound) return bound;  // not NaN
  }
}

template <class T>
void run(const flat_match_table& table, const T* values, T lo, T hi, bool include_nan, std::uint32_t count,
         std::uint64_t* mask) {
  if constexpr (is_float<T>) table.match(values, lo, hi, include_nan, count, mask);
  else table.match(values, lo, hi, count, mask);
}

template <class T>
void check_count(pillar::arch_level level, std::uint32_t count, std::uint32_t seed) {
  const flat_match_table& table = pillar::flat_match_kernels_for(level);
  pillar::splitmix64 random(31 + sizeof(T) + (is_float<T> ? 100 : 0) + count * 1000 + seed);
  const std::vector<T> edges = edge_values<T>();
  const guard side = random() & 1 ? guard::begin : guard::end;
  guard_array<T> values(count, side);
  for (T& value : values.span()) value = any_value(edges, random);
  guard_array<std::uint64_t> mask((count + 63) / 64, side);
  for (unsigned round = 0; round < 4; ++round) {
    T lo = any_bound(edges, random);
    T hi = round == 0 ? lo : any_bound(edges, random);
    if (round != 1 && lo > hi) std::swap(lo, hi);  // round 1 may be an empty range
    const bool include_nan = random() & 1;
    run(table, values.data(), lo, hi, include_nan, count, mask.data());
    std::vector<std::uint64_t> expected(mask.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      const T v = values[i];
      const bool hit = v != v ? include_nan : lo <= v && v <= hi;
      expected[i / 64] |= std::uint64_t{hit} << i % 64;
    }
    const std::vector<std::uint64_t> got(mask.data(), mask.data() + mask.size());
    EXPECT_EQ(got, expected) << pillar::to_string(table.level) << " count " << count << " bytes " << sizeof(T);
    EXPECT_TRUE(mask.slack_untouched());
  }
}

template <class T>
void add_type(std::vector<level_case>& cases) {
  for (std::uint32_t count = 0; count <= 200; ++count) cases.push_back({check_count<T>, count, 0});
  for (const std::uint32_t count : {511u, 512u, 513u, 960u, 961u, 1000u, 1023u, 1024u})
    for (std::uint32_t seed = 0; seed < 4; ++seed) cases.push_back({check_count<T>, count, seed});
}

}  // namespace
}  // namespace levels_flat_match

std::vector<level_case> flat_match_cases() {
  using namespace levels_flat_match;
  std::vector<level_case> cases;
  add_type<std::int8_t>(cases);
  add_type<std::int16_t>(cases);
  add_type<std::int32_t>(cases);
  add_type<std::int64_t>(cases);
  add_type<std::uint8_t>(cases);
  add_type<std::uint16_t>(cases);
  add_type<std::uint32_t>(cases);
  add_type<std::uint64_t>(cases);
  add_type<int128>(cases);
  add_type<float>(cases);
  add_type<double>(cases);
  return cases;
}

}  // namespace pillar_test
