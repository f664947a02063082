// SPDX-License-Identifier: Apache-2.0
/// What an aggregate state is, for states of your own: a value that starts empty, takes batches, merges, and ends.
///
/// Laws, for any split of the values into batches and states: updating one state with all values, and merging states
/// that were updated with the parts, finalize to equal results (to the same bits, unless the state says otherwise);
/// merging an empty state changes nothing.
#pragma once
#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// Default construction is the empty state. States are trivially copyable, so that they lie in rows of a group table.
template <class S>
concept aggregate_state = std::default_initializable<S> && std::is_trivially_copyable_v<S> &&
    requires(S& state, const S& other, std::span<const typename S::value_type> values) {
  { state.update(values) }
  noexcept;
  { state.merge(other) }
  noexcept;
  { other.finalize() }
  noexcept->std::same_as<typename S::result_type>;
};

/// Optional: takes back what merge added, so that rows can leave (windows, views that are kept up to date).
template <class S>
concept subtractable_state = aggregate_state<S> && requires(S& state, const S& other) {
  { state.subtract(other) }
  noexcept;
};

/// The archetype: counts.
struct count_state {
  using value_type = std::int64_t;
  using result_type = std::uint64_t;
  std::uint64_t count = 0;
  void update(std::span<const value_type> values) noexcept { count += values.size(); }
  void merge(const count_state& other) noexcept { count += other.count; }
  [[nodiscard]] result_type finalize() const noexcept { return count; }
};
static_assert(aggregate_state<count_state>);

}  // namespace PILLAR_NAMESPACE
