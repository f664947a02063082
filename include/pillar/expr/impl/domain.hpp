// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>

#include "pillar/base/mutant.hpp"
#include "pillar/expr/domain.hpp"

namespace PILLAR_NAMESPACE {

PILLAR_API bool domain::contains_integer(int128 value) const noexcept {
  bool inside = false;
  if (kind == domain_kind::range) inside = lo <= value && value <= hi;
  else if (kind == domain_kind::points) inside = std::binary_search(integers.begin(), integers.end(), value);
  else return negated;
  return inside != negated;
}

PILLAR_API bool domain::contains_real(double value) const noexcept {
  bool inside = false;
  if (kind == domain_kind::null_test || kind == domain_kind::opaque) return negated;
  if (value != value) inside = nan;
  else if (kind == domain_kind::range) inside = real_lo <= value && value <= real_hi;
  else inside = std::binary_search(reals.begin(), reals.end(), value);
  return inside != negated;
}

PILLAR_API bool domain::contains_text(std::string_view value) const noexcept {
  bool inside = false;
  if (kind == domain_kind::range) {
    inside = value >= text_lo && (!has_hi || value < text_hi);
  } else if (kind == domain_kind::points) {
    const auto at = std::lower_bound(texts.begin(), texts.end(), value,
                                     [](const std::string& a, std::string_view b) { return std::string_view(a) < b; });
    inside = at != texts.end() && *at == value;
  } else {
    return negated;
  }
  return inside != negated;
}

PILLAR_API bool domain::contains(const scalar& value) const {
  if (physical == physical_type::text) return contains_text(value.text);
  if (is_float(physical)) return contains_real(value.real);
  return contains_integer(value.integer);
}

PILLAR_API bool domain::is_everything() const noexcept {
  if (kind == domain_kind::opaque || kind == domain_kind::null_test) return false;
  if (physical == physical_type::text) {
    if (kind == domain_kind::points) return negated && texts.empty();
    return negated ? has_hi && text_hi <= text_lo : text_lo.empty() && !has_hi;
  }
  if (is_float(physical)) {
    if (kind == domain_kind::points) return negated && reals.empty() && !nan;
    const double infinity = __builtin_inf();
    return negated ? real_lo > real_hi && !nan : real_lo == -infinity && real_hi == infinity && nan;
  }
  if (kind == domain_kind::points) return negated && integers.empty();
  return negated ? lo > hi : lo == lowest_of(physical) && hi == highest_of(physical);
}

PILLAR_API bool domain::is_nothing() const noexcept {
  if (kind == domain_kind::opaque || kind == domain_kind::null_test) return false;
  domain inverse;
  inverse.kind = kind;
  inverse.physical = physical;
  inverse.negated = !negated;
  inverse.lo = lo, inverse.hi = hi;
  inverse.real_lo = real_lo, inverse.real_hi = real_hi, inverse.nan = nan;
  inverse.has_hi = has_hi;
  if (physical == physical_type::text && kind == domain_kind::range)
    return negated ? text_lo.empty() && !has_hi : has_hi && text_hi <= text_lo;
  if (kind == domain_kind::points) return !negated && integers.empty() && reals.empty() && texts.empty() && !nan;
  return inverse.is_everything();
}

PILLAR_API domain integer_range(physical_type physical, int128 lo, int128 hi, bool negated) {
  domain made;
  made.physical = physical;
  made.negated = negated;
  const int128 least = lowest_of(physical), most = highest_of(physical);
  made.lo = lo < least ? least : lo;
  made.hi = hi > most ? most : hi;
  if (made.lo > made.hi) made.lo = 0, made.hi = -1;
  return made;
}

PILLAR_API domain real_range(physical_type physical, double lo, double hi, bool nan, bool negated) {
  domain made;
  made.physical = physical;
  made.negated = negated;
  made.real_lo = lo + 0.0;  // −0.0 becomes 0.0
  made.real_hi = hi + 0.0;
  made.nan = nan;
  if (!(made.real_lo <= made.real_hi)) made.real_lo = 1, made.real_hi = 0;
  return made;
}

PILLAR_API domain text_range(std::string_view lo, bool has_hi, std::string_view hi, bool negated) {
  domain made;
  made.physical = physical_type::text;
  made.negated = negated;
  made.text_lo = lo;
  made.has_hi = has_hi;
  if (has_hi) made.text_hi = hi;
  return made;
}

PILLAR_API domain null_test(physical_type physical, bool negated) {
  domain made;
  made.kind = domain_kind::null_test;
  made.physical = physical;
  made.negated = negated;
  return made;
}

PILLAR_API bool prefix_successor(std::string_view prefix, std::string& out) {
  out.assign(prefix);
  while (!out.empty()) {
    const auto last = static_cast<unsigned char>(out.back());
    if (last != 0xff) {
      out.back() = static_cast<char>(last + 1);
      return true;
    }
    out.pop_back();
  }
  return false;
}

}  // namespace PILLAR_NAMESPACE
