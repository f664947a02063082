// SPDX-License-Identifier: Apache-2.0
#include "pillar/aggregate/detail/moment_rows.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "support/owned_vector.hpp"

namespace pillar_test::aggregate_moment_rows {
namespace {

using pillar::scalar;
using pillar::type_of;
using pillar::vector_kind;
using pillar::detail::integer_rows;
using pillar::detail::narrow_moments;
using pillar::detail::real_rows;

constexpr std::uint16_t some_rows[] = {0, 2, 3};
constexpr std::uint32_t groups[] = {0, 1, 0};

/// The three rows of a vector of four.
pillar::group_rows three_of(const pillar::vector& values, const pillar::vector* second = nullptr) {
  return {&values, second, some_rows, groups, 3, {}};
}

TEST(aggregate_moment_rows, integers_come_from_arrays_and_lists_in_any_width) {
  for (const auto& type : {type_of<std::int8_t>, type_of<std::int32_t>, type_of<std::uint16_t>, type_of<std::int64_t>})
    for (const auto kind : {vector_kind::flat, vector_kind::dictionary}) {
      std::vector<scalar> cells;
      for (const int value : {5, 99, 7, 100}) cells.push_back(scalar::of_integer(type, value));
      const auto x = make_vector(type, cells, kind);
      integer_rows rows;
      narrow_moments sums(false, true, nullptr);
      ASSERT_TRUE(sums.grow(2).ok());
      const auto taken = three_of(x.view);
      const auto load = rows.look(taken);
      ASSERT_TRUE(load.ok());
      EXPECT_GE(*load, 3u * 100 * 100);
      EXPECT_LE(*load, 3u * 128 * 128);
      rows.add_to(sums, taken);
      EXPECT_EQ(sums.field(0, 0), 2);
      EXPECT_EQ(sums.field(0, 1), 105);
      EXPECT_EQ(sums.field(0, 2), 25 + 10000);
      EXPECT_EQ(sums.field(1, 1), 7);
    }
}

TEST(aggregate_moment_rows, two_inputs_of_two_widths) {
  std::vector<scalar> cells, others;
  for (const int value : {-5, 99, 7, -100}) {
    cells.push_back(scalar::of_integer(type_of<std::int32_t>, value));
    others.push_back(scalar::of_integer(type_of<std::int64_t>, -2 * value));
  }
  const auto x = make_vector(type_of<std::int32_t>, cells), y = make_vector(type_of<std::int64_t>, others);
  integer_rows rows;
  narrow_moments sums(true, false, nullptr);
  ASSERT_TRUE(sums.grow(2).ok());
  const auto taken = three_of(x.view, &y.view);
  ASSERT_TRUE(rows.look(taken).ok());
  rows.add_to(sums, taken);
  EXPECT_EQ(sums.field(0, 1), -105);
  EXPECT_EQ(sums.field(0, 2), 210);
  EXPECT_EQ(sums.field(0, 3), -2 * (25 + 10000));
}

/// How many of the values are outside of `place`.
std::uint32_t outside(const std::vector<double>& values, std::uint16_t place, std::uint16_t* chosen = nullptr) {
  const pillar::vector view = view_of(type_of<double>, values);
  std::vector<std::uint16_t> numbers(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) numbers[i] = static_cast<std::uint16_t>(i);
  const std::vector<std::uint32_t> of(values.size());
  real_rows rows;
  const pillar::group_rows taken{&view, nullptr, numbers.data(), of.data(), view.size, {}};
  EXPECT_TRUE(rows.look(taken).ok());
  for (std::uint32_t i = 0; i < view.size; ++i) EXPECT_EQ(rows.bits(i), std::bit_cast<std::uint64_t>(values[i]));
  if (chosen != nullptr) *chosen = rows.choose_place();
  return rows.count_outside(chosen != nullptr ? *chosen : place);
}

TEST(aggregate_moment_rows, a_place_ends_where_it_says) {
  constexpr std::uint16_t place = 1000;
  const double least = std::ldexp(1.0, place - 1023), above = std::ldexp(1.0, place + real_rows::powers - 1023);
  EXPECT_EQ(outside({0, -0.0, least, -least, std::nextafter(above, 0), -std::nextafter(above, 0)}, place), 0u);
  EXPECT_EQ(outside({std::nextafter(least, 0), above, -above, 1e-310, 0}, place), 4u);
  constexpr double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(outside({infinite, -infinite, std::numeric_limits<double>::quiet_NaN(), least}, place), 3u);
}

TEST(aggregate_moment_rows, a_place_suits_most_of_what_is_to_come) {
  constexpr double most = std::numeric_limits<double>::max();
  constexpr double infinite = std::numeric_limits<double>::infinity();
  for (const double greatest : {1.0, 99.99, 3e-200, 1e300, most}) {
    std::uint16_t place = 0;
    EXPECT_EQ(outside({greatest / 2, -greatest, std::ldexp(greatest, -27), 0}, 0, &place), 0u) << greatest;
    if (greatest != most) EXPECT_EQ(outside({2 * greatest}, place), 0u) << greatest;
    EXPECT_EQ(outside({infinite, greatest}, 0, &place), 1u) << greatest;
  }
  std::uint16_t place = 1;
  outside({0, 0}, 0, &place);
  EXPECT_EQ(place, 0);
  outside({1e-305}, 0, &place);  // of what is smaller than the smallest there is no room
  EXPECT_EQ(place, 0);
}

TEST(aggregate_moment_rows, floats_and_lists_become_doubles) {
  std::vector<scalar> cells;
  for (const float value : {0.5f, 9.0f, -1.25f, 3.0f}) cells.push_back(scalar::of_real(type_of<float>, value));
  for (const auto kind : {vector_kind::flat, vector_kind::run_end}) {
    const auto x = make_vector(type_of<float>, cells, kind);
    real_rows rows;
    ASSERT_TRUE(rows.look(three_of(x.view)).ok());
    EXPECT_EQ(std::bit_cast<double>(rows.bits(0)), 0.5);
    EXPECT_EQ(std::bit_cast<double>(rows.bits(1)), -1.25);
    EXPECT_EQ(std::bit_cast<double>(rows.bits(2)), 3.0);
  }
}

}  // namespace
}  // namespace pillar_test::aggregate_moment_rows
