// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/detail/select_word.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "pillar/base/checked.hpp"  // uint128
#include "pillar/base/env.hpp"
#include "support/guard_buffer.hpp"

namespace pillar_test::aggregate_select_word {
namespace {

/// Word i of so many, in orders that a choice of pivots may fall for.
std::uint64_t word(unsigned pattern, std::uint64_t i, std::uint64_t count, pillar::splitmix64& random) {
  switch (pattern) {
    case 0: return 7;
    case 1: return i;
    case 2: return count - i;
    case 3: return i % 2;
    case 4: return std::min(i, count - i);
    case 5: return i == count / 2 ? 0 : 3;
    case 6: return random.below(4);
    case 7: return i % (count / 16 + 1);  // the sample of 16 is of equal ones
    default: return random();
  }
}

template <class Word>
void check(std::uint64_t count, unsigned pattern) {
  pillar::splitmix64 random(count * 16 + pattern);
  guard_array<Word> words(count);
  std::vector<Word> sorted;
  for (const std::uint64_t place : {std::uint64_t{0}, count / 100, count / 2, count - 1}) {
    sorted.clear();
    for (std::uint64_t i = 0; i < count; ++i) {
      words[i] = static_cast<Word>(word(pattern, i, count, random)) << (8 * sizeof(Word) - 64);
      sorted.push_back(words[i]);
    }
    std::sort(sorted.begin(), sorted.end());
    Word* const begin = words.data();
    pillar::detail::select_word(begin, begin + count, begin + place);
    ASSERT_TRUE(begin[place] == sorted[place]) << count << " words, pattern " << pattern << ", place " << place;
    for (std::uint64_t i = 0; i < place; ++i) ASSERT_FALSE(begin[place] < begin[i]);
    for (std::uint64_t i = place; i < count; ++i) ASSERT_FALSE(begin[i] < begin[place]);
    std::sort(begin, begin + count);
    ASSERT_TRUE(std::equal(begin, begin + count, sorted.begin())) << "words were lost";
  }
}

TEST(aggregate_select_word, stands_where_it_would_in_order) {
  for (const std::uint64_t count : {1u, 2u, 63u, 64u, 65u, 66u, 200u, 1023u, 5000u})
    for (unsigned pattern = 0; pattern < 9; ++pattern) {
      check<std::uint64_t>(count, pattern);
      check<pillar::uint128>(count, pattern);
    }
}

}  // namespace
}  // namespace pillar_test::aggregate_select_word
