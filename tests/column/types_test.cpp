// SPDX-License-Identifier: Apache-2.0
#include "pillar/column/types.hpp"

#include <gtest/gtest.h>

namespace pillar_test::column_types {
namespace {

TEST(column_types, dates_agree_with_a_calendar_that_counts_day_by_day) {
  int year = 1970;
  unsigned month = 1, day = 1;
  for (std::int32_t days = 0; days <= 1'000'000; ++days) {
    const auto civil = pillar::date::from_days(days).to_civil();
    ASSERT_TRUE(civil.year == year && civil.month == month && civil.day == day) << days;
    ASSERT_EQ(pillar::date(year, month, day).days, days);
    if (++day > pillar::date::days_in_month(year, month)) {
      day = 1;
      if (++month > 12) month = 1, ++year;
    }
  }
  year = 1970, month = 1, day = 1;
  for (std::int32_t days = 0; days >= -1'000'000; --days) {
    const auto civil = pillar::date::from_days(days).to_civil();
    ASSERT_TRUE(civil.year == year && civil.month == month && civil.day == day) << days;
    ASSERT_EQ(pillar::date(year, month, day).days, days);
    if (--day == 0) {
      if (--month == 0) month = 12, --year;
      day = pillar::date::days_in_month(year, month);
    }
  }
}

TEST(column_types, known_days) {
  static_assert(pillar::date(1970, 1, 1).days == 0);
  static_assert(pillar::date(2000, 2, 29).days == 11016);
  static_assert(pillar::date(2013, 7, 4).days == 15890);
  static_assert(pillar::date(1969, 12, 31).days == -1);
  static_assert(pillar::date(0, 1, 1).days == -719528);
  static_assert(!pillar::date::leap_year(1900) && pillar::date::leap_year(2000) && !pillar::date::leap_year(2013));
  static_assert(pillar::timestamp<pillar::time_unit::second>(pillar::date(2013, 1, 1), 10, 0).ticks == 1357034400);
  static_assert(pillar::timestamp<>(pillar::date(1970, 1, 2), 0, 0, 1).ticks == 86'401'000'000);
}

TEST(column_types, decimals_choose_their_physical_type_by_precision) {
  static_assert(sizeof(pillar::decimal<18, 2>) == 8 && sizeof(pillar::decimal<19, 2>) == 16);
  static_assert(pillar::type_of<pillar::decimal<18, 2>>.physical == pillar::physical_type::int64);
  static_assert(pillar::type_of<pillar::decimal<19, 2>>.physical == pillar::physical_type::integer128);
  static_assert(pillar::type_of<pillar::decimal<15, 2>>.scale == 2);
  EXPECT_EQ(pillar::decimal_type(15, 2), (pillar::type_of<pillar::decimal<15, 2>>));
}

TEST(column_types, nullability_is_not_part_of_the_values) {
  constexpr auto plain = pillar::type_of<std::int32_t>;
  constexpr auto maybe = pillar::type_of<pillar::nullable<std::int32_t>>;
  static_assert(plain != maybe && same_values(plain, maybe) && maybe.nullable && !plain.nullable);
  static_assert(!same_values(plain, pillar::type_of<pillar::date>));  // equal physical types, other meaning
}

TEST(column_types, widths_limits_and_dispatch_agree) {
  for (unsigned id = 0; id < pillar::physical_type_count; ++id) {
    const auto type = static_cast<pillar::physical_type>(id);
    if (type == pillar::physical_type::text) continue;
    const std::size_t width = pillar::visit_fixed_width(type, []<class T>() { return sizeof(T); });
    EXPECT_EQ(width, byte_width(type)) << id;
    if (!is_integer(type) || type == pillar::physical_type::boolean) continue;
    const auto limits = pillar::visit_fixed_width(type, []<class T>() {
      if constexpr (pillar::integer<T>) return std::pair(pillar::lowest_of<T>(), pillar::highest_of<T>());
      else return std::pair(pillar::int128{0}, pillar::int128{0});
    });
    EXPECT_TRUE(limits.first == lowest_of(type) && limits.second == highest_of(type)) << id;
  }
  EXPECT_TRUE(highest_of(pillar::physical_type::boolean) == 1);
  EXPECT_EQ(byte_width(pillar::physical_type::text), 16u);
}

}  // namespace
}  // namespace pillar_test::column_types
