// SPDX-License-Identifier: Apache-2.0
/// The soundness of statistics: what they say of a domain, or of a predicate made of several, is never less than what
/// the rows do.
///
/// Laws:
///   the truth set holds every truth value that a row gives: NULL is unknown, NaN is greatest
///   the same after and, or, not (Kleene) over several columns, and for merged statistics
///   `none` and `all` are true of every row
///   statistics that know nothing are sound for any rows
#pragma once
#include <concepts>
#include <span>

#include "pillar/base/function_ref.hpp"
#include "pillar/conformance/report.hpp"
#include "pillar/expr/domain.hpp"
#include "pillar/expr/truth.hpp"
#include "pillar/zone/zone_map.hpp"

namespace PILLAR_NAMESPACE::conformance {

/// Statistics of a vector, made by of(); a default one knows nothing. `void merge(const Z&)` is optional.
template <class Z>
concept zone_statistics = std::default_initializable<Z> &&
    requires(const Z& zone, const vector& rows, const domain& test) {
  { Z::of(rows) } -> std::same_as<Z>;
  { zone.answer(test) } -> std::same_as<truth_set>;
};

/// Pillar's own zone map as a model.
struct zone_map_statistics {
  zone_map zone{};
  bool known = false;
  static zone_map_statistics of(const vector& rows) { return {zone_of(rows), true}; }
  void merge(const zone_map_statistics& other) { pillar::merge(zone, other.zone); }
  [[nodiscard]] truth_set answer(const domain& test) const {
    zone_map asked = zone;
    if (!known) asked.physical = test.physical, asked.row_count = 1;  // some rows of the type, and no more
    return pillar::answer(test, asked);
  }
};
static_assert(zone_statistics<zone_map_statistics>);

/// Type-erased: what the statistics of all `parts` together say; of no parts: what unknown ones say.
using zone_answerer = function_ref<truth_set(std::span<const vector> parts, const domain& test)>;
/// The laws of zone statistics, type-erased; `merges`: parts may be put together.
[[nodiscard]] PILLAR_API report check_zone(zone_answerer answers, bool merges, const settings& how = {});

/// Checks statistics of rows, Pillar's or yours, by their type.
template <zone_statistics Z>
[[nodiscard]] report check_zone(const settings& how = {}) {
  constexpr bool merges = requires(Z & into, const Z& from) { into.merge(from); };
  const auto answers = [](std::span<const vector> parts, const domain& test) -> truth_set {
    if (parts.empty()) return Z{}.answer(test);
    Z zone = Z::of(parts[0]);
    if constexpr (merges)
      for (const vector& part : parts.subspan(1)) zone.merge(Z::of(part));
    return zone.answer(test);
  };
  return check_zone(answers, merges, how);
}

}  // namespace PILLAR_NAMESPACE::conformance

#ifdef PILLAR_HEADER_ONLY
#include "pillar/conformance/impl/zone.hpp"
#endif
