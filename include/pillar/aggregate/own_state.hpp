// SPDX-License-Identifier: Apache-2.0
/// Your own aggregate in an aggregator or a pipeline: any aggregate_state behind the seam of grouped_state.
///
///     aggregate_spec{aggregate_kind::own, input, {.own = &own_aggregate_of<deviation>}}
///     group_by("line"_col)(own<deviation>("delay"_col).as("spread"_col))
///
/// Example: examples/own_aggregate/main.cpp
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "pillar/aggregate/aggregate.hpp"      // aggregate_state
#include "pillar/aggregate/grouped_state.hpp"  // grouped_state
#include "pillar/base/growable.hpp"
#include "pillar/column/builder.hpp"        // column_builder
#include "pillar/column/detail/gather.hpp"  // unaligned_value

namespace PILLAR_NAMESPACE {

/// States of S by group number. A result of std::optional<R> is NULL where it is empty.
///
/// Requires: S::value_type: a fixed-width value of the input's physical type, or std::string_view; S::result_type: a
///           column type or std::string_view, or std::optional of one
/// Cost:     one update per run of rows of one group
template <aggregate_state S>
class own_states final : public grouped_state {
 public:
  using value_type = typename S::value_type;
  explicit own_states(memory_budget* budget) noexcept : states_(budget) {}

  result<void> reserve(const group_rows&, std::uint32_t group_count) override { return grow(group_count); }
  void add(const group_rows& rows) noexcept override {
    value_type run[vector_rows];
    std::uint32_t length = 0;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      if constexpr (std::is_same_v<value_type, std::string_view>) run[length++] = rows.values->text_value(rows.row[i]);
      else run[length++] = detail::unaligned_value<value_type>(*rows.values, rows.row[i]);
      if (i + 1 < rows.count && rows.group[i + 1] == rows.group[i]) continue;
      states_[rows.group[i]].update(std::span<const value_type>(run, length));
      length = 0;
    }
  }
  result<void> reserve_merge(const grouped_state&, const group_pairs&, std::uint32_t group_count) override {
    return grow(group_count);
  }
  void merge(const grouped_state& other, const group_pairs& groups) noexcept override {
    const auto& from = static_cast<const own_states&>(other).states_;
    for (std::uint32_t i = 0; i < groups.count && groups.there(i) < from.size(); ++i)
      states_[groups.here(i)].merge(from[groups.there(i)]);
  }
  void truncate(std::uint32_t group_count) noexcept override {
    if (group_count < states_.size()) states_.truncate(group_count);
  }
  result<void> append_results(std::uint32_t first, std::uint32_t count, column_builder& out,
                              memory_budget*) const override {
    for (std::uint32_t group = first; group < first + count; ++group)
      PILLAR_TRY(append(group < states_.size() ? states_[group].finalize() : S{}.finalize(), out));
    return {};
  }

 private:
  template <class R>
  static result<void> append(const R& value, column_builder& out) {
    if constexpr (std::is_floating_point_v<R>) return out.append_real(static_cast<double>(value));
    else if constexpr (std::is_convertible_v<R, std::string_view>) return out.append_text(value);
    else if constexpr (integer<R> || std::is_same_v<R, bool>) return out.append_integer(static_cast<int128>(value));
    else return out.template append_values<R>(std::span<const R>(&value, 1));
  }
  template <class R>
  static result<void> append(const std::optional<R>& value, column_builder& out) {
    return value ? append(*value, out) : out.append_null();
  }
  result<void> grow(std::uint32_t group_count) noexcept {
    if (group_count <= states_.size()) return {};
    PILLAR_TRY(states_.reserve(group_count - states_.size()));
    while (states_.size() < group_count) states_.push(S{});
    return {};
  }
  growable<S> states_;
};

namespace detail {
template <class R>
struct own_result {
  static constexpr data_type type = type_of<R>;
};
template <>
struct own_result<std::string_view> {
  static constexpr data_type type = type_of<text>;
};
template <class R>
struct own_result<std::optional<R>> {
  static constexpr data_type type = own_result<R>::type.as_nullable();
};
template <aggregate_state S>
constexpr bool own_takes(const data_type& input) noexcept {
  if constexpr (std::is_same_v<typename S::value_type, std::string_view>) return input.physical == physical_type::text;
  else return input.physical == type_of<typename S::value_type>.physical;
}
template <aggregate_state S>
std::unique_ptr<grouped_state> make_own(memory_budget* budget) {
  return std::make_unique<own_states<S>>(budget);
}
}  // namespace detail

/// What an aggregate_spec of kind `own` points to.
template <aggregate_state S>
inline constexpr own_aggregate own_aggregate_of{detail::own_result<typename S::result_type>::type, detail::own_takes<S>,
                                                detail::make_own<S>};

}  // namespace PILLAR_NAMESPACE
