// SPDX-License-Identifier: Apache-2.0
/// An aggregate of a user's: the difference of the greatest and the least value, NULL of nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

namespace pillar_test {

template <class T>
struct width_state {
  using value_type = T;
  using result_type = std::optional<std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>>;
  bool is_empty = true;
  T least{}, greatest{};
  void add(T low, T high) noexcept {
    least = is_empty || low < least ? low : least;
    greatest = is_empty || high > greatest ? high : greatest;
    is_empty = false;
  }
  void update(std::span<const T> values) noexcept {
    for (const T value : values) add(value, value);
  }
  void merge(const width_state& other) noexcept {
    if (!other.is_empty) add(other.least, other.greatest);
  }
  [[nodiscard]] result_type finalize() const noexcept {
    if (is_empty) return {};
    return static_cast<typename result_type::value_type>(greatest) -
           static_cast<typename result_type::value_type>(least);
  }
};

}  // namespace pillar_test
