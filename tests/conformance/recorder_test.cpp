// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/recorder.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "pillar/conformance/report.hpp"

namespace pillar_test::conformance_recorder {
namespace {

using pillar::conformance::recorder;
using pillar::conformance::settings;

TEST(conformance_recorder, keeps_the_first_counterexample_and_what_came_before_a_crash) {
  for (const bool isolated : {true, false}) {
    recorder found("a part", {{"holds"}, {"breaks"}, {"dies"}, {"is not tried"}, {"is not offered", false}}, {"cases"});
    found.run({.isolated = isolated}, [&] {
      found.at(0, 11, "case eleven");
      found.count(0, 3);
      found.expect(true, [] { return std::string(); });
      found.at(1);
      found.expect(false, [] { return std::string("3 for 4"); });
      found.at(1, 12, "case twelve");
      found.expect(false, [] { return std::string("5 for 6"); });
      found.at(2, 13, "case thirteen");
      if (isolated) raise(SIGKILL);
    });
    const auto report = found.finish();
    EXPECT_FALSE(report.ok());
    EXPECT_TRUE(report.laws[0].holds);
    EXPECT_EQ(report.laws[1].seed, 11u);
    EXPECT_EQ(report.laws[1].cases, 2u);
    EXPECT_EQ(report.laws[1].counterexample, "case eleven: 3 for 4");
    EXPECT_EQ(report.laws[2].holds, !isolated);
    EXPECT_EQ(report.count("cases"), 3u);
    const std::string text = to_string(report);
    EXPECT_NE(text.find("a part: DOES NOT CONFORM"), std::string::npos) << text;
    EXPECT_NE(text.find("untried is not tried"), std::string::npos) << text;
    EXPECT_NE(text.find("is not offered (not offered)"), std::string::npos) << text;
    if (isolated)
      EXPECT_NE(text.find("seed 13: case thirteen: ended the process with signal 9"), std::string::npos) << text;
  }
}

TEST(conformance_recorder, an_endless_loop_ends) {
  recorder found("a part", {{"ends"}}, {});
  found.run({.time_limit_seconds = 1}, [&] {
    found.at(0, 1, "a loop");
    std::atomic<int> turns{0};
    while (true) turns.fetch_add(1);
  });
  EXPECT_EQ(found.finish().laws[0].counterexample, "a loop: did not end within 1 s");
}

TEST(conformance_recorder, a_required_law_without_cases_does_not_conform) {
  recorder found("nothing", {{"is tried"}}, {});
  found.run({}, [] {});
  EXPECT_FALSE(found.finish().ok());
}

}  // namespace
}  // namespace pillar_test::conformance_recorder
