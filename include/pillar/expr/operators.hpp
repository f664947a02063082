// SPDX-License-Identifier: Apache-2.0
/// The comparison and arithmetic operators of expressions.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// The six comparisons.
enum class compare_operator : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };
/// Checked arithmetic.
enum class arithmetic_operator : std::uint8_t { add, subtract, multiply };

/// The operator for exchanged sides: a < b is b > a.
constexpr compare_operator mirror(compare_operator op) noexcept {
  switch (op) {
    case compare_operator::less: return compare_operator::greater;
    case compare_operator::less_equal: return compare_operator::greater_equal;
    case compare_operator::greater: return compare_operator::less;
    case compare_operator::greater_equal: return compare_operator::less_equal;
    default: return op;
  }
}

}  // namespace PILLAR_NAMESPACE
