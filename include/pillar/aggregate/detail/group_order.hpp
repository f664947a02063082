// SPDX-License-Identifier: Apache-2.0
/// Entries that belong to groups, brought into the order of these: in place, or by a list.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>  // std::swap

#include "pillar/base/growable.hpp"

namespace PILLAR_NAMESPACE::detail {

/// Sorts entries [begin, end) by their groups, of which all bits above shift + 8 are equal: in place, without memory,
/// not stable. `swap(i, j)` exchanges two entries and their groups; groups[i] is the group of entry i.
///
/// Source: P. M. McIlroy, K. Bostic, M. D. McIlroy, "Engineering radix sort" (1993): American flag sort
template <class Groups, class Swap>
void sort_by_group(const Groups& groups, std::size_t begin, std::size_t end, unsigned shift, Swap& swap) noexcept {
  constexpr std::size_t few = 24, ways = 256;
  if (end - begin <= few) {
    for (std::size_t i = begin + 1; i < end; ++i)
      for (std::size_t at = i; at > begin && groups[at] < groups[at - 1]; --at) swap(at, at - 1);
    return;
  }
  const auto way_of = [&](std::size_t i) { return groups[i] >> shift & (ways - 1); };
  std::size_t next[ways] = {}, ends[ways];
  for (std::size_t i = begin; i < end; ++i) ++next[way_of(i)];
  std::size_t at = begin;
  for (std::size_t way = 0; way < ways; ++way) {
    const std::size_t size = next[way];
    next[way] = at;
    ends[way] = at += size;
  }
  for (std::size_t way = 0; way < ways; ++way)
    while (next[way] < ends[way]) {
      const std::size_t to = way_of(next[way]);
      if (to == way) ++next[way];
      else swap(next[way], next[to]++);
    }
  for (std::size_t way = 0; way < ways && shift != 0; ++way)
    sort_by_group(groups, way == 0 ? begin : ends[way - 1], ends[way], shift - 8, swap);
}
template <class Groups, class Swap>
void sort_by_group(const Groups& groups, std::size_t count, Swap&& swap) noexcept {
  std::uint32_t any = 0;
  std::size_t ordered = 1;
  for (std::size_t i = 0; i < count; ++i) any |= groups[i];
  while (ordered < count && groups[ordered - 1] <= groups[ordered]) ++ordered;
  if (ordered >= count) return;
  unsigned shift = 0;
  while (any >> shift > 0xff) shift += 8;
  sort_by_group(groups, 0, count, shift, swap);
}

/// The first entry of [at, end), which is in order, whose group is not below `group`. Not std::lower_bound: <algorithm> is
/// nine thousand lines that every aggregator would carry.
template <class Groups>
std::size_t first_of_group(const Groups& groups, std::size_t at, std::size_t end, std::uint32_t group) noexcept {
  for (std::size_t left = end - at; left != 0;) {
    const std::size_t half = left / 2;
    if (groups[at + half] < group) {
      at += half + 1;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return at;
}

/// f(i, group here) for the entries of the groups that `pairs` (grouped_state.hpp's group_pairs) names; in_order: entries
/// stand in the order of `groups`, and others are not looked at.
template <class Groups, class Pairs, class F>
void for_each_entry(const Groups& groups, std::size_t count, bool in_order, const Pairs& pairs, F&& f) {
  if (!in_order) {
    for (std::size_t i = 0; i < count; ++i)
      if (const std::uint32_t pair = pairs.find(groups[i]); pair != pairs.count) f(i, pairs.here(pair));
    return;
  }
  std::size_t at = 0;
  for (std::uint32_t pair = 0; pair < pairs.count && at != count; ++pair) {
    const std::uint32_t group = pairs.there(pair);
    if (groups[at] < group) at = first_of_group(groups, at, count, group);
    for (; at != count && groups[at] == group; ++at) f(at, pairs.here(pair));
  }
}

/// A list of entries in the order of their groups, for what stays where it is.
struct group_index {
  growable<std::uint32_t> entries, groups;
  explicit group_index(memory_budget* budget) noexcept : entries(budget), groups(budget) {}

  /// Of entries 0, 1, …; without room for it there is no list.
  template <class GroupOf>
  void make(std::uint32_t count, GroupOf&& group_of) noexcept {
    if (has(count)) return;
    entries.truncate(0);
    groups.truncate(0);
    if (!entries.reserve(count).ok() || !groups.reserve(count).ok()) return;
    for (std::uint32_t i = 0; i < count; ++i) {
      entries.push(i);
      groups.push(group_of(i));
    }
    sort_by_group(groups.data(), count, [&](std::size_t a, std::size_t b) {
      std::swap(entries[a], entries[b]);
      std::swap(groups[a], groups[b]);
    });
  }
  /// Whether it is of so many entries.
  [[nodiscard]] bool has(std::uint32_t count) const noexcept { return entries.size() == count; }
};

}  // namespace PILLAR_NAMESPACE::detail
