// SPDX-License-Identifier: Apache-2.0
// The lanes themselves are checked at their own flags, in tests/levels/shim_cases.cpp. Here: through the kernels that are
// made of them, at each level of this machine. A table that one level filled is one for every other, which takes the same
// products of halves, and keys that differ in one bit are two keys.
#include "pillar/simd/words.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "pillar/aggregate/detail/key_search.hpp"
#include "pillar/base/env.hpp"
#include "support/arch_levels.hpp"

namespace pillar_test::simd_words {
namespace {

using pillar::detail::key_batch;
using pillar::detail::key_bucket;

/// Fills a table by the kernels of one level and looks into it by those of another: all keys, and as many that are one bit
/// beside them.
void check(pillar::arch_level fills, pillar::arch_level looks, std::uint32_t key_count, bool far) {
  pillar::splitmix64 random(key_count);
  std::vector<std::uint64_t> keys;
  const std::uint64_t base = random();
  for (std::uint32_t i = 0; i < key_count; ++i)
    keys.push_back(key_count <= 64 ? base ^ std::uint64_t{1} << (5 * i % 64) : random());
  std::vector<key_bucket<std::uint64_t>> buckets(key_count, key_bucket<std::uint64_t>{});
  std::vector<std::uint64_t> added(key_count);
  std::vector<std::uint32_t> numbers(2 * std::size_t{key_count});
  key_batch<std::uint64_t> batch{keys.data(), key_count, buckets.data(), buckets.size(), added.data(), 0, key_count};
  ASSERT_EQ(pillar::detail::key_search_kernels_for(fills).insert(batch, 0, false, far, numbers.data()), key_count);
  ASSERT_EQ(batch.size, key_count);
  for (std::uint32_t i = 0; i < key_count; ++i) keys.push_back(keys[i] ^ std::uint64_t{1} << random.below(64));
  batch.keys = keys.data();
  batch.count = 2 * key_count;
  pillar::detail::key_search_kernels_for(looks).find(batch, far, numbers.data());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::uint32_t wanted = 0;
    for (std::uint32_t k = 0; k < key_count; ++k) wanted = keys[k] == keys[i] ? k + 1 : wanted;
    ASSERT_EQ(numbers[i], wanted) << "key " << i << " of " << key_count;
  }
}

/// The same for keys of two words.
void check_wide(pillar::arch_level fills, pillar::arch_level looks, std::uint32_t key_count, bool far) {
  using pillar::detail::wide_key;
  pillar::splitmix64 random(key_count);
  std::vector<wide_key> keys;
  for (std::uint32_t i = 0; i < key_count; ++i) keys.push_back({random(), random()});
  std::vector<key_bucket<wide_key>> buckets(key_count, key_bucket<wide_key>{});
  std::vector<wide_key> added(key_count);
  std::vector<std::uint32_t> numbers(2 * std::size_t{key_count});
  key_batch<wide_key> batch{keys.data(), key_count, buckets.data(), buckets.size(), added.data(), 0, key_count, {}};
  ASSERT_EQ(pillar::detail::key_search_kernels_for(fills).insert_wide(batch, 0, false, far, numbers.data()), key_count);
  for (std::uint32_t i = 0; i < key_count; ++i) {
    wide_key other = keys[i];
    (random.below(2) == 0 ? other.low : other.high) ^= std::uint64_t{1} << random.below(64);
    keys.push_back(other);
  }
  batch.keys = keys.data();
  batch.count = 2 * key_count;
  pillar::detail::key_search_kernels_for(looks).find_wide(batch, far, numbers.data());
  for (std::uint32_t i = 0; i < key_count; ++i) {
    ASSERT_EQ(numbers[i], i + 1) << "key " << i << " of " << key_count;
    ASSERT_EQ(numbers[key_count + i], 0u) << "beside key " << i << " of " << key_count;
  }
}

TEST(simd_words, levels_agree_on_homes_and_on_what_is_equal) {
  const auto levels = levels_to_test(pillar::detail::key_search_kernels_for);
  for (const pillar::arch_level fills : levels)
    for (const pillar::arch_level looks : levels)
      for (const std::uint32_t key_count : {1u, 2u, 7u, 12u, 13u, 64u, 512u})
        for (const bool far : {false, true}) {
          SCOPED_TRACE(std::string(pillar::to_string(fills)) + " fills, " + pillar::to_string(looks) + " looks");
          check(fills, looks, key_count, far);
          check_wide(fills, looks, key_count, far);
        }
}

}  // namespace
}  // namespace pillar_test::simd_words
