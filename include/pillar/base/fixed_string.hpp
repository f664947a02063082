// SPDX-License-Identifier: Apache-2.0
/// A string as a template argument: names of columns and the sentences of compile-time errors.
#pragma once
#include <cstddef>
#include <string_view>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// `fixed_string<N>` holds N - 1 characters and a terminating zero; structural, so it may be a template argument.
template <std::size_t N>
struct fixed_string {
  char characters[N]{};
  constexpr fixed_string() noexcept = default;
  constexpr fixed_string(const char (&literal)[N]) noexcept {
    for (std::size_t i = 0; i < N; ++i) characters[i] = literal[i];
  }
  [[nodiscard]] constexpr std::string_view view() const noexcept { return {characters, N - 1}; }
  template <std::size_t M>
  friend constexpr bool operator==(const fixed_string& a, const fixed_string<M>& b) noexcept {
    return a.view() == b.view();
  }
};

}  // namespace PILLAR_NAMESPACE
