// SPDX-License-Identifier: Apache-2.0
#include "pillar/hash/value.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "pillar/column/scalar.hpp"

namespace pillar_test::hash_value {
namespace {

using pillar::hash_combine;
using pillar::hash_integer;
using pillar::hash_real;
using pillar::hash_text;
using pillar::hash_word;
using pillar::int128;
using pillar::scalar;
using pillar::type_of;

// Version 1 is published: these numbers never change.
TEST(hash_value, golden_values_of_version_1) {
  EXPECT_EQ(pillar::hash_version, 1u);
  EXPECT_EQ(hash_word(0), 0xe220a8397b1dcdafull);
  EXPECT_EQ(hash_word(1), 0x910a2dec89025cc1ull);
  EXPECT_EQ(hash_integer(-1), 0xe4d971771b652c20ull);
  EXPECT_EQ(hash_integer(int128{1} << 64), 0xd8f8a1c21a298fe4ull);
  EXPECT_EQ(hash_integer(-(int128{1} << 100)), 0x76a25a35b88d8469ull);
  EXPECT_EQ(hash_real(0.1), 0xf823e4ed2fb12a7dull);
  EXPECT_EQ(hash_text(""), 0x2d06800538d394c2ull);
  EXPECT_EQ(hash_text("N725MQ"), 0x4fa7408db2b80eebull);
  EXPECT_EQ(hash_text("The quick brown fox jumps over the lazy dog, and then some more text, and some more again, "
                      "and again, until it is longer than two hundred and forty bytes, where the algorithm changes; "
                      "so this sentence has to go on for a while, until here at least."),
            0x630ffd033a524a83ull);
  EXPECT_EQ(hash_combine(hash_word(1), hash_word(2)), 0xfa6717fe1470513eull);
  EXPECT_EQ(pillar::hash_of_null, 0x9ae16a3b2f90404full);
}

TEST(hash_value, equal_values_of_different_widths_hash_alike) {
  for (const int value : {0, 1, -1, 127, -128, 100}) {
    const std::uint64_t hash = hash_word(static_cast<std::uint64_t>(std::int64_t{value}));
    for (const auto& type : {type_of<std::int8_t>, type_of<std::int16_t>, type_of<std::int32_t>, type_of<std::int64_t>,
                             pillar::decimal_type(15, 2), pillar::decimal_type(38, 2)})
      EXPECT_EQ(pillar::hash_value(scalar::of_integer(type, value)), hash);
  }
  EXPECT_EQ(hash_integer(std::numeric_limits<std::uint64_t>::max()), hash_word(~0ull));
  EXPECT_NE(hash_integer(int128{1} << 64), hash_integer(0));
  EXPECT_NE(hash_integer(-(int128{1} << 64)), hash_integer(0));
}

TEST(hash_value, zeros_agree_and_nans_agree) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(hash_real(0.0), hash_real(-0.0));
  EXPECT_EQ(hash_real(nan), hash_real(-nan));
  EXPECT_EQ(hash_real(std::bit_cast<double>(0x7ff0000000000001ull)), hash_real(nan));
  EXPECT_NE(hash_real(1.0), hash_real(-1.0));
  EXPECT_EQ(hash_real(static_cast<double>(0.5f)), hash_real(0.5));
}

TEST(hash_value, null_has_one_hash_whatever_its_type) {
  EXPECT_EQ(pillar::hash_value(scalar::of_null(type_of<std::int8_t>)), pillar::hash_of_null);
  EXPECT_EQ(pillar::hash_value(scalar::of_null(type_of<pillar::text>)), pillar::hash_of_null);
}

TEST(hash_value, combining_depends_on_the_order) {
  EXPECT_NE(hash_combine(hash_word(1), hash_word(2)), hash_combine(hash_word(2), hash_word(1)));
}

}  // namespace
}  // namespace pillar_test::hash_value
