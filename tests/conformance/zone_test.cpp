// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/zone.hpp"

#include <gtest/gtest.h>

#include "support/sanitized.hpp"

namespace pillar_test::conformance_zone {
namespace {

using pillar::conformance::check_zone;
using pillar::conformance::zone_map_statistics;

TEST(conformance_zone, zone_maps_are_sound) {
  const auto found = check_zone<zone_map_statistics>();
  EXPECT_TRUE(found.ok()) << found;
  EXPECT_GT(found.find("the same for merged statistics")->cases, 0u);
  const auto verdicts = found.count("verdict none") + found.count("verdict all") + found.count("verdict some");
  EXPECT_GE(found.count("verdict none") * 10, verdicts) << found;
  EXPECT_GE(found.count("verdict all") * 10, verdicts) << found;
  EXPECT_GT(found.count("all NULL"), 0u);
  EXPECT_GT(found.count("all NaN"), 0u);
}

// One below the true maximum, as `<` for `<=` gives.
struct too_tight {
  zone_map_statistics inner{};
  static too_tight of(const pillar::vector& rows) {
    too_tight made{zone_map_statistics::of(rows)};
    auto& zone = made.inner.zone;
    if (rows.type.physical == pillar::physical_type::int32 && zone.has_max) zone.integers.max -= 1;
    return made;
  }
  [[nodiscard]] pillar::truth_set answer(const pillar::domain& test) const { return inner.answer(test); }
};

// Forgets that NULL is unknown: sound for none and all of the rows' values, unsound for `not`.
struct forgets_nulls {
  zone_map_statistics inner{};
  static forgets_nulls of(const pillar::vector& rows) { return {zone_map_statistics::of(rows)}; }
  [[nodiscard]] pillar::truth_set answer(const pillar::domain& test) const {
    pillar::truth_set said = inner.answer(test);
    if (said.may_be(pillar::truth::is_true)) said.bits &= static_cast<std::uint8_t>(~4u);
    return said;
  }
};

// Takes no statistics for no rows.
struct sure_of_nothing {
  zone_map_statistics inner{};
  bool known = false;
  static sure_of_nothing of(const pillar::vector& rows) { return {zone_map_statistics::of(rows), true}; }
  [[nodiscard]] pillar::truth_set answer(const pillar::domain& test) const {
    return known ? inner.answer(test) : pillar::truth_set::of(pillar::truth::is_false);
  }
};

TEST(conformance_zone, liars_are_reported) {
  if (sanitized) GTEST_SKIP() << "what is reported is the same without sanitizers";
  const auto tight = check_zone<too_tight>();
  EXPECT_FALSE(tight.find("none and all are true of every row")->holds) << tight;
  EXPECT_FALSE(tight.find("the truth set holds what every row gives")->counterexample.empty());
  const auto forgetful = check_zone<forgets_nulls>();
  EXPECT_FALSE(forgetful.find("and, or, not over several columns keep it sound")->holds) << forgetful;
  EXPECT_FALSE(check_zone<sure_of_nothing>().find("statistics that know nothing are sound for any rows")->holds);
}

}  // namespace
}  // namespace pillar_test::conformance_zone
