// SPDX-License-Identifier: Apache-2.0
/// The value of a rank among words, without a branch for each of them.
#pragma once
#include <algorithm>  // std::nth_element
#include <cstddef>

#include "pillar/base/mutant.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Puts *at where it would stand in order, nothing greater before it and nothing less behind: in each turn the values are
/// parted, without a branch, by one of a sample whose rank is that of *at.
///
/// Source: C. A. R. Hoare, "Algorithm 65: Find" (1961); partition by N. Lomuto, as in J. Bentley, "Programming pearls"
template <class Word>
void select_word(Word* begin, Word* end, Word* at) noexcept {
  constexpr std::ptrdiff_t sampled = 16, few = 64;
  constexpr int most_turns = 40;  // of values in an order that the sample falls for
  for (int turn = 0; end - begin > few && turn < most_turns; ++turn) {
    Word sample[sampled];
    const std::ptrdiff_t size = end - begin;
    for (std::ptrdiff_t i = 0; i < sampled; ++i) {
      const Word value = begin[(2 * i + 1) * size / (2 * sampled)];
      std::ptrdiff_t place = i;
      for (; place > 0 && value < sample[place - 1]; --place) sample[place] = sample[place - 1];
      sample[place] = value;
    }
    const Word pivot = sample[(at - begin) * sampled / size];
    Word* less = begin;
    for (Word* i = begin; i != end; ++i) {
      const Word value = *i;
      *i = *less;
      *less = value;
      less += value < pivot ? 1 : 0;
    }
    if (at < less) {
      end = less;
      continue;
    }
    begin = less;  // and what equals the pivot behind it
    for (Word* i = begin; i != end; ++i) {
      const Word value = *i;
      *i = *less;
      *less = value;
      less += PILLAR_MUTATE(select_loses_equals, value == pivot, true) ? 1 : 0;
    }
    if (at < less) return;
    begin = less;
  }
  std::nth_element(begin, at, end);
}

}  // namespace PILLAR_NAMESPACE::detail
