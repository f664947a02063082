// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/report.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace pillar_test::conformance_report {
namespace {

TEST(conformance_report, reads_as_a_page) {
  pillar::conformance::report page;
  EXPECT_FALSE(page.ok());  // of nothing
  page.subject = "codec 200";
  page.laws.push_back({.law = "gives back", .cases = 12});
  page.laws.push_back({.law = "sums", .required = false});
  page.counts.push_back({"all NULL", 4});
  EXPECT_TRUE(page.ok());
  EXPECT_EQ(page.find("sums"), &page.laws[1]);
  EXPECT_EQ(page.find("other"), nullptr);
  EXPECT_EQ(page.count("other"), 0u);
  std::ostringstream out;
  out << page;
  EXPECT_EQ(out.str(),
            "codec 200: conforms\n"
            "  holds   gives back (12 cases)\n"
            "  –       sums (not offered)\n"
            "  met     all NULL × 4\n");
}

}  // namespace
}  // namespace pillar_test::conformance_report
