// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/scalar.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace pillar_test::column_scalar {
namespace {
using pillar::scalar;
using pillar::type_of;

std::string text_of(pillar::data_type type, pillar::int128 value) { return to_string(scalar::of_integer(type, value)); }

TEST(column_scalar, decimals_as_text) {
  EXPECT_EQ(text_of(pillar::decimal_type(15, 2), 1250), "12.50");
  EXPECT_EQ(text_of(pillar::decimal_type(15, 2), 5), "0.05");
  EXPECT_EQ(text_of(pillar::decimal_type(15, 2), -5), "-0.05");
  EXPECT_EQ(text_of(pillar::decimal_type(15, 0), -5), "-5");
  EXPECT_EQ(text_of(pillar::decimal_type(38, 38), 1), "0." + std::string(37, '0') + "1");
  EXPECT_EQ(text_of(pillar::decimal_type(38, 0), pillar::int128_min), "-170141183460469231731687303715884105728");
}

TEST(column_scalar, dates_and_timestamps_as_text) {
  EXPECT_EQ(text_of(type_of<pillar::date>, pillar::date(2013, 7, 4).days), "2013-07-04");
  EXPECT_EQ(text_of(type_of<pillar::date>, pillar::date(-44, 3, 15).days), "-0044-03-15");
  EXPECT_EQ(text_of(type_of<pillar::timestamp<pillar::time_unit::second>>, -1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(text_of(type_of<pillar::timestamp<>>, 1), "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(text_of(type_of<pillar::timestamp<pillar::time_unit::nano>>, -1), "1969-12-31T23:59:59.999999999Z");
}

TEST(column_scalar, other_values_as_text) {
  EXPECT_EQ(to_string(scalar::of_null(type_of<int>)), "NULL");
  EXPECT_EQ(text_of(type_of<bool>, 1), "true");
  EXPECT_EQ(to_string(scalar::of_real(type_of<double>, 0.1)), "0.1");
  EXPECT_EQ(to_string(scalar::of_real(type_of<float>, static_cast<double>(0.1f))), "0.1");
  EXPECT_EQ(text_of(type_of<std::uint64_t>, pillar::highest_of(pillar::physical_type::uint64)), "18446744073709551615");
}

TEST(column_scalar, types_as_text) {
  EXPECT_EQ(to_string(type_of<pillar::nullable<pillar::decimal<15, 2>>>), "nullable decimal<15, 2>");
  EXPECT_EQ(to_string(type_of<pillar::timestamp<>>), "timestamp<us>");
  EXPECT_EQ(to_string(type_of<pillar::text>), "text");
  pillar::data_type own = type_of<std::int32_t>;
  own.logical = static_cast<pillar::logical_type>(130);
  EXPECT_EQ(to_string(own), "user type 130");
}

TEST(column_scalar, order_puts_nan_last_and_zeros_together) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const double ascending[] = {-infinity, -1.5, -0.0, 1e-300, 2, infinity, nan};
  for (std::size_t i = 0; i < 7; ++i) {
    for (std::size_t j = 0; j < 7; ++j) {
      const int got =
          compare(scalar::of_real(type_of<double>, ascending[i]), scalar::of_real(type_of<double>, ascending[j]));
      EXPECT_EQ(got < 0, i < j);
      EXPECT_EQ(got == 0, i == j);
    }
  }
  EXPECT_EQ(compare(scalar::of_real(type_of<double>, -0.0), scalar::of_real(type_of<double>, 0.0)), 0);
  EXPECT_LT(compare(scalar::of_text(type_of<pillar::text>, "a"), scalar::of_text(type_of<pillar::text>, "\xC3")), 0);
}

TEST(column_scalar, equality_is_that_of_cells) {
  EXPECT_TRUE(scalar::of_null(type_of<int>) == scalar::of_null(type_of<double>));
  EXPECT_FALSE(scalar::of_null(type_of<int>) == scalar::of_integer(type_of<int>, 0));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(scalar::of_real(type_of<double>, nan) == scalar::of_real(type_of<double>, -nan));
}

TEST(column_scalar, get_reads_every_physical_type) {
  for (unsigned id = 0; id < pillar::physical_type_count; ++id) {
    pillar::vector v;
    v.type.physical = static_cast<pillar::physical_type>(id);
    v.size = 2;
    if (v.type.physical == pillar::physical_type::text) {
      const pillar::text_slot slots[2] = {pillar::text_slot::make_inline("x"), pillar::text_slot::make_inline("yz")};
      v.values = slots;
      EXPECT_EQ(get(v, 1).text, "yz");
    } else if (is_float(v.type.physical)) {
      const float floats[2] = {1.5f, -2.5f};
      const double doubles[2] = {1.5, -2.5};
      v.values = id == 9 ? static_cast<const void*>(floats) : doubles;
      EXPECT_EQ(get(v, 1).real, -2.5);
    } else {
      alignas(16) std::byte raw[32]{};
      const pillar::int128 highest = highest_of(v.type.physical);
      std::memcpy(raw + byte_width(v.type.physical), &highest, byte_width(v.type.physical));
      v.values = raw;
      EXPECT_TRUE(get(v, 0).integer == 0 && get(v, 1).integer == highest) << id;
    }
  }
}

}  // namespace
}  // namespace pillar_test::column_scalar
