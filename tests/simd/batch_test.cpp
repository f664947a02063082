// SPDX-License-Identifier: Apache-2.0
/// The shim's functions at the level of this translation unit's own flags; the kernels' tests cover the other levels.
#include "pillar/simd/batch.hpp"

#include <gtest/gtest.h>

#include <cstdint>

#include "pillar/base/env.hpp"

namespace pillar_test::simd_batch {
namespace {

#if PILLAR_WITH_BATCHES

namespace simd = pillar::simd;
using native = pillar::arch::native;

template <class T>
struct lanes_of {
  static constexpr int count = simd::lanes<T, native>;
  T values[count];
  explicit lanes_of(pillar::splitmix64& random) {
    for (T& value : values) value = static_cast<T>(random() >> random.below(64));
  }
  explicit lanes_of(const simd::batch<T, native>& batch) { simd::store<T, native>(values, batch); }
};

template <class T>
void check_lanes() {
  pillar::splitmix64 random(sizeof(T));
  constexpr int count = lanes_of<T>::count;
  constexpr int bits = 8 * sizeof(T);
  for (int round = 0; round < 200; ++round) {
    const lanes_of<T> in(random);
    const auto x = simd::load<T, native>(in.values);
    const int n = static_cast<int>(random.below(bits));
    const lanes_of<T> left(simd::shift_left<T, native>(x, n));
    const lanes_of<T> loose(simd::shift_left<T, native, true>(x, n));
    const lanes_of<T> right(simd::shift_right<T, native>(x, n));
    const T lo = static_cast<T>(random());
    const T span = static_cast<T>(random() >> random.below(64));
    const auto outside = simd::range_test<T, native>(lo, span).outside(x);
    const std::uint64_t mask = simd::to_bits<T, native>(outside);
    for (int i = 0; i < count; ++i) {
      const T value = in.values[i];
      EXPECT_EQ(left.values[i], static_cast<T>(std::uint64_t{value} << n));
      EXPECT_EQ(static_cast<T>(loose.values[i] >> n), static_cast<T>(left.values[i] >> n));
      EXPECT_EQ(right.values[i], static_cast<T>(value >> n));
      EXPECT_EQ((mask >> i) & 1, static_cast<T>(value - lo) > span ? 1u : 0u);
    }
    if constexpr (count < 64) {
      EXPECT_EQ(mask >> count, 0u);
    }

    simd::batch_bool<T, native> chunk[simd::chunk_values<T> / count];
    std::uint64_t expected = 0;
    for (int b = 0; b < simd::chunk_values<T> / count; ++b) {
      chunk[b] = simd::range_test<T, native>(lo, span).outside(simd::load<T, native>(lanes_of<T>(random).values));
      expected |= simd::to_bits<T, native>(chunk[b]) << (b * count);
    }
    const std::uint64_t kept =
        simd::chunk_values<T> == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (simd::chunk_values<T> % 64)) - 1;
    EXPECT_EQ((simd::chunk_to_bits<T, native>(chunk)) & kept, expected);
  }
}

TEST(simd_batch, shifts_ranges_and_bits_agree_with_one_lane_at_a_time) {
  check_lanes<std::uint8_t>();
  check_lanes<std::uint16_t>();
  check_lanes<std::uint32_t>();
  check_lanes<std::uint64_t>();
}

#else

TEST(simd_batch, shifts_ranges_and_bits_agree_with_one_lane_at_a_time) {
  GTEST_SKIP() << "compiled without SSE4.2 or NEON: no batches in this translation unit";
}

#endif

}  // namespace
}  // namespace pillar_test::simd_batch
