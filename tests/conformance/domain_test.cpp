// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/domain.hpp"

#include <gtest/gtest.h>

#include "pillar/conformance/sample.hpp"
#include "pillar/filter/match.hpp"
#include "pillar/simd/dispatch.hpp"
#include "support/sanitized.hpp"

namespace pillar_test::conformance_domain {
namespace {

using pillar::conformance::check_match;

void filter_match(const pillar::vector& values, const pillar::domain& test, std::uint64_t* mask) {
  pillar::match(values, test, pillar::flat_match_kernels_for(pillar::best_arch_level()), mask);
}

TEST(conformance_domain, the_filters_match_conforms) {
  const auto found = check_match(filter_match);
  EXPECT_TRUE(found.ok()) << found;
  const auto verdicts = found.count("verdict none") + found.count("verdict all") + found.count("verdict some");
  EXPECT_GE(found.count("verdict none") * 10, verdicts) << found;
  EXPECT_GE(found.count("verdict all") * 10, verdicts) << found;
}

TEST(conformance_domain, liars_are_reported) {
  if (sanitized) GTEST_SKIP() << "what is reported is the same without sanitizers";
  const auto nan_is_least = [](const pillar::vector& values, const pillar::domain& test, std::uint64_t* mask) {
    pillar::domain other = test;
    if (pillar::is_float(test.physical) && test.kind == pillar::domain_kind::range && test.real_hi > 1)
      other.nan = !test.nan;
    filter_match(values, other, mask);
  };
  EXPECT_FALSE(check_match(nan_is_least).find("the mask agrees with the values")->holds);
  const auto one_word_more = [](const pillar::vector& values, const pillar::domain& test, std::uint64_t* mask) {
    filter_match(values, test, mask);
    if (values.size % 64 != 0) mask[values.size / 64] |= std::uint64_t{1} << 63;
  };
  EXPECT_FALSE(check_match(one_word_more).find("only the words of the rows are written, zero beyond the last")->holds);
}

TEST(conformance_domain, faults_of_form_are_named) {
  using pillar::conformance::canonical_fault;
  pillar::domain points;
  points.kind = pillar::domain_kind::points;
  points.physical = pillar::physical_type::int8;
  points.integers = {1, 3, 2};
  EXPECT_EQ(canonical_fault(points), "points are not sorted and unique");
  points.integers = {1, 300};
  EXPECT_EQ(canonical_fault(points), "a point is beyond the type's limits");
  pillar::domain zero = pillar::real_range(pillar::physical_type::float32, -1, 1, false);
  EXPECT_EQ(canonical_fault(zero), "");
  zero.real_hi = 0.1;
  EXPECT_EQ(canonical_fault(zero), "a bound is NaN, −0.0 or no float");
}

}  // namespace
}  // namespace pillar_test::conformance_domain
