// SPDX-License-Identifier: Apache-2.0
/// The laws of an aggregate state.
///
/// Laws:
///   updating in parts gives what updating with the whole gives, wherever it is cut
///   merging the states of parts gives what the whole gives
///   merge is associative, and commutative (unless the facts say otherwise)
///   merging an empty state, or into one, changes nothing; updating with nothing neither
///   finalize is pure: asked twice, and before more values come
///   a copy of a state, by its bytes, goes on alone
///   subtract takes back what merge added                                                     (where offered)
///   NULL rows and rows that are not selected do not count
#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "pillar/aggregate/aggregate.hpp"
#include "pillar/base/function_ref.hpp"
#include "pillar/column/selection.hpp"
#include "pillar/column/types.hpp"
#include "pillar/column/vector.hpp"
#include "pillar/conformance/report.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// What an aggregate promises.
struct aggregate_facts {
  data_type input = type_of<std::int64_t>;
  bool commutative = true;
  bool subtracts = false;
  bool whole_range = true;  ///< false: integers stay below 2^31, for states that may overflow
};

/// States by number, 0 to 7, of any kind of aggregate.
struct aggregate_machine {
  function_ref<void(int state)> reset;
  function_ref<void(int state, const vector& values, const selection_mask& rows)> update;
  function_ref<void(int into, int from)> merge;
  function_ref<void(int from, int what)> subtract;  ///< called only where the facts say so
  function_ref<void(int to, int from)> copy;
  function_ref<bool(int a, int b)> equal;  ///< of what they finalize to
  function_ref<std::string(int state)> describe;
};
/// The laws of aggregate states, type-erased: for states that are not a C++ type.
[[nodiscard]] PILLAR_API report check_aggregate(const aggregate_machine& machine, const aggregate_facts& facts,
                                                const settings& how = {});

/// Equal, or both NaN.
struct same_result {
  template <class R>
  bool operator()(const R& a, const R& b) const {
    if constexpr (std::is_floating_point_v<R>) return a == b || (a != a && b != b);
    else return a == b;
  }
};

/// Checks a state of your own. `equal` is what it calls equal results: exactly, unless you say otherwise.
template <aggregate_state S, class Equal = same_result>
[[nodiscard]] report check_aggregate(aggregate_facts facts = {.input = type_of<typename S::value_type>},
                                     const settings& how = {}, const Equal& equal = {}) {
  using value_type = typename S::value_type;
  S states[8];
  facts.subtracts = subtractable_state<S>;
  const auto reset = [&](int state) { states[state] = S{}; };
  const auto update = [&](int state, const vector& values, const selection_mask& rows) {
    std::vector<value_type> kept;
    for_each_row(rows, [&](std::uint32_t row) {
      if (values.valid(row)) kept.push_back(values.template value<value_type>(row));
    });
    states[state].update(std::span<const value_type>(kept));
  };
  const auto merge = [&](int into, int from) { states[into].merge(states[from]); };
  const auto subtract = [&]([[maybe_unused]] int from, [[maybe_unused]] int what) {
    if constexpr (subtractable_state<S>) states[from].subtract(states[what]);
  };
  const auto copy = [&](int to, int from) { __builtin_memcpy(&states[to], &states[from], sizeof(S)); };
  const auto same = [&](int a, int b) -> bool { return equal(states[a].finalize(), states[b].finalize()); };
  const auto describe = [&](int state) -> std::string {
    if constexpr (std::is_arithmetic_v<typename S::result_type>) return std::to_string(states[state].finalize());
    else return "a result";
  };
  return check_aggregate({reset, update, merge, subtract, copy, same, describe}, facts, how);
}

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/aggregate.hpp"
#endif
