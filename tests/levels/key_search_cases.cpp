// SPDX-License-Identifier: Apache-2.0
/// Keys in buckets against a list of them: full tables, keys of 0, halves that are equal, room for some of a batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "levels/level_cases.hpp"
#include "pillar/aggregate/detail/key_search.hpp"
#include "pillar/base/env.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test {
namespace levels_key_search {
namespace {

using pillar::detail::key_batch;
using pillar::detail::key_bucket;
using pillar::detail::key_search_table;
using pillar::detail::wide_key;

std::uint32_t insert(const key_search_table& kernels, key_batch<std::uint64_t>& batch, std::uint32_t more, bool many,
                     bool far, std::uint32_t* numbers) {
  return kernels.insert(batch, more, many, far, numbers);
}
std::uint32_t insert(const key_search_table& kernels, key_batch<wide_key>& batch, std::uint32_t more, bool many,
                     bool far, std::uint32_t* numbers) {
  return kernels.insert_wide(batch, more, many, far, numbers);
}
void find(const key_search_table& kernels, const key_batch<std::uint64_t>& batch, bool far, std::uint32_t* numbers) {
  kernels.find(batch, far, numbers);
}
void find(const key_search_table& kernels, const key_batch<wide_key>& batch, bool far, std::uint32_t* numbers) {
  kernels.find_wide(batch, far, numbers);
}

std::uint64_t any_key(pillar::splitmix64& random, std::uint64_t below, std::uint64_t*) {
  const std::uint64_t low = random.below(below);
  switch (random.below(4)) {
    case 0: return low << 40;
    case 1: return low | (low + 1) << 32;  // as two numbers stand in a bucket
    default: return low;
  }
}
wide_key any_key(pillar::splitmix64& random, std::uint64_t below, wide_key*) {
  return {random.below(below), random.below(3)};
}

template <class Key>
void check(const key_search_table& kernels, std::uint32_t round) {
  pillar::splitmix64 random(round);
  constexpr std::uint32_t capacity = key_bucket<Key>::capacity;
  const std::size_t bucket_count = 1 + random.below(round % 2 == 0 ? 4 : 900);
  const auto places = static_cast<std::uint32_t>(bucket_count * capacity);
  const std::uint64_t below = 1 + random.below(2 * places);
  const std::uint32_t most = round % 3 == 0 ? places - 1 : places / 2;
  std::vector<key_bucket<Key>> buckets(bucket_count, key_bucket<Key>{});
  std::vector<Key> known, room(most + 1);
  for (std::uint32_t turn = 0; turn < 6; ++turn) {
    const auto count = static_cast<std::uint32_t>(1 + random.below(turn == 0 ? 1024 : 300));
    guard_array<Key> keys(count);
    guard_array<std::uint32_t> numbers(count);
    for (std::uint32_t i = 0; i < count; ++i) keys[i] = any_key(random, below, static_cast<Key*>(nullptr));
    const bool far = random.below(2) != 0, fits = known.size() + count <= most, many = fits && random.below(2) != 0;
    const auto more = static_cast<std::uint32_t>(random.below(2));
    key_batch<Key> batch{keys.data(),  count,       buckets.data(),
                         bucket_count, room.data(), static_cast<std::uint32_t>(known.size()),
                         most,         {}};
    if (turn % 2 != 0) {  // nothing is there, and nothing is read
      batch.next.add(keys.data() + count, sizeof(Key));
      batch.next.add(nullptr, sizeof(std::int32_t));
    }
    const std::uint32_t done = insert(kernels, batch, more, many, far, numbers.data());
    ASSERT_LE(done, count);
    for (std::uint32_t i = 0; i < done; ++i) {
      auto at = std::find(known.begin(), known.end(), keys[i]);
      if (at == known.end()) at = known.insert(known.end(), keys[i]);
      ASSERT_EQ(numbers[i], static_cast<std::uint32_t>(at - known.begin()) + more) << "row " << i;
    }
    if (done < count) {
      ASSERT_EQ(known.size(), most);
      ASSERT_EQ(std::find(known.begin(), known.end(), keys[done]), known.end());
    }
    ASSERT_EQ(batch.size, known.size());
    for (std::size_t i = 0; i < known.size(); ++i) ASSERT_TRUE(known[i] == room[i]);
    find(kernels, batch, far, numbers.data());
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto at = std::find(known.begin(), known.end(), keys[i]);
      ASSERT_EQ(numbers[i], at == known.end() ? 0 : static_cast<std::uint32_t>(at - known.begin()) + 1) << "row " << i;
    }
  }
}

void check_both(pillar::arch_level level, std::uint32_t round, std::uint32_t) {
  const key_search_table& kernels = pillar::detail::key_search_kernels_for(level);
  check<std::uint64_t>(kernels, round);
  check<wide_key>(kernels, round);
}

}  // namespace
}  // namespace levels_key_search

std::vector<level_case> key_search_cases() {
  std::vector<level_case> cases;
  for (std::uint32_t round = 0; round < 60; ++round) cases.push_back({levels_key_search::check_both, round, 0});
  return cases;
}

}  // namespace pillar_test
