// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/parse.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "pillar/base/env.hpp"
#include "pillar/column/scalar.hpp"

namespace pillar_test::column_parse {
namespace {
using pillar::errc;
using pillar::type_of;

/// The value as text again, or the words of the error.
std::string read(std::string_view text, const pillar::data_type& type) {
  const auto value = pillar::parse(text, type);
  return value.ok() ? to_string(*value) : to_string(value.error().code);
}

TEST(column_parse, integers) {
  constexpr auto tiny = type_of<std::int8_t>;
  EXPECT_EQ(read("-128", tiny), "-128");
  EXPECT_EQ(read("007", tiny), "7");
  EXPECT_EQ(read("128", tiny), "arithmetic overflow");
  EXPECT_EQ(read("-1", type_of<std::uint8_t>), "arithmetic overflow");
  EXPECT_EQ(read("18446744073709551615", type_of<std::uint64_t>), "18446744073709551615");
  EXPECT_EQ(read("18446744073709551616", type_of<std::uint64_t>), "arithmetic overflow");
  EXPECT_EQ(read("-9223372036854775808", type_of<std::int64_t>), "-9223372036854775808");
  EXPECT_EQ(read("9223372036854775808", type_of<std::int64_t>), "arithmetic overflow");
  for (const char* bad : {"", " 1", "1 ", "+1", "1.0", "0x1", "1e3", "-", "--1", "NA", "1,000"}) {
    EXPECT_EQ(read(bad, tiny), "parse error") << bad;
  }
  EXPECT_EQ(read(std::string_view("1\0", 2), tiny), "parse error");
}

TEST(column_parse, booleans) {
  EXPECT_EQ(read("true", type_of<bool>), "true");
  EXPECT_EQ(read("0", type_of<bool>), "false");
  for (const char* bad : {"", "2", "TRUE", "yes", "t"}) EXPECT_EQ(read(bad, type_of<bool>), "parse error") << bad;
}

TEST(column_parse, decimals_are_exact_or_refused) {
  const auto money = pillar::decimal_type(5, 2);
  EXPECT_EQ(read("12.5", money), "12.50");
  EXPECT_EQ(read("-.05", money), "-0.05");
  EXPECT_EQ(read("999.99", money), "999.99");
  EXPECT_EQ(read("1.5000", money), "1.50");
  EXPECT_EQ(read("0000001", money), "1.00");
  EXPECT_EQ(read("-0", money), "0.00");
  EXPECT_EQ(read("1.005", money), "arithmetic overflow");
  EXPECT_EQ(read("1000", money), "arithmetic overflow");
  EXPECT_EQ(read("99999999999999999999999999999999999999999999999999", money), "arithmetic overflow");
  for (const char* bad : {"", "-", ".", "1.", "1.5.", "1e2", "+1", "1 ", "-.", "1.x"}) {
    EXPECT_EQ(read(bad, money), "parse error") << bad;
  }
  const auto widest = pillar::decimal_type(38, 0);
  const std::string nines(38, '9');
  EXPECT_EQ(read(nines, widest), nines);
  EXPECT_EQ(read("-" + nines, widest), "-" + nines);
  EXPECT_EQ(read("1" + std::string(38, '0'), widest), "arithmetic overflow");
  EXPECT_EQ(read("0." + std::string(37, '0') + "1", pillar::decimal_type(38, 38)), "0." + std::string(37, '0') + "1");
}

TEST(column_parse, dates_and_timestamps) {
  constexpr auto day = type_of<pillar::date>;
  EXPECT_EQ(read("2013-07-04", day), "2013-07-04");
  EXPECT_EQ(read("0000-02-29", day), "0000-02-29");
  for (const char* bad : {"2013-7-4", "2013-02-29", "2013-13-01", "2013-00-10", "2013-01-00", "2013-01-32",
                          "2013-01-01 ", "13-01-01", "2013/01/01", "", "-013-01-01"}) {
    EXPECT_EQ(read(bad, day), "parse error") << bad;
  }
  constexpr auto second = type_of<pillar::timestamp<pillar::time_unit::second>>;
  constexpr auto micro = type_of<pillar::timestamp<>>;
  constexpr auto nano = type_of<pillar::timestamp<pillar::time_unit::nano>>;
  EXPECT_EQ(read("2013-01-01T10:00:00Z", second), "2013-01-01T10:00:00Z");
  EXPECT_EQ(read("2013-01-01 10:00", second), "2013-01-01T10:00:00Z");
  EXPECT_EQ(read("1969-12-31T23:59:59.5Z", micro), "1969-12-31T23:59:59.500000Z");
  EXPECT_EQ(read("2013-01-01", micro), "2013-01-01T00:00:00Z");
  EXPECT_EQ(read("2013-01-01T10:00:00.5", second), "arithmetic overflow");
  EXPECT_EQ(read("2013-01-01T10:00:00.000", second), "2013-01-01T10:00:00Z");
  EXPECT_EQ(read("2262-04-11T23:47:16.854775807Z", nano), "2262-04-11T23:47:16.854775807Z");
  EXPECT_EQ(read("2262-04-11T23:47:16.854775808Z", nano), "arithmetic overflow");
  for (const char* bad :
       {"2013-01-01T24:00:00Z", "2013-01-01T10:60:00", "2013-01-01T10:00:60", "2013-01-01T10", "2013-01-01Z",
        "2013-01-01T10:00:00+01:00", "2013-01-01T10:00:00ZZ", "2013-01-01T10:00:00.", "2013-01-01T"}) {
    EXPECT_EQ(read(bad, micro), "parse error") << bad;
  }
}

TEST(column_parse, floats) {
  EXPECT_EQ(read("-1.5e3", type_of<double>), "-1500");
  EXPECT_EQ(read("0.1", type_of<float>), "0.1");
  EXPECT_EQ(read("inf", type_of<double>), "inf");
  EXPECT_EQ(read("nan", type_of<double>), "nan");
  EXPECT_EQ(read("1e400", type_of<double>), "arithmetic overflow");
  EXPECT_EQ(read("1e39", type_of<float>), "arithmetic overflow");
  for (const char* bad : {"", ".", "1.5x", " 1", "+1", "e5"})
    EXPECT_EQ(read(bad, type_of<double>), "parse error") << bad;
}

TEST(column_parse, inverts_to_string) {
  pillar::splitmix64 random(4);
  const pillar::data_type types[] = {type_of<std::int16_t>,
                                     type_of<std::int64_t>,
                                     type_of<std::uint64_t>,
                                     pillar::decimal_type(18, 7),
                                     pillar::decimal_type(38, 20),
                                     type_of<pillar::date>,
                                     type_of<pillar::timestamp<pillar::time_unit::milli>>,
                                     type_of<double>};
  for (const auto& type : types) {
    for (int i = 0; i < 2000; ++i) {
      const unsigned shift = static_cast<unsigned>(random.below(64));
      auto bits = static_cast<std::int64_t>(random()) >> shift;
      pillar::scalar value;
      if (is_float(type.physical)) {
        const auto pattern = random();
        double real = 0;
        std::memcpy(&real, &pattern, sizeof real);
        if (real != real) continue;
        value = pillar::scalar::of_real(type, real);
      } else {
        if (type.logical == pillar::logical_type::date) bits %= 700'000;  // years 0 to 3886
        if (type.logical == pillar::logical_type::timestamp) bits %= 60'000'000'000'000;
        if (type.logical == pillar::logical_type::decimal) bits %= 1'000'000'000'000'000'000;
        const auto range = static_cast<pillar::uint128>(highest_of(type.physical)) -
                           static_cast<pillar::uint128>(lowest_of(type.physical));
        const auto wide = static_cast<pillar::int128>(bits);
        value = pillar::scalar::of_integer(
            type,
            wide >= lowest_of(type.physical) && wide <= highest_of(type.physical)
                ? wide
                : lowest_of(type.physical) + static_cast<pillar::int128>(static_cast<pillar::uint128>(wide) % range));
      }
      const auto again = pillar::parse(to_string(value), type);
      ASSERT_TRUE(again.ok() && *again == value) << to_string(type) << " " << to_string(value);
    }
  }
}

}  // namespace
}  // namespace pillar_test::column_parse
