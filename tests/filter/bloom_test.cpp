// SPDX-License-Identifier: Apache-2.0
#include "pillar/filter/bloom.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "pillar/hash/value.hpp"  // hash_word
#include "support/arch_levels.hpp"

namespace pillar_test::filter_bloom {
namespace {

std::vector<std::uint64_t> hashes_of(std::uint64_t first, std::uint64_t count) {
  std::vector<std::uint64_t> made;
  for (std::uint64_t key = first; key < first + count; ++key) made.push_back(pillar::hash_word(key));
  return made;
}

std::uint64_t passing(const pillar::bloom_filter& filter, const std::vector<std::uint64_t>& hashes) {
  std::vector<std::uint64_t> mask(pillar::words_for(hashes.size()) + 1, ~std::uint64_t{0});
  filter.test(hashes, mask.data());
  EXPECT_EQ(mask.back(), ~std::uint64_t{0});  // not written
  mask.pop_back();
  if (hashes.size() % 64 != 0) EXPECT_EQ(mask.back() & ~pillar::low_bits(hashes.size() % 64), 0u);
  return pillar::count_bits(mask.data(), hashes.size());
}

TEST(filter_bloom, keys_pass_and_few_others_do) {
  for (const std::uint64_t keys : {1u, 63u, 1000u, 100'000u}) {
    auto filter = *pillar::bloom_filter::make(keys);
    EXPECT_EQ(passing(filter, hashes_of(0, 1000)), 0u);
    EXPECT_EQ(filter.false_positive_rate(), 0);
    filter.add(hashes_of(0, keys));
    EXPECT_EQ(passing(filter, hashes_of(0, keys)), keys);
    for (const std::uint64_t count : {0u, 1u, 64u, 65u}) EXPECT_LE(passing(filter, hashes_of(1 << 30, count)), count);
    if (keys < 1000) continue;
    const double rate = static_cast<double>(passing(filter, hashes_of(1 << 30, 100'000))) / 100'000;
    EXPECT_LT(rate, 0.008);
    EXPECT_GT(rate, 0.002);
    EXPECT_NEAR(rate, filter.false_positive_rate(), 0.002);
  }
}

TEST(filter_bloom, fewer_bits_are_smaller_and_let_more_pass) {
  double before = 0;
  for (const unsigned bits : {32u, 16u, 10u, 8u}) {
    auto filter = *pillar::bloom_filter::make(20'000, nullptr, bits);
    EXPECT_EQ(filter.block_count(), (20'000 * bits + 63) / 64);
    filter.add(hashes_of(0, 20'000));
    EXPECT_GT(filter.false_positive_rate(), before);
    before = filter.false_positive_rate();
  }
}

TEST(filter_bloom, workers_filters_are_merged) {
  auto first = *pillar::bloom_filter::make(2000), second = *pillar::bloom_filter::make(2000);
  first.add(hashes_of(0, 1000));
  second.add(hashes_of(1000, 1000));
  EXPECT_LT(passing(first, hashes_of(1000, 1000)), 20u);
  first.merge(second);
  EXPECT_EQ(passing(first, hashes_of(0, 2000)), 2000u);
}

TEST(filter_bloom, every_level_says_the_same) {
  auto filter = *pillar::bloom_filter::make(3000, nullptr, 5);  // so many bits are set that much passes
  filter.add(hashes_of(0, 3000));
  const std::vector<std::uint64_t> hashes = hashes_of(2500, 700);
  const auto expect = [&](std::size_t i) {
    const std::uint64_t hash = hashes[i], block = filter.blocks()[(hash >> 32) * filter.block_count() >> 32];
    bool all = true;
    for (unsigned bit = 0; bit < 4; ++bit) all = all && (block >> (hash >> 6 * bit & 63) & 1) != 0;
    return all;
  };
  std::uint64_t passed = 0;
  for (const pillar::arch_level level : levels_to_test(pillar::bloom_kernels_for)) {
    const auto& kernels = pillar::bloom_kernels_for(level);
    for (const std::size_t count : {0u, 1u, 7u, 8u, 63u, 64u, 65u, 127u, 128u, 190u, 700u}) {
      std::vector<std::uint64_t> mask(pillar::words_for(count) + 1, 0x5555555555555555u);
      kernels.test(filter.blocks().data(), filter.block_count(), hashes.data(), count, mask.data());
      EXPECT_EQ(mask.back(), 0x5555555555555555u);  // not written
      for (std::size_t i = 0; i < (mask.size() - 1) * 64; ++i) {
        const bool may = i < count && expect(i);
        passed += may ? 1 : 0;
        ASSERT_EQ(pillar::get_bit(mask.data(), i), may) << pillar::to_string(level) << ' ' << count << ' ' << i;
      }
    }
  }
  EXPECT_GT(passed, 1000u);
}

TEST(filter_bloom, refusals) {
  pillar::memory_budget budget(1000);
  EXPECT_EQ(pillar::bloom_filter::make(100'000, &budget).error().code, pillar::errc::out_of_memory);
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_EQ(pillar::bloom_filter::make(1, nullptr, 0).error().code, pillar::errc::invalid_argument);
  EXPECT_EQ(pillar::bloom_filter::make(std::uint64_t{1} << 40).error().code, pillar::errc::invalid_argument);
}

}  // namespace
}  // namespace pillar_test::filter_bloom
