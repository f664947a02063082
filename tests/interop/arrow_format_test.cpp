// SPDX-License-Identifier: Apache-2.0
#include "pillar/interop/arrow_format.hpp"

#include <gtest/gtest.h>

#include "pillar/column/scalar.hpp"

namespace pillar_test::interop_arrow_format {
namespace {

TEST(interop_arrow_format, formats_and_types_agree) {
  for (const char* format :
       {"b",     "c",      "C",       "s",   "S",       "i",       "I",       "l",       "L",  "f", "g",
        "d:1,0", "d:15,2", "d:38,38", "tdD", "tss:UTC", "tsm:UTC", "tsu:UTC", "tsn:UTC", "vu", "vz"}) {
    const auto parsed = pillar::parse_arrow_format(format);
    ASSERT_TRUE(parsed.ok()) << format;
    EXPECT_EQ(pillar::arrow_format_of(parsed->type), format);
  }
  const pillar::arrow_format_options plain{pillar::arrow_text::large_utf8, true, false};
  for (const char* format : {"U", "Z", "d:18,2,64", "d:19,2", "tsu:"})
    EXPECT_EQ(pillar::arrow_format_of(pillar::parse_arrow_format(format)->type, plain), format);
  EXPECT_EQ(pillar::parse_arrow_format("tsm:Asia/Tokyo")->time_zone, "Asia/Tokyo");
  EXPECT_EQ(pillar::parse_arrow_format("d:7,3,32")->value_bytes, 4);
}

TEST(interop_arrow_format, what_is_no_format) {
  for (const char* format : {"", "x", "dd", "d:", "d:5", "d:5,", "d:5,2,", "d:5,2,65", "d:5,2,64,1", "d:x,2", "d:0,0",
                             "tdX", "tsu", "tsx:", "t", "v", "vx", "uu"}) {
    const auto parsed = pillar::parse_arrow_format(format);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << format;
  }
}

}  // namespace
}  // namespace pillar_test::interop_arrow_format
