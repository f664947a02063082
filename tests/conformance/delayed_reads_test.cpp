// SPDX-License-Identifier: Apache-2.0
#include "pillar/conformance/delayed_reads.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "pillar/conformance/faults.hpp"

namespace pillar_test::conformance_delayed_reads {
namespace {

TEST(conformance_delayed_reads, end_out_of_turn_and_overlap_in_virtual_time) {
  pillar::conformance::memory_file file;
  const std::string text = "0123456789abcdef";
  ASSERT_TRUE(file.append(std::as_bytes(std::span(text))).ok());
  pillar::conformance::delayed_reads reads(file, 1'000);
  char got[16] = {};
  for (std::uint64_t i = 0; i < 16; ++i)
    reads.submit({15 - i, std::as_writable_bytes(std::span(got)).subspan(15 - i, 1), i});
  EXPECT_EQ(reads.most_in_flight(), 16u);
  std::set<std::uint64_t> done;
  bool in_turn = true;
  for (std::uint64_t i = 0; i < 16; ++i) {
    const auto one = reads.complete();
    EXPECT_EQ(one.why.code, pillar::errc::ok);
    in_turn = in_turn && one.tag == i;
    EXPECT_TRUE(done.insert(one.tag).second);
  }
  EXPECT_FALSE(in_turn);
  EXPECT_EQ(std::string(got, 16), text);
  EXPECT_EQ(reads.reads(), 16u);
  EXPECT_GE(reads.now_ns(), 1'000u);
  EXPECT_LE(reads.now_ns(), 1'500u);  // all of them at once
  reads.submit({16, std::as_writable_bytes(std::span(got)).first(1), 7});
  EXPECT_EQ(reads.complete().why.code, pillar::errc::truncated);
  EXPECT_GE(reads.now_ns(), 2'000u);
}

}  // namespace
}  // namespace pillar_test::conformance_delayed_reads
