// SPDX-License-Identifier: Apache-2.0
/// Truth values of a predicate on a row, and sets of them: what may happen in a block.
#pragma once
#include <cstdint>

#include "pillar/base/config.hpp"

namespace PILLAR_NAMESPACE {

/// What a predicate says of one row. Kleene's three values, and an error (overflow in its arithmetic).
enum class truth : std::uint8_t { is_false = 0, is_true = 1, unknown = 2, error = 3 };

/// Kleene logic; an error is never swallowed here. (Only the list of top-level conjuncts may leave out the error of a
/// row that another conjunct rejects, design §2.)
constexpr truth operator!(truth a) noexcept {
  return a == truth::is_true ? truth::is_false : a == truth::is_false ? truth::is_true : a;
}
/// Kleene's and: false wins over unknown.
constexpr truth operator&&(truth a, truth b) noexcept {
  if (a == truth::error || b == truth::error) return truth::error;
  if (a == truth::is_false || b == truth::is_false) return truth::is_false;
  if (a == truth::unknown || b == truth::unknown) return truth::unknown;
  return truth::is_true;
}
/// Kleene's or: true wins over unknown.
constexpr truth operator||(truth a, truth b) noexcept { return !(!a && !b); }

/// What a block as a whole may hold: `none` = neither true nor an error is possible, `all` = only true is.
enum class zone_verdict : std::uint8_t { none, some, all };

/// The set of truth values that may occur. The full set is always sound.
struct truth_set {
  std::uint8_t bits = 15;

  static constexpr truth_set full() noexcept { return {15}; }
  static constexpr truth_set empty() noexcept { return {0}; }
  static constexpr truth_set of(truth value) noexcept {
    return {static_cast<std::uint8_t>(1u << static_cast<unsigned>(value))};
  }
  [[nodiscard]] constexpr bool may_be(truth value) const noexcept { return (bits >> static_cast<unsigned>(value)) & 1; }
  constexpr truth_set& add(truth value) noexcept {
    bits = static_cast<std::uint8_t>(bits | (1u << static_cast<unsigned>(value)));
    return *this;
  }
  friend constexpr bool operator==(truth_set, truth_set) = default;

  [[nodiscard]] constexpr truth_set negate() const noexcept {
    truth_set out = empty();
    for (unsigned a = 0; a < 4; ++a)
      if (may_be(static_cast<truth>(a))) out.add(!static_cast<truth>(a));
    return out;
  }
  [[nodiscard]] constexpr truth_set both(truth_set other) const noexcept { return combine(other, true); }
  [[nodiscard]] constexpr truth_set either(truth_set other) const noexcept { return combine(other, false); }
  [[nodiscard]] constexpr zone_verdict verdict() const noexcept {
    if (!may_be(truth::is_true) && !may_be(truth::error)) return zone_verdict::none;
    return bits == truth_set::of(truth::is_true).bits ? zone_verdict::all : zone_verdict::some;
  }

 private:
  [[nodiscard]] constexpr truth_set combine(truth_set other, bool conjunction) const noexcept {
    truth_set out = empty();
    for (unsigned a = 0; a < 4; ++a)
      for (unsigned b = 0; b < 4; ++b)
        if (may_be(static_cast<truth>(a)) && other.may_be(static_cast<truth>(b)))
          out.add(conjunction ? (static_cast<truth>(a) && static_cast<truth>(b))
                              : (static_cast<truth>(a) || static_cast<truth>(b)));
    return out;
  }
};

}  // namespace PILLAR_NAMESPACE
