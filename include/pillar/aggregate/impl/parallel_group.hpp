// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "pillar/aggregate/detail/group_parts.hpp"
#include "pillar/aggregate/parallel_group.hpp"
#include "pillar/base/mutant.hpp"  // PILLAR_MUTATE

namespace PILLAR_NAMESPACE {

PILLAR_API result<parallel_group> parallel_group::make(std::span<const data_type> key_types,
                                                       std::span<const data_type> input_types,
                                                       std::span<const aggregate_spec> aggregates,
                                                       std::uint32_t worker_count, memory_budget* budget,
                                                       std::span<const key_range> ranges, std::uint64_t expected_rows,
                                                       std::span<const key_range> input_ranges) {
  if (worker_count == 0) return errc::invalid_argument;
  parallel_group made(budget);
  made.key_types_.assign(key_types.begin(), key_types.end());
  made.input_types_.assign(input_types.begin(), input_types.end());
  made.aggregates_.assign(aggregates.begin(), aggregates.end());
  made.ranges_.assign(ranges.begin(), ranges.end());
  made.input_ranges_.assign(input_ranges.begin(), input_ranges.end());
  for (std::uint32_t i = 0; i < worker_count; ++i) {
    PILLAR_ASSIGN_OR_RETURN(aggregator one, made.make_aggregator(expected_rows / worker_count));
    made.workers_.push_back(std::move(one));
  }
  return made;
}

inline result<aggregator> parallel_group::make_aggregator(std::uint64_t expected_rows) const {
  return aggregator::make(key_types_, input_types_, aggregates_, budget_, ranges_, expected_rows, input_ranges_);
}

inline result<std::vector<column>> parallel_group::merge_part(std::span<const detail::group_parts> groups,
                                                              std::uint32_t part, memory_budget* budget) const {
  PILLAR_ASSIGN_OR_RETURN(aggregator merged, make_aggregator(0));
  for (std::size_t w = 0; w < groups.size(); ++w) {
    const auto list = groups[w].of(part);
    if (!list.empty()) PILLAR_TRY(merged.merge(workers_[w], list));
  }
  return merged.finish(budget);
}

PILLAR_API result<std::vector<std::vector<column>>> parallel_group::finish(executor_ref runner, memory_budget* budget) {
  constexpr std::uint64_t groups_of_part = 16384;
  std::uint64_t total = 0;
  std::uint32_t in_use = 0;
  const aggregator* last = &workers_[0];
  for (const aggregator& one : workers_) {
    total += one.group_count();
    in_use += one.group_count() != 0 ? 1 : 0;
    if (one.group_count() != 0) last = &one;
  }
  std::vector<std::vector<column>> parts;
  if (in_use <= 1) {
    PILLAR_ASSIGN_OR_RETURN(std::vector<column> only, last->finish(budget));
    parts.push_back(std::move(only));
    return parts;
  }
  if (key_types_.empty() || total <= 2 * groups_of_part) {
    PILLAR_ASSIGN_OR_RETURN(aggregator merged, make_aggregator(0));
    for (const aggregator& one : workers_) PILLAR_TRY(merged.merge(one));
    PILLAR_ASSIGN_OR_RETURN(std::vector<column> only, merged.finish(budget));
    parts.push_back(std::move(only));
    return parts;
  }
  unsigned part_bits = 2;
  while (part_bits < 8 && total >> part_bits > groups_of_part) ++part_bits;
  bool by_words = true;
  for (const aggregator& one : workers_)
    by_words = by_words && (one.group_count() == 0 || one.groups().has_words_of(last->groups()));
  std::vector<detail::group_parts> groups(workers_.size());
  std::vector<result<void>> done(workers_.size());
  const auto scatter_one = [&](std::uint32_t index, std::uint32_t) {
    workers_[index].arrange();
    auto made = detail::group_parts::make(workers_[index].groups(), part_bits, budget_, by_words);
    if (made.ok()) groups[index] = *std::move(made);
    else done[index] = made.error();
  };
  runner.bulk(worker_count(), scatter_one);
  for (const auto& each : done) PILLAR_TRY(each);
  const std::uint32_t part_count = std::uint32_t{1} << part_bits;
  parts.resize(part_count);
  done.assign(part_count, {});
  const auto merge_one = [&](std::uint32_t index, std::uint32_t) {
    auto merged = merge_part(groups, PILLAR_MUTATE(parallel_group_parts_mixed, index, index & ~1u), budget);
    if (merged.ok()) parts[index] = *std::move(merged);
    else done[index] = merged.error();
  };
  runner.bulk(part_count, merge_one);
  for (const auto& each : done) PILLAR_TRY(each);
  return parts;
}

}  // namespace PILLAR_NAMESPACE
