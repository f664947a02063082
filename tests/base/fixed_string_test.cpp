// SPDX-License-Identifier: Apache-2.0
#include "pillar/base/fixed_string.hpp"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace pillar_test::base_fixed_string {
namespace {

using pillar::fixed_string;

template <fixed_string Name>
struct named {
  static constexpr auto name = Name;
};
static_assert(named<"total">::name.view() == "total");
static_assert(named<"">::name.view().empty());
static_assert(fixed_string("abc") == fixed_string("abc") && !(fixed_string("abc") == fixed_string("abcd")));
static_assert(std::is_same_v<named<"a">, named<"a">> && !std::is_same_v<named<"a">, named<"b">>);

TEST(base_fixed_string, is_a_template_argument) {
  EXPECT_EQ(std::string(named<"order_date">::name.view()), "order_date");
}

}  // namespace
}  // namespace pillar_test::base_fixed_string
