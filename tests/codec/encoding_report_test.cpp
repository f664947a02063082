// SPDX-License-Identifier: Apache-2.0
#include "pillar/codec/encoding_report.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace pillar_test::codec_encoding_report {
namespace {

using pillar::codec_id;
using pillar::encoding_verdict;

TEST(codec_encoding_report, a_line_for_the_column_and_one_per_candidate) {
  pillar::encoding_report report;
  EXPECT_EQ(report.chosen(), nullptr);
  report.type = pillar::type_of<std::int64_t>;
  report.row_count = 3000;
  report.null_count = 7;
  report.raw_bytes = 24000;
  EXPECT_EQ(to_string(report), "int64, 3000 rows, 7 NULL, 24000 bytes raw\n");
  report.candidates = {
      {"constant", codec_id::constant, encoding_verdict::ruled_out, 0, 0, "several values"},
      {"frame_of_reference", codec_id::frame_of_reference, encoding_verdict::costs_more, 7680, 1, {}},
      {"run_end(delta, a tree whose name is longer than its column)",
       codec_id::run_end,
       encoding_verdict::chosen,
       900,
       1,
       {}},
      {"delta", codec_id::delta, encoding_verdict::gave_up, 0, 0, {}},
      {"bitmap", codec_id::bitmap, encoding_verdict::does_not_fit, 0, 0, {}},
  };
  EXPECT_EQ(report.chosen(), &report.candidates[2]);
  const std::string text = to_string(report);
  EXPECT_EQ(text,
            "int64, 3000 rows, 7 NULL, 24000 bytes raw\n"
            "    constant                                             -  ruled out: several values\n"
            "    frame_of_reference                                7680  costs more\n"
            "  * run_end(delta, a tree whose name is longer than its column)        900  chosen\n"
            "    delta                                                -  gave up\n"
            "    bitmap                                               -  does not fit\n");
  std::ostringstream out;
  out << report;
  EXPECT_EQ(out.str(), text);
}

TEST(codec_encoding_report, verdicts_have_words) {
  EXPECT_STREQ(to_string(encoding_verdict::chosen), "chosen");
  EXPECT_STREQ(to_string(encoding_verdict::ruled_out), "ruled out");
  EXPECT_STREQ(to_string(static_cast<encoding_verdict>(9)), "unknown");
}

}  // namespace
}  // namespace pillar_test::codec_encoding_report
